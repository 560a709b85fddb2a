"""One life of a hub: it is started on what the last one left, and lives day by day until nothing is awaited.

`python life.py` is a nursery: it reads one order a line (JSON) and forks a hub for each, so that a killed
hub's successor need not import everything again; a hub that was killed is a process that was killed.
"""

from __future__ import annotations

import os
import signal
import sys
import time as time_module
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from importlib import import_module
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from faultlab.world import Now, Place
from hub.app import App, open_app
from hub.clock import TurnedClock
from hub.flow.dispatch import retry_in_doubt
from hub.runner.port import Trouble
from hub.runner.simulated import SimulatedRunner

MOST_DAYS = 90
IMPORTED = (
    "hub_clearinghouse_sftp.plugin",
    "hub_ehr_fhir.source",
    "hub_hl7_adt.source",
    "hub_statements_print.plugin",
    "hub.render",
)
"""What every hub loads, imported once before hubs are forked."""
STATEMENTS_FROM_DAY = 14


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the nursery is asked for: where, where to die (`HUB_CRASH_AT`) or after how many seconds, and how many
    active days to live at most.
    """

    place: Place
    crash: str = ""
    kill_after_seconds: float = 0.0
    days: int = MOST_DAYS


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a life that ended well leaves in `life.json`: its commit points and its troubles."""

    points: dict[str, int]
    troubles: list[Trouble]


class Life:
    """A hub with its runner on the world's clock."""

    def __init__(self, place: Place, ask: Callable[[Any], Any]) -> None:
        """`ask` gives the world's answer: to an instant where it stands by then, to a name whether it came."""
        self.ask = ask
        self.place = place
        self.now: Now = ask(datetime(2026, 1, 1, tzinfo=UTC))
        self.clock = TurnedClock(self.now.at)
        self.troubles: list[Trouble] = []
        self.app: App = open_app(Path(place.work) / "config", clock=self.clock)
        self.runner = SimulatedRunner(self.app.steps(), self.clock, on_trouble=self._trouble)
        self.app.store.on_commit(self.runner.told)

    def run(self, days: int) -> None:
        """What every start of a hub does, then day behind day."""
        self.runner.told(self.app.everything())
        self.runner.run_until_idle()
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
        self.steps("sweep.expect", "audit.seal")
        self._turn(on, 22)

    def _turn(self, on: date, hour: int) -> None:
        self.now = self.ask(datetime.combine(on, time(hour), UTC))
        if self.now.at > self.clock.now():
            self.runner.turn_to(self.now.at)

    def steps(self, *steps: str) -> None:
        for step in steps:
            for lane in self.app.lanes(step):
                self.runner.nudge(step, lane)
            self.runner.run_until_idle()

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
        self.runner.run_until_idle()

    def _awaits(self) -> bool:
        with self.app.store.view() as view:
            return bool(
                view.encounters.count(state=("gathering", "waiting"))
                or view.claims.count(state=("new", "ready", "frozen", "sent"))
                or view.statements.count(state=("made", "frozen", "sent"))
                or (self.place.in_doubt_asks and view.files.find(state="in_doubt"))
            )

    def _trouble(self, trouble: Trouble) -> None:
        self.troubles.append(trouble)
        self.app.on_trouble(trouble)


def live(order: Order) -> None:
    """One life, in this process; dies where the order says."""
    os.environ["HUB_CRASH_AT"] = order.crash
    with Client(order.place.address, authkey=order.place.secret) as line:
        life = Life(order.place, partial(_over, line))
        try:
            life.run(order.days)
            told = Told(points=life.app.store.commit_points, troubles=life.troubles)
            (Path(order.place.work) / "life.json").write_bytes(msgspec.json.encode(told))
        finally:
            life.app.close()


def _over(line: Connection[Any, Any], asked: Any) -> Any:
    line.send(asked)
    return line.recv()


def main() -> None:
    """The nursery: one order a line in, one line with the wait status of its hub out."""
    for needed in IMPORTED:
        import_module(needed)

    for line in sys.stdin.buffer:
        order = msgspec.json.decode(line, type=Order)
        child = os.fork()
        if child == 0:
            _child(order)
        if order.kill_after_seconds:
            _kill(child, order.kill_after_seconds)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _kill(child: int, seconds: float) -> None:
    """Kill a hub wherever it stands by then; one that has ended stays a zombie until it is waited for."""
    time_module.sleep(seconds)
    os.kill(child, signal.SIGKILL)


def _child(order: Order) -> None:
    """Never returns: a failure is told on the log of the life."""
    log = os.open(Path(order.place.work) / "life.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        live(order)
        code = 0
    except BaseException:  # noqa: BLE001 - whatever ended this life is told
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
