"""Steps that meet a partner, one by one: where claims go, what is set aside, what is tried again."""

from __future__ import annotations

import pytest
from flowlab.house import MAILBOX, House
from flowlab.made import charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient_fact

from hub.clock import TurnedClock
from hub.flow import batch, scrub
from hub.store import Store

VISIT = (patient_fact(), encounter_fact(), charge_fact(), coverage_fact(), diagnosis_fact())


@pytest.fixture
def house(store: Store, clock: TurnedClock) -> House:
    """The practice, on each database."""
    return House(store, clock)


def test_ready_claims_of_a_connector_that_is_gone_are_scrubbed_anew(house: House) -> None:
    """A claim that waits for a connector which the settings no longer name goes where its payer's claims go now,
    judged by what is agreed there; what is frozen stays with its mailbox."""
    house.tell(*VISIT)
    house.take_in()
    known = house.settings
    second = known.connectors[MAILBOX]
    house.settings = known.model_copy(
        update={
            "route": known.route.model_copy(update={"default": "second"}),
            "connectors": {**{n: c for n, c in known.connectors.items() if n != MAILBOX}, "second": second},
            "mailboxes": {"second": known.mailboxes[MAILBOX]},
        }
    )
    house.run(batch.freeze, "second")
    assert house.states("claims") == {"new": 1}
    house.run(scrub.check)
    (claim,) = house.rows("claims")
    assert (claim.state, claim.col("route")) == ("held", "second")
    assert set(house.work()) == {"scrub.payer_id"}
