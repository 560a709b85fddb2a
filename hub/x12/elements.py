"""Says exactly what is wrong with the elements of one segment, once its pattern has not matched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

from hub.x12.dictionary import Note, composites, segment_layout
from hub.x12.formats import NAMED, bars_text, fits_date_format, is_date, is_npi, is_time
from hub.x12.grammar import Segment, Use
from hub.x12.wire import Delimiters

Relation = Callable[[Sequence[str]], bool]


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with one element: SNIP type, stable code, message, place, and the IK403 code."""

    snip: int
    code: str
    message: str
    element: int
    part: int = 0
    ik4: str = ""


def faults(row: Segment, values: Sequence[str], marks: Delimiters) -> Iterator[Fault]:
    """Yields every fault of a segment against its row; `values` are its elements, the id first."""
    if len(values) > 1 and not values[-1]:
        yield Fault(1, "element.trailing", "ends with an empty element; remove it", len(values) - 1, 0, "1")
    known = len(segment_layout(row.id).elements)
    for place in range(len(row.elements) + 1, len(values)):
        if not values[place]:
            continue
        if place > known:
            yield Fault(1, "element.too_many", "has more elements than the standard allows", place, 0, "3")
        else:
            yield _not_used(place)
    for place, use in enumerate(row.elements, 1):
        text = values[place] if place < len(values) else ""
        if use is None:
            if text:
                yield _not_used(place)
        elif not text:
            if use.required:
                yield Fault(2, "element.missing", f"{use.element.name} is required", place, 0, "1")
        else:
            yield from _element_faults(use, text, marks)


def _not_used(place: int, part: int = 0) -> Fault:
    return Fault(2, "element.not_used", "must stay empty here", place, part, "I10")


def _element_faults(use: Use, text: str, marks: Delimiters) -> Iterator[Fault]:
    repeated = text.split(marks.repetition) if marks.repetition and use.repeats > 1 else [text]
    if len(repeated) > use.repeats:
        yield Fault(1, "element.repeats", "repeats too often", use.position, 0, "12")
    for one in repeated:
        if use.parts:
            yield from _part_faults(use, one, marks)
        else:
            yield from _value_faults(use, one, marks, use.position, 0)


def _part_faults(use: Use, text: str, marks: Delimiters) -> Iterator[Fault]:
    values = text.split(marks.component)
    if len(values) > 1 and not values[-1]:
        yield Fault(1, "element.trailing", "ends with an empty part; remove it", use.position, len(values), "1")
    known = len(composites()[use.element.number].parts)
    for place, value in enumerate(values[len(use.parts) :], len(use.parts) + 1):
        if value and place <= known:
            yield _not_used(use.position, place)
        elif value:
            yield Fault(1, "element.too_many_parts", "has more parts than allowed", use.position, place, "13")
    for place, part in enumerate(use.parts, 1):
        value = values[place - 1] if place <= len(values) else ""
        if part is None:
            if value:
                yield _not_used(use.position, place)
        elif value:
            yield from _value_faults(part, value, marks, use.position, place)
        elif part.required:
            yield Fault(2, "element.missing", f"{part.element.name} is required", use.position, place, "1")


def _value_faults(use: Use, text: str, marks: Delimiters, place: int, part: int) -> Iterator[Fault]:
    name, kind = use.element.name, use.element.type
    if use.codes:
        if text not in use.codes:
            yield Fault(2, "element.code", f"{name} is not a code allowed here", place, part, "7")
        return
    if use.format:
        yield from _format_faults(use, text, place, part)
        return
    if kind in ("N0", "R"):
        yield from _number_faults(use, text, place, part)
    elif kind == "DT":
        if not is_date(text):
            yield Fault(1, "element.date", f"{name} is not a date (CCYYMMDD)", place, part, "8")
    elif kind == "TM":
        if not is_time(text):
            yield Fault(1, "element.time", f"{name} is not a time (HHMM)", place, part, "9")
    else:
        yield from _text_faults(use, text, marks, place, part)


def _format_faults(use: Use, text: str, place: int, part: int) -> Iterator[Fault]:
    pattern, message = NAMED[use.format]
    if re.fullmatch(pattern, text, re.ASCII):
        return
    if use.format in ("day", "period"):
        yield Fault(1, "element.date", f"{use.element.name} {message}", place, part, "8")
    else:
        yield Fault(5, f"element.{use.format}", f"{use.element.name} {message}", place, part, "7")


