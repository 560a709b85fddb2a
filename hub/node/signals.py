"""Signals as a queue: the handlers only write down, and one loop does what they ask."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from queue import Empty, SimpleQueue
from types import FrameType

STOPS = (signal.SIGTERM, signal.SIGINT)
AT_ONCE = 130
"""How the process ends when it is interrupted a second time."""


class Signals:
    """SIGTERM, SIGINT and SIGHUP in the order in which they came."""

    def __init__(self) -> None:
        # a SimpleQueue may be put to inside a handler, also while its own thread is inside `get`
        self._came: SimpleQueue[int] = SimpleQueue()
        self._stopping = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hear them until the end of the block; outside the main thread there is nothing to hear."""
        with ExitStack() as after:
            if threading.current_thread() is threading.main_thread():
                for number in (*STOPS, signal.SIGHUP):
                    after.callback(signal.signal, number, signal.signal(number, self._hear))
            yield

    def wait(self, seconds: float) -> int | None:
        """The next one, or None when none came in time."""
        try:
            return self._came.get(timeout=seconds)
        except Empty:
            return None

    def send(self, number: int) -> None:
        """As if the process had been sent it."""
        self._came.put(number)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._stopping:
            os._exit(AT_ONCE)
        self._stopping |= number in STOPS
        self._came.put(number)
