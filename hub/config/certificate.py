"""The certificate of a site: from files or secrets, read again when it was renewed, and until when it is good."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from hub.config.fields import SECRET
from hub.config.secrets import SecretStore
from hub.config.unattended import Run
from hub.errors import Misconfigured

_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME: what is over is read too
_ROUNDS = 4


class Certificate:
    """What a site shows. `certificate` (with its chain) and `key` are PEM: paths from `folder`, or references that
    `secret` resolves; without a key it stands with the certificate.
    """

    def __init__(self, folder: Path, certificate: str, key: str, secret: Callable[[str], str]) -> None:
        self._folder, self._certificate, self._key, self._secret = folder, certificate, key, secret
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer with this certificate; raises `Misconfigured`."""
        if self._context is None:
            made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            made.minimum_version = ssl.TLSVersion.TLSv1_2
            self._load(made)
            self._context = made
        return self._context

    def become(self, fresh: Certificate) -> None:
        """Show who connects from now on what `fresh` names, as it stands there now; one that cannot be used changes
        nothing, and raises `Misconfigured`.
        """
        fresh.context()
        if self._context is not None:
            fresh._load(self._context)

    def good_until(self) -> datetime:
        """When it ends (UTC), as a client is told: by a handshake in memory, since the standard library reads dates
        of a certificate nowhere else. Raises `Misconfigured`.
        """
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            with self._file(self._certificate) as path:
                client.load_verify_locations(path)
            sides = client.wrap_bio(back, there), self.context().wrap_bio(there, back, server_side=True)
            for _ in range(_ROUNDS):
                for side in sides:
                    with suppress(ssl.SSLWantReadError):
                        side.do_handshake()
            told = sides[0].getpeercert() or {}
            return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(told["notAfter"])), UTC)
        except (OSError, ValueError, KeyError) as error:
            raise _unusable(error) from None

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            with ExitStack() as files:
                certificate = files.enter_context(self._file(self._certificate))
                key = files.enter_context(self._file(self._key)) if self._key else None
                # an empty password, so that OpenSSL never asks at the terminal
                context.load_cert_chain(certificate, key, password="")
        except (OSError, ValueError) as error:
            raise _unusable(error) from None

    @contextmanager
    def _file(self, text: str) -> Iterator[Path]:
        """The PEM file that is named; a secret is laid into one that nobody else can read, and removed."""
        if not SECRET.fullmatch(text):
            yield self._folder / text
            return
        handle, name = tempfile.mkstemp(suffix=".pem")
        try:
            with os.fdopen(handle, "w") as file:
                file.write(self._secret(text))
            yield Path(name)
        finally:
            Path(name).unlink()


def certificate_of(run: Run, folder: Path) -> Certificate | None:
    """What the public address shows; None where there is none, or one without TLS."""
    if not run.public_listen or not run.public_certificate:
        return None
    return Certificate(folder, run.public_certificate, run.public_key, SecretStore(folder).get)


def _unusable(error: Exception) -> Misconfigured:
    return Misconfigured(
        f"the certificate of run.public_listen cannot be used ({type(error).__name__})",
        fix="check that run.public_certificate and run.public_key name PEM files (or secrets that hold PEM text) "
        "which the hub may read, and that they belong together; a key with a password cannot be used",
    )
