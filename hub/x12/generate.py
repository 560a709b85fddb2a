"""Makes valid loop trees of any guide from its rows, for tests and for trying a connection.

The rows decide structure, types, lengths, codes and relations; what no row says (sums, pointers, who the
patient is) is left to chance, so the rules of `rules` will find fault with what is made here.
"""

from __future__ import annotations

from random import Random

from hub.x12.grammar import Guide, Loop, Segment, Use
from hub.x12.tree import Node, Value, node

_NPI = "1234567893"
_FORMATS = {"state": "IL", "country": "US", "pos": "11", "pointer": "1", "ssn": "999001234", "currency": "USD"}
_NUMBERS = {"116": "627011234", "156": "IL", "26": "US", "1028": "PCN"}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DATES = {"D8": "20260105", "RD8": "20260105-20260107", "TM": "0930", "DT": "202601050930"}


def generate(guide: Guide, random: Random, *, often: float = 0.3) -> Node:
    """A tree for what stands between ST and SE; `often` is the chance of each situational row."""
    items = [item for row in guide.root.rows[1:-1] for item in _row(row, random, often)]
    return node("", *items)


def _row(row: Segment | Loop, random: Random, often: float) -> list[tuple[Value, ...] | Node]:
    if not row.required and random.random() > often:
        return []
    most = min(row.repeat or 3, 3)
    times = random.randint(1, most) if random.random() < often else 1
    if isinstance(row, Segment):
        return [_segment(row, random, often) for _ in range(times)]
    return [_loop(row, random, often) for _ in range(times)]


def _loop(loop: Loop, random: Random, often: float) -> Node:
    return node(loop.id, *[item for row in loop.rows for item in _row(row, random, often)])


def _segment(row: Segment, random: Random, often: float) -> tuple[Value, ...]:
    if row.id == "HL":
        return (
            "HL",
            None,
            None,
            *[_value(use, random) for use in row.elements[2:3] if use],
            *[None] * (len(row.elements) > 3),
        )
    if row.id == "LX":
        return ("LX", None)
    uses = [use for use in row.elements if use is not None]
    present = {use.position for use in uses if use.required or random.random() < often}
    present = _related(row, present or {uses[0].position})
    values: list[Value] = [row.id, *[None] * max(present)]
    for use in uses:
        if use.position in present:
            values[use.position] = _element(use, random, often)
    _formatted(row, values)
    return tuple(values)


def _related(row: Segment, present: set[int]) -> set[int]:
    """Adds and drops elements until every relation of the row holds."""
    usable = {use.position for use in row.elements if use is not None}
    for _ in range(8):
        before = set(present)
        for note in row.notes:
            first, rest = note.positions[0], set(note.positions[1:])
            there = present.intersection(note.positions)
            if note.kind == "P" and there:
                present |= set(note.positions) if set(note.positions) <= usable else set()
            elif note.kind == "R" and not there:
                present.add(min(usable.intersection(note.positions)))
            elif note.kind == "E" and len(there) > 1:
                present -= there - {min(there)}
            elif note.kind == "C" and first in present:
                present = present | rest if rest <= usable else present - {first}
            elif note.kind == "L" and first in present and not rest & present:
                present.add(min(rest & usable))
        if present == before:
            break
    return present


def _element(use: Use, random: Random, often: float) -> Value:
    if not use.parts:
        return _value(use, random)
    parts = [part for part in use.parts if part is not None]
    kept = [part for part in parts if part.required or random.random() < often] or parts[:1]
    texts: list[str | None] = [None] * max(part.position for part in kept)
    for part in kept:
        texts[part.position - 1] = _value(part, random)
    return tuple(texts)


def _value(use: Use, random: Random) -> str:
    if use.codes:
        return random.choice(use.codes)
    element = use.element
    fixed = _FORMATS.get(use.format) or _NUMBERS.get(element.number)
    if fixed:
        return fixed
    size = random.randint(element.low, max(element.low, min(element.high, 9)))
    if element.type == "N0":
        return str(random.randint(10 ** (size - 1), 10**size - 1))
    if element.type == "R":
        return str(random.randint(1, 9)) + ("" if element.high < 3 or random.random() < 0.5 else ".5")
    if element.type in ("DT", "TM"):
        return _DATES["D8" if element.type == "DT" else "TM"]
    return "".join(random.choice(_LETTERS) for _ in range(size))


def _formatted(row: Segment, values: list[Value]) -> None:
    """Gives dates and NPIs the form that the element before them names."""
    for note in row.notes:
        if note.kind not in "DN" or max(note.positions) >= len(values):
            continue
        first, second = note.positions
        kind = str(values[first])
        if note.kind == "N" and kind == "XX" and values[second]:
            values[second] = _NPI
        elif note.kind == "D" and values[second]:
            values[second] = _DATES.get(kind, "20260105")
