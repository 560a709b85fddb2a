"""What the watch asks of a database: cheap looks at clear columns, by index, that need no key.

Every question reads at most `PAGE` rows of a backlog, so that a count of `PAGE` means *so many or more*.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, func, literal, select, text
from sqlalchemy.exc import DatabaseError

from hub.store import engine as engines
from hub.store import feeds, migrate
from hub.store.crypto import DATA_KEYS, Damaged
from hub.store.engine import Engines
from hub.store.events import EVENTS
from hub.store.expectations import EXPECTATIONS
from hub.store.fetched import FETCHED, LISTED, STORED
from hub.store.held_lanes import Stopped, standing
from hub.store.inbox import INBOX
from hub.store.lanes import WAITS
from hub.store.outbox import FILES
from hub.store.schema import METADATA
from hub.store.slots import RUNS, SLOTS
from hub.store.submissions import SUBMISSIONS
from hub.store.work import WORK

PAGE = 2_000
CHUNK = 500
UNSENT = ("frozen", "staged", "published")
AT_ONCE = (
    *(("encounters", "ready"), ("encounters", "coded"), ("claims", "new"), ("claims", "secondary_due")),
    *(("remits", "reading"), ("remits", "balanced")),
)
"""States in which nothing is waited for but the hub's own next step."""
_AHEAD = timedelta(days=1)
_MALFORMED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Things that wait in one place: how many (at most `PAGE`), and since when the oldest does."""

    place: str
    kind: str = ""
    count: int
    since: datetime


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A node as it last told; `load` holds numbers by name (free_bytes, clock_off_ms, threads, rss_bytes)."""

    node: str
    roles: str
    version: str
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None
    load: dict[str, Any]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of one of the small tables, by column name."""

    values: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


class Vitals:
    """The looks inside one open, read-only connection."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._conn.dialect.name

    def begin_again(self) -> None:
        """Go on after a question that failed: PostgreSQL answers none in a transaction in which one did."""
        self._conn.rollback()
        self._conn.begin()

    def check_tables(self) -> None:
        """Raise `Misconfigured` unless the tables are those of this hub."""
        migrate.check(self._conn)

    def now(self) -> datetime | None:
        """The database's own time; None where it has none of its own (SQLite)."""
        if self.dialect == "sqlite":
            return None
        found: datetime = self._conn.execute(text("SELECT clock_timestamp()")).scalar_one()
        return found

    def newest_event(self) -> datetime | None:
        """When the last event was logged."""
        return self._conn.scalar(select(EVENTS.c.at).order_by(EVENTS.c.seq.desc()).limit(1))

    def unsealed(self) -> datetime | None:
        """Since when the oldest event waits for the sealer."""
        query = select(EVENTS.c.at).where(EVENTS.c.position.is_(None)).order_by(EVENTS.c.seq).limit(1)
        return self._conn.scalar(query)

    def unread(self) -> list[Waiting]:
        """Messages and files of the inbox that no step has read yet, by source."""
        found: list[Any] = []
        source = self._next_source("")
        while source is not None:
            mine = (INBOX.c.state == "received", INBOX.c.source == source)
            query = select(INBOX.c.source, INBOX.c.state_since).where(*mine)
            found += self._rows(query.order_by(INBOX.c.seq))
            source = self._next_source(source)
        return _gathered(found)

    def _next_source(self, after: str) -> str | None:
        """The next source, in the order of their names, of which something is unread."""
        waits = (INBOX.c.state == "received", INBOX.c.source > after)
        found: str | None = self._conn.scalar(select(func.min(INBOX.c.source)).where(*waits))
        return found

    def feeds_last(self, sources: Collection[str], recent: datetime) -> dict[str, datetime]:
        """When the last message of each source came that ever sent one; `recent` only makes it quick."""
        return feeds.last_messages(self._conn, sources, recent)

    def feed_hours(self, source: str, since: datetime) -> list[feeds.Busy]:
        """The hours since then in which a source sent messages, the oldest first."""
        return feeds.busy(self._conn, source, since)

    def feed_counts(self, since: datetime, source: str = "") -> list[feeds.Hour]:
        """What came and what was answered since then, by source, peer and hour; of one source, or of all."""
        return feeds.hours(self._conn, since, source)

    def undone(self, before: datetime) -> list[Waiting]:
        """What a step could do at once and has not done since an instant, by collection and state."""
        found: list[Any] = []
        for name, state in AT_ONCE:
            table = METADATA.tables[name]
            late = (table.c.state == state, table.c.state_since < before)
            query = select(literal(name), table.c.state_since, table.c.state).where(*late)
            found += self._rows(query.order_by(table.c.state_since))
        return _gathered(found)

    def unsent(self) -> list[Waiting]:
        """Frozen files that are not sent yet, by mailbox."""
        found: list[Any] = []
        for state in UNSENT:
            query = select(FILES.c.mailbox, FILES.c.frozen_at).where(FILES.c.state == state)
            found += self._rows(query.order_by(FILES.c.state_since))
        return _gathered(found)

    def unfetched(self, connectors: Collection[str]) -> list[Waiting]:
        """Files that were seen at partners and are not wholly ours yet, or of which the partner was not told."""
        found: list[Any] = []
        for state in (LISTED, STORED):
            for connector in connectors:
                mine = (FETCHED.c.state == state, FETCHED.c.connector == connector)
                query = select(FETCHED.c.connector, FETCHED.c.state_since).where(*mine)
                found += self._rows(query.order_by(FETCHED.c.state_since))
        return _gathered(found)

    def overdue(self, now: datetime) -> list[Waiting]:
        """Answers that were due by `now`, by mailbox and kind; `since` is when the first was due."""
        late = (EXPECTATIONS.c.met_at.is_(None), EXPECTATIONS.c.due_at <= now)
        query = select(EXPECTATIONS.c.kind, EXPECTATIONS.c.about, EXPECTATIONS.c.due_at).where(*late)
        rows = self._rows(query.order_by(EXPECTATIONS.c.due_at))
        about = {row.about: row.about.partition(":")[0] for row in rows}
        where = self._mailboxes(sorted(set(about.values())))
        return _gathered([(where.get(about[row.about], ""), row.due_at, row.kind) for row in rows])

    def last_slot(self, schedule: str, now: datetime) -> tuple[str, datetime] | None:
        """The latest slot of a schedule that was ever taken, and when; not one that a wrong clock took far ahead."""
        ahead = f"{now + _AHEAD:%Y-%m-%dT%H:%M:%SZ}"
        mine = (SLOTS.c.schedule == schedule, SLOTS.c.slot <= ahead)
        query = select(SLOTS.c.slot, SLOTS.c.taken_at).where(*mine).order_by(SLOTS.c.slot.desc())
        rows = self._rows(query, 1)
        return (rows[0].slot, rows[0].taken_at) if rows else None

    def open_runs(self, before: datetime) -> list[Row]:
        """Runs of schedules that began before an instant and have not ended, the oldest first."""
        columns = (RUNS.c.schedule, RUNS.c.step, RUNS.c.lane, RUNS.c.started)
        query = select(*columns).where(RUNS.c.ended.is_(None), RUNS.c.started < before)
        return sorted(_records(self._rows(query)), key=lambda row: (row.started, row.schedule, row.lane))

    def lane_troubles(self) -> list[Row]:
        """Lanes that back off or are held, by lane; not what merely waits in a held one."""
        return [row for row in self._table("lane_troubles", "lane", "step") if row.kind != WAITS]

    def stopped_feeds(self) -> list[Stopped]:
        """Each source of which lanes stand still behind a message that cannot be applied."""
        return standing(self._conn)

    def broken_connections(self, practices: Collection[str]) -> list[Row]:
        """Open work items about connections and steps that failed."""
        reasons = ("connector.stopped", "connector.unreachable", "step.bug")
        mine = (WORK.c.resolved_at.is_(None), WORK.c.practice.in_([*practices]), WORK.c.reason.in_(reasons))
        columns = (WORK.c.reason, WORK.c.aggregate_id, WORK.c.place, WORK.c.why, WORK.c.fix, WORK.c.opened_at)
        rows = _records(self._rows(select(*columns).where(*mine)))
        return sorted(rows, key=lambda row: (row.aggregate_id, row.place, row.opened_at))

    def backups(self) -> list[Row]:
        """Backups, the newest first."""
        return self._table("backups", "-began_at")

    def pauses(self) -> list[Row]:
        """Schedules that a person has paused."""
        return self._table("pauses", "schedule")

    def data_keys(self) -> list[Row]:
        """Keys in use, without what they are wrapped in."""
        columns = (DATA_KEYS.c.key_id, DATA_KEYS.c.purpose, DATA_KEYS.c.created_at)
        query = select(*columns).where(DATA_KEYS.c.retired_at.is_(None)).order_by(DATA_KEYS.c.key_id)
        return _records(self._rows(query))

    def born(self) -> datetime | None:
        """When this database was first used."""
        found: datetime | None = self._conn.scalar(select(func.min(DATA_KEYS.c.created_at)))
        return found

    def nodes(self, seen_since: datetime) -> list[NodeRow]:
        """Nodes that gave a sign of life since an instant; of each name the one that came last."""
        nodes = METADATA.tables["nodes"]
        query = select(nodes).where(nodes.c.seen_at >= seen_since).order_by(nodes.c.started_at)
        newest = {row.node: _node(row) for row in self._rows(query)}
        return [newest[name] for name in sorted(newest)]

    def stuck_notices(self, before: datetime, since: datetime) -> list[Waiting]:
        """Notices that wait since `before` or earlier, and those that were refused after `since`, by notifier."""
        notices = METADATA.tables["notices"]
        about = (notices.c.notifier, notices.c.made_at, notices.c.state)
        waits = select(*about).where(notices.c.state == "waiting", notices.c.made_at < before)
        refused = select(*about).where(notices.c.state == "refused", notices.c.made_at >= since)
        return _gathered([*self._rows(waits), *self._rows(refused)])

    def _mailboxes(self, ids: Sequence[str]) -> dict[str, str]:
        """The mailbox of each file, or of the file of each submission."""
        found: dict[str, str] = {}
        for at in range(0, len(ids), CHUNK):
            part = ids[at : at + CHUNK]
            own = select(FILES.c.id, FILES.c.mailbox).where(FILES.c.id.in_(part))
            joined = select(SUBMISSIONS.c.id, FILES.c.mailbox).where(SUBMISSIONS.c.id.in_(part))
            theirs = joined.join_from(SUBMISSIONS, FILES, FILES.c.id == SUBMISSIONS.c.file_id)
            found |= {row[0]: row[1] for query in (own, theirs) for row in self._conn.execute(query)}
        return found

    def _table(self, name: str, *order: str) -> list[Row]:
        table: Table = METADATA.tables[name]
        columns = [table.c[o[1:]].desc() if o.startswith("-") else table.c[o] for o in order]
        return _records(self._rows(select(table).order_by(*columns)))

    def _rows(self, query: Select[Any], limit: int = PAGE) -> Sequence[Any]:
        return self._conn.execute(query.limit(limit)).all()


