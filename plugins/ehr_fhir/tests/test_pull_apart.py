"""One that the server cannot give waits apart: the others come, and what works with them is not given up."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from fhirlab.proxy import Reply
from fhirlab.pulls import Pull, keys, office, visit, whole
from hub_ehr_fhir.connect.http import Call
from hub_ehr_fhir.discover.offered import STATE, decode, encode
from hub_ehr_fhir.pull.cursors import decoded
from test_pull_patients import following, mention, of, practice, visits


def single(pull: Pull) -> Pull:
    """The same at a server that takes no lists and no includes."""
    known = decode(pull.saved[STATE])
    assert known is not None
    abilities = {
        kind: msgspec.structs.replace(
            one,
            found={
                each: "refused" if each.endswith(",") or "=" in each else how for each, how in one.found.items()
            },
        )
        for kind, one in known.abilities.items()
    }
    pull.saved[STATE] = encode(msgspec.structs.replace(known, abilities=abilities))
    return pull


def failing(pull: Pull, mark: str, status: int) -> None:
    """Every call whose address has `mark` is answered by that status."""
    pull.fake.before = lambda path: Reply(status, {}, b"") if mark in path else None


def works(pull: Pull, kind: str, feature: str) -> bool:
    """Whether a search is still counted on."""
    known = decode(pull.saved[STATE])
    assert known is not None
    return known.of(kind).verdict(feature) == "works"


@pytest.mark.parametrize("status", [500, 400])
def test_a_patient_whose_visits_cannot_be_listed(status: int) -> None:
    """The other patients come; this one is asked for again, and comes when the server can."""
    pull = practice(patients="Group/g")
    failing(pull, "/Encounter?patient=p1&", status)
    pull.run()
    assert visits(pull) == of(0, 2)
    assert [one.unit for one in decoded(pull.cursor).late] == ["Visits/p1"]
    assert works(pull, "Encounter", "patient")
    pull.fake.before = lambda _path: None
    pull.later(minutes=3)
    pull.run()
    assert visits(pull) == of(0, 1, 2)


@pytest.mark.parametrize("seconds", [20, 45])
def test_a_list_that_takes_long(seconds: int) -> None:
    """However long a patient's list takes, it is read page by page, over several calls, and nobody waits."""
    pull = practice(patients="Group/g")
    pull.fake.put(*(one for n in range(20, 26) for one in visit(n, "p1")))
    gone = [0.0]

    def slow(call: Call) -> None:
        long = call.url == "Encounter" and dict(call.params or {}).get("patient") == "p1"
        gone[0] += seconds if long or "_page" in call.url else 0.1

    pull.hook, pull.tick = slow, lambda: gone[0]
    pull.run()
    assert visits(pull) == sorted([*of(0, 1, 2), *(whole(n, "p1") for n in range(20, 26))])


@pytest.mark.parametrize("status", [400, 404])
def test_a_search_refused_for_one(status: int) -> None:
    """A search that the server refuses for one patient alone is not given up: the others come by it."""
    pull = single(Pull())
    for name in ("p1", "p2", "p3"):
        pull.fake.put(*office(name), *visit(int(name[1]), name))
    failing(pull, "/Coverage?patient=p2", status)
    pull.run()
    assert sorted(keys(pull.said)) == sorted([whole(1, "p1"), whole(3, "p3")])
    assert works(pull, "Coverage", "patient")
    assert [one.unit for one in decoded(pull.cursor).late] == ["Encounter/e2"]


def test_a_search_refused_for_all() -> None:
    """A search that is refused for one after the other is given up, and what can be had otherwise comes."""
    pull = single(Pull())
    for name in ("p1", "p2", "p3"):
        pull.fake.put(*office(name), *visit(int(name[1]), name))
    failing(pull, "/Coverage?patient=", 400)
    pull.run()
    pull.later(minutes=3)
    pull.run()
    assert not works(pull, "Coverage", "patient")
    assert sorted(keys(pull.said)) == sorted(whole(int(name[1]), name) for name in ("p1", "p2", "p3"))


