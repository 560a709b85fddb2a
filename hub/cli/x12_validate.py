"""`hub x12 validate`: what is wrong in files, for a person by set and claim, for a script as one object a file."""

from __future__ import annotations

import sys
import textwrap
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hub.cli.ui import say, table
from hub.cli.x12_files import Input, closed, inputs, no_x12, printable, watched
from hub.codes.icd10cm import diagnosis_fault
from hub.errors import Problem
from hub.x12.ack import verdict
from hub.x12.envelope import TransactionSet, X12Reader
from hub.x12.finding import Finding
from hub.x12.grammar import Guide, Loop
from hub.x12.tools.repair import Mending

if TYPE_CHECKING:
    from hub.x12.overlay import Overlay

OVERLAY_FOLDERS = (Path("overlays"), Path("config/overlays"))
_STYLES = {"error": "red", "warning": "yellow"}
_COLUMNS = ("claim", "line", "place", "SNIP", "", "what is wrong", "repair")


class How(msgspec.Struct, frozen=True, kw_only=True):
    """How to look: `inbound` as the hub reads partners' files, `limit` findings told of each file."""

    overlays: tuple[str, ...] = ()
    inbound: bool = False
    limit: int = 1000
    as_json: bool = False


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with the claim it is about: its number in the set, 0 where it is about none."""

    finding: Finding
    claim: int = 0


class SetTold(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction set once it is read, and what is told of it; `line` is the place of its ST in the file."""

    kind: str
    control_number: str
    version: str
    segments: int
    verdict: str
    line: int
    told: tuple[Told, ...]


class Look:
    """One look through one file: iterate it for its sets, then see what it counted."""

    def __init__(self, given: Input, how: How, overlays: Sequence[Overlay]) -> None:
        self.given = given
        self.how = how
        self.overlays = overlays
        self.errors = self.warnings = self.left_out = self.sets = self.segments = 0
        self.around: tuple[Told, ...] = ()
        self.problem = given.problem

    def __iter__(self) -> Iterator[SetTold]:
        if self.given.file is None:
            return
        more: dict[str, Any] = {"overlays": tuple(self.overlays)} if self.overlays else {}
        with watched(self.given) as file:
            reader = X12Reader(file, strict=not self.how.inbound, diagnoses=diagnosis_fault, **more)
            try:
                for transaction in reader:
                    yield self._set(transaction)
            except OSError as error:
                self.problem = closed(error)
        if not reader.interchanges and self.problem is None:
            self.problem = no_x12()
        self.around = self._told([Told(finding=found) for found in reader.findings])

    def _set(self, transaction: TransactionSet) -> SetTold:
        from array import array

        starts = array("Q", (unit.position for unit in transaction.units()))
        transaction.skip()
        inside = loops_of_units(transaction.guide)
        outcome = transaction.outcome
        said = verdict(outcome)
        told = [Told(finding=found, claim=claim_of(found, starts, inside)) for found in outcome.findings]
        outcome.findings = []  # or a file of many bad sets would gather in memory
        self.sets += 1
        self.segments += outcome.segments
        return SetTold(
            kind=outcome.kind,
            control_number=outcome.control_number,
            version=outcome.version,
            segments=outcome.segments,
            verdict=said,
            line=transaction.line,
            told=self._told(told),
        )

    def _told(self, found: list[Told]) -> tuple[Told, ...]:
        errors = sum(one.finding.severity == "error" for one in found)
        room = max(0, self.how.limit - (self.errors + self.warnings - self.left_out))
        self.errors += errors
        self.warnings += len(found) - errors
        self.left_out += len(found[room:])
        return tuple(found[:room])

    def certain(self, told: Sequence[Told]) -> list[Told]:
        """The same findings, each with a repair only where `hub x12 fix` would make one: it is asked, if need be."""
        file = self.given.file
        if file is None or not any(";" in one.finding.repair for one in told):
            return list(told)
        file.seek(0)
        mending = Mending(file)
        for _ in mending:
            pass
        done = set() if mending.problem else {(one.code, one.line) for one in mending.repairs}
        return [_with_repair(one, done) for one in told]

    @property
    def exit_code(self) -> int:
        """0 nothing worse than warnings, 1 an error, 2 unreadable."""
        return 2 if self.problem is not None else int(self.errors > 0)


def _with_repair(told: Told, done: set[tuple[str, int]]) -> Told:
    found = told.finding
    words, doubt, _ = found.repair.partition(";")
    if not doubt:
        return told
    made = (found.code, found.line) in done or (
        not found.position and any(code == found.code for code, _ in done)
    )
    return Told(finding=msgspec.structs.replace(found, repair=words if made else ""), claim=told.claim)


