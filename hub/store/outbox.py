"""The outbox: frozen files, the journal of what was done with each, and the fence that lets only one node act."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Index, Integer, Table, Text, UniqueConstraint, insert, select

from hub.errors import Problem, Stale
from hub.store import append_only, queries
from hub.store.blobs import Blobs
from hub.store.holding import held
from hub.store.lanes import Lanes
from hub.store.rows import Bulk
from hub.store.schema import METADATA, Id, Instant, Sequence, clear, keyed
from hub.store.session import Session

FILES = Table(
    "files",
    METADATA,
    clear("id", Id, primary_key=True, why="an opaque id of ours"),
    clear("practice", Text, why="whose row it is"),
    clear("mailbox", Text, why="the connector and mailbox in our own configuration"),
    clear("kind", Text, why="837P, 270, statements, manifest"),
    clear("usage", Text, why="P production, T test"),
    clear("name", Text, why="a name of ours, without any patient's value"),
    clear("blob_id", Id, why="an opaque id of ours"),
    keyed("digest", why="the frozen bytes: promise 2 compares them with it"),
    clear("size", BigInteger, why="bytes"),
    clear("isa13", Text, nullable=True, why="a control number of ours"),
    clear("gs06", Text, nullable=True, why="a control number of ours"),
    clear("sets", Integer, why="how many transaction sets or documents it holds"),
    clear("frozen_at", Instant, why="since when it may not change"),
    clear("state", Text, why="the one current disposition"),
    clear("state_since", Instant, why="how long it has stood there"),
    UniqueConstraint("mailbox", "isa13"),
    Index("ix_files_waiting", "state", "state_since"),
    Index("ix_files_blob_id", "blob_id"),
)
TRANSFERS = Table(
    "transfers",
    METADATA,
    clear("seq", Sequence, primary_key=True, autoincrement=True, why="the order of the journal"),
    clear("file_id", Id, why="an opaque id of ours"),
    clear("phase", Text, why="what was about to be done, or was seen to be done"),
    clear("at", Instant, why="when"),
    clear("fence", BigInteger, why="which holder of the lane did it"),
    clear("evidence", Text, why="the kind of proof: a code of ours"),
    clear("note", Text, why="a short plain note without patient data"),
    Index("ix_transfers_file_id", "file_id", "seq"),
    sqlite_autoincrement=True,
)
_MAY_CHANGE = ("state", "state_since")
STATES = ("frozen", "staged", "published", "sent", "in_doubt", "refused", "answered")


def triggers(dialect: str) -> list[str]:
    """Statements after which the database refuses to change a frozen file, but for where it stands."""
    frozen = [column.name for column in FILES.columns if column.name not in _MAY_CHANGE]
    of = f"UPDATE OF {', '.join(frozen)}"
    if dialect == append_only.SQLITE:
        guards = [append_only.sqlite_guard("files", "update", of)]
        return [*guards, append_only.sqlite_guard("files", "delete", "DELETE")]
    return [
        append_only.postgresql_function(),
        append_only.postgresql_guard("files", "update", of),
        append_only.postgresql_guard("files", "delete", "DELETE"),
        append_only.truncate_guard("files"),
    ]


append_only.attach(FILES, triggers)
append_only.attach(TRANSFERS, lambda dialect: append_only.refuse_changes("transfers", dialect))


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen outbound file: nothing of it ever changes but where it stands (`STATES`)."""

    id: str
    practice: str
    mailbox: str
    kind: str
    usage: str
    name: str
    blob_id: str
    digest: str
    size: int
    isa13: str | None
    gs06: str | None
    sets: int
    frozen_at: datetime
    state: str
    state_since: datetime


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the transfer journal."""

    seq: int
    file_id: str
    phase: str
    at: datetime
    fence: int
    evidence: str
    note: str


class Files:
    """The frozen files inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def freeze(  # noqa: PLR0913 - the fields of one record
        self,
        body: bytes,
        *,
        practice: str,
        mailbox: str,
        kind: str,
        name: str,
        usage: str = "P",
        isa13: str | None = None,
        gs06: str | None = None,
        sets: int = 1,
        id: str = "",  # noqa: A002
    ) -> File:
        """Store the bytes and the file that they are from now on; its state is `frozen`."""
        blobs, now = Blobs(self._session), self._session.now
        blob_id = blobs.write("outbound", body)
        frozen = File(
            id=id or self._session.new_id("file"),
            practice=practice,
            mailbox=mailbox,
            kind=kind,
            usage=usage,
            name=name,
            blob_id=blob_id,
            digest=blobs.digest(blob_id),
            size=len(body),
            isa13=isa13,
            gs06=gs06,
            sets=sets,
            frozen_at=now,
            state="frozen",
            state_since=now,
        )
        self._session.conn.execute(insert(FILES).values(msgspec.structs.asdict(frozen)))
        return frozen

    def put_state(self, file: File, state: str) -> File:
        """Move a file on, if it is still in the state it was read in; else raise `Stale`."""
        if state not in STATES:
            raise ValueError(f"a file is never {state}")
        row = (state, self._session.now, file.id, file.state, file.state_since)
        names, where = ("state", "state_since"), ("id", "state", "state_since")
        if Bulk(self._session).update(FILES, names, where, [row]) != 1:
            raise Stale(f"file {file.id} was moved since it was read")
        return msgspec.structs.replace(file, state=state, state_since=self._session.now)

    def get(self, id: str) -> File | None:  # noqa: A002
        """The file of that id."""
        return next(iter(self.find(id=id)), None)

    def by_isa13(self, mailbox: str, isa13: str) -> File | None:
        """The file that went to `mailbox` under this interchange control number."""
        return next(iter(self.find(mailbox=mailbox, isa13=isa13)), None)

    def waiting(self, state: str, limit: int = 200, **equals: Any) -> list[File]:
        """The files that have stood longest in `state`."""
        page = {"order": ("state_since", "id"), "limit": limit}
        return queries.records(self._session, FILES, File, {"state": state, **equals}, **page)

    def find(self, *, limit: int = 1000, after_id: str = "", **equals: Any) -> list[File]:
        """Files in id order whose columns equal (a list: are among) what is given."""
        return queries.records(self._session, FILES, File, equals, order=("id",), limit=limit, after=after_id)

    def newest(self, limit: int, **equals: Any) -> list[File]:
        """The last files that match, backwards."""
        return queries.records(self._session, FILES, File, equals, order=("-id",), limit=limit)

    def tally(self, *by: str) -> dict[tuple[str, ...], int]:
        """How many files there are for each value of the columns `by`."""
        rows = queries.tally(self._session, FILES, by, {})
        return {tuple(row[:-1]): int(row[-1]) for row in rows}

    def verify(self, file: File) -> Problem | None:
        """None when the frozen bytes are those that were frozen (promise 2), or were purged; else what is wrong."""
        blobs = Blobs(self._session)
        damage = blobs.verify(file.blob_id)
        if damage is None and blobs.buried([file.blob_id]):
            return None
        if damage is not None or (blobs.digest(file.blob_id), blobs.size(file.blob_id)) == (
            file.digest,
            file.size,
        ):
            return damage
        why = "its bytes are not those that were frozen"
        return Problem(code="store.file-changed", where=f"file {file.id}", why=why, fix="restore the backup")


