"""One request and its answer, by httpx: bounded in time and size, decoded, and its failures in plain words."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import httpx
import msgspec

from hub.plugin.api import HubError, Misconfigured, RetryLater
from hub.plugin.api.ports import Secrets
from hub_ehr_fhir.connect import trust
from hub_ehr_fhir.connect.patience import BUSY_FIX, Enough, Moment
from hub_ehr_fhir.connect.transport import Transport
from hub_ehr_fhir.settings_server import ServerSettings

OWN_CERTIFICATE_FIX = (
    "the server wants a certificate of ours, or does not take the one it got: set client_certificate and client_key "
    "as who runs the server gave them"
)
_PIECE = 1 << 20
_MOST_PLAIN = 16 << 20
STEPS_FIX = "run `hub connector test NAME`: it goes the way step by step"


class TooLarge(Misconfigured):
    """An answer is larger than what was to be taken."""


class Unreached(Misconfigured):
    """Something on the way is set up wrong (certificates, proxies): every call would fail so."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent. `what` is how the call is spoken of: no ids, no query."""

    method: str
    url: str
    what: str
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: bytes | None = None

    def __repr__(self) -> str:
        return f"Request({self.what!r})"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: `headers` by lower-case names, `body` decoded, `url` where it came from (never to be shown)."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    url: str = ""

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes)"


class Raw:
    """An answer whose body is still to be read; `pieces` are decoded, each at most a MiB, and may be empty."""

    def __init__(self, answer: httpx.Response, what: str, end: Moment, stopped: Callable[[], bool]) -> None:
        self._answer, self._what, self._end, self._stopped = answer, what, end, stopped
        self.status = answer.status_code
        self.headers: Mapping[str, str] = {name.lower(): text for name, text in answer.headers.items()}
        self.url = str(answer.url)

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes; raises `RetryLater` where it breaks off, drips too slowly, or is not what it says."""
        decode = _decoder(self.headers.get("content-encoding", ""), self._what)
        with told(self._what):
            for chunk in self._answer.iter_raw():
                if self._stopped():
                    raise Enough("the hub stops", fix="nothing: it goes on when the hub runs again")
                if self._end.left() <= 0:
                    raise Enough(f"{self._what}: the answer comes too slowly", fix=_SLOW_FIX)
                yield from decode(chunk)
            yield from decode(b"")

    def whole(self, limit: int) -> bytes:
        """The body, of at most `limit` bytes."""
        found, size = [], 0
        for piece in self.pieces():
            found.append(piece)
            size += len(piece)
            if size > limit:
                raise TooLarge(
                    f"{self._what}: the answer is larger than {limit:,} bytes",
                    fix="ask for smaller pages (page_size of [pull]), or raise max_body_bytes",
                )
        return b"".join(found)


class Wire:
    """The connections to one server; made at the first call, so that a plugin's constructor does no I/O."""

    def __init__(self, settings: ServerSettings, secrets: Secrets, stopped: Callable[[], bool]) -> None:
        self._settings, self._secrets, self._stopped = settings, secrets, stopped
        self._lock = threading.Lock()
        self._client: tuple[httpx.Client, Transport] | None = None
        for name in ("httpx", "httpcore"):  # the library would log whole addresses
            logging.getLogger(name).setLevel(logging.WARNING)

    def exchange(self, request: Request, end: Moment) -> Answer:
        """One request and its whole answer, of signing in or discovery."""
        with self.open(request, end, end) as raw:
            body = raw.whole(min(self._settings.max_body_bytes, _MOST_PLAIN))
            return Answer(status=raw.status, headers=raw.headers, body=body, url=raw.url)

    @contextmanager
    def open(self, request: Request, end: Moment, body_end: Moment) -> Iterator[Raw]:
        """One request and its answer, the body unread: it must have come before `body_end`."""
        client, carrier = self._opened()
        with told(request.what), carrier.until(end):
            sent = client.build_request(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body,
                timeout=self._times(end),
            )
            answer = client.send(sent, stream=True, follow_redirects=False)
        try:
            yield Raw(answer, request.what, body_end, self._stopped)
        finally:
            answer.close()

    def close(self) -> None:
        """Let go of the connections; harmless twice."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client[0].close()

    def _times(self, end: Moment) -> httpx.Timeout:
        left = max(end.left(), 0.1)
        read = min(self._settings.read_seconds, left)
        return httpx.Timeout(read, connect=min(self._settings.connect_seconds, left), pool=left)

    def _opened(self) -> tuple[httpx.Client, Transport]:
        with self._lock:
            if self._client is None:
                self._client = self._made()
            return self._client

    def _made(self) -> tuple[httpx.Client, Transport]:
        settings = self._settings
        try:
            context, proxy = trust.tls(settings, self._secrets), trust.proxy_of(settings, self._secrets)
        except Misconfigured as error:
            raise Unreached(str(error), fix=error.fix) from None
        carrier = Transport(
            context, lambda url: proxy or trust.by_environment(url, settings), settings.requests_at_once + 4
        )
        headers = {"user-agent": "billing-hub", "accept-encoding": "gzip"}
        return httpx.Client(transport=carrier, trust_env=False, headers=headers), carrier


def _decoder(encoding: str, what: str) -> Callable[[bytes], Iterator[bytes]]:
    """Bytes as they are meant; the empty chunk says that no more come."""
    kind = encoding.strip().lower()
    if kind in {"", "identity"}:
        return lambda chunk: iter((chunk,))
    if kind not in {"gzip", "x-gzip", "deflate"}:
        raise Enough(
            f"{what}: the answer is packed in a way that was not asked for", fix="ask who runs the server"
        )
    return _Unpacked(what).pieces


class _Unpacked:
    """gzip and zlib, in members; what ends in the middle or is damaged is no answer."""

    def __init__(self, what: str) -> None:
        self._what, self._inner, self._begun = what, zlib.decompressobj(47), False

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What a chunk holds; the empty one says that no more come."""
        last = not chunk
        while chunk or (last and self._begun):
            if self._inner.eof:
                self._inner = zlib.decompressobj(47)
            out = self._unpacked(chunk)
            self._begun = not self._inner.eof
            if last and self._begun and not out:
                raise RetryLater(f"{self._what}: the packed answer is cut off", fix=BUSY_FIX)
            yield out
            chunk = self._inner.unused_data or self._inner.unconsumed_tail

    def _unpacked(self, chunk: bytes) -> bytes:
        try:
            return self._inner.decompress(chunk, _PIECE)
        except zlib.error:
            raise RetryLater(f"{self._what}: the packed answer is damaged", fix=BUSY_FIX) from None


