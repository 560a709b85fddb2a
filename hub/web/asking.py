"""Asks what may never be answered, without waiting for it for ever and without a heap of threads that do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Asked(Generic[T]):
    """One question, asked at most once at a time; who asks meanwhile waits for the same answer. Its thread keeps no
    process from ending.
    """

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._asking: Future[T] | None = None

    async def answer(self, within_seconds: float) -> T | None:
        """The answer; None where it did not come in time. Raises what the question raises; for one loop."""
        if self._asking is None or self._asking.done():
            self._asking = self._begun()
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._asking)), within_seconds)
        except TimeoutError:
            return None

    def _begun(self) -> Future[T]:
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # from here on nobody can cancel it

        def ask() -> None:
            try:
                future.set_result(self._ask())
            except BaseException as error:  # noqa: BLE001 - it is raised again where the answer is waited for
                future.set_exception(error)

        threading.Thread(target=ask, name="web-ask", daemon=True).start()
        return future
