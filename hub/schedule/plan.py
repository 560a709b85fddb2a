"""What is to run when: the schedules of the settings, and those that the house brings with it."""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from hub.config.connectors import Schedule as Configured
from hub.config.settings import Settings
from hub.errors import Problem
from hub.flow.source_lanes import subject
from hub.schedule import crons
from hub.schedule.calendars import Calendar

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
QUICK = timedelta(minutes=15)
HOUSE = "house."
"""Built-in schedules are called so; a name in the settings cannot hold a dot."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When a step is nudged for its lanes: either `cron` (minute hour day month weekday, 0 and 7 are Sunday, in
    `zone`) or `every`, counted from `epoch`, the same in every process and after every restart. A slot later in
    its local day than `cut_off`, not on one of `days`, or on one of `holidays` is none; the partner's `calendar`
    leaves out more, or moves slots of closed days.
    """

    name: str
    step: str
    lanes: tuple[str, ...] = ("",)
    cron: str = ""
    every: timedelta | None = None
    epoch: datetime = EPOCH
    zone: str = "UTC"
    cut_off: time | None = None
    days: tuple[str, ...] = ()
    holidays: tuple[date, ...] = ()
    calendar: Calendar | None = None
    built_in: bool = False

    @property
    def own(self) -> Calendar:
        """Its own days, holidays and cut-off."""
        return Calendar(zone=self.zone, holidays=self.holidays, days=self.days, cut_off=self.cut_off)

    @property
    def quick(self) -> bool:
        """So frequent that only its last slot, and of its runs only those that did something, are worth a row."""
        moved = self.calendar is not None and self.calendar.moves
        return self.every is not None and self.every < QUICK and not moved


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One time a schedule is due: `name` is its local wall time, `at` the instant (later or earlier than its name
    says where a calendar moved it), `also` the names of other slots that are due at the same instant.
    """

    schedule: str
    name: str
    at: datetime
    also: tuple[str, ...] = ()


def configured(
    settings: Settings, lanes_of: Callable[[str], tuple[str, ...]], steps: Container[str] = ()
) -> list[Schedule]:
    """The schedules of the settings, then the built-in ones for those of `steps` that the settings do not
    schedule. One that names no connector is for every lane of its step (`lanes_of`).
    """
    own = [_schedule(settings, lanes_of, name, one) for name, one in settings.schedules.items()]
    told = {one.step for one in own}
    return [*own, *(one for one in house(settings, lanes_of) if one.step in steps and one.step not in told)]


def house(settings: Settings, lanes_of: Callable[[str], tuple[str, ...]]) -> list[Schedule]:
    """What keeps the hub itself in order, without a line in the settings."""
    digest = settings.notifications.digest_at
    times: dict[tuple[str, str], str | timedelta] = {
        ("watch", "watch.look"): settings.watch.every,
        ("notices", "notices.send"): timedelta(minutes=1),
        ("digest", "notices.digest"): f"{digest.minute} {digest.hour} * * *",
        ("alive", "notices.alive"): settings.notifications.alive_every,
        ("tidy", "keep.tidy"): "45 1 * * *",
        ("backup", "keep.backup"): "30 2 * * *",
        ("drill", "keep.drill"): "30 3 1 * *",
        ("purge", "keep.purge"): "30 4 * * sun",
        ("overdue", "sweep.expect"): timedelta(hours=1),
    }
    zone = settings.hub.zone
    return [_house(name, step, when, zone, _lanes(step, lanes_of)) for (name, step), when in times.items()]


def _house(name: str, step: str, when: str | timedelta, zone: str, lanes: tuple[str, ...]) -> Schedule:
    return Schedule(
        name=HOUSE + name,
        step=step,
        lanes=lanes,
        cron=when if isinstance(when, str) else "",
        every=when if isinstance(when, timedelta) else None,
        zone=zone,
        built_in=True,
    )


def _lanes(step: str, lanes_of: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
    """The lanes of a step; none of a step that this hub does not have."""
    try:
        return lanes_of(step)
    except KeyError:
        return ()


def _schedule(
    settings: Settings, lanes_of: Callable[[str], tuple[str, ...]], name: str, one: Configured
) -> Schedule:
    zone = one.zone or settings.hub.zone
    return Schedule(
        name=name,
        step=one.step,
        lanes=_named(one, lanes_of) if one.connector else lanes_of(one.step),
        cron=one.cron or "",
        every=one.every,
        epoch=one.epoch or EPOCH,
        zone=zone,
        cut_off=one.cut_off,
        days=one.days,
        holidays=one.holidays,
        calendar=_calendar(settings, one.calendar, zone),
    )


def _named(one: Configured, lanes_of: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
    """The lane of the connector that a schedule names; a step that this hub does not have is told elsewhere."""
    lanes = tuple(lane for lane in _lanes(one.step, lanes_of) if subject(lane) == one.connector)
    return lanes or (one.connector,)


def _calendar(settings: Settings, name: str, zone: str) -> Calendar | None:
    told = settings.calendars.get(name)
    if told is None:
        return None
    return Calendar(
        name=name,
        zone=told.zone or zone,
        holidays=told.holidays,
        banks=told.banks,
        days=told.days,
        cut_off=told.cut_off,
        closed=told.closed,
    )


def check(schedule: Schedule) -> list[Problem]:
    """Everything that is wrong with a schedule by itself; `hub.schedule.times.never` tells whether it is ever due."""
    faults = []
    if bool(schedule.cron) == bool(schedule.every and schedule.every > timedelta(0)):
        faults.append(_fault(schedule, "cron", "needs either cron or every, and not both"))
    try:
        ZoneInfo(schedule.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        faults.append(_fault(schedule, "zone", "this is no time zone of the IANA database"))
    if schedule.cron and (wrong := crons.fault(schedule.cron)):
        faults.append(_fault(schedule, "cron", wrong))
    return faults


def _fault(schedule: Schedule, key: str, why: str) -> Problem:
    return Problem(code="schedule.bad", where=f"schedules.{schedule.name}.{key}", why=why, fix="mend it")
