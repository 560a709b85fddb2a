"""Compares two files by meaning: sets, claims, loops, segments, elements; form and order of claims do not count."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import BinaryIO

import msgspec

from hub.x12.dictionary import Composite, layouts
from hub.x12.envelope import TransactionSet, X12Reader
from hub.x12.grammar import Guide, Loop
from hub.x12.rules.reporting import exact
from hub.x12.tree import Node
from hub.x12.wire import Delimiters

MOST_DETAILED = 2000
_TOLD_BY = frozenset(
    ("REF", "DTP", "DTM", "AMT", "QTY", "CAS", "NM1", "N1", "HI", "CRC", "NTE", "PWK", "PER", "PRV")
)
_FORMAL = {"ISA": (9, 10, 11, 13, 16), "GS": (4, 5, 6), "ST": (2,), "SE": (1, 2), "HL": (1, 2, 4), "LX": (1,)}
_BEHIND = frozenset(("PLB", "SE"))  # what stands behind all claims of a set
_OWN_NAME = {"CLM": 1, "CLP": 1, "TRN": 2}

Key = tuple[str, ...]
_AROUND: Key = ("around",)
Values = tuple[str | Decimal | tuple[object, ...], ...]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is in one file only, or otherwise in the other.

    `about` names the set, level or claim, `place` the loop with the segment or element; `first` and `second` are the
    texts in both files, "" where there is none, and `first_line` and `second_line` their places in them, 0 likewise.
    """

    what: str
    about: str
    place: str
    name: str = ""
    first: str = ""
    second: str = ""
    first_line: int = 0
    second_line: int = 0


class _Piece(msgspec.Struct, frozen=True):
    """One segment of a thing: where in it, its comparable values, its text, its line."""

    key: Key
    values: Values
    texts: tuple[str, ...]
    loop: str
    line: int


class _Thing(msgspec.Struct, frozen=True):
    """What is matched as a whole: an envelope, the frame of a set, a level, a claim."""

    key: Key
    about: str
    line: int
    pieces: tuple[_Piece, ...]

    @property
    def digest(self) -> bytes:
        told = repr([(piece.key, piece.values) for piece in self.pieces])
        return hashlib.blake2b(told.encode(), digest_size=16).digest()


def differences(first: BinaryIO, second: BinaryIO, *, strict: bool = False) -> Iterator[Difference]:
    """Yields what differs, in the order of the first file, what the second has more at the end.

    Both files are read twice and never held: only a digest of each claim is kept. `strict` compares control numbers,
    dates and times of the envelopes too. Order of elements in a segment counts, order of claims does not.
    """
    before, after = _digests(first, strict=strict), _digests(second, strict=strict)
    changed = [key for key, (digest, _, _) in before.items() if key in after and after[key][0] != digest]
    wanted = frozenset(changed[:MOST_DETAILED])
    old = _things_by_key(first, wanted, strict=strict) if wanted else {}
    new = _things_by_key(second, wanted, strict=strict) if wanted else {}
    for key, (_, about, line) in before.items():
        if key not in after:
            yield Difference(what="removed", about=about, place=key[1] or key[0], first_line=line)
        elif key in wanted:
            yield from _within(old[key], new[key])
        elif after[key][0] != before[key][0]:
            yield Difference(
                what="changed", about=about, place=key[1], first_line=line, second_line=after[key][2]
            )
    for key, (_, about, line) in after.items():
        if key not in before:
            yield Difference(what="added", about=about, place=key[1] or key[0], second_line=line)


def _digests(file: BinaryIO, *, strict: bool) -> dict[Key, tuple[bytes, str, int]]:
    return {thing.key: (thing.digest, thing.about, thing.line) for thing in _things(file, strict=strict)}


def _things_by_key(file: BinaryIO, wanted: frozenset[Key], *, strict: bool) -> dict[Key, _Thing]:
    return {thing.key: thing for thing in _things(file, strict=strict) if thing.key in wanted}


def _within(old: _Thing, new: _Thing) -> Iterator[Difference]:
    before = {piece.key: piece for piece in old.pieces}
    after = {piece.key: piece for piece in new.pieces}
    for key, piece in before.items():
        other = after.get(key)
        if other is None:
            yield _whole("removed", old.about, piece)
        elif other.values != piece.values and key == _AROUND:
            yield _moved(old.about, piece, other)
        elif other.values != piece.values:
            yield from _elements(old.about, piece, other)
    for key, piece in after.items():
        if key not in before:
            yield _whole("added", old.about, piece)


def _moved(about: str, old: _Piece, new: _Piece) -> Difference:
    """A claim that stands below another subscriber or provider."""
    return Difference(
        what="changed",
        about=about,
        place=old.loop,
        name="below whom it stands",
        first=" < ".join(old.texts),
        second=" < ".join(new.texts),
        first_line=old.line,
        second_line=new.line,
    )


