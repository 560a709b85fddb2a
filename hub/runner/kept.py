"""Held lanes of the embedded runner, kept in the store: a restart asks no partner again with a refused password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hub.errors import HubError
from hub.log import get_log
from hub.runner.port import Trouble
from hub.store import Nudge, Store, Tx
from hub.store.lanes import LaneTrouble


class KeptLanes:
    """The held lanes of one store. The book in memory decides; what the database cannot take now is logged."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def held(self) -> list[Trouble]:
        """What was held when the hub ended."""
        try:
            with self._store.view() as view:
                return [told(one) for one in view.lanes.held()]
        except (HubError, OSError) as error:
            get_log().warning("lane.unread", exception=type(error).__name__)
            return []

    def hold(self, trouble: Trouble) -> None:
        """Keep that a lane is held."""
        self._write(lambda tx: tx.lanes.put(kept(trouble)))

    def release(self, lane: str) -> None:
        """Forget it."""
        self._write(lambda tx: tx.lanes.release(lane))

    def _write(self, change: Callable[[Tx], list[Nudge] | None]) -> None:
        try:
            with self._store.begin("runner.tend") as tx:
                change(tx)
        except (HubError, OSError) as error:
            get_log().warning("lane.unkept", exception=type(error).__name__)


def told(one: LaneTrouble) -> Trouble:
    """A trouble of the store as a runner tells it."""
    return Trouble(**_shared(one))


def kept(trouble: Trouble) -> LaneTrouble:
    """A trouble as the store keeps it."""
    return LaneTrouble(**_shared(trouble))


def _shared(one: Trouble | LaneTrouble) -> dict[str, Any]:
    names = ("step", "lane", "kind", "error", "place", "said", "fix", "attempts")
    return {name: getattr(one, name) for name in names}
