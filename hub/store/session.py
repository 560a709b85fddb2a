"""What every repository of the store is given: one open transaction, its keys and its clock."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from hub.clock import Clock
from hub.store.crypto import DataKeys
from hub.store.ids import new_id


class Session:
    """One open transaction. `writable` is False in a view, where the database itself refuses writing.

    `now` is the instant the transaction began: everything it writes carries the same time.
    """

    __slots__ = ("clock", "conn", "dialect", "keys", "now", "writable")

    def __init__(self, conn: Connection, keys: DataKeys, clock: Clock, *, writable: bool) -> None:
        self.conn = conn
        self.keys = keys
        self.clock = clock
        self.now: datetime = clock.now()
        self.writable = writable
        self.dialect = conn.dialect.name

    def new_id(self, prefix: str) -> str:
        """A new time-ordered id: `clm` -> `clm_01J...`."""
        return new_id(prefix, self.clock)
