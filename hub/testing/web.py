"""A source that answers requests: it takes what is posted with its token. The module is a plugin too."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from hub.plugin.api import Context, EhrSource, Inbox, RawMessage, WebAnswer, WebRequest, hookimpl
from hub.testing.fakes import FAKE, FakeSource, FeedSettings, MemoryFeed

HUB_API = 0
TOKEN = "a token of tests"  # noqa: S105 - it opens nothing


class MemoryDoor:
    """What a test tells the source to do, and what it saw. `answers` come before what it would answer by itself."""

    def __init__(self) -> None:
        self.seen: list[WebRequest] = []
        self.fail_next: BaseException | None = None
        self.answers: list[Any] = []
        self.sleep_seconds = 0.0


class DoorSettings(BaseModel):
    """`door`: the door's object; `serves` False: it answers nobody."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")
    door: MemoryDoor
    serves: bool = True


class FakeWeb(FakeSource):
    """A source that takes POST (a message), PUT (an errand) and GET, for those who know its token."""

    Settings: ClassVar[type[BaseModel]] = DoorSettings

    def __init__(self, settings: DoorSettings, context: Context) -> None:
        super().__init__(FeedSettings(feed=MemoryFeed()), context)
        self._door = settings.door
        self.serves = settings.serves

    async def answer(self, request: WebRequest, inbox: Inbox) -> WebAnswer:
        """401 without the token; 201 or 200 once what was posted is stored; 200 for what is only asked."""
        door = self._door
        door.seen.append(request)
        if (error := door.fail_next) is not None:
            door.fail_next = None
            raise error
        if door.sleep_seconds:
            time.sleep(door.sleep_seconds)  # noqa: ASYNC251 - a plugin that does what it must not
        if door.answers:
            given: WebAnswer = door.answers.pop(0)
            return given
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return WebAnswer(status=401, headers={"www-authenticate": "Bearer"})
        return await _done(request, inbox)


@hookimpl
def hub_ehr_sources() -> Mapping[str, type[EhrSource]]:
    """Offer the fake as `memory-web`."""
    return {"memory-web": FakeWeb}


async def _done(request: WebRequest, inbox: Inbox) -> WebAnswer:
    if request.method == "POST":
        name = hashlib.sha256(request.body).hexdigest()[:20]
        told = await inbox.put(RawMessage(external_id=name, content_type=FAKE, body=request.body))
        return WebAnswer(status=201 if told == "new" else 200)
    if request.method == "PUT":
        await inbox.errand(request.body)
        return WebAnswer(status=204)
    return WebAnswer(headers={"content-type": "text/plain", "server": "x"}, body=b"here\n")
