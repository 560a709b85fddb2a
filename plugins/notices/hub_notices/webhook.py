"""Notices as JSON to a web address."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import ClassVar

from pydantic import BaseModel

from hub.plugin.api import Context, Evidence, HubError, Notice, Step
from hub_notices import reach, text, web
from hub_notices.settings import WebhookSettings

AGENT = "billing-hub-notices"


class WebhookNotifier:
    """Posts notices; each has its id as its Idempotency-Key, so that a repeat is known for one."""

    Settings: ClassVar[type[BaseModel]] = WebhookSettings

    def __init__(self, settings: WebhookSettings, context: Context) -> None:
        web.quiet()
        self._settings = settings
        self._context = context

    @property
    def takes(self) -> frozenset[str]:
        """As its settings say."""
        return frozenset(self._settings.takes)

    def check(self) -> Iterator[Step]:
        """Address, name, connection, TLS, and that the secrets are there; nothing is posted."""
        try:
            tls = reach.trust(self._settings.ca_file)
            self._headers(b"", "check")
        except HubError as error:
            yield reach.failed("settings", error)
            return
        yield from web.steps(self._settings.url, self._context, tls, self._settings.timeout_seconds, "post to")

    def close(self) -> None:
        """Each notice has a connection of its own: there is nothing to close."""

    def send(self, notice: Notice) -> Evidence:
        """Post it; only a 2xx answer is a yes."""
        text.wanted(notice, self.takes)
        body = payload(notice)
        return web.ask(
            "POST",
            web.resolve(self._settings.url, self._context),
            headers=self._headers(body, notice.id),
            body=body,
            tls=reach.trust(self._settings.ca_file),
            timeout_seconds=self._settings.timeout_seconds,
            now=self._context.clock.now(),
        )

    def _headers(self, body: bytes, notice_id: str) -> dict[str, str]:
        secrets = self._context.secrets
        headers = {"Content-Type": "application/json", "Idempotency-Key": notice_id, "User-Agent": AGENT}
        if self._settings.authorization:
            headers["Authorization"] = secrets.get(self._settings.authorization).strip()
        if self._settings.secret:
            at = int(self._context.clock.now().timestamp())
            headers["Hub-Signature"] = signature(secrets.get(self._settings.secret), at, body)
        return headers


def payload(notice: Notice) -> bytes:
    """The notice as JSON; the same notice is always the same bytes."""
    told = {
        "id": notice.id,
        "kind": notice.kind,
        "key": notice.key,
        "level": notice.level,
        "hub": notice.hub,
        "since": notice.since.isoformat(),
        "subject": text.subject(notice),
        "lines": list(notice.lines),
        "text": f"{text.subject(notice)}\n{text.body(notice)}",
    }
    return json.dumps(told, ensure_ascii=False).encode()


def signature(secret: str, at: int, body: bytes) -> str:
    """`t=SECONDS,v1=HEX`: HMAC-SHA256 of the seconds since 1970, a full stop and the body."""
    said = f"{at}.".encode() + body
    return f"t={at},v1={hmac.new(secret.encode(), said, hashlib.sha256).hexdigest()}"
