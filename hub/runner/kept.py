"""Troubles of the embedded runner's lanes, kept in the store: a restart asks no partner again with a refused
password, and whoever looks from another process sees what is tried again, and when.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hub.errors import HubError
from hub.log import get_log
from hub.runner.port import Trouble
from hub.store import Nudge, Store, Tx
from hub.store.lanes import HELD, LaneTrouble

_PASSING = frozenset({"Stale", "StoreAway"})
"""Two writers met, or the store itself is away: no lane is to blame."""


class KeptLanes:
    """The troubles of one store. The book in memory decides; what the database cannot take now is logged. Those that
    are tried again are kept to be seen: a runner that begins tries them at once.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: set[Nudge] = set()

    def held(self) -> list[Trouble]:
        """What was held when the hub ended."""
        try:
            with self._store.view() as view:
                found = view.lanes.troubles()
            others = {Nudge(one.step, one.lane) for one in found if one.retry_at is not None}
            if others:
                self._write(lambda tx: tx.lanes.forget_due())
            self._seen |= others
            return [told(one) for one in found if one.kind == HELD]
        except (HubError, OSError) as error:
            get_log().warning("lane.unread", exception=type(error).__name__)
            return []

    def keep(self, trouble: Trouble) -> None:
        """Keep that a lane is held, or that a step is tried again later."""
        if trouble.kind == HELD:
            self._write(lambda tx: tx.lanes.put(kept(trouble)))
        elif trouble.error not in _PASSING:
            self._seen.add(Nudge(trouble.step, trouble.lane))
            self._write(lambda tx: tx.lanes.put(kept(trouble), trouble.wait_seconds))

    def knows(self, nudge: Nudge) -> bool:
        """Whether it is kept that a step is tried again."""
        return nudge in self._seen

    def well(self, nudge: Nudge) -> None:
        """A step that was tried again went well."""
        self._seen.discard(nudge)
        self._write(lambda tx: tx.lanes.clear(nudge.lane, nudge.step))

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
