"""Collections: encrypted documents with a state, written by compare-and-set and read by a few clear columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET

from hub.errors import Stale
from hub.store import queries
from hub.store.aggregates import COMMON, SEALED, Aggregate
from hub.store.rows import Bulk
from hub.store.session import Session

T = TypeVar("T")
_BY_ID = ("id",)


class Row(msgspec.Struct, Generic[T], frozen=True):
    """One document and what stands beside it. `columns` are the clear columns of its kind.

    Its repr shows no record and no column: rows may end up in a log line.
    """

    id: str
    practice: str
    state: str
    state_since: datetime
    row_version: int
    created_at: datetime
    record: T
    columns: dict[str, Any]

    def col(self, name: str) -> Any:
        """One clear column."""
        return self.columns[name]

    def __repr__(self) -> str:
        return f"Row({self.id!r}, state={self.state!r}, row_version={self.row_version})"


class New(Generic[T]):
    """A document to be added, with all clear columns that may not be empty."""

    __slots__ = ("columns", "id", "practice", "record", "state")

    def __init__(self, id: str, record: T, *, practice: str, state: str, **columns: Any) -> None:  # noqa: A002
        self.id, self.record, self.practice, self.state, self.columns = id, record, practice, state, columns


class Change(Generic[T]):
    """What is to be different about a row; what is not named stays as it is. `practice`: whose row it turned out
    to be."""

    __slots__ = ("columns", "practice", "record", "row", "state")

    def __init__(
        self,
        row: Row[Any],
        *,
        record: Any = UNSET,
        state: Any = UNSET,
        practice: str | None = None,
        **columns: Any,
    ) -> None:
        self.row, self.record, self.state, self.columns = row, record, state, columns
        self.practice = practice or row.practice


class Collection(Generic[T]):
    """The documents of one kind, in one transaction."""

    __slots__ = ("_kind", "_session")

    def __init__(self, session: Session, kind: Aggregate[T]) -> None:
        self._session, self._kind = session, kind

    def add(self, id: str, record: T, *, practice: str, state: str, **columns: Any) -> Row[T]:  # noqa: A002
        """Add one document; an id or a unique key that is taken raises `Stale` and spoils the transaction."""
        return self.add_many([New(id, record, practice=practice, state=state, **columns)])[0]

    def add_many(self, items: Iterable[New[T]]) -> list[Row[T]]:
        """Add many at once; keep transactions near 200 rows where people or listeners wait."""
        kind, now = self._kind, self._session.now
        rows: list[Row[T]] = []
        values: list[tuple[Any, ...]] = []
        for item in items:
            columns = self._complete(item.columns)
            key_id, body = self._seal(item.id, 1, item.record)
            rows.append(Row(item.id, item.practice, item.state, now, 1, now, item.record, columns))
            head = (item.id, item.practice, item.state, now, 1, now)
            values.append((*head, *columns.values(), kind.schema, 1, key_id, body))
        Bulk(self._session).insert(kind.table, (*COMMON, *kind.columns, *SEALED), values)
        return rows

    def put(self, row: Row[Any], *, record: Any = UNSET, state: Any = UNSET, **columns: Any) -> Row[T]:
        """Write what is named, if the row is still the one that was read; else raise `Stale`."""
        return self.put_many([Change(row, record=record, state=state, **columns)])[0]

    def put_many(self, changes: Sequence[Change[T]]) -> list[Row[T]]:
        """Each as `put`; one stale row raises `Stale` for all, and the transaction must be given up."""
        if self._kind.immutable:
            raise TypeError(f"a {self._kind.kind} is never changed")
        groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
        rows = [self._plan(change, groups) for change in changes]
        for names, values in groups.items():
            if self._update(names, values) != len(values):
                raise Stale(f"a {self._kind.kind} was changed since it was read")
        return rows

    def get(self, id: str) -> Row[T] | None:  # noqa: A002
        """The document of that id, or None."""
        return self.get_many([id]).get(id)

    def get_many(self, ids: Iterable[str]) -> dict[str, Row[T]]:
        """Documents by id; ids that are not there are left out."""
        wanted = list(ids)
        found: dict[str, Row[T]] = {}
        for start in range(0, len(wanted), 500):
            for row in self._read({"id": wanted[start : start + 500]}, order=_BY_ID):
                found[row.id] = row
        return found

    def find(self, *, limit: int = 1000, after_id: str = "", **equals: Any) -> list[Row[T]]:
        """At most `limit` documents in id order whose columns equal (a list or tuple: are among) what is given."""
        return self._read(equals, order=_BY_ID, limit=limit, after=after_id)

    def each(self, *, page: int = 500, **equals: Any) -> Iterator[Row[T]]:
        """All that `find` would find, however many: page by page, so that memory stays flat."""
        after = ""
        while rows := self.find(limit=page, after_id=after, **equals):
            yield from rows
            after = rows[-1].id

    def waiting(self, state: str | Sequence[str], limit: int = 200, **equals: Any) -> list[Row[T]]:
        """The documents that have stood longest in `state`, oldest first."""
        return self._read({"state": state, **equals}, order=("state_since", "id"), limit=limit)

    def heads(
        self, *, limit: int = 1000, after_id: str = "", newest: bool = False, walk: bool = False, **equals: Any
    ) -> list[Row[None]]:
        """As `find`, but without opening the documents: for lists and counts. `newest`: the last ones, backwards;
        of one state those that came to stand there last. `walk`: for whoever reads nearly all of a table.
        """
        if newest and isinstance(equals.get("state"), str):
            return self._heads(equals, order=("-state_since", "-id"), limit=limit)
        order, after = (("-id",), None) if newest else (_BY_ID, after_id)
        return self._heads(equals, order=order, limit=limit, after=after, walk=walk)

    def heads_of(self, ids: Iterable[str]) -> dict[str, Row[None]]:
        """As `get_many`, but without opening the documents: to move what need not be read."""
        wanted = list(ids)
        found: dict[str, Row[None]] = {}
        for start in range(0, len(wanted), 500):
            for row in self._heads({"id": wanted[start : start + 500]}, order=_BY_ID):
                found[row.id] = row
        return found

    def _heads(self, equals: dict[str, Any], **page: Any) -> list[Row[None]]:
        names = self._kind.columns
        rows = queries.read(self._session, self._kind.table, (*COMMON, *names), equals, **page)
        return [Row(r[0], r[1], r[2], r[3], r[4], r[5], None, dict(zip(names, r[6:], strict=True))) for r in rows]

    def count(self, **equals: Any) -> int:
        """How many documents there are."""
        return int(queries.tally(self._session, self._kind.table, (), equals)[0][0])

    def tally(self, column: str = "state", **equals: Any) -> dict[Any, int]:
        """How many documents there are for each value of `column`."""
        rows = queries.tally(self._session, self._kind.table, (column,), equals)
        return {value: int(number) for value, number in rows}

    def _complete(self, given: dict[str, Any]) -> dict[str, Any]:
        """All clear columns of the kind in order; a missing or unknown one is a bug."""
        kind = self._kind
        columns = {name: given.get(name) for name in kind.columns}
        if not kind.required <= given.keys() or not given.keys() <= columns.keys():
            raise TypeError(
                f"{kind.kind}: the columns must be {sorted(columns)}, of which {sorted(kind.required)}"
            )
        return columns

    def _seal(self, row_id: str, version: int, record: T) -> tuple[int, bytes]:
        kind = self._kind
        return self._session.keys.seal(kind.aad(row_id, version, kind.schema), kind.encode(record))

    def _plan(self, change: Change[T], groups: dict[tuple[str, ...], list[tuple[Any, ...]]]) -> Row[T]:
        """The row as it will be; what has to be written for it is put among `groups`."""
        row, version = change.row, change.row.row_version + 1
        if not change.columns.keys() <= row.columns.keys():
            raise TypeError(f"{self._kind.kind} has no such column")
        sets: dict[str, Any] = {"row_version": version, **change.columns}
        if change.practice != row.practice:
            sets["practice"] = change.practice
        state, since, record = row.state, row.state_since, row.record
        if change.state is not UNSET and change.state != state:
            state, since = change.state, self._session.now
            sets |= {"state": state, "state_since": since}
        if change.record is not UNSET:
            record = change.record
            key_id, body = self._seal(row.id, version, record)
            sets |= {"schema": self._kind.schema, "doc_version": version, "key_id": key_id, "body": body}
        groups.setdefault(tuple(sets), []).append((*sets.values(), row.id, row.row_version))
        columns = {**row.columns, **change.columns} if change.columns else row.columns
        return Row(row.id, change.practice, state, since, version, row.created_at, record, columns)

    def _update(self, names: tuple[str, ...], values: list[tuple[Any, ...]]) -> int:
        return Bulk(self._session).update(self._kind.table, names, ("id", "row_version"), values)

    def _read(self, equals: dict[str, Any], **page: Any) -> list[Row[T]]:
        kind, opened = self._kind, self._session.keys.open
        names, rows = kind.columns, []
        for r in queries.read(self._session, kind.table, (*COMMON, *names, *SEALED), equals, **page):
            schema, doc_version, key_id, body = r[-4:]
            record = kind.decode(opened(key_id, kind.aad(r[0], doc_version, schema), bytes(body)), schema)
            columns = dict(zip(names, r[6:-4], strict=True))
            rows.append(Row(r[0], r[1], r[2], r[3], r[4], r[5], record, columns))
        return rows


__all__ = ["Change", "Collection", "New", "Row"]
