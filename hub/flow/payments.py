"""Money that the source says was paid (FT1 types PY and CO): posted once, to the guarantor's account."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hub.errors import Problem
from hub.flow.base import CHUNK, Hub, Outcome, work_for
from hub.ledger import AccountKind, Transaction, entry, transaction
from hub.ledger.entry import Dims
from hub.model.encounter import Charge
from hub.money import to_cents
from hub.store.documents import Change, Row

PAID = ("payment", "copay")


def post(hub: Hub, practice: str) -> Outcome:
    """Post the payments that wait; an adjustment is a person's decision and becomes work."""
    with hub.store.view() as view:
        rows = view.charges.waiting("new", CHUNK, practice=practice, kind=(*PAID, "adjustment"))
        files = view.patients.get_many({row.col("patient_id") for row in rows})
    if not rows:
        return Outcome()
    with hub.store.begin("payments.post") as tx:
        for row in rows:
            good = _is_known(row)
            if good and (booked := _booked(row, files[row.col("patient_id")].record.guarantor_id, tx.now.date())):
                tx.book.post(booked)
            elif not good:
                tx.work.open(work_for([_by_hand(row.record.kind)], "charge", row.id)[0], practice=practice)
        tx.charges.put_many([Change(row, state="posted" if _is_known(row) else "held") for row in rows])
    return Outcome(done=len(rows), more=len(rows) == CHUNK)


def _is_known(row: Row[Charge]) -> bool:
    """Whether it is money that was paid, and how much."""
    return row.record.kind in PAID and row.record.amount is not None


def _booked(row: Row[Charge], guarantor_id: str, on: date) -> Transaction | None:
    one = row.record
    cents = to_cents(one.amount or Decimal(0))
    about: Dims = {"guarantor_id": guarantor_id, "patient_id": one.patient_id, "service_date": one.service_from}
    return transaction(
        [
            entry(AccountKind.PATIENT_CASH, cents, **about),
            entry(AccountKind.PATIENT_RECEIVABLE, -cents, **about),
        ],
        practice=row.practice,
        key=f"paid:{row.id}",
        cause=row.id,
        posting_date=on,
    )


def _by_hand(kind: str) -> Problem:
    return Problem(
        code="payment.by_hand",
        where="charge",
        why=f"the source sent {kind} money that the hub does not post by itself",
        fix="post it by hand, or correct it at the source",
    )
