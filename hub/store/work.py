"""Work items: what waits for a person, one open row for each thing that is wrong, told in our own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Computed,
    Index,
    Row,
    Table,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy import text as sql

from hub.errors import Refused
from hub.model.work import WorkItem
from hub.store.queries import unindexed
from hub.store.schema import METADATA, Cents, Id, Instant, clear
from hub.store.session import Session
from hub.store.upsert import insert_for

_OURS = "our own id or number"
_WORDS = "written by us, without patient values"
#: What sorts work: warnings last; before them what stops others; in each what is late; in each what is worth most.
#: Eight classes far apart, and in each the dearer one lower.
CLASS = 1_000_000_000_000_000
_PRESS = f"""{CLASS} * (
  CASE WHEN substr(reason, length(reason) - 7) = '.warning' THEN 4 ELSE 0 END
  + CASE WHEN aggregate IN ('file', 'connector') THEN 0 ELSE 2 END
  + CASE WHEN substr(reason, 1, 8) = 'overdue.' THEN 0 ELSE 1 END
) - amount_cents"""

WORK = Table(
    "work_items",
    METADATA,
    clear("id", Id, primary_key=True, why=_OURS),
    clear("practice", Text, why=_OURS),
    clear("reason", Text, why="a code of ours"),
    clear("aggregate", Text, why="a code of ours"),
    clear("aggregate_id", Id, why=_OURS),
    clear("place", Text, why="a place, never a value"),
    clear("why", Text, why=_WORDS),
    clear("fix", Text, why=_WORDS),
    clear("owner", Text, why="a role"),
    clear("due_at", Instant, nullable=True, why="when it must be done"),
    clear("amount_cents", Cents, why="money without a name, to work the largest first"),
    clear("opened_at", Instant, why="its age"),
    clear("resolved_at", Instant, nullable=True, why="when it was done"),
    clear("resolved_by", Text, nullable=True, why="a login or a step"),
    clear("how", Text, nullable=True, why="a code or sentence of ours"),
    Index(
        "uq_work_items_open",
        "practice",
        "reason",
        "aggregate_id",
        "place",
        unique=True,
        sqlite_where=sql("resolved_at IS NULL"),
        postgresql_where=sql("resolved_at IS NULL"),
    ),
    clear("press", BigInteger, Computed(_PRESS), nullable=True, why="the order of work, made from other columns"),
    Index("ix_work_items_aggregate_id", "aggregate_id"),
    Index(
        "ix_work_items_press",
        *("press", "opened_at", "id", "owner", "reason", "practice", "due_at", "amount_cents", "resolved_at"),
        sqlite_where=sql("resolved_at IS NULL"),
        postgresql_where=sql("resolved_at IS NULL"),
    ),
    Index(
        "ix_work_items_due_at",
        "due_at",
        sqlite_where=sql("resolved_at IS NULL AND due_at IS NOT NULL"),
        postgresql_where=sql("resolved_at IS NULL AND due_at IS NOT NULL"),
    ),
)
_COLUMNS = tuple(column for column in WORK.columns if column.name != "press")
_IS_OPEN = WORK.c.resolved_at.is_(None)


# half a class up and down holds every amount of a class: the odd classes are those not late by their reason
_IN_TIME_BY_REASON = (WORK.c.press + CLASS // 2) // CLASS % 2 == 1
_LATE_BY_DATE = and_(_IN_TIME_BY_REASON, WORK.c.due_at.is_not(None), WORK.c.due_at <= bindparam("at"))
_IN_TIME = or_(~_IN_TIME_BY_REASON, WORK.c.due_at.is_(None), WORK.c.due_at > bindparam("at"))

_RESOLVE_FOR = (
    update(WORK)
    .where(_IS_OPEN, WORK.c.aggregate_id == bindparam("about"))
    .where(WORK.c.reason.like(bindparam("pattern"), escape="/"))
    .values(resolved_at=bindparam("now"), resolved_by=bindparam("by"), how=bindparam("what"))
)


def _upsert(insert: Any) -> Any:
    """Insert an item, or bring the open one for the same thing up to date; its id either way."""
    told = {name: insert.excluded[name] for name in ("why", "fix", "owner", "amount_cents")}
    return insert.on_conflict_do_update(
        index_elements=["practice", "reason", "aggregate_id", "place"],
        index_where=sql("resolved_at IS NULL"),
        set_=told,
    ).returning(WORK.c.id)


# built once: SQLAlchemy then finds the compiled form by identity, which is most of what a short statement costs
_UPSERTS: dict[str, Any] = {}


class OpenItem(WorkItem, frozen=True, kw_only=True):
    """A work item as it stands: open while `resolved_at` is None."""

    id: str
    practice: str
    opened_at: datetime
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    how: str | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Open items of one reason and owner: how many, worth how much, since when, the first due when, and one id."""

    reason: str
    owner: str
    count: int
    cents: int
    since: datetime
    due_at: datetime | None
    example: str


