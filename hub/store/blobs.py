"""Raw bytes in encrypted chunks of 1 MiB, each bound to its blob, its place and whether it is the last."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Index, Integer, Table, Text, delete, insert, select, update

from hub.errors import Problem
from hub.store import queries
from hub.store.crypto import Damaged, DataKeys
from hub.store.rows import Bulk
from hub.store.schema import METADATA, Id, Instant, clear, encrypted, keyed, to_micros
from hub.store.session import Session

CHUNK_BYTES = 1 << 20
BODY = "body"
STONE = -1
"""Where the tombstone of a purged blob stands among its chunks; the blob itself then counts none."""

BLOBS = Table(
    "blobs",
    METADATA,
    clear("id", Id, primary_key=True, why="an opaque id of ours"),
    clear("kind", Text, why="what the bytes are: inbox, outbound, statement"),
    clear("size", BigInteger, why="bytes; checked against what opens"),
    clear("chunks", Integer, why="how many chunks it has"),
    keyed("digest", why="the content: equal files are seen to be equal, without saying what is in them"),
    clear("created_at", Instant, why="when it was begun"),
    clear(
        "complete_at", Instant, nullable=True, why="since when its last chunk is durable; it is no blob before"
    ),
    Index("ix_blobs_complete_at", "complete_at", "created_at"),
)
BLOB_CHUNKS = Table(
    "blob_chunks",
    METADATA,
    clear("blob_id", Id, primary_key=True, why="an opaque id of ours"),
    clear("index", Integer, primary_key=True, why="the place of the chunk, from 0"),
    clear("key_id", Integer, why="which data key sealed it"),
    encrypted("body", "up to 1 MiB of the content"),
    Index("ix_blob_chunks_key_id", "key_id"),
)


_BLOB_NAMES = tuple(column.name for column in BLOBS.columns)
_CHUNK_NAMES = tuple(column.name for column in BLOB_CHUNKS.columns)


class Purged(Damaged):
    """The bytes were purged as the settings of retention say; their digest and size are still known."""


class Writing:
    """A blob that is being written; it is none until `finish`."""

    def __init__(self, session: Session, kind: str, blob_id: str = "") -> None:
        self.id = blob_id or session.new_id("blob")
        self._count, self._size = 0, 0
        self._running: hmac.HMAC = session.keys.hasher(BODY)
        row = {"id": self.id, "kind": kind, "size": 0, "chunks": 0, "digest": "", "created_at": session.now}
        session.conn.execute(insert(BLOBS).values(row))

    def add(self, session: Session, chunk: bytes, *, last: bool) -> None:
        """Write one chunk in this transaction; with the `last`, the blob becomes valid."""
        key_id, body = session.keys.seal(aad(self.id, self._count, last=last), chunk)
        row = {"blob_id": self.id, "index": self._count, "key_id": key_id, "body": body}
        session.conn.execute(insert(BLOB_CHUNKS).values(row))
        self._running.update(chunk)
        self._count, self._size = self._count + 1, self._size + len(chunk)
        if last:
            self._finish(session)

    def _finish(self, session: Session) -> None:
        values = {"size": self._size, "chunks": self._count, "digest": self._running.hexdigest()}
        done = update(BLOBS).where(BLOBS.c.id == self.id, BLOBS.c.complete_at.is_(None))
        session.conn.execute(done.values(**values, complete_at=session.now))


class SmallBlob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Content of one chunk, sealed: it can be made ready before there is a transaction."""

    id: str
    size: int
    digest: str
    key_id: int
    sealed: bytes

    @classmethod
    def seal(cls, keys: DataKeys, blob_id: str, digest: str, content: bytes) -> SmallBlob:
        """`digest` is the content's `body_digest`."""
        key_id, sealed = keys.seal(aad(blob_id, 0, last=True), content)
        return cls(id=blob_id, size=len(content), digest=digest, key_id=key_id, sealed=sealed)


