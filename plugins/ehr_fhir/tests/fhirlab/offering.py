"""A FHIR server within the test's process, with a switch for each habit that real servers have."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

REFERENCES = {
    "patient": ("subject", "patient", "beneficiary"),
    "beneficiary": ("beneficiary",),
    "encounter": ("encounter",),
    "context": ("context",),
    "account": ("account",),
    "practitioner": ("practitioner",),
}
INCLUDES = {"patient": "Patient", "practitioner": "Practitioner", "location": "Location", "payor": "Organization"}


@dataclass
class Habits:
    """What this server does otherwise than FHIR says.

    `refuses`, `ignores`: parameters by type, or of every type (`*`); `needs`: one of these must be there; `types`:
    what it has (None: everything; `missing` is the status of the rest); `self_link`: `true` (what was used), `echo`
    (what was asked) or `none`; `count`: `honoured`, `ignored`, `empty` (nothing comes with it); `next`: `works`,
    `none`, `same`, `broken`; `says`: warnings for ignored parameters; `times`: resources say when they changed;
    `exactly`: `ge` is read as `equal to`; `empty_by_time`: nothing is ever found by `_lastUpdated`; `whole`:
    references are found as `Type/id` alone; `fails(path, parameters)`: the status of an error, or 0.
    """

    refuses: Mapping[str, set[str]] = field(default_factory=dict)
    ignores: Mapping[str, set[str]] = field(default_factory=dict)
    needs: Mapping[str, set[str]] = field(default_factory=dict)
    types: set[str] | None = None
    missing: int = 404
    self_link: str = "true"
    count: str = "honoured"
    next: str = "works"
    says: bool = False
    etag: bool = True
    history: bool = True
    includes: bool = True
    sorts: bool = True
    totals: bool = True
    times: bool = True
    empty_by_time: bool = False
    exactly: bool = False
    whole: bool = False
    metadata: Any = None
    fails: Callable[[str, dict[str, str]], int] = lambda _path, _params: 0


class Offering:
    """The server. `calls`: every call that came, as `GET Encounter?patient=...`; `get` is the client's own."""

    def __init__(self, resources: Iterable[dict[str, Any]], habits: Habits | None = None) -> None:
        self.habits, self.base = habits or Habits(), "http://fhir.test"
        self.calls: list[str] = []
        self._all: dict[str, dict[str, dict[str, Any]]] = {}
        for one in resources:
            self._all.setdefault(one["resourceType"], {})[one["id"]] = one

    def get(self, path_or_url: str, params: Any = None, *, etag: str = "", expect: Any = (200,)) -> Any:
        """As `connect.http.Server.get`, without HTTP."""
        parts = urlsplit(path_or_url)
        told = [*parse_qsl(parts.query), *(params or [])]
        status, headers, body = self.answer(parts.path.removeprefix("/"), told, etag)
        return _Answer(status, headers, body)

    def answer(self, path: str, told: list[tuple[str, str]], etag: str = "") -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        self.calls.append(f"GET {path}{'?' if told else ''}{urlencode(told)}")
        failed = self.habits.fails(path, dict(told))
        if failed:
            return _outcome(failed, "exception")
        if path == "metadata":
            return 200, {}, json.dumps(self.habits.metadata or statement(self._all)).encode()
        type_, _, id_ = path.partition("/")
        if self.habits.types is not None and type_ not in self.habits.types:
            return _outcome(self.habits.missing, "not-supported")
        if id_ == "_history":
            return self._history(type_)
        return self._read(type_, id_, etag) if id_ else self._search(type_, told)

    def _read(self, type_: str, id_: str, etag: str) -> tuple[int, dict[str, str], bytes]:
        one = self._all.get(type_, {}).get(id_)
        if one is None:
            return _outcome(404, "not-found")
        mine = f'W/"{one.get("meta", {}).get("versionId", "1")}"'
        if not self.habits.etag:
            return 200, {}, json.dumps(one).encode()
        if etag == mine:
            return 304, {"etag": mine}, b""
        return 200, {"etag": mine}, json.dumps(one).encode()

    def _history(self, type_: str) -> tuple[int, dict[str, str], bytes]:
        if not self.habits.history:
            return _outcome(501, "not-supported")
        entries = [{"resource": one} for one in self._all.get(type_, {}).values()]
        return 200, {}, json.dumps({"resourceType": "Bundle", "type": "history", "entry": entries}).encode()

    def _search(self, type_: str, told: list[tuple[str, str]]) -> tuple[int, dict[str, str], bytes]:
        habits, given = self.habits, dict(told)
        names = {name for name, _value in told}
        if names & (habits.refuses.get(type_, set()) | habits.refuses.get("*", set())):
            return _outcome(400, "not-supported")
        if habits.needs.get(type_) and not names & habits.needs[type_]:
            return _outcome(400, "required")
        unused = names & (habits.ignores.get(type_, set()) | habits.ignores.get("*", set()))
        used = [(name, value) for name, value in told if name not in unused]
        found = [one for one in self._all.get(type_, {}).values() if _fits(one, used, whole=habits.whole)]
        if habits.empty_by_time and "_lastUpdated" in dict(used):
            found = []
        if habits.exactly and "_lastUpdated" in dict(used):
            asked = dict(used)["_lastUpdated"].removeprefix("ge").removesuffix("Z")
            found = [one for one in found if one["meta"]["lastUpdated"].startswith(asked)]
        found = self._sorted(found, dict(used))
        return 200, {}, json.dumps(self._bundle(type_, found, told, used, given, unused)).encode()

    def _sorted(self, found: list[dict[str, Any]], used: dict[str, str]) -> list[dict[str, Any]]:
        order = used.get("_sort", "")
        if not order or not self.habits.sorts:
            return found
        return sorted(found, key=lambda one: str(one["meta"]["lastUpdated"]), reverse=order.startswith("-"))

    def _bundle(
        self,
        type_: str,
        found: list[dict[str, Any]],
        told: list[tuple[str, str]],
        used: list[tuple[str, str]],
        given: dict[str, str],
        unused: set[str],
    ) -> dict[str, Any]:
        habits = self.habits
        size = int(given.get("_count", "50")) if habits.count != "ignored" else 50
        if habits.count == "empty" and "_count" in given:
            found = []
        start = int(given.get("_page", "0")) * size
        page = found[start : start + size]
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": []}
        if habits.totals:
            bundle["total"] = len(found)
        bundle["entry"] = [{"resource": self._shown(one), "search": {"mode": "match"}} for one in page]
        if habits.includes:
            bundle["entry"] += [
                {"resource": one, "search": {"mode": "include"}} for one in self._with(page, used)
            ]
        if habits.says:
            bundle["entry"] += [{"resource": _warning(each), "search": {"mode": "outcome"}} for each in unused]
        if habits.self_link != "none":
            shown = told if habits.self_link == "echo" else used
            bundle["link"].append({"relation": "self", "url": f"{self.base}/{type_}?{urlencode(shown)}"})
        if start + size < len(found) and habits.next != "none":
            bundle["link"].append({"relation": "next", "url": self._next(type_, told, given)})
        return bundle

    def _next(self, type_: str, told: list[tuple[str, str]], given: dict[str, str]) -> str:
        page = {"same": 0, "broken": 0}.get(self.habits.next, int(given.get("_page", "0")) + 1)
        rest = [(name, value) for name, value in told if name != "_page"]
        path = "Nowhere/x" if self.habits.next == "broken" else type_
        return f"{self.base}/{path}?{urlencode([*rest, ('_page', str(page))])}"

    def _shown(self, one: dict[str, Any]) -> dict[str, Any]:
        return one if self.habits.times else {name: value for name, value in one.items() if name != "meta"}

    def _with(self, page: list[dict[str, Any]], used: list[tuple[str, str]]) -> Iterator[dict[str, Any]]:
        for name, value in used:
            type_, _, parameter = value.partition(":")
            if name == "_include" and parameter in INCLUDES:
                keys = {each for one in page for each in _references(one) if each.startswith(INCLUDES[parameter])}
                yield from (self._all[key.split("/")[0]][key.split("/")[1]] for key in sorted(keys))
            if name == "_revinclude":
                ids = {f"Encounter/{one['id']}" for one in page}
                yield from (one for one in self._all.get(type_, {}).values() if ids & set(_references(one)))


