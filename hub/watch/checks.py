"""What can be told of a hub in less than a second without asking a partner."""

from __future__ import annotations

import shutil

from hub.flow.base import Hub
from hub.watch.finding import Finding


def standing(hub: Hub) -> list[Finding]:
    """How everything stands that can be told at once; those that are well are there too."""
    return [disk(hub)]


def disk(hub: Hub) -> Finding:
    """The free disk of the data folder."""
    free = shutil.disk_usage((hub.folder / hub.settings.hub.data).resolve()).free
    if free >= hub.settings.watch.free_megabytes * 1_000_000:
        return Finding(key="disk.low:data", ok=True, level="ok", what=f"data folder: {free // 10**6:,} MB free")
    return Finding(
        key="disk.low:data",
        ok=False,
        level="alarm",
        what=f"data folder: {free // 10**6:,} MB free",
        why="the hub stops taking work in when its disk is full",
        fix="free space on the disk of the data folder, or move the folder",
    )
