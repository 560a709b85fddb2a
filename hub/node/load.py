"""What a node tells of itself with each beat: numbers by name."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from hub.app import App
from hub.errors import HubError, StoreAway
from hub.flow import room
from hub.log import get_log
from hub.runner.port import Runner


def load_of(app: App, runner: Runner | None, threads: int) -> dict[str, float]:
    """Free disk and memory in bytes, threads and how many of them are busy, what waits and what is held."""
    told: dict[str, float] = {
        "free_bytes": room.free(app.hub),
        "rss_bytes": rss_bytes(),
        "pid": os.getpid(),
        "threads": threads,
    }
    if runner is None:
        return told
    try:
        status = runner.status()
    except StoreAway:
        return told  # the beat will say so
    except HubError as error:
        get_log().warning("node.status", exception=type(error).__name__)
        return told
    busy = {"busy": runner.busy, "ready": status.ready}
    return {**told, **busy, "backing_off": len(status.backing_off), "held": len(status.held)}


def rss_bytes() -> int:
    """The memory of this process: now on Linux, elsewhere the most it ever had."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
