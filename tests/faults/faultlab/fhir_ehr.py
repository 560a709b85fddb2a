"""An EHR's FHIR server for the soak: SMART sign-in, search, history, Bulk Data, and a clock that jumps."""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connectlab.ehr import Ehr as SignIn
from connectlab.serving import Seen
from fhirlab.fake import _AT, FakeFhir, _fits
from fhirlab.offering import statement
from fhirlab.proxy import Reply
from hub_ehr_fhir.discover.wanted import WANTED

Resource = dict[str, Any]
TOKEN_USES, TOKEN_SECONDS = 150, 90
FILE_LINES = 120
KEPT_SEARCHES = 200


class Shifted:
    """The machine's time and `seconds` more, which may grow."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        """That instant."""
        return datetime.now(UTC) + timedelta(seconds=self.seconds)


class EhrServer(FakeFhir):
    """The server; `answer` is what stands behind a `FaultProxy`, and `open_port` its second port."""

    def __init__(self, clock: Shifted, seed: int) -> None:
        self.lock = threading.RLock()
        self._kinds: dict[str, dict[str, Resource]] = defaultdict(dict)
        self._at: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        self._last = datetime(2000, 1, 1, tzinfo=UTC)
        super().__init__(clock)  # type: ignore[arg-type]
        self.signs = SignIn()
        self.asks: Counter[str] = Counter()
        self.exports: list[dict[str, Any]] = []
        self.open_port = 0
        self.url = ""
        self._uses: Counter[str] = Counter()

    def at(self, url: str, jwks: bytes, open_port: int) -> None:
        """Where it stands for those who ask, and whose key it knows."""
        self.url, self.open_port, self.signs.jwks = url, open_port, jwks
        self.signs.expires_in = TOKEN_SECONDS
        self.signs.house = SimpleNamespace(url=url + "/r4", clock=self.clock, skew=timedelta())  # type: ignore[assignment]

    # ------------------------------------------------------------------------------------------ what it holds
    def _stamp(self) -> datetime:
        """An instant that no change had before, in whole milliseconds."""
        now = self.now.replace(microsecond=self.now.microsecond // 1000 * 1000)
        self._last = max(now, self._last + timedelta(milliseconds=1))
        return self._last

    def put(self, *resources: Resource, at: datetime | None = None) -> None:
        """Create or update."""
        with self.lock:
            for one in resources:
                key = f"{one['resourceType']}/{one['id']}"
                self._drop(key)
                super().put(one, at=at or self._stamp())
                held = self.held[key]
                self._kinds[held["resourceType"]][key] = held
                for entry in _entries(held):
                    self._at[entry].add(key)

    def delete(self, key: str) -> None:
        """Delete `Type/id`."""
        with self.lock:
            self._drop(key)
            super().delete(key)
            self.deleted[key] = self._stamp()

    def _drop(self, key: str) -> None:
        old = self._kinds[key.partition("/")[0]].pop(key, None)
        for entry in _entries(old) if old else ():
            self._at[entry].discard(key)

    # ---------------------------------------------------------------------------------------------- who asks
    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """As an `Answerer`."""
        with self.lock:
            parts = urlsplit(path)
            if parts.path.startswith("/oauth") or "/.well-known/" in parts.path:
                return self._signed(method, path, headers, body)
            place = parts.path.removeprefix("/r4/").removeprefix("/fhir/")
            if place != "metadata" and not self._known(headers):
                return Reply(401, self._heads(), b"")
            self.asks[f"{method} {place.partition('/')[0]}{'?' if parts.query else ''}"] += 1
            if place == "metadata":
                return self._say(200, statement(WANTED, **{k: v.parameters for k, v in WANTED.items()}))
            if place.endswith("$export") or place.startswith(("jobs/", "files/")):
                return self._bulk(method, place, dict(parse_qsl(parts.query)))
            del self.asked[:]
            return super().answer(method, f"/fhir/{place}?{parts.query}", headers)

    def _heads(self) -> dict[str, str]:
        return {"date": self.now.strftime("%a, %d %b %Y %H:%M:%S GMT"), "content-type": "application/fhir+json"}

    def _say(self, status: int, told: Any, **more: str) -> Reply:
        return Reply(status, {**self._heads(), **more}, b"" if told is None else json.dumps(told).encode())

    def _signed(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        said = self.signs(Seen(method=method, path=path, headers=headers, body=body))
        return Reply(said.status, {**self._heads(), **said.headers}, said.body)

    def _known(self, headers: Mapping[str, str]) -> bool:
        """Tokens end after so many uses, whatever was said; the second port is open to all, as signed links are."""
        if headers.get("host", "").endswith(f":{self.open_port}"):
            return True
        token = headers.get("authorization", "").removeprefix("Bearer ")
        self._uses[token] += 1
        if self._uses[token] > TOKEN_USES:
            self.signs.good.discard(token)
        return token in self.signs.good

    # ------------------------------------------------------------------------------------------------ search
    def _search(self, kind: str, query: dict[str, list[str]]) -> tuple[int, Resource | None, dict[str, str]]:
        number, size = str(next(self._numbers)), int(query.get("_count", ["50"])[0])
        self._searches[number] = self._select(kind, query)
        for old in list(self._searches)[:-KEPT_SEARCHES]:
            del self._searches[old]
        text = json.dumps({"kind": kind, "query": query, "number": number, "size": size, "start": 0})
        return self._page_of(text)

    def _select(self, kind: str, query: Mapping[str, list[str]]) -> list[Resource]:
        held, keys = self._kinds[kind], None
        rest: list[tuple[str, str]] = []
        for name, values in query.items():
            for value in values:
                mine = self._keys(kind, name, value)
                if mine is None:
                    rest.append((name, value))
                else:
                    keys = mine if keys is None else keys & mine
        some = [held[key] for key in sorted(keys) if key in held] if keys is not None else list(held.values())
        for name, value in rest:
            some = (
                _since(some, value)
                if name == "_lastUpdated"
                else [one for one in some if _fits(one, name, value)]
            )
        by_time = query.get("_sort") == ["_lastUpdated"]
        return sorted(some, key=lambda one: one["meta"]["lastUpdated"] if by_time else one["id"])

    def _keys(self, kind: str, name: str, value: str) -> set[str] | None:
        if name == "_id":
            return {f"{kind}/{one}" for one in value.split(",")}
        if name in _AT:
            names = [one.rpartition("/")[2] for one in value.split(",")]
            return set().union(*(self._at[kind, name, one] for one in names if (kind, name, one) in self._at))
        return None

    def _included(self, found: list[Resource], query: Mapping[str, list[str]]) -> Iterator[Resource]:
        yield from super()._included(found, {"_include": query.get("_include", [])})
        for value in query.get("_revinclude", []):
            kind, _, way = value.partition(":")
            for one in found:
                yield from (self._kinds[kind][key] for key in sorted(self._at.get((kind, way, one["id"]), ())))

    def _history_of(
        self, kind: str, query: Mapping[str, list[str]]
    ) -> tuple[int, Resource | None, dict[str, str]]:
        """What was deleted, and the last version of what was not."""
        status, told, more = super()._history_of(kind, query)
        since = query.get("_since", ["1990-01-01T00:00:00Z"])[0]
        for one in _since(self._kinds[kind].values(), since) if told else ():
            told["entry"].append({"resource": one, "request": {"method": "PUT", "url": f"{kind}/{one['id']}"}})
        return status, told, more

    # -------------------------------------------------------------------------------------------------- bulk
    def _bulk(self, method: str, place: str, params: Mapping[str, str]) -> Reply:
        if place.endswith("$export"):
            return self._kick_off(params)
        _, number, *rest = place.split("/")
        job = self.exports[int(number)]
        if place.startswith("files/"):
            job["fetched"].add(rest[0])
            heads = {**self._heads(), "content-type": "application/fhir+ndjson"}
            return Reply(200, heads, job["files"][int(rest[0])][1])
        if method == "DELETE":
            job["over"] = True
            return self._say(202, None)
        job["polls"] += 1
        if job["polls"] < 3:
            return self._say(202, None, **{"retry-after": "1", "x-progress": "at work"})
        return self._say(200, self._manifest(int(number), job))

    def _kick_off(self, params: Mapping[str, str]) -> Reply:
        since = datetime.fromisoformat(params.get("_since", "1990-01-01T00:00:00Z"))
        kinds = params["_type"].split(",")
        files: list[tuple[str, bytes]] = []
        for kind in reversed(kinds):
            some = _since(self._kinds[kind].values(), f"ge{since.isoformat()}") if kind in self._kinds else []
            lines = [json.dumps(one).encode() + b"\n" for one in some]
            files += [(kind, b"".join(lines[at : at + FILE_LINES])) for at in range(0, len(lines), FILE_LINES)]
        gone = [self._deletion(key, at) for key, at in self.deleted.items() if at >= since]
        if gone and "_since" in params:
            files.append(("", b"".join(json.dumps(one).encode() + b"\n" for one in gone)))
        told = {"files": files, "polls": 0, "over": False, "fetched": set(), "time": self.now.isoformat()}
        self.exports.append(told)
        return self._say(202, None, **{"content-location": f"{self.url}/r4/jobs/{len(self.exports) - 1}"})

    def _deletion(self, key: str, at: datetime) -> Resource:
        entry = {"request": {"method": "DELETE", "url": key}, "response": {"lastModified": at.isoformat()}}
        return {"resourceType": "Bundle", "type": "transaction", "timestamp": at.isoformat(), "entry": [entry]}

    def _manifest(self, number: int, job: Mapping[str, Any]) -> Resource:
        found: dict[str, Any] = {"transactionTime": job["time"], "request": self.url, "requiresAccessToken": True}
        found |= {"output": [], "error": [], "deleted": []}
        for n, (kind, body) in enumerate(job["files"]):
            one = {
                "type": kind or "Bundle",
                "url": f"{self.url}/r4/files/{number}/{n}",
                "count": body.count(b"\n"),
            }
            found["output" if kind else "deleted"].append(one)
        return found

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """Everything that it holds, type by type: (type, NDJSON)."""
        for kind, some in self._kinds.items():
            yield kind, b"".join(json.dumps(one).encode() + b"\n" for one in some.values())


def _entries(one: Resource) -> Iterator[tuple[str, str, str]]:
    """Under what a resource is found: (type, parameter, id)."""
    for way, elements in _AT.items():
        for element in elements:
            told = one.get(element)
            for each in told if isinstance(told, list) else [told]:
                if isinstance(each, dict) and "reference" in each:
                    yield one["resourceType"], way, each["reference"].rpartition("/")[2]


def _since(some: Iterable[Resource], value: str) -> list[Resource]:
    at = datetime.fromisoformat(value.removeprefix("ge")).astimezone(UTC)
    text = at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return [one for one in some if one["meta"]["lastUpdated"] >= text]
