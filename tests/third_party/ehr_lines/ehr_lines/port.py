"""Waits for lines, by TCP or posted over HTTP, hands each to the hub, and answers once the hub has it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import threading
from collections.abc import Iterator
from typing import ClassVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from hub.model.facts import AnyFact, Reading
from hub.plugin.api import (
    Changes,
    Context,
    Inbox,
    Problem,
    RawMessage,
    RetryLater,
    Step,
    WebAnswer,
    WebRequest,
)

KIND = "lines+json"
LONGEST = 1 << 20
YES = b"yes\n"


class LinesSettings(BaseModel):
    """`[connectors.NAME.settings]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(ge=1, le=65535, description="port to listen on")
    token: str = Field(default="", description="reference of the token of those who post; empty: nobody may")


class Lines:
    """The source."""

    Settings: ClassVar[type[BaseModel]] = LinesSettings

    def __init__(self, settings: LinesSettings, context: Context) -> None:
        self._at = settings.host, settings.port
        self._log, self._secrets, self._token = context.log, context.secrets, settings.token
        self.serves = bool(settings.token)

    def check(self) -> Iterator[Step]:
        """There is nobody to ask."""
        yield Step(name="listen", ok=True, said=f"lines are taken on port {self._at[1]}")

    def close(self) -> None:
        """Connections end with `serve`."""

    def changes(self, cursor: str) -> Changes:
        """It only listens."""
        return Changes(messages=(), cursor=cursor)

    def read(self, raw: bytes, content_type: str) -> Reading:
        """A list of facts as JSON."""
        if content_type != KIND:
            return _unread("lines.type", "content type", "it is of a type that this source does not read")
        try:
            return Reading(facts=msgspec.json.decode(raw, type=tuple[AnyFact, ...]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _unread("lines.json", "line", "it is no list of facts")

    async def answer(self, request: WebRequest, inbox: Inbox) -> WebAnswer:
        """A line that is posted to `/connectors/NAME/line`."""
        shown = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(shown, f"Bearer {self._secrets.get(self._token)}".encode()):
            return WebAnswer(status=401, headers={"www-authenticate": "Bearer"})
        if (request.method, request.path) != ("POST", "line"):
            return WebAnswer(status=404)
        told = await _answer(inbox, request.body)
        return WebAnswer(body=told) if told == YES else WebAnswer(status=503, headers={"retry-after": "5"})

    async def serve(self, inbox: Inbox, stop: threading.Event) -> None:
        """Take connections until `stop`."""
        talks: set[asyncio.Task[None]] = set()

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            talk = asyncio.ensure_future(_talk(inbox, reader, writer))
            talks.add(talk)
            talk.add_done_callback(talks.discard)

        try:
            server = await asyncio.start_server(begin, *self._at, limit=LONGEST)
        except OSError as error:
            raise RetryLater(f"port {self._at[1]} cannot be taken") from error
        self._log.info("lines.listening")
        try:
            while not stop.is_set():  # noqa: ASYNC110 - a thread's event
                await asyncio.sleep(0.05)
        finally:
            server.close()
            for talk in talks:
                talk.cancel()
            await asyncio.gather(*talks, return_exceptions=True)


async def _talk(inbox: Inbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            writer.write(await _answer(inbox, line.rstrip(b"\n")))
            await writer.drain()
    except (ConnectionError, ValueError):
        pass  # the other side is gone, or its line has no end: it sends again what it was not answered
    finally:
        writer.close()


async def _answer(inbox: Inbox, body: bytes) -> bytes:
    name = hashlib.sha256(body).hexdigest()[:24]
    try:
        await inbox.put(RawMessage(external_id=name, content_type=KIND, body=body))
    except RetryLater:
        return b"no\n"
    return YES


def _unread(code: str, where: str, why: str) -> Reading:
    return Reading(problems=(Problem(code=code, where=where, why=why, fix="send it again, whole"),))
