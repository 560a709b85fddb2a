"""What the synthetic practice is made of, before it is written as FHIR or HL7."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hub.model.people import Record


class Person(Record, frozen=True, kw_only=True):
    """An invented person; `phone` ten digits, all live in Exampleton, OH 44099."""

    last: str
    first: str
    birth: date
    sex: str
    street: str
    phone: str


class Cover(Record, frozen=True, kw_only=True):
    """A policy: the source's plan token, the member id, and who holds it (None: the patient)."""

    token: str
    name: str
    member: str
    relationship: str = "self"
    holder: Person | None = None


class Patient(Record, frozen=True, kw_only=True):
    """A patient: `key` is the record number in `source` (fhir or hl7); `payer` the kind of the first policy."""

    key: str
    source: str
    person: Person
    payer: str
    covers: tuple[Cover, ...] = ()
    guarantor: Person | None = None


class Provider(Record, frozen=True, kw_only=True):
    """A clinician as the sources name them."""

    npi: str
    last: str
    first: str


class Item(Record, frozen=True, kw_only=True):
    """One charge, credit (CD), copay (CO) or payment (PY). `system` is HCPCS, LOCAL or SNOMED; with `minutes`
    the units are minutes; `drug` is (NDC, quantity, UCUM unit); `amount` dollars, None where fees price it.
    """

    code: str = ""
    system: str = "HCPCS"
    kind: str = "CG"
    units: int = 1
    minutes: bool = False
    modifiers: tuple[str, ...] = ()
    drug: tuple[str, Decimal, str] | None = None
    amount: Decimal | None = None
    key: str = ""


class Visit(Record, frozen=True, kw_only=True):
    """One visit of a patient; `at` is its hour in UTC, chosen so that it is the same day in Exampleton."""

    key: str
    patient: Patient
    on: date
    items: tuple[Item, ...]
    diagnoses: tuple[str, ...]
    provider: Provider
    at: int = 15
    minute: int = 0
    place: str = "MAIN"
    injured: date | None = None
    status: str = "finished"
