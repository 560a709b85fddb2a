"""Our own ids: a prefix and 26 Crockford characters that sort by the time they were made."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hub.clock import Clock

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _CROCKFORD for low in _CROCKFORD)
_HIGH_SHIFTS, _LOW_SHIFTS = tuple(range(80, -1, -10)), tuple(range(30, -1, -10))
_LOW_BITS = 40
_RANDOM_BITS = 80
TAIL = 26
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class IdMaker:
    """Makes ids that never go back within one millisecond of one process, from many threads.

    A clock that stands still therefore still gives ids in the order in which they were asked for.
    """

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random
        self._millis = -1
        self._tail = 0
        self._high, self._spelled = -1, ""
        self._lock = threading.Lock()

    def make(self, prefix: str, clock: Clock) -> str:
        """`clm` -> `clm_` + 26 characters: 48 bits of milliseconds, then 80 bits that begin at random."""
        millis = int(clock.now().timestamp() * 1000) & 0xFFFFFFFFFFFF
        with self._lock:
            # a start below half of the range leaves room to count up from it
            fresh = millis != self._millis
            self._tail = int.from_bytes(self._random(10), "big") >> 1 if fresh else self._tail + 1
            self._millis = millis
            number = (millis << _RANDOM_BITS) | self._tail
            head = self._head(number >> _LOW_BITS)
        return f"{prefix}_{head}{_spell(number, _LOW_SHIFTS)}"

    def _head(self, high: int) -> str:
        """The first 18 characters: ids of one millisecond share them."""
        if high != self._high:
            self._high, self._spelled = high, _spell(high, _HIGH_SHIFTS)
        return self._spelled


def _spell(number: int, shifts: tuple[int, ...]) -> str:
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in shifts])


_MAKER = IdMaker()


def new_id(prefix: str, clock: Clock) -> str:
    """A new time-ordered id of this process."""
    return _MAKER.make(prefix, clock)


def made_at(id: str) -> datetime | None:  # noqa: A002
    """When an id of ours was made, to the millisecond; None where the text is none (`clm_...`, `sub_...:1`)."""
    tail = id.partition("_")[2][:TAIL]
    if len(tail) < TAIL or not all(letter in _CROCKFORD for letter in tail):
        return None
    number = 0
    for letter in tail:
        number = number << 5 | _CROCKFORD.index(letter)
    return EPOCH + timedelta(milliseconds=number >> _RANDOM_BITS)
