"""A proxy on 127.0.0.1 that spoils answers as servers and networks do, from a seed.

    with FaultProxy(upstream, seed=7, rate=0.3) as proxy:      # upstream: http://127.0.0.1:PORT, or an `Answerer`
        ... talk to proxy.url ...

Which calls are spoilt depends on the seed and on how often that call came, never on time or on the order of
threads. No call is spoilt more than `in_a_row` times one behind the other, so that whoever tries again gets through.
`proxy.hurt` counts what was done; `proxy.told` holds (method, path, Authorization) of every call that came, and
`proxy.elsewhere` those that came to the other address to which redirects lead.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

STORM = ("429 seconds", "429 date", "429 bare", "503 seconds")
BROKEN = ("500", "502", "half", "half chunk", "drip", "reset", "late reset", "empty", "page of a portal")
TOKENS = ("401",)
PAGES = ("duplicate entries", "other order")
REDIRECTS = ("redirect home", "redirect elsewhere")
ALL = (*STORM, *BROKEN, *TOKENS, *PAGES, *REDIRECTS)
"""Every kind of fault. `redirect elsewhere` serves the answer at another address: the token must not go there."""


class Reply(NamedTuple):
    """An answer: status, headers, body as it goes over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Answerer = Callable[[str, str, Mapping[str, str], bytes], Reply]
"""(method, path with query, headers in lower case, body) -> Reply: a server within the test's process."""


