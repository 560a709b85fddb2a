"""Compiles a guide once: dispatch tables per loop, and one pattern per segment row and delimiters.

A table answers, for a segment id and its qualifier, which row of which open loop takes the segment, and
how many loops close before it: the nesting of loops is known, so no search is left for the reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from hub.x12.elements import matters_from, relations
from hub.x12.formats import DATE8, NAMED, TIME, plain_text
from hub.x12.grammar import Guide, Loop, Segment, Use
from hub.x12.wire import Delimiters

Match = Callable[[str], object]


class Row:
    """One place for a segment in one loop, with what the reader needs to count and order it."""

    __slots__ = (
        "alike",
        "before",
        "begins_body",
        "bit",
        "index",
        "limit",
        "loop",
        "order",
        "relations",
        "relations_from",
        "required",
        "segment",
    )

    def __init__(self, segment: Segment, index: int, order: int, place: int) -> None:
        self.segment = segment
        self.index = index
        self.order = order
        self.bit = 1 << place
        self.before = 0
        self.alike = self.bit
        self.begins_body = False
        self.limit = segment.repeat
        self.required = segment.required
        self.relations = relations(segment)
        self.relations_from = min((matters_from(note) for note, _ in self.relations), default=10**6)
        self.loop: CompiledLoop | None = None


class Hit:
    """What to do with a segment: close `up` loops, open `via` without a segment, then take `row`."""

    __slots__ = ("guess", "row", "up", "via")

    def __init__(self, up: int, row: Row, via: CompiledLoop | None = None, *, guess: bool = False) -> None:
        self.up = up
        self.row = row
        self.via = via
        self.guess = guess


class Entry:
    """All hits for one segment id seen from one loop; `at` is the qualifying element, 0 for none."""

    __slots__ = ("any", "at", "by", "guess")

    def __init__(self, at: int) -> None:
        self.at = at
        self.by: dict[str, Hit] = {}
        self.any: Hit | None = None
        self.guess: Hit | None = None


class CompiledLoop:
    """A loop at its place among the loops around it."""

    __slots__ = ("id", "is_level", "loop", "opener", "parent", "required", "rows", "table", "trigger")

    def __init__(self, loop: Loop, parent: CompiledLoop | None) -> None:
        self.id = loop.id
        self.loop = loop
        self.parent = parent
        self.rows: list[Row] = []
        self.required = 0
        self.table: dict[str, Entry] = {}
        self.is_level = loop.opener.id == "HL"
        self.opener: Row = None  # type: ignore[assignment]  # set by _fill, before anybody reads it
        self.trigger: Row | None = None

    def ancestors(self) -> Iterator[tuple[int, CompiledLoop]]:
        """Yields this loop and those around it, with the number of loops that close to get there."""
        up, current = 0, self
        while True:
            yield up, current
            if current.parent is None:
                return
            up, current = up + 1, current.parent


class CompiledGuide:
    """A guide ready to run; get it from `compiled(guide)`."""

    def __init__(self, guide: Guide) -> None:
        self.guide = guide
        self.rows: list[Row] = []
        self.root = self._fill(guide.root, None)
        self.ids = frozenset(row.segment.id for row in self.rows)
        for found in self._loops(self.root):
            _build_table(found)

    def _fill(self, loop: Loop, parent: CompiledLoop | None) -> CompiledLoop:
        made = CompiledLoop(loop, parent)
        order, before = 0, ""
        for place, row in enumerate(loop.rows):
            inner = row if isinstance(row, Loop) else None
            segment = row.opener if isinstance(row, Loop) else row
            order += segment.id != before
            before = segment.id
            found = Row(segment, len(self.rows), order, place)
            self.rows.append(found)
            made.rows.append(found)
            if place == 0:
                made.opener = found
            if inner:
                found.limit, found.required = inner.repeat, inner.required
                found.loop = self._fill(inner, made)
                found.loop.trigger = found
            found.before = sum(row.bit for row in made.rows if row.required and row.order < order)
            if found.required:
                made.required |= found.bit
        for found in made.rows:
            found.alike = sum(row.bit for row in made.rows if row.segment.id == found.segment.id)
        for body in made.rows[1:2]:
            once = body.required and body.limit == 1 and body.loop is None
            body.begins_body = once and loop.repeat != 1 and not made.is_level and parent is not None
        return made

    def _loops(self, loop: CompiledLoop) -> Iterator[CompiledLoop]:
        yield loop
        for row in loop.rows:
            if row.loop is not None:
                yield from self._loops(row.loop)


def _build_table(loop: CompiledLoop) -> None:
    for up, around in loop.ancestors():
        for row in around.rows:
            if row is around.opener and around.parent is not None:
                continue
            _add(loop.table, row, Hit(up, row))
        # what belongs between LS and LE is met there although LS is missing, before any loop further out
        for row in around.rows:
            if row.segment.id == "LS" and row.loop is not None:
                _add_inner(loop.table, up, row.loop)
    unopened = list(_unopened(loop))
    for up, inner, _ in unopened:
        if not inner.is_level:
            _add_inner(loop.table, up, inner)
    for up, inner, near in unopened:
        if near:
            _add_body(loop.table, up, inner)


def _unopened(loop: CompiledLoop) -> Iterator[tuple[int, CompiledLoop, bool]]:
    """Yields the loops in this one and in those around it, and whether each is within the nearest level."""
    near = True
    for up, around in loop.ancestors():
        for row in around.rows:
            if row.loop is not None:
                yield up, row.loop, near
        near = near and not around.is_level


def _add_inner(table: dict[str, Entry], up: int, loop: CompiledLoop) -> None:
    """Adds the loops of a loop whose own first segment is missing."""
    for inner in loop.rows:
        if inner.loop is not None:
            _add(table, inner, Hit(up, inner, via=loop))


def _add_body(table: dict[str, Entry], up: int, loop: CompiledLoop) -> None:
    """Adds what follows a loop's first segment, so that this one is missed where it is not there."""
    rows = [inner for inner in loop.rows[1:] if inner.loop is None]
    for body in [*rows[:1], *[inner for inner in rows if inner.required][:1]]:
        if body.segment.id not in table:
            _add(table, body, Hit(up, body, via=loop))


