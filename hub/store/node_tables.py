"""Tables of unattended running: holds."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Table, Text

from hub.store.schema import METADATA, Id, Instant, clear

_OURS = "our own id, name or number"
_PERSON = "a login"

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
PURGES = Table(
    "purges",
    METADATA,
    clear("id", Id, primary_key=True, why=_OURS),
    clear("at", Instant, why="when"),
    clear("by", Text, why=_PERSON),
    clear("kind", Text, why="which table or collection"),
    clear("before", Instant, why="what was older than this was removed"),
    clear("rows", BigInteger, why="how many"),
)
