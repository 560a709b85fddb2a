"""Appointments by when they begin: what a day brings."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from hub.model.appointment import Appointment
from hub.store.aggregates import APPOINTMENTS
from hub.store.documents import Collection, Row
from hub.store.session import Session

_A = APPOINTMENTS.table


def between(
    session: Session, begin: datetime, end: datetime, *, source: str = "", limit: int = 1_000
) -> list[Row[Appointment]]:
    """The appointments that begin from `begin` up to and without `end`, the earliest first; `source`: only its."""
    query = select(_A.c.id).where(_A.c.starts_at >= begin, _A.c.starts_at < end)
    if source:
        query = query.where(_A.c.source == source)
    ids = list(session.conn.scalars(query.order_by(_A.c.starts_at, _A.c.id).limit(limit)))
    rows = Collection(session, APPOINTMENTS).get_many(ids)
    return [rows[one] for one in ids]
