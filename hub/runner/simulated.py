"""The simulated runner: one thread, one order, and a clock that is turned, so that a month runs in a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from hub.clock import TurnedClock
from hub.runner.lanes import Lanes
from hub.runner.local import follow, log_trouble, note, run_step, tell
from hub.runner.port import Retry, Status, StepCount, Steps, Trouble
from hub.store.nudge import Nudge

_TICK = timedelta(microseconds=1)
"""Seconds as a float may lie a little after the instant that is made of them."""


class Due(Protocol):
    """A slot: something that is to begin at an instant."""

    @property
    def at(self) -> datetime: ...


S = TypeVar("S", bound=Due)


class Timetable(Protocol[S]):
    """What is due when (`hub.schedule.Scheduler`)."""

    def due(self, after: datetime, until: datetime) -> Sequence[S]:
        """The slots after `after` and not later than `until`, in order."""
        ...

    def begin(self, slot: S) -> bool:
        """Start one."""
        ...


class SimulatedRunner:
    """Runs `steps` one after another, in the order in which they were nudged."""

    def __init__(
        self,
        steps: Steps,
        clock: TurnedClock,
        *,
        retry: Retry | None = None,
        on_trouble: Callable[[Trouble], None] = log_trouble,
        most_runs: int = 1_000_000,
    ) -> None:
        self.stopping = threading.Event()
        self._steps = dict(steps)
        self._clock = clock
        self._on_trouble = on_trouble
        self._lanes = Lanes(retry or Retry())
        self._counts = {name: StepCount(step=name) for name in steps}
        self._most_runs = most_runs
        self._busy = False

    def nudge(self, step: str, lane: str = "") -> None:
        if step not in self._steps:
            raise ValueError(f"no step is called {step!r}")
        self._lanes.nudge(Nudge(step, lane))

    def told(self, nudges: Sequence[Nudge]) -> None:
        for nudge in nudges:
            self.nudge(nudge.step, nudge.lane)

    def start(self) -> None:
        """There is no background."""

    def run_until_idle(self, within_seconds: float | None = None) -> bool:
        """Run what can run now; nested in a step it is a bug. Of the time, only that of the steps counts."""
        if self._busy:
            raise RuntimeError("a step may not run the runner")
        until = None if within_seconds is None else time.monotonic() + within_seconds
        for _ in range(self._most_runs):
            nudge = None if self.stopping.is_set() else self._lanes.take(self._now())
            if nudge is None:
                return True
            self._run(nudge)
            if until is not None and time.monotonic() > until:
                return not self._lanes.could_run(self._now())
        raise RuntimeError(f"{self._most_runs} runs, and no end: a step says `more` for ever")

    def turn_to(self, instant: datetime, timetable: Timetable[S] | None = None) -> None:
        """Turn the clock to `instant`, stopping at each slot and each retry on the way to run what is due."""
        slots = list(timetable.due(self._clock.now(), instant)) if timetable is not None else []
        self.run_until_idle()
        while (at := self._earliest(slots, instant)) is not None:
            self._clock.turn_to(max(at, self._clock.now()))
            while timetable is not None and slots and slots[0].at <= at:
                timetable.begin(slots.pop(0))
            self.run_until_idle()
        self._clock.turn_to(instant)

    def stop(self, within_seconds: float = 10.0) -> tuple[str, ...]:  # noqa: ARG002 - nothing runs by itself
        self.stopping.set()
        return ()

    def release(self, lane: str) -> None:
        self._lanes.release(lane)

    @property
    def busy(self) -> int:
        return int(self._busy)

    def status(self) -> Status:
        return self._lanes.status()

    def counts(self) -> tuple[StepCount, ...]:
        return tuple(self._counts.values())

    def _run(self, nudge: Nudge) -> None:
        self._busy, began = True, time.monotonic()
        outcome, verdict = run_step(self._steps, nudge)
        self._busy = False
        note(self._counts[nudge.step], outcome, verdict, time.monotonic() - began)
        follow(self._lanes, self._steps, nudge, outcome)
        trouble = self._lanes.settle(nudge, verdict, self._now())
        if trouble is not None:
            tell(self._on_trouble, trouble)

    def _earliest(self, slots: Sequence[Due], until: datetime) -> datetime | None:
        retry = self._lanes.next_due()
        found = [slot.at for slot in slots[:1]]
        found += [] if retry is None else [datetime.fromtimestamp(retry, UTC) + _TICK]
        return min((at for at in found if at <= until), default=None)

    def _now(self) -> float:
        return self._clock.now().timestamp()
