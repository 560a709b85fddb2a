"""Whom we trust on the way to a server, and what we show of ourselves: TLS and proxies of one connector."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from hub.plugin.api import Misconfigured
from hub.plugin.api.ports import Secrets
from hub_ehr_fhir.settings_server import REFERENCE, WaySettings

CA_FIX = (
    "name in `ca` the authority's PEM file, which the hub may read: its whole path, or file:NAME (mode 600) where it "
    "lies beside hub.toml"
)
_OWN_FIX = (
    "check that client_certificate and client_key name PEM files (or secrets with PEM text) that the hub may read, "
    "that they belong together, and client_key_password"
)


def tls(settings: WaySettings, secrets: Secrets) -> ssl.SSLContext:
    """TLS 1.2 or newer; the system's authorities and the private one; the host's name is always checked."""
    if not (settings.ca or settings.client_certificate):
        return _usual()
    context = _usual.__wrapped__()
    if settings.ca:
        # authorities of offices often lack extensions that Python 3.13 began to insist on
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        _trust(context, settings.ca, secrets)
    if settings.client_certificate:
        _show(context, settings, secrets)
    return context


@cache
def _usual() -> ssl.SSLContext:
    """What the system trusts; read once, since that takes a while. Nobody changes it."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _trust(context: ssl.SSLContext, ca: str, secrets: Secrets) -> None:
    try:
        text = secrets.get(ca) if REFERENCE.fullmatch(ca) else Path(ca).read_text("ascii", "replace")
        context.load_verify_locations(cadata=text)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "no PEM certificates"
        raise Misconfigured(f"`ca` cannot be used ({why})", fix=CA_FIX) from None


def _show(context: ssl.SSLContext, settings: WaySettings, secrets: Secrets) -> None:
    password = secrets.get(settings.client_key_password) if settings.client_key_password else ""
    try:
        with ExitStack() as files:
            certificate = files.enter_context(_file(settings.client_certificate, secrets))
            key = files.enter_context(_file(settings.client_key, secrets)) if settings.client_key else None
            # an empty password, so that OpenSSL never asks at the terminal
            context.load_cert_chain(certificate, key, password=password)
    except (OSError, ValueError):
        raise Misconfigured("client_certificate cannot be used", fix=_OWN_FIX) from None


@contextmanager
def _file(text: str, secrets: Secrets) -> Iterator[Path]:
    """The PEM file that a setting names; a secret is laid into one that nobody else can read, and removed."""
    if not REFERENCE.fullmatch(text):
        yield Path(text)
        return
    handle, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.get(text))
        yield Path(name)
    finally:
        Path(name).unlink()


def proxy_of(settings: WaySettings, secrets: Secrets) -> str | None:
    """The proxy's address with its login, never to be shown; None without a proxy of the settings."""
    if not settings.proxy:
        return None
    if not settings.proxy_login:
        return settings.proxy
    user, colon, password = secrets.get(settings.proxy_login).partition(":")
    if not colon:
        raise Misconfigured("proxy_login holds no colon", fix="store it as user:password")
    parts = urlsplit(settings.proxy)
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))


def by_environment(url: str, settings: WaySettings) -> str | None:
    """The proxy that the environment names for an address, if the settings want that."""
    parts = urlsplit(url)
    if not settings.proxy_from_environment or proxy_bypass(parts.hostname or ""):
        return None
    found = getproxies()
    proxy = found.get(parts.scheme) or found.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"
