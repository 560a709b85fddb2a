"""What `hub patients` and `hub appointments` say and do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from hub.cli.opened import opened
from hub.cli.ui import NEXT, print_json, say, table, when
from hub.clock import SystemClock
from hub.errors import HubError
from hub.flow.visits import joining
from hub.flow.visits.joining import Outcome, Standing
from hub.money import from_cents
from hub.store import Tx
from hub.store.appointed import between
from hub.store.rehearsal import rehearsed


def show(folder: Path, patient: str, *, as_json: bool) -> None:
    """Who a patient is now, and what stands under them."""
    with opened(folder) as hub, hub.store.view() as view:
        found = joining.standing(view, patient)
    if as_json:
        print_json(found)
        return
    _tell("Patient", [found])
    words = [one for one in found.history if one.into != one.patient]
    history = [(one.patient, one.into, one.cause, when(one.at)) for one in words]
    if history:
        table("Merged", ("patient", "is", "said by", "when"), history)


def merge(folder: Path, old: str, new: str, *, by: str, dry_run: bool, as_json: bool) -> None:
    """Two patients are one from now on."""
    _do(folder, lambda tx: joining.merge(tx, old, new, by), dry_run=dry_run, as_json=as_json)


def unmerge(folder: Path, patient: str, *, by: str, dry_run: bool, as_json: bool) -> None:
    """A patient who was merged is themselves again."""
    _do(folder, lambda tx: joining.unmerge(tx, patient, by), dry_run=dry_run, as_json=as_json)


def _do(folder: Path, deed: Callable[[Tx], Outcome], *, dry_run: bool, as_json: bool) -> None:
    with opened(folder) as hub, rehearsed(hub.store, "work.resolve", dry_run=dry_run) as tx:
        done = deed(tx)
    if as_json:
        print_json({**msgspec.to_builtins(done), "dry_run": dry_run})
        return
    say(f"would be done: {done.told}" if dry_run and done.news else done.told)
    if done.news:
        _tell("Before", done.before)
        _tell("After", done.after)
        say(f"{done.looked_at} visits and unsent claims are looked at again; what was sent stays as it is")
        if not dry_run:
            say(NEXT)


def _tell(title: str, found: list[Standing] | tuple[Standing, ...]) -> None:
    rows = [
        (one.now, len(one.ids), one.encounters, one.open_claims, one.appointments, f"{from_cents(one.owed):,}")
        for one in found
    ]
    head = ("patient", "ids", "visits", "open claims", "appointments", "owes")
    table(title, head, [tuple(str(cell) for cell in row) for row in rows], right=(1, 2, 3, 4, 5))


def appointments(folder: Path, day: str, source: str, *, limit: int, as_json: bool) -> None:
    """The appointments of one local day, by their hour."""
    with opened(folder) as hub, hub.store.view() as view:
        zone = ZoneInfo(hub.settings.hub.zone)
        begin, end = _bounds(day, zone)
        rows = between(view.session, begin, end, source=source, limit=limit)
        now = view.resolve_many("patient", {row.col("patient_id") for row in rows if row.col("patient_id")})
        told = [
            {
                "id": row.id,
                "source": row.col("source"),
                "practice": row.practice,
                "state": row.state,
                "starts_at": row.col("starts_at"),
                "patient": now.get(row.col("patient_id"), ""),
                "reason": row.record.reason.code if row.record.reason else "",
                "place": row.record.place,
                "provider": row.record.provider.npi if row.record.provider else "",
            }
            for row in rows
        ]
    if as_json:
        print_json(told)
        return
    columns = ("at", "state", "patient", "what for", "place", "provider", "id")
    cells = [
        (
            f"{one['starts_at'].astimezone(zone):%H:%M}",
            *(str(one[n]) for n in ("state", "patient", "reason", "place", "provider", "id")),
        )
        for one in told
    ]
    table(f"Appointments of {begin.astimezone(zone):%Y-%m-%d}", columns, cells)


def _bounds(day: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a local day begins and ends; `today`, `tomorrow` or an ISO date."""
    today = SystemClock().now().astimezone(zone).date()
    words = {"today": today, "tomorrow": today + timedelta(days=1)}
    try:
        on = words[day] if day in words else date.fromisoformat(day)
    except ValueError:
        raise HubError(f"{day!r} is no day", fix="today, tomorrow, or a date such as 2026-03-02") from None
    return datetime.combine(on, time(), zone), datetime.combine(on + timedelta(days=1), time(), zone)
