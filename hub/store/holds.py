"""Legal holds: what may not be purged, by whose word and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Index, Table, Text, insert, update

from hub.errors import Refused
from hub.store import queries
from hub.store.schema import METADATA, Id, Instant, clear
from hub.store.session import Session

_OURS = "our own id, name or number"
_PERSON = "a login"
KINDS = ("practice", "patient", "claim")

HOLDS = Table(
    "holds",
    METADATA,
    clear("id", Id, primary_key=True, why=_OURS),
    clear("kind", Text, why="practice, patient, claim: what is held"),
    clear("aggregate_id", Id, why=_OURS),
    clear("placed_at", Instant, why="since when nothing of it may be purged"),
    clear("placed_by", Text, why=_PERSON),
    clear("why", Text, why="a person's reason, without a patient's value"),
    clear("lifted_at", Instant, nullable=True, why="when it ended"),
    clear("lifted_by", Text, nullable=True, why=_PERSON),
    Index("ix_holds_aggregate_id", "aggregate_id"),
)


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """One hold; in force while `lifted_at` is None."""

    id: str
    kind: str
    aggregate_id: str
    placed_at: datetime
    placed_by: str
    why: str
    lifted_at: datetime | None = None
    lifted_by: str | None = None


HoldList = list[Hold]


class Holds:
    """The holds inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def place(self, kind: str, aggregate_id: str, *, why: str, by: str) -> Hold:
        """From now on nothing that hangs on it is purged; `Refused` when `kind` is none of `KINDS`."""
        if kind not in KINDS:
            raise Refused(f"a {kind} cannot be held", fix=f"hold one of: {', '.join(KINDS)}")
        session = self._session
        hold = Hold(
            id=session.new_id("hold"),
            kind=kind,
            aggregate_id=aggregate_id,
            placed_at=session.now,
            placed_by=by,
            why=why,
        )
        session.conn.execute(insert(HOLDS).values(msgspec.structs.asdict(hold)))
        return hold

    def lift(self, hold_id: str, *, by: str) -> Hold | None:
        """End a hold; None when it is not in force. The row stays."""
        values = {"lifted_at": self._session.now, "lifted_by": by}
        lifted = update(HOLDS).where(HOLDS.c.id == hold_id, HOLDS.c.lifted_at.is_(None)).values(values)
        if self._session.conn.execute(lifted).rowcount != 1:
            return None
        return next(iter(self.list(id=hold_id)), None)

    def in_force(self) -> HoldList:
        """What may not be purged now."""
        return self.list(lifted_at=None)

    def list(self, *, limit: int | None = None, **equals: Any) -> HoldList:
        """Holds whose columns equal what is given, the latest first."""
        page = {"order": ("-placed_at", "-id"), "limit": limit}
        return queries.records(self._session, HOLDS, Hold, equals, **page)
