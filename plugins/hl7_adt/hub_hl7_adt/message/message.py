"""One message over its raw bytes: the bytes are the truth and never change, parts are made when asked."""

from __future__ import annotations

import re
from collections.abc import Collection
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from hub_hl7_adt.message.charset import decoded, plain
from hub_hl7_adt.message.fields import NamedSegment
from hub_hl7_adt.message.lookup import is_table, unknown
from hub_hl7_adt.message.named import Named
from hub_hl7_adt.message.parts import Segment, fields_of, frame_of
from hub_hl7_adt.message.separators import Separators, separators

_TEXT_ENDS = re.compile(r"[\r\n\x0b\x1c]+")
_ENDS = re.compile(rb"[\r\n\x0b\x1c]+")


class Message(Named):
    """One message: `raw` as it came, and its segments in order. `charset_fallback` is true when the bytes were not
    what MSH-18 or the profile said and were read as windows-1252.
    """

    __slots__ = ("charset_fallback", "codec", "raw", "seps")

    def __init__(self, raw: bytes, seps: Separators, codec: str, text: str, *, fallback: bool) -> None:
        self.raw = raw
        self.seps = seps
        self.codec = codec
        self.charset_fallback = fallback
        self._frame = frame_of(seps, codec, escapes=text.find(seps.escape, 9) >= 0)
        self._texts = _lines(text)
        self._by_name = {}
        self._order = []
        fields = fields_of(self._texts[0], self._frame.field)
        self.header = self._kind(fields, self._frame, 1, fields[0])

    @property
    def lines(self) -> list[bytes]:
        """The raw segments in order."""
        return [line for line in _ENDS.split(self.raw) if line]

    @property
    def segments(self) -> list[Segment]:
        """Every segment in order, each numbered among those of its name."""
        if not self._order:
            self._split()
        return list(self._order)

    def z(self, name: str) -> list[Segment]:
        """The sender's own segments of a name that begins with Z, in order; their fields have positions only."""
        if not name.startswith("Z"):
            raise AttributeError(f"{name!r} is not a Z-segment; use all({name!r})")
        return list(self.all(name))

    @property
    def is_alone(self) -> bool:
        """Whether no other segment of it begins a message or ends a batch; a name may be a whole line that this
        message's field separator does not part.
        """
        names = "\r".join(self.names)
        if len(self._by_name["MSH"]) > 1 or names.find("MSH", 1) > 0:
            return False
        return "BTS" not in names and "FTS" not in names

    @property
    def names(self) -> Collection[str]:
        """The names of its segments, each once."""
        if not self._order:
            self._split()
        return self._by_name

    def groups(self, opener: str, members: AbstractSet[str]) -> list[tuple[Segment, list[Segment]]]:
        """Each `opener` segment with the `members` that follow it directly (IN1 with its IN2 and IN3)."""
        if not members:
            return [(segment, []) for segment in self.all(opener)]
        groups: list[tuple[Segment, list[Segment]]] = []
        opened = False
        for segment in self.segments:
            if segment.name == opener:
                groups.append((segment, []))
                opened = True
            elif opened and segment.name in members:
                current, rest = groups[-1]
                rest.append(self._kind(segment.fields, self._frame, current.number, segment.name))
            elif segment.name != "NTE":
                opened = False
        return groups


class NamedMessage(Message):
    """A message whose segments are also attributes (`message.pid`), and their fields attributes of those."""

    __slots__ = ()

    _kind = NamedSegment

    if not TYPE_CHECKING:  # mypy sees named.pyi, which knows every name

        def __getattr__(self, name: str) -> Segment:
            said = name.upper()
            if len(name) != 3 or not name.islower() or not (is_table(said) or said.startswith("Z")):
                raise unknown(name)
            found = self.all(said)
            return found[0] if found else NamedSegment([said], self._frame, 0, said)


def _lines(text: str) -> list[str]:
    """The segments; most messages end them with CR alone, as the standard says."""
    if "\n" in text or "\x0b" in text or "\x1c" in text:
        return [line for line in _TEXT_ENDS.split(text) if line]
    lines = text.split("\r")
    if not lines[-1]:
        lines.pop()
    return [line for line in lines if line] if "" in lines else lines


def message_of(raw: bytes, default_charset: str, *, named: bool = True) -> Message | None:
    """Read the frame of one message; None when it does not begin with a header that can be used. One that is not
    `named` is read by position alone, which is faster.
    """
    kind = NamedMessage if named else Message
    body = raw if raw.startswith(b"MSH") else plain(raw)
    seps = separators(body[:12]) if body.startswith(b"MSH") else None
    if seps is None:
        return None
    if body.isascii() and b"\x1b" not in body:  # the JIS character sets shift with ESC, in ASCII bytes
        return kind(body, seps, "ascii", body.decode("ascii"), fallback=False)
    text, codec, fallback = decoded(body, _declared(body, seps), default_charset)
    return kind(body, seps, codec, text, fallback=fallback)


def _declared(body: bytes, seps: Separators) -> list[str]:
    """The repetitions of MSH-18."""
    fields = _ENDS.split(body, maxsplit=1)[0].split(seps.field)
    written = fields[17] if len(fields) > 17 else b""
    return [part.decode("latin-1") for part in written.split(seps.repetition) if part.strip()]
