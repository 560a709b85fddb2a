"""The three notifiers keep the contract of their port, against real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hub_notices.mail import EmailNotifier
from hub_notices.ping import PingNotifier
from hub_notices.settings import EmailSettings, PingSettings, WebhookSettings
from hub_notices.webhook import WebhookNotifier

from hub.testing.fakes import FakeContext
from hub.testing.kits import NotifierKit
from hub.testing.notices import HOST, MailServer, WebServer

SECRETS = {"env:PASSWORD": "hunter2-pass", "env:KEY": "s1gning-key", "env:AUTH": "Bearer t0p"}


class JsonServer(WebServer):
    """A web server that reads what it gets as a notice in JSON."""

    def received(self) -> list[tuple[str, str]]:
        return [(mark, msgspec.json.decode(body)["text"]) for mark, body in super().received()]


class TestMailWithLogin(NotifierKit):
    """E-mail with STARTTLS and a login."""

    asks_wait = False
    secrets = ("hunter2-pass", "it@practice.example")

    @pytest.fixture
    def context(self) -> FakeContext:
        return FakeContext("mail", secrets=SECRETS)

    @pytest.fixture
    def partner(self, certificate: Path) -> Iterator[MailServer]:
        server = MailServer(security="starttls", certificate=certificate, login="hub:hunter2-pass")
        yield server
        server.stop()

    @pytest.fixture
    def make_port(
        self, partner: MailServer, certificate: Path, context: FakeContext
    ) -> Callable[[], EmailNotifier]:
        told: dict[str, Any] = {"host": HOST, "port": partner.port, "ca_file": certificate}
        told |= {"user": "hub", "password": "env:PASSWORD", "from": "hub@practice.example"}
        told |= {"to": ["it@practice.example", "lead@practice.example"]}
        return lambda: EmailNotifier(EmailSettings.model_validate(told), context)


class TestWebhook(NotifierKit):
    """JSON over TLS, signed."""

    secrets = ("s1gning-key", "t0ken", "t0p")

    @pytest.fixture
    def context(self) -> FakeContext:
        return FakeContext("hook", secrets=SECRETS)

    @pytest.fixture
    def partner(self, certificate: Path) -> Iterator[JsonServer]:
        server = JsonServer(certificate)
        yield server
        server.stop()

    @pytest.fixture
    def make_port(
        self, partner: JsonServer, certificate: Path, context: FakeContext
    ) -> Callable[[], WebhookNotifier]:
        told = {"url": partner.url, "ca_file": certificate, "secret": "env:KEY", "authorization": "env:AUTH"}
        return lambda: WebhookNotifier(WebhookSettings.model_validate(told), context)


class TestPing(NotifierKit):
    """A dead man's ping."""

    tells = False
    secrets = ("t0ken",)

    @pytest.fixture
    def partner(self, web_server: WebServer) -> WebServer:
        return web_server

    @pytest.fixture
    def make_port(self, partner: WebServer) -> Callable[[], PingNotifier]:
        context = FakeContext("ping", secrets={"env:PING": f"{partner.url}\n"})
        return lambda: PingNotifier(PingSettings(url="env:PING"), context)
