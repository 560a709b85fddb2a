"""Answers to HL7 messages: who is told what, in the words of the message that is answered.

An answer takes from the message its separators, its character set, its version and its control id; the
applications and facilities change sides. Only the first segment is looked at. Two manners (HL7 v2, 2.9):
original, one answer AA, AE or AR; enhanced, a commit acknowledgement (CA, CE, CR) where MSH-15 asks for one and
then an application acknowledgement where MSH-16 does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import msgspec

from hub.clock import Clock
from hub_hl7_adt.mllp.framing import FS, VT
from hub_hl7_adt.wire import Separators, plain, separators

_ENDS_AT = 1 << 16
"""A header that is longer than this is none."""
_STATED = Separators()


class Header(msgspec.Struct, frozen=True):
    """What an answer needs to know of a message: MSH (or the header of a batch, BHS and FHS) by field, as bytes.
    `fields[n]` is MSH-(n+1); `usable` is false where there is no header that can be read.
    """

    fields: tuple[bytes, ...]
    seps: Separators
    usable: bool = True
    batch: bool = False

    def field(self, position: int) -> bytes:
        """MSH-`position`, as it came."""
        return self.fields[position - 1] if position <= len(self.fields) else b""

    @property
    def control_id(self) -> bytes:
        """MSH-10, or the control id of the batch (BHS-11, FHS-11)."""
        return self.field(11 if self.batch else 10)

    @property
    def is_answer(self) -> bool:
        """Whether the message is itself an acknowledgement: those are never acknowledged."""
        return not self.batch and self.field(9).split(self.seps.component, 1)[0] in (b"ACK", b"MCF")

    @property
    def name(self) -> str:
        """`application|facility|control id`: what the hub knows a message by; empty without a control id."""
        if not self.control_id:
            return ""
        return b"|".join((self.field(3), self.field(4), self.control_id)).decode(
            "utf-8", errors="backslashreplace"
        )


NO_HEADER = Header((), _STATED, usable=False)


def header_of(body: bytes) -> Header:
    """The header of a message or batch; `NO_HEADER` where none can be read."""
    if not body.startswith((b"MSH", b"BHS", b"FHS")):
        body = plain(body[:_ENDS_AT])
        if not body.startswith((b"MSH", b"BHS", b"FHS")):
            return NO_HEADER
    seps = separators(b"MSH" + body[3:12])
    if seps is None:
        return NO_HEADER
    end = body.find(b"\r", 0, _ENDS_AT)
    line = body[: end if end >= 0 else _ENDS_AT]
    if b"\n" in line:
        line = line[: line.find(b"\n")]
    if VT in line or FS in line:  # an answer that repeated them would be no block
        line = line.translate(None, VT + FS)
    fields = tuple(line.split(seps.field, 20))
    return Header(fields, seps, batch=not line.startswith(b"MSH"))


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message: `code` of table 0357 (0 is well), `level` A accepted, E error, R rejected, where
    in the header the cause stands (a field of MSH, 0 for none) and what the sender is told in words.
    """

    level: str
    code: int = 0
    field: int = 0
    said: str = ""


STORED = Verdict(level="A")
NO_MSH = Verdict(level="R", code=100, said="no usable MSH segment; the bytes are kept for a person to look at")
TOO_LARGE = Verdict(level="R", code=104, said="the message is larger than this receiver takes; it is not stored")
BROKEN_OFF = Verdict(level="R", code=207, said="the message ended before its end block; it is not stored")
AWAY = Verdict(level="R", code=207, said="the message could not be stored; send it again later")
OTHER_BODY = Verdict(level="E", code=205, field=10, said="another message came under this control id before")

_WORDS = {
    100: b"Segment sequence error",
    101: b"Required field missing",
    104: b"Value too long",
    205: b"Duplicate key identifier",
    207: b"Application internal error",
}


