"""`messages edit`, `replay`, `skip`: what a person does with a message that was not applied, shown beforehand."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from hub.cli.desk import Given, TheDesk
from hub.cli.messages import item_of
from hub.cli.ui import NEXT, print_json, say, table
from hub.errors import HubError, Refused
from hub.flow.ingest import mending
from hub.model.facts import Reading
from hub.plugin.api.desk import StoredMessage
from hub.store import Store, Tx, View
from hub.store.inbox import InboxItem
from hub.store.rehearsal import rehearsed
from hub.watch.words import counted

PAGE = 100


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """How a message is mended: from a file, in an editor, or place by place; why, and by whom."""

    why: str
    by: str
    file: Path | None = None
    editor: bool = False
    change: tuple[str, ...] = ()


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages are read again; one of the three is given."""

    message: str = ""
    lane_of: str = ""
    set_aside: bool = False
    source: str = ""


@contextmanager
def _desk(folder: Path, by: str) -> Iterator[TheDesk]:
    with Given("messages", "hub").desk(folder, by) as desk:
        yield desk


def _agreed(question: str, *, yes: bool) -> None:
    """Go on only when a person says so, or said so beforehand."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise HubError("nobody is there to say yes", fix="say it beforehand: --yes")
    if input(f"{question} (yes/no) ").strip().lower() not in {"y", "yes"}:
        raise HubError("nothing was changed")


def edit(folder: Path, wanted: str, choice: Choice, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Show what the mended message would be read as, then store it in the place of the other."""
    if (choice.file is not None) + choice.editor + bool(choice.change) != 1:
        raise HubError("say how it is mended, in one way", fix="--file FILE, --editor, or --set PLACE=VALUE")
    with _desk(folder, choice.by) as desk:
        known = desk.message(wanted)
        body = _mended(desk, known, choice)
        reading = desk.read(known.source, body, known.content_type)
        told = {"message": known.id, "size": len(body), **read_as(reading), "stored": ""}
        _refused_first(desk.store, known.id, body, choice)
        if not as_json:
            _draw(told, reading)
        if not dry_run:
            _agreed("Put it in the place of the other?", yes=yes)
            told["stored"] = desk.edit(known.id, body, choice.why)
    _tell(told, f"{known.id} is replaced by {told['stored']}", dry_run=dry_run, as_json=as_json)


def _refused_first(store: Store, wanted: str, body: bytes, choice: Choice) -> None:
    """Whatever would be refused is refused before a person is asked."""
    with rehearsed(store, "admin", dry_run=True) as tx:
        mending.edit(tx, item_of(tx, wanted), body, choice.by, choice.why)


def _mended(desk: TheDesk, known: StoredMessage, choice: Choice) -> bytes:
    if choice.file is not None:
        try:
            return choice.file.read_bytes()
        except OSError as error:
            raise HubError(f"the file cannot be read: {error.strerror}", fix="--file FILE") from None
    if choice.editor:
        return _in_editor(known.body)
    body = known.body
    for one in choice.change:
        place, equals, value = one.partition("=")
        if not equals or not place:
            raise HubError("a change is PLACE=VALUE", fix="as in --set FT1[1]-7.1=T1015")
        body = desk.edited(known.source, body, known.content_type, place, value)
    return body


