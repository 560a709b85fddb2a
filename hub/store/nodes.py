"""The registry of nodes: who runs, in which roles, since when, and its last sign of life."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Index, Table, Text, select, text, update

from hub.store import queries
from hub.store.schema import METADATA, Id, Instant, clear
from hub.store.session import Session

NODES = Table(
    "nodes",
    METADATA,
    clear("id", Id, primary_key=True, why="our own id, name or number"),
    clear("node", Text, why="the node's name in our own configuration, or its host's"),
    clear("roles", Text, why="words of ours"),
    clear("version", Text, why="the version of the hub"),
    clear("started_at", Instant, why="when it began"),
    clear("seen_at", Instant, why="its last sign of life"),
    clear("stopped_at", Instant, nullable=True, why="when it ended in order"),
    clear("load", Text, why="JSON of numbers by name"),
    Index("ix_nodes_seen_at", "seen_at"),
)
SHOWN = timedelta(days=1)
"""How long a node that stopped or died is still listed."""
ALIVE = timedelta(seconds=30)
"""A node that was silent for longer is taken for dead: it beats every few seconds."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One node as it last told of itself. `load` holds numbers: free_bytes, clock_off_ms, busy, rss_bytes."""

    id: str
    node: str
    roles: tuple[str, ...]
    version: str
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None
    load: dict[str, float]

    def state(self, now: datetime, within: timedelta = ALIVE) -> str:
        """`running`; `stopped`, in order; or `silent`: it died, or cannot reach the database."""
        if self.stopped_at is not None:
            return "stopped"
        return "running" if now - self.seen_at <= within else "silent"


class Nodes:
    """The registry inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def arrive(self, node: str, roles: Iterable[str], version: str) -> str:
        """A node has started; returns the id under which it beats."""
        now = self._session.now
        row = {
            "id": self._session.new_id("node"),
            "node": node,
            "roles": ",".join(roles),
            "version": version,
            "started_at": now,
            "seen_at": now,
            "stopped_at": None,
            "load": "{}",
        }
        self._session.conn.execute(NODES.insert(), row)
        return str(row["id"])

    def beat(self, id: str, load: Mapping[str, float]) -> bool:  # noqa: A002
        """A sign of life; False where the node is not known any more and must arrive again."""
        told = msgspec.json.encode(dict(load)).decode()
        return self._change(id, seen_at=self._session.now, stopped_at=None, load=told)

    def leave(self, id: str) -> bool:  # noqa: A002
        """The node ends in order."""
        return self._change(id, seen_at=self._session.now, stopped_at=self._session.now)

    def alive(self, within: timedelta = ALIVE) -> list[Node]:
        """Who has not stopped and was seen within that time."""
        return [one for one in self.all() if one.state(self._session.now, within) == "running"]

    def all(self, within: timedelta = SHOWN) -> list[Node]:
        """Everybody who was seen within that time, the longest-running first."""
        query = select(NODES).where(NODES.c.seen_at >= self._session.now - within)
        rows = self._session.conn.execute(query.order_by(NODES.c.started_at, NODES.c.id))
        return [_node(dict(row._mapping)) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name

    def prune(self, older_than: timedelta = SHOWN) -> int:
        """Forget up to a slice of those last seen longer ago; returns how many."""
        return queries.remove(self._session, NODES, NODES.c.seen_at < self._session.now - older_than)

    def clock_off_ms(self) -> int:
        """By how much this machine's clock is ahead of the database's; 0 on SQLite, which has no clock."""
        if self._session.dialect != "postgresql":
            return 0
        theirs = self._session.conn.scalar(text("SELECT clock_timestamp()"))
        return round((self._session.clock.now() - theirs).total_seconds() * 1000) if theirs else 0

    def _change(self, id: str, **values: Any) -> bool:  # noqa: A002
        changed = self._session.conn.execute(update(NODES).where(NODES.c.id == id).values(**values))
        return changed.rowcount == 1


def _node(row: Mapping[str, Any]) -> Node:
    told = {
        **row,
        "roles": tuple(filter(None, row["roles"].split(","))),
        "load": msgspec.json.decode(row["load"]),
    }
    return Node(**told)
