"""A listening source without a network: a test speaks to it through a `MemoryLine`. The module is a plugin too."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from hub.plugin.api import Changes, Context, EhrSource, Inbox, RawMessage, RetryLater, hookimpl
from hub.testing.fakes import FAKE, FakeSource, FeedSettings, MemoryFeed

HUB_API = 0
PATIENCE_SECONDS = 60.0


class MemoryLine:
    """What a fake EHR sends, and what it is told."""

    def __init__(self) -> None:
        self.sent: SimpleQueue[tuple[bytes, SimpleQueue[bool]]] = SimpleQueue()
        self.served = 0
        self.fail_next: BaseException | None = None

    def send(self, body: bytes) -> bool:
        """Send one message and wait: whether the answer was yes. Nobody answers in time: no."""
        told: SimpleQueue[bool] = SimpleQueue()
        self.sent.put((body, told))
        try:
            return told.get(timeout=PATIENCE_SECONDS)
        except Empty:
            return False


class LineSettings(BaseModel):
    """`line`: the line's object."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")
    line: MemoryLine


class FakeListener(FakeSource):
    """A source that hears what comes on its line, and has nothing to be asked for."""

    Settings: ClassVar[type[BaseModel]] = LineSettings

    def __init__(self, settings: LineSettings, context: Context) -> None:
        super().__init__(FeedSettings(feed=MemoryFeed()), context)
        self._line = settings.line

    def changes(self, cursor: str) -> Changes:
        """Nothing: it only listens."""
        return Changes(messages=(), cursor=cursor)

    async def serve(self, inbox: Inbox, stop: threading.Event) -> None:
        """Put what is sent, several at once; say yes for what is stored and no for what is not."""
        self._line.served += 1
        if (error := self._line.fail_next) is not None:
            self._line.fail_next = None
            raise error
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                try:
                    body, told = self._line.sent.get_nowait()
                except Empty:
                    await asyncio.sleep(0.005)
                else:
                    tasks.create_task(_take(inbox, body, told))


@hookimpl
def hub_ehr_sources() -> Mapping[str, type[EhrSource]]:
    """Offer the fake listener as `memory-line`."""
    return {"memory-line": FakeListener}


async def _take(inbox: Inbox, body: bytes, told: SimpleQueue[bool]) -> None:
    name = hashlib.sha256(body).hexdigest()[:20]
    try:
        await inbox.put(RawMessage(external_id=name, content_type=FAKE, body=body))
    except RetryLater:
        told.put(False)
    else:
        told.put(True)
