"""The practice's working days and months."""

from __future__ import annotations

from datetime import date, timedelta


def working_day(start: date, nth: int) -> date:
    """The `nth` working day (from 0) on or after `start`."""
    on = start
    while True:
        if on.weekday() < 5:
            if nth == 0:
                return on
            nth -= 1
        on += timedelta(days=1)


def months(start: date) -> tuple[date, date]:
    """The first working day, and the first day of the month that follows."""
    first = working_day(start, 0)
    return first, (first.replace(day=1) + timedelta(days=32)).replace(day=1)
