"""Promise 5: transactions sum to zero and are never edited; cash = BPR02 = sum of CLP04 - sum of PLB."""

from __future__ import annotations

from collections.abc import Sequence

from hub.ledger import AccountKind, identity
from hub.model.remit import Remittance
from hub.money import to_cents
from hub.reports.promises.room import Room, heads
from hub.store.documents import Row

A = AccountKind
CASH = (A.CASH_CLEARING, A.BANK)
UNPOSTED = ("reading", "held", "set_aside", "duplicate", "notified")
WAITING = ("held", "set_aside")
SUM_AGAIN = "find out who writes to the database; empty the table ledger_sums and the hub sums it again"
BOOKS = (
    "compare with the bank and the payer's file; post the difference with a transaction of its own, never edit"
)


def balanced(room: Room) -> None:
    """The book itself, each remittance against it, and the identity of each practice."""
    with room.guarded("ledger_transactions"):
        room.count("ledger transactions", room.scan.count("ledger_transactions"))
        for damage in room.view.book.damages():
            room.breach(f"ledger transaction {damage.seq} {damage.key}".rstrip(), damage.fault, BOOKS)
    with room.guarded("remits posted"):
        for page in room.documents(room.view.remits, "remit", state="posted"):
            _posted(room, page)
    with room.guarded("remits not posted"):
        _unposted(room)
    with room.guarded("identity"):
        _identity(room)


def _posted(room: Room, page: Sequence[Row[Remittance]]) -> None:
    ids = [row.id for row in page]
    room.count("posted remittances", len(ids))
    paid = _claim_payments(room, ids)
    cash = room.view.book.balances("remit_id", ids, account=CASH)
    variance = room.view.book.balances("remit_id", ids, account=A.REMITTANCE_VARIANCE)
    for row in page:
        told = row.record
        bpr = to_cents(told.amount if told.credit else -told.amount)
        plb = sum(to_cents(one.amount) for one in told.provider_adjustments)
        if abs(bpr) != row.col("amount_cents"):
            room.breach(f"remit {row.id}", "its amount column is not the BPR02 of its document")
        if cash[row.id] != bpr:
            room.breach(f"remit {row.id} BPR02", "the net debit to cash clearing is not what was paid", BOOKS)
        if bpr != paid.get(row.id, 0) - plb - variance[row.id]:
            why = "BPR02 is not its claim payments less its provider adjustments (and a posted variance)"
            room.breach(f"remit {row.id} CLP04 PLB", why, BOOKS)
        if told.method == "NON" and (bpr or cash[row.id]):
            room.breach(f"remit {row.id} BPR04", "it says that nothing was paid, and money stands in it", BOOKS)


def _claim_payments(room: Room, remits: Sequence[str]) -> dict[str, int]:
    """The sum of CLP04 by remittance, from the documents; a clear column that says otherwise is named."""
    sums: dict[str, int] = {}
    for page in room.documents(room.view.remit_claims, "remit claim", remit_id=list(remits)):
        room.count("claim payments", len(page))
        for row in page:
            cents = to_cents(row.record.paid)
            sums[row.col("remit_id")] = sums.get(row.col("remit_id"), 0) + cents
            if cents != row.col("paid_cents"):
                room.breach(f"remit claim {row.id} CLP04", "its amount column is not that of its document")
    return sums


def _unposted(room: Room) -> None:
    """What is not posted moved nothing, and is in front of a person with its BPR02."""
    for page in heads(room.view.remits, state=UNPOSTED):
        room.count("remittances not posted", len(page))
        moved = room.view.book.sum(("remit_id",), remit_id=[row.id for row in page])
        for (remit,) in moved:
            room.breach(f"remit {remit}", "it is not posted, and the ledger has entries of it", BOOKS)
        waiting = [row for row in page if row.state in WAITING]
        _shown(room, waiting)


def _shown(room: Room, waiting: Sequence[Row[None]]) -> None:
    columns = ("amount_cents", "reason")
    items = room.scan.among("work_items", "aggregate_id", [r.id for r in waiting], *columns, resolved_at=None)
    shown: dict[str, set[int]] = {}
    for item in items:
        shown.setdefault(item.aggregate_id, set()).add(item.amount_cents)
    for row in waiting:
        if row.id not in shown:
            room.breach(f"remit {row.id}", f"it is {row.state}, and no open work item says so", "replay it")
        elif row.state == "held" and row.col("amount_cents") not in shown[row.id]:
            room.breach(f"remit {row.id}", "its work items do not show its BPR02", "replay it")


def _identity(room: Room) -> None:
    truth = room.view.ledger_sums.truth()
    for practice, account in room.view.ledger_sums.off(truth):
        room.breach(f"sum of {practice} {account}", "it is not what the ledger's entries come to", SUM_AGAIN)
    for practice in room.settings.practices:
        room.count("practices' books")
        accounts = {account: cents for (owner, account), cents in truth.items() if owner == practice}
        if identity(accounts).difference:
            why = "what was charged is not what was paid, adjusted, written off and is open"
            room.breach(f"practice {practice} identity", why, BOOKS)
