"""Whether there is room for what is new: below a floor nothing is taken in, so that what is in flight can finish."""

from __future__ import annotations

import shutil
from pathlib import Path

from hub.errors import StoreAway
from hub.flow.base import Hub

PART = 10
"""The floor is this part of `watch.free_megabytes`, at which a person was told."""


def make_sure(hub: Hub) -> None:
    """Raise `StoreAway` where the disk of the database is nearly full. A PostgreSQL server says so itself."""
    if hub.store.dialect != "sqlite":
        return
    if free(hub) < hub.settings.watch.free_megabytes * 1_000_000 // PART:
        said = "the disk of the database is nearly full: nothing new is taken in"
        raise StoreAway(said, after_seconds=30, fix="free space on that disk; the hub then goes on by itself")


def free(hub: Hub) -> int:
    """Free bytes on the disk of an SQLite database, else of the data folder; 0 where that cannot be told."""
    database = hub.store.engines.writer.url.database if hub.store.dialect == "sqlite" else None
    folder = Path(database).parent if database else hub.folder / hub.settings.hub.data
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
