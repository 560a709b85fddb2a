"""After a restore: what may have gone out between the backup and the restore waits for a person, not for luck."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from hub.flow.base import Hub, move_claims
from hub.model.claim import Claim
from hub.model.work import WorkItem
from hub.store import View
from hub.store.documents import Change, Row
from hub.store.keeping import Restore
from hub.store.work import OpenItem

REASON = "restore.maybe_sent"
STATEMENTS = "restore.statements"
_ALL = 100_000
SENT_AGAIN = ("claim.resent", "claim.corrected")


def held_back(hub: Hub, rows: Sequence[Row[Claim]]) -> set[str]:
    """Hold the claims that may have gone out in the time that the backup did not know, and that nobody has asked the
    partner about yet; returns their ids. Where nothing was restored this is one look at an empty table.
    """
    if not rows:
        return set()
    with hub.store.view() as view:
        last = view.restores.last()
        if last is None:
            return set()
        asked = _settled(view, last, [row for row in rows if _is_of_that_time(row, last)])
    if asked:
        with hub.store.begin("batch.freeze") as tx:
            move_claims(tx, [Change(row, state="held") for row in asked], cause=last.id)
            for row in asked:
                tx.work.open(_item(row, last), practice=row.practice)
    return {row.id for row in asked}


def may_have_left(view: View, rows: Sequence[Row[Claim]]) -> set[str]:
    """Those of the claims, by id, that may have gone out in the time that the backup did not know."""
    last = view.restores.last() if rows else None
    return {row.id for row in rows if _is_of_that_time(row, last)} if last is not None else set()


def stay_held(view: View, ids: Sequence[str]) -> set[str]:
    """Those of the claims that a person was asked about since the restore and did not let go: the partner may have
    them, or has them, so nothing sends them that was not said of each by itself.
    """
    last = view.restores.last()
    if last is None or not ids:
        return set()
    asked = {item.aggregate_id for item in _items(view, last, ids)}
    return asked - _let_go(view, last, ids)


def statements_wait(hub: Hub, practice: str) -> bool:
    """Whether nobody may be asked for money yet: statements may have gone out and payments come in since the backup,
    so a person says when both are known here again, by resolving the work item.
    """
    with hub.store.view() as view:
        last = view.restores.last()
        if last is None:
            return False
        items = view.work.list(reason_prefix=STATEMENTS, practice=practice, open_only=False, limit=1_000)
    ours = [item for item in items if item.opened_at >= last.accepted_at]
    if not ours:
        with hub.store.begin("statements.make") as tx:
            tx.work.open(_statements(practice, last), practice=practice)
    return not any(item.resolved_at for item in ours)


def _statements(practice: str, last: Restore) -> WorkItem:
    return WorkItem(
        reason="restore.statements",
        aggregate="practice",
        aggregate_id=practice,
        why=f"the hub was restored from {last.made_at:%Y-%m-%d %H:%M} UTC: statements may have gone out after that, "
        "and payments come in; until this is resolved nobody is sent a statement",
        fix="when payments since then are posted again, and the print vendor has said what it printed: resolve this",
        where=last.id,
    )


def _is_of_that_time(row: Row[Claim], last: Restore) -> bool:
    """A claim that was there or came in with what was asked for again, for a service before the hub went on."""
    served = row.col("service_date")
    day_after = (last.accepted_at + timedelta(days=1)).date()
    return row.created_at <= last.until and (served is None or served < day_after)


def _settled(view: View, last: Restore, rows: Sequence[Row[Claim]]) -> list[Row[Claim]]:
    """Without those that a person let go, and those that this hub has sent since then. That an earlier submission
    was closed since then says nothing: the answer may be of the time that was lost, and so may what followed it.
    """
    ids = [row.id for row in rows]
    if not ids:
        return []
    sent = view.submissions.find(claim_id=ids, usage="P", limit=_ALL)
    done = _let_go(view, last, ids) | {one.claim_id for one in sent if one.opened_at >= last.accepted_at}
    return [row for row in rows if row.id not in done]


def _let_go(view: View, last: Restore, ids: Sequence[str]) -> set[str]:
    """The claims that the word of a person sent again. An item that was only resolved says that the partner has the
    claim: what lets it go is the sending in the same transaction.
    """
    said = {(item.aggregate_id, item.resolved_at) for item in _items(view, last, ids) if item.resolved_at}
    among = sorted({claim for claim, _ in said})
    again = view.events.find(aggregate_id=among, kind=SENT_AGAIN, limit=_ALL) if among else []
    return {event.aggregate_id for event in again if (event.aggregate_id, event.at) in said}


def _items(view: View, last: Restore, ids: Sequence[str]) -> list[OpenItem]:
    items = view.work.list(reason_prefix=REASON, aggregate_id=list(ids), open_only=False, limit=_ALL)
    return [item for item in items if item.opened_at >= last.accepted_at]


def _item(row: Row[Claim], last: Restore) -> WorkItem:
    return WorkItem(
        reason="restore.maybe_sent",
        aggregate="claim",
        aggregate_id=row.id,
        why=f"the hub was restored from {last.made_at:%Y-%m-%d %H:%M} UTC: this claim may have gone out after that",
        fix=(
            "ask the clearinghouse whether it has it. If not: hub work resolve ITEM --how WHAT-IT-SAID --resend. "
            "If it has: leave it held, and post its payment by hand when it comes"
        ),
        amount_cents=row.col("cents"),
    )
