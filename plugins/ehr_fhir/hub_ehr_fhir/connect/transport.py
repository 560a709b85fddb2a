"""The sockets below the client: pools by proxy, and an end for every wait, also for an answer whose head drips in."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

from hub_ehr_fhir.connect.patience import Moment

ProxyFor = Callable[[str], str | None]
_KEPT_SECONDS = 30.0


class Transport(httpx.BaseTransport):
    """Carries requests of one client. `proxy_for(url)` gives the proxy on the way there, with its login, or None."""

    def __init__(self, context: ssl.SSLContext, proxy_for: ProxyFor, most: int) -> None:
        self._context, self._proxy_for, self._most = context, proxy_for, most
        self._lock = threading.Lock()
        self._pools: dict[str | None, httpcore.ConnectionPool] = {}
        self._backend = _Backend()

    @contextmanager
    def until(self, end: Moment) -> Iterator[None]:
        """What this thread waits for within ends then."""
        before, self._backend.here.end = self._backend.end(), end
        try:
            yield
        finally:
            self._backend.here.end = before

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx asks for it."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        sent = httpcore.Request(
            request.method,
            url,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _named(request):
            answer = self._pool(str(request.url)).handle_request(sent)
        body = _Body(answer.stream, request)
        return httpx.Response(answer.status, headers=answer.headers, stream=body, extensions=answer.extensions)

    def close(self) -> None:
        """Let go of every connection."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for one in pools.values():
            one.close()

    def _pool(self, url: str) -> httpcore.ConnectionPool:
        proxy = self._proxy_for(url)
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = self._made(proxy)
            return self._pools[proxy]

    def _made(self, proxy: str | None) -> httpcore.ConnectionPool:
        how: dict[str, Any] = {
            "ssl_context": self._context,
            "max_connections": self._most,
            "max_keepalive_connections": self._most,
            "keepalive_expiry": _KEPT_SECONDS,
            "network_backend": self._backend,
        }
        if proxy is None:
            return httpcore.ConnectionPool(**how)
        shown = httpx.Proxy(proxy)
        return httpcore.HTTPProxy(
            proxy_url=str(shown.url),
            proxy_auth=shown.raw_auth,
            proxy_ssl_context=self._context if shown.url.scheme == "https" else None,
            **how,
        )


class _Body(httpx.SyncByteStream):
    def __init__(self, inner: Any, request: httpx.Request) -> None:
        self._inner, self._request = inner, request

    def __iter__(self) -> Iterator[bytes]:
        with _named(self._request):
            yield from self._inner

    def close(self) -> None:
        if hasattr(self._inner, "close"):
            self._inner.close()


@contextmanager
def _named(request: httpx.Request) -> Iterator[None]:
    """The errors of the sockets' library are those of the client's, which have the same names."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        kind = getattr(httpx, type(error).__name__, httpx.NetworkError)
        raise kind(str(error), request=request) from error
    except (httpcore.ProxyError, httpcore.UnsupportedProtocol) as error:
        raise getattr(httpx, type(error).__name__)(str(error), request=request) from error


class _Backend(httpcore.NetworkBackend):
    """Plain sockets, whose every wait ends with the call that waits."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()
        self.here = threading.local()

    def end(self) -> Moment | None:
        """When the call of this thread must have ended."""
        found: Moment | None = getattr(self.here, "end", None)
        return found

    def bounded(self, timeout: float | None, kind: type[Exception]) -> float | None:
        """The wait that is left; raises `kind` where none is."""
        end = self.end()
        if end is None:
            return timeout
        left = end.left()
        if left <= 0:
            raise kind("the time of the call is over")
        return left if timeout is None else min(timeout, left)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """As the library's own."""
        left = self.bounded(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options), self)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, backend: _Backend) -> None:
        self._inner, self._backend = inner, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._backend.bounded(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._backend.bounded(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._backend.bounded(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
