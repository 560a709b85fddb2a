"""Makes loop trees from the rows of a guide: structure, types, lengths, codes and relations as the rows say.

What no row says (sums, pointers, who the patient is, dates in order) is left to chance here and made true
by the other modules of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

import msgspec

from hub.x12.grammar import Guide, Loop, Segment, Use
from hub.x12.tree import Node, Value, node

NPI = "1234567893"
FORMATS = {
    "state": "IL",
    "country": "US",
    "pos": "11",
    "pointer": "1",
    "ssn": "219091234",
    "currency": "USD",
    "bill": "13",
    "revenue": "0450",
    "remark": "N19",
    "facility": "11",
    "tax": "123456789",
    "reason": "45",
    "day": "20260105",
    "period": "20260105-20260107",
}
"""A value for each named format of `formats.NAMED`; a new format needs its line here."""

_NUMBERS = {"116": "627011234", "156": "IL", "26": "US", "1028": "PCN"}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DATES = {"D8": "20260105", "RD8": "20260105-20260107", "TM": "0930", "DT": "202601050930"}

Choice = Callable[[Random], tuple[frozenset[str], frozenset[str]]]
"""Says for one loop which loops below it must be there, and which must not."""


class Plan(msgspec.Struct, kw_only=True):
    """How a tree is made: `often` is the chance of each situational row and element, up to `most` of a kind.

    `choices` settles by loop id what stands below a loop, `times` how often a loop stands where it is made.
    """

    random: Random
    often: float = 0.3
    most: int = 3
    choices: Mapping[str, Choice] = {}
    times: Mapping[str, int] = {}

    def likely(self) -> bool:
        """Whether something situational is there; a chance of nothing gives the smallest tree."""
        return self.random.random() >= 1 - self.often


def from_rows(guide: Guide, plan: Plan) -> Node:
    """A tree for what stands between ST and SE."""
    return node("", *[item for row in guide.root.rows[1:-1] for item in _row(row, plan)])


def _row(row: Segment | Loop, plan: Plan, *, sure: bool = False) -> list[list[Value] | Node]:
    fixed = plan.times.get(row.id) if isinstance(row, Loop) else None
    if fixed == 0 or not (row.required or sure or fixed or plan.likely()):
        return []
    if isinstance(row, Loop):
        return [_loop(row, plan) for _ in range(fixed or _times(row, plan))]
    return [*_segments(row, plan)]


def _times(row: Segment | Loop, plan: Plan) -> int:
    most = min(row.repeat or plan.most, plan.most)
    return plan.random.randint(1, most) if most > 1 and plan.likely() else 1


def _loop(loop: Loop, plan: Plan) -> Node:
    choice = plan.choices.get(loop.id)
    always, never = choice(plan.random) if choice else (frozenset[str](), frozenset[str]())
    items: list[list[Value] | Node] = []
    for row in loop.rows:
        if row.id not in never or not isinstance(row, Loop):
            items.extend(_row(row, plan, sure=isinstance(row, Loop) and row.id in always))
    return node(loop.id, *items)


def _segments(row: Segment, plan: Plan) -> list[list[Value]]:
    """One row as often as chance has it; of a row that knows several qualifiers, none comes twice."""
    times, kinds = _times(row, plan), list(row.qualifiers)
    if len(kinds) < 2:
        return [_segment(row, plan) for _ in range(times)]
    made = []
    for kind in plan.random.sample(kinds, min(times, len(kinds))):
        values = _segment(row, plan)
        at = row.qualifier_at
        inner = values[at]
        values[at] = (kind, *inner[1:]) if isinstance(inner, tuple) else kind
        _formatted(row, values)
        made.append(values)
    return made


def _segment(row: Segment, plan: Plan) -> list[Value]:
    if row.id == "HL":
        kinds = [_value(use, plan) for use in row.elements[2:3] if use]
        return ["HL", None, None, *kinds, *[None] * (len(row.elements) > 3)]
    if row.id == "LX":
        return ["LX", None]
    uses = [use for use in row.elements if use is not None]
    present = {use.position for use in uses if use.required or plan.likely()}
    present = _related(row, present or {uses[0].position})
    values: list[Value] = [row.id, *[None] * max(present)]
    for use in uses:
        if use.position in present:
            values[use.position] = _element(use, plan)
    _formatted(row, values)
    return values


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


def _element(use: Use, plan: Plan) -> Value:
    if not use.parts:
        return _value(use, plan)
    parts = [part for part in use.parts if part is not None]
    kept = [part for part in parts if part.required or plan.likely()] or parts[:1]
    texts: list[str | None] = [None] * max(part.position for part in kept)
    for part in kept:
        texts[part.position - 1] = _value(part, plan)
    return tuple(texts)


def _value(use: Use, plan: Plan) -> str:
    random = plan.random
    if use.codes:
        return random.choice(use.codes)
    element = use.element
    fixed = FORMATS.get(use.format) or _NUMBERS.get(element.number)
    if fixed:
        return fixed
    size = random.randint(element.low, max(element.low, min(element.high, 9)))
    if element.type == "N0":
        return str(random.randint(10 ** (size - 1), 10**size - 1))
    if element.type == "R":
        whole = str(random.randint(1, 9)) + "0" * (element.low - 1)
        return whole + ("" if element.high < 3 or random.random() < 0.5 else ".5")
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
            values[second] = NPI
        elif note.kind == "D" and values[second]:
            values[second] = _DATES.get(kind, "20260105")
