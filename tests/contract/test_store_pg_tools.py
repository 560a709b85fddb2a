"""PostgreSQL's own tools: found or asked for in words, never shown a password, and no more rights than they need."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from hub.errors import Misconfigured
from hub.store import pg_tools

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from flowlab import keeper


@pytest.fixture
def plain_url(pg_url: str) -> Iterator[str]:
    """The address of the database for a role that may make no other."""
    role, dsn = f"plain_{secrets.token_hex(4)}", pg_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f'CREATE ROLE "{role}" LOGIN'.encode())
    yield make_url(pg_url).set(username=role).render_as_string(hide_password=False)
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f'DROP ROLE "{role}"'.encode())


def fake(folder: Path, version: str) -> Path:
    """A tool that says of itself that it is of this version, and does nothing."""
    path = folder / "pg_dump"
    path.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n")
    path.chmod(0o700)
    return path


def test_a_password_goes_by_the_environment_alone() -> None:
    """What libpq needs of an address, the password too, stands in the environment and nowhere else."""
    url = make_url(
        "postgresql+psycopg://hub:s3cret@db.example:5433/billing?sslmode=verify-full&application_name=x"
    )
    told = pg_tools.environment(url)
    assert (told["PGHOST"], told["PGPORT"], told["PGUSER"]) == ("db.example", "5433", "hub")
    assert (told["PGPASSWORD"], told["PGSSLMODE"]) == ("s3cret", "verify-full")


def test_tools_that_are_missing_or_too_old_are_asked_for_by_package(tmp_path: Path) -> None:
    """The words name the package and where it is missing; a newer tool than the server is fine."""
    with pytest.raises(Misconfigured, match="not on this machine") as missing:
        pg_tools.tool("pg_dump", str(tmp_path), 17)
    assert "postgresql-client-17" in missing.value.fix
    fake(tmp_path, "16.4 (Debian)")
    with pytest.raises(Misconfigured, match="older than the server") as old:
        pg_tools.tool("pg_dump", str(tmp_path), 17)
    assert "postgresql-client-17" in old.value.fix
    assert pg_tools.tool("pg_dump", str(tmp_path), 16) == str(tmp_path / "pg_dump")
    assert pg_tools.tool("pg_dump", str(tmp_path), 15) == str(tmp_path / "pg_dump")


def test_the_right_to_try_a_backup_is_asked_for_in_words(plain_url: str) -> None:
    """A role that may not make a database learns which right it lacks and who gives it."""
    with (
        pytest.raises(Misconfigured, match="may not make a database") as caught,
        pg_tools.throw_away(plain_url, "x"),
    ):
        pass
    assert "CREATEDB" in caught.value.fix


def test_a_throw_away_database_goes_whatever_happens(pg_url: str) -> None:
    """It is dropped at the end of the block, also when the block fails; those of a killed process go first."""

    def there() -> list[str]:
        dsn, own = pg_url.replace("postgresql+psycopg", "postgresql"), make_url(pg_url).database
        with psycopg.connect(dsn) as admin:
            rows = admin.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", (f"{own}\\_drill\\_%",))
            return [row[0] for row in rows.fetchall()]

    left = f"{make_url(pg_url).database}_drill_0123abcd"
    with psycopg.connect(pg_url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{left}"'.encode())
    found: list[str] = []

    def fails() -> None:
        found.extend(there())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), pg_tools.throw_away(pg_url, "drill"):
        fails()
    assert len(found) == 1
    assert left not in found
    assert there() == []


def test_what_pg_restore_says_of_rows_is_not_repeated(pg_url: str) -> None:
    """A dump that cannot be read: the first words of the tool, without what may show a row."""
    with pytest.raises(pg_tools.RetryLater, match="pg_restore failed") as caught:
        pg_tools.restore(pg_url, keeper.pg_tools(), iter([b"no dump at all" * 100]))
    assert "no dump at all" not in str(caught.value)
    assert pg_tools.tables_of(pg_url) == set()
