"""What a hub that may be killed writes down as it lives, in memory that outlives it: where it stands, and since when.

The nursery makes a `Board` before it forks; when the hub is dead, the board says where death struck.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from hub.runner.port import Outcome
from hub.store.points import CrashPlan

_HEAD = struct.Struct("<ddI")
_WORDS = 64
OPENING = "opening"
Step = Callable[[str], Outcome]


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """Where a hub is to die, by its commits: at the first that is one of `targets` (`name:before`, `name:after`) and
    comes for the `nth` time in this life, or at its `commit`-th of any name, on `side`. With `sleeps` it does not die
    but sleeps (SIGSTOP) until it is woken.
    """

    targets: frozenset[str] = frozenset()
    nth: int = 1
    commit: int = 0
    side: str = "before"
    sleeps: bool = False


class Board:
    """Shared with a forked hub; `clear` it before the next."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _HEAD.size + _WORDS)

    def clear(self) -> None:
        """A hub begins."""
        self._memory[:] = bytes(len(self._memory))
        self.stand(OPENING)

    def stand(self, where: str) -> None:
        """The hub is there now."""
        self._memory[_HEAD.size :] = where.encode()[:_WORDS].ljust(_WORDS, b"\0")

    def opened(self) -> None:
        """The hub is put together, and about to go on with its work."""
        struct.pack_into("<d", self._memory, 0, time.monotonic())

    def lived(self, commits: int) -> None:
        """So many commits are durable."""
        struct.pack_into("<I", self._memory, 16, commits)

    @property
    def where(self) -> str:
        """`opening`, `idle`, `in STEP`, or `before`, `during`, `after` and a commit point."""
        return self._memory[_HEAD.size :].rstrip(b"\0").decode()

    @property
    def opened_at(self) -> float:
        """The monotonic time at which it was open, 0 before."""
        return float(_HEAD.unpack_from(self._memory)[0])

    @property
    def commits(self) -> int:
        """How many commits were durable."""
        return int(_HEAD.unpack_from(self._memory)[2])


class Recorded(CrashPlan):
    """Tells the board of each commit, and kills this process where it is asked to."""

    def __init__(self, board: Board, kill: Kill, crash: str = "") -> None:
        super().__init__(crash)
        self._board, self._kill = board, kill
        self._met: Counter[str] = Counter()
        self._commits = 0

    def before(self, name: str) -> int:
        """Stand before it, and perhaps die."""
        came_from = self._board.where
        self._board.stand(f"before {name}")
        number = super().before(name)
        self._perhaps(name, "before")
        self._board.stand(f"during {name}")
        self._came_from = came_from
        return number

    def after(self, name: str, number: int) -> None:
        """Stand behind it, and perhaps die."""
        self._commits += 1
        self._board.lived(self._commits)
        self._board.stand(f"after {name}")
        super().after(name, number)
        self._perhaps(name, "after")
        self._board.stand(self._came_from)

    def _perhaps(self, name: str, side: str) -> None:
        kill, here = self._kill, f"{name}:{side}"
        self._met[here] += 1
        by_name = here in kill.targets and self._met[here] == kill.nth
        by_count = side == kill.side and self._commits + (side == "before") == kill.commit
        if by_name or by_count:
            os.kill(os.getpid(), signal.SIGSTOP if kill.sleeps else signal.SIGKILL)


def watched(board: Board, steps: dict[str, Any]) -> dict[str, Step]:
    """The same steps, each standing on the board while it runs."""
    return {name: _watched(board, name, step) for name, step in steps.items()}


def _watched(board: Board, name: str, step: Step) -> Step:
    def run(lane: str) -> Outcome:
        board.stand(f"in {name}")
        outcome = step(lane)
        board.stand("idle")
        return outcome

    return run
