"""The disk fills up in the midst of the path: nothing is half-done, and with room the hub goes on by itself."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from faultlab.books import broken
from faultlab.extras import LONG
from faultlab.scene import scene
from faultlab.survive import Trigger, survive
from faultlab.world import World
from sqlalchemy import Connection, event

from hub.app import App
from hub.keep.backup import back_up
from hub.keep.place import place_of

pytestmark = pytest.mark.campaign

SMALL_MEGABYTES = 48
FLOOR = "\n[watch]\nfree_megabytes = 100\n"
"""A tenth of it must be free, or nothing new is taken in."""
PLACES = (
    "posting.post:before:2",
    "ingest.receive:before:1",
    "ingest.assemble:before:2",
    "batch.freeze:before:1",
    "dispatch.stage:after:1",
    "dispatch.publish:before:2",
    "fetch.store:before:1",
    "remit.read:before:1",
    "printing.freeze:before:1",
    "audit.seal:before:2",
)
ONE_QUICK = [PLACES[0], *(pytest.param(at, marks=pytest.mark.slow) for at in PLACES[1:])]


class Small:
    """The data folder is a small file system of its own, and something else fills it to the last byte."""

    def __init__(self) -> None:
        self.folder: Path | None = None

    def prepare(self, world: World) -> None:
        """Skips where mounting is not allowed."""
        folder = world.work / "data"
        folder.mkdir()
        if os.geteuid() != 0:
            pytest.skip("only root may mount a small file system")
        command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_MEGABYTES}m", "tmpfs", str(folder)]
        if subprocess.run(command, check=False, capture_output=True).returncode != 0:
            pytest.skip("mounting a file system is not allowed here")
        self.folder = folder
        add(world, FLOOR)

    def strike(self, app: App) -> None:
        """Nothing is free; what SQLite keeps for its journal is used up too."""
        assert self.folder is not None
        with (self.folder / "filler").open("wb", buffering=0) as filler:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while True:
                        filler.write(bytes(size))

    def mend(self) -> None:
        """Somebody removes the filler; harmless twice."""
        if self.folder is not None:
            (self.folder / "filler").unlink(missing_ok=True)

    def unmount(self) -> None:
        """When the hub is closed."""
        if self.folder is not None:
            subprocess.run(["umount", str(self.folder)], check=True)
            self.folder = None


class NoMorePages:
    """SQLite finds no room for one page more, wherever its file lies."""

    def __init__(self) -> None:
        self.full = False

    def prepare(self, world: World) -> None:
        """Nothing."""

    def strike(self, app: App) -> None:
        """From the next transaction on."""
        event.listen(app.store.engines.writer, "begin", self._limit)
        self.full = True

    def mend(self) -> None:
        """From the next transaction on."""
        self.full = False

    def _limit(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={1 if self.full else 1 << 30}")


@pytest.fixture
def small() -> Any:
    """A small file system, which is unmounted at the end."""
    made = Small()
    yield made
    made.unmount()


def add(world: World, text: str) -> None:
    """Write more settings."""
    path = world.config / "hub.toml"
    path.write_text(path.read_text() + text)


@pytest.mark.parametrize("at", ONE_QUICK)
def test_a_small_disk_is_full(tmp_path: Path, five: dict[str, Any], small: Small, at: str) -> None:
    """A data folder without a free byte, for a day: steps wait, no input is taken in, nobody has to tell the hub
    that there is room again.
    """
    troubles = survive(tmp_path, small, at, five, rests=6)
    assert {one.error for one in troubles} <= {"StoreAway", "RetryLater"}
    assert troubles


@pytest.mark.slow
@pytest.mark.parametrize("at", PLACES)
def test_sqlite_finds_no_page(tmp_path: Path, five: dict[str, Any], at: str) -> None:
    """The same by SQLite's own limit, which needs no rights on the machine."""
    troubles = survive(tmp_path, NoMorePages(), at, five, rests=20)
    assert {one.error for one in troubles} <= {"StoreAway"}


def test_a_file_in_pieces_finds_the_disk_full(tmp_path: Path) -> None:
    """A long file of which one piece was stored when the disk became full is no file; later it comes whole, once."""
    fault = NoMorePages()
    with scene(tmp_path, claims=1) as on:
        on.deliver("report.txt", LONG)
        trigger = Trigger("blob.chunk:after:1", fault, on.app)
        on.app.store._crash = trigger
        on.run(1)
        assert trigger.struck
        assert {one.error for one in on.life.troubles} == {"StoreAway"}
        assert _long_files(on.app) == 0
        fault.mend()
        on.run()
        assert _long_files(on.app) == 1
        assert on.states("claims") == {"paid": 1}
        assert broken(on.app) == []


@pytest.mark.slow
def test_a_backup_finds_the_disk_full(tmp_path: Path, small: Small) -> None:
    """No half backup stands beside the good ones; the next, when there is room, is whole."""

    def on_the_small_disk(world: World) -> None:
        small.prepare(world)
        add(world, f'\n[backup]\nfolder = "{world.work}/data/backups"\n')

    with scene(tmp_path / "world", claims=1, prepare=on_the_small_disk) as on:
        on.run(1)
        place = place_of(on.app.hub)
        back_up(place)
        before = _backups(on.app)
        small.strike(on.app)
        on.life.steps("keep.backup")
        assert _backups(on.app) == before
        small.mend()
        on.run()
        assert len(_backups(on.app)) == len(before) + 1
        assert broken(on.app) == []


def _long_files(app: App) -> int:
    with app.store.view() as view:
        stored = view.inbox.find(limit=1_000)
        return sum(view.blobs.size(item.blob_id) == len(LONG) for item in stored)


def _backups(app: App) -> list[Path]:
    folder = app.loaded.folder / app.settings.backup.folder
    return sorted(folder.glob("*.hubbackup"))
