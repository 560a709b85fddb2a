"""`hub hl7 replay`: read stored messages anew with the settings of today."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import typer

from hub.errors import HubError
from hub.model.facts import Reading
from hub.plugin.api import Commands, Desk, StoredMessage, Terminal
from hub_hl7_adt.commands.drawn import item, plural

_MOST = 10_000
_READ = ("read", "read_in_part", "informational", "test")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What a message would become, and what was done with it."""

    id: str
    source: str
    state: str
    well: bool
    becomes: str
    done: str = ""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages, and what may be done."""

    ids: tuple[str, ...] = ()
    set_aside: bool = False
    every: bool = False
    connector: str = ""
    dry_run: bool = False
    as_json: bool = False


def replay(given: Commands, choice: Choice, config: Path | None, by: str) -> None:
    """Show what would become of each message, then replay those that can be applied; 1 where one cannot."""
    terminal = given.terminal
    if bool(choice.ids) + choice.set_aside + choice.every != 1 or (choice.every and not choice.connector):
        fix = (
            "give their ids, --set-aside for all that stand, or --all with --connector after a change of settings"
        )
        terminal.fail("say which messages", fix)
    with given.desk(config, by) as desk:
        ids = choice.ids or _standing(desk, choice)
        rows = []
        for number, stored in enumerate(desk.bodies(ids), 1):
            terminal.progress("messages read", number, len(ids))
            rows.append(_row(desk, stored, dry_run=choice.dry_run))
    _told(terminal, rows, choice)
    raise typer.Exit(0 if all(row.well for row in rows) else 1)


def _standing(desk: Desk, choice: Choice) -> tuple[str, ...]:
    """The messages that are set aside, or all that were read, in the order in which they came; what waits behind one
    that is set aside follows by itself.
    """
    states = ("set_aside",) + (_READ if choice.every else ())
    return tuple(one.id for one in desk.messages(source=choice.connector, state=states, limit=_MOST))


def _row(desk: Desk, stored: StoredMessage, *, dry_run: bool) -> Row:
    reading = desk.read(stored.source, stored.body, stored.content_type)
    done = "" if dry_run or reading.poison else _replayed(desk, stored.id)
    return Row(
        id=stored.id, source=stored.source, state=stored.state, well=not reading.poison, becomes=_becomes(reading),
        done=done,
    )  # fmt: skip


def _becomes(reading: Reading) -> str:
    errors = [problem for problem in reading.problems if problem.severity == "error"]
    if reading.poison:
        return f"still {errors[0].code} at {errors[0].where}" if errors else "still nothing that can be applied"
    return _facts(reading) + (f", {plural(len(errors), 'problem')}" if errors else "")


def _replayed(desk: Desk, id_: str) -> str:
    try:
        return desk.replay(id_)
    except HubError as error:
        return f"not replayed: {error}"


def _facts(reading: Reading) -> str:
    """What a reading holds, by kind: `patient 1, charge 2`."""
    found = Counter(type(fact).__name__.removesuffix("Fact").lower() for fact in reading.facts)
    told = ", ".join(f"{kind} {count}" for kind, count in found.items()) or "no facts"
    return f"{told} ({reading.not_billable})" if reading.not_billable else told


def _told(terminal: Terminal, rows: list[Row], choice: Choice) -> None:
    if choice.as_json:
        terminal.document(rows)
        return
    if not rows:
        terminal.say("No message was read." if choice.every else "No message is set aside.")
        return
    columns = ("message", "of", "stands", "read today it is") + (() if choice.dry_run else ("done",))
    cells = [
        (row.id, row.source, row.state, row.becomes) + (() if choice.dry_run else (row.done or "left",))
        for row in rows
    ]
    styles = ["" if row.well else "error" for row in rows]
    terminal.table("Messages read with the settings of today", columns, cells, styles=styles)
    left = sum(not row.well for row in rows)
    if left:
        fix = "look at one with hub hl7 show ID; mend it with hub messages edit ID, or change the settings"
        item(terminal, f"{plural(left, 'message')} cannot be applied yet", fix, style="error")
    if choice.dry_run and left < len(rows):
        terminal.say(f"{plural(len(rows) - left, 'message')} would be replayed; leave --dry-run out to do it.")
