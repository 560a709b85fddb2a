"""Accounts that came to rest long ago, each with one thing different: what the tests of retention purge and keep."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from msgspec.structs import replace

from flowlab.house import House, remittance
from flowlab.keeper import visit
from flowlab.made import D, adjustment, patient_fact, payment_of, service
from hub.config.unattended import Retention
from hub.model.claim import Claim
from hub.model.remit import ClaimPayment

KEPT = Retention(purge=True)
LONG = timedelta(days=8 * 366)


def bill(house: House, *numbers: int, **person: Any) -> None:
    """One visit each of patients of their own, taken in and sent; `person` is what is different about them."""
    for number in numbers:
        first, *rest = visit(number)
        house.tell(patient_fact(first.key, **person), *rest)
    house.take_in()
    house.send()
    with house.store.begin("dispatch.settle") as tx:
        for file in tx.files.find(state="frozen"):
            token = tx.outbox.fence(file.mailbox)
            for phase in ("staging", "staged", "publishing", "published", "sent"):
                tx.outbox.enter(file.id, phase, token, evidence="published" if phase == "sent" else "")
            tx.files.put_state(file, "sent")
            tx.event("file.sent", "file", file.id, practice=file.practice)
            tx.expect("acknowledgement", file.id, tx.now, practice=file.practice)
            tx.met("acknowledgement", file.id, "test")


def pay(house: House, *, owed: str = "0.00", trace: str = "T1") -> None:
    """One remittance pays every claim that is out, but for what patients owe."""
    with house.store.view() as view:
        sent = [one for one in view.submissions.find() if one.closed_at is None]
        claims = {one.id: view.claims.get(one.claim_id) for one in sent}
    paid = [_answer(row.record, str(one.pcn), owed) for one in sent if (row := claims[one.id])]
    house.arrive("835", remittance(*paid, trace=trace, on=date(2026, 3, 3)))
    house.answer()
    with house.store.begin("sweep.expect") as tx:
        for one in sent:
            tx.met("adjudication", f"{one.id}:{one.rank}", "test")
            tx.met("claim_ack", one.id, "test")


def _answer(claim: Claim, pcn: str, owed: str) -> ClaimPayment:
    cuts = [adjustment("CO", "45", "40.00")] + ([adjustment("PR", "1", owed)] if D(owed) else [])
    first, *rest = claim.lines
    lines = (service(first, *cuts), *(service(one) for one in rest))
    return replace(payment_of(lines), patient_control_number=pcn)


def at_rest(house: House, *numbers: int) -> House:
    """Patients whose claims were sent and paid eight years ago."""
    bill(house, *(numbers or (1,)))
    pay(house)
    house.clock.turn(LONG)
    return house
