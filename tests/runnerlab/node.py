"""A node in a process of its own: `python node.py URL FOLDER`. Files in FOLDER are how it and the test talk."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

from hub.clock import SystemClock
from hub.runner import Outcome, Retry
from hub.runner.distributed import DistributedRunner, Pulse
from hub.store import Keyring, Store, lanes, open_store

PULSE = Pulse(beat_seconds=0.2, dead_seconds=1.0, look_seconds=0.2)


def acting(store: Store, folder: Path, *, inside: bool) -> Callable[[str], Outcome]:
    """The step: it says that it began, waits for the word, and writes; `inside`: in one transaction."""

    def wait() -> None:
        (folder / "began").touch()
        while not (folder / "word").exists():
            threading.Event().wait(0.01)

    def act(_lane: str) -> Outcome:
        try:
            if not inside:
                wait()
            with store.begin("admin") as tx:
                if inside:
                    wait()
                tx.plugin_state("acts").put("other", b"1")
        except Exception as error:
            said(folder, type(error).__name__)
            raise
        said(folder, "acted")
        return Outcome(done=1)

    return act


def said(folder: Path, word: str) -> None:
    """Tell how it ended, whole."""
    (folder / "ending").write_text(word)
    (folder / "ending").rename(folder / "end")


def main(url: str, folder: Path) -> None:
    """Run until the test ends this process."""
    lanes.STILL = "1s"
    store = open_store(url, Keyring(bytes(32)), SystemClock())
    steps = {"act": acting(store, folder, inside=False), "act.inside": acting(store, folder, inside=True)}
    runner = DistributedRunner(
        steps,
        store=store,
        node="other",
        threads=1,
        retry=Retry(first_seconds=60),
        pulse=PULSE,
        on_trouble=lambda _trouble: None,
    )
    runner.start()
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
