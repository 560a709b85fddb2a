"""Lays a file out as a tree for people: loops, segments, elements with their names, findings where they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import BinaryIO

import msgspec

from hub.x12.dictionary import Composite, layouts
from hub.x12.envelope import X12Reader
from hub.x12.finding import Finding
from hub.x12.grammar import Guide, Loop, Segment
from hub.x12.guides import guide_for
from hub.x12.tools.anonymize import may_tell
from hub.x12.tree import Node
from hub.x12.walk import DiagnosisCheck, Walk
from hub.x12.wire import STANDARD, Delimiters, Wire

MASK = "***"
_MOST_FINDINGS = 10_000
_NAMES = {
    "ISA": "Interchange header",
    "GS": "Group header",
    "TA1": "Answer to an interchange",
    "GE": "Group trailer",
    "IEA": "Interchange trailer",
}
_CONTROL = frozenset(("ISA", "GS", "TA1", "GE", "IEA", "ST"))


class LoopLine(msgspec.Struct, frozen=True, kw_only=True, tag="loop", tag_field="what"):
    """A loop begins; `id` is "" for a whole transaction set, whose `name` is that of its guide."""

    depth: int
    id: str
    name: str


class ElementLine(msgspec.Struct, frozen=True, kw_only=True):
    """One element or part that is there: its place such as `NM103` or `SV101-2`, what it is, and its value."""

    place: str
    name: str
    value: str


class SegmentLine(msgspec.Struct, frozen=True, kw_only=True, tag="segment", tag_field="what"):
    """One segment: its line in the file, what it is, its text, its elements, and what is wrong with it."""

    depth: int
    loop: str
    id: str
    name: str
    line: int
    text: str
    elements: tuple[ElementLine, ...]
    findings: tuple[Finding, ...] = ()


Shown = LoopLine | SegmentLine


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What to show: one loop by its id, one claim by its number in the file (with what stands around it), or all."""

    loop: str = ""
    claim: int = 0
    masked: bool = False


def findings_by_line(file: BinaryIO, diagnoses: DiagnosisCheck | None = None) -> dict[int, list[Finding]]:
    """Checks a file strictly and gives what is wrong by line, 0 for what has none."""
    found: dict[int, list[Finding]] = {}
    total = 0
    reader = X12Reader(file, strict=True, diagnoses=diagnoses)
    for transaction in reader:
        for one in transaction.check()[: max(0, _MOST_FINDINGS - total)]:
            found.setdefault(one.line, []).append(one)
            total += 1
        transaction.outcome.findings = []
    for one in reader.findings:
        found.setdefault(one.line, []).append(one)
    return found


def outline(file: BinaryIO, choice: Choice, findings: Mapping[int, Sequence[Finding]]) -> Iterator[Shown]:
    """Yields the lines of the tree in the file's order; memory holds one claim and what stands around it."""
    return _Outline(file, choice, findings).lines()


