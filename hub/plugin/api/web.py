"""The web door: how a source answers HTTP requests under an address of its own, without a web framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import msgspec

from hub.plugin.api.ports import EhrSource, Inbox

ANSWER_SECONDS = 20.0
"""What an answer may take: a put waits up to 10 s for a slow store."""


class WebRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request, whole. `method` in capitals; `path` what follows `/connectors/NAME/`, percent-decoded and without
    a slash in front; `query` as it came, without its `?`; `headers` by lower-case name, values of a repeated one
    joined by `, `; `peer` the address of whoever connected, which is the reverse proxy's where there is one.

    Its repr shows neither query, nor headers, nor body: they may hold secrets and patients' data.
    """

    method: str
    path: str = ""
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    peer: str = ""

    def __repr__(self) -> str:
        return f"WebRequest({self.method!r}, {len(self.body)} bytes)"


class WebAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered: an HTTP status from 200 to 599, headers (lengths and dates are the hub's), and a body."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"WebAnswer({self.status}, {len(self.body)} bytes)"


@runtime_checkable
class WebSource(EhrSource, Protocol):
    """A source that answers HTTP requests: web hooks, Subscriptions, a JWKS.

    Every node with the role `listener` serves it at `/connectors/NAME/...`. `answer` is called in a loop, beside
    other calls of it and of the object; it never blocks, and ends within `ANSWER_SECONDS`. The hub has bounded the
    request's size and time, and knows nobody: whether a sender may is the plugin's to say. Answer 2xx to what was
    sent only after `inbox.put` has returned; let `RetryLater` out, or answer 503 yourself: the sender is told to come
    again either way. What else is raised is answered 500, with nothing of it. What it puts into `state` is saved with
    the next `changes`. An instance that by its settings serves nothing says so with an attribute `serves`, False.
    """

    async def answer(self, request: WebRequest, inbox: Inbox) -> WebAnswer: ...
