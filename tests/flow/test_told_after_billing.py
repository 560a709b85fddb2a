"""What a source tells of a visit after its charges were billed: nobody is asked twice, and a person can see it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flowlab.house import House
from flowlab.made import charge_fact, coverage_fact, diagnosis_fact, encounter_fact
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.model.facts import AnyFact
from hub.store import Keyring, open_store

VISIT = (encounter_fact(), charge_fact(), coverage_fact(), diagnosis_fact())
ITEM = charge_fact("I1", "G0008", service="item")
DONE = charge_fact("R1", "G0008", service="done")


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


def heard(house: House, *facts: AnyFact) -> None:
    """A message, taken in, and what is ready sent."""
    house.tell(*facts)
    house.take_in()
    house.send()


@pytest.mark.parametrize(
    "then",
    [replace(ITEM, version="2", active=False), charge_fact("I1", "J3420", service="item", version="2")],
    ids=["withdrawn", "another code"],
)
def test_what_an_item_was_billed_for_is_not_billed_again_by_what_was_done(house: House, then: AnyFact) -> None:
    """Once the claim left, an item that is withdrawn, or says another service, does not make a second claim of the
    procedure that it stood for: a person decides.
    """
    house.bill(*VISIT, ITEM, DONE)
    heard(house, then)
    assert [[line.hcpcs for line in row.record.lines] for row in house.rows("claims")] == [["T1015", "G0008"]]
    assert house.work().keys() == {"claim.replaced_late", "ingest.changed_after_billing"}
    assert house.accounts() == {"insurance_receivable": 19500, "revenue": -19500}
