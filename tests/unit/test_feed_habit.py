"""The habit of a feed: learned by the hour of the week, no alarm in quiet times, and soon when it falls silent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from hub.store.feeds import Busy
from hub.watch.feed_habit import HOUR, LEAST, MISSED, WEEKS, Habit, is_holiday, learn, missed, slot_of

ZONE = ZoneInfo("America/Chicago")
START = datetime(2025, 11, 3, 6, tzinfo=UTC)
"""A Monday; the year that follows has both changes of the clock and every holiday."""
DAY = timedelta(days=1)


def practice(hour: datetime) -> float:
    """How many messages come in an hour on the average: on weekdays from 8 to 17, fewer at noon, on some Saturdays,
    on holidays none.
    """
    local = hour.astimezone(ZONE)
    if is_holiday(local.date()) or local.weekday() == 6:
        return 0.0
    if local.weekday() == 5:
        return 3.0 if local.isocalendar().week % 2 and 9 <= local.hour < 12 else 0.0
    return {12: 3.0}.get(local.hour, 9.0) if 8 <= local.hour < 17 else 0.0


def hospital(hour: datetime) -> float:
    """Day and night, every day."""
    return 4.0 if hour.astimezone(ZONE).hour < 6 else 12.0


def files(hour: datetime) -> float:
    """One file each weekday at six in the evening."""
    local = hour.astimezone(ZONE)
    return 50.0 if local.hour == 18 and local.weekday() < 5 and not is_holiday(local.date()) else 0.0


def sparse(hour: datetime) -> float:
    """A few messages a day, at any hour."""
    return 0.2 if practice(hour) else 0.0


FEEDS = {"practice": practice, "hospital": hospital, "files": files, "sparse": sparse}


def year(feed: str, seed: int, days: int = 370) -> list[Busy]:
    """The hours in which messages came; in each at random minutes."""
    chance, made = Random(seed), list[Busy]()  # noqa: S311 - a load, no secret
    for number in range(days * 24):
        hour = START + number * HOUR
        count = poisson(chance, FEEDS[feed](hour))
        if count:
            minutes = sorted(chance.uniform(0, 59.9) for _ in range(count))
            began, ended = (hour + timedelta(minutes=minute) for minute in (minutes[0], minutes[-1]))
            made.append(Busy(hour=hour, messages=count, began_at=began, ended_at=ended))
    return made


def poisson(chance: Random, mean: float) -> int:
    """How many come (Knuth, The Art of Computer Programming 2, 3.4.1)."""
    limit, number, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        number, product = number + 1, product * chance.random()
    return number


def alarms(hours: list[Busy], zone: ZoneInfo = ZONE) -> Iterator[tuple[datetime, int]]:
    """(last message before it, hours missed) of each silence that would have been told. Silence only grows between
    two messages, so that the moment before each of them shows the worst.
    """
    for at in range(1, len(hours)):
        last, following = hours[at - 1].ended_at, hours[at].began_at
        if following - last < MISSED * HOUR:
            continue
        known = [one for one in hours[max(0, at - 24 * 7 * 9) : at] if one.hour >= last - WEEKS - HOUR]
        habit = learn(known, zone)
        number = missed(habit, last, following, zone)
        if habit.known and number >= habit.allowed:
            yield last, number


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.campaign)])
@pytest.mark.parametrize("feed", ["practice", "hospital", "files", "sparse"])
def test_no_false_alarm_in_a_year(feed: str, seed: int) -> None:
    """Nights, weekends, holidays, the bridge after Thanksgiving and both changes of the clock are no alarm."""
    assert list(alarms(year(feed, seed))) == []


@pytest.mark.parametrize(("feed", "most"), [("practice", 4), ("hospital", 4), ("files", 72)])
@pytest.mark.parametrize("day", [36, 131, 260])
def test_silence_is_told_in_time(feed: str, most: int, day: int) -> None:
    """A feed that breaks off within its day is told of within four hours, one that brings a file a day when the
    second is missing.
    """
    breaks = START + day * DAY + (11 if feed != "files" else 20) * HOUR
    while slot_of(breaks, ZONE)[0] > 1:  # a Monday or Tuesday that is no holiday
        breaks += DAY
    hours = [one for one in year(feed, 3, day + 14) if one.ended_at < breaks]
    habit, now = learn(hours, ZONE), breaks
    while missed(habit, hours[-1].ended_at, now, ZONE) < habit.allowed:
        now += timedelta(minutes=1)
    assert now - hours[-1].ended_at <= most * HOUR
    assert now - hours[-1].ended_at >= 2 * HOUR


def test_little_history_says_nothing() -> None:
    """Before two weeks, and of hours of the week that were seen less than three times, nothing is known."""
    hours = year("practice", 4, 40)
    assert learn([], ZONE) == Habit()
    assert learn([one for one in hours if one.hour < START + LEAST], ZONE) == Habit()
    third = learn([one for one in hours if one.hour < START + LEAST + DAY], ZONE)
    assert {day for day, _ in third.usual} == {0}
    later = learn([one for one in hours if one.hour < START + 26 * DAY], ZONE)
    assert {day for day, _ in later.usual} == {0, 1, 2, 3, 4}


def test_what_a_habit_is() -> None:
    """The usual hours of a practice by the wall clock, winter and summer, and how much it may miss."""
    habit = learn(year("practice", 5, 150), ZONE)
    weekdays = {(day, hour) for day in range(5) for hour in (8, 9, 10, 11, 13, 14, 15, 16)}
    assert weekdays <= habit.usual <= weekdays | {(day, 12) for day in range(5)}
    assert (habit.longest <= 1, habit.allowed) == (True, 3)
    assert learn(year("sparse", 5, 150), ZONE) == Habit()


def test_a_silence_that_ended_makes_it_patient() -> None:
    """After a silence of five usual hours that ended by itself eight are needed; after a whole week off, no more
    than a usual day (eight here) and one.
    """
    hours = [one for one in year("practice", 6, 90) if one.hour.astimezone(ZONE).hour != 12]
    late = [one.hour for one in hours if one.hour >= START + 70 * DAY]
    for off, allowed in ((5, 8), (40, 9)):
        habit = learn([one for one in hours if one.hour not in late[:off]], ZONE)
        assert habit.longest >= min(off, 20)
        assert habit.allowed == allowed


def test_only_whole_hours_are_missed() -> None:
    """The hour in which the last message came, and the present one, are not missed; nor are those of the night."""
    habit = learn(year("practice", 7, 60), ZONE)
    monday = datetime(2026, 1, 5, tzinfo=ZONE)
    last = (monday + timedelta(hours=9, minutes=20)).astimezone(UTC)
    seen = [missed(habit, last, last + timedelta(minutes=minutes), ZONE) for minutes in (0, 99, 100, 159, 160)]
    assert seen == [0, 0, 1, 1, 2]
    assert missed(habit, monday.astimezone(UTC), (monday + 6 * HOUR).astimezone(UTC), ZONE) == 0


@pytest.mark.parametrize(
    ("day", "closed"),
    [
        (date(2026, 7, 3), True),
        (date(2026, 11, 26), True),
        (date(2026, 11, 27), True),
        (date(2026, 12, 24), True),
        (date(2026, 12, 31), True),
        (date(2026, 11, 20), False),
        (date(2026, 7, 6), False),
    ],
)
def test_holidays_count_as_sundays(day: date, closed: bool) -> None:
    """Federal holidays (the third of July where the fourth is a Saturday) and three customs of offices."""
    assert is_holiday(day) is closed
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZONE)
    assert slot_of(noon, ZONE) == (6 if closed else day.weekday(), 12)
