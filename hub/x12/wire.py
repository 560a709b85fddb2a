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

    `opens` marks a new interchange; `last` is what stands after the final segment of the run.
    """

    delimiters: Delimiters
    segments: list[str]
    last: str = ""
    opens: bool = False
    fixed_width: bool = True


class Wire:
    """Reads one X12 source once; iterate it for blocks, then look at what it met on the way.

    `problem` is "" or says why reading stopped; `truncated` says that the last segment had no terminator;
    `uniform` that every segment ended alike, so that joining gives the same bytes again.
    """

    def __init__(self, source: Source) -> None:
        self._chunks = _chunks(source)
        self.bom = False
        self.encoding = "ascii"
        self.truncated = False
        self.uniform = True
        self.problem = ""

    def __iter__(self) -> Iterator[Block]:
        """Yields the blocks in order; memory holds one block at a time."""
        data = b""
        header: Block | None = None
        fresh = False
        for chunk in itertools.chain(self._chunks, (None,)):
            data += chunk or b""
            while data and not self.problem:
                if header is None:
                    data = self._skip_blank(data)
                    if chunk is not None and len(data) < 4 * ISA_CHARACTERS:
                        break
                    header = self._header(data)
                    fresh = True
                    if header is None:
                        return
                cut, ends = _cut(data, header.delimiters, fresh, last=chunk is None)
                if ends and not cut:
                    header = None
                    continue
                if not cut:
                    if len(data) > LONGEST_SEGMENT_BYTES:
                        self.problem = "a segment is longer than any the standard allows"
                    break
                parts, after = self._split(data[:cut], header.delimiters, at_end=ends or chunk is None)
                data = data[cut:]
                yield msgspec.structs.replace(header, segments=parts, last=after, opens=fresh)
                fresh = False
                if ends:
                    header = None

    def _skip_blank(self, data: bytes) -> bytes:
        if data.startswith(_BOM):
            self.bom = True
            data = data[3:]
        return data.lstrip(_BLANK)

    def _header(self, data: bytes) -> Block | None:
        if not data:
            return None
        found = read_delimiters(data)
        if found is None:
            self.problem = "no readable ISA segment where an interchange must begin"
            return None
        return Block(delimiters=found[0], segments=[], fixed_width=found[1])

    def _decode(self, data: bytes) -> str:
        if data.isascii():
            return data.decode("ascii")
        if self.encoding != "latin-1":
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError:
                self.uniform = self.uniform and self.encoding == "ascii"
                self.encoding = "latin-1"
            else:
                self.encoding = "utf-8"
                return text
        return data.decode("latin-1")

    def _split(self, data: bytes, marks: Delimiters, *, at_end: bool) -> tuple[list[str], str]:
        text = self._decode(data)
        full = marks.segment + marks.ending
        last = text.rfind(marks.segment)
        if not text.strip(_BLANK_TEXT):
            return [], text
        if last < 0 or text[last + 1 :].strip(_BLANK_TEXT):
            self.truncated = self.truncated or at_end
            last = len(text)
        body, after = text[:last], text[last:]
        parts = body.split(full)
        if parts == [""]:
            return [], text
        breaks = sum(mark in "\r\n" for mark in full) * (len(parts) - 1)
        if body.count("\n") + body.count("\r") != breaks or (
            marks.ending and body.count(marks.segment) != len(parts) - 1
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


def _chunks(source: Source) -> Iterator[bytes]:
    if isinstance(source, bytes | bytearray | memoryview):
        whole = bytes(source)
        return (whole[i : i + BLOCK_BYTES] for i in range(0, len(whole), BLOCK_BYTES))
    read = getattr(source, "read", None)
    if read is not None:
        return iter(lambda: read(BLOCK_BYTES), b"")
    return iter(source)


def _cut(data: bytes, marks: Delimiters, fresh: bool, *, last: bool) -> tuple[int, bool]:
    """Says how many bytes are whole segments, and whether another interchange begins right there."""
    term = marks.segment.encode("latin-1")
    start = 3 if fresh else 0
    while (found := data.find(b"ISA", start)) >= 0:
        if _begins(data, found, term):
            return found, True
        start = found + 3
    if last:
        return len(data), False
    full = term + marks.ending.encode("latin-1")
    cut = data.rfind(full)
    if cut < 0 and len(data) > BLOCK_BYTES * 2:
        full = term
        cut = data.rfind(full)
    return (cut + len(full) if cut >= 0 else 0), False


def _begins(data: bytes, found: int, term: bytes) -> bool:
    """Whether the letters ISA at this place follow a terminator and are followed by a separator."""
    separator = data[found + 3 : found + 4]
    if not separator or separator.isalnum() or separator in b"\r\n":
        return False
    before = found
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
    wire = Wire(data)
    pieces = [
        (block.delimiters.segment + block.delimiters.ending).join(block.segments) + block.last for block in wire
    ]
    return (_BOM if wire.bom else b"") + "".join(pieces).encode(wire.encoding)
