"""Says when: schedules become slots, each slot is recorded once, and its step is nudged. The home of APScheduler.

Of APScheduler only the reading of cron lines is used. Its own loop would fire a cron line twice on the night the
clock goes back, give each process intervals of its own, and forget what a killed process missed. Here a slot has
a name (its local wall time, `2026-11-01T01:30`; for a span its UTC time) and belongs to whoever writes that name
down first, so that any number of schedulers may run.

A wall time that happens twice is due at its first; one that does not happen (the night the clock goes forward)
is due at the instant the clock jumps. Unlike cron(8), a line that names days of the month and of the week is due
where both hold.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from apscheduler.triggers.cron import CronTrigger

from hub.clock import Clock
from hub.config.settings import Settings
from hub.errors import Problem
from hub.log import get_log
from hub.store import Nudge, Store

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CRON_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LOOK_BACK = tuple(timedelta(days=days) for days in (1 / 24, 1, 8, 32, 367))
_MARGIN = timedelta(days=2)
_LONGEST_NAP_SECONDS = 30.0


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When a step is nudged for its lanes: either `cron` (minute hour day month weekday, 0 and 7 are Sunday, in
    `zone`) or `every`, counted from `epoch`, the same in every process and after every restart. A slot later in
    its local day than `cut_off`, not on one of `days`, or on one of `holidays` is none.
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


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One time a schedule is due: `name` is its local wall time, `at` the instant."""

    schedule: str
    name: str
    at: datetime


def configured(settings: Settings, lanes_of: Callable[[str], tuple[str, ...]]) -> list[Schedule]:
    """The schedules of the settings; one that names no connector is for every lane of its step (`lanes_of`)."""
    return [
        Schedule(
            name=name,
            step=one.step,
            lanes=(one.connector,) if one.connector else lanes_of(one.step),
            cron=one.cron or "",
            every=one.every,
            epoch=one.epoch or EPOCH,
            zone=one.zone or settings.hub.zone,
            cut_off=one.cut_off,
            days=one.days,
            holidays=one.holidays,
        )
        for name, one in settings.schedules.items()
    ]


