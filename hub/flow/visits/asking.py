"""Visits of which charges or diagnoses came, and no more: after a day somebody asks their source for the rest.

In an export charges stand before their visits, and both come within the hour: so long a visit is only counted
(`incomplete` in `hub status`), as work it would be opened and closed by the thousand.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from hub.errors import Problem
from hub.flow.base import Hub, work_for
from hub.model.work import WorkItem
from hub.store import View

AFTER = timedelta(days=1)
"""How long a visit may be incomplete before it is work."""
WORD_HOLDS = timedelta(days=14)
"""How long a person's word on it holds."""
PAGE = 500


def ask(hub: Hub, source: str) -> int:
    """Open work for the visits of `source` that have waited for a day; returns for how many."""
    about: dict[str, Any] = {
        "practice": hub.settings.practice_of(source),
        "source": source,
        "state": "incomplete",
    }
    asked, after = 0, ""
    while True:
        with hub.store.view() as view:
            rows = view.encounters.heads(limit=PAGE, after_id=after, **about)
            items = unasked(view, [(row.id, row.created_at) for row in rows])
        if items:
            with hub.store.begin("ingest.assemble") as tx:
                tx.work.open_many(items, practice=about["practice"])
            asked += len(items)
        if len(rows) < PAGE:
            return asked
        after = rows[-1].id


def unasked(view: View, visits: Iterable[tuple[str, datetime]]) -> list[WorkItem]:
    """The work that is due and not open yet for incomplete visits, each with when it was first told of."""
    due = [visit for visit, since in visits if view.now - since >= AFTER]
    if not due:
        return []
    known = view.work.list(aggregate_id=due, reason=_REST.code, open_only=False, limit=1_000_000)
    spoken = {
        one.aggregate_id
        for one in known
        if one.resolved_at is None or (one.resolved_by != "hub" and view.now - one.resolved_at <= WORD_HOLDS)
    }
    return [
        item for visit in due if visit not in spoken for item in work_for([_REST], "encounter", visit, owner="it")
    ]


_REST = Problem(
    code="ingest.incomplete",
    where="encounter",
    why="charges or diagnoses came more than a day ago, and not yet the visit or the patient they belong to",
    fix="see that the source sends them: ask for a resend; if nothing is due, resolve this item as such",
)
