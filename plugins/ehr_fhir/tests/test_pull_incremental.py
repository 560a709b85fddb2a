"""What changed since the last look: every encounter with all that billing needs, once, whatever the clocks do."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace

import msgspec
import pytest
from fhirlab.fake import START, Direct, FakeFhir
from fhirlab.proxy import Reply
from fhirlab.pulls import Pull, keys, office, standing, visit, whole
from hub_ehr_fhir.connect.http import Call
from hub_ehr_fhir.pull.cursors import decoded
from hub_ehr_fhir.pull.pulling import Pulling
from hub_ehr_fhir.settings import FhirSettings
from hub_ehr_fhir.source import changes_of

from hub.clock import TurnedClock
from hub.errors import Misconfigured, RetryLater
from hub.plugin.api import Changes, Errand
from hub.testing.fakes import FakeContext

NO_INCLUDES = tuple(
    f"Encounter _{way}" for way in (
        "include=Encounter:patient", "include=Encounter:practitioner", "include=Encounter:location",
        "include=Encounter:service-provider", "include=Encounter:account", "revinclude=Condition:encounter",
        "revinclude=Procedure:encounter", "revinclude=ChargeItem:context",
    )
)  # fmt: skip
NO_LISTS = tuple(
    f"{kind} {way}," for kind in ("Encounter", "Condition", "Procedure") for way in ("_id", "encounter")
)


@pytest.fixture
def pull() -> Pull:
    """A server with two visits of one patient."""
    pull = Pull()
    pull.fake.put(*office(), *visit(1), *visit(2))
    return pull


def test_one_message_per_encounter(pull: Pull) -> None:
    """Each encounter is one message with all its neighbours, and with nothing that leads away from the visit."""
    assert keys(pull.run()) == [whole(1), whole(2)]


@pytest.mark.parametrize("but", [(), NO_INCLUDES, (*NO_INCLUDES, *NO_LISTS)])
def test_however_it_is_asked(but: tuple[str, ...]) -> None:
    """The messages are the same bytes with includes, with lists of values, and with neither."""
    pull = Pull(but=but)
    pull.fake.put(*office(), *visit(1), *visit(2))
    plain = Pull()
    plain.fake.put(*office(), *visit(1), *visit(2))
    assert [one.body for one in pull.run()] == [one.body for one in plain.run()]
    assert any("_include" in path for path in pull.fake.asked) == (not but)


def test_bytes_are_the_servers() -> None:
    """A resource's bytes are those that the server wrote: spaces, escapes and digits of amounts stay."""
    pull = Pull()
    pull.fake.put(*office(), *visit(1))
    odd = b'{"resourceType" : "Patient","id":"p1",\n "x\\u00e9":12.30}'
    pull.fake.before = lambda path: Reply(200, {}, odd) if "Patient/p1" in path else None
    pull.fake.held.pop("Patient/p1")
    assert odd in pull.run()[0].body


def test_nothing_new(pull: Pull) -> None:
    """What was taken is not given again by the next look, though its overlap finds it again."""
    pull.run()
    pull.later(minutes=5)
    before = pull.calls
    assert pull.run() == []
    assert pull.calls > before
    assert not any("_id=" in path for path in pull.fake.asked[-(pull.calls - before) :])


def test_waits_between_looks(pull: Pull) -> None:
    """Before `every_seconds` are over nobody is asked, and the source says until when; one that asks says nothing."""
    pull.run()
    before, wait = pull.calls, timedelta(seconds=pull.settings.pull.every_seconds)
    assert pull.run() == []
    assert pull.calls == before
    found = pull.born()[0].changes(pull.cursor)
    assert (found.messages, found.due) == ((), pull.clock.now() + wait)
    idle = SimpleNamespace(changes=lambda _cursor: Changes(messages=()))
    left = SimpleNamespace(changes=lambda _cursor: found)
    assert changes_of({"drop": idle, "pull": left}, "").due == found.due
    pull.clock.turn(wait)
    assert pull.born()[0].changes(pull.cursor).due is None


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_a_changed_neighbour(pull: Pull, which: int) -> None:
    """A changed encounter, diagnosis, charge or procedure brings its encounter again, whole, and no other."""
    pull.run()
    pull.later(hours=1)
    pull.fake.put(visit(2)[which])
    assert keys(pull.run()) == [whole(2)]


