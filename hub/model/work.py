"""A work item: what the hub could not finish, said to the person who can."""

from __future__ import annotations

from datetime import datetime

from hub.model.people import Record


class WorkItem(Record, frozen=True, kw_only=True):
    """What, why, who, until when, and what would fix it. `reason` is a stable code (`coding.unmapped`),
    `owner` a role: it, biller, coder, front-desk. No field carries a patient's value.
    """

    reason: str
    aggregate: str
    aggregate_id: str
    why: str
    fix: str
    where: str = ""
    owner: str = "biller"
    due_at: datetime | None = None
    amount_cents: int = 0
