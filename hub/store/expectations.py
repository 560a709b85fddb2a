"""Expectations: what must come back and by when; silence past that time becomes a work item (promise 8)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Index, Row, Table, Text, func, select, update
from sqlalchemy import text as sql

from hub.store.once import insert_new
from hub.store.queries import unindexed
from hub.store.schema import METADATA, Id, Instant, clear
from hub.store.session import Session
from hub.store.work import WORK

_OURS = "our own id or number"
CHUNK = 500

EXPECTATIONS = Table(
    "expectations",
    METADATA,
    clear("id", Id, primary_key=True, why=_OURS),
    clear("practice", Text, why=_OURS),
    clear("kind", Text, why="a code of ours: ta1, 999, 277ca, 835, crossover, results"),
    clear("about", Id, why=_OURS),
    clear("due_at", Instant, why="when silence becomes an alarm"),
    clear("opened_at", Instant, why="its age"),
    clear("met_at", Instant, nullable=True, why="when the answer came"),
    clear("met_by", Text, nullable=True, why=_OURS),
    clear("work_id", Id, nullable=True, why=_OURS),
    Index(
        "uq_expectations_open",
        "kind",
        "about",
        unique=True,
        sqlite_where=sql("met_at IS NULL"),
        postgresql_where=sql("met_at IS NULL"),
    ),
    Index("ix_expectations_about", "about", "kind"),
    Index(
        "ix_expectations_due_at",
        *("due_at", "id", "kind", "practice", "work_id", "met_at"),
        sqlite_where=sql("met_at IS NULL"),
        postgresql_where=sql("met_at IS NULL"),
    ),
)
_IS_OPEN = EXPECTATIONS.c.met_at.is_(None)


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """`about` (a file, a submission, a claim) must be answered by `due_at`; `work_id` once it is overdue."""

    id: str
    practice: str
    kind: str
    about: str
    due_at: datetime
    opened_at: datetime
    met_at: datetime | None = None
    met_by: str | None = None
    work_id: str | None = None


class Expectations:
    """The expectations inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._conn = session.conn

    def expect(self, kind: str, about: str, due_at: datetime, *, practice: str) -> bool:
        """Expect `kind` about `about`; False, and nothing changes, while that is expected already."""
        return self.expect_many([(kind, about, due_at)], practice=practice) == 1

    def expect_many(self, wanted: Iterable[tuple[str, str, datetime]], *, practice: str) -> int:
        """Each (kind, about, due at) as `expect`; returns how many are new."""
        rows = [
            {
                "id": self._session.new_id("exp"),
                "practice": practice,
                "kind": kind,
                "about": about,
                "due_at": due_at,
                "opened_at": self._session.now,
            }
            for kind, about, due_at in wanted
        ]
        return insert_new(self._session, EXPECTATIONS, rows)

    def met(self, kind: str, about: str, by: str) -> bool:
        """The answer came (`by`: what brought it); an overdue one's work item is resolved with it."""
        return self.met_many(kind, [about], by) == 1

    def met_many(self, kind: str, abouts: Collection[str], by: str) -> int:
        """Each as `met`; returns how many were open."""
        done, wanted = 0, list(abouts)
        for at in range(0, len(wanted), CHUNK):
            where = [_IS_OPEN, EXPECTATIONS.c.kind == kind, EXPECTATIONS.c.about.in_(wanted[at : at + CHUNK])]
            done += self._close(where, by)
        return done

    def overdue(self, now: datetime, *, limit: int = 200, **equals: Any) -> list[Expectation]:
        """Open, due by `now` and without a work item yet; the longest overdue first."""
        late = (EXPECTATIONS.c.due_at <= now, EXPECTATIONS.c.work_id.is_(None))
        return self._read([_IS_OPEN, *late, *_equal(equals)], limit)

    def count_overdue(self, now: datetime, **equals: Any) -> int:
        """How many `overdue` would find, were there no limit."""
        late = (EXPECTATIONS.c.due_at <= now, EXPECTATIONS.c.work_id.is_(None))
        query = select(func.count()).select_from(EXPECTATIONS).where(_IS_OPEN, *late, *_equal(equals))
        return int(self._conn.execute(query).scalar_one())

    def link(self, expectation_id: str, work_id: str) -> None:
        """Remember the work item that was opened because nothing came."""
        query = update(EXPECTATIONS).where(EXPECTATIONS.c.id == expectation_id).values(work_id=work_id)
        self._conn.execute(query)

    def open(self, *, limit: int = 1_000, **equals: Any) -> list[Expectation]:
        """What is still waited for, the earliest due first."""
        return self._read([_IS_OPEN, *_equal(equals)], limit)

    def find(self, *, limit: int = 1_000, **equals: Any) -> list[Expectation]:
        """Open and met ones that match."""
        return self._read(list(_equal(equals)), limit)

    def tally(self, **equals: Any) -> dict[str, int]:
        """How many are open, by kind."""
        # not by the index of what is open, which would look every row up
        kind = unindexed(EXPECTATIONS.c.kind)
        query = select(kind, func.count()).where(_IS_OPEN, *_equal(equals)).group_by(kind)
        return {name: int(count) for name, count in self._conn.execute(query)}

    def _read(self, where: Iterable[ColumnElement[bool]], limit: int) -> list[Expectation]:
        order = (EXPECTATIONS.c.due_at, EXPECTATIONS.c.id)
        rows = self._conn.execute(select(EXPECTATIONS).where(*where).order_by(*order).limit(limit))
        return [_expectation(row) for row in rows]

    def _close(self, where: list[ColumnElement[bool]], by: str) -> int:
        query = update(EXPECTATIONS).where(*where).values(met_at=self._session.now, met_by=by)
        closed = self._conn.execute(query.returning(EXPECTATIONS.c.work_id)).scalars().all()
        linked = [work_id for work_id in closed if work_id]
        if linked:
            done = {"resolved_at": self._session.now, "resolved_by": "hub", "how": "the answer came"}
            self._conn.execute(
                update(WORK).where(WORK.c.id.in_(linked), WORK.c.resolved_at.is_(None)).values(done)
            )
        return len(closed)


def _equal(equals: dict[str, Any]) -> Iterable[ColumnElement[bool]]:
    for name, value in equals.items():
        column = EXPECTATIONS.c[name]
        several = isinstance(value, (tuple, list, set, frozenset))
        yield column.in_([*value]) if several else column == value


def _expectation(row: Row[Any]) -> Expectation:
    return Expectation(**row._mapping)  # noqa: SLF001 - the documented way to a row's names
