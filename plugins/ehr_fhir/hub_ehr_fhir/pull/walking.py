"""A search page by page, so that each position can be kept and gone on from: `Place` is where it stands.

sorted by _lastUpdated   each page is a search of its own from the last time seen on: no server forgets it, and
                         what changes meanwhile moves to the end and skips nothing
next links               followed, wherever they lead within the server (`addresses.leads_to`)
none, and a total        one page that is large enough; where that is refused, `_offset`, of which each page must
                         begin with the last resource of the page before
a link seen before       the search goes in circles: an error, unless the last of all names itself
a page that is gone      (400, 404, 410: the server forgot the search): the search begins again
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from hub.plugin.api import HubError, Refused, RetryLater
from hub.plugin.api.ports import Log
from hub_ehr_fhir.connect.addresses import leads_to
from hub_ehr_fhir.connect.http import Answer, Call
from hub_ehr_fhir.pull.pages import Page, page_of
from hub_ehr_fhir.pull.times import later
from hub_ehr_fhir.pull.turn import Timed

_RESTARTS = 5
_LARGEST = 1_000


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a search stands: the `link` of its next page, the `floor` (lastUpdated of what came last, where sorted)
    or the `offset` and the `anchor` that is expected there; how many `pages` and `matches` came; a `mark` by which
    circles are seen; how often it began again (`restarts`); `count` once the page had to grow; `done`.
    """

    link: str = ""
    floor: str = ""
    offset: int = 0
    anchor: str = ""
    pages: int = 0
    matches: int = 0
    mark: str = ""
    restarts: int = 0
    count: int = 0
    linked: bool = False
    done: bool = False

    @property
    def fresh(self) -> bool:
        """Whether the next page is the first of a search."""
        return not self.link and not self.offset


