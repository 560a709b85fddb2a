"""Many arrivals into the inbox at once: hashed and sealed before the transaction, stored in a few statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Literal

import msgspec
from sqlalchemy import Table

from hub.clock import Clock
from hub.errors import Stale
from hub.store.blobs import BODY, CHUNK_BYTES, Blobs, SmallBlob
from hub.store.crypto import DataKeys
from hub.store.ids import new_id
from hub.store.rows import Bulk
from hub.store.schema import to_micros
from hub.store.session import Session

PAGE = 500
"""So many are looked up and stored by one statement."""
Verdict = Literal["new", "known", "refused"]


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that arrives: its bytes, what they are, and the sender's own id or file name. `once`: other bytes
    under an id that is known are refused.
    """

    content_type: str
    external: str
    body: bytes
    once: bool = False

    def __repr__(self) -> str:
        return f"Arrival({self.content_type!r}, {len(self.body)} bytes)"


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an arrival: its sequence number in the inbox (0 where it was refused), and what it was."""

    seq: int
    verdict: Verdict


class Prepared(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An arrival that is ready to be stored: `external` and `digest` are keyed digests, `blob` its sealed bytes;
    what is larger than a chunk is sealed chunk by chunk when it is stored.
    """

    id: str
    content_type: str
    external: str
    digest: str
    once: bool
    blob: SmallBlob
    large: bytes | None = None

    def __repr__(self) -> str:
        return f"Prepared({self.id!r}, {self.content_type!r})"


def prepare(keys: DataKeys, clock: Clock, arrivals: Sequence[Arrival]) -> list[Prepared]:
    """Hash and seal: all that needs no database, so that no writer waits for it."""
    return [_prepared(keys, clock, one) for one in arrivals]


def _prepared(keys: DataKeys, clock: Clock, one: Arrival) -> Prepared:
    digest = keys.body_digest(BODY, one.body)
    blob_id, large = new_id("blob", clock), len(one.body) > CHUNK_BYTES
    blob = SmallBlob.seal(keys, blob_id, digest, b"" if large else one.body)
    return Prepared(
        id=new_id("in", clock),
        content_type=one.content_type,
        external=keys.digest("external", one.external) if one.external else "",
        digest=digest,
        once=one.once and bool(one.external),
        blob=blob,
        large=one.body if large else None,
    )


