"""The demonstration's practice for weeks on a turned clock, run by its schedules alone: nobody names a step."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Self

from sqlalchemy import text

from faultlab.books import broken
from hub.app import App, open_app
from hub.cli.demo.settings import write_settings
from hub.clock import TurnedClock
from hub.runner.port import StepCount, Trouble
from hub.runner.simulated import SimulatedRunner
from hub.sandbox.options import SandboxOptions
from hub.sandbox.sandbox import Sandbox
from hub.schedule import Scheduler
from hub.testing.practice import OUTCOMES, make_practice

START = date(2026, 1, 5)
HOP = timedelta(hours=2)
DROPPED_AT = time(13)
"""When the EHRs have left a day's files, UTC."""
SETTLE_DAYS = 75
LEAST_DAYS = 5
"""An encounter may be waited with for so long before it is billed."""
SCHEDULES = """
[watch]
every = "4h"

[notifications]
alive_every = "6h"

[backup]
keep_days = 7

[calendars.banks]
banks = "us-federal"
days = ["mon", "tue", "wed", "thu", "fri"]

[schedules.pull]
step = "ingest.pull"
every = "30m"

[schedules.ripen]
step = "ingest.ripen"
every = "1h"

[schedules.send]
step = "batch.freeze"
connector = "clearinghouse"
cron = "0 8-20 * * *"
calendar = "banks"
cut_off = 20:30:00

[schedules.fetch]
step = "fetch.fetch"
connector = "clearinghouse"
every = "1h"

[schedules.statements]
step = "statements.make"
cron = "30 5 1,15 * *"

[schedules.results]
step = "printing.results"
connector = "printer"
every = "6h"

[schedules.overdue]
step = "sweep.expect"
cron = "15 6 * * *"

[schedules.seal]
step = "audit.seal"
every = "1h"

[schedules.tell]
step = "notices.send"
every = "6h"
"""
"""Those of the example practice, at half its pace: folders are looked into every half hour, the partner's mailbox
every hour. The chain is sealed by the hour and the hub looks at itself every four hours, not by seconds."""
TWICE = "SELECT schedule, slot, lane FROM schedule_runs GROUP BY 1, 2, 3 HAVING count(*) > 1"
ENDED = frozenset({"paid", "denied", "forwarded", "rejected", "held", "reversed"})
FOR_A_PERSON = ("denied", "rejected", "held")


class Quarter:
    """Use it as a context manager: `run` lives so many days of practice, then until nothing is awaited."""

    def __init__(self, work: Path, *, days: int, seed: int = 1, slowly: bool = False) -> None:
        """`slowly`: what runs by the hour or oftener runs every six hours."""
        self.schedules = re.sub(r'"(1h|30m)"', '"6h"', SCHEDULES) if slowly else SCHEDULES
        self.work, self.days, self.seed = work, days, seed
        self.clock = TurnedClock(datetime.combine(START, time(6), UTC))
        self.troubles: list[Trouble] = []
        for part in ("config", "ehr/fhir", "ehr/hl7", "partner/clearinghouse/taken", "partner/printer/taken"):
            (work / part).mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        self.sandbox = Sandbox.start(
            self.work / "partner", self.clock, self.seed, SandboxOptions(outcomes=OUTCOMES)
        )
        folder = write_settings(self.work / "config", self.work, self.sandbox)
        path = folder / "hub.toml"
        path.write_text(path.read_text() + self.schedules)
        self.app: App = open_app(folder, clock=self.clock)
        self.runner = SimulatedRunner(self.app.steps(), self.clock, on_trouble=self._trouble)
        self.app.store.on_commit(self.runner.told)
        self.scheduler = Scheduler(self.app.schedules(), self.app.store, self.clock)
        return self

    def __exit__(self, *_: object) -> None:
        self.app.close()
        self.sandbox.stop()

    def run(self, on_day: Callable[[date], object] = bool) -> None:
        """Every day of the practice, then days until nothing moves any more."""
        self.began = self.clock.now()
        self.scheduler.catch_up()
        self.runner.told(self.app.everything())
        practice = make_practice(seed=self.seed, start=START, days=self.days)
        for on, files in practice:
            self._day(on, files)
            on_day(on)
        for number in range(SETTLE_DAYS):
            if number >= LEAST_DAYS and self.sandbox.next_due() is None and not self._awaits():
                return
            on = START + timedelta(days=self.days + number)
            self._day(on, ())
            on_day(on)

    def counts(self) -> list[StepCount]:
        """What each step did and how long it took, slowest first."""
        return sorted(self.runner.counts(), key=lambda one: -one.seconds)

    def wrong(self) -> list[str]:
        """Everything that does not tie out: promises, money, claims, slots, troubles."""
        return [
            *broken(self.app),
            *self._money(),
            *self._claims(),
            *self._slots(),
            *(f"trouble: {one.step} {one.lane}: {one.said or one.error}" for one in self.troubles),
        ]

    def _day(self, on: date, files: Iterable[tuple[str, str, bytes]]) -> None:
        self._go_to(datetime.combine(on, DROPPED_AT, UTC))
        for source, name, body in files:
            (self.work / "ehr" / source / name).write_bytes(body)
        self._go_to(datetime.combine(on + timedelta(days=1), time(6), UTC))

    def _go_to(self, until: datetime) -> None:
        """Slot by slot; the partners answer at their own instants."""
        while (now := self.clock.now()) < until:
            due = self.sandbox.next_due()
            at = min(until, now + HOP, *([max(due, now + timedelta(seconds=1))] if due else []))
            self.runner.turn_to(at, self.scheduler)
            self.runner.run_until_idle()
            self.sandbox.advance()

    def _awaits(self) -> bool:
        with self.app.store.view() as view:
            return bool(
                view.claims.count(state=("new", "ready", "frozen", "sent", "accepted"))
                or view.statements.count(state=("made", "frozen", "sent"))
            )

    def _money(self) -> list[str]:
        paid = sum(one.cents for one in self.sandbox.report().payments)
        with self.app.store.view() as view:
            deposited = view.book.total(account="cash_clearing")
        return [] if paid == deposited > 0 else [f"payers paid {paid} cents, {deposited} are in the books"]

    def _claims(self) -> list[str]:
        """Each ended, and what ended badly is some person's work."""
        with self.app.store.view() as view:
            states = view.claims.tally()
            worked = {item.aggregate_id for item in view.work.list(limit=100_000)}
            left = [row.id for row in view.claims.each() if row.state in FOR_A_PERSON and row.id not in worked]
            sent = {one.claim_id: one.id for one in view.submissions.find()}
        unseen = [one for one in left if sent.get(one) not in worked]
        faults = [f"{times} claims are {state}" for state, times in states.items() if state not in ENDED]
        return faults + [f"claim {one} ended badly, and nobody works it" for one in unseen]

    def _slots(self) -> list[str]:
        """None twice, none left out; of what runs every few minutes only the newest is kept."""
        kept = {one.name for one in self.app.schedules() if not one.quick}
        slots = self.scheduler.due(self.began, self.clock.now())
        due = {(slot.schedule, slot.name) for slot in slots if slot.schedule in kept}
        with self.app.store.engines.reader.connect() as connection:
            taken = {tuple(row) for row in connection.execute(text("SELECT schedule, slot FROM slots"))}
            twice = [tuple(row) for row in connection.execute(text(TWICE))]
        faults = [f"slot begun twice: {one}" for one in twice]
        return faults + [f"slot left out: {one}" for one in sorted(due - taken)[:10]]

    def _trouble(self, trouble: Trouble) -> None:
        self.troubles.append(trouble)
        self.app.on_trouble(trouble)
