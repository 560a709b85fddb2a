"""`hub x12 validate`: what is wrong in files, for a person by set and claim, for a script as one object a file."""

from __future__ import annotations

import shlex
import sys
import textwrap
from collections.abc import Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hub.cli.ui import say, table
from hub.cli.x12_files import STDIN, Input, inputs, printable
from hub.cli.x12_look import How, Look, Told
from hub.errors import Problem

if TYPE_CHECKING:
    from rich.text import Text

    from hub.x12.overlay import Overlay

OVERLAYS = "overlays"
_STYLES = {"error": "red", "warning": "magenta"}  # both can be read on a light screen and on a dark one
_COLUMNS = ("claim", "line", "place", "which field", "SNIP", "", "what is wrong", "repair")


def validate(paths: Sequence[str], how: How) -> None:
    """Look through every file and tell what is wrong; ends with 0, 1 or 2."""
    overlays = _overlays(how)
    worst, looks = 0, []
    for given in inputs(paths):
        look = Look(given, how, overlays)
        (_print_json if how.as_json else _print_tables)(look)
        look.given = Input(name=given.name)
        worst = max(worst, look.exit_code)
        looks.append(look)
    if not how.as_json:
        _summary(looks)
    left = sum(answers.left() for answers in how.answers)
    if left:
        print(f"hub: the answers speak of {left:,} more, which are in none of these files", file=sys.stderr)
    sys.exit(worst)


def _overlays(how: How) -> list[Overlay]:
    if not how.overlays:
        return []
    from hub.x12.overlay import load

    return [load(name, (Path(OVERLAYS), how.config / OVERLAYS)) for name in how.overlays]


def _print_json(look: Look) -> None:
    """One object on one line; sets are written as they are read, so that a large file stays out of memory."""
    sys.stdout.write('{"file":' + _json(look.given.name) + ',"transaction_sets":[')
    told: list[Told] = []
    for number, one in enumerate(look):
        plain = {name: getattr(one, name) for name in one.__struct_fields__ if name != "told"}
        sys.stdout.write("," * (number > 0) + _json(plain))
        told += one.told
    told = look.certain(sorted([*look.around, *told], key=lambda one: one.finding.line))
    sys.stdout.write('],"findings":' + _json([plain_finding(one) for one in told]))
    totals = {"errors": look.errors, "warnings": look.warnings, "left_out": look.left_out}
    sys.stdout.write(f',"totals":{_json(totals)},"problem":{_json(_plain_problem(look.problem))}}}\n')
    sys.stdout.flush()


def plain_finding(told: Told) -> dict[str, Any]:
    """A finding as JSON shows it: all it has, the claim's number in the file (0: none), and its place in words."""
    return {**msgspec.structs.asdict(told.finding), "claim": told.claim, "field": told.field}


def _plain_problem(problem: Problem | None) -> dict[str, str] | None:
    return None if problem is None else {"code": problem.code, "why": problem.why, "fix": problem.fix}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _print_tables(look: Look) -> None:
    sets = [(number, one) for number, one in enumerate(look, 1) if one.told]
    certain = look.certain([told for _, one in sets for told in one.told])
    left = iter(certain)
    for number, one in sets:
        title = f"{look.given.name}: set {number}, {one.kind} {one.control_number} ({_meaning(one.verdict)})"
        _table(printable(title), list(islice(left, len(one.told))))
    if look.problem is not None:
        print(f"hub: {look.given.name}: {look.problem.why}", file=sys.stderr)
        print(f"     what to do: {look.problem.fix}", file=sys.stderr)
        return
    around = look.certain(look.around)
    if around:
        _table(f"{look.given.name}: around the sets", around)
    rest = f"; {look.left_out} not shown (--limit)" if look.left_out else ""
    size = f"{count_of(look.sets, 'set')}, {count_of(look.segments, 'segment')}"
    say(f"{look.given.name}: {faults_told(look.errors, look.warnings)}{rest} ({size})")
    _next_steps(look.given.name, [*around, *certain])
    if certain or around:
        say()


def _next_steps(name: str, told: Sequence[Told]) -> None:
    """Which commands go on from here, ready to be copied."""
    if name == STDIN or "!" in name or not Path(name).exists():
        return
    file = shlex.quote(name)
    claim = min((one.claim for one in told if one.claim), default=0)
    mended = sum(bool(one.finding.repair) for one in told)
    if claim:
        say(f"  see claim {claim} with its values:   hub x12 show {file} --claim {claim}")
    if mended:
        say(f"  see what can be repaired:   hub x12 fix {file} --dry-run   ({mended:,} of {len(told):,})")


def _meaning(said: str) -> str:
    return {"A": "would be accepted", "E": "would be accepted with errors", "R": "would be rejected"}[said]


def _table(title: str, told: Sequence[Told]) -> None:
    """Findings by claim: folded below each other in a terminal, one row a line elsewhere."""
    inside = sorted(told, key=lambda one: (one.claim, one.finding.line, one.finding.position))
    if sys.stdout.isatty():
        _list(title, inside)
        return
    rows = [
        (
            one.claim or "-",
            one.finding.line or "-",
            one.finding.where or "-",
            one.field or "-",
            one.finding.snip or "-",
            one.finding.severity,
            f"{one.finding.message} [{one.finding.code}]",
            one.finding.repair or "-",
        )
        for one in inside
    ]
    table(title, _COLUMNS, rows, right=(0, 1, 4))


def _list(title: str, told: Sequence[Told]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(title, style="bold"))
    for claim, group in groupby(told, key=lambda one: one.claim):
        if claim or any(one.claim for one in told):
            console.print(Text(f"  claim {claim}" if claim else "  outside the claims", style="bold cyan"))
        for one in group:
            found = one.finding
            head = Text(f"    line {found.line or '-'}  ")
            head.append(found.where or "-", style="bold").append(f"  {one.field}  ").append(
                f"SNIP {found.snip}" if found.snip else "", style="dim"
            )
            console.print(head, soft_wrap=True)
            weight = "warning: " if found.severity == "warning" else ""
            what = f"{weight}{found.message} [{found.code}]"
            console.print(_folded(what, console.width, _STYLES.get(found.severity, "")), soft_wrap=True)
            if found.repair:
                console.print(_folded(f"hub x12 fix {found.repair}", console.width, "green"), soft_wrap=True)
    console.print()


def _folded(words: str, width: int, style: str) -> Text:
    """A text below its place, folded between words."""
    from rich.text import Text

    pad = " " * 8
    lines = textwrap.wrap(words, max(width - len(pad), 30), break_on_hyphens=False)
    return Text("\n".join(pad + line for line in lines), style=style)


def faults_told(errors: int, warnings: int) -> str:
    """`2 errors, 1 warning`."""
    if not errors and not warnings:
        return "nothing is wrong"
    told = [count_of(errors, "error")] if errors else []
    return ", ".join(told + ([count_of(warnings, "warning")] if warnings else []))


def count_of(number: int, word: str) -> str:
    """`1 set`, `1,200 sets`."""
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def _summary(looks: Sequence[Look]) -> None:
    if len(looks) < 2:
        return
    bad = sum(look.exit_code == 1 for look in looks)
    unreadable = sum(look.exit_code == 2 for look in looks)
    good = len(looks) - bad - unreadable
    say(f"{count_of(len(looks), 'file')}: {good} good, {bad} with errors, {unreadable} unreadable")
