"""When a schedule is due: pure functions from a schedule and a span of time to slots.

A wall time that happens twice is due at its first; one that does not happen (the night the clock goes forward) is
due at the instant the clock jumps. A slot that a calendar moves keeps its name, so that it is still taken once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from hub.schedule.calendars import NEXT, Calendar, closed_until, open_day
from hub.schedule.crons import Cron
from hub.schedule.plan import EPOCH, Schedule, Slot
from hub.schedule.wall import instant

MOST_DAYS_MOVED = 31
HORIZON = timedelta(days=4 * 366)
"""Who is not due within it is never due: 29 February comes every fourth year."""
_LOOK_BACK = tuple(timedelta(days=days) for days in (1 / 24, 1, 8, 32, 367))
_LOOK_AHEAD = tuple(timedelta(days=days) for days in (1 / 4, 2, 8, 40, 400))
_MARGIN = timedelta(days=2)
_SHIFT = timedelta(hours=3)
"""More than any clock is ever set by, and than two offsets of one zone lie apart."""
Walled = tuple[datetime, Slot]


def due(schedule: Schedule, after: datetime, until: datetime) -> list[Slot]:
    """The slots later than `after` and not later than `until` (aware instants), in order."""
    return list(_found(schedule, after, until))


def merged(slots: Iterable[Slot]) -> list[Slot]:
    """Slots of one schedule, in order: those of one instant become one, for a schedule nudges once an instant."""
    found = []
    for _, together in groupby(slots, key=lambda slot: slot.at):
        *others, last = together
        found.append(replace(last, also=tuple(slot.name for slot in others)) if others else last)
    return found


def latest(schedule: Schedule, until: datetime, after: datetime | None = None) -> Slot | None:
    """The last slot not later than `until`, if there was one within a year and later than `after`. Looked for ever
    further back: of what a long sleep passed over, only the last is wanted.
    """
    for back in _LOOK_BACK:
        start = until - back if after is None else max(until - back, after)
        if found := due(schedule, start, until):
            return merged(found)[-1]
        if start == after:
            break
    return None


def upcoming(
    schedule: Schedule, after: datetime, count: int = 1, within: timedelta = _LOOK_AHEAD[-1]
) -> list[Slot]:
    """The next slots later than `after`, at most `count`; fewer where `within` holds no more."""
    if schedule.calendar is None or not schedule.calendar.moves:
        return list(islice(_found(schedule, after, after + within), count))
    found: list[Slot] = []
    for span in (*(span for span in _LOOK_AHEAD if span < within), within):
        if len(found := due(schedule, after, after + span)) >= count:
            break
    return found[:count]


def never(schedule: Schedule) -> bool:
    """Whether days, holidays, cut-offs and calendar leave nothing of it in four years."""
    return not upcoming(schedule, EPOCH, within=HORIZON)


def _found(schedule: Schedule, after: datetime, until: datetime) -> Iterator[Slot]:
    calendar = schedule.calendar
    if calendar is not None and calendar.moves:
        return iter(_moved(schedule, calendar, after, until))
    rules = (schedule.own,) if calendar is None else (schedule.own, calendar)
    return (slot for _, slot in _told(schedule, _telling(rules), after, until))


def _telling(rules: tuple[Calendar, ...]) -> tuple[Calendar, ...]:
    """Those that are ever closed."""
    return tuple(one for one in rules if one.days or one.holidays or one.banks or one.cut_off is not None)


def _told(schedule: Schedule, rules: tuple[Calendar, ...], after: datetime, until: datetime) -> Iterator[Walled]:
    """What the schedule says itself, as far as `rules` are open, each slot with its wall time."""
    return _cron(schedule, rules, after, until) if schedule.cron else _every(schedule, rules, after, until)


def _closed(rules: tuple[Calendar, ...], at: datetime) -> datetime | None:
    """Until when one of the rules is closed for sure, or None where all are open."""
    found = [until for rule in rules if (until := closed_until(rule, at)) is not None]
    return max(found) if found else None


def _every(schedule: Schedule, rules: tuple[Calendar, ...], after: datetime, until: datetime) -> Iterator[Walled]:
    step, zone = schedule.every or timedelta(days=1), ZoneInfo(schedule.zone)
    at = schedule.epoch + ((after - schedule.epoch) // step + 1) * step
    while at <= until:
        closed = _closed(rules, at)
        if closed is not None:
            at = schedule.epoch - ((schedule.epoch - closed) // step) * step
            continue
        utc = at.astimezone(UTC)
        name = f"{utc:%Y-%m-%dT%H:%M:%SZ}"
        yield at.astimezone(zone).replace(tzinfo=None), Slot(schedule=schedule.name, name=name, at=utc)
        at += step


def _cron(schedule: Schedule, rules: tuple[Calendar, ...], after: datetime, until: datetime) -> Iterator[Walled]:
    """Wall times, found as if no clock ever changed; each is then given the instant at which it is due."""
    zone = ZoneInfo(schedule.zone)
    wall = _wall(after, zone)
    cron = Cron(schedule.cron, _wall(until, zone) + _MARGIN)
    while (found := cron.after(wall)) is not None:
        wall = found
        at = instant(wall, zone)
        if at > until:
            return
        closed = _closed(rules, at)
        if closed is not None:
            wall = max(wall, _before(closed, zone))
        elif at > after:
            yield wall, Slot(schedule=schedule.name, name=f"{wall:%Y-%m-%dT%H:%M}", at=at)


def _before(at: datetime, zone: ZoneInfo) -> datetime:
    """A wall time behind which every slot lies that is due at `at` or later: hours earlier where clocks change."""
    same = (at - _SHIFT).astimezone(zone).utcoffset() == (at + _SHIFT).astimezone(zone).utcoffset()
    return _wall(at, zone) - (timedelta(seconds=1) if same else _SHIFT)


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def _moved(schedule: Schedule, calendar: Calendar, after: datetime, until: datetime) -> list[Slot]:
    """The slots that are due in the span once the calendar has moved what falls on its closed days."""
    found: dict[str, Slot] = {}
    for first, last in _windows(schedule, calendar, after, until):
        for wall, slot in _told(schedule, _telling((schedule.own,)), first, last):
            placed = _placed(schedule, calendar, wall, slot)
            if placed is not None and after < placed.at <= until:
                found[placed.name] = placed
    return sorted(found.values(), key=lambda slot: (slot.at, slot.name))


def _placed(schedule: Schedule, calendar: Calendar, wall: datetime, slot: Slot) -> Slot | None:
    """The slot at the same time of the nearest day that is open to partner and schedule; None where that is none
    within a month, or where it is later than a cut-off: a cut-off holds on every day alike.
    """
    zone, rules = ZoneInfo(schedule.zone), (schedule.own, calendar)
    if _closed(rules, slot.at) is None:
        return slot
    day = timedelta(days=1 if calendar.closed == NEXT else -1)
    if open_day(calendar, slot.at.astimezone(ZoneInfo(calendar.zone)).date()):
        return None
    for number in range(1, MOST_DAYS_MOVED + 1):
        at = instant(wall + number * day, zone)
        if _closed(rules, at) is None:
            return replace(slot, at=at)
        if _day_open(schedule, calendar, at):
            return None
    return None


def _day_open(schedule: Schedule, calendar: Calendar, at: datetime) -> bool:
    own, partner = at.astimezone(ZoneInfo(schedule.zone)).date(), at.astimezone(ZoneInfo(calendar.zone)).date()
    return open_day(schedule.own, own) and open_day(calendar, partner)


def _windows(
    schedule: Schedule, calendar: Calendar, after: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Where slots may stand that are due in the span: in the span itself, and on the closed days beside it at the
    same times of day.
    """
    way = -1 if calendar.closed == NEXT else 1
    reach = _reach(schedule, calendar, after if way < 0 else until, way)
    if until - after > timedelta(days=1):
        far = timedelta(days=reach)
        yield (after - far if way < 0 else after) - _SHIFT, (until + far if way > 0 else until) + _SHIFT
        return
    for number in range(reach + 1):
        by = timedelta(days=way * number)
        yield after + by - _SHIFT, until + by + _SHIFT


def _reach(schedule: Schedule, calendar: Calendar, at: datetime, way: int) -> int:
    """How many days away a slot may stand that moves to this day: two open days on end stop every one, whatever
    the zones. The days more are for dates that differ by zone.
    """
    together = 0
    for number in range(1, MOST_DAYS_MOVED):
        day = (at + timedelta(days=way * number)).date()
        together = together + 1 if open_day(schedule.own, day) and open_day(calendar, day) else 0
        if together == 2:
            return number + 2
    return MOST_DAYS_MOVED + 2
