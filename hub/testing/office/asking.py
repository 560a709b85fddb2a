"""Asks for steps that nodes in other processes run, and waits until they have come to rest."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

from hub.app import App
from hub.runner import Nudge, StepCount, make

LOOK_SECONDS, MOST_SECONDS = 0.01, 0.25
"""Looks grow rarer the longer it takes: they cost the nodes something, and are late by a tenth at most."""


class Elsewhere:
    """What a bench or test wants of a runner, of one that runs in other processes: nothing runs here."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._runner = make("distributed", app.steps(), store=app.store, node="asking")

    def nudge(self, step: str, lane: str = "") -> None:
        """Ask for one step."""
        self._runner.nudge(step, lane)

    def told(self, nudges: Sequence[Nudge]) -> None:
        """Ask for many, in one transaction."""
        self._runner.told(nudges)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs, on any node."""
        return self._runner.status().idle

    def run_until_idle(self, within_seconds: float | None = None) -> bool:
        """Wait until nothing waits or runs (True), or the time is up (False)."""
        began = time.monotonic()
        while not self.idle:
            waited = time.monotonic() - began
            if within_seconds is not None and waited > within_seconds:
                return False
            time.sleep(min(max(LOOK_SECONDS, waited / 10), MOST_SECONDS))
        return True

    def stop(self) -> None:
        """Nothing runs here."""

    def counts(self) -> tuple[StepCount, ...]:
        """What the nodes ran, from their journal."""
        counts: dict[str, StepCount] = defaultdict(lambda: StepCount(step=""))
        with self._app.store.view() as view:
            for run in view.lanes.runs():
                one = counts[run.step]
                one.step, one.runs, one.done = run.step, one.runs + 1, one.done + run.done
                one.failures += run.outcome not in {"ok", "more"}
                one.seconds += (run.ended_at - run.began_at).total_seconds() if run.ended_at else 0.0
        return tuple(counts.values())