@pytest.mark.parametrize("status", [400, 500])
def test_a_mention_that_cannot_be_searched(status: int) -> None:
    """Driven by another connector: a number that the server chokes on keeps no other from being searched."""
    told: list[Any] = [mention(1, mrn="M-bad"), mention(2, mrn="M-p1")]
    pull = following(*told)
    failing(pull, "M-bad", status)
    pull.run()
    assert visits(pull) == [whole(2, "p1"), whole(3, "p1")]
    assert len(decoded(pull.cursor).waiting) == 1
    assert works(pull, "Patient", "identifier")


def test_told_of_again() -> None:
    """Who waits long already is asked for at once when they are told of again."""
    pull = following(mention(1, mrn="M-late"))
    for _ in range(6):
        pull.later(hours=2)
        pull.run()
    pull.fake.put(*visit(90, "p9"), {**office("p9")[0], "identifier": [{"system": "urn:m", "value": "M-late"}]})
    pull.later(minutes=5)
    assert pull.run() == []
    pull.mentions["hl7"].append(mention(1, mrn="M-late"))
    pull.run()
    assert any("Encounter/e90" in one for one in visits(pull))


def test_a_visit_that_is_not_finished() -> None:
    """Driven by another connector: a visit that was found before it ended is asked for again until it is
    finished, and later still for late charges, without a new mention; what did not change gives no message.
    """
    pull = following(mention(1, visit_number="V1"), visit_systems=("urn:visit",))
    number = {"identifier": [{"system": "urn:visit", "value": "V1"}]}
    pull.fake.put(visit(0, "p0", status="in-progress", **number)[0])
    assert keys(pull.run()) == [whole(0, "p0")]
    for _ in range(8):
        pull.later(hours=6)
        assert pull.run() == []
    pull.fake.put(visit(0, "p0", **number)[0])
    pull.later(hours=6, minutes=1)
    assert keys(pull.run()) == [whole(0, "p0")]
    pull.fake.put({**visit(0, "p0")[2], "id": "late"})
    pull.later(hours=1, minutes=1)
    assert "ChargeItem/late" in keys(pull.run())[0]


def _reads(pull: Pull, kind: str) -> list[str]:
    """The calls for single resources of a type, or several of them by their ids."""
    return [one for one in pull.fake.asked if f"/{kind}/" in one or f"/{kind}?_id=" in one]


def test_several_are_read_by_one_search() -> None:
    """References of one type are read by one search of their ids; one that does not come so is asked for alone."""
    pull = Pull(but=tuple(f"Encounter _{way}include=Encounter:practitioner" for way in ("", "rev")))
    clinicians = [{"resourceType": "Practitioner", "id": f"d{n}"} for n in range(2, 7)]
    who = [{"individual": {"reference": f"Practitioner/d{n}"}} for n in range(1, 8)]
    pull.fake.put(*office(), *clinicians, *visit(1, participant=who))
    pull.run()
    told = keys(pull.said)[0]
    assert [one for one in told if one.startswith("Practitioner/")] == [f"Practitioner/d{n}" for n in range(1, 7)]
    lists, alone = _reads(pull, "Practitioner")
    assert lists.count(",") == 6
    assert alone.endswith("/Practitioner/d7")


def test_lists_are_refused() -> None:
    """A server that refuses a list of ids from one day on is asked for one after the other, and the same comes."""
    pull = Pull()
    pull.fake.put(*office(), *visit(1), *visit(2))
    whole_lists = pull.run()
    other = Pull()
    other.fake.put(*office(), *visit(1), *visit(2))
    other.fake.before = lambda path: Reply(400, {}, b"") if "_id=" in path and "," in path else None
    assert [one.body for one in other.run()] == [one.body for one in whole_lists]
