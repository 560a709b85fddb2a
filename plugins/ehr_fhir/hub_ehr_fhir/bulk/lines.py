"""NDJSON off the wire: cut into lines, and gathered into messages that are cut at the same lines again."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator

import msgspec

from hub_ehr_fhir.bulk.cursors import Place

LEAST, MOST = 512 << 10, 2 << 20
"""Bytes of a message: about a MiB."""
LONGEST = 32 << 20
"""A line that is longer does not go on whole."""
_SHOWN = 1 << 10
_TAIL = 1 << 10
_CUTS = 0xFF
_BOM = b"\xef\xbb\xbf"


class Line(msgspec.Struct, frozen=True):
    """One line without its ending, the decoded bytes up to its end, and the last of them."""

    text: bytes
    end: int
    tail: bytes


class Cutter:
    """Cuts decoded bytes into lines. Blank lines, carriage returns and a byte order mark are left out; of a line
    longer than `longest` only its beginning goes on, which is no JSON and is set aside for a person.
    """

    def __init__(self, start: int = 0, longest: int = LONGEST) -> None:
        self._rest = bytearray()
        self._searched = 0
        self._end = start
        self._longest = longest
        self._skipped = 0

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """Every line that `chunk` ends."""
        self._rest += chunk
        start = 0
        while (found := self._rest.find(b"\n", max(start, self._searched))) >= 0:
            yield from self._line(bytes(self._rest[start : found + 1]))
            start = found + 1
        del self._rest[:start]
        self._searched = len(self._rest)
        if len(self._rest) > self._longest:
            self._skip()

    @property
    def end(self) -> int:
        """The decoded bytes up to the end of what was fed."""
        return self._end + self._skipped + len(self._rest)

    def last(self) -> bytes:
        """What stands after the last line ending; it may be a whole line or the beginning of one."""
        return bytes(self._rest)

    def finish(self) -> Iterator[Line]:
        """What stands after the last line ending, as a line."""
        raw, self._rest = bytes(self._rest), bytearray()
        self._searched = 0
        if raw:
            yield from self._line(raw)

    def _line(self, raw: bytes) -> Iterator[Line]:
        first = self._end == 0
        self._end += len(raw) + self._skipped
        text, self._skipped = raw, 0
        if first:
            text = text.removeprefix(_BOM)
        if len(text) > self._longest:
            text = text[:_SHOWN]
        text = text.strip(b"\r\n")
        if text.strip():
            yield Line(text, self._end, raw[-_TAIL:])

    def _skip(self) -> None:
        """Let go of the middle of a line that is too long."""
        kept = self._rest[:_SHOWN] + self._rest[-_TAIL:]
        self._skipped += len(self._rest) - len(kept)
        self._rest = kept
        self._searched = len(kept)


class Piece(msgspec.Struct, frozen=True):
    """A message of whole lines, of which type the first is, how many, and where the next one starts."""

    kind: str
    body: bytes
    lines: int
    end: Place

    @property
    def external_id(self) -> str:
        """The same for the same lines, whatever export they come from."""
        return hashlib.sha256(self.kind.encode() + b"\0" + self.body).hexdigest()[:40]


class Gatherer:
    """Gathers lines of any number of files into messages. Where one ends depends on the lines themselves, so that
    what did not change between two exports gives the same messages, whatever stands before it.
    """

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._kind = ""
        self._size = 0
        self._end = Place()

    @property
    def empty(self) -> bool:
        """Whether nothing waits to go on."""
        return not self._lines

    def add(self, kind: str, line: Line, end: Place) -> Piece | None:
        """Take a line that ends at `end`; the message that it completes, if it does."""
        if not self._lines:
            self._kind = kind
        self._lines.append(line.text)
        self._size += len(line.text) + 1
        self._end = end
        if self._size >= MOST or (self._size >= LEAST and zlib.crc32(line.text) & _CUTS == 0):
            return self.flush()
        return None

    def passed(self, end: Place) -> None:
        """Everything up to `end` was seen, and there was nothing more to take."""
        self._end = end

    def flush(self) -> Piece | None:
        """The message of what is gathered so far."""
        if not self._lines:
            return None
        lines, self._lines, self._size = self._lines, [], 0
        return Piece(self._kind, b"\n".join(lines) + b"\n", len(lines), self._end)


def seen(tail: bytes) -> str:
    """The digest by which bytes before a place are recognised."""
    return hashlib.sha256(tail).hexdigest()[:16]
