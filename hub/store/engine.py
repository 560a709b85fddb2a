"""Engines for the two databases: how connections are opened, how transactions begin, what is retried."""

from __future__ import annotations

import errno
import os
import select
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hub.errors import FellSilent, Misconfigured, Stale, StoreAway
from hub.store.holding import held

BUSY_MILLIS = 10_000
PING_AFTER_SECONDS = 1.0
BEGIN_TRIES = 3
NO_ROOM_BYTES = 1 << 16
# PostgreSQL's own codes, so that a hub on SQLite need not load the driver
_OVERTAKEN = frozenset({"40P01", "40001"})
_LOCK_NOT_AVAILABLE = "55P03"
_IDLE_IN_TRANSACTION = "25P03"
_GOING = frozenset({"57P01", "57P02", "57P03", "25006", "53300", "58030"})
_FULL = frozenset({"53100", "53200"})
_UNWELCOME = ("authentication failed", "no password supplied", "no pg_hba.conf entry", "does not exist")
# SQLite's primary result codes: the file cannot be written, read or opened, or its disk is full
_SQLITE_AWAY = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
_DISK_AWAY = frozenset({errno.EIO, errno.EROFS, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOTCONN})
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
FULL = "the disk of the database is full: nothing was changed"
FULL_FIX = (
    "make room there (hub doctor --only machine says which disk, and how much is left); nothing is lost, and a hub "
    "that runs goes on by itself"
)
AWAY = "the database is away, or has ended the connection"
LOCKED = "another process keeps the database locked"
_SPEAK = (
    "see whether this machine was stopped or is short of processor or memory (hub doctor); if not, the step does too "
    "much between two statements of one transaction: report it with step and place"
)
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={BUSY_MILLIS}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-8192",  # KiB for each connection: readers are many
    "PRAGMA temp_store=MEMORY",
)


