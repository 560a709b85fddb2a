"""The part of FHIR R4 (4B) that billing reads, as types: what is not named here is skipped while decoding.

Names are R4's own, so that a decoding error names the element. Dates stay text: FHIR allows a year alone, and
what a date must be depends on where it stands. Numbers of money and quantity are exact decimals.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Base: absent elements have empty values."""


class Coding(Shape, frozen=True, kw_only=True):
    """A code of a system."""

    system: str = ""
    code: str = ""


class CodeableConcept(Shape, frozen=True, kw_only=True):
    """A concept in one or more systems."""

    coding: tuple[Coding, ...] = ()
    text: str = ""


class Period(Shape, frozen=True, kw_only=True):
    """From, to."""

    start: str = ""
    end: str = ""


class Identifier(Shape, frozen=True, kw_only=True):
    """A business identifier."""

    system: str = ""
    value: str = ""
    type: CodeableConcept = CodeableConcept()


class Reference(Shape, frozen=True, kw_only=True):
    """A pointer to another resource."""

    reference: str = ""
    identifier: Identifier | None = None
    display: str = ""


NOWHERE = Reference()


class Quantity(Shape, frozen=True, kw_only=True):
    """A number with a unit."""

    value: Decimal | None = None
    unit: str = ""
    code: str = ""


class Money(Shape, frozen=True, kw_only=True):
    """An amount."""

    value: Decimal | None = None
    currency: str = ""


class Extension(Shape, frozen=True, kw_only=True):
    """An extension, with the kinds of value that billing may find in one."""

    url: str = ""
    value_money: Money | None = None
    value_quantity: Quantity | None = None
    value_code: str = ""
    value_string: str = ""
    value_coding: Coding | None = None
    value_codeable_concept: CodeableConcept | None = None


class HumanName(Shape, frozen=True, kw_only=True):
    """A person's name."""

    use: str = ""
    text: str = ""
    family: str = ""
    given: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()


class Address(Shape, frozen=True, kw_only=True):
    """A postal address."""

    use: str = ""
    type: str = ""
    line: tuple[str, ...] = ()
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""


class ContactPoint(Shape, frozen=True, kw_only=True):
    """A phone number or the like."""

    system: str = ""
    value: str = ""
    use: str = ""


class Meta(Shape, frozen=True, kw_only=True):
    """What a server says about a resource."""

    version_id: str = ""
    last_updated: str = ""
    security: tuple[Coding, ...] = ()
    tag: tuple[Coding, ...] = ()


class Head(Shape, frozen=True, kw_only=True):
    """The beginning that all resources share."""

    resource_type: str = ""
    id: str = ""
    meta: Meta = Meta()


class Link(Shape, frozen=True, kw_only=True):
    """Patient.link."""

    other: Reference = NOWHERE
    type: str = ""


class Patient(Head, frozen=True, kw_only=True):
    """Patient."""

    identifier: tuple[Identifier, ...] = ()
    name: tuple[HumanName, ...] = ()
    telecom: tuple[ContactPoint, ...] = ()
    gender: str = ""
    birth_date: str = ""
    deceased_date_time: str = ""
    address: tuple[Address, ...] = ()
    link: tuple[Link, ...] = ()


class RelatedPerson(Head, frozen=True, kw_only=True):
    """RelatedPerson."""

    patient: Reference = NOWHERE
    relationship: tuple[CodeableConcept, ...] = ()
    name: tuple[HumanName, ...] = ()
    telecom: tuple[ContactPoint, ...] = ()
    gender: str = ""
    birth_date: str = ""
    address: tuple[Address, ...] = ()


class Qualification(Shape, frozen=True, kw_only=True):
    """Practitioner.qualification."""

    code: CodeableConcept = CodeableConcept()


class Practitioner(Head, frozen=True, kw_only=True):
    """Practitioner."""

    identifier: tuple[Identifier, ...] = ()
    name: tuple[HumanName, ...] = ()
    qualification: tuple[Qualification, ...] = ()


class PractitionerRole(Head, frozen=True, kw_only=True):
    """PractitionerRole."""

    identifier: tuple[Identifier, ...] = ()
    practitioner: Reference = NOWHERE
    organization: Reference = NOWHERE
    code: tuple[CodeableConcept, ...] = ()
    specialty: tuple[CodeableConcept, ...] = ()


class Organization(Head, frozen=True, kw_only=True):
    """Organization."""

    identifier: tuple[Identifier, ...] = ()
    name: str = ""
    address: tuple[Address, ...] = ()


class Location(Head, frozen=True, kw_only=True):
    """Location."""

    identifier: tuple[Identifier, ...] = ()
    name: str = ""
    type: tuple[CodeableConcept, ...] = ()
    address: Address | None = None


class Participant(Shape, frozen=True, kw_only=True):
    """Encounter.participant."""

    type: tuple[CodeableConcept, ...] = ()
    individual: Reference = NOWHERE


class EncounterDiagnosis(Shape, frozen=True, kw_only=True):
    """Encounter.diagnosis."""

    condition: Reference = NOWHERE
    use: CodeableConcept = CodeableConcept()
    rank: int = 0


class EncounterLocation(Shape, frozen=True, kw_only=True):
    """Encounter.location."""

    location: Reference = NOWHERE