def check(schedule: Schedule) -> list[Problem]:
    """Everything that is wrong with a schedule."""
    faults = []
    if bool(schedule.cron) == bool(schedule.every and schedule.every > timedelta(0)):
        faults.append(_fault(schedule, "cron", "needs either cron or every, and not both"))
    try:
        ZoneInfo(schedule.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        faults.append(_fault(schedule, "zone", "this is no time zone of the IANA database"))
    try:
        _ = _trigger(schedule.cron, EPOCH) if schedule.cron else None
    except (ValueError, KeyError):
        faults.append(_fault(schedule, "cron", "a cron line has five fields: minute hour day month weekday"))
    return faults


def _fault(schedule: Schedule, key: str, why: str) -> Problem:
    return Problem(code="schedule.bad", where=f"schedules.{schedule.name}.{key}", why=why, fix="mend it")


def due(schedule: Schedule, after: datetime, until: datetime) -> list[Slot]:
    """The slots later than `after` and not later than `until` (aware instants), in order. Pure."""
    zone = ZoneInfo(schedule.zone)
    found = _cron(schedule, zone, after, until) if schedule.cron else _every(schedule, after, until)
    return [slot for slot in found if _open(schedule, slot.at.astimezone(zone))]


def latest(schedule: Schedule, until: datetime) -> Slot | None:
    """The last slot not later than `until`, if there was one within a year."""
    for back in _LOOK_BACK:
        if found := due(schedule, until - back, until):
            return found[-1]
    return None


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When a wall time (naive) is due in `zone`: at its first happening, or when the clock jumps over it."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    return _jump(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def _open(schedule: Schedule, local: datetime) -> bool:
    """Whether the partner's calendar has this local time."""
    in_time = schedule.cut_off is None or local.time() <= schedule.cut_off
    on_day = not schedule.days or WEEKDAYS[local.weekday()] in schedule.days
    return in_time and on_day and local.date() not in schedule.holidays


def _every(schedule: Schedule, after: datetime, until: datetime) -> Iterator[Slot]:
    step = schedule.every or timedelta(days=1)
    at = schedule.epoch + ((after - schedule.epoch) // step + 1) * step
    while at <= until:
        yield Slot(schedule=schedule.name, name=f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", at=at.astimezone(UTC))
        at += step


def _cron(schedule: Schedule, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[Slot]:
    """Wall times, found as if no clock ever changed; each is then given the instant at which it is due."""
    wall = after.astimezone(zone).replace(tzinfo=UTC, fold=0)
    trigger = _trigger(schedule.cron, until.astimezone(zone).replace(tzinfo=UTC, fold=0) + _MARGIN)
    while (found := trigger.get_next_fire_time(None, wall + timedelta(microseconds=1))) is not None:
        wall = found
        at = instant(wall.replace(tzinfo=None), zone)
        if at > until:
            return
        if at > after:
            yield Slot(schedule=schedule.name, name=f"{wall:%Y-%m-%dT%H:%M}", at=at)


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant between the two at which the offset changes, to the second."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == old else (before, middle)
    return after


def _trigger(line: str, end: datetime) -> CronTrigger:
    """Raises ValueError for a line that is none; `end` bounds the search for a day that never comes."""
    minute, hour, day, month, weekday = line.split()
    named = ",".join(_weekdays(part) for part in weekday.lower().split(","))
    return CronTrigger(
        minute=minute, hour=hour, day=day, month=month, day_of_week=named, timezone=UTC, end_date=end
    )


def _weekdays(part: str) -> str:
    """Days by name: APScheduler numbers them from Monday, cron lines from Sunday, and `fri-mon` is a range."""
    span, _, step = part.partition("/")
    if span == "*":
        return ",".join(_CRON_WEEKDAYS[0 : 7 : int(step or 1)])
    first, _, last = span.partition("-")
    start = _weekday(first)
    length = (_weekday(last) - start) % 7 + 1 if last else 1
    return ",".join(_CRON_WEEKDAYS[(start + day) % 7] for day in range(0, length, int(step or 1)))


def _weekday(text: str) -> int:
    return int(text) % 7 if text in "01234567" else _CRON_WEEKDAYS.index(text)


class Scheduler:
    """Begins slots: in one transaction each is taken and its step nudged. `due` and `begin` serve the simulated
    runner; `serve` is the loop of `hub run`.
    """

    def __init__(self, schedules: Iterable[Schedule], store: Store, clock: Clock) -> None:
        self._schedules = {schedule.name: schedule for schedule in schedules}
        self._store = store
        self._clock = clock
        self._seen = clock.now()

    def due(self, after: datetime, until: datetime) -> Sequence[Slot]:
        """The slots of every schedule, in order of time, then name."""
        found = [slot for schedule in self._schedules.values() for slot in due(schedule, after, until)]
        return sorted(found, key=lambda slot: (slot.at, slot.schedule, slot.name))

    def begin(self, slot: Slot) -> bool:
        """Take the slot and nudge its step; False where somebody else took it."""
        schedule = self._schedules[slot.schedule]
        with self._store.begin("schedule.slot") as tx:
            taken = tx.slots.take(slot.schedule, slot.name)
            if taken:
                tx.then(*(Nudge(schedule.step, lane) for lane in schedule.lanes))
        return taken

    def catch_up(self) -> list[Slot]:
        """At start: begin the last slot of each schedule if nobody did, once however many were missed. Of a
        schedule that never ran, the last slot is only marked: it was due before the schedule was.
        """
        self._seen = now = self._clock.now()
        last = (latest(schedule, now) for schedule in self._schedules.values())
        return [slot for slot in last if slot is not None and not self._marked(slot) and self.begin(slot)]

    def tick(self) -> list[Slot]:
        """Begin what came due since the last tick: of each schedule the last slot. What cannot be begun now
        (the store is away) is begun by a later tick.
        """
        now = self._clock.now()
        newest = {slot.schedule: slot for slot in self.due(min(self._seen, now), now)}
        begun, failed = [], False
        for slot in newest.values():
            try:
                begun += [slot] if self.begin(slot) else []
            except Exception as error:  # noqa: BLE001 - the store may be away: the schedule goes on
                failed = True
                get_log().warning("schedule.fault", schedule=slot.schedule, exception=type(error).__name__)
        self._seen = min(self._seen, now) if failed else now
        return begun

    def nap_seconds(self) -> float:
        """How long nothing is due, at most half a minute: the clock may be set meanwhile."""
        now = self._clock.now()
        soon = self.due(now, now + timedelta(seconds=_LONGEST_NAP_SECONDS))
        return (soon[0].at - now).total_seconds() if soon else _LONGEST_NAP_SECONDS

    def serve(self, stop: threading.Event) -> None:
        """Catch up (as soon as the store is there), then begin slots as they come due, until `stop`."""
        while not (caught := self._caught_up()) and not stop.wait(_LONGEST_NAP_SECONDS):
            continue
        while caught and not stop.wait(self.nap_seconds()):
            self.tick()

    def _caught_up(self) -> bool:
        try:
            self.catch_up()
        except Exception as error:  # noqa: BLE001 - the store may be away: the schedule waits for it
            get_log().warning("schedule.fault", exception=type(error).__name__)
            return False
        return True

    def _marked(self, slot: Slot) -> bool:
        """True where the schedule never ran; its last slot is then taken without a nudge."""
        with self._store.begin("schedule.slot") as tx:
            new = tx.slots.last(slot.schedule) is None
            if new:
                tx.slots.take(slot.schedule, slot.name)
        return new
