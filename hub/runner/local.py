"""The embedded runner: threads in this process, the default on SQLite."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from hub.log import get_log
from hub.runner.kept import KeptLanes
from hub.runner.lanes import Lanes
from hub.runner.port import Outcome, Retry, Status, StepCount, Steps, Trouble
from hub.runner.trouble import Verdict, judge
from hub.store import Nudge, Store


def log_trouble(trouble: Trouble) -> None:
    """The least that is done about trouble: a line in the log."""
    get_log().warning(
        f"step.{trouble.kind}",
        step=trouble.step,
        lane=trouble.lane,
        exception=trouble.error,
        place=trouble.place,
        attempts=trouble.attempts,
        after_seconds=trouble.wait_seconds,
    )


class LocalRunner:
    """Runs `steps` in `threads` threads. `stopping` is set when it stops, so that long steps can end early.

    With a `store`, lanes that are held stay held over a restart.
    """

    def __init__(
        self,
        steps: Steps,
        *,
        threads: int = 4,
        retry: Retry | None = None,
        on_trouble: Callable[[Trouble], None] = log_trouble,
        stopping: threading.Event | None = None,
        store: Store | None = None,
    ) -> None:
        self.stopping = stopping or threading.Event()
        self._steps = dict(steps)
        self._size = threads
        self._on_trouble = on_trouble
        self._lanes = Lanes(retry or Retry())
        self._changed = threading.Condition()
        self._telling = 0
        self._threads: list[threading.Thread] = []
        self._counts = {name: StepCount(step=name) for name in steps}
        self._kept = None if store is None else KeptLanes(store)
        for trouble in self._kept.held() if self._kept else ():
            if trouble.step in self._steps:
                self._lanes.hold(trouble)

    def nudge(self, step: str, lane: str = "") -> None:
        self.told((Nudge(step, lane),))

    def told(self, nudges: Sequence[Nudge]) -> None:
        for nudge in nudges:
            if nudge.step not in self._steps:
                raise ValueError(f"no step is called {nudge.step!r}")
        with self._changed:
            for nudge in nudges:
                self._lanes.nudge(nudge)
            self._changed.notify_all()

    def start(self) -> None:
        with self._changed:
            missing = 0 if self.stopping.is_set() else self._size - len(self._threads)
            new = [threading.Thread(target=self._work, name=f"lane-{n}", daemon=True) for n in range(missing)]
            self._threads += new
        for thread in new:
            thread.start()

    def run_until_idle(self, within_seconds: float | None = None) -> bool:
        self.start()
        with self._changed:
            self._changed.wait_for(lambda: self.stopping.is_set() or self._idle(), within_seconds)
            return self._idle()

    def stop(self, within_seconds: float = 10.0) -> tuple[str, ...]:
        with self._changed:
            self.stopping.set()
            self._changed.notify_all()
        until = time.monotonic() + within_seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        with self._changed:
            return tuple(sorted(nudge.lane for nudge in self._lanes.status().running))

    def release(self, lane: str) -> None:
        with self._changed:
            held = any(one.lane == lane for one in self._lanes.status().held)
            self._lanes.release(lane)
            self._changed.notify_all()
        if held and self._kept:
            self._kept.release(lane)

    @property
    def busy(self) -> int:
        return len(self.status().running)

    def status(self) -> Status:
        with self._changed:
            return self._lanes.status()

    def counts(self) -> tuple[StepCount, ...]:
        with self._changed:
            return tuple(self._counts.values())

    def _idle(self) -> bool:
        now = time.monotonic()
        return not (self._telling or self._lanes.could_run(now) or self._lanes.status().running)

    def _work(self) -> None:
        while (nudge := self._next()) is not None:
            began = time.monotonic()
            outcome, verdict = run_step(self._steps, nudge)
            self._settle(nudge, outcome, verdict, time.monotonic() - began)

    def _next(self) -> Nudge | None:
        """Wait for something to run; None when stopping."""
        with self._changed:
            while not self.stopping.is_set():
                now = time.monotonic()
                nudge = self._lanes.take(now)
                if nudge is not None:
                    return nudge
                due = self._lanes.next_due()
                self._changed.wait(None if due is None else max(0.0, due - now))
        return None

    def _settle(self, nudge: Nudge, outcome: Outcome, verdict: Verdict | None, seconds: float) -> None:
        with self._changed:
            note(self._counts[nudge.step], outcome, verdict, seconds)
            follow(self._lanes, self._steps, nudge, outcome)
            trouble = self._lanes.settle(nudge, verdict, time.monotonic())
            mended = verdict is None and self._kept is not None and self._kept.knows(nudge)
            telling = mended or trouble is not None
            self._telling += telling
            self._changed.notify_all()
        if telling:
            self._tell(nudge, trouble)
            with self._changed:
                self._telling -= 1
                self._changed.notify_all()

    def _tell(self, nudge: Nudge, trouble: Trouble | None) -> None:
        """Keep how a run ended, and report what went wrong."""
        if trouble is None:
            if self._kept:
                self._kept.well(nudge)
            return
        if self._kept:
            self._kept.keep(trouble)
        tell(self._on_trouble, trouble)


def tell(on_trouble: Callable[[Trouble], None], trouble: Trouble) -> None:
    """Report trouble; a listener that fails must not end the runner."""
    try:
        on_trouble(trouble)
    except Exception as error:  # noqa: BLE001 - whatever it is, the lanes go on
        get_log().warning("step.untold", step=trouble.step, lane=trouble.lane, exception=type(error).__name__)


def run_step(steps: Steps, nudge: Nudge) -> tuple[Outcome, Verdict | None]:
    """Run one step; whatever it raises becomes a verdict."""
    try:
        return steps[nudge.step](nudge.lane), None
    except BaseException as error:  # noqa: BLE001 - nothing that a step raises may end the runner
        return Outcome(), judge(error)


def follow(lanes: Lanes, steps: Steps, nudge: Nudge, outcome: Outcome) -> None:
    """Nudge whom the outcome names; a step that has more goes behind what else waits in its lane."""
    for other in outcome.nudges:
        if other.step in steps:
            lanes.nudge(other)
        else:
            get_log().warning("step.unknown", step=other.step)
    if outcome.more:
        lanes.nudge(nudge)


def note(count: StepCount, outcome: Outcome, verdict: Verdict | None, seconds: float) -> None:
    """Count one run."""
    count.runs += 1
    count.done += outcome.done
    count.failures += verdict is not None
    count.seconds += seconds
