"""Declares a guide once, as rows: elements in segments, segments in loops, loops in a transaction set.

A row of a segment reads like the guide's own page:

    seg("NM1 R 1", "Billing provider", "01!=85 02!=1,2 03! 04 05 07 08=XX 09")

`R 1` is required and stands once, `S >1` situational and without limit. `01!` is required, `04`
situational, an element that is not listed is not used. `=` gives the codes that are allowed, `=@state` a
named format of `formats.py`, `01.2` a part of a composite, `02-12` and `01.3-6` ranges, `*10` how often an
element may repeat; `_` stands for a blank inside a code. Names, types and lengths come from
`dictionary.py`; a row of a loop is `loop("2010AA R 1", "Billing provider", ...rows)`, its first segment
opens it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import msgspec

from hub.x12.dictionary import Composite, Element, Note, composite, segment_layout

_TOKEN = re.compile(r"(\d\d)(?:-(\d\d))?(?:\.(\d)(?:-(\d))?)?(!?)(?:\*(\d+))?(?:=(\S+))?")


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """How a guide uses one element or one part of a composite."""

    position: int
    element: Element
    required: bool = False
    codes: tuple[str, ...] = ()
    format: str = ""
    repeats: int = 1
    parts: tuple[Use | None, ...] = ()


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a loop: a segment at its place. `repeat` 0 means without limit."""

    id: str
    name: str
    required: bool
    repeat: int
    elements: tuple[Use | None, ...]
    notes: tuple[Note, ...]
    qualifier_at: int

    def element(self, position: int) -> Use | None:
        """The use of an element by its number, 1-based; None when the guide does not use it."""
        return self.elements[position - 1] if 0 < position <= len(self.elements) else None

    @property
    def qualifiers(self) -> tuple[str, ...]:
        """The codes that tell this row from others with the same segment id; empty: any."""
        use = self.element(self.qualifier_at)
        if use is None:
            return ()
        first = use.parts[0] if use.parts else use
        return first.codes if first else ()


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """A loop of a guide; its first row opens it. `repeat` 0 means without limit."""

    id: str
    name: str
    required: bool
    repeat: int
    rows: tuple[Segment | Loop, ...]

    @property
    def opener(self) -> Segment:
        """The segment that begins the loop."""
        first = self.rows[0]
        if isinstance(first, Loop):
            raise TypeError(f"loop {self.id} must begin with a segment")
        return first

    def walk(self) -> Iterator[tuple[int, Segment | Loop]]:
        """Yields every row below this loop with its depth, in the guide's order."""
        for row in self.rows:
            yield 0, row
            if isinstance(row, Loop):
                for depth, inner in row.walk():
                    yield depth + 1, inner


class Guide(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A whole transaction set: what GS01, ST01 and ST03 must say, and the rows from ST to SE.

    `accepts` lists the other version ids that are read as this guide; `units` the loops that a reader
    streams when not told otherwise; `payer_made` that partners break it and are read all the same.
    """

    kind: str
    title: str
    version: str
    accepts: tuple[str, ...]
    group: str
    transaction: str
    root: Loop
    units: tuple[str, ...]
    payer_made: bool = False


def seg(place: str, name: str, elements: str) -> Segment:
    """Declares a segment at its place, such as `NM1 R 1`, with one token per element."""
    tag, use, repeat = _place(place)
    layout = segment_layout(tag)
    uses = _uses(tag, elements)
    width = max(uses, default=0)
    present = frozenset(uses)
    return Segment(
        id=tag,
        name=name,
        required=use,
        repeat=repeat,
        elements=tuple(uses.get(i) for i in range(1, width + 1)),
        notes=tuple(note for note in layout.notes if present.intersection(note.positions)),
        qualifier_at=layout.qualifier,
    )


def loop(place: str, name: str, *rows: Segment | Loop) -> Loop:
    """Declares a loop at its place, such as `2310A S 2`, with its rows in the guide's order."""
    label, required, repeat = _place(place)
    return Loop(id=label, name=name, required=required, repeat=repeat, rows=rows)


def guide(  # noqa: PLR0913 - one argument for each thing that a guide says of itself
    kind: str,
    title: str,
    version: str,
    *rows: Segment | Loop,
    group: str,
    transaction: str,
    units: tuple[str, ...],
    accepts: tuple[str, ...] = (),
    payer_made: bool = False,
    names_itself: bool = True,
) -> Guide:
    """Declares a transaction set; ST and SE are put around the rows here.

    `names_itself` False is for the one guide whose ST need not say which guide it follows (ST03).
    """
    versions = ",".join((version, *accepts))
    first = seg("ST R 1", "Transaction set header", f"01!={transaction} 02! 03{'!' * names_itself}={versions}")
    last = seg("SE R 1", "Transaction set trailer", "01! 02!")
    root = Loop(id="", name=title, required=True, repeat=1, rows=(first, *rows, last))
    return Guide(
        kind=kind,
        title=title,
        version=version,
        accepts=accepts,
        group=group,
        transaction=transaction,
        root=root,
        units=units,
        payer_made=payer_made,
    )


def _place(place: str) -> tuple[str, bool, int]:
    label, use, repeat = place.split()
    if use not in ("R", "S"):
        raise ValueError(f"{place!r}: the use is R or S")
    return label, use == "R", 0 if repeat == ">1" else int(repeat)


def _uses(tag: str, tokens: str) -> dict[int, Use]:
    layout = segment_layout(tag)
    uses: dict[int, Use] = {}
    for token in tokens.split():
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise ValueError(f"{tag}: cannot read the element row {token!r}")
        first, last, part, last_part, required, repeats, codes = found.groups()
        for position in range(int(first), int(last or first) + 1):
            kind = layout.elements[position - 1]
            if part is None:
                uses[position] = _use(kind, position, required, repeats, codes)
            elif isinstance(kind, Composite):
                for inner in range(int(part), int(last_part or part) + 1):
                    made = _use(kind.parts[inner - 1], inner, required, None, codes)
                    uses[position] = _with_part(uses[position], made)
            else:
                raise TypeError(f"{tag}{position:02}: is not a composite")
    return uses


def _with_part(whole: Use, part: Use) -> Use:
    parts = [*whole.parts, *[None] * (part.position - len(whole.parts))]
    parts[part.position - 1] = part
    return msgspec.structs.replace(whole, parts=tuple(parts))


def _use(kind: Element | Composite, position: int, required: str, repeats: str | None, codes: str | None) -> Use:
    listed = codes or ""
    return Use(
        position=position,
        element=composite(kind) if isinstance(kind, Composite) else kind,
        required=bool(required),
        repeats=int(repeats or 1),
        format=listed[1:] if listed.startswith("@") else "",
        codes=() if listed.startswith("@") else _codes(listed),
    )


@cache
def _codes(listed: str) -> tuple[str, ...]:
    return tuple(code.replace("_", " ") for code in listed.split(",")) if listed else ()
