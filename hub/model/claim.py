"""A claim: what is asked of one payer for one patient, as of one version."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hub.model.coverage import Coverage
from hub.model.encounter import Accident, Drug
from hub.model.people import Address, Facility, Patient, Provider, Record


class Adjustment(Record, frozen=True, kw_only=True):
    """One CAS triplet: group (CO, PR, OA, PI), CARC, dollars, units."""

    group: str
    reason: str
    amount: Decimal
    quantity: Decimal | None = None


class LineAdjudication(Record, frozen=True, kw_only=True):
    """What an earlier payer did with a line (2430): `payer` is our payer id."""

    payer: str
    paid: Decimal
    hcpcs: str
    units: Decimal
    adjustments: tuple[Adjustment, ...] = ()
    on: date | None = None
    modifiers: tuple[str, ...] = ()


class OtherPayer(Record, frozen=True, kw_only=True):
    """What an earlier payer did with the claim (2320, 2330)."""

    coverage: Coverage
    paid: Decimal
    adjustments: tuple[Adjustment, ...] = ()
    on: date | None = None
    control_number: str = ""


class BillingProvider(Record, frozen=True, kw_only=True):
    """The legal entity that bills (2010AA); `tax_id` nine digits, `tax_id_kind` EI or SY."""

    npi: str
    name: str
    tax_id: str
    address: Address
    taxonomy: str = ""
    tax_id_kind: str = "EI"
    phone: str = ""


class ClaimLine(Record, frozen=True, kw_only=True):
    """One service line (2400). `number` counts from 1; `control_number` is what REF*6R carries."""

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


class Claim(Record, frozen=True, kw_only=True):
    """A professional claim to the payer of `rank` (1 primary, 2 secondary, 3 tertiary).

    `payer` and `coverage` are those asked now; `other_payers` those that have answered before. `frequency`:
    1 original, 7 replacement, 8 void (then `original_reference` is the payer's claim control number).
    `origin` is the id of the first payer's claim, under which the books keep all ranks; empty on that one.
    The patient control number belongs to a submission, not to the claim.
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

    @property
    def total(self) -> Decimal:
        """Dollars asked: the sum of the lines (CLM02)."""
        return sum((line.amount for line in self.lines), Decimal("0.00"))
