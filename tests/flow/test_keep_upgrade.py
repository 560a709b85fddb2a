"""Migrations forward: rehearsed on a copy, made after a backup, refused while a hub runs, safe to repeat."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from alembic import command
from flowlab.house import House
from flowlab.keeper import KEYRING, place_of, visit
from sqlalchemy import Connection, MetaData, Table, func, insert, inspect, select

from hub.clock import TurnedClock
from hub.errors import HubError, Misconfigured, RetryLater
from hub.keep.place import Place
from hub.keep.upgrade import rehearse, schema_now, upgrade, upgrade_at_start
from hub.reports.promises import prove
from hub.store import Store, open_store
from hub.store.alone import take
from hub.store.migrate import configuration
from hub.store.migrations import HEAD

pytestmark = pytest.mark.usefixtures("migrated")


@pytest.fixture
def old(db_url: str, clock: TurnedClock, tmp_path: Path) -> Iterator[Place]:
    """A practice with a claim that was sent and one that is ready, in the tables of step 0001, on each database."""
    full = open_store(f"sqlite:///{tmp_path / 'full.db'}", KEYRING, clock)
    full.create_all()
    house = House(full, clock)
    house.bill(*visit(1))
    house.tell(*visit(2))
    house.take_in()
    full.seal()
    store = open_store(db_url, KEYRING, clock)
    _tables_of_step("0001", store)
    _copy(full, store)
    full.close()
    yield place_of(House(store, clock), tmp_path)
    store.close()


def _tables_of_step(step: str, store: Store) -> None:
    with (
        store.engines.writer.connect() as connection,
        as_file(files("hub.store").joinpath("migrations")) as folder,
    ):
        connection.begin()
        config = configuration(str(folder))
        config.attributes["connection"] = connection
        command.upgrade(config, step)
        connection.commit()


def _copy(source: Store, target: Store) -> None:
    """Every row of the tables that both have, in the columns that the older one has."""
    with source.engines.reader.connect() as there, target.engines.writer.connect() as here:
        here.begin()
        known, older = set(inspect(there).get_table_names()), MetaData()
        older.reflect(here)
        for table in older.sorted_tables:
            if table.name in known:
                _copy_table(there, here, table)
        here.commit()


def _copy_table(there: Connection, here: Connection, table: Table) -> None:
    newer = Table(table.name, MetaData(), autoload_with=there)
    both = [column.name for column in table.columns if column.name in newer.c]
    rows = [dict(row._mapping) for row in there.execute(select(*[newer.c[name] for name in both]))]
    if rows:
        here.execute(insert(table), rows)
    for column in table.columns:
        if (
            rows
            and here.dialect.name == "postgresql"
            and "nextval" in str(column.server_default and column.server_default.arg)
        ):
            last = max(row[column.name] for row in rows)
            place = func.pg_get_serial_sequence(table.name, column.name)
            here.execute(select(func.setval(place, last)))


def counts(place: Place) -> dict[str, int]:
    """Claims by state."""
    with place.store.view() as view:
        return {state[0] if isinstance(state, tuple) else state: n for state, n in view.claims.tally().items()}


def test_a_rehearsal_migrates_a_copy_and_leaves_nothing(old: Place) -> None:
    """The copy comes to the newest step and keeps the promises; the database and the folders are as they were."""
    before = sorted(path.name for path in old.data.iterdir()) if old.data.exists() else []
    done = rehearse(old)
    assert (done.before, done.after, done.verdict.wrong) == ("0001", HEAD, ())
    assert [one.step for one in done.steps][-1] == HEAD
    assert done.bytes_needed >= done.bytes_before > 0
    assert schema_now(old) == "0001"
    left = {path.name for path in old.data.iterdir()} - set(before)
    assert left <= {".keep.lock", "hub.db-wal", "hub.db-shm"}


def test_an_upgrade_makes_a_backup_first_and_may_be_said_twice(old: Place) -> None:
    """From the first tables with rows to the newest: every row is there, promises hold, the backup has its row."""
    made, steps = upgrade(old)
    assert made is not None
    assert [one.step for one in steps][-1] == HEAD
    assert counts(old) == {"frozen": 1, "ready": 1}
    broken = [(p.number, one.where, one.why) for p in prove(old.store, old.settings) for one in p.exceptions]
    assert broken == []
    with old.store.view() as view:
        assert [row.file for row in view.backups.list()] == [made.file]
    assert upgrade(old) == (None, [])
    assert len(list(old.backups.glob("*.hubbackup"))) == 1


def test_an_upgrade_is_refused_while_a_hub_runs(old: Place, clock: TurnedClock) -> None:
    """Nobody migrates under a running hub; afterwards it goes."""
    running = take(old.store, clock.now())
    with pytest.raises(HubError):
        upgrade(old, backup=False)
    assert schema_now(old) == "0001"
    running.release()
    assert upgrade(old, backup=False)[0] is None
    assert schema_now(old) == HEAD


def test_a_start_makes_a_backup_before_it_changes_tables(old: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that starts on an older hub's data: no backup, no migration; with one, every row is there; the next start
    does nothing."""
    with monkeypatch.context() as patched:
        patched.setattr("hub.keep.backup.size_of", lambda _url: 1 << 60)
        with pytest.raises(RetryLater, match="not enough disk"):
            upgrade_at_start(old)
    assert schema_now(old) == "0001"
    made = upgrade_at_start(old)
    assert made is not None
    assert (schema_now(old), counts(old)) == (HEAD, {"frozen": 1, "ready": 1})
    assert upgrade_at_start(old) is None
    assert [path.name for path in old.backups.glob("*.hubbackup")] == [made.file]


def test_a_start_on_a_fresh_database_makes_its_tables_at_once(
    db_url: str, clock: TurnedClock, tmp_path: Path
) -> None:
    """There is nothing to back up yet."""
    store = open_store(db_url, KEYRING, clock)
    place = place_of(House(store, clock), tmp_path)
    assert upgrade_at_start(place) is None
    assert schema_now(place) == HEAD
    assert not place.backups.exists()
    store.close()


def test_a_newer_hubs_database_is_left_alone(db_url: str, clock: TurnedClock, tmp_path: Path) -> None:
    """Neither a rehearsal nor an upgrade touches it."""
    store = open_store(db_url, KEYRING, clock)
    store.migrate()
    with store.engines.writer.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    place = place_of(House(store, clock), tmp_path)
    for deed in (rehearse, upgrade):
        with pytest.raises(Misconfigured, match="newer hub"):
            deed(place)
    store.close()