class FaultProxy:
    """A server that passes calls on to `upstream` and spoils a part of the answers.

    `rate` is the part of calls that is spoilt, `kinds` with what; `only(path)` says which calls may be spoilt.
    Storms: while `storm` is set, every call is told 429. `retry_after` is what Retry-After says, in seconds.
    """

    def __init__(
        self, upstream: str | Answerer, *, seed: int = 0, rate: float = 0.0, kinds: tuple[str, ...] = ALL,
        in_a_row: int = 2, retry_after: int = 0, drip_seconds: float = 0.001,
        only: Callable[[str], bool] = lambda _path: True,
    ) -> None:  # fmt: skip
        self.rate, self.kinds, self.in_a_row = rate, kinds, in_a_row
        self.retry_after, self.drip_seconds = retry_after, drip_seconds
        self.storm = False
        self.hurt: Counter[str] = Counter()
        self.told: list[tuple[str, str, str]] = []
        self.elsewhere: list[tuple[str, str, str]] = []
        self._upstream, self._seed, self._only = upstream, seed, only
        self._lock = threading.Lock()
        self._times: Counter[str] = Counter()
        self._row: Counter[str] = Counter()
        self._here = _server(self, elsewhere=False)
        self._there = _server(self, elsewhere=True)
        self.url = f"http://127.0.0.1:{self._here.server_address[1]}"
        self.other_url = f"http://127.0.0.1:{self._there.server_address[1]}"

    def __enter__(self) -> Self:
        for server in (self._here, self._there):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self._here, self._there):
            server.shutdown()
            server.server_close()

    def fault_of(self, call: str) -> str:
        """What is to happen to this call, by seed and count; empty: nothing."""
        with self._lock:
            if self.storm:
                self.hurt["429 seconds"] += 1
                return "429 seconds"
            nth = self._times[call]
            self._times[call] += 1
            chance = random.Random(f"{self._seed}|{call}|{nth}")  # noqa: S311 - faults, not secrets
            spoilt = chance.random() < self.rate and self._row[call] < self.in_a_row
            self._row[call] = self._row[call] + 1 if spoilt else 0
            kind = chance.choice(self.kinds) if spoilt and self._only(call.partition(" ")[2]) else ""
            self.hurt[kind] += bool(kind)
            return kind

    def pass_on(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """What the server behind says."""
        if callable(self._upstream):
            return self._upstream(method, path, headers, body)
        at = urlsplit(self._upstream)
        line = http.client.HTTPConnection(at.hostname or "", at.port or 80, timeout=30)
        try:
            kept = {k: v for k, v in headers.items() if k not in ("host", "connection", "accept-encoding")}
            line.request(method, at.path + path, body or None, {**kept, "Host": headers.get("host", "")})
            answer = line.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            line.close()


def _server(proxy: FaultProxy, *, elsewhere: bool) -> ThreadingHTTPServer:
    handler = type("Handler", (_Handler,), {"proxy": proxy, "elsewhere": elsewhere})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultProxy
    elsewhere: bool

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        """Tests are quiet."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815 - http.server asks for these names

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        seen = (self.command, self.path, headers.get("authorization", ""))
        (self.proxy.elsewhere if self.elsewhere else self.proxy.told).append(seen)
        fault = "" if self.elsewhere else self.proxy.fault_of(f"{self.command} {self.path}")
        if not self._before(fault):
            self._after(fault, self.proxy.pass_on(self.command, self.path, headers, body))

    def _before(self, fault: str) -> bool:
        """Faults that need no answer from behind; whether that was all."""
        said = _plain(fault, self.proxy)
        if said is not None:
            self._tell(said)
        elif fault == "redirect home":
            self._tell(Reply(307, {"location": self.path}, b""))
        elif fault == "redirect elsewhere":
            self._tell(Reply(307, {"location": self.proxy.other_url + self.path}, b""))
        elif fault == "reset":
            self._reset()
        else:
            return False
        return True

    def _after(self, fault: str, reply: Reply) -> None:
        if fault in PAGES:
            reply = reply._replace(body=_spoilt_page(reply.body, fault))
        middle = len(reply.body) // 2
        if fault == "half":
            self._head(reply, len(reply.body) + 1 if not middle else len(reply.body))
            self.wfile.write(reply.body[:middle])
            self.close_connection = True
        elif fault == "half chunk":
            self._head(reply, None)
            self.wfile.write(b"%x\r\n%s" % (len(reply.body) + 9, reply.body[:middle]))
            self.close_connection = True
        elif fault == "late reset":
            self._head(reply, len(reply.body))
            self.wfile.write(reply.body[:middle])
            self._reset()
        elif fault == "drip":
            self._drip(reply)
        else:
            self._tell(reply)

    def _tell(self, reply: Reply) -> None:
        self._head(reply, len(reply.body))
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _head(self, reply: Reply, length: int | None) -> None:
        self.send_response_only(reply.status)
        passed = {k: v for k, v in reply.headers.items() if k not in _HOP}
        if "date" not in passed:
            self.send_header("Date", self.date_time_string())
        for name, value in passed.items():
            self.send_header(name, value)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        elif reply.status not in (204, 304):
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.flush()

    def _drip(self, reply: Reply) -> None:
        self._head(reply, len(reply.body))
        step = max(1, len(reply.body) // 20)
        for start in range(0, len(reply.body), step):
            self.wfile.write(reply.body[start : start + step])
            self.wfile.flush()
            time.sleep(self.proxy.drip_seconds)

    def _reset(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


_HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length"))


def _plain(fault: str, proxy: FaultProxy) -> Reply | None:
    seconds = proxy.retry_after
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    busy: dict[str, Reply] = {
        "429 seconds": Reply(429, {"retry-after": str(seconds)}, b""),
        "429 date": Reply(429, {"retry-after": later}, b""),
        "429 bare": Reply(429, {}, b""),
        "503 seconds": Reply(503, {"retry-after": str(seconds)}, b""),
        "500": Reply(500, {"content-type": "application/fhir+json"}, b'{"resourceType":"OperationOutcome"}'),
        "502": Reply(502, {"content-type": "text/html"}, b"<html>bad gateway</html>"),
        "401": Reply(401, {"www-authenticate": 'Bearer error="invalid_token"'}, b""),
        "empty": Reply(200, {"content-type": "application/fhir+json"}, b""),
        "page of a portal": Reply(200, {"content-type": "text/html"}, b"<html>sign in</html>"),
    }
    return busy.get(fault)


def _spoilt_page(body: bytes, fault: str) -> bytes:
    """A searchset whose entries come twice or in another order; other bodies as they are."""
    try:
        page: dict[str, Any] = json.loads(body)
    except ValueError:
        return body
    if page.get("resourceType") != "Bundle" or page.get("type") != "searchset" or not page.get("entry"):
        return body
    entries = page["entry"]
    page["entry"] = entries[::-1] if fault == "other order" else [*entries, *entries[:2]]
    return json.dumps(page).encode()