class Taking:
    """Puts prepared arrivals of one source into the inbox, in their order."""

    def __init__(self, session: Session, table: Table, of: tuple[str, str, str]) -> None:
        self._session, self._table = session, table
        self._practice, self._source, self._kind = of
        self._sqlite = session.dialect == "sqlite"

    def take(self, arrivals: Sequence[Prepared]) -> list[Taken]:
        """What became of each. The same bytes under the same id are one row, whenever they come."""
        pages = [arrivals[at : at + PAGE] for at in range(0, len(arrivals), PAGE)]
        return list(chain.from_iterable([self._page(page) for page in pages]))

    def _page(self, page: Sequence[Prepared]) -> list[Taken]:
        self._guard(page)
        seqs = self._known(page)
        externals = {external for external, _ in seqs}
        fresh: dict[tuple[str, str], Prepared] = {}
        verdicts: list[Verdict] = []
        for one in page:
            key = (one.external, one.digest)
            if key in seqs or key in fresh:
                verdicts.append("known")
            elif one.once and one.external in externals:
                verdicts.append("refused")
            else:
                verdicts.append("new")
                fresh[key] = one
                externals.add(one.external)
        new = self._stored(list(fresh.values()))
        seqs |= new
        if lost := [one for key, one in fresh.items() if key not in new]:
            seqs |= self._others(lost)
        return list(self._told(page, verdicts, seqs, new))

    def _told(
        self,
        page: Sequence[Prepared],
        verdicts: Sequence[Verdict],
        seqs: dict[tuple[str, str], int],
        new: dict[tuple[str, str], int],
    ) -> Iterator[Taken]:
        for one, verdict in zip(page, verdicts, strict=True):
            key = (one.external, one.digest)
            if verdict == "refused":
                yield Taken(seq=0, verdict=verdict)
            else:
                yield Taken(seq=seqs[key], verdict=verdict if key in new else "known")

    def _guard(self, page: Sequence[Prepared]) -> None:
        """Two nodes that take other bytes under one id that is used `once` do so one after the other. SQLite has
        one writer anyway.
        """
        if self._sqlite or not any(one.once for one in page):
            return
        locks = sorted({int(one.external[:16], 16) - (1 << 63) for one in page if one.once})
        sql = "SELECT pg_advisory_xact_lock(k) FROM unnest(%s::bigint[]) AS k"
        self._session.conn.exec_driver_sql(sql, (locks,)).all()

    def _known(self, page: Sequence[Prepared]) -> dict[tuple[str, str], int]:
        """(external, digest) -> number of what is there already; for an id that is used `once` also one other number
        under it. Never all under an id: there are senders who give every message the same.
        """
        pairs = sorted({(one.external, one.digest) for one in page})
        found = self._rows(_pairs(len(pairs), sqlite=self._sqlite), pairs)
        if left := sorted({one.external for one in page if one.once} - {external for external, _ in found}):
            found |= self._rows(_any(len(left), sqlite=self._sqlite), [(external,) for external in left])
        return found

    def _rows(self, sql: str, wanted: Sequence[tuple[str, ...]]) -> dict[tuple[str, str], int]:
        columns = [list(column) for column in zip(*wanted, strict=True)]
        bound = (*chain.from_iterable(wanted),) if self._sqlite else (*columns,)
        rows = self._session.conn.exec_driver_sql(sql, (*bound, self._source)).all()
        return {(external, digest): seq for external, digest, seq in rows}

    def _stored(self, fresh: list[Prepared]) -> dict[tuple[str, str], int]:
        """Insert what is new, and its bytes; not what another process stored a moment ago."""
        if not fresh:
            return {}
        seqs = self._insert_sqlite(fresh) if self._sqlite else self._insert_postgresql(fresh)
        kept = [one for one in fresh if one.id in seqs]
        blobs = Blobs(self._session)
        blobs.write_sealed("inbox", [one.blob for one in kept if one.large is None])
        for one in kept:
            if one.large is not None:
                blobs.write("inbox", one.large, id=one.blob.id)
        return {(one.external, one.digest): seqs[one.id] for one in kept}

    def _insert_sqlite(self, fresh: list[Prepared]) -> dict[str, int]:
        """Under the one write lock the next numbers are ours, and nobody else stores the same."""
        asked = self._session.conn.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'inbox'")
        last, now = asked.scalar() or 0, to_micros(self._session.now)
        of = (self._practice, self._source, self._kind)
        rows: list[tuple[Any, ...]] = [
            (seq, one.id, *of, one.content_type, one.external, one.digest, one.blob.id, now, "received", now, "")
            for seq, one in enumerate(fresh, last + 1)
        ]
        Bulk(self._session).insert_together(self._table, _COLUMNS, rows)
        return {one.id: seq for seq, one in enumerate(fresh, last + 1)}

    def _insert_postgresql(self, fresh: list[Prepared]) -> dict[str, int]:
        """The numbers follow the order given; of what another node stores too, nothing is given back."""
        now = to_micros(self._session.now)
        columns = [[getattr(one, name) for one in fresh] for name in ("id", "content_type", "external", "digest")]
        bound = (self._practice, self._source, self._kind, now, now, *columns, [one.blob.id for one in fresh])
        return {row.id: row.seq for row in self._session.conn.exec_driver_sql(_UNNEST, bound)}

    def _others(self, lost: Sequence[Prepared]) -> dict[tuple[str, str], int]:
        """The numbers that another process gave the same messages between our look and our insert."""
        found = self._known(lost)
        if any((one.external, one.digest) not in found for one in lost):
            raise Stale("the same message is being stored by another process")
        return found


def _pairs(number: int, *, sqlite: bool) -> str:
    """Those of `number` pairs (id, digest) that are there."""
    if sqlite:
        return (
            f"WITH w (e, d) AS (VALUES {', '.join(['(?, ?)'] * number)}) "  # noqa: S608 - marks only
            "SELECT i.external, i.digest, i.seq FROM w CROSS JOIN inbox AS i "
            "ON i.external = w.e AND i.digest = w.d AND i.source = ?"
        )
    return (
        "SELECT i.external, i.digest, i.seq FROM unnest(%s::text[], %s::text[]) AS w (e, d) "
        "JOIN inbox AS i ON i.external = w.e AND i.digest = w.d AND i.source = %s"
    )


def _any(number: int, *, sqlite: bool) -> str:
    """One row under each of `number` ids, where there is any."""
    one = "SELECT o.seq FROM inbox AS o WHERE o.external = w.e AND o.source = {} LIMIT 1"
    if sqlite:
        return (
            f"WITH w (e) AS (VALUES {', '.join(['(?)'] * number)}) "  # noqa: S608 - marks only
            f"SELECT i.external, i.digest, i.seq FROM w CROSS JOIN inbox AS i ON i.seq = ({one.format('?')})"
        )
    return (
        "SELECT i.external, i.digest, i.seq FROM unnest(%s::text[]) AS w (e) "  # noqa: S608 - our own words
        f"CROSS JOIN LATERAL ({one.format('%s')}) AS o JOIN inbox AS i ON i.seq = o.seq"
    )


_COLUMNS = (
    *("seq", "id", "practice", "source", "kind", "content_type", "external", "digest", "blob_id"),
    *("received_at", "state", "state_since", "reason"),
)
_UNNEST = """
INSERT INTO inbox (practice, source, kind, received_at, state, state_since, reason,
                   id, content_type, external, digest, blob_id)
SELECT %s, %s, %s, %s::bigint, 'received', %s::bigint, '', u.id, u.content_type, u.external, u.digest, u.blob_id
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
     WITH ORDINALITY AS u (id, content_type, external, digest, blob_id, n)
ORDER BY u.n
ON CONFLICT DO NOTHING
RETURNING seq, id
"""