@contextmanager
def told() -> Iterator[None]:
    """What a database refuses becomes one of the hub's errors; a file that is none any more raises `Damaged`."""
    try:
        with engines.told_apart():
            yield
    except DatabaseError as error:
        if ((getattr(error.orig, "sqlite_errorcode", None) or 0) & 0xFF) not in _MALFORMED:
            raise
        raise Damaged("the database finds its own file damaged") from None


@contextmanager
def look(own: Engines) -> Iterator[Vitals]:
    """The vitals of a database, read in one transaction; raises what `Store.view` would, but for keys."""
    with told(), own.reader.connect() as connection:
        connection.begin()
        yield Vitals(connection)
        connection.rollback()


def try_to_write(own: Engines, now: datetime) -> None:
    """Write a row and take it back; raises what a step would meet."""
    probe = SLOTS.insert().values(schedule="doctor.probe", slot="", taken_at=now)
    with told(), own.writer.connect() as connection:
        engines.begin(connection)
        connection.execute(probe)
        connection.rollback()


def damage(own: Engines) -> int:
    """How many faults the database finds in its own files: SQLite reads them all, PostgreSQL tells what its
    checksums and indexes have shown.
    """
    with told(), own.reader.connect() as connection:
        connection.begin()
        return (
            _sqlite_faults(connection) if connection.dialect.name == "sqlite" else _postgresql_faults(connection)
        )


