"""Tables of unattended running: the journal of lanes, lanes in trouble, holds."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, Table, Text
from sqlalchemy import text as sql

from hub.store.schema import METADATA, Id, Instant, Sequence, clear

_OURS = "our own id, name or number"
_CODE = "a code of ours"
_WORDS = "written by us, without patient values"
_PERSON = "a login"

LANE_RUNS = Table(
    "lane_runs",
    METADATA,
    clear("seq", Sequence, primary_key=True, autoincrement=True, why="the order of the journal"),
    clear("lane", Text, why="a mailbox, source or practice of ours"),
    clear("step", Text, why=_CODE),
    clear("node", Id, why=_OURS),
    clear("token", BigInteger, why="the fence that this run held"),
    clear("began_at", Instant, why="when it began"),
    clear("ended_at", Instant, nullable=True, why="when it ended"),
    clear("outcome", Text, why=_CODE),
    clear("done", Integer, why="how many items"),
    Index("ix_lane_runs_lane", "lane", "seq"),
    Index("ix_lane_runs_open", "began_at", sqlite_where=sql("ended_at IS NULL"),
          postgresql_where=sql("ended_at IS NULL")),
    sqlite_autoincrement=True,
)  # fmt: skip
LANE_TROUBLES = Table(
    "lane_troubles",
    METADATA,
    clear("lane", Text, primary_key=True, why="a mailbox, source or practice of ours"),
    clear("step", Text, primary_key=True, why=_CODE),
    clear("kind", Text, why="retry, bug, held"),
    clear("error", Text, why="the class of an exception"),
    clear("place", Text, why="a place in our code"),
    clear("said", Text, why=_WORDS),
    clear("fix", Text, why=_WORDS),
    clear("attempts", Integer, why="failures in a row"),
    clear("since", Instant, why="when it began"),
    clear("retry_at", Instant, nullable=True, why="when it may run again; empty: a person releases it"),
)
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
