"""When: each slot once, also on the nights when clocks change, whatever was missed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.clock import TurnedClock
from hub.config import load
from hub.runner import Outcome, SimulatedRunner
from hub.schedule import EPOCH, Schedule, Scheduler, Slot, check, configured, due, instant, latest
from hub.store import Keyring, Nudge, Store, open_store

NEW_YORK = ZoneInfo("America/New_York")
CRONS = (
    "30 1 * * *",
    "30 2 * * *",
    "*/15 * * * *",
    "0 6 * * 1-5",
    "59 23 28-31 * *",
    "0 0 1 * sun",
    "5 */3 * * fri-mon",
)
ZONES = ("America/New_York", "America/Phoenix", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC")
INSTANTS = st.datetimes(datetime(2025, 6, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


def cron(line: str, zone: str = "America/New_York", **more: Any) -> Schedule:
    """A cron schedule."""
    return Schedule(name="nightly", step="statements.make", cron=line, zone=zone, **more)


def local(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A New York wall time as an instant."""
    return datetime(year, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


def names(slots: list[Slot]) -> list[str]:
    """Their names."""
    return [slot.name for slot in slots]


def test_the_night_the_clock_goes_back() -> None:
    """01:30 happens twice on 1 November 2026 in New York and is due once, the first time."""
    slots = due(cron("30 1 * * *"), local(2026, 10, 31), local(2026, 11, 3))
    assert names(slots) == ["2026-10-31T01:30", "2026-11-01T01:30", "2026-11-02T01:30"]
    assert [slot.at.hour for slot in slots] == [5, 5, 6]


def test_the_night_the_clock_goes_forward() -> None:
    """02:30 does not happen on 8 March 2026 in New York; it is due when the clock jumps, at 03:00."""
    slots = due(cron("30 2 * * *"), local(2026, 3, 7), local(2026, 3, 10))
    assert names(slots) == ["2026-03-07T02:30", "2026-03-08T02:30", "2026-03-09T02:30"]
    assert slots[1].at == local(2026, 3, 8, 3)


def test_quarter_hours_on_both_nights() -> None:
    """Every wall time of a day is due once: 96 on both nights, and none is due out of order."""
    for day in (date(2026, 3, 8), date(2026, 11, 1)):
        start = local(day.year, day.month, day.day) - timedelta(seconds=1)
        end = local(day.year, day.month, day.day + 1) - timedelta(seconds=1)
        slots = due(cron("*/15 * * * *"), start, end)
        assert len(set(names(slots))) == len(slots) == 96
        assert [slot.at for slot in slots] == sorted(slot.at for slot in slots)


@given(
    line=st.sampled_from(CRONS),
    zone=st.sampled_from(ZONES),
    start=INSTANTS,
    parts=st.lists(st.integers(0, 900), max_size=4),
)
@settings(deadline=None, max_examples=60)
def test_no_slot_falls_between_two_looks(line: str, zone: str, start: datetime, parts: list[int]) -> None:
    """However a time is cut into looks, together they find the same slots, each once."""
    schedule = cron(line, zone)
    edges = [start]
    for minutes in parts:
        edges.append(edges[-1] + timedelta(minutes=minutes))
    looks = [slot for a, b in pairwise(edges) for slot in due(schedule, a, b)]
    assert looks == due(schedule, edges[0], edges[-1])
    assert all(count == 1 for count in Counter(names(looks)).values())


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("line", ["30 1 * * *", "30 2 * * *", "0 0 * * *"])
def test_a_daily_line_is_due_once_a_day(line: str, zone: str) -> None:
    """Over two years every local date has exactly one slot, in every zone."""
    home = ZoneInfo(zone)
    start = datetime(2026, 1, 1, tzinfo=home) - timedelta(seconds=1)
    slots = due(cron(line, zone), start, datetime(2028, 1, 1, tzinfo=home) - timedelta(seconds=1))
    assert [slot.name[:10] for slot in slots] == [str(date(2026, 1, 1) + timedelta(days=n)) for n in range(730)]


@given(wall=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), zone=st.sampled_from(ZONES))  # noqa: DTZ001 - a wall time is naive
@settings(deadline=None)
def test_wall_times_keep_their_order(wall: datetime, zone: str) -> None:
    """A later wall time is never due before an earlier one, and one that happens is due when it happens."""
    home, wall = ZoneInfo(zone), wall.replace(microsecond=0)
    at = instant(wall, home)
    assert at <= instant(wall + timedelta(minutes=17), home)
    shown = at.astimezone(home).replace(tzinfo=None)
    assert shown == wall or shown > wall