@contextmanager
def told(what: str) -> Iterator[None]:
    """Failures of the network and of the library leave as the door's errors, without addresses."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
        raise Misconfigured(
            f"{what}: the address cannot be used", fix="check the addresses in the settings"
        ) from None
    except httpx.HTTPError as error:
        raise unreached(what, error) from None


def unreached(what: str, error: httpx.HTTPError) -> HubError:  # noqa: PLR0911 - one for each cause
    """No whole answer came: why."""
    cause = _cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unreached(f"{what}: the server's certificate is not trusted", fix=STEPS_FIX)
    if isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or "").upper():
        return Unreached(f"{what}: the server breaks TLS off ({cause.reason})", fix=OWN_CERTIFICATE_FIX)
    if isinstance(cause, ssl.SSLError) and isinstance(error, httpx.ConnectError):
        return RetryLater(f"{what}: TLS could not be agreed on", fix=STEPS_FIX)
    if isinstance(cause, socket.gaierror):
        return RetryLater(f"{what}: the server's name is not found", fix=STEPS_FIX)
    if isinstance(error, httpx.ProxyError):
        return _by_proxy(what, str(error))
    if isinstance(error, httpx.PoolTimeout):
        return RetryLater(f"{what}: all connections are busy", fix="lower requests_at_once of other parts")
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        return RetryLater(f"{what}: the server cannot be reached", fix=STEPS_FIX)
    if isinstance(error, httpx.TimeoutException):
        return RetryLater(f"{what}: no answer in time", fix=_SLOW_FIX)
    return RetryLater(f"{what}: the answer broke off", fix=BUSY_FIX)


def _by_proxy(what: str, text: str) -> HubError:
    if text.startswith("407"):
        return Unreached(f"{what}: the proxy asks for a login (HTTP 407)", fix="set proxy_login")
    if text.startswith("403"):
        fix = "ask who runs the proxy to let this machine reach the server's host"
        return Unreached(f"{what}: the proxy does not let us through (HTTP 403)", fix=fix)
    return RetryLater(f"{what}: the proxy cannot reach the server", fix=STEPS_FIX)


def _cause(error: BaseException) -> BaseException | None:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    return cause


_SLOW_FIX = (
    "nothing: the hub tries again by itself; if it happens often, raise read_seconds, or ask for smaller pages"
)
