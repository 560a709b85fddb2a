"""The loop tree: nodes with segments, read lazily and built plainly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation

from hub.errors import Problem
from hub.x12.wire import STANDARD, Delimiters

Part = str | None
Composite = tuple[Part, ...]
Value = str | None | Composite | list["str | Composite"]
RawSegment = Sequence[Value]

_ASK = "ask the sender for a corrected file"


class Segment:
    """A view of one segment: `seg[1]` is its first element, "" when absent; `seg[0]` is its id."""

    __slots__ = ("_delimiters", "_values")

    def __init__(self, values: RawSegment, delimiters: Delimiters = STANDARD) -> None:
        self._values = values
        self._delimiters = delimiters

    @property
    def id(self) -> str:
        """The segment id, such as CLP."""
        return str(self._values[0])

    @property
    def values(self) -> RawSegment:
        """The elements as they are held, the id first."""
        return self._values

    def __len__(self) -> int:
        """How many elements it carries, the id not counted."""
        return len(self._values) - 1

    def __getitem__(self, position: int) -> str:
        """The text of an element, 1-based; a composite is joined; "" when absent."""
        if position >= len(self._values):
            return ""
        value = self._values[position]
        return value if type(value) is str else encode_value(value, self._delimiters)

    def parts(self, position: int) -> Parts:
        """The parts of a composite element; `parts(1)[2]` is its second part."""
        value = self._values[position] if position < len(self._values) else ""
        if isinstance(value, list):
            value = value[0] if value else ""
        if isinstance(value, tuple):
            return Parts(part or "" for part in value)
        return Parts(value.split(self._delimiters.component)) if value else Parts()

    def repeats(self, position: int) -> list[str]:
        """The repetitions of an element, each as text; empty when absent."""
        value = self._values[position] if position < len(self._values) else ""
        if isinstance(value, list):
            return [encode_value(one, self._delimiters) for one in value]
        text = encode_value(value, self._delimiters)
        mark = self._delimiters.repetition
        return text.split(mark) if text and mark else [text] if text else []

    def __repr__(self) -> str:
        """Names the segment, never its values."""
        return f"<Segment {self.id} with {len(self)} elements>"


class Parts(tuple[str, ...]):
    """The parts of a composite, 1-based: `parts[1]` is the first, "" when absent."""

    __slots__ = ()

    def __getitem__(self, position: int) -> str:  # type: ignore[override]
        """The text of one part, 1-based; "" when absent."""
        return tuple.__getitem__(self, position - 1) if 0 < position <= len(self) else ""


class Node:
    """One loop as read or as built: its segments and child loops in order.

    `items` holds raw segments (sequences, id first) and child nodes; `position` is the place of its first
    segment in the transaction set, 1-based (ST is 1), 0 when built. `parent` leads from a unit to its
    context; loops inside a unit have none once they are read.
    """

    __slots__ = ("delimiters", "items", "loop", "parent", "position")

    def __init__(
        self,
        loop: str,
        items: list[RawSegment | Node] | None = None,
        parent: Node | None = None,
        position: int = 0,
        delimiters: Delimiters = STANDARD,
    ) -> None:
        self.loop = loop
        self.items: list[RawSegment | Node] = items if items is not None else []
        self.parent = parent
        self.position = position
        self.delimiters = delimiters

    def segment(self, tag: str, qualifier: str = "") -> Segment | None:
        """The first own segment with this id (and this first element), or None."""
        return next(self._matching(tag, qualifier), None)

    def all(self, tag: str, qualifier: str = "") -> list[Segment]:
        """Every own segment with this id (and this first element); child loops are not searched."""
        return list(self._matching(tag, qualifier))

    def value(self, tag: str, position: int, qualifier: str = "") -> str:
        """One element of the first matching segment: `value("REF", 2, "F8")`; "" when absent."""
        found = self.segment(tag, qualifier)
        return found[position] if found is not None else ""

    def children(self, *loops: str) -> list[Node]:
        """The child loops with one of these ids, in order; all when none is named."""
        return [item for item in self.items if isinstance(item, Node) and (not loops or item.loop in loops)]

    def child(self, loop: str) -> Node | None:
        """The first child loop with this id, or None."""
        return next(iter(self.children(loop)), None)

    def find(self, loop: str) -> Node | None:
        """The nearest node with this loop id above this one, or below the nodes above: its context."""
        node: Node | None = self
        while node is not None:
            if node.loop == loop:
                return node
            found = node.child(loop)
            if found is not None:
                return found
            node = node.parent
        return None

    def segments(self) -> Iterator[RawSegment]:
        """Yields every raw segment of this loop and the loops below it, in order."""
        for item in self.items:
            if isinstance(item, Node):
                yield from item.segments()
            else:
                yield item

    def link(self) -> Node:
        """Sets `parent` in every loop below this one, and gives this one back."""
        for inner in self.children():
            inner.parent = self
            inner.link()
        return self

    def place(self, target: RawSegment) -> int:
        """The place of a raw segment of this loop in the transaction set, 1-based."""
        for offset, found in enumerate(self.segments()):
            if found is target:
                return self.position + offset
        return self.position

    def _matching(self, tag: str, qualifier: str) -> Iterator[Segment]:
        for item in self.items:
            if isinstance(item, Node) or item[0] != tag:
                continue
            found = Segment(item, self.delimiters)
            if not qualifier or found[1] == qualifier:
                yield found

    def __repr__(self) -> str:
        """Names the loop, never its values."""
        return f"<Node {self.loop or 'root'} with {len(self.items)} items>"


def node(loop: str, *items: RawSegment | Node | None) -> Node:
    """Builds a loop: `node("2010AA", ("NM1", "85", "2", ...), ...)`; items that are None are left out.

    A segment is a tuple of texts, id first; a composite is a tuple of parts, a repetition a list; None is
    an empty element, except HL01, HL02, HL04 and LX01, which the writer numbers.
    """
    built = Node(loop, [item for item in items if item is not None])
    for item in built.items:
        if isinstance(item, Node):
            item.parent = built
    return built


def encode_value(value: Value, delimiters: Delimiters) -> str:
    """One element as it stands in a file."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, tuple):
        return delimiters.component.join([part or "" for part in value]).rstrip(delimiters.component)
    return delimiters.repetition.join([encode_value(one, delimiters) for one in value])