def _add(table: dict[str, Entry], row: Row, hit: Hit) -> None:
    segment = row.segment
    entry = table.setdefault(segment.id, Entry(segment.qualifier_at if segment.qualifiers else 0))
    codes = segment.qualifiers if segment.qualifier_at else ()
    if not codes:
        if entry.any is None:
            entry.any = hit
        return
    entry.at = segment.qualifier_at
    for code in codes:
        entry.by.setdefault(code, hit)
    if entry.guess is None and hit.up == 0 and hit.via is None and row.loop is None:
        entry.guess = Hit(0, row, guess=True)


@lru_cache(maxsize=32)
def compiled(guide: Guide) -> CompiledGuide:
    """The compiled form of a guide, made on first use and kept."""
    return CompiledGuide(guide)


@lru_cache(maxsize=64)
def matchers(guide: Guide, _delimiters: Delimiters) -> list[Match | None]:
    """One slot per row of the compiled guide, filled on first use by `matcher`."""
    return [None] * len(compiled(guide).rows)


def matcher(segment: Segment, delimiters: Delimiters) -> Match:
    """A function that is true for a segment text whose elements all keep their rows."""
    return re.compile(segment_pattern(segment, delimiters), re.ASCII).fullmatch


def segment_pattern(segment: Segment, marks: Delimiters) -> str:
    """The row of a segment as one regular expression over its text without terminator."""
    separator = re.escape(marks.element)
    needed = max((i for i, use in enumerate(segment.elements, 1) if use and use.required), default=0)
    pattern, closing = segment.id, ""
    for place, use in enumerate(segment.elements, 1):
        inside = "" if use is None else _element_pattern(use, marks)
        if use is not None and not use.required:
            inside = f"(?:{inside})?"
        if place > needed:
            pattern += "(?:"
            closing += ")?"
        pattern += separator + inside
    return pattern + closing + f"(?<!{separator})"


def _element_pattern(use: Use, marks: Delimiters) -> str:
    one = _composite_pattern(use, marks) if use.parts else _value_pattern(use, marks)
    if use.repeats == 1 or not marks.repetition:
        return one
    return f"{one}(?:{re.escape(marks.repetition)}{one}){{0,{use.repeats - 1}}}"


def _composite_pattern(use: Use, marks: Delimiters) -> str:
    separator = re.escape(marks.component)
    needed = max((i for i, part in enumerate(use.parts, 1) if part and part.required), default=1)
    pattern, closing = "", ""
    for place, part in enumerate(use.parts, 1):
        inside = "" if part is None else _value_pattern(part, marks)
        if part is not None and not part.required:
            inside = f"(?:{inside})?"
        if place > needed:
            pattern += "(?:"
            closing += ")?"
        pattern += (separator if place > 1 else "") + inside
    return f"{pattern}{closing}(?<!{separator})"


def _value_pattern(use: Use, marks: Delimiters) -> str:
    if use.codes:
        return "(?:" + "|".join(re.escape(code) for code in use.codes) + ")"
    if use.format:
        return NAMED[use.format][0]
    low, high = use.element.low, use.element.high
    inside = plain_text(marks)
    by_type = {
        "N0": rf"-?\d{{{low},{high}}}",
        "R": rf"(?!-?[\d.]{{{high + 2}}})-?(?:\d{{1,{high}}}(?:\.\d*)?|\.\d{{1,{high}}})",
        "DT": DATE8,
        "TM": TIME,
    }
    return by_type.get(use.element.type, rf"(?! ){inside}{{{low},{high}}}(?<! )")
