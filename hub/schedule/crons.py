"""Reads cron lines: minute hour day month weekday. The home of APScheduler, of which only this is used.

Unlike cron(8), a line that names days of the month and of the week is due where both hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LATEST = datetime(2100, 1, 1)  # noqa: DTZ001 - a wall time is naive
_INSTANT = timedelta(microseconds=1)


class Cron:
    """A cron line. Raises ValueError or KeyError for a line that is none; `end` (naive wall time) bounds the
    search for a day that never comes.
    """

    def __init__(self, line: str, end: datetime) -> None:
        minute, hour, day, month, weekday = line.split()
        named = ",".join(_weekdays(part) for part in weekday.lower().split(","))
        self._trigger = CronTrigger(
            minute=minute,
            hour=hour,
            day=day,
            month=month,
            day_of_week=named,
            timezone=UTC,
            end_date=end.replace(tzinfo=UTC),
        )

    def after(self, wall: datetime) -> datetime | None:
        """The first wall time (naive, as if no clock ever changed) later than `wall`."""
        found = self._trigger.get_next_fire_time(None, wall.replace(tzinfo=UTC) + _INSTANT)
        return found.replace(tzinfo=None) if isinstance(found, datetime) else None


def fault(line: str) -> str:
    """What is wrong with a cron line, or nothing."""
    try:
        Cron(line, _LATEST)
    except (ValueError, KeyError):
        return "a cron line has five fields: minute hour day month weekday"
    return ""


def _weekdays(part: str) -> str:
    """Days by name: APScheduler numbers them from Monday, cron lines from Sunday, and `fri-mon` is a range."""
    span, _, step = part.partition("/")
    if span == "*":
        return ",".join(_WEEKDAYS[0 : 7 : int(step or 1)])
    return ",".join(_range(span, int(step or 1)))


def _range(span: str, step: int) -> Iterator[str]:
    first, _, last = span.partition("-")
    start = _weekday(first)
    length = (_weekday(last) - start) % 7 + 1 if last else 1
    return (_WEEKDAYS[(start + day) % 7] for day in range(0, length, step))


def _weekday(text: str) -> int:
    return int(text) % 7 if text in "01234567" else _WEEKDAYS.index(text)
