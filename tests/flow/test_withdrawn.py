"""A visit that its source takes back, and claims that went out as a test only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flowlab.house import House
from flowlab.made import charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient, patient_fact
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.errors import Refused
from hub.flow import dispatch, replaying, scrub, statements
from hub.model.facts import AnyFact, MergeFact
from hub.store import Keyring, open_store

VISIT = (encounter_fact(), charge_fact(), coverage_fact(), diagnosis_fact())


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


def test_a_cancelled_visit_does_not_leave_with_its_claim(house: House) -> None:
    """A claim that was not sent yet is held when its visit is cancelled, and both are work."""
    house.tell(patient_fact(), *VISIT)
    house.take_in()
    house.tell(encounter_fact(version="2", status="cancelled"))
    house.take_in()
    house.send()
    assert house.states("claims") == {"held": 1}
    assert house.sent() == []
    assert house.work() == {"ingest.changed_after_billing": 1, "claim.withdrawn": 1}


def test_a_cancelled_visit_that_was_sent_is_work(house: House) -> None:
    """A claim that is out already stays as it is; that its visit was cancelled is work."""
    house.bill(*VISIT)
    house.tell(encounter_fact(version="2", status="cancelled"))
    house.take_in()
    assert house.states("claims") == {"frozen": 1}
    assert house.work() == {"ingest.changed_after_billing": 1}


def test_a_patient_who_turns_out_to_be_a_test_is_work(house: House) -> None:
    """What was billed for a test patient does not go unseen."""
    house.bill(*VISIT)
    house.tell(replace(patient_fact(version="2"), patient=patient(is_test=True)), encounter_fact(version="2"))
    house.take_in()
    assert house.work() == {"ingest.changed_after_billing": 1}


@pytest.mark.parametrize(
    ("told", "held"),
    [
        ({"charge": charge_fact(patient_key="P2")}, True),
        ({"diagnosis": diagnosis_fact(patient_key="P2")}, True),
        ({"visit": encounter_fact(others=("P2",))}, True),
        ({"charge": charge_fact(patient_key="P2", active=False), "diagnosis": charge_fact("C2")}, False),
        ({"charge": charge_fact(patient_key="P?records|P2")}, False),
        ({"charge": charge_fact(patient_key="P2"), "visit": encounter_fact(partial=True)}, False),
    ],
)
def test_what_is_of_another_patient_is_not_billed(house: House, told: dict[str, AnyFact], held: bool) -> None:
    """A visit of which something is of another patient waits for a person; when the two were one, it is billed, and
    whose a line of a message (HL7) is says its message."""
    parts = {"visit": encounter_fact(), "charge": charge_fact(), "diagnosis": diagnosis_fact(), **told}
    house.tell(patient_fact(), coverage_fact(), *parts.values())
    house.take_in()
    assert house.work() == ({"encounter.of_another": 1} if held else {})
    assert len(house.rows("claims")) == (not held)
    house.tell(MergeFact(key="M1", version="2", kind="patient", from_key="P2", into_key="P1"))
    house.take_in()
    assert (house.work(), len(house.rows("claims"))) == ({}, 1)


def _test_mode(house: House, usage: str) -> None:
    told = house.settings.hub.model_copy(update={"usage": usage})
    house.settings = house.settings.model_copy(update={"hub": told})


def _settled(house: House) -> None:
    with house.store.begin("dispatch.settle") as tx:
        (file,) = tx.files.find(state="frozen")
        dispatch.settle(tx, house.hub, tx.files.put_state(file, "sent"))


def test_what_went_out_as_a_test_goes_out_for_real_on_a_persons_word(house: House) -> None:
    """Claims of a test file are `tested`, nobody is expected to pay them; once the mailbox is productive they
    are sent again, under new numbers, as production.
    """
    _test_mode(house, "T")
    house.bill(*VISIT)
    _settled(house)
    assert house.states("claims") == {"tested": 1}
    with house.store.view() as view:
        assert set(view.expectations.tally()) == {"acknowledgement", "claim_ack"}
    with pytest.raises(Refused), house.store.begin("admin") as tx:
        replaying.tested_claims(tx, house.settings, "", "ann")
    _test_mode(house, "P")
    with house.store.begin("admin") as tx:
        assert replaying.tested_claims(tx, house.settings, "", "ann")[0] == 1
    house.run(scrub.check)
    house.send()
    first, second = house.sent()
    assert (first.usage, second.usage) == ("T", "P")
    assert first.closed_at is not None
    assert first.pcn != second.pcn


def test_what_was_called_off_since_its_test_is_not_sent_for_real(house: House) -> None:
    """Nor while the source has the visit open again; finished, it goes."""
    _test_mode(house, "T")
    house.bill(*VISIT)
    _settled(house)
    _test_mode(house, "P")
    for version, status, moved in (("2", "cancelled", 0), ("3", "open", 0), ("4", "finished", 1)):
        house.tell(encounter_fact(version=version, status=status, ready=status == "finished"))
        house.take_in()
        with house.store.begin("admin") as tx:
            assert replaying.tested_claims(tx, house.settings, "", "ann")[0] == moved


def test_a_hub_in_test_mode_asks_nobody_for_money(house: House) -> None:
    """No statement is made while files are test files only."""
    house.tell(
        patient_fact(), encounter_fact(), charge_fact(), coverage_fact(payer_token="SELFPAY"), diagnosis_fact()
    )
    house.take_in()
    _test_mode(house, "T")
    assert statements.make(house.hub, "lakeside").done == 0
    _test_mode(house, "P")
    assert statements.make(house.hub, "lakeside").done == 1
