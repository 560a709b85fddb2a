"""Patients, accounts and visits that turn out to be one, are parted again, or are somebody else's: money follows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any

import pytest
from flowlab.house import PRACTICE, SOURCE, House
from flowlab.made import charge_fact, coverage_fact, encounter_fact, patient_fact
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.flow.ingest.merging import forest, source_key
from hub.ledger import AccountKind
from hub.model.encounter import Coding, Diagnosis
from hub.model.facts import AnyFact, AppointmentFact, MergeFact, MoveFact
from hub.model.people import Identifier
from hub.reports.promises import prove
from hub.store import Keyring, Store, open_store
from hub.store.documents import Row


@pytest.fixture
def cheap(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite alone, where the database makes no difference."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


@pytest.fixture
def house(store: Store, clock: TurnedClock) -> House:
    """The practice, on each database."""
    return House(store, clock)


def merge(old: str, new: str, version: str = "5", kind: str = "patient", *, active: bool = True) -> MergeFact:
    """`old` is `new` from now on."""
    key = f"{kind}/{old}>{new}"
    return MergeFact(key=key, version=version, kind=kind, from_key=old, into_key=new, active=active)


def move(moved: str, into: str, version: str = "5", kind: str = "encounter") -> MoveFact:
    """A visit or account is of another patient."""
    return MoveFact(key=f"{kind}/{moved}", version=version, kind=kind, moved_key=moved, into_key=into)


def seen(patient: str, visit: str, **changes: Any) -> tuple[AnyFact, ...]:
    """A visit of a patient, with one charge."""
    told = encounter_fact(visit, patient_key=patient, **changes)
    return told, charge_fact(f"C-{visit}", patient_key=patient, encounter_key=visit)


def person(key: str, **changes: Any) -> AnyFact:
    """A patient with a record number of their own."""
    return patient_fact(key, identifiers=(Identifier(authority="EAST", value=key),), **changes)


def owes(house: House, key: str) -> None:
    """A patient who pays for a visit themselves, and has not yet."""
    policy = coverage_fact(f"cov-{key}", plan="SELFPAY", patient_key=key)
    taken_in(house, person(key), *seen(key, f"E-{key}"), policy)


def taken_in(house: House, *facts: AnyFact) -> None:
    """A message with these facts, followed to the end."""
    house.tell(*facts)
    house.take_in()


def owners(house: House, name: str) -> list[str]:
    """The record number of whoever each document is of now."""
    with house.store.view() as view:
        rows = [row for row in house.rows(name) if row.col("patient_id")]
        now = view.resolve_many("patient", {row.col("patient_id") for row in rows})
        files = view.patients.get_many(now.values())
        return [files[now[row.col("patient_id")]].record.patient.identifiers[0].value for row in rows]


def of_key(house: House, key: str) -> Row[Any]:
    """The encounter with this key of the source."""
    with house.store.view() as view:
        digest = source_key(view, SOURCE, "encounter", key)
    (row,) = house.rows("encounters", key=digest)
    return row


def broken(house: House, *promises: int) -> list[str]:
    """What `hub verify` says against these promises."""
    proofs = prove(house.store, house.settings, sealed=False, only=promises)
    return [f"{one.where}: {one.why}" for proof in proofs for one in proof.exceptions]


def test_two_who_owe_are_asked_once_and_parted_twice(house: House) -> None:
    """Two patients with money each: merged, one statement asks for the sum; parted, two ask again. No entry of the
    book changes, and every statement stays true (promise 7)."""
    owes(house, "A")
    owes(house, "B")
    entries = _entries(house)
    assert len({one.guarantor_id for one in entries}) == 2
    taken_in(house, merge("A", "B"))
    house.state_people()
    (one,) = house.rows("statements")
    assert one.record.total_due * 100 == sum(entry.cents for entry in entries)
    assert len(one.record.accounts) == 2
    house.clock.turn(timedelta(days=60))
    taken_in(house, merge("A", "B", "6", active=False))
    house.state_people()
    later = [row for row in house.rows("statements") if row.id != one.id]
    assert [row.record.total_due * 2 for row in later] == [one.record.total_due] * 2
    assert _entries(house) == entries
    assert broken(house, 7) == []


def _entries(house: House) -> list[Any]:
    with house.store.view() as view:
        return list(view.book.entries(account=AccountKind.PATIENT_RECEIVABLE, practice=PRACTICE, limit=1_000))


@pytest.mark.parametrize("order", range(6))
def test_a_chain_of_merges_comes_in_any_order(cheap: House, order: int) -> None:
    """A is B, and B is C: whoever of them is told of first, and merged first, all visits are C's."""
    told = [merge("A", "B", "5"), merge("B", "C", "6"), None]
    for step in list(permutations(told))[order]:
        facts = [step] if step else [fact for key in "ABC" for fact in (person(key), *seen(key, f"E-{key}"))]
        taken_in(cheap, *facts)
    assert owners(cheap, "encounters") == ["C"] * 3


