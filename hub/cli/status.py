"""`hub status`: where messages, claims, money and work stand, and how the hub itself is; the same at any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hub.cli.opened import Opened, opened
from hub.cli.ui import age, print_json, table, when
from hub.ledger import identity
from hub.money import dollars
from hub.store import View

LAST_EVENTS = 5
FEW = 3
RED, YELLOW, GREEN = "bold red", "yellow", "green"
Told = dict[str, Any]


def status(folder: Path, *, as_json: bool) -> None:
    """Where everything stands; no partner is called."""
    with opened(folder) as hub, hub.store.view() as view:
        told = _status(hub, view)
    if as_json:
        print_json(told)
    else:
        _draw(told)


def _status(hub: Opened, view: View) -> Told:
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
        "hub": _itself(view),
    }


def _money(view: View, practice: str) -> dict[str, int]:
    found = identity(view.ledger_sums.accounts(practice))
    names = found.__struct_fields__
    return {**{name: getattr(found, name) for name in names}, "difference": found.difference}


def _overdue(view: View) -> int:
    """What is awaited and late, whether or not a work item says so already."""
    return view.work.count(reason_prefix="overdue.") + view.expectations.count_overdue(view.now)


def _schedules(hub: Opened, view: View) -> list[Told]:
    if not hub.settings.schedules:
        return []
    from hub.schedule import configured, latest

    found = []
    for one in configured(hub.settings, lambda _: ()):
        last = latest(one, view.now)
        found.append(
            {
                "schedule": one.name,
                "step": one.step,
                "last_taken": view.slots.last(one.name),
                "last_run": _last_run(view, one.name),
                "last_due": last.at if last else None,
            }
        )
    return found


def _last_run(view: View, schedule: str) -> Told | None:
    found = view.runs.list(schedule=schedule, limit=1)
    return {"started": found[0].started, "outcome": found[0].outcome} if found else None


def _event(one: Any) -> Told:
    about = {"at": one.at, "kind": one.kind, "aggregate": one.aggregate, "id": one.aggregate_id}
    return {**about, "actor": one.actor, "detail": dict(one.detail)}


def _itself(view: View) -> Told:
    """Nodes, lanes that wait for a person, paused schedules, the last backup, what is wrong, what is not sealed."""
    tail = view.events.open_tail()
    made = view.backups.newest(state="made")
    return {
        "nodes": [_node(one, view) for one in view.nodes.all()],
        "lanes_held": [{"lane": one.lane, "step": one.step, "fix": one.fix} for one in view.lanes.held()],
        "paused": [
            {"schedule": one.schedule, "since": one.since, "until": one.until, "by": one.by, "why": one.why}
            for one in view.pauses.all().values()
        ],
        "backup": {"ended_at": made.ended_at, "proved_at": made.proved_at} if made else None,
        "alarms": [
            {"key": one.key, "level": one.level, "what": one.what, "since": one.since}
            for one in view.conditions.open()
        ],
        "unsealed": {"events": tail.count, "since": tail.since},
    }


def _node(one: Any, view: View) -> Told:
    names = ("node", "roles", "version", "started_at", "seen_at")
    return {**{name: getattr(one, name) for name in names}, "state": one.state(view.now)}


def _draw(told: Told) -> None:
    rows: list[tuple[Any, ...]] = [(source, *_states(states)) for source, states in told["messages"].items()]
    table("Messages", ("source", "number", "stand"), rows, right=(1,))
    kinds = ("encounters", "claims", "files", "statements")
    rows = [(name, *_states(told[name])) for name in kinds]
    table("Where everything stands", ("", "number", "stand"), rows, right=(1,))
    for practice, sums in told["money"].items():
        rows = [(name.replace("_", " "), dollars(cents)) for name, cents in sums.items()]
        table(f"Money of {practice}", ("", "dollars"), rows, right=(1,))
    expected = [*told["expected"]["open"].items(), ("overdue", told["expected"]["overdue"])]
    table("Awaited", ("what", "number"), [(what, f"{number:,}") for what, number in expected], right=(1,))
    rows = [(owner, f"{it['items']:,}", dollars(it["cents"])) for owner, it in told["work"].items()]
    table("Work, by owner", ("owner", "items", "worth"), rows, right=(1, 2))
    rows = [(one["schedule"], one["step"], *_ran(one["last_run"])) for one in told["schedules"]]
    table("Schedules", ("schedule", "step", "last run", "outcome"), rows)
    rows = [(when(one["at"]), one["kind"], one["id"], one["actor"]) for one in told["events"]]
    table("Last events", ("at", "what", "about", "by"), rows)
    lines = _lines(told)
    table("The hub itself", ("", "", ""), [line[:3] for line in lines], styles=[line[3] for line in lines])


def _ran(last: Told | None) -> tuple[str, str]:
    return (when(last["started"]), last["outcome"]) if last else ("never", "-")


def _states(states: dict[str, int]) -> tuple[str, str]:
    each = ", ".join(f"{count:,} {state}" for state, count in states.items())
    return f"{sum(states.values()):,}", each


def _lines(told: Told) -> list[tuple[str, str, str, str]]:
    """(what, how many or how old, more about it, colour), what is wrong last."""
    it, now = told["hub"], told["as_of"]
    running = [one for one in it["nodes"] if one["state"] == "running"]
    silent = [one["node"] for one in it["nodes"] if one["state"] == "silent"]
    nodes = _few([f"{one['node']} ({', '.join(one['roles'])})" for one in running])
    if silent:
        nodes = "; ".join([*([nodes] if nodes else []), f"silent: {_few(silent)}"])
    held = [one["lane"] for one in it["lanes_held"]]
    paused = [one["schedule"] for one in it["paused"]]
    unsealed, since = it["unsealed"]["events"], it["unsealed"]["since"]
    return [
        ("nodes that run", str(len(running)), nodes or "start one: hub run", _colour(running and not silent)),
        ("events not sealed", f"{unsealed:,}", f"the oldest for {age(now - since)}" if since else "", ""),
        ("schedules paused", str(len(paused)), _few(paused), _colour(not paused)),
        ("lanes held", str(len(held)), _few(held), GREEN if not held else RED),
        _backup(it["backup"], now),
        _alarms(it["alarms"], now),
    ]


def _backup(made: Told | None, now: Any) -> tuple[str, str, str, str]:
    if made is None:
        return ("last backup", "none", "make one: hub backup", YELLOW)
    proved = f"proved {when(made['proved_at'])}" if made["proved_at"] else "not proved by a drill yet"
    return ("last backup", f"{age(now - made['ended_at'])} ago", proved, _colour(made["proved_at"]))


def _alarms(open_: list[Told], now: Any) -> tuple[str, str, str, str]:
    worst = sorted(open_, key=lambda one: (one["level"] != "alarm", one["since"]))
    each = _few([f"{one['what']} ({age(now - one['since'])})" for one in worst])
    alarmed = any(one["level"] == "alarm" for one in worst)
    return (
        "what is wrong",
        str(len(worst)),
        each or "nothing at the last look; look now: hub doctor",
        RED if alarmed else _colour(not worst),
    )


def _colour(well: Any) -> str:
    return GREEN if well else YELLOW


def _few(names: list[str]) -> str:
    more = len(names) - FEW
    return ", ".join(names[:FEW]) + (f" and {more} more" if more > 0 else "")
