"""Trouble with a lane becomes a work item, once, and is resolved when the lane flows again."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress

from hub.config.settings import Settings
from hub.errors import HubError
from hub.flow.source_lanes import subject
from hub.log import get_log
from hub.model.work import WorkItem
from hub.store import Store
from hub.store.holding import again

PASSING = frozenset({"Stale", "Overtaken", "StoreAway"})
"""Two writers met, or the store is away: the runner repeats the step, and the lane is not to blame."""

HOLDING = frozenset({"Misconfigured", "Faulty", "InDoubt", "PluginFault"})
"""What a person must mend at a connection; a lane that is held for anything else failed by a bug, again and again."""

REASONS = {"held": "connector.stopped", "retry": "connector.unreachable", "bug": "step.bug"}
WHY = {
    "held": "the hub has stopped using this connection: ",
    "retry": "the connection does not work now, and the hub goes on trying: ",
    "bug": "a step failed in a way that is a fault of the hub or of a plugin: ",
}
FIX = "look at the connection with: hub connector test"


class Watch:
    """Knows which lanes are in trouble, and keeps their work items; safe to use from many threads. What cannot be
    written since the store is away is written later, if it still holds then. Items are about the connector of a lane.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self._store = store
        self._lock = threading.Lock()
        self._troubled: set[tuple[str, str]] | None = None
        self._unwritten: dict[tuple[str, str], WorkItem] = {}
        self._held: set[tuple[str, str]] = set()

    def open(self, step: str, lane: str, kind: str, error: str, *, said: str, place: str, fix: str) -> None:
        """A run of `step` for `lane` failed. `kind` is the runner's: retry, held, bug; `said` holds no values."""
        if error in PASSING:
            return
        kind = "bug" if kind == "held" and error not in HOLDING else kind
        reason = REASONS[kind]
        item = WorkItem(
            reason=reason,
            aggregate="connector",
            aggregate_id=subject(lane),
            why=WHY[kind] + (said or f"{error} at {place}"),
            fix=fix or FIX,
            where=step,
            owner="it",
        )
        with self._lock:
            self._unwritten[step, subject(lane)] = item
        self.catch_up()

    def catch_up(self) -> None:
        """Write what could not be written so far; while the store is away it waits on."""
        with self._lock:
            waiting = list(self._unwritten.items())
        for at, item in waiting:
            try:
                with self._lock:
                    self._known().add(at)
                with self._store.begin("work.resolve") as tx:
                    tx.work.open(item, practice=self._practice(item.aggregate_id))
            except HubError as error:
                get_log().warning("trouble.unwritten", step=at[0], lane=at[1], exception=type(error).__name__)
                return
            with self._lock:
                if self._unwritten.get(at) is item:
                    del self._unwritten[at]

    def refresh(self) -> None:
        """Write what waits, and look anew at what is open: other nodes and persons open and resolve too."""
        self.catch_up()
        with self._lock:
            self._troubled = None

    def flows(self, step: str, lane: str) -> None:
        """A run of `step` for `lane` went well: what was open about it is resolved, now or after a later run. Of one
        that failed before, maybe on another node, what is known here may be too old.
        """
        lane = subject(lane)
        with suppress(HubError):
            with self._lock:
                self._unwritten.pop((step, lane), None)
                if again():
                    self._known().add((step, lane))
                if (step, lane) not in self._known():
                    return
            with self._store.begin("work.resolve") as tx:
                for item in tx.work.list(aggregate="connector", aggregate_id=lane):
                    if item.where == step:
                        tx.work.resolve(item.id, "it works again", "hub")
            with self._lock:
                self._known().discard((step, lane))

    def still_open(self, step: str, lane: str) -> bool:
        """Whether the item about this step and lane is open: a person who resolves it says that it is mended."""
        lane = subject(lane)
        with self._lock:
            if (step, lane) in self._unwritten:
                return True
        with self._store.view() as view:
            return any(item.where == step for item in view.work.list(aggregate="connector", aggregate_id=lane))

    def mended(self, held: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Of the steps and lanes that are `held` now, those whose items are resolved. One that was not held at the
        last look is left until the next: its item may be on its way, after the hold itself was committed.
        """
        now = set(held)
        with self._lock:
            before, self._held = self._held, now
        found = [at for at in sorted(now & before) if not self.still_open(*at)]
        with self._lock:
            self._held = now.difference(found)
        return found

    def _known(self) -> set[tuple[str, str]]:
        if self._troubled is None:
            with self._store.view() as view:
                found = view.work.list(aggregate="connector", limit=10_000)
            self._troubled = {(item.where, item.aggregate_id) for item in found}
        return self._troubled

    def _practice(self, lane: str) -> str:
        if lane in self.settings.practices:
            return lane
        return self.settings.practice_of(lane) or next(iter(self.settings.practices), "")
