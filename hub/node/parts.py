"""The roles of a running node side by side: how they start, follow changed settings, and end."""

from __future__ import annotations

import os
import threading
import time

from hub.app import App, Current, steps_of
from hub.errors import HubError
from hub.flow.source_lanes import subject
from hub.log import get_log
from hub.node.alarm import Alarm
from hub.node.doors import Doors
from hub.node.listening import Listeners
from hub.node.pages import Pages
from hub.node.plan import Plan
from hub.node.pulse import Pulse, Registered
from hub.node.rereading import Reread, Rereader
from hub.node.timetable import Timetable
from hub.runner import Retry, Runner, make
from hub.store.alone import Alone, Taken

ASK_SECONDS = 300.0
"""How seldom a shared queue is asked for everything: its nudges are rows, and none is lost with a process."""
LAST_SECONDS = 2.0
"""What is left of the drain for the pulse, the intake and the registry."""
STORE = "the database"
"""What a stop did not wait for, where it does not answer."""


def runner_of(current: Current, plan: Plan, node: str) -> Runner:
    """The runner of a node, whose steps see the current app at each run."""
    return make(
        plan.runner,
        steps_of(current.use),
        store=current.app.store,
        node=f"{node}:{os.getpid()}",
        threads=plan.threads,
        retry=Retry(bug_limit=plan.bug_limit),
        on_trouble=current.app.on_trouble,
        stopping=current.app.stop,
    )


class Parts:
    """What runs on this node. `lost` says who took the right to run alone, where somebody did."""

    def __init__(self, current: Current, plan: Plan, *, node: str, alone: Alone | None, pages: Pages) -> None:
        self.current, self.plan = current, plan
        self.lost: Taken | None = None
        self.runner = runner_of(current, plan, node)
        self._alone, self._pages = alone, pages
        self._silent = False
        self._rereader = Rereader(current)
        self._timetable = Timetable()
        self._listeners = Listeners(current) if "listener" in plan.roles else None
        self._registered = Registered(node, plan)
        self._alarm = Alarm(current, node) if "scheduler" in plan.roles else None
        self._reading = threading.Lock()
        self._asks_at = 0.0
        self._pulse = Pulse(
            beat=lambda: self._registered.beat(current, self.runner),
            seal=self._seal,
            sweep=self._sweep,
            also=pages.serve,
            alone=alone,
            on_lost=self._lose,
            on_store=self._hear,
        )

    def start(self) -> None:
        """Start the roles of this node."""
        if "worker" in self.plan.roles:
            self.runner.start()
        if "scheduler" in self.plan.roles:
            self._timetable.follow(self.current.app)
            self._told(self.current.app)
        if self._listeners is not None:
            self._listeners.follow()
        self._pulse.start()

    @property
    def doors(self) -> Doors | None:
        """The connectors that answer requests; None where this node does not listen."""
        return self._listeners.doors if self._listeners is not None else None

    @property
    def up(self) -> bool:
        """Whether the node's own loop turns: what a watchdog is told."""
        return self._pulse.up

    def reread(self) -> Reread:
        """Take changed settings, whole or not at all; roles that they concern follow."""
        # as a user of the old app: what it alone has is closed only when listeners have left it
        with self._reading, self.current.use():
            told = self._rereader.reread()
            if not told.faults:
                self._follow(told)
                self._pages.follow(self.current.app.loaded)
            return told

    def drain(self) -> tuple[str, ...]:
        """End within the drain; gives the lanes and listeners that did not end in time."""
        app = self.current.app
        until = time.monotonic() + app.settings.run.drain_seconds
        self._timetable.end(0)
        if self._listeners is not None:
            self._listeners.ask_to_end()
        left = self.runner.stop(max(until - time.monotonic() - LAST_SECONDS, 0.5))
        if self._listeners is not None:
            left += self._listeners.end(max(until - time.monotonic(), LAST_SECONDS))
        return left if self._left(until) else (*left, STORE)

    def close(self, *, whole: bool) -> None:
        """Let go of everything; what a step that still runs may need, and a right to run alone that a database which
        does not answer holds, are left to the end of the process.
        """
        if self._alone is not None and not self._silent:
            self._alone.release()
        if whole:
            self.current.app.close()

    def _left(self, until: float) -> bool:
        """Out of the registry, unless the database does not answer: nobody waits for that."""
        ended = self._pulse.end(max(until - time.monotonic(), 0.5))
        if ended:
            leaving = threading.Thread(target=self._registered.leave, args=(self.current,), daemon=True)
            leaving.start()
            leaving.join(LAST_SECONDS)
            ended = not leaving.is_alive()
        self._silent = not ended
        return ended

    def _follow(self, told: Reread) -> None:
        app = self.current.app
        if self._alarm is not None:
            self._alarm.follow()
        if "scheduler" in self.plan.roles:
            self._timetable.follow(app)
        if self._listeners is not None:
            self._listeners.follow()
        self._let_go_on(told.remade)
        if "scheduler" in self.plan.roles:
            self._told(app)

    def _let_go_on(self, connectors: tuple[str, ...]) -> None:
        """A connector that was made anew is tried again, whatever held its lane."""
        try:
            for trouble in self.runner.status().held:
                if subject(trouble.lane) in connectors:
                    self.runner.release(trouble.lane)
        except HubError as error:
            get_log().warning("sweep.fault", exception=type(error).__name__)

    def _told(self, app: App) -> None:
        """Ask for every step once; where the store is away right now, the next sweep does."""
        try:
            self.runner.told(app.everything())
        except HubError as error:
            get_log().warning("sweep.fault", exception=type(error).__name__)

    def _seal(self) -> None:
        if "scheduler" in self.plan.roles:
            self.runner.nudge("audit.seal", "hub")

    def _sweep(self) -> None:
        self.current.app.watch.refresh()
        if "scheduler" not in self.plan.roles:
            return
        now = time.monotonic()
        if asks := self.plan.runner == "local" or now >= self._asks_at:
            self._asks_at = now + ASK_SECONDS
        sweep(self.current.app, self.runner, asks=asks)

    def _hear(self, there: bool) -> None:
        if self._alarm is not None:
            self._alarm.hear(there)

    def _lose(self, taken: Taken) -> None:
        self.lost = taken


def sweep(app: App, runner: Runner, *, asks: bool = True) -> None:
    """Nudge what other processes made true (a nudge of theirs is lost, where the queue is not shared), and release
    lanes that a person mended: who resolves the work item of a held lane says so.
    """
    if asks:
        runner.told(app.everything(outside=False))
    try:
        held = [(trouble.step, trouble.lane) for trouble in runner.status().held]
        for _, lane in app.watch.mended(held):
            runner.release(lane)
    except (HubError, OSError) as error:
        get_log().warning("sweep.fault", exception=type(error).__name__)