def _sqlite_faults(connection: Connection) -> int:
    said = connection.execute(text("PRAGMA quick_check(100)")).scalars().all()
    return sum(1 for line in said if line != "ok")


def _postgresql_faults(connection: Connection) -> int:
    sums = "SELECT coalesce(sum(checksum_failures), 0) FROM pg_stat_database"
    indexes = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    return sum(int(connection.execute(text(query)).scalar_one()) for query in (sums, indexes))


def _gathered(rows: Sequence[Any]) -> list[Waiting]:
    """Rows (place, since, kind if there is one) by place and kind."""
    found: dict[tuple[str, str], list[datetime]] = {}
    for place, since, *kind in rows:
        found.setdefault((place, kind[0] if kind else ""), []).append(since)
    return [
        Waiting(place=place, kind=kind, count=len(times), since=min(times))
        for (place, kind), times in sorted(found.items())
    ]


def _records(rows: Sequence[Any]) -> list[Row]:
    return [Row(values=dict(row._mapping)) for row in rows]  # noqa: SLF001 - the documented way to a row's names


def _node(row: Any) -> NodeRow:
    values = {name: getattr(row, name) for name in NodeRow.__struct_fields__ if name != "load"}
    return NodeRow(**values, load=msgspec.json.decode(row.load or "{}"))
