"""Which lane the code that runs here holds: the store refuses its transactions once another node has the lane."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec


class Holding(msgspec.Struct, frozen=True):
    """A lane, and the token of the run that holds it."""

    lane: str
    token: int


_HELD: ContextVar[Holding | None] = ContextVar("lane_held", default=None)


def held() -> Holding | None:
    """The lane that is held here. A thread that is begun inside holds nothing: context does not cross threads."""
    return _HELD.get()


@contextmanager
def holding(lane: str, token: int) -> Iterator[Holding]:
    """Hold `lane` under `token` while the block runs."""
    before = _HELD.set(Holding(lane, token))
    try:
        yield Holding(lane, token)
    finally:
        _HELD.reset(before)
