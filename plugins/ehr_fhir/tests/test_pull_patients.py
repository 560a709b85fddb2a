"""Patient by patient, and driven by another connector: for servers that cannot say what changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fhirlab.fake import START, FakeFhir
from fhirlab.proxy import Reply
from fhirlab.pulls import Killed, Pull, keys, office, standing, visit, whole
from hub_ehr_fhir.pull.cursors import decoded

from hub.clock import TurnedClock
from hub.errors import Misconfigured
from hub.model.people import Identifier
from hub.plugin.api import Mention

PEOPLE = [f"p{n}" for n in range(5)]
GROUP = {
    "resourceType": "Group", "id": "g",
    "member": [{"entity": {"reference": f"Patient/{name}"}} for name in PEOPLE[:3]],
}  # fmt: skip


def practice(**more: Any) -> Pull:
    """A server with five patients, two visits each."""
    pull = Pull(FakeFhir(TurnedClock(START)), strategy=more.pop("strategy", "patients"), page_size=2, **more)
    for n, name in enumerate(PEOPLE):
        pull.fake.put(*office(name), *visit(2 * n, name), *visit(2 * n + 1, name))
    pull.fake.put(GROUP)
    return pull


def visits(pull: Pull) -> list[list[str]]:
    """What was told, sorted."""
    return sorted(keys(pull.said))


def of(*people: int) -> list[list[str]]:
    """The messages of the visits of some patients."""
    return sorted(whole(2 * n + k, f"p{n}") for n in people for k in (0, 1))


def test_every_patient() -> None:
    """Without a list each patient that the server lists is gone through, page by page."""
    pull = practice()
    pull.run()
    assert visits(pull) == of(0, 1, 2, 3, 4)


def test_a_group() -> None:
    """Only the members of the Group that the settings name are asked for."""
    pull = practice(patients="Group/g")
    pull.run()
    assert visits(pull) == of(0, 1, 2)


def test_a_file(tmp_path: Path) -> None:
    """A file names patients, one a line; empty lines, remarks and repeats do not matter."""
    path = tmp_path / "ids"
    path.write_text("p1\n\n# of the east side\nPatient/p4\np1\n", encoding="utf-8")
    pull = practice(patients=f"file:{path}")
    pull.run()
    assert visits(pull) == of(1, 4)


def test_no_such_list(tmp_path: Path) -> None:
    """A file or a Group that is not there is told to a person, without the file's contents."""
    for patients in (f"file:{tmp_path / 'none'}", "Group/none"):
        with pytest.raises(Misconfigured, match=r"patients|Group"):
            practice(patients=patients).run()


def test_round_by_round() -> None:
    """A round through all is begun once in `patients_hours`; it brings what is new and what changed, and no more."""
    pull = practice(patients="Group/g", patients_hours=6)
    pull.run()
    pull.later(hours=3)
    pull.fake.put(*visit(90, "p1"), visit(2, "p1")[1])
    assert pull.run() == []
    pull.later(hours=4)
    assert sorted(keys(pull.run())) == sorted([whole(90, "p1"), whole(2, "p1")])


def test_old_visits() -> None:
    """Visits that were over before the first day are not fetched; later rounds look back some days only."""
    pull = practice(patients="Group/g", since="2026-03-02")
    old = {"period": {"start": "2025-01-05T09:00:00Z", "end": "2025-01-05T10:00:00Z"}}
    pull.fake.put(visit(50, "p1", **old)[0], at=START - timedelta(days=400))
    pull.run()
    assert visits(pull) == of(0, 1, 2)
    assert not any("e50" in path for path in pull.fake.asked)


@pytest.mark.parametrize("at", range(1, 40, 5))
def test_killed_in_the_middle(at: int) -> None:
    """A round that was killed goes on where it stood, with nobody left out."""
    pull = practice(patients="Group/g")
    ticks = iter(range(10**6))
    pull.tick = lambda: next(ticks) * 0.4

    def kill(_call: object) -> None:
        if pull.calls == at:
            raise Killed

    pull.hook = kill  # type: ignore[assignment]
    pull.run_on()
    assert visits(pull) == of(0, 1, 2)
    assert standing(pull.said) == {key: pull.fake.held[key] for key in standing(pull.said)}


def test_neighbours_by_patient() -> None:
    """What belongs to a patient is asked for once, not once for each of their visits."""
    pull = practice(patients="Group/g")
    pull.run()
    asked = [path for path in pull.fake.asked if "/Condition?" in path or "/ChargeItem?" in path]
    assert all("encounter=" not in path and "context=" not in path for path in asked)
    assert len(asked) <= 6


