"""Changes one place of a message and nothing else: every other byte stays as it came, framing and ends included.

A place is written `PID-3`, `PID-3.1`, `FT1[2]-11`, `PID-3[2].4.2`: segment and which of that name, field and which
repetition, component, subcomponent. What is missing on the way is added with the message's own separators.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE

import msgspec

from hub_hl7_adt.message.charset import plain
from hub_hl7_adt.message.message import Message, message_of
from hub_hl7_adt.message.parts import HEADERS, NULL
from hub_hl7_adt.message.separators import escaped

_PLACE = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<which>[1-9]\d{0,3})\])?-(?P<field>[1-9]\d{0,2})"
    r"(?:\[(?P<repetition>[1-9]\d{0,2})\])?(?:\.(?P<component>[1-9]\d{0,2}))?(?:\.(?P<sub>[1-9]\d{0,2}))?",
    re.ASCII,
)
_LINE = re.compile(r"[^\r\n\x0b\x1c]+")


class NotEditable(ValueError):
    """A place that cannot be changed; says why, and never what stands there."""


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """A place down to the subcomponent; numbers from 1, and 0 for `all of it`."""

    segment: str
    which: int = 1
    field: int
    repetition: int = 0
    component: int = 0
    sub: int = 0


def spot_of(text: str) -> Spot:
    """Read a place; raises `NotEditable` for anything else."""
    match = _PLACE.fullmatch(text)
    if match is None:
        raise NotEditable("a place is written like PID-3.1, FT1[2]-11 or PID-3[2].4.1")
    parts = {name: int(said) for name, said in match.groupdict().items() if said and name != "segment"}
    return Spot(segment=match["segment"], **parts)


def edited(raw: bytes, place: str, value: str, *, charset: str = "utf-8", literal: bool = False) -> bytes:
    """`raw` with `value` at `place`; separators in it become escapes, unless it is `literal` HL7 (`G0438^^HCPCS`).

    The explicit null is the value `""` (two quotes). `charset` is that of the sender's profile. Raises
    `NotEditable` when there is no such segment, for the separators themselves, for line ends in a literal, and for
    characters that the message's own character set does not have.
    """
    spot, body = spot_of(place), plain(raw)
    message = message_of(body, charset)
    if message is None:
        raise NotEditable("the bytes do not begin with a usable MSH segment, so they have no places")
    if spot.segment in HEADERS and spot.field < 3:
        raise NotEditable(
            f"{spot.segment}-1 and {spot.segment}-2 are the separators; changing them changes all else"
        )
    said = value if literal or value == NULL else escaped(value, message.seps)
    if _LINE.sub("", said):
        raise NotEditable("a literal value cannot hold the end of a segment")
    return _with_framing(raw, body, _changed(message, body, spot, said))


def _changed(message: Message, body: bytes, spot: Spot, said: str) -> bytes:
    """The bytes with the place rewritten; they are seen as Latin-1 where their codec would not give them back."""
    codec, text = message.codec, ""
    try:
        new = said.encode("utf-8" if codec == "ascii" and not said.isascii() and _may_be_utf8(message) else codec)
        text = body.decode(codec)
    except UnicodeEncodeError:
        raise NotEditable("the message's character set (MSH-18) lacks a character of the new value") from None
    view = codec if text.encode(codec) == body else "latin-1"
    if codec == "ascii":
        view = "latin-1"
    start, end = _found(message, body.decode(view), spot)
    shown = body.decode(view)
    line = _line_with(shown[start:end], spot, new.decode(view), message)
    return (shown[:start] + line + shown[end:]).encode(view)


def _may_be_utf8(message: Message) -> bool:
    from hub_hl7_adt.message.charset import codec_named

    return codec_named(message.header.text(18)) in ("", "utf-8")


def _found(message: Message, text: str, spot: Spot) -> tuple[int, int]:
    field = message.seps.field.decode("ascii")
    seen = 0
    for line in _LINE.finditer(text):
        if line[0].split(field, 1)[0] == spot.segment:
            seen += 1
            if seen == spot.which:
                return line.span()
    raise NotEditable(f"the message has {seen} {spot.segment}, not {spot.which}" if seen else
                      f"the message has no {spot.segment}")  # fmt: skip


def _line_with(line: str, spot: Spot, said: str, message: Message) -> str:
    """One segment with the place rewritten, from the field inwards."""
    seps = message.seps
    field, repetition, component, sub = (
        mark.decode("ascii") for mark in (seps.field, seps.repetition, seps.component, seps.subcomponent)
    )
    at = spot.field - 1 if spot.segment in HEADERS else spot.field
    levels = [(field, at + 1)]
    if spot.repetition or spot.component:
        levels.append((repetition, spot.repetition or 1))
    if spot.component:
        levels.append((component, spot.component))
    if spot.sub:
        levels.append((sub, spot.sub))
    return _placed(line, levels, said)


def _placed(text: str, levels: list[tuple[str, int]], said: str) -> str:
    """`text` with part after part replaced at each level: (separator, number from 1)."""
    if not levels:
        return said
    (separator, number), *deeper = levels
    parts = text.split(separator)
    parts += [""] * (number - len(parts))
    parts[number - 1] = _placed(parts[number - 1], deeper, said)
    return separator.join(parts)


def _with_framing(raw: bytes, body: bytes, changed: bytes) -> bytes:
    """What stood before the message stands before it again; UTF-16 is UTF-16 again."""
    if raw.endswith(body):
        return raw[: len(raw) - len(body)] + changed
    mark = BOM_UTF16_LE if raw.startswith(BOM_UTF16_LE) else BOM_UTF16_BE
    return mark + changed.decode().encode("utf-16-le" if mark == BOM_UTF16_LE else "utf-16-be")
