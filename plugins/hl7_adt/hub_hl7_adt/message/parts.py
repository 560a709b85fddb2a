"""Segments, fields, repetitions and components by position; fields.py has them by name.

Mapping code asks `segment.text(PID.patient_name, XPN.family_name)` for one text, and `segment.read(position, meant)`,
`every` or `whole` for what a field means (`values.person`, remembered by its text). What is not there is empty, never
an error; HL7's explicit null (`""`) reads as empty too, and `is_null` tells it apart.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import msgspec

from hub_hl7_adt.message.separators import Separators, unescaped

T = TypeVar("T")

NULL = '""'
_EMPTY = ("",) * 64
HEADERS = frozenset(("MSH", "FHS", "BHS"))


class Frame:
    """What all parts of one message share: its separators as text, its codec, whether it has escapes at all."""

    __slots__ = (
        "codec",
        "component",
        "escape",
        "escapes",
        "field",
        "repetition",
        "seps",
        "subcomponent",
        "usual",
    )

    def __init__(self, seps: Separators, codec: str, *, escapes: bool) -> None:
        self.seps = seps
        self.codec = codec
        self.field = seps.field.decode("ascii")
        self.component = seps.component.decode("ascii")
        self.repetition = seps.repetition.decode("ascii")
        self.subcomponent = seps.subcomponent.decode("ascii")
        self.escape = seps.escape
        self.escapes = escapes
        self.usual = seps == Separators()

    def meant(self, text: str) -> str:
        """A component without escapes and surrounding blanks; empty for the explicit null."""
        if self.escapes and self.escape in text:
            text = unescaped(text, self.seps, self.codec)
        elif text == NULL:
            return ""
        return text.strip()


@lru_cache(maxsize=256)
def frame_of(seps: Separators, codec: str, *, escapes: bool) -> Frame:
    """The frame of such messages: one for all of them, so that what a text means can be remembered by it."""
    return Frame(seps, codec, escapes=escapes)


def fields_of(line: str, separator: str) -> list[str]:
    """A segment's fields by their position."""
    fields = line.split(separator)
    if fields[0] in HEADERS:
        fields.insert(1, separator)
    return fields


class Value:
    """One repetition of a field."""

    __slots__ = ("_parts", "frame", "written")

    def __init__(self, written: str, frame: Frame) -> None:
        self.written = written
        self.frame = frame
        self._parts = written.split(frame.component)

    def __bool__(self) -> bool:
        return self.written not in ("", NULL)

    @property
    def raw(self) -> bytes:
        """The bytes as they came."""
        return self.written.encode(self.frame.codec)

    @property
    def is_null(self) -> bool:
        """Whether this is HL7's explicit null: what the receiver has here shall be emptied."""
        return self.written == NULL

    def text(self, component: int = 1, sub: int = 1) -> str:
        """A component, or its subcomponent `sub`, without escapes; empty when it is not there or null."""
        parts = self._parts
        if component > len(parts):
            return ""
        part = parts[component - 1]
        if part.isalnum() or not part:  # most values: no separator, escape or blank is a letter or digit
            return part if sub == 1 else ""
        frame = self.frame
        if frame.subcomponent in part:
            subs = part.split(frame.subcomponent)
            part = subs[sub - 1] if sub <= len(subs) else ""
        elif sub != 1:
            return ""
        if frame.escapes or part == NULL:
            return frame.meant(part)
        return part.strip()


def components(written: str, frame: Frame, last: int) -> list[str]:
    """What is written in one repetition, and behind it its components up to `last`, each as `Value.text` gives it: an
    index is a position (`CX.id_number`). One call for several components of a value.
    """
    if NULL in written or frame.subcomponent in written or (frame.escapes and frame.escape in written):
        value = Value(written, frame)
        return [written, *[value.text(n) for n in range(1, last + 1)]]
    found = written.split(frame.component, last)
    if " " in written or not written.isprintable():  # only then is there a blank to strip
        found = list(map(str.strip, found))
    found.insert(0, written)
    if len(found) <= last:
        found += _EMPTY[len(found) - last - 1 :]
    return found