@given(start=INSTANTS, minutes=st.sampled_from([5, 15, 60, 420, 1440]))
@settings(deadline=None, max_examples=40)
def test_spans_are_counted_from_a_fixed_epoch(start: datetime, minutes: int) -> None:
    """Two processes that look from different instants find the same slots, also across clock changes."""
    schedule = Schedule(
        name="fetch", step="fetch.list", every=timedelta(minutes=minutes), zone="America/New_York"
    )
    slots = due(schedule, start, start + timedelta(days=3))
    other = due(schedule, start + timedelta(minutes=7), start + timedelta(days=3))
    assert slots[-len(other) :] == other
    assert all((slot.at - EPOCH) % timedelta(minutes=minutes) == timedelta(0) for slot in slots)
    assert all(b.at - a.at == timedelta(minutes=minutes) for a, b in pairwise(slots))


@pytest.mark.parametrize(
    ("weekday", "days"),
    [
        ("0", "sun"),
        ("7", "sun"),
        ("1-5", "mon tue wed thu fri"),
        ("sat,sun", "sat sun"),
        ("fri-mon", "mon fri sat sun"),
        ("*/2", "tue thu sat sun"),
        ("*", "mon tue wed thu fri sat sun"),
        ("MON", "mon"),
        ("1-7/2", "mon wed fri sun"),
    ],
)
def test_weekdays_are_read_as_cron_reads_them(weekday: str, days: str) -> None:
    """0 and 7 are Sunday (APScheduler's 0 is Monday), ranges may run over the week's end."""
    slots = due(cron(f"0 6 * * {weekday}"), local(2026, 6, 1), local(2026, 6, 8))
    assert [f"{slot.at.astimezone(NEW_YORK):%a}".lower() for slot in slots] == days.split()


def test_partner_calendars() -> None:
    """A cut-off, weekdays and holidays leave out what the partner does not take."""
    open_hours: dict[str, Any] = {
        "cut_off": time(16, 30),
        "days": ("mon", "tue", "wed", "thu", "fri"),
        "holidays": (date(2026, 11, 26),),
    }
    slots = due(cron("0 9,16,17 * * *", **open_hours), local(2026, 11, 25), local(2026, 12, 1))
    assert names(slots) == [f"2026-11-{day}T{hour}" for day in (25, 27, 30) for hour in ("09:00", "16:00")]


def test_a_day_that_never_comes() -> None:
    """The thirtieth of February is never due, and looking for it ends."""
    never = cron("0 0 30 2 *")
    assert due(never, local(2026, 1, 1), local(2028, 1, 1)) == []
    assert latest(never, local(2028, 1, 1)) is None


@pytest.mark.parametrize(
    ("schedule", "keys"),
    [
        (cron("30 1 * * *"), []),
        (Schedule(name="s", step="a", every=timedelta(minutes=5)), []),
        (Schedule(name="s", step="a"), ["cron"]),
        (cron("30 1 * * *", every=timedelta(minutes=5)), ["cron"]),
        (cron("30 25 * * *"), ["cron"]),
        (cron("30 1 * *"), ["cron"]),
        (cron("30 1 * * 9"), ["cron"]),
        (cron("30 1 * * someday", zone="America/Nowhere"), ["zone", "cron"]),
    ],
)
def test_bad_schedules_are_named(schedule: Schedule, keys: list[str]) -> None:
    """What cannot be read as a schedule is a fault with its key."""
    assert [fault.where.rpartition(".")[2] for fault in check(schedule)] == keys


NIGHTLY = Schedule(name="nightly", step="night", cron="30 1 * * *", zone="America/New_York")
HOURLY = Schedule(name="hourly", step="hour", lanes=("acme", "apex"), every=timedelta(hours=1))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    """A store with its tables, on a clock before the clocks change."""
    clock = TurnedClock(local(2026, 10, 30, 12))
    opened = open_store(f"sqlite:///{tmp_path / 'hub.db'}", Keyring(bytes(32)), clock)
    opened.create_all()
    yield opened
    opened.close()


