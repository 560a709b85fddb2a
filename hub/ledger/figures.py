"""What the entries add up to: sums by dimension, the money identity, ageing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from hub.ledger.accounts import COLUMN, AccountKind
from hub.ledger.entry import Entry

#: Name, first and last day of each ageing bucket, counted from the first day billed.
BUCKETS: tuple[tuple[str, int, int | None], ...] = (
    ("0-30", 0, 30),
    ("31-60", 31, 60),
    ("61-90", 61, 90),
    ("91-120", 91, 120),
    ("121+", 121, None),
)


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """charged = insurance_paid + patient_paid + contractual + written_off + open_insurance + open_patient
    + open_held, all in cents; `difference` is left minus right and is zero in a book that nobody damaged.

    `insurance_paid` is net: cash received less what stands in suspense, in interest, in variance or is owed
    back, so it is what payers paid *on charges*. `patient_paid` is net of credit, `written_off` includes denials
    given up.
    """

    charged: int = 0
    insurance_paid: int = 0
    patient_paid: int = 0
    contractual: int = 0
    written_off: int = 0
    open_insurance: int = 0
    open_patient: int = 0
    open_held: int = 0

    @property
    def difference(self) -> int:
        """Cents that the right side lacks; anything but zero means a damaged book."""
        paid = self.insurance_paid + self.patient_paid
        given_up = self.contractual + self.written_off
        return self.charged - paid - given_up - self.open_insurance - self.open_patient - self.open_held


def identity(sums: Mapping[str, int] | Mapping[AccountKind, int]) -> Identity:
    """The money identity of sums by account (cents by `AccountKind`, debits positive)."""
    columns: dict[str, int] = dict.fromkeys(COLUMN.values(), 0)
    for account, cents in sums.items():
        column = COLUMN[AccountKind(account)]
        columns[column] += -cents if column == "charged" else cents
    return Identity(**columns)


def sums_by_account(entries: Iterable[Entry]) -> dict[str, int]:
    """Cents by account over `entries`: what `identity` takes."""
    sums: dict[str, int] = {}
    for one in entries:
        sums[one.account] = sums.get(one.account, 0) + one.cents
    return sums


def sum_by(entries: Iterable[Entry], by: tuple[str, ...]) -> dict[tuple[object, ...], int]:
    """Cents by any dimensions of `Entry`; the keys are tuples in the order of `by`."""
    sums: dict[tuple[object, ...], int] = {}
    for one in entries:
        key = tuple(getattr(one, name) for name in by)
        sums[key] = sums.get(key, 0) + one.cents
    return sums


def bucket(first_billed: date, as_of: date) -> str:
    """The ageing bucket of something first billed on `first_billed`; a day yet to come counts as today."""
    days = max((as_of - first_billed).days, 0)
    return next(name for name, first, last in BUCKETS if days >= first and (last is None or days <= last))


def ageing(open_items: Iterable[tuple[date, int]], as_of: date) -> dict[str, int]:
    """Cents by bucket, every bucket present and in order, of (first day billed, open cents)."""
    table = dict.fromkeys((name for name, _, _ in BUCKETS), 0)
    for first_billed, cents in open_items:
        table[bucket(first_billed, as_of)] += cents
    return table
