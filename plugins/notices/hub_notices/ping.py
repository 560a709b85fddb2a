"""A dead man's ping: a watcher elsewhere hears from the hub, and raises the alarm when it no longer does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import BaseModel

from hub.plugin.api import Context, Evidence, HubError, Notice, Step
from hub_notices import reach, text, web
from hub_notices.settings import PingSettings
from hub_notices.webhook import AGENT


class PingNotifier:
    """Asks one address as long as the hub is well; it says nothing but that."""

    Settings: ClassVar[type[BaseModel]] = PingSettings

    def __init__(self, settings: PingSettings, context: Context) -> None:
        web.quiet()
        self._settings = settings
        self._context = context

    @property
    def takes(self) -> frozenset[str]:
        """Signs of life only."""
        return frozenset({"alive"})

    def check(self) -> Iterator[Step]:
        """Address, name, connection, TLS; no sign of life is given."""
        try:
            tls = reach.trust(self._settings.ca_file)
        except HubError as error:
            yield reach.failed("settings", error)
            return
        yield from web.steps(self._settings.url, self._context, tls, self._settings.timeout_seconds, "ping")

    def close(self) -> None:
        """Each ping has a connection of its own: there is nothing to close."""

    def send(self, notice: Notice) -> Evidence:
        """Ask the address."""
        text.wanted(notice, self.takes)
        return web.ask(
            self._settings.method,
            web.resolve(self._settings.url, self._context),
            headers={"Idempotency-Key": notice.id, "User-Agent": AGENT},
            body=None,
            tls=reach.trust(self._settings.ca_file),
            timeout_seconds=self._settings.timeout_seconds,
            now=self._context.clock.now(),
        )