class Encounter(Head, frozen=True, kw_only=True):
    """Encounter."""

    status: str = ""
    class_: Coding = msgspec.field(default=Coding(), name="class")
    type: tuple[CodeableConcept, ...] = ()
    subject: Reference = NOWHERE
    participant: tuple[Participant, ...] = ()
    period: Period = Period()
    diagnosis: tuple[EncounterDiagnosis, ...] = ()
    account: tuple[Reference, ...] = ()
    location: tuple[EncounterLocation, ...] = ()
    service_provider: Reference = NOWHERE


class Condition(Head, frozen=True, kw_only=True):
    """Condition."""

    verification_status: CodeableConcept = CodeableConcept()
    category: tuple[CodeableConcept, ...] = ()
    code: CodeableConcept = CodeableConcept()
    subject: Reference = NOWHERE
    encounter: Reference = NOWHERE


class Performer(Shape, frozen=True, kw_only=True):
    """Procedure.performer, ChargeItem.performer, Immunization.performer."""

    actor: Reference = NOWHERE


class Procedure(Head, frozen=True, kw_only=True):
    """Procedure."""

    status: str = ""
    code: CodeableConcept = CodeableConcept()
    subject: Reference = NOWHERE
    encounter: Reference = NOWHERE
    performed_date_time: str = ""
    performed_period: Period = Period()
    performer: tuple[Performer, ...] = ()
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()


class Immunization(Head, frozen=True, kw_only=True):
    """Immunization."""

    status: str = ""
    vaccine_code: CodeableConcept = CodeableConcept()
    patient: Reference = NOWHERE
    encounter: Reference = NOWHERE
    occurrence_date_time: str = ""
    primary_source: bool = True
    performer: tuple[Performer, ...] = ()
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()


class ChargeItem(Head, frozen=True, kw_only=True):
    """ChargeItem."""

    status: str = ""
    code: CodeableConcept = CodeableConcept()
    subject: Reference = NOWHERE
    context: Reference = NOWHERE
    occurrence_date_time: str = ""
    occurrence_period: Period = Period()
    performer: tuple[Performer, ...] = ()
    quantity: Quantity = Quantity()
    price_override: Money | None = None
    reason: tuple[CodeableConcept, ...] = ()
    service: tuple[Reference, ...] = ()
    product_codeable_concept: CodeableConcept = CodeableConcept()
    account: tuple[Reference, ...] = ()
    supporting_information: tuple[Reference, ...] = ()
    extension: tuple[Extension, ...] = ()


class CoverageClass(Shape, frozen=True, kw_only=True):
    """Coverage.class."""

    type: CodeableConcept = CodeableConcept()
    value: str = ""


class Coverage(Head, frozen=True, kw_only=True):
    """Coverage."""

    identifier: tuple[Identifier, ...] = ()
    status: str = ""
    subscriber: Reference = NOWHERE
    subscriber_id: str = ""
    beneficiary: Reference = NOWHERE
    relationship: CodeableConcept = CodeableConcept()
    period: Period = Period()
    payor: tuple[Reference, ...] = ()
    class_: tuple[CoverageClass, ...] = msgspec.field(default=(), name="class")
    order: int = 0
    contained: tuple[msgspec.Raw, ...] = ()


class AccountCoverage(Shape, frozen=True, kw_only=True):
    """Account.coverage."""

    coverage: Reference = NOWHERE
    priority: int = 0


class AccountGuarantor(Shape, frozen=True, kw_only=True):
    """Account.guarantor."""

    party: Reference = NOWHERE


class Account(Head, frozen=True, kw_only=True):
    """Account."""

    status: str = ""
    subject: tuple[Reference, ...] = ()
    coverage: tuple[AccountCoverage, ...] = ()
    guarantor: tuple[AccountGuarantor, ...] = ()


class Insurance(Shape, frozen=True, kw_only=True):
    """ExplanationOfBenefit.insurance."""

    focal: bool = False
    coverage: Reference = NOWHERE


class Item(Shape, frozen=True, kw_only=True):
    """ExplanationOfBenefit.item."""

    encounter: tuple[Reference, ...] = ()


class ExplanationOfBenefit(Head, frozen=True, kw_only=True):
    """ExplanationOfBenefit, read for nothing but the payer that stands in its contained Coverage."""

    contained: tuple[msgspec.Raw, ...] = ()
    patient: Reference = NOWHERE
    insurance: tuple[Insurance, ...] = ()
    item: tuple[Item, ...] = ()


SHAPES: dict[str, type[Head]] = {
    shape.__name__: shape
    for shape in (
        Patient, RelatedPerson, Practitioner, PractitionerRole, Organization, Location, Encounter, Condition,
        Procedure, Immunization, ChargeItem, Coverage, Account, ExplanationOfBenefit,
    )
}  # fmt: skip


class Request(Shape, frozen=True, kw_only=True):
    """Bundle.entry.request."""

    method: str = ""


class Entry(Shape, frozen=True, kw_only=True):
    """Bundle.entry; the resource stays bytes, so that one bad resource is alone."""

    full_url: str = ""
    resource: msgspec.Raw = msgspec.Raw()
    request: Request = Request()


class Bundle(Shape, frozen=True, kw_only=True):
    """Bundle; an entry stays bytes for the same reason."""

    type: str = ""
    timestamp: str = ""
    meta: Meta = Meta()
    entry: tuple[msgspec.Raw, ...] = ()