def _in_editor(body: bytes) -> bytes:
    """The message as a person left it; one line a segment there, and as it was separated afterwards. The file is
    readable by its owner alone, and removed.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    lone = b"\r" in body and b"\n" not in body
    with tempfile.TemporaryDirectory(prefix="hub-") as folder:
        path = Path(folder) / "message.txt"
        path.touch(mode=0o600)
        path.write_bytes(body.replace(b"\r", b"\n") if lone else body)
        ended = subprocess.run([*shlex.split(editor), str(path)], check=False)  # noqa: S603 - the person's own editor
        if ended.returncode:
            raise HubError(f"the editor ended with {ended.returncode}: nothing was changed", fix="set EDITOR")
        found = path.read_bytes()
    return found.replace(b"\n", b"\r") if lone else found


def read_as(reading: Reading) -> dict[str, Any]:
    """What a message would be read as, without a value of it."""
    kinds = Counter(str(fact.__struct_config__.tag) for fact in reading.facts)
    return {
        "facts": dict(sorted(kinds.items())),
        "problems": reading.problems,
        "not_billable": reading.not_billable,
        "lanes": len(reading.lanes),
        "applied": not reading.poison,
    }


def _draw(told: dict[str, Any], reading: Reading) -> None:
    table("It would be read as", ("fact", "many"), list(told["facts"].items()), right=(1,))
    if reading.problems:
        rows = [(one.code, one.where, one.why, one.fix) for one in reading.problems]
        table("Problems", ("code", "place", "why", "what to do"), rows)
    if reading.not_billable:
        say(f"it would not bill: {reading.not_billable}")
    if reading.poison:
        say("it still could not be applied: its lanes would go on standing still")


def replay(folder: Path, what: Which, *, by: str, dry_run: bool, as_json: bool) -> None:
    """Let messages be read again."""
    if bool(what.message) + bool(what.lane_of) + what.set_aside != 1:
        raise HubError("say which messages", fix="an ID, --lane-of ID, or --set-aside")
    with _desk(folder, by) as desk:
        done: list[str] = []
        after, more = 0, True
        while more:
            with rehearsed(desk.store, "admin", dry_run=dry_run) as tx:
                items, after = _wanted(tx, what, after)
                done += _replayed(tx, items, by, some=what.set_aside)
            more = after > 0
    told = {"replayed": done}
    _tell(
        told,
        f"{counted(len(done), 'message')} to be read again",
        dry_run=dry_run,
        as_json=as_json,
        goes_on=bool(done),
    )


def _wanted(view: View, what: Which, after: int) -> tuple[list[InboxItem], int]:
    """The next messages that are meant, and behind which the next page begins (0: there is none)."""
    if what.set_aside:
        equals = {"source": what.source} if what.source else {}
        page = view.inbox.find(limit=PAGE, after=after, state="set_aside", kind="message", **equals)
        return page, page[-1].seq if len(page) == PAGE else 0
    if what.message:
        return [item_of(view, what.message)], 0
    return _stopping(view, item_of(view, what.lane_of)), 0


def _stopping(view: View, item: InboxItem) -> list[InboxItem]:
    """What stops the lanes of a message: those before it, and itself."""
    place = view.held_lanes.place(item)
    lanes = {one.lane for one in view.held_lanes.at([place])}
    places = {one.seq for one in view.held_lanes.of_lanes(item.source, lanes, place) if one.role == "stop"}
    found = [view.inbox.by_id(one.message) for one in view.held_lanes.stops_at(places)]
    if not found:
        raise Refused("it stands in no lane that is stopped", fix=f"hub messages show {item.id}")
    return [one for one in found if one is not None]


def _replayed(tx: Tx, items: list[InboxItem], by: str, *, some: bool) -> list[str]:
    """The ids of what is read again. Where `some` of many are meant, one that cannot be stays as it is."""
    done: list[str] = []
    for item in items:
        try:
            mending.replay(tx, item, by)
            done.append(item.id)
        except Refused:
            if not some:
                raise
    return done


def skip(folder: Path, wanted: str, *, why: str, by: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Let a message go."""
    with _desk(folder, by) as desk:
        with rehearsed(desk.store, "admin", dry_run=True) as tx:
            would = mending.skip(tx, item_of(tx, wanted), by, why)
        if not dry_run:
            _agreed(f"{would}. It will not be applied; do it?", yes=yes)
            desk.skip(wanted, why)
        with desk.store.view() as view:
            known = item_of(view, wanted).id
    _tell({"message": known, "skipped": not dry_run}, would, dry_run=dry_run, as_json=as_json)


def _tell(told: dict[str, Any], line: str, *, dry_run: bool, as_json: bool, goes_on: bool = True) -> None:
    if as_json:
        print_json({**told, "dry_run": dry_run})
        return
    if dry_run:
        say(f"would do: {line}" if "stored" not in told else "nothing was stored: it was a dry run")
        return
    say(line)
    if goes_on:
        say(NEXT)
