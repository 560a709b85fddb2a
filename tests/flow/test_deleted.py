"""What a source deletes counts no more, and what comes late of it revives nothing; what was billed becomes work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import permutations

import pytest
from flowlab.house import SOURCE, House
from flowlab.keeper import KEYRING
from flowlab.made import FENNIMORE, charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient_fact
from flowlab.old import KEPT, at_rest
from hub_ehr_fhir.mapping.reading import read
from hub_ehr_fhir.settings import FhirSettings
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from hub.clock import TurnedClock
from hub.flow import ingest
from hub.flow.ingest.facts_store import beyond
from hub.flow.ingest.folding import overlaid
from hub.flow.ingest.merging import source_key
from hub.flow.visits import asking, assemble
from hub.keep.purge import purge
from hub.model.facts import AnyFact, Piece, PieceFact, Reading, WithdrawalFact
from hub.store import open_store
from hub.testing.feed_state import state

PROFILE = FhirSettings(validate="quarantine", keep_pieces="always")
VISIT = (encounter_fact(), charge_fact(), charge_fact("C2", "G0008"), coverage_fact(), diagnosis_fact())


@pytest.fixture
def house(made_sqlite_url: str, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite."""
    store = open_store(made_sqlite_url, KEYRING, clock)
    yield House(store, clock)
    store.close()


def gone(kind: str, key: str, version: str = "2") -> WithdrawalFact:
    """The source deleted it."""
    return WithdrawalFact(kind=kind, key=key, version=version)


def settle(house: House) -> None:
    """Read and put together."""
    house.run(ingest.read, SOURCE)
    house.run(assemble.assemble, SOURCE)


@pytest.mark.parametrize(
    "word", [gone("encounter", "E1"), gone("charge", "C2"), gone("diagnosis", "D1"), gone("coverage", "V1")]
)
def test_a_deletion_holds_in_any_order(house: House, word: WithdrawalFact) -> None:
    """Told before, between or after what it deletes, and with an older version of that late: the same in the end."""
    ends = []
    facts = {fact.key: fact for fact in VISIT}
    about: list[AnyFact] = [facts[word.key], word]
    for number, order in enumerate(permutations(about)):
        name = f"x{number}x"
        for fact in (patient_fact(), *[one for one in VISIT if one.key != word.key], *order, *order):
            house.tell(_named(fact, name))
            settle(house)
        ends.append(state(house.store, SOURCE, name))
    assert ends[0] == ends[1]
    said = {row.record.key: row.record.withdrawn for row in house.rows("facts") if row.record.withdrawn}
    assert set(said.values()) == {"2"}


def _named(fact: AnyFact, name: str) -> AnyFact:
    text = json.encode(fact)
    for key in ("P1", "E1", "C1", "C2", "V1", "D1"):
        text = text.replace(f'"{key}"'.encode(), f'"{name}{key}"'.encode())
    return json.decode(text, type=AnyFact)


def test_what_is_deleted_before_it_is_billed_is_not_billed(house: House) -> None:
    """A charge and a diagnosis that were deleted are on no claim."""
    house.tell(patient_fact(), *VISIT)
    house.tell(gone("charge", "C2"), gone("diagnosis", "D1"))
    house.bill()
    (claim,) = house.rows("claims")
    assert [line.hcpcs for line in claim.record.lines] == ["T1015"]
    assert claim.record.diagnoses == ("E119",)
    assert house.states("charges") == {"claimed": 1, "void": 1}


def test_nobody_looks_for_a_visit_of_which_all_was_deleted(house: House) -> None:
    """A charge and a diagnosis of a visit that was never told are work after a day; deleted they are not. Told anew
    they are work again, and with the visit all is well.
    """
    charge, diagnosis = charge_fact(), diagnosis_fact()
    for told, looked_for in (
        ((patient_fact(), charge, diagnosis), True),
        ((gone("charge", "C1"), gone("encounter", "E1")), True),
        ((gone("diagnosis", "D1"),), False),
        ((charge_fact(version="3"),), True),
        ((encounter_fact(version="3"),), False),
    ):
        house.tell(*told)
        settle(house)
        house.clock.turn(asking.AFTER)
        house.run(assemble.ripen, SOURCE)
        assert ("ingest.incomplete" in house.work()) is looked_for
    assert house.states("encounters").keys() & {"incomplete", "merged", "cancelled"} == set()
    assert house.states("charges").keys() & {"void"} == set()


def _told(seconds: bool, at: int, number: int) -> str:
    """A stamp of a server, milliseconds after ten; `seconds`: it tells no fractions."""
    whole, rest = divmod(at, 1000)
    minutes, rest_of = divmod(whole, 60)
    return f"2026-03-01T10:{minutes:02}:{rest_of:02}" + ("Z" if seconds else f".{rest:03}Z")


