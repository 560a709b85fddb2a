"""Credits that a source tells: netted before billing, whole or by units, and a person's decision after it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from flowlab.house import House
from flowlab.made import D, charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient_fact
from hub_ehr_fhir.mapping.reading import read_whole
from hub_ehr_fhir.settings import FhirSettings
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.model.facts import ChargeFact
from hub.store import Keyring, open_store

VISIT = (patient_fact(), encounter_fact(), coverage_fact(), diagnosis_fact())


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


def test_units_that_are_taken_back_are_not_billed(house: House) -> None:
    """A claim asks for what credits left; the book has the same, and nothing waits."""
    three = charge_fact("T1", units=D(3), amount=D("300.00"))
    house.tell(*VISIT, three, charge_fact("T1/back", kind="credit", units=D(2), amount=D("-200.00")))
    house.take_in()
    (claim,) = house.rows("claims")
    assert [(line.units, line.amount) for line in claim.record.lines] == [(D(1), D("100.00"))]
    assert house.accounts() == {"insurance_receivable": 10000, "revenue": -10000}
    assert (house.states("charges"), house.work()) == ({"claimed": 1, "settled": 1}, {})


def fhir_item(key: str, quantity: int, price: str = "", part_of: str = "", on: str = "2026-02-27") -> ChargeFact:
    """A charge of the visit, as a FHIR server tells it."""
    item = {
        "resourceType": "ChargeItem", "id": key, "status": "billable", "subject": {"reference": "Patient/P1"},
        "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "T1015"}]},
        "context": {"reference": "Encounter/E1"}, "occurrenceDateTime": on, "quantity": {"value": quantity},
    }  # fmt: skip
    item |= {"priceOverride": {"value": float(price), "currency": "USD"}} if price else {}
    item |= {"partOf": [{"reference": f"ChargeItem/{part_of}"}]} if part_of else {}
    (fact,) = read_whole(json.dumps(item).encode(), ndjson=False, settings=FhirSettings()).facts
    assert isinstance(fact, ChargeFact)
    return replace(fact, encounter_key="E1", patient_key="P1")


@pytest.mark.parametrize(
    ("told", "left", "work"),
    [
        ((fhir_item("c1", 1, "100.00"), fhir_item("c2", -1, "-100.00")), [], {}),
        ((fhir_item("c1", 3, "300.00"), fhir_item("c2", -1, "-100.00")), [(2, "200.00")], {}),
        ((fhir_item("c1", 1), fhir_item("c3", 1), fhir_item("c2", 1, "-165.00")), [(1, "165.00")], {}),
        ((fhir_item("c1", 1), fhir_item("c2", -1, part_of="c1", on="2026-02-28")), [], {}),
        ((fhir_item("c1", 3, "300.00"), fhir_item("c2", -1, "-50.00")), None, {"claim.credit_alone": 1}),
    ],
)
def test_a_fhir_item_below_zero_is_a_credit(
    house: House, told: tuple[ChargeFact, ...], left: list[tuple[int, str]] | None, work: dict[str, int]
) -> None:
    """Whole, in part, by its fee, of the charge that it names: what is left is billed; what fits nothing holds the
    visit, and a person is told."""
    house.tell(*VISIT, *told)
    house.take_in()
    lines = [(line.units, str(line.amount)) for row in house.rows("claims") for line in row.record.lines]
    assert (lines, house.work()) == (left or [], work)


def test_the_patient_owes_what_credits_left(house: House) -> None:
    """Without a claim the guarantor owes what is left of the charge, not the charge."""
    house.tell(
        patient_fact(),
        encounter_fact(),
        charge_fact("T1", units=D(3), amount=D("300.00")),
        charge_fact("T1/back", kind="credit", units=D(1), amount=D("-100.00")),
        coverage_fact(plan="SELFPAY", member_id=""),
    )
    house.take_in()
    assert house.accounts() == {"patient_receivable": 20000, "revenue": -20000}


def test_a_credit_after_billing_is_work(house: House) -> None:
    """A credit whose charge went out is told as that, and the claim stands until a person decides."""
    house.bill(*VISIT, charge_fact("T1"))
    house.tell(charge_fact("T1/back", kind="credit", amount=D("-165.00")))
    house.take_in()
    assert house.work() == {"claim.credit_late": 1}
    assert house.accounts() == {"insurance_receivable": 16500, "revenue": -16500}
    house.take_in()
    assert house.work() == {"claim.credit_late": 1}


def test_a_line_that_was_replaced_before_billing(house: House) -> None:
    """A line that another one replaces is withdrawn: only the new one is billed, in whatever order they come."""
    old = charge_fact("T1", version="1", amount=D("300.00"))
    gone = charge_fact("T1", version="2", active=False)
    new = charge_fact("T9", version="2", amount=D("120.00"))
    house.tell(*VISIT, new, gone)
    house.tell(old)
    house.take_in()
    assert house.accounts() == {"insurance_receivable": 12000, "revenue": -12000}
    assert house.states("charges") == {"claimed": 1, "void": 1}


def test_a_charge_that_stands_again(house: House) -> None:
    """A visit that was cancelled and reopened before it was billed is billed, once."""
    house.tell(*VISIT, charge_fact())
    house.tell(encounter_fact(version="2", status="cancelled"))
    house.take_in()
    assert house.states("charges") == {"cancelled": 1}
    house.tell(encounter_fact(version="3"))
    house.take_in()
    assert (house.states("charges"), house.states("claims")) == ({"claimed": 1}, {"ready": 1})


def test_a_line_that_was_replaced_after_billing_is_work(house: House) -> None:
    """A line that is replaced when its claim is out is a person's decision: the new one is not asked for too."""
    house.bill(*VISIT, charge_fact("T1", amount=D("300.00")))
    new = charge_fact("T9", version="2", amount=D("120.00"), replaces="T1")
    house.tell(charge_fact("T1", version="2", active=False), new)
    house.take_in()
    assert house.work() == {"ingest.changed_after_billing": 1, "claim.replaced_late": 1}
    assert house.accounts() == {"insurance_receivable": 30000, "revenue": -30000}
