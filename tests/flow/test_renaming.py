"""Claims that did not leave yet say a patient as the source tells them now."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flowlab.house import House
from flowlab.made import charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient_fact

from hub.clock import TurnedClock
from hub.model.facts import AnyFact, MergeFact
from hub.model.people import Name
from hub.store import Keyring, open_store

VISIT = (encounter_fact(), charge_fact(), coverage_fact(), diagnosis_fact())
MARRIED = patient_fact(version="5", name=Name(last="Larkspur", first="Ada"))


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


def heard(house: House, *facts: AnyFact) -> None:
    """A message, taken in."""
    house.tell(*facts)
    house.take_in()


def names(house: House) -> list[str]:
    """The patients' last names, claim by claim."""
    return [row.record.patient.name.last for row in house.rows("claims")]


def test_a_claim_that_waits_says_the_patient_as_told_now(house: House) -> None:
    """It leaves with the new name, once, with the same amounts, and nobody is asked; told again, nothing is made
    anew.
    """
    heard(house, patient_fact(), *VISIT)
    books = house.accounts()
    heard(house, MARRIED)
    heard(house, patient_fact(version="6", name=MARRIED.patient.name))
    (claim,) = house.rows("claims", state="ready")
    assert (names(house), claim.col("version")) == (["Larkspur"], 2)
    house.send()
    assert (house.states("claims"), house.accounts(), house.work()) == ({"frozen": 1}, books, {})
    assert "LARKSPUR" in house.bytes_sent()[0].upper()


def test_a_claim_that_left_says_what_it_said(house: House) -> None:
    """What a payer has is not rewritten."""
    house.bill(*VISIT)
    before = names(house)
    heard(house, MARRIED)
    assert names(house) == before
    assert house.states("claims") == {"frozen": 1}


def test_who_was_merged_does_not_rename_the_survivor(house: House) -> None:
    """A claim of a patient who is one with another says the survivor, whatever is told of the other; and the survivor
    as told now.
    """
    heard(house, patient_fact(), *VISIT, patient_fact("P2", name=Name(last="Survivor", first="Ada")))
    heard(house, MergeFact(key="M1", version="2", kind="patient", from_key="P1", into_key="P2"))
    assert names(house) == ["Survivor"]
    heard(house, MARRIED)
    assert names(house) == ["Survivor"]
    heard(house, patient_fact("P2", version="6", name=Name(last="Quillon", first="Ada")))
    assert names(house) == ["Quillon"]