def test_a_new_charge(pull: Pull) -> None:
    """What is added to an encounter later brings it again with the addition."""
    pull.run()
    pull.later(hours=1)
    late = {**visit(1)[2], "id": "i9"}
    pull.fake.put(late)
    assert keys(pull.run()) == [sorted([*whole(1), "ChargeItem/i9"])]


def test_what_belongs_to_a_patient(pull: Pull) -> None:
    """A changed coverage brings the patient with coverages and payers, without asking for each visit."""
    pull.run()
    pull.later(hours=1)
    pull.fake.put(office()[1])
    assert keys(pull.run()) == [["Coverage/v-p1", "Organization/payer", "Patient/p1"]]


def test_strangers_stay_away(pull: Pull) -> None:
    """A patient without a visit since the first day is nobody's business here."""
    pull.run()
    pull.later(hours=1)
    pull.fake.put(*office("p9")[:2])
    assert pull.run() == []


def test_directory(pull: Pull) -> None:
    """A practitioner that changed comes alone, for the visits that lack it."""
    pull.run()
    pull.later(hours=1)
    pull.fake.put(office()[2])
    assert keys(pull.run()) == [["Practitioner/d1"]]


def test_shared_by_etag() -> None:
    """A practitioner or payer is asked for once a look, and in the next one by If-None-Match."""
    pull = Pull(but=NO_INCLUDES)
    pull.fake.put(*office(), *(one for n in range(40) for one in visit(n)))
    pull.run()
    assert sum("Practitioner/d1" in path for path in pull.fake.asked) == 1
    pull.later(hours=2)
    pull.fake.put(visit(7)[1])
    etags = []
    pull.hook = lambda call: etags.append(call.etag) if call.url == "Practitioner/d1" else None
    assert keys(pull.run()) == [whole(7)]
    assert len(etags) == 1
    assert etags[0]


def test_deletions(pull: Pull) -> None:
    """What was deleted is told once, from the history, and the encounter's deletion too."""
    pull.run()
    pull.later(hours=1)
    pull.fake.delete("ChargeItem/i1")
    pull.fake.delete("Encounter/e2")
    assert sorted(keys(pull.run())) == [["-ChargeItem/i1"], ["-Encounter/e2"]]
    pull.later(minutes=3)
    assert pull.run() == []


def test_deleted_before_the_first_look(pull: Pull) -> None:
    """What was sent to the hub before it looked for the first time, and deleted before that too, is told as deleted;
    where nothing is sent there is nothing to ask for."""
    pull.fake.delete("ChargeItem/i1")
    pull.later(hours=3)
    quiet = Pull(pull.fake)
    push = {"token": "env:PUSH"}
    pull.settings = FhirSettings.model_validate({**pull.settings.model_dump(by_alias=True), "push": push})
    for one in (pull, quiet):
        one.run()
        one.later(minutes=3)
    assert keys(pull.run()) == [["-ChargeItem/i1"]]
    assert quiet.run() == []


def test_gone_when_read() -> None:
    """Without a history a resource that answers 410 when it is fetched is told as deleted."""
    pull = Pull(but=tuple(f"{kind} _history" for kind in ("Encounter", "ChargeItem", "Condition")))
    pull.fake.put(*office(), *visit(1), *visit(2))
    pull.run()
    pull.later(hours=1)
    pull.fake.put(visit(2)[1])
    pull.fake.delete("Encounter/e2")
    assert keys(pull.run()) == [["-Encounter/e2"]]