def loops_of_units(guide: Guide | None) -> frozenset[str]:
    """The ids of the guide's units and of all loops inside them."""
    if guide is None:
        return frozenset()
    return frozenset(_inside(guide.root, frozenset(guide.units), inside=False))


def _inside(loop: Loop, units: frozenset[str], *, inside: bool) -> Iterator[str]:
    for row in loop.rows:
        if isinstance(row, Loop):
            within = inside or row.id in units
            if within:
                yield row.id
            yield from _inside(row, units, inside=within)


def claim_of(found: Finding, starts: Sequence[int], inside: frozenset[str]) -> int:
    """The number of the claim that a finding is about: the one around it, or behind it where it stands before one.

    0 for what stands outside all of them, such as a header. `starts` are the claims' places in the set.
    """
    before = bisect_right(starts, found.position)
    if found.loop in inside:
        return before
    return before + 1 if found.loop[:4] > "1999" and found.loop and before < len(starts) else 0


def validate(paths: Sequence[str], how: How) -> None:
    """Look through every file and tell what is wrong; ends with 0, 1 or 2."""
    overlays = _overlays(how.overlays)
    worst, looks = 0, []
    for given in inputs(paths):
        look = Look(given, how, overlays)
        (_print_json if how.as_json else _print_tables)(look)
        look.given = Input(name=given.name)
        worst = max(worst, look.exit_code)
        looks.append(look)
    if not how.as_json:
        _summary(looks)
    sys.exit(worst)


def _overlays(names: Sequence[str]) -> list[Overlay]:
    if not names:
        return []
    from hub.x12.overlay import load

    return [load(name, OVERLAY_FOLDERS) for name in names]


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
    """A finding as JSON shows it: all its fields, and the claim's number in its set (0: none)."""
    return {**msgspec.structs.asdict(told.finding), "claim": told.claim}


def _plain_problem(problem: Problem | None) -> dict[str, str] | None:
    return None if problem is None else {"code": problem.code, "why": problem.why, "fix": problem.fix}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _print_tables(look: Look) -> None:
    sets = [(number, one) for number, one in enumerate(look, 1) if one.told]
    certain = iter(look.certain([told for _, one in sets for told in one.told]))
    for number, one in sets:
        title = f"{look.given.name}: set {number}, {one.kind} {one.control_number} ({_meaning(one.verdict)})"
        _table(printable(title), list(islice(certain, len(one.told))))
    if look.problem is not None:
        print(f"hub: {look.given.name}: {look.problem.why}", file=sys.stderr)
        print(f"     what to do: {look.problem.fix}", file=sys.stderr)
        return
    if look.around:
        _table(f"{look.given.name}: around the sets", look.certain(look.around))
    rest = f"; {look.left_out} not shown (--limit)" if look.left_out else ""
    size = f"{count_of(look.sets, 'set')}, {count_of(look.segments, 'segment')}"
    say(f"{look.given.name}: {faults_told(look.errors, look.warnings)}{rest} ({size})")


def _meaning(said: str) -> str:
    return {"A": "accepted", "E": "accepted with errors", "R": "rejected"}[said]


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
            one.finding.snip,
            one.finding.severity,
            f"{one.finding.message} [{one.finding.code}]",
            one.finding.repair or "-",
        )
        for one in inside
    ]
    table(title, _COLUMNS, rows, right=(0, 1, 3))


def _list(title: str, told: Sequence[Told]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    places = max(len(one.finding.where) for one in told)
    room = max(console.width - places - 31, 30)
    console.print(Text(title, style="bold"))
    for claim, group in groupby(told, key=lambda one: one.claim):
        console.print(Text(f"  claim {claim}" if claim else "  outside the claims", style="cyan"))
        for found in (one.finding for one in group):
            head = f"    line {found.line or '-':>6}  {found.where:{places}}  SNIP {found.snip}  "
            weight = "warning: " if found.severity == "warning" else ""
            folded = textwrap.wrap(f"{weight}{found.message} [{found.code}]", room, break_on_hyphens=False)
            text = Text(head).append(folded[0], style=_STYLES.get(found.severity, ""))
            for line in folded[1:]:
                text.append("\n" + " " * len(head) + line, style=_STYLES.get(found.severity, ""))
            for line in textwrap.wrap(f"fix: {found.repair}" if found.repair else "", room):
                text.append("\n" + " " * len(head) + line, style="green")
            console.print(text, soft_wrap=True)
    console.print()


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
