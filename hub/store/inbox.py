"""The inbox: what arrived, durable before its sender is told so, and known again when it arrives twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Index, Table, Text, UniqueConstraint, select

from hub.errors import Stale
from hub.store import queries
from hub.store.arrivals import Arrival as Arrival  # noqa: PLC0414 - who puts something meets it here
from hub.store.arrivals import Prepared, Taken, Taking, prepare
from hub.store.blobs import BODY, Blobs
from hub.store.rows import Bulk
from hub.store.schema import METADATA, Id, Instant, clear, keyed, to_micros
from hub.store.schema import Sequence as Number
from hub.store.session import Session
from hub.store.upsert import insert_for

INBOX = Table(
    "inbox",
    METADATA,
    clear("seq", Number, primary_key=True, autoincrement=True, why="the order of arrival"),
    clear("id", Id, why="an opaque id of ours"),
    clear("practice", Text, why="whose row it is"),
    clear("source", Text, why="the connector in our own configuration"),
    clear("kind", Text, why="what it is: message, bundle, file"),
    clear("content_type", Text, why="hl7, fhir+json, x12"),
    keyed("external", why="the sender's own id or file name, which may hold a patient's name"),
    keyed("digest", why="the content: the same bytes under the same id are the same message"),
    clear("blob_id", Id, why="an opaque id of ours"),
    clear("received_at", Instant, why="when it was made durable"),
    clear("state", Text, why="the one current disposition"),
    clear("state_since", Instant, why="how long it has stood there"),
    clear("reason", Text, why="why it stands there: a code of ours"),
    UniqueConstraint("id"),
    UniqueConstraint("source", "external", "digest"),
    Index("ix_inbox_waiting", "state", "source", "seq"),
    Index("ix_inbox_blob_id", "blob_id"),
    sqlite_autoincrement=True,
)
INBOX_ACKS = Table(
    "inbox_acks",
    METADATA,
    clear("no", Number, primary_key=True, autoincrement=True, why="the order of acknowledgement"),
    clear("seq", Number, why="what was acknowledged: it is in the inbox, or promise 1 is broken"),
    clear("at", Instant, why="when the sender was told"),
    Index("ix_inbox_acks_seq", "seq"),
    sqlite_autoincrement=True,
)


class InboxItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that arrived; its bytes are the blob `blob_id`. `external` and `digest` are keyed digests."""

    seq: int
    id: str
    practice: str
    source: str
    kind: str
    content_type: str
    external: str
    digest: str
    blob_id: str
    received_at: datetime
    state: str
    state_since: datetime
    reason: str


