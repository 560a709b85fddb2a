"""Our own ids: a prefix and 26 Crockford characters that sort by the time they were made."""

from __future__ import annotations

import os
from collections.abc import Callable

from hub.clock import Clock

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _CROCKFORD for low in _CROCKFORD)
_SHIFTS = tuple(range(120, -1, -10))


def new_id(prefix: str, clock: Clock, random: Callable[[int], bytes] = os.urandom) -> str:
    """`clm` -> `clm_` + 26 characters: 48 bits of milliseconds, then 80 bits from `random(10)`."""
    millis = int(clock.now().timestamp() * 1000) & 0xFFFFFFFFFFFF
    number = (millis << 80) | int.from_bytes(random(10), "big")
    return prefix + "_" + "".join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])
