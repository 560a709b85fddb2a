"""Serves a site with uvicorn in a thread of its own, on the one address that settings name."""

from __future__ import annotations

import socket
import ssl
import threading
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from hub.errors import Misconfigured
from hub.web.patience import Patient

_CLOSE_SECONDS = 3.0
LAST_PORT = 65_535


class Site:
    """A site that is served; `close` ends it, harmlessly twice. It answers until then, also while a node drains."""

    def __init__(self, app: ASGIApp, listening: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self._socket = listening
        host, port = listening.getsockname()[:2]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._server = uvicorn.Server(_config(app, tls))
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End within a few seconds."""
        self._server.should_exit = True
        self._thread.join(_CLOSE_SECONDS)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])


def serve_site(app: ASGIApp, listen: str, *, tls: ssl.SSLContext | None = None, key: str = "run.listen") -> Site:
    """Serve `app` on `listen` (`HOST:PORT`; port 0: any that is free, see `Site.address`), with TLS or without.

    Raises `Misconfigured` where that address, which the setting `key` names, cannot be taken.
    """
    try:
        listening = _bound(listen)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "there is no such address"
        raise Misconfigured(
            f"cannot listen on {listen}: {why}", fix=f"change {key} in hub.toml, or stop what listens there"
        ) from None
    return Site(app, listening, tls)


def _bound(listen: str) -> socket.socket:
    """The listening socket, on that address and no other. A port beyond the last would be cut to another one."""
    host, _, port = listen.rpartition(":")
    if not 0 <= int(port) <= LAST_PORT:
        raise ValueError
    found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
    return socket.create_server(found[4][:2], family=found[0])


def _config(app: ASGIApp, tls: ssl.SSLContext | None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        http=Patient,
        ws="none",
        server_header=False,
        limit_concurrency=100,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,
    )
    config.load()
    config.ssl = tls
    return config