class _Outline:
    def __init__(self, file: BinaryIO, choice: Choice, findings: Mapping[int, Sequence[Finding]]) -> None:
        self.choice = choice
        self.findings = findings
        self.line = 0
        self.claims = 0
        self.version = ""
        self._texts = self._read(Wire(file))
        self._held: tuple[str, Delimiters] | None = None

    def _read(self, wire: Wire) -> Iterator[tuple[str, Delimiters]]:
        for block in wire:
            for text in block.segments:
                self.line += 1
                yield text, block.delimiters

    def _next(self) -> tuple[str, Delimiters] | None:
        held, self._held = self._held, None
        return held or next(self._texts, None)

    def lines(self) -> Iterator[Shown]:
        """The envelope, and each set between."""
        whole = not self.choice.claim and not self.choice.loop
        while (found := self._next()) is not None:
            text, marks = found
            values = text.split(marks.element)
            if values[0] == "ST":
                yield from self._set(text, marks)
                continue
            if values[0] == "GS":
                self.version = values[-1]
            if whole:
                depth = 0 if values[0] in ("ISA", "IEA") else 1
                yield self._segment(values, _Place(None, "", marks), self.line, depth)

    def _body(self, st: str, marks: Delimiters) -> Iterator[str]:
        yield st
        while (found := self._next()) is not None:
            tag = found[0].partition(marks.element)[0]
            if tag in _CONTROL:
                self._held = found
                return
            yield found[0]
            if tag == "SE":
                return

    def _set(self, st: str, marks: Delimiters) -> Iterator[Shown]:
        values = [*st.split(marks.element), "", "", ""]
        guide = guide_for(values[1], values[3] or self.version)
        opens = self.line
        if not self.choice.claim and not self.choice.loop:
            title = f"{guide.title}" if guide else "no guide is known for this set"
            yield LoopLine(depth=1, id="", name=f"{guide.kind if guide else values[1]} {values[2]}: {title}")
        if guide is None:
            for number, text in enumerate(self._body(st, marks)):
                if not self.choice.claim and not self.choice.loop:
                    yield self._segment(text.split(marks.element), _Place(None, "", marks), opens + number, 2)
            return
        spine = frozenset(_spine(guide.root, frozenset(guide.units)))
        walk = Walk(guide, marks, units=tuple(spine), check=False)
        yield from _Set(self, guide, opens, walk).lines(self._body(st, marks))

    def _segment(self, values: Sequence[str], place: _Place, line: int, depth: int) -> SegmentLine:
        if self.choice.masked and len(values[0]) > 3:
            values = [MASK, *values[1:]]
        marks, tag = place.marks, values[0]
        row = _row(place.guide, place.loop, tag, tuple(values[1:4]), marks.component) if place.guide else None
        return SegmentLine(
            depth=depth,
            loop=place.loop,
            id=tag,
            name=row.name if row else _NAMES.get(tag, "" if tag in layouts() else "unknown segment"),
            line=line,
            text=marks.element.join(self._texts_of(values, marks)),
            elements=tuple(self._elements(values, row, marks)),
            findings=tuple(self.findings.get(line, ())),
        )

    def _texts_of(self, values: Sequence[str], marks: Delimiters) -> Iterator[str]:
        for place, value in enumerate(values):
            yield self._masked(values, place, value, marks) if place and value else value

    def _masked(self, values: Sequence[str], place: int, value: str, marks: Delimiters) -> str:
        if not self.choice.masked or (values[0] == "ISA" and place == 16):
            return value
        parts = value.split(marks.component)
        return marks.component.join(self._value(values, place, at, part) for at, part in enumerate(parts, 1))

    def _value(self, values: Sequence[str], place: int, part: int, value: str) -> str:
        hidden = self.choice.masked and value and may_tell(values, place, part, value)
        return MASK if hidden else value

    def _elements(self, values: Sequence[str], row: Segment | None, marks: Delimiters) -> Iterator[ElementLine]:
        tag = values[0]
        layout = layouts().get(tag)
        for place, value in enumerate(values[1:], 1):
            if not value.strip():
                continue
            kind = layout.elements[place - 1] if layout and place <= len(layout.elements) else None
            use = row.element(place) if row else None
            if isinstance(kind, Composite) and tag != "ISA":
                yield from self._parts(kind, values, place, marks)
                continue
            name = (
                use.element.name
                if use
                else kind.name
                if kind is not None and not isinstance(kind, Composite)
                else ""
            )
            yield ElementLine(
                place=f"{tag}{place:02}", name=name, value=self._value(values, place, 0, value.strip())
            )

    def _parts(
        self, kind: Composite, values: Sequence[str], place: int, marks: Delimiters
    ) -> Iterator[ElementLine]:
        label, value = f"{values[0]}{place:02}", values[place]
        for one in value.split(marks.repetition) if marks.repetition else [value]:
            for at, part in enumerate(one.split(marks.component), 1):
                if part:
                    name = kind.parts[at - 1].name if at <= len(kind.parts) else ""
                    shown = self._value(values, place, at, part)
                    yield ElementLine(place=f"{label}-{at}", name=name, value=shown)


class _Place(msgspec.Struct, frozen=True):
    guide: Guide | None
    loop: str
    marks: Delimiters = STANDARD


