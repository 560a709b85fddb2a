"""`hub x12 validate`: what is wrong in files, for a person by set and claim, for a script as one object a file."""

from __future__ import annotations

import shlex
import sys
import textwrap
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hub.cli.ui import say, table
from hub.cli.x12_files import STDIN, Input, closed, inputs, no_x12, printable, watched
from hub.codes.icd10cm import diagnosis_fault
from hub.errors import Problem
from hub.x12.ack import verdict
from hub.x12.envelope import TransactionSet, X12Reader
from hub.x12.finding import Finding
from hub.x12.grammar import Guide, Loop
from hub.x12.tools.names import place_in_words
from hub.x12.tools.repair import Mending

if TYPE_CHECKING:
    from rich.text import Text

    from hub.x12.overlay import Overlay
    from hub.x12.tools.answered import Answers, Located

OVERLAYS = "overlays"
_STYLES = {"error": "red", "warning": "magenta"}  # both can be read on a light screen and on a dark one
_COLUMNS = ("claim", "line", "place", "which field", "SNIP", "", "what is wrong", "repair")


class How(msgspec.Struct, frozen=True, kw_only=True):
    """How to look: `inbound` as the hub reads partners' files, `limit` findings told of each file.

    Overlays are looked for in the folder `overlays` here, then in that of the settings (`config`).
    """

    overlays: tuple[str, ...] = ()
    config: Path = Path("config")
    inbound: bool = False
    limit: int = 1000
    as_json: bool = False
    answers: tuple[Answers, ...] = ()


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with the claim it is about, and what stands at its place in words.

    `claim` is its number in the file, as `hub x12 show --claim` counts, 0 where it is about none.
    """

    finding: Finding
    claim: int = 0
    field: str = ""


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
        self.errors = self.warnings = self.left_out = self.sets = self.segments = self.claims = 0
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
        said = [one for outer in reader.interchanges for one in self._of_interchange(outer.control_number)]
        self.around = self._told([_named(None, found) for found in [*reader.findings, *said]])

    def _of_interchange(self, number: str) -> Iterator[Finding]:
        for answers in self.how.answers:
            yield from answers.of_interchange(number)

    def _answered(self, transaction: TransactionSet, claims: Sequence[tuple[str, int]]) -> Iterator[Finding]:
        """What receivers said of a set and its claims, each at its line."""
        for answers in self.how.answers:
            said = answers.of_set(transaction.group.control_number, transaction.control_number)
            for found in [*said, *(one for claim in claims for one in answers.of_claim(*claim))]:
                yield msgspec.structs.replace(found, line=transaction.line + found.position - 1)

    def _set(self, transaction: TransactionSet) -> SetTold:
        from array import array

        starts = array("Q")
        claims: list[tuple[str, int]] = []
        for unit in transaction.units():
            starts.append(unit.position)
            if self.how.answers:
                claims.append((unit.value("CLM", 1), unit.position))
        transaction.skip()
        inside = loops_of_units(transaction.guide)
        outcome = transaction.outcome
        said = verdict(outcome)
        told = [self._place(transaction.guide, found, starts, inside) for found in outcome.findings]
        told += [self._by_place(found, starts, inside) for found in self._answered(transaction, claims)]
        outcome.findings = []  # or a file of many bad sets would gather in memory
        self.sets += 1
        self.segments += outcome.segments
        self.claims += len(starts)
        return SetTold(
            kind=outcome.kind,
            control_number=outcome.control_number,
            version=outcome.version,
            segments=outcome.segments,
            verdict=said,
            line=transaction.line,
            told=self._told(told),
        )

    def _place(self, guide: Guide | None, found: Finding, starts: Sequence[int], inside: frozenset[str]) -> Told:
        claim = claim_of(found, starts, inside)
        return _named(guide, found, claim + self.claims if claim else 0)

    def _by_place(self, found: Finding, starts: Sequence[int], inside: frozenset[str]) -> Told:
        """What a receiver said; a 999 names loops without their letter."""
        claim = claim_of(found, starts, inside | {one[:4] for one in inside})
        return _named(None, found, claim + self.claims if claim else 0)

    def _told(self, found: list[Told]) -> tuple[Told, ...]:
        errors = sum(one.finding.severity == "error" for one in found)
        room = max(0, self.how.limit - (self.errors + self.warnings - self.left_out))
        self.errors += errors
        self.warnings += len(found) - errors
        self.left_out += len(found[room:])
        return tuple(found[:room])

    def certain(self, told: Sequence[Told]) -> list[Told]:
        """The same findings, each with a repair only where `hub x12 fix` would make one: it is asked, if need be."""
        told = self._located(told)
        file = self.given.file
        if file is None or not any(";" in one.finding.repair for one in told):
            return list(told)
        file.seek(0)
        mending = Mending(file)
        for _ in mending:
            pass
        done = set() if mending.problem else {(one.code, one.line) for one in mending.repairs}
        return [_with_repair(one, done) for one in told]

    def _located(self, told: Sequence[Told]) -> Sequence[Told]:
        """What receivers said, with the loop and the words of its place: the file is asked, if need be."""
        lines = frozenset(one.finding.line for one in told if one.finding.code.startswith("answer."))
        if not lines or self.given.file is None:
            return told
        from hub.x12.tools.answered import located

        self.given.file.seek(0)
        found = located(self.given.file, lines)
        return [_at(one, found.get(one.finding.line)) for one in told]

    @property
    def exit_code(self) -> int:
        """0 nothing worse than warnings, 1 an error, 2 unreadable."""
        return 2 if self.problem is not None else int(self.errors > 0)


def _named(guide: Guide | None, found: Finding, claim: int = 0) -> Told:
    field = place_in_words(guide, found.loop, found.segment, found.element, found.part)
    return Told(finding=found, claim=claim, field=field)


def _at(told: Told, place: Located | None) -> Told:
    """What a receiver said, with the loop and the words of its place; `told.field` is the element's name, if any."""
    said = told.finding
    if place is None or not said.code.startswith("answer.") or not place.holds(said):
        return told
    field = ", ".join(dict.fromkeys(one for one in (place.around, told.field or place.name) if one))
    return msgspec.structs.replace(told, finding=msgspec.structs.replace(said, loop=place.loop), field=field)


def _with_repair(told: Told, done: set[tuple[str, int]]) -> Told:
    found = told.finding
    words, doubt, _ = found.repair.partition(";")
    if not doubt:
        return told
    made = (found.code, found.line) in done or (
        not found.position and any(code == found.code for code, _ in done)
    )
    return msgspec.structs.replace(told, finding=msgspec.structs.replace(found, repair=words if made else ""))


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
    """The number in its set of the claim that a finding is about: the one around it, or the one behind it.

    0 for what stands outside all of them, such as a header. `starts` are the claims' places in the set.
    """
    before = bisect_right(starts, found.position)
    if found.loop in inside:
        return before
    return before + 1 if found.loop[:4] > "1999" and found.loop and before < len(starts) else 0


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
