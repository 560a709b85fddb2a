"""The rows of one table and how each of its columns is made for a copy, column by column, since that is fast."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hub.store import fetched
from hub.store.aggregates import AGGREGATES
from hub.store.blobs import BODY
from hub.store.blobs import aad as blob_aad
from hub.store.crypto import DataKeys
from hub.store.schema import KEYED, METADATA, Instant
from hub.store.session import Session
from hub.testing.mass_marks import ID, Marks, Rows, Template, written

Column = Callable[["Copy"], list[Any]]
KINDS = {kind.table.name: kind for kind in AGGREGATES}
#: Columns that hold a running number of another table (or their own).
RUNNING = {
    ("inbox", "seq"): "inbox",
    ("inbox_acks", "no"): "inbox_acks",
    ("inbox_acks", "seq"): "inbox",
    ("fetched", "inbox_seq"): "inbox",
    ("transfers", "seq"): "transfers",
    ("ledger_transactions", "seq"): "ledger_transactions",
    ("ledger_entries", "no"): "ledger_entries",
    ("ledger_entries", "transaction_seq"): "ledger_transactions",
    ("statements", "through_entry"): "ledger_entries",
    ("events", "seq"): "events",
}
KEPT = frozenset({("events", "position"), ("events", "hash"), ("work_items", "reason")})


class Copy:
    """One copy: its number, what everything is called in it, and how long bodies have become."""

    def __init__(self, number: int, new: dict[Any, Any], marks: Marks) -> None:
        self.number, self.new = number, new
        self.micros = number * marks.span_millis * 1_000
        self.sizes: dict[str, int] = {}
        self.bodies: list[bytes] = []


class Copied:
    """A table whose rows are copied. `raw` are its rows as the driver gives them."""

    def __init__(self, name: str, raw: Rows, marks: Marks, keys: DataKeys) -> None:
        self.name, self._marks, self._keys = name, marks, keys
        self._of = METADATA.tables[name]
        self.names = written(name)
        self._raw = [row for row in raw if self._is_of_this_run(row)]
        self._columns = list(zip(*self._raw, strict=True)) or [() for _ in self.names]
        self._bodies = self._opened() if "body" in self.names else []
        if (name, self.names[0]) in RUNNING:
            marks.spans[name] = max(self.column(self.names[0]), default=0)
        self._made: list[Column] = [self._maker(column) for column in self.names]

    def column(self, name: str) -> Sequence[Any]:
        """One column as it stands."""
        return self._columns[self.names.index(name)]

    def rows(self, copy: Copy, session: Session, **given: list[Any]) -> list[tuple[Any, ...]]:
        """The rows of one copy; columns that are `given` are taken as they are."""
        if not self._raw:
            return []
        columns = [given.get(name) or make(copy) for name, make in zip(self.names, self._made, strict=True)]
        if "body" in self.names:
            columns[self.names.index("body")] = self._sealed(columns, copy, session)
            columns[self.names.index("key_id")] = [session.keys.active_data_key] * len(self._raw)
        return list(zip(*columns, strict=True))

    def measure(self, copy: Copy) -> None:
        """Fill in the bodies of blobs: where numbers of ours stand in one, its size and digest follow."""
        for old, (digest, body) in zip(self.column("blob_id"), self._bodies, strict=True):
            filled = _fill(body, copy.new)
            copy.bodies.append(filled)
            copy.sizes[copy.new[old]] = len(filled)
            fixed = isinstance(body, bytes)
            copy.new[digest] = digest if fixed else self._keys.body_digest(BODY, filled)

    def _is_of_this_run(self, row: tuple[Any, ...]) -> bool:
        """Open work about a connector or a source is one for all copies."""
        if self.name != "work_items":
            return True
        return bool(ID.search(row[self.names.index("aggregate_id")]))

    def _maker(self, column: str) -> Column:
        values = self.column(column)
        of = self._of.c[column]
        if (self.name, column) in RUNNING:
            return _running(values, self._marks, RUNNING[self.name, column])
        if isinstance(of.type, Instant):
            return lambda copy: [None if v is None else v + copy.micros for v in values]
        if column == "size" and self.name in {"blobs", "files"}:
            ids = self.column("id" if self.name == "blobs" else "blob_id")
            return lambda copy: [copy.sizes[copy.new[one]] for one in ids]
        if of.info.get("stands") == KEYED:
            self._marks.keyed.update(v for v in values if v)
            return lambda copy: [copy.new[v] for v in values]
        return self._text(column, values)

    def _text(self, column: str, values: Sequence[Any]) -> Column:
        """Words of ours, ids alone or in texts, numbers."""
        same = list(values)
        if column in {"key_id", "body"} or (self.name, column) in KEPT:
            return lambda _: same
        marked = [
            self._marked(column, v, row) if isinstance(v, str) else v
            for v, row in zip(values, self._raw, strict=True)
        ]
        if all(not isinstance(one, Template) or one.fixed for one in marked):
            return lambda _: same
        if all(not isinstance(v, str) or not v or v in self._marks.ids for v in values):
            return lambda copy: [copy.new[v] for v in values]
        return lambda copy: [one.fill(copy.new) if isinstance(one, Template) else one for one in marked]

    def _marked(self, column: str, value: str, row: tuple[Any, ...]) -> Template:
        beside = dict(zip(self.names, row, strict=True))
        match self.name, column:
            case "files", "isa13" | "gs06":
                return self._marks.number(column, value, beside["mailbox"])
            case "files", "name":
                return self._marks.file_name(value, beside["mailbox"], beside["isa13"])
            case "submissions", "st02":
                return self._marks.st02(value, beside["file_id"])
            case "statements", "number":
                return self._marks.number("statement", value, "")
        return self._marks.words(value)

    def _opened(self) -> list[tuple[str, Template | bytes]]:
        """Each body with its marks, and the digest by which a blob's is known."""
        found = []
        for row, aad in zip(self._raw, self._aads(self._columns), strict=True):
            beside = dict(zip(self.names, row, strict=True))
            plain = self._keys.open(beside["key_id"], aad, bytes(beside["body"]))
            digest = self._keys.body_digest(BODY, plain) if self.name == "blob_chunks" else ""
            found.append((digest, self._marked_body(beside, plain)))
        return found

    def _marked_body(self, beside: Mapping[str, Any], plain: bytes) -> Template | bytes:
        if self.name == "blob_chunks":
            return self._marks.blob(beside["blob_id"], plain)
        made = self._marks.document(plain.decode())
        return plain if made.fixed else made

    def _sealed(self, columns: Sequence[Sequence[Any]], copy: Copy, session: Session) -> list[bytes]:
        bodies = copy.bodies if self.name == "blob_chunks" else [_fill(one[1], copy.new) for one in self._bodies]
        seal = session.keys.seal
        return [seal(aad, body)[1] for aad, body in zip(self._aads(columns), bodies, strict=True)]

    def _aads(self, columns: Sequence[Sequence[Any]]) -> list[bytes]:
        """What each body of these columns is bound to."""
        by = dict(zip(self.names, columns, strict=True))
        if self.name == "blob_chunks":
            return [blob_aad(one, 0, last=True) for one in by["blob_id"]]
        if self.name == "fetched":
            return [fetched.aad(one) for one in by["id"]]
        kind = KINDS[self.name]
        return list(map(kind.aad, by["id"], by["doc_version"], by["schema"]))


def read_rows(session: Session, table: str) -> Rows:
    """Every row as the driver gives it, in the order of the key."""
    of = METADATA.tables[table]
    names = ", ".join([f'"{name}"' for name in written(table)])
    key = ", ".join([f'"{column.name}"' for column in of.primary_key])
    query = f"SELECT {names} FROM {table} ORDER BY {key}"  # noqa: S608 - names of ours
    return [tuple(row) for row in session.conn.exec_driver_sql(query)]


def _running(values: Sequence[Any], marks: Marks, of: str) -> Column:
    return lambda copy: [None if v is None else v + copy.number * marks.spans[of] for v in values]


def _fill(body: Template | bytes, new: Mapping[Any, Any]) -> bytes:
    return body.fill(new).encode() if isinstance(body, Template) else body
