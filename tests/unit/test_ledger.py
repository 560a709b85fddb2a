"""The ledger's rules: balanced or refused, reversed and never edited, every account in one column."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ledger import (
    BUCKETS,
    COLUMN,
    REQUIRED,
    AccountKind,
    Entry,
    LedgerError,
    Transaction,
    Unbalanced,
    ageing,
    bucket,
    entry,
    identity,
    reversal,
    sum_by,
    sums_by_account,
    transaction,
)

DAY = date(2026, 3, 2)
DIMS = {
    "payer": "medicare",
    "rank": 1,
    "guarantor_id": "gua_1",
    "claim_id": "clm_1",
    "remit_id": "rmt_1",
    "reason": "WO",
}
AMOUNTS = st.integers(-10_000_00, 10_000_00).filter(bool)
KINDS = st.sampled_from(AccountKind)


def make(account: AccountKind, cents: int, **more: object) -> Entry:
    """An entry that names every dimension any account asks for."""
    return Entry(account=account, cents=cents, **{**DIMS, **more})  # type: ignore[arg-type]


def post(*entries: Entry, key: str = "k1") -> Transaction:
    """A balanced transaction, or a refusal."""
    return Transaction(practice="east", key=key, cause="test", posting_date=DAY, entries=entries)


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    """Any balanced transaction of two to eight entries."""
    parts = draw(st.lists(st.tuples(KINDS, AMOUNTS), min_size=1, max_size=7))
    rest = sum(cents for _, cents in parts)
    entries = [make(kind, cents) for kind, cents in parts]
    closing = [make(draw(KINDS), -rest)] if rest else [make(AccountKind.BANK, 5), make(AccountKind.BANK, -5)]
    return post(*entries, *closing)


def test_unbalanced_is_refused_without_a_value() -> None:
    """A transaction that does not sum to zero cannot be made, and the refusal names no amount and no person."""
    with pytest.raises(Unbalanced) as refused:
        post(make(AccountKind.REVENUE, -12345), make(AccountKind.INSURANCE_RECEIVABLE, 12344))
    assert not any(text in str(refused.value) for text in ("123", "gua_1", "clm_1", "medicare"))


def test_entry_must_name_what_its_account_needs() -> None:
    """An entry that lacks a dimension of its account is refused, for every account and dimension."""
    for account, name in ((a, n) for a, names in REQUIRED.items() for n in names):
        with pytest.raises(LedgerError, match=name):
            make(account, 100, **{name: type(DIMS[name])()})


@pytest.mark.parametrize("cents", [0, 1.0, True])
def test_cents_are_whole_and_move_something(cents: int) -> None:
    """Only whole cents other than zero make an entry; a float never enters the ledger."""
    with pytest.raises(LedgerError):
        Entry(account=AccountKind.REVENUE, cents=cents)


def test_zero_amounts_fall_away() -> None:
    """The makers drop zero amounts, and a transaction of nothing but zeros is None, not an empty posting."""
    none = entry(AccountKind.REVENUE, 0)
    assert none is None
    assert transaction([none], practice="east", key="k", cause="c", posting_date=DAY) is None


def test_period_follows_the_posting_date_unless_given() -> None:
    """The book's month is that of the posting date, unless a closed month makes the caller name another."""
    pair = (make(AccountKind.REVENUE, -1), make(AccountKind.INSURANCE_RECEIVABLE, 1))
    named = Transaction(practice="e", key="k", cause="", posting_date=DAY, entries=pair, period="2026-04")
    assert (post(*pair).period, named.period) == ("2026-03", "2026-04")


@given(transactions())
def test_reversal_undoes_every_dimension(original: Transaction) -> None:
    """A transaction and its reversal leave zero on every account under every combination of dimensions."""
    undone = reversal(original, posting_date=DAY + timedelta(days=40), cause="person")
    by = ("account", *DIMS)
    assert set(sum_by([*original.entries, *undone.entries], by).values()) == {0}
    assert (undone.reverses, undone.period) == (original.key, "2026-04")


