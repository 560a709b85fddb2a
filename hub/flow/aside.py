"""A file or message on which the hub or a plugin fails is set aside with a work item, and those behind it go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from hub.flow.base import Hub
from hub.model.work import WorkItem
from hub.plugin.host import PluginFault
from hub.plugin.host.faults import place_of
from hub.store import Tx
from hub.store.inbox import InboxItem

BUGS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    msgspec.MsgspecError,
)
"""What code that meets data it did not think of raises. A database, a disk or a partner in trouble raises others:
then it is not the file's fault, and all of them wait."""


Also = Callable[[Tx, InboxItem, str], None]


def each(
    hub: Hub,
    point: str,
    items: Iterable[InboxItem],
    apply: Callable[[InboxItem], None],
    also: Also | None = None,
) -> None:
    """Apply one file after the other. One on which `apply` fails by a bug, of the hub's or of a plugin, is set
    aside at the commit point `point`, with what `also` has to put in order; a hung plugin ends the run.
    """
    for item in items:
        try:
            apply(item)
        except PluginFault as fault:
            if fault.hung:
                raise
            put_aside(hub, point, item, str(fault), also)
        except BUGS as error:
            told = f"{type(error).__name__} at {place_of(error.__traceback__, 'hub')}"
            put_aside(hub, point, item, told, also)


def put_aside(hub: Hub, point: str, item: InboxItem, told: str, also: Also | None = None) -> None:
    """Set one file or message aside; `told` says what failed and where, without values."""
    with hub.store.begin(point) as tx:
        current = tx.inbox.get(item.seq)
        if current is not None and current.state == item.state:
            tx.inbox.put_state(current, "set_aside", "step.file")
        tx.work.open(failed(item, told), practice=item.practice)
        if also is not None:
            also(tx, item, told)


def failed(item: InboxItem, told: str) -> WorkItem:
    """The work that a file or message is on which a step failed."""
    return WorkItem(
        reason="step.file",
        aggregate="message",
        aggregate_id=item.id,
        why=f"the {item.kind} could not be applied, for a fault of the hub or of a plugin; the others go on: {told}",
        fix="report it; when it is mended: hub replay ID",
        where=item.source,
        owner="it",
    )
