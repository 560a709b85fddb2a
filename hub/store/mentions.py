"""Which visits and patients messages were about, for those who follow their source: an instant on facts, no table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, select, update

from hub.store.aggregates import BURIED, FACTS
from hub.store.documents import Row
from hub.store.session import Session

STATES = ("kept", "fresh")
KINDS = ("encounter", "patient")
CHUNK = 500
_F = FACTS.table


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that a transaction touched: its id, kind, and the digests of its key and of what it hangs on."""

    id: str
    kind: str
    key: str
    parent: str


class Mentions:
    """The instant at which a visit or a patient was told of last is the `state_since` of its fact: that of the
    transaction that read the message, in which its event stands too.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def touch(self, practice: str, source: str, kind: str, keys: Iterable[str]) -> None:
        """Facts of this kind, by the digests of their keys, were told of now, whether they changed or not."""
        some = sorted(keys)
        for start in range(0, len(some), CHUNK):
            where = (_F.c.practice == practice, _F.c.source == source, _F.c.key.in_(some[start : start + CHUNK]))
            query = update(_F).where(*where, _F.c.kind == kind, _F.c.state.in_(STATES))
            self._session.conn.execute(query.values(state_since=self._session.now))

    def keep_since(self, rows: Sequence[Row[Any]]) -> None:
        """Facts that only went into another state were not told of: their instant is again what it was."""
        if rows:
            query = update(_F).where(_F.c.id == bindparam("fact")).values(state_since=bindparam("since"))
            self._session.conn.execute(query, [{"fact": row.id, "since": row.state_since} for row in rows])

    def at(self, practice: str, source: str, instant: datetime) -> list[Touched]:
        """The visits that were told of last at this instant, and the patients of whom no visit was; in id order."""
        # named in the query, the source would lead SQLite through all of its facts; here an instant is a few rows
        columns = (_F.c.id, _F.c.kind, _F.c.key, _F.c.parent, _F.c.practice, _F.c.source)
        standing = (_F.c.state.in_(STATES), _F.c.state_since == instant, _F.c.kind.in_(KINDS))
        query = select(*columns).where(*standing, _F.c.schema != BURIED).order_by(_F.c.id)
        found = [
            Touched(id=row.id, kind=row.kind, key=row.key, parent=row.parent or "")
            for row in self._session.conn.execute(query)
            if (row.practice, row.source) == (practice, source)
        ]
        visited = {one.parent for one in found if one.kind == "encounter"}
        return [one for one in found if one.kind == "encounter" or one.key not in visited]
