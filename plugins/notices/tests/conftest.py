"""Real servers for each test, with and without TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.testing.notices import MailServer, WebServer, made_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of its own for 127.0.0.1, with its key, as one PEM file."""
    return made_certificate(tmp_path_factory.mktemp("tls") / "server.pem")


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A mail server without TLS."""
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
def web_server() -> Iterator[WebServer]:
    """A web server without TLS."""
    server = WebServer()
    yield server
    server.stop()