@pytest.mark.parametrize("order", range(6))
def test_a_survivor_without_visits_has_a_file(cheap: House, order: int) -> None:
    """A's only visit was called off, and A is B, who never came: B's file stands, whatever was told first."""
    visit = [person("A"), *seen("A", "E1", status="cancelled")]
    for facts in list(permutations((visit, [person("B")], [merge("A", "B")])))[order]:
        taken_in(cheap, *facts)
    assert of_key(cheap, "E1").state == "cancelled"
    assert owners(cheap, "encounters") == ["B"]


def test_merges_in_a_circle_leave_the_newest(cheap: House) -> None:
    """A is B, and later B is A: the newer word holds, in whichever order they come."""
    early, late = "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"
    taken_in(cheap, person("A"), person("B"), *seen("A", "E1"), *seen("B", "E2"))
    for facts in permutations((merge("A", "B", early), merge("B", "A", late))):
        taken_in(cheap, *facts)
        assert owners(cheap, "encounters") == ["A", "A"]


@pytest.mark.parametrize("order", range(6))
def test_a_circle_of_one_second_leaves_the_later_arrival(cheap: House, order: int) -> None:
    """A is B, B is C, and C is A, all said in one second: the places of the messages say which word is the oldest,
    whatever comes first."""
    words = (("A", "B"), ("B", "C"), ("C", "A"))
    for first in range(3):
        keys = {key: f"{key}{first}" for key in "ABC"}
        people = [person(key) for key in keys.values()]
        taken_in(cheap, *people, *seen(keys["A"], f"E{first}"))
        places = {pair: f"2026-03-01T10:00:00Z|/{(n - first) % 3:016}" for n, pair in enumerate(words)}
        for one, into in list(permutations(words))[order]:
            taken_in(cheap, merge(keys[one], keys[into], places[one, into]))
        survivor = keys[words[first][0]]
        assert owners(cheap, "encounters").count(survivor) == 1


def test_a_parting_of_the_second_of_its_merge_holds(cheap: House) -> None:
    """A is B, B is A, and A is B no more, all in one second: B is A, whichever comes first."""
    second = "2026-03-01T10:00:00Z|/"
    told = (
        merge("A", "B", f"{second}1"),
        merge("B", "A", f"{second}2"),
        merge("A", "B", f"{second}3", active=False),
    )
    for order in permutations(told):
        taken_in(cheap, person("A"), person("B"), *seen("A", "E1"), *seen("B", "E2"))
        for fact in order:
            taken_in(cheap, fact)
        assert owners(cheap, "encounters") == ["A", "A"]


merges = st.lists(st.tuples(st.sampled_from("ABCD"), st.sampled_from("ABCD"), st.sampled_from("123")), max_size=6)


@given(merges, st.randoms())
def test_a_forest_has_no_order_and_no_circle(told: list[tuple[str, str, str]], random: Random) -> None:
    """Whatever merges are told, in whatever order: they come to the same chains, and each chain ends."""
    facts = list({fact.key: fact for fact in (merge(*one) for one in sorted(told))}.values())
    found = forest(facts)
    random.shuffle(facts)
    assert forest(facts) == found
    for one in found:
        for _ in found:
            one = found.get(one, one)  # noqa: PLW2901 - it walks the chain
        assert one not in found