def test_came_back(pull: Pull) -> None:
    """A resource that is deleted, made again and deleted again is told of each time."""
    pull.run()
    told = []
    for _ in range(2):
        pull.later(hours=1)
        pull.fake.delete("ChargeItem/i1")
        told += keys(pull.run())
        pull.later(hours=1)
        pull.fake.put(visit(1)[2])
        told += keys(pull.run())
    assert told == [["-ChargeItem/i1"], whole(1)] * 2


def test_committed_late(pull: Pull) -> None:
    """A resource that becomes visible after a look, with a time before it, is found by the overlap."""
    pull.run()
    pull.later(minutes=5)
    pull.run()
    pull.fake.put(*visit(3), at=pull.clock.now() - timedelta(minutes=9))
    pull.later(minutes=1, seconds=1)
    assert keys(pull.run()) == [whole(3)]


@pytest.mark.parametrize("hours", [-30, -1, 0.01, 1, 30])
def test_clock_of_the_server(hours: float) -> None:
    """A server whose clock is ahead or behind loses nothing, and nothing comes twice: its own time counts."""
    pull = Pull()
    pull.fake.skew = timedelta(hours=hours)
    pull.fake.put(*office(), *visit(1))
    assert keys(pull.run()) == [whole(1)]
    for n in (2, 3):
        pull.later(minutes=20)
        pull.fake.put(*visit(n))
        pull.later(minutes=20)
        assert keys(pull.run()) == [whole(n)]


@pytest.mark.parametrize("hours", [-3, 3])
def test_clock_that_is_set(hours: float) -> None:
    """A server's clock that is set right between two looks hides nothing that was stored in between."""
    pull = Pull()
    pull.fake.skew = timedelta(hours=hours)
    pull.fake.put(*office(), *visit(1))
    pull.run()
    pull.later(minutes=20)
    pull.fake.put(*visit(2))
    pull.fake.skew = timedelta()
    pull.fake.put(*visit(3))
    pull.later(minutes=20)
    assert sorted(keys(pull.run())) == [whole(2), whole(3)]
    pull.later(minutes=20)
    pull.fake.put(*visit(4))
    assert keys(pull.run()) == [whole(4)]


def test_one_that_fails_alone(pull: Pull) -> None:
    """An encounter that the server cannot give waits, the others come, and it comes when it can be had."""
    sick = Reply(500, {}, b"")
    pull.fake.before = lambda path: sick if "i1" in path or "e1" in path else None
    pull = _without_lists(pull)
    assert keys(pull.run()) == [whole(2)]
    assert decoded(pull.cursor).late[0].unit == "Encounter/e1"
    pull.fake.before = lambda _path: None
    assert pull.run() == []
    pull.later(minutes=2)
    assert keys(pull.run()) == [whole(1)]
    assert decoded(pull.cursor).late == []


def _without_lists(pull: Pull) -> Pull:
    return Pull(pull.fake, but=(*NO_INCLUDES, *NO_LISTS))


def test_a_server_that_is_away(pull: Pull) -> None:
    """Where the server itself fails, the call says so, nothing is lost and nothing waits alone."""
    pull.fake.before = lambda _path: Reply(503, {}, b"")
    with pytest.raises(RetryLater):
        pull.run()
    pull.fake.before = lambda _path: None
    assert keys(pull.run()) == [whole(1), whole(2)]


def test_told_to_wait(pull: Pull) -> None:
    """Retry-After ends the call with that wait; what was fetched before is kept."""
    pull.fake.before = lambda path: Reply(429, {"retry-after": "77"}, b"") if "Coverage" in path else None
    with pytest.raises(RetryLater) as told:
        pull.run()
    assert told.value.after_seconds == 77
    pull.fake.before = lambda _path: None
    assert keys(pull.run()) == [whole(1), whole(2)]


