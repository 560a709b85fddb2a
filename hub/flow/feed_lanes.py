"""Lanes of a feed: messages of one account or patient are applied in order, and stop behind one that cannot be."""

from __future__ import annotations

from hub.store import Nudge, Tx
from hub.store.inbox import InboxItem


def guarded(tx: Tx, source: str) -> None:
    """Nobody else changes the lanes of the source until this transaction ends: what is read of them after this call
    stays so, and no message is left waiting for one that was let go at the same moment.
    """
    tx.guard(tx.digest("feed-lanes", source))


def let_go(tx: Tx, item: InboxItem) -> int:
    """Let a message stand in no lane any more, and what waited behind it be read; returns how many do."""
    place = tx.held_lanes.place(item)
    lanes = {one.lane for one in tx.held_lanes.at(item.source, [place])}
    tx.held_lanes.drop(item.source, [place])
    released = tx.held_lanes.release(item.source, lanes) if lanes else 0
    if released:
        tx.then(Nudge("ingest.read", item.source))
    return released
