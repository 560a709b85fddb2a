"""An HTTP server whose every answer a test writes, whole or broken; and a client whose time is turned by hand."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from hub_ehr_fhir.connect.http import Server
from hub_ehr_fhir.settings_server import ServerSettings

from hub.clock import TurnedClock
from hub.testing.fakes import START, FakeContext

EMPTY = b'{"resourceType":"Bundle","type":"searchset"}'
Headers = Mapping[str, str]


class Seen(msgspec.Struct, frozen=True):
    """A request as it came; header names in small letters."""

    method: str
    path: str
    headers: Headers
    body: bytes


class Reply(msgspec.Struct, frozen=True):
    """An answer. `length`: what Content-Length says, if not the truth; `chunks`: sent chunked, the end left out where
    `torn`; `hang_up`: the connection is closed without a word.
    """

    status: int = 200
    body: bytes = EMPTY
    headers: Headers = {}
    length: int | None = None
    chunks: tuple[bytes, ...] = ()
    torn: bool = False
    hang_up: bool = False


Answerer = Callable[[Seen], Reply]


class House:
    """What one server saw, and how its clock goes."""

    def __init__(self, answer: Answerer, clock: TurnedClock) -> None:
        self.answer, self.clock = answer, clock
        self.seen: list[Seen] = []
        self.skew = timedelta()
        self.url = ""
        self.port = 0
        self.together = self.most_together = 0
        self.lock = threading.Lock()

    @property
    def paths(self) -> list[str]:
        """Method and path of every request."""
        return [f"{one.method} {one.path}" for one in self.seen]


@contextlib.contextmanager
def serving(
    answer: Answerer, *, clock: TurnedClock | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[House]:
    """A server that answers as told; `house.url` is its base."""
    house = House(answer, clock or TurnedClock(START))

    class Handler(_Handler):
        of = house

    server = _Listener(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.tls = tls
    house.port = server.server_port
    house.url = f"{'https' if tls else 'http'}://localhost:{house.port}/r4"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
    thread.start()
    try:
        yield house
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """The handshake in the connection's own thread, so that a failed one disturbs nobody."""
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with contextlib.suppress(OSError), self.tls.wrap_socket(request, server_side=True) as safe:
            super().finish_request(safe, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that breaks off is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    of: House

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's
        """Nothing is told."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(self.of.clock.now() + self.of.skew, usegmt=True)

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        seen = Seen(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        with self.of.lock:
            self.of.seen.append(seen)
            self.of.together += 1
            self.of.most_together = max(self.of.most_together, self.of.together)
        try:
            reply = self.of.answer(seen)
        finally:
            with self.of.lock:
                self.of.together -= 1
        if reply.hang_up:
            self.close_connection = True
            return
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        if reply.chunks:
            self.send_header("transfer-encoding", "chunked")
        elif reply.status not in (204, 304):
            self.send_header("content-length", str(len(reply.body) if reply.length is None else reply.length))
        for name, value in ({"content-type": "application/fhir+json"} | dict(reply.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        for chunk in reply.chunks:
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        if reply.chunks and not reply.torn:
            self.wfile.write(b"0\r\n\r\n")
        if not reply.chunks and reply.status not in (204, 304):
            self.wfile.write(reply.body)
        self.close_connection = self.close_connection or reply.torn or reply.length is not None

    do_GET = do_POST = do_DELETE = do_PUT = _any  # noqa: N815 - the library's names


def each(*replies: Reply) -> Answerer:
    """One answer after the other; the last one over and over."""
    left = list(replies)
    return lambda _seen: left.pop(0) if len(left) > 1 else left[0]


class Client:
    """A `Server` whose clock and seconds are turned by what it waits."""

    def __init__(self, settings: ServerSettings, secrets: Mapping[str, str], clock: TurnedClock) -> None:
        self.settings = settings
        self.context = FakeContext("ehr", clock=clock, secrets=secrets)
        self.clock, self.waits, self.gone = clock, [], 0.0
        self._lock = threading.Lock()
        self.stops_after: float | None = None
        self.step = 0.0
        self.server = Server(
            settings,
            secrets=self.context.secrets,
            clock=clock,
            log=self.context.log,
            stop=self.context.stop,
            instance="ehr",
            wait=self._wait,
            tick=self._tick,
        )

    waits: list[float]

    def _wait(self, seconds: float) -> bool:
        with self._lock:
            if seconds:
                self.waits.append(round(seconds, 3))
            self.gone += seconds
            self.clock.turn(timedelta(seconds=seconds))
        return self.stops_after is not None and self.gone >= self.stops_after

    def _tick(self) -> float:
        self.gone += self.step
        return self.gone


@contextlib.contextmanager
def asking(
    url: str, *, secrets: Mapping[str, str] | None = None, clock: TurnedClock | None = None, **settings: Any
) -> Iterator[Client]:
    """A client of the server at `url`; without a way to sign in unless the settings say so."""
    given = {"auth": "none", "requests_per_second": 0, **settings}
    client = Client(ServerSettings(url=url, **given), secrets or {}, clock or TurnedClock(START))
    try:
        yield client
    finally:
        client.server.close()
