"""What a nursery is asked for, and what it tells."""

from __future__ import annotations

import msgspec

from faultlab.board import Kill
from faultlab.life import MOST_DAYS
from faultlab.world import Place
from hub.runner.port import Trouble

ASLEEP = 1_000


class Order(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Where a hub is to live, and where to die: at a commit (`crash` is a HUB_CRASH_AT, `kill` says more), or so many
    seconds after it was open (`kill_opening`: after it was begun); how many active days to live at most. With
    a name of `node` it is one of many on one queue.
    """

    place: Place
    crash: str = ""
    kill: Kill = Kill()
    kill_after_seconds: float = 0.0
    kill_opening: bool = False
    days: int = MOST_DAYS
    threads: int = 1
    node: str = ""


class Wake(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A hub that sleeps is to live on."""

    process: int


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a hub ended: its exit code (negative the signal that killed it; `ASLEEP`: it sleeps), its process, where it
    stood (see `Board.where`), how long it took to open (0: it never was), how long it lived, how many commits it
    made.
    """

    code: int
    process: int
    where: str
    opening_seconds: float
    seconds: float
    commits: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a life that ended well leaves in `life.json`: its commit points and its troubles."""

    points: dict[str, int]
    troubles: list[Trouble]