class _Set:
    """One transaction set: its loops as they close, each after what stands around it."""

    def __init__(self, outline: _Outline, guide: Guide, opens: int, walk: Walk) -> None:
        self.outline = outline
        self.guide = guide
        self.choice = outline.choice
        self.opens = opens
        self.walk = walk
        self.names = _loop_names(guide)
        self.told: dict[int, int] = {}
        self.at = 0

    def lines(self, texts: Iterator[str]) -> Iterator[Shown]:
        """The whole set, or what was chosen of it."""
        for node in self.walk.run(texts):
            if self.choice.claim:
                if node.loop in self.guide.units:
                    self.outline.claims += 1
                    if self.outline.claims == self.choice.claim:
                        yield from self._claim(node)
                continue
            yield from self._path(node)
            self.told.pop(id(node), None)
        if not self.choice.claim:
            yield from self._path(self.walk.root)

    def _path(self, node: Node) -> Iterator[Shown]:
        """What is not told yet of a node and of the nodes around it, outermost first."""
        path = _path(node)
        inside = False
        for depth, one in enumerate(path, 2):
            inside = inside or one.loop == self.choice.loop
            begun = self.told.get(id(one))
            if begun is None and one.loop and inside:
                yield self._loop(one, depth - 1)
            for item in one.items[begun or 0 :]:
                yield from self._item(item, one, depth, inside=inside)
            self.told[id(one)] = len(one.items)

    def _item(self, item: object, node: Node, depth: int, *, inside: bool) -> Iterator[Shown]:
        if isinstance(item, Node):
            inside = inside or item.loop == self.choice.loop
            if inside:
                yield self._loop(item, depth)
            for inner in item.items:
                yield from self._item(inner, item, depth + 1, inside=inside)
            return
        line = self.opens + self.at
        self.at += 1
        if inside:
            yield self._segment(item, node, line, depth)

    def _claim(self, node: Node) -> Iterator[Shown]:
        for depth, one in enumerate(_path(node), 1):
            if one.loop:
                yield self._loop(one, depth - 1)
            self.at = max(one.position, 1) - 1
            for item in one.items:
                yield from self._item(item, one, depth, inside=True)

    def _loop(self, node: Node, depth: int) -> LoopLine:
        return LoopLine(depth=depth, id=node.loop, name=self.names.get(node.loop, ""))

    def _segment(self, values: object, node: Node, line: int, depth: int) -> SegmentLine:
        place = _Place(self.guide, node.loop, self.walk.delimiters)
        return self.outline._segment(values, place, line, depth)  # type: ignore[arg-type]  # noqa: SLF001


def _path(node: Node) -> list[Node]:
    found: list[Node] = []
    one: Node | None = node
    while one is not None:
        found.append(one)
        one = one.parent
    return found[::-1]


def _spine(loop: Loop, units: frozenset[str]) -> Iterator[str]:
    """The ids of the units and of the loops around them."""
    for row in loop.rows:
        if isinstance(row, Loop):
            below = list(_spine(row, units)) if row.id not in units else []
            if below or row.id in units:
                yield row.id
            yield from below


@lru_cache(maxsize=16)
def _loop_names(guide: Guide) -> dict[str, str]:
    return {row.id: row.name for _, row in guide.root.walk() if isinstance(row, Loop)}


@lru_cache(maxsize=16)
def _rows(guide: Guide) -> dict[tuple[str, str], list[Segment]]:
    """The rows of each loop and segment id."""
    found: dict[tuple[str, str], list[Segment]] = {}

    def gather(loop: Loop) -> None:
        for row in loop.rows:
            if isinstance(row, Loop):
                gather(row)
            else:
                found.setdefault((loop.id, row.id), []).append(row)

    gather(guide.root)
    return found


@lru_cache(maxsize=8192)
def _row(guide: Guide, loop: str, tag: str, first: tuple[str, ...], component: str) -> Segment | None:
    """The row that a segment stands for: by its qualifier where rows share an id."""
    rows = _rows(guide).get((loop, tag), [])
    for row in rows:
        at = row.qualifier_at
        value = first[at - 1].partition(component)[0] if 0 < at <= len(first) else ""
        if not row.qualifiers or value in row.qualifiers:
            return row
    return rows[0] if rows else None
