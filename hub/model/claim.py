"""A claim: what is asked of one payer for one patient, as of one version."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hub.model.coverage import Coverage
from hub.model.dental import Dental, DentalService
from hub.model.encounter import Accident, Drug
from hub.model.institutional import Inpatient, Institutional, Outpatient
from hub.model.people import Address, Contact, Facility, Patient, Provider, Record, Reference
from hub.model.services import (
    Ambulance,
    Amount,
    Attachment,
    Certification,
    Chiropractic,
    Contract,
    Dated,
    Equipment,
    EquipmentNeed,
    Form,
    Note,
    PurchasedService,
    Quantity,
    Repricing,
    Stop,
    TestResult,
)
from hub.model.transmission import Spelled


class Adjustment(Record, frozen=True, kw_only=True):
    """One CAS triplet: group (CO, PR, OA, PI), CARC, dollars, units."""

    group: str
    reason: str
    amount: Decimal
    quantity: Decimal | None = None


class LineAdjudication(Record, frozen=True, kw_only=True):
    """What an earlier payer did with a line (2430): `payer` is our payer id, `payer_id` what the claim calls it.

    `bundled_into` is the number of the line that this one was paid with; `remaining` what the patient still owes.
    """

    payer: str
    paid: Decimal
    hcpcs: str
    units: Decimal
    adjustments: tuple[Adjustment, ...] = ()
    on: date | None = None
    modifiers: tuple[str, ...] = ()
    payer_id: str = ""
    code_kind: str = "HC"
    description: str = ""
    revenue: str = ""
    bundled_into: str = ""
    remaining: Decimal | None = None


class OtherPayer(Record, frozen=True, kw_only=True):
    """What an earlier payer did with the claim (2320, 2330).

    `amounts` are what it told beside what it paid (noncovered, remaining); `is_answered` false is a policy whose
    payer was not asked yet, kept here because it stands before one that was.
    """

    coverage: Coverage
    paid: Decimal
    adjustments: tuple[Adjustment, ...] = ()
    on: date | None = None
    control_number: str = ""
    amounts: tuple[Amount, ...] = ()
    inpatient: Inpatient | None = None
    outpatient: Outpatient | None = None
    is_answered: bool = True


class PayToPlan(Record, frozen=True, kw_only=True):
    """A plan to which the payment goes instead (2010AC)."""

    name: str
    id: str
    address: Address
    id_kind: str = "PI"
    references: tuple[Reference, ...] = ()


class BillingProvider(Record, frozen=True, kw_only=True):
    """The legal entity that bills (2010AA); `tax_id` nine digits, `tax_id_kind` EI or SY.

    A person who bills has a `first` name (or `is_person`). `references` are its other numbers, `pay_to` where the
    money goes if not to its address.
    """

    npi: str
    name: str
    tax_id: str
    address: Address
    taxonomy: str = ""
    tax_id_kind: str = "EI"
    phone: str = ""
    first: str = ""
    middle: str = ""
    suffix: str = ""
    is_person: bool = False
    references: tuple[Reference, ...] = ()
    contacts: tuple[Contact, ...] = ()
    currency: str = ""
    pay_to: Address | None = None
    pay_to_person: bool = False
    pay_to_plan: PayToPlan | None = None


class ClaimLine(Record, frozen=True, kw_only=True):
    """One service line (2400). `number` counts from 1; `control_number` is what REF*6R carries.

    `service_from` of a line that gives no day of its own (`is_dated` false) is the day on which the claim begins.
    `unit_basis` is UN units, MJ minutes, DA days, F2 international units, and empty where a dental line does not
    count. `hcpcs` may be empty where a `revenue` code says what was done. `rate` is the room's.
    `copay_exempt`, `epsdt`, `family_planning` and `emergency` are SV115, SV111, SV112 and SV109.
    """

    number: int
    charge_ids: tuple[str, ...]
    service_from: date
    hcpcs: str
    amount: Decimal
    units: Decimal
    control_number: str
    service_to: date | None = None
    modifiers: tuple[str, ...] = ()
    unit_basis: str = "UN"
    pointers: tuple[int, ...] = ()
    place_of_service: str = ""
    drug: Drug | None = None
    rendering: Provider | None = None
    adjudications: tuple[LineAdjudication, ...] = ()

    code_kind: str = "HC"
    description: str = ""
    is_dated: bool = True
    emergency: bool = False
    epsdt: bool = False
    family_planning: bool = False
    copay_exempt: bool = False
    revenue: str = ""
    rate: Decimal | None = None
    noncovered: Decimal | None = None
    dental: DentalService | None = None

    dates: tuple[Dated, ...] = ()
    references: tuple[Reference, ...] = ()
    amounts: tuple[Amount, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    notes: tuple[Note, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    certifications: tuple[Certification, ...] = ()
    tests: tuple[TestResult, ...] = ()
    fixed: tuple[str, ...] = ()
    contract: Contract | None = None
    ambulance: Ambulance | None = None
    equipment: Equipment | None = None
    equipment_need: EquipmentNeed | None = None
    purchased: PurchasedService | None = None
    repricing: Repricing | None = None
    forms: tuple[Form, ...] = ()

    purchased_from: Provider | None = None
    facility: Facility | None = None
    supervising: Provider | None = None
    ordering: Provider | None = None
    referring: Provider | None = None
    primary_care: Provider | None = None
    operating: Provider | None = None
    other_operating: Provider | None = None
    assistant: Provider | None = None
    pick_up: Stop | None = None
    drop_off: Stop | None = None


class Claim(Record, frozen=True, kw_only=True):
    """A claim to the payer of `rank` (1 primary, 2 secondary, 3 tertiary); `kind` P, I or D.

    `payer` and `coverage` are those asked now; `other_payers` those that have answered before. `frequency`:
    1 original, 7 replacement, 8 void (then `original_reference` is the payer's claim control number).
    `origin` is the id of the first payer's claim, under which the books keep all ranks; empty on that one.
    The patient control number belongs to a submission, not to the claim: `control_number` is that of a claim
    that was read. `charge` is what it asked, where it was read; `total` is what its lines add up to.

    `signature`, `assignment`, `benefits_assigned`, `release` and `patient_signature` are CLM06 to CLM10,
    `special_program` CLM12, `delay_reason` CLM20. `opens` is the highest level that began with a claim that was
    read: billing, subscriber, patient or claim. `rest` is what no field says of how it was written.
    """

    encounter_ids: tuple[str, ...]
    patient_id: str
    patient: Patient
    payer: str
    coverage: Coverage
    billing: BillingProvider
    lines: tuple[ClaimLine, ...]
    diagnoses: tuple[str, ...]
    place_of_service: str
    rank: int = 1
    version: int = 1
    frequency: str = "1"
    original_reference: str = ""
    rendering: Provider | None = None
    referring: Provider | None = None
    facility: Facility | None = None
    other_coverages: tuple[Coverage, ...] = ()
    other_payers: tuple[OtherPayer, ...] = ()
    accident: Accident | None = None
    authorization: str = ""
    admitted_on: date | None = None
    origin: str = ""

    kind: str = "P"
    control_number: str = ""
    charge: Decimal | None = None
    signature: str = "Y"
    assignment: str = "A"
    benefits_assigned: str = "Y"
    release: str = "Y"
    patient_signature: str = ""
    special_program: str = ""
    delay_reason: str = ""
    is_predetermination: bool = False
    is_icd9: bool = False
    institutional: Institutional | None = None
    dental: Dental | None = None

    dates: tuple[Dated, ...] = ()
    references: tuple[Reference, ...] = ()
    amounts: tuple[Amount, ...] = ()
    notes: tuple[Note, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    certifications: tuple[Certification, ...] = ()
    anesthesia: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    contract: Contract | None = None
    ambulance: Ambulance | None = None
    chiropractic: Chiropractic | None = None
    repricing: Repricing | None = None

    primary_care: Provider | None = None
    supervising: Provider | None = None
    attending: Provider | None = None
    operating: Provider | None = None
    other_operating: Provider | None = None
    assistant: Provider | None = None
    pick_up: Stop | None = None
    drop_off: Stop | None = None

    opens: str = ""
    rest: tuple[Spelled, ...] = ()

    @property
    def total(self) -> Decimal:
        """Dollars asked: the sum of the lines (CLM02)."""
        return sum((line.amount for line in self.lines), Decimal("0.00"))
