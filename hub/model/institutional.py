"""What only an institution's claim says (837I): the stay, and codes of the UB-04 with their days and amounts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hub.model.people import Record


class Occurrence(Record, frozen=True, kw_only=True):
    """A code with its day (occurrence BH) or its span (BI)."""

    code: str
    on: date
    to: date | None = None


class CodedValue(Record, frozen=True, kw_only=True):
    """A value code with its amount (BE)."""

    code: str
    amount: Decimal


class Cause(Record, frozen=True, kw_only=True):
    """A code of a diagnosis and whether it was present on admission (Y, N, U, W or empty)."""

    code: str
    present: str = ""


class Surgery(Record, frozen=True, kw_only=True):
    """An ICD procedure and its day (BBR, BBQ)."""

    code: str
    on: date | None = None


class Institutional(Record, frozen=True, kw_only=True):
    """The stay of an institutional claim.

    `facility_code` is the type of bill without its last digit, which is the claim's frequency. `admission`,
    `source` and `status` are those of CL1. The claim's `diagnoses` begin with the principal one; `present` says
    of each, in their order, whether it was present on admission.
    """

    facility_code: str
    statement_from: date
    statement_to: date | None = None
    admission_hour: str = ""
    discharge_hour: str = ""
    admission: str = ""
    source: str = ""
    status: str = ""
    present: tuple[str, ...] = ()
    admitting: str = ""
    reasons: tuple[str, ...] = ()
    external_causes: tuple[Cause, ...] = ()
    group: str = ""
    procedures: tuple[Surgery, ...] = ()
    spans: tuple[Occurrence, ...] = ()
    occurrences: tuple[Occurrence, ...] = ()
    values: tuple[CodedValue, ...] = ()
    treatments: tuple[str, ...] = ()

    @property
    def bill_type(self) -> str:
        """The first digits of the type of bill, as a UB-04 shows them, with the leading zero."""
        return f"0{self.facility_code}"


class Inpatient(Record, frozen=True, kw_only=True):
    """What an earlier payer computed for a stay (MIA), by the element's order; amounts in dollars."""

    covered_days: Decimal | None = None
    outlier: Decimal | None = None
    psychiatric_days: Decimal | None = None
    drg: Decimal | None = None
    remark: str = ""
    share: Decimal | None = None
    pass_through: Decimal | None = None
    capital: Decimal | None = None
    capital_federal: Decimal | None = None
    capital_hospital: Decimal | None = None
    capital_share: Decimal | None = None
    old_capital: Decimal | None = None
    education: Decimal | None = None
    operating_hospital: Decimal | None = None
    report_days: Decimal | None = None
    operating_federal: Decimal | None = None
    capital_outlier: Decimal | None = None
    teaching: Decimal | None = None
    professional: Decimal | None = None
    remarks: tuple[str, ...] = ()
    capital_exception: Decimal | None = None


class Outpatient(Record, frozen=True, kw_only=True):
    """What an earlier payer computed for outpatient care (MOA): rate, payable dollars, remarks, two more amounts."""

    rate: Decimal | None = None
    payable: Decimal | None = None
    remarks: tuple[str, ...] = ()
    renal: Decimal | None = None
    professional: Decimal | None = None
