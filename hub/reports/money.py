"""Where the money stands: the identity, and for each payer whether cash, claims and adjustments agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from hub.ledger import AccountKind, Identity, identity
from hub.store import View
from hub.store.documents import Row

PAGE = 1_000
A = AccountKind
#: Accounts where a payer's money waits for a person, and what each is called in front of one.
WAITING = (A.UNMATCHED_SUSPENSE, A.REMITTANCE_VARIANCE, A.REFUNDS_PAYABLE, A.PATIENT_CREDIT)


class Cash(msgspec.Struct, frozen=True, kw_only=True):
    """One payer's remittances in cents: `bpr` is the sum of BPR02 of what is posted, `claims` the sum of CLP04,
    `adjusted` the sum of PLB (positive takes from the payment), `deposited` the ledger's net debit to cash.
    `held` remittances carry `held_cents` of BPR02 that nobody has posted yet.
    """

    payer: str
    remittances: int = 0
    bpr: int = 0
    claims: int = 0
    adjusted: int = 0
    deposited: int = 0
    held: int = 0
    held_cents: int = 0

    @property
    def difference(self) -> int:
        """How far BPR02, claims less adjustments, and the ledger are apart; zero when all three agree."""
        return max(abs(self.bpr - self.claims + self.adjusted), abs(self.bpr - self.deposited))


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """A practice's books in cents. `denied` is the part of `identity.open_insurance` that payers refused and that
    is in work; `interest` and `plb` (by PLB reason) explain what is cash but no payment on charges; `waiting`
    holds accounts that a person must clear.
    """

    identity: Identity
    denied: int
    interest: int
    plb: dict[str, int]
    waiting: dict[str, int]
    cash: tuple[Cash, ...]
    entries: int


def money(view: View, practice: str) -> Money:
    """The books of one practice (a legal entity) as `view` sees them."""
    sums = view.book.accounts(practice=practice)
    suspense = view.book.sum(("reason",), practice=practice, account=A.PLB_SUSPENSE, open_only=True)
    return Money(
        identity=identity(sums),
        denied=_denied(view, practice),
        interest=-sums.get(A.INTEREST_INCOME, 0),
        plb={reason: cents for (reason,), cents in sorted(suspense.items())},
        waiting={account.value: sums[account] for account in WAITING if sums.get(account)},
        cash=cash_by_payer(view, practice),
        entries=view.book.last_no(),
    )


def cash_by_payer(view: View, practice: str) -> tuple[Cash, ...]:
    """For each payer: BPR02, claim payments less adjustments, and the ledger's cash; by payer id."""
    posted = list(pages(view.remits.heads, practice=practice, state="posted"))
    held = list(pages(view.remits.heads, practice=practice, state=("held", "balanced", "reading", "set_aside")))
    paid = _claim_payments(view, {row.id: row.col("payer") or "" for row in posted})
    cash = _by_payer(view, practice, (A.CASH_CLEARING, A.BANK))
    adjusted = _by_payer(view, practice, (A.PLB_SUSPENSE, A.INTEREST_INCOME))
    bpr, count = _sums(posted)
    held_cents, held_count = _sums(held)
    return tuple(
        Cash(
            payer=payer,
            remittances=count[payer],
            bpr=bpr[payer],
            claims=paid[payer],
            adjusted=adjusted.get(payer, 0),
            deposited=cash.get(payer, 0),
            held=held_count[payer],
            held_cents=held_cents[payer],
        )
        for payer in sorted({*count, *held_count, *cash})
    )


def pages(read: Callable[..., Sequence[Row[Any]]], **equals: Any) -> Iterator[Row[Any]]:
    """Every row that `find` or `heads` of a collection gives, page by page."""
    after = ""
    while found := read(limit=PAGE, after_id=after, **equals):
        yield from found
        after = found[-1].id


def _sums(remits: Iterable[Row[Any]]) -> tuple[Counter[str], Counter[str]]:
    """BPR02 in cents and the number of remittances, by payer."""
    cents: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for row in remits:
        cents[row.col("payer") or ""] += row.col("amount_cents")
        count[row.col("payer") or ""] += 1
    return cents, count


def _claim_payments(view: View, payers: dict[str, str]) -> Counter[str]:
    """CLP04 in cents by payer, of the remittances that are the keys of `payers`."""
    cents: Counter[str] = Counter()
    remits = list(payers)
    for at in range(0, len(remits), 100):
        for row in pages(view.remit_claims.heads, remit_id=remits[at : at + 100]):
            cents[payers[row.col("remit_id")]] += row.col("paid_cents")
    return cents


def _by_payer(view: View, practice: str, accounts: tuple[AccountKind, ...]) -> dict[str, int]:
    sums = view.book.sum(("payer",), practice=practice, account=accounts)
    return {payer: cents for (payer,), cents in sums.items()}


def _denied(view: View, practice: str) -> int:
    """Cents still open on claims whose last word from a payer is a denial."""
    rows = pages(view.claims.find, practice=practice, state="denied")
    ids = {row.record.origin or row.id for row in rows}
    return sum(view.book.balances("claim_id", ids, account=A.INSURANCE_RECEIVABLE).values())