@dataclass
class _Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    url: str = ""


def statement(types: Iterable[str], version: str = "4.0.1", **parameters: tuple[str, ...]) -> dict[str, Any]:
    """A CapabilityStatement that declares these types, with search parameters by type (else the usual ones)."""
    usual = ("_id", "patient", "identifier", "_lastUpdated")
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "fhirVersion": version,
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {
                        "type": each,
                        "interaction": [{"code": "read"}, {"code": "search-type"}],
                        "searchParam": [{"name": name} for name in parameters.get(each, usual)],
                    }
                    for each in types
                ],
            }
        ],
    }


def practice() -> list[dict[str, Any]]:
    """Two patients, three visits, and around one of them all that billing reads; all made up."""
    several: list[dict[str, Any]] = [
        _one("Patient", "p1", identifier=[{"system": "urn:lab:mrn", "value": "1001"}]),
        _one("Patient", "p2", identifier=[{"system": "urn:lab:mrn", "value": "1002"}]),
        _one("Practitioner", "d1"),
        _one("Organization", "o1"),
        _one("Location", "l1"),
        _one("PractitionerRole", "r1", practitioner=_to("Practitioner/d1")),
        _one("Account", "a1", subject=[_to("Patient/p1")]),
        _one("Coverage", "c1", beneficiary=_to("Patient/p1"), payor=[_to("Organization/o1")]),
        _one("RelatedPerson", "rp1", patient=_to("Patient/p1")),
        _one("Condition", "dx1", subject=_to("Patient/p1"), encounter=_to("Encounter/e1")),
        _one("Procedure", "pr1", subject=_to("Patient/p1"), encounter=_to("Encounter/e1")),
        _one(
            "ChargeItem",
            "ci1",
            subject=_to("Patient/p1"),
            context=_to("Encounter/e1"),
            account=[_to("Account/a1")],
        ),
        _one("ServiceRequest", "sr1", subject=_to("Patient/p1"), encounter=_to("Encounter/e1")),
    ]
    for number, patient in ((1, "p1"), (2, "p1"), (3, "p2")):
        several.append(
            _one(
                "Encounter",
                f"e{number}",
                hour=number,
                identifier=[{"system": "urn:lab:visit", "value": f"V{number}"}],
                subject=_to(f"Patient/{patient}"),
                account=[_to("Account/a1")],
                participant=[{"individual": _to("Practitioner/d1")}],
                location=[{"location": _to("Location/l1")}],
                serviceProvider=_to("Organization/o1"),
            )
        )
    return several


