"""Fixtures for everyone: a turned clock, a keyring, an SQLite file, a real PostgreSQL with a database per test.

One PostgreSQL server serves a whole test run, however many xdist workers it has: the first test that needs it
starts it under a file lock, and the process that began the run stops it and removes its folder at the end. What
a killed run left behind is removed by the next one.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from hub.clock import TurnedClock

sys.path.insert(0, str(Path(__file__).resolve().parent))
from pglab import PREFIX, Stock, database, dsn, locked, remove_server, started, sweep

if TYPE_CHECKING:  # most tests need no database: the store is imported when a fixture is used
    from hub.store import Keyring, Store

_FOLDER = "HUB_TEST_PG_FOLDER"


def pytest_configure(config: pytest.Config) -> None:
    """The process that begins the run names the server's folder; the workers inherit the name."""
    if not hasattr(config, "workerinput"):
        os.environ[_FOLDER] = str(Path(tempfile.gettempdir()) / f"{PREFIX}{os.getpid()}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The process that began the run stops the server; workers leave it to the others."""
    if not hasattr(config, "workerinput"):
        remove_server(Path(os.environ.pop(_FOLDER)))


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
    sweep(folder)
    folder.mkdir(exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        return started(folder)


@pytest.fixture
def pg_url(pg_server: str) -> Iterator[str]:
    """An empty PostgreSQL database that lives as long as the test."""
    with database(pg_server, "template0") as url:
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
    with locked(folder.with_suffix(".lock")):
        if not (folder / "template-made").exists():
            with psycopg.connect(dsn(pg_server, "postgres"), autocommit=True) as admin:
                admin.execute("CREATE DATABASE hub_template TEMPLATE template0")
            _make_tables(pg_server.replace("/DATABASE?", "/hub_template?"))
            (folder / "template-made").touch()
    return "hub_template"


@pytest.fixture(scope="session")
def pg_stock(pg_server: str, pg_template: str) -> Iterator[Stock]:
    """Where this worker's PostgreSQL databases with all tables come from and go to."""
    with psycopg.connect(dsn(pg_server, "postgres"), autocommit=True) as admin:
        yield Stock(pg_server, pg_template, admin)


@pytest.fixture
def made_pg_url(pg_stock: Stock) -> Iterator[str]:
    """A PostgreSQL database with all tables and no rows, for one test."""
    name = pg_stock.take()
    try:
        yield pg_stock.server.replace("/DATABASE?", f"/{name}?")
    finally:
        pg_stock.give_back(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and no rows, made once by each worker: copying is faster than making."""
    made = tmp_path_factory.mktemp("sqlite") / "hub.db"
    _make_tables(f"sqlite:///{made}")
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    return made


@pytest.fixture
def made_sqlite_url(sqlite_url: str, sqlite_template: Path) -> str:
    """An SQLite database with all tables and no rows, for one test."""
    shutil.copyfile(sqlite_template, sqlite_url.removeprefix("sqlite:///"))
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


@pytest.fixture(scope="session")
def practised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one small real run of the whole path, ended and closed; copy its database before you change it.

    One run serves all xdist workers: the first that asks makes it under a file lock.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with locked(shared / "practised.lock"):
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
