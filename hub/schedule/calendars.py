"""Partner calendars: on which days and until when a partner works. The home of `holidays`, which knows the bank
holidays of the United States.
"""

from __future__ import annotations

from datetime import date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from hub.schedule.wall import next_day

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SKIP, NEXT, PREVIOUS = "skip", "next", "previous"


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """When a partner is open, in its own zone: on `days` (empty: all) that are neither one of `holidays` nor a
    bank holiday (`banks`: us-federal, us-banks or empty), until `cut_off`. What falls on a closed day is left
    out (`closed` = skip) or moves to the same time of the next or previous open day.
    """

    name: str = ""
    zone: str = "UTC"
    holidays: tuple[date, ...] = ()
    banks: str = ""
    days: tuple[str, ...] = ()
    cut_off: time | None = None
    closed: str = SKIP

    @property
    def moves(self) -> bool:
        """Whether it moves slots at all."""
        return self.closed != SKIP


def open_day(calendar: Calendar, day: date) -> bool:
    """Whether the partner works on this day."""
    if calendar.days and WEEKDAYS[day.weekday()] not in calendar.days:
        return False
    return day not in calendar.holidays and day not in bank_holidays(calendar.banks, day.year)


def closed_until(calendar: Calendar, at: datetime) -> datetime | None:
    """None while the calendar is open at `at`; else the beginning of the next local day, before which it is not."""
    zone = ZoneInfo(calendar.zone)
    local = at.astimezone(zone)
    in_time = calendar.cut_off is None or local.time() <= calendar.cut_off
    return None if in_time and open_day(calendar, local.date()) else next_day(local.date(), zone)


@lru_cache(maxsize=256)
def bank_holidays(kind: str, year: int) -> frozenset[date]:
    """The days of a year (5 U.S.C. 6103; Federal Reserve Financial Services). A holiday on a Saturday closes
    federal offices on the Friday before, and no bank; one on a Sunday closes both on the Monday after.
    """
    if not kind:
        return frozenset()
    import holidays

    if kind == "us-banks":
        return frozenset(holidays.financial_holidays("FED", years=year))
    # the Friday before a Saturday's New Year belongs to the year before, and is listed with the year after
    both = holidays.country_holidays("US", years=(year, year + 1))
    return frozenset(day for day in both if day.year == year)