def decoded(values: RawSegment, delimiters: Delimiters) -> list[Value]:
    """A raw segment that was read, with its composites as tuples and its repetitions as lists, to be written."""
    return [value if not isinstance(value, str) else _decoded(value, delimiters) for value in values]


def _decoded(text: str, delimiters: Delimiters) -> Value:
    if delimiters.repetition and delimiters.repetition in text:
        return [_parted(one, delimiters.component) for one in text.split(delimiters.repetition)]
    return _parted(text, delimiters.component)


def _parted(text: str, component: str) -> str | Composite:
    return tuple(text.split(component)) if component in text else text


def amount(segment: Segment, position: int) -> Decimal | Problem | None:
    """A money or quantity element exactly; None when it is absent, a Problem when it is no number."""
    return number(segment[position], f"{segment.id}{position:02}")


def number(text: str, where: str) -> Decimal | Problem | None:
    """Reads an X12 decimal (type R); None for "", a Problem for anything that is not a plain number."""
    if not text:
        return None
    try:
        if text.isascii() and text.replace(".", "", 1).removeprefix("-").isdigit():
            return Decimal(text)
    except InvalidOperation:
        pass
    return Problem(code="x12.number", where=where, why="is not a number", fix=_ASK)


def date(segment: Segment, position: int) -> dt.date | Problem | None:
    """A CCYYMMDD element; None when it is absent, a Problem when there is no such day."""
    return day(segment[position], f"{segment.id}{position:02}")


def day(text: str, where: str) -> dt.date | Problem | None:
    """Reads CCYYMMDD; None for "", a Problem when there is no such day."""
    if not text:
        return None
    if len(text) == 8 and text.isascii() and text.isdigit():
        try:
            return dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            pass
    return Problem(code="x12.date", where=where, why="is not a date", fix=_ASK)


def period(segment: Segment, position: int) -> tuple[dt.date, dt.date] | Problem | None:
    """A D8 or RD8 element as first and last day; the element before it gives the format."""
    where = f"{segment.id}{position:02}"
    text = segment[position]
    if not text:
        return None
    first, _, last = text.partition("-")
    begin, end = day(first, where), day(last or first, where)
    if isinstance(begin, dt.date) and isinstance(end, dt.date):
        return begin, end
    return Problem(code="x12.date", where=where, why="is not a date or a period", fix=_ASK)
