"""Cuts a stream of bytes into MLLP blocks, however the bytes are dealt out, and never raises for what they are.

A block begins with VT and ends with FS CR (HL7 v2 Transport, MLLP release 1). Beyond that, what the field does:
- Whatever stands before a VT is skipped and counted.
- FS ends a block before CR, LF, VT or FS, or where the stream rests (`rest`): some senders send no CR. An FS before
  anything else belongs to the message.
- A VT before MSH, FHS or BHS begins a new block where the last one has no FS. That one counts as whole when its
  last segment had ended; otherwise it is broken off. Nothing else that lacks its FS is a message, ever: a part of a
  message that looks whole is a claim cut short.
- A block that is larger than the cap is given up while it is read, and skipped up to its end.
"""

from __future__ import annotations

import msgspec

VT, FS, CR = b"\x0b", b"\x1c", b"\r"
_ENDS = (b"\r", b"\n")
_AFTER_END = frozenset(b"\r\n\x0b\x1c")
_HEADERS = (b"MSH", b"FHS", b"BHS")
_TELLING = 4
"""So many bytes at the end may yet tell where a block ends: an FS, or a VT and a part of a header."""
HEAD_BYTES = 4096
"""So much of a block that is given up is kept: its header names whom to answer."""


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A block that is no message: `too_large`, or `broken_off` by the next one or by the end of the stream."""

    kind: str
    head: bytes

    def __repr__(self) -> str:
        return f"Broken({self.kind!r}, {len(self.head)} bytes)"


class Framer:
    """One stream: give it bytes as they come (`feed`), get blocks without their framing."""

    __slots__ = ("_buffer", "_inside", "_most", "_scanned", "_skipping", "garbage")

    def __init__(self, most_bytes: int) -> None:
        self.garbage = 0
        """Bytes between blocks that were no line ends."""
        self._most = most_bytes
        self._buffer = bytearray()
        self._inside = False
        self._skipping = False
        self._scanned = 0

    @property
    def inside(self) -> bool:
        """Whether a block has begun and not ended."""
        return self._inside

    @property
    def waiting_bytes(self) -> int:
        """How many bytes of an open block are held."""
        return len(self._buffer)

    @property
    def undecided(self) -> bool:
        """Whether an FS came last: what follows, or that nothing does, tells what it means."""
        return self._inside and self._buffer.endswith(FS)

    def feed(self, data: bytes) -> list[bytes | Broken]:
        """The blocks that these bytes complete, in order."""
        found: list[bytes | Broken] = []
        buffer = self._buffer
        if self._inside:
            buffer += data
            while self._inside:
                if not self._step(found, resting=False):
                    return found
            data = bytes(buffer)
            buffer.clear()
        at = _plain_run(data, self._most, found)
        buffer += data[at:] if at else data
        while self._step(found, resting=False):
            pass
        return found

    def rest(self) -> list[bytes | Broken]:
        """What is complete when nothing follows for now: an FS that came last is an end."""
        found: list[bytes | Broken] = []
        while self._step(found, resting=True):
            pass
        return found

    def end(self) -> list[bytes | Broken]:
        """The stream is over: as `rest`, and a block that is still open is broken off."""
        found = self.rest()
        if self._inside:
            if not self._skipping:
                self._take(found, len(self._buffer), whole=False)
            self._close(len(self._buffer))
        return found

    def _step(self, found: list[bytes | Broken], *, resting: bool) -> bool:
        """Go on by one block or one stretch between blocks; False where more bytes are needed."""
        if not self._inside:
            return self._open()
        end, next_at, whole = self._limit(resting=resting)
        if end >= 0:
            self._take(found, end, whole=whole)
            self._close(next_at)
            return True
        if len(self._buffer) > self._most + _TELLING:
            self._give_up(found)
        return False

    def _open(self) -> bool:
        """Skip to the next VT."""
        buffer = self._buffer
        at = buffer.find(VT)
        between = buffer if at < 0 else buffer[:at]
        self.garbage += len(between) - between.count(CR) - between.count(b"\n") - between.count(FS)
        del buffer[: len(buffer) if at < 0 else at + 1]
        self._inside = at >= 0
        self._scanned = 0
        return self._inside

    def _limit(self, *, resting: bool) -> tuple[int, int, bool]:
        """Where the open block ends, where the next bytes stand, and whether it is whole; -1 when not yet known."""
        buffer = self._buffer
        end, known = self._fs(resting=resting)
        restart = self._restart(end if end >= 0 else known)
        if restart >= 0:
            return restart, restart, restart == 0 or buffer[restart - 1] in b"\r\n"
        self._scanned = max(min(known, len(buffer) - _TELLING), 0)
        return end, end + 1, True

    def _fs(self, *, resting: bool) -> tuple[int, int]:
        """Where the FS stands that ends the block, or -1; and up to where the bytes have been judged."""
        buffer = self._buffer
        at = buffer.find(FS, self._scanned)
        while 0 <= at < len(buffer) - 1 and buffer[at + 1] not in _AFTER_END:
            at = buffer.find(FS, at + 1)
        if at < 0:
            return -1, len(buffer)
        if at == len(buffer) - 1 and not resting:
            return -1, at
        return at, at

    def _restart(self, until: int) -> int:
        """Where a new block begins within the open one, or -1."""
        buffer = self._buffer
        at = buffer.find(VT, self._scanned, until)
        while at >= 0 and buffer[at + 1 : at + 4] not in _HEADERS:
            at = buffer.find(VT, at + 1, until)
        return at

    def _take(self, found: list[bytes | Broken], end: int, *, whole: bool) -> None:
        if self._skipping or (end == 0 and whole):
            return
        if end > self._most:
            found.append(self._broken("too_large"))
        elif whole:
            found.append(bytes(self._buffer[:end]))
        else:
            found.append(self._broken("broken_off", end))

    def _broken(self, kind: str, end: int = HEAD_BYTES) -> Broken:
        return Broken(kind=kind, head=bytes(self._buffer[: min(end, HEAD_BYTES, self._most)]))

    def _close(self, next_at: int) -> None:
        del self._buffer[:next_at]
        self._inside = self._skipping = False
        self._scanned = 0

    def _give_up(self, found: list[bytes | Broken]) -> None:
        """Say once that the block is too large, and hold no more of it than what may tell its end."""
        if not self._skipping:
            found.append(self._broken("too_large"))
            self._skipping = True
        del self._buffer[:-_TELLING]
        self._scanned = 0


def _plain_run(data: bytes, most: int, found: list[bytes | Broken]) -> int:
    """Take the leading blocks that are as the book says, without a copy of the rest; gives where they end."""
    at = 0
    while data.startswith(_ENDS, at):
        at += 1
    while data.startswith(VT, at):
        end = data.find(FS, at + 1)
        if end <= at + 1 or end - at - 1 > most or not data.startswith(CR, end + 1):
            break
        if data.find(VT, at + 1, end) >= 0:
            break
        found.append(data[at + 1 : end])
        at = end + 2
    return at


def framed(message: bytes) -> bytes:
    """One message as a block."""
    return b"\x0b" + message + b"\x1c\r"