@settings(max_examples=40)
@given(
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(["change", "deleted", "seen"]), st.integers(1, 900)), max_size=8),
    st.integers(-5000, 5000),
)
def test_what_was_told_last_holds(seconds: bool, events: list[tuple[str, int]], wrong: int) -> None:
    """A server that tells fractions of seconds, or none and numbers its versions: in however short a time it changes
    and deletes a resource, and however wrong the clock is by which a deletion was seen, the resource is known as it
    is there. Only what comes back within the error of that clock is not."""
    at, until, known, word = 60_000, 0, None, None
    for number, (what, later) in enumerate([("change", 1), *events], 1):
        at += later
        stamp = _told(seconds, at, number)
        if what == "change":
            at = max(at, until)
            meta = {"lastUpdated": _told(seconds, at, number), "versionId": str(number)}
            raw = json.encode({"resourceType": "Organization", "id": "o", "name": "O", "meta": meta})
            (piece,) = read(raw, False, PROFILE).pieces
            coming = piece_fact(piece.version)
            assert known is None or overlaid(known, coming).version == coming.version
            known = coming
        elif what == "deleted":
            response = {"lastModified": stamp, "etag": f'W/"{number}"'}
            word = _later(word, _deletion(response), known)
        else:
            seen = at + wrong
            response = {"lastModified": _told(False, seen, number), "status": "410"}
            word = _later(word, _deletion(response), known)
            until = max(at, seen) + 1000
        gone = word is not None and word.version >= known.version
        assert gone == (what != "change")


def piece_fact(version: str) -> PieceFact:
    """A resource that the hub keeps, in a version."""
    return PieceFact(key="Organization/o", version=version)


def _deletion(response: dict[str, str]) -> WithdrawalFact:
    entry = {"request": {"method": "DELETE", "url": "Organization/o"}, "response": response}
    (word,) = read(
        json.encode({"resourceType": "Bundle", "type": "history", "entry": [entry]}), False, PROFILE
    ).facts
    assert isinstance(word, WithdrawalFact)
    return word


def _later(held: WithdrawalFact | None, word: WithdrawalFact, known: AnyFact | None) -> WithdrawalFact:
    """The deletion that holds after another was told."""
    word = beyond(word, held, known) if word.seen else word
    return word if held is None or word.version > held.version else held


def test_a_deletion_that_was_seen_in_the_hub(house: House) -> None:
    """What was seen to be gone counts no more though the server's clock was ahead of ours, whatever was known around
    it; what comes back later counts again, and the deletion told once more takes nothing."""
    first, again = (f"2026-03-01T10:00:0{n}.500000Z" for n in (1, 2))
    word = WithdrawalFact(kind="charge", key="C1", version="2026-03-01T10:00:00.000000Z~", seen=True)
    house.tell(patient_fact(), *VISIT, charge_fact(version=f"{first}|-|000001"))
    house.tell(word)
    settle(house)
    assert house.states("charges") == {"void": 1, "new": 1}
    house.tell(charge_fact(version=f"{first}|-|000002"))
    settle(house)
    assert house.states("charges") == {"void": 1, "new": 1}
    for fact in (charge_fact(version=again), word):
        house.tell(fact)
        settle(house)
        assert house.states("charges") == {"new": 2}


def test_a_newer_version_revives(house: House) -> None:
    """What the source tells anew after the deletion counts again; what it told before does not."""
    house.tell(patient_fact(), *VISIT)
    house.tell(gone("encounter", "E1", "3"))
    settle(house)
    assert house.states("encounters") == {"cancelled": 1}
    house.tell(encounter_fact(version="2"))
    settle(house)
    assert house.states("encounters") == {"cancelled": 1}
    house.tell(encounter_fact(version="4"))
    settle(house)
    assert house.states("encounters") == {"ready": 1}
    house.tell(gone("encounter", "E1", "3"))
    settle(house)
    assert house.states("encounters") == {"ready": 1}


