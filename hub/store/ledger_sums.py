"""Sums of the ledger by practice and account up to one entry: what a look at the books adds the last entries to.

The ledger is append only, so what was summed once stays true. No poster writes here: the sums are brought up to
date now and then, by whoever seals the audit trail, so that no row is written by every transaction.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Table, Text, delete, func, select

from hub.store.book import Book
from hub.store.ledger_tables import ENTRIES
from hub.store.rows import Bulk
from hub.store.schema import METADATA, Cents, clear
from hub.store.schema import Sequence as Number
from hub.store.session import Session

_OURS = "our own id or number"
#: So many entries behind the sums are worth summing; and so many are summed in one transaction.
LEAST, MOST = 5_000, 20_000

LEDGER_SUMS = Table(
    "ledger_sums",
    METADATA,
    clear("practice", Text, primary_key=True, why=_OURS),
    clear("account", Text, primary_key=True, why="a code of ours"),
    clear("cents", Cents, why="money without a name: the books must be readable and provable without keys"),
    clear("through", Number, why="the last entry that is counted; the same in every row"),
)
Sums = Counter[tuple[str, str]]


class LedgerSums:
    """The sums inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._conn = session.conn

    def accounts(self, practice: str) -> dict[str, int]:
        """Cents by account of one practice: what `Book.accounts(practice=...)` gives, in a small part of its time."""
        through, sums = self.kept()
        sums = _added(sums, self._between(through, None))
        return {account: sums[owner, account] for owner, account in sums if owner == practice}

    def kept(self) -> tuple[int, Sums]:
        """The last entry that is counted, and the sums up to it."""
        rows = self._conn.execute(select(LEDGER_SUMS)).all()
        through = rows[0].through if rows else 0
        return through, Counter({(row.practice, row.account): int(row.cents) for row in rows})

    def fold(self, least: int = LEAST) -> int:
        """Count the entries behind the sums, if there are at least `least`; returns how many were counted."""
        through, sums = self.kept()
        highest = self._conn.scalar(select(func.coalesce(func.max(ENTRIES.c.no), 0))) or 0
        if highest - through < max(least, 1):
            return 0
        end = min(Book(self._session).last_no(), through + MOST)
        sums = _added(sums, self._between(through, end))
        self._conn.execute(delete(LEDGER_SUMS))
        rows: list[tuple[Any, ...]] = [(*key, cents, end) for key, cents in sorted(sums.items())]
        Bulk(self._session).insert(LEDGER_SUMS, ("practice", "account", "cents", "through"), rows)
        return end - through

    def truth(self) -> Sums:
        """Cents by practice and account of every entry: all of them are read."""
        return self._between(0, None)

    def off(self, truth: Sums) -> list[tuple[str, str]]:
        """Practices and accounts whose kept sum, with the entries behind it, is not what `truth` says."""
        through, kept = self.kept()
        whole = _added(kept, self._between(through, None))
        return sorted(key for key in {*whole, *truth} if whole[key] != truth[key])

    def _between(self, after: int, through: int | None) -> Sums:
        by = (ENTRIES.c.practice, ENTRIES.c.account)
        where = [ENTRIES.c.no > after, *([ENTRIES.c.no <= through] if through is not None else [])]
        rows = self._conn.execute(select(*by, func.sum(ENTRIES.c.cents)).where(*where).group_by(*by))
        return Counter({(practice, account): int(cents) for practice, account, cents in rows})


def _added(one: Sums, other: Sums) -> Sums:
    """The sum of both; unlike `+` of counters it keeps what is zero or below."""
    both = Counter(one)
    both.update(other)
    return both
