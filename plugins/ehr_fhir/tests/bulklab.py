"""A Bulk Data server for tests, with the habits and the faults of real ones, and a storage at another address."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

TIME = "2026-03-01T06:00:00Z"
Lines = list[bytes]


def resource(kind: str, name: object, **more: Any) -> bytes:
    """A line of NDJSON."""
    return json.dumps({"resourceType": kind, "id": str(name), **more}).encode()


def outcome(*codes: str, severity: str = "error", text: str = "") -> bytes:
    """An OperationOutcome."""
    issues = [{"severity": severity, "code": one, "diagnostics": text} for one in codes]
    return json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode()


class BulkServer:
    """What is exported stands in `files`: (list of the manifest, type, bytes). The rest says how it behaves."""

    def __init__(self) -> None:
        self.files: list[tuple[str, str, bytes]] = []
        self.counts = False
        self.polls = 1
        self.retry_after = "30"
        self.pages = 0
        self.ranges = True
        self.packed = False
        self.lengths = True
        self.in_storage = ""  # "", "direct" or "redirect"
        self.secure = True
        self.token = ""
        self.token_uses = 0
        self.tokens = 0
        self._uses = 0
        self.refuses: Callable[[dict[str, str], str], bytes | None] = lambda _params, _prefer: None
        self.status_faults: list[tuple[int, bytes, Mapping[str, str]]] = []
        self.kickoff_faults: list[tuple[int, bytes, Mapping[str, str]]] = []
        self.cuts: dict[int, list[int]] = {}
        self.version, self.uses_left = 0, 1_000_000
        self.relative = False
        self.extra: dict[str, Any] = {}
        self.time = TIME
        self.block = 1 << 16
        self.lost_jobs: set[int] = set()
        self.on_chunk: Callable[[int], None] = lambda _number: None
        self.calls: list[tuple[str, str, Mapping[str, str]]] = []
        self.stored: list[tuple[str, Mapping[str, str]]] = []
        self.asked: list[dict[str, str]] = []
        self.deleted: list[str] = []
        self.fetched: Counter[int] = Counter()
        self.sent: Counter[int] = Counter()
        self.closing: list[Callable[[], None]] = []
        self._polled: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._here = _serve(self, storage=False)
        self._there = _serve(self, storage=True)
        self.url = f"http://127.0.0.1:{self._here.server_address[1]}/r4"
        self.storage = f"http://127.0.0.1:{self._there.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for end in self.closing:
            end()
        for one in (self._here, self._there):
            one.shutdown()
            one.server_close()

    def put(self, kind: str, *names: object, **more: Any) -> None:
        """One file of resources."""
        self.files.append(("output", kind, b"".join(resource(kind, one, **more) + b"\n" for one in names)))

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """What the server says; files apart."""
        parts = urlsplit(path)
        with self._lock:
            self.calls.append((method, path, headers))
            if parts.path == "/r4/token":
                return self._granted()
            if not self._known(headers):
                return 401, {}, outcome("login")
            if parts.path.endswith("$export"):
                return self._kickoff(path, headers)
            return self._status(method, parts.path, dict(parse_qsl(parts.query)))

    def _granted(self) -> tuple[int, dict[str, str], bytes]:
        """A token that ends after `token_uses` calls, whatever it says."""
        self.tokens += 1
        self.token, self._uses = f"t-{self.tokens}", 0
        told = {"access_token": self.token, "token_type": "bearer", "expires_in": 3600}
        return 200, {"content-type": "application/json"}, json.dumps(told).encode()

    def _known(self, headers: Mapping[str, str]) -> bool:
        self._uses += 1
        ended = self.token_uses > 0 and self._uses > self.token_uses
        return not self.token or (headers.get("authorization") == f"Bearer {self.token}" and not ended)

    def _kickoff(self, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        params = dict(parse_qsl(urlsplit(path).query))
        if self.kickoff_faults:
            status, body, more = self.kickoff_faults.pop(0)
            return status, dict(more), body
        refusal = self.refuses(params, headers.get("prefer", ""))
        if refusal is not None:
            return 400, {}, refusal
        self.asked.append({"": urlsplit(path).path, "prefer": headers.get("prefer", ""), **params})
        job = f"/r4/jobs/{len(self.asked)}"
        return 202, {"content-location": job if self.relative else self.url.removesuffix("/r4") + job}, b""

    def _status(self, method: str, path: str, params: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        number = int(path.rpartition("/")[2])
        if method == "DELETE":
            self.deleted.append(path)
            return 202, {}, b""
        if number in self.lost_jobs or number > len(self.asked):
            return 404, {}, outcome("not-found")
        self._polled[path] += 1
        if self._polled[path] <= self.polls:
            return 202, {"x-progress": "in progress, 40% done", "retry-after": self.retry_after}, b""
        if self.status_faults:
            status, body, more = self.status_faults.pop(0)
            return status, dict(more), body
        return 200, {"content-type": "application/json"}, json.dumps(self._manifest(path, params)).encode()

    def _manifest(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        page = int(params.get("page", "0"))
        if page == 0:
            self.version += 1
        size = abs(self.pages) or len(self.files) or 1
        shown = range(0) if self.pages < 0 else range(page * size, min((page + 1) * size, len(self.files)))
        found: dict[str, Any] = {
            "transactionTime": self.time,
            "request": self.url + "/$export",
            "requiresAccessToken": self.secure,
            "output": [],
            "error": [],
            "extension": {"https://example.org/cost": 1},
            **self.extra,
        }
        for number in shown:
            part, kind, body = self.files[number]
            one: dict[str, Any] = {"type": kind, "url": self._file_url(number), "extension": [{"url": "x"}]}
            if self.counts:
                one["count"] = body.count(b"\n")
            found.setdefault(part, []).append(one)
        if self.pages >= 0 and (page + 1) * size < len(self.files):
            found["link"] = [{"relation": "next", "url": f"{path}?page={page + 1}"}]
        return found

    def _file_url(self, number: int) -> str:
        path = f"/r4/files/{number}?v={self.version}"
        if self.in_storage == "direct":
            return self.storage + path
        return path if self.relative else self.url.removesuffix("/r4") + path

    def file(self, handler: BaseHTTPRequestHandler, *, storage: bool) -> None:
        """A file, or where it lies."""
        headers = {name.lower(): text for name, text in handler.headers.items()}
        parts = urlsplit(handler.path)
        number = int(parts.path.rpartition("/")[2])
        with self._lock:
            if storage:
                self.stored.append((handler.path, headers))
            else:
                self.calls.append(("GET", handler.path, headers))
            refused = self._refused_file(parts.query, headers, storage=storage)
            if refused is None and self.in_storage == "redirect" and not storage:
                refused = 307
            elif refused is None:
                self.fetched[number] += 1
        if refused is not None:
            handler.send_response(refused)
            if refused == 307:
                handler.send_header("Location", self.storage + handler.path)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        self._send(handler, number, headers)

    def _refused_file(self, query: str, headers: Mapping[str, str], *, storage: bool) -> int | None:
        if not storage and self.secure and not self._known(headers):
            return 401
        if storage and "authorization" in headers:
            return 400
        if dict(parse_qsl(query)).get("v") != str(self.version) or self.uses_left <= 0:
            self.uses_left = 1_000_000
            self.version += 1
            return 403 if storage else 404
        self.uses_left -= 1
        return None

    def _send(self, handler: BaseHTTPRequestHandler, number: int, headers: Mapping[str, str]) -> None:
        body, status, start = self.files[number][2], 200, 0
        told = headers.get("range", "")
        if told and self.ranges:
            status, start = 206, int(told.removeprefix("bytes=").partition("-")[0])
        whole, body = len(body), body[start:]
        handler.send_response(status)
        if status == 206:
            handler.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        elif self.packed and "gzip" in headers.get("accept-encoding", ""):
            body = gzip.compress(body)
            handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Type", "application/fhir+ndjson")
        if self.lengths:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        cut = self.cuts.get(number)
        most = cut.pop(0) if cut else len(body)
        for at in range(0, min(most, len(body)), self.block):
            handler.wfile.write(body[at : min(at + self.block, most)])
            self.on_chunk(number)
        self.sent[number] += min(most, len(body))
        handler.close_connection = handler.close_connection or most < len(body) or not self.lengths


def _serve(server: BulkServer, *, storage: bool) -> ThreadingHTTPServer:  # noqa: C901 - a class of few lines
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            if urlsplit(self.path).path.startswith("/r4/files/"):
                server.file(self, storage=storage)
                return
            self._say(*server.answer("GET", self.path, self._told()))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self._say(*server.answer("POST", self.path, self._told()))

        def do_DELETE(self) -> None:
            self._say(*server.answer("DELETE", self.path, self._told()))

        def _told(self) -> dict[str, str]:
            return {name.lower(): text for name, text in self.headers.items()}

        def _say(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                """Whoever asked went away: that is what some tests do."""

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return made
