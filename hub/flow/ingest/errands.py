"""What listeners left for the next pull of their source: laid ready for it, and done with what that pull brought."""

from __future__ import annotations

from hub.flow.base import CHUNK, Hub
from hub.model.people import Record
from hub.plugin.api import Errand
from hub.store import Tx, View
from hub.store.inbox import InboxItem

ERRAND = "errand"
"""The kind of an inbox item that is no message, and is never read."""


class Left(Record, frozen=True, kw_only=True):
    """What waits to be done, and the items of the inbox in which it stands."""

    items: tuple[InboxItem, ...] = ()
    errands: tuple[Errand, ...] = ()

    @property
    def more(self) -> bool:
        """Whether more may wait."""
        return len(self.items) == CHUNK


def waiting(view: View, source: str) -> Left:
    """The oldest errands of a source."""
    items = view.inbox.waiting("received", CHUNK, source=source, kind=ERRAND)
    bodies = [view.blobs.content(item.blob_id) for item in items]
    found = [Errand(body=body, at=item.received_at) for item, body in zip(items, bodies, strict=True)]
    return Left(items=tuple(items), errands=tuple(found))


def taken(hub: Hub, source: str, left: Left) -> Left:
    """What of it the plugin asked for in the call that has just ended."""
    return left if hub.host.errands(source).taken() else Left()


def done(tx: Tx, left: Left) -> None:
    """They are done with this transaction."""
    if left.items:
        tx.inbox.put_states([(item, "read", ERRAND) for item in left.items])