def _taken(store: Store) -> list[str]:
    """Every slot in the store, found by trying to take it again."""
    with store.view() as view:
        return [name for name in ("nightly", "hourly") if view.slots.last(name) is not None]


def test_two_schedulers_begin_a_slot_once(ledger: Store) -> None:
    """The slot is taken in the transaction that nudges, so only one of many schedulers begins it."""
    nudged: list[object] = []
    ledger.on_commit(nudged.extend)
    first, second = (Scheduler([NIGHTLY], ledger, ledger.clock) for _ in range(2))
    (slot,) = due(NIGHTLY, local(2026, 11, 1), local(2026, 11, 1, 12))
    assert [first.begin(slot), second.begin(slot), first.begin(slot)] == [True, False, False]
    assert len(nudged) == 1


def test_missed_slots_are_caught_up_once(ledger: Store) -> None:
    """After days of silence each schedule begins its last slot, once; the next start finds nothing to do."""
    clock = ledger.clock
    assert isinstance(clock, TurnedClock)
    assert Scheduler([NIGHTLY, HOURLY], ledger, clock).catch_up() == []
    assert _taken(ledger) == ["nightly", "hourly"]
    clock.turn(timedelta(days=4))
    caught = Scheduler([NIGHTLY, HOURLY], ledger, clock).catch_up()
    assert [(slot.schedule, slot.name) for slot in caught] == [
        ("nightly", "2026-11-03T01:30"),
        ("hourly", "2026-11-03T16:00:00Z"),
    ]
    assert Scheduler([NIGHTLY, HOURLY], ledger, clock).catch_up() == []


def test_ticks_survive_a_clock_that_is_set(ledger: Store) -> None:
    """An hour back begins nothing twice; an hour forward begins what was passed over, once."""
    clock = ledger.clock
    assert isinstance(clock, TurnedClock)
    scheduler = Scheduler([HOURLY], ledger, clock)
    scheduler.catch_up()
    begun: list[str] = []
    for minutes in (30, 31, -60, 30, 31, 180, 1):
        clock.turn(timedelta(minutes=minutes))
        begun += names(scheduler.tick())
    assert begun == ["2026-10-30T17:00:00Z", "2026-10-30T20:00:00Z"]


