"""A remittance: one 835 transaction set, its claim payments and its provider-level adjustments.

Every record keeps in `rest` what stands in its segments and has no field here, or is spelled or ordered otherwise
than the hub writes: (place, as the hub would write it, as it was), so that a remittance can be written again.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hub.model.claim import Adjustment
from hub.model.institutional import Inpatient, Outpatient
from hub.model.people import Address, Record

Rest = tuple[tuple[int, str, str], ...]


class Told(Record, frozen=True, kw_only=True, gc=False):
    """A reference number by its qualifier (REF)."""

    kind: str
    value: str
    words: str = ""


class Counted(Record, frozen=True, kw_only=True, gc=False):
    """An amount in dollars or a quantity by its qualifier (AMT, QTY); None where it cannot be read."""

    kind: str
    value: Decimal | None = None


class DayTold(Record, frozen=True, kw_only=True, gc=False):
    """A day by its qualifier (DTM); None where it cannot be read."""

    kind: str
    on: date | None = None


class PaymentContact(Record, frozen=True, kw_only=True, gc=False):
    """Whom to ask (PER): `kind` CX, BL or IC; `ways` is TE, number, EX, number and so on."""

    kind: str
    name: str = ""
    ways: tuple[str, ...] = ()


class Named(Record, frozen=True, kw_only=True, gc=False):
    """Somebody as a payer names them (NM1): `kind` 1 is a person, 2 an organisation."""

    kind: str = ""
    last: str = ""
    first: str = ""
    middle: str = ""
    suffix: str = ""
    id_kind: str = ""
    id: str = ""


class Bank(Record, frozen=True, kw_only=True, gc=False):
    """One side of a transfer (BPR06 to BPR09, BPR12 to BPR15)."""

    id_kind: str = ""
    id: str = ""
    account_kind: str = ""
    account: str = ""


class Delivery(Record, frozen=True, kw_only=True, gc=False):
    """How the remittance was to be delivered (RDM)."""

    kind: str
    name: str = ""
    address: str = ""


class RemitParty(Record, frozen=True, kw_only=True):
    """The payer (1000A) or the payee (1000B) in full."""

    name: str = ""
    id_kind: str = ""
    id: str = ""
    address: Address | None = None
    references: tuple[Told, ...] = ()
    contacts: tuple[PaymentContact, ...] = ()
    delivery: Delivery | None = None


class ProviderTotals(Record, frozen=True, kw_only=True, gc=False):
    """What a payer sums up for one provider and type of bill (TS3); the rest of its sums by element, 6 to 24."""

    provider: str
    facility: str = ""
    year_end: date | None = None
    claims: Decimal | None = None
    charge: Decimal | None = None
    sums: tuple[str, ...] = ()


class ClaimGroup(Record, frozen=True, kw_only=True):
    """A group of claims (2000): its number, TS3, and TS2 by element, 1 to 19."""

    number: str
    totals: ProviderTotals | None = None
    inpatient: tuple[str, ...] = ()
    rest: Rest = ()


class ProviderAdjustment(Record, frozen=True, kw_only=True, gc=False):
    """One PLB pair. Positive takes from the payment, negative adds to it."""

    reason: str
    amount: Decimal
    reference: str = ""
    npi: str = ""
    fiscal_period: date | None = None


class Remittance(Record, frozen=True, kw_only=True):
    """The header of an 835. `method` is BPR04 (ACH, CHK, NON ...), `trace` TRN02, `origin` TRN03; `handling`
    is BPR01 (P: a prenotification, which pays nothing).

    `runs` says how many claims stand before, between and after provider adjustments: one run of all of them (0)
    unless a file is put together otherwise; none where it has no claim. `trailer` is an SE that does not say what
    it should.
    """

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
    control_number: str = ""
    version: str = ""
    payer: RemitParty | None = None
    payee: RemitParty | None = None
    format: str = ""
    from_bank: Bank | None = None
    to_bank: Bank | None = None
    sender: str = ""
    sender_division: str = ""
    origin_division: str = ""
    currency: str = ""
    exchange_rate: Decimal | None = None
    receiver: str = ""
    system: str = ""
    runs: tuple[int, ...] = (0,)
    trailer: str = ""
    rest: Rest = ()


class ServicePayment(Record, frozen=True, kw_only=True, gc=False):
    """One SVC with its adjustments; `original_hcpcs` (SVC06) where the payer bundled or changed it.

    `units_told` is False where SVC05 is absent, which means one. `dated_as` is the qualifier of the first day: ""
    for one day of service (472), 150 where `service_to` ends a period. `breaks` are the places of adjustments that
    begin a CAS of their own though the one before has room; `dates` are days by other qualifiers.
    """

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
    code_kind: str = "HC"
    description: str = ""
    revenue: str = ""
    units_told: bool = True
    original_kind: str = ""
    original_modifiers: tuple[str, ...] = ()
    original_description: str = ""
    dated_as: str = ""
    service_to: date | None = None
    references: tuple[Told, ...] = ()
    provider_ids: tuple[Told, ...] = ()
    policies: tuple[str, ...] = ()
    amounts: tuple[Counted, ...] = ()
    quantities: tuple[Counted, ...] = ()
    other_remarks: tuple[Told, ...] = ()
    breaks: tuple[int, ...] = ()
    dates: tuple[DayTold, ...] = ()
    rest: Rest = ()


class ClaimPayment(Record, frozen=True, kw_only=True):
    """One CLP. `status` is CLP02; `remarks` come from MIA/MOA; `interest` is AMT*I and is never posted here
    (PLB L6 carries it). `crossover` names the next payer from NM1*TT, empty when there is none.

    `opens` are the groups (LX) that begin with this claim; `breaks` is as that of a line.
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
    facility: str = ""
    frequency: str = ""
    patient_status: str = ""
    drg: str = ""
    drg_weight: Decimal | None = None
    discharge_share: Decimal | None = None
    patient: Named | None = None
    insured: Named | None = None
    corrected: Named | None = None
    rendering: Named | None = None
    crossover_payer: Named | None = None
    priority_payer: Named | None = None
    other_subscriber: Named | None = None
    inpatient: Inpatient | None = None
    outpatient: Outpatient | None = None
    references: tuple[Told, ...] = ()
    provider_ids: tuple[Told, ...] = ()
    statement_from: date | None = None
    statement_to: date | None = None
    coverage_ends: date | None = None
    dates: tuple[DayTold, ...] = ()
    contacts: tuple[PaymentContact, ...] = ()
    amounts: tuple[Counted, ...] = ()
    quantities: tuple[Counted, ...] = ()
    opens: tuple[ClaimGroup, ...] = ()
    breaks: tuple[int, ...] = ()
    rest: Rest = ()
