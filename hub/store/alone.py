"""The right to be the only one who runs the steps of a store; it ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from hub.errors import Misconfigured
from hub.store import engine as engines
from hub.store.store import Store

LOCK = 0x6875_6272
"""PostgreSQL's advisory lock of whoever runs the steps: `hubr`."""


class Taken(Misconfigured):
    """Another process runs the steps of this store; `holder` says which, and since when."""

    def __init__(self, holder: str) -> None:
        fix = "the running hub does what is due and waiting by itself; to run another one, stop that one first"
        super().__init__(f"a hub runs here already: {holder}", fix=fix)
        self.holder = holder


class Alone(Protocol):
    """The right, while it is held."""

    def still(self) -> bool:
        """Whether it is held; taken again where it was lost and nobody else has it. Raises `Taken`."""
        ...

    def release(self) -> None:
        """Let others have it; harmless twice."""
        ...


def take(store: Store, since: datetime) -> Alone:
    """Be the only one who runs the steps of `store`; raises `Taken`."""
    me = f"process {os.getpid()} on {socket.gethostname()}, since {since:%Y-%m-%d %H:%M}Z"
    if store.dialect == "sqlite":
        return FileAlone(Path(store.engines.writer.url.database or "").resolve().with_name("run.lock"), me)
    return SessionAlone(store, me)


class FileAlone:
    """Held by a lock on a file beside the database, which the system lets go of when the process ends."""

    def __init__(self, path: Path, me: str) -> None:
        with engines.told_apart():
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            told = os.pread(self._file, 300, 0).decode(errors="replace").strip()
            os.close(self._file)
            raise Taken(told or "a process that has only just begun") from None
        with suppress(OSError):  # a full disk: the lock holds all the same, without words
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{me}\n".encode(), 0)
        self._held = True

    def still(self) -> bool:
        return self._held

    def release(self) -> None:
        if self._held:
            self._held = False
            os.close(self._file)


class SessionAlone:
    """Held by an advisory lock of a session of its own; the server lets go of it when the session ends."""

    def __init__(self, store: Store, me: str) -> None:
        self._engine = store.engines.writer
        self._me = me
        self._session: Connection | None = None
        self._take()

    def still(self) -> bool:
        if self._session is not None:
            try:
                self._session.execute(text("SELECT 1"))
            except SQLAlchemyError:
                self.release()
        if self._session is None:
            self._take()
        return True

    def release(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(SQLAlchemyError):  # where the session is lost, so is the lock
                session.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
            session.invalidate()
            session.close()

    def _take(self) -> None:
        with engines.told_apart():
            session = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            try:
                session.execute(text("SELECT set_config('application_name', :me, false)"), {"me": self._named()})
                if session.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}):
                    self._session = session
                    return
                holder = _holder(session)
            finally:
                if self._session is None:
                    session.invalidate()
                    session.close()
        raise Taken(holder)

    def _named(self) -> str:
        """PostgreSQL keeps 63 bytes of a name."""
        return f"hub run {os.getpid()} {socket.gethostname()}"[:63]


def _holder(session: Connection) -> str:
    """In words: `process 4711 on billing1, since 2026-03-02 14:00Z`."""
    found = session.execute(
        text(
            "SELECT a.application_name, a.backend_start FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
            " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
            " AND (l.classid::bigint << 32) + l.objid::bigint = :lock"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ),
        {"lock": LOCK},
    ).first()
    if found is None:
        return "a process that has only just begun or ended"
    _, _, rest = str(found[0]).partition("hub run ")
    pid, _, host = rest.partition(" ")
    return f"process {pid or 'unknown'} on {host or 'another machine'}, since {found[1]:%Y-%m-%d %H:%M}Z"
