"""Reads HL7 v2 by position over the raw bytes, lazily: the bytes are the truth and never change.

A `Message` splits its bytes into segments; a `Segment` splits its fields when first asked; a `Value` (one
repetition of a field) decodes and unescapes a component when it is read. Nothing here raises for bad data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise

import msgspec

_HEADERS = frozenset((b"MSH", b"FHS", b"BHS"))
_ENDS = re.compile(rb"[\r\n\x0b\x1c]+")
_NULL = b'""'
_USUAL = b"^~\\&#"


class Separators(msgspec.Struct, frozen=True):
    """The delimiters that a header declares; `escape` as text because it is looked for in decoded values."""

    field: bytes = b"|"
    component: bytes = b"^"
    repetition: bytes = b"~"
    escape: str = "\\"
    subcomponent: bytes = b"&"
    truncation: str = "#"

    @property
    def named(self) -> dict[str, str]:
        """What each one-letter escape stands for (HL7 2.5, 2.7.1)."""
        codec = "latin-1"
        return {
            "F": self.field.decode(codec),
            "S": self.component.decode(codec),
            "R": self.repetition.decode(codec),
            "T": self.subcomponent.decode(codec),
            "E": self.escape,
            "P": self.truncation,
        }


@lru_cache(maxsize=256)
def separators(header: bytes) -> Separators | None:
    """The separators of a header segment's first bytes; None when they cannot be used.

    MSH-2 may have fewer than four characters (the usual ones stand in) or five; a doubled escape, as left by
    a careless program, counts once, and one that a shell swallowed (`^~&`) is put back.
    """
    field = header[3:4]
    if not field or field.isalnum() or field <= b" ":
        return None
    declared = bytes(dict.fromkeys(header[4:10].split(field)[0].split(b"\r")[0].split(b"\n")[0]))
    if len(declared) > 5 or any(c <= 32 or c >= 127 or chr(c).isalnum() for c in declared):
        return None
    chars = declared + _USUAL[len(declared) :]
    if len(set(chars)) < 5 and set(declared) <= set(_USUAL):
        chars = _USUAL
    if len(set(chars)) < 5 or field in chars:
        return None
    return Separators(field, chars[0:1], chars[1:2], chr(chars[2]), chars[3:4], chr(chars[4]))


def _unescaped(text: str, seps: Separators) -> str:
    r"""Replace `\F\`, `\X0D\`, `\.br\` and kin; what is not a known sequence stays as it is."""
    parts = text.split(seps.escape)
    out, index = [parts[0]], 1
    while index < len(parts):
        meant = _meaning(parts[index], seps) if index + 1 < len(parts) else None
        if meant is None:
            out.append(seps.escape + parts[index])
            index += 1
        else:
            out.append(meant + parts[index + 1])
            index += 2
    return "".join(out)


def _meaning(sequence: str, seps: Separators) -> str | None:
    named = seps.named.get(sequence)
    if named is not None:
        return named
    if sequence in ("H", "N"):
        return ""
    if sequence in (".br", ".sp", ".ce"):
        return "\n"
    if sequence[:1] == "X" and re.fullmatch(r"X(?:[0-9A-Fa-f]{2})+", sequence):
        return bytes.fromhex(sequence[1:]).decode("windows-1252", errors="replace")
    return None


class Value:
    """One repetition of a field."""

    __slots__ = ("_codec", "_seps", "raw")

    def __init__(self, raw: bytes, seps: Separators, codec: str) -> None:
        self.raw = raw
        self._seps = seps
        self._codec = codec

    def __bool__(self) -> bool:
        return bool(self.raw) and self.raw != _NULL

    def text(self, component: int = 1, sub: int = 1) -> str:
        """A component, or its subcomponent `sub`, decoded and without escapes; empty when it is not there
        or is HL7's explicit null.
        """
        raw, seps = self.raw, self._seps
        if seps.component in raw:
            parts = raw.split(seps.component, component)
            raw = parts[component - 1] if component <= len(parts) else b""
        elif component != 1:
            return ""
        if seps.subcomponent in raw:
            raw = _part(raw, seps.subcomponent, sub)
        elif sub != 1:
            return ""
        return _decoded(raw, seps, self._codec)


def _decoded(raw: bytes, seps: Separators, codec: str) -> str:
    if raw.isalnum():  # ASCII letters and digits: most values, and nothing to unescape
        return raw.decode("ascii")
    if not raw or raw == _NULL:
        return ""
    text = raw.decode(codec, errors="replace")
    if seps.escape in text:
        text = _unescaped(text, seps)
    return text.strip()


def _part(raw: bytes, separator: bytes, position: int) -> bytes:
    if separator not in raw:
        return raw if position == 1 else b""
    parts = raw.split(separator, position)
    return parts[position - 1] if position <= len(parts) else b""


class Segment:
    """One segment; `number` counts the segments of its name from 1, for places such as `FT1[2]-7`."""

    __slots__ = ("_codec", "_fields", "_seps", "name", "number", "raw")

    def __init__(self, raw: bytes, seps: Separators, codec: str, number: int) -> None:
        self.raw = raw
        self.name = raw[:3].decode("ascii", errors="replace")
        self.number = number
        self._seps = seps
        self._codec = codec
        self._fields: list[bytes] | None = None

    def field(self, position: int) -> bytes:
        """The raw bytes of field `position`, with all its repetitions."""
        fields = self._fields
        if fields is None:
            fields = self.raw.split(self._seps.field)
            if fields[0] in _HEADERS:
                fields.insert(1, self._seps.field)
            self._fields = fields
        return fields[position] if position < len(fields) else b""

    def values(self, position: int) -> list[Value]:
        """Every repetition of a field that has something in it."""
        raw = self.field(position)
        if not raw:
            return []
        found = (Value(part, self._seps, self._codec) for part in raw.split(self._seps.repetition))
        return [value for value in found if value]

    def value(self, position: int) -> Value:
        """The first repetition of a field, empty when there is none."""
        raw, seps = self.field(position), self._seps
        if seps.repetition in raw:
            raw = raw.split(seps.repetition, 1)[0]
        return Value(raw, seps, self._codec)

    def text(self, position: int, component: int = 1, sub: int = 1) -> str:
        """A component of the first repetition."""
        raw = self.field(position)
        if not raw:
            return ""
        if raw.isalnum():  # no separator is a letter or digit: the field has one component
            return raw.decode("ascii") if component == sub == 1 else ""
        return self.value(position).text(component, sub)

    def at(self, position: int, component: int = 0) -> str:
        """The place as people write it: `FT1[2]-11` or `PID-5.1`."""
        which = f"[{self.number}]" if self.number > 1 else ""
        part = f".{component}" if component else ""
        return f"{self.name}{which}-{position}{part}"


class Message:
    """One message: `raw` as it came, and its segments in order. `charset_fallback` is true when the bytes
    were not what MSH-18 or the profile said and were read as windows-1252.
    """

    __slots__ = ("_by_name", "_codec", "_lines", "_segments", "charset_fallback", "header", "raw", "seps")

    def __init__(self, raw: bytes, seps: Separators, codec: str, fallback: bool) -> None:
        self.raw = raw
        self.seps = seps
        self.charset_fallback = fallback
        self._codec = codec
        self._segments = [line for line in _ENDS.split(raw) if line]
        self._by_name: dict[bytes, list[Segment]] = {}
        self._lines: dict[bytes, list[bytes]] | None = None
        self.header = Segment(self._segments[0], seps, codec, 1)

    @property
    def lines(self) -> list[bytes]:
        """The raw segments in order."""
        return self._segments

    def all(self, name: bytes) -> list[Segment]:
        """Every segment of one name, in order."""
        found = self._by_name.get(name)
        if found is None:
            lines = self._named().get(name, ())
            found = [Segment(line, self.seps, self._codec, n) for n, line in enumerate(lines, 1)]
            self._by_name[name] = found
        return found

    def _named(self) -> dict[bytes, list[bytes]]:
        """The raw segments by their name, told apart once."""
        if self._lines is None:
            self._lines = {}
            for line in self._segments:
                self._lines.setdefault(line[:3], []).append(line)
        return self._lines

    def first(self, name: bytes) -> Segment | None:
        """The first segment of one name, if any."""
        found = self.all(name)
        return found[0] if found else None

    def groups(self, opener: bytes, members: frozenset[bytes]) -> Iterator[tuple[Segment, list[Segment]]]:
        """Each `opener` segment with the `members` that follow it directly (IN1 with its IN2 and IN3)."""
        openers = iter(self.all(opener))
        current: tuple[Segment, list[Segment]] | None = None
        for line in self._segments:
            name = line[:3]
            if name == opener:
                if current:
                    yield current
                current = (next(openers), [])
            elif current and name in members:
                current[1].append(Segment(line, self.seps, self._codec, current[0].number))
            elif current and name != b"NTE":
                yield current
                current = None
        if current:
            yield current


# HL7 table 0211 to Python's codecs; a name that is not here leaves the profile's default in force.
_CHARSETS = {
    "ASCII": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    **{f"8859/{n}": f"iso8859-{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    **{f"8859-{n}": f"iso8859-{n}" for n in (1, 2, 9, 15)},
    "WINDOWS-1252": "windows-1252",
}


def message_of(raw: bytes, default_charset: str) -> Message | None:
    """Read the frame of one message; None when it does not begin with a header that can be used."""
    body = raw if raw.startswith(b"MSH") else plain(raw)
    seps = separators(body[:12]) if body.startswith(b"MSH") else None
    if seps is None:
        return None
    codec, fallback = _codec(body, seps, default_charset)
    return Message(body, seps, codec, fallback)


def _codec(body: bytes, seps: Separators, default: str) -> tuple[str, bool]:
    if body.isascii():
        return "ascii", False
    fields = _ENDS.split(body, 1)[0].split(seps.field)
    declared = fields[17].split(seps.repetition)[0].decode("latin-1") if len(fields) > 17 else ""
    for codec in (_CHARSETS.get(declared.strip().upper(), default), "windows-1252"):
        try:
            body.decode(codec)
        except (UnicodeDecodeError, LookupError):
            continue
        return codec, codec == "windows-1252" != default and declared.upper() != "WINDOWS-1252"
    return "latin-1", True


def plain(raw: bytes) -> bytes:
    """Bytes without a byte order mark, leading blanks or MLLP framing; UTF-16 becomes UTF-8."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raw = raw.decode("utf-16", errors="replace").encode()
    return raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x0b\x1c\r\n \t")


_STARTS: Callable[[bytes], Iterator[re.Match[bytes]]] = re.compile(
    rb"(?:\A|(?<=[\r\n\x0b\x1c]))(?=(?:MSH|FHS|BHS|BTS|FTS)(?:[^A-Za-z0-9\s]|[\r\n]|\Z))"
).finditer


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds: its messages, the envelope lines around them, what is neither, and whether the
    counts of BTS and FTS agree (True when none is given).
    """

    messages: tuple[bytes, ...]
    envelope: tuple[bytes, ...]
    strays: tuple[bytes, ...]
    counts_agree: bool


def split(raw: bytes) -> Split:
    """Cut a file into messages; every byte but framing and a byte order mark lands in one of the parts."""
    body = plain(raw)
    starts = [m.start() for m in _STARTS(body)]
    strays = [body[: starts[0]] if starts else body]
    messages: list[bytes] = []
    envelope: list[bytes] = []
    for start, end in pairwise([*starts, len(body)]):
        piece = body[start:end]
        if piece.startswith(b"MSH"):
            messages.append(piece)
            continue
        line, _, rest = piece.partition(b"\r") if b"\r" in piece else piece.partition(b"\n")
        envelope.append(line)
        strays.append(rest)
    kept = tuple(s for s in strays if s.strip(b"\r\n\t \x0b\x1c"))
    agree = _counts_agree(envelope, len(messages))
    return Split(messages=tuple(messages), envelope=tuple(envelope), strays=kept, counts_agree=agree)


def _counts_agree(envelope: list[bytes], found: int) -> bool:
    """Whether the sum of all BTS-1 is the number of messages; a count that is not a number is not one."""
    counts = [line[4:].split(line[3:4] or b"|")[0].strip() for line in envelope if line.startswith(b"BTS")]
    numbers = [int(count) for count in counts if count.isdigit() and len(count) < 10]
    return not numbers or len(numbers) < len(counts) or sum(numbers) == found
