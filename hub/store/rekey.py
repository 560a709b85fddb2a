"""Moving sealed rows from retired data keys to the present one, a few at a time, while the hub runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, Table, and_, func, select, update

from hub.store import blobs, fetched
from hub.store.aggregates import AGGREGATES, Aggregate
from hub.store.crypto import DATA_KEYS
from hub.store.session import Session
from hub.store.state import PLUGIN_STATE, PluginState


class Sealed(msgspec.Struct, frozen=True):
    """A table with sealed bytes: its key, what `bind` needs beside it, and what its bytes are bound to."""

    table: Table
    key: tuple[str, ...]
    beside: tuple[str, ...]
    bind: Callable[[Session, Row[Any]], bytes]
    batch: int = 200


def _document(kind: Aggregate[Any]) -> Sealed:
    return Sealed(
        kind.table,
        ("id",),
        ("doc_version", "schema"),
        lambda _session, row: kind.aad(row.id, row.doc_version, row.schema),
    )


def _chunk_aad(session: Session, row: Row[Any]) -> bytes:
    """The last chunk is known by its blob's count, which is 0 until the blob is finished."""
    index = row._mapping["index"]  # noqa: SLF001 - its public accessor
    if index == blobs.STONE:
        return blobs.stone_aad(row.blob_id)
    count = session.conn.scalar(select(blobs.BLOBS.c.chunks).where(blobs.BLOBS.c.id == row.blob_id))
    return blobs.aad(row.blob_id, index, last=index + 1 == count)


SEALED: tuple[Sealed, ...] = (
    *[_document(kind) for kind in AGGREGATES],
    Sealed(blobs.BLOB_CHUNKS, ("blob_id", "index"), (), _chunk_aad, batch=4),
    Sealed(fetched.FETCHED, ("id",), (), lambda _session, row: fetched.aad(row.id)),
    Sealed(
        PLUGIN_STATE,
        ("instance", "key"),
        ("row_version",),
        lambda session, row: PluginState(session, row.instance).aad(row.key, row.row_version),
    ),
)


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the database, without the key: what it is for, since when, and until when."""

    key_id: int
    purpose: str
    created_at: datetime
    retired_at: datetime | None


def keys(session: Session) -> tuple[Key, ...]:
    """Every key, the oldest first."""
    names: tuple[str, ...] = Key.__struct_fields__
    rows = session.conn.execute(select(*[DATA_KEYS.c[name] for name in names]).order_by(DATA_KEYS.c.key_id))
    return tuple(Key(**dict(zip(names, row, strict=True))) for row in rows)


def left(session: Session) -> dict[str, int]:
    """How many rows of each table are still sealed with a retired key; tables with none are left out."""
    found: dict[str, int] = {}
    for sealed in SEALED:
        old = sealed.table.c.key_id != session.keys.active_data_key
        number = session.conn.scalar(select(func.count()).select_from(sealed.table).where(old)) or 0
        if number:
            found[sealed.table.name] = number
    return found


def move(session: Session, sealed: Sealed, limit: int) -> int:
    """Seal up to `limit` rows of one table anew, and return how many; a row that changes meanwhile is passed.

    Version and state stay as they are: for everybody else the row is the same.
    """
    table, active = sealed.table, session.keys.active_data_key
    names = (*sealed.key, *sealed.beside, "key_id", "body")
    query = select(*[table.c[name] for name in names]).where(table.c.key_id != active)
    rows = session.conn.execute(query.limit(min(limit, sealed.batch))).all()
    for row in rows:
        _reseal(session, sealed, row)
    return len(rows)


def _reseal(session: Session, sealed: Sealed, row: Row[Any]) -> None:
    aad = sealed.bind(session, row)
    key_id, body = session.keys.seal(aad, session.keys.open(row.key_id, aad, bytes(row.body)))
    same = and_(*_same(sealed, row, (*sealed.key, *sealed.beside, "key_id")))
    session.conn.execute(update(sealed.table).where(same).values(key_id=key_id, body=body))


def _same(sealed: Sealed, row: Row[Any], names: Iterable[str]) -> list[Any]:
    return [sealed.table.c[name] == row._mapping[name] for name in names]  # noqa: SLF001 - its public accessor
