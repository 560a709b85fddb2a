"""The main job: feeds the hub day by day on a turned clock, and lets the simulated partners answer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from hub.app import App, open_app
from hub.cli.demo.settings import bill_everything, write_settings
from hub.clock import TurnedClock
from hub.errors import Misconfigured
from hub.runner.port import Trouble
from hub.runner.simulated import SimulatedRunner
from hub.sandbox.options import SandboxOptions
from hub.sandbox.sandbox import Sandbox

MARK = ".billing-hub-demo"
STATEMENT_EVERY_DAYS = 14
File = tuple[str, str, bytes]
"""Which source's folder, the file's name, its bytes."""


@dataclass(kw_only=True)
class Job:
    """One run of the demonstration in `work`; what stands there from the last run is kept only with `keep`."""

    work: Path
    seed: int = 1
    keep: bool = False
    store: str = ""
    clearinghouse: str = "clearinghouse_sftp"
    options: SandboxOptions = field(default_factory=SandboxOptions)
    start: date = date(2026, 1, 5)
    all_history: bool = False
    troubles: list[Trouble] = field(default_factory=list)
    on_day: Callable[[date], None] = lambda _: None

    def __post_init__(self) -> None:
        """A kept run goes on the day after its last one."""
        mark = self.work / MARK
        if self.keep and mark.exists() and (told := mark.read_text().strip()):
            self.start = date.fromisoformat(told) + timedelta(days=1)

    def prepare(self) -> None:
        """An empty folder of ours, or the last run's."""
        if self.work.exists() and not (self.work / MARK).exists() and any(self.work.iterdir()):
            raise Misconfigured(f"{self.work} holds other files", fix="name an empty folder with --out")
        if self.work.exists() and not self.keep:
            shutil.rmtree(self.work)
        for part in ("config", "ehr/fhir", "ehr/hl7", "partner/clearinghouse/taken", "partner/printer/taken"):
            (self.work / part).mkdir(parents=True, exist_ok=True)
        if not (self.work / MARK).exists():
            (self.work / MARK).write_text("")

    def run(self, days: Iterable[tuple[date, Iterable[File]]], *, settle_days: int = 45) -> App:
        """Run every day of `days`, then days without encounters until nothing is awaited; returns the open hub."""
        self.prepare()
        self.clock = TurnedClock(self._first_morning())
        self.sandbox = Sandbox.start(self.work / "partner", self.clock, self.seed, self.options)
        try:
            folder = write_settings(
                self.work / "config", self.work, self.sandbox, store=self.store, clearinghouse=self.clearinghouse
            )
            if self.all_history:
                bill_everything(folder)
            self.app = open_app(folder, clock=self.clock)
            self.runner = SimulatedRunner(self.app.steps(), self.clock, on_trouble=self._trouble)
            self.app.store.on_commit(self.runner.told)
            last = self.start
            for on, files in days:
                self._day(on, files)
                last = on
            for on in _days_after(last, settle_days):
                self._day(on, ())
                if self.sandbox.next_due() is None and not self._awaits():
                    break
        except BaseException:
            self.close()
            raise
        return self.app

    def close(self) -> None:
        """Stop the partners and close the hub; harmless twice."""
        if (app := getattr(self, "app", None)) is not None:
            app.close()
        self.sandbox.stop()

    def _trouble(self, trouble: Trouble) -> None:
        self.troubles.append(trouble)
        self.app.on_trouble(trouble)

    def _first_morning(self) -> datetime:
        return datetime.combine(self.start, time(6), UTC)

    def _day(self, on: date, files: Iterable[File]) -> None:
        """One day: what the EHRs left by morning, claims out at noon, answers in at evening."""
        self._at(on, 11)
        for source, name, body in files:
            (self.work / "ehr" / source / name).write_bytes(body)
        self._steps("ingest.pull", "ingest.ripen")
        self._at(on, 17)
        self._steps("batch.freeze")
        self.sandbox.advance()
        self._at(on, 22)
        self.sandbox.advance()
        self._steps("fetch.fetch", "printing.results")
        self._steps("batch.freeze")
        if (on - self.start).days % STATEMENT_EVERY_DAYS == STATEMENT_EVERY_DAYS - 1:
            self._steps("statements.make")
        self._steps("sweep.expect", "audit.seal")
        (self.work / MARK).write_text(on.isoformat())
        self.on_day(on)

    def _at(self, on: date, hour: int) -> None:
        instant = datetime.combine(on, time(hour), UTC)
        if instant > self.clock.now():
            self.clock.turn_to(instant)

    def _steps(self, *steps: str) -> None:
        for step in steps:
            for lane in self.app.lanes(step):
                self.runner.nudge(step, lane)
            self.runner.run_until_idle()

    def _awaits(self) -> bool:
        """Whether something still moves by itself: an encounter ripens, a claim leaves, a statement is made."""
        with self.app.store.view() as view:
            return bool(
                view.encounters.count(state="waiting")
                or view.claims.count(state=("ready", "frozen", "sent"))
                or view.statements.count(state=("made", "frozen", "sent"))
            )


def _days_after(last: date, most: int) -> Iterator[date]:
    for number in range(1, most + 1):
        yield last + timedelta(days=number)
