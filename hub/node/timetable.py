"""The schedule of a node, in a thread of its own, which a reload replaces."""

from __future__ import annotations

import threading

from hub.app import App
from hub.log import get_log
from hub.schedule import Scheduler

AGAIN_SECONDS = 30.0


class Timetable:
    """Runs the schedules of the settings until it is ended."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, app: App) -> None:
        """Run what `app` wants to be run, and no more what an earlier one wanted."""
        self.end(within_seconds=5.0)
        self._stop = threading.Event()
        scheduler = Scheduler(app.schedules(), app.store, app.clock)
        self._thread = threading.Thread(target=_serve, args=(scheduler, self._stop), name="schedule", daemon=True)
        self._thread.start()

    def end(self, within_seconds: float) -> bool:
        """Begin no slot any more; True when it has ended within that time."""
        self._stop.set()
        if self._thread is None:
            return True
        self._thread.join(within_seconds)
        return not self._thread.is_alive()


def _serve(scheduler: Scheduler, stop: threading.Event) -> None:
    """The scheduler's own loop, begun again should it ever raise: a hub without a clock does nothing."""
    while not stop.is_set():
        try:
            scheduler.serve(stop)
        except Exception as error:  # noqa: BLE001 - whatever it is, the schedule goes on
            get_log().warning("schedule.fault", exception=type(error).__name__)
            stop.wait(AGAIN_SECONDS)
