"""What is wrong with the hub itself, and who was told of it; and the notices, until they are taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Index, Integer, Row, Table, Text, and_, case, func, select, update
from sqlalchemy import text as sql

from hub.store import queries
from hub.store.aggregates import STATEMENTS
from hub.store.held_lanes import stopping
from hub.store.once import insert_new
from hub.store.schema import METADATA, Id, Instant, clear
from hub.store.session import Session
from hub.store.submissions import SUBMISSIONS
from hub.store.upsert import insert_for
from hub.store.work import WORK

_OURS = "our own id, name or number"
_CODE = "a code of ours"
_WORDS = "written by us, without patient values"
_OPEN = sql("cleared_at IS NULL")

CONDITIONS = Table(
    "conditions",
    METADATA,
    clear("key", Text, primary_key=True, why="what is wrong, in codes and names of ours"),
    clear("owner", Text, why="the role that sees to it"),
    clear("level", Text, why=_CODE),
    clear("what", Text, why=_WORDS),
    clear("why", Text, why=_WORDS),
    clear("fix", Text, why=_WORDS),
    clear("since", Instant, why="when it began"),
    clear("seen_at", Instant, why="when it was last seen"),
    clear("misses", Integer, why="how often in a row it was not seen"),
    clear("flaps", Integer, why="how often it came back soon"),
    clear("flapping_at", Instant, nullable=True, why="since when it comes and goes"),
    clear("heard", Text, why="what people were last told: nothing, open, clear"),
    clear("told_at", Instant, nullable=True, why="when the alarm was queued"),
    clear("recovered_at", Instant, nullable=True, why="when the recovery was queued"),
    clear("cleared_at", Instant, nullable=True, why="when it was found to be gone"),
    Index("ix_conditions_open", "since", sqlite_where=_OPEN, postgresql_where=_OPEN),
)
NOTICES = Table(
    "notices",
    METADATA,
    clear("id", Id, primary_key=True, why=_OURS),
    clear("kind", Text, why="alert, recovered, digest, alive"),
    clear("notifier", Text, why="a connector of ours"),
    clear("about", Text, why="the key of a condition, or a day"),
    clear("level", Text, why=_CODE),
    clear("subject", Text, why=_WORDS),
    clear("body", Text, why=_WORDS),
    clear("since", Instant, why="when what it tells of began"),
    clear("made_at", Instant, why="when it was queued"),
    clear("state", Text, why="waiting, sent, refused, dropped; of a sign of life: sent, silent"),
    clear("attempts", Integer, why="how often it was tried"),
    clear("next_at", Instant, why="when it is tried again, or was given up"),
    clear("sent_at", Instant, nullable=True, why="when it was taken"),
    clear("said", Text, why="what its last try met, in words of ours or of a plugin, without patient values"),
    Index("ix_notices_waiting", "state", "next_at"),
    Index("ix_notices_made_at", "made_at"),
)
WAITING, SENT, REFUSED, DROPPED, SILENT = "waiting", "sent", "refused", "dropped", "silent"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is or was wrong. It is open while `cleared_at` is None; `since` is when it (last) began.

    `misses` counts the looks in a row that did not see it. `flaps` counts how often it came back within a short
    while, since `flapping_at`. `heard` is what people were last told: nothing (empty), `open` or `clear`.
    """

    key: str
    owner: str
    level: str
    what: str
    why: str
    fix: str
    since: datetime
    seen_at: datetime
    misses: int = 0
    flaps: int = 0
    flapping_at: datetime | None = None
    heard: str = ""
    told_at: datetime | None = None
    recovered_at: datetime | None = None
    cleared_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether it is wrong now."""
        return self.cleared_at is None

    @property
    def code(self) -> str:
        """The key without which one it is about."""
        return self.key.partition(":")[0]


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One notice to one notifier. `state` is waiting, sent, refused, dropped; `said` what the last try met."""

    id: str
    kind: str
    notifier: str
    about: str
    level: str
    subject: str
    body: str
    since: datetime
    made_at: datetime
    state: str = WAITING
    attempts: int = 0
    next_at: datetime
    sent_at: datetime | None = None
    said: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How one notifier does: how many notices wait, since when the oldest, and how many were dropped."""

    notifier: str
    waiting: int
    oldest: datetime | None
    dropped: int


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Open work items of one role by reason and what they are about; `about` is named for connectors only."""

    reason: str
    aggregate: str
    about: str
    count: int
    since: datetime


Letters = list[Letter]
Found = list[Condition]


