"""Starts hubs as processes of their own and says how each ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import msgspec

from faultlab.life import MOST_DAYS
from faultlab.orders import Ended, Order, Told, Wake
from faultlab.world import World

KILLED = -signal.SIGKILL


class Nursery:
    """One process that forks hubs; use it as a context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forks.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=20)

    def order(self, order: Order | Wake) -> Ended:
        """Let one hub live as ordered, or a sleeping one live on."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._process.stdout.readline(), type=Ended)

    def start(self, world: World, *, crash: str = "", days: int = MOST_DAYS) -> int:
        """Let one hub live in `world`; its exit code, negative the signal that killed it."""
        return self.order(Order(place=world.place, crash=crash, days=days)).code

    def live(self, world: World, *, days: int = MOST_DAYS, threads: int = 1) -> Told:
        """A life that must end well."""
        ended = self.order(Order(place=world.place, days=days, threads=threads))
        assert ended.code == 0, (world.work / "life.log").read_text()[-4000:]
        return msgspec.json.decode((world.work / "life.json").read_bytes(), type=Told)