def test_no_longer_allowed(pull: Pull) -> None:
    """A search that becomes forbidden stops the pull and tells a person, rather than bring encounters without it."""
    pull.fake.before = lambda path: Reply(403, {}, b"") if "Coverage" in path else None
    with pytest.raises(Misconfigured):
        pull.run()
    assert pull.said == []


def test_a_search_that_is_refused(pull: Pull) -> None:
    """A search that worked and is refused now is learned anew: the next call knows that it does not work."""
    pull.fake.before = lambda path: Reply(400, {}, b"") if "Claim?" in path else None
    assert pull.call()
    known = json.loads(pull.saved["offered"])["offered"]
    assert known["abilities"]["Claim"]["found"]["encounter,"] == "refused"
    assert "Claim" in known["waiting"]


def test_another_server(pull: Pull) -> None:
    """Settings that name another server begin anew: what is older there than the last look was here is taken, and of
    what is shared nothing is believed that another server said."""
    pull = Pull(pull.fake, late_hours=0)
    pull.run()
    pull.fake = FakeFhir(pull.clock)
    pull.fake.put(*office(), *visit(1), *visit(3), at=START - timedelta(hours=5))
    pull.later(days=2)
    assert pull.run() == []
    pull.cursor = pull.cursor.replace(f'"server":"{decoded(pull.cursor).server}"', '"server":"of-another"')
    assert keys(pull.run()) == [whole(1), whole(3)]
    assert decoded(pull.cursor).server != "of-another"
    assert pull.run() == []


def test_an_earlier_since() -> None:
    """An earlier `since` that is set later brings what changed between the two days, and nothing twice."""
    pull = Pull()
    pull.fake.put(*office(), *visit(1), at=START - timedelta(days=10))
    pull.fake.put(*visit(2))
    assert keys(pull.run()) == [whole(2)]
    pull.later(hours=1)
    assert pull.run() == []
    pull.settings = FhirSettings.model_validate(
        {"server": {"url": "http://127.0.0.1/fhir", "auth": "none"}, "pull": {"since": "2026-02-01"}}
    )
    pull.later(hours=1)
    assert keys(pull.run()) == [whole(1)]
    pull.later(hours=1)
    assert pull.run() == []


def test_an_errand_is_kept_where_a_search_fails(pull: Pull, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a notification named counts as taken with the call that asked for it: it is in that call's cursor, also
    where the server does not take a search, and says so again."""
    wanted = pytest.importorskip("hub_ehr_fhir.push.errands").Wanted
    pull.run()
    body = msgspec.json.encode(wanted(refs=(("Encounter", "e2"),)))
    monkeypatch.setattr("hub.testing.fakes.FakeContext.errands", lambda _self: (Errand(body=body, at=START),))

    def refused(*_: object) -> bool:
        raise RetryLater("the server does not take a search")

    monkeypatch.setattr(Pulling, "_learn_anew", refused)
    pull.fake.before = lambda path: Reply(400, {}, b"") if "?" in path else None
    pull.call()
    assert decoded(pull.cursor).todo == ["Encounter/e2"]


def test_the_servers_words_are_not_repeated(pull: Pull) -> None:
    """Of an outcome beside a result only codes of FHIR's own list are said."""
    pull.fake.outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "Canary"}]}
    with pytest.raises(RetryLater, match="unknown"):
        pull.run()


def test_incomplete_results(pull: Pull) -> None:
    """A searchset that says it is not all does not move the cursor; one that warns of something else does."""
    pull.fake.outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "warning", "code": "incomplete"}],
    }
    with pytest.raises(RetryLater):
        pull.run()
    assert not decoded(pull.cursor).since
    pull.fake.outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "warning", "code": "processing"}],
    }
    assert keys(pull.run()) == [whole(1), whole(2)]


