"""Who pays for a patient, in which order."""

from __future__ import annotations

from datetime import date

from hub.model.people import Address, Name, Patient, Record


class Subscriber(Record, frozen=True, kw_only=True):
    """The person who holds the policy; `sex` is M, F or U."""

    name: Name
    birth_date: date | None = None
    sex: str = "U"
    address: Address | None = None


class Coverage(Record, frozen=True, kw_only=True):
    """One policy of one patient.

    `payer_token` is what the source calls the payer or plan; `payer` is the id in our configuration, empty
    until `flow/ingest` has mapped it (the hub never guesses one). `rank` 1 is primary. `relationship` is of the
    patient to the subscriber: self, spouse, child, other. `subscriber` is None exactly when it is self.
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


class PatientFile(Record, frozen=True, kw_only=True):
    """A patient with the coverages that hold for every encounter which names none of its own, in rank order.

    `guarantor_id` is who is billed for the patient's share: the patient's own id unless somebody else is.
    """

    patient: Patient
    guarantor_id: str = ""
    coverages: tuple[Coverage, ...] = ()
