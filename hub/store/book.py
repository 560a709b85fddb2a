"""The ledger's book: transactions posted once, entries numbered for good, sums by any dimension."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, func, select

from hub.ledger import LedgerError, Transaction, reversal
from hub.store.ledger_tables import (
    COPIED,
    ENTRIES,
    TRANSACTIONS,
    Damage,
    Posted,
    digest,
    entry_rows,
    fault_of,
    head_row,
    posted_of,
    transaction_of,
    triggers,
)
from hub.store.rows import Bulk
from hub.store.session import Session
from hub.store.upsert import insert_for

__all__ = ["ENTRIES", "TRANSACTIONS", "Book", "Damage", "KeyReused", "Posted", "triggers"]

T = TypeVar("T")
Key = tuple[str, str]
CHUNK = 500
#: PostgreSQL advisory lock: posters hold it shared, who asks for the last entry number takes it alone.
LEDGER_LOCK = 0x6875_626C_6564


class KeyReused(LedgerError):
    """A key was posted before with other entries: two different movements would share one identity. A bug."""


class Book:
    """The book inside one transaction or view of the store. Amounts are cents, debits positive."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._conn = session.conn
        self._locked = False

    def post(self, transaction: Transaction) -> bool:
        """Post once: False when this key is already in the book. `KeyReused` when it is, with other entries."""
        return self.post_many([transaction])[0]

    def post_many(self, transactions: Sequence[Transaction]) -> list[bool]:
        """Post each transaction that is not yet in the book; for each, in order, whether it was new."""
        self._share()
        firsts = _firsts(transactions)
        numbers: dict[Key, int] = {}
        for chunk in _chunks(list(firsts.values())):
            numbers |= self._insert_heads(chunk)
        self._check_known({key: hashed for key, (_, hashed) in firsts.items() if key not in numbers})
        rows = [row for key, no in numbers.items() for row in entry_rows(firsts[key][0], no)]
        Bulk(self._session).insert(ENTRIES, COPIED, rows)
        return _marks(transactions, numbers)

    def reverse(self, practice: str, key: str, *, posting_date: date, cause: str) -> bool:
        """Post the reversal of the transaction `key`; False when it is already reversed by the same key."""
        original = self.get(practice, key)
        if original is None:
            raise LedgerError("there is no transaction with this key to reverse")
        return self.post(reversal(original, posting_date=posting_date, cause=cause))

    def get(self, practice: str, key: str) -> Transaction | None:
        """The transaction with this key, with its entries in order."""
        where = (TRANSACTIONS.c.practice == practice, TRANSACTIONS.c.key == key)
        head = self._conn.execute(select(TRANSACTIONS).where(*where)).one_or_none()
        return None if head is None else transaction_of(head, self.entries(transaction_seq=head.seq))

    def has(self, practice: str, keys: Collection[str]) -> set[str]:
        """Those of `keys` that are posted."""
        found: set[str] = set()
        for chunk in _chunks(list(keys)):
            where = (TRANSACTIONS.c.practice == practice, TRANSACTIONS.c.key.in_(chunk))
            found.update(self._conn.scalars(select(TRANSACTIONS.c.key).where(*where)))
        return found

    def sum(
        self,
        by: Sequence[str] = ("account",),
        *,
        through: int | None = None,
        open_only: bool = False,
        posted: tuple[date, date] | None = None,
        **equals: Any,
    ) -> dict[tuple[Any, ...], int]:
        """Cents by the columns `by` of the entries, as {(value, ...): cents}, in one GROUP BY.

        `equals` filters by column (a tuple, list or set means any of), `through` counts entries up to that
        number only, `posted` those posted from the first to the last of two days, `open_only` leaves out sums of
        zero. `by=()` gives {(): total} or {}.
        """
        columns = [ENTRIES.c[name] for name in by]
        cents = func.sum(ENTRIES.c.cents)
        query = select(*columns, cents).where(*_filters(equals, through, posted)).group_by(*columns)
        query = query.having(cents != 0) if open_only else query.having(func.count() > 0)
        return {tuple(row[:-1]): int(row[-1]) for row in self._conn.execute(query)}

    def total(self, *, through: int | None = None, **equals: Any) -> int:
        """The sum of the entries that match, in cents."""
        return self.sum((), through=through, **equals).get((), 0)

    def accounts(self, *, through: int | None = None, **equals: Any) -> dict[str, int]:
        """Cents by account: what `hub.ledger.identity` takes."""
        return {key[0]: cents for key, cents in self.sum(("account",), through=through, **equals).items()}

    def balances(
        self, by: str, ids: Collection[str], *, through: int | None = None, **equals: Any
    ) -> dict[str, int]:
        """Cents for each of `ids` of the column `by` (`claim_id`, `guarantor_id`, `remit_id` ...), zero if none.

        Name the accounts: `balances("guarantor_id", ids, account=AccountKind.PATIENT_RECEIVABLE)`.
        """
        found = dict.fromkeys(ids, 0)
        for chunk in _chunks(list(found)):
            among: dict[str, Any] = {**equals, by: tuple(chunk)}
            for (one,), cents in self.sum((by,), through=through, **among).items():
                found[one] = cents
        return found

    def entries(
        self, *, after: int = 0, through: int | None = None, limit: int | None = None, **equals: Any
    ) -> list[Posted]:
        """The entries that match, by number, from behind `after`."""
        where = [ENTRIES.c.no > after, *_filters(equals, through, None)]
        query = select(ENTRIES).where(*where).order_by(ENTRIES.c.no).limit(limit)
        return [posted_of(row) for row in self._conn.execute(query)]

    def last_no(self) -> int:
        """The last entry number, such that no entry up to it can still appear: a statement's `through_entry`.

        On PostgreSQL numbers are given out before the commit, so a lower one may commit later. Posters
        therefore hold an advisory lock in shared mode until they end; this waits for them, reads, and lets go at
        once. Ask before posting in the same transaction, and pass the number as `through` to every sum that goes
        with it. In a view it is the highest number *this look* sees: good for its own sums, for no later one.
        """
        highest = select(func.coalesce(func.max(ENTRIES.c.no), 0))
        if self._session.dialect != "postgresql" or not self._session.writable:
            return int(self._conn.execute(highest).scalar_one())
        with self._conn.begin_nested() as savepoint:
            self._conn.execute(select(func.pg_advisory_xact_lock(LEDGER_LOCK)))
            found = int(self._conn.execute(highest).scalar_one())
            savepoint.rollback()  # gives the lock back before our own commit
        return found

    def damages(self, *, limit: int = 100) -> list[Damage]:
        """Transactions that do not sum to zero or whose entries are not those that were posted (promise 5)."""
        found: list[Damage] = []
        page = select(TRANSACTIONS).order_by(TRANSACTIONS.c.seq).limit(CHUNK)
        heads = self._conn.execute(page).all()
        while heads and len(found) < limit:
            found += self._damages_of(heads)
            heads = self._conn.execute(page.where(TRANSACTIONS.c.seq > heads[-1].seq)).all()
        return (found + self._orphans(limit))[:limit]

    def _damages_of(self, heads: Sequence[Row[Any]]) -> Iterator[Damage]:
        query = select(ENTRIES).where(ENTRIES.c.transaction_seq.in_([head.seq for head in heads]))
        by_seq: dict[int, list[Row[Any]]] = {head.seq: [] for head in heads}
        for row in self._conn.execute(query.order_by(ENTRIES.c.no)):
            by_seq[row.transaction_seq].append(row)
        for head in heads:
            fault = fault_of(head, by_seq[head.seq])
            if fault:
                yield Damage(seq=head.seq, key=head.key, fault=fault)

    def _orphans(self, limit: int) -> list[Damage]:
        known = select(TRANSACTIONS.c.seq)
        lost = select(ENTRIES.c.transaction_seq).where(ENTRIES.c.transaction_seq.not_in(known)).distinct()
        rows = self._conn.scalars(lost.limit(limit))
        return [Damage(seq=seq, key="", fault="entries without their transaction") for seq in rows]

    def _share(self) -> None:
        """Hold the ledger's lock in shared mode from before the first number until the end of the transaction."""
        if self._session.dialect == "postgresql" and not self._locked:
            self._conn.execute(select(func.pg_advisory_xact_lock_shared(LEDGER_LOCK)))
            self._locked = True

    def _insert_heads(self, transactions: Sequence[tuple[Transaction, str]]) -> dict[Key, int]:
        """Insert the heads that are new; their numbers by (practice, key)."""
        query = (
            insert_for(self._session, TRANSACTIONS)
            .on_conflict_do_nothing(index_elements=["practice", "key"])
            .returning(TRANSACTIONS.c.practice, TRANSACTIONS.c.key, TRANSACTIONS.c.seq)
        )
        rows = [head_row(one, hashed, self._session.now) for one, hashed in transactions]
        return {(row.practice, row.key): row.seq for row in self._conn.execute(query, rows)}

    def _check_known(self, known: dict[Key, str]) -> None:
        """A key that stands in the book must stand there for the same entries."""
        for practice in {practice for practice, _ in known}:
            for chunk in _chunks([key for owner, key in known if owner == practice]):
                where = (TRANSACTIONS.c.practice == practice, TRANSACTIONS.c.key.in_(chunk))
                query = select(TRANSACTIONS.c.key, TRANSACTIONS.c.digest).where(*where)
                if any(known[practice, row.key] != row.digest for row in self._conn.execute(query)):
                    raise KeyReused("a key that is already posted came back with other entries")