def test_a_deleted_visit_does_not_leave(house: House) -> None:
    """A claim that waits is held, one that was sent is work."""
    house.tell(patient_fact(), *VISIT)
    house.take_in()
    house.tell(gone("encounter", "E1"))
    house.take_in()
    house.send()
    assert house.sent() == []
    assert house.work() == {"claim.withdrawn": 1, "ingest.changed_after_billing": 2}


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (gone("encounter", "E1"), "ingest.changed_after_billing"),
        (gone("charge", "C1"), "ingest.changed_after_billing"),
        (gone("diagnosis", "D1"), "ingest.diagnoses_changed"),
        (gone("coverage", "V1"), "ingest.payer_changed"),
        (coverage_fact("V0", "MEDICARE"), "ingest.payer_changed"),
        (diagnosis_fact("D2", "I11.9"), "ingest.diagnoses_changed"),
        (encounter_fact(version="2", rendering=FENNIMORE), "ingest.visit_retold"),
    ],
)
def test_a_deletion_after_the_claim_left_is_work(house: House, word: WithdrawalFact, reason: str) -> None:
    """The claim stays as it went out, and a person is told; so of a policy, a diagnosis or a clinician that is told
    late."""
    house.bill(*VISIT)
    house.tell(word)
    house.take_in()
    assert house.states("claims") == {"frozen": 1}
    assert reason in house.work()


@pytest.mark.parametrize(
    ("late", "payer", "diagnoses", "doctor"),
    [
        (diagnosis_fact("D2", "I11.9"), "ppo", ("E119", "I10", "I119"), "Larkspur"),
        (encounter_fact(version="2", rendering=FENNIMORE), "ppo", ("E119", "I10"), "Fennimore"),
    ],
)
def test_what_is_told_late_is_on_the_claim_that_waits(
    house: House, late: AnyFact, payer: str, diagnoses: tuple[str, ...], doctor: str
) -> None:
    """A diagnosis or a clinician that comes when the claim is made, and before it left."""
    house.tell(patient_fact(), *VISIT)
    house.take_in()
    house.tell(late)
    house.take_in()
    (claim,) = house.rows("claims")
    assert (claim.record.payer, claim.record.diagnoses, claim.record.rendering.last) == (payer, diagnoses, doctor)
    assert claim.state == "ready"


def test_a_policy_told_late_holds_the_claim_of_another_payer(house: House) -> None:
    """Who pays first is another now: the claim that waits does not leave."""
    house.tell(patient_fact(), *VISIT)
    house.take_in()
    house.tell(coverage_fact("V0", "MEDICARE", member_id="9A00A00EX01"), coverage_fact(version="2", rank=2))
    house.take_in()
    assert house.states("claims") == {"held": 1}
    assert house.work() == {"claim.other_payer": 1}


def test_a_policy_told_again_looks_at_no_billed_visit(house: House) -> None:
    """The same policy under a newer version, and one that holds on other days, leave billed visits as they are."""
    house.bill(*VISIT)
    house.tell(coverage_fact(version="2"), coverage_fact("V9", valid_from=date(2027, 1, 1)))
    house.run(ingest.read, SOURCE)
    assert house.states("encounters") == {"claimed": 1}


def test_a_deleted_patient_is_noted(house: House) -> None:
    """The log says so, once; nothing of them changes."""
    house.bill(*VISIT)
    before = state(house.store, SOURCE)["visits"]
    for _ in range(2):
        house.tell(gone("patient", "P1"), external="again")
        house.take_in()
    house.tell(gone("patient", "P9"))
    house.take_in()
    with house.store.view() as view:
        assert view.events.tally(kind=["patient.deleted"]) == {"patient.deleted": 1}
    assert state(house.store, SOURCE)["visits"] == before
    assert house.work() == {}


def test_pieces_and_deletions_go_with_their_patient(house: House) -> None:
    """When the time of an account is over, the pieces that tell of its patient go too, and what was deleted of it;
    those of clinicians, and of patients whose time is not over, stay."""
    told = (
        ("charge", "CK1"),
        ("encounter", "EK1"),
        ("coverage", "VK1"),
        ("piece", "theirs"),
        ("charge", "nobody"),
    )
    words = tuple(gone(kind, key, "0") for kind, key in told)
    kept = (Piece(key="theirs", version="1", links=("dr",), patient_key="K1", body=b"Bittern"),)
    kept += (Piece(key="dr", version="1", body=b"Larkspur"), Piece(key="other", version="1", patient_key="K2"))
    house._put(SOURCE, "message", json.encode(Reading(facts=words, pieces=kept)), "pieces")
    house.run(ingest.read, SOURCE)
    at_rest(house, 1)
    house.tell(patient_fact("K2"), encounter_fact("E2", patient_key="K2", status="open", ready=False))
    house.take_in()
    purge(house.store, KEPT, house.clock, by="tester")
    left = {row.record.key for row in house.rows("facts", kind="piece")}
    assert left == {"dr", "other"}
    with house.store.view() as view:
        rows = [row for row in view.facts.each(kind="withdrawal") if row.record.key]
        assert rows == []
        links = view.lookup.page("piece-link", SOURCE, [source_key(view, SOURCE, "piece", "dr")], limit=9)
        assert links == []
