"""Turn bytes into segments and back: delimiters from the ISA, block by block, nothing lost."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec

BLOCK_BYTES = 1 << 18
LONGEST_SEGMENT_BYTES = 1 << 22
ISA_CHARACTERS = 106
ISA_WIDTHS = [3, 2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1]
_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n\x00\x1a"
_BLANK_TEXT = _BLANK.decode("ascii")

Source = bytes | BinaryIO | Iterable[bytes]


class Delimiters(msgspec.Struct, frozen=True, kw_only=True):
    """The separators of one interchange; `ending` is the line break written after each terminator."""

    element: str = "*"
    component: str = ":"
    repetition: str = "^"
    segment: str = "~"
    ending: str = ""


STANDARD = Delimiters()


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A run of whole segments, as text, that share their delimiters.

    `opens` marks a new interchange; `lead` is what stood before it (a BOM, blanks), `last` what stands after
    the final segment of the run, `encoding` how the run was written.
    """

    delimiters: Delimiters
    segments: list[str]
    last: str = ""
    lead: bytes = b""
    encoding: str = "ascii"
    opens: bool = False
    fixed_width: bool = True

    def rebuilt(self) -> bytes:
        """The bytes of the run again: those that were read, where every segment ended alike."""
        full = self.delimiters.segment + self.delimiters.ending
        return self.lead + (full.join(self.segments) + self.last).encode(self.encoding)


class Wire:
    """Reads one X12 source once; iterate it for blocks, then look at what it met on the way.

    `problem` is "" or says why reading stopped; `truncated` says that the last segment had no terminator;
    `uniform` that every segment ended alike, so that joining gives the same bytes again.
    """

    def __init__(self, source: Source) -> None:
        self._chunks = chunks(source)
        self.bom = False
        self.encoding = "ascii"
        self.truncated = False
        self.uniform = True
        self.problem = ""
        self._data = b""
        self._lead = b""
        self._open: Block | None = None
        self._fresh = False

    def __iter__(self) -> Iterator[Block]:
        """Yields the blocks in order; memory holds one block at a time."""
        for chunk in itertools.chain(self._chunks, (None,)):
            self._data += chunk or b""
            while self._data and not self.problem:
                block = self._next(at_end=chunk is None)
                if block is None:
                    break
                yield block
            if self.problem:
                return

    def _next(self, *, at_end: bool) -> Block | None:
        """Cuts one block off the waiting bytes; None when more bytes are needed."""
        opened = self._open or self._begin(at_end=at_end)
        if opened is None:
            return None
        cut, ends = _cut(self._data, opened.delimiters, self._fresh, last=at_end)
        if not cut and not ends:
            if len(self._data) > LONGEST_SEGMENT_BYTES:
                self.problem = "a segment is longer than any the standard allows"
            return None
        self._open = None if ends else opened
        if not cut:
            return self._next(at_end=at_end)
        text, encoding = self._decode(self._data[:cut], opened.delimiters)
        self._data = self._data[cut:]
        parts, after = self._split(text, opened.delimiters, at_end=ends or at_end)
        made = msgspec.structs.replace(
            opened, segments=parts, last=after, opens=self._fresh, lead=self._lead, encoding=encoding
        )
        self._fresh, self._lead = False, b""
        return made

    def _begin(self, *, at_end: bool) -> Block | None:
        """Reads the header of the next interchange; None when it is not there, or not there yet."""
        rest = self._data.removeprefix(_BOM).lstrip(_BLANK)
        self.bom = self.bom or self._data.startswith(_BOM)
        self._lead += self._data[: len(self._data) - len(rest)]
        self._data = rest
        if len(self._lead) > LONGEST_SEGMENT_BYTES:
            self.problem = "nothing but blanks where an interchange must begin"
            return None
        if not rest or (not at_end and len(rest) < 4 * ISA_CHARACTERS):
            return None
        found = read_delimiters(rest)
        if found is None:
            self.problem = "no readable ISA segment where an interchange must begin"
            return None
        self._fresh = True
        self._open = Block(delimiters=found[0], segments=[], fixed_width=found[1])
        return self._open

    def _decode(self, data: bytes, marks: Delimiters) -> tuple[str, str]:
        if data.isascii():
            return data.decode("ascii"), "ascii"
        if not (marks.element + marks.component + marks.repetition + marks.segment).isascii():
            return data.decode("latin-1"), "latin-1"  # as the delimiters were read: one byte each
        if self.encoding != "latin-1":
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError:
                self.encoding = "latin-1"
            else:
                self.encoding = "utf-8"
                return text, "utf-8"
        return data.decode("latin-1"), "latin-1"

    def _split(self, text: str, marks: Delimiters, *, at_end: bool) -> tuple[list[str], str]:
        full = marks.segment + marks.ending
        last = text.rfind(marks.segment)
        if last < 0 and not text.strip(_BLANK_TEXT):
            return [], text
        if last < 0 or text[last + 1 :].strip(_BLANK_TEXT):
            self.truncated = self.truncated or at_end
            last = len(text)
        body, after = text[:last], text[last:]
        parts = body.split(full)
        if parts == [""]:
            self.uniform = False
            return [], text
        breaks = sum(mark in "\r\n" for mark in full) * (len(parts) - 1)
        found = body.count("\n") + body.count("\r") if breaks or "\n" in body or "\r" in body else 0
        if (
            found != breaks
            or (marks.ending and body.count(marks.segment) != len(parts) - 1)
            or "" in parts  # an empty one, at either end or between
        ):
            self.uniform = False
            parts = [text for part in body.split(marks.segment) if (text := part.strip("\r\n"))]
        return parts, after


