"""One call of `changes`: how long it may go on, and what it has gathered so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from threading import Event

from hub.clock import Clock
from hub.plugin.api import RawMessage

SLICE_SECONDS = 30.0
"""A call goes on for so long before it returns; one request may take another minute."""


class Turn:
    """`messages` are what the call will return; `moved`: whether the cursor got anywhere."""

    def __init__(self, clock: Clock, stop: Event, room: int, tick: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._stop, self._tick = clock, stop, tick
        self._end = tick() + SLICE_SECONDS
        self._room = room
        self.messages: list[RawMessage] = []
        self.moved = False

    @property
    def now(self) -> datetime:
        """Our own time."""
        return self._clock.now()

    @property
    def over(self) -> bool:
        """Whether the call should return."""
        return self._room <= 0 or self._stop.is_set() or self._tick() >= self._end

    def give(self, message: RawMessage) -> None:
        """One more message."""
        self.messages.append(message)
        self._room -= len(message.body)
        self.moved = True
