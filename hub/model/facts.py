"""What a source says, piece by piece: the only thing an EHR plugin returns.

Every fact carries the source's own `key` (unique per kind within that source), the `version` that orders
repeats of the same key (compared as text: an ISO instant, or a zero-padded number), and references to other
facts by their keys. A version that ends with `/` is open: the hub ends it with the message's place in the order
of arrival, so that of several messages of one instant the one that came later holds. `flow/ingest` puts
encounters together from them, in whatever order they arrive.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from hub.errors import Problem
from hub.model.coverage import Subscriber
from hub.model.encounter import Accident, Coding, Diagnosis, Drug, Procedure
from hub.model.institutional import CodedValue, Occurrence
from hub.model.people import Facility, Patient, Provider, Record, Reference
from hub.model.services import Attachment, Dated, Note

GONE = "~gone"
"""The version of a fact that was purged: it sorts behind every version a source tells, so that nothing old that is
told again is taken in again."""


class Fact(Record, frozen=True, kw_only=True, tag_field="fact"):
    """Base: `key` and `version` as the module says. `cleared` names the fields that a partial fact tells to be at
    their default (HL7's `""`, and a visit that is open again). Three are the hub's own, and no plugin tells them:
    `stamps`, the version of each field that an older message told; `joined`, the key of the piece that told it when
    it was read with what it links to; `withdrawn`, the version under which the source deleted it, where nothing newer
    came since.
    What becomes of several facts of one key: `hub/flow/ingest/folding.py`.
    """

    key: str
    version: str = ""
    cleared: tuple[str, ...] = ()
    stamps: Mapping[str, str] = {}
    joined: str = ""
    withdrawn: str = ""


class PatientFact(Fact, frozen=True, kw_only=True, tag="patient"):
    """A patient as the source knows them now. `partial`: the message says only what it carries, so what an
    earlier one said and this one leaves empty still holds (HL7 v2; a FHIR resource is always whole)."""

    patient: Patient
    partial: bool = False


class CoverageFact(Fact, frozen=True, kw_only=True, tag="coverage"):
    """A policy of a patient; with `encounter_key` it holds for that encounter alone. `payer_token` is the
    source's plan or payer id, `payer_name` its name; rank 0 means the source gave none.
    """

    patient_key: str
    payer_token: str
    member_id: str
    encounter_key: str = ""
    rank: int = 0
    payer_name: str = ""
    group_number: str = ""
    group_name: str = ""
    relationship: str = "self"
    subscriber: Subscriber | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    active: bool = True


class EncounterFact(Fact, frozen=True, kw_only=True, tag="encounter"):
    """A visit. `ready` is the source's word that nothing more will come (a DFT: now; FHIR: finished); said once,
    it holds until the visit is planned or cancelled, or `cleared` names it.
    `policies` are the keys of the coverages that pay for this visit, the first first, where its account names them;
    empty: those of its patient do. `others` are the keys of further patients of whom what it names itself is.
    `partial` as in `PatientFact`. `dates`, `references`, `notes` and
    `attachments` go on the claim as they are told; `bill_type` to `procedures` are what `Stay` says of them."""

    patient_key: str
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
    accident: Accident | None = None
    authorization: str = ""
    admitted_on: date | None = None
    supervising: Provider | None = None
    dates: tuple[Dated, ...] = ()
    references: tuple[Reference, ...] = ()
    notes: tuple[Note, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    bill_type: str = ""
    admission_type: str = ""
    admission_source: str = ""
    discharge_status: str = ""
    drg: str = ""
    admitting: Coding | None = None
    reasons: tuple[Coding, ...] = ()
    conditions: tuple[str, ...] = ()
    occurrences: tuple[Occurrence, ...] = ()
    spans: tuple[Occurrence, ...] = ()
    coded_values: tuple[CodedValue, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    policies: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    ready: bool = False
    partial: bool = False


class DiagnosisFact(Fact, frozen=True, kw_only=True, tag="diagnosis"):
    """A diagnosis that arrived apart from its encounter (a Condition); `patient_key`: whose, where that is told."""

    encounter_key: str
    diagnosis: Diagnosis
    patient_key: str = ""
    active: bool = True


class ChargeFact(Fact, frozen=True, kw_only=True, tag="charge"):
    """One charge, credit or payment. `kind` as in `Charge`; `amount` is for the whole line, or None; a payment's is
    negative where money was given back, and an adjustment's has the sign of the source.
    `active` False withdraws the charge of this key (entered in error); `replaces` is the key of one in whose place
    this one stands, and of a credit that of the charge that it takes back, where it names it. `description` is what
    was done in words, for codes that ask for it. `service`: where a source tells one service in two ways that need
    not name each other, `item` (what is charged) or `done` (what was done): of one visit, day and code the item
    alone is a charge (hub/flow/visits/alike.py).
    """

    patient_key: str
    service_from: date
    encounter_key: str = ""
    account: str = ""
    service_to: date | None = None
    kind: str = "charge"
    codings: tuple[Coding, ...] = ()
    modifiers: tuple[str, ...] = ()
    units: Decimal = Decimal(1)
    unit_basis: str = "UN"
    amount: Decimal | None = None
    diagnoses: tuple[Coding, ...] = ()
    drug: Drug | None = None
    rendering: Provider | None = None
    place_of_service: str = ""
    ordering: Provider | None = None
    description: str = ""
    notes: tuple[Note, ...] = ()
    revenue: str = ""
    method: str = ""
    reference: str = ""
    replaces: str = ""
    service: str = ""
    active: bool = True


class MergeFact(Fact, frozen=True, kw_only=True, tag="merge"):
    """Two keys of one `kind` (patient, account or encounter) are the same: `from_key` is from now on `into_key`.
    `active` False parts them again. Of several that are active the newest of a `from_key` holds; where they run in a
    circle, the oldest yields. `of_account`: an encounter's keys are numbers of accounts, so it joins no visit that is
    known by another number than that of its account.
    """

    kind: str
    from_key: str
    into_key: str
    active: bool = True
    of_account: bool = False


class MoveFact(Fact, frozen=True, kw_only=True, tag="move"):
    """An account or an encounter (`kind`) with the source's key `moved_key` is from now on of the patient
    `into_key`, whoever it was of before. Whichever was told last holds: a move of the encounter, one of its account,
    or the patient that the encounter itself names.
    """

    kind: str
    moved_key: str
    into_key: str


class AppointmentFact(Fact, frozen=True, kw_only=True, tag="appointment"):
    """An appointment: `status` booked, cancelled, noshow or done; `reason` the sender's code of what it is for;
    `encounter_key` the visit that it became, where the source says so. `partial` as in `PatientFact`.
    """

    patient_key: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    status: str = "booked"
    reason: Coding | None = None
    provider: Provider | None = None
    place: str = ""
    encounter_key: str = ""
    partial: bool = False


class WithdrawalFact(Fact, frozen=True, kw_only=True, tag="withdrawal"):
    """The source deleted what it told under `key`: a fact of `kind` (encounter, charge, diagnosis, coverage,
    patient), or a `piece`. What is known of it under this version or an older one counts from then on as cancelled,
    or as no longer active, and what comes late with such a version revives nothing; a newer one does. Of a patient
    the hub takes note, and does nothing. `patient_key`: whose it was, where that is known. `seen`: nobody told when
    it was deleted, and the version is when it was seen to be gone. That is later than what is known when the fact
    comes, whatever the clocks say, if they do not say much else.
    """

    kind: str
    patient_key: str = ""
    seen: bool = False


class Piece(Record, frozen=True, kw_only=True):
    """A part of a source's message that means something only beside others, which may come in other messages: a
    visit and the clinician whom it names. `key` is unique within the source; of several of one key the newest
    `version` is kept (as with facts, also where it ends with `/`). `links` are the keys of the pieces that it needs,
    `body` the bytes as they came. `patient_key`: whose data it holds (empty: nobody's, as of a clinician's), with
    whom it is purged. `place`: where it stood in its message, for its problems. `withdrawn` is told to the source
    alone: it deleted this piece, and what is here was told before that.
    """

    key: str
    version: str
    links: tuple[str, ...] = ()
    body: bytes = b""
    patient_key: str = ""
    place: str = ""
    withdrawn: bool = False

    def __repr__(self) -> str:
        return f"Piece({len(self.body)} bytes, {len(self.links)} links)"


class PieceFact(Fact, frozen=True, kw_only=True, tag="piece"):
    """A `Piece` as the hub keeps it (no plugin tells one): `body` is compressed, `message` the id of the message in
    the inbox that told it, `work` the ids of the work items that its last joined reading left, and `decides` the
    facts of other pieces that this told, each as `kind key`.
    """

    links: tuple[str, ...] = ()
    body: bytes = b""
    patient_key: str = ""
    place: str = ""
    message: str = ""
    work: tuple[str, ...] = ()
    decides: tuple[str, ...] = ()


AnyFact = (
    PatientFact
    | CoverageFact
    | EncounterFact
    | DiagnosisFact
    | ChargeFact
    | MergeFact
    | MoveFact
    | AppointmentFact
    | WithdrawalFact
    | PieceFact
)


class Reading(Record, frozen=True, kw_only=True):
    """What one raw message came to: facts to store, problems to show, and why nothing bills, if so.

    `not_billable` is empty, `test` (processing id is not production) or `informational` (a trigger that never
    bills, such as FT1 outside DFT and BAR). `problems` may stand beside facts: one bad resource or message is
    set aside, never its bundle or file.

    `lanes` are the source's keys (an account, a patient) whose messages must be applied in the order in which they
    came; empty where order does not matter. `poison`: the message cannot be applied whole. Then none of its facts
    is stored, and later messages of its lanes wait until it is mended and replayed, or a person lets it go.

    `pieces` are kept too; one with links is read by `PiecingSource.read_joined`, now and whenever something that it
    links to comes or changes.
    """

    facts: tuple[AnyFact, ...] = ()
    problems: tuple[Problem, ...] = ()
    not_billable: str = ""
    lanes: tuple[str, ...] = ()
    poison: bool = False
    pieces: tuple[Piece, ...] = ()
