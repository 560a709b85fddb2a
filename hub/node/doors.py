"""The web door of a node: requests to connectors, each in a loop of its own, and what is told of their faults."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from hub.app import Current
from hub.errors import HubError, Misconfigured, Refused, RetryLater
from hub.log import get_log
from hub.node.intake import Intake
from hub.plugin.api import WebAnswer, WebRequest
from hub.plugin.api.web import ANSWER_SECONDS
from hub.plugin.host import PluginFault
from hub.runner import Retry, Trouble
from hub.runner.trouble import judge

STEP = "ingest.answer"
"""What answering is called in work items: like `ingest.listen`, no step that anybody runs."""
GRACE_SECONDS = 2.0
AGAIN_SECONDS = 5
"""When a sender is told to come again, where nobody said how soon."""
MOST_AGAIN_SECONDS = 3600


class Loop:
    """A thread with a loop, in which one connector answers: one that blocks it holds up nobody else."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"answer-{name}", daemon=True)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, WebAnswer], seconds: float) -> WebAnswer | None:
        """What `work` comes to in that loop; None where it takes longer."""
        try:
            asked = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # it has ended: the node ends
            work.close()
            return None
        with suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.wrap_future(asked), seconds)
        return None

    def end(self) -> None:
        """Let it end after what it does now."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()


class Doors:
    """Answers requests to connectors by the app that is current at each of them: a reload needs no telling."""

    def __init__(self, current: Current, intake: Intake) -> None:
        self._current, self._intake = current, intake
        self._lock = threading.Lock()
        self._loops: dict[str, Loop] = {}
        self._failing: dict[str, int] = {}

    def names(self) -> tuple[str, ...]:
        """The connectors that answer requests."""
        host = self._current.app.host
        return tuple(name for name in host.names("EhrSource") if host.source(name).serves)

    def serves(self, name: str) -> bool:
        """Whether a connector of that name answers requests."""
        return name in self.names()

    async def answer(self, name: str, request: WebRequest) -> WebAnswer:
        """What the connector answers; what went wrong says nothing of what was sent, and nothing of the fault."""
        with self._current.use() as app:
            try:
                work = app.host.source(name).answer(request, self._intake.inbox(name))
                answer = await self._loop(name).run(work, ANSWER_SECONDS + GRACE_SECONDS)
            except (RetryLater, Misconfigured) as error:
                return self._not_now(name, error)
            except Refused:
                return WebAnswer(status=403)
            except HubError as error:
                self._failed(name, error)
                return WebAnswer(status=500)
        if answer is None:
            self._failed(name, RetryLater("its answers do not come in time"))
            return again(None)
        self._works(name)
        return answer

    def end(self) -> None:
        """Answer no more."""
        with self._lock:
            loops, self._loops = list(self._loops.values()), {}
        for loop in loops:
            loop.end()

    def _loop(self, name: str) -> Loop:
        with self._lock:
            return self._loops.setdefault(name, self._loops.get(name) or Loop(name))

    def _not_now(self, name: str, error: HubError) -> WebAnswer:
        """The store is slow or away (which is told elsewhere), or something must be mended first."""
        if isinstance(error, Misconfigured):
            self._failed(name, error)
        return again(getattr(error, "after_seconds", None))

    def _failed(self, name: str, error: HubError) -> None:
        """Told once, until it works again."""
        with self._lock:
            self._failing[name] = times = self._failing.get(name, 0) + 1
        if times > 1:
            return
        verdict = judge(error)
        trouble = Trouble(
            step=STEP,
            lane=name,
            kind="bug" if isinstance(error, PluginFault) else "retry",
            error=verdict.error,
            place=verdict.place,
            said=verdict.said,
            fix=verdict.fix,
            wait_seconds=Retry().first_seconds,
        )
        _aside(lambda: self._current.app.on_trouble(trouble))

    def _works(self, name: str) -> None:
        with self._lock:
            failed = self._failing.pop(name, 0)
        if failed:
            _aside(lambda: self._current.app.watch.flows(STEP, name))


def again(after_seconds: float | None) -> WebAnswer:
    """Come again later."""
    seconds = AGAIN_SECONDS if after_seconds is None else min(max(round(after_seconds), 1), MOST_AGAIN_SECONDS)
    return WebAnswer(status=503, headers={"retry-after": str(seconds)})


def _aside(tell: Callable[[], object]) -> None:
    """The store may be slow or away: no request waits for what is written about it."""

    def run() -> None:
        try:
            tell()
        except Exception as error:  # noqa: BLE001 - it is told by the log, and answering goes on
            get_log().warning("step.untold", step=STEP, exception=type(error).__name__)

    threading.Thread(target=run, name="answer-tell", daemon=True).start()