def mention(
    n: int, *, visit_number: str = "", mrn: str = "", account: str = "", kind: str = "encounter"
) -> Mention:
    """What another connector says that there is."""
    return Mention(
        kind=kind, key=visit_number or f"k{n}", at=START, account=account,
        started_at=datetime(2026, 3, 2, 9, tzinfo=START.tzinfo),
        identifiers=(Identifier(authority="MR", value=mrn),) if mrn else (),
    )  # fmt: skip


def following(*mentions: Mention, **more: Any) -> Pull:
    """A pull that follows another connector."""
    pull = practice(strategy="follow", **more)
    pull.follows, pull.mentions = ("hl7",), {"hl7": list(mentions)}
    return pull


def test_by_visit_number() -> None:
    """A visit is found by its number, in the system that the settings name."""
    pull = following(mention(1, visit_number="V1"), visit_systems=("urn:visit",))
    pull.fake.put(visit(0, "p0", identifier=[{"system": "urn:visit", "value": "V1"}])[0])
    pull.fake.put(visit(1, "p0", identifier=[{"system": "urn:order", "value": "V1"}])[0])
    pull.run()
    assert visits(pull) == [whole(0, "p0")]


def test_by_account() -> None:
    """A visit without a number that the server knows is found by its account."""
    pull = following(mention(1, account="A9"))
    account = {
        "resourceType": "Account", "id": "a9", "identifier": [{"system": "urn:acct", "value": "A9"}],
        "subject": [{"reference": "Patient/p2"}],
    }  # fmt: skip
    pull.fake.put(account, visit(4, "p2", account=[{"reference": "Account/a9"}])[0])
    pull.run()
    assert visits(pull) == [sorted(["Account/a9", *whole(4, "p2")])]


def test_by_patient_and_day() -> None:
    """Else the patient's visits around that day come."""
    pull = following(mention(1, mrn="M-p3"))
    far = {"period": {"start": "2026-02-01T09:00:00Z"}}
    pull.fake.put(visit(7, "p3", **far)[0])
    pull.run()
    assert visits(pull) == [whole(6, "p3")]


def test_a_patient() -> None:
    """A patient who was told of comes with all their visits."""
    pull = following(mention(1, mrn="M-p3", kind="patient"))
    pull.run()
    assert [one for one in visits(pull) if "Encounter/" in str(one)] == of(3)


def test_a_number_of_several() -> None:
    """A number that several bear, in systems that nobody named, is nobody's."""
    pull = following(mention(1, visit_number="V1"))
    for n in (0, 2):
        pull.fake.put(visit(n, "p0", identifier=[{"system": f"urn:{n}", "value": "V1"}])[0])
    pull.run()
    assert visits(pull) == []


def test_not_there_yet() -> None:
    """A visit that the server does not have yet is asked for again, and comes when it has it."""
    pull = following(mention(1, visit_number="V1"), follow_hours=10)
    pull.run()
    pull.later(hours=1)
    pull.run()
    assert decoded(pull.cursor).waiting[0].tries == 2
    pull.fake.put(visit(8, "p4", identifier=[{"system": "urn:v", "value": "V1"}])[0])
    pull.later(hours=4)
    pull.run()
    assert visits(pull) == [whole(8, "p4")]
    assert decoded(pull.cursor).waiting == []


def test_never_there() -> None:
    """After `follow_hours` it is given up."""
    pull = following(mention(1, visit_number="V1"), follow_hours=3)
    for _ in range(10):
        pull.run()
        pull.later(hours=1)
    assert decoded(pull.cursor).waiting == []


def test_followed_while_the_server_is_away() -> None:
    """What was told while the server was away is not lost, and is not heard twice."""
    pull = following(mention(1, mrn="M-p3"), mention(2, mrn="M-p1"))
    pull.fake.before = lambda path: Reply(503, {}, b"") if pull.calls < 6 else None
    pull.run_on()
    pull.later(minutes=3)
    pull.run_on()
    assert visits(pull) == sorted([whole(6, "p3"), whole(7, "p3"), whole(2, "p1"), whole(3, "p1")])
    assert decoded(pull.cursor).positions == {"hl7": "2"}


def test_values_stay_inside() -> None:
    """Neither the cursor's repr nor a log line shows a number of a patient."""
    pull = following(mention(1, mrn="SECRET77"))
    pull.run()
    assert "SECRET77" not in repr(decoded(pull.cursor))
