"""Slots, runs and pauses: each slot of a schedule is taken by one scheduler, and what became of it is kept."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Float,
    Index,
    Row,
    Table,
    Text,
    and_,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy import text as sql

from hub.errors import Stale
from hub.store.lanes import HELD, LANE_TROUBLES
from hub.store.once import insert_new
from hub.store.schema import METADATA, Id, Instant, clear
from hub.store.session import Session

_OURS = "our own id or name"
PAGE = 1_000
"""Rows that one transaction removes at most."""

SLOTS = Table(
    "slots",
    METADATA,
    clear("schedule", Text, primary_key=True, why=_OURS),
    clear("slot", Text, primary_key=True, why="local wall time"),
    clear("taken_at", Instant, why="when it began"),
)
RUNS = Table(
    "schedule_runs",
    METADATA,
    clear("id", Id, primary_key=True, why=_OURS),
    clear("schedule", Text, why=_OURS),
    clear("slot", Text, why="local wall time"),
    clear("step", Text, why="a code of ours"),
    clear("lane", Text, why="a mailbox, source or practice of ours"),
    clear("cause", Text, why="schedule, catch-up, hand"),
    clear("by", Text, why="a login, or the hub"),
    clear("started", Instant, why="when it was asked for"),
    clear("ended", Instant, nullable=True, why="when it ended"),
    clear("outcome", Text, why="a code of ours"),
    clear("seconds", Float, why="how long its step worked"),
    clear("counts", Text, why="JSON of numbers by name"),
    clear("error", Text, why="the class and place of an exception, without values"),
    Index("ix_schedule_runs_schedule", "schedule", "started"),
    Index(
        "ix_schedule_runs_open",
        "step",
        "lane",
        sqlite_where=sql("ended IS NULL"),
        postgresql_where=sql("ended IS NULL"),
    ),
)
PAUSES = Table(
    "pauses",
    METADATA,
    clear("schedule", Text, primary_key=True, why=_OURS),
    clear("since", Instant, why="when it was paused"),
    clear("until", Instant, nullable=True, why="when it goes on by itself"),
    clear("by", Text, why="a login"),
    clear("why", Text, why="a person's words about a schedule"),
)
RUNNING, ASKED, OK, PARTIAL, FAILED = "running", "asked", "ok", "partial", "failed"
LOST, PAUSED, SKIPPED = "lost", "paused", "skipped"
OUTCOMES = (ASKED, RUNNING, OK, PARTIAL, FAILED, LOST, HELD, PAUSED, SKIPPED)
_OPEN = RUNS.c.ended.is_(None)
_LANE_HELD = RUNS.c.lane.in_(select(LANE_TROUBLES.c.lane).where(LANE_TROUBLES.c.kind == HELD))
_TOLD = case((and_(_OPEN, RUNS.c.outcome == RUNNING, _LANE_HELD), HELD), else_=RUNS.c.outcome).label("outcome")
_TELLING = select(*(_TOLD if column.name == "outcome" else column for column in RUNS.c))
"""A run as it is told: while its lane is held, one that is open waits for a person and does not run."""
_AHEAD = timedelta(days=1)


class Slots:
    """Who may start what: `slot` is a local wall time, so each happens once, also when clocks change."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._conn = session.conn

    def take(self, schedule: str, slot: str) -> bool:
        """True for the one caller that takes the slot, with everything its transaction then commits."""
        row = {"schedule": schedule, "slot": slot, "taken_at": self._session.now}
        return insert_new(self._session, SLOTS, [row]) == 1

    def take_newest(self, schedule: str, slot: str) -> bool:
        """As `take`, for schedules of which only the newest slot is kept; `slot` is a UTC time and sorts as text.
        A slot older than the newest is refused. One that lies more than a day ahead was taken by a wrong clock,
        and does not count.
        """
        if not self.take(schedule, slot):
            return False
        mine, of = SLOTS.c.slot == slot, SLOTS.c.schedule == schedule
        ahead = f"{self._session.now + _AHEAD:%Y-%m-%dT%H:%M:%SZ}"
        newer = select(func.count()).select_from(SLOTS).where(of, SLOTS.c.slot > slot, SLOTS.c.slot <= ahead)
        passed = bool(self._conn.execute(newer).scalar_one())
        self._conn.execute(delete(SLOTS).where(of, mine if passed else ~mine))
        return not passed

    def taken(self, schedule: str, slot: str) -> bool:
        """Whether somebody took it."""
        query = select(SLOTS.c.taken_at).where(SLOTS.c.schedule == schedule, SLOTS.c.slot == slot)
        return self._conn.execute(query).first() is not None

    def last(self, schedule: str) -> str | None:
        """The latest slot (as text, so slots must sort) that was ever taken."""
        query = select(func.max(SLOTS.c.slot)).where(SLOTS.c.schedule == schedule)
        found: str | None = self._conn.execute(query).scalar_one()
        return found

    def last_at(self, schedule: str) -> datetime | None:
        """When the slot that `last` names was taken."""
        query = select(SLOTS.c.taken_at).where(SLOTS.c.schedule == schedule).order_by(SLOTS.c.slot.desc())
        found: datetime | None = self._conn.execute(query.limit(1)).scalar_one_or_none()
        return found

    def prune(self, before: datetime) -> int:
        """Remove up to a page of slots taken before then, never the last of a schedule: it says what was missed.
        Returns how many.
        """
        other = SLOTS.alias()
        newest = select(func.max(other.c.slot)).where(other.c.schedule == SLOTS.c.schedule).scalar_subquery()
        old = select(SLOTS.c.schedule, SLOTS.c.slot).where(SLOTS.c.taken_at < before, SLOTS.c.slot < newest)
        rows = self._conn.execute(old.limit(PAGE)).all()
        for schedule, slot in rows:
            self._conn.execute(delete(SLOTS).where(SLOTS.c.schedule == schedule, SLOTS.c.slot == slot))
        return len(rows)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a schedule for one lane. `outcome`: asked (by a person, not begun yet), running (until it ended),
    then ok, partial (some items were set aside), failed, lost (nobody knows how it ended), paused (its slot fell
    into a pause), skipped (nobody to run for). Held: its lane waits for a person, so it has not ended, or ended
    without having run. `seconds` is how long its step worked.
    """

    id: str
    schedule: str
    slot: str
    step: str
    lane: str
    cause: str
    by: str
    started: datetime
    ended: datetime | None
    outcome: str
    seconds: float
    counts: dict[str, int]
    error: str


class Worked(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of the step adds to a run of its schedule; `outcome` is empty while there is more to do."""

    seconds: float
    counts: dict[str, int]
    outcome: str = ""
    error: str = ""


