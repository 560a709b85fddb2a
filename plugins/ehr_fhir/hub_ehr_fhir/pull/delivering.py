"""From what is to be fetched to messages: each unit of the cursor's `todo` is fetched whole, or waits, or is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.plugin.api import HubError, Misconfigured
from hub.plugin.api.ports import Log
from hub_ehr_fhir.discover.strategy import Search
from hub_ehr_fhir.mapping.deletions import KINDS
from hub_ehr_fhir.pull.bundling import deletion
from hub_ehr_fhir.pull.cursors import PullCursor, Visiting
from hub_ehr_fhir.pull.doubting import doubted, single, sound
from hub_ehr_fhir.pull.gathering import Gatherer, roots
from hub_ehr_fhir.pull.kept import Kept
from hub_ehr_fhir.pull.late import expect, passed, tries_of, wait
from hub_ehr_fhir.pull.links import DIRECTORY, by, units_of
from hub_ehr_fhir.pull.pages import Page
from hub_ehr_fhir.pull.pool import Pool
from hub_ehr_fhir.pull.resources import Found
from hub_ehr_fhir.pull.revisiting import Revisits
from hub_ehr_fhir.pull.times import instant
from hub_ehr_fhir.pull.turn import Slow, Timed, Turn
from hub_ehr_fhir.pull.walking import Place, Searched, Walker

BATCH = 16
"""How many encounters are fetched side by side."""
NAMED, VISITS = "Named/", "Visits/"
"""Units that lead to others: `Named/Condition/1` to what that belongs to, `Visits/1` to encounters of Patient/1."""
_MISSING_TRIES, _EXPECTED_TRIES = 6, 20
_SOON_SECONDS, _LONG_SECONDS = 3.0, 10.0


class Deliverer:
    """Takes from the front of `todo`. What is taken off is in the turn's messages, in `late`, or needs nothing."""

    def __init__(
        self,
        *,
        server: Timed,
        walker: Walker,
        gatherer: Gatherer,
        kept: Kept,
        again: Revisits,
        encounter: Search | None,
        log: Log,
    ) -> None:
        self._server, self._walker, self._gatherer = server, walker, gatherer
        self._encounter, self._log, self._again = encounter, log, again
        self._seen, self._sent, self._lacking, self._vanished = kept.seen, kept.sent, kept.lacking, kept.vanished

    def wake(self, cursor: PullCursor, turn: Turn) -> None:
        """Put what waited long enough back to the front."""
        due = [one for one in cursor.late if passed(one.at, turn)][:BATCH]
        front = [one.unit for one in due if one.unit not in cursor.todo]
        cursor.todo[:0] = front

    def step(self, cursor: PullCursor, turn: Turn) -> None:
        """Deliver some of `todo`, which is not empty. Raises what keeps everything waiting."""
        first = cursor.todo[0]
        if first.startswith(VISITS):
            self._visits(cursor, turn, first)
        elif first.startswith(NAMED):
            self._named(cursor, turn)
        else:
            self._some(cursor, turn)

    def _some(self, cursor: PullCursor, turn: Turn) -> None:
        """As many side by side as the server gives in some seconds."""
        units = [unit for unit in cursor.todo[: cursor.pace] if not unit.startswith((VISITS, NAMED))]
        began = turn.elapsed
        try:
            self._units(cursor, turn, *self._ours(cursor, units), units)
        except Slow as error:
            self._slower(cursor, turn, units, error, alone=began < _SOON_SECONDS)
            return
        except Searched as refused:
            self._refused(cursor, turn, units, refused)
            return
        took = turn.elapsed - began
        if took > _LONG_SECONDS:
            cursor.pace = max(1, cursor.pace // 2)
        elif took < _SOON_SECONDS:
            cursor.pace = min(BATCH, cursor.pace * 2)

    def _slower(
        self, cursor: PullCursor, turn: Turn, units: Sequence[str], error: HubError, *, alone: bool
    ) -> None:
        """Fewer next time; one that alone takes longer than a call may last waits apart."""
        if len(units) > 1:
            cursor.pace = max(1, len(units) // 2)
        elif alone:
            self._trouble(cursor, turn, units[0], error)
        turn.moved = True
        turn.end()

    def _refused(self, cursor: PullCursor, turn: Turn, units: Sequence[str], refused: Searched) -> None:
        """One by one, to see whether the search is to blame or one of them."""
        if len(units) == 1 or not single(refused):
            self._trouble(cursor, turn, units[0], doubted(cursor, units[0], tries_of(cursor, units[0]), refused))
        cursor.pace = 1
        turn.moved = True

    def look(self, turn: Turn) -> None:
        """See whether some of what was told is still there."""
        keys = self._vanished.next()
        if keys:
            pool = self._gatherer.resources(keys)
            if len(pool.failed) == len(keys):
                self._there(next(iter(pool.failed.values())))
            for key in self._vanished.looked(keys, pool.gone, pool.unknown):
                self.deleted(turn, key, pool.gone[key])
        turn.moved = True

    # units that lead to others

    def _visits(self, cursor: PullCursor, turn: Turn, unit: str) -> None:
        """A page of one patient's encounters, which are fetched after it."""
        if cursor.visiting is None or cursor.visiting.unit != unit:
            cursor.visiting = Visiting(unit=unit)
        query = by(self._encounter, "Encounter", "patient", unit.removeprefix(VISITS))
        try:
            page, place = self._walker.step(query, cursor.visiting.place)
        except Searched as refused:
            error: HubError = doubted(cursor, unit, tries_of(cursor, unit), refused)
        except HubError as trouble:
            self._there(trouble)
            error = trouble
        else:
            self._visited(cursor, turn, page, place)
            return
        cursor.visiting = None
        self._trouble(cursor, turn, unit, error)

    def _visited(self, cursor: PullCursor, turn: Turn, page: Page, place: Place) -> None:
        unit, since = cursor.todo[0], cursor.round.since if cursor.round else cursor.first
        recent = [one.key for one in page.matches if not _ended_before(one, since)]
        cursor.todo[1:1] = [key for key in recent if key not in cursor.todo]
        cursor.visiting = None if place.done else Visiting(unit=unit, place=place)
        if place.done:
            self._done(cursor, turn, unit)
        sound(cursor)
        turn.moved = True

    def _named(self, cursor: PullCursor, turn: Turn) -> None:
        units = [unit for unit in cursor.todo if unit.startswith(NAMED)][:BATCH]
        keys = [unit.removeprefix(NAMED) for unit in units]
        pool = self._gatherer.resources(keys)
        for unit, key in zip(units, keys, strict=True):
            if key in pool.failed:
                self._there(pool.failed[key])
                self._trouble(cursor, turn, unit, pool.failed[key])
                continue
            self._done(cursor, turn, unit)
            if key in pool.found:
                kind, _, name = key.partition("/")
                cursor.add(*units_of(kind, name, pool.tree(key), pool.base))
            elif key in pool.gone:
                self.deleted(turn, key, pool.gone[key])

    # units that become messages

    def _units(
        self,
        cursor: PullCursor,
        turn: Turn,
        wanted: Sequence[str],
        failed: Mapping[str, HubError],
        units: Sequence[str],
    ) -> None:
        pool = self._gatherer.gather(wanted)
        sound(cursor)
        held: list[tuple[str, HubError]] = []
        for unit in units:
            error = self._whole(cursor, turn, pool, unit) if unit in wanted else failed.get(unit)
            if error is None:
                self._done(cursor, turn, unit, late=unit not in pool.absent or unit in pool.gone)
            else:
                held.append((unit, error))
        for key, at in pool.gone.items():
            self.deleted(turn, key, at)
        if held and len(held) == len(wanted) + len(failed):
            self._there(held[0][1])
        for unit, error in held:
            self._trouble(cursor, turn, unit, error)

    def _whole(self, cursor: PullCursor, turn: Turn, pool: Pool, unit: str) -> HubError | None:
        """Give the unit's message, or say what keeps it from being whole."""
        if unit in pool.absent:
            if unit not in pool.gone:
                self._missing(cursor, turn, unit)
            return None
        keys, missing = pool.closure(roots(pool, unit))
        for key in (unit, *sorted(keys | missing)):
            if key in pool.failed:
                return pool.failed[key]
        turn.give(self._sent.message(unit, (pool.found[key] for key in keys)))
        self._vanished.told(keys, turn.now)
        for key in pool.unknown_to(keys):
            expect(cursor, turn, key)
        if unit.startswith("Encounter/"):
            self._lacking.told(unit, (pool.found[key] for key in keys))
        else:
            cursor.add(*self._lacking.came(pool.found[unit]))
        for key in keys:
            self._seen.forget(f"Gone/{key}")
            self._seen.took(pool.found[key], cursor.reach)
        if unit.startswith("Encounter/") and not _ended_before(pool.found[unit], self._again.since(turn.now)):
            self._again.fetched(unit.partition("/")[2], turn.now, pool.tree(unit).get("status"))
        return None

    def _ours(self, cursor: PullCursor, units: Sequence[str]) -> tuple[list[str], dict[str, HubError]]:
        """Leave out patients of whom there is no visit since the first day: they are nobody we bill for. And of whom
        that could not be learned, with why.
        """
        search = self._encounter
        patients = [unit for unit in units if unit.startswith("Patient/")]
        if not patients or search is None or "patient" not in search.joined:
            return list(units), {}
        more = {"_lastUpdated": f"ge{cursor.first}"} if cursor.first and "patient" in search.narrowed else {}
        queries = [
            by(search, "Encounter", "patient", one.removeprefix("Patient/"), more=more) for one in patients
        ]
        strange, failed = set[str](), dict[str, HubError]()
        for unit, page in zip(patients, self._walker.many(queries), strict=True):
            if isinstance(page, Searched):
                raise page
            if isinstance(page, HubError):
                failed[unit] = page
            elif all(_ended_before(one, cursor.first) for one in page.matches):
                strange.add(unit)
        return [unit for unit in units if unit not in strange and unit not in failed], failed

    # what becomes of a unit

    def _done(self, cursor: PullCursor, turn: Turn, unit: str, *, late: bool = True) -> None:
        cursor.todo.remove(unit)
        if late:
            cursor.late = [one for one in cursor.late if one.unit != unit]
        turn.moved = True

    def deleted(self, turn: Turn, key: str, at: str, version: str = "") -> None:
        """Tell a deletion once; `at` is when the server deleted it, empty: it is not known."""
        kind, _, name = key.partition("/")
        if kind in KINDS and self._seen.add(Found(kind="Gone", id=key, raw=b"", version=version or "gone")):
            self._seen.forget(key)
            self._sent.deleted(key)
            when = instant(at)
            turn.give(deletion(kind, name, when or turn.now, seen=when is None))

    def _missing(self, cursor: PullCursor, turn: Turn, unit: str) -> None:
        """The server told of it and does not have it: a copy may be behind, so it is asked for some more times."""
        tries = tries_of(cursor, unit)
        if tries + 1 < (_EXPECTED_TRIES if unit.partition("/")[0] in DIRECTORY else _MISSING_TRIES):
            wait(cursor, turn, unit, tries)
        else:
            cursor.late = [one for one in cursor.late if one.unit != unit]
            self._log.warning("fhir.pull.missing", kind=unit.partition("/")[0], attempts=tries + 1)

    def _there(self, error: HubError) -> None:
        """Nothing came: raises where the server itself is the cause, and everything has to wait."""
        if for_all(error):
            raise error
        self._server.metadata()

    def _trouble(self, cursor: PullCursor, turn: Turn, unit: str, error: HubError) -> None:
        """One that fails alone waits, and the others go on."""
        if for_all(error):
            raise error
        tries = tries_of(cursor, unit)
        cursor.todo.remove(unit)
        wait(cursor, turn, unit, tries)
        turn.moved = True
        kind = unit.removeprefix(NAMED).partition("/")[0]
        self._log.warning("fhir.pull.late", kind=kind, attempts=tries + 1, count=len(cursor.late))


def for_all(error: HubError) -> bool:
    """Whether an error is about the server and not about one resource."""
    return isinstance(error, Misconfigured) or getattr(error, "after_seconds", None) is not None


def _ended_before(one: Found, since: str) -> bool:
    """Whether an encounter was over before a day, and has not changed since."""
    if not since:
        return False
    period = one.tree().get("period")
    end = (period.get("end") or period.get("start") or "") if isinstance(period, dict) else ""
    days = [text[:10] for text in (end, one.updated) if isinstance(text, str) and text]
    return bool(days) and all(day < since[:10] for day in days)
