"""Files of an export as messages: streamed, resumed where they broke off, never taken for whole when they are not."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager

import msgspec

from hub.plugin.api import RetryLater
from hub_ehr_fhir.bulk.ahead import Ahead
from hub_ehr_fhir.bulk.cursors import Place
from hub_ehr_fhir.bulk.lines import LONGEST, Cutter, Gatherer, Line, Piece, seen
from hub_ehr_fhir.bulk.manifest import File
from hub_ehr_fhir.bulk.opening import Gone, Opened, opened
from hub_ehr_fhir.connect.http import Server

_OUTCOME = b'"OperationOutcome"'
_SHORTS = 2
_RANGED = 2
"""After so many failures at one place the file is read from its start, in case Range is the cause."""
SHORT, OUTCOME = "short", "outcome"
_SHORT_FIX = "nothing: the hub fetches the rest by itself; if it stays so, ask who runs the server"


class Changed(Exception):
    """The file is not the one that was begun."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a step of a download came to: a message, what is wrong with a file (`short`, `outcome` with the bytes of
    one), or neither: time passed.
    """

    piece: Piece | None = None
    fault: str = ""
    body: bytes = b""


NOTHING = Found()


class Download:
    """Reads files from a place on. It is kept between two calls as a short cut: everything that it is could be made
    anew from `at`, the place after the last message that it gave.
    """

    def __init__(self, server: Server, files: Sequence[File], at: Place, longest: int = LONGEST) -> None:
        self._server, self._files, self._longest = server, files, longest
        self._gatherer = Gatherer()
        self._ahead = Ahead(server, files)
        self._shorts: dict[int, int] = {}
        self._failed = (at, 0)
        self.at = at
        self._steps = self._read()

    def step(self) -> Found | None:
        """What comes next; None when all files were read. Raises what the server's client raises; then this object
        has ended.
        """
        found = next(self._steps, None)
        if found is not None and found.piece is not None:
            self.at = found.piece.end
        return found

    def flush(self) -> Piece | None:
        """The whole lines that were read so far, as a message."""
        piece = self._gatherer.flush()
        if piece is not None:
            self.at = piece.end
        return piece

    def close(self) -> None:
        """Let go of the stream that is open; harmless twice."""
        self._steps.close()
        self._ahead.close()

    def again(self) -> None:
        """After an error: begin again at the last message, remembering how often a file came short."""
        place, times = self._failed
        self._failed = (self.at, times + 1 if place == self.at else 1)
        self._steps.close()
        self._steps = self._read()

    def _read(self) -> Generator[Found, None, None]:
        first, self._gatherer = self.at, Gatherer()
        for number in range(first.file, len(self._files)):
            place = first if number == first.file else Place(file=number)
            yield from self._file(number, place)
            self._gatherer.passed(Place(file=number + 1))
            if self._ends_part(number) and (piece := self._gatherer.flush()) is not None:
                yield Found(piece=piece)
            if self._gatherer.empty:
                self.at = Place(file=number + 1)

    def _ends_part(self, number: int) -> bool:
        """What was exported, what was deleted and what went wrong never stand in one message."""
        return number + 1 == len(self._files) or self._files[number + 1].what != self._files[number].what

    def _file(self, number: int, place: Place) -> Iterator[Found]:
        """One file from a place on; without Range where that gives other bytes, from its start where it changed."""
        ways = [(True, place), (False, place), (False, Place(file=number))]
        failed_here = self._failed[1] if self._failed[0] == place else 0
        for ranged, start in ways[failed_here >= _RANGED :]:
            try:
                yield from self._lines(number, start, ranged=ranged)
            except Changed:
                continue
            except Gone:
                if ranged and start.offset:
                    continue
                raise
            return
        raise RetryLater("a file of the export changes while it is read", fix=_SHORT_FIX)

    def _lines(self, number: int, place: Place, *, ranged: bool) -> Iterator[Found]:
        file, lines = self._files[number], place.lines
        cutter = Cutter(place.offset, self._longest)
        with self._opened(number, place, ranged=ranged) as stream:
            for chunk in _after(stream, place):
                for line in cutter.feed(chunk):
                    lines += 1
                    yield from self._take(file, line, _place(number, line, lines))
                yield NOTHING
        rest = cutter.last()
        for line in cutter.finish():
            lines += 1
            self._whole(number, lines, rest)
            yield from self._take(file, line, _place(number, line, lines))
        if not rest.strip():
            self._whole(number, lines, b"{}")
        self._ahead.read(number, cutter.end)
        if self._shorts.get(number, 0) > _SHORTS:
            yield Found(fault=SHORT)

    def _opened(self, number: int, place: Place, *, ranged: bool) -> AbstractContextManager[Opened]:
        body = self._ahead.body(number) if not place.offset else None
        start = place.offset - place.tail if ranged else 0
        return opened(self._server, self._files[number], start, body)

    def _take(self, file: File, line: Line, end: Place) -> Iterator[Found]:
        """A line on its way; an OperationOutcome in a file of something else says that the file failed."""
        if file.what == "output" and _OUTCOME in line.text[:200]:
            yield Found(fault=OUTCOME, body=line.text)
        elif (
            piece := self._gatherer.add(file.kind if file.what == "output" else file.what, line, end)
        ) is not None:
            yield Found(piece=piece)

    def _whole(self, number: int, lines: int, rest: bytes) -> None:
        """Raises while a file that ends in the middle of a line, or has fewer than it should, may yet be whole."""
        if lines >= self._files[number].count and _is_json(rest):
            return
        self._shorts[number] = self._shorts.get(number, 0) + 1
        if self._shorts[number] <= _SHORTS:
            raise RetryLater("a file of the export ended too early", fix=_SHORT_FIX)


def _after(stream: Opened, place: Place) -> Iterator[bytes]:
    """The bytes after a place; empty ones while what stands before it is skipped. Raises `Changed` where that is not
    what was read before.
    """
    skip, before = place.offset - place.tail - stream.start, bytearray()
    for piece in stream.chunks():
        chunk = piece
        if skip > 0:
            skip, chunk = skip - len(chunk), chunk[skip:] if skip < len(chunk) else b""
        if chunk and len(before) < place.tail:
            missing = place.tail - len(before)
            before += chunk[:missing]
            chunk = chunk[missing:]
            if len(before) == place.tail and seen(bytes(before)) != place.seen:
                raise Changed
        yield chunk
    if len(before) < place.tail:
        raise Changed


def _place(number: int, line: Line, lines: int) -> Place:
    return Place(file=number, offset=line.end, lines=lines, tail=len(line.tail), seen=seen(line.tail))


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