def test_a_late_policy_of_either_covers_both(cheap: House) -> None:
    """Of merged patients only one has a policy: it covers the visits of both, whichever of them it was told of."""
    for number, key in enumerate("AB"):
        a, b = f"A{number}", f"B{number}"
        visits = (*seen(a, f"E{a}"), *seen(b, f"E{b}"))
        taken_in(cheap, person(a), person(b), *visits, merge(a, b))
        assert of_key(cheap, f"E{a}").state == "held"
        taken_in(cheap, coverage_fact(f"cov{number}", patient_key=f"{key}{number}"))
        assert {of_key(cheap, f"E{one}").state for one in (a, b)} == {"claimed"}


def test_a_claim_that_has_not_left_names_the_survivor(cheap: House) -> None:
    """An open claim is made anew for the survivor, and again for the one who was, when they are parted; one that was
    sent stays as it is."""
    taken_in(cheap, person("A"), person("B"), *seen("A", "E1"), coverage_fact("covA", patient_key="A"))
    taken_in(cheap, merge("A", "B"))
    (claim,) = cheap.rows("claims")
    assert (claim.record.patient.identifiers[0].value, claim.state) == ("B", "ready")
    taken_in(cheap, merge("A", "B", "6", active=False))
    (claim,) = cheap.rows("claims")
    assert (claim.record.patient.identifiers[0].value, claim.record.version) == ("A", 3)
    cheap.send()
    taken_in(cheap, merge("A", "B", "7"))
    (sent,) = cheap.rows("claims")
    assert (sent.record, owners(cheap, "claims")) == (claim.record, ["B"])


def test_a_visit_that_moves_bills_for_its_patient(house: House) -> None:
    """A visit that is moved before it was billed is of the other patient, with their policies."""
    taken_in(house, person("A"), person("B"), *seen("A", "E1"))
    taken_in(house, move("E1", "B"), coverage_fact("covB", patient_key="B"))
    (claim,) = house.rows("claims")
    assert claim.record.patient.identifiers[0].value == "B"
    assert owners(house, "charges") == ["B"]


@pytest.mark.parametrize("first", ["move", "visit"])
def test_an_account_moves_with_its_visits(cheap: House, first: str) -> None:
    """All visits of an account are of whom it was moved to, whichever is told first; also those of an account that
    was merged into it."""
    visits = (person("A"), person("B"), *seen("A", "E1", account="77"), *seen("A", "E2", account="66"))
    moves = (move("77", "B", kind="account"), merge("66", "77", "4", kind="account"))
    for facts in (moves, visits) if first == "move" else (visits, moves):
        taken_in(cheap, *facts)
    assert owners(cheap, "encounters") == ["B", "B"]
    assert {row.record.account for row in cheap.rows("encounters")} == {"77"}


def test_what_is_told_last_of_a_visits_patient_holds(cheap: House) -> None:
    """A move holds against what older messages say, also when they come later, and not against newer ones."""
    taken_in(cheap, person("A"), person("B"), move("E1", "B", "5"), *seen("A", "E1", version="4"))
    assert owners(cheap, "encounters") == ["B"]
    taken_in(cheap, *seen("A", "E1", version="6"))
    assert owners(cheap, "encounters") == ["A"]


def test_what_was_billed_for_the_wrong_patient_is_work(house: House) -> None:
    """A claim that was sent before the visit moved is a person's to mend; one that has not left is held."""
    taken_in(house, person("A"), person("B"), *seen("A", "E1"), coverage_fact("covA", patient_key="A"))
    house.send()
    taken_in(house, *seen("A", "E2"))
    taken_in(house, move("E1", "B"), move("E2", "B"))
    assert house.work() == {"ingest.moved_after_billing": 2, "claim.of_another": 1}
    assert house.states("claims") == {"frozen": 1, "held": 1}


