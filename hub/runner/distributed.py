"""The distributed runner: any number of nodes run the steps of one hub, from one queue on PostgreSQL."""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import msgspec

from hub.errors import HubError, Stale
from hub.log import get_log
from hub.runner.local import log_trouble, note, run_step, tell
from hub.runner.port import Outcome, Retry, Status, StepCount, Steps, Trouble
from hub.runner.queue import Queue, Taken
from hub.runner.trouble import Verdict
from hub.store import Nudge, Store
from hub.store.holding import Overtaken
from hub.store.jobs import listening

T = TypeVar("T")
_SAY_SECONDS = 60.0
_TIDY_SECONDS = 60.0
_AGAIN_SECONDS = 0.5
"""How soon the end of a run is told again to a database that was away."""


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """How often a node gives a sign of life, when it is counted as dead without one, and how often it looks for work
    that nobody told it of. A dead node's run begins anew after at most `dead` + `beat` + `look` seconds.
    """

    beat_seconds: float = 3.0
    dead_seconds: float = 12.0
    look_seconds: float = 2.0


class DistributedRunner:
    """Runs `steps` in `threads` threads of this node, beside the other nodes on the same database.

    It makes the tables of its queue when they are not there, and queues what the store's transactions nudge from the
    moment it is made: what is nudged by a transaction that rolls back never runs. While the database is away nothing
    begins; what ran is settled when it is back.
    """

    def __init__(
        self,
        steps: Steps,
        *,
        store: Store,
        node: str = "",
        threads: int = 4,
        retry: Retry | None = None,
        on_trouble: Callable[[Trouble], None] = log_trouble,
        stopping: threading.Event | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        self.stopping = stopping or threading.Event()
        self._steps = dict(steps)
        self._store = store
        self._queue = Queue(store, self._steps, node, retry or Retry())
        self._size = threads
        self._on_trouble = on_trouble
        self._pulse = pulse or Pulse()
        self._changed = threading.Condition()
        self._work_to_do = False
        self._telling = 0
        self._running: dict[int, Taken] = {}
        self._due: list[float] = []
        self._worker: int | None = None
        self._strange: set[int] = set()
        self._trust_at = 0.0
        self._beat_at = 0.0
        self._threads: list[threading.Thread] = []
        self._tenders: list[threading.Thread] = []
        self._counts = {name: StepCount(step=name) for name in steps}
        self._said: dict[str, float] = {}

    def nudge(self, step: str, lane: str = "") -> None:
        self.told((Nudge(step, lane),))

    def told(self, nudges: Sequence[Nudge]) -> None:
        for nudge in nudges:
            if nudge.step not in self._steps:
                raise ValueError(f"no step is called {nudge.step!r}")
        if nudges:
            self._queue.nudge(tuple(nudges))

    def start(self) -> None:
        with self._changed:
            if self._threads or self.stopping.is_set():
                return
            self._trust_at = time.monotonic() + self._pulse.dead_seconds  # an outage may have ended just now
            self._threads = [self._thread(self._work, f"lane-{n}") for n in range(self._size)]
            self._tenders = [self._thread(self._tend, "lane-tender"), self._thread(self._listen, "lane-ear")]
        for thread in (*self._tenders, *self._threads):
            thread.start()

    def run_until_idle(self, within_seconds: float | None = None) -> bool:
        self.start()
        until = None if within_seconds is None else time.monotonic() + within_seconds
        while not (idle := self._idle()) and not self.stopping.is_set():
            left = 0.02 if until is None else min(0.02, until - time.monotonic())
            if left <= 0:
                break
            with self._changed:
                self._changed.wait(left)
        return idle

    def stop(self, within_seconds: float = 10.0) -> tuple[str, ...]:
        until = time.monotonic() + within_seconds
        with self._changed:
            self.stopping.set()
            self._changed.notify_all()
        for thread in (*self._threads, *self._tenders):
            thread.join(max(0.0, until - time.monotonic()))
        with self._changed:
            return tuple(sorted(taken.run.lane for taken in self._running.values()))

    def release(self, lane: str) -> None:
        self._queue.release(lane)

    def status(self) -> Status:
        return self._queue.status()

    def counts(self) -> tuple[StepCount, ...]:
        with self._changed:
            return tuple(self._counts.values())

    @property
    def busy(self) -> int:
        with self._changed:
            return len(self._running)

    def _thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        return threading.Thread(target=target, name=name, daemon=True)

    def _idle(self) -> bool:
        with self._changed:
            if self._telling or self._running:
                return False
        return bool(self._try(self._queue.idle))

    def _ring(self) -> None:
        """There may be something to take: one thread looks, and rings again when it finds something."""
        with self._changed:
            self._work_to_do = True
            self._changed.notify_all()

    def _say(self, event: str, error: Exception) -> None:
        """One line a minute for what goes on and on: an absence of hours must not fill the disk with lines."""
        now = time.monotonic()
        if now - self._said.get(event, -_SAY_SECONDS) >= _SAY_SECONDS:
            self._said[event] = now
            get_log().warning(event, exception=type(error).__name__)

    def _try(self, ask: Callable[[], T]) -> T | None:
        """Ask the database; None when it is away now. Raises `Stale` only."""
        try:
            return ask()
        except Stale:
            raise
        except (HubError, OSError) as error:
            self._say("runner.away", error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the node goes on
            get_log().warning("runner.fault", exception=type(error).__name__)
        return None

    # A thread that runs steps

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            began = time.monotonic()
            lives = partial(self._is_alive, taken)
            with self._store.holding(taken.run.lane, taken.run.token, lives, again=taken.failed > 0):
                outcome, verdict = run_step(self._steps, taken.nudge)
            self._settle(taken, outcome, verdict, time.monotonic() - began)

    def _is_alive(self, taken: Taken) -> bool:
        """Whether no other node can have counted this one as dead since the run began."""
        silent_seconds = time.monotonic() - self._beat_at
        return self._worker == taken.worker and silent_seconds < self._pulse.dead_seconds

    def _next(self) -> Taken | None:
        """Wait for something to run; None when stopping."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self.stopping.is_set() or (self._work_to_do and self._worker))
                if self.stopping.is_set():
                    return None
                self._work_to_do = False
                worker = self._worker
            if worker is not None and (taken := self._take(worker)) is not None:
                with self._changed:
                    self._running[taken.job] = taken
                self._ring()
                return taken

    def _take(self, worker: int) -> Taken | None:
        try:
            return self._try(lambda: self._queue.take(worker))
        except Overtaken:
            with self._changed:
                self._worker = None  # the tender lets us arrive again
        except Stale:
            self._ring()
        return None

    def _settle(self, taken: Taken, outcome: Outcome, verdict: Verdict | None, seconds: float) -> None:
        with self._changed:
            note(self._counts[taken.run.step], outcome, verdict, seconds)
        trouble = self._end(taken, outcome, verdict)
        with self._changed:
            del self._running[taken.job]
            self._telling += trouble is not None
            if trouble is not None and trouble.kind != "held":
                heapq.heappush(self._due, time.monotonic() + trouble.wait_seconds)
        self._ring()
        if trouble is not None:
            self._tell(trouble)

    def _end(self, taken: Taken, outcome: Outcome, verdict: Verdict | None) -> Trouble | None:
        """Settle the run, however long the database is away. One that lost its lane is not settled; nor is one that
        cannot be: the tender finds that nobody runs it, and lets it begin anew.
        """
        while True:
            try:
                return self._queue.end(taken, outcome, verdict)
            except Overtaken:
                get_log().warning("lane.taken_over", step=taken.run.step, lane=taken.run.lane)
                return None
            except (HubError, OSError) as error:
                self._say("runner.away", error)
                time.sleep(_AGAIN_SECONDS)
            except Exception as error:  # noqa: BLE001 - a bug of ours must not take the thread with it
                get_log().warning("runner.fault", exception=type(error).__name__)
                return None

    def _tell(self, trouble: Trouble) -> None:
        tell(self._on_trouble, trouble)
        with self._changed:
            self._telling -= 1
            self._changed.notify_all()

    # The node's signs of life

    def _tend(self) -> None:
        """Beat, wake what has backed off, take over from the dead; after a stop until the last run has ended."""
        beat_at = tidy_at = 0.0
        while self._lives():
            if (now := time.monotonic()) >= beat_at:
                beat_at = now + self._pulse.beat_seconds
                self._tended(self._beat)
            if now >= tidy_at:
                tidy_at = now + _TIDY_SECONDS
                self._tended(self._queue.tidy)
            if not self.stopping.is_set():
                self._tended(self._queue.wake)
                self._ring()
            self._pause(beat_at)
        if self._worker is not None:
            self._tended(lambda: self._queue.leave(self._worker or 0))

    def _tended(self, ask: Callable[[], None]) -> None:
        """Try; what met another node's is tried again with the next look."""
        with suppress(Stale):
            self._try(ask)

    def _lives(self) -> bool:
        with self._changed:
            return not self.stopping.is_set() or bool(self._running)

    def _pause(self, beat_at: float) -> None:
        """Wait for the next thing to do: a look, a sign of life, the end of a wait."""
        with self._changed:
            now = time.monotonic()
            while self._due and self._due[0] <= now:
                heapq.heappop(self._due)
            until = min([now + self._pulse.look_seconds, beat_at, *self._due[:1]])
            known = len(self._due)
            self._changed.wait_for(lambda: self._hurries(known), max(0.001, until - now))

    def _hurries(self, known: int) -> bool:
        return len(self._due) > known or (self.stopping.is_set() and not self._running)

    def _beat(self) -> None:
        """Give a sign of life, and take over from those that give none: not before all could, when the database was
        away. A job that was twice marked as ours and is not run here was taken by a commit that we heard no answer
        of: it is put back.
        """
        trusted, self._trust_at = self._trust_at, time.monotonic() + self._pulse.dead_seconds
        worker, began_at = self._worker, time.monotonic()
        if worker is None or not self._queue.beat(worker):
            worker = self._queue.arrive()
        self._trust_at, self._beat_at, self._worker = trusted, began_at, worker
        marked = self._queue.mine(worker)
        with self._changed:
            strange = marked - self._running.keys()
        forgotten, self._strange = tuple(strange & self._strange), strange
        dead = self._pulse.dead_seconds if time.monotonic() >= trusted else math.inf
        for trouble in self._queue.take_over(dead, forgotten):
            with self._changed:
                self._telling += 1
            self._tell(trouble)

    def _listen(self) -> None:
        """Hear the nudges of all nodes; a connection that breaks is made anew."""
        while not self.stopping.is_set():
            try:
                with listening(self._store.engines) as ear:
                    self._hear(ear.hear, ear.alive)
            except Exception as error:  # noqa: BLE001 - away: the node looks for work by itself meanwhile
                self._say("runner.deaf", error)
                self.stopping.wait(1.0)

    def _hear(self, hear: Callable[[float], bool], alive: Callable[[], None]) -> None:
        self._ring()
        silent = 0.0
        while not self.stopping.is_set():
            if hear(0.5):
                silent = 0.0
                self._ring()
            elif (silent := silent + 0.5) >= 20.0:
                silent = 0.0
                alive()