def _number_faults(use: Use, text: str, place: int, part: int) -> Iterator[Fault]:
    decimal = r"-?(\d+(\.\d*)?|\.\d+)" if use.element.type == "R" else r"-?\d+"
    digits = sum(mark.isdigit() for mark in text)
    if not re.fullmatch(decimal, text, re.ASCII):
        yield Fault(1, "element.number", f"{use.element.name} is not a number", place, part, "6")
    elif digits > use.element.high:
        yield _length(use, "long", place, part)
    elif digits < use.element.low:
        yield _length(use, "short", place, part)


def _text_faults(use: Use, text: str, marks: Delimiters, place: int, part: int) -> Iterator[Fault]:
    name = use.element.name
    if bars_text(marks).search(text):
        yield Fault(
            1,
            "element.character",
            f"{name} holds a delimiter, a control or a non-ASCII character",
            place,
            part,
            "6",
        )
    if text != text.strip(" "):
        yield Fault(1, "element.blanks", f"{name} begins or ends with a blank", place, part, "6")
    if len(text) > use.element.high:
        yield _length(use, "long", place, part)
    elif len(text) < use.element.low:
        yield _length(use, "short", place, part)


def _length(use: Use, which: str, place: int, part: int) -> Fault:
    limit = use.element.high if which == "long" else use.element.low
    message = f"{use.element.name} is too {which} (limit {limit})"
    return Fault(1, f"element.too_{which}", message, place, part, "5" if which == "long" else "4")


_NOTE_MESSAGES = {
    "P": ("all of these elements or none", "2"),
    "R": ("at least one of these elements", "2"),
    "E": ("at most one of these elements", "10"),
    "C": ("the first of these elements needs the others", "2"),
    "L": ("the first of these elements needs one of the others", "2"),
    "D": ("the value is not a date in the format it names", "8"),
    "N": ("the NPI does not pass its check digit", "7"),
}


def note_fault(row: Segment, note: Note, values: Sequence[str]) -> Fault:
    """The fault for a relation that does not hold, at the element that is not there (or is, and must not be)."""
    message, ik4 = _NOTE_MESSAGES[note.kind]
    if note.kind == "N":
        return Fault(5, "element.npi", message, note.positions[1], 0, ik4)
    if note.kind == "D":
        return Fault(1, "element.date", message, note.positions[1], 0, ik4)
    places = ", ".join(f"{row.id}{position:02}" for position in note.positions)
    absent = [at for at in note.positions if at >= len(values) or not values[at]]
    if note.kind == "L":
        absent = [at for at in absent if row.element(at) is not None]
    at = absent[0] if absent and note.kind in "PCRL" else note.positions[-1]
    return Fault(1, "element.relation", f"{message}: {places}", at, 0, ik4)


def relations(row: Segment) -> tuple[tuple[Note, Relation], ...]:
    """The notes of a row that its element rows do not already settle, each with its test."""
    return tuple((note, _relation(note)) for note in row.notes if not _settled(row, note))


def matters_from(note: Note) -> int:
    """The element without which, and without all that follow, a relation holds by itself."""
    if note.kind == "R":
        return 0
    if note.kind in "DN":
        return note.positions[1]
    return min(note.positions) if note.kind in "PE" else note.positions[0]


def _settled(row: Segment, note: Note) -> bool:
    uses = [row.element(position) for position in note.positions]
    used = [use is not None for use in uses]
    required = [use is not None and use.required for use in uses]
    settled = {
        "N": not all(used) or bool(uses[0] and uses[0].codes and "XX" not in uses[0].codes),
        "P": all(required) or not any(used),
        "R": any(required),
        "E": sum(used) < 2,
        "C": not used[0] or all(required[1:]),
        "L": not used[0] or any(required[1:]),
        "D": not all(used),
    }
    return settled[note.kind]


def _relation(note: Note) -> Relation:
    first, rest = note.positions[0], note.positions[1:]

    def there(values: Sequence[str], position: int) -> bool:
        return position < len(values) and values[position] != ""

    def holds(values: Sequence[str]) -> bool:
        if note.kind in "CL":
            if not there(values, first):
                return True
            present = [there(values, position) for position in rest]
            return all(present) if note.kind == "C" else any(present)
        present = [there(values, position) for position in note.positions]
        if note.kind == "P":
            return all(present) or not any(present)
        return any(present) if note.kind == "R" else sum(present) <= 1

    if note.kind == "P" and len(note.positions) == 2:
        return _pair(*note.positions)
    if note.kind == "N":
        return lambda v: len(v) <= rest[0] or v[first] != "XX" or is_npi(v[rest[0]])
    if note.kind == "D":
        return lambda v: len(v) <= rest[0] or not v[first] or fits_date_format(v[first], v[rest[0]])
    return holds


def _pair(a: int, b: int) -> Relation:
    def holds(values: Sequence[str]) -> bool:
        width = len(values)
        return (width > a and values[a] != "") == (width > b and values[b] != "")

    return holds