def _firsts(transactions: Sequence[Transaction]) -> dict[Key, tuple[Transaction, str]]:
    """Each key once, in order, with the digest of its entries."""
    firsts: dict[Key, tuple[Transaction, str]] = {}
    for one in transactions:
        hashed = digest(one)
        if firsts.setdefault((one.practice, one.key), (one, hashed))[1] != hashed:
            raise KeyReused("two transactions of one call share a key and differ")
    return firsts


def _marks(transactions: Sequence[Transaction], new: Collection[Key]) -> list[bool]:
    """Whether each transaction was the one that was posted: new, and the first with its key."""
    left = set(new)
    marks: list[bool] = []
    for one in transactions:
        marks.append((one.practice, one.key) in left)
        left.discard((one.practice, one.key))
    return marks


def _filters(
    equals: dict[str, Any], through: int | None, posted: tuple[date, date] | None
) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    for name, value in equals.items():
        column = ENTRIES.c[name]
        several = isinstance(value, (tuple, list, set, frozenset))
        where.append(column.in_([*value]) if several else column == value)
    if through is not None:
        where.append(ENTRIES.c.no <= through)
    if posted is not None:
        where.append(ENTRIES.c.posting_date.between(*posted))
    return where


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """`items` in slices short enough for one statement's parameters."""
    return (items[at : at + CHUNK] for at in range(0, len(items), CHUNK))
