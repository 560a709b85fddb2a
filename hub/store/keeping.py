"""Backups and restores as rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Index,
    Table,
    Text,
    insert,
    inspect,
    select,
    update,
)

from hub.errors import Stale
from hub.store import queries
from hub.store.engine import Engines, told_apart
from hub.store.registry import COUNTERS
from hub.store.schema import METADATA, Id, Instant, clear
from hub.store.session import Session

_OURS = "our own id, name or number"
_WORDS = "written by us, without patient values"

BACKUPS = Table(
    "backups",
    METADATA,
    clear("id", Id, primary_key=True, why=_OURS),
    clear("file", Text, why="a file name of ours"),
    clear("kind", Text, why="sqlite, postgresql"),
    clear("began_at", Instant, why="when it began"),
    clear("ended_at", Instant, nullable=True, why="when it was whole"),
    clear("size", BigInteger, why="bytes"),
    clear("digest", Text, why="SHA-256 of the encrypted file"),
    clear("state", Text, why="made, failed, removed"),
    clear("proved_at", Instant, nullable=True, why="when a restore drill proved it"),
    clear("proof", Text, why=_WORDS),
    Index("ix_backups_began_at", "began_at"),
)
RESTORES = Table(
    "restores",
    METADATA,
    clear("id", Id, primary_key=True, why=_OURS),
    clear("backup", Id, why=_OURS),
    clear("made_at", Instant, why="when the backup was made: what happened later is not in it"),
    clear("restored_at", Instant, why="when it was restored"),
    clear("accepted_at", Instant, why="since when the hub may run on it"),
    clear("accepted_by", Text, why="a login"),
    clear("why", Text, why="a person's reason, without a patient's value"),
    clear("margin", BigInteger, why="how many numbers were left out, since they may be in use"),
    clear("until", Instant, why="claims that are made later are not asked about"),
    Index("ix_restores_accepted_at", "accepted_at"),
)


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """One backup: a file in the backup folder (or a whole path), `made`, `failed` or `removed`."""

    id: str
    file: str
    kind: str
    began_at: datetime
    ended_at: datetime | None
    size: int
    digest: str
    state: str
    proved_at: datetime | None = None
    proof: str = ""


class Restore(msgspec.Struct, frozen=True, kw_only=True):
    """A restore that a person accepted: what the backup (`made_at`) did not hold yet was lost until then."""

    id: str
    backup: str
    made_at: datetime
    restored_at: datetime
    accepted_at: datetime
    accepted_by: str
    why: str
    margin: int
    until: datetime


BackupList = list[Backup]


class Backups:
    """The backups inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, backup: Backup) -> None:
        """Write down a backup that is whole, or one that failed."""
        self._session.conn.execute(insert(BACKUPS).values(msgspec.structs.asdict(backup)))

    def prove(self, backup_id: str, proof: str) -> None:
        """A drill restored it and found it good."""
        self._put(backup_id, proved_at=self._session.now, proof=proof)

    def doubt(self, backup_id: str, proof: str) -> None:
        """A drill did not find it good."""
        self._put(backup_id, proved_at=None, proof=proof)

    def remove(self, backup_id: str) -> None:
        """Its file is to be no more."""
        self._put(backup_id, state="removed")

    def newest(self, **equals: Any) -> Backup | None:
        """The latest backup that matches."""
        return next(iter(self.list(limit=1, **equals)), None)

    def list(self, *, limit: int | None = None, **equals: Any) -> BackupList:
        """Backups whose columns equal (a list: are among) what is given, the latest first."""
        page = {"order": ("-began_at", "-id"), "limit": limit}
        return queries.records(self._session, BACKUPS, Backup, equals, **page)

    def _put(self, backup_id: str, **values: Any) -> None:
        done = update(BACKUPS).where(BACKUPS.c.id == backup_id).values(values)
        if self._session.conn.execute(done).rowcount != 1:
            raise Stale("there is no such backup")


class Restores:
    """The restores that were accepted, inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, restore: Restore) -> None:
        """Write down that a person let the hub run on what was restored."""
        self._session.conn.execute(insert(RESTORES).values(msgspec.structs.asdict(restore)))

    def last(self) -> Restore | None:
        """The latest one."""
        found = queries.records(self._session, RESTORES, Restore, {}, order=("-accepted_at",), limit=1)
        return next(iter(found), None)


def jump(session: Session, margin: int) -> dict[str, int]:
    """Leave out the next `margin` numbers of every counter; returns what each scope hands out next."""
    session.conn.execute(update(COUNTERS).values(next=COUNTERS.c.next + margin))
    rows = session.conn.execute(select(COUNTERS.c.scope, COUNTERS.c.next).order_by(COUNTERS.c.scope))
    return {row.scope: int(row.next) for row in rows}


def running_nodes(engines: Engines, now: datetime) -> list[str]:
    """Nodes that gave a sign of life within the last minute, also where the tables are an older hub's."""
    nodes = METADATA.tables["nodes"]
    with told_apart(), engines.reader.connect() as connection:
        if not inspect(connection).has_table(nodes.name):
            return []
        alive = (nodes.c.stopped_at.is_(None), nodes.c.seen_at > now - timedelta(minutes=1))
        return sorted(set(connection.scalars(select(nodes.c.node).where(*alive))))
