"""A FHIR server within the test's process: what it holds, how it pages and what time it has are the test's to choose.

It answers over HTTP (`FaultProxy(fake.answer)`) or straight (`Direct(fake)` stands in for `connect.http.Server`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hub_ehr_fhir.connect.addresses import joined, with_params
from hub_ehr_fhir.connect.http import Answer, Call
from hub_ehr_fhir.discover.offered import Ability, Offered
from hub_ehr_fhir.discover.wanted import REVINCLUDES, WANTED

from fhirlab.proxy import Reply
from hub.clock import TurnedClock
from hub.errors import HubError, Misconfigured, Refused, RetryLater

Resource = dict[str, Any]
BASE = "http://ehr.test/fhir"
_AT = {
    "patient": ("subject", "patient", "beneficiary"),
    "subject": ("subject",),
    "beneficiary": ("beneficiary",),
    "encounter": ("encounter",),
    "context": ("context",),
    "account": ("account",),
    "practitioner": ("practitioner",),
}


class FakeFhir:
    """`paging`: `links` (each page is of a search as it was when it began), `live` (pages of what is there now),
    `total` (no links, `_offset` works), `stuck` (no links, one page only), or `none` (everything at once).
    """

    def __init__(
        self, clock: TurnedClock, *, paging: str = "links", sorts: bool = True, history: bool = True
    ) -> None:
        self.clock, self.paging, self.sorts, self.history = clock, paging, sorts, history
        self.skew = timedelta()
        self.held: dict[str, Resource] = {}
        self.deleted: dict[str, datetime] = {}
        self.asked: list[str] = []
        self.outcome: Resource | None = None
        self.before: Callable[[str], Reply | None] = lambda _path: None
        self._searches: dict[str, list[Resource]] = {}
        self._numbers = count(1)

    @property
    def now(self) -> datetime:
        """What the server thinks it is."""
        return self.clock.now() + self.skew

    def put(self, *resources: Resource, at: datetime | None = None) -> None:
        """Create or update; `at` is its lastUpdated where a test must say it (a late commit)."""
        for one in resources:
            stamp = (at or self.now).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
            key = f"{one['resourceType']}/{one['id']}"
            self.held[key] = {**one, "meta": {"versionId": str(next(self._numbers)), "lastUpdated": stamp}}
            self.deleted.pop(key, None)

    def delete(self, key: str) -> None:
        """Delete `Type/id`."""
        del self.held[key]
        self.deleted[key] = self.now

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """As an `Answerer`; `path` begins with that of BASE."""
        self.asked.append(path)
        stamp = {"date": format_datetime(self.now, usegmt=True), "content-type": "application/fhir+json"}
        if (spoilt := self.before(path)) is not None:
            return spoilt
        status, found, more = self._found(path.removeprefix("/fhir/"), headers)
        text = b"" if found is None else json.dumps(found, separators=(",", ":")).encode()
        return Reply(status, {**stamp, **more}, text)

    def offered(self, *but: str) -> Offered:
        """What a probe would have found: everything works that this fake does, but for `Type feature`."""
        return Offered(
            learned=self.clock.now().date(),
            abilities={
                kind: self._ability(kind, {one[len(kind) + 1 :] for one in but if one.startswith(kind + " ")})
                for kind in WANTED
            },
        )

    def _ability(self, kind: str, but: set[str]) -> Ability:
        features = [*WANTED[kind].parameters, "read", "any", "etag", "_id,", "encounter,", "context,", "_total"]
        features += [f"_include={one}" for one in WANTED[kind].includes]
        features += [f"_revinclude={one}" for one in REVINCLUDES] if kind == "Encounter" else []
        features += ["_history"] * self.history + ["_sort"] * self.sorts
        found: dict[str, Any] = {one: "refused" if one in but else "works" for one in features}
        return Ability(type=kind, declared=True, found={**found, **({} if self.sorts else {"_sort": "refused"})})

    def _found(self, path: str, headers: Mapping[str, str]) -> tuple[int, Resource | None, dict[str, str]]:
        parts, query = urlsplit(path), dict[str, list[str]]()
        for name, value in parse_qsl(urlsplit(path).query):
            query.setdefault(name, []).append(value)
        if parts.path == "metadata":
            return 200, {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}, {}
        if "_page" in query:
            return self._page_of(query["_page"][0])
        kind, _, name = parts.path.partition("/")
        if name == "_history":
            return self._history_of(kind, query)
        return self._one(f"{kind}/{name}", headers) if name else self._search(kind, query)

    def _one(self, key: str, headers: Mapping[str, str]) -> tuple[int, Resource | None, dict[str, str]]:
        if key in self.deleted:
            return 410, None, {}
        one = self.held.get(key)
        if one is None:
            return 404, None, {}
        etag = f'W/"{one["meta"]["versionId"]}"'
        return (304, None, {"etag": etag}) if headers.get("if-none-match") == etag else (200, one, {"etag": etag})

    def _history_of(
        self, kind: str, query: Mapping[str, list[str]]
    ) -> tuple[int, Resource | None, dict[str, str]]:
        if not self.history:
            return 400, None, {}
        since = datetime.fromisoformat(query.get("_since", ["1900-01-01T00:00:00Z"])[0])
        entries = [
            {
                "request": {"method": "DELETE", "url": key},
                "response": {"status": "204", "lastModified": at.isoformat()},
            }
            for key, at in sorted(self.deleted.items())
            if key.startswith(kind + "/") and at >= since
        ]
        return 200, {"resourceType": "Bundle", "type": "history", "entry": entries}, {}

    def _search(self, kind: str, query: dict[str, list[str]]) -> tuple[int, Resource | None, dict[str, str]]:
        found = [
            one for key, one in sorted(self.held.items()) if key.startswith(kind + "/") and _matches(one, query)
        ]
        if self.sorts and query.get("_sort") == ["_lastUpdated"]:
            found.sort(key=lambda one: one["meta"]["lastUpdated"])
        number, size = str(next(self._numbers)), int(query.get("_count", ["50"])[0])
        self._searches[number] = found
        text = json.dumps({"kind": kind, "query": query, "number": number, "size": size, "start": 0})
        if self.paging in ("total", "stuck"):
            start = int(query.get("_offset", ["0"])[0]) if self.paging == "total" else 0
            cap = size if self.paging == "total" else min(size, 3)
            return 200, self._bundle(found[start : start + cap], len(found), "", query), {}
        return self._page_of(text)

    def _select(self, kind: str, query: Mapping[str, list[str]]) -> list[Resource]:
        found = [
            one for key, one in sorted(self.held.items()) if key.startswith(kind + "/") and _matches(one, query)
        ]
        if self.sorts and query.get("_sort") == ["_lastUpdated"]:
            found.sort(key=lambda one: one["meta"]["lastUpdated"])
        return found

    def _page_of(self, text: str) -> tuple[int, Resource | None, dict[str, str]]:
        at = json.loads(text)
        if at["number"] not in self._searches:
            return 410, None, {}
        found = self._searches[at["number"]]
        if self.paging == "live":
            found = self._select(at["kind"], at["query"])
        end = len(found) if self.paging == "none" else at["start"] + at["size"]
        link = json.dumps({**at, "start": end}) if end < len(found) else ""
        return 200, self._bundle(found[at["start"] : end], len(found), link, at["query"]), {}

    def forget_searches(self) -> None:
        """Next links lead nowhere any more."""
        self._searches.clear()

    def _bundle(self, found: list[Resource], total: int, link: str, query: Mapping[str, list[str]]) -> Resource:
        entries: list[Resource] = [{"resource": one, "search": {"mode": "match"}} for one in found]
        entries += [{"resource": one, "search": {"mode": "include"}} for one in self._included(found, query)]
        if self.outcome:
            entries.append({"resource": self.outcome, "search": {"mode": "outcome"}})
        page: Resource = {"resourceType": "Bundle", "type": "searchset", "total": total, "entry": entries}
        if link:
            page["link"] = [{"relation": "next", "url": with_params(BASE, {"_page": link})}]
        return page

    def _included(self, found: list[Resource], query: Mapping[str, list[str]]) -> Iterator[Resource]:
        for value in query.get("_include", []):
            kind = WANTED["Encounter"].includes.get(value, "")
            for one in found:
                yield from (
                    self.held[key] for key in _references(one) if key in self.held and key.startswith(kind + "/")
                )
        for value in query.get("_revinclude", []):
            kind, way = value.split(":")
            for key, one in self.held.items():
                if key.startswith(kind + "/") and any(_is(one, way, each["id"]) for each in found):
                    yield one


def _matches(one: Resource, query: Mapping[str, list[str]]) -> bool:
    return all(_fits(one, name, value) for name, values in query.items() for value in values)


def _fits(one: Resource, name: str, value: str) -> bool:
    if name == "_lastUpdated":
        at = datetime.fromisoformat(one["meta"]["lastUpdated"])
        return at >= datetime.fromisoformat(value.removeprefix("ge"))
    if name == "_id":
        return one["id"] in value.split(",")
    if name == "identifier":
        wanted = value.rpartition("|")
        return any(
            each["value"] == wanted[2] and wanted[0] in ("", each["system"]) for each in one.get("identifier", [])
        )
    return any(_is(one, name, each) for each in value.split(",")) if name in _AT else True


def _is(one: Resource, way: str, name: str) -> bool:
    told = [each.get(element) for element in _AT[way] for each in (one, *one.get("item", []))]
    flat = [each for value in told for each in (value if isinstance(value, list) else [value]) if each]
    return any(each.get("reference", "").rpartition("/")[2] == name for each in flat)


def _references(tree: Any) -> Iterator[str]:
    if isinstance(tree, list):
        for each in tree:
            yield from _references(each)
    elif isinstance(tree, dict):
        if isinstance(tree.get("reference"), str):
            yield tree["reference"]
        for each in tree.values():
            yield from _references(each)


class Direct:
    """`connect.http.Server` without a wire: one call after the other, each told to `hook` first, which may raise."""

    base = BASE

    def __init__(self, fake: FakeFhir, hook: Callable[[Call], None] = lambda _call: None) -> None:
        self._fake, self._hook = fake, hook

    def get(
        self, path_or_url: str, params: Any = None, *, etag: str = "", expect: tuple[int, ...] = (200,), **_: Any
    ) -> Answer:
        """As the client's."""
        return self.call(Call(url=path_or_url, params=params, etag=etag, expect=expect))

    def metadata(self, *, anew: bool = False) -> bytes:
        """As the client's."""
        return self.get("metadata").body

    def many(self, calls: Iterable[Call]) -> Iterator[Answer | HubError]:
        """As the client's."""
        for one in calls:
            try:
                yield self.call(one)
            except HubError as error:
                yield error

    def call(self, call: Call) -> Answer:
        """As the client's, without trying again."""
        self._hook(call)
        url = with_params(joined(self.base, call.url), call.params)
        headers = {"if-none-match": call.etag} if call.etag else {}
        reply = self._fake.answer(call.method, url.removeprefix("http://ehr.test"), headers)
        if reply.status in (*call.expect, 404, 410) or (reply.status == 304 and call.etag):
            return Answer(status=reply.status, headers=reply.headers, body=reply.body, url=url)
        if reply.status in (401, 403):
            raise Misconfigured("no")
        if reply.status == 429 or reply.status >= 500:
            after = reply.headers.get("retry-after")
            raise RetryLater("later", after_seconds=float(after) if after else None)
        raise Refused("no")


START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
