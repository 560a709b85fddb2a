"""Migrations: step by step the tables become what the metadata says, and a newer database is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from hub.clock import TurnedClock
from hub.errors import Misconfigured
from hub.store import Keyring, Store, open_store
from hub.store.migrate import configuration
from hub.store.migrations import HEAD
from hub.store.schema import METADATA

pytestmark = pytest.mark.usefixtures("migrated")

_SQLITE = """
SELECT type, name, sql FROM sqlite_master
WHERE name NOT LIKE 'alembic%' AND name NOT LIKE 'sqlite_%' AND tbl_name NOT LIKE 'alembic%'
"""
_POSTGRESQL = """
SELECT 'column', table_name || '.' || column_name, data_type || is_nullable || coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'alembic%'
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename NOT LIKE 'alembic%'
UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conname NOT LIKE 'alembic%'
UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
"""


@pytest.fixture
def empty(db_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[Store]:
    """An open store on a database without tables."""
    opened = open_store(db_url, keyring, clock)
    yield opened
    opened.close()


def objects(store: Store) -> set[tuple[str, str, str]]:
    """Every table, column, index, constraint and trigger in the database's own words, without white space."""
    query = _SQLITE if store.dialect == "sqlite" else _POSTGRESQL
    with store.engines.reader.connect() as connection:
        rows = connection.execute(text(query)).all()
    return {(kind, name, "".join((sql or "").replace('"', "").split())) for kind, name, sql in rows}


def test_the_steps_make_what_the_metadata_says(
    empty: Store, request: pytest.FixtureRequest, keyring: Keyring, clock: TurnedClock, tmp_path: Path
) -> None:
    """A migrated database and one made at once are the same, down to indexes and triggers; alembic agrees."""
    if empty.dialect == "sqlite":
        made = open_store(f"sqlite:///{tmp_path / 'made.db'}", keyring, clock)
        made.create_all()
    else:
        made = open_store(request.getfixturevalue("made_pg_url"), keyring, clock)
    empty.migrate()
    assert objects(empty) == objects(made)
    made.close()
    with empty.engines.reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_a_migrated_store_works_and_migrating_again_changes_nothing(empty: Store) -> None:
    """`migrate` is safe to run at every start."""
    empty.migrate()
    with empty.begin("admin") as tx:
        tx.registry.take("st02")
    before = objects(empty)
    empty.migrate()
    assert objects(empty) == before
    with empty.view() as view:
        assert view.registry.used_for("st02", 1) == ""


@pytest.mark.parametrize(("found", "says"), [("9999", "newer hub"), ("0000", "older")])
def test_a_database_of_another_hub_is_refused(empty: Store, found: str, says: str) -> None:
    """Tables of a newer or an older hub are not touched: a person is told what to run."""
    empty.migrate()
    with empty.engines.writer.connect() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": found})
        connection.commit()
    with pytest.raises(Misconfigured, match=says), empty.view():
        pass
    with pytest.raises(Misconfigured, match="newer hub"):
        empty.migrate()


def test_the_head_is_the_last_step() -> None:
    """The number that every start compares with is that of the newest step."""
    with as_file(files("hub.store").joinpath("migrations")) as folder:
        script = ScriptDirectory.from_config(configuration(str(folder)))
        assert script.get_current_head() == HEAD
