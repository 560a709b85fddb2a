"""Slots and runs: each slot of a schedule is taken by one scheduler, and what became of it is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Float, Index, Row, Table, Text, func, select, update
from sqlalchemy import text as sql

from hub.errors import Stale
from hub.store.once import insert_new
from hub.store.schema import METADATA, Id, Instant, clear
from hub.store.session import Session

_OURS = "our own id or name"

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


class Slots:
    """Who may start what: `slot` is a local wall time, so each happens once, also when clocks change."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def take(self, schedule: str, slot: str) -> bool:
        """True for the one caller that takes the slot, with everything its transaction then commits."""
        row = {"schedule": schedule, "slot": slot, "taken_at": self._session.now}
        return insert_new(self._session, SLOTS, [row]) == 1

    def last(self, schedule: str) -> str | None:
        """The latest slot (as text, so slots must sort) that was ever taken."""
        query = select(func.max(SLOTS.c.slot)).where(SLOTS.c.schedule == schedule)
        found: str | None = self._session.conn.execute(query).scalar_one()
        return found


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a schedule; `outcome` is `running` until it ended, then ok, partial, failed."""

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
    ) -> str:
        """Record the beginning of a run; returns its id."""
        run_id = self._session.new_id("run")
        head = {"id": run_id, "schedule": schedule, "slot": slot, "step": step, "lane": lane, "cause": cause}
        rest = {"by": by, "started": self._session.now, "outcome": "running", "seconds": 0.0, "error": ""}
        self._conn.execute(RUNS.insert().values(**head, **rest, counts="{}"))
        return run_id

    def finish(self, run_id: str, outcome: str, **counts: int) -> None:
        """Record how a run ended; one that has ended already raises `Stale`."""
        done = {"ended": self._session.now, "outcome": outcome, "counts": msgspec.json.encode(counts).decode()}
        query = update(RUNS).where(RUNS.c.id == run_id, RUNS.c.ended.is_(None)).values(done)
        if self._conn.execute(query).rowcount != 1:
            raise Stale("the run has ended already, or never began")

    def list(self, *, limit: int = 50, **equals: Any) -> Found:
        """Runs whose columns equal what is given, the latest first."""
        where = [RUNS.c[name] == value for name, value in equals.items()]
        query = select(RUNS).where(*where).order_by(RUNS.c.started.desc(), RUNS.c.id.desc()).limit(limit)
        return [_run(row) for row in self._conn.execute(query)]


def _run(row: Row[Any]) -> Run:
    fields = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    return Run(**{**fields, "counts": msgspec.json.decode(row.counts)})