class Searched(Exception):
    """The server does not take this search (400, 404), or `ignored` what was asked: it must be asked otherwise."""

    def __init__(self, kind: str, feature: str, *, ignored: bool = False) -> None:
        super().__init__(kind)
        self.kind, self.feature, self.ignored = kind, feature, ignored


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A search: the `path` below the base, its parameters, the type of what it finds, and the `feature` (a parameter,
    `_history`) that is to blame when the server does not take it. `ordered`: it is sorted by `_lastUpdated`, which
    `params` bounds from below. `counted`: `_count` may go along.
    """

    path: str
    params: Mapping[str, str | tuple[str, ...]]
    kind: str
    feature: str = ""
    ordered: bool = False
    counted: bool = True


class Walker:
    """Walks searches of one server; `page_size` goes along as `_count`; `given`: next links lead where they say."""

    def __init__(self, server: Timed, *, page_size: int, given: bool = False, log: Log | None = None) -> None:
        self.server, self._size, self._given, self._log = server, page_size, given, log

    def step(self, query: Query, place: Place) -> tuple[Page, Place]:
        """The next page and the place after it. Raises `Searched`, or the errors of the door; then nothing moved."""
        return self.taken(query, place, self._answer(query, place))

    def taken(self, query: Query, place: Place, answer: Answer | None) -> tuple[Page, Place]:
        """As `step`, with the answer (None: the server refused)."""
        if answer is None or answer.status in (404, 410):
            if place.fresh and not place.count:
                raise Searched(query.kind, query.feature)
            return Page(), self._again(query, place)
        page = page_of(answer.body, answer.headers, query.kind)
        if page.nameless and self._log is not None:
            self._log.warning("fhir.pull.nameless", kind=query.kind, count=page.nameless)
        if place.anchor and not (page.matches and page.matches[0].key == place.anchor):
            return Page(), self._again(query, place)
        return page, self._after(query, place, page, answer.url)

    def many(self, queries: Sequence[Query]) -> list[Page | HubError | Searched]:
        """Every search whole, the first pages at the same time; what failed is its error."""
        calls = [Call(url=query.path, params=self.params(query, Place())) for query in queries]
        return [self._rest(query, answer) for query, answer in zip(queries, self.server.many(calls), strict=True)]

    def _rest(self, query: Query, answer: Answer | HubError) -> Page | HubError | Searched:
        if isinstance(answer, HubError) and not isinstance(answer, Refused):
            return answer
        try:
            first = self.taken(query, Place(), None if isinstance(answer, HubError) else answer)
            return self.whole(query, first)
        except (HubError, Searched) as error:
            return error

    def whole(self, query: Query, first: tuple[Page, Place] | None = None) -> Page:
        """All pages as one, each resource once (the last that came); `first` was taken already."""
        page, place = first or self.step(query, Place())
        pages = [page]
        while not place.done:
            page, after = self.step(query, place)
            pages = [page] if after.restarts > place.restarts else [*pages, page]
            place = after
        matches = {one.key: one for page in pages for one in page.matches}
        others = {one.key: one for page in pages for one in page.others}
        return Page(matches=tuple(matches.values()), others=tuple(others.values()), at=pages[0].at)

    def params(self, query: Query, place: Place) -> dict[str, str | tuple[str, ...]]:
        """The parameters of a page that no link leads to."""
        params: dict[str, str | tuple[str, ...]] = {**query.params}
        if query.counted:
            params["_count"] = str(place.count if place.count > 0 else self._size)
        if place.floor:
            params["_lastUpdated"] = f"ge{place.floor}"
        if place.offset:
            params["_offset"] = str(place.offset - 1)
        return params

    def _answer(self, query: Query, place: Place) -> Answer | None:
        try:
            if place.link:
                return self.server.get(place.link)
            return self.server.get(query.path, self.params(query, place))
        except Refused:
            return None

    def _again(self, query: Query, place: Place) -> Place:
        if place.restarts >= _RESTARTS:
            raise RetryLater(
                f"the server forgets a search of {query.kind} before its last page, or its pages do not fit together",
                fix="lower page_size, or ask who runs the server how long a search is kept",
            )
        count = -1 if place.count > 0 and place.fresh else place.count
        return Place(restarts=place.restarts + 1, count=count, floor=place.floor)

    def _after(self, query: Query, place: Place, page: Page, asked: str) -> Place:
        came = len({one.key for one in page.matches}) - bool(place.anchor)
        now = msgspec.structs.replace(
            place, pages=place.pages + 1, matches=place.matches + came, linked=place.linked or bool(page.next)
        )
        short = not now.linked and page.total is not None and now.matches < page.total
        if not page.next and not short:
            return msgspec.structs.replace(now, link="", anchor="", done=True)
        floor = _floor(page, place) if query.ordered else ""
        if floor:
            return Place(floor=floor, pages=now.pages, restarts=place.restarts)
        if page.next:
            return self._linked(query, now, page, leads_to(page.next, asked, self.server.base, given=self._given))
        return self._unlinked(query, now, page)

    def _linked(self, query: Query, now: Place, page: Page, link: str) -> Place:
        """Brent's way of seeing a circle: a mark that is set anew at each power of two."""
        name = _digest(link)
        if name == now.mark or link == now.link:
            if link == now.link and page.total is not None and now.matches >= page.total:
                return msgspec.structs.replace(now, link="", done=True)
            raise RetryLater(
                f"the pages of a search of {query.kind} go in circles",
                fix="lower page_size, or ask who runs the server: its next links lead back",
            )
        mark = name if now.pages & (now.pages - 1) == 0 else now.mark
        return msgspec.structs.replace(now, link=link, mark=mark)

    def _unlinked(self, query: Query, now: Place, page: Page) -> Place:
        """A server without next links that says how many there are: one large page, else `_offset`."""
        total = page.total or 0
        if not now.count and not now.offset and total <= _LARGEST:
            return Place(count=total + 10, restarts=now.restarts + 1, floor=now.floor)
        if len(page.matches) <= bool(now.offset):
            raise RetryLater(
                f"the server announces more of {query.kind} than it gives",
                fix="it gives neither next links nor _offset: raise page_size, or ask who runs the server",
            )
        return msgspec.structs.replace(now, offset=now.matches, anchor=page.matches[-1].key)


def _floor(page: Page, place: Place) -> str:
    """The time from which a sorted search goes on: that of the last resource, where the page is sorted indeed and
    goes beyond where it began.
    """
    times = [one.updated for one in page.matches]
    rising = all(times) and all(not later(a, b) for a, b in pairwise(times))
    if not times or not rising or not later(times[-1], place.floor or times[0]):
        return ""
    return times[-1]


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
