"""`schedule list|pause|resume|run` and `runs list|show`: when steps run, and how their runs went."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hub.app import STEPS, lanes_for
from hub.cli.opened import Opened, opened
from hub.cli.ui import age, print_json, say, table
from hub.config.explain import near
from hub.config.settings import Settings
from hub.errors import HubError
from hub.flow.source_lanes import subject
from hub.schedule import Schedule, configured, upcoming
from hub.store import Tx, View
from hub.store.lanes import HELD
from hub.store.slots import ASKED, FAILED, LOST, OUTCOMES, PARTIAL, PAUSED, RUNNING, Pause, Run

NEXT_TIMES = 3
BEGINS = "The running hub begins it within seconds; where none runs: hub run --once"
_SPAN = re.compile(r"([0-9]{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_WORST = (FAILED, LOST, HELD, PARTIAL, ASKED, RUNNING)
_STYLES = {
    FAILED: "red",
    LOST: "red",
    HELD: "yellow",
    PARTIAL: "yellow",
    RUNNING: "cyan",
    ASKED: "cyan",
    PAUSED: "dim",
    "ok": "green",
}


def show(folder: Path, *, as_json: bool) -> None:
    """Every schedule with its next times, its last run and its pause."""
    with opened(folder) as hub, hub.store.view() as view:
        pauses = view.pauses.all()
        found = [_told(view, one, pauses.get(one.name)) for one in _all(hub.settings)]
        zone, now = ZoneInfo(hub.settings.hub.zone), view.now
    if as_json:
        print_json(found)
        return
    columns = ("schedule", "step", "for", "next", "last run", "")
    rows = [_row(one, zone, now) for one in found]
    styles = [
        "yellow" if one["paused"] else _STYLES.get(one["last"] and one["last"]["outcome"], "") for one in found
    ]
    table(f"Schedules: {len(found)}, times of {zone.key}", columns, rows, styles=styles)


def _told(view: View, schedule: Schedule, pause: Pause | None) -> dict[str, Any]:
    after = view.now if pause is None else pause.until
    soon = upcoming(schedule, after, NEXT_TIMES) if after else []
    return {
        "schedule": schedule.name,
        "step": schedule.step,
        "lanes": list(schedule.lanes),
        "built_in": schedule.built_in,
        "cron": schedule.cron,
        "every_seconds": schedule.every.total_seconds() if schedule.every else None,
        "zone": schedule.zone,
        "calendar": schedule.calendar.name if schedule.calendar else "",
        "next": [slot.at for slot in soon],
        "last_slot": view.slots.last(schedule.name),
        "last": _last(view, schedule),
        "paused": pause,
    }


def _last(view: View, schedule: Schedule) -> dict[str, Any] | None:
    """The last run of all lanes together; its outcome is the worst of theirs."""
    found = view.runs.list(schedule=schedule.name, limit=max(len(schedule.lanes), 1))
    if not found:
        return None
    together = [run for run in found if run.slot == found[0].slot]
    outcome = next((one for one in _WORST if any(run.outcome == one for run in together)), found[0].outcome)
    return {
        "slot": found[0].slot,
        "cause": found[0].cause,
        "started": found[0].started,
        "outcome": outcome,
        "seconds": sum(run.seconds for run in together),
    }


def _row(one: dict[str, Any], zone: ZoneInfo, now: datetime) -> tuple[str, ...]:
    last: dict[str, Any] | None = one["last"]
    marks = ["built in"] if one["built_in"] else []
    marks += [f"calendar {one['calendar']}"] if one["calendar"] else []
    marks += [_paused(one["paused"], zone, now)] if one["paused"] else []
    return (
        one["schedule"],
        one["step"],
        " ".join(map(subject, one["lanes"])) or "nobody",
        _times(one["next"], zone) or ("-" if one["paused"] else "never"),
        f"{_local(last['started'], zone)} {last['outcome']}" if last else "never",
        "; ".join(marks),
    )


def _times(soon: list[datetime], zone: ZoneInfo) -> str:
    """The times, each day named once: `Mon 11-23 08:00 09:00, Tue 11-24 08:00`."""
    days: dict[str, list[str]] = {}
    for at in soon:
        day, clock = _local(at, zone).rsplit(" ", 1)
        days.setdefault(day, []).append(clock)
    return ", ".join(f"{day} {' '.join(clocks)}" for day, clocks in days.items())


def _paused(pause: Pause, zone: ZoneInfo, now: datetime) -> str:
    until = f" until {_local(pause.until, zone)}" if pause.until else ""
    why = f": {pause.why}" if pause.why else ""
    return f"paused {age(now - pause.since)}{until} by {pause.by}{why}"


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %m-%d %H:%M}"


def pause(folder: Path, name: str, *, until: str, why: str, by: str, as_json: bool) -> None:
    """Pause a schedule for every node."""
    with opened(folder) as hub:
        one = _named(hub.settings, name)
        with hub.store.begin("admin") as tx:
            end = _instant(until, hub.settings, tx.now, way=1) if until else None
            if end is not None and end <= tx.now:
                raise HubError("this pause would be over before it begins", fix="give --until a time to come")
            tx.pauses.begin(one.name, until=end, by=by, why=why[:200])
            _event(tx, hub.settings, "schedule.paused", one.name, by, until=end.isoformat() if end else "")
            found = tx.pauses.at(one.name, tx.now)
        zone = ZoneInfo(hub.settings.hub.zone)
    if as_json:
        print_json(found)
        return
    goes_on = f"it goes on at {_local(end, zone)}" if end else f"it goes on with: hub schedule resume {one.name}"
    say(f"{one.name} is paused on every node; {goes_on}")


def resume(folder: Path, name: str, *, by: str, as_json: bool) -> None:
    """Let a schedule go on, and tell what fell into its pause."""
    with opened(folder) as hub:
        one = _named(hub.settings, name)
        with hub.store.begin("admin") as tx:
            paused = tx.pauses.at(one.name, tx.now)
            if paused is None:
                raise HubError("this schedule is not paused", fix="hub schedule list")
            passed = tx.runs.list(schedule=one.name, outcome=PAUSED, since=paused.since, limit=1_000)
            tx.pauses.end(one.name)
            _event(tx, hub.settings, "schedule.resumed", one.name, by, passed=len(passed))
            soon = upcoming(one, tx.now)
        zone = ZoneInfo(hub.settings.hub.zone)
    if as_json:
        print_json({"schedule": one.name, "passed": len(passed), "next": [slot.at for slot in soon]})
        return
    say(f"{one.name} goes on; next: {_local(soon[0].at, zone) if soon else 'never'}")
    if passed:
        say(f"{len(passed)} times fell into the pause; to make up for them: hub schedule run {one.name}")


def run(folder: Path, name: str, *, connector: str, by: str, dry_run: bool, as_json: bool) -> None:
    """Ask for a run now: a row that the running hub takes up."""
    with opened(folder) as hub:
        one = _named(hub.settings, name)
        lanes = _lanes(one, connector)
        ids = [] if dry_run else _ask(hub, one, lanes, by)
        with hub.store.view() as view:
            held = sorted({stands.lane for stands in view.lanes.held()} & set(lanes))
    if as_json:
        print_json({"schedule": one.name, "step": one.step, "lanes": lanes, "runs": ids})
        return
    say(f"{'would run' if dry_run else 'asked for'}: {one.step} for {', '.join(map(subject, lanes))}")
    if ids:
        say(BEGINS)
        say(f"how it goes: hub runs show {ids[0]}")
    if held:
        say(f"{', '.join(map(subject, held))}: stopped, it waits for a person (hub work list --owner it)")


def _lanes(one: Schedule, connector: str) -> tuple[str, ...]:
    lanes = tuple(lane for lane in one.lanes if connector in ("", subject(lane)))
    if one.lanes and not lanes:
        known = ", ".join(map(subject, one.lanes))
        raise HubError("this schedule does not run for this connector", fix=f"it runs for: {known}")
    if not lanes:
        raise HubError("this schedule has nobody to run for", fix="configure a connector for its step")
    return lanes


def _ask(hub: Opened, one: Schedule, lanes: tuple[str, ...], by: str) -> list[str]:
    """The rows that ask; a lane for which somebody asked already is not asked for twice."""
    with hub.store.begin("admin") as tx:
        asked = {(run.step, run.lane): run.id for run in tx.runs.asked()}
        slot = f"{tx.now:%Y-%m-%dT%H:%M:%SZ}"
        ids = [
            asked.get((one.step, lane))
            or tx.runs.start(one.name, slot, step=one.step, lane=lane, cause="hand", by=by, outcome=ASKED)
            for lane in lanes
        ]
        _event(tx, hub.settings, "schedule.asked", one.name, by, lanes=len(lanes))
    return ids


def _event(tx: Tx, settings: Settings, kind: str, name: str, by: str, **detail: Any) -> None:
    tx.event(kind, "schedule", name, practice=next(iter(settings.practices), ""), actor=by, **detail)


def runs(folder: Path, *, schedule: str, outcome: str, since: str, limit: int, as_json: bool) -> None:
    """Runs, newest last."""
    if outcome and outcome not in OUTCOMES:
        raise HubError("there is no such outcome", fix=f"one of: {', '.join(OUTCOMES)}")
    wanted = {key: value for key, value in (("schedule", schedule), ("outcome", outcome)) if value}
    with opened(folder) as hub, hub.store.view() as view:
        after = _instant(since, hub.settings, view.now, way=-1) if since else None
        found = view.runs.list(limit=limit, since=after, **wanted)[::-1]
        zone, now = ZoneInfo(hub.settings.hub.zone), view.now
    if as_json:
        print_json([_record(one, now) for one in found])
        return
    columns = ("run", "schedule", "for", "why", "began", "took", "outcome", "done", "")
    rows = [_run_row(one, zone, now) for one in found]
    table(
        f"Runs: {len(found)}", columns, rows, right=(5, 7), styles=[_STYLES.get(one.outcome, "") for one in found]
    )


def _record(one: Run, now: datetime) -> dict[str, Any]:
    fields = {name: getattr(one, name) for name in one.__struct_fields__}
    return {**fields, "took_seconds": ((one.ended or now) - one.started).total_seconds()}


def _run_row(one: Run, zone: ZoneInfo, now: datetime) -> tuple[str, ...]:
    notes = [f"{count} {name.replace('_', ' ')}" for name, count in one.counts.items() if name != "done"]
    notes += [one.error] if one.error else []
    took = _took((one.ended or now) - one.started)
    head = (one.id, one.schedule, subject(one.lane) or "-", one.cause, _local(one.started, zone), took)
    return (*head, one.outcome, str(one.counts.get("done", "-")), "; ".join(notes))


def _took(span: timedelta) -> str:
    seconds = max(span.total_seconds(), 0.0)
    return f"{seconds:.1f}s" if seconds < 120 else age(span)


def run_record(folder: Path, run_id: str, *, as_json: bool) -> None:
    """One run."""
    with opened(folder) as hub, hub.store.view() as view:
        found, now, zone = view.runs.get(run_id), view.now, ZoneInfo(hub.settings.hub.zone)
    if found is None:
        raise HubError("there is no run with this id", fix="hub runs list")
    told = _record(found, now)
    if as_json:
        print_json(told)
        return
    for name in ("started", "ended"):
        told[name] = _local(told[name], zone) if told[name] else "not yet"
    told["counts"] = ", ".join(f"{count} {name}" for name, count in found.counts.items()) or "none"
    told = {**told, "seconds": f"{found.seconds:.3f}", "took_seconds": f"{told['took_seconds']:.1f}"}
    rows = [(name.replace("_", " "), value or "-") for name, value in told.items()]
    table(f"Run {found.id}, times of {zone.key}", ("", ""), rows, styles=["", *[""] * len(rows)])
    if found.outcome == "held":
        say("It waits for a person: hub work list --owner it says why. Once that item is resolved, it goes on.")


def _all(settings: Settings) -> list[Schedule]:
    sources = tuple(settings.sources)
    return configured(settings, lambda step: lanes_for(step, settings, sources), STEPS)


def _named(settings: Settings, name: str) -> Schedule:
    known = {one.name: one for one in _all(settings)}
    if name not in known:
        raise HubError("there is no schedule with this name", fix=near(name, known) or "hub schedule list")
    return known[name]


def _instant(text: str, settings: Settings, now: datetime, *, way: int) -> datetime:
    """A span from now (`way` 1: ahead, -1: back), or a local time of the hub's zone."""
    if match := _SPAN.fullmatch(text.strip()):
        return now + way * timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError:
        fix = "write 2h, 3d, 2026-11-30 or 2026-11-30T08:00"
        raise HubError("this is neither a span nor a time", fix=fix) from None
    return told if told.tzinfo else told.replace(tzinfo=ZoneInfo(settings.hub.zone))
