"""What a source tells of a visit after its charges were billed: nobody is asked twice, and a person can see it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flowlab.house import House
from flowlab.made import charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient_fact
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.flow import replaying
from hub.flow.visits.refreshing import refreshed
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


OF_ANOTHER = {
    "a charge": charge_fact(version="2", patient_key="P2"),
    "a diagnosis": diagnosis_fact(version="2", patient_key="P2"),
}


@pytest.mark.parametrize("what", OF_ANOTHER)
@pytest.mark.parametrize("left", [False, True])
def test_what_turns_out_to_be_of_another_patient(house: House, what: str, left: bool) -> None:
    """A claim that has not left waits with its visit, and is billed when the source has settled it; of one that left
    a person is told.
    """
    house.tell(patient_fact(), *VISIT)
    house.take_in()
    if left:
        house.send()
    heard(house, OF_ANOTHER[what], patient_fact("P2"))
    if left:
        assert (house.states("claims"), house.work()) == ({"frozen": 1}, {"ingest.mixed_after_billing": 1})
        return
    assert (house.states("claims"), house.sent()) == ({"void": 1}, [])
    assert (house.work(), house.accounts()) == ({"encounter.of_another": 1}, {})
    heard(house, replace(OF_ANOTHER[what], version="3", patient_key="P1"))
    assert (house.states("claims"), house.work()) == ({"void": 1, "frozen": 1}, {})


@pytest.mark.parametrize("left", [False, True])
def test_a_visit_that_was_elsewhere(house: House, left: bool) -> None:
    """One that turns out to have been by video goes out with that place, or a person is told that it left with
    another; should that claim go again, it says the right one.
    """
    source = house.settings.sources["adt"].model_copy(update={"places": {"virtual": "10"}})
    house.settings = house.settings.model_copy(update={"sources": {**house.settings.sources, "adt": source}})
    house.tell(patient_fact(), *VISIT)
    house.take_in()
    if left:
        house.send()
    heard(house, encounter_fact(version="2", kind="virtual"))
    found = [row.record.place_of_service for row in house.rows("claims", state="frozen")]
    assert (found, dict(house.work())) == ((["11"], {"ingest.visit_retold": 1}) if left else (["10"], {}))
    (claim, *_), (visit,) = house.rows("claims", state="frozen"), house.rows("encounters")
    (file,) = house.rows("patients")
    again = refreshed(claim.record, visit.record, file.record, house.settings, "lakeside")
    assert again.place_of_service == "10"


@pytest.mark.parametrize("open_", [False, True])
def test_nobody_is_asked_for_a_visit_that_was_called_off(house: House, open_: bool) -> None:
    """What a visit waited for, its policy, or its end, is work no longer once it is cancelled."""
    house.tell(patient_fact(), *(VISIT[:2] if not open_ else VISIT), diagnosis_fact())
    if open_:
        house.tell(encounter_fact(version="2", status="open", ended_at=None, ready=False))
        house.clock.turn_to(house.clock.now() + timedelta(days=20))
    house.take_in()
    assert house.work() == ({"encounter.unfinished": 1} if open_ else {"claim.no_coverage": 1})
    heard(house, encounter_fact(version="3", status="cancelled"))
    assert (house.work(), house.states("encounters")) == ({}, {"cancelled": 1})


def test_a_claim_that_goes_again_on_a_word_is_work_no_longer(house: House) -> None:
    """One that left once, whose visit was open for a while, is released by a person, and the work is done."""
    house.bill(*VISIT)
    (claim,), (sent,) = house.rows("claims"), house.sent()
    with house.store.begin("admin") as tx:
        tx.submissions.close_many([sent.id], "it was refused", state="rejected")
        tx.claims.put(claim, state="ready")
    heard(house, encounter_fact(version="2", status="open", ended_at=None, ready=False))
    assert house.work() == {"claim.reopened": 1}
    heard(house, encounter_fact(version="3"))
    with house.store.begin("admin") as tx:
        replaying.one(tx, house.settings, claim.id, "ann")
    assert not house.work()


def test_a_credit_that_is_told_again_counts(house: House) -> None:
    """One that was withdrawn before it counted, and stands again before the claim left, takes of that claim."""
    back = charge_fact("C1/back", kind="credit", replaces="C1", active=False)
    house.tell(patient_fact(), *VISIT, charge_fact("C2", "G0008"), back)
    house.take_in()
    heard(house, replace(back, version="2", active=True))
    assert [[line.hcpcs for line in row.record.lines] for row in house.rows("claims", state="frozen")] == [
        ["G0008"]
    ]
    assert not house.work()