def read_delimiters(data: bytes) -> tuple[Delimiters, bool] | None:
    """Gives the delimiters that an ISA at the start of `data` declares and whether it is 106 characters wide.

    None when there is no ISA with sixteen elements. Source: ISA, positions 4, 83 (ISA11), 105 (ISA16), 106.
    """
    head = data[: 4 * ISA_CHARACTERS].decode("latin-1")
    if len(head) < 4 or head[:3] != "ISA" or head[3].isalnum() or head[3] in " \t\r\n":
        return None
    fields = head.split(head[3], 16)
    if len(fields) < 17 or len(fields[16]) < 2:
        return None
    component, segment = fields[16][0], fields[16][1]
    if segment.isalnum():
        return None
    after = fields[16][2:4]
    ending = "\r\n" if after == "\r\n" else after[:1] if after[:1] in ("\r", "\n") else ""
    repetition = fields[11] if len(fields[11]) == 1 and not fields[11].isalnum() else ""
    marks = Delimiters(
        element=head[3], component=component, repetition=repetition, segment=segment, ending=ending
    )
    widths = [len(field) for field in fields[:16]]
    return marks, widths == ISA_WIDTHS[:16]


def chunks(source: Source) -> Iterator[bytes]:
    """The bytes of a source, piece by piece."""
    if isinstance(source, bytes | bytearray | memoryview):
        whole = bytes(source)
        return (whole[i : i + BLOCK_BYTES] for i in range(0, len(whole), BLOCK_BYTES))
    read = getattr(source, "read", None)
    if read is not None:
        return iter(lambda: read(BLOCK_BYTES), b"")
    return (chunk[at : at + BLOCK_BYTES] for chunk in source for at in range(0, len(chunk), BLOCK_BYTES))


def _cut(data: bytes, marks: Delimiters, fresh: bool, *, last: bool) -> tuple[int, bool]:
    """Says how many bytes are whole segments, and whether another interchange begins right there."""
    term = marks.segment.encode("latin-1")
    start = 3 if fresh else 0
    while (found := data.find(b"ISA", start)) >= 0:
        begin = found - 3 if found > 2 and data[found - 3 : found] == _BOM else found
        if _is_header(data, found) and _follows(data, begin, term):
            return begin, True
        start = found + 3
    if last:
        return len(data), False
    full = term + marks.ending.encode("latin-1")
    cut = data.rfind(full)
    if cut < 0 and len(data) > BLOCK_BYTES * 2:
        full = term
        cut = data.rfind(full)
    return (cut + len(full) if cut >= 0 else 0), False


def _is_header(data: bytes, found: int) -> bool:
    """Whether the letters ISA at this place are followed by a separator."""
    separator = data[found + 3 : found + 4]
    return bool(separator) and not separator.isalnum() and separator not in b"\r\n"


def _follows(data: bytes, begin: int, term: bytes) -> bool:
    """Whether this place follows a terminator, but for blanks."""
    before = begin
    while before and data[before - 1 : before] != term and data[before - 1] in _BLANK:
        before -= 1
    return not before or data[before - 1 : before] == term


def segments(source: Source) -> Iterator[list[str]]:
    """Yields each segment as its list of elements, the segment id first; delimiters are dropped."""
    for block in Wire(source):
        separator = block.delimiters.element
        for text in block.segments:
            yield text.split(separator)


def join(texts: Iterable[str], marks: Delimiters) -> str:
    """Puts segment texts back together, each with its terminator and line break."""
    full = marks.segment + marks.ending
    return "".join([text + full for text in texts])


def rebuild(data: bytes) -> bytes:
    """Reads a file held in memory and writes it again: equal bytes for well-formed input."""
    return b"".join([block.rebuilt() for block in Wire(data)])
