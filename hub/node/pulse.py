"""What a running node does by itself every few seconds: it shows that it lives, seals, sweeps, and asks whether its
store is there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import hub
from hub.app import Current
from hub.errors import HubError, StoreAway
from hub.log import get_log
from hub.node.load import load_of
from hub.node.plan import Plan
from hub.runner.port import Runner
from hub.store.alone import Alone, Taken

BEAT_SECONDS = 5.0
SEAL_SECONDS = 10.0
SWEEP_SECONDS = 30.0
SAY_SECONDS = 60.0
LOOK_SECONDS = 5.0
HUNG_SECONDS = 15.0
"""A database that has kept a beat waiting for so long, at two looks in a row, does not answer."""
GIVE_UP_SECONDS = 900.0
"""So long nothing need end before the process counts as hung: a person is told of an absent store well before, which
a restart would forget.
"""


class Registered:
    """One node in the registry of nodes."""

    def __init__(self, name: str, plan: Plan) -> None:
        self.name = name
        self._plan = plan
        self._id = ""

    def beat(self, current: Current, runner: Runner | None) -> None:
        """A sign of life; a node that the registry has forgotten arrives again."""
        app = current.app
        load = load_of(app, runner, self._plan.threads)
        with app.store.view() as view:
            load["clock_off_ms"] = view.nodes.clock_off_ms()
        with app.store.begin("node.beat") as tx:
            if not (self._id and tx.nodes.beat(self._id, load)):
                self._id = tx.nodes.arrive(self.name, self._plan.roles, hub.__version__)
                tx.nodes.beat(self._id, load)

    def leave(self, current: Current) -> None:
        """Out of the registry in order, where it can be reached."""
        with suppress(HubError):
            if self._id:
                with current.app.store.begin("node.beat") as tx:
                    tx.nodes.leave(self._id)


class Pulse:
    """One thread with a few things to do, each in its own time. `on_lost` is called where another process has
    taken the right to run alone, `on_store` with each beat: whether the store is there. Where it does not even say
    no, a second thread says so: the first one waits for it inside its beat.
    """

    def __init__(
        self,
        *,
        beat: Callable[[], None],
        seal: Callable[[], None],
        sweep: Callable[[], None],
        also: Callable[[], None],
        alone: Alone | None,
        on_lost: Callable[[Taken], None],
        on_store: Callable[[bool], None],
    ) -> None:
        self._alone, self._on_lost, self._on_store = alone, on_lost, on_store
        self._sweep = sweep
        self._tasks: list[tuple[float, Callable[[], None]]] = [
            (BEAT_SECONDS, lambda: self._store_is_there(beat)),
            (SEAL_SECONDS, seal),
            (SWEEP_SECONDS, sweep),
            (SWEEP_SECONDS, also),
        ]
        self._stop = threading.Event()
        self._away_since: float | None = None
        self._said_at = 0.0
        self._telling = threading.Lock()
        self._beaten_at = self._ended_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._second = threading.Thread(target=self._look, name="pulse-look", daemon=True)

    def start(self) -> None:
        """Begin; the first beat is at once."""
        self._beaten_at = self._ended_at = time.monotonic()
        self._thread.start()
        self._second.start()

    def end(self, within_seconds: float) -> bool:
        """Do no more; True when it has ended within that time."""
        self._stop.set()
        if self._thread.ident is None:
            return True
        self._thread.join(within_seconds)
        return not self._thread.is_alive()

    @property
    def up(self) -> bool:
        """Whether its thread lives, and has done something lately."""
        return self._thread.is_alive() and time.monotonic() - self._ended_at < GIVE_UP_SECONDS

    def _run(self) -> None:
        now = time.monotonic()
        due = [now, *(now + seconds for seconds, _ in self._tasks[1:])]
        while not self._stop.is_set():
            for number, (seconds, task) in enumerate(self._tasks):
                if time.monotonic() >= due[number]:
                    self._try(task)
                    self._ended_at = time.monotonic()
                    due[number] = time.monotonic() + seconds
            self._stop.wait(max(0.05, min(due) - time.monotonic()))

    def _try(self, task: Callable[[], None]) -> None:
        try:
            task()
        except StoreAway:
            pass  # the beat says so, and for how long
        except Exception as error:  # noqa: BLE001 - whatever it is, the node lives on and tries again
            get_log().warning("node.fault", exception=type(error).__name__)

    def _store_is_there(self, beat: Callable[[], None]) -> None:
        try:
            if self._alone is not None:
                self._alone.still()
            beat()
        except Taken as taken:
            self._on_lost(taken)
        except StoreAway:
            self._tell(there=False)
        else:
            self._tell(there=True)
        finally:
            self._beaten_at = time.monotonic()

    def _look(self) -> None:
        """Two looks: a process that was put to sleep as a whole is late only once."""
        late = 0
        while not self._stop.wait(LOOK_SECONDS):
            late = late + 1 if self._is_late() else 0
            if late > 1:
                self._tell(there=False, only_if_late=True)

    def _is_late(self) -> bool:
        return time.monotonic() - self._beaten_at >= HUNG_SECONDS

    def _tell(self, *, there: bool, only_if_late: bool = False) -> None:
        with self._telling:
            if only_if_late and not self._is_late():
                return
            self._beaten_at = self._beaten_at if only_if_late else time.monotonic()
            was_away = self._away_since is not None
            if there:
                self._back()
            else:
                self._away()
        if there and was_away:
            self._sweep()

    def _away(self) -> None:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since, self._said_at = now, 0.0
        seconds = now - self._away_since
        if not self._said_at or now - self._said_at >= SAY_SECONDS:
            self._said_at = now
            get_log().warning("store.away", seconds=round(seconds))
        self._on_store(False)

    def _back(self) -> None:
        if self._away_since is not None:
            seconds = time.monotonic() - self._away_since
            self._away_since = None
            get_log().info("store.back", seconds=round(seconds))
        self._on_store(True)