class Conditions:
    """What is wrong, inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._conn = session.conn

    def known(self, since: datetime) -> dict[str, Condition]:
        """By key: those that are open, that people believe to be open, or that ended after `since`."""
        stand = CONDITIONS.c.cleared_at
        where = stand.is_(None) | (stand >= since) | (CONDITIONS.c.heard == "open")
        return {row.key: _condition(row) for row in self._conn.execute(select(CONDITIONS).where(where))}

    def open(self) -> Found:
        """Those that are open now, the oldest first."""
        query = select(CONDITIONS).where(CONDITIONS.c.cleared_at.is_(None))
        return [
            _condition(row) for row in self._conn.execute(query.order_by(CONDITIONS.c.since, CONDITIONS.c.key))
        ]

    def put(self, condition: Condition) -> None:
        """Keep it as it now stands."""
        row = msgspec.structs.asdict(condition)
        insert = insert_for(self._session, CONDITIONS).values(row)
        told = {name: insert.excluded[name] for name in row if name != "key"}
        self._conn.execute(insert.on_conflict_do_update(index_elements=["key"], set_=told))

    def prune(self, before: datetime) -> int:
        """Forget up to a slice of those that ended before, unless people still think that they last; returns how
        many.
        """
        ended = (CONDITIONS.c.cleared_at < before, CONDITIONS.c.heard != "open")
        return queries.remove(self._session, CONDITIONS, *ended)

    def troubles(self, owner: str = "it") -> list[Trouble]:
        """The open work items of a role by reason and aggregate; those of connectors each by itself. What stops a
        lane of a feed is left out: the lane is told.
        """
        about = case((WORK.c.aggregate == "connector", WORK.c.aggregate_id), else_="")
        by = (WORK.c.reason, WORK.c.aggregate, about)
        query = select(*by, func.count(), func.min(WORK.c.opened_at)).group_by(*by).order_by(*by)
        told = and_(WORK.c.aggregate == "message", stopping(WORK.c.aggregate_id))
        rows = self._conn.execute(query.where(WORK.c.resolved_at.is_(None), WORK.c.owner == owner, ~told))
        names = Trouble.__struct_fields__
        return [Trouble(**dict(zip(names, row, strict=True))) for row in rows]


class Notices:
    """The notices, inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._conn = session.conn

    def queue(self, letter: Letter) -> bool:
        """Keep a notice until it is taken; False where one with its id was queued before."""
        return insert_new(self._session, NOTICES, [msgspec.structs.asdict(letter)]) == 1

    def due(self, notifier: str, *, limit: int = 50) -> Letters:
        """Those of a notifier that may be tried now, the oldest first."""
        where = (NOTICES.c.state == WAITING, NOTICES.c.notifier == notifier)
        query = select(NOTICES).where(*where, NOTICES.c.next_at <= self._session.now)
        return [
            _letter(row)
            for row in self._conn.execute(query.order_by(NOTICES.c.made_at, NOTICES.c.id).limit(limit))
        ]

    def sent(self, notice_id: str, said: str) -> None:
        """It was taken."""
        self._change([NOTICES.c.id == notice_id], state=SENT, sent_at=self._session.now, said=said, more=1)

    def lost(self, notice_id: str, state: str, said: str) -> None:
        """It will never go out: `refused` by the other side, or `dropped` by us."""
        self._change([NOTICES.c.id == notice_id], state=state, said=said, next_at=self._session.now, more=1)

    def again(self, notice_id: str, next_at: datetime, said: str) -> None:
        """It did not go out: try it again then, and whatever waits for the same notifier not before."""
        self._change([NOTICES.c.id == notice_id], next_at=next_at, said=said, more=1)
        same = select(NOTICES.c.notifier).where(NOTICES.c.id == notice_id).scalar_subquery()
        later = [NOTICES.c.notifier == same, NOTICES.c.state == WAITING, NOTICES.c.next_at < next_at]
        self._change(later, next_at=next_at)

    def drop_old(self, before: datetime, said: str, *, keep: Collection[str] | None = None) -> int:
        """Drop what has waited since before `before`, or is for none of `keep` where that is given."""
        where: list[ColumnElement[bool]] = [NOTICES.c.state == WAITING]
        where.append(NOTICES.c.made_at < before if keep is None else NOTICES.c.notifier.not_in([*keep]))
        return self._change(where, state=DROPPED, said=said, next_at=self._session.now)

    def made_since(self, kind: str, notifier: str, since: datetime) -> int:
        """How many notices of a kind were queued for a notifier after `since`."""
        where = (NOTICES.c.kind == kind, NOTICES.c.notifier == notifier, NOTICES.c.made_at > since)
        return int(self._conn.scalar(select(func.count()).select_from(NOTICES).where(*where)) or 0)

    def standing(self, since: datetime) -> list[Standing]:
        """Every notifier that has notices waiting, or of which some were dropped after `since`."""
        waits, dropped = NOTICES.c.state == WAITING, (NOTICES.c.state == DROPPED) & (NOTICES.c.next_at >= since)
        sums = (_sum(waits), func.min(case((waits, NOTICES.c.made_at))), _sum(dropped))
        query = select(NOTICES.c.notifier, *sums).where(waits | dropped).group_by(NOTICES.c.notifier)
        rows = self._conn.execute(query.order_by(NOTICES.c.notifier))
        return [Standing(**dict(zip(Standing.__struct_fields__, row, strict=True))) for row in rows]

    def pinged(self, notifier: str, state: str, said: str = "", *, tries: int = 0) -> None:
        """Remember the last sign of life through a notifier (`sent`, `silent`): one row for each notifier, which
        counts the tries since the last that went.
        """
        now = self._session.now
        row = {
            "id": f"ntc_alive_{notifier}",
            "kind": "alive",
            "notifier": notifier,
            "about": "alive",
            "level": "ok",
        }
        row |= {"subject": "alive", "body": "", "state": state, "said": said}
        times = {"since": now, "made_at": now, "next_at": now, "sent_at": now if state == SENT else None}
        insert = insert_for(self._session, NOTICES).values(**row, **times, attempts=tries)
        told = {name: insert.excluded[name] for name in ("state", "said", "made_at", "next_at")}
        told["sent_at"] = insert.excluded.sent_at if state == SENT else NOTICES.c.sent_at
        told["attempts"] = insert.excluded.attempts if state == SENT else NOTICES.c.attempts + tries
        self._conn.execute(insert.on_conflict_do_update(index_elements=["id"], set_=told))

    def get(self, notice_id: str) -> Letter | None:
        """One notice."""
        row = self._conn.execute(select(NOTICES).where(NOTICES.c.id == notice_id)).one_or_none()
        return None if row is None else _letter(row)

    def list(self, *, limit: int = 50, **equals: Any) -> Letters:
        """The latest first; `equals` filters by column."""
        query = select(NOTICES).where(*[NOTICES.c[name] == value for name, value in equals.items()])
        rows = self._conn.execute(query.order_by(NOTICES.c.made_at.desc(), NOTICES.c.id.desc()).limit(limit))
        return [_letter(row) for row in rows]

    def prune(self, before: datetime) -> int:
        """Forget up to a slice of those that were queued before and do not wait; returns how many."""
        return queries.remove(self._session, NOTICES, NOTICES.c.made_at < before, NOTICES.c.state != WAITING)

    def _change(self, where: Sequence[ColumnElement[bool]], *, more: int = 0, **values: Any) -> int:
        if more:
            values["attempts"] = NOTICES.c.attempts + more
        query = update(NOTICES).where(NOTICES.c.state == WAITING, *where).values(values)
        return self._conn.execute(query).rowcount


