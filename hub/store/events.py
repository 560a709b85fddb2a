"""Events: one append-only log for listeners and for the audit trail, sealed into a hash chain by one sealer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Index, Integer, Row, Table, Text, func, insert, select
from sqlalchemy import text as sql

from hub.model.event import Event
from hub.store.append_only import (
    SQLITE,
    attach,
    postgresql_function,
    postgresql_guard,
    sqlite_guard,
    truncate_guard,
)
from hub.store.rows import Bulk
from hub.store.schema import METADATA, Id, Instant, clear, to_micros
from hub.store.schema import Sequence as Number
from hub.store.session import Session

_OURS = "our own id or number"
_CHAIN = "proves the order and the wording of the log"
PAGE = 2_000
DETAIL_CHARACTERS = 200

EVENTS = Table(
    "events",
    METADATA,
    clear("seq", Number, primary_key=True, autoincrement=True, why=_OURS),
    clear("id", Id, why=_OURS),
    clear("at", Instant, why="when it happened"),
    clear("practice", Text, why=_OURS),
    clear("kind", Text, why="a code of ours"),
    clear("aggregate", Text, why="a code of ours"),
    clear("aggregate_id", Id, why=_OURS),
    clear("version", Integer, why=_OURS),
    clear("actor", Text, why="a login, a step or a connector"),
    clear("cause", Text, why=_OURS),
    clear("schema", Integer, why=_OURS),
    clear("detail", Text, why="JSON of counts, codes and our own ids; never patient data"),
    clear("position", Number, nullable=True, why=_CHAIN),
    clear("hash", Text, nullable=True, why=_CHAIN),
    Index("uq_events_position", "position", unique=True),
    Index(
        "ix_events_open",
        "seq",
        sqlite_where=sql("position IS NULL"),
        postgresql_where=sql("position IS NULL"),
    ),
    Index("ix_events_aggregate_id", "aggregate_id"),
    sqlite_autoincrement=True,
)
_WRITTEN = tuple(c.name for c in EVENTS.columns if c.name not in {"seq", "position", "hash"})
_HASHED = ("seq", *_WRITTEN)

#: The last sealed position and its hash, apart from the log: a log that was cut at its end no longer fits it.
HEADS = Table(
    "event_heads",
    METADATA,
    clear("one", Integer, primary_key=True, autoincrement=False, why=_OURS),
    clear("position", Number, why=_CHAIN),
    clear("hash", Text, why=_CHAIN),
)


def triggers(dialect: str) -> list[str]:
    """Statements that let an event be added and sealed once, and refuse every other change."""
    wording = "UPDATE OF " + ", ".join(_HASHED)
    if dialect == SQLITE:
        return [
            sqlite_guard("events", "edit", wording),
            sqlite_guard("events", "reseal", "UPDATE", "OLD.position IS NOT NULL"),
            sqlite_guard("events", "delete", "DELETE"),
        ]
    return [
        postgresql_function(),
        postgresql_guard("events", "edit", wording),
        postgresql_guard("events", "reseal", "UPDATE", "OLD.position IS NOT NULL"),
        postgresql_guard("events", "delete", "DELETE"),
        truncate_guard("events"),
    ]


attach(EVENTS, triggers)


class Logged(Event, frozen=True, kw_only=True):
    """An event as it stands in the log; `position` is 0 until it is sealed."""

    position: int = 0


class OpenTail(msgspec.Struct, frozen=True, kw_only=True):
    """What is not sealed yet: how many events, and when the oldest of them happened."""

    count: int
    since: datetime | None


class ChainFault(msgspec.Struct, frozen=True, kw_only=True):
    """A position of the log that is not as it was sealed."""

    position: int
    fault: str


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk along the chain found: how many events were checked, the last position and hash, the faults."""

    checked: int
    position: int
    hash: str
    faults: tuple[ChainFault, ...]


