"""One call of `changes`: how long it may go on, what it has gathered so far, and the server within that time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from threading import Event

from hub.clock import Clock
from hub.errors import HubError, RetryLater
from hub.plugin.api import RawMessage
from hub_ehr_fhir.connect.addresses import Params
from hub_ehr_fhir.connect.http import Answer, Call, Server

SLICE_SECONDS = 30.0
"""A call begins nothing new after so long."""
LAST_SECONDS = 50.0
"""A call asks for nothing more after so long: one request may take a minute, and two minutes of silence are hung."""


_SLOW = "nothing, if it passes; else lower requests_at_once, or ask who runs the server"


class Slow(RetryLater):
    """The call must end, and what was begun is not whole."""


class Turn:
    """`messages` are what the call will return; `moved`: whether the cursor got anywhere."""

    def __init__(
        self,
        clock: Clock,
        stop: Event,
        room: int,
        tick: Callable[[], float] = time.monotonic,
        *,
        seconds: float = SLICE_SECONDS,
    ) -> None:
        self._clock, self._stop, self._tick = clock, stop, tick
        self._seconds = seconds
        self._began = tick()
        self._room = room
        self.messages: list[RawMessage] = []
        self.moved = False

    @property
    def now(self) -> datetime:
        """Our own time."""
        return self._clock.now()

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._tick() - self._began

    @property
    def over(self) -> bool:
        """Whether the call should return; not for its time alone before it got anywhere."""
        late = self.moved and self.elapsed >= self._seconds
        return self._room <= 0 or self._stop.is_set() or late

    def end(self) -> None:
        """Return soon."""
        self._room = 0

    def give(self, message: RawMessage) -> None:
        """One more message."""
        self.messages.append(message)
        self._room -= len(message.body)
        self.moved = True

    def still(self) -> None:
        """Raises `Slow` when the server must not be asked any more in this call."""
        if self.elapsed >= LAST_SECONDS:
            raise Slow(
                "the server is slow: what was begun is asked for again",
                fix="nothing; see call_seconds if it lasts",
            )


class Timed:
    """The server, asked within one turn."""

    def __init__(self, server: Server, turn: Turn) -> None:
        self._server, self._turn = server, turn
        self.base = server.base

    def get(self, path_or_url: str, params: Params | None = None) -> Answer:
        """As the client's."""
        self._turn.still()
        return self._server.get(path_or_url, params)

    def metadata(self) -> bytes:
        """Asked anew, to see whether the server is there."""
        return self._server.metadata(anew=True)

    def many(self, calls: Iterable[Call]) -> Iterator[Answer | HubError]:
        """As the client's; what is not yet begun when the time is over is not asked any more."""
        for answer in self._server.many(calls):
            yield answer
            self._turn.still()