Found = list[Run]


class Runs:
    """What ran, when, and how it went."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._conn = session.conn

    def start(
        self,
        schedule: str,
        slot: str,
        *,
        step: str = "",
        lane: str = "",
        cause: str = "schedule",
        by: str = "hub",
        outcome: str = RUNNING,
        missed: int = 0,
    ) -> str:
        """Record the beginning of a run; returns its id. With `outcome` paused or skipped it has ended as well;
        `missed` slots before it were passed over.
        """
        run_id = self._session.new_id("run")
        now = self._session.now
        head = {"id": run_id, "schedule": schedule, "slot": slot, "step": step, "lane": lane, "cause": cause}
        rest = {"by": by, "started": now, "outcome": outcome, "seconds": 0.0, "error": ""}
        counts = {"missed": missed} if missed else {}
        ended = None if outcome in (RUNNING, ASKED) else now
        self._conn.execute(RUNS.insert().values(**head, **rest, ended=ended, counts=_json(counts)))
        return run_id

    def finish(self, run_id: str, outcome: str, **counts: int) -> None:
        """Record how a run ended; one that has ended already raises `Stale`."""
        done = {"ended": self._session.now, "outcome": outcome, "counts": _json(counts)}
        query = update(RUNS).where(RUNS.c.id == run_id, _OPEN).values(done)
        if self._conn.execute(query).rowcount != 1:
            raise Stale("the run has ended already, or never began")

    def add(self, run: Run, worked: Worked) -> bool:
        """Add to an open run what its step did now, and end it where that says how it went; False where it has
        ended meanwhile.
        """
        counts = {
            name: run.counts.get(name, 0) + worked.counts.get(name, 0) for name in run.counts | worked.counts
        }
        done: dict[str, Any] = {"seconds": RUNS.c.seconds + worked.seconds, "counts": _json(counts)}
        done["error"] = worked.error or run.error
        if worked.outcome:
            done.update(outcome=worked.outcome, ended=self._session.now)
        query = update(RUNS).where(RUNS.c.id == run.id, _OPEN).values(done)
        return self._conn.execute(query).rowcount == 1

    def get(self, run_id: str) -> Run | None:
        """One run."""
        row = self._conn.execute(_TELLING.where(RUNS.c.id == run_id)).one_or_none()
        return None if row is None else _run(row)

    def list(self, *, limit: int = 50, since: datetime | None = None, **equals: Any) -> Found:
        """Runs whose columns equal what is given, the latest first."""
        where = [
            (_TOLD.element if name == "outcome" else RUNS.c[name]) == value for name, value in equals.items()
        ]
        where += [RUNS.c.started >= since] if since is not None else []
        query = _TELLING.where(*where).order_by(RUNS.c.started.desc(), RUNS.c.id.desc()).limit(limit)
        return [_run(row) for row in self._conn.execute(query)]

    def open(self, step: str, lane: str, before: datetime, ahead: datetime) -> Found:
        """Runs of the step and lane that began not later than `before` and have not ended; one that began later
        than `ahead` did so by a clock that was set back since, and is among them.
        """
        of = and_(_OPEN, RUNS.c.step == step, RUNS.c.lane == lane)
        began = or_(RUNS.c.started <= before, RUNS.c.started > ahead)
        query = select(RUNS).where(of, RUNS.c.outcome == RUNNING, began)
        return [_run(row) for row in self._conn.execute(query)]

    def asked(self) -> Found:
        """Runs that a person asked for and no scheduler has begun."""
        query = select(RUNS).where(_OPEN, RUNS.c.outcome == ASKED).order_by(RUNS.c.step, RUNS.c.lane)
        return [_run(row) for row in self._conn.execute(query)]

    def running(self) -> Found:
        """Runs that began and have not said how they ended."""
        query = select(RUNS).where(_OPEN, RUNS.c.outcome == RUNNING).order_by(RUNS.c.step, RUNS.c.lane)
        return [_run(row) for row in self._conn.execute(query)]

    def take_up(self, run_id: str) -> bool:
        """True for the one scheduler that begins a run that was asked for."""
        query = update(RUNS).where(RUNS.c.id == run_id, _OPEN, RUNS.c.outcome == ASKED)
        return self._conn.execute(query.values(outcome=RUNNING)).rowcount == 1

    def lose(self, before: datetime, step: str | None = None, lanes: Collection[str] = ()) -> int:
        """End runs that began before then and never said how they ended, of one step and its lanes or of all:
        failed where a try had failed, held where their lane is, else lost (of all: what was asked for and never begun
        too). Returns how many.
        """
        ending = case((RUNS.c.error != "", FAILED), (_LANE_HELD, HELD), else_=LOST)
        about: list[Any] = [_OPEN, RUNS.c.started < before]
        if step is not None:
            about += [RUNS.c.step == step, RUNS.c.lane.in_(list(lanes)), RUNS.c.outcome == RUNNING]
        query = update(RUNS).where(*about)
        return self._conn.execute(query.values(outcome=ending, ended=self._session.now)).rowcount

    def forget_idle(self, schedule: str, since: datetime) -> None:
        """Remove runs of a schedule begun since then that went well and did nothing."""
        of = and_(RUNS.c.schedule == schedule, RUNS.c.started >= since)
        self._conn.execute(delete(RUNS).where(of, _IDLE))

    def prune(self, before: datetime, idle_before: datetime) -> int:
        """Remove up to a page of runs that ended and began before then; those that did nothing go earlier."""
        old = or_(RUNS.c.started < before, and_(RUNS.c.started < idle_before, _IDLE))
        page = select(RUNS.c.id).where(~_OPEN, old).limit(PAGE)
        return self._conn.execute(delete(RUNS).where(RUNS.c.id.in_(page))).rowcount


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule that shall not run: since when, until when (empty: until a person lets it go on), by whom, why."""

    schedule: str
    since: datetime
    until: datetime | None
    by: str
    why: str


