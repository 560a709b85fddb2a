"""The thread of one plugin instance, and the ferry that carries a call's pieces to it and back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

from hub.errors import RetryLater
from hub.store.holding import assure

_PIECE = "piece"
_END = "end"
_ANSWER = "answer"


class Hung(Exception):
    """The worker was silent for longer than the deadline."""


class BodyFailed(RetryLater):
    """Raised inside the plugin where our own body could not be read; the caller sees the real error."""


class Worker:
    """Runs one instance's calls, all in the same thread; given up (a thread cannot be killed) when one hangs."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"plugin-{name}", daemon=True)
        self._thread.start()

    @property
    def runs(self) -> bool:
        """Whether its thread has not ended."""
        return self._thread.is_alive()

    def submit(self, job: Callable[[], None]) -> None:
        """Put `job` behind those that wait; it must not raise."""
        self._jobs.put(job)

    def end(self) -> None:
        """Let the thread end after what it does now."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class Ferry:
    """One call: its answer, and the pieces of the body it sends, read in the caller's thread."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body
        self._failed: BaseException | None = None
        self._to_caller: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._to_worker: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def pieces(self) -> Iterator[bytes]:
        """For the plugin: the body, piece by piece."""
        while True:
            self._to_caller.put((_PIECE, None))
            kind, piece = self._to_worker.get()
            if kind == _ANSWER:
                raise BodyFailed("the hub could not read the file it sends", fix="see the hub's own fault")
            if kind == _END:
                return
            yield piece

    def answer(self, value: Any) -> None:
        """For the worker: the call ended with `value`."""
        self._to_caller.put((_ANSWER, value))

    def wait(self, silence_seconds: float) -> Any:
        """For the caller: serve pieces until the answer is there; raises `Hung`, or what our own body raised."""
        source = iter(self._body)
        while True:
            kind, value = self._next(silence_seconds)
            if kind == _ANSWER:
                if self._failed is not None:
                    raise self._failed
                return value
            self._to_worker.put(self._read(source))

    def _next(self, silence_seconds: float) -> tuple[str, Any]:
        try:
            return self._to_caller.get(timeout=silence_seconds)
        except Empty:
            self._to_worker.put((_ANSWER, None))
            raise Hung from None

    def _read(self, source: Iterator[bytes]) -> tuple[str, Any]:
        try:
            assure()
            return _PIECE, next(source)
        except StopIteration:
            return _END, None
        except BaseException as error:  # noqa: BLE001 - ours, kept for `wait` to raise again
            self._failed = error
            return _ANSWER, None
