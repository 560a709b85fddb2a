"""TLS of both sides: TLS 1.2 or newer, certificates from paths or secrets, and faults that say what to mend."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from hub.plugin.api import Misconfigured
from hub.plugin.api.ports import Secrets
from hub_hl7_adt.settings_mllp import MllpSettings, MllpTarget, TlsSettings, pem_path

_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME: what is over is read too
_ROUNDS = 4


def server_side(settings: MllpSettings, secrets: Secrets) -> ssl.SSLContext | None:
    """What a listener shows and asks for; None where no certificate is set. Raises `Misconfigured`."""
    if not settings.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _own(context, settings, secrets)
    if settings.tls_client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        _trust(context, settings.tls_client_ca, secrets, "tls_client_ca")
    return context


def client_side(target: MllpTarget, secrets: Secrets) -> ssl.SSLContext | None:
    """What a sender shows and asks for; None where the connection is plain. Raises `Misconfigured`."""
    if not target.tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if target.tls_ca:
        _trust(context, target.tls_ca, secrets, "tls_ca")
    else:
        context.load_default_certs()
    if target.tls_cert:
        _own(context, target, secrets)
    return context


def good_from_to(settings: MllpSettings, secrets: Secrets) -> tuple[datetime, datetime]:
    """From when until when (UTC) the certificate is good that a listener shows, as a client is shown it: by a
    handshake in memory, since the standard library reads dates of a certificate nowhere else.
    """
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _own(server, settings, secrets)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    _trust(client, settings.tls_cert, secrets, "tls_cert")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)
    try:
        for _ in range(_ROUNDS):
            for side in sides:
                with suppress(ssl.SSLWantReadError):
                    side.do_handshake()
        told = sides[0].getpeercert() or {}
    except (ssl.SSLError, ValueError) as error:
        raise _unusable("tls_cert and tls_key", error) from None
    dates = [ssl.cert_time_to_seconds(str(told[name])) for name in ("notBefore", "notAfter")]
    since, until = (datetime.fromtimestamp(one, UTC) for one in dates)
    return since, until


def _own(context: ssl.SSLContext, settings: TlsSettings, secrets: Secrets) -> None:
    password = secrets.get(settings.tls_key_password) if settings.tls_key_password else ""
    try:
        with ExitStack() as files:
            certificate = files.enter_context(_file(settings.tls_cert, secrets))
            key = files.enter_context(_file(settings.tls_key, secrets)) if settings.tls_key else None
            # an empty password, so that OpenSSL never asks at the terminal
            context.load_cert_chain(certificate, key, password=password)
    except (OSError, ValueError) as error:
        raise _unusable("tls_cert and tls_key", error) from None


def _trust(context: ssl.SSLContext, text: str, secrets: Secrets, name: str) -> None:
    try:
        with _file(text, secrets) as path:
            context.load_verify_locations(path)
    except (OSError, ValueError) as error:
        raise _unusable(name, error) from None


@contextmanager
def _file(text: str, secrets: Secrets) -> Iterator[Path]:
    """The PEM file that a setting names; a secret is laid into one that nobody else can read, and removed."""
    path = pem_path(text)
    if path is not None:
        yield path
        return
    handle, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.get(text))
        yield Path(name)
    finally:
        Path(name).unlink()


def _unusable(name: str, error: Exception) -> Misconfigured:
    return Misconfigured(
        f"the certificate of {name} cannot be used ({type(error).__name__})",
        fix=f"check that {name} names PEM files (or secrets that hold PEM text) which the hub may read, that key "
        "and certificate belong together, and the key's password",
    )
