"""Nightly order: streams that were cut off, rows under old keys, old history, the planner's notes."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from hub.flow.base import Hub
from hub.schedule import prune as prune_schedules
from hub.store import Tx, copies
from hub.store.queries import SLICE

CUT_OFF_AFTER = timedelta(days=1)
MOVED = 5_000
"""Rows sealed anew in one night's run of the step; it says `more` while there are any."""


class Tidied(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, in numbers."""

    blobs: int
    moved: int
    pruned: dict[str, int]
    more: bool
    """Whether a slice was full: another one follows."""

    @property
    def done(self) -> int:
        """Everything together."""
        return self.blobs + self.moved + sum(self.pruned.values())


def tidy(hub: Hub) -> Tidied:
    """One slice of everything; whoever holds the store waits for short transactions only."""
    blobs = hub.store.sweep_blobs(CUT_OFF_AFTER)
    moved = hub.store.reencrypt(MOVED)
    kept = timedelta(days=hub.settings.retention.history_days)
    with hub.store.begin("keep.prune") as tx:
        pruned = prune(tx, tx.now - kept)
    more = moved >= MOVED or any(number >= SLICE for number in pruned.values())
    if scheduled := prune_schedules(hub.store, kept):
        pruned["schedules"] = scheduled
    if not more:
        copies.tidy(hub.store.engines.url)
    return Tidied(blobs=blobs, moved=moved, pruned=pruned, more=more)


def prune(tx: Tx, before: datetime) -> dict[str, int]:
    """Up to a slice of what ended before from each history, as its owner says; nodes fade sooner."""
    return {
        "lane_runs": tx.lanes.prune(before),
        "notices": tx.notices.prune(before),
        "conditions": tx.conditions.prune(before),
        "feed_hours": tx.feeds.prune(before),
        "nodes": tx.nodes.prune(),
    }