def _whole(what: str, about: str, piece: _Piece) -> Difference:
    text = "*".join(piece.texts)
    place = f"{piece.loop} {piece.texts[0]}".strip()
    if what == "removed":
        return Difference(what=what, about=about, place=place, first=text, first_line=piece.line)
    return Difference(what=what, about=about, place=place, second=text, second_line=piece.line)


def _elements(about: str, old: _Piece, new: _Piece) -> Iterator[Difference]:
    for at in range(1, max(len(old.values), len(new.values))):
        before = old.values[at] if at < len(old.values) else ""
        after = new.values[at] if at < len(new.values) else ""
        if before != after:
            yield Difference(
                what="changed",
                about=about,
                place=f"{old.loop} {old.texts[0]}{at:02}".strip(),
                name=_element_name(old.texts[0], at),
                first=old.texts[at] if at < len(old.texts) else "",
                second=new.texts[at] if at < len(new.texts) else "",
                first_line=old.line,
                second_line=new.line,
            )


def _element_name(tag: str, at: int) -> str:
    layout = layouts().get(tag)
    kind = layout.elements[at - 1] if layout and at <= len(layout.elements) else None
    if kind is None:
        return ""
    return kind.parts[0].name if isinstance(kind, Composite) else kind.name


def _things(file: BinaryIO, *, strict: bool) -> Iterator[_Thing]:
    """Everything in a file that is matched as a whole; its key is unlike all others."""
    file.seek(0)
    reader = X12Reader(file)
    seen: Counter[Key] = Counter()
    headers = (0, 0)
    for number, transaction in enumerate(reader, 1):
        group = transaction.group
        here = (len(reader.interchanges), sum(len(one.groups) for one in reader.interchanges[-1:]))
        if here != headers:
            pieces = [group.interchange.isa, group.gs] if here[0] != headers[0] else [group.gs]
            yield _envelope(here, [[one[at] for at in range(len(one) + 1)] for one in pieces], strict=strict)
            headers = here
        yield from _Reading(transaction, number, seen).things()
    for number, interchange in enumerate(reader.interchanges, 1):
        for answer in interchange.ta1s:
            values = tuple(answer[at] for at in range(len(answer) + 1))
            key: Key = ("TA1", "", f"{number} {answer[1]}")
            yield _Thing(key, f"envelope {number}", 0, (_Piece(("TA1",), values, values, "", 0),))


def _envelope(here: tuple[int, int], segments: list[list[str]], *, strict: bool) -> _Thing:
    pieces = []
    for values in segments:
        left_out = (11, 16) if strict and values[0] == "ISA" else () if strict else _FORMAL.get(values[0], ())
        told: Values = tuple("" if at in left_out else value.strip() for at, value in enumerate(values))
        pieces.append(_Piece((values[0],), told, tuple(value.strip() for value in values), "", 0))
    return _Thing(("envelope", "", str(here)), f"envelope {here[0]}, group {here[1]}", 0, tuple(pieces))


