"""A server's certificate in words: for whom, from whom, until when, and what to do where it is not trusted."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID

_SOON_DAYS = 21


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What a certificate says: its names, who signed it, and when it ends (aware UTC)."""

    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime
    own: bool

    def said(self, now: datetime) -> str:
        """In words, with a warning where it ends soon."""
        days = (self.ends - now).days
        soon = f" ({days} days left: ask who runs the server to renew it)" if 0 <= days < _SOON_DAYS else ""
        who = "itself" if self.own else self.issuer
        return f"for {', '.join(self.names[:4]) or 'nobody'}, signed by {who}, until {self.ends:%Y-%m-%d}{soon}"


def read(der: bytes) -> Certificate | None:
    """A certificate (DER); None for one of a form that cannot be read here, good as it may be."""
    try:
        found = x509.load_der_x509_certificate(der)
        return Certificate(
            names=_names(found),
            issuer=_called(found.issuer),
            begins=found.not_valid_before_utc,
            ends=found.not_valid_after_utc,
            own=found.issuer == found.subject,
        )
    except ValueError:
        return None


def shown(connect: Callable[[], socket.socket], host: str) -> Certificate | None:
    """The certificate that a server shows, unchecked: only looked at, nothing is said to it. None: it shows none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with connect() as plain, context.wrap_socket(plain, server_hostname=host) as safe:
            der = safe.getpeercert(binary_form=True)
            return read(der) if der else None
    except (OSError, ValueError):
        return None


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        also = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return (_called(found.subject),)
    return tuple(_plain(str(one.value)) for one in also if isinstance(one, x509.DNSName | x509.IPAddress))


def _called(name: x509.Name) -> str:
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        found = name.get_attributes_for_oid(kind)
        if found:
            return _plain(str(found[0].value))
    return "an authority without a name"


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:80]


def untrusted(
    error: ssl.SSLCertVerificationError, host: str, found: Certificate | None, now: datetime
) -> tuple[str, str]:
    """Why a certificate is not trusted, and what to do (codes of OpenSSL's X509_V_ERR)."""
    said = f"; it is {found.said(now)}" if found else ""
    code = error.verify_code
    if code == 10:
        return f"the server's certificate has ended{said}", _ENDED
    if code == 9:
        begins = f" (it begins on {found.begins:%Y-%m-%d %H:%M} UTC)" if found else ""
        return f"the server's certificate is not yet good{begins}", "set this machine's clock right"
    if code in (62, 64):
        return f"the server's certificate is not for {host}{said}", _OTHER_NAME
    if code == 18:
        return f"the server's certificate is signed by itself{said}", _OWN
    return f"who signed the server's certificate is not known here{said}", _UNKNOWN


_ENDED = "ask who runs the server to renew it; if it is good elsewhere, set this machine's clock right"
_OTHER_NAME = "write in `url` the name that the certificate is for; if that is the wrong server, ask who runs it"
_OWN = (
    "ask who runs the server for that certificate as a PEM file (compare its fingerprint by telephone), and name the "
    "file in `ca`"
)
_UNKNOWN = (
    "if your organisation (or its firewall, which looks into TLS) has an authority of its own, get its certificate "
    "as a PEM file and name it in `ca`; else the server leaves out its intermediate certificate: tell its owner"
)
