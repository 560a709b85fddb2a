"""One look through one file: its sets, what is wrong in them, by which claim, and what receivers said of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hub.cli.x12_files import Input, closed, no_x12, watched
from hub.codes.icd10cm import diagnosis_fault
from hub.x12.ack import verdict
from hub.x12.envelope import TransactionSet, X12Reader
from hub.x12.finding import Finding
from hub.x12.grammar import Guide, Loop
from hub.x12.tools.names import place_in_words
from hub.x12.tools.repair import Mending

if TYPE_CHECKING:
    from hub.x12.overlay import Overlay
    from hub.x12.tools.answered import Answers, Located


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
