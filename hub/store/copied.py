"""What a copy of a database is, whichever database it is of: what it holds, and its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from sqlalchemy import Connection, func, inspect, select, table, text

PIECE = 1 << 20
"""Bytes that are read at a time."""
BESIDE = ("alembic_version", "hub_restored")
"""Tables that say of a database where it stands and hold nothing of the hub's."""
Told = Callable[[int, int], None]
"""Hears how much is done, and of how much."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What a database held when it was copied: its tables' step, rows by table, the head of the audit chain."""

    kind: str
    schema: str
    counts: dict[str, int]
    position: int
    hash: str
    size: int


class Copy(msgspec.Struct, frozen=True):
    """A copy that is being made: what it holds, and its bytes, once."""

    held: Held
    pieces: Iterator[bytes]


def held(connection: Connection, kind: str, size: int) -> Held:
    """What the database of `connection` holds, within its transaction."""
    names = [name for name in inspect(connection).get_table_names() if name not in BESIDE]
    counts = {
        name: int(connection.scalar(select(func.count()).select_from(table(name))) or 0) for name in sorted(names)
    }
    head = None
    if "event_heads" in names:
        head = connection.execute(text("SELECT position, hash FROM event_heads")).one_or_none()
    return Held(
        kind=kind,
        schema=schema_of(connection),
        counts=counts,
        position=int(head.position) if head else 0,
        hash=str(head.hash) if head else "",
        size=size,
    )


def schema_of(connection: Connection) -> str:
    """The step that the tables stand at; empty when they were made without steps."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")