def test_visits_that_are_one_show_what_each_has(cheap: House) -> None:
    """A merged visit ends; its charges and diagnoses stand at the survivor, and come back when they are parted."""
    told = seen("A", "E1", diagnoses=(Diagnosis(coding=Coding(system="ICD10", code="I10"), rank=1),))
    taken_in(cheap, person("A"), *told, *seen("A", "E2"), merge("E1", "E2", kind="encounter"))
    assert (of_key(cheap, "E1").state, of_key(cheap, "E2").state) == ("merged", "held")
    assert {row.col("encounter_id") for row in cheap.rows("charges")} == {of_key(cheap, "E2").id}
    codes = {one.coding.code for one in of_key(cheap, "E2").record.diagnoses}
    assert codes == {"I10", "E11.9"}
    taken_in(cheap, merge("E1", "E2", "6", "encounter", active=False))
    assert (of_key(cheap, "E1").state, of_key(cheap, "E2").state) == ("held", "held")
    assert len({row.col("encounter_id") for row in cheap.rows("charges")}) == 2


@pytest.mark.parametrize("billed", [True, False])
def test_visits_that_are_one_bill_once(cheap: House, billed: bool) -> None:
    """Whether the visit that ends was billed already or not: each charge stands on one claim, and the survivor is
    claimed."""
    taken_in(cheap, person("A"), coverage_fact("cov", patient_key="A"))
    both = (*seen("A", "E1"), *seen("A", "E2")), (merge("E1", "E2", kind="encounter"),)
    for facts in both if billed else reversed(both):
        taken_in(cheap, *facts)
    assert (of_key(cheap, "E1").state, of_key(cheap, "E2").state) == ("merged", "claimed")
    lines = [line.charge_ids for row in cheap.rows("claims") for line in row.record.lines]
    assert len(lines) == len(set(lines)) == 2
    assert broken(cheap, 11) == []


def test_a_charge_that_is_told_of_another_visit_moves(cheap: House) -> None:
    """A charge names another visit in a newer message: it stands there, and once."""
    taken_in(cheap, person("A"), *seen("A", "E1"), encounter_fact("E2", patient_key="A"))
    taken_in(cheap, charge_fact("C-E1", patient_key="A", encounter_key="E2", version="2"))
    (charge,) = cheap.rows("charges")
    assert charge.col("encounter_id") == of_key(cheap, "E2").id


def test_a_merge_before_either_is_known_counts(cheap: House) -> None:
    """A merge may come first of all, of patients and of visits."""
    taken_in(cheap, merge("A", "B"), merge("E1", "E2", kind="encounter"))
    taken_in(cheap, person("A"), person("B"), *seen("A", "E1"), *seen("A", "E2"))
    assert (of_key(cheap, "E1").state, set(owners(cheap, "encounters"))) == ("merged", {"B"})


def test_a_merge_with_oneself_is_none(cheap: House) -> None:
    """A is A changes nothing."""
    taken_in(cheap, person("A"), *seen("A", "E1"), merge("A", "A"), merge("E1", "E1", kind="encounter"))
    assert (of_key(cheap, "E1").state, owners(cheap, "encounters")) == ("held", ["A"])


def test_an_appointment_is_kept_and_moved(house: House) -> None:
    """An appointment stands under the patient's id with its state; patient and policy are known before any visit, and
    a merge leads to the survivor."""
    at = datetime(2026, 3, 3, 15, tzinfo=UTC)
    booked = AppointmentFact(key="S1", version="1", patient_key="A", starts_at=at, partial=True)
    taken_in(house, booked)
    (row,) = house.rows("appointments")
    assert (row.state, row.col("starts_at"), house.rows("patients")) == ("booked", at, [])
    taken_in(house, person("A"), coverage_fact("covA", patient_key="A"))
    (known,) = house.rows("patients")
    assert (known.id, [one.payer for one in known.record.coverages]) == (row.col("patient_id"), ["ppo"])
    taken_in(house, person("B"), *seen("B", "E1"), merge("A", "B"))
    assert owners(house, "appointments") == ["B"]
    taken_in(house, replace(booked, version="2", status="cancelled", starts_at=None))
    (row,) = house.rows("appointments")
    assert (row.state, row.col("starts_at")) == ("cancelled", at)
    assert broken(house, 11) == []
