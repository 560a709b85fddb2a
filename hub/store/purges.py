"""Purges: what was removed because its time was over, and the tombstones that say so in its place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Table, Text, delete, func, select, text, update

from hub.errors import Stale
from hub.store import queries
from hub.store.aggregates import AGGREGATES, BURIED, Aggregate, Tombstone
from hub.store.bare import bare
from hub.store.blobs import BLOB_CHUNKS, STONE, Blobs
from hub.store.crypto import Damaged
from hub.store.fetched import FETCHED, Remote
from hub.store.fetched import aad as fetched_aad
from hub.store.lookup import LOOKUP
from hub.store.rows import Bulk
from hub.store.schema import METADATA, Id, Instant, clear
from hub.store.session import Session
from hub.store.upsert import insert_for

_OURS = "our own id, name or number"
PAGE = 500
BY_TABLE: dict[str, Aggregate[Any]] = {kind.table.name: kind for kind in AGGREGATES}
#: Kinds of which a sealed tombstone stays for each row; of the others the number is all that stays.
STONES = (*BY_TABLE, "blobs")

_STONE = ("schema", "row_version", "doc_version", "key_id", "body")

PURGES = Table(
    "purges",
    METADATA,
    clear("id", Id, primary_key=True, why=_OURS),
    clear("kind", Text, primary_key=True, why="which table or collection"),
    clear("at", Instant, why="when it began"),
    clear("by", Text, why="a login or a step"),
    clear("before", Instant, why="what was older than this was removed"),
    clear("rows", BigInteger, why="how many"),
)


class Purge(msgspec.Struct, frozen=True, kw_only=True):
    """What one purge removed of one kind."""

    id: str
    kind: str
    at: datetime
    by: str
    before: datetime
    rows: int


PurgeList = list[Purge]


class Purges:
    """The purges inside one transaction or view, and what a purge does to rows."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self, limit: int = 200) -> PurgeList:
        """What was purged, the latest first."""
        return queries.records(self._session, PURGES, Purge, {}, order=("-at", "-id", "kind"), limit=limit)

    def alone(self) -> None:
        """Nobody places a hold, or stores a patient or a visit, until this transaction ends. On SQLite there is one
        writer at a time anyway.
        """
        if self._session.dialect == "postgresql":
            self._session.conn.execute(text("LOCK TABLE holds, patients, encounters IN SHARE ROW EXCLUSIVE MODE"))

    def note(self, purge: str, done: Mapping[str, int], *, by: str, before: datetime) -> None:
        """Add to what this purge has removed, kind by kind."""
        for kind, rows in done.items():
            added = insert_for(self._session, PURGES).values(
                id=purge, kind=kind, at=self._session.now, by=by, before=before, rows=rows
            )
            more = {"rows": PURGES.c.rows + rows}
            self._session.conn.execute(added.on_conflict_do_update(index_elements=["id", "kind"], set_=more))

    def bury(self, table: str, purge: str, column: str, values: Collection[Any]) -> int:
        """Put tombstones in the place of the documents of `table` whose `column` is one of `values`; returns how
        many. A row that changes meanwhile raises `Stale`: then nothing of this transaction stands.
        """
        kind, done = BY_TABLE[table], 0
        for part in _slices(values):
            where = (kind.table.c[column].in_(part), kind.table.c.schema != BURIED)
            names = ("id", "row_version", "schema", "doc_version", "key_id", "body")
            rows = self._session.conn.execute(select(*[kind.table.c[name] for name in names]).where(*where)).all()
            # what is told again of the patient reopens no fact that was purged: it hangs on nobody
            loose = ("parent",) if "parent" in kind.columns else ()
            no_parent = tuple(None for _ in loose)
            changed = [(*self._stone(kind, row, purge), *no_parent, row.id, row.row_version) for row in rows]
            names = (*_STONE, *loose)
            if Bulk(self._session).update(kind.table, names, ("id", "row_version"), changed) != len(rows):
                raise Stale(f"a {kind.kind} was changed while it was purged")
            done += len(rows)
        return done

    def _stone(self, kind: Aggregate[Any], row: Any, purge: str) -> tuple[Any, ...]:
        """The columns `_STONE` of a row's tombstone."""
        keys, version = self._session.keys, row.row_version + 1
        plain = keys.open(row.key_id, kind.aad(row.id, row.doc_version, row.schema), bytes(row.body))
        stone = kind.bury(bare(kind.decode(plain, row.schema)), purge)
        return (BURIED, version, version, *keys.seal(kind.aad(row.id, version, BURIED), stone))

    def bury_blobs(self, purge: str, blob_ids: Collection[str]) -> int:
        """Put tombstones in the place of bytes; returns how many blobs."""
        return Blobs(self._session).bury(blob_ids, purge)

    def forget_names(self, blob_ids: Collection[str]) -> int:
        """Forget what partners called the files that these blobs came from; returns how many."""
        done = 0
        for part in _slices(blob_ids):
            ids = list(self._session.conn.scalars(select(FETCHED.c.id).where(FETCHED.c.blob_id.in_(part))))
            for one in ids:
                key_id, body = self._session.keys.seal(fetched_aad(one), msgspec.json.encode(Remote("", "")))
                forget = update(FETCHED).where(FETCHED.c.id == one).values(key_id=key_id, body=body)
                self._session.conn.execute(forget)
            done += len(ids)
        return done

    def remove_lookups(self, aggregates: Collection[str]) -> int:
        """Remove what leads to patients and guarantors from outside; returns how many rows."""
        gone = [delete(LOOKUP).where(LOOKUP.c.aggregate.in_(part)) for part in _slices(aggregates)]
        return sum(self._session.conn.execute(one).rowcount for one in gone)

    def remove_facts(self, ids: Collection[str]) -> int:
        """Remove facts by id; returns how many."""
        facts = BY_TABLE["facts"].table
        gone = [delete(facts).where(facts.c.id.in_(part)) for part in _slices(ids)]
        return sum(self._session.conn.execute(one).rowcount for one in gone)

    def stones(self, table: str) -> Iterator[tuple[str, str]]:
        """(id, purge) of every tombstone of a kind of `STONES`; the purge is empty where one does not open."""
        of, key = (BLOB_CHUNKS, "blob_id") if table == "blobs" else (BY_TABLE[table].table, "id")
        buried = BLOB_CHUNKS.c.index == STONE if table == "blobs" else of.c.schema == BURIED
        query = select(of.c[key]).where(buried).order_by(of.c[key]).limit(PAGE)
        page = list(self._session.conn.scalars(query))
        while page:
            found = Blobs(self._session).buried(page) if table == "blobs" else self._told(table, page)
            yield from ((one, found.get(one, "")) for one in page)
            page = list(self._session.conn.scalars(query.where(of.c[key] > page[-1])))

    def _told(self, table: str, ids: Collection[str]) -> dict[str, str]:
        kind = BY_TABLE[table]
        names = ("id", "doc_version", "key_id", "body")
        found: dict[str, str] = {}
        for row in queries.read(self._session, kind.table, names, {"id": list(ids)}, order=("id",)):
            try:
                aad = kind.aad(row.id, row.doc_version, BURIED)
                plain = self._session.keys.open(row.key_id, aad, bytes(row.body))
                found[row.id] = msgspec.json.decode(plain, type=Tombstone).purge
            except (Damaged, msgspec.MsgspecError):
                continue
        return found

    def sums(self) -> dict[tuple[str, str], int]:
        """How many rows each purge says it removed, by (purge, kind)."""
        query = select(PURGES.c.id, PURGES.c.kind, func.sum(PURGES.c.rows)).group_by(PURGES.c.id, PURGES.c.kind)
        return {(row[0], row[1]): int(row[2]) for row in self._session.conn.execute(query)}


def _slices(values: Collection[Any]) -> Iterator[list[Any]]:
    every = list(dict.fromkeys(values))
    return (every[at : at + PAGE] for at in range(0, len(every), PAGE))
