"""`messages list`, `show`, `lanes`: what came from a source and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.cli import contents
from hub.cli.opened import opened
from hub.cli.ui import age, print_json, say, table, when
from hub.errors import HubError
from hub.store import View
from hub.store.held_lanes import Stop
from hub.store.inbox import InboxItem
from hub.watch.words import counted

_STYLES = {"set_aside": "bold red", "blocked": "bold magenta", "read_in_part": "magenta", "received": "bold"}
_HIDDEN = frozenset({"external", "digest", "blob_id"})


def listed(folder: Path, *, source: str, state: str, reason: str, limit: int, as_json: bool) -> None:
    """The newest messages, the newest last; `reason` is one of the codes why they stand there."""
    given = (("kind", "message"), ("source", source), ("state", state))
    equals: dict[str, Any] = {name: value for name, value in given if value}
    with opened(folder) as hub, hub.store.view() as view:
        if reason:
            equals["reason"] = view.inbox.reasons(reason, **equals)
        items = list(reversed(view.inbox.newest(limit, **equals)))
        now = view.now
    if as_json:
        print_json([record(item) for item in items])
        return
    rows = [
        (one.id, one.source, when(one.received_at), one.state, age(now - one.state_since), one.reason or "-")
        for one in items
    ]
    columns = ("message", "source", "received", "state", "for", "reason")
    table("Messages", columns, rows, right=(4,), styles=[_STYLES.get(one.state, "") for one in items])


def item_of(view: View, wanted: str) -> InboxItem:
    """The message of that id or number. Raises `HubError` where there is none."""
    found = view.inbox.get(int(wanted)) if wanted.isdigit() else view.inbox.by_id(wanted)
    if found is None or found.kind != "message":
        raise HubError("there is no message with this id", fix="hub messages list")
    return found


def record(item: InboxItem) -> dict[str, Any]:
    """A message as `--json` tells it: nothing that only a key could open."""
    return {name: getattr(item, name) for name in item.__struct_fields__ if name not in _HIDDEN}


def shown(folder: Path, wanted: str, *, content: bool, by: str, as_json: bool) -> None:
    """One message; its bytes only when asked, which records `message.viewed`."""
    with opened(folder) as hub:
        with hub.store.view() as view:
            item = item_of(view, wanted)
            told = _whole(view, item)
            body = view.blobs.content(item.blob_id) if content else b""
        if content:
            with hub.store.begin("admin") as tx:
                tx.event("message.viewed", "message", item.id, practice=item.practice, actor=by)
            told |= contents.record(body)
    if as_json:
        print_json(told)
    else:
        _draw(told)


def _whole(view: View, item: InboxItem) -> dict[str, Any]:
    place = view.held_lanes.place(item)
    held = view.held_lanes.at([place])
    original, edited = view.held_lanes.links(item.id)
    lanes = {one.lane for one in held}
    ahead = {one.seq for one in view.held_lanes.of_lanes(item.source, lanes, place - 1) if one.role == "stop"}
    work = view.work.list(aggregate_id=item.id, open_only=False)
    wrong = next((one.where for one in work if _is_place(one.where) and one.resolved_at is None), "")
    return {
        **record(item),
        "size": view.blobs.size(item.blob_id),
        "original": original,
        "edited": edited,
        "lanes": len(lanes),
        "stops": any(one.role == "stop" for one in held),
        "waits_for": sorted(one.message for one in view.held_lanes.stops_at(ahead)),
        "behind": view.held_lanes.behind(item.source, place) if held else 0,
        "work": work,
        "events": [
            {"at": one.at, "kind": one.kind, "actor": one.actor} for one in view.events.find(aggregate_id=item.id)
        ],
        "next": following(item, stops=bool(held), wrong=wrong),
    }


def _is_place(where: str) -> bool:
    """Whether a problem names one place that can be set; a part that is not there at all (`MRG`) is none."""
    return any(char.isdigit() for char in where)


def following(item: InboxItem, *, stops: bool, wrong: str = "") -> list[str]:
    """What a person may type about it now; `wrong` is the place that a problem names, if one does."""
    if item.state == "blocked":
        return [f"hub messages replay --lane-of {item.id}", f'hub messages skip {item.id} --why "..."']
    if item.state not in {"set_aside", "read_in_part"}:
        return []
    found = [
        f"hub messages show {item.id} --content",
        *([f'hub messages edit {item.id} --set "{wrong}=..." --why "..."'] if wrong else []),
        f'hub messages edit {item.id} --editor --why "..."',
        f"hub messages replay {item.id}",
    ]
    return [*found, f'hub messages skip {item.id} --why "..."'] if stops or item.state == "set_aside" else found


_PLAIN = ("id", "source", "content_type", "received_at", "size", "state", "state_since", "reason")


def _draw(told: dict[str, Any]) -> None:
    for name, value in _lines(told):
        say(f"{name:<13} {value}")
    say()
    if told["work"]:
        rows = [(one.reason, one.where, one.why, one.fix, one.how or "open") for one in told["work"]]
        table("What is wrong", ("reason", "place", "why", "what to do", "stand"), rows)
    if told["events"]:
        history = [(when(one["at"]), one["kind"], one["actor"]) for one in told["events"]]
        table("History", ("at", "what", "by"), history)
    contents.draw(told)
    for line in told["next"]:
        say(f"  {line}")


def _lines(told: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in _PLAIN:
        value = told[name]
        yield name.replace("_", " "), when(value) if name.endswith(("_at", "_since")) else value or "-"
    if told["original"]:
        yield "mended from", told["original"]
    if told["edited"]:
        yield "mended into", told["edited"]
    if told["stops"]:
        behind = counted(told["behind"], "message waits", "messages wait")
        yield "stops", f"{counted(told['lanes'], 'lane')}, {behind}"
    for one in told["waits_for"]:
        yield "waits for", one


def lanes(folder: Path, *, source: str, limit: int, as_json: bool) -> None:
    """What stands still, the first first."""
    with opened(folder) as hub, hub.store.view() as view:
        stops = view.held_lanes.stops(source, limit)
        whole = [one for one in view.held_lanes.standing() if source in ("", one.source)]
        now = view.now
    if as_json:
        print_json({"sources": whole, "stops": stops})
        return
    rows = [(one.message, one.source, _why(one), one.lanes, age(now - one.since), one.waiting) for one in stops]
    columns = ("message", "source", "reason", "lanes", "for", "wait")
    table("Stopped by", columns, rows, right=(3, 4, 5), styles=[_style(one) for one in stops])
    for one in whole:
        lanes = counted(one.lanes, "lane stands", "lanes stand")
        behind = counted(one.waiting, "message waits", "messages wait")
        say(f"{one.source}: {lanes} still since {when(one.since)}, {behind}")
    if stops:
        say(f"  hub messages show {stops[0].message}")


def _why(one: Stop) -> str:
    """Why it stops its lanes; one that was mended stands in its place only until it is read."""
    return "to be read again" if one.state == "received" else one.reason or "-"


def _style(one: Stop) -> str:
    return "bold red" if one.state == "set_aside" else "bold"
