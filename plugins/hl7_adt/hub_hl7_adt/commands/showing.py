"""A message as lines that a person can read: segments, fields, components and subcomponents by HL7's names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import msgspec

from hub_hl7_adt.message.lookup import kinds_of, names_of
from hub_hl7_adt.message.separators import unescaped
from hub_hl7_adt.wire import Message, Segment

_TITLES = {
    "MSH": "message header", "EVN": "event", "PID": "patient", "PD1": "patient, more", "NK1": "next of kin",
    "PV1": "visit", "PV2": "visit, more", "ROL": "role", "DG1": "diagnosis", "DRG": "diagnosis related group",
    "PR1": "procedure", "GT1": "guarantor", "IN1": "insurance", "IN2": "insurance, more", "IN3": "certification",
    "ACC": "accident", "UB1": "UB-82 data", "UB2": "UB-92 data", "FT1": "charge or payment", "MRG": "what is merged",
    "NTE": "note", "OBX": "observation", "OBR": "order detail", "ORC": "order", "SCH": "appointment",
    "AIS": "appointment: service", "AIG": "appointment: resource", "AIL": "appointment: place",
    "AIP": "appointment: person", "RGS": "resource group", "AL1": "allergy", "MSA": "acknowledgement",
    "ERR": "error", "SFT": "software", "PRT": "participation", "TQ1": "timing", "DB1": "disability",
    "FHS": "file header", "BHS": "batch header", "BTS": "batch trailer", "FTS": "file trailer",
}  # fmt: skip
_MARKS = {"\n": "\u23ce", "\r": "\u23ce", "\t": "\u21e5"}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the tree: `depth` 0 a segment, 1 a field, 2 a component, 3 a subcomponent; `value` as it is meant,
    `written` as it stands where that differs (escapes, HL7's null), both empty where lines below hold the parts.
    """

    place: str
    name: str
    depth: int
    value: str = ""
    written: str = ""

    def __repr__(self) -> str:
        return f"Line({self.place})"


def title(segment: str) -> str:
    """What a segment is, in a word or two."""
    return "the sender's own segment" if segment.startswith("Z") else _TITLES.get(segment, "")


def lines(message: Message, only: tuple[str, ...] = ()) -> Iterator[Line]:
    """Every filled place of a message in order; `only` names segments (`PID`, `FT1[2]`)."""
    for segment in message.segments:
        place = f"{segment.name}[{segment.number}]" if segment.number > 1 else segment.name
        numbered = f"{segment.name}[{segment.number}]"
        if not only or segment.name in only or numbered in only:
            yield Line(place=place, name=title(segment.name), depth=0)
            yield from _fields(segment, place, message)


def _fields(segment: Segment, place: str, message: Message) -> Iterator[Line]:
    header = segment.name in ("MSH", "FHS", "BHS")
    for at, text in enumerate(segment.fields):
        if not at or not text:
            continue
        name = _name(segment.name, at)
        if header and at < 3:
            yield Line(place=f"{place}-{at}", name=name, depth=1, value=text)
            continue
        parts = text.split(message.seps.repetition.decode())
        for number, part in enumerate(parts, 1):
            which = f"{place}-{at}[{number}]" if number > 1 else f"{place}-{at}"
            yield from _repetition(segment, at, part, which, message)


def _repetition(segment: Segment, at: int, text: str, place: str, message: Message) -> Iterator[Line]:
    if not text:
        return
    name, kind = _name(segment.name, at), _kind(segment.name, at)
    component = message.seps.component.decode()
    if component not in text and message.seps.subcomponent.decode() not in text:
        yield _leaf(place, name, 1, text, message)
        return
    yield Line(place=place, name=name, depth=1)
    for number, part in enumerate(text.split(component), 1):
        if part:
            yield from _component(kind, number, part, f"{place}.{number}", message)


def _component(kind: str, number: int, text: str, place: str, message: Message) -> Iterator[Line]:
    subs = text.split(message.seps.subcomponent.decode())
    if len(subs) == 1:
        yield _leaf(place, _name(kind, number), 2, text, message)
        return
    yield Line(place=place, name=_name(kind, number), depth=2)
    inner = _kind(kind, number)
    for at, sub in enumerate(subs, 1):
        if sub:
            yield _leaf(f"{place}.{at}", _name(inner, at), 3, sub, message)


def _leaf(place: str, name: str, depth: int, text: str, message: Message) -> Line:
    if text == '""':
        return Line(place=place, name=name, depth=depth, value="(told to be empty)", written=text)
    meant = unescaped(text, message.seps, message.codec) if message.seps.escape in text else text
    written = text if meant != text else ""
    return Line(place=place, name=name, depth=depth, value=_printable(meant), written=_printable(written))


def _printable(text: str) -> str:
    """A text on one line, without anything that a terminal would obey."""
    shown = "".join(_MARKS.get(char, char) for char in text)
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in shown)


@cache
def _names(table: str) -> dict[int, str]:
    """The first name of each position, which is that of the newest version."""
    found: dict[int, str] = {}
    for name, at in names_of(table).items():
        found.setdefault(at, name.replace("_", " "))
    return found


def _name(table: str, at: int) -> str:
    return _names(table).get(at, "")


def _kind(table: str, at: int) -> str:
    """The data type of a position, the newest one that has parts."""
    return next(iter(kinds_of(table).get(at, ())), "")
