"""Shows a guide to people as a table and to programs as rows, from the same rows that read, write and check."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import msgspec

from hub.x12.dictionary import Note
from hub.x12.elements import relations
from hub.x12.grammar import Guide, Loop, Segment, Use

_WIDTH = 110
_MOST_CODES = 48
_MOST_QUALIFIERS = 4
_COLOURS = {"loop": "1;36", "segment": "1", "head": "1;4", "note": "2", "codes": "1", "R": "35"}
_LEGEND = (
    "use: R required, S where it applies; max: how often it may stand there",
    "AN text, ID code, N0 number, R amount, DT date, TM time; 2/3: 2 to 3 letters",
)


class TableRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a guide: a `loop`, a `segment`, an `element` or a `part` of a composite, at its depth.

    `place` is the loop's id, the segment's id, or such as `NM109` and `SV101-2`; `use` is R or S; `repeat` 0
    means without limit; `low` and `high` count characters; `format` names a form that the value must have. What
    a line has nothing of is left out of its JSON.
    """

    kind: str
    depth: int
    loop: str
    place: str
    name: str
    use: str
    repeat: int
    qualifiers: tuple[str, ...] = ()
    type: str = ""
    low: int = 0
    high: int = 0
    codes: tuple[str, ...] = ()
    format: str = ""
    notes: tuple[str, ...] = ()


def guide_rows(guide: Guide) -> Iterator[TableRow]:
    """Yields every loop, segment, element and part of a guide in its order."""
    yield from _loop_rows(guide.root, 0)


def guide_table(guide: Guide) -> dict[str, Any]:
    """The guide for `--json`: what it is, and its rows."""
    return {
        "kind": guide.kind,
        "title": guide.title,
        "version": guide.version,
        "accepts": guide.accepts,
        "group": guide.group,
        "transaction": guide.transaction,
        "units": guide.units,
        "rows": list(guide_rows(guide)),
    }


def render_guide(guide: Guide, *, elements: bool = True, colour: bool = False) -> str:
    """The whole guide as text: loops and segments with use and repeat, and each element's row below its segment."""
    lines = [_painted(f"{guide.kind}  {guide.version}  {guide.title}", "head", colour)]
    if guide.accepts:
        lines.append(f"read as well: {', '.join(guide.accepts)}")
    lines += _LEGEND if elements else _LEGEND[:1]
    rows = list(guide_rows(guide))
    width = max(len(_place(row)) for row in rows if row.kind in ("loop", "segment"))
    lines += ["", f"{'place':{width}} use   max  name"]
    for row in rows:
        if row.kind in ("loop", "segment"):
            lines.append(_row_line(row, width, colour))
        elif elements:
            lines.extend(_element_lines(row, colour))
        if elements:
            lines.extend(_note_line(note, row.depth, colour) for note in row.notes)
    return "\n".join(lines) + "\n"


def note_words(note: Note) -> str:
    """A relation between elements in words, such as `P0809: 08 and 09 stand together or not at all`."""
    places = [f"{position:02}" for position in note.positions]
    first, rest = places[0], places[1:]
    words = {
        "P": f"{_listed(places, 'and')} stand together or not at all",
        "R": f"at least one of {_listed(places, 'and')}",
        "E": f"at most one of {_listed(places, 'and')}",
        "C": f"{first} needs {_listed(rest, 'and')}",
        "L": f"{first} needs {_listed(rest, 'or')}",
        "D": f"{rest[-1] if rest else first} is a date in the form that {first} names",
        "N": f"{rest[-1] if rest else first} is an NPI where {first} is XX",
    }
    return f"{note.text}: {words[note.kind]}"


def _loop_rows(loop: Loop, depth: int) -> Iterator[TableRow]:
    for row in loop.rows:
        if isinstance(row, Loop):
            yield TableRow(
                kind="loop",
                depth=depth,
                loop=row.id,
                place=row.id,
                name=row.name,
                use=_use(row.required),
                repeat=row.repeat,
            )
            yield from _loop_rows(row, depth + 1)
        else:
            yield from _segment_rows(row, loop.id, depth)


def _segment_rows(row: Segment, loop: str, depth: int) -> Iterator[TableRow]:
    used = [use for use in row.elements if use is not None]
    yield TableRow(
        kind="segment",
        depth=depth,
        loop=loop,
        place=row.id,
        name=row.name,
        use=_use(row.required),
        repeat=row.repeat,
        qualifiers=row.qualifiers,
    )
    for use in used:
        place = f"{row.id}{use.position:02}"
        last = use is used[-1]
        parts = [part for part in use.parts if part is not None]
        notes = tuple(note_words(note) for note, _ in relations(row)) if last else ()
        yield _element_row("element", loop, place, use, depth, () if parts else notes)
        for part in parts:
            told = notes if part is parts[-1] else ()
            yield _element_row("part", loop, f"{place}-{part.position}", part, depth, told)


def _element_row(kind: str, loop: str, place: str, use: Use, depth: int, notes: tuple[str, ...]) -> TableRow:
    whole = use.element.type == "C"
    return TableRow(
        kind=kind,
        depth=depth,
        loop=loop,
        place=place,
        name=use.element.name,
        use=_use(use.required),
        repeat=use.repeats,
        type=use.element.type,
        low=0 if whole else use.element.low,
        high=0 if whole else use.element.high,
        codes=use.codes,
        format=use.format,
        notes=notes,
    )


def _place(row: TableRow) -> str:
    told = ",".join(row.qualifiers[:_MOST_QUALIFIERS]) + ",..." * (len(row.qualifiers) > _MOST_QUALIFIERS)
    return f"{'  ' * row.depth}{row.place} {told}".rstrip()


def _row_line(row: TableRow, width: int, colour: bool) -> str:
    line = f"{_place(row):{width}} {row.use:>3} {row.repeat or '>1':>5}  {row.name}"
    return _painted(f"{line} (loop)" if row.kind == "loop" else line, row.kind, colour)


def _element_lines(row: TableRow, colour: bool) -> Iterator[str]:
    size = "" if row.type == "C" else f"{row.low}/{row.high}"
    times = f" up to {row.repeat} times" if row.repeat > 1 else ""
    start = f"{'  ' * row.depth}    {row.place:9} "
    rest = f"  {row.type:2} {size:6} {row.name}{times}"
    shown = start + _painted(row.use, "R", colour and row.use == "R") + rest
    allowed = f"@{row.format}" if row.format else " ".join(row.codes[:_MOST_CODES])
    if len(row.codes) > _MOST_CODES:
        allowed += f" and {len(row.codes) - _MOST_CODES} more"
    if len(start) + 1 + len(rest) + 2 + len(allowed) <= _WIDTH:
        yield f"{shown}  {_painted(allowed, 'codes', colour)}" if allowed else shown.rstrip()
        return
    yield shown.rstrip()
    pad = " " * (len(start) + 13)
    for line in textwrap.wrap(
        allowed, max(_WIDTH - len(pad), 40), break_long_words=False, break_on_hyphens=False
    ):
        yield pad + _painted(line, "codes", colour)


def _note_line(note: str, depth: int, colour: bool) -> str:
    return "  " * depth + "    " + _painted(note, "note", colour)


def _use(required: bool) -> str:
    return "R" if required else "S"


def _listed(places: list[str], last: str) -> str:
    return places[0] if len(places) == 1 else f"{', '.join(places[:-1])} {last} {places[-1]}"


def _painted(text: str, style: str, colour: bool) -> str:
    return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if colour else text
