"""Who pays for a patient, in which order."""

from __future__ import annotations

from datetime import date

from hub.model.people import Address, Contact, Name, Patient, Record, Reference


class Subscriber(Record, frozen=True, kw_only=True):
    """The person who holds the policy; `sex` is M, F or U."""

    name: Name
    birth_date: date | None = None
    sex: str = "U"
    address: Address | None = None
    is_organization: bool = False
    contact: Contact | None = None


class KnownBy(Record, frozen=True, kw_only=True):
    """A provider by the numbers that another payer gave it (2330C to 2330I); `role` such as rendering."""

    role: str
    is_person: bool = False
    references: tuple[Reference, ...] = ()


class Coverage(Record, frozen=True, kw_only=True):
    """One policy of one patient.

    `payer_token` is what the source calls the payer or plan; `payer` is the id in our configuration, empty
    until `flow/ingest` has mapped it (the hub never guesses one). `rank` 1 is primary, 0 one that nobody told.
    `relationship` is of the patient to the subscriber: self, spouse, child, life_partner, employee, organ_donor,
    cadaver_donor, unknown, other. `tied`: coverages with the same number stand in no order that anybody told; 0: this
    one does. `subscriber` is None exactly when it is self, or when a claim's other coverage
    says nothing of the person that differs from the patient.

    What a claim says of the policy and its payer: `payer_id` is the payer's number there (NM109, PI, or XV for a
    plan), `filing_code` the kind of insurance (SBR09), `insurance_type` why Medicare comes second (SBR05),
    `references` the numbers of the subscriber (2010BA), `payer_references` those of the payer,
    `billing_references` those that the payer gave the billing provider, `providers` those it gave to others.
    `benefits_assigned`, `release` and `patient_signature` are the terms of another payer's coverage (OI).
    """

    key: str
    payer_token: str
    member_id: str
    rank: int = 1
    payer: str = ""
    payer_name: str = ""
    group_number: str = ""
    relationship: str = "self"
    subscriber: Subscriber | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    group_name: str = ""
    insurance_type: str = ""
    filing_code: str = ""
    member_id_kind: str = "MI"
    references: tuple[Reference, ...] = ()
    payer_id: str = ""
    payer_id_kind: str = "PI"
    payer_address: Address | None = None
    payer_references: tuple[Reference, ...] = ()
    billing_references: tuple[Reference, ...] = ()
    providers: tuple[KnownBy, ...] = ()
    benefits_assigned: str = "Y"
    release: str = "Y"
    patient_signature: str = ""
    tied: int = 0


class PatientFile(Record, frozen=True, kw_only=True):
    """A patient with the coverages that hold for every encounter which names none of its own, in rank order.

    `guarantor_id` is who is billed for the patient's share: the patient's own id unless somebody else is.
    """

    patient: Patient
    guarantor_id: str = ""
    coverages: tuple[Coverage, ...] = ()
