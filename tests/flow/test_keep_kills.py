"""kill -9 in the middle of a backup, a restore or a drill: nothing half is left, and the next try is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from flowlab.house import House
from flowlab.keeper import KEY_TEXT, KEYRING, pg_tools, place_of, visit

from hub.clock import TurnedClock
from hub.keep.backup import back_up
from hub.keep.drill import drill
from hub.keep.place import Place
from hub.keep.restore import Wanted, restore, verify
from hub.store import open_store

pytestmark = pytest.mark.campaign

CHILD = Path(__file__).parents[1] / "flowlab" / "keep_child.py"


@pytest.fixture
def place(made_url: str, clock: TurnedClock, tmp_path: Path) -> Iterator[Place]:
    """A practice with one claim, on each database."""
    store = open_store(made_url, KEYRING, clock)
    house = House(store, clock)
    house.bill(*visit(1))
    yield place_of(house, tmp_path)
    store.close()


def killed(place: Place, verb: str, stage: str, *more: str, crash_at: str = "") -> None:
    """Run the child until it kills itself."""
    command = [sys.executable, "-W", "ignore", str(CHILD), verb, stage, place.url, str(place.folder), *more]
    environment = {**os.environ, "PYTHONPATH": str(CHILD.parents[1]), "HUB_CRASH_AT": crash_at}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr


def names(place: Place) -> list[str]:
    """What looks like a backup, or like a part of one."""
    return sorted(path.name for path in place.backups.iterdir() if "hubbackup" in path.name)


@pytest.mark.parametrize(
    ("made_url", "stage"),
    [("sqlite", "copying the database"), ("sqlite", "encrypting"), ("postgresql", "encrypting")],
    indirect=["made_url"],
)
def test_a_killed_backup_leaves_nothing_that_looks_like_one(place: Place, stage: str) -> None:
    """Nothing but a part whose name says so stays, and the next backup sweeps it."""
    killed(place, "backup", stage)
    assert [name for name in names(place) if not name.endswith(".part")] == []
    made = back_up(place)
    assert names(place) == [made.file]
    assert drill(place).verdict.ok
    with place.store.view() as view:
        assert [row.file for row in view.backups.list()] == [made.file]


@pytest.mark.parametrize("made_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_backup_killed_around_its_row_is_whole(place: Place, side: str) -> None:
    """Between the file and its row: the file is whole, and the next backup sees to the row."""
    killed(place, "backup", "", crash_at=f"backup.made:{side}:1")
    (first,) = names(place)
    made = back_up(place)
    with place.store.view() as view:
        assert sorted(row.file for row in view.backups.list()) == sorted([first, made.file])


def test_a_killed_restore_can_be_said_again(
    place: Place, request: pytest.FixtureRequest, clock: TurnedClock, tmp_path: Path
) -> None:
    """No folder that could be taken for a hub, no database that could run; the same command then restores whole."""
    store = str(request.getfixturevalue("pg_url")) if place.store.dialect == "postgresql" else ""
    if store == place.url:
        pytest.fail("the restore must go into another database")
    made = back_up(place)
    file, into = place.backups / made.file, tmp_path / "new"
    killed(place, "restore", "restoring", str(file), str(into), store)
    assert not into.exists()
    restored = restore(
        Wanted(file=file, into=into, keyring=KEYRING, key_text=KEY_TEXT, store=store, tools=pg_tools()), clock
    )
    assert verify(restored, KEYRING).ok
    assert [path.name for path in tmp_path.iterdir() if "restoring" in path.name] == []


@pytest.mark.parametrize(
    ("made_url", "stage"), [("sqlite", "restoring"), ("postgresql", "proving")], indirect=["made_url"]
)
def test_a_killed_drill_leaves_nothing_after_the_next(place: Place, stage: str) -> None:
    """Its temporary file or database is gone after the next drill, which proves the backup."""
    back_up(place)
    killed(place, "drill", stage)
    with place.store.view() as view:
        assert view.backups.list()[0].proved_at is None
    assert drill(place).verdict.ok
    assert _leftovers(place) == []


def _leftovers(place: Place) -> list[str]:
    if place.store.dialect == "sqlite":
        return [path.name for path in place.data.iterdir() if path.name.startswith(".hub-copy")]
    dsn = place.url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE current_database() || '\\_%'"
        )
        return [row[0] for row in rows.fetchall()]
