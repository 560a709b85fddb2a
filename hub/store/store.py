"""The store itself: opens a database, begins named transactions and views, and tells the runner afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

from sqlalchemy import Connection

from hub.clock import Clock
from hub.store import engine as engines
from hub.store import holding as lane_holding
from hub.store import migrate, rekey
from hub.store.blobs import Writing, cut
from hub.store.crypto import DataKeys, Keyring
from hub.store.events import Chain, OpenTail
from hub.store.nudge import Nudge
from hub.store.points import CrashPlan, declared
from hub.store.schema import METADATA
from hub.store.session import Session
from hub.store.tx import Tx, View

Told = Callable[[list[Nudge]], None]
InCommit = Callable[[Connection, list[Nudge]], None]


class Store:
    """One database of the hub; safe to use from many threads."""

    def __init__(self, url: str, keyring: Keyring, clock: Clock) -> None:
        self.engines = engines.Engines(url)
        self.clock = clock
        self._keyring = keyring
        self._crash = CrashPlan.from_environment()
        self._told: list[Told] = []
        self._in_commit: list[InCommit] = []
        self._keys: DataKeys | None = None
        self._keys_lock = threading.Lock()
        # SQLite lets waiting writers sleep up to 100 ms; a lock of our own hands over at once
        self._turn = threading.Lock()
        self._mine = threading.local()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engines.dialect

    @property
    def keyring(self) -> Keyring:
        """The master key that this store was opened with: a backup's own key is wrapped by it too."""
        return self._keyring

    @property
    def keys(self) -> DataKeys:
        """The data keys of this database, opened (and at the very first made) when they are first needed."""
        with self._keys_lock:
            if self._keys is None:
                with engines.told_apart():
                    with self.engines.reader.connect() as connection:
                        migrate.check(connection)
                    self._keys = self._keyring.open(self.engines.writer, self.clock)
            return self._keys

    @property
    def commit_points(self) -> dict[str, int]:
        """The names of the transactions this store has committed or was about to, and how often."""
        return self._crash.seen

    def on_commit(self, callback: Told) -> None:
        """After each commit that nudged, call `callback` with its distinct nudges."""
        self._told.append(callback)

    def in_commit(self, callback: InCommit) -> None:
        """In each transaction that nudged, just before its commit, call `callback` with its connection and its
        distinct nudges: what it writes there is durable with the rest, or not at all. The
        same callback twice is called once.
        """
        if callback not in self._in_commit:
            self._in_commit.append(callback)

    def holding(
        self, lane: str, token: int, lives: Callable[[], bool] | None = None, *, again: bool = False
    ) -> AbstractContextManager[lane_holding.Holding]:
        """Inside the block every transaction first checks that `token` is still the newest of `lane`, and nobody
        takes the lane before its commit; else it raises `Overtaken` and writes nothing. While `lives` says no,
        effects outside are refused too (`hub.store.holding.assure`). A thread begun inside holds nothing.
        `again`: the run before it failed.
        """
        return lane_holding.holding(lane, token, lives, again=again)

    @contextmanager
    def begin(self, name: str) -> Iterator[Tx]:
        """A transaction named in `hub/store/points.py`: committed at the end, rolled back by an exception."""
        declared(name)
        keys = self.keys
        with self._one_writer(), engines.told_apart(), self.engines.writer.connect() as connection:
            engines.begin(connection)
            tx = Tx(Session(connection, keys, self.clock, writable=True), name)
            if (mine := lane_holding.held()) is not None:
                tx.lanes.check(mine.lane, mine.token)
            yield tx
            tx.flush()
            for callback in self._in_commit if tx.nudges else ():
                callback(connection, list(tx.nudges))
            self._commit(connection, name)
        self._tell(list(tx.nudges))

    @contextmanager
    def trial(self) -> Iterator[Tx]:
        """A transaction of which nothing stays: to see what steps would do. Who else writes to SQLite waits for it:
        keep it short.
        """
        keys = self.keys
        with self._one_writer(), engines.told_apart(), self.engines.writer.connect() as connection:
            engines.begin(connection)
            yield Tx(Session(connection, keys, self.clock, writable=True), "trial")
            connection.rollback()

    @contextmanager
    def view(self) -> Iterator[View]:
        """A consistent, read-only look that neither waits for writers nor holds them up."""
        keys = self.keys
        with engines.told_apart(reading=True), self.engines.reader.connect() as connection:
            connection.begin()
            yield View(Session(connection, keys, self.clock, writable=False))
            connection.rollback()

    def write_blob(self, kind: str, pieces: Iterable[bytes]) -> str:
        """Store a stream of any length in short transactions and return the blob's id; memory stays flat.

        The blob is valid only once its last chunk is durable; what was cut off before is no blob, and
        `sweep_blobs` removes it.
        """
        writing: Writing | None = None
        for chunk, last in cut(pieces):
            with self.begin("blob.chunk") as tx:
                writing = writing or Writing(tx.session, kind)
                writing.add(tx.session, chunk, last=last)
        return writing.id if writing else ""

    def sweep_blobs(self, older_than: timedelta) -> int:
        """Remove what is left of streams that were cut off longer than `older_than` ago; returns how many."""
        with self.begin("blob.chunk") as tx:
            return tx.blobs.sweep(tx.now - older_than)

    def rotate_keys(self, purpose: str = "data") -> int:
        """Seal (purpose `data`) or hash for lookups (`lookup`) with a new key from now on; returns its id.

        Nothing is rewritten and nothing stops being readable: `reencrypt` moves old rows at leisure.
        """
        keys = self.keys
        with self._one_writer():
            return keys.rotate(purpose)

    def change_master(self, keyring: Keyring) -> None:
        """Wrap every data key under another master key; from the next start on only that one opens the store."""
        keys = self.keys
        with self._one_writer():
            keys.rewrap(keyring)

    def reencrypt(self, limit: int = 1_000) -> int:
        """Move up to `limit` rows to the present data key in short transactions; 0 means that all are moved."""
        moved = 0
        for sealed in rekey.SEALED:
            while moved < limit:
                with self.begin("keys.reencrypt") as tx:
                    done = rekey.move(tx.session, sealed, limit - moved)
                moved += done
                if done == 0:
                    break
        return moved

    def migrate(self, told: Callable[[str], None] | None = None) -> None:
        """Bring the tables up to this hub; a database of a newer hub raises `Misconfigured`, untouched. `told` hears
        the number of each step when it is done.
        """
        with engines.told_apart(), self.engines.writer.connect() as connection:
            engines.begin(connection)
            migrate.upgrade(connection, told)
            connection.commit()

    def create_all(self) -> None:
        """Make every table at once from the metadata, without migrations: for tests and throw-away databases."""
        with self.engines.writer.connect() as connection:
            engines.begin(connection)
            METADATA.create_all(connection)
            connection.commit()

    def close(self) -> None:
        """Close every connection; the store may not be used after."""
        self.engines.dispose()

    def seal(self, limit: int = 1_000) -> int:
        """Seal the next events into the audit chain, in a transaction of its own; returns how many."""
        with self.begin("audit.seal") as tx:
            return tx.events.seal(limit)

    def open_tail(self) -> OpenTail:
        """The events that are not sealed yet."""
        with self.view() as view:
            return view.events.open_tail()

    def verify_chain(self) -> Chain:
        """Walk the whole audit chain and name what is not as it was sealed."""
        with self.view() as view:
            return view.events.verify()

    def _commit(self, connection: Connection, name: str) -> None:
        number = self._crash.before(name)
        connection.commit()
        self._crash.after(name, number)

    def _tell(self, nudges: list[Nudge]) -> None:
        if nudges:
            for callback in self._told:
                callback(nudges)

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        """The turn of this thread to write; a second transaction inside the first would wait for itself."""
        if getattr(self._mine, "writing", False):
            raise RuntimeError("a transaction is already open in this thread: finish it first")
        self._mine.writing = True
        try:
            if self.dialect == "sqlite":
                with self._turn:
                    yield
            else:
                yield
        finally:
            self._mine.writing = False


def open_store(url: str, keyring: Keyring, clock: Clock) -> Store:
    """Open `sqlite:///PATH` or `postgresql://...`; tables are made by `Store.migrate()`, never here."""
    return Store(url, keyring, clock)