class Events:
    """The log inside one transaction or view. New events are kept until `flush`, which the commit calls."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._conn = session.conn
        self._pending: list[tuple[Any, ...]] = []

    def add(
        self,
        kind: str,
        aggregate: str,
        aggregate_id: str,
        *,
        practice: str,
        version: int = 0,
        actor: str = "hub",
        cause: str = "",
        detail: dict[str, str | int | bool] | None = None,
    ) -> str:
        """Log one event with the transaction; returns its id. `detail` holds codes, counts and our own ids."""
        if not self._session.writable:
            raise TypeError("a view logs nothing: log in a transaction")
        event_id = self._session.new_id("evt")
        body = _detail(detail or {})
        row = (practice, kind, aggregate, aggregate_id, version, actor, cause, 1, body)
        self._pending.append((event_id, self._session.now, *row))
        return event_id

    def flush(self) -> None:
        """Write what was added; every read here does it first."""
        if self._pending:
            rows, self._pending = self._pending, []
            Bulk(self._session).insert(EVENTS, _WRITTEN, rows)

    def after(self, position: int, limit: int = 500, kinds: Sequence[str] = ()) -> list[Logged]:
        """Sealed events behind `position`, in order: who follows them never misses one that committed late."""
        where = [EVENTS.c.position > position, *([EVENTS.c.kind.in_(kinds)] if kinds else [])]
        query = select(EVENTS).where(*where).order_by(EVENTS.c.position).limit(limit)
        return [_logged(row) for row in self._conn.execute(query)]

    def find(self, *, limit: int = 200, newest: bool = False, **equals: Any) -> list[Logged]:
        """Events whose columns equal (a list or tuple: are among) what is given, sealed or not, in order."""
        self.flush()
        order = EVENTS.c.seq.desc() if newest else EVENTS.c.seq
        query = select(EVENTS).where(*_filters(equals)).order_by(order).limit(limit)
        return [_logged(row) for row in self._conn.execute(query)]

    def tally(self, by: str = "kind", **equals: Any) -> dict[Any, int]:
        """How many events there are for each value of the column `by`."""
        self.flush()
        column = EVENTS.c[by]
        query = select(column, func.count()).where(*_filters(equals)).group_by(column)
        return {value: int(number) for value, number in self._conn.execute(query)}

    def head(self) -> tuple[int, str]:
        """The last sealed position and its hash: kept elsewhere, it shows any rewriting of what is before."""
        row = self._conn.execute(select(HEADS.c.position, HEADS.c.hash)).one_or_none()
        return (0, "") if row is None else (int(row.position), row.hash)

    def open_tail(self) -> OpenTail:
        """What the sealer has not reached yet."""
        self.flush()
        query = select(func.count(), func.min(EVENTS.c.at)).where(EVENTS.c.position.is_(None))
        count, since = self._conn.execute(query).one()
        return OpenTail(count=int(count), since=since)

    def seal(self, limit: int = 1_000) -> int:
        """Give the next unsealed events their positions and hashes; returns how many. One sealer at a time:
        the row of the head is locked first, so a second one waits and goes on from there.
        """
        self.flush()
        position, last = self._locked_head()
        query = select(EVENTS).where(EVENTS.c.position.is_(None)).order_by(EVENTS.c.seq).limit(limit)
        sealed: list[tuple[Any, ...]] = []
        for row in self._conn.execute(query):
            position += 1
            last = chained(last, position, row)
            sealed.append((position, last, row.seq))
        if sealed:
            Bulk(self._session).update(EVENTS, ("position", "hash"), ("seq",), sealed)
            self._conn.execute(HEADS.update().values(position=position, hash=last))
        return len(sealed)

    def verify(self, *, after: int = 0, last: str = "", limit: int = 100) -> Chain:
        """Walk the chain from behind `after` (whose hash is `last`) to the head and name what differs."""
        position, faults = after, list[ChainFault]()
        checked = 0
        while page := self._page(position):
            for row in page:
                fault = _fault(position, last, row)
                faults += [ChainFault(position=row.position, fault=fault)] if fault else []
                position, last, checked = row.position, row.hash or "", checked + 1
        if self.head() != (position, last):
            faults.append(ChainFault(position=position, fault="the log does not end where it was sealed last"))
        return Chain(checked=checked, position=position, hash=last, faults=tuple(faults[:limit]))

    def _page(self, position: int) -> Sequence[Row[Any]]:
        query = select(EVENTS).where(EVENTS.c.position > position).order_by(EVENTS.c.position).limit(PAGE)
        return self._conn.execute(query).all()

    def _locked_head(self) -> tuple[int, str]:
        query = select(HEADS.c.position, HEADS.c.hash).with_for_update()
        row = self._conn.execute(query).one_or_none()
        if row is None:
            self._conn.execute(insert(HEADS).values(one=1, position=0, hash=""))
            return 0, ""
        return int(row.position), row.hash


def chained(last: str, position: int, row: Row[Any]) -> str:
    """The hash of one sealed event: SHA-256 over the hash before it, its position and every field, in hex."""
    fields = (row.seq, row.id, to_micros(row.at), *row[3 : len(_HASHED)])
    return link(last, position, fields)


def link(last: str, position: int, fields: tuple[Any, ...]) -> str:
    """As `chained`, of the columns of an event as the database holds them, in order, up to its position."""
    return hashlib.sha256(msgspec.json.encode((last, position, *fields))).hexdigest()


def _fault(position: int, last: str, row: Row[Any]) -> str:
    if row.position != position + 1:
        return "events are missing before this one"
    if row.hash != chained(last, row.position, row):
        return "it is not the event that was sealed here"
    return ""


def _detail(detail: dict[str, str | int | bool]) -> str:
    for name, value in detail.items():
        if not isinstance(value, str | int) or len(str(value)) > DETAIL_CHARACTERS:
            raise TypeError(f"event detail {name!r} must be a short text, a whole number or yes/no")
    return msgspec.json.encode(detail).decode()


def _filters(equals: dict[str, Any]) -> list[ColumnElement[bool]]:
    several = (tuple, list, set, frozenset)
    return [
        EVENTS.c[name].in_([*value]) if isinstance(value, several) else EVENTS.c[name] == value
        for name, value in equals.items()
    ]


def _logged(row: Row[Any]) -> Logged:
    fields = {name: getattr(row, name) for name in _WRITTEN if name != "detail"}
    return Logged(**fields, detail=msgspec.json.decode(row.detail), position=row.position or 0)