class Inbox:
    """The inbox inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(
        self,
        *,
        practice: str,
        source: str,
        kind: str,
        body: bytes | None = None,
        blob_id: str = "",
        content_type: str = "",
        external: str = "",
        state: str = "received",
    ) -> tuple[int, bool]:
        """(sequence number, whether it is new) of what arrived: `body`, or a blob that is already written.

        The same bytes from the same source under the same `external` name are one row, whenever they come.
        """
        digest = self._digest(body, blob_id)
        keys = self._keys(source, external, digest)
        known = self._known(keys)
        if known is not None:
            return known, False
        new = self._session.new_id("blob") if body is not None else blob_id
        row: dict[str, Any] = {
            **keys,
            "id": self._session.new_id("in"),
            "practice": practice,
            "kind": kind,
            "content_type": content_type,
            "blob_id": new,
            "received_at": self._session.now,
            "state": state,
            "state_since": self._session.now,
            "reason": "",
        }
        seq = self._session.conn.scalar(_insert_new(self._session), row)
        if seq is None:
            return self._others(keys), False
        if body is not None:
            Blobs(self._session).write("inbox", body, id=new)
        return int(seq), True

    def put_many(self, arrivals: Sequence[Arrival], *, practice: str, source: str, kind: str) -> int:
        """Each as `put`, in a few statements for all; returns how many are new."""
        ready = prepare(self._session.keys, self._session.clock, arrivals)
        taken = self.take(ready, practice=practice, source=source, kind=kind)
        return sum(one.verdict == "new" for one in taken)

    def take(self, arrivals: Sequence[Prepared], *, practice: str, source: str, kind: str) -> list[Taken]:
        """What became of each of what was prepared (`hub.store.arrivals.prepare`), in their order: `known` is what
        was there, or stands here twice; `refused` what is other bytes under an id that is used `once`.
        """
        return Taking(self._session, INBOX, (practice, source, kind)).take(arrivals)

    def ack(self, *seqs: int) -> None:
        """Journal that the senders of `seqs` are told as soon as this transaction, or an earlier one that stored
        them, is durable.
        """
        now = to_micros(self._session.now)
        Bulk(self._session).insert_together(INBOX_ACKS, ("seq", "at"), [(seq, now) for seq in seqs])

    def put_state(self, item: InboxItem, state: str, reason: str = "") -> InboxItem:
        """Move an item on, if it is still in the state it was read in; else raise `Stale`."""
        return self.put_states([(item, state, reason)])[0]

    def put_states(self, moves: Sequence[tuple[InboxItem, str, str]]) -> list[InboxItem]:
        """Each (item, state, reason) as `put_state`; one stale item raises `Stale` for all."""
        now = self._session.now
        rows = [(state, why, now, item.seq, item.state, item.state_since) for item, state, why in moves]
        names, where = ("state", "reason", "state_since"), ("seq", "state", "state_since")
        if Bulk(self._session).update(INBOX, names, where, rows) != len(rows):
            raise Stale("an inbox item was moved since it was read")
        replace = msgspec.structs.replace
        return [replace(item, state=state, reason=why, state_since=now) for item, state, why in moves]

    def get(self, seq: int) -> InboxItem | None:
        """The item of that sequence number."""
        return next(iter(self.find(seq=seq)), None)

    def by_id(self, id: str) -> InboxItem | None:  # noqa: A002
        """The item of that id."""
        return next(iter(self.find(id=id)), None)

    def waiting(self, state: str, limit: int = 200, **equals: Any) -> list[InboxItem]:
        """What stands in `state`, in the order of arrival."""
        return self.find(limit=limit, state=state, **equals)

    def find(self, *, limit: int = 1000, after: int = 0, **equals: Any) -> list[InboxItem]:
        """Items in the order of arrival whose columns equal (a list: are among) what is given."""
        return queries.records(self._session, INBOX, InboxItem, equals, order=("seq",), limit=limit, after=after)

    def newest(self, limit: int, **equals: Any) -> list[InboxItem]:
        """The last items that match, backwards."""
        return queries.records(self._session, INBOX, InboxItem, equals, order=("-seq",), limit=limit)

    def reasons(self, code: str, **equals: Any) -> list[str]:
        """The reasons of the items that match in which `code` is one of the codes."""
        rows = queries.tally(self._session, INBOX, ("reason",), equals)
        return sorted(reason for reason, _ in rows if code in reason.split())

    def tally(self) -> dict[tuple[str, str], int]:
        """How many items there are by (source, state)."""
        rows = queries.tally(self._session, INBOX, ("source", "state"), {})
        return {(source, state): number for source, state, number in rows}

    def acks_without_item(self, limit: int = 100) -> list[int]:
        """Sequence numbers whose sender was told although nothing is there: promise 1 is broken for them."""
        lost = INBOX_ACKS.outerjoin(INBOX, INBOX.c.seq == INBOX_ACKS.c.seq)
        query = select(INBOX_ACKS.c.seq).select_from(lost).where(INBOX.c.seq.is_(None)).distinct()
        return list(self._session.conn.scalars(query.order_by(INBOX_ACKS.c.seq).limit(limit)))

    def _keys(self, source: str, external: str, digest: str) -> dict[str, str]:
        hashed = self._session.keys.digest("external", external) if external else ""
        return {"source": source, "external": hashed, "digest": digest}

    def _digest(self, body: bytes | None, blob_id: str) -> str:
        if body is None:
            return Blobs(self._session).digest(blob_id)
        return self._session.keys.body_digest(BODY, body)

    def _others(self, keys: dict[str, str]) -> int:
        """The number that another process gave the same message between our look and our insert."""
        known = self._known(keys)
        if known is None:
            raise Stale("the same message is being stored by another process")
        return known

    def _known(self, keys: dict[str, str]) -> int | None:
        found = queries.read(self._session, INBOX, ("seq",), keys, order=("seq",))
        return int(found[0][0]) if found else None


_INSERTS: dict[str, Any] = {}


def _insert_new(session: Session) -> Any:
    """INSERT that yields nothing for a message that is known: the unique key decides, also between processes."""
    if session.dialect not in _INSERTS:
        insert = insert_for(session, INBOX).on_conflict_do_nothing()
        _INSERTS[session.dialect] = insert.returning(INBOX.c.seq)
    return _INSERTS[session.dialect]
