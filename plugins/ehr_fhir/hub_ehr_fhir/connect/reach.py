"""The way to a server before anything is said to it: name, TCP, proxy, TLS, each with what to do where it ends."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from urllib.parse import unquote, urlsplit

import msgspec

from hub.plugin.api import HubError, Misconfigured, RetryLater, Step
from hub.plugin.api.ports import Secrets
from hub_ehr_fhir.connect import addresses, certificates, trust, wire
from hub_ehr_fhir.settings_server import WaySettings, is_here

_LONGEST_HEAD = 16_384


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """What is connected to: `what` it is (`server`, `proxy`), and where."""

    what: str
    host: str
    port: int
    login: str = ""
    safe: bool = False

    def __repr__(self) -> str:
        return f"Hop({self.what!r}, {self.host!r}, {self.port})"


class Way:
    """The way to `url`, directly or through a proxy."""

    def __init__(self, url: str, settings: WaySettings, secrets: Secrets) -> None:
        scheme, host, port = addresses.origin(url)
        self._safe, self._settings, self._secrets = scheme == "https", settings, secrets
        self._server = Hop(what="server", host=host, port=port)
        self._proxy = proxy_of(url, settings, secrets)

    def steps(self, now: datetime) -> Iterator[Step]:
        """Each part of the way; the last one that is given is the one that failed, if any did."""
        hop = self._proxy or self._server
        for step in (find(hop), self._open(hop)):
            yield step
            if not step.ok:
                return
        if self._proxy is not None and self._proxy.safe:
            return  # TLS within TLS is the client's business
        if self._proxy is not None and self._safe:
            step = self._through()
            yield step
            if not step.ok:
                return
        if self._safe:
            yield self._shake(now)

    def _open(self, hop: Hop) -> Step:
        name = "connect" if hop.what == "server" else "proxy connect"
        try:
            with closing(self._plain(hop)):
                return Step(name=name, ok=True, said=f"{hop.host} port {hop.port} answers")
        except OSError as error:
            return failed(name, unreached(error, hop))

    def _through(self) -> Step:
        try:
            with closing(self._tunnel()):
                return Step(name="proxy", ok=True, said=f"the proxy lets us through to {self._server.host}")
        except HubError as error:
            return failed("proxy", error)
        except OSError as error:
            return failed("proxy", unreached(error, self._proxy or self._server))

    def _shake(self, now: datetime) -> Step:
        host = self._server.host
        try:
            context = trust.tls(self._settings, self._secrets)
            with closing(self._tunnel()) as plain, context.wrap_socket(plain, server_hostname=host) as safe:
                found = certificates.read(safe.getpeercert(binary_form=True) or b"")
                said = f"the certificate is {found.said(now)}" if found else "its certificate cannot be read here"
                return Step(name="tls", ok=True, said=f"{safe.version()}; {said}")
        except HubError as error:
            return failed("tls", error)
        except ssl.SSLCertVerificationError as error:
            why, fix = certificates.untrusted(error, host, certificates.shown(self._tunnel, host), now)
            return Step(name="tls", ok=False, said=why, fix=fix)
        except ssl.SSLError as error:
            return _no_tls(error)
        except (OSError, ValueError) as error:
            return failed("tls", unreached(error, self._server))

    def _plain(self, hop: Hop) -> socket.socket:
        return socket.create_connection((hop.host, hop.port), timeout=self._settings.connect_seconds)

    def _tunnel(self) -> socket.socket:
        """A connection to the server itself, through the proxy where there is one (RFC 9110 9.3.6)."""
        if self._proxy is None:
            return self._plain(self._server)
        plain = self._plain(self._proxy)
        try:
            host = f"[{self._server.host}]" if ":" in self._server.host else self._server.host
            to = f"{host}:{self._server.port}"
            login = f"proxy-authorization: Basic {self._proxy.login}\r\n" if self._proxy.login else ""
            plain.sendall(f"CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n{login}\r\n".encode())
            _let_through(_head(plain))
        except BaseException:
            plain.close()
            raise
        return plain


def proxy_of(url: str, settings: WaySettings, secrets: Secrets) -> Hop | None:
    """The proxy on the way to an address, of the settings or of the environment."""
    found = trust.proxy_of(settings, secrets) or trust.by_environment(url, settings)
    if not found:
        return None
    parts = urlsplit(found)
    login, safe = "", parts.scheme == "https"
    if parts.username is not None:
        both = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = base64.b64encode(both.encode()).decode()
    return Hop(
        what="proxy",
        host=parts.hostname or "",
        port=parts.port or (443 if safe else 80),
        safe=safe,
        login=login,
    )


def find(hop: Hop) -> Step:
    """Look the name up."""
    name = "name" if hop.what == "server" else "proxy name"
    try:
        found = sorted(
            {str(one[4][0]) for one in socket.getaddrinfo(hop.host, hop.port, type=socket.SOCK_STREAM)}
        )
    except OSError:
        fix = (
            f"check the {hop.what}'s name for typing errors, and that this machine can ask its name server (DNS)"
        )
        return Step(name=name, ok=False, said=f"the name {hop.host} is not found", fix=fix)
    return Step(
        name=name, ok=True, said=f"{hop.host} is {found[0] if len(found) == 1 else f'{len(found)} addresses'}"
    )


def unreached(error: BaseException, hop: Hop) -> HubError:
    """Why there is no connection, and what to do."""
    where = f"{hop.host} port {hop.port}"
    if isinstance(error, ConnectionRefusedError):
        fix = f"check the port in the address; is the {hop.what} running? A firewall may refuse us too"
        return RetryLater(f"nothing answers at {where} (refused)", fix=fix)
    if isinstance(error, TimeoutError):
        fix = "a firewall on the way swallows the connection: let this machine reach that host and port"
        if hop.what == "server" and not is_here(hop.host):
            fix += "; if the way out is a proxy, name it in `proxy`"
        return RetryLater(f"{where} does not answer in time", fix=fix)
    return RetryLater(
        f"{where} cannot be reached", fix="check this machine's network, its routes and the firewall"
    )


def _no_tls(error: ssl.SSLError) -> Step:
    reason = (error.reason or "no reason").upper()
    if reason in {"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
        fix = "check the port: what answers there speaks no TLS"
    elif "ALERT" in reason and "VERSION" not in reason:
        fix = wire.OWN_CERTIFICATE_FIX
    else:
        fix = "the server must offer TLS 1.2 or newer: ask who runs it"
    return Step(name="tls", ok=False, said=f"TLS could not be agreed on ({reason})", fix=fix)


def _head(plain: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD:
        more = plain.recv(4096)
        if not more:
            break
        head += more
    return head


def _let_through(head: bytes) -> None:
    status = head[9:12]
    if status == b"200":
        return
    if status == b"407":
        raise Misconfigured("the proxy asks for a login (HTTP 407)", fix="set proxy_login")
    if status == b"403":
        fix = "ask who runs the proxy to let this machine reach the server's host"
        raise Misconfigured("the proxy does not let us through (HTTP 403)", fix=fix)
    if not head.startswith(b"HTTP/"):
        raise Misconfigured("what answers as proxy is none", fix="check host and port in `proxy`")
    said = status.decode("ascii", "replace") if status.isdigit() else "?"
    raise RetryLater(
        f"the proxy does not reach the server (HTTP {said})",
        fix="ask who runs the proxy; does it know the server's name?",
    )


def failed(name: str, error: HubError) -> Step:
    """The step that did not go well."""
    return Step(name=name, ok=False, said=str(error), fix=error.fix)
