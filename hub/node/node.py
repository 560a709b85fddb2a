"""One node of the hub: it opens, runs its roles, reads its settings anew when told, and ends in order."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from hub.app import App, Current, Faulty, open_app
from hub.clock import Clock, SystemClock
from hub.config import Loaded, load
from hub.errors import HubError, StoreAway
from hub.log import get_log, reopen
from hub.node import manager
from hub.node.doors import Doors
from hub.node.pages import Pages
from hub.node.parts import Parts, runner_of, sweep
from hub.node.plan import Plan, planned
from hub.node.rereading import Reread
from hub.node.signals import STOPS, Signals
from hub.runner import Runner, Status
from hub.schedule import Scheduler
from hub.store.alone import Alone, take

TICK_SECONDS = 1.0
ALIVE_SECONDS = 10.0
OPEN_SECONDS = 2.0
SAY_SECONDS = 60.0


def _silent(_line: str) -> None:
    """Nobody listens."""


def _nothing() -> None:
    """Nothing is held."""


class Node:
    """A node; `run` returns when it was told to stop. `say` takes plain lines for a person; `on_settings` is called
    with settings that come into use, `on_running` when everything runs. Its pages ask for `phase`, `app`, `runner`
    and `doors`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        roles: str = "",
        listen: str | None = None,
        clock: Clock | None = None,
        say: Callable[[str], None] = _silent,
        on_running: Callable[[Node], None] | None = None,
        on_settings: Callable[[Loaded], None] | None = None,
    ) -> None:
        self.phase = "starting"
        self.runner: Runner | None = None
        self.signals = Signals()
        self.name = socket.gethostname()
        self.plan: Plan | None = None
        self.pages: Pages | None = None
        self._folder, self._clock, self._say = folder, clock or SystemClock(), say
        self._roles, self._listen = roles, listen
        self._on_running, self._on_settings = on_running, on_settings
        self._current: Current | None = None
        self._parts: Parts | None = None
        self._loaded: Loaded

    @property
    def doors(self) -> Doors | None:
        """Its connectors that answer requests; none while the node starts, or where it does not listen."""
        return self._parts.doors if self._parts else None

    @property
    def app(self) -> App | None:
        """The app that steps see now; none while the node starts."""
        return self._current.app if self._current else None

    def run(self) -> tuple[str, ...]:
        """Run until SIGTERM or SIGINT; gives what did not end in time. Raises `Faulty` or `Misconfigured`."""
        with ExitStack() as ending:
            # before settings are read: no change of them that is told goes unread
            ending.enter_context(self.signals.heard())
            plan = self._planned()
            self.pages = Pages(self, plan, self._loaded, self._say)
            ending.callback(self.pages.close)
            opened = self._opened(plan)
            if opened is None:
                return ()
            app, alone = opened
            with ExitStack() as undo:
                undo.callback(app.close)
                undo.callback(alone.release if alone else _nothing)
                current = Current(app)
                parts = Parts(current, plan, node=self.name, alone=alone, pages=self.pages)
                self._current, self._parts = current, parts
                undo.pop_all()
            return self._live(parts)

    def once(self) -> Status:
        """Do what is due and waiting, then end; tells what could not be done."""
        with ExitStack() as ending:
            ending.enter_context(self.signals.heard())
            plan = self._planned()
            app = open_app(self._folder, clock=self._clock)
            ending.callback(app.close)
            if plan.runner == "local":
                ending.callback(take(app.store, self._clock.now()).release)
            self._current = Current(app)
            self.runner = runner_of(self._current, plan, self.name)
            ending.callback(self.runner.stop, float(plan.drain_seconds))
            threading.Thread(target=self._stop_when_told, args=(app,), daemon=True).start()
            if self._on_running is not None:
                self._on_running(self)
            if plan.runner == "local":
                _release_mended(app, self.runner)
            _do_what_is_due(app, self.runner)
            return self.runner.status()

    def stop(self) -> None:
        """As SIGTERM."""
        self.signals.send(signal.SIGTERM)

    def _planned(self) -> Plan:
        loaded = load(self._folder)
        if not loaded.ok:
            raise Faulty(loaded.faults)
        self.plan = planned(loaded.settings.run, self._roles, self._listen)
        self._loaded = loaded
        self._use(loaded)
        return self.plan

    def _use(self, loaded: Loaded) -> None:
        if self._on_settings is not None:
            self._on_settings(loaded)

    def _opened(self, plan: Plan) -> tuple[App, Alone | None] | None:
        """The app, as soon as its database is there; None where the node was told to stop before."""
        began, said_at = time.monotonic(), float("-inf")
        while True:
            try:
                return self._open(plan)
            except StoreAway as error:
                if said_at < 0:
                    self._say(f"waiting for the database: {error}")
                if time.monotonic() - said_at >= SAY_SECONDS:
                    said_at = time.monotonic()
                    get_log().warning("store.away", seconds=round(said_at - began))
            manager.waiting("waiting for the database", 60)
            if self.signals.wait(OPEN_SECONDS) in STOPS:
                return None

    def _open(self, plan: Plan) -> tuple[App, Alone | None]:
        app = open_app(self._folder, clock=self._clock)
        try:
            return app, take(app.store, self._clock.now()) if plan.alone else None
        except BaseException:
            app.close()
            raise

    def _live(self, parts: Parts) -> tuple[str, ...]:
        """Start, do what signals say until one of them ends it, and drain."""
        self.runner = parts.runner
        try:
            parts.start()
            self.phase = "running"
            if self._on_running is not None:
                self._on_running(self)
            manager.ready("running")
            self._wait(parts)
        finally:
            self.phase = "draining"
            manager.stopping(parts.current.app.settings.run.drain_seconds)
            left = parts.drain()
            parts.close(whole=not left)
        if parts.lost is not None:
            raise parts.lost
        return left

    def _wait(self, parts: Parts) -> None:
        alive_at = 0.0
        while parts.lost is None:
            number = self.signals.wait(TICK_SECONDS)
            if number in STOPS:
                return
            if number == signal.SIGHUP:
                self._try_to_reread(parts)
            if parts.up and time.monotonic() - alive_at >= ALIVE_SECONDS:
                alive_at = time.monotonic()
                manager.alive()

    def _try_to_reread(self, parts: Parts) -> None:
        """A reload that fails for whatever reason leaves the node as it was."""
        try:
            self._reread(parts)
        except Exception as error:  # noqa: BLE001 - the node goes on
            self._say(
                f"the settings could not be read again: {error if isinstance(error, HubError) else 'a bug'}"
            )
            get_log().warning("settings.fault", exception=type(error).__name__)
        finally:
            manager.ready("running")  # whoever waits for the reload is told that it is over

    def _reread(self, parts: Parts) -> None:
        manager.reloading()
        reopen()
        told = parts.reread()
        self._say("\n".join([*_words(told), *(() if told.faults else self._used(parts.current.app.loaded))]))
        get_log().info("settings.read", faults=len(told.faults), count=len(told.remade))

    def _used(self, loaded: Loaded) -> tuple[str, ...]:
        """What else uses the settings; what of it cannot leaves the rest in use."""
        try:
            self._use(loaded)
        except HubError as error:
            get_log().warning("settings.fault", exception=type(error).__name__)
            return (f"but {error}: the log goes on as it was",)
        return ()

    def _stop_when_told(self, app: App) -> None:
        while not app.stop.is_set():
            if self.signals.wait(TICK_SECONDS) in STOPS:
                app.stop.set()


def _release_mended(app: App, runner: Runner) -> None:
    """Release what a person mended since the last time: nobody else works here whose item may be on its way, so that
    the second look follows the first at once.
    """
    for _ in range(2):
        sweep(app, runner, asks=False)


def _do_what_is_due(app: App, runner: Runner) -> None:
    Scheduler(app.schedules(), app.store, app.clock).catch_up(built_in=False)
    runner.told(app.everything())
    runner.run_until_idle()
    runner.nudge("audit.seal", "hub")
    runner.run_until_idle()


def _words(told: Reread) -> list[str]:
    """What a reload came to, in plain lines."""
    if told.faults:
        lines = [f"  {one.file}:{one.line} {one.key}: {one.wrong}" for one in told.faults]
        return ["the changed settings are refused; the hub goes on with the old ones:", *lines]
    lines = ["the settings were read again and are in use"]
    lines += [f"made anew: {', '.join(told.remade)}"] if told.remade else []
    lines += [f"removed: {', '.join(told.removed)}"] if told.removed else []
    lines += [f"changed, and used from the next start on: {', '.join(told.waiting)}"] if told.waiting else []
    return lines
