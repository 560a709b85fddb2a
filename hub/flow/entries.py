"""Ledger transactions for what happens to claims: pure, in cents, and linear, so that a reversal (CLP02 = 22),
whose amounts are negative, undoes what the first payment did without a rule of its own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from hub.flow.carc import Meaning, meaning
from hub.ledger import AccountKind, Entry, Transaction, entry, transaction
from hub.ledger.entry import Dims
from hub.model.claim import Adjustment, Claim, ClaimLine
from hub.model.encounter import Charge
from hub.model.people import Record
from hub.model.remit import ClaimPayment, ProviderAdjustment, ServicePayment
from hub.money import to_cents

A = AccountKind


class Account(Record, frozen=True, kw_only=True):
    """Whose claim a payment is for, and where cost sharing goes after it.

    `next_payer` (with `rank` + 1) takes the patient's share when there is one; else `gate`, the reason why the
    patient may not be billed, keeps it in the held receivable; else the guarantor owes it.
    """

    claim_id: str
    claim: Claim
    guarantor_id: str
    payer: str
    rank: int
    next_payer: str = ""
    gate: str = ""


class Posting(Record, frozen=True, kw_only=True):
    """Where a posting stands in the books."""

    practice: str
    key: str
    cause: str
    on: date
    remit_id: str = ""


def charge(claim_id: str, claim: Claim, guarantor_id: str, at: Posting) -> Transaction | None:
    """What the first payer is asked: receivable against revenue, line by line."""
    account = Account(
        claim_id=claim_id, claim=claim, guarantor_id=guarantor_id, payer=claim.payer, rank=claim.rank
    )
    entries: list[Entry | None] = []
    for line in claim.lines:
        cents, about = to_cents(line.amount), _dims(account, line.number, at)
        entries.append(entry(A.INSURANCE_RECEIVABLE, cents, **about))
        entries.append(entry(A.REVENUE, -cents, **about))
    return _transaction(entries, at)


def self_pay(encounter_id: str, charges: Iterable[Charge], guarantor_id: str, at: Posting) -> Transaction | None:
    """Charges that nobody insures: the guarantor owes them from the start."""
    entries: list[Entry | None] = []
    for one in charges:
        cents = to_cents(one.amount or Decimal(0))
        about: Dims = {
            "guarantor_id": guarantor_id,
            "patient_id": one.patient_id,
            "claim_id": encounter_id,
            "service_date": one.service_from,
        }
        entries.append(entry(A.PATIENT_RECEIVABLE, cents, **about))
        entries.append(entry(A.REVENUE, -cents, **about))
    return _transaction(entries, at)


def payment(paid: ClaimPayment, account: Account, at: Posting) -> Transaction | None:
    """One claim payment: cash, agreed reductions and cost sharing leave the payer's receivable; what was denied
    stays there, in work. None when nothing moves."""
    entries: list[Entry | None] = []
    by_service = sum((line.paid for line in paid.lines), start=paid.paid * 0)
    entries.append(_cash(to_cents(paid.paid), account, at))
    entries.extend(_slice(0, paid.paid - by_service, paid.adjustments, account, at))
    numbers = line_numbers(paid, account.claim)
    for line, number in zip(paid.lines, numbers, strict=True):
        entries.extend(_slice(number, line.paid, line.adjustments, account, at))
    return _transaction(entries, at)


def unmatched(paid: ClaimPayment, payer: str, at: Posting) -> Transaction | None:
    """Money for a claim that we do not know: it waits in suspense under the remittance it came with."""
    cents = to_cents(paid.paid)
    return _transaction(
        [
            entry(A.CASH_CLEARING, cents, payer=payer, remit_id=at.remit_id),
            entry(A.UNMATCHED_SUSPENSE, -cents, payer=payer, remit_id=at.remit_id),
        ],
        at,
    )


def provider_adjustment(plb: ProviderAdjustment, payer: str, at: Posting) -> Transaction | None:
    """A PLB: positive takes from the payment, negative adds. Interest (L6) is income, the rest waits."""
    cents = to_cents(plb.amount)
    account = A.INTEREST_INCOME if plb.reason == "L6" else A.PLB_SUSPENSE
    return _transaction(
        [
            entry(A.CASH_CLEARING, -cents, payer=payer, remit_id=at.remit_id),
            entry(account, cents, payer=payer, reason=plb.reason, remit_id=at.remit_id),
        ],
        at,
    )


def remittance_variance(cents: int, payer: str, at: Posting) -> Transaction | None:
    """What was deposited (BPR02) beyond what claims and PLBs explain; less where `cents` is negative."""
    return _transaction(
        [
            entry(A.CASH_CLEARING, cents, payer=payer, remit_id=at.remit_id),
            entry(A.REMITTANCE_VARIANCE, -cents, payer=payer, remit_id=at.remit_id),
        ],
        at,
    )


def line_numbers(paid: ClaimPayment, claim: Claim) -> tuple[int, ...]:
    """Our line number for each service of a payment, 0 where it cannot be told: by line control number
    (REF*6R), else by the only line with the code that was asked (SVC06, then SVC01) on that day."""
    by_control = {line.control_number: line.number for line in claim.lines if line.control_number}
    return tuple(
        by_control.get(service.control_number) or _by_code(service, claim.lines) for service in paid.lines
    )


def _by_code(service: ServicePayment, lines: tuple[ClaimLine, ...]) -> int:
    asked = service.original_hcpcs or service.hcpcs
    fits = [
        line.number
        for line in lines
        if line.hcpcs == asked
        and service.service_date in (None, line.service_from)
        and line.amount == abs(service.charge)
    ]
    return fits[0] if len(fits) == 1 else 0


def _slice(
    number: int, paid: Decimal, adjustments: Iterable[Adjustment], account: Account, at: Posting
) -> list[Entry | None]:
    """The entries of one line (0: the claim as a whole)."""
    owed = _dims(account, number, at)
    entries = [entry(A.INSURANCE_RECEIVABLE, -to_cents(paid), **owed)]
    for one in adjustments:
        cents = to_cents(one.amount)
        about: Dims = {**owed, "group": one.group, "reason": one.reason}
        kind = meaning(one)
        if kind is Meaning.CONTRACTUAL:
            entries.append(entry(A.CONTRACTUAL, cents, **about))
        elif kind is Meaning.COST_SHARE:
            entries.append(_cost_share(cents, account, about))
        else:
            continue
        entries.append(entry(A.INSURANCE_RECEIVABLE, -cents, **about))
    return entries


def _cost_share(cents: int, account: Account, about: Dims) -> Entry | None:
    """Where the patient's share of a line goes: the next payer, the held receivable, or the guarantor."""
    if account.next_payer:
        onward: Dims = {**about, "payer": account.next_payer, "rank": account.rank + 1}
        return entry(A.INSURANCE_RECEIVABLE, cents, **onward)
    return entry(A.HELD_RECEIVABLE if account.gate else A.PATIENT_RECEIVABLE, cents, **about)


def _cash(cents: int, account: Account, at: Posting) -> Entry | None:
    return entry(A.CASH_CLEARING, cents, **_dims(account, 0, at))


def _dims(account: Account, number: int, at: Posting) -> Dims:
    claim = account.claim
    line = claim.lines[number - 1] if 0 < number <= len(claim.lines) else claim.lines[0]
    return {
        "payer": account.payer,
        "rank": account.rank,
        "guarantor_id": account.guarantor_id,
        "patient_id": claim.patient_id,
        "claim_id": account.claim_id,
        "version": claim.version,
        "line": number,
        "provider": claim.rendering.npi if claim.rendering else claim.billing.npi,
        "service_date": line.service_from,
        "remit_id": at.remit_id,
    }


def _transaction(entries: list[Entry | None], at: Posting) -> Transaction | None:
    return transaction(entries, practice=at.practice, key=at.key, cause=at.cause, posting_date=at.on)
