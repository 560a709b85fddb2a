"""Money that a source tells: posted once, reversed and posted anew when it is told otherwise, never lost."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from flowlab.house import House
from flowlab.made import D, charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient, patient_fact
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.model.encounter import Coding
from hub.model.facts import ChargeFact
from hub.store import Keyring, open_store

VISIT = (patient_fact(), encounter_fact(), charge_fact(), coverage_fact(), diagnosis_fact())


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


def paid(key: str = "P1", amount: str = "25.00", version: str = "1", **changes: object) -> ChargeFact:
    """A copay."""
    told = charge_fact(key, kind="copay", codings=(), amount=D(amount), version=version)
    return replace(told, **changes)


def cash(house: House) -> int:
    """Cents of patients' money in the book."""
    return house.accounts().get("patient_cash", 0)


def test_a_payment_told_otherwise_is_reversed_and_posted_anew(house: House) -> None:
    """The book keeps what stood, undone, and what stands now; the same again changes nothing."""
    house.tell(*VISIT, paid())
    house.take_in()
    for version, amount in (("2", "40.00"), ("2", "40.00"), ("1", "25.00"), ("3", "25.00")):
        house.tell(paid(version=version, amount=amount))
        house.take_in()
    assert cash(house) == 2500
    with house.store.view() as view:
        moved = [entry.cents for entry in view.book.entries(account="patient_cash")]
    assert moved == [2500, -2500, 4000, -4000, 2500]
    assert house.work() == {}


def test_what_the_book_does_not_say_is_kept_as_told_last(house: House) -> None:
    """A posted payment that is told again with the same money and other words is not posted anew, and its record
    says what was told last: the same as where both came before it was posted."""
    house.tell(*VISIT, paid())
    house.take_in()
    house.tell(paid(version="2", codings=(Coding(system="LOCAL", code="COPAY"),)))
    house.take_in()
    (row,) = house.rows("charges", kind="copay")
    assert [one.code for one in row.record.codings] == ["COPAY"]
    assert (row.state, cash(house)) == ("posted", 2500)
    with house.store.view() as view:
        assert len(view.book.entries(account="patient_cash")) == 1


def test_money_given_back_is_posted_as_such(house: House) -> None:
    """A negative payment takes money out again, beside the payment that it undoes."""
    house.tell(*VISIT, paid(), paid("P1/back", "-25.00"))
    house.take_in()
    assert cash(house) == 0
    assert house.states("charges") == {"claimed": 1, "posted": 2}


def test_a_payment_that_was_taken_back(house: House) -> None:
    """A payment that its source withdraws is reversed; told again later it is posted again."""
    house.tell(*VISIT, paid())
    house.take_in()
    house.tell(paid(version="2", active=False))
    house.take_in()
    house.take_in()
    assert (cash(house), house.states("charges")) == (0, {"claimed": 1, "void": 1})
    house.tell(paid(version="3"))
    house.take_in()
    assert (cash(house), house.states("charges"), house.work()) == (2500, {"claimed": 1, "posted": 1}, {})


def test_a_payment_taken_back_without_its_kind(house: House) -> None:
    """What takes a payment back need not say that it was one: it names it by its key."""
    house.tell(*VISIT, paid())
    house.take_in()
    house.tell(charge_fact("P1", version="2", active=False, codings=()))
    house.take_in()
    assert (cash(house), house.states("charges"), house.work()) == (0, {"claimed": 1, "void": 1}, {})


def test_a_payment_taken_back_before_it_was_posted(house: House) -> None:
    """What was told and taken back before anybody looked moves nothing."""
    house.tell(*VISIT, paid(), paid(version="2", active=False))
    house.take_in()
    assert (cash(house), house.states("charges")) == (0, {"claimed": 1, "void": 1})


def test_a_cancelled_visit_keeps_its_money(house: House) -> None:
    """A copay was paid, whatever became of the visit: cancelled before or after, it stands in the book once."""
    house.tell(patient_fact(), encounter_fact(status="cancelled"), paid())
    house.take_in()
    assert (cash(house), house.states("charges")) == (2500, {"posted": 1})
    house.tell(encounter_fact(version="2"), paid("P2", "10.00"))
    house.take_in()
    house.tell(encounter_fact(version="3", status="cancelled"))
    house.take_in()
    assert (cash(house), house.states("charges")) == (3500, {"posted": 2})


def test_money_of_a_test_patient_is_no_money(house: House) -> None:
    """What was posted for a patient who turns out to be a test is reversed."""
    house.tell(patient_fact(), encounter_fact(), paid())
    house.take_in()
    told = replace(patient_fact(version="2"), patient=patient(is_test=True))
    house.tell(told, encounter_fact(version="2"))
    house.take_in()
    assert cash(house) == 0


@pytest.mark.parametrize("kind", ["adjustment", "insurance_payment"])
def test_what_a_person_posts_is_asked_once(house: House, kind: str) -> None:
    """An adjustment, and money of an insurer (whose remittance will come), are a person's decision: once, whatever
    else is told of the visit, and again only when the amount is another."""
    told = paid(kind=kind, amount="-30.00")
    house.tell(*VISIT, told)
    house.take_in()
    assert (house.work(), cash(house)) == ({"payment.by_hand": 1}, 0)
    with house.store.begin("work.resolve") as tx:
        (item,) = tx.work.list(reason="payment.by_hand")
        tx.work.resolve(item.id, "posted by hand", "biller1")
    house.tell(encounter_fact(version="2"), paid("P2"))
    house.take_in()
    assert (house.work(), cash(house)) == ({}, 2500)
    house.tell(replace(told, version="3", amount=D("-31.00")))
    house.take_in()
    assert house.work() == {"payment.by_hand": 1}


KINDS = st.sampled_from(["payment", "copay", "adjustment", "insurance_payment"])
LINE = st.tuples(st.integers(1, 3), KINDS, st.integers(-5000, 5000), st.integers(1, 9), st.booleans())


RUNS = count()


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINE, max_size=6), data=st.data())
def test_the_book_holds_what_was_told_last_once(
    house: House, lines: list[tuple[int, str, int, int, bool]], data: st.DataObject
) -> None:
    """Whatever is told of payments, in any order and however often: cash is what was told last of each, once."""
    run, before = next(RUNS), cash(house)
    unique = {(number, version): (kind, cents, active) for number, kind, cents, version, active in lines}
    facts = [
        paid(f"{run}/P{number}", f"{cents / 100:.2f}", str(version), kind=kind, active=active)
        for (number, version), (kind, cents, active) in unique.items()
    ]
    latest = {fact.key: fact for fact in sorted(facts, key=lambda fact: fact.version)}
    standing = [one for one in latest.values() if one.active and one.kind in ("payment", "copay")]
    house.tell(*VISIT)
    for fact in data.draw(st.permutations(facts + facts)):
        house.tell(fact)
        if data.draw(st.booleans()):
            house.take_in()
    house.take_in()
    assert cash(house) - before == sum(int((one.amount or D(0)) * 100) for one in standing)