def _one(type_: str, id_: str, hour: int = 0, **more: Any) -> dict[str, Any]:
    meta = {"versionId": "7", "lastUpdated": f"2026-02-01T0{hour}:00:00.000+00:00"}
    return {"resourceType": type_, "id": id_, "meta": meta, **more}


def _to(key: str) -> dict[str, str]:
    return {"reference": key}


def _fits(one: dict[str, Any], used: list[tuple[str, str]], *, whole: bool) -> bool:
    return all(_fits_one(one, name, value, whole=whole) for name, value in used)


def _fits_one(one: dict[str, Any], name: str, value: str, *, whole: bool) -> bool:
    if name == "_lastUpdated":
        return bool(one["meta"]["lastUpdated"] >= value.removeprefix("ge"))
    if name == "date":
        return value < "ge2030"
    if name == "_id":
        return one["id"] in value.split(",")
    if name == "identifier":
        return any(f"{each['system']}|{each['value']}" == value for each in one.get("identifier", ()))
    if name not in REFERENCES:
        return True
    keys = {key for element in REFERENCES[name] for key in _references(one.get(element))}
    found = keys if whole else keys | {key.split("/")[-1] for key in keys}
    return any(each in found for each in value.split(","))


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["reference"]] if isinstance(part.get("reference"), str) else []
        return own + [each for value in part.values() for each in _references(value)]
    return [each for one in part for each in _references(one)] if isinstance(part, list) else []


def _outcome(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    issue = {"severity": "error", "code": code, "diagnostics": "text of the server that nobody shall see"}
    return status, {}, json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


def _warning(parameter: str) -> dict[str, Any]:
    issue = {"severity": "warning", "code": "processing", "diagnostics": f"Unknown parameter {parameter}"}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


@contextmanager
def served(offering: Offering) -> Iterator[str]:
    """The same server over HTTP on 127.0.0.1, for what must go through the real client: its base address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            path = parts.path.removeprefix("/fhir/")
            told = parse_qsl(parts.query)
            status, headers, body = offering.answer(path, told, self.headers.get("If-None-Match") or "")
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_values: Any) -> None:
            """Nothing: tests speak for themselves."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    offering.base = f"http://127.0.0.1:{server.server_address[1]}/fhir"
    try:
        yield offering.base
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
