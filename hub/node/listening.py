"""Listeners: each source that waits for messages, in a thread and loop of its own, started anew when it fails."""

from __future__ import annotations

import asyncio
import threading
import time

from hub.app import App, Current
from hub.errors import HubError, RetryLater
from hub.log import get_log
from hub.node.doors import Doors
from hub.node.intake import Intake, SourceInbox
from hub.plugin.host import GuardedSource
from hub.runner import Retry, Trouble
from hub.runner.trouble import judge

STEP = "ingest.listen"
"""What a listener is called in work items: it is no step that anybody runs, but it fails like one."""
WELL_SECONDS = 30.0
"""A listener that has lasted so long works again."""
LAST_SECONDS = 1.0
"""What the messages that wait to be stored have at least when the node ends."""
LOOK_SECONDS = 30.0
"""How often a listener that waits for a person looks whether one has acted."""


class Listener:
    """One source that listens until `end`; a failure is told, and tried again with back-off."""

    def __init__(self, name: str, source: GuardedSource, inbox: SourceInbox, current: Current) -> None:
        self.name = name
        self.source = source
        self._inbox = inbox
        self._current = current
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"listen-{name}", daemon=True)
        self._thread.start()

    @property
    def up(self) -> bool:
        """Whether its thread lives."""
        return self._thread.is_alive()

    def ask_to_end(self) -> None:
        """It takes nothing more and ends soon."""
        self._stop.set()

    def ended(self, within_seconds: float) -> bool:
        """Whether it has ended, within that time."""
        self._thread.join(max(within_seconds, 0.0))
        return not self._thread.is_alive()

    def _keep(self) -> None:
        attempts, retry = 0, Retry()
        while not self._stop.is_set():
            began = time.monotonic()
            well = threading.Timer(WELL_SECONDS, self._well)
            well.daemon = True
            well.start()
            error = self._listen()
            well.cancel()
            if self._stop.is_set():
                return
            attempts = 1 if time.monotonic() - began >= WELL_SECONDS else attempts + 1
            trouble = _trouble(self.name, error, attempts, retry)
            self._tell(trouble)
            self._stop.wait(trouble.wait_seconds)
            while trouble.kind == "held" and self._still_open() and not self._stop.wait(LOOK_SECONDS):
                continue

    def _listen(self) -> BaseException | None:
        try:
            asyncio.run(self.source.serve(self._inbox, self._stop))
        except BaseException as error:  # noqa: BLE001 - nothing that a listener raises may end the node
            return error
        return None

    def _tell(self, trouble: Trouble) -> None:
        try:
            self._current.app.on_trouble(trouble)
        except Exception as fault:  # noqa: BLE001 - the store may be away: listening goes on
            get_log().warning("step.untold", step=STEP, lane=self.name, exception=type(fault).__name__)

    def _still_open(self) -> bool:
        """Whether a person has yet to say that it is mended."""
        try:
            return self._current.app.watch.still_open(STEP, self.name)
        except HubError:
            return True

    def _well(self) -> None:
        self._current.app.watch.flows(STEP, self.name)


def _trouble(name: str, error: BaseException | None, attempts: int, retry: Retry) -> Trouble:
    """A listener's end, as a runner tells of a step's."""
    verdict = judge(error or RetryLater("the listener ended without being told to"))
    return Trouble(
        step=STEP,
        lane=name,
        kind=verdict.kind,
        error=verdict.error,
        place=verdict.place,
        said=verdict.said,
        fix=verdict.fix,
        attempts=attempts,
        wait_seconds=verdict.wait_seconds(retry, attempts),
    )


class Listeners:
    """The listeners of a node; `doors` are those that answer requests."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._intake = Intake(current)
        self.doors = Doors(current, self._intake)
        self._running: dict[str, Listener] = {}

    def names(self) -> tuple[str, ...]:
        """Who listens."""
        return tuple(self._running)

    def follow(self, within_seconds: float = 15.0) -> None:
        """Start who is new, end who is gone, and start anew who was made anew; the others are not disturbed."""
        wanted = wants_to_listen(self._current.app)
        over = [one for one in self._running.values() if wanted.get(one.name) is not one.source]
        _end(over, within_seconds)
        for one in over:
            del self._running[one.name]
        for name, source in wanted.items():
            if name not in self._running:
                inbox = self._intake.inbox(name)
                self._running[name] = Listener(name, source, inbox, self._current)

    def ask_to_end(self) -> None:
        """They take nothing more."""
        for one in self._running.values():
            one.ask_to_end()

    def end(self, within_seconds: float) -> tuple[str, ...]:
        """Wait for them; gives the names of those that did not end in time."""
        until = time.monotonic() + within_seconds
        left = _end(list(self._running.values()), within_seconds)
        self._intake.close(max(until - time.monotonic(), LAST_SECONDS))
        self.doors.end()
        return left


def wants_to_listen(app: App) -> dict[str, GuardedSource]:
    """The sources that wait for messages, by name."""
    found = {name: app.host.source(name) for name in app.host.names("EhrSource")}
    return {name: source for name, source in found.items() if source.listens}


def _end(listeners: list[Listener], within_seconds: float) -> tuple[str, ...]:
    until = time.monotonic() + within_seconds
    for one in listeners:
        one.ask_to_end()
    return tuple(one.name for one in listeners if not one.ended(until - time.monotonic()))
