"""Begins slots as they come due: each is taken, recorded and nudged in one transaction, by whoever is first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from hub.clock import Clock
from hub.log import get_log
from hub.schedule.plan import Schedule, Slot
from hub.schedule.times import due, latest, merged, upcoming
from hub.store import Nudge, Store, Tx
from hub.store.slots import PAUSED, SKIPPED, Run

LONGEST_NAP_SECONDS = 5.0
"""How soon the clock's being set and a run that a person asks for are noticed."""
_UNKNOWN_AFTER = timedelta(hours=1)
"""When the next slot begins, a run that began so long ago and never ended is given up."""
_AGAIN = timedelta(days=1)
MOST_MISSED = 100


class Scheduler:
    """Begins slots. `due` and `begin` serve the simulated runner; `serve` is the loop of `hub run`.

    Of each schedule it remembers until when all is done and when it is due next, so that a tick costs nothing
    for the schedules that are not.
    """

    def __init__(self, schedules: Iterable[Schedule], store: Store, clock: Clock) -> None:
        self._schedules = {one.name: one for one in schedules}
        self._store = store
        self._clock = clock
        self._now = clock.now()
        self._done: dict[str, datetime] = dict.fromkeys(self._schedules, self._now)
        self._next: dict[str, datetime] = {}
        self._away = False
        self._failing: set[str] = set()
        self._plan(self._schedules.values())

    def due(self, after: datetime, until: datetime) -> Sequence[Slot]:
        """The slots of every schedule, in order of time, then name; of one instant one for each schedule."""
        found = [slot for one in self._schedules.values() for slot in merged(due(one, after, until))]
        return sorted(found, key=lambda slot: (slot.at, slot.schedule, slot.name))

    def begin(self, slot: Slot, *, cause: str = "schedule", missed: int = 0) -> bool:
        """Take the slot and nudge its step; False where somebody else took it. A slot that falls into a pause is
        taken, recorded as paused, and nobody is nudged.
        """
        schedule = self._schedules[slot.schedule]
        with self._store.begin("schedule.slot") as tx:
            taken = _take(tx, schedule, slot)
            if taken:
                _record(tx, schedule, slot, cause, missed)
        return taken

    def catch_up(self, *, built_in: bool = True) -> list[Slot]:
        """At start: begin the last slot of each schedule if nobody did, once however many were missed. Of a
        schedule that never ran, the last slot is only marked: it was due before the schedule was. Runs that were
        asked for begin too, and runs that never ended are nudged again: their nudge died with the process that had
        it in memory. Without `built_in` the house's own schedules are left alone.
        """
        self._now = now = self._clock.now()
        self._nudge_again(built_in=built_in)
        begun = []
        for schedule in self._schedules.values():
            if built_in or not schedule.built_in:
                begun += self._made_up(schedule, now)
        self._done = dict.fromkeys(self._schedules, now)
        self._plan(self._schedules.values())
        self._begin_asked()
        return begun

    def tick(self) -> list[Slot]:
        """Begin what came due since the last tick: of each schedule the last slot; and what a person asked for.
        What cannot be begun now (the store is away) is begun by a later tick.
        """
        now = self._clock.now()
        if now < self._now:
            self._done = {name: min(done, now) for name, done in self._done.items()}
            self._plan(self._schedules.values())
        self._now = now
        self._away = not self._try(self._begin_asked, quiet=self._away)
        if self._away:
            return []
        ripe = [one for name, one in self._schedules.items() if self._next[name] <= now]
        return [slot for schedule in ripe for slot in self._ticked(schedule, now)]

    def nap_seconds(self) -> float:
        """How long nothing is due, at most some seconds; while the store is away, all of them."""
        if not self._next or self._away:
            return LONGEST_NAP_SECONDS
        soon = (min(self._next.values()) - self._clock.now()).total_seconds()
        return min(max(soon, 0.0), LONGEST_NAP_SECONDS)

    def serve(self, stop: threading.Event) -> None:
        """Catch up (as soon as the store is there), then begin slots as they come due, until `stop`."""
        while not (caught := self._try(self.catch_up)) and not stop.wait(LONGEST_NAP_SECONDS):
            continue
        while caught and not stop.wait(self.nap_seconds()):
            self.tick()

    def _plan(self, schedules: Iterable[Schedule]) -> None:
        for one in schedules:
            done = self._done[one.name]
            found = upcoming(one, done)
            self._next[one.name] = found[0].at if found else done + _AGAIN

    def _ticked(self, schedule: Schedule, now: datetime) -> list[Slot]:
        """Begin the last slot that came due; where that fails it stays due, and is tried again after a nap."""
        slot = latest(schedule, now, self._done[schedule.name])
        begun: list[Slot] = []
        deed, said = (
            lambda: begun.extend([slot] if slot and self.begin(slot) else []),
            schedule.name in self._failing,
        )
        if not self._try(deed, schedule.name, quiet=said):
            self._failing.add(schedule.name)
            self._next[schedule.name] = now + timedelta(seconds=LONGEST_NAP_SECONDS)
            return []
        self._failing.discard(schedule.name)
        self._done[schedule.name] = now
        self._plan([schedule])
        return begun

    def _try(self, deed: Callable[[], object], schedule: str = "", *, quiet: bool = False) -> bool:
        """Whether `deed` was done; the store may be away, and the schedule goes on. `quiet`: it was said before."""
        try:
            deed()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            if not quiet:
                get_log().warning("schedule.fault", schedule=schedule, exception=type(error).__name__)
            return False
        return True

    def _made_up(self, schedule: Schedule, now: datetime) -> list[Slot]:
        slot = latest(schedule, now)
        if slot is None:
            return []
        with self._store.view() as view:
            since, taken = view.slots.last_at(schedule.name), view.slots.taken(schedule.name, slot.name)
        if taken:
            return []
        if since is None:
            self._mark(schedule, slot)
            return []
        begun = self.begin(slot, cause="catch-up", missed=_missed(schedule, since, slot.at))
        return [slot] if begun else []

    def _mark(self, schedule: Schedule, slot: Slot) -> None:
        """A schedule that never ran: its last slot is taken without a nudge."""
        with self._store.begin("schedule.slot") as tx:
            if tx.slots.last(schedule.name) is None:
                _take(tx, schedule, slot)

    def _nudge_again(self, *, built_in: bool) -> None:
        with self._store.view() as view:
            paused = view.pauses.all()
            open_still = [run for run in view.runs.running() if run.schedule not in paused]
            left = [run for run in open_still if self._knows(run, built_in=built_in)]
        if left:
            with self._store.begin("schedule.slot") as tx:
                tx.then(*(Nudge(run.step, run.lane) for run in left))

    def _knows(self, run: Run, *, built_in: bool = True) -> bool:
        schedule = self._schedules.get(run.schedule)
        known = schedule is not None and schedule.step == run.step and run.lane in schedule.lanes
        return known and schedule is not None and (built_in or not schedule.built_in)

    def _begin_asked(self) -> None:
        """Begin the runs that a person asked for, in whatever process."""
        with self._store.view() as view:
            asked = view.runs.asked()
        for run in asked:
            self._take_up(run)

    def _take_up(self, run: Run) -> None:
        """A schedule that this node does not know, another may."""
        schedule = self._schedules.get(run.schedule)
        if schedule is None or schedule.step != run.step:
            return
        with self._store.begin("schedule.slot") as tx:
            if tx.runs.take_up(run.id):
                tx.then(Nudge(run.step, run.lane))


