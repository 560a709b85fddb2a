"""Lanes of messages (an account, a patient) that stand still behind one that cannot be applied, and what was mended.

Rows stand here only while a lane stands still: `stop` for the message that stopped it, `wait` for those behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Index, Select, Table, Text, delete, exists, func, or_, select, update

from hub.store import queries
from hub.store.inbox import INBOX
from hub.store.rows import Bulk
from hub.store.schema import METADATA, Id, Instant, clear, keyed
from hub.store.schema import Sequence as Number
from hub.store.session import Session

HELD_LANES = Table(
    "held_lanes",
    METADATA,
    clear("source", Text, primary_key=True, why="the connector in our own configuration"),
    keyed("lane", primary_key=True, why="the source's key of an account or patient: only equality is needed"),
    clear("seq", Number, primary_key=True, autoincrement=False, why="the message, by its order of arrival"),
    clear("practice", Text, why="whose row it is"),
    clear("role", Text, why="stop or wait"),
    clear("since", Instant, why="how long it stands still"),
    Index("ix_held_lanes_seq", "seq"),
)
INBOX_EDITS = Table(
    "inbox_edits",
    METADATA,
    clear("edited_id", Id, primary_key=True, why="the message as a person mended it"),
    clear("original_id", Id, why="the message as it came, which is kept"),
    clear("actor", Text, why="who mended it"),
    clear("at", Instant, why="when"),
    Index("ix_inbox_edits_original_id", "original_id"),
)


STOP, WAIT = "stop", "wait"
BLOCKED, RECEIVED = "blocked", "received"
_COLUMNS = ("source", "lane", "seq", "practice", "role", "since")
_SLICE = 500


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One message in one lane that stands still: `lane` a keyed digest, `seq` the message's place (of one that was
    mended, the original's), `role` stop or wait.
    """

    lane: str
    seq: int
    role: str


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """A source's lanes that stand still: how many, how many messages wait, and since when."""

    source: str
    practice: str
    lanes: int
    waiting: int
    since: datetime


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """A message that stops lanes: its own id (`message`, of the newest edit where it was mended) and state, the lanes
    that it stops, since when, and how many messages wait in them.
    """

    source: str
    message: str
    state: str
    reason: str
    lanes: int
    since: datetime
    waiting: int
    seq: int