def test_tick_tries_again_when_the_store_is_away(ledger: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slot that could not be recorded is begun by a later tick."""
    clock = ledger.clock
    assert isinstance(clock, TurnedClock)
    scheduler = Scheduler([HOURLY], ledger, clock)
    scheduler.catch_up()
    clock.turn(timedelta(minutes=61))
    with monkeypatch.context() as away:
        away.setattr(ledger, "begin", _away)
        assert scheduler.tick() == []
    clock.turn(timedelta(minutes=1))
    assert names(scheduler.tick()) == ["2026-10-30T17:00:00Z"]


def test_a_store_that_is_away_is_left_in_peace(ledger: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing can be read either, ticks are naps apart though slots are due, and begin them afterwards."""
    clock = ledger.clock
    assert isinstance(clock, TurnedClock)
    scheduler = Scheduler([HOURLY], ledger, clock)
    scheduler.catch_up()
    clock.turn(timedelta(minutes=61))
    with monkeypatch.context() as away:
        away.setattr(ledger, "view", lambda: _away("view"))
        assert scheduler.tick() == []
        assert scheduler.nap_seconds() == 5
    assert names(scheduler.tick()) == ["2026-10-30T17:00:00Z"]


def _away(_name: str) -> None:
    raise ConnectionError


def test_naps_end_when_something_is_due(ledger: Store) -> None:
    """The loop sleeps until the next slot, and never longer than five seconds: a person may ask for a run."""
    clock = ledger.clock
    assert isinstance(clock, TurnedClock)
    scheduler = Scheduler([HOURLY], ledger, clock)
    assert scheduler.nap_seconds() == 5
    clock.turn(timedelta(minutes=59, seconds=57))
    assert scheduler.nap_seconds() == 3
    assert Scheduler([], ledger, clock).nap_seconds() == 5


class _Turning(threading.Event):
    """A stop that turns the clock instead of waiting, so many times."""

    def __init__(self, clock: TurnedClock, times: int) -> None:
        super().__init__()
        self._clock, self._times = clock, times

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.turn(timedelta(seconds=timeout or 0))
        self._times -= 1
        return self._times < 0


def test_the_loop_begins_what_comes_due(ledger: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left alone, the loop catches up once the store is there, then begins each slot once."""
    clock = ledger.clock
    assert isinstance(clock, TurnedClock)
    often = Schedule(name="hourly", step="hour", lanes=("acme", "apex"), every=timedelta(minutes=5))
    begun: list[object] = []
    ledger.on_commit(begun.extend)
    scheduler = Scheduler([often], ledger, clock)
    with monkeypatch.context() as away:
        away.setattr(ledger, "begin", _away)
        scheduler.serve(_Turning(clock, 3))
    assert _taken(ledger) == []
    scheduler.serve(_Turning(clock, 12 * 5 * 3 + 10))
    assert begun == [Nudge("hour", lane) for _ in range(3) for lane in ("acme", "apex")]


def test_the_example_practice_is_scheduled() -> None:
    """The settings that the repository ships become schedules without a fault, each with the lanes of its step."""
    settings = load(Path(__file__).parents[2] / "config").settings
    found = {one.name: one for one in configured(settings, lambda step: (f"{step}-1", f"{step}-2"))}
    assert set(found) == set(settings.schedules)
    assert [fault for one in found.values() for fault in check(one)] == []
    assert found["pull"].lanes == ("ingest.pull-1", "ingest.pull-2")
    assert found["fetch"].lanes == ("clearinghouse",)
    assert found["send"].zone == settings.hub.zone
    week = due(found["send"], local(2026, 11, 1), local(2026, 11, 8))
    assert {f"{slot.at.astimezone(NEW_YORK):%a}" for slot in week} == {"Mon", "Tue", "Wed", "Thu", "Fri"}
    assert len(week) == 5 * 13


def test_the_house_schedules_itself() -> None:
    """Without a line in the settings: of the steps that there are, but not of those that the settings schedule."""
    told = load(Path(__file__).parents[2] / "config").settings
    steps = {"keep.backup", "notices.digest", "watch.look", "sweep.expect"}
    found = {one.name: one for one in configured(told, lambda _step: ("hub",), steps)}
    built_in = {name: one.step for name, one in found.items() if one.built_in}
    assert built_in == {
        "house.backup": "keep.backup",
        "house.digest": "notices.digest",
        "house.watch": "watch.look",
    }
    assert [fault for name in built_in for fault in check(found[name])] == []
    night = due(found["house.backup"], local(2026, 11, 1), local(2026, 11, 3))
    assert names(night) == ["2026-11-01T02:30", "2026-11-02T02:30"]
    assert names(due(found["house.digest"], local(2026, 11, 1), local(2026, 11, 2))) == ["2026-11-01T07:00"]
    assert found["house.watch"].quick


def test_simulated_week_across_the_clock_change(ledger: Store) -> None:
    """Turned through a week with a clock change, each slot runs at its instant, in order, once."""
    clock = ledger.clock
    assert isinstance(clock, TurnedClock)
    ran: list[tuple[str, datetime]] = []

    def step(name: str) -> Callable[[str], Outcome]:
        def run(_lane: str) -> Outcome:
            ran.append((name, clock.now()))
            return Outcome(done=1)

        return run

    runner = SimulatedRunner({"night": step("night"), "hour": step("hour")}, clock)
    ledger.on_commit(runner.told)
    scheduler = Scheduler([NIGHTLY, HOURLY], ledger, clock)
    until = clock.now() + timedelta(days=7)
    named = {"nightly": NIGHTLY, "hourly": HOURLY}
    slots = [(named[slot.schedule], slot.at) for slot in scheduler.due(clock.now(), until)]
    expected = [(schedule.step, at) for schedule, at in slots for _ in schedule.lanes]
    runner.turn_to(until, scheduler)
    assert clock.now() == until
    assert sorted(ran) == sorted(expected)
    assert [at for _, at in ran] == sorted(at for _, at in ran)
    assert sum(name == "night" for name, _ in ran) == 7
