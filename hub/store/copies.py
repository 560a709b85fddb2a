"""One consistent copy of a database while others write to it: what it holds, and its bytes."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from hub.errors import RetryLater
from hub.store import pg_tools
from hub.store.copied import PIECE, Copy, Held, Told, held, schema_of
from hub.store.engine import told_apart

PAGES = 256
"""SQLite pages copied at a time, 1 MiB: between two steps others get the processor and the disk."""
COPY = ".hub-copy-"


def copying(url: str, scratch: Path, tools: str, told: Told) -> AbstractContextManager[Copy]:
    """One consistent copy of the database at `url`. `scratch`: a folder that is as safe as the database's own,
    for SQLite's copy; `tools`: where pg_dump is, if not where packages put it.
    """
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


__all__ = [
    "COPY",
    "Copy",
    "Held",
    "Told",
    "alone",
    "copy_sqlite",
    "copying",
    "kind_of",
    "look",
    "path_of",
    "schema_of",
    "size_of",
    "sound",
    "sweep",
    "tidy",
]