def test_contained_and_foreign_references() -> None:
    """A reference into the resource itself, to another server, or to a business identifier is not asked for."""
    foreign = ("#prac", "https://elsewhere.test/fhir/Practitioner/9", "Practitioner?identifier=x|1", "urn:uuid:1")
    people = [{"individual": {"reference": one}} for one in foreign]
    pull = Pull(but=NO_INCLUDES)
    own = {"individual": {"reference": "http://ehr.test/fhir/Practitioner/d1/_history/3"}}
    pull.fake.put(*office(), *visit(1, participant=[*people, own]))
    assert keys(pull.run()) == [whole(1)]
    assert [path for path in pull.fake.asked if "Practitioner" in path] == ["/fhir/Practitioner/d1"]


def test_account_and_guarantor() -> None:
    """The account of a visit comes with its coverages, its guarantor and the charges that name it alone."""
    pull = Pull()
    account = {
        "resourceType": "Account", "id": "a1", "subject": [{"reference": "Patient/p1"}],
        "guarantor": [{"party": {"reference": "RelatedPerson/g1"}}],
    }  # fmt: skip
    alone = {**visit(1)[2], "id": "i7", "account": [{"reference": "Account/a1"}]}
    alone.pop("context")
    guarantor = {"resourceType": "RelatedPerson", "id": "g1", "patient": {"reference": "Patient/p1"}}
    pull.fake.put(*office(), account, guarantor, *visit(1, account=[{"reference": "Account/a1"}]))
    assert keys(pull.run()) == [sorted([*whole(1), "Account/a1", "RelatedPerson/g1"])]
    pull.later(hours=1)
    pull.fake.put(alone)
    assert "ChargeItem/i7" in keys(pull.run())[0]


def test_preauthorization() -> None:
    """A request for authorization and its answer come with the encounter; claims that others billed do not."""
    pull = Pull()
    at = {"encounter": [{"reference": "Encounter/e1"}]}
    ask = {
        "resourceType": "Claim",
        "id": "k1",
        "use": "preauthorization",
        "patient": {"reference": "Patient/p1"},
        "item": [at],
    }
    bill = {**ask, "id": "k2", "use": "claim"}
    said = {
        "resourceType": "ClaimResponse", "id": "k3", "patient": {"reference": "Patient/p1"},
        "request": {"reference": "Claim/k1"},
    }  # fmt: skip
    pull.fake.put(*office(), *visit(1), ask, bill, said)
    assert keys(pull.run()) == [sorted([*whole(1), "Claim/k1", "ClaimResponse/k3"])]


def test_listed_and_missing(pull: Pull) -> None:
    """An encounter that is listed and cannot be read (a copy that is behind) is asked for again."""
    missing = Reply(404, {}, b"")
    page = Reply(200, {}, b'{"resourceType":"Bundle"}')
    pull.fake.before = lambda path: missing if "Encounter/e1" in path else page if "_id=" in path else None
    pull = Pull(pull.fake, but=NO_LISTS)
    pull.run()
    assert decoded(pull.cursor).late
    pull.fake.before = lambda _path: None
    pull.later(minutes=2)
    assert whole(1) in keys(pull.run())


