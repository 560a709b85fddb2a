"""A process that backs up, restores or drills, and kills itself at a named moment of that."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from flowlab.keeper import KEYRING, pg_tools
from hub.clock import SystemClock
from hub.config import load
from hub.keep.backup import back_up
from hub.keep.drill import drill
from hub.keep.place import Place
from hub.keep.restore import Wanted, restore
from hub.store import open_store


def dying(stage: str) -> object:
    """Hears of progress, and dies when the stage is first told of."""

    def told(what: str, _done: int, _total: int) -> None:
        if what == stage:
            os.kill(os.getpid(), signal.SIGKILL)

    return told


def main() -> None:
    """`VERB STAGE URL SETTINGS [FILE INTO STORE]`."""
    verb, stage, url, folder, *rest = sys.argv[1:]
    told = dying(stage)
    if verb == "restore":
        file, into, store = rest
        wanted = Wanted(file=Path(file), into=Path(into), keyring=KEYRING, store=store, tools=pg_tools())
        restore(wanted, SystemClock(), told)  # type: ignore[arg-type]
        return
    settings = load(Path(folder)).settings
    tools = settings.backup.model_copy(update={"pg_tools": pg_tools()})
    store_ = open_store(url, KEYRING, SystemClock())
    place = Place(
        settings=settings.model_copy(update={"backup": tools}),
        store=store_,
        folder=Path(folder),
        clock=SystemClock(),
    )
    (back_up(place, None, told) if verb == "backup" else drill(place, told))  # type: ignore[arg-type]


main()
