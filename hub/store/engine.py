"""Engines for the two databases: how connections are opened, how transactions begin, what is retried."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from hub.errors import Misconfigured, RetryLater, Stale

BUSY_MILLIS = 10_000
BEGIN_TRIES = 3
# PostgreSQL's own codes, so that a hub on SQLite need not load the driver
_OVERTAKEN = frozenset({"40P01", "40001"})
_LOCK_NOT_AVAILABLE = "55P03"
_GOING = frozenset({"57P01", "57P02", "57P03"})
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={BUSY_MILLIS}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-8192",  # KiB for each connection: readers are many
    "PRAGMA temp_store=MEMORY",
)


class Engines:
    """A writer and a reader on one database; on PostgreSQL they share one pool.

    On SQLite the writer takes the write lock as it begins (BEGIN IMMEDIATE), since a transaction that read
    first and then wants to write can only fail or lose an update; readers never take it.
    """

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        self.dialect = parsed.get_backend_name()
        if self.dialect == "sqlite":
            self.writer, self.reader = _sqlite(parsed)
        else:
            self.writer = _postgresql(parsed)
            self.reader = self.writer.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.reader.dispose()
        self.writer.dispose()


def begin(connection: Connection) -> None:
    """Begin on `connection`; a database that stays locked by another process raises `RetryLater`."""
    for attempt in range(BEGIN_TRIES):
        try:
            connection.begin()
        except OperationalError as error:
            connection.rollback()
            if "locked" not in str(error.orig) and "busy" not in str(error.orig):
                raise
            if attempt == BEGIN_TRIES - 1:
                raise RetryLater("another process keeps the database locked", after_seconds=5) from None
        else:
            return


@contextmanager
def told_apart() -> Iterator[None]:
    """What the database refuses only for the moment becomes one of the hub's errors; a bug stays what it is."""
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state in _OVERTAKEN:
            raise Stale("another transaction was first: read again and redo") from None
        if state == _LOCK_NOT_AVAILABLE or "database is locked" in str(error.orig):
            raise RetryLater("another process keeps the database locked", after_seconds=5) from None
        if _is_away(error):
            raise RetryLater("the database is away, or has ended the connection", after_seconds=5) from None
        raise


def _is_away(error: DBAPIError) -> bool:
    """Whether the server cannot be reached or is going down; psycopg gives no code when it cannot connect."""
    state = getattr(error.orig, "sqlstate", None)
    unreached = state is None and type(error.orig).__module__.startswith("psycopg")
    return error.connection_invalidated or (isinstance(error, OperationalError) and unreached) or state in _GOING


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Misconfigured("the database url cannot be read", fix="use sqlite:///PATH") from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed
    raise Misconfigured("the database must be an SQLite file or PostgreSQL", fix="use sqlite:///PATH")


def _sqlite(url: URL) -> tuple[Engine, Engine]:
    path = Path(url.database or "")
    if not path.parent.is_dir():
        raise Misconfigured("the folder of the database does not exist", fix="make the folder, or run hub init")
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # the journal files take over its permissions
    writer = _sqlite_engine(url, "BEGIN IMMEDIATE", pool_size=2, max_overflow=0)
    reader = _sqlite_engine(url, "BEGIN", pool_size=4, max_overflow=28, query_only=True)
    return writer, reader


def _sqlite_engine(url: URL, begin_sql: str, *, query_only: bool = False, **pool: int) -> Engine:
    engine = create_engine(
        url, hide_parameters=True, connect_args={"check_same_thread": False, "isolation_level": None}, **pool
    )

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        for pragma in _SQLITE_PRAGMAS:
            connection.execute(pragma).close()
        if query_only:
            connection.execute("PRAGMA query_only=ON").close()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin_sql)

    return engine


def _postgresql(url: URL) -> Engine:
    options = "-c timezone=UTC -c lock_timeout=30s -c synchronous_commit=on"
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=24,
        connect_args={"options": options, "application_name": "billing-hub"},
    )