def test_errands(pull: Pull, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a notification names is fetched at once: an encounter, or that to which a resource belongs."""
    wanted = pytest.importorskip("hub_ehr_fhir.push.errands").Wanted
    pull.run()
    pull.fake.put(visit(1)[1], visit(2)[0])
    body = msgspec.json.encode(wanted(refs=(("Condition", "c1"), ("Encounter", "e2"))))
    monkeypatch.setattr("hub.testing.fakes.FakeContext.errands", lambda _self: (Errand(body=body, at=START),))
    pull.call()
    assert sorted(keys(pull.said[-2:])) == [whole(1), whole(2)]


def test_in_the_end(pull: Pull) -> None:
    """What a reader knows in the end is what the server holds."""
    pull.run()
    pull.later(hours=1)
    pull.fake.put(visit(1, status="cancelled")[0])
    pull.fake.delete("Procedure/r2")
    pull.run()
    known = standing(pull.said)
    assert known == {key: pull.fake.held[key] for key in known}
    assert "Procedure/r2" not in known


def test_slices() -> None:
    """A call returns when its slice is over, with `more`, and the next one goes on from there."""
    fake = FakeFhir(TurnedClock(START))
    fake.put(*office(), *(one for n in range(60) for one in visit(n)))
    pull = Pull(fake)
    ticks = iter(range(10**6))
    pull.tick = lambda: next(ticks) * 0.4
    assert pull.call()
    assert len(pull.said) < 60
    pull.run()
    assert sorted(keys(pull.said)) == sorted(whole(n) for n in range(60))


def test_a_slow_server() -> None:
    """However slow the server is, a call ends in time, fewer are fetched side by side, and all come in the end."""
    pull = Pull(but=NO_INCLUDES)
    pull.fake.put(*office(), *(one for n in range(12) for one in visit(n)))
    seconds = [0.0]
    longest = []

    def slow(_call: object) -> None:
        seconds[0] += 2.5

    pull.hook, pull.tick = slow, lambda: seconds[0]  # type: ignore[assignment]
    for _ in range(60):
        before = seconds[0]
        more = pull.call()
        longest.append(seconds[0] - before)
        if not more:
            break
    assert sorted(keys(pull.said)) == sorted(whole(n) for n in range(12))
    assert max(longest) < 60


def test_one_without_end(pull: Pull) -> None:
    """An encounter that alone takes longer than a call may last waits apart; the others come."""
    seconds = [0.0]

    def slow(call: Call) -> None:
        seconds[0] += 30 if "e1" in f"{call.url} {call.params}" else 0.1

    pull = Pull(pull.fake, but=(*NO_INCLUDES, *NO_LISTS))
    pull.hook, pull.tick = slow, lambda: seconds[0]
    pull.run()
    assert keys(pull.said) == [whole(2)]
    assert [one.unit for one in decoded(pull.cursor).late] == ["Encounter/e1"]


def test_claims_as_charges() -> None:
    """Where claims are charges, the claims that others billed come with the encounter."""
    pull = Pull()
    pull.settings = pull.settings.model_copy(update={"claims_are_charges": True})
    bill = {
        "resourceType": "Claim", "id": "k2", "use": "claim", "patient": {"reference": "Patient/p1"},
        "item": [{"encounter": [{"reference": "Encounter/e1"}]}],
    }  # fmt: skip
    pull.fake.put(*office(), *visit(1), bill)
    assert keys(pull.run()) == [sorted([*whole(1), "Claim/k2"])]


def test_ignored_time() -> None:
    """A server that ignores `_lastUpdated` without a word is found out by what it brings, and asked otherwise."""
    pull = Pull()
    pull.fake.put(*office(), *visit(1), at=START - timedelta(days=900))
    pull.fake.before = lambda path: (
        pull.fake.answer("GET", path.split("?")[0], {}) if "_lastUpdated" in path else None
    )
    assert pull.call()
    assert pull.said == []
    known = json.loads(pull.saved["offered"])["offered"]
    assert known["abilities"]["Encounter"]["found"]["_lastUpdated"] == "ignored"


def test_what_waits_is_told(pull: Pull) -> None:
    """`hub connector test` tells how many could not be fetched."""
    pull = Pull(pull.fake, but=(*NO_INCLUDES, *NO_LISTS))
    pull.fake.before = lambda path: Reply(500, {}, b"") if "i1" in path or "e1" in path else None
    for _ in range(7):
        pull.run()
        pull.later(hours=2)
    context = FakeContext("fhir", saved=pull.saved)
    steps = list(Pulling(pull.settings, context, Direct(pull.fake)).check())  # type: ignore[arg-type]
    assert [(step.ok, step.said[:20]) for step in steps] == [(False, "1 could not be fetch")]
