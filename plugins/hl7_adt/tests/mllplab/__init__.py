"""A listener in a thread, a plain socket to speak to it, and certificates of an authority that a test made."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hub_hl7_adt.mllp.connection import Connection
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.source import Hl7Source

from hub.clock import SystemClock
from hub.testing.fakes import FakeContext
from hub.testing.kits.listening import HeldInbox, Running

PATIENCE_SECONDS = 60.0


def message(
    n: int | str = 1, *, header: str = "", more: str = "", version: str = "2.5", kind: str = "ADT^A08"
) -> bytes:
    """A small message; `header` is what follows MSH-12."""
    msh = f"MSH|^~\\&|APP|FAC|HUB|SITE|20260106120000||{kind}|M{n}|P|{version}{header}"
    return f"{msh}\rPID|1||1001^^^EAST^MR||QUILLFEATHER^ADALINE\r{more}".encode()


def until(true: Callable[[], bool]) -> None:
    """Wait until it is so."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end, "it did not come to be"
        threading.Event().wait(0.005)


class Line:
    """The sender's end of a connection."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), timeout=PATIENCE_SECONDS)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self._rest = b""

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self.socket.sendall(data)

    def say(self, *messages: bytes) -> None:
        """Messages in their frames, in one write."""
        self.send(b"".join(b"\x0b" + one + b"\x1c\r" for one in messages))

    def answer(self) -> bytes:
        """The next answer without its frame; empty when the other side has closed."""
        while b"\x1c\r" not in self._rest:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionError:
                return b""
            if not data:
                return b""
            self._rest += data
        one, _, self._rest = self._rest.partition(b"\x1c\r")
        assert one.startswith(b"\x0bMSH"), "an answer begins with its frame"
        return one[1:]

    def msa(self) -> tuple[str, str]:
        """MSA-1 and MSA-2 of the next answer; empty when the other side has closed."""
        for segment in self.answer().split(b"\r"):
            if segment.startswith(b"MSA|"):
                return (segment.split(b"|")[1].decode(), segment.split(b"|")[2].decode())
        return ("", "")

    def ask(self, one: bytes) -> tuple[str, str]:
        """Send one message and wait for what is said."""
        self.say(one)
        return self.msa()

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


class House:
    """A source that listens on a port of its own, and its inbox."""

    def __init__(self, source: Hl7Source, inbox: HeldInbox, context: FakeContext) -> None:
        self.source = source
        self.inbox = inbox
        self.context = context
        self.running = Running(source, inbox)
        self.lines: list[Line] = []
        assert source.listener is not None
        assert source.listener.ready.wait(PATIENCE_SECONDS)
        self.port = source.listener.port

    def line(self, tls: ssl.SSLContext | None = None) -> Line:
        """A new connection."""
        self.lines.append(Line(self.port, tls))
        return self.lines[-1]

    @property
    def connection(self) -> Connection:
        """The listener's side of the only connection there is."""
        assert self.source.listener is not None
        until(lambda: len(self.source.listener.connections) == 1)
        (one,) = self.source.listener.connections
        return one

    @property
    def bodies(self) -> list[bytes]:
        """What was put."""
        return [one.body for one in self.inbox.put_so_far]

    @property
    def events(self) -> list[str]:
        """What the log was told."""
        return [event for event, _ in self.context.log.lines]


def source(
    context: FakeContext | None = None, *, profile: dict[str, Any] | None = None, **mllp: Any
) -> Hl7Source:
    """A source that will listen on any free port of this machine."""
    told = {"mllp": {"listen": "127.0.0.1:0", **mllp}, **(profile or {})}
    return Hl7Source(Hl7Settings.model_validate(told), context or FakeContext("hl7", clock=SystemClock()))


@contextmanager
def house(
    *, secrets: dict[str, str] | None = None, inbox: HeldInbox | None = None, **told: Any
) -> Iterator[House]:
    """A house that listens, and ends well."""
    context = FakeContext("hl7", clock=SystemClock(), secrets=secrets)
    made = House(source(context, **told), inbox or HeldInbox(), context)
    try:
        yield made
    finally:
        for line in made.lines:
            line.close()
        made.inbox.let()
        made.running.end()


class Authority:
    """Signs certificates for localhost; every PEM is a file in `folder`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.ca = folder / f"{name}.pem"
        self.ca.write_bytes(self._sign(self._name, self._key.public_key(), authority=True))

    def certificate(self, name: str, password: bytes = b"", days: int = 60) -> tuple[Path, Path]:
        """A certificate, good for that many more days, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        cert, secret = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        cert.write_bytes(self._sign(subject, key.public_key(), authority=False, days=days))
        how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
        return cert, secret

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool, days: int = 60
    ) -> bytes:
        now = SystemClock().now()
        about = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "encipher_only", "decipher_only"), False,
        )  # fmt: skip
        about = about.add_extension(
            x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **usage),
            critical=True,
        )
        return about.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
