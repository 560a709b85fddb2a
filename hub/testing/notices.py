"""Real servers for tests of notifiers: a mail server and a web server, and a certificate made for a test."""

# ruff: noqa: A002, ARG002, N802 - aiosmtpd and http.server name these methods and what they are given

from __future__ import annotations

import secrets
import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody uses now, of those that no system gives to a connection by itself: else any call that
    somebody makes in the meantime could be given it.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with suppress(OSError), socket.socket() as made:
            made.bind((HOST, port))
            return port


def made_certificate(path: Path, days: int = 1) -> Path:
    """A new self-signed certificate and its key, good for so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "notices test")])
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign",
         "encipher_only", "decipher_only"), False)  # fmt: skip
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(built.public_bytes(serialization.Encoding.PEM) + secret)
    return path


def server_side(certificate: Path) -> ssl.SSLContext:
    """TLS as the server has it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class MailServer:
    """A mail server that can be cut off, be busy, and refuse; its own handler for aiosmtpd."""

    def __init__(self, *, security: str = "none", certificate: Path | None = None, login: str = "") -> None:
        self.port = free_port()
        self.raw: list[bytes] = []
        self.rcpt: list[str] = []
        self.answers: dict[str, str] = {}
        self._given: dict[str, Any] = {}
        self.login = login
        if security != "none" and certificate is not None:
            tls = server_side(certificate)
            self._given = (
                {"ssl_context": tls} if security == "tls" else {"tls_context": tls, "require_starttls": True}
            )
        if login:  # aiosmtpd takes a connection with TLS from its first byte for a plain one
            late = security == "starttls"
            self._given |= {"auth_required": late, "auth_require_tls": late, "authenticator": self._authenticate}
        self._running: Controller | None = None
        self.heal()

    def messages(self) -> list[EmailMessage]:
        """Every mail that was taken."""
        return [message_from_bytes(raw, policy=default) for raw in self.raw]

    def received(self) -> list[tuple[str, str]]:
        """(id, subject and text) of every mail that was taken."""
        return [
            (one["Message-ID"].strip("<>").partition("@")[0], f"{one['Subject']}\n{one.get_content()}")
            for one in self.messages()
        ]

    def cut_after(self, size: int) -> None:
        """Stop listening."""
        self.stop()

    def heal(self) -> None:
        """Listen, and take everything."""
        self.answers = {}
        if self._running is None:
            self._running = Controller(self, hostname=HOST, port=self.port, **self._given)
            self._running.start()

    def refuse(self) -> None:
        """Refuse each mail when it is there."""
        self.answers["DATA"] = "554 no such mail here"

    def busy(self, seconds: float) -> None:
        """Ask to come again."""
        self.answers["MAIL"] = "451 come again"

    def stop(self) -> None:
        """Listen no longer; harmless twice."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        """The sender."""
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        """One address."""
        answer = self.answers.get(f"RCPT {address}", self.answers.get("RCPT", "250 OK"))
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
            self.rcpt.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """The mail itself."""
        answer = self.answers.get("DATA", "250 OK")
        if answer.startswith("250"):
            self.raw.append(envelope.content)
        return answer

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = f"{data.login.decode()}:{data.password.decode()}" == self.login
        return AuthResult(success=good, handled=good)


class WebServer:
    """A web server that keeps what it is asked, and answers as it is told; over TLS where given a certificate."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.port = free_port()
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.status, self.headers = 204, dict[str, str]()
        self._certificate = certificate
        self._running: ThreadingHTTPServer | None = None
        self.heal()

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self._certificate else 'http'}://{HOST}:{self.port}/in/t0ken"

    def received(self) -> list[tuple[str, str]]:
        """(id, body) of each request that was answered with 2xx."""
        return [(headers["idempotency-key"], body.decode()) for _, _, headers, body in self.asked]

    def cut_after(self, size: int) -> None:
        """Stop listening."""
        self.stop()

    def heal(self) -> None:
        """Listen, and take everything."""
        self.status, self.headers = 204, {}
        if self._running is None:
            self._running = ThreadingHTTPServer((HOST, self.port), self._handler())
            if self._certificate:
                tls = server_side(self._certificate)
                self._running.socket = tls.wrap_socket(
                    self._running.socket, server_side=True, do_handshake_on_connect=False
                )
            threading.Thread(target=self._running.serve_forever, args=(0.01,), daemon=True).start()

    def refuse(self) -> None:
        """Refuse each notice."""
        self.status = 422

    def busy(self, seconds: float) -> None:
        """Ask to come again after so long."""
        self.status, self.headers = 429, {"Retry-After": str(int(seconds))}

    def stop(self) -> None:
        """Listen no longer; harmless twice."""
        if self._running is not None:
            self._running.shutdown()
            self._running.server_close()
            self._running = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            """Answers as the server is told to."""

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if 200 <= server.status < 300:
                    server.asked.append((self.command, self.path, headers, body))
                self.send_response(server.status)
                for name, value in server.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_HEAD = _answer  # noqa: N815 - as http.server looks for them

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        return Handler
