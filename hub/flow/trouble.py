"""Trouble with a lane becomes a work item, once, and is resolved when the lane flows again."""

from __future__ import annotations

import threading

from hub.config.settings import Settings
from hub.model.work import WorkItem
from hub.store import Store

PASSING = frozenset({"Stale"})
"""Two writers met: the runner repeats the step, and nobody needs to know."""

REASONS = {"held": "connector.stopped", "retry": "connector.unreachable", "bug": "step.bug"}
WHY = {
    "held": "the hub has stopped using this connection: ",
    "retry": "the connection does not work now, and the hub goes on trying: ",
    "bug": "a step failed in a way that is a fault of the hub or of a plugin: ",
}
FIX = "look at the connection with: hub connector test"


class Watch:
    """Knows which lanes are in trouble, and keeps their work items; safe to use from many threads."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._lock = threading.Lock()
        self._troubled: set[tuple[str, str]] | None = None

    def open(self, step: str, lane: str, kind: str, error: str, *, said: str, place: str, fix: str) -> None:
        """A run of `step` for `lane` failed. `kind` is the runner's: retry, held, bug; `said` holds no values."""
        if error in PASSING:
            return
        reason = REASONS[kind]
        item = WorkItem(
            reason=reason,
            aggregate="connector",
            aggregate_id=lane,
            why=WHY[kind] + (said or f"{error} at {place}"),
            fix=fix or FIX,
            where=step,
            owner="it",
        )
        with self._lock:
            self._known().add((step, lane))
        with self._store.begin("work.resolve") as tx:
            tx.work.open(item, practice=self._practice(lane))

    def flows(self, step: str, lane: str) -> None:
        """A run of `step` for `lane` went well: what was open about it is resolved."""
        with self._lock:
            if (step, lane) not in self._known():
                return
            self._known().discard((step, lane))
        with self._store.begin("work.resolve") as tx:
            for item in tx.work.list(aggregate="connector", aggregate_id=lane):
                if item.where == step:
                    tx.work.resolve(item.id, "it works again", "hub")

    def still_open(self, step: str, lane: str) -> bool:
        """Whether the item about this step and lane is open: a person who resolves it says that it is mended."""
        with self._store.view() as view:
            return any(item.where == step for item in view.work.list(aggregate="connector", aggregate_id=lane))

    def _known(self) -> set[tuple[str, str]]:
        if self._troubled is None:
            with self._store.view() as view:
                found = view.work.list(aggregate="connector", limit=10_000)
            self._troubled = {(item.where, item.aggregate_id) for item in found}
        return self._troubled

    def _practice(self, lane: str) -> str:
        if lane in self._settings.practices:
            return lane
        return self._settings.practice_of(lane) or next(iter(self._settings.practices), "")
