"""The part of the source that exports by Bulk Data: one stage a call, each safe to repeat from its cursor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from hub.plugin.api import Changes, Context, HubError, Misconfigured, RawMessage, RetryLater, Step
from hub_ehr_fhir.bulk import asking, kickoff, reports, telling, turns, wishes
from hub_ehr_fhir.bulk.cursors import Cursor, Place, decoded, encoded
from hub_ehr_fhir.bulk.download import SHORT
from hub_ehr_fhir.bulk.loading import SLICE_SECONDS, Loading, Over
from hub_ehr_fhir.connect.http import Server
from hub_ehr_fhir.growing import Growing
from hub_ehr_fhir.settings import FhirSettings
from hub_ehr_fhir.settings_bulk import BulkSettings

TRIES = 3
_LEARNED = timedelta(days=30)
_FIRST_LOOK = timedelta(seconds=2)
_LONGEST_WAIT = timedelta(hours=2)
_LOST_MINUTES = (0, 0, 1, 5, 20)
_LEFT_ALONE = (200, 202, 204, 400, 403, 404, 405, 410, 422, 501)


class BulkPart:
    """Asks for exports by their turns, waits for them, and takes their files (a `Changing` of the source).

    idle -> intent -> waiting -> loading -> closing -> idle; the intent is saved before the server is asked, so that
    a process that died in between is known to have asked, perhaps.
    """

    def __init__(self, settings: FhirSettings, bulk: BulkSettings, server: Server, context: Context) -> None:
        self._settings, self._bulk, self._server, self._context = settings, bulk, server, context
        self._zone = ZoneInfo(settings.time_zone)
        self._form = kickoff.form(bulk, server.base)
        self._me = os.urandom(8).hex()
        self._kicked: tuple[Cursor, asking.Kicked] | None = None
        self._tried: Cursor | None = None
        self._loading: Loading | None = None
        self._growing = Growing(SLICE_SECONDS)
        self._still: tuple[tuple[str, Place], datetime] | None = None
        self._stages: Mapping[str, Callable[[Cursor], Changes]] = {
            "idle": self._idle,
            "intent": self._ask,
            "waiting": self._wait,
            "loading": self._load,
            "closing": self._end,
        }

    def changes(self, cursor: str) -> Changes:
        """One step of an export. Raises `RetryLater` where the server has too many, `Misconfigured` where it gives
        none.
        """
        now = decoded(cursor)
        wish = wishes.take(self._context.state, self._now())
        if wish is not None and wish.what == "end" and now.stage != "idle":
            return self._ended(now)
        if wish is not None and wish.what == "begin" and now.stage == "idle":
            return self._intent(now, tries=0)
        if now.stage in ("waiting", "loading") and now.form != self._form:
            return self._otherwise(now)
        return self._stages[now.stage](now)

    def presses(self, cursor: str) -> bool:
        """Whether an export was announced and is to be asked for now: the pull may take long, and each death between
        the two counts as one that left an export behind. What failed once waits for its turn.
        """
        try:
            now = decoded(cursor)
        except Misconfigured:
            return False
        return now.stage == "intent" and now != self._tried and not self._waits(now)

    def check(self) -> Iterator[Step]:
        """What came of the last export. Nothing is asked for: an export is work for the server."""
        yield reports.step(reports.read(self._context.state), self._bulk)

    def close(self) -> None:
        """Let go of the file that is open; harmless twice."""
        if self._loading is not None:
            self._loading.close()
        self._loading = None

    def _now(self) -> datetime:
        return self._context.clock.now()

    def _waits(self, cursor: Cursor) -> bool:
        """Whether nothing is to be asked yet; a time that lies far ahead is of a clock that was turned back."""
        after = turns.read(cursor.after)
        return after is not None and timedelta() < after - self._now() < _LONGEST_WAIT

    def _idle(self, cursor: Cursor) -> Changes:
        """Wait for the turn; then say that it is going to be asked."""
        now, after = self._now(), turns.read(cursor.after)
        turn = turns.turn(self._bulk, self._zone, now)
        again = 0 < cursor.tries <= TRIES and after is not None and now >= after
        if not (turn > cursor.slot or again):
            return _still(cursor)
        return self._intent(cursor, tries=cursor.tries if again and turn <= cursor.slot else 0)

    def _intent(self, cursor: Cursor, *, tries: int) -> Changes:
        """Say that an export is going to be asked for, in this turn."""
        fresh = Cursor() if cursor.form != self._form else cursor
        slot = max(turns.turn(self._bulk, self._zone, self._now()), cursor.slot)
        intent = replace(
            fresh, stage="intent", slot=slot, by=self._me, form=self._form, after="", tries=tries, lost=0
        )
        return self._on(intent, more=True)

    def _ended(self, cursor: Cursor) -> Changes:
        """A person does not want the export that is under way: what was taken of it stays, `since` where it was."""
        self._forget(cursor.job)
        self._context.log.info("bulk.ended_by_hand", slot=cursor.slot)
        slot = max(turns.turn(self._bulk, self._zone, self._now()), cursor.slot)
        return self._on(
            replace(cursor, stage="idle", job="", after="", slot=slot, tries=0, lost=0, place=Place(), shape="")
        )

    def _ask(self, cursor: Cursor) -> Changes:
        """Ask for the export. What an earlier call of this process was told, and could not save, still holds. It is
        saved at once (`more`): nobody else knows of the export.
        """
        now = self._now()
        if cursor.by != self._me:
            return self._lost(cursor)
        if self._waits(cursor):
            return _still(cursor)
        self._tried = cursor
        if self._kicked is None or self._kicked[0] != cursor:
            self._drop_kicked()
            self._kicked = (cursor, self._kick(cursor, now))
        self._tried, told = None, self._kicked[1]
        learned = turns.written(now) if told.refused != cursor.refused else cursor.learned
        self._context.log.info("bulk.asked", slot=cursor.slot, count=len(told.refused))
        return self._on(
            replace(
                cursor,
                stage="waiting",
                job=told.job,
                asked=turns.written(now),
                after=turns.written(now + _FIRST_LOOK),
                all_asked=told.all_asked,
                refused=told.refused,
                learned=learned,
                form=self._form,
                shape="",
                time="",
                place=Place(),
                stale=0,
                lost=0,
                lines=0,
                size=0,
                faults={},
            ),
            more=True,
        )

    def _lost(self, cursor: Cursor) -> Changes:
        """A process ended when it had asked, perhaps: an export may run at the server that nobody can ask for, since
        its address was never kept. Each costs the server one export, so they are few, and later and later.
        """
        lost = cursor.lost + 1
        self._context.log.warning("bulk.asked_perhaps", slot=cursor.slot, attempt=lost)
        if lost > len(_LOST_MINUTES):
            return self._anew(replace(cursor, tries=TRIES), ("incomplete",))
        minutes = _LOST_MINUTES[lost - 1]
        after = turns.written(self._now() + timedelta(minutes=minutes)) if minutes else ""
        return self._on(replace(cursor, by=self._me, lost=lost, after=after), more=not minutes)

    def _drop_kicked(self) -> None:
        """An export that this process was given and that was never saved, for something else than is wanted now."""
        if self._kicked is not None:
            self._context.log.info("bulk.dropped", slot=self._kicked[0].slot)
            self._forget(self._kicked[1].job)

    def _kick(self, cursor: Cursor, now: datetime) -> asking.Kicked:
        learned = turns.read(cursor.learned)
        fresh = cursor.form != self._form or learned is None or now - learned > _LEARNED
        last, full = turns.read(cursor.since), turns.read(cursor.full)
        since = kickoff.since(self._bulk, last, full, now) if cursor.form == self._form else None
        try:
            return asking.kick(self._server, self._bulk, since, () if fresh else cursor.refused, now)
        except asking.Busy as busy:
            self._context.log.warning("bulk.busy", slot=cursor.slot, attempt=cursor.lost)
            if not cursor.lost:
                raise
            raise RetryLater(_OWN_PERHAPS, after_seconds=busy.after_seconds, fix=_OWN_FIX) from None

    def _wait(self, cursor: Cursor) -> Changes:
        """See how the export stands, when it is time to. That it is waited for shows that its address was saved."""
        self._kicked = None
        now = self._now()
        if self._waits(cursor):
            return _still(cursor)
        asked = turns.read(cursor.asked) or now
        if now - asked > timedelta(hours=self._bulk.give_up_hours):
            return self._anew(cursor, ("timeout",))
        state = asking.ask(self._server, cursor.job, asked, now)
        if state.kind == "at work":
            return self._on(
                replace(cursor, after=turns.written(now + timedelta(seconds=state.seconds))), state.percent
            )
        if state.kind == "done" and state.answer is not None:
            self._loading = self._loader(cursor.job)
            self._loading.seed(state.answer)
            return self._on(replace(cursor, stage="loading", after=""), more=True)
        return self._anew(cursor, state.codes or ("expired",))

    def _load(self, cursor: Cursor) -> Changes:
        """Take some of the files."""
        if self._loading is None or self._loading.job != cursor.job:
            self.close()
            self._loading = self._loader(cursor.job)
        try:
            room, stopped = self._growing.room(self._settings.batch_bytes), self._context.stop.is_set
            taken = self._loading.slice(cursor, room, stopped, self._growing.seconds)
        except Over:
            return self._anew(cursor, ("expired",))
        except RetryLater:
            if self._stands_still(cursor):
                return self._anew(cursor, ("timeout",))
            raise
        self._growing.ended()
        stage = replace(taken.cursor, stage="closing") if taken.whole else taken.cursor
        return self._on(stage, messages=tuple(taken.messages), more=True)

    def _stands_still(self, cursor: Cursor) -> bool:
        """Whether nothing at all came for too long: a file that the server never gives keeps all others waiting."""
        at, now = (cursor.job, cursor.place), self._now()
        if self._still is None or self._still[0] != at:
            self._still = (at, now)
        return now - self._still[1] > timedelta(hours=self._bulk.give_up_hours)

    def _loader(self, job: str) -> Loading:
        server = self._settings.server
        holds = server is not None and server.requests_at_once > 1
        return Loading(self._server, job, self._context.clock, holds=holds)

    def _end(self, cursor: Cursor) -> Changes:
        """Let the server delete what was fetched. Only an export of which nothing is missing moves `since`."""
        self._forget(cursor.job)
        whole = not cursor.faults
        since = cursor.time if whole else cursor.since
        full = cursor.time if whole and cursor.all_asked else cursor.full
        self._context.log.info("bulk.done", slot=cursor.slot, rows=cursor.lines, bytes=cursor.size, ok=whole)
        for code, count in cursor.faults.items():
            self._context.log.warning("bulk.not_whole", slot=cursor.slot, code=code, count=count)
        messages = (
            (telling.outcome(("incomplete",), _SHORT.format(cursor.slot)),) if SHORT in cursor.faults else ()
        )
        done = replace(cursor, stage="idle", job="", since=since, full=full, place=Place(), shape="", tries=0)
        return self._on(done, messages=messages)

    def _anew(self, cursor: Cursor, codes: tuple[str, ...]) -> Changes:
        """The export came to nothing: it is asked for again a few times, later and later, then at its next turn."""
        self._forget(cursor.job)
        tries = cursor.tries + 1
        self._context.log.warning("bulk.came_to_nothing", slot=cursor.slot, code=codes[0], attempt=tries)
        minutes = 0 if codes == ("expired",) and tries == 1 else 5 * 4 ** (tries - 1)
        after = turns.written(self._now() + timedelta(minutes=minutes)) if tries <= TRIES else ""
        idle = replace(
            cursor, stage="idle", job="", after=after, tries=tries, place=Place(), faults=dict.fromkeys(codes, 1)
        )
        messages = () if tries <= TRIES else (telling.outcome(codes, _GIVEN_UP.format(cursor.slot)),)
        return self._on(idle, messages=messages)

    def _otherwise(self, cursor: Cursor) -> Changes:
        """The settings ask for something else now: the export that is under way is not wanted."""
        self._forget(cursor.job)
        fresh = Cursor(slot=cursor.slot, tries=1, after=turns.written(self._now()))
        return Changes(messages=(), cursor=encoded(fresh), more=True)

    def _forget(self, job: str) -> None:
        """Tell the server that an export is not needed any more; many do not know what that means."""
        self.close()
        self._kicked = None
        if job and self._bulk.delete_job:
            with suppress(HubError):
                self._server.delete(job, expect=_LEFT_ALONE)

    def _on(
        self, cursor: Cursor, percent: int = -1, *, messages: tuple[RawMessage, ...] = (), more: bool = False
    ) -> Changes:
        files = self._loading.files if self._loading is not None and cursor.stage == "loading" else 0
        reports.put(self._context.state, cursor, self._now(), percent, files)
        return Changes(messages=messages, cursor=encoded(cursor), more=more)


def _still(cursor: Cursor) -> Changes:
    return Changes(messages=(), cursor=encoded(cursor))


_OWN_PERHAPS = (
    "the server takes no further export now: one that was asked for just before the hub ended may still run there"
)
_OWN_FIX = (
    "nothing: it is asked for again until that one has ended; its address is not known: to be quicker ask who runs "
    "the server to delete the export that runs for us"
)
_SHORT = "a file of the bulk export of turn {} ended before its last resource, each time it was fetched"
_GIVEN_UP = "the bulk export of turn {} came to nothing, however often it was asked for"