class Days:
    """What was done on one day, in numbers: for the digest."""

    def __init__(self, session: Session) -> None:
        self._conn = session.conn

    def claims_out(self, begin: datetime, end: datetime) -> dict[tuple[str, str], int]:
        """Claims that were put into files between two instants, by practice and usage (P, T)."""
        by = (SUBMISSIONS.c.practice, SUBMISSIONS.c.usage)
        where = (SUBMISSIONS.c.opened_at >= begin, SUBMISSIONS.c.opened_at < end)
        rows = self._conn.execute(select(*by, func.count()).where(*where).group_by(*by))
        return {(practice, usage): int(count) for practice, usage, count in rows}

    def statements(self, day: date) -> dict[str, tuple[int, int]]:
        """Statements of a date, by practice: how many, and for how many cents."""
        table = STATEMENTS.table
        query = select(table.c.practice, func.count(), func.sum(table.c.total_cents))
        rows = self._conn.execute(query.where(table.c.statement_date == day).group_by(table.c.practice))
        return {practice: (int(count), int(cents)) for practice, count, cents in rows}


def _sum(what: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((what, 1), else_=0))


def _condition(row: Row[Any]) -> Condition:
    return Condition(**row._mapping)  # noqa: SLF001 - the documented way to a row's names


def _letter(row: Row[Any]) -> Letter:
    return Letter(**row._mapping)  # noqa: SLF001 - the documented way to a row's names
