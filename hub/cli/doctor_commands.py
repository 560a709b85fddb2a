"""`hub doctor`: how everything stands, what is not well, and what to do about it."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import HERE, AsJson, Folder

if TYPE_CHECKING:
    from hub.clock import Clock
    from hub.config import Fault, Loaded, SecretStore
    from hub.plugin.host import PluginHost
    from hub.watch.doctor import Case
    from hub.watch.finding import Finding

STYLES = {"ok": "green", "warning": "yellow", "alarm": "bold red"}
INDENT = " " * 9
EXITS = {"ok": 0, "warning": 1, "alarm": 2}

Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PART",
        help="Only this part: settings, machine, store, backup, flow, connectors. May be repeated.",
    ),
]


def doctor(
    folder: Folder = HERE,
    quick: Annotated[bool, typer.Option("--quick", help="No partners, no reading through the database.")] = False,
    only: Only = None,
    as_json: AsJson = False,
) -> None:
    """Look at everything and say what to do. Ends with 0 when all is well, 1 with warnings, 2 with alarms."""
    from hub.cli.ui import print_json
    from hub.watch.doctor import examine

    parts = _parts(only or [])
    with ExitStack() as ending:
        case = _case(folder, ending, quiet=as_json)
        found = list(examine(case, parts, quick=quick))
    if as_json:
        print_json(found)
    else:
        _draw(found)
    sys.exit(max((EXITS[one.level] for one in found), default=0))


def _parts(only: list[str]) -> tuple[str, ...]:
    from hub.errors import Misconfigured
    from hub.watch.checks import PARTS

    if wrong := [part for part in only if part not in PARTS]:
        raise Misconfigured(f"there is no part {wrong[0]}", fix=f"one of: {', '.join(PARTS)}")
    return tuple(only) or PARTS


def _case(folder: Path, ending: ExitStack, *, quiet: bool) -> Case:
    """The hub of this folder, and how its parts are opened."""
    from hub.app import open_hub_store
    from hub.clock import SystemClock
    from hub.config import SecretStore, load
    from hub.watch.doctor import Case

    secrets, clock = SecretStore(folder), SystemClock()
    return Case(
        loaded=load(folder),
        clock=clock,
        secret=secrets.get,
        open_store=lambda loaded: open_hub_store(loaded, secrets, clock),
        open_plugins=lambda loaded: _plugins(loaded, secrets, clock),
        tell=_teller(ending) if sys.stderr.isatty() and not quiet else lambda _words: None,
    )


def _plugins(loaded: Loaded, secrets: SecretStore, clock: Clock) -> tuple[PluginHost, list[Fault]]:
    from hub.app import load_plugins, notifier_faults, plugin_fault, schedule_faults

    host, problems = load_plugins(loaded, secrets, clock, lambda _instance, _key: None)
    schedules = schedule_faults(loaded, host.names("EhrSource"))
    return host, [*map(plugin_fault, problems), *schedules, *notifier_faults(loaded, host)]


def _teller(ending: ExitStack) -> Callable[[str], None]:
    """Says what is being done now, in one line that is gone at the end."""
    from rich.console import Console

    status = ending.enter_context(Console(stderr=True).status(""))
    return status.update


def _draw(found: list[Finding]) -> None:
    """A line for each finding, the gravest last; below them what to do, the gravest first."""
    from hub.cli.ui import say, table

    rows = sorted(found, key=_order)
    styles = [STYLES[one.level] for one in rows]
    table(
        "How everything stands",
        ("", "what was looked at"),
        [(_stand(one), one.what) for one in rows],
        styles=styles,
    )
    show = _shower()
    for one in sorted((one for one in rows if not one.ok), key=lambda one: -EXITS[one.level]):
        show(f"{_stand(one):<8} {one.what}", STYLES[one.level])
        show(f"{INDENT}{one.why}", "dim")
        show(f"{INDENT}do: {one.fix}", "")
    say(_verdict(found))


def _shower() -> Callable[[str, str], None]:
    """Prints a line in a style where somebody watches, and plain where nobody does."""
    from hub.cli.ui import say

    if not sys.stdout.isatty():
        return lambda line, _style: say(line)
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    return lambda line, style: console.print(_folded(line, console.width), style=style or None)


def _folded(line: str, width: int) -> str:
    """The line broken between words, and indented from the second on."""
    wrapped = textwrap.wrap(line, width, subsequent_indent=INDENT, break_long_words=False, break_on_hyphens=False)
    return "\n".join(wrapped)


def _order(one: Finding) -> tuple[int, str]:
    """By gravity, then as it was found; connectors answer side by side and are told one after the other."""
    return EXITS[one.level], one.key.split(":")[1] if one.code == "connector.fault" else ""


def _stand(one: Finding) -> str:
    return "ALARM" if one.level == "alarm" else one.level


def _verdict(found: list[Finding]) -> str:
    alarms, warnings = (sum(1 for one in found if one.level == level) for level in ("alarm", "warning"))
    if not alarms and not warnings:
        return f"all is well ({len(found)} things looked at)"
    return f"{_number(alarms, 'alarm')}, {_number(warnings, 'warning')}; {len(found)} things looked at"


def _number(count: int, what: str) -> str:
    return f"{count} {what if count == 1 else what + 's'}"
