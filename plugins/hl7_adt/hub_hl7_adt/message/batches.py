"""Files of several messages: FHS/BHS/BTS/FTS envelopes with their counts, and what stands beside the messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import msgspec

from hub_hl7_adt.message.charset import plain

_STARTS: Callable[[bytes], Iterator[re.Match[bytes]]] = re.compile(
    rb"(?:\A|(?<=[\r\n\x0b\x1c]))(?=(?:MSH|FHS|BHS|BTS|FTS)(?:[^A-Za-z0-9\s]|[\r\n]|\Z))"
).finditer
_BLANK = b"\r\n\t \x0b\x1c"


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds: its messages, the envelope lines around them, what is neither, and whether the
    counts of BTS and FTS agree (True when none is given).
    """

    messages: tuple[bytes, ...]
    envelope: tuple[bytes, ...]
    strays: tuple[bytes, ...]
    counts_agree: bool

    def __repr__(self) -> str:
        return f"Split({len(self.messages)} messages)"


def split(raw: bytes) -> Split:
    """Cut a file into messages; every byte but framing and a byte order mark lands in one of the parts."""
    body = plain(raw)
    starts = [m.start() for m in _STARTS(body)]
    strays = [body[: starts[0]] if starts else body]
    messages: list[bytes] = []
    envelope: list[bytes] = []
    seen: list[bytes] = []
    for start, end in pairwise([*starts, len(body)]):
        piece = body[start:end]
        seen.append(piece[:3])
        if piece.startswith(b"MSH"):
            messages.append(piece)
            continue
        line, _, rest = piece.partition(b"\r") if b"\r" in piece else piece.partition(b"\n")
        envelope.append(line)
        strays.append(rest)
    kept = tuple(s for s in strays if s.strip(_BLANK))
    agree = _counts_agree(seen, envelope)
    return Split(messages=tuple(messages), envelope=tuple(envelope), strays=kept, counts_agree=agree)


def _counts_agree(seen: list[bytes], envelope: list[bytes]) -> bool:
    """Whether each BTS-1 is the number of messages of its batch, and FTS-1 that of batches (of messages, where the
    file has no batches); a count that is not a number is not one.
    """
    lines = iter(envelope)
    batches = messages = total = 0
    for name in seen:
        if name == b"MSH":
            messages, total = messages + 1, total + 1
            continue
        stated = _stated(next(lines))
        if name == b"BHS":
            messages = 0
        elif name == b"BTS":
            batches += 1
            if stated not in (None, messages):
                return False
            messages = 0
        elif name == b"FTS" and stated not in (None, batches or total):
            return False
    return True


def _stated(line: bytes) -> int | None:
    count = line[4:].split(line[3:4] or b"|")[0].strip()
    return int(count) if count.isdigit() and len(count) < 10 else None


def messages_of(_name: str, body: bytes) -> Iterable[bytes]:
    """The messages of a file, each alone; then, where something stands beside them or counts disagree, a piece that
    holds what was not a message: read alone it is a problem, and the messages go on. What holds no message is whole.
    """
    parts = split(body)
    if not parts.messages:
        return (body,)
    beside = [*(() if parts.counts_agree else parts.envelope), *parts.strays]
    if not beside:
        return parts.messages
    piece = b"\r".join(line.strip(b"\r\n") for line in beside) + b"\r"
    rest = split(piece)
    if not rest.strays and rest.counts_agree:  # the envelope counts nobody: only beside its messages is it wrong
        return (body,)
    return (*parts.messages, piece)
