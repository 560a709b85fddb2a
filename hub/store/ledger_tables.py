"""The ledger's two tables, their triggers, and how a transaction becomes rows and rows become it again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Date, ForeignKey, Index, Integer, Row, Table, Text
from sqlalchemy import text as sql

from hub.ledger import AccountKind, Entry, Transaction
from hub.store.append_only import attach, refuse_changes
from hub.store.schema import METADATA, Cents, Id, Instant, clear
from hub.store.schema import Sequence as Number

_OURS = "our own id or number"
_BOOK = "money without a name: the books must be readable and provable without keys"

TRANSACTIONS = Table(
    "ledger_transactions",
    METADATA,
    clear("seq", Number, primary_key=True, autoincrement=True, why=_OURS),
    clear("practice", Text, why=_OURS),
    clear("key", Text, why="idempotency key made of our own ids"),
    clear("cause", Text, why="our own id of what led to it"),
    clear("posting_date", Date, why="the day of the books"),
    clear("period", Text, why="the month of the books"),
    clear("reverses", Text, why="key of the transaction undone, or empty"),
    clear("digest", Text, why="hash of the entries: shows an edit, and a key used twice"),
    clear("at", Instant, why="when it was posted"),
    Index("uq_ledger_transactions_key", "practice", "key", unique=True),
    Index(
        "uq_ledger_transactions_reverses",
        "practice",
        "reverses",
        unique=True,
        sqlite_where=sql("reverses <> ''"),
        postgresql_where=sql("reverses <> ''"),
    ),
    sqlite_autoincrement=True,
)


def _on(column: str) -> Index:
    """Of all rows: SQLite does not take an index of some rows for a value that is bound later."""
    return Index(f"ix_ledger_entries_{column}", column)


ENTRIES = Table(
    "ledger_entries",
    METADATA,
    clear("no", Number, primary_key=True, autoincrement=True, why=_OURS),
    clear("transaction_seq", Number, ForeignKey("ledger_transactions.seq"), index=True, why=_OURS),
    clear("practice", Text, why=_OURS),
    clear("posting_date", Date, why="the day of the books"),
    clear("period", Text, why="the month of the books"),
    clear("account", Text, why=_BOOK),
    clear("cents", Cents, why=_BOOK),
    clear("payer", Text, why="payer id of our configuration"),
    clear("rank", Integer, why=_BOOK),
    clear("guarantor_id", Id, why=_OURS),
    clear("patient_id", Id, why=_OURS),
    clear("claim_id", Id, why=_OURS),
    clear("version", Integer, why=_OURS),
    clear("line", Integer, why=_OURS),
    clear("provider", Text, why="NPI, public"),
    clear("service_date", Date, nullable=True, why="ageing and periods; a date beside opaque ids only"),
    clear("group", Text, why="CAS group code"),
    clear("reason", Text, why="CARC or PLB reason code"),
    clear("remit_id", Id, why=_OURS),
    _on("claim_id"),
    _on("guarantor_id"),
    _on("remit_id"),
    sqlite_autoincrement=True,
)
_DIMS = tuple(name for name in Entry.__struct_fields__ if name not in {"account", "cents"})
COPIED = ("transaction_seq", "practice", "posting_date", "period", *Entry.__struct_fields__)


def triggers(dialect: str) -> list[str]:
    """The statements by which `sqlite` or `postgresql` refuses to edit or delete what is posted."""
    return refuse_changes("ledger_transactions", dialect) + refuse_changes("ledger_entries", dialect)


attach(ENTRIES, triggers)


class Posted(Entry, frozen=True, kw_only=True, omit_defaults=True):
    """An entry as it stands in the book, with its number and the head of its transaction."""

    no: int
    transaction_seq: int
    practice: str
    posting_date: date
    period: str


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction in the database that is not what was posted; `fault` says how, without amounts."""

    seq: int
    key: str
    fault: str


def digest(transaction: Transaction) -> str:
    """A hash of what moves: practice, key, entries; not the day or the cause, which a replay may change."""
    body = msgspec.json.encode((transaction.practice, transaction.key, transaction.reverses, transaction.entries))
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def head_row(one: Transaction, its_digest: str, at: datetime) -> dict[str, Any]:
    """The row of `ledger_transactions`, but for its number."""
    return {
        "practice": one.practice,
        "key": one.key,
        "cause": one.cause,
        "posting_date": one.posting_date,
        "period": one.period,
        "reverses": one.reverses,
        "digest": its_digest,
        "at": at,
    }


def entry_rows(one: Transaction, seq: int) -> list[tuple[Any, ...]]:
    """The rows of `ledger_entries` in the order of `COPIED`, without their numbers."""
    head = (seq, one.practice, one.posting_date, one.period)
    return [(*head, *msgspec.structs.astuple(entry)) for entry in one.entries]


def posted_of(row: Row[Any]) -> Posted:
    """A row of `ledger_entries` as a record."""
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    values["account"] = AccountKind(values["account"])
    return Posted(**values)


def transaction_of(head: Row[Any], entries: Iterable[Posted | Row[Any]]) -> Transaction:
    """A transaction as it was posted."""
    return Transaction(
        practice=head.practice,
        key=head.key,
        cause=head.cause,
        posting_date=head.posting_date,
        period=head.period,
        reverses=head.reverses,
        entries=tuple(_plain(entry) for entry in entries),
    )


def _plain(row: Any) -> Entry:
    dims = {name: getattr(row, name) for name in _DIMS}
    return Entry(account=AccountKind(row.account), cents=row.cents, **dims)


def fault_of(head: Row[Any], rows: Sequence[Row[Any]]) -> str:
    """What is wrong with a stored transaction, or empty."""
    if not rows:
        return "no entries"
    if sum(row.cents for row in rows):
        return "the entries do not sum to zero"
    try:
        same = digest(transaction_of(head, rows)) == head.digest
    except ValueError:
        same = False
    return "" if same else "the entries are not those that were posted"
