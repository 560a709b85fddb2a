"""Prints a guide as a table for people, from the same rows that read, write and check."""

from __future__ import annotations

from collections.abc import Iterator

from hub.x12.grammar import Guide, Loop, Segment, Use

_LISTED_CODES = 12


def render_guide(guide: Guide, *, elements: bool = True) -> str:
    """The whole guide as text: loops and segments with use and repeat, and each element's row."""
    lines = [f"{guide.kind}  {guide.version}  {guide.title}", ""]
    lines.append(f"{'place':30} use   max  name")
    for depth, row in guide.root.walk():
        pad = "  " * depth
        place = f"{pad}{row.id}" if isinstance(row, Loop) else f"{pad}{row.id} {','.join(row.qualifiers[:4])}"
        shown = f"{place:30} {'R' if row.required else 'S':>3} {row.repeat or '>1':>5}  {row.name}"
        lines.append(f"{shown} (loop)" if isinstance(row, Loop) else shown)
        if elements and isinstance(row, Segment):
            lines.extend(f"{pad}    {line}" for line in _element_lines(row))
    return "\n".join(lines) + "\n"


def _element_lines(segment: Segment) -> Iterator[str]:
    for use in segment.elements:
        if use is None:
            continue
        yield _element_line(f"{segment.id}{use.position:02}", use)
        for part in use.parts:
            if part is not None:
                yield _element_line(f"{segment.id}{use.position:02}-{part.position}", part)
    if segment.notes:
        yield "notes " + " ".join(note.text for note in segment.notes)


def _element_line(place: str, use: Use) -> str:
    element = use.element
    size = "" if element.type == "C" else f"{element.low}/{element.high}"
    times = f" up to {use.repeats} times" if use.repeats > 1 else ""
    codes = " ".join(use.codes[:_LISTED_CODES]) + (" ..." if len(use.codes) > _LISTED_CODES else "")
    allowed = f"  {codes or '@' + use.format}" if use.codes or use.format else ""
    need = "R" if use.required else "S"
    return f"{place:9} {need}  {element.type:2} {size:6} {element.name}{times}{allowed}"