Items = list[OpenItem]
_COUNTED: ContextVar[list[str] | None] = ContextVar("work_items_opened", default=None)


@contextmanager
def counted() -> Iterator[list[str]]:
    """The ids of the items that this thread opens, or finds open, meanwhile: how much a step set aside."""
    ids: list[str] = []
    token = _COUNTED.set(ids)
    try:
        yield ids
    finally:
        _COUNTED.reset(token)


Groups = list[Group]
Where = list[ColumnElement[bool]]
Key = tuple[int, datetime, str]
Pairs = list[tuple[Key, OpenItem]]


class Work:
    """The work items inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._conn = session.conn

    def open(self, item: WorkItem, *, practice: str) -> str:
        """Open `item`, or bring the one that is open for the same practice, reason, aggregate and place up to
        date (its age and due date stay); returns its id.
        """
        upsert = _UPSERTS.get(self._session.dialect)
        if upsert is None:
            upsert = _UPSERTS[self._session.dialect] = _upsert(insert_for(self._session, WORK))
        item_id = str(self._conn.execute(upsert, self._row(item, practice)).scalar_one())
        if (ids := _COUNTED.get()) is not None:
            ids.append(item_id)
        return item_id

    def open_many(self, items: Iterable[WorkItem], *, practice: str) -> list[str]:
        """Each as `open`, in order."""
        return [self.open(item, practice=practice) for item in items]

    def resolve(self, item_id: str, how: str, by: str) -> bool:
        """Close one item; False when it is not open (or not there)."""
        done = {"resolved_at": self._session.now, "resolved_by": by, "how": how}
        query = update(WORK).where(_IS_OPEN, WORK.c.id == item_id).values(done)
        return self._conn.execute(query).rowcount == 1

    def resolve_for(self, aggregate_id: str, reason_prefix: str, how: str, by: str = "hub") -> int:
        """Close what is open for one aggregate and begins with `reason_prefix` (empty: all); returns how many."""
        done = {"now": self._session.now, "by": by, "what": how}
        about = {"about": aggregate_id, "pattern": _starting(reason_prefix)}
        return self._conn.execute(_RESOLVE_FOR, {**done, **about}).rowcount

    def resolve_many(self, aggregate_ids: Iterable[str], reason_prefix: str, how: str, by: str = "hub") -> int:
        """As `resolve_for`, for many aggregates in a statement or two."""
        done = {"resolved_at": self._session.now, "resolved_by": by, "how": how}
        wanted, closed = list(aggregate_ids), 0
        for start in range(0, len(wanted), 500):
            where = (
                _IS_OPEN,
                WORK.c.aggregate_id.in_(wanted[start : start + 500]),
                WORK.c.reason.like(_starting(reason_prefix), escape="/"),
            )
            closed += self._conn.execute(update(WORK).where(*where).values(done)).rowcount
        return closed

    def get(self, item_id: str) -> OpenItem | None:
        """One item, open or resolved."""
        row = self._conn.execute(select(*_COLUMNS).where(WORK.c.id == item_id)).one_or_none()
        return None if row is None else _item(row)

    def list(self, *, limit: int = 200, open_only: bool = True, reason_prefix: str = "", **equals: Any) -> Items:
        """Items by due date (those without one last), then by age. `equals` filters by column (a list: among)."""
        where = _filters(equals, open_only=open_only, reason_prefix=reason_prefix)
        undated = case((WORK.c.due_at.is_(None), 1), else_=0)
        query = select(*_COLUMNS).where(*where).order_by(undated, WORK.c.due_at, WORK.c.opened_at, WORK.c.id)
        return [_item(row) for row in self._conn.execute(query.limit(limit))]

    def page(self, limit: int = 50, *, after: str = "", reason_prefix: str = "", **equals: Any) -> Items:
        """The open items that press most, from behind the item `after`: what stops files and lanes first, then
        what is late, then what is worth most, the oldest first; warnings last. A page costs the same wherever it
        stands, however many are open.
        """
        where = [_IS_OPEN, *_unindexed(equals.pop("practice", None))]
        where += _filters(equals, open_only=False, reason_prefix=reason_prefix)
        behind = self._key(after) if after else None
        found = self._pressing(where, behind, limit, late=True) + self._pressing(where, behind, limit, late=False)
        found.sort(key=lambda pair: pair[0])
        return [item for _, item in found[:limit]]

    def _key(self, item_id: str) -> Key:
        """Where an item stands, or stood, in the order of work. Raises `Refused` when there is none of that id."""
        query = select(WORK.c.press, WORK.c.opened_at, WORK.c.due_at).where(WORK.c.id == item_id)
        row = self._conn.execute(query).one_or_none()
        if row is None:
            raise Refused("there is no such work item to go on behind", fix="begin at the first page")
        in_time = (row.press + CLASS // 2) // CLASS % 2 == 1
        late = in_time and row.due_at is not None and row.due_at <= self._session.now
        return row.press - CLASS * late, row.opened_at, item_id

    def _pressing(self, where: Where, behind: Key | None, limit: int, *, late: bool) -> Pairs:
        """Items with their keys in order: those late by their date, which stand a class higher, or all others."""
        press = WORK.c.press - CLASS if late else WORK.c.press
        query = select(press.label("standing"), *_COLUMNS).where(_LATE_BY_DATE if late else _IN_TIME, *where)
        if behind is not None:
            key = tuple_(literal(behind[0]), literal(behind[1], WORK.c.opened_at.type), literal(behind[2]))
            query = query.where(tuple_(press, WORK.c.opened_at, WORK.c.id) > key)
        ordered = query.order_by(press, WORK.c.opened_at, WORK.c.id).limit(limit)
        rows = self._conn.execute(ordered, {"at": self._session.now})
        return [((row.standing, row.opened_at, row.id), _item(row)) for row in rows]

    def tally(
        self, by: str = "reason", *, open_only: bool = True, reason_prefix: str = "", **equals: Any
    ) -> dict[str, tuple[int, int]]:
        """(items, cents) for each value of the column `by`."""
        column = WORK.c[by]
        where = _filters(equals, open_only=open_only, reason_prefix=reason_prefix)
        query = select(column, func.count(), func.sum(WORK.c.amount_cents)).where(*where).group_by(column)
        return {value: (int(count), int(cents)) for value, count, cents in self._conn.execute(query)}

    def groups(self, **equals: Any) -> Groups:
        """Open items by reason and owner, those worth most first."""
        about, cents = (WORK.c.reason, WORK.c.owner), func.sum(WORK.c.amount_cents)
        ends = (func.min(WORK.c.opened_at), func.min(WORK.c.due_at), func.min(WORK.c.id))
        where = _filters(equals, open_only=True, reason_prefix="")
        query = select(*about, func.count(), cents, *ends).where(*where).group_by(*about)
        rows = self._conn.execute(query.order_by(cents.desc(), func.count().desc(), WORK.c.reason))
        names = Group.__struct_fields__
        return [Group(**{**dict(zip(names, row, strict=True)), "cents": int(row[3])}) for row in rows]

    def count(self, *, reason_prefix: str = "", **equals: Any) -> int:
        """How many items are open."""
        where = _filters(equals, open_only=True, reason_prefix=reason_prefix)
        return int(self._conn.execute(select(func.count()).select_from(WORK).where(*where)).scalar_one())

    def _row(self, item: WorkItem, practice: str) -> dict[str, Any]:
        return {
            "id": self._session.new_id("wrk"),
            "practice": practice,
            "reason": item.reason,
            "aggregate": item.aggregate,
            "aggregate_id": item.aggregate_id,
            "place": item.where,
            "why": item.why,
            "fix": item.fix,
            "owner": item.owner,
            "due_at": item.due_at,
            "amount_cents": item.amount_cents,
            "opened_at": self._session.now,
        }


def _unindexed(practice: str | None) -> Where:
    """SQLite would rather look a practice up and sort all of its work than walk along the order of work."""
    return [] if practice is None else [unindexed(WORK.c.practice) == practice]


def _filters(equals: dict[str, Any], *, open_only: bool, reason_prefix: str) -> Iterable[ColumnElement[bool]]:
    if open_only:
        yield _IS_OPEN
    if reason_prefix:
        yield WORK.c.reason.like(_starting(reason_prefix), escape="/")
    for name, value in equals.items():
        column = WORK.c["place" if name == "where" else name]
        several = isinstance(value, (tuple, list, set, frozenset))
        yield column.in_([*value]) if several else column == value


def _starting(prefix: str) -> str:
    """A LIKE pattern for texts that begin with `prefix`, whatever signs it holds."""
    return prefix.replace("/", "//").replace("%", "/%").replace("_", "/_") + "%"


def _item(row: Row[Any]) -> OpenItem:
    fields = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    fields.pop("standing", None)
    return OpenItem(where=fields.pop("place"), **fields)
