"""How each feed does, hour by hour: what came, and what its senders were told."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Index, Table, Text, case, delete, func, select

from hub.store.schema import METADATA, Instant, clear
from hub.store.session import Session
from hub.store.upsert import insert_for

PRUNED = timedelta(days=3)
"""So much is forgotten by one statement: writers wait for no more than that."""
_COUNT = "a count of messages, of nobody"

FEED_HOURS = Table(
    "feed_hours",
    METADATA,
    clear("practice", Text, why="whose row it is"),
    clear("source", Text, primary_key=True, why="the connector in our own configuration"),
    clear("peer", Text, primary_key=True, why="an address or a configured name of the sending system"),
    clear("hour", Instant, primary_key=True, why="the hour that is counted"),
    clear("messages", BigInteger, why=_COUNT),
    clear("repeats", BigInteger, why=_COUNT),
    clear("bytes", BigInteger, why="how much came"),
    clear("accepted", BigInteger, why="answers that said yes: AA, CA, 2xx"),
    clear("failed", BigInteger, why="answers AE, CE, 5xx"),
    clear("rejected", BigInteger, why="answers AR, CR, 4xx"),
    clear("slowest_ms", BigInteger, why="the longest time to an answer"),
    clear("began_at", Instant, why="the first message of the hour"),
    clear("ended_at", Instant, why="the last message of the hour"),
    Index("ix_feed_hours_hour", "hour"),
)


class Hour(msgspec.Struct, frozen=True, kw_only=True):
    """One hour (it begins at `hour`) of one sending system: messages and how many of them came before, what was
    answered, the slowest answer, and when the first and the last message came.
    """

    practice: str
    source: str
    peer: str
    hour: datetime
    messages: int = 0
    repeats: int = 0
    bytes: int = 0
    accepted: int = 0
    failed: int = 0
    rejected: int = 0
    slowest_ms: int = 0
    began_at: datetime
    ended_at: datetime

    def plus(self, other: Hour) -> Hour:
        """Both as one."""
        return Hour(
            practice=self.practice,
            source=self.source,
            peer=self.peer,
            hour=self.hour,
            **{name: getattr(self, name) + getattr(other, name) for name in _SUMS},
            slowest_ms=max(self.slowest_ms, other.slowest_ms),
            began_at=min(self.began_at, other.began_at),
            ended_at=max(self.ended_at, other.ended_at),
        )


class Busy(msgspec.Struct, frozen=True, kw_only=True):
    """An hour of a source in which messages came, from whomever."""

    hour: datetime
    messages: int
    began_at: datetime
    ended_at: datetime

    def plus(self, other: Busy) -> Busy:
        """The messages of two peers."""
        return Busy(
            hour=self.hour,
            messages=self.messages + other.messages,
            began_at=min(self.began_at, other.began_at),
            ended_at=max(self.ended_at, other.ended_at),
        )


class Feeds:
    """The hours of feeds inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def count(
        self, *, practice: str, source: str, messages: int, repeats: int = 0, size: int = 0, peer: str = ""
    ) -> None:
        """Count what came now: `messages`, of which `repeats` were known, of `size` bytes together."""
        now = self._session.now
        if messages:
            told = Hour(
                practice=practice,
                source=source,
                peer=peer,
                hour=hour_of(now),
                messages=messages,
                repeats=repeats,
                bytes=size,
                began_at=now,
                ended_at=now,
            )
            self.add([told])

    def add(self, hours: Iterable[Hour]) -> None:
        """Add to what was counted of these hours before."""
        # in one order everywhere, so that two nodes never wait for each other
        rows = sorted(hours, key=lambda one: (one.source, one.peer, one.hour))
        if rows:
            self._session.conn.execute(_add(self._session), [msgspec.structs.asdict(one) for one in rows])

    def hours(self, since: datetime, source: str = "") -> list[Hour]:
        """Every hour since then, the oldest first; of one source, or of all."""
        return hours(self._session.conn, since, source)

    def prune(self, before: datetime) -> int:
        """Forget some of the hours before then, the oldest first; returns how many."""
        oldest = self._session.conn.scalar(select(func.min(FEED_HOURS.c.hour)))
        if oldest is None:
            return 0
        end = min(before, oldest + PRUNED)
        return self._session.conn.execute(delete(FEED_HOURS).where(FEED_HOURS.c.hour < end)).rowcount


def hours(conn: Connection, since: datetime, source: str = "") -> list[Hour]:
    """As `Feeds.hours`."""
    query = select(*FEED_HOURS.columns).where(FEED_HOURS.c.hour >= since)
    if source:
        query = query.where(FEED_HOURS.c.source == source)
    order = (FEED_HOURS.c.hour, FEED_HOURS.c.source, FEED_HOURS.c.peer)
    return [Hour(**row._mapping) for row in conn.execute(query.order_by(*order))]  # noqa: SLF001 - documented


def busy(conn: Connection, source: str, since: datetime) -> list[Busy]:
    """The hours since then in which a source sent messages, the oldest first."""
    c = FEED_HOURS.c
    query = select(c.hour, c.messages, c.began_at, c.ended_at)
    found: dict[datetime, Busy] = {}
    for row in conn.execute(query.where(c.source == source, c.hour >= since, c.messages > 0)):
        one = Busy(**row._mapping)  # noqa: SLF001 - the documented way to a row's names
        found[one.hour] = one.plus(found[one.hour]) if one.hour in found else one
    return [found[hour] for hour in sorted(found)]


def last_messages(conn: Connection, sources: Collection[str], recent: datetime) -> dict[str, datetime]:
    """When the last message of each source came; the recent hours are looked at first, since they mostly tell."""
    c, last = FEED_HOURS.c, func.max(FEED_HOURS.c.ended_at)
    found: dict[str, datetime] = {}
    for source, ended in conn.execute(
        select(c.source, c.ended_at).where(c.hour >= hour_of(recent), c.messages > 0)
    ):
        found[source] = max(found.get(source, ended), ended)
    for source in sources:
        if source not in found:
            ended = conn.scalar(select(last).where(c.source == source, c.messages > 0))
            if ended is not None:
                found[source] = ended
    return {source: found[source] for source in sources if source in found}


def hour_of(instant: datetime) -> datetime:
    """When the hour of an instant began."""
    return instant.replace(minute=0, second=0, microsecond=0)


_SUMS = ("messages", "repeats", "bytes", "accepted", "failed", "rejected")
_ADDS: dict[str, Any] = {}


def _add(session: Session) -> Any:
    if session.dialect not in _ADDS:
        insert, c = insert_for(session, FEED_HOURS), FEED_HOURS.c
        new = insert.excluded
        sums = {name: c[name] + new[name] for name in _SUMS}
        ends = {
            "slowest_ms": _greater(c.slowest_ms, new.slowest_ms),
            "ended_at": _greater(c.ended_at, new.ended_at),
            "began_at": case((c.began_at < new.began_at, c.began_at), else_=new.began_at),
        }
        key = [column.name for column in FEED_HOURS.primary_key.columns]
        _ADDS[session.dialect] = insert.on_conflict_do_update(index_elements=key, set_={**sums, **ends})
    return _ADDS[session.dialect]


def _greater(one: Any, other: Any) -> Any:
    return case((one > other, one), else_=other)
