"""What was not paid -> work: one item per claim payment, with what to do first; and the may-bill-patient gate."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hub.config.settings import Settings
from hub.flow.carc import NOT_PATIENTS_REMARKS, Meaning, meaning
from hub.model.claim import Adjustment, Claim
from hub.model.remit import ClaimPayment
from hub.model.work import WorkItem
from hub.money import to_cents

FIRST_STEPS = {
    "11": "compare diagnosis and procedure with the record, then send a corrected claim",
    "16": "add what the remark names, then send a corrected claim",
    "18": "look whether the first claim was paid; if so, write this one off",
    "22": "ask the patient which payer comes first, then bill that one",
    "26": "check the dates of coverage, then bill who covered the day",
    "27": "check the dates of coverage, then bill who covered the day",
    "29": "look for proof of an earlier submission and appeal; else write it off",
    "50": "appeal with the record, if it supports the service",
    "96": "check the benefit; bill another payer or write it off",
    "97": "check whether the service is part of another; add a modifier or write it off",
    "109": "find the right payer and bill it",
    "197": "ask for the authorization, then appeal",
    "204": "check the benefit; bill another payer or write it off",
}
ELSE = "look the reason up in the payer's portal, then correct, appeal or write off"


def adjustments_of(paid: ClaimPayment) -> list[Adjustment]:
    """Every adjustment of a claim payment, claim level first."""
    return [*paid.adjustments, *(one for line in paid.lines for one in line.adjustments)]


def denied(paid: ClaimPayment) -> list[Adjustment]:
    """Adjustments that leave money unpaid without an agreement or the patient's share behind it."""
    return [one for one in adjustments_of(paid) if one.amount > 0 and meaning(one) is Meaning.DENIED]


def denial_item(paid: ClaimPayment, claim_id: str) -> WorkItem | None:
    """The work that a denial makes; None when nothing was denied."""
    refused = denied(paid)
    if not refused:
        return None
    first = max(refused, key=lambda one: one.amount)
    remarks = remarks_of(paid)
    codes = ", ".join(dict.fromkeys(f"{one.group}-{one.reason}" for one in refused))
    beside = f", remark {', '.join(remarks)}" if remarks else ""
    return WorkItem(
        reason=f"denial.{first.group}-{first.reason}",
        aggregate="claim",
        aggregate_id=claim_id,
        why=f"the payer denied part or all of the claim: {codes}",
        fix=FIRST_STEPS.get(first.reason, ELSE),
        where=f"{'2110' if paid.lines else '2100'} CAS{beside}",
        amount_cents=to_cents(sum((one.amount for one in refused), Decimal(0))),
    )


def remarks_of(paid: ClaimPayment) -> list[str]:
    """RARCs of a claim payment and its lines, each once."""
    return list(dict.fromkeys([*paid.remarks, *(code for line in paid.lines for code in line.remarks)]))


def gate(claim: Claim, remarks: Iterable[str], settings: Settings) -> str:
    """Why the patient may not be billed for cost sharing, or empty: `qmb`, or the kind of a payer that forbids it.

    Source: QMB by RARC N781 to N783; Medicaid and workers' compensation by `may_bill_patient` in payers.toml.
    """
    if NOT_PATIENTS_REMARKS.intersection(remarks):
        return "qmb"
    for coverage in (claim.coverage, *claim.other_coverages):
        payer = settings.payers.get(coverage.payer)
        if payer is not None and not payer.may_bill_patient:
            return payer.kind
    return ""
