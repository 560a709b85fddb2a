"""E-mail: what is in it, what each answer of a mail server means, and that nothing secret is said."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hub_notices import smtp
from hub_notices.mail import EmailNotifier
from hub_notices.settings import EmailSettings
from pydantic import ValidationError

from hub.plugin.api import HubError, Misconfigured, Refused, RetryLater
from hub.plugin.host.ports import SLOW_MAIL
from hub.testing.fakes import FakeContext
from hub.testing.kits.notifier import notice
from hub.testing.notices import HOST, MailServer, made_certificate

SECRET = "hunter2-pass"
USUAL: dict[str, Any] = {
    "host": HOST,
    "security": "none",
    "from": "hub@practice.example",
    "to": ["it@practice.example", "lead@practice.example"],
}


def mailer(server: MailServer | None = None, **changes: Any) -> EmailNotifier:
    """A notifier for this server."""
    told = {**USUAL, "port": server.port if server else 9, "timeout_seconds": 5, **changes}
    context = FakeContext("mail", secrets={"env:PASSWORD": SECRET})
    return EmailNotifier(EmailSettings.model_validate(told), context)


@pytest.fixture(params=["starttls", "tls"])
def safe(request: pytest.FixtureRequest, certificate: Path) -> Iterator[tuple[MailServer, dict[str, Any]]]:
    """A server with TLS of either kind, which wants a login; and the settings that fit."""
    server = MailServer(security=request.param, certificate=certificate, login=f"hub:{SECRET}")
    login = {"user": "hub", "password": "env:PASSWORD"}
    yield server, {"security": request.param, "ca_file": certificate, **login}
    server.stop()


def test_headers_and_text(mail_server: MailServer) -> None:
    """A mail says who, what and when, is known again by its Message-ID, and asks machines not to answer."""
    evidence = mailer(mail_server).send(notice())
    (mail,) = mail_server.messages()
    assert mail["From"] == "Billing Hub <hub@practice.example>"
    assert mail["To"] == "it@practice.example, lead@practice.example"
    assert mail["Message-ID"] == "<ntc_kit1@practice.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Mon, 02 Mar 2026 14:00:00 +0000"
    assert mail.get_content_type() == "text/plain"
    assert mail_server.rcpt == list(USUAL["to"])
    assert evidence.note == "taken for 2 of 2 addresses"


def test_safe_ways(safe: tuple[MailServer, dict[str, Any]]) -> None:
    """With STARTTLS and with TLS from the first byte mail goes out after a login, and `check` tells each step."""
    server, told = safe
    port = mailer(server, **told)
    steps = list(port.check())
    assert [(step.name, step.ok) for step in steps] == [
        (name, True) for name in ("name", "connect", "tls", "login", "addresses")
    ]
    assert server.raw == []
    port.send(notice())
    assert len(server.raw) == 1


def test_a_wrong_password(safe: tuple[MailServer, dict[str, Any]]) -> None:
    """A refused login is a matter for a person; neither password nor login stands in what is said."""
    server, told = safe
    server.login = "hub:another"
    with pytest.raises(Misconfigured, match="refuses the login") as caught:
        mailer(server, **told).send(notice())
    assert SECRET not in f"{caught.value} {caught.value.fix} {caught.value.__cause__}"
    assert [step.ok for step in mailer(server, **told).check()] == [True, True, True, False]


def test_a_strange_certificate(safe: tuple[MailServer, dict[str, Any]], tmp_path: Path) -> None:
    """A certificate that is not trusted, or is of another name, stops the mail: nothing is sent, no password told."""
    server, told = safe
    other = made_certificate(tmp_path / "other.pem")
    for changes in ({"ca_file": other}, {"ca_file": None}, {"host": "localhost"}):
        with pytest.raises(Misconfigured, match="not trusted"):
            mailer(server, **{**told, **changes}).send(notice())
    assert server.raw == []


def test_no_starttls_is_no_mail(mail_server: MailServer) -> None:
    """A server that does not offer STARTTLS gets nothing: there is no falling back to plain text."""
    with pytest.raises(Misconfigured, match="does not offer STARTTLS"):
        mailer(mail_server, security="starttls").send(notice())
    assert mail_server.raw == []


def test_tls_where_there_is_none(mail_server: MailServer) -> None:
    """The wrong port for `tls` is told as such."""
    with pytest.raises(Misconfigured, match="TLS could not be agreed on"):
        mailer(mail_server, security="tls").send(notice())


@pytest.mark.parametrize(
    ("command", "answer", "error", "said"),
    [
        ("MAIL", "451 later", RetryLater, "busy"),
        ("MAIL", "550 no", Misconfigured, "refuses the sender"),
        ("RCPT", "450 later", RetryLater, "none of 2 addresses"),
        ("RCPT", "550 no", Misconfigured, "none of 2 addresses"),
        ("DATA", "452 full", RetryLater, "busy"),
        ("DATA", "554 spam it@practice.example", Refused, "refuses this mail"),
        ("DATA", "421 closing", RetryLater, "busy|ended"),
    ],
)
def test_answers(mail_server: MailServer, command: str, answer: str, error: type[HubError], said: str) -> None:
    """Each no of a server is one of the door's errors by its code; its words are not repeated."""
    mail_server.answers[command] = answer
    with pytest.raises(error, match=said) as caught:
        mailer(mail_server).send(notice())
    assert caught.value.fix
    assert "@" not in str(caught.value)


