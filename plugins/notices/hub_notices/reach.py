"""The way to a server, step by step: its name, the connection, TLS; and what is said where it ends."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

from hub.plugin.api import HubError, Misconfigured, RetryLater, Step

NAME_FIX = "check the host's name, and that this machine can ask its name server"
REACH_FIX = "check host, port and firewall; the hub tries again by itself"
TRUST_FIX = "let the server have a certificate of its name from a known authority, or name its own in ca_file"
TLS_FIX = "check that port and security belong together"


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Whom we trust: the system's authorities, or those of a file. The host's name is always checked."""
    if ca_file is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise Misconfigured(
            "ca_file cannot be read as PEM certificates", fix="check its path and content"
        ) from None


def door(error: OSError) -> HubError:
    """A failure of network or TLS as one of the door's errors; what the other side wrote is not repeated."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Misconfigured(f"the server's certificate is not trusted ({error.verify_message})", fix=TRUST_FIX)
    if isinstance(error, ssl.SSLError):
        return Misconfigured(f"TLS could not be agreed on ({error.reason or 'unknown reason'})", fix=TLS_FIX)
    if isinstance(error, socket.gaierror):
        return RetryLater("the server's name is not found", fix=NAME_FIX)
    if isinstance(error, TimeoutError):
        return RetryLater("the server does not answer in time", fix=REACH_FIX)
    return RetryLater(f"the server cannot be reached ({error.strerror or type(error).__name__})", fix=REACH_FIX)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Failures of network and TLS leave as the door's errors."""
    try:
        yield
    except OSError as error:
        raise door(error) from None


def find(host: str, port: int) -> Step:
    """Look the name up."""
    try:
        with told():
            found = {it[4][0] for it in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except HubError as error:
        return failed("name", error)
    return Step(
        name="name", ok=True, said=f"{host} has {len(found)} addresses" if len(found) > 1 else f"{host} is known"
    )


def shake(host: str, port: int, tls: ssl.SSLContext | None, timeout_seconds: float) -> Iterator[Step]:
    """Connect, and agree on TLS where `tls` is given; nothing is said to the server."""
    name = "connect"
    try:
        with told(), socket.create_connection((host, port), timeout=timeout_seconds) as plain:
            yield Step(name="connect", ok=True, said=f"port {port} answers")
            if tls is not None:
                name = "tls"
                with tls.wrap_socket(plain, server_hostname=host) as safe:
                    yield Step(name="tls", ok=True, said=f"{safe.version()}, and the certificate is good")
    except HubError as error:
        yield failed(name, error)


def failed(name: str, error: HubError) -> Step:
    """The step that did not go well."""
    return Step(name=name, ok=False, said=str(error), fix=error.fix)
