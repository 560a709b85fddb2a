"""Encryption at rest: a master key wraps data keys, data keys seal documents, keyed hashes serve exact search."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Engine, Index, Integer, Table, Text, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from hub.clock import Clock
from hub.errors import HubError, Misconfigured, Refused
from hub.store import engine as engines
from hub.store.schema import METADATA, Instant, clear, encrypted, from_micros

NONCE_BYTES = 12
_NEW_KEY = "make one with: openssl rand -base64 32"
DATA, LOOKUP, DIGEST = "data", "lookup", "digest"
PURPOSES = (DATA, LOOKUP, DIGEST)
SMALL_BYTES = 1 << 16
"""Up to so many are hashed in one call, which costs a third of a running hash."""
LOOK_SECONDS = 10.0
"""How often a process asks whether another one has rotated the keys."""
SETTLED = timedelta(minutes=1)
"""So old is a lookup key before anything is hashed with it: by then every process that runs searches with it too."""

DATA_KEYS = Table(
    "data_keys",
    METADATA,
    clear("key_id", Integer, primary_key=True, autoincrement=True, why="names the key; rows refer to it"),
    clear("purpose", Text, why="data, lookup or digest"),
    encrypted("wrapped", "a 32 byte key under the site's master key"),
    clear("created_at", Instant, why="when the key came into use"),
    clear("retired_at", Instant, nullable=True, why="since when nothing new is written with it"),
    Index(
        "uq_data_keys_active",
        "purpose",
        unique=True,
        sqlite_where=text("retired_at IS NULL"),
        postgresql_where=text("retired_at IS NULL"),
    ),
)


class Damaged(Refused):
    """Stored bytes are not what was written: altered, swapped, cut short, or sealed under another key."""


class Keyring:
    """The site's master key, 32 bytes; it opens the data keys of a database and does nothing else."""

    def __init__(self, master: bytes) -> None:
        if len(master) != 32:
            raise Misconfigured("the master key must have 32 bytes", fix=_NEW_KEY)
        self._aead = AESGCM(master)
        self.mark = hmac.digest(master, b"which master key", "sha256").hex()[:12]
        """Tells one master key from another, and nothing about it."""

    def __repr__(self) -> str:
        return "Keyring(...)"

    @classmethod
    def from_text(cls, secret: str) -> Keyring:
        """A master key as people store it: base64 or 64 hex digits."""
        body = secret.strip()
        try:
            return cls(bytes.fromhex(body) if len(body) == 64 else base64.b64decode(body, validate=True))
        except (ValueError, binascii.Error):
            raise Misconfigured("the master key is neither base64 nor hex", fix=_NEW_KEY) from None

    def open(self, engine: Engine, clock: Clock) -> DataKeys:
        """The data keys of a database, made now if it has none yet."""
        return DataKeys(engine, self, clock)

    def wrap(self, purpose: str, created_at: datetime, key: bytes) -> bytes:
        """Seal a data key; its purpose and age are authenticated with it."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, key, _wrap_aad(purpose, created_at))

    def unwrap(self, purpose: str, created_at: datetime, wrapped: bytes) -> bytes:
        """The data key again; another master key raises `Misconfigured`."""
        try:
            return self._aead.decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _wrap_aad(purpose, created_at)
            )
        except InvalidTag:
            raise Misconfigured(
                "the master key does not open this database", fix="give the key it was made with"
            ) from None


class _Wrapped(NamedTuple):
    """A row of the keys."""

    key_id: int
    purpose: str
    wrapped: bytes
    created_at: datetime
    retired: bool


class DataKeys:
    """The opened keys of one database, cached; safe to use from many threads.

    `data` keys seal and can be rotated at any time: old rows stay readable. `lookup` keys hash for the lookup
    table and can be rotated too: a search tries each of them. The `digest` key hashes values in unique columns
    and lives as long as the database, since two keys would let one message in twice.
    """

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock) -> None:
        self._engine, self._keyring, self._clock = engine, keyring, clock
        self._lock = threading.Lock()
        self._sealers: dict[int, AESGCM] = {}
        self._hashers: dict[int, bytes] = {}
        self._active: dict[str, int] = {}
        self._lookups: list[tuple[datetime, int]] = []
        self._looked_at = time.monotonic()
        self._load()
        if set(self._active) != set(PURPOSES):
            self._make_first()

    @property
    def active_data_key(self) -> int:
        """The id of the key that new rows are sealed with."""
        return self._active[DATA]

    def seal(self, aad: bytes, plain: bytes) -> tuple[int, bytes]:
        """(key id, nonce + ciphertext + tag) of `plain`, authenticated together with `aad`."""
        self._look()
        key_id = self._active[DATA]
        nonce = os.urandom(NONCE_BYTES)
        return key_id, nonce + self._sealers[key_id].encrypt(nonce, plain, aad)

    def open(self, key_id: int, aad: bytes, sealed: bytes) -> bytes:
        """What `seal` was given; anything else than exactly that raises `Damaged`."""
        aead = self._sealers.get(key_id) or self._find_sealer(key_id)
        try:
            return aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad)
        except (InvalidTag, ValueError):
            raise Damaged("stored bytes do not open: they were altered, moved or cut") from None

    def digest(self, kind: str, value: str) -> str:
        """The keyed digest of `value` for unique columns: 32 hex digits, the same all the database's life."""
        return self._hash(self._active[DIGEST], kind, value)

    def body_digest(self, kind: str, body: bytes) -> str:
        """The keyed digest of whole bytes (files, messages): 64 hex digits."""
        if len(body) <= SMALL_BYTES:
            key = self._hashers[self._active[DIGEST]]
            return hmac.digest(key, kind.encode() + b"\x1f" + body, "sha256").hex()
        return self.hasher(kind, body).hexdigest()

    def hasher(self, kind: str, body: bytes = b"") -> hmac.HMAC:
        """A running form of `body_digest`."""
        running = hmac.new(self._hashers[self._active[DIGEST]], kind.encode() + b"\x1f", hashlib.sha256)
        running.update(body)
        return running

    def lookup_digest(self, kind: str, value: str) -> tuple[int, str]:
        """(key id, digest) to store in the lookup table."""
        self._look()
        now = self._clock.now()
        settled = [key_id for made, key_id in self._lookups if made + SETTLED <= now]
        key_id = settled[-1] if settled else self._lookups[0][1]
        return key_id, self._hash(key_id, kind, value)

    def lookup_digests(self, kind: str, value: str) -> list[tuple[int, str]]:
        """Every (key id, digest) under which `value` may stand in the lookup table, newest key first."""
        self._look()
        return [(key_id, self._hash(key_id, kind, value)) for key_id in self.lookup_keys]

    @property
    def lookup_keys(self) -> list[int]:
        """The ids of every key under which values may stand in the lookup table, newest first."""
        return sorted((key_id for key_id in self._hashers if key_id != self._active[DIGEST]), reverse=True)

    def rotate(self, purpose: str = DATA) -> int:
        """Make a new active key of `purpose` (data or lookup) and retire the present one; returns its id. Other
        processes learn of it within `LOOK_SECONDS`; until then they seal with the retired one, which all can open.
        """
        if purpose not in {DATA, LOOKUP}:
            raise ValueError(f"a {purpose} key cannot be rotated")
        with self._engine.connect() as connection:
            engines.begin(connection)
            live = (DATA_KEYS.c.purpose == purpose) & DATA_KEYS.c.retired_at.is_(None)
            connection.execute(update(DATA_KEYS).where(live).values(retired_at=self._clock.now()))
            self._add(connection, purpose)
            connection.commit()
        self._load()
        return self._active[purpose]

    def rewrap(self, keyring: Keyring) -> None:
        """Wrap every data key under the master key of `keyring`, all together; no sealed row is touched."""
        with self._engine.connect() as connection:
            engines.begin(connection)
            for row in connection.execute(select(DATA_KEYS)).all():
                key = self._keyring.unwrap(row.purpose, row.created_at, row.wrapped)
                wrapped = keyring.wrap(row.purpose, row.created_at, key)
                connection.execute(
                    update(DATA_KEYS).where(DATA_KEYS.c.key_id == row.key_id).values(wrapped=wrapped)
                )
            connection.commit()
        self._keyring = keyring

    def _hash(self, key_id: int, kind: str, value: str) -> str:
        message = f"{kind}\x1f{value}".encode("utf-8", "surrogatepass")  # what a sender wrote need not be Unicode
        return hmac.digest(self._hashers[key_id], message, "sha256").hex()[:32]

    def _find_sealer(self, key_id: int) -> AESGCM:
        """A key this process has not met: another process has rotated, or the row names a key that is missing."""
        self._load()
        if key_id not in self._sealers:
            raise Damaged(f"data key {key_id} is not in this database")
        return self._sealers[key_id]

    def _look(self) -> None:
        """Ask now and then for keys that another process made. Where that fails nothing is lost: what is known seals
        and opens as before, and whoever really needs the new key is told why it cannot be had.
        """
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        with suppress(HubError, DBAPIError, self._engine.dialect.loaded_dbapi.Error):
            self._load()

    def _load(self) -> None:
        try:
            rows = self._rows()
        except (OperationalError, ProgrammingError, self._engine.dialect.loaded_dbapi.Error):
            raise Misconfigured("the database has no tables yet, or is away", fix="run: hub db upgrade") from None
        with self._lock:
            for row in rows:
                self._take(row)
            lookups = [(row.created_at, row.key_id) for row in rows if row.purpose == LOOKUP]
            self._lookups = lookups or self._lookups

    def _rows(self) -> list[_Wrapped]:
        """Every key as it stands. Read beside SQLAlchemy's transactions: on SQLite they begin by taking the write
        lock, which this thread may hold already when it meets a row under a key that it does not know.
        """
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(
                "SELECT key_id, purpose, wrapped, created_at, retired_at FROM data_keys ORDER BY key_id"
            )
            rows = cursor.fetchall()
            cursor.close()
        finally:
            connection.close()
        return [_Wrapped(r[0], r[1], bytes(r[2]), from_micros(r[3]), r[4] is not None) for r in rows]

    def _take(self, row: _Wrapped) -> None:
        if row.key_id not in self._sealers and row.key_id not in self._hashers:
            key = self._keyring.unwrap(row.purpose, row.created_at, row.wrapped)
            if row.purpose == DATA:
                self._sealers[row.key_id] = AESGCM(key)
            else:
                self._hashers[row.key_id] = key
        if not row.retired:
            self._active[row.purpose] = row.key_id

    def _make_first(self) -> None:
        try:
            with self._engine.connect() as connection:
                engines.begin(connection)
                present = set(connection.scalars(select(DATA_KEYS.c.purpose)))
                for purpose in PURPOSES:
                    if purpose not in present:
                        self._add(connection, purpose)
                connection.commit()
        except IntegrityError:
            pass  # another process made them first; both now read the same ones
        self._load()

    def _add(self, connection: Connection, purpose: str) -> None:
        now = self._clock.now()
        wrapped = self._keyring.wrap(purpose, now, os.urandom(32))
        connection.execute(insert(DATA_KEYS).values(purpose=purpose, wrapped=wrapped, created_at=now))


def _wrap_aad(purpose: str, created_at: datetime) -> bytes:
    return f"data-key|{purpose}|{created_at.isoformat()}".encode()
