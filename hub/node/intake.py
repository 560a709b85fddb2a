"""What listeners put: many messages in one transaction, each told of only after the commit."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from hub.app import App, Current
from hub.errors import HubError, RetryLater, Stale
from hub.flow import ingest, room
from hub.log import get_log
from hub.plugin.api import RawMessage
from hub.plugin.host import answers
from hub.store import Nudge

MOST_WAITING = 1_000
MOST_BYTES = 64 << 20
"""More than this waits with nobody: who puts is told to come again."""
TOGETHER = 100
TOGETHER_BYTES = 4 << 20
"""So much is stored in one transaction."""
_message = answers.record(RawMessage)


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    source: str
    message: RawMessage
    loop: asyncio.AbstractEventLoop
    told: asyncio.Future[str]


class Intake:
    """Stores what arrives, in the order of arrival; one thread writes for all listeners."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._changed = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="intake", daemon=True)
        self._thread.start()

    def inbox(self, source: str) -> SourceInbox:
        """Where the listener of this source puts what it receives."""
        return SourceInbox(self, source)

    async def put(self, source: str, message: RawMessage) -> str:
        """Whether it is new, after the commit; raises `RetryLater` when too much waits, or the store has no room
        or is away.
        """
        room.make_sure(self._current.app.hub)
        loop = asyncio.get_running_loop()
        one = _Waiting(source=source, message=_message(message), loop=loop, told=loop.create_future())
        with self._changed:
            if self._closed:
                raise RetryLater("the hub is stopping: send it again later", after_seconds=30)
            if len(self._waiting) >= MOST_WAITING or self._bytes + len(message.body) > MOST_BYTES:
                raise RetryLater("too much waits to be stored: send it again later", after_seconds=5)
            self._waiting.append(one)
            self._bytes += len(message.body)
            self._changed.notify()
        return await one.told

    def close(self, within_seconds: float = 5.0) -> None:
        """Store what waits and take nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(within_seconds)

    def _serve(self) -> None:
        while batch := self._next():
            self._settle(batch)

    def _next(self) -> list[_Waiting]:
        """The next messages to be stored together; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            batch: list[_Waiting] = []
            size = 0
            while self._waiting and len(batch) < TOGETHER:
                size += len(self._waiting[0].message.body)
                if batch and size > TOGETHER_BYTES:
                    break
                batch.append(self._waiting.popleft())
            self._bytes -= sum(len(one.message.body) for one in batch)
            return batch

    def _settle(self, batch: Sequence[_Waiting]) -> None:
        """Store them together; where that fails for a reason of one of them, each alone."""
        error, fresh = self._stored(batch)
        if error is not None and len(batch) > 1 and not isinstance(error, RetryLater):
            for one in batch:
                alone, (new,) = self._stored([one])
                _answer(one, alone, new=new)
        else:
            for one, is_new in zip(batch, fresh, strict=True):
                _answer(one, error, new=is_new)

    def _stored(self, batch: Sequence[_Waiting]) -> tuple[Exception | None, list[bool]]:
        try:
            with self._current.use() as app:
                return None, _store(app, batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the sender is told that nothing is stored
            return error, [False] * len(batch)


class SourceInbox:
    """The `Inbox` of one listening source."""

    def __init__(self, intake: Intake, source: str) -> None:
        self._intake = intake
        self._source = source

    async def put(self, message: RawMessage, *, peer: str = "") -> str:  # noqa: ARG002
        """As the port says."""
        return await self._intake.put(self._source, message)

    async def put_many(self, messages: Sequence[RawMessage], *, peer: str = "") -> tuple[str, ...]:  # noqa: ARG002
        """As the port says."""
        return tuple(await asyncio.gather(*(self.put(message) for message in messages)))

    def answered(self, peer: str, answers: Mapping[str, int], slowest_ms: float = 0.0) -> None:
        """As the port says."""


def _store(app: App, batch: Sequence[_Waiting]) -> list[bool]:
    """The bytes, and the journal of what their senders are told: neither is there without the other."""
    with app.store.begin("ingest.receive") as tx:
        stored = [(one.source, *ingest.receive(app.hub, tx, one.source, one.message)) for one in batch]
        tx.inbox.ack(*(seq for _, seq, _ in stored))
        tx.then(*(Nudge("ingest.read", source) for source, _, fresh in stored if fresh))
        return [fresh for _, _, fresh in stored]


def _answer(one: _Waiting, error: Exception | None, *, new: bool) -> None:
    """Wake who waits in its own loop, which may have ended meanwhile."""
    if error is not None and not isinstance(error, HubError):
        get_log().warning("listener.unstored", instance=one.source, exception=type(error).__name__)
    if error is not None and not isinstance(error, RetryLater):
        said = "another writer was first" if isinstance(error, Stale) else "the hub could not store it"
        error = RetryLater(f"{said}: send it again", after_seconds=5)
    with suppress(RuntimeError):
        one.loop.call_soon_threadsafe(_tell, one.told, error, "new" if new else "known")


def _tell(told: asyncio.Future[str], error: Exception | None, verdict: str) -> None:
    if told.done():
        return
    if error is None:
        told.set_result(verdict)
    else:
        told.set_exception(error)
