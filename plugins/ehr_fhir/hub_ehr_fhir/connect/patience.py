"""When a call is tried again, and how long is waited before: within the call while short, else later."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from hub.plugin.api import RetryLater
from hub_ehr_fhir.settings_server import ServerSettings

T = TypeVar("T")
Wait = Callable[[float], bool]
Tick = Callable[[], float]
SHORT_SECONDS = 10.0
_LONGEST = 86_400.0
_EPOCH = 1e9
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0


class Enough(RetryLater):
    """Not to be tried again within this call."""


class Moment:
    """When a call must have ended, by a clock that is only ever compared with itself."""

    def __init__(self, tick: Tick, seconds: float | None) -> None:
        self._tick = tick
        self._end = None if seconds is None else tick() + seconds

    def left(self) -> float:
        """Seconds that are left, 0 or less when it is over."""
        return _LONGEST if self._end is None else self._end - self._tick()


def retry_after(text: str, now: datetime) -> float | None:
    """The wait in seconds that Retry-After asks for, in seconds or until a date (RFC 9110); None: none. A number that
    is no wait anybody asks for is the instant until which to wait, as some servers write.
    """
    text = text.strip()
    try:
        if text.replace(".", "", 1).isdigit() and text.isascii():
            seconds = float(text)
            return min(seconds if seconds < _EPOCH else max(seconds - now.timestamp(), 0.0), _LONGEST)
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), _LONGEST)


class Patience:
    """Tries calls of one server: bounded in number and time, in the server's own pace, ended early by a stop.

    `wait` waits and tells whether the hub stops; `tick` counts seconds; `jitter` gives numbers from 0 to 1.
    """

    def __init__(
        self,
        settings: ServerSettings,
        wait: Wait,
        tick: Tick = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings, self._wait, self._tick, self._jitter = settings, wait, tick, jitter
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(settings.requests_at_once)
        self._mine = threading.local()
        self._next = 0.0
        self._closed_until = 0.0

    def moment(self, seconds: float | None = None) -> Moment:
        """The end of a call that begins now."""
        return Moment(self._tick, seconds or self._settings.call_seconds)

    def run(self, once: Callable[[Moment], T], end: Moment, *, tries: int = 0) -> T:
        """What `once` gives; after `RetryLater` it is tried again, but not after `Enough`."""
        most = tries or self._settings.tries
        for nth in range(1, most + 1):
            self._gate(end)
            try:
                return once(end)
            except Enough:
                raise
            except RetryLater as error:
                self._pause(error, nth, most, end)
        raise AssertionError("the last try returns or raises")

    def pause_all(self, seconds: float) -> None:
        """The server asked to be left alone: every call waits."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._tick() + min(seconds, _LONGEST))

    @contextmanager
    def slot(self, end: Moment) -> Iterator[None]:
        """One of the requests at the same time. A thread that has one already (a stream that it reads) goes on."""
        counts: list[int] = self._mine.__dict__.setdefault("counts", [0])
        first = not counts[0]
        if first and not self._slots.acquire(timeout=max(end.left(), 0.001)):
            raise Enough("all connections to the server are busy", fix="raise call_seconds or requests_at_once")
        counts[0] += 1
        try:
            yield
        finally:
            counts[0] -= 1
            if first:
                self._slots.release()

    def _gate(self, end: Moment) -> None:
        """Wait for the turn: what the server asked for, and our own rate."""
        with self._lock:
            now = self._tick()
            closed = max(self._closed_until - now, 0.0)
            if closed > min(SHORT_SECONDS, end.left()):
                raise Enough("the server asked to be left alone for a while", after_seconds=closed, fix=BUSY_FIX)
            turn = max(self._next, now + closed)
            rate = self._settings.requests_per_second
            self._next = turn + (1 / rate if rate else 0.0)
        self._rest(turn - now)

    def _pause(self, error: RetryLater, nth: int, most: int, end: Moment) -> None:
        asked = error.after_seconds or 0.0
        if asked:
            self.pause_all(asked)
        backed_off = min(_FIRST_PAUSE * 2 ** (nth - 1), _LONGEST_PAUSE) * (0.5 + self._jitter() / 2)
        pause = asked or backed_off
        if nth >= most or pause > min(SHORT_SECONDS, end.left()):
            raise error
        if not asked:
            self._rest(pause)

    def _rest(self, seconds: float) -> None:
        if self._wait(max(seconds, 0.0)):
            raise Enough("the hub stops", fix="nothing: it goes on when the hub runs again")


BUSY_FIX = (
    "nothing: the hub tries again by itself; if it lasts, ask who runs the server; lower requests_per_second or "
    "requests_at_once if it happens often"
)
