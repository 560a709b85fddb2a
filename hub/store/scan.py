"""Reads whole tables for proofs: in pages by key, so that memory stays flat, and never a query for each row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Row, func, select, text, tuple_

from hub.errors import Problem
from hub.store.blobs import BLOB_CHUNKS, BODY, Blobs, aad
from hub.store.crypto import Damaged
from hub.store.queries import conditions
from hub.store.schema import METADATA
from hub.store.session import Session

PAGE = 1_000
AMONG = 500
TOGETHER_BYTES = 8 << 20
_HAS_QUEUE = text("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")
_QUEUE = text("""
    SELECT id, task_name, lock, args::text AS args
    FROM procrastinate_jobs WHERE id > :after ORDER BY id LIMIT :page
""")


class Scan:
    """Pages over any table of the hub inside one view. Tables and columns are named as the schema names them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def rows(
        self, table: str, *columns: str, by: tuple[str, ...] = ("id",), **equals: Any
    ) -> Iterator[Sequence[Row[Any]]]:
        """Pages of `columns`, ordered by the unique key `by`, where columns equal what is given (None: empty).

        Each page walks on along the key: an index of what is asked for would be sorted anew for every page.
        """
        of = METADATA.tables[table]
        key = tuple_(*[of.c[name] for name in by])
        wanted = [of.c[name] for name in dict.fromkeys((*columns, *by))]
        query = select(*wanted).where(*conditions(of, equals, walk=True)).order_by(*[of.c[name] for name in by])
        page = self._session.conn.execute(query.limit(PAGE)).all()
        while page:
            yield page
            last = tuple(getattr(page[-1], name) for name in by)
            page = self._session.conn.execute(query.where(key > last).limit(PAGE)).all()

    def queued(self) -> Iterator[Sequence[Row[Any]]]:
        """Pages of what waits in the queue that many nodes share: id, task_name, lock, args as JSON. Its table is the
        library's, and on PostgreSQL only.
        """
        session = self._session
        if session.dialect != "postgresql" or not session.conn.scalar(_HAS_QUEUE):
            return
        after = 0
        while page := session.conn.execute(_QUEUE, {"after": after, "page": PAGE}).all():
            yield page
            after = page[-1].id

    def among(self, table: str, key: str, values: Iterable[Any], *columns: str, **equals: Any) -> list[Row[Any]]:
        """`columns` (and `key`) of the rows whose `key` is one of `values`, in the order of the table's key."""
        of, wanted = METADATA.tables[table], list(dict.fromkeys(values))
        names = [of.c[name] for name in dict.fromkeys((key, *columns))]
        found: list[Row[Any]] = []
        for start in range(0, len(wanted), AMONG):
            where = (of.c[key].in_(wanted[start : start + AMONG]), *conditions(of, equals))
            found += self._session.conn.execute(select(*names).where(*where).order_by(*of.primary_key)).all()
        return found

    def repeated(self, table: str, *columns: str, walk: bool = False, **equals: Any) -> list[Row[Any]]:
        """The values of `columns` that more than one row holds; the last of each row is how many. `walk`: along an
        index of these columns, whatever else is asked.
        """
        of = METADATA.tables[table]
        by = [of.c[name] for name in columns]
        query = select(*by, func.count()).where(*conditions(of, equals, walk=walk)).group_by(*by)
        return [*self._session.conn.execute(query.having(func.count() > 1).order_by(*by))]

    def count(self, table: str, **equals: Any) -> int:
        """How many rows there are."""
        of = METADATA.tables[table]
        query = select(func.count()).select_from(of).where(*conditions(of, equals))
        return int(self._session.conn.execute(query).scalar_one())

    def damaged_blobs(self, ids: Collection[str]) -> dict[str, Problem]:
        """Each of the blobs `ids` that does not verify; small ones are read together, large ones chunk by chunk."""
        suspects = set(ids)
        empty = self.among("blobs", "id", ids, chunks=0)
        suspects -= Blobs(self._session).buried(row.id for row in empty).keys()
        for heads in _together(self.among("blobs", "id", ids, "size", "chunks", "digest", "complete_at")):
            suspects -= self._sound(heads)
        blobs = Blobs(self._session)
        verdicts = {blob_id: blobs.verify(blob_id) for blob_id in sorted(suspects)}
        return {blob_id: problem for blob_id, problem in verdicts.items() if problem is not None}

    def blob_heads(self, ids: Iterable[str]) -> dict[str, tuple[str, int]]:
        """(digest, size) of the blobs that are complete, by id."""
        rows = self.among("blobs", "id", ids, "digest", "size", "complete_at")
        return {row.id: (row.digest, row.size) for row in rows if row.complete_at is not None}

    def _sound(self, heads: Sequence[Row[Any]]) -> set[str]:
        by_id = {head.id: head for head in heads}
        where = (BLOB_CHUNKS.c.blob_id.in_(by_id), BLOB_CHUNKS.c.index == 0)
        query = select(BLOB_CHUNKS.c.blob_id, BLOB_CHUNKS.c.key_id, BLOB_CHUNKS.c.body).where(*where)
        return {row.blob_id for row in self._session.conn.execute(query) if self._opens(row, by_id[row.blob_id])}

    def _opens(self, chunk: Any, head: Row[Any]) -> bool:
        keys = self._session.keys
        try:
            body = keys.open(chunk.key_id, aad(head.id, 0, last=True), bytes(chunk.body))
        except Damaged:
            return False
        return (len(body), keys.body_digest(BODY, body)) == (head.size, head.digest)


def _together(heads: Iterable[Row[Any]]) -> Iterator[list[Row[Any]]]:
    """Complete blobs of one chunk, as many at a time as memory should hold."""
    batch: list[Row[Any]] = []
    size = 0
    for head in heads:
        if head.chunks == 1 and head.complete_at is not None:
            batch.append(head)
            size += head.size
        if size > TOGETHER_BYTES or len(batch) == AMONG:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
