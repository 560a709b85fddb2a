"""One consistent copy of a database while others write to it: what it holds, and its bytes."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection, create_engine, func, inspect, make_url, select, table, text
from sqlalchemy.pool import NullPool

from hub.errors import RetryLater
from hub.store.engine import told_apart

PAGES = 256
"""SQLite pages copied at a time, 1 MiB: between two steps others get the processor and the disk."""
PIECE = 1 << 20
OURS = (".hub-copy-", "alembic_version", "hub_restored")
COPY = OURS[0]
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
    names = [name for name in inspect(connection).get_table_names() if name not in OURS]
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


def copying(url: str, scratch: Path, tools: str, told: Told) -> AbstractContextManager[Copy]:
    """One consistent copy of the database at `url`. `scratch`: a folder that is as safe as the database's own,
    for SQLite's copy; `tools`: where pg_dump is, if not where packages put it.
    """
    from hub.store import pg_tools

    if kind_of(url) == "sqlite":
        return _copying_sqlite(path_of(url), scratch, told)
    return pg_tools.copying(url, tools, told)


def kind_of(url: str) -> str:
    """`sqlite` or `postgresql`."""
    return make_url(url).get_backend_name()


def path_of(url: str) -> Path:
    """The file of an SQLite database."""
    return Path(make_url(url).database or "")


@contextmanager
def _copying_sqlite(source: Path, scratch: Path, told: Told) -> Iterator[Copy]:
    target = scratch / f"{COPY}{os.getpid()}.db"
    try:
        copy_sqlite(source, target, told)
        with target.open("rb") as file:
            yield Copy(look(target), iter(lambda: file.read(PIECE), b""))
    finally:
        target.unlink(missing_ok=True)


def copy_sqlite(source: Path, target: Path, told: Told) -> None:
    """Copy a database in small steps while others write: the read transaction holds one state of it.

    Without that transaction every commit of another process would begin the copy anew, for ever on a busy day.
    The copy is one file without a journal beside it.
    """
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with closing(_plain(source)) as there, closing(_plain(target)) as here:
        here.execute("PRAGMA journal_mode=OFF").close()
        here.execute("PRAGMA synchronous=OFF").close()
        there.execute("PRAGMA query_only=ON").close()
        there.execute("BEGIN").close()
        there.execute("SELECT count(*) FROM sqlite_master").fetchone()
        there.backup(here, pages=PAGES, progress=lambda _, left, all_: told(all_ - left, all_), sleep=0)
        there.execute("ROLLBACK").close()
    with closing(_plain(target)) as here:
        here.execute("PRAGMA journal_mode=DELETE").close()
    descriptor = os.open(target, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _plain(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=30)


def look(path: Path) -> Held:
    """What a copy that nobody writes to holds."""
    engine = create_engine(f"sqlite:///file:{quote(str(path))}?immutable=1&uri=true", poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return held(connection, "sqlite", path.stat().st_size)
    finally:
        engine.dispose()


def sound(path: Path) -> bool:
    """Whether SQLite itself finds every page of the file in order."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?immutable=1", uri=True)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False


def sweep(scratch: Path) -> None:
    """Remove copies that a killed backup left; the caller is alone."""
    for path in scratch.glob(f"{COPY}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def size_of(url: str) -> int:
    """About how many bytes the database has."""
    from hub.store import pg_tools

    if kind_of(url) != "sqlite":
        return pg_tools.size_of(url)
    path = path_of(url)
    return sum(one.stat().st_size for one in (path, path.with_name(path.name + "-wal")) if one.exists())


@contextmanager
def alone(what: str, *folders: Path) -> Iterator[None]:
    """Nobody else backs up or drills with one of these folders at the same time; the lock dies with its process."""
    with ExitStack() as held_locks:
        for folder in sorted({one.resolve() for one in folders}):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = held_locks.enter_context((folder / ".keep.lock").open("a"))
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RetryLater(
                    f"another backup or drill is at work: {what} must wait", after_seconds=60
                ) from None
        yield


def tidy(url: str) -> None:
    """Let the database look after itself: statistics for the planner, and on SQLite a short write-ahead log."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        with told_apart(), engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA analysis_limit=1000")
                connection.exec_driver_sql("PRAGMA optimize")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            else:
                connection.exec_driver_sql("ANALYZE")
    finally:
        engine.dispose()
