"""Entries and transactions: frozen, in whole cents, refused unless they sum to zero, undone only by reversal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Required, TypedDict, Unpack

import msgspec

from hub.ledger.accounts import REQUIRED, AccountKind


class LedgerError(ValueError):
    """A transaction that may not be posted. A bug of the caller: the message holds no amount and no name."""


class Unbalanced(LedgerError):
    """The entries of a transaction do not sum to zero."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One side of a movement: `cents` are a debit when positive, a credit when negative, never zero.

    Empty text and zero mean "does not apply". `payer` is our payer id, `rank` 1 primary, `group` and `reason`
    are CAS01 and the CARC, or for a PLB `reason` is PLB03-1; `line` counts the claim's lines from 1; `provider`
    is an NPI. Raises `LedgerError` when a dimension that the account needs is missing.
    """

    account: AccountKind
    cents: int
    payer: str = ""
    rank: int = 0
    guarantor_id: str = ""
    patient_id: str = ""
    claim_id: str = ""
    version: int = 0
    line: int = 0
    provider: str = ""
    service_date: date | None = None
    group: str = ""
    reason: str = ""
    remit_id: str = ""

    def __post_init__(self) -> None:
        if type(self.cents) is not int or not self.cents:
            raise LedgerError(f"an entry on {self.account} needs whole cents that are not zero")
        for name in REQUIRED[self.account]:
            if not getattr(self, name):
                raise LedgerError(f"an entry on {self.account} must name its {name}")


class Transaction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Entries that belong together and sum to zero; `key` makes posting it again harmless.

    `cause` is the id of what led to it (a claim version, a remitted claim, an event); `period` is the book's
    month, `YYYY-MM`, by default that of `posting_date`; `reverses` the key of the transaction that is undone.
    """

    practice: str
    key: str
    cause: str
    posting_date: date
    entries: tuple[Entry, ...]
    period: str = ""
    reverses: str = ""

    def __post_init__(self) -> None:
        if not (self.practice and self.key and self.entries):
            raise LedgerError("a transaction needs a practice, a key and entries")
        if sum(entry.cents for entry in self.entries):
            raise Unbalanced("the entries of a transaction do not sum to zero")
        if not self.period:
            msgspec.structs.force_setattr(self, "period", f"{self.posting_date:%Y-%m}")


class Dims(TypedDict, total=False):
    """The dimensions of an entry, as keywords."""

    payer: str
    rank: int
    guarantor_id: str
    patient_id: str
    claim_id: str
    version: int
    line: int
    provider: str
    service_date: date | None
    group: str
    reason: str
    remit_id: str


class Head(TypedDict, total=False):
    """What a transaction is besides its entries, as keywords."""

    practice: Required[str]
    key: Required[str]
    cause: Required[str]
    posting_date: Required[date]
    period: str
    reverses: str


def entry(account: AccountKind, cents: int, **dims: Unpack[Dims]) -> Entry | None:
    """An entry, or None for zero cents: an amount of zero moves nothing."""
    return Entry(account=account, cents=cents, **dims) if cents else None


def transaction(entries: Iterable[Entry | None], **head: Unpack[Head]) -> Transaction | None:
    """A transaction of the entries that are not None, or None when nothing remains to post."""
    kept = tuple(one for one in entries if one is not None)
    return Transaction(entries=kept, **head) if kept else None


def reversal(original: Transaction, *, posting_date: date, cause: str, key: str = "") -> Transaction:
    """The transaction that undoes `original`, entry by entry, under the same dimensions.

    Its key is `reverse:` + the original's unless another is given. A reversal is not reversed: what it undid is
    posted anew under a key of its own.
    """
    if original.reverses:
        raise LedgerError("a reversal is not reversed; post the transaction anew")
    return Transaction(
        practice=original.practice,
        key=key or f"reverse:{original.key}",
        cause=cause,
        posting_date=posting_date,
        entries=tuple(msgspec.structs.replace(one, cents=-one.cents) for one in original.entries),
        reverses=original.key,
    )