# the server is to notice as soon when this machine vanished: what its sessions held is then free
_SESSION = {
    "timezone": "UTC",
    "lock_timeout": "30s",
    "synchronous_commit": "on",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
# a server that vanished without a word is noticed within half a minute
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


class Engines:
    """A writer and a reader on one database; on PostgreSQL they share one pool.

    On SQLite the writer takes the write lock as it begins (BEGIN IMMEDIATE), since a transaction that read
    first and then wants to write can only fail or lose an update; readers never take it.
    """

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        self.url = parsed.render_as_string(hide_password=False)
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
    """Begin on `connection`; a database that stays locked by another process raises `StoreAway`."""
    for attempt in range(BEGIN_TRIES):
        try:
            connection.begin()
        except OperationalError as error:
            connection.rollback()
            if "locked" not in str(error.orig) and "busy" not in str(error.orig):
                raise
            if attempt == BEGIN_TRIES - 1:
                raise StoreAway(LOCKED, after_seconds=5) from None
        else:
            return


@contextmanager
def told_apart(*, reading: bool = False) -> Iterator[None]:
    """What the database refuses only for the moment becomes one of the hub's errors; a bug stays what it is. Where
    one is only `reading`, a refusal to write is a bug, and no sign of a database that cannot be written.
    """
    try:
        yield
    except DBAPIError as error:
        if (reading and _refuses_writing(error)) or (told := _told(error)) is None:
            raise
        raise told from None
    except PoolTimeout:
        raise StoreAway("every connection to the database is in use", after_seconds=5) from None
    except OSError as error:
        if (said := disk_trouble(error)) is None:
            raise
        raise StoreAway(said, after_seconds=5, fix=FULL_FIX if error.errno in _DISK_FULL else "") from None


def disk_trouble(error: OSError) -> str | None:
    """What a disk that is full or gone is to be called, or None for another error of the system."""
    if error.errno in _DISK_FULL:
        return "a disk of the hub is full: nothing was changed"
    return "a disk of the hub is away or cannot be written" if error.errno in _DISK_AWAY else None


def _refuses_writing(error: DBAPIError) -> bool:
    code = (getattr(error.orig, "sqlite_errorcode", None) or 0) & 0xFF
    return getattr(error.orig, "sqlstate", None) == "25006" or code == sqlite3.SQLITE_READONLY


def _told(error: DBAPIError) -> Stale | StoreAway | Misconfigured | FellSilent | None:
    state = getattr(error.orig, "sqlstate", None)
    code = (getattr(error.orig, "sqlite_errorcode", None) or 0) & 0xFF
    if state in _OVERTAKEN or state == _IDLE_IN_TRANSACTION:
        stale = Stale("another transaction was first: read again and redo")
        return stale if state in _OVERTAKEN else _fell_silent()
    if state == _LOCK_NOT_AVAILABLE or code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreAway(LOCKED, after_seconds=5)
    if state in _FULL or code == sqlite3.SQLITE_FULL:
        return StoreAway(FULL, after_seconds=5, fix=FULL_FIX)
    if _unreached(error) and any(word in str(error.orig) for word in _UNWELCOME):
        fix = "check user, password, name and rights of the database that hub.store names"
        return Misconfigured("the database does not let the hub in", fix=fix)
    if _is_away(error) or code in _SQLITE_AWAY:
        return StoreAway(AWAY, after_seconds=5)
    return None


def _fell_silent() -> FellSilent | StoreAway:
    """What is told of a transaction that the database ended for its silence. A listener or a command, which holds no
    lane, is to say "later".
    """
    if (mine := held()) is None:
        return StoreAway(AWAY, after_seconds=5)
    said = f"the database ended a transaction of the run that holds lane {mine.lane}: it said nothing for seconds"
    return FellSilent(said, fix=_SPEAK)


def _is_away(error: DBAPIError) -> bool:
    """Whether the server cannot be reached or is going down."""
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or _unreached(error) or state in _GOING


def _unreached(error: DBAPIError) -> bool:
    """Whether no connection came about: psycopg gives no code then, only the server's words."""
    driver = type(error.orig).__module__.startswith("psycopg")
    return isinstance(error, OperationalError) and driver and getattr(error.orig, "sqlstate", None) is None


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
    _touch(path)
    writer = _sqlite_engine(path, "BEGIN IMMEDIATE", pool_size=2, max_overflow=0)
    reader = _sqlite_engine(path, "BEGIN", pool_size=4, max_overflow=28, query_only=True)
    return writer, reader


def _touch(path: Path) -> None:
    """Make the file, closed to others: the journal files take over its permissions."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        if said := disk_trouble(error):
            raise StoreAway(said, after_seconds=5) from None
        fix = f"give the user that the hub runs as the right to write {path.name} and its folder"
        raise Misconfigured(f"the database cannot be opened ({error.strerror})", fix=fix) from None


def _opener(path: Path) -> Callable[[], sqlite3.Connection]:
    """Opens what is there: where the disk below the file is gone, an empty new file would look like a database."""
    address = f"{path.resolve().as_uri()}?mode=rw"
    return lambda: sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)


@contextmanager
def _full_told_apart(path: Path) -> Iterator[None]:
    """Where SQLite finds no room for the files beside its own it speaks of a failing disk; a full one is meant."""
    try:
        yield
    except sqlite3.OperationalError as error:
        with suppress(OSError):
            if shutil.disk_usage(path.parent).free < NO_ROOM_BYTES:
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise


def _sqlite_engine(path: Path, begin_sql: str, *, query_only: bool = False, **pool: int) -> Engine:
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, hide_parameters=True, creator=_opener(path), **pool)

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        with _full_told_apart(path):
            for pragma in _SQLITE_PRAGMAS:
                connection.execute(pragma).close()
            if query_only:
                connection.execute("PRAGMA query_only=ON").close()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin_sql)

    return engine


def _postgresql(url: URL) -> Engine:
    options = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=8,
        max_overflow=24,
        connect_args={"options": options, "application_name": "billing-hub", **_PATIENCE},
    )
    _ping_rested(engine)
    return engine


def _ping_rested(engine: Engine) -> None:
    """A connection that rested is asked for a sign of life before it is used. One in use a moment ago is not, which
    saves one round trip in eight, unless the server has said something since: its farewell, mostly. When one is
    gone, all that are at rest are made anew.
    """

    @event.listens_for(engine, "checkin")
    def rest(_connection: Any, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def wake(connection: Any, record: Any, _proxy: object) -> None:
        since = record.info.get("rests_since")
        if since is None or (time.monotonic() - since < PING_AFTER_SECONDS and not _has_news(connection)):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def _has_news(connection: Any) -> bool:
    """Whether there is something to be read from a connection that rests; a look at the socket, no round trip."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
