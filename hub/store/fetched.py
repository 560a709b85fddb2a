"""What waits at partners and what became of it: listed, stored, done or refused; each remote file is taken once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Index,
    Integer,
    Row,
    Table,
    Text,
    UniqueConstraint,
    case,
    literal,
    select,
    update,
)

from hub.errors import Stale
from hub.store import queries
from hub.store.schema import METADATA, Id, Instant, clear, encrypted, keyed
from hub.store.schema import Sequence as SequenceType
from hub.store.session import Session
from hub.store.upsert import insert_for

LISTED, STORED, DONE, REFUSED = "listed", "stored", "done", "refused"

FETCHED = Table(
    "fetched",
    METADATA,
    clear("id", Id, primary_key=True, why="an opaque id of ours"),
    clear("practice", Text, why="whose row it is"),
    clear("connector", Text, why="the connector in our own configuration"),
    keyed("token", why="the partner's name for this version of the file: only equality is needed"),
    clear("size", BigInteger, why="bytes, as the partner lists them"),
    clear("modified_at", Instant, why="the partner's time"),
    clear("blob_id", Id, nullable=True, why="an opaque id of ours"),
    clear("inbox_seq", SequenceType, nullable=True, why="where it stands in the inbox"),
    clear("state", Text, why="the one current disposition"),
    clear("state_since", Instant, why="how long it has stood there"),
    clear("key_id", Integer, why="which data key sealed the name"),
    encrypted("body", "the partner's token and file name, which may hold a patient's name"),
    UniqueConstraint("connector", "token"),
    Index("ix_fetched_waiting", "state", "connector", "state_since"),
    Index("ix_fetched_key_id", "key_id"),
)


class Remote(msgspec.Struct, frozen=True):
    """The partner's own words for a file: sealed, never in a log."""

    token: str
    name: str

    def __repr__(self) -> str:
        return "Remote(...)"


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A remote file and how far the hub is with it."""

    id: str
    practice: str
    connector: str
    remote: Remote
    size: int
    modified_at: datetime
    blob_id: str | None
    inbox_seq: int | None
    state: str
    state_since: datetime


class FetchJournal:
    """The journal of fetched files inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def listed(
        self, *, practice: str, connector: str, token: str, name: str, size: int, modified_at: datetime
    ) -> tuple[str, bool]:
        """(id, whether it is new) of a file that a partner lists; `token`, size and time make the version."""
        session = self._session
        version = session.keys.digest("fetched", f"{token}\x1f{size}\x1f{modified_at.isoformat()}")
        known = select(FETCHED.c.id).where(FETCHED.c.connector == connector, FETCHED.c.token == version)
        found = session.conn.scalar(known)
        if found is not None:
            return found, False
        new = session.new_id("get")
        key_id, body = session.keys.seal(aad(new), msgspec.json.encode(Remote(token, name)))
        row = {
            "id": new,
            "practice": practice,
            "connector": connector,
            "token": version,
            "size": size,
            "modified_at": modified_at,
            "state": LISTED,
            "state_since": session.now,
            "key_id": key_id,
            "body": body,
        }
        insert = insert_for(session, FETCHED).on_conflict_do_nothing().returning(FETCHED.c.id)
        is_new = session.conn.scalar(insert, row) is not None
        return (new if is_new else str(session.conn.scalar(known))), is_new

    def stored(self, id: str, *, blob_id: str, inbox_seq: int) -> None:  # noqa: A002
        """The bytes are durable here; the partner may be told."""
        self._move(id, LISTED, {"state": STORED, "blob_id": blob_id, "inbox_seq": inbox_seq})

    def done(self, id: str) -> None:  # noqa: A002
        """The partner was told (or needs no telling); said twice it changes nothing."""
        row = self.get(id)
        if row is None or row.state != DONE:
            self._move(id, STORED, {"state": DONE})

    def refused(self, id: str) -> None:  # noqa: A002
        """The partner does not give it: it is not asked for again until a person says so (`again`)."""
        self._move(id, LISTED, {"state": REFUSED})

    def again(self, id: str) -> None:  # noqa: A002
        """What was refused is fetched like what is listed."""
        self._move(id, REFUSED, {"state": LISTED})

    def get(self, id: str) -> Fetched | None:  # noqa: A002
        """The journal's row of that id."""
        return next(iter(self._find({"id": id}, 1)), None)

    def waiting(self, state: str, limit: int = 200, **equals: Any) -> list[Fetched]:
        """What stands in `state` (listed: to be fetched; stored: the partner is to be told), oldest first."""
        return self._find({"state": state, **equals}, limit)

    def find(self, *, limit: int = 1000, **equals: Any) -> list[Fetched]:
        """Rows whose columns equal (a list: are among) what is given, oldest first."""
        return self._find(equals, limit)

    def _find(self, equals: dict[str, Any], limit: int) -> list[Fetched]:
        names, order = (*_PLAIN, "key_id", "body"), ("state_since", "id")
        rows = queries.read(self._session, FETCHED, names, equals, order=order, limit=limit)
        return [self._record(row) for row in rows]

    def _record(self, row: Row[Any]) -> Fetched:
        opened = self._session.keys.open(row.key_id, aad(row.id), bytes(row.body))
        remote = msgspec.json.decode(opened, type=Remote)
        plain = {name: row._mapping[name] for name in _PLAIN}  # noqa: SLF001 - its public accessor
        return Fetched(remote=remote, **plain)

    def _move(self, fetched_id: str, expect: str, values: dict[str, Any]) -> None:
        where = (FETCHED.c.id == fetched_id, FETCHED.c.state == expect)
        now = self._session.now  # never earlier than it was: a clock may be set back, or another node's be behind
        since = case((FETCHED.c.state_since > now, FETCHED.c.state_since), else_=literal(now, Instant))
        moved = update(FETCHED).where(*where).values(**values, state_since=since)
        if self._session.conn.execute(moved).rowcount != 1:
            raise Stale(f"the fetched file is not {expect}")


_PLAIN = tuple(name for name in Fetched.__struct_fields__ if name != "remote")


def aad(fetched_id: str) -> bytes:
    """What a sealed name is bound to."""
    return f"fetched|{fetched_id}".encode()
