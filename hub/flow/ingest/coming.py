"""Whether the last pull of a source said that there is more: pieces then wait for what comes with the next."""

from __future__ import annotations

from contextlib import suppress

from hub.errors import HubError
from hub.flow.base import Hub
from hub.flow.source_lanes import read_soon
from hub.store import Tx, View

_KEY = "hub.more"
"""Under which key the state of a source keeps it; empty: nothing more."""


def comes(view: View, source: str) -> bool:
    """Whether more comes soon."""
    return bool(view.plugin_state(source).get(_KEY))


def told(tx: Tx, source: str, *, more: bool) -> None:
    """A pull ended. When it was the last of several, what waited for that is read."""
    if comes(tx, source) == more:
        return
    tx.plugin_state(source).put(_KEY, b"more" if more else b"")
    if not more:
        tx.then(read_soon(source))


def failed(hub: Hub, source: str) -> None:
    """A pull failed: nobody knows when more comes, so nothing waits for it."""
    with suppress(HubError):
        with hub.store.view() as view:
            if not comes(view, source):
                return
        with hub.store.begin("ingest.receive") as tx:
            told(tx, source, more=False)