class _Reading:
    """One transaction set as things: its frame, its levels, its claims."""

    def __init__(self, transaction: TransactionSet, number: int, seen: Counter[Key]) -> None:
        self.transaction = transaction
        self.number = number
        self.seen = seen
        self.marks = transaction.delimiters

    def things(self) -> Iterator[_Thing]:
        """Claims and levels as they close, then the frame."""
        transaction = self.transaction
        guide = transaction.guide
        if guide is None:
            yield self._without_guide()
            return
        for node in transaction.units(*spine(guide), check=False):
            yield self._thing(node, guide)
        yield self._frame(transaction.root)

    def _without_guide(self) -> _Thing:
        pieces = []
        for at, segment in enumerate(self.transaction.segments()):
            values = [segment[place] for place in range(len(segment) + 1)]
            line = self.transaction.line + at
            pieces.append(_Piece((str(at),), self._values(values), tuple(values), "", line))
        return _Thing(
            (self.transaction.kind, "", str(self.number)), self._about(), self.transaction.line, tuple(pieces)
        )

    def _frame(self, root: Node) -> _Thing:
        pieces = tuple(self._pieces(root, (), Counter()))
        return _Thing((self.transaction.kind, "", str(self.number)), self._about(), self.transaction.line, pieces)

    def _about(self) -> str:
        return f"set {self.number} {self.transaction.kind}"

    def _thing(self, node: Node, guide: Guide) -> _Thing:
        claim = node.loop in guide.units
        name = _name_of(node)
        key = (self.transaction.kind, node.loop, name)
        self.seen[key] += 1
        pieces = list(self._pieces(node, (), Counter()))
        if claim and node.parent is not None:
            around = tuple(_name_of(one) for one in _around(node) if one.loop)
            pieces.insert(0, _Piece(_AROUND, around, around, node.loop, self._line(node, 0)))
        what = "claim" if claim else f"level {node.loop}"
        return _Thing((*key, str(self.seen[key])), f"{what} {name}".strip(), self._line(node, 0), tuple(pieces))

    def _line(self, node: Node, offset: int) -> int:
        return self.transaction.line + max(node.position, 1) - 1 + offset

    def _pieces(self, node: Node, path: Key, counts: Counter[Key]) -> Iterator[_Piece]:
        offset = 0
        for at, item in enumerate(node.items):
            if not node.loop and not isinstance(item, Node) and item[0] in _BEHIND:
                offset = max(offset, self.transaction.outcome.segments - (len(node.items) - at))
            if isinstance(item, Node):
                inner = (*path, item.loop, _instance(item))
                counts[inner] += 1
                yield from self._pieces(item, (*inner, str(counts[inner])), Counter())
                offset += sum(1 for _ in item.segments())
                continue
            values = [str(value) for value in item]
            told_by = (
                values[1].partition(self.marks.component)[0] if values[0] in _TOLD_BY and len(values) > 1 else ""
            )
            key = (*path, values[0], told_by)
            counts[key] += 1
            line = self._line(node, offset)
            yield _Piece((*key, str(counts[key])), self._values(values), tuple(values), node.loop, line)
            offset += 1

    def _values(self, values: Sequence[str]) -> Values:
        """The elements as they are compared: composites apart, numbers by their value, no empty ones at the end."""
        tag = values[0]
        left_out = _FORMAL.get(tag, ())
        kinds = _numeric(tag)
        told: list[str | Decimal | tuple[object, ...]] = [tag]
        for at, value in enumerate(values[1:], 1):
            told.append("" if at in left_out else self._value(value, number=at in kinds))
        while len(told) > 1 and told[-1] in ("", ()):
            told.pop()
        return tuple(told)

    def _value(self, value: str, *, number: bool) -> str | Decimal | tuple[object, ...]:
        if number:
            return exact(value) or value if exact(value) is not None else value
        return _parts(value, self.marks)


def _parts(value: str, marks: Delimiters) -> str | tuple[object, ...]:
    """A composite or a repetition apart, so that the delimiters do not count; plain text stays text."""
    if marks.repetition and marks.repetition in value:
        return ("^", *[_parts(one, marks) for one in value.split(marks.repetition)])
    if marks.component in value:
        parts = value.split(marks.component)
        while len(parts) > 1 and not parts[-1]:
            parts.pop()
        return tuple(parts) if len(parts) > 1 else parts[0]
    return value


@lru_cache(maxsize=512)
def _numeric(tag: str) -> frozenset[int]:
    layout = layouts().get(tag)
    elements = layout.elements if layout else ()
    return frozenset(
        at for at, kind in enumerate(elements, 1) if not isinstance(kind, Composite) and kind.type == "R"
    )


@lru_cache(maxsize=16)
def spine(guide: Guide) -> tuple[str, ...]:
    """The ids of the guide's units and of the loops around them."""

    def found(loop: Loop) -> Iterator[str]:
        for row in loop.rows:
            if isinstance(row, Loop):
                below = [] if row.id in guide.units else list(found(row))
                if below or row.id in guide.units:
                    yield row.id
                yield from below

    return tuple(dict.fromkeys(found(guide.root)))


def _around(node: Node) -> Iterator[Node]:
    one = node.parent
    while one is not None:
        yield one
        one = one.parent


def _name_of(node: Node) -> str:
    """What a claim or level is known by: its number, its trace, or the id or name of its party; "" for none."""
    for raw in node.segments():
        values = [str(value) for value in raw]
        if values[0] in _OWN_NAME and len(values) > _OWN_NAME[values[0]]:
            reversal = " reversal" if values[0] == "CLP" and values[2:3] == ["22"] else ""
            return values[_OWN_NAME[values[0]]] + reversal
        if values[0] == "NM1" and node.loop[:1] == "2" and len(values) > 3 and "CLP" not in values:
            if node.loop == "2000D":
                continue
            return values[9] if len(values) > 9 else " ".join(values[3:5])
    return ""


def _instance(node: Node) -> str:
    """What tells a line from its neighbours: its control number, of a payment else its service; "" for its order.

    The number of a line (LX01) says no more than the order does, and less where it is wrong.
    """
    if node.loop == "2400":
        return node.value("REF", 2, "6R")
    if node.loop == "2110":
        return node.value("REF", 2, "6R") or node.value("SVC", 1)
    return ""
