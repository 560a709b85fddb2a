"""What happened is told to the plugins that listen: every sealed event, in the order of the log, at least once."""

from __future__ import annotations

from hub.flow.base import Hub, Outcome
from hub.model.work import WorkItem

PAGE = 200
LANE = "hub.listeners"
"""A lane of its own, named as no connector can be: a slow listener may not keep the audit trail from being sealed."""
STATE, CURSOR = "hub", "events.told"


def tell(hub: Hub, lane: str) -> Outcome:  # noqa: ARG001 - every step is given its lane
    """Tell the next page of the log, then remember how far it was told: after a crash between the two, the page is
    told again. Only what is committed and sealed is told, so that nothing is heard which did not happen.
    """
    if not hub.host.listens:
        return Outcome()
    with hub.store.view() as view:
        told = int(view.plugin_state(STATE).get(CURSOR) or 0)
        page = view.events.after(told, PAGE)
    if not page:
        return Outcome()
    failed = sum(hub.host.emit(event) > 0 for event in page)
    with hub.store.begin("plugin.state") as tx:
        tx.plugin_state(STATE).put(CURSOR, str(page[-1].position).encode())
        if failed:
            tx.work.open(_failed(failed), practice=page[-1].practice)
    return Outcome(done=len(page), more=len(page) == PAGE)


def _failed(events: int) -> WorkItem:
    return WorkItem(
        reason="events.listener",
        aggregate="connector",
        aggregate_id=STATE,
        why=f"a plugin that listens failed on {events} events; the others heard them, and it is not told again",
        fix="tell its author what the log says under plugin.fault; when it is mended, resolve this",
        where="hub_event",
        owner="it",
    )
