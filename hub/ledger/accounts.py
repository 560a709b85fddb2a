"""The accounts of the ledger: what each one holds, and which dimensions an entry on it must name."""

from __future__ import annotations

from enum import StrEnum


class AccountKind(StrEnum):
    """Every account there is. Debits are positive cents, credits negative.

    Receivables and cash are debits, revenue and what we owe are credits. `refunds_payable` is owed to payers
    only; what a patient overpaid stands in `patient_credit`. `bank` holds remittances seen as deposits, so
    that `cash_clearing` returns to zero; `patient_cash` is its own end.
    """

    REVENUE = "revenue"
    INSURANCE_RECEIVABLE = "insurance_receivable"
    PATIENT_RECEIVABLE = "patient_receivable"
    HELD_RECEIVABLE = "held_receivable"
    CASH_CLEARING = "cash_clearing"
    BANK = "bank"
    PATIENT_CASH = "patient_cash"
    CONTRACTUAL = "contractual"
    WRITE_OFF = "write_off"
    DENIED_WRITE_OFF = "denied_write_off"
    INTEREST_INCOME = "interest_income"
    PLB_SUSPENSE = "plb_suspense"
    UNMATCHED_SUSPENSE = "unmatched_suspense"
    REMITTANCE_VARIANCE = "remittance_variance"
    REFUNDS_PAYABLE = "refunds_payable"
    PATIENT_CREDIT = "patient_credit"


A = AccountKind

#: Dimensions an entry on the account must name. `held_receivable` is what the patient's share would be while
#: the may-bill-patient gate is shut: it never reaches a statement. `plb_suspense` is kept by PLB reason.
REQUIRED: dict[AccountKind, tuple[str, ...]] = {
    A.REVENUE: (),
    A.INSURANCE_RECEIVABLE: ("payer", "rank", "claim_id"),
    A.PATIENT_RECEIVABLE: ("guarantor_id",),
    A.HELD_RECEIVABLE: ("claim_id",),
    A.CASH_CLEARING: ("payer", "remit_id"),
    A.BANK: ("payer",),
    A.PATIENT_CASH: ("guarantor_id",),
    A.CONTRACTUAL: ("claim_id",),
    A.WRITE_OFF: (),
    A.DENIED_WRITE_OFF: ("claim_id",),
    A.INTEREST_INCOME: ("payer",),
    A.PLB_SUSPENSE: ("payer", "reason"),
    A.UNMATCHED_SUSPENSE: ("payer", "remit_id"),
    A.REMITTANCE_VARIANCE: ("payer", "remit_id"),
    A.REFUNDS_PAYABLE: ("payer",),
    A.PATIENT_CREDIT: ("guarantor_id",),
}

#: What each account counts as in the money identity; every account stands in exactly one column.
COLUMN: dict[AccountKind, str] = {
    A.REVENUE: "charged",
    A.INSURANCE_RECEIVABLE: "open_insurance",
    A.PATIENT_RECEIVABLE: "open_patient",
    A.HELD_RECEIVABLE: "open_held",
    A.CASH_CLEARING: "insurance_paid",
    A.BANK: "insurance_paid",
    A.INTEREST_INCOME: "insurance_paid",
    A.PLB_SUSPENSE: "insurance_paid",
    A.UNMATCHED_SUSPENSE: "insurance_paid",
    A.REMITTANCE_VARIANCE: "insurance_paid",
    A.REFUNDS_PAYABLE: "insurance_paid",
    A.PATIENT_CASH: "patient_paid",
    A.PATIENT_CREDIT: "patient_paid",
    A.CONTRACTUAL: "contractual",
    A.WRITE_OFF: "written_off",
    A.DENIED_WRITE_OFF: "written_off",
}
