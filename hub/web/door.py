"""The web door as HTTP: bounds what anybody may send to a connector, and hands it over whole."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

from starlette.types import Receive, Scope, Send

from hub.log import get_log
from hub.plugin.api import WebAnswer, WebRequest

PREFIX = "/connectors/"
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
MOST_BODY = 16 << 20
"""Bytes of one request: a transaction bundle of a whole stay has a few MiB."""
MOST_BODIES = 64 << 20
"""Bytes of all requests that are read or answered at once."""
MOST_AT_ONCE = 64
BODY_SECONDS = 30.0
"""What a body may take to come, however slowly."""
_OURS = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding", "upgrade"}
)
_SAFE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_CLOSE = {"connection": "close"}


class Answering(Protocol):
    """The connectors of a node, as far as they answer requests."""

    def serves(self, name: str) -> bool:
        """Whether a connector of that name answers requests."""
        ...

    async def answer(self, name: str, request: WebRequest) -> WebAnswer:
        """What it answers; never raises for what a plugin does."""
        ...


class Opening(Protocol):
    """What the door asks of a node: whether it runs, and its connectors (None where it has not the role)."""

    @property
    def phase(self) -> str: ...

    @property
    def doors(self) -> Answering | None: ...


class Turned(Exception):
    """A request that no connector sees, and what it is answered."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(status)
        named = {name.replace("_", "-"): said for name, said in headers.items()}
        self.answer = WebAnswer(status=status, headers=named, body=_phrase(status))


class Door:
    """An ASGI application below `/connectors/`. What one request says stands in no log, here or anywhere."""

    def __init__(self, node: Opening) -> None:
        self._node = node
        self._busy = self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever comes."""
        closing: Mapping[str, str] = {}
        try:
            answer = await self._answered(scope, receive)
        except Turned as turned:
            answer, closing = turned.answer, _CLOSE
        except Exception as error:  # noqa: BLE001 - nobody outside is told of a bug of ours
            get_log().warning("web.fault", exception=type(error).__name__)
            answer, closing = WebAnswer(status=500, body=_phrase(500)), _CLOSE
        await _send(send, answer, closing)

    async def _answered(self, scope: Scope, receive: Receive) -> WebAnswer:
        name, _, path = str(scope["path"]).removeprefix(PREFIX).partition("/")
        doors = self._open(name)
        headers = _headers(scope)
        if scope["method"] not in METHODS:
            raise Turned(405, allow=", ".join(METHODS))
        if _length(headers) > MOST_BODY:
            raise Turned(413)
        if self._busy >= MOST_AT_ONCE:
            raise Turned(503, retry_after="1")
        self._busy += 1
        read = _Body(self, receive)
        try:
            body = await read.whole()
            request = WebRequest(
                method=scope["method"],
                path=path,
                query=scope["query_string"].decode("latin-1"),
                headers=headers,
                body=body,
                peer=scope["client"][0] if scope.get("client") else "",
            )
            return await doors.answer(name, request)
        finally:
            self._busy -= 1
            self._bytes -= read.size

    def _open(self, name: str) -> Answering:
        """The connectors, of which the one of that name answers."""
        doors = self._node.doors
        if doors is None and self._node.phase == "starting":
            raise Turned(503, retry_after="5")
        if doors is None or not doors.serves(name):
            raise Turned(404)
        return doors

    def hold(self, size: int) -> None:
        """So many bytes more lie in memory."""
        self._bytes += size
        if self._bytes > MOST_BODIES:
            raise Turned(503, retry_after="2")


class _Body:
    """The body of one request; `size` is what of it lies in memory."""

    def __init__(self, door: Door, receive: Receive) -> None:
        self._door, self._receive = door, receive
        self.size = 0

    async def whole(self) -> bytes:
        """All of it, within bounds."""
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while await self._next(parts):
                    continue
        except TimeoutError:
            raise Turned(408) from None
        return b"".join(parts)

    async def _next(self, parts: list[bytes]) -> bool:
        """One part more; whether others follow."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Turned(400)
        part: bytes = message.get("body", b"")
        self.size += len(part)
        self._door.hold(len(part))
        if self.size > MOST_BODY:
            raise Turned(413)
        parts.append(part)
        return bool(message.get("more_body", False))


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, said = raw.decode("latin-1").lower(), value.decode("latin-1")
        found[name] = f"{found[name]}, {said}" if name in found else said
    return found


def _length(headers: Mapping[str, str]) -> int:
    said = headers.get("content-length", "")
    return int(said) if said.isdecimal() and said.isascii() else 0


def _phrase(status: int) -> bytes:
    return f"{HTTPStatus(status).phrase}\n".encode()


async def _send(send: Send, answer: WebAnswer, closing: Mapping[str, str]) -> None:
    own = {name.lower(): said for name, said in answer.headers.items() if name.lower() not in _OURS}
    bodiless = answer.status in {204, 304}
    length = {} if bodiless else {"content-length": str(len(answer.body))}
    named = {**_SAFE, **own, **length, **closing}
    pairs = [(name.encode(), said.encode()) for name, said in named.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if bodiless else answer.body})
