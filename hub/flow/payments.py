"""Money that the source says was paid (FT1 types PY and CO): posted once, to the guarantor's account.

A payment may be told again, changed or taken back after it was posted. Nothing in the book is edited then: what
stands is reversed, and what is told now is posted under a key of its own (`paid:ID`, `paid:ID:2`, ...). A payment
that was taken back is kept with an amount of zero.
"""

from __future__ import annotations

from datetime import date
from itertools import count

from msgspec.structs import replace

from hub.errors import Problem
from hub.flow.base import CHUNK, Hub, Outcome, work_for
from hub.flow.visits.persons import whom
from hub.ledger import AccountKind, Transaction, entry, transaction
from hub.ledger.entry import Dims
from hub.model.encounter import Charge
from hub.money import ZERO, to_cents
from hub.store import Tx
from hub.store.documents import Change, Row

PAID = ("payment", "copay")
MONEY = (*PAID, "adjustment", "insurance_payment")
"""What is money and is never billed; only the first two are posted without a person."""
TAKEN_BACK = frozenset({"void", "test"})
"""A charge's state when no money was paid after all. A visit that is cancelled takes no money back."""


def post(hub: Hub, practice: str) -> Outcome:
    """Post the payments that wait; an adjustment is a person's decision and becomes work."""
    with hub.store.view() as view:
        rows = view.charges.waiting("new", CHUNK, practice=practice, kind=MONEY)
        patients = whom(view, {row.col("patient_id") for row in rows})
    if not rows:
        return Outcome()
    with hub.store.begin("payments.post") as tx:
        posted = tx.book.has(practice, [_key(row.id) for row in rows])
        states = []
        for row in rows:
            guarantor = patients[row.col("patient_id")].guarantor_id
            states.append(_settle(tx, row, guarantor, is_posted=_key(row.id) in posted))
        tx.charges.put_many([Change(row, state=state) for row, state in zip(rows, states, strict=True)])
    return Outcome(done=len(rows), more=len(rows) == CHUNK)


def restated(row: Row[Charge] | None, told: Charge, state: str) -> tuple[Charge, str] | None:
    """What to keep of money that the source tells (again), and in which state; None where nothing is new. Pure.

    `state` is that of a charge of the same visit (`void` where the source took it back). What comes out as `new` is
    posted, or reversed and posted anew, by the next run. Money whose visit is now another one stays as it stands.
    """
    gone = state in TAKEN_BACK
    if row is None:
        return told, state if gone or state == "history" else "new"
    if state == "history" or (gone and row.state in {"void", "test", "history"}):
        return None
    target = replace(told, amount=ZERO) if gone else told
    same = target == row.record or (row.state == "posted" and _posted_as(target) == _posted_as(row.record))
    if same and (row.state in {"posted", "held", "new"} or (row.state == "void" and target.amount == ZERO)):
        return None if row.record == target else (target, row.state)  # what the book does not say is kept anew
    return target, "new"


def _posted_as(one: Charge) -> tuple[object, ...]:
    """What the book says of a payment."""
    return one.kind in PAID, one.amount, one.patient_id, one.service_from


def _settle(tx: Tx, row: Row[Charge], guarantor_id: str, *, is_posted: bool) -> str:
    """Bring the book to what is told of one payment now; returns the state that it comes to."""
    one = row.record
    known = one.kind in PAID and one.amount is not None
    number, standing = _standing(tx, row) if is_posted else (1, None)
    due = _booked(row, guarantor_id, tx.now.date(), number) if known else None
    if standing is not None and (due is None or due.entries != standing.entries):
        tx.book.reverse(row.practice, standing.key, posting_date=tx.now.date(), cause=row.id)
        standing = None
    if due is not None and standing is None:
        tx.book.post(due)
    if known or one.amount == ZERO:
        tx.work.resolve_for(row.id, "payment.", "the source told it anew")
        return "posted" if one.amount else "void"
    tx.work.open(work_for([_by_hand(one.kind)], "charge", row.id)[0], practice=row.practice)
    return "held"


def _key(charge_id: str, number: int = 1) -> str:
    return f"paid:{charge_id}" if number == 1 else f"paid:{charge_id}:{number}"


def _standing(tx: Tx, row: Row[Charge]) -> tuple[int, Transaction | None]:
    """The number of the next posting of a payment, and the last one where it was not reversed."""
    last = None
    for number in count(1):
        found = tx.book.get(row.practice, _key(row.id, number))
        if found is None:
            break
        last = found
    if last is None or tx.book.has(row.practice, [f"reverse:{last.key}"]):
        return number, None
    return number, last


def _booked(row: Row[Charge], guarantor_id: str, on: date, number: int) -> Transaction | None:
    one = row.record
    cents = to_cents(one.amount or ZERO)
    about: Dims = {"guarantor_id": guarantor_id, "patient_id": one.patient_id, "service_date": one.service_from}
    return transaction(
        [
            entry(AccountKind.PATIENT_CASH, cents, **about),
            entry(AccountKind.PATIENT_RECEIVABLE, -cents, **about),
        ],
        practice=row.practice,
        key=_key(row.id, number),
        cause=row.id,
        posting_date=on,
    )


def _by_hand(kind: str) -> Problem:
    word = {"insurance_payment": "an insurer's payment"}.get(kind, f"{kind} money")
    return Problem(
        code="payment.by_hand",
        where="charge",
        why=f"the source sent {word} that the hub does not post by itself",
        fix="post it by hand, or correct it at the source",
    )


__all__ = ["MONEY", "PAID", "post", "restated"]
