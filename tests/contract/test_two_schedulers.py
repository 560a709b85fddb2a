"""Two schedulers in two processes on one database: each slot once, through both clock changes and set clocks."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hub.clock import TurnedClock
from hub.schedule import Calendar, Schedule, Scheduler, Slot, due
from hub.schedule.times import merged
from hub.store import Keyring, open_store

pytestmark = pytest.mark.campaign

NEW_YORK = ZoneInfo("America/New_York")
PARTNER = Calendar(
    name="partner", zone="America/Chicago", days=("mon", "tue", "wed", "thu", "fri"), closed="next"
)
SCHEDULES = (
    Schedule(name="nightly", step="a", cron="30 1 * * *", zone="America/New_York"),
    Schedule(name="gap", step="b", cron="30 2 * * *", zone="America/New_York"),
    Schedule(name="hourly", step="c", every=timedelta(hours=1)),
    Schedule(name="quick", step="d", every=timedelta(minutes=10)),
    Schedule(name="partner", step="e", cron="0 8 * * *", zone="America/New_York", calendar=PARTNER),
)
NIGHTS = ((3, 8), (11, 1))
"""When New York's clocks change in 2026, both on a Sunday."""


def moments() -> list[int]:
    """Minutes after Saturday noon at which all schedulers tick: hourly, and every ten minutes in the night. The
    clock is set back by an hour in the evening and right again on Sunday, and then jumps over five hours.
    """
    night = range(11 * 60 + 1, 18 * 60, 10)
    saturday = [*range(1, 8 * 60, 60), *range(7 * 60 - 29, 8 * 60, 30)]
    return [*saturday, *night, *range(19 * 60 + 1, 38 * 60, 60), *range(43 * 60 + 1, 47 * 60, 60)]


def start_of(month: int, day: int) -> datetime:
    """Noon of the Saturday."""
    return datetime(2026, month, day, 12, tzinfo=NEW_YORK).astimezone(UTC) - timedelta(days=1)


class Process:
    """A scheduler in a process of its own, which ticks when it is told a time."""

    def __init__(self, url: str, start: datetime) -> None:
        words = [sys.executable, __file__, url, start.isoformat()]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def tell(self, now: datetime) -> None:
        """Turn its clock and let it tick."""
        assert self._process.stdin is not None
        self._process.stdin.write(now.isoformat() + "\n")
        self._process.stdin.flush()

    def answer(self) -> list[tuple[str, str]]:
        """The slots that it began."""
        assert self._process.stdout is not None
        return [(schedule, slot) for schedule, slot in json.loads(self._process.stdout.readline())]

    def end(self) -> None:
        """Let it end in order."""
        self._process.communicate("")
        assert self._process.returncode == 0


def _expected(start: datetime) -> set[tuple[str, str]]:
    """Of each schedule the last slot of those that came due between two ticks, with those of its instant; the hour
    that the clock repeats brings none.
    """
    found, seen = set(), start
    for now in (start + timedelta(minutes=minutes) for minutes in moments()):
        for one in SCHEDULES if now > seen else ():
            last = merged(due(one, seen, now))[-1:]
            found |= {(one.name, name) for slot in last for name in (*slot.also, slot.name)}
        seen = max(seen, now)
    return found


@pytest.mark.parametrize("night", NIGHTS, ids=("forward", "back"))
def test_each_slot_once_in_two_processes(made_url: str, night: tuple[int, int]) -> None:
    """On both nights when clocks change, with a clock that is set back and jumps ahead meanwhile, two processes that
    tick at the same moments begin each slot once, and what a jump passed over once.
    """
    start = start_of(*night)
    both = [Process(made_url, start) for _ in range(2)]
    begun: list[tuple[str, str]] = []
    for minutes in moments():
        for one in both:
            one.tell(start + timedelta(minutes=minutes))
        begun += [slot for one in both for slot in one.answer()]
    for one in both:
        one.end()
    assert len(begun) == len(set(begun))
    assert set(begun) == _expected(start)
    month, day = night
    clocks = {("nightly", f"2026-{month:02}-{day:02}T01:30"), ("gap", f"2026-{month:02}-{day:02}T02:30")}
    assert clocks <= set(begun)
    assert sum(schedule == "partner" for schedule, _ in begun) == 3  # the weekend's and Monday's, on Monday


def test_the_epoch_is_the_same_for_all(tmp_path: Path) -> None:
    """Spans are counted from a fixed moment: schedulers that start at different times name the same slots."""
    every = Schedule(name="odd", step="a", every=timedelta(minutes=7))
    names: list[set[str]] = []
    for number, minutes in enumerate((0, 3, 5)):
        clock = TurnedClock(datetime(2026, 5, 5, 12, minutes, tzinfo=UTC))
        store = open_store(f"sqlite:///{tmp_path / str(number)}.db", Keyring(bytes(32)), clock)
        scheduler = Scheduler([every], store, clock)
        names.append({slot.name for slot in scheduler.due(clock.now(), datetime(2026, 5, 5, 15, tzinfo=UTC))})
        store.close()
    shared = names[0] & names[1] & names[2]
    assert len(shared) >= len(names[0]) - 1


def _main(url: str, start: str) -> None:
    """One process: a line in is a time to tick at, a line out what was begun."""
    clock = TurnedClock(datetime.fromisoformat(start))
    store = open_store(url, Keyring(bytes(32)), clock)
    scheduler = Scheduler(SCHEDULES, store, clock)
    _say(scheduler.catch_up())
    for line in sys.stdin:
        clock.turn_to(datetime.fromisoformat(line.strip()))
        _say(scheduler.tick())
    store.close()


def _say(begun: list[Slot]) -> None:
    told = [[slot.schedule, name] for slot in begun for name in (*slot.also, slot.name)]
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