def test_a_slow_server_ends_in_time(mail_server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer may take its time, all of them together have one limit: then it is tried again later, and no call
    hangs. It is far below the time after which the hub gives a call up.
    """
    assert smtp.TOTAL_SECONDS < 120 * SLOW_MAIL
    ticks = iter(range(10_000))
    monkeypatch.setattr(smtp, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    monkeypatch.setattr(smtp, "TOTAL_SECONDS", 20.0)
    many = [f"p{number}@practice.example" for number in range(50)]
    with pytest.raises(RetryLater, match="in time"):
        mailer(mail_server, to=many).send(notice())
    assert 0 < len(mail_server.rcpt) < 50
    assert mail_server.raw == []
    monkeypatch.setattr(smtp, "TOTAL_SECONDS", 1000.0)
    assert mailer(mail_server, to=many).send(notice()).note == "taken for 50 of 50 addresses"


def test_a_name_of_many_silent_addresses(mail_server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The addresses of a name share the time: when it is up no further one is tried."""
    tried: list[float] = []
    ticks = iter(range(0, 10_000, 8))

    def silent(_address: object, timeout: float) -> None:
        tried.append(timeout)
        raise TimeoutError

    port = mail_server.port
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{n}", port)) for n in range(1, 50)]
    monkeypatch.setattr(smtp, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    monkeypatch.setattr(smtp, "TOTAL_SECONDS", 20.0)
    ways = {"getaddrinfo": lambda *_args, **_more: found, "create_connection": silent}
    monkeypatch.setattr(smtp, "socket", SimpleNamespace(SOCK_STREAM=socket.SOCK_STREAM, **ways))
    with pytest.raises(RetryLater, match="in time"):
        mailer(mail_server).send(notice())
    assert tried == [5.0, 4.0]


def test_one_address_of_two(mail_server: MailServer) -> None:
    """A mail that one address takes is sent; how many did not is said."""
    mail_server.answers["RCPT it@practice.example"] = "550 no"
    port = mailer(mail_server)
    assert port.send(notice()).note == "taken for 1 of 2 addresses"
    assert port._context.log.lines == [("notice.refused", {"count": 1})]  # type: ignore[attr-defined]


def test_away(mail_server: MailServer) -> None:
    """A server that is away, or a name that is not known, may be there later."""
    mail_server.stop()
    for changes in ({}, {"host": "mail.invalid"}):
        with pytest.raises(RetryLater):
            mailer(mail_server, **changes).send(notice())
        *_, last = mailer(mail_server, **changes).check()
        assert not last.ok
        assert last.fix


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": SECRET},
        {"user": "hub"},
        {"user": "hub", "password": "env:PASSWORD", "security": "none"},
        {"to": []},
        {"to": ["no address"]},
        {"from": "a@b.example\r\nBcc: x@y.example"},
        {"sender_name": "a\nb"},
        {"takes": ["alive"]},
        {"port": 0},
        {"hosts": "x"},
    ],
)
def test_wrong_settings(wrong: dict[str, Any]) -> None:
    """What cannot work or is not safe is refused before anything runs, without showing a password."""
    with pytest.raises(ValidationError) as caught:
        EmailSettings.model_validate({**USUAL, **wrong})
    assert SECRET not in str(caught.value)
