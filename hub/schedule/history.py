"""What became of each slot: a run of a step is noted in the runs of schedules that wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from datetime import datetime, timedelta

from msgspec.structs import replace

from hub.errors import RetryLater, Stale, StoreAway
from hub.log import get_log
from hub.plugin.host.faults import place_of
from hub.store import Store
from hub.store.nudge import Outcome
from hub.store.slots import FAILED, OK, PARTIAL, Run, Worked
from hub.store.work import counted

CLOCKS_APART = timedelta(seconds=2)
"""A slot that another node began may carry a time that this node's clock has not reached."""
IDLE_KEPT = timedelta(days=7)
LOST_AFTER = timedelta(days=1)
"""A run of which nothing was heard for so long is lost."""
RunStep = Callable[[str], Outcome]


class History:
    """Notes the runs of those steps that schedules name; safe to use from many threads and on many nodes."""

    def __init__(self, store: Store, steps: Container[str]) -> None:
        self._store = store
        self._steps = steps

    def noted(self, step: str, run: RunStep) -> RunStep:
        """`run`, and each of its runs is noted."""
        if step not in self._steps:
            return run

        def noting(lane: str) -> Outcome:
            began = time.monotonic()
            with counted() as opened:
                try:
                    outcome = run(lane)
                except BaseException as error:
                    self.note(step, lane, Outcome(), time.monotonic() - began, error=error)
                    raise
            self.note(step, lane, outcome, time.monotonic() - began, set_aside=len(opened))
            return outcome

        return noting

    def note(
        self,
        step: str,
        lane: str,
        outcome: Outcome,
        seconds: float,
        *,
        set_aside: int = 0,
        error: BaseException | None = None,
    ) -> int:
        """Add one run of `step` that worked `seconds` until now to what waits for it; returns to how many.
        Nothing that goes wrong here is the step's trouble.
        """
        if isinstance(error, (Stale, StoreAway)):
            return 0
        try:
            return self._note(step, lane, _worked(outcome, seconds, set_aside, error))
        except Exception as trouble:  # noqa: BLE001 - the store may be away: a later run of the step ends it
            get_log().warning("schedule.unnoted", step=step, lane=lane, exception=type(trouble).__name__)
            return 0

    def _note(self, step: str, lane: str, worked: Worked) -> int:
        now = self._store.clock.now()
        began = now - timedelta(seconds=worked.seconds)
        with self._store.view() as view:
            waiting = view.runs.open(step, lane, began + CLOCKS_APART, now + CLOCKS_APART)
        if not waiting:
            return 0
        with self._store.begin("schedule.run") as tx:
            return sum(tx.runs.add(run, _ending(worked, run)) for run in waiting)


def _worked(outcome: Outcome, seconds: float, set_aside: int, error: BaseException | None) -> Worked:
    """What passes by itself leaves the run open: the runner tries again."""
    if error is not None:
        place = f"{type(error).__name__} at {place_of(error.__traceback__, 'hub')}"
        ending = "" if isinstance(error, RetryLater) else FAILED
        return Worked(seconds=seconds, counts={"failures": 1}, outcome=ending, error=place)
    counts = {"done": outcome.done} | ({"set_aside": set_aside} if set_aside else {})
    return Worked(seconds=seconds, counts=counts, outcome="" if outcome.more else OK)


def _ending(worked: Worked, run: Run) -> Worked:
    """A run that set something aside, now or in an earlier part, went well in part."""
    aside = worked.counts.get("set_aside") or run.counts.get("set_aside")
    return replace(worked, outcome=PARTIAL) if worked.outcome == OK and aside else worked


def prune(store: Store, older_than: timedelta) -> int:
    """Remove slots and runs older than that, and sooner the runs that did nothing; the last slot of each schedule
    stays. What was never heard of again is called lost. In short transactions; returns how many rows went.
    """
    now = store.clock.now()
    with store.begin("schedule.run") as tx:
        tx.runs.lose(now - LOST_AFTER)
    return _pages(store, now - older_than, now - min(older_than, IDLE_KEPT))


def _pages(store: Store, before: datetime, idle_before: datetime) -> int:
    removed, page = 0, -1
    while page:
        with store.begin("schedule.run") as tx:
            page = tx.runs.prune(before, idle_before) + tx.slots.prune(before)
        removed += page
    return removed
