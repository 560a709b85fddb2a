"""For every test here: drawn examples have no time limit, and what takes long and never differs is made once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

# a machine that is busy with something else makes an example slow: that proves nothing, and may not fail a test
settings.register_profile(
    "hub",
    settings.get_profile("ci" if os.environ.get("CI") else "default"),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("hub")


@pytest.fixture(scope="session", autouse=True)
def _tables_from_memory() -> Iterator[None]:
    """What the migrations make of an empty SQLite database is made by them once, and then repeated as they made it:
    they take longer than most tests that need tables. `migrated` gives a test the migrations themselves.
    """
    found = sys.modules.get("hub.store.migrate")
    if found is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(found, "upgrade", Remembered(found.upgrade))
        yield


@pytest.fixture(scope="session", autouse=True)
def _commands_from_memory() -> Iterator[None]:
    """The tree of a command line is put together once, not again for each line that a test types."""
    found = sys.modules.get("typer.main")
    if found is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(found, "get_command", cache(found.get_command))
        yield


@pytest.fixture
def migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Migrations run as they are, each time."""
    from hub.store import migrate

    if isinstance(migrate.upgrade, Remembered):
        monkeypatch.setattr(migrate, "upgrade", migrate.upgrade.real)


class Remembered:
    """`hub.store.migrate.upgrade`, which on an empty SQLite database repeats what it did the first time."""

    def __init__(self, real: Callable[..., None]) -> None:
        self.real = real
        self._made: list[str] = []

    def __call__(self, connection: Connection, told: Callable[[str], None] | None = None) -> None:
        """Bring the tables up."""
        if told is not None or connection.dialect.name != "sqlite" or _made(connection):
            return self.real(connection, told)
        for statement in self._made:
            connection.exec_driver_sql(statement)
        if not self._made:
            self.real(connection)
            self._made = _made(connection)
        return None


def _made(connection: Connection) -> list[str]:
    """The statements that make what stands in the database: its tables, indexes and triggers, and its version."""
    laid = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'sqlite_sequence' ORDER BY rowid"
    made = [str(sql) for (sql,) in connection.exec_driver_sql(laid)]
    if any(sql.startswith("CREATE TABLE alembic_version") for sql in made):
        rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()
        made += [f"INSERT INTO alembic_version VALUES ('{row}')" for row in rows]  # noqa: S608 - we wrote them
    return made
