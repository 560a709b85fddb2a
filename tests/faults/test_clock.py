"""The clock is stepped by an hour in the midst of the path, and two schedulers look at it: each slot begins once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faultlab.survive import survive
from faultlab.world import World
from sqlalchemy import text

from hub.app import App
from hub.clock import TurnedClock
from hub.store import Keyring, open_store

pytestmark = pytest.mark.campaign

HOURLY = """
[schedules.pull]
step = "ingest.pull"
cron = "*/20 9-23 5-8 1 *"
zone = "UTC"

[schedules.seal]
step = "audit.seal"
cron = "15 9-23 5-8 1 *"
zone = "UTC"
"""
PLACES = (
    "dispatch.publish:before:2",
    "ingest.assemble:before:2",
    "batch.freeze:before:1",
    "fetch.store:before:1",
    "posting.post:before:2",
    "schedule.slot:before:9",
    "audit.seal:before:2",
)
START = "2026-10-31T12:00:00+00:00"
"""Twelve hours before the night of a Saturday on which clocks in New York go back."""
TWICE = "SELECT schedule, slot, lane, count(*) FROM schedule_runs GROUP BY 1, 2, 3 HAVING count(*) > 1"


class Step:
    """Somebody sets the clock, and later sets it right again."""

    def __init__(self, by: timedelta) -> None:
        self.by = by
        self.app: App | None = None
        self.twice: list[Any] = []

    def prepare(self, world: World) -> None:
        """With schedules that an hour matters to."""
        path = world.config / "hub.toml"
        path.write_text(path.read_text() + HOURLY)

    def strike(self, app: App) -> None:
        """By so much, at once."""
        self.app = app
        app.clock.turn(self.by)  # type: ignore[attr-defined]

    def mend(self) -> None:
        """Set right, once; then (at the end) what began twice is counted."""
        if self.app is None:
            return
        if self.by:
            self.app.clock.turn(-self.by)  # type: ignore[attr-defined]
            self.by = timedelta(0)
        with self.app.store.engines.reader.connect() as connection:
            self.twice = list(connection.execute(text(TWICE)))


@pytest.mark.parametrize("at", [PLACES[0], *(pytest.param(at, marks=pytest.mark.slow) for at in PLACES[1:])])
@pytest.mark.parametrize("hours", [-1, pytest.param(1, marks=pytest.mark.slow)])
def test_the_clock_is_stepped(tmp_path: Path, five: dict[str, Any], at: str, hours: int) -> None:
    """Forward and back, or back and forward: nothing is lost or done twice, and no slot begins twice."""
    fault = Step(timedelta(hours=hours))
    assert survive(tmp_path, fault, at, five) == []
    assert fault.twice == []


TICKING = """
import sys
from datetime import datetime, timedelta
from pathlib import Path
import msgspec
from hub.clock import TurnedClock
from hub.schedule import Schedule, Scheduler
from hub.store import Keyring, open_store

url, start = sys.argv[1], datetime.fromisoformat(sys.argv[2])
clock = TurnedClock(start)
store = open_store(url, Keyring(bytes(32)), clock)
schedules = [
    Schedule(name="nightly", step="a", cron="30 1 * * *", zone="America/New_York"),
    Schedule(name="often", step="b", every=timedelta(minutes=30), lanes=("x", "y")),
    Schedule(name="weekdays", step="c", cron="0 8-20 * * 1-5", zone="America/New_York"),
]
scheduler = Scheduler(schedules, store, clock)
sys.stdin.readline()
begun = []
for _ in range(int(sys.argv[3])):
    clock.turn(timedelta(minutes=30))
    begun += [(slot.schedule, slot.name) for slot in scheduler.tick()]
due = [(slot.schedule, slot.name) for slot in scheduler.due(start, clock.now())]
sys.stdout.buffer.write(msgspec.json.encode([begun, due]))
store.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pg", "sqlite"])
def test_three_schedulers_on_one_database(request: pytest.FixtureRequest, kind: str) -> None:
    """Three processes tick through the two days on which the clock goes back, as fast as they can: each slot is begun
    by one of them, and none is left out.
    """
    url = request.getfixturevalue(f"made_{kind}_url")
    store = open_store(url, Keyring(bytes(32)), TurnedClock(datetime.fromisoformat(START)))
    assert store.keys
    store.close()
    command = [sys.executable, "-c", TICKING, url, START, "96"]
    nodes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
    told = [msgspec.json.decode(node.communicate(b"go\n", timeout=120)[0]) for node in nodes]
    begun = Counter(tuple(slot) for mine, _ in told for slot in mine)
    due = {tuple(slot) for slot in told[0][1]}
    assert set(begun) == due
    assert set(begun.values()) == {1}
    assert len(due) == 2 + 96
