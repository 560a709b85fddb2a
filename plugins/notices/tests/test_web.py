"""Web hooks and pings: what is sent, what each answer means, and that nothing secret is said."""

from __future__ import annotations

import hashlib
import hmac
import logging
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hub_notices import web
from hub_notices.ping import PingNotifier
from hub_notices.settings import PingSettings, WebhookSettings
from hub_notices.webhook import WebhookNotifier
from pydantic import ValidationError

from hub.plugin.api import HubError, Misconfigured, Refused, RetryLater
from hub.testing.fakes import START, FakeContext
from hub.testing.kits.notifier import notice
from hub.testing.notices import HOST, WebServer, made_certificate

SECRETS = {"env:KEY": "s1gning-key", "env:AUTH": "Bearer t0p"}


def hook(url: str, **changes: Any) -> WebhookNotifier:
    """A web hook to this address."""
    told = {"url": url, "timeout_seconds": 5, **changes}
    return WebhookNotifier(WebhookSettings.model_validate(told), FakeContext("hook", secrets=SECRETS))


def test_what_is_posted(web_server: WebServer) -> None:
    """A notice is JSON whose bytes are the same each time, with its id as key, and a signature over time and body."""
    port = hook(web_server.url, secret="env:KEY", authorization="env:AUTH")
    for _ in range(2):
        port.send(notice())
    (method, path, headers, body), (_, _, _, again) = web_server.asked
    assert (method, path, body) == ("POST", "/in/t0ken", again)
    assert headers["idempotency-key"] == "ntc_kit1"
    assert headers["authorization"] == "Bearer t0p"
    at = int(START.timestamp())
    signed = hmac.new(b"s1gning-key", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["hub-signature"] == f"t={at},v1={signed}"
    told = msgspec.json.decode(body)
    assert {name: told[name] for name in ("id", "kind", "level", "since", "hub")} == {
        "id": "ntc_kit1",
        "kind": "alert",
        "level": "alarm",
        "since": "2026-03-02T13:30:00+00:00",
        "hub": "lakeside",
    }


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, Misconfigured),
        (400, Refused),
        (401, Misconfigured),
        (403, Misconfigured),
        (404, Misconfigured),
        (408, RetryLater),
        (409, RetryLater),
        (410, Misconfigured),
        (413, Refused),
        (422, Refused),
        (429, RetryLater),
        (500, RetryLater),
        (503, RetryLater),
    ],
)
def test_answers(web_server: WebServer, status: int, error: type[HubError]) -> None:
    """Each status is one of the door's errors, with what to do and without the address."""
    web_server.status, web_server.headers = status, {"Location": "https://elsewhere.example/"}
    with pytest.raises(error, match=str(status)) as caught:
        hook(web_server.url).send(notice())
    assert type(caught.value) is error
    assert caught.value.fix
    assert "t0ken" not in f"{caught.value} {caught.value.fix}"


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("120", 120.0),
        ("9999999", 86_400.0),
        (format_datetime(START + timedelta(seconds=90), usegmt=False), 90.0),
        (format_datetime(START - timedelta(hours=1)), 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after(asked: str, seconds: float | None) -> None:
    """Retry-After is a number of seconds or a date; what is neither asks for nothing."""
    with pytest.raises(RetryLater) as caught:
        web.judged(503, asked, START)
    assert caught.value.after_seconds == seconds


def test_certificates(certificate: Path, tmp_path: Path) -> None:
    """Only a server whose certificate is trusted and of its name gets a notice."""
    server = WebServer(certificate)
    other = made_certificate(tmp_path / "other.pem")
    named = server.url.replace(HOST, "localhost")
    try:
        for url, trusted in ((server.url, None), (server.url, other), (named, certificate)):
            with pytest.raises(Misconfigured, match="not trusted"):
                hook(url, ca_file=trusted).send(notice())
        assert server.asked == []
        hook(server.url, ca_file=certificate).send(notice())
        assert [step.name for step in hook(server.url, ca_file=certificate).check() if step.ok] == [
            "name", "connect", "tls", "send"]  # fmt: skip
        assert len(server.asked) == 1
    finally:
        server.stop()


def test_a_certificate_file_that_is_none(web_server: WebServer, tmp_path: Path) -> None:
    """A `ca_file` that cannot be read is told as such, also by `check`."""
    port = hook(web_server.url, ca_file=tmp_path / "none.pem")
    with pytest.raises(Misconfigured, match="ca_file"):
        port.send(notice())
    assert [step.ok for step in port.check()] == [False]


@pytest.fixture
def silent() -> Iterator[int]:
    """A server that takes connections and says nothing until the end; its port."""
    taken: list[socket.socket] = []
    with socket.create_server((HOST, 0)) as server:

        def take() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for one in taken:
            one.close()


def test_silence(silent: int) -> None:
    """A server that does not answer in time is tried later."""
    with pytest.raises(RetryLater, match="in time"):
        hook(f"http://{HOST}:{silent}/", timeout_seconds=0.2).send(notice())


def test_a_missing_secret_is_named_by_its_reference(web_server: WebServer) -> None:
    """A reference that nobody resolves stops the notice, and nothing goes out unsigned."""
    port = hook(web_server.url, secret="env:NOBODY")
    with pytest.raises(Misconfigured, match="env:NOBODY"):
        port.send(notice())
    assert [step.ok for step in port.check()] == [False]
    assert web_server.asked == []


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_pings(web_server: WebServer, method: str) -> None:
    """A ping asks its address and sends no text of the notice."""
    context = FakeContext("ping", secrets={"env:PING": web_server.url})
    port = PingNotifier(PingSettings.model_validate({"url": "env:PING", "method": method}), context)
    port.send(notice(kind="alive"))
    ((asked, path, headers, body),) = web_server.asked
    assert (asked, path, body) == (method, "/in/t0ken", b"")
    assert not [value for value in headers.values() if "clearinghouse" in value]


def test_an_address_in_a_secret_is_checked() -> None:
    """What stands behind the reference must be an address; it is never shown."""
    port = PingNotifier(
        PingSettings(url="env:PING"), FakeContext(secrets={"env:PING": "http://out.example/t0ken"})
    )
    with pytest.raises(Misconfigured, match="plain http") as caught:
        port.send(notice(kind="alive"))
    (step,) = port.check()
    assert not step.ok
    assert "t0ken" not in f"{caught.value} {caught.value.fix} {step.said} {step.fix}"


def test_the_address_is_not_logged(web_server: WebServer, caplog: pytest.LogCaptureFixture) -> None:
    """The library under it would log whole addresses, which hold tokens."""
    port = hook(web_server.url)
    with caplog.at_level(logging.DEBUG):
        port.send(notice())
    assert "t0ken" not in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://out.example/"},
        {"url": "ftp://out.example/"},
        {"url": "https://me:pass@out.example/"},
        {"url": "https://"},
        {"url": "https://out.example:99999/"},
        {"url": ""},
        {"secret": "s1gning-key"},
        {"authorization": "Bearer t0p"},
        {"takes": []},
        {"takes": ["alive"]},
    ],
)
def test_wrong_settings(wrong: dict[str, Any]) -> None:
    """What cannot work or is not safe is refused before anything runs, without showing it."""
    with pytest.raises(ValidationError) as caught:
        WebhookSettings.model_validate({"url": "https://out.example/hook", **wrong})
    shown = [value for value in ("me:pass", "s1gning-key", "Bearer t0p") if value in str(caught.value)]
    assert shown == []


def test_a_ping_address_stands_in_no_settings() -> None:
    """It carries a token, so it is given by reference only."""
    with pytest.raises(ValidationError):
        PingSettings.model_validate({"url": "https://out.example/t0ken"})
