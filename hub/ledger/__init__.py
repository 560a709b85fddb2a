"""The double-entry ledger as plain functions over frozen records; `hub.store.book` keeps it."""

from __future__ import annotations

from hub.ledger.accounts import COLUMN, REQUIRED, AccountKind
from hub.ledger.entry import Entry, LedgerError, Transaction, Unbalanced, entry, reversal, transaction
from hub.ledger.figures import BUCKETS, Identity, ageing, bucket, identity, sum_by, sums_by_account

__all__ = [
    "BUCKETS",
    "COLUMN",
    "REQUIRED",
    "AccountKind",
    "Entry",
    "Identity",
    "LedgerError",
    "Transaction",
    "Unbalanced",
    "ageing",
    "bucket",
    "entry",
    "identity",
    "reversal",
    "sum_by",
    "sums_by_account",
    "transaction",
]
