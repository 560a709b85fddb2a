"""The mark of a restored database: it stands beside our tables, whatever step they are at, until a person accepts."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, Text, inspect, select
from sqlalchemy.schema import CreateTable, DropTable

from hub.store.engine import Engines, told_apart
from hub.store.schema import Instant

#: Not one of METADATA's tables: it must be readable before a migration, and be gone afterwards.
_MARK = Table(
    "hub_restored",
    MetaData(),
    Column("state", Text, nullable=False),
    Column("backup", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("restored_at", Instant, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)
RESTORING, RESTORED = "restoring", "restored"


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """`restoring` until everything was put back and compared, then `restored`; from which backup, made when."""

    state: str
    backup: str
    made_at: datetime
    restored_at: datetime
    position: int = 0
    hash: str = ""


def read(connection: Connection) -> Mark | None:
    """The mark, or None on a database that nobody has restored."""
    if not inspect(connection).has_table(_MARK.name):
        return None
    row = connection.execute(select(_MARK)).one_or_none()
    return None if row is None else Mark(**row._mapping)  # noqa: SLF001 - the documented way to a row's names


def put(connection: Connection, mark: Mark) -> None:
    """Mark the database, in the caller's transaction."""
    if not inspect(connection).has_table(_MARK.name):
        connection.execute(CreateTable(_MARK))
    connection.execute(_MARK.delete())
    connection.execute(_MARK.insert().values(msgspec.structs.asdict(mark)))


def clear(connection: Connection) -> None:
    """Take the mark away, in the caller's transaction: a person accepted."""
    connection.execute(DropTable(_MARK, if_exists=True))


def of(engines: Engines) -> Mark | None:
    """The mark of an open database."""
    with told_apart(), engines.reader.connect() as connection:
        found = read(connection)
        connection.rollback()
        return found


def mark(url: str, mark: Mark) -> None:
    """Mark the database at `url`, durable when this returns."""
    opened = Engines(url)
    try:
        with opened.writer.connect() as connection:
            connection.begin()
            put(connection, mark)
            connection.commit()
    finally:
        opened.dispose()
