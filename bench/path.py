"""The whole path, measured: three lines a claim, FHIR and HL7 mixed, everything that protects data switched on.

From files in a folder through facts, coding, claims, scrubbing, frozen 837s, SFTP to a partner in a process of
its own, acknowledgements and 835s back, to posted remittances and a sealed audit chain. Encryption, SQLite with
synchronous FULL and validation of every FHIR resource are on. Time while the partner itself computes is left out.
Statements are measured apart: setting pages is another trade.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from figures import Figure, peak_rss_mb, tell
from partner import Partner

from hub import garbage
from hub.app import App, open_app
from hub.cli.demo.settings import write_settings
from hub.clock import TurnedClock
from hub.runner import StepCount
from hub.runner.local import LocalRunner
from hub.testing.practice import make_load

START = datetime(2026, 2, 2, 12, tzinfo=UTC)
DAYS = 40


def measure(quick: bool) -> list[Figure]:
    """Each count in a process of its own, so that its memory is its own."""
    figures: list[Figure] = []
    for name, count in (("1k", 1_000),) if quick else (("1k", 1_000), ("10k", 10_000)):
        done = subprocess.run(
            [sys.executable, __file__, "--count", str(count)], stdout=subprocess.PIPE, check=True, text=True
        )
        found = json.loads(done.stdout.splitlines()[-1])
        figures += [
            Figure(
                name=f"path.claims_s_{name}", value=found["claims_s"], unit="claims/s", beside=found["beside"]
            ),
            Figure(
                name=f"path.peak_rss_mb_{name}", value=found["rss"], unit="MB", beside="one process, the hub's"
            ),
            Figure(
                name=f"path.statements_s_{name}", value=found["statements_s"], unit="a second", beside="PDFs set"
            ),
        ]
    return figures


def run(count: int) -> dict[str, object]:
    """One run with `count` claims; where the time went is told on standard error."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for part in ("config", "ehr/fhir", "ehr/hl7", "partner/clearinghouse/taken", "partner/printer/taken"):
            (work / part).mkdir(parents=True)
        partner = Partner(work / "partner", START)
        clock = TurnedClock(START)
        app = open_app(write_settings(work / "config", work, partner.sandbox), clock=clock)
        for source, name, body in make_load(count):
            (work / "ehr" / source / name).write_bytes(body)
        runner = local(app)
        try:
            return PathRun(app, clock, partner, count, runner).measure()
        finally:
            runner.stop()
            app.close()
            partner.stop()


class Answering(Protocol):
    """The partners: they are told the time, answer what is due, and say when more is."""

    def advance(self, instant: datetime) -> datetime | None: ...


class Running(Protocol):
    """Whoever runs the steps, here or elsewhere."""

    def nudge(self, step: str, lane: str = "") -> None: ...
    def run_until_idle(self, within_seconds: float | None = None) -> bool: ...
    def counts(self) -> tuple[StepCount, ...]: ...


def local(app: App) -> LocalRunner:
    """The runner that stands in the hub's own process, which is as `hub run` leaves it."""
    garbage.settle()
    runner = LocalRunner(app.steps(), threads=4)
    app.store.on_commit(runner.told)
    return runner


class PathRun:
    """The path, step by step, of so many claims that lie in the folders of the EHRs."""

    def __init__(self, app: App, clock: TurnedClock, partner: Answering, count: int, runner: Running) -> None:
        self.app, self.clock, self.partner, self.count, self.runner = app, clock, partner, count, runner
        self.seconds = 0.0

    def walk(self) -> float:
        """From the files in the folders to the posted remittances; the seconds in which the hub worked."""
        self.seconds = self._steps("ingest.pull") + self._ripen() + self._steps("batch.freeze")
        for _ in range(DAYS):
            self.clock.turn(timedelta(days=1))
            more = self.partner.advance(self.clock.now())
            self.seconds += self._steps("fetch.fetch", "batch.freeze", "audit.seal")
            if more is None and not self._awaited():
                break
        self.check()
        return self.seconds

    def measure(self) -> dict[str, object]:
        """The path, then the paper."""
        self.walk()
        rss = peak_rss_mb()
        return self._found(self._steps("statements.make"), rss)

    def check(self) -> tuple[int, int]:
        """How many claims were asked and how many payments posted; all of them, or it is no measurement."""
        with self.app.store.view() as view:
            asked, posted = view.claims.count(rank=1), view.remit_claims.count(state="posted")
            claims = view.claims.tally()
        if asked != self.count or posted < self.count:
            raise RuntimeError(f"{asked} of {self.count} claims were asked, {posted} payments posted: {claims}")
        return asked, posted

    def tell(self) -> None:
        """Where the time went, on standard error."""
        for one in sorted(self.runner.counts(), key=lambda c: -c.seconds):
            if one.seconds > 0.05:
                said = f"  {one.step:<18} {one.seconds:7.2f} s  {one.done:>7} done in {one.runs} runs"
                print(said, file=sys.stderr)

    def _ripen(self) -> float:
        self.clock.turn(timedelta(days=2))
        self.partner.advance(self.clock.now())
        return self._steps("ingest.ripen")

    def _steps(self, *steps: str) -> float:
        began = time.perf_counter()
        for step in steps:
            for lane in self.app.lanes(step):
                self.runner.nudge(step, lane)
            if not self.runner.run_until_idle(600):
                raise RuntimeError(f"{step} did not come to rest")
        return time.perf_counter() - began

    def _awaited(self) -> bool:
        with self.app.store.view() as view:
            return bool(view.claims.count(state=("new", "ready", "frozen", "sent", "accepted")))

    def _found(self, paper: float, rss: float) -> dict[str, object]:
        asked, posted = self.check()
        with self.app.store.view() as view:
            statements = view.statements.count()
        self.tell()
        return {
            "claims_s": round(self.count / self.seconds, 1),
            "rss": rss,
            "statements_s": round(statements / paper, 1) if statements else 0,
            "beside": f"{asked} claims asked, {posted} payments posted, in {self.seconds:.1f} s",
        }


if __name__ == "__main__":
    if "--count" in sys.argv:
        print(json.dumps(run(int(sys.argv[sys.argv.index("--count") + 1]))))
    else:
        tell(measure)
