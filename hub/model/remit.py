"""A remittance: one 835 transaction set, its claim payments and its provider-level adjustments."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hub.model.claim import Adjustment
from hub.model.people import Record


class ProviderAdjustment(Record, frozen=True, kw_only=True):
    """One PLB pair. Positive takes from the payment, negative adds to it."""

    reason: str
    amount: Decimal
    reference: str = ""
    npi: str = ""
    fiscal_period: date | None = None


class Remittance(Record, frozen=True, kw_only=True):
    """The header of an 835. `method` is BPR04 (ACH, CHK, NON ...), `trace` TRN02, `origin` TRN03; `handling`
    is BPR01 (P: a prenotification, which pays nothing)."""

    payer_name: str
    payer_ids: tuple[str, ...]
    payee_npi: str
    trace: str
    amount: Decimal
    method: str
    payment_date: date
    handling: str = "I"
    origin: str = ""
    payee_tax_id: str = ""
    credit: bool = True
    production_date: date | None = None
    provider_adjustments: tuple[ProviderAdjustment, ...] = ()


class ServicePayment(Record, frozen=True, kw_only=True):
    """One SVC with its adjustments; `original_hcpcs` (SVC06) where the payer bundled or changed it."""

    hcpcs: str
    charge: Decimal
    paid: Decimal
    modifiers: tuple[str, ...] = ()
    units: Decimal = Decimal(1)
    original_hcpcs: str = ""
    original_units: Decimal | None = None
    service_date: date | None = None
    control_number: str = ""
    adjustments: tuple[Adjustment, ...] = ()
    remarks: tuple[str, ...] = ()


class ClaimPayment(Record, frozen=True, kw_only=True):
    """One CLP. `status` is CLP02; `remarks` come from MIA/MOA; `interest` is AMT*I and is never posted here
    (PLB L6 carries it). `crossover` names the next payer from NM1*TT, empty when there is none.
    """

    patient_control_number: str
    status: str
    charge: Decimal
    paid: Decimal
    patient_responsibility: Decimal | None = None
    filing: str = ""
    payer_control_number: str = ""
    adjustments: tuple[Adjustment, ...] = ()
    lines: tuple[ServicePayment, ...] = ()
    remarks: tuple[str, ...] = ()
    interest: Decimal = Decimal("0.00")
    crossover: str = ""
    corrected_patient: bool = False
    received_on: date | None = None
    position: int = 0