class Pauses:
    """Which schedules are paused, for every node alike."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._conn = session.conn

    def begin(self, schedule: str, *, until: datetime | None, by: str, why: str) -> None:
        """Pause a schedule from now on; a pause that it has is replaced and keeps its beginning."""
        found = self.at(schedule, self._session.now)
        self.end(schedule)
        row = {"since": found.since if found else self._session.now, "until": until, "by": by, "why": why}
        self._conn.execute(PAUSES.insert().values(schedule=schedule, **row))

    def end(self, schedule: str) -> bool:
        """Let a schedule go on; False where it was not paused."""
        return self._conn.execute(delete(PAUSES).where(PAUSES.c.schedule == schedule)).rowcount == 1

    def at(self, schedule: str, at: datetime) -> Pause | None:
        """The pause in which a schedule was at that instant."""
        query = select(PAUSES).where(PAUSES.c.schedule == schedule, *_holding(at))
        row = self._conn.execute(query).one_or_none()
        return None if row is None else Pause(**dict(row._mapping))  # noqa: SLF001 - the documented way

    def all(self) -> dict[str, Pause]:
        """Every pause that holds now, by schedule."""
        rows = self._conn.execute(select(PAUSES).where(*_holding(self._session.now)))
        return {row.schedule: Pause(**dict(row._mapping)) for row in rows}  # noqa: SLF001 - the documented way


_IDLE = and_(RUNS.c.outcome == OK, RUNS.c.counts.in_(("{}", '{"done":0}')))


def _holding(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (PAUSES.c.since <= at, or_(PAUSES.c.until.is_(None), PAUSES.c.until > at))


def _json(counts: dict[str, int]) -> str:
    return msgspec.json.encode(counts).decode()


def _run(row: Row[Any]) -> Run:
    fields = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    return Run(**{**fields, "counts": msgspec.json.decode(row.counts)})
