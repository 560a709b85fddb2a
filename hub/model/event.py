"""What happened, for listeners and for the audit trail: one log serves both."""

from __future__ import annotations

from datetime import datetime

from hub.model.people import Record


class Event(Record, frozen=True, kw_only=True):
    """One thing that happened. `detail` holds allow-listed plain values (counts, codes, our own ids) and never
    patient data. `actor` is a login, a step or a plugin instance; `cause` is the id of what led to it.
    """

    id: str
    at: datetime
    practice: str
    kind: str
    aggregate: str
    aggregate_id: str
    version: int = 0
    actor: str = "hub"
    cause: str = ""
    schema: int = 1
    detail: dict[str, str | int | bool] = {}  # noqa: RUF012 - msgspec copies a default dict per record