class Segment(msgspec.Struct, eq=False, gc=False):
    """One segment; `number` counts the segments of its name from 1, for places such as `FT1[2]-7`. `fields` are as
    they are written, decoded; index 0 is the name, and MSH-1 is the separator itself. A struct of msgspec: it is made
    in a third of the time, a dozen times a message.
    """

    fields: list[str]
    frame: Frame
    number: int
    name: str

    def __bool__(self) -> bool:
        return self.number > 0

    @property
    def raw(self) -> bytes:
        """The bytes of the segment as they came, without its end."""
        fields, frame = self.fields, self.frame
        written = [fields[0], *fields[2:]] if fields[0] in HEADERS else fields
        return frame.field.join(written).encode(frame.codec)

    def field(self, position: int) -> bytes:
        """The raw bytes of field `position`, with all its repetitions."""
        return self.written(position).encode(self.frame.codec)

    def written(self, position: int) -> str:
        """Field `position` as it is written, decoded, with all its repetitions."""
        fields = self.fields
        return fields[position] if position < len(fields) else ""

    def has(self, position: int) -> bool:
        """Whether anything but a null stands in a field."""
        fields = self.fields
        return position < len(fields) and fields[position] not in ("", NULL)

    def is_null(self, position: int, component: int = 0) -> bool:
        """Whether a field, or a component of its first repetition, is HL7's explicit null."""
        text = self.written(position)
        if component:
            parts = text.split(self.frame.repetition)[0].split(self.frame.component)
            return component <= len(parts) and parts[component - 1] == NULL
        return text == NULL

    def values(self, position: int) -> list[Value]:
        """Every repetition of a field that has something in it."""
        return self.every(position, Value)

    def value(self, position: int) -> Value:
        """The first repetition of a field, empty when there is none."""
        return self.read(position, Value)

    def read(self, position: int, meant: Callable[..., T], *more: object) -> T:
        """What the first repetition of a field means, which may be empty: `meant(written, frame, *more)`."""
        fields, frame = self.fields, self.frame
        text = fields[position] if position < len(fields) else ""
        if frame.repetition in text and not self._is_header(position):
            text = text.split(frame.repetition, 1)[0]
        return meant(text, frame, *more)

    def every(self, position: int, meant: Callable[..., T], *more: object) -> list[T]:
        """What each repetition of a field means that has something in it: `meant(written, frame, *more)`."""
        fields = self.fields
        if position >= len(fields) or not (text := fields[position]):
            return []
        frame = self.frame
        if frame.repetition not in text or self._is_header(position):
            return [meant(text, frame, *more)] if text != NULL else []
        return [meant(part, frame, *more) for part in text.split(frame.repetition) if part and part != NULL]

    def whole(self, position: int, meant: Callable[[str, Frame], T]) -> T:
        """What a field means with all its repetitions."""
        fields = self.fields
        return meant(fields[position] if position < len(fields) else "", self.frame)

    def text(self, position: int, component: int = 1, sub: int = 1) -> str:
        """A component of the first repetition, without escapes; empty when it is not there or null."""
        fields = self.fields
        if position >= len(fields):
            return ""
        part = fields[position]
        if part.isalnum() or not part:  # most fields: no separator, escape or blank is a letter or digit
            return part if component == sub == 1 else ""
        frame = self.frame
        if position < 3 and self.name in HEADERS:  # the separators themselves part nothing there
            return part if component == sub == 1 else ""
        if frame.repetition in part:
            part = part.split(frame.repetition, 1)[0]
        if frame.component in part:
            parts = part.split(frame.component, component)
            part = parts[component - 1] if component <= len(parts) else ""
        elif component != 1:
            return ""
        if frame.subcomponent in part:
            subs = part.split(frame.subcomponent)
            part = subs[sub - 1] if sub <= len(subs) else ""
        elif sub != 1:
            return ""
        return frame.meant(part) if frame.escapes or part == NULL else part.strip()

    def _is_header(self, position: int) -> bool:
        """Whether a field holds the separators themselves, which part nothing there."""
        return position < 3 and self.name in HEADERS

    def at(self, position: int, component: int = 0) -> str:
        """The place as people write it: `FT1[2]-11` or `PID-5.1`."""
        which = f"[{self.number}]" if self.number > 1 else ""
        part = f".{component}" if component else ""
        return f"{self.name}{which}-{position}{part}"
