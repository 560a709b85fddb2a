"""The same 835 through two mailboxes at the same moment, on both databases."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flowlab.house import PAYER_IDS, PRACTICE, House, remittance
from flowlab.made import charge_fact, coverage_fact, encounter_fact, payment_of, service

from hub.clock import TurnedClock
from hub.flow import posting, remits
from hub.store import Store

MAILBOXES = ("clearinghouse", "other_house")


def test_two_mailboxes_at_once_post_once(
    store: Store, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two lanes that look for duplicates at the same moment: one remittance posts, the other is its duplicate."""
    house = House(store, clock)
    known = house.settings.payers
    ppo = known["ppo"].model_copy(update={"remit_ids": (PAYER_IDS["ppo"],)})
    house.settings = house.settings.model_copy(update={"payers": {**known, "ppo": ppo}})
    house.bill(encounter_fact(), charge_fact(), coverage_fact())
    (claim,) = house.rows("claims")
    (sent,) = house.sent()
    lines = tuple(service(line) for line in claim.record.lines)
    body = remittance(payment_of(lines, patient_control_number=sent.pcn)).encode()
    with store.begin("ingest.receive") as tx:
        for mailbox in MAILBOXES:
            tx.inbox.put(practice=PRACTICE, source=mailbox, kind="835", content_type="x12", body=body)
    _meet(monkeypatch)
    with ThreadPoolExecutor(2) as lanes:
        list(lanes.map(lambda mailbox: remits.read(house.hub, mailbox), MAILBOXES))
    house.run(posting.post)
    assert house.states("remits") == {"posted": 1, "duplicate": 1}
    assert house.accounts()["cash_clearing"] == 16500


def _meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reader, when it has looked, gives the other the chance to have looked too before either commits."""
    verdict = remits._Set._verdict
    both = threading.Barrier(2)

    def slowly(self: remits._Set, *told: Any) -> Any:
        found = verdict(self, *told)
        with contextlib.suppress(threading.BrokenBarrierError):  # the other is kept from looking: nobody comes
            both.wait(0.5)
        return found

    monkeypatch.setattr(remits._Set, "_verdict", slowly)
