"""One life of a hub: it is started on what the last one left, and lives day by day until nothing is awaited."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from faultlab import extras
from faultlab.world import Now, Place
from hub.app import App, open_app
from hub.clock import TurnedClock
from hub.flow.dispatch import retry_in_doubt
from hub.runner import LocalRunner, Runner
from hub.runner.distributed import DistributedRunner, Pulse
from hub.runner.port import Step, Trouble
from hub.runner.simulated import SimulatedRunner
from hub.schedule import Scheduler

MOST_DAYS = 90
STATEMENTS_FROM_DAY = 14
REST_SECONDS = 300.0
PULSE = Pulse(beat_seconds=0.3, dead_seconds=2.0, look_seconds=0.2)
"""A node that sleeps is counted as dead sooner than in production."""
Wrap = Callable[[dict[str, Step]], dict[str, Step]]


class Life:
    """A hub with its runner on the world's clock."""

    def __init__(
        self,
        place: Place,
        ask: Callable[[Any], Any],
        *,
        threads: int = 1,
        node: str = "",
        wrap: Wrap = lambda steps: steps,
    ) -> None:
        """`ask` gives the world's answer: to an instant where it stands by then, to a name whether it came. With
        several `threads` steps run at the same time, as they do in `hub run`; a `node` has a name and shares its
        queue with other nodes.
        """
        self.ask = ask
        self.place = place
        self.now: Now = ask(datetime(2026, 1, 1, tzinfo=UTC))
        self.clock = TurnedClock(self.now.at)
        self.troubles: list[Trouble] = []
        self.at_rest: Callable[[], None] = lambda: None
        self.app: App = open_app(Path(place.work) / "config", clock=self.clock)
        self.runner = self._runner(threads, node, wrap(self.app.steps()))
        if not node:
            self.app.store.on_commit(self.runner.told)
        mine = [one for one in self.app.schedules() if one.name in self.app.settings.schedules]
        self.scheduler = Scheduler(mine, self.app.store, self.clock)

    def run(self, days: int = MOST_DAYS) -> None:
        """What every start of a hub does, then day behind day."""
        self.scheduler.catch_up()
        self.runner.told(self.app.everything())
        self._rest()
        start = on = self.now.at.date()
        for _ in range(days):
            self._day(on)
            if self.now.due is None and not self.now.drops and not self._awaits():
                return
            on += timedelta(days=1)
            if self.now.due is not None and not self.now.drops:
                on = max(on, self.now.due.date())
            if (on - start).days > 365:
                raise RuntimeError("a year went by, and something is still awaited")

    def _day(self, on: date) -> None:
        """What the EHRs left by morning, claims out in the afternoon, answers in at night."""
        self._turn(on, 11)
        self.steps("ingest.pull", "ingest.ripen")
        self._turn(on, 17)
        self.steps("batch.freeze")
        self._turn(on, 17)
        self._turn(on, 22)
        self.steps("fetch.fetch", "printing.results", "batch.freeze")
        if on >= date(2026, 1, 5) + timedelta(days=STATEMENTS_FROM_DAY):
            self.steps("statements.make")
        self._person()
        if self.place.furnished:
            self.steps(*extras.evening(self.app, Path(self.place.work), on))
        self.steps("sweep.expect", "audit.seal")
        self._turn(on, 22)

    def _turn(self, on: date, hour: int) -> None:
        self.now = self.ask(datetime.combine(on, time(hour), UTC))
        if self.now.at <= self.clock.now():
            return
        if isinstance(self.runner, SimulatedRunner):
            self.runner.turn_to(self.now.at, self.scheduler)
            return
        self.clock.turn_to(self.now.at)
        self.scheduler.tick()
        self._rest()

    def steps(self, *steps: str) -> None:
        for step in steps:
            for lane in self.app.lanes(step):
                self.runner.nudge(step, lane)
            self._rest()

    def _person(self) -> None:
        """Somebody calls the partner about each file that is in doubt for a day; what never came is sent again."""
        if not self.place.in_doubt_asks:
            return
        with self.app.store.view() as view:
            doubtful = view.files.find(state="in_doubt")
        for file in doubtful:
            if self.clock.now() - file.state_since < timedelta(hours=20):
                continue
            if not self.ask(file.name):
                with self.app.store.begin("work.resolve") as tx:
                    retry_in_doubt(tx, file, "biller")
        self._rest()

    def _awaits(self) -> bool:
        with self.app.store.view() as view:
            return bool(
                view.encounters.count(state=("gathering", "waiting"))
                or view.claims.count(state=("new", "ready", "frozen", "sent"))
                or view.statements.count(state=("made", "frozen", "sent"))
                or (self.place.in_doubt_asks and view.files.find(state="in_doubt"))
            )

    def close(self) -> None:
        """Stop what runs and close the hub."""
        self.runner.stop()
        self.app.close()

    def _runner(self, threads: int, node: str, steps: dict[str, Step]) -> Runner:
        if node:
            return DistributedRunner(
                steps, store=self.app.store, node=node, threads=threads, on_trouble=self._trouble, pulse=PULSE
            )
        if threads == 1:
            return SimulatedRunner(steps, self.clock, on_trouble=self._trouble)
        return LocalRunner(steps, threads=threads, on_trouble=self._trouble)

    def _rest(self) -> None:
        """Until nothing can run now."""
        if not self.runner.run_until_idle(REST_SECONDS):
            raise RuntimeError("the hub does not come to rest")
        self.at_rest()

    def _trouble(self, trouble: Trouble) -> None:
        self.troubles.append(trouble)
        self.app.on_trouble(trouble)