class HeldLanes:
    """The lanes that stand still, inside one transaction or view. A message's place in its lanes is its number in the
    inbox; one that was mended has the place of its original.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._conn = session.conn

    def any(self, source: str) -> bool:
        """Whether any lane of the source stands still."""
        return bool(
            queries.read(self._session, HELD_LANES, ("seq",), {"source": source}, order=("lane",), limit=1)
        )

    def heads(self, source: str, lanes: Iterable[str]) -> dict[str, int]:
        """The place of the first message of each of the lanes that stand still."""
        found: dict[str, int] = {}
        column = HELD_LANES.c
        for part in _slices(lanes):
            query = select(column.lane, func.min(column.seq)).group_by(column.lane)
            rows = self._conn.execute(query.where(column.source == source, column.lane.in_(part)))
            found |= {lane: int(seq) for lane, seq in rows}
        return found

    def of_lanes(self, source: str, lanes: Iterable[str], up_to: int) -> list[Held]:
        """What stands in the lanes up to a place, in order."""
        column = HELD_LANES.c
        return [
            one
            for part in _slices(lanes)
            for one in self._held(column.source == source, column.lane.in_(part), column.seq <= up_to)
        ]

    def at(self, places: Iterable[int]) -> list[Held]:
        """What stands in lanes at these places, of which each is of one source."""
        return [one for part in _slices(places) for one in self._held(HELD_LANES.c.seq.in_(part))]

    def _held(self, *where: ColumnElement[bool]) -> list[Held]:
        column = HELD_LANES.c
        query = select(column.lane, column.seq, column.role).where(*where).order_by(column.seq, column.lane)
        return [Held(lane=row.lane, seq=int(row.seq), role=row.role) for row in self._conn.execute(query)]

    def put(self, source: str, practice: str, rows: Iterable[Held]) -> None:
        """Let messages stand in lanes."""
        now = self._session.now
        values = [(source, one.lane, one.seq, practice, one.role, now) for one in rows]
        Bulk(self._session).insert(HELD_LANES, _COLUMNS, values)

    def drop(self, places: Iterable[int]) -> None:
        """Let the messages at these places stand in no lane any more."""
        for part in _slices(places):
            self._conn.execute(delete(HELD_LANES).where(HELD_LANES.c.seq.in_(part)))

    def release(self, source: str, lanes: Iterable[str]) -> int:
        """Let what waits in the lanes, and what nothing stops in any lane of its own, be read; returns how many. Each
        stands there until it is read: what is newer stays behind it.
        """
        stop, mine = HELD_LANES.alias(), HELD_LANES.alias()
        stops = (  # few, and looked for once: what waits may be thousands
            select(stop.c.lane, func.min(stop.c.seq).label("first"))
            .where(stop.c.source == source, stop.c.role == STOP)
            .group_by(stop.c.lane)
            .subquery("stops")
        )
        before = (stops.c.lane == mine.c.lane, stops.c.first < mine.c.seq)
        stopped = exists().where(mine.c.source == source, mine.c.seq == HELD_LANES.c.seq, *before)
        moved = 0
        for part in _slices(lanes):
            free = select(HELD_LANES.c.seq).where(
                HELD_LANES.c.source == source, HELD_LANES.c.lane.in_(part), HELD_LANES.c.role == WAIT, ~stopped
            )
            values = {"state": RECEIVED, "state_since": self._session.now}
            where = (INBOX.c.state == BLOCKED, INBOX.c.source == source, _stands_at(free))
            moved += self._conn.execute(update(INBOX).where(*where).values(values)).rowcount
        return moved

    def place(self, item: Any) -> int:
        """The place of one message in its lanes."""
        return self.places([item])[item.seq]

    def places(self, items: Sequence[Any]) -> dict[int, int]:
        """Number in the inbox -> place in lanes."""
        ids = {item.id: item.seq for item in items}
        found = {item.seq: item.seq for item in items}
        edit, original = INBOX_EDITS.c, INBOX.c
        for part in _slices(ids):
            joined = INBOX_EDITS.join(INBOX, original.id == edit.original_id)
            rows = self._conn.execute(
                select(edit.edited_id, original.seq).select_from(joined).where(edit.edited_id.in_(part))
            )
            found |= {ids[edited]: int(seq) for edited, seq in rows}
        return found

    def edited(self, edited_id: str, original_id: str, actor: str) -> None:
        """Note that a message was mended, and by whom."""
        row = {"edited_id": edited_id, "original_id": original_id, "actor": actor, "at": self._session.now}
        self._conn.execute(INBOX_EDITS.insert(), [row])

    def links(self, id: str) -> tuple[str, str]:  # noqa: A002
        """(what a message is an edit of, its own newest edit), each empty where there is none."""
        edits = INBOX_EDITS.c
        query = select(edits.edited_id, edits.original_id).where(
            or_(edits.edited_id == id, edits.original_id == id)
        )
        rows = self._conn.execute(query.order_by(edits.at, edits.edited_id)).all()
        original = next((row.original_id for row in rows if row.edited_id == id), "")
        newest = next((row.edited_id for row in reversed(rows) if row.original_id == id), "")
        return original, newest

    def standing(self) -> list[Stopped]:
        """Each source of which lanes stand still."""
        return standing(self._conn)

    def stops(self, source: str = "", limit: int = 50) -> list[Stop]:
        """The messages that stop lanes, the first first."""
        return self._stops(*([HELD_LANES.c.source == source] if source else []), limit=limit)

    def stops_at(self, places: Iterable[int]) -> list[Stop]:
        """Those of the messages at these places that stop lanes, the first first."""
        return [one for part in _slices(sorted(places)) for one in self._stops(HELD_LANES.c.seq.in_(part))]

    def _stops(self, *where: ColumnElement[bool], limit: int = _SLICE) -> list[Stop]:
        column = HELD_LANES.c
        query = select(func.min(column.source), column.seq, func.count(), func.min(column.since))
        stops = query.where(column.role == STOP, *where).group_by(column.seq)
        return [self._stop(*row) for row in self._conn.execute(stops.order_by(column.seq).limit(limit)).all()]

    def _stop(self, source: str, seq: int, lanes: int, since: datetime) -> Stop:
        row = self._conn.execute(
            select(INBOX.c.id, INBOX.c.state, INBOX.c.reason).where(INBOX.c.seq == seq)
        ).one()
        if newest := self.links(row.id)[1]:
            query = select(INBOX.c.id, INBOX.c.state, INBOX.c.reason).where(INBOX.c.id == newest)
            row = self._conn.execute(query).one_or_none() or row
        return Stop(
            source=source,
            message=row.id,
            state=row.state,
            reason=row.reason,
            lanes=int(lanes),
            since=since,
            waiting=self.behind(source, seq),
            seq=int(seq),
        )

    def behind(self, source: str, place: int) -> int:
        """How many messages wait in the lanes in which something stands at this place, behind it."""
        column, mine = HELD_LANES.c, HELD_LANES.alias()
        lanes = select(mine.c.lane).where(mine.c.seq == place)
        where = (column.source == source, column.lane.in_(lanes), column.seq > place, column.role == WAIT)
        return int(self._conn.scalar(select(func.count(column.seq.distinct())).where(*where)) or 0)

    def ahead(self, places: Collection[int]) -> set[int]:
        """Which of the messages at these places have another one before them in one of their lanes."""
        column, other = HELD_LANES.c, HELD_LANES.alias()
        same = (other.c.source == column.source, other.c.lane == column.lane, other.c.seq < column.seq)
        found: set[int] = set()
        for part in _slices(places):
            where = (column.seq.in_(part), exists().where(*same))
            found |= {int(seq) for seq in self._conn.scalars(select(column.seq).where(*where).distinct())}
        return found


def standing(conn: Any) -> list[Stopped]:
    """Each source of which lanes stand still, as a connection sees it."""
    column = HELD_LANES.c
    stop = column.role == STOP
    query = select(
        column.source,
        func.min(column.practice),
        func.count(func.distinct(column.lane)).filter(stop),
        func.count(func.distinct(column.seq)).filter(~stop),
        func.min(column.since).filter(stop),
    ).group_by(column.source)
    return [
        Stopped(source=source, practice=practice, lanes=int(lanes), waiting=int(waiting), since=since)
        for source, practice, lanes, waiting, since in conn.execute(query.order_by(column.source))
        if lanes
    ]


def stopping(message_id: Any) -> ColumnElement[bool]:
    """Whether a message (a column of its id) stops a lane, as it came or mended: a condition for other statements."""
    stops = select(HELD_LANES.c.seq).where(HELD_LANES.c.role == STOP)
    # two lists: PostgreSQL would read the whole inbox for one that is joined by OR
    return or_(message_id.in_(select(INBOX.c.id).where(INBOX.c.seq.in_(stops))), message_id.in_(_mended(stops)))


def _stands_at(places: Any) -> ColumnElement[bool]:
    """Messages that have one of the places, as they came or mended: for statements that name their state, too."""
    return or_(INBOX.c.seq.in_(places), INBOX.c.id.in_(_mended(places)))


def _mended(places: Any) -> Select[tuple[str]]:
    """The ids of what was mended of messages at these places."""
    original = INBOX.alias()
    came = select(original.c.id).where(original.c.seq.in_(places))
    return select(INBOX_EDITS.c.edited_id).where(INBOX_EDITS.c.original_id.in_(came))


def _slices(values: Iterable[Any]) -> Iterable[list[Any]]:
    every = list(dict.fromkeys(values))
    return [every[at : at + _SLICE] for at in range(0, len(every), _SLICE)]