class Answers:
    """Makes the answers of one listener."""

    def __init__(self, clock: Clock, mode: str = "auto") -> None:
        self._clock = clock
        self._mode = mode
        began = int(clock.now().timestamp())
        self._numbers: Callable[[], int] = itertools.count(1).__next__
        self._prefix = f"{began:X}".encode()
        self._time = b""
        self.tick()

    def tick(self) -> None:
        """Look at the clock: answers carry the time of the last look."""
        self._time = self._clock.now().strftime("%Y%m%d%H%M%S+0000").encode()

    def answer(self, header: Header, verdict: Verdict) -> tuple[bytes, tuple[str, ...]]:
        """The framed answers to one message, none, one or two, and their codes."""
        if verdict is STORED and self._mode != "enhanced" and header.usable:
            fields = header.fields
            if self._mode == "original" or len(fields) < 15 or not (fields[14] or b"".join(fields[15:16])):
                return self._one(header, b"AA", verdict), _AA
        codes = self._codes(header, verdict)
        return b"".join([self._one(header, code.encode(), verdict) for code in codes]), codes

    def _codes(self, header: Header, verdict: Verdict) -> tuple[str, ...]:
        level = verdict.level
        if not self._enhanced(header):
            return ("A" + level,)
        commit, application = (_wish(header.field(n)) for n in (15, 16))
        if self._mode == "enhanced" and not header.field(15):
            commit = "AL"
        if level == "A":
            first = ("CA",) if commit in _ON_SUCCESS else ()
            return (*first, "AA") if application in _ON_SUCCESS else first
        if commit in _ON_ERROR:
            return ("CR",) if level == "R" and verdict is not AWAY else ("CE",)
        return ("A" + level,) if application in _ON_ERROR else ()

    def _enhanced(self, header: Header) -> bool:
        if self._mode == "original" or not header.usable or header.batch:
            return False
        return self._mode == "enhanced" or bool(header.field(15).strip() or header.field(16).strip())

    def _one(self, header: Header, code: bytes, verdict: Verdict) -> bytes:
        f, c = header.seps.field, header.seps.component
        version = (b"" if header.batch else header.field(12)) or b"2.5"
        segments = [
            f.join((
                b"\x0bMSH", _encoding(header), header.field(5), header.field(6), header.field(3), header.field(4),
                self._time, b"", _type(header, version, c), b"%s%X" % (self._prefix, self._numbers()),
                b"P" if header.batch else header.field(11) or b"P", version, *_tail(header, code),
            )),
            f.join((b"MSA", code, header.control_id)),
        ]  # fmt: skip
        if verdict.code:
            segments.append(_err(header.seps, verdict, version))
        return b"\r".join((*segments, b"\x1c\r"))


_AA = ("AA",)
_ON_SUCCESS = frozenset(("AL", "SU"))
_ON_ERROR = frozenset(("AL", "ER"))


def _wish(raw: bytes) -> str:
    """AL, NE, ER or SU; nothing is never, and what is no code of table 0155 is always."""
    text = raw.strip().upper().decode("latin-1")
    return text if text in ("AL", "NE", "ER", "SU") else "AL" if text else "NE"


def _encoding(header: Header) -> bytes:
    """MSH-2 of the answer: as the sender wrote it, unless that was damaged."""
    seps = header.seps
    declared = header.field(2)
    whole = seps.component + seps.repetition + seps.escape.encode("latin-1") + seps.subcomponent
    return declared if declared.startswith(whole) and len(declared) <= 5 else whole


def _type(header: Header, version: bytes, component: bytes) -> bytes:
    """ACK^trigger^ACK; without a structure before 2.3.1, which knew none."""
    parts = () if header.batch else header.field(9).split(component, 2)
    if len(parts) < 2 or not parts[1]:
        return b"ACK"
    return component.join((b"ACK", parts[1], b"ACK") if version >= b"2.3.1" else (b"ACK", parts[1]))


def _tail(header: Header, code: bytes) -> tuple[bytes, ...]:
    """MSH-13 and on: no answer to the answer is asked for, and the character set of the sender."""
    charset = b"" if header.batch else header.field(18)
    asked = b"NE" if not header.batch and (header.field(15) or header.field(16)) and code == b"AA" else b""
    if charset:
        return (b"", b"", asked, asked, b"", charset)
    return (b"", b"", asked, asked) if asked else ()


def _err(seps: Separators, verdict: Verdict, version: bytes) -> bytes:
    """ERR: one ELD field before 2.5; place, code of table 0357, severity and words since."""
    c, number = seps.component, str(verdict.code).encode()
    field = str(verdict.field).encode() if verdict.field else b""
    words = _WORDS[verdict.code]
    if version < b"2.5":
        coded = seps.subcomponent.join((number, words, b"HL70357"))
        return seps.field.join((b"ERR", c.join((b"MSH", b"1", field, coded))))
    place = c.join((b"MSH", b"1", field)) if field else c.join((b"MSH", b"1"))
    code = c.join((number, words, b"HL70357"))
    said = verdict.said.encode("ascii")
    return seps.field.join((b"ERR", b"", place, code, b"E", b"", b"", b"", said))
