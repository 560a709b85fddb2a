"""Partner calendars: what is left out, what moves, and that it is still each slot once, on every night."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.app import schedule_faults
from hub.clock import TurnedClock
from hub.config import Loaded, load
from hub.config.template import write_template
from hub.schedule import Calendar, Schedule, Scheduler, Slot, due, latest, never, upcoming
from hub.schedule.calendars import bank_holidays, open_day
from hub.schedule.times import merged
from hub.store import Keyring, Nudge, open_store

NEW_YORK = ZoneInfo("America/New_York")
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
ZONES = ("America/New_York", "America/Chicago", "Australia/Lord_Howe", "Asia/Kathmandu", "Asia/Beirut", "UTC")


def calendar(closed: str = "skip", **more: Any) -> Calendar:
    """A partner in New York who works Monday to Friday, but not on Thanksgiving 2026."""
    told = {"zone": "America/New_York", "days": WORKDAYS, "holidays": (date(2026, 11, 26),), "closed": closed}
    return Calendar(name="partner", **{**told, **more})


def nightly(line: str, of: Calendar | None, zone: str = "America/New_York", **more: Any) -> Schedule:
    """A cron schedule with a calendar."""
    return Schedule(name="nightly", step="batch.freeze", cron=line, zone=zone, calendar=of, **more)


def local(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A New York wall time of 2026 as an instant."""
    return datetime(2026, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


def told(slots: list[Slot]) -> list[tuple[str, str]]:
    """(name, New York time) of each."""
    return [(slot.name[5:], f"{slot.at.astimezone(NEW_YORK):%m-%dT%H:%M}") for slot in slots]


def test_closed_days_are_left_out() -> None:
    """With `skip` a slot on a weekend or holiday is none, and the others keep their time."""
    slots = due(nightly("0 8 * * *", calendar()), local(11, 25), local(12, 1))
    assert told(slots) == [("11-25T08:00", "11-25T08:00"), ("11-27T08:00", "11-27T08:00"), ("11-30T08:00",) * 2]


def test_closed_days_move_forwards() -> None:
    """With `next` a slot is due at the same time of the next open day, and keeps the name of its own wall time."""
    slots = due(nightly("0 8 * * thu,sun", calendar("next")), local(11, 24), local(12, 4))
    assert told(slots) == [
        ("11-26T08:00", "11-27T08:00"),
        ("11-29T08:00", "11-30T08:00"),
        ("12-03T08:00", "12-03T08:00"),
    ]


def test_closed_days_move_backwards() -> None:
    """With `previous` it is the open day before."""
    slots = due(nightly("0 8 * * thu,sun", calendar("previous")), local(11, 23), local(12, 4))
    assert told(slots) == [
        ("11-26T08:00", "11-25T08:00"),
        ("11-29T08:00", "11-27T08:00"),
        ("12-03T08:00", "12-03T08:00"),
    ]


def test_slots_that_meet_are_one_nudge() -> None:
    """Saturday's and Sunday's slots move to Monday's instant: all three exist, and are begun together."""
    schedule = nightly("0 8 * * *", calendar("next"))
    slots = due(schedule, local(11, 28), local(12, 1))
    assert [slot.name[8:10] for slot in slots] == ["28", "29", "30"]
    assert {slot.at for slot in slots} == {local(11, 30, 8)}
    (one,) = merged(slots)
    assert (one.name, one.also) == ("2026-11-30T08:00", ("2026-11-28T08:00", "2026-11-29T08:00"))
    assert latest(schedule, local(11, 30, 9)) == one


def test_a_cut_off_holds_after_moving() -> None:
    """What is later than the partner's cut-off is none, on its own day as on the day it would move to; an earlier
    one moves.
    """
    schedule = nightly("0 16,18 * * sat,mon", calendar("next", cut_off=time(17)))
    assert told(due(schedule, local(11, 27), local(12, 1))) == [
        ("11-28T16:00", "11-30T16:00"),
        ("11-30T16:00", "11-30T16:00"),
    ]


def test_a_slot_moves_to_a_day_of_both() -> None:
    """The day it moves to is open to the partner and one of the schedule's own days."""
    schedule = nightly("0 8 * * thu", calendar("next"), days=("thu", "mon"))
    assert told(due(schedule, local(11, 23), local(12, 1))) == [("11-26T08:00", "11-30T08:00")]


def test_moving_is_bounded() -> None:
    """A partner who is closed for longer than a month takes no slot of that time."""
    closed = tuple(date(2026, 6, 1) + timedelta(days=n) for n in range(40))
    schedule = nightly("0 8 * * *", calendar("next", days=(), holidays=closed))
    slots = due(schedule, local(5, 31), local(7, 12))
    assert {slot.name for slot in slots if slot.at == local(7, 11, 8)} == {
        *(f"2026-06-{day:02}T08:00" for day in range(10, 31)),
        *(f"2026-07-{day:02}T08:00" for day in range(1, 12)),
    }
    assert min(slot.name for slot in slots[1:]) == "2026-06-10T08:00"


@pytest.mark.parametrize("closed", ["next", "previous"])
def test_both_clock_changes_with_a_calendar_elsewhere(closed: str) -> None:
    """A partner in Chicago, a schedule in New York: through both nights each wall time of 01:30 and 02:30 is due
    once, on a day that is open in Chicago.
    """
    chicago = ZoneInfo("America/Chicago")
    partner = calendar(closed, zone="America/Chicago", holidays=())
    schedule = nightly("30 1,2 * * *", partner)
    for month, day in ((3, 8), (11, 1)):
        found = due(schedule, local(month, day) - timedelta(days=9), local(month, day) + timedelta(days=9))
        names = [slot.name for slot in found]
        assert len(names) == len(set(names))
        night = {f"2026-{month:02}-{day:02}T01:30", f"2026-{month:02}-{day:02}T02:30"}
        assert night <= set(names)
        assert all(slot.at.astimezone(chicago).weekday() < 5 for slot in found)


CALENDARS = st.builds(
    calendar,
    closed=st.sampled_from(("skip", "next", "previous")),
    zone=st.sampled_from(ZONES),
    days=st.lists(st.sampled_from(("mon", "tue", "wed", "thu", "sat", "sun")), max_size=5, unique=True).map(
        tuple
    ),
    holidays=st.lists(st.dates(date(2026, 2, 20), date(2026, 4, 20)), max_size=9).map(tuple),
    cut_off=st.sampled_from((None, time(2, 15), time(17))),
)
SCHEDULES = st.one_of(
    st.builds(nightly, st.sampled_from(("30 1 * * *", "0 9,17 * * *", "0 8 * * fri-mon")), CALENDARS,
              st.sampled_from(ZONES)),
    st.builds(lambda hours, of, zone: Schedule(name="nightly", step="s", every=timedelta(hours=hours), zone=zone,
              calendar=of), st.sampled_from((5, 24, 31)), CALENDARS, st.sampled_from(ZONES)),
)  # fmt: skip
START = st.datetimes(datetime(2026, 2, 25), datetime(2026, 4, 10), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@pytest.mark.campaign
@given(schedule=SCHEDULES, start=START, parts=st.lists(st.integers(0, 5000), min_size=1, max_size=4))
@settings(deadline=None, max_examples=120)
def test_no_moved_slot_falls_between_two_looks(schedule: Schedule, start: datetime, parts: list[int]) -> None:
    """However a time is cut into looks, together they find the same slots, each once; what a look finds is where
    all rules are open, and is what the whole year's plan says.
    """
    edges = [start]
    for minutes in parts:
        edges.append(edges[-1] + timedelta(minutes=minutes))
    looks = [slot for a, b in pairwise(edges) for slot in due(schedule, a, b)]
    whole = due(schedule, edges[0] - timedelta(days=40), edges[-1] + timedelta(days=40))
    assert looks == [slot for slot in whole if edges[0] < slot.at <= edges[-1]]
    assert len({slot.name for slot in looks}) == len(looks)
    of = schedule.calendar
    assert of is not None
    assert all(open_day(of, slot.at.astimezone(ZoneInfo(of.zone)).date()) for slot in looks)
    assert (
        upcoming(schedule, start, 2, timedelta(days=20)) == due(schedule, start, start + timedelta(days=20))[:2]
    )


def test_bank_holidays() -> None:
    """4 July 2026 is a Saturday: federal offices close on the Friday, banks do not; a Sunday's holiday closes both
    on the Monday; New Year's Day 2028 is kept on the last day of 2027 by federal offices.
    """
    federal, banks = bank_holidays("us-federal", 2026), bank_holidays("us-banks", 2026)
    assert date(2026, 7, 3) in federal
    assert date(2026, 7, 3) not in banks
    assert {date(2026, 11, 26), date(2026, 12, 25), date(2026, 6, 19)} <= federal & banks
    assert date(2027, 7, 5) in bank_holidays("us-federal", 2027) & bank_holidays("us-banks", 2027)
    assert date(2027, 12, 31) in bank_holidays("us-federal", 2027) - bank_holidays("us-banks", 2027)
    assert bank_holidays("", 2026) == frozenset()


def test_a_schedule_that_is_never_due() -> None:
    """A cut-off before every slot, or days that the partner never works, leave nothing: the schedule is dead."""
    assert never(nightly("0 18 * * *", calendar(cut_off=time(17))))
    assert never(nightly("0 8 * * sat", calendar()))
    assert never(nightly("*/5 * * * *", calendar(), days=("sat", "sun")))
    assert not never(nightly("0 8 * * sat", calendar("next")))
    assert not never(nightly("0 0 29 2 *", None))


def test_two_schedulers_begin_a_moved_slot_once(tmp_path: Path) -> None:
    """Slots that meet are taken together and nudge once, whichever scheduler ticks, and however often."""
    clock = TurnedClock(local(11, 27, 12))
    store = open_store(f"sqlite:///{tmp_path / 'hub.db'}", Keyring(bytes(32)), clock)
    store.create_all()
    nudged: list[Nudge] = []
    store.on_commit(nudged.extend)
    daily = nightly("0 8 * * *", calendar("next"), lanes=("mailbox",))
    schedulers = [Scheduler([daily], store, clock) for _ in range(2)]
    for scheduler in schedulers:
        scheduler.catch_up()
    clock.turn_to(local(11, 30, 8))
    begun = [slot for _ in range(2) for scheduler in schedulers for slot in scheduler.tick()]
    assert [slot.name for slot in begun] == ["2026-11-30T08:00"]
    assert nudged == [Nudge("batch.freeze", "mailbox")]
    with store.view() as view:
        assert all(view.slots.taken("nightly", f"2026-11-{day}T08:00") for day in (28, 29, 30))
    store.close()


def _with(folder: Path, lines: str, name: str = "clearinghouse") -> Loaded:
    """The example practice whose `send` uses a calendar of that name, and these lines more."""
    write_template(folder)
    path = folder / "hub.toml"
    path.write_text(path.read_text().replace('calendar = "clearinghouse"', f'calendar = "{name}"') + lines)
    return load(folder)


def test_faults_of_calendars_are_named(tmp_path: Path) -> None:
    """A calendar that nobody declared is a fault with its line; one that nobody uses, or that closes nothing, a
    warning.
    """
    told = _with(tmp_path, "\n[calendars.idle]\n", "clearinghose")
    found = {fault.key: fault for fault in told.faults}
    assert not told.ok
    lines = (tmp_path / "hub.toml").read_text().splitlines()
    wrong = found["schedules.send.calendar"]
    assert lines[wrong.line - 1].startswith('calendar = "clearinghose"')
    assert 'did you mean "clearinghouse"' in wrong.fix
    assert {key for key in found if key.startswith("calendars.")} == {"calendars.clearinghouse", "calendars.idle"}
    assert all(found[key].severity == "warning" for key in ("calendars.clearinghouse", "calendars.idle"))


def test_a_dead_schedule_is_a_fault(tmp_path: Path) -> None:
    """`hub check` names a schedule that its calendar leaves nothing of, with its line."""
    told = _with(tmp_path, '\n[calendars.sundays]\ndays = ["sun"]\ncut_off = 07:00:00\n', "sundays")
    (fault,) = schedule_faults(told, ("ehr", "adt"))
    assert (fault.key, fault.severity) == ("schedules.send", "error")
    assert "never due" in fault.wrong
    assert fault.line > 0
