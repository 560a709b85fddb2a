"""Lanes of many nodes: who may act in one (its fence), what ran in it (its journal), what keeps it from running."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Index,
    Integer,
    Table,
    Text,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy import text as sql

from hub.store import queries
from hub.store.holding import Overtaken
from hub.store.nudge import Nudge
from hub.store.schema import METADATA, Id, Instant, clear, to_micros
from hub.store.schema import Sequence as SequenceNumber
from hub.store.session import Session
from hub.store.upsert import insert_for

_LANE = "a mailbox, source or practice of ours"
_CODE = "a code of ours"
_WORDS = "written by us, without patient values"

FENCES = Table(
    "fences",
    METADATA,
    clear("lane", Text, primary_key=True, why="a mailbox of ours"),
    clear("token", BigInteger, why="the newest holder's number"),
)
LANE_RUNS = Table(
    "lane_runs",
    METADATA,
    clear("seq", SequenceNumber, primary_key=True, autoincrement=True, why="the order of the journal"),
    clear("lane", Text, why=_LANE),
    clear("step", Text, why=_CODE),
    clear("node", Id, why="our own id, name or number"),
    clear("token", BigInteger, why="the fence that this run held"),
    clear("began_at", Instant, why="when it began"),
    clear("ended_at", Instant, nullable=True, why="when it ended"),
    clear("outcome", Text, why=_CODE),
    clear("done", Integer, why="how many items"),
    Index("ix_lane_runs_lane", "lane", "seq"),
    Index("ix_lane_runs_ended_at", "ended_at"),
    Index("ix_lane_runs_idle", "ended_at", sqlite_where=sql("outcome = 'ok' AND done = 0"),
          postgresql_where=sql("outcome = 'ok' AND done = 0")),
    sqlite_autoincrement=True,
)  # fmt: skip
LANE_TROUBLES = Table(
    "lane_troubles",
    METADATA,
    clear("lane", Text, primary_key=True, why=_LANE),
    clear("step", Text, primary_key=True, why=_CODE),
    clear("kind", Text, why="retry, bug, held, waits"),
    clear("error", Text, why="the class of an exception"),
    clear("place", Text, why="a place in our code"),
    clear("said", Text, why=_WORDS),
    clear("fix", Text, why=_WORDS),
    clear("attempts", Integer, why="failures in a row"),
    clear("since", Instant, why="when it began"),
    clear(
        "retry_at", Instant, nullable=True, why="when it may run again; empty: it may, or a person releases it"
    ),
)
HELD, WAITS = "held", "waits"
STILL = "8s"
"""How long a transaction that holds a lane may say nothing before PostgreSQL ends it, if its node was stopped."""
LOST = "lost"
"""The outcome of a run whose node was counted as dead: another node goes on, and this run may write nothing more."""


class LaneRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a step in a lane. `outcome`: empty while it runs, then ok, more, retry, bug, held, lost."""

    seq: int
    lane: str
    step: str
    node: str
    token: int
    began_at: datetime
    ended_at: datetime | None
    outcome: str
    done: int


class LaneTrouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why a step of a lane does not run: `retry` or `bug` (it backs off until `retry_at`; without that it is being
    tried again), `held` (the lane waits for a person), `waits` (it was nudged while its lane is held).
    """

    lane: str
    step: str
    kind: str
    error: str = ""
    place: str = ""
    said: str = ""
    fix: str = ""
    attempts: int = 0
    since: datetime | None = None
    retry_at: datetime | None = None


class Lanes:
    """Fences, journal and troubles of lanes inside one transaction or view.

    Times are the database's own on PostgreSQL: the clocks of nodes differ, and a lane's order must not.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._conn = session.conn

    def take(self, lane: str) -> int:
        """Take `lane` over: the number returned is the newest, and every earlier one is worth nothing now."""
        upsert = (
            insert_for(self._session, FENCES)
            .values(lane=lane, token=1)
            .on_conflict_do_update(index_elements=["lane"], set_={"token": FENCES.c.token + 1})
            .returning(FENCES.c.token, *self._briefly())
        )
        return int(self._conn.execute(upsert).one()[0])

    def check(self, lane: str, token: int) -> None:
        """Raise `Overtaken` unless `token` is still the newest of `lane`; nobody takes the lane before the commit."""
        if self._newest(lane, FENCES.c.token == token) is None:
            raise Overtaken(f"another node has taken over {lane}")

    def open_run(self, lane: str, step: str, node: str, token: int) -> LaneRun:
        """Write down that a step begins under `token`."""
        head: dict[str, Any] = {"lane": lane, "step": step, "node": node, "token": token}
        row = {**head, "began_at": self._now(), "outcome": "", "done": 0}
        added = insert(LANE_RUNS).values(row).returning(LANE_RUNS.c.seq, LANE_RUNS.c.began_at)
        seq, began_at = self._conn.execute(added).one()
        return LaneRun(**head, seq=seq, began_at=began_at, ended_at=None, outcome="", done=0)

    def close_run(self, run: LaneRun, outcome: str, done: int = 0) -> None:
        """Write down how a run ended, once."""
        open_still = (LANE_RUNS.c.seq == run.seq, LANE_RUNS.c.ended_at.is_(None))
        values = {"ended_at": self._now(), "outcome": outcome, "done": done}
        self._conn.execute(update(LANE_RUNS).where(*open_still).values(values))

    def lose(self, lane: str) -> int:
        """The node that ran `lane` is counted as dead: its run ends as lost, and its token is worth nothing now."""
        open_still = (LANE_RUNS.c.lane == lane, LANE_RUNS.c.ended_at.is_(None))
        self._conn.execute(update(LANE_RUNS).where(*open_still).values(ended_at=self._now(), outcome=LOST))
        return self.take(lane)

    def runs(self, *, after_seq: int = 0, limit: int | None = None, **equals: Any) -> list[LaneRun]:
        """The journal in its order, behind `after_seq`."""
        page = {"order": ("seq",), "after": after_seq, "limit": limit}
        return queries.records(self._session, LANE_RUNS, LaneRun, equals, **page)

    def troubles(self, **equals: Any) -> list[LaneTrouble]:
        """What keeps steps from running, by lane and step."""
        return queries.records(self._session, LANE_TROUBLES, LaneTrouble, equals, order=("lane", "step"))

    def held(self) -> list[LaneTrouble]:
        """The lanes that wait for a person, and why."""
        return self.troubles(kind=HELD)

    def put(self, trouble: LaneTrouble, wait_seconds: float | None = None) -> None:
        """Keep a trouble in the place of an earlier one; after `wait_seconds`, if given, it may run again."""
        row = {**msgspec.structs.asdict(trouble), "since": self._now(), "retry_at": None}
        if wait_seconds is not None:
            row["retry_at"] = self._now() + round(wait_seconds * 1_000_000)
        put = insert_for(self._session, LANE_TROUBLES).values(row)
        news = {name: put.excluded[name] for name in row if name not in {"lane", "step", "since"}}
        self._conn.execute(put.on_conflict_do_update(index_elements=["lane", "step"], set_=news))

    def park(self, lane: str, step: str) -> None:
        """Keep a nudge of a held lane until the lane is released."""
        row = {**msgspec.structs.asdict(LaneTrouble(lane=lane, step=step, kind=WAITS)), "since": self._now()}
        self._conn.execute(insert_for(self._session, LANE_TROUBLES).values(row).on_conflict_do_nothing())

    def clear(self, lane: str, step: str) -> None:
        """The step went well: forget its failures."""
        self._conn.execute(delete(LANE_TROUBLES).where(*_at(lane, step)))

    def wake(self) -> list[Nudge]:
        """The steps that have backed off long enough; they are to be nudged with this transaction."""
        due = LANE_TROUBLES.c.retry_at <= self._now()
        woken = update(LANE_TROUBLES).where(due).values(retry_at=None)
        rows = self._conn.execute(woken.returning(LANE_TROUBLES.c.step, LANE_TROUBLES.c.lane))
        return [Nudge(step, lane) for step, lane in rows]

    def forget_due(self) -> None:
        """Drop what has backed off long enough: for a runner that begins, and tries everything at once."""
        self._conn.execute(delete(LANE_TROUBLES).where(LANE_TROUBLES.c.retry_at <= self._now()))

    def due(self) -> int:
        """How many have backed off long enough, and are to be woken."""
        count = select(func.count()).select_from(LANE_TROUBLES).where(LANE_TROUBLES.c.retry_at <= self._now())
        return int(self._conn.execute(count).scalar_one())

    def release(self, lane: str) -> list[Nudge]:
        """A person has mended it: let a held lane go on. Returns what waited in it, to be nudged with this
        transaction; nothing when the lane is not held.
        """
        self._newest(lane)  # whoever begins a run of the lane now waits, and sees it released
        troubles = self.troubles(lane=lane)
        if all(one.kind != HELD for one in troubles):
            return []
        ended = (LANE_TROUBLES.c.lane == lane, LANE_TROUBLES.c.kind.in_((HELD, WAITS)))
        self._conn.execute(delete(LANE_TROUBLES).where(*ended))
        return [Nudge(one.step, lane) for one in troubles if one.retry_at is None]

    def forget_idle(self, seconds: int) -> int:
        """Remove runs that found nothing to do and ended so long ago: they are most, and prove nothing any more.
        Returns how many.
        """
        idle = (LANE_RUNS.c.outcome == sql("'ok'"), LANE_RUNS.c.done == sql("0"))
        old = LANE_RUNS.c.ended_at < self._now() - seconds * 1_000_000
        return self._conn.execute(delete(LANE_RUNS).where(*idle, old)).rowcount

    def prune(self, before: datetime) -> int:
        """Remove up to a slice of what ended before an instant from the journal; returns how many."""
        return queries.remove(self._session, LANE_RUNS, LANE_RUNS.c.ended_at < before)

    def _newest(self, lane: str, *conditions: ColumnElement[bool]) -> int | None:
        """The newest token of `lane`, locked until the commit: against takers by a check, else against everyone."""
        query = select(FENCES.c.token, *self._briefly()).where(FENCES.c.lane == lane, *conditions)
        found: int | None = self._conn.scalar(query.with_for_update(read=bool(conditions)))
        return found

    def _briefly(self) -> tuple[ColumnElement[str], ...]:
        """A node that is stopped inside a transaction must not keep the lane's lock: PostgreSQL ends its session."""
        if self._session.dialect != "postgresql":
            return ()
        return (func.set_config("idle_in_transaction_session_timeout", STILL, sql("true")),)

    def _now(self) -> ColumnElement[int]:
        """Microseconds since 1970, by the database's clock where it has one of its own."""
        if self._session.dialect == "postgresql":
            micros = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
            return literal_column(micros, BigInteger())
        return literal(to_micros(self._session.clock.now()), BigInteger())


def _at(lane: str, step: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return LANE_TROUBLES.c.lane == lane, LANE_TROUBLES.c.step == step


def overlaps(runs: Iterable[LaneRun]) -> list[tuple[LaneRun, LaneRun]]:
    """The pairs of runs of one lane that were not one after the other: by time, or by the order of their tokens.

    A run that has no end and is not the last of its lane overlaps with the next. Empty is the proof that no lane
    ever ran twice at once.
    """
    lanes: dict[str, list[LaneRun]] = {}
    for run in runs:
        lanes.setdefault(run.lane, []).append(run)
    return [pair for lane in lanes.values() for pair in pairwise(_ordered(lane)) if _overlap(*pair)]


def _ordered(runs: Sequence[LaneRun]) -> list[LaneRun]:
    return sorted(runs, key=lambda run: run.seq)


def _overlap(first: LaneRun, then: LaneRun) -> bool:
    return first.ended_at is None or first.ended_at > then.began_at or first.token >= then.token