def test_a_reversal_is_not_reversed() -> None:
    """What a reversal undid is posted anew; chains of reversals are refused."""
    first = post(make(AccountKind.BANK, 5), make(AccountKind.CASH_CLEARING, -5))
    undone = reversal(first, posting_date=DAY, cause="person")
    with pytest.raises(LedgerError):
        reversal(undone, posting_date=DAY, cause="person")


@given(st.lists(transactions(), max_size=8))
def test_identity_holds_for_any_balanced_book(book: list[Transaction]) -> None:
    """Charged = paid + given up + open for whatever balanced transactions were posted."""
    entries = list(itertools.chain.from_iterable(one.entries for one in book))
    assert identity(sums_by_account(entries)).difference == 0


def test_identity_shows_a_missing_entry() -> None:
    """When an entry is gone from the book the identity's difference is its amount."""
    sums = {AccountKind.REVENUE: -10_000, AccountKind.INSURANCE_RECEIVABLE: 4_000, AccountKind.CONTRACTUAL: 5_000}
    assert identity(sums).difference == 1_000


def test_identity_by_hand() -> None:
    """A claim of $300 paid $150 with CO-45, coinsurance paid in part, interest, a WO and a denial written off
    gives the figures one would write on paper: suspense and interest are no payment on charges.
    """
    K = AccountKind  # noqa: N806 - short for a table
    moves = [
        (K.INSURANCE_RECEIVABLE, 30_000, K.REVENUE),
        (K.CASH_CLEARING, 15_000, K.INSURANCE_RECEIVABLE),
        (K.CONTRACTUAL, 6_000, K.INSURANCE_RECEIVABLE),
        (K.PATIENT_RECEIVABLE, 4_000, K.INSURANCE_RECEIVABLE),
        (K.HELD_RECEIVABLE, 500, K.INSURANCE_RECEIVABLE),
        (K.DENIED_WRITE_OFF, 2_000, K.INSURANCE_RECEIVABLE),
        (K.CASH_CLEARING, 120, K.INTEREST_INCOME),
        (K.PLB_SUSPENSE, 700, K.CASH_CLEARING),
        (K.BANK, 14_420, K.CASH_CLEARING),
        (K.PATIENT_CASH, 3_000, K.PATIENT_RECEIVABLE),
        (K.PATIENT_CASH, 250, K.PATIENT_CREDIT),
    ]
    entries = [one for debit, cents, credit in moves for one in (make(debit, cents), make(credit, -cents))]
    found = identity(sums_by_account(entries))
    assert (found.charged, found.insurance_paid, found.patient_paid) == (30_000, 15_000, 3_000)
    assert (found.contractual, found.written_off, found.open_held) == (6_000, 2_000, 500)
    assert (found.open_insurance, found.open_patient, found.difference) == (2_500, 1_000, 0)


def test_every_account_has_a_column_and_its_dimensions() -> None:
    """No account stands outside the identity, and each says which dimensions it needs."""
    assert set(COLUMN) == set(REQUIRED) == set(AccountKind)


@given(st.integers(-400, 4000))
def test_buckets_cover_every_age_once(days: int) -> None:
    """Every age falls in exactly one bucket, the oldest open-ended, the future in the first."""
    fitting = [n for n, low, high in BUCKETS if max(days, 0) >= low and (high is None or max(days, 0) <= high)]
    assert fitting == [bucket(DAY - timedelta(days=days), DAY)]


def test_ageing_at_the_edges() -> None:
    """Days 30 and 31, 120 and 121 fall on the two sides of their edge, and empty buckets are shown."""
    items = [(DAY - timedelta(days=days), 100) for days in (0, 30, 31, 120, 121, 500)]
    assert ageing(items, DAY) == {"0-30": 200, "31-60": 100, "61-90": 0, "91-120": 100, "121+": 200}
