"""What happened, and what is charged for it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from hub.model.coverage import Coverage
from hub.model.institutional import CodedValue, Occurrence
from hub.model.people import Facility, Provider, Record, Reference
from hub.model.services import Attachment, Dated, Note


class Coding(Record, frozen=True, kw_only=True):
    """A code and its system: HCPCS, ICD10, SNOMED, CVX, NDC, LOCAL or a source's own name or URI."""

    system: str
    code: str


class Diagnosis(Record, frozen=True, kw_only=True):
    """A diagnosis of an encounter; `rank` 1 is principal, 0 is unranked. `present` says whether it was present on
    admission (Y, N, U, W or empty). `id` is the source's own within the encounter, whatever the code is (DG1-20).
    """

    coding: Coding
    rank: int = 0
    present: str = ""
    id: str = ""


class Procedure(Record, frozen=True, kw_only=True):
    """What was done in a visit, as its source coded it; `rank` 1 is principal. It bills nothing: charges do."""

    coding: Coding
    on: date | None = None
    rank: int = 0
    modifiers: tuple[str, ...] = ()
    performer: Provider | None = None


class Stay(Record, frozen=True, kw_only=True):
    """What a source told of a stay, for an institution's claim (837I, UB-04); empty where it told nothing.

    `bill_type` as a UB-04 writes it (`0111`, `111`); `admission`, `source` and `status` are those of CL1; `group` is
    the DRG; `admitting` and `reasons` (of the visit) are diagnoses as the source coded them.
    """

    bill_type: str = ""
    admission: str = ""
    source: str = ""
    status: str = ""
    group: str = ""
    admitting: Coding | None = None
    reasons: tuple[Coding, ...] = ()
    conditions: tuple[str, ...] = ()
    occurrences: tuple[Occurrence, ...] = ()
    spans: tuple[Occurrence, ...] = ()
    values: tuple[CodedValue, ...] = ()
    procedures: tuple[Procedure, ...] = ()


class Accident(Record, frozen=True, kw_only=True):
    """An accident behind the services. `kind`: AA auto, EM employment, OA other. `state` for AA.

    `also` are further causes of the same kinds; `country` where it was abroad.
    """

    kind: str
    on: date | None = None
    state: str = ""
    also: tuple[str, ...] = ()
    country: str = ""


class Encounter(Record, frozen=True, kw_only=True):
    """One visit as put together from its source's facts.

    `kind`: ambulatory, emergency, inpatient, home, virtual, or empty. `status`: planned, open, finished,
    cancelled. `diagnoses` still carry the source's own codings; `icd10` (best rank first) is what coding made
    of them; `codes_confirmed` is a coder's word that proposed codes are right. Coverages are in rank order.
    `dates`, `references`, `notes` and `attachments` go on the claim as the source told them. `stay` is what an
    institution's claim would say of it. `of_another`: a charge or a diagnosis of it is of another patient.
    """

    source: str
    key: str
    patient_id: str
    account: str = ""
    kind: str = ""
    status: str = "open"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    place_of_service: str = ""
    facility: Facility | None = None
    billing_npi: str = ""
    rendering: Provider | None = None
    referring: Provider | None = None
    diagnoses: tuple[Diagnosis, ...] = ()
    icd10: tuple[str, ...] = ()
    coverages: tuple[Coverage, ...] = ()
    accident: Accident | None = None
    authorization: str = ""
    admitted_on: date | None = None
    codes_confirmed: bool = False
    supervising: Provider | None = None
    dates: tuple[Dated, ...] = ()
    references: tuple[Reference, ...] = ()
    notes: tuple[Note, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    stay: Stay | None = None
    of_another: bool = False


class Drug(Record, frozen=True, kw_only=True):
    """A drug behind a J-code (2410): `ndc` eleven digits, quantity in `unit` (UN, ML, GR, ME, F2).

    `kind` is N4 for a drug; devices have others (UP, EN and more). `references`: the prescription's number.
    """

    ndc: str
    quantity: Decimal
    unit: str
    kind: str = "N4"
    references: tuple[Reference, ...] = ()


class Charge(Record, frozen=True, kw_only=True):
    """One charge as the source had it, and what coding and pricing made of it.

    `kind`: charge, credit, payment, copay, adjustment, insurance_payment: only the first two are billed, the others
    are money. A payment's `amount` is negative where money was given back; `method` and `reference` are the source's
    words for how it was made and its number. `revenue` is the revenue code of an institution's line,
    `replaces` the source's key of the charge in whose place this one stands, or that this credit takes back.
    `codings` are the source's. `hcpcs`, `modifiers`, `amount` (dollars for the whole line) and
    `pointers` (1-based into the encounter's `icd10`) are set by coding; `amount` may come from the source.
    `unit_basis`: UN units, MJ minutes. `proposal` is true while a coder must confirm the code.
    """

    source: str
    key: str
    patient_id: str
    encounter_id: str = ""
    account: str = ""
    kind: str = "charge"
    service_from: date
    service_to: date | None = None
    codings: tuple[Coding, ...] = ()
    hcpcs: str = ""
    modifiers: tuple[str, ...] = ()
    units: Decimal = Decimal(1)
    unit_basis: str = "UN"
    amount: Decimal | None = None
    diagnoses: tuple[Coding, ...] = ()
    pointers: tuple[int, ...] = ()
    drug: Drug | None = None
    rendering: Provider | None = None
    place_of_service: str = ""
    proposal: bool = False
    ordering: Provider | None = None
    description: str = ""
    notes: tuple[Note, ...] = ()
    revenue: str = ""
    method: str = ""
    reference: str = ""
    replaces: str = ""
