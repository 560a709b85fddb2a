"""Which lane the code that runs here holds: the store refuses its transactions once another node has the lane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec

from hub.errors import Stale


class Overtaken(Stale):
    """The lane, or all that this node runs, was taken over: what runs here counts no more."""


class Holding(msgspec.Struct, frozen=True):
    """A lane, the token of the run that holds it, whether that run may still be believed to hold it, and whether the
    run before it failed.
    """

    lane: str
    token: int
    lives: Callable[[], bool] | None = None
    again: bool = False


_HELD: ContextVar[Holding | None] = ContextVar("lane_held", default=None)


def held() -> Holding | None:
    """The lane that is held here. A thread that is begun inside holds nothing: context does not cross threads."""
    return _HELD.get()


def again() -> bool:
    """Whether what runs here is tried again: on this node or another its last run failed."""
    mine = _HELD.get()
    return mine is not None and mine.again


def assure() -> None:
    """Before an effect outside: raise `Overtaken` when the node of this run was silent so long that others may have
    counted it as dead. The database refuses such a run by itself; a partner does not.
    """
    mine = _HELD.get()
    if mine is not None and mine.lives is not None and not mine.lives():
        raise Overtaken(f"this node was silent for so long that another may have taken over {mine.lane}")


@contextmanager
def holding(
    lane: str, token: int, lives: Callable[[], bool] | None = None, *, again: bool = False
) -> Iterator[Holding]:
    """Hold `lane` under `token` while the block runs."""
    mine = Holding(lane, token, lives, again)
    before = _HELD.set(mine)
    try:
        yield mine
    finally:
        _HELD.reset(before)
