"""Whether a feed is silent against its own habit, learned by the hour of the week.

An hour of the week is *usual* when messages came in it in nearly every one of the last eight weeks: in all but one,
and in all (at least three) while few are known. A public holiday, and a day on which offices close by custom, counts
as a Sunday. A feed is silent when it has missed more usual hours in a row than is its habit: three, or half more than
the most it missed before and came back, but never more than a usual day has and one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

import msgspec

from hub.schedule.calendars import bank_holidays
from hub.store.feeds import Busy, hour_of

WEEKS = timedelta(weeks=8)
LEAST = timedelta(weeks=2)
"""Of a feed that is younger nothing is said."""
MISSED = 3
"""So many usual hours without a message are noticed at all."""
OFTEN = 0.75
MORE = 1.5
SUNDAY, THURSDAY = 6, 3
HOUR = timedelta(hours=1)
Slot = tuple[int, int]
"""Day of the week (0 is Monday) and hour, by the wall clock."""


class Habit(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a feed: its usual hours of the week, the most of them it missed in a row before it came back,
    and how many it may miss now.
    """

    usual: frozenset[Slot] = frozenset()
    longest: int = 0
    allowed: int = 0

    @property
    def known(self) -> bool:
        """Whether there is a habit at all."""
        return bool(self.usual)


def learn(hours: Sequence[Busy], zone: tzinfo) -> Habit:
    """The habit of a feed by the hours in which messages came, the oldest first; the silence after the last of them
    teaches nothing.
    """
    if not hours or hours[-1].hour - hours[0].hour < LEAST:
        return Habit()
    first = max(hours[0].hour, hours[-1].hour - WEEKS)
    busy = {one.hour for one in hours if one.hour >= first}
    slots = {hour: slot_of(hour, zone) for hour in _hours(first, hours[-1].hour + HOUR)}
    there = Counter(slots.values())
    came = Counter(slot for hour, slot in slots.items() if hour in busy)
    usual = frozenset(slot for slot, number in came.items() if number / (there[slot] + 1) >= OFTEN)
    if not usual:
        return Habit()
    longest = _longest([hour in busy for hour, slot in slots.items() if slot in usual or hour in busy])
    day = max(Counter(weekday for weekday, _ in usual).values())
    least = min(MISSED, day + 1)
    allowed = min(max(least, math.ceil(MORE * longest)), max(day + 1, least))
    return Habit(usual=usual, longest=longest, allowed=allowed)


def missed(habit: Habit, since: datetime, now: datetime, zone: tzinfo) -> int:
    """How many whole usual hours have passed since an instant."""
    first = hour_of(since) if since == hour_of(since) else hour_of(since) + HOUR
    return sum(slot_of(hour, zone) in habit.usual for hour in _hours(first, hour_of(now)))


@lru_cache(maxsize=1 << 14)
def slot_of(hour: datetime, zone: tzinfo) -> Slot:
    """The hour of the week in which an instant falls; on a holiday that of a Sunday."""
    local = hour.astimezone(zone)
    return (SUNDAY if is_holiday(local.date()) else local.weekday()), local.hour


@lru_cache(maxsize=1024)
def is_holiday(day: date) -> bool:
    """A federal holiday (5 U.S.C. 6103), the day after Thanksgiving, or the day before Christmas or New Year."""
    if day in bank_holidays("us-federal", day.year) or (day.month, day.day) in {(12, 24), (12, 31)}:
        return True
    before = day - timedelta(days=1)
    return before.month == 11 and before.weekday() == THURSDAY and 22 <= before.day <= 28


def _hours(first: datetime, end: datetime) -> Iterator[datetime]:
    """Every hour that begins in between."""
    at = first
    while at < end:
        yield at
        at += HOUR


def _longest(busy: Sequence[bool]) -> int:
    """The most that are not, in a row."""
    most = run = 0
    for one in busy:
        run = 0 if one else run + 1
        most = max(most, run)
    return most
