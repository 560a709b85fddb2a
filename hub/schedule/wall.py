"""Wall times: when a local time of day is due, on ordinary days and on the nights when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When a wall time (naive) is due in `zone`: at its first happening, or when the clock jumps over it."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    return _jump(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def next_day(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which the day after `day` begins in `zone`."""
    return instant(datetime.combine(day + timedelta(days=1), time()), zone)


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant between the two at which the offset changes, to the second."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == old else (before, middle)
    return after
