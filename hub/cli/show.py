"""`claims list`, `files list`, `work list`: what there is, without a patient's name."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from hub.cli.opened import opened
from hub.cli.ui import age, print_json, say, table, when
from hub.money import dollars
from hub.store.outbox import File
from hub.store.work import OpenItem

LATE_DAYS = 7
MOST_REASONS = 8


def claims(folder: Path, *, state: str, payer: str, limit: int, as_json: bool) -> None:
    """Claims, newest last; nothing here names a patient."""
    wanted: dict[str, Any] = {name: value for name, value in (("state", state), ("payer", payer)) if value}
    with opened(folder) as hub, hub.store.view() as view:
        rows = view.claims.heads(limit=limit, newest=True, **wanted)[::-1]
        sent = view.submissions.find(claim_id=[row.id for row in rows]) if rows else []
        numbers = {one.claim_id: one.pcn for one in sorted(sent, key=lambda one: one.opened_at)}
        now = view.now
    told = [
        {
            "id": row.id,
            "state": row.state,
            "state_since": row.state_since,
            "payer": row.col("payer"),
            "rank": row.col("rank"),
            "version": row.col("version"),
            "cents": row.col("cents"),
            "service_date": row.col("service_date"),
            "pcn": numbers.get(row.id),
            "practice": row.practice,
        }
        for row in rows
    ]
    if as_json:
        print_json(told)
        return
    columns = ("claim", "state", "for", "payer", "rank", "amount", "service", "control number")
    drawn = [_claim_row(one, now) for one in told]
    table(f"Claims: {len(told)}", columns, drawn, right=(2, 4, 5))


def _claim_row(one: dict[str, Any], now: datetime) -> tuple[Any, ...]:
    stood = age(now - one["state_since"])
    head = (one["id"], one["state"], stood, one["payer"], one["rank"])
    return (*head, dollars(one["cents"]), one["service_date"], one["pcn"] or "-")


def files(folder: Path, *, limit: int, as_json: bool) -> None:
    """Frozen files that went out, and what came in."""
    with opened(folder) as hub, hub.store.view() as view:
        out = [file_record(one) for one in view.files.newest(limit)[::-1]]
        came: list[dict[str, Any]] = [
            {
                "id": one.id,
                "seq": one.seq,
                "source": one.source,
                "kind": one.kind,
                "state": one.state,
                "reason": one.reason,
                "size": view.blobs.size(one.blob_id),
                "received_at": one.received_at,
            }
            for one in view.inbox.newest(limit)[::-1]
        ]
    if as_json:
        print_json({"out": out, "in": came})
        return
    columns: tuple[str, ...] = ("file", "name", "to", "kind", "state", "bytes", "sets", "ISA13", "frozen")
    table(f"Out: {len(out)}", columns, map(_out_row, out), right=(5, 6, 7))
    columns = ("message", "from", "kind", "state", "bytes", "received")
    table(f"In: {len(came)}", columns, map(_in_row, came), right=(4,))


def _out_row(one: dict[str, Any]) -> tuple[Any, ...]:
    head = tuple(one[name] for name in ("id", "name", "mailbox", "kind", "state", "size", "sets"))
    return (*head, one["isa13"] or "-", when(one["frozen_at"]))


def _in_row(one: dict[str, Any]) -> tuple[Any, ...]:
    return (*(one[name] for name in ("id", "source", "kind", "state", "size")), when(one["received_at"]))


def file_record(one: File) -> dict[str, Any]:
    """A frozen file as JSON tells it; its keyed digest and blob stay inside."""
    names = [name for name in one.__struct_fields__ if name not in {"digest", "blob_id"}]
    return {name: getattr(one, name) for name in names}


def work_items(folder: Path, *, reason: str, owner: str, limit: int, after: str, as_json: bool) -> None:
    """Open work items: what stops others first, then the late, then the largest; from behind the item `after`."""
    wanted: dict[str, Any] = {"owner": owner} if owner else {}
    with opened(folder) as hub, hub.store.view() as view:
        items = view.work.page(limit, after=after, reason_prefix=reason, **wanted)
        owners = {} if as_json else view.work.tally("owner", reason_prefix=reason, **wanted)
        reasons = {} if as_json else view.work.tally("reason", reason_prefix=reason, **wanted)
        now = view.now
    if as_json:
        print_json(items)
        return
    columns = ("item", "who", "age", "worth", "reason", "why")
    rows = [_work_row(item, now) for item in items]
    styles = [_style(item, now) for item in items]
    whole = sum(count for count, _ in owners.values())
    table(f"Work: {len(items):,} of {whole:,} open", columns, rows, right=(2, 3), styles=styles)
    told = ", ".join(f"{owners[name][0]:,} for {name}" for name in sorted(owners))
    say(told or "nothing waits for a person")
    if items and len(items) < whole:
        often = sorted(reasons.items(), key=lambda each: (-each[1][0], each[0]))[:MOST_REASONS]
        say(
            "most often: "
            + ", ".join(f"{count:,} {name}" for name, (count, _) in often)
            + " (--reason shows one)"
        )
        say(f"the next ones: hub work list --after {items[-1].id}")


def _late(item: OpenItem, now: datetime) -> bool:
    return item.reason.startswith("overdue.") or (item.due_at is not None and item.due_at <= now)


def _work_row(item: OpenItem, now: datetime) -> tuple[str, ...]:
    worth = dollars(item.amount_cents) if item.amount_cents else "-"
    why = f"{item.aggregate_id}: {item.why}" if item.aggregate == "connector" else item.why
    return (item.id, item.owner, age(now - item.opened_at), worth, item.reason, why)


def _style(item: OpenItem, now: datetime) -> str:
    """Red for what is late or blocks, yellow for what is old, dim for warnings, cyan for IT's."""
    if item.reason.endswith(".warning"):
        return "dim"
    if _late(item, now) or item.aggregate in {"file", "connector"}:
        return "red"
    if (now - item.opened_at).days >= LATE_DAYS:
        return "yellow"
    return "cyan" if item.owner == "it" else ""
