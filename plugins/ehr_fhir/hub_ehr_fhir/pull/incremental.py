"""What changed since the last look: type by type, with an overlap, by the server's own clock.

A look (`Window`) begins when the server says what time it is, and what it finds is taken whole before the next look
begins there, `overlap` earlier: for resources that the server commits late with an older lastUpdated. Once in
`late_hours` a look reaches back twice as long, for those that come later still: what becomes visible within that time
is then found, and what was taken is known by its version. Should the server's clock have been turned back in between
(it runs less far ahead of ours than before), the look reaches back by as much more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from hub_ehr_fhir.discover.strategy import Search
from hub_ehr_fhir.mapping.deletions import KINDS
from hub_ehr_fhir.pull.cursors import PullCursor, Window
from hub_ehr_fhir.pull.delivering import Deliverer
from hub_ehr_fhir.pull.links import DIRECTORY, units_of
from hub_ehr_fhir.pull.pages import Page
from hub_ehr_fhir.pull.seen import Seen
from hub_ehr_fhir.pull.times import before, instant, later, written
from hub_ehr_fhir.pull.turn import Turn
from hub_ehr_fhir.pull.walking import Place, Query, Searched, Walker
from hub_ehr_fhir.settings_pull import PullSettings

FULL = 500
"""No further page is asked for while so much waits to be fetched."""
_HISTORY = "/_history"
_WATCHED = (
    "Encounter", "Condition", "Procedure", "ChargeItem", "Immunization", "ServiceRequest", "Claim", "ClaimResponse",
    "Account", "Coverage", "RelatedPerson", "Patient", *sorted(DIRECTORY),
)  # fmt: skip
_TICK = 2.0


class Incremental:
    """Looks for changes of each type that can be searched by `_lastUpdated` (or has a history)."""

    def __init__(
        self,
        walker: Walker,
        searches: Mapping[str, Search],
        settings: PullSettings,
        seen: Seen,
        deliverer: Deliverer,
        *,
        pushed: bool = False,
    ) -> None:
        self._walker, self._searches, self._settings = walker, searches, settings
        self._seen, self._deliverer, self._pushed = seen, deliverer, pushed

    def due(self, cursor: PullCursor, now: datetime) -> bool:
        """Whether it is time for another look."""
        began = instant(cursor.began)
        wait = timedelta(seconds=self._settings.every_seconds)
        return cursor.window is None and (began is None or now < began or now >= began + wait)

    def begin(self, cursor: PullCursor, now: datetime) -> None:
        """A new look. The very first one asks for encounters alone: what belongs to them comes with them."""
        cursor.began = written(now)
        first = first_day(self._settings, now)
        if not cursor.first or (self._settings.since is not None and first < cursor.first):
            # the first look, or settings name an earlier day now: what changed between the two was never asked for
            cursor.first, cursor.since, cursor.watched = first, "", []
        overlap = timedelta(minutes=self._settings.overlap_minutes)
        usual = before(cursor.since, overlap) if cursor.since else cursor.first
        lower = self._far(cursor, usual, now)
        walks = self._walks(later=bool(cursor.since))
        if not cursor.since and self._pushed:
            # what was sent to us before this look may have been deleted before it, too
            for walk in filter(self._only_deletions, self._walks(later=True)):
                cursor.behind.setdefault(walk, cursor.first)
        if cursor.since:
            self._left_behind(cursor, cursor.watched, lower)
            cursor.watched = walks
        cursor.window = Window(lower=lower, usual=usual if lower != usual else "", walks=list(walks))

    def _far(self, cursor: PullCursor, usual: str, now: datetime) -> str:
        """From when on this look goes: now and then from further back than usual."""
        hours, last = self._settings.late_hours, instant(cursor.far)
        if last is not None and last <= now < last + timedelta(hours=hours) and cursor.since:
            return usual
        cursor.far = written(now) if hours else ""
        if not hours or last is None or not cursor.since:
            return usual
        far = before(cursor.since, timedelta(hours=2 * hours))
        return far if later(usual, far) else usual

    def step(self, cursor: PullCursor, window: Window, turn: Turn) -> None:
        """One page of the look, or its end. Raises `Searched` where what came is older than what was asked for: the
        server ignores the time. Then nothing of that page is taken, and the look stays where it is.
        """
        self._fit(cursor, window)
        if not window.walks:
            self._end(cursor, window)
            turn.moved = True
            return
        walk = window.walks[0]
        lower = cursor.behind.get(walk, self._lower(window, walk))
        query = self._query(walk, lower)
        page, place = self._walker.step(query, window.place)
        if not window.until and self._turned_back(cursor, window, page, turn.now):
            return
        if _too_old(page, lower):
            raise Searched(query.kind, query.feature, ignored=True)
        if not self._only_deletions(walk):
            self._take(cursor, page, "" if walk in cursor.behind else window.usual)
        for gone in page.deleted:
            self._deliverer.deleted(turn, f"{gone.kind}/{gone.id}", gone.at, version=gone.at)
        window.place = place
        turn.moved = True
        if place.done:
            self._next(cursor, window, place, ordered=query.ordered)

    def _lower(self, window: Window, walk: str) -> str:
        """A whole history tells every version of a resource; only the last one of each is remembered."""
        whole_history = walk.endswith(_HISTORY) and not self._only_deletions(walk)
        return window.usual if window.usual and whole_history else window.lower

    def _fit(self, cursor: PullCursor, window: Window) -> None:
        """What the server cannot be asked any more is left out of a look that was begun before."""
        can = self._walks(later=True)
        if all(walk in can for walk in window.walks):
            return
        first = window.walks[0]
        others = [walk + _HISTORY for walk in window.walks if walk not in can]
        self._left_behind(cursor, window.walks, window.lower)
        walks = [walk for walk in window.walks if walk in can]
        window.walks = list(dict.fromkeys([*walks, *(walk for walk in others if walk in can)]))
        if first not in can:
            window.place = Place()

    def _left_behind(self, cursor: PullCursor, walks: Sequence[str], lower: str) -> None:
        """Remember since when something cannot be looked through: from there it goes on when it can be again."""
        can = self._walks(later=True)
        for walk in walks:
            kind = walk.removesuffix(_HISTORY)
            if walk not in can and not (walk == kind and kind + _HISTORY in can):
                cursor.behind.setdefault(walk, lower)

    def _walks(self, *, later: bool) -> list[str]:
        found = []
        for kind in _WATCHED if later else ("Encounter",):
            search = self._searches.get(kind)
            if search is None or not search.changed:
                continue
            history = later and self._settings.deletes and search.history and kind in KINDS
            found += [kind] if search.changed == "_lastUpdated" else [kind + _HISTORY]
            found += [kind + _HISTORY] if history and search.changed == "_lastUpdated" else []
        return found

    def _only_deletions(self, walk: str) -> bool:
        return walk.endswith(_HISTORY) and self._searches[walk.removesuffix(_HISTORY)].changed == "_lastUpdated"

    def _query(self, walk: str, lower: str) -> Query:
        kind = walk.removesuffix(_HISTORY)
        search = self._searches[kind]
        if walk.endswith(_HISTORY):
            params = {"_since": lower}
            return Query(path=walk, params=params, kind=kind, feature="_history", counted=search.counted)
        params = {"_lastUpdated": f"ge{lower}", **({"_sort": "_lastUpdated"} if search.sorted else {})}
        return Query(
            path=kind,
            params=params,
            kind=kind,
            feature="_lastUpdated",
            ordered=search.sorted,
            counted=search.counted,
        )

    def _turned_back(self, cursor: PullCursor, window: Window, page: Page, now: datetime) -> bool:
        """Learn the server's time; True where its clock went back, so that the look must begin earlier."""
        theirs = page.at or now + timedelta(seconds=cursor.skew)
        skew = (theirs - now).total_seconds()
        back = cursor.skew - skew if cursor.since else 0.0
        window.until, window.skew = written(theirs), skew
        reach = timedelta(minutes=self._settings.overlap_minutes) + timedelta(hours=1)
        cursor.reach = before(window.until, reach)
        if back <= _TICK:
            return False
        window.lower = before(window.lower, timedelta(seconds=back + _TICK))
        window.usual = before(window.usual, timedelta(seconds=back + _TICK))
        return True

    def _take(self, cursor: PullCursor, page: Page, usual: str) -> None:
        """What is new on a page leads to what is to be fetched; what is older than `usual` is known by hours."""
        base = self._walker.server.base
        for one in page.matches:
            if usual and later(usual, one.updated) and self._seen.known(one):
                continue
            if self._seen.add(one):
                self._seen.forget(f"Gone/{one.key}")
                cursor.add(*units_of(one.kind, one.id, one.tree(), base))

    def _next(self, cursor: PullCursor, window: Window, place: Place, *, ordered: bool) -> None:
        """The next type. A search of several pages that was not sorted is looked through once more: while it was
        read, a change may have moved a resource from a page still to come to one already read.
        """
        window.place, walk = Place(), window.walks[0]
        if place.pages > 1 and not ordered and walk not in window.again:
            window.again.append(walk)
            return
        window.walks.pop(0)
        cursor.behind.pop(walk, None)

    def _end(self, cursor: PullCursor, window: Window) -> None:
        cursor.since, cursor.skew, cursor.window = window.until or cursor.since, window.skew, None
        self._seen.pass_before(cursor.reach)


def _too_old(page: Page, lower: str) -> bool:
    """Whether a search by time brought what was not asked for: the server ignores the time without a word."""
    bound = before(lower, timedelta(days=1))
    times = [*(one.updated for one in page.matches), *(one.at for one in page.deleted)]
    return any(later(bound, each) for each in times)


def first_day(settings: PullSettings, now: datetime) -> str:
    """From when on the first look goes."""
    if settings.since is not None:
        return f"{settings.since.isoformat()}T00:00:00Z"
    return f"{(now - timedelta(days=settings.first_days)).date().isoformat()}T00:00:00Z"