def _missed(schedule: Schedule, since: datetime, until: datetime) -> int:
    """How many slots between the two were passed over, at most a hundred."""
    between = merged(upcoming(schedule, since, MOST_MISSED + 1, until - since)) if since < until else []
    return max(len(between) - 1, 0)


def _take(tx: Tx, schedule: Schedule, slot: Slot) -> bool:
    """Take all names of an instant; the last of them decides who begins it."""
    for name in slot.also:
        tx.slots.take(schedule.name, name)
    take = tx.slots.take_newest if schedule.quick else tx.slots.take
    return take(schedule.name, slot.name)


def _record(tx: Tx, schedule: Schedule, slot: Slot, cause: str, missed: int) -> None:
    """Open a run for each lane and nudge it; during a pause, or with nobody to run for, say only that."""
    paused = tx.pauses.at(schedule.name, slot.at) is not None
    if paused or not schedule.lanes:
        if not schedule.quick:
            outcome = PAUSED if paused else SKIPPED
            tx.runs.start(schedule.name, slot.name, step=schedule.step, cause=cause, outcome=outcome)
        return
    if schedule.quick:
        tx.runs.forget_idle(schedule.name, tx.now - _UNKNOWN_AFTER)
    tx.runs.lose(tx.now - _UNKNOWN_AFTER, schedule.step, schedule.lanes)
    for lane in schedule.lanes:
        tx.runs.start(schedule.name, slot.name, step=schedule.step, lane=lane, cause=cause, missed=missed)
    tx.then(*(Nudge(schedule.step, lane) for lane in schedule.lanes))