class Blobs:
    """The blobs inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def write(self, kind: str, content: bytes | Iterable[bytes], *, id: str = "") -> str:  # noqa: A002
        """Store content in this transaction and return the blob's id; large streams: `Store.write_blob`."""
        blob_id = id or self._session.new_id("blob")
        if isinstance(content, bytes) and len(content) <= CHUNK_BYTES:
            keys = self._session.keys
            self.write_sealed(kind, [SmallBlob.seal(keys, blob_id, keys.body_digest(BODY, content), content)])
            return blob_id
        writing = Writing(self._session, kind, blob_id)
        for chunk, last in cut([content] if isinstance(content, bytes) else content):
            writing.add(self._session, chunk, last=last)
        return writing.id

    def write_sealed(self, kind: str, blobs: Sequence[SmallBlob]) -> None:
        """Blobs of one chunk that are sealed already."""
        now, bulk = to_micros(self._session.now), Bulk(self._session)
        heads: list[tuple[Any, ...]] = [(one.id, kind, one.size, 1, one.digest, now, now) for one in blobs]
        bulk.insert_together(BLOBS, _BLOB_NAMES, heads)
        chunks: list[tuple[Any, ...]] = [(one.id, 0, one.key_id, one.sealed) for one in blobs]
        bulk.insert_together(BLOB_CHUNKS, _CHUNK_NAMES, chunks)

    def read(self, blob_id: str) -> Iterator[bytes]:
        """The content chunk by chunk; missing, reordered, altered or cut chunks raise `Damaged`."""
        count, _ = self._head(blob_id)
        for index in range(count):
            yield self._open(blob_id, index, last=index == count - 1)

    def content(self, blob_id: str) -> bytes:
        """The whole content at once, for what is known to be small."""
        return b"".join(self.read(blob_id))

    def first_contents(self, blob_ids: Sequence[str], most: int) -> list[bytes]:
        """The contents of the first of some blobs: as many as have `most` bytes together, and always one."""
        small = self._small(blob_ids, most)
        if not small:
            return [self.content(blob_id) for blob_id in blob_ids[:1]]
        names, where = ("blob_id", "key_id", "body"), {"blob_id": small, "index": 0}
        rows = queries.read(self._session, BLOB_CHUNKS, names, where, order=("blob_id",))
        found = {row.blob_id: row for row in rows}
        if lost := small - found.keys():
            raise Damaged(f"chunk 0 of blob {min(lost)} is missing")
        opened = self._session.keys.open
        first = [found[blob_id] for blob_id in blob_ids[: len(small)]]
        return [opened(row.key_id, aad(row.blob_id, 0, last=True), bytes(row.body)) for row in first]

    def _small(self, blob_ids: Sequence[str], most: int) -> set[str]:
        """The first of some blobs that are whole, of one chunk each, and of `most` bytes together."""
        names = ("id", "chunks", "size", "complete_at")
        rows = queries.read(self._session, BLOBS, names, {"id": list(blob_ids)}, order=("id",))
        heads = {row.id: row for row in rows}
        small, size = set[str](), 0
        for blob_id in blob_ids:
            head = heads.get(blob_id)
            if head is None or head.complete_at is None or head.chunks != 1 or size + head.size > most:
                break
            size += head.size
            small.add(blob_id)
        return small

    def size(self, blob_id: str) -> int:
        """How many bytes the content has."""
        return self._head(blob_id)[1]

    def digest(self, blob_id: str) -> str:
        """The keyed digest of the content: 64 hex digits."""
        found = self._session.conn.scalar(select(BLOBS.c.digest).where(BLOBS.c.id == blob_id))
        if not found:
            raise Damaged(f"blob {blob_id} is not there, or was never finished")
        return str(found)

    def sha256(self, blob_id: str) -> str:
        """The plain SHA-256 of the content in hex: for comparison with a partner's copy, not for keeping."""
        running = hashlib.sha256()
        for chunk in self.read(blob_id):
            running.update(chunk)
        return running.hexdigest()

    def verify(self, blob_id: str) -> Problem | None:
        """None when every byte is what was written; else what is wrong and what to do."""
        try:
            running = self._session.keys.hasher(BODY)
            size = 0
            if self.buried([blob_id]) and not self._any_chunk(blob_id):
                return None
            for chunk in self.read(blob_id):
                running.update(chunk)
                size += len(chunk)
            sound = size == self.size(blob_id) and running.hexdigest() == self.digest(blob_id)
        except Damaged as error:
            return _damage(blob_id, str(error))
        return None if sound else _damage(blob_id, "size or digest is not that of the content")

    def drop(self, blob_id: str) -> None:
        """Remove a blob that nothing refers to."""
        self._session.conn.execute(delete(BLOB_CHUNKS).where(BLOB_CHUNKS.c.blob_id == blob_id))
        self._session.conn.execute(delete(BLOBS).where(BLOBS.c.id == blob_id))

    def bury(self, blob_ids: Iterable[str], purge: str) -> int:
        """Remove bytes and seal in their place which purge did it; digest and size stay. Returns of how many blobs:
        one that is not whole, or is purged already, is left as it is.
        """
        wanted, keys = list(dict.fromkeys(blob_ids)), self._session.keys
        whole = (BLOBS.c.id.in_(wanted), BLOBS.c.chunks > 0, BLOBS.c.complete_at.is_not(None))
        live = list(self._session.conn.scalars(select(BLOBS.c.id).where(*whole)))
        self._session.conn.execute(delete(BLOB_CHUNKS).where(BLOB_CHUNKS.c.blob_id.in_(live)))
        self._session.conn.execute(update(BLOBS).where(BLOBS.c.id.in_(live)).values(chunks=0))
        stones = [(one, STONE, *keys.seal(stone_aad(one), purge.encode())) for one in live]
        return Bulk(self._session).insert(BLOB_CHUNKS, _CHUNK_NAMES, stones)

    def buried(self, blob_ids: Iterable[str]) -> dict[str, str]:
        """Those of the blobs that were purged: blob -> purge. A tombstone that does not open is none."""
        wanted = list(dict.fromkeys(blob_ids))
        found: dict[str, str] = {}
        for start in range(0, len(wanted), 500):
            where = {"blob_id": wanted[start : start + 500], "index": STONE}
            names = ("blob_id", "key_id", "body")
            for row in queries.read(self._session, BLOB_CHUNKS, names, where, order=("blob_id",)):
                with suppress(Damaged):
                    opened = self._session.keys.open(row.key_id, stone_aad(row.blob_id), bytes(row.body))
                    found[row.blob_id] = opened.decode()
        return found

    def sweep(self, begun_before: datetime) -> int:
        """Remove blobs that were begun before then and never finished; returns how many."""
        left = select(BLOBS.c.id).where(BLOBS.c.complete_at.is_(None), BLOBS.c.created_at < begun_before)
        ids = list(self._session.conn.scalars(left))
        for blob_id in ids:
            self.drop(blob_id)
        return len(ids)

    def _head(self, blob_id: str) -> tuple[int, int]:
        names = ("chunks", "size", "complete_at")
        rows = queries.read(self._session, BLOBS, names, {"id": blob_id}, order=("id",))
        if rows and rows[0].chunks == 0 and self.buried([blob_id]):
            raise Purged(
                f"the bytes of {blob_id} were purged when their time was over",
                fix="they are in no live database any more; a backup of that time may still hold them",
            )
        if not rows or rows[0].complete_at is None or rows[0].chunks < 1:
            raise Damaged(f"blob {blob_id} is not there, or was never finished")
        return rows[0].chunks, rows[0].size

    def _any_chunk(self, blob_id: str) -> bool:
        """Whether a blob counts chunks: a tombstone beside bytes is none."""
        rows = queries.read(self._session, BLOBS, ("chunks",), {"id": blob_id}, order=("id",))
        return not rows or rows[0].chunks != 0

    def _open(self, blob_id: str, index: int, *, last: bool) -> bytes:
        where = {"blob_id": blob_id, "index": index}
        rows = queries.read(self._session, BLOB_CHUNKS, ("key_id", "body"), where, order=("index",))
        if not rows:
            raise Damaged(f"chunk {index} of blob {blob_id} is missing")
        return self._session.keys.open(rows[0].key_id, aad(blob_id, index, last=last), bytes(rows[0].body))


def aad(blob_id: str, index: int, *, last: bool) -> bytes:
    """What a chunk is bound to."""
    return f"blob|{blob_id}|{index}|{int(last)}".encode()


def stone_aad(blob_id: str) -> bytes:
    """What a tombstone is bound to."""
    return f"blob|{blob_id}|purged".encode()


def cut(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Pieces of any size as chunks of exactly 1 MiB and a last one, each with whether it is the last.

    Content of no bytes is one empty chunk, so that it can be told from content that was lost.
    """
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) > CHUNK_BYTES:
            yield bytes(held[:CHUNK_BYTES]), False
            del held[:CHUNK_BYTES]
    yield bytes(held), True


def _damage(blob_id: str, why: str) -> Problem:
    return Problem(
        code="store.blob-damaged",
        where=f"blob {blob_id}",
        why=why,
        fix="restore it from the backup that was made after it came in",
    )