class Outbox:
    """The transfer journal inside one transaction or view: written before every effect outside."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def fence(self, lane: str) -> int:
        """The token under which this code acts in `lane`: that of the run which holds the lane already, or a new
        one, and then every earlier one is worth nothing.
        """
        mine = held()
        if mine is not None and mine.lane == lane:
            return mine.token
        return Lanes(self._session).take(lane)

    def enter(
        self, file_id: str, phase: str, token: int, *, evidence: str = "", note: str = "", lane: str = ""
    ) -> int:
        """Journal that `phase` of a file begins or was seen; `Stale` if another node holds the lane by now.

        The lane is the file's mailbox unless named. The check locks the fence until the commit, so nobody can
        take the lane over in between.
        """
        of = lane or self._session.conn.scalar(select(FILES.c.mailbox).where(FILES.c.id == file_id))
        if of is None:
            raise ValueError("there is no such file")
        Lanes(self._session).check(of, token)
        row = {"file_id": file_id, "phase": phase, "at": self._session.now, "fence": token}
        added = insert(TRANSFERS).values(**row, evidence=evidence, note=note).returning(TRANSFERS.c.seq)
        return int(self._session.conn.execute(added).scalar_one())

    def journal(self, file_id: str) -> list[Transfer]:
        """Everything that was done with a file, in order."""
        return queries.records(self._session, TRANSFERS, Transfer, {"file_id": file_id}, order=("seq",))

    def last(self, file_id: str) -> Transfer | None:
        """The last line of a file's journal."""
        return next(iter(self.journal(file_id)[-1:]), None)
