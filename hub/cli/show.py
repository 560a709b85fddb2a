"""`status`, `claims list`, `files list`, `work list`: where everything stands, without a patient's name."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from hub.app import lanes_for
from hub.cli.opened import Opened, opened
from hub.cli.ui import age, print_json, say, table, when
from hub.ledger import identity
from hub.money import dollars
from hub.schedule import configured, latest
from hub.store import View
from hub.store.outbox import File
from hub.store.work import OpenItem

LATE_DAYS = 7
LAST_EVENTS = 10


def status(folder: Path, *, as_json: bool) -> None:
    """Where everything stands; no partner is called."""
    with opened(folder) as hub, hub.store.view() as view:
        told = _status(hub, view)
    if as_json:
        print_json(told)
    else:
        _draw_status(told)


def _status(hub: Opened, view: View) -> dict[str, Any]:
    messages: dict[str, dict[str, int]] = {}
    for (source, state), count in sorted(view.inbox.tally().items()):
        messages.setdefault(source, {})[state] = count
    return {
        "as_of": view.now,
        "messages": messages,
        "encounters": dict(sorted(view.encounters.tally().items())),
        "claims": dict(sorted(view.claims.tally().items())),
        "files": {state: count for (state,), count in sorted(view.files.tally("state").items())},
        "statements": dict(sorted(view.statements.tally().items())),
        "money": {name: _money(view, name) for name in hub.settings.practices},
        "expected": {"open": view.expectations.tally(), "overdue": _overdue(view)},
        "work": {
            owner: {"items": items, "cents": cents}
            for owner, (items, cents) in sorted(view.work.tally("owner").items())
        },
        "schedules": _schedules(hub, view),
        "connectors": {
            name: {"plugin": one.plugin, "enabled": one.enabled} for name, one in hub.settings.connectors.items()
        },
        "events": [_event(one) for one in reversed(view.events.find(limit=LAST_EVENTS, newest=True))],
    }


def _money(view: View, practice: str) -> dict[str, int]:
    found = identity(view.book.accounts(practice=practice))
    names = found.__struct_fields__
    return {**{name: getattr(found, name) for name in names}, "difference": found.difference}


def _overdue(view: View) -> int:
    """What is awaited and late, whether or not a work item says so already."""
    late = view.work.list(reason_prefix="overdue.", limit=100_000)
    return len(late) + len(view.expectations.overdue(view.now, limit=100_000))


def _schedules(hub: Opened, view: View) -> list[dict[str, Any]]:
    sources = tuple(hub.settings.sources)
    found = []
    for one in configured(hub.settings, lambda step: lanes_for(step, hub.settings, sources)):
        last = latest(one, view.now)
        found.append(
            {
                "schedule": one.name,
                "step": one.step,
                "last_taken": view.slots.last(one.name),
                "last_due": last.at if last else None,
            }
        )
    return found


def _event(one: Any) -> dict[str, Any]:
    about = {"at": one.at, "kind": one.kind, "aggregate": one.aggregate, "id": one.aggregate_id}
    return {**about, "actor": one.actor, "detail": dict(one.detail)}


def _draw_status(told: dict[str, Any]) -> None:
    rows: list[tuple[Any, ...]] = [(source, *_states(states)) for source, states in told["messages"].items()]
    table("Messages", ("source", "number", "stand"), rows, right=(1,))
    kinds = ("encounters", "claims", "files", "statements")
    rows = [(name, *_states(told[name])) for name in kinds]
    table("Where everything stands", ("", "number", "stand"), rows, right=(1,))
    for practice, sums in told["money"].items():
        rows = [(name.replace("_", " "), dollars(cents)) for name, cents in sums.items()]
        table(f"Money of {practice}", ("", "dollars"), rows, right=(1,))
    expected = [*told["expected"]["open"].items(), ("overdue", told["expected"]["overdue"])]
    table("Awaited", ("what", "number"), expected, right=(1,))
    rows = [(owner, it["items"], dollars(it["cents"])) for owner, it in told["work"].items()]
    table("Work, by owner", ("owner", "items", "worth"), rows, right=(1, 2))
    rows = [(one["schedule"], one["step"], one["last_taken"] or "never") for one in told["schedules"]]
    table("Schedules", ("schedule", "step", "last run"), rows)
    rows = [(when(one["at"]), one["kind"], one["id"], one["actor"]) for one in told["events"]]
    table("Last events", ("at", "what", "about", "by"), rows)


def _states(states: dict[str, int]) -> tuple[int, str]:
    return sum(states.values()), ", ".join(f"{count} {state}" for state, count in states.items())


def claims(folder: Path, *, state: str, payer: str, limit: int, as_json: bool) -> None:
    """Claims, newest last; nothing here names a patient."""
    wanted = {name: value for name, value in (("state", state), ("payer", payer)) if value}
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


def work_items(folder: Path, *, reason: str, owner: str, limit: int, as_json: bool) -> None:
    """Open work items: what stops others first, then the late, then the largest."""
    wanted: dict[str, Any] = {"owner": owner} if owner else {}
    with opened(folder) as hub, hub.store.view() as view:
        found = view.work.list(limit=100_000, reason_prefix=reason, **wanted)
        now = view.now
    items = sorted(found, key=lambda item: urgency(item, now))[:limit]
    if as_json:
        print_json(items)
        return
    columns = ("item", "who", "age", "worth", "reason", "why")
    rows = [_work_row(item, now) for item in items]
    styles = [_style(item, now) for item in items]
    table(f"Work: {len(items)} of {len(found)} open", columns, rows, right=(2, 3), styles=styles)
    owners = Counter(item.owner for item in found)
    say(", ".join(f"{owners[name]} for {name}" for name in sorted(owners)) or "nothing waits for a person")


def urgency(item: OpenItem, now: datetime) -> tuple[bool, bool, bool, int, datetime]:
    """What sorts work: warnings last; before them what blocks files and lanes, what is late, what is worth most."""
    warns = item.reason.endswith(".warning")
    blocks = item.aggregate in {"file", "connector"}
    return (warns, not blocks, not _late(item, now), -item.amount_cents, item.opened_at)


def _late(item: OpenItem, now: datetime) -> bool:
    return item.reason.startswith("overdue.") or (item.due_at is not None and item.due_at <= now)


def _work_row(item: OpenItem, now: datetime) -> tuple[str, ...]:
    worth = dollars(item.amount_cents) if item.amount_cents else "-"
    return (item.id, item.owner, age(now - item.opened_at), worth, item.reason, item.why)


def _style(item: OpenItem, now: datetime) -> str:
    """Red for what is late or blocks, yellow for what is old, dim for warnings, cyan for IT's."""
    if item.reason.endswith(".warning"):
        return "dim"
    if _late(item, now) or item.aggregate in {"file", "connector"}:
        return "red"
    if (now - item.opened_at).days >= LATE_DAYS:
        return "yellow"
    return "cyan" if item.owner == "it" else ""
