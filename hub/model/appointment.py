"""A visit that is planned: eligibility is asked for before it, and a visit that never follows is missed."""

from __future__ import annotations

from datetime import datetime

from hub.model.encounter import Coding
from hub.model.people import Provider, Record


class Appointment(Record, frozen=True, kw_only=True):
    """An appointment as its source tells it. `status`: booked, cancelled, noshow, done; `reason` the source's code of
    what it is for; `place` the source's name of where; `encounter_key` the visit that it became.
    """

    source: str
    key: str
    patient_id: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    status: str = "booked"
    reason: Coding | None = None
    provider: Provider | None = None
    place: str = ""
    encounter_key: str = ""
