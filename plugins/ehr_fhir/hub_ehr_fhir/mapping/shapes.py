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
ABSENT = msgspec.Raw()
"""Of an element that is only looked for: most are of other versions of FHIR (`bindings.py`)."""


class Quantity(Shape, frozen=True, kw_only=True):
    """A number with a unit."""

    value: Decimal | None = None
    unit: str = ""
    code: str = ""


class Timing(Shape, frozen=True, kw_only=True):
    """Times at which something happened; a rule by which it is to happen is not read."""

    event: tuple[str, ...] = ()


class Money(Shape, frozen=True, kw_only=True):
    """An amount. `code`: the currency where it stands as STU3 wrote it, as a Quantity."""

    value: Decimal | None = None
    currency: str = ""
    code: str = ""


class Extension(Shape, frozen=True, kw_only=True):
    """An extension, with the kinds of value that billing may find in one."""

    url: str = ""
    extension: tuple[Extension, ...] = ()
    value_date: str = ""
    value_date_time: str = ""
    value_identifier: Identifier | None = None
    value_reference: Reference | None = None
    value_money: Money | None = None
    value_quantity: Quantity | None = None
    value_code: str = ""
    value_string: str = ""
    value_coding: Coding | None = None
    value_codeable_concept: CodeableConcept | None = None


class HumanName(Shape, frozen=True, kw_only=True):
    """A person's name."""

    use: str = ""
    family: str = ""
    given: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()


class Address(Shape, frozen=True, kw_only=True):
    """A postal address."""

    use: str = ""
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


class Beginning(Shape, frozen=True, kw_only=True):
    """What the beginning of any resource tells."""

    resource_type: str = ""
    id: str = ""
    meta: Meta = Meta()


class Head(Shape, frozen=True, kw_only=True, tag_field="resourceType", tag=True):
    """Base of the resources: what all share; its class is what the resource says it is."""

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
    contained: tuple[msgspec.Raw, ...] = ()
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
    managing_organization: Reference = NOWHERE
    part_of: Reference = NOWHERE


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
    status: str = ""
    period: Period = Period()


class Hospitalization(Shape, frozen=True, kw_only=True):
    """Encounter.hospitalization."""

    admit_source: CodeableConcept = CodeableConcept()
    discharge_disposition: CodeableConcept = CodeableConcept()


class Encounter(Head, frozen=True, kw_only=True):
    """Encounter."""

    contained: tuple[msgspec.Raw, ...] = ()
    identifier: tuple[Identifier, ...] = ()
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
    priority: CodeableConcept = CodeableConcept()
    based_on: tuple[Reference, ...] = ()
    hospitalization: Hospitalization = Hospitalization()
    extension: tuple[Extension, ...] = ()
    modifier_extension: tuple[Extension, ...] = ()
    actual_period: msgspec.Raw = ABSENT
    planned_start_date: msgspec.Raw = ABSENT
    virtual_service: msgspec.Raw = ABSENT
    admission: msgspec.Raw = ABSENT
    reason: msgspec.Raw = ABSENT


class Condition(Head, frozen=True, kw_only=True):
    """Condition."""

    identifier: tuple[Identifier, ...] = ()
    verification_status: CodeableConcept = CodeableConcept()
    category: tuple[CodeableConcept, ...] = ()
    code: CodeableConcept = CodeableConcept()
    subject: Reference = NOWHERE
    encounter: Reference = NOWHERE


class Performer(Shape, frozen=True, kw_only=True):
    """Procedure.performer, ChargeItem.performer, Immunization.performer."""

    function: CodeableConcept = CodeableConcept()
    actor: Reference = NOWHERE


class Procedure(Head, frozen=True, kw_only=True):
    """Procedure."""

    contained: tuple[msgspec.Raw, ...] = ()
    extension: tuple[Extension, ...] = ()

    status: str = ""
    code: CodeableConcept = CodeableConcept()
    subject: Reference = NOWHERE
    encounter: Reference = NOWHERE
    performed_date_time: str = ""
    performed_period: Period = Period()
    performed_string: str = ""
    performed_age: Quantity | None = None
    performed_range: msgspec.Raw = msgspec.Raw()
    performer: tuple[Performer, ...] = ()
    based_on: tuple[Reference, ...] = ()
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()
    modifier_extension: tuple[Extension, ...] = ()
    occurrence_date_time: msgspec.Raw = ABSENT
    occurrence_period: msgspec.Raw = ABSENT
    context: msgspec.Raw = ABSENT
    not_done: msgspec.Raw = ABSENT


class Immunization(Head, frozen=True, kw_only=True):
    """Immunization."""

    contained: tuple[msgspec.Raw, ...] = ()

    status: str = ""
    vaccine_code: CodeableConcept = CodeableConcept()
    patient: Reference = NOWHERE
    encounter: Reference = NOWHERE
    occurrence_date_time: str = ""
    occurrence_string: str = ""
    primary_source: bool = True
    performer: tuple[Performer, ...] = ()
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()
    modifier_extension: tuple[Extension, ...] = ()


class ChargeItem(Head, frozen=True, kw_only=True):
    """ChargeItem."""

    contained: tuple[msgspec.Raw, ...] = ()

    status: str = ""
    code: CodeableConcept = CodeableConcept()
    subject: Reference = NOWHERE
    context: Reference = NOWHERE
    occurrence_date_time: str = ""
    occurrence_period: Period = Period()
    occurrence_timing: Timing | None = None
    part_of: tuple[Reference, ...] = ()
    performer: tuple[Performer, ...] = ()
    quantity: Quantity = Quantity()
    price_override: Money | None = None
    reason: tuple[CodeableConcept, ...] = ()
    service: tuple[Reference, ...] = ()
    product_codeable_concept: CodeableConcept = CodeableConcept()
    account: tuple[Reference, ...] = ()
    supporting_information: tuple[Reference, ...] = ()
    extension: tuple[Extension, ...] = ()
    modifier_extension: tuple[Extension, ...] = ()
    factor_override: Decimal | None = None
    total_price_component: msgspec.Raw = ABSENT
    unit_price_component: msgspec.Raw = ABSENT


class CoverageClass(Shape, frozen=True, kw_only=True):
    """Coverage.class."""

    type: CodeableConcept = CodeableConcept()
    value: str = ""
    name: str = ""


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
    modifier_extension: tuple[Extension, ...] = ()
    insurer: msgspec.Raw = ABSENT
    payment_by: msgspec.Raw = ABSENT
    insurance_plan: msgspec.Raw = ABSENT


class AccountCoverage(Shape, frozen=True, kw_only=True):
    """Account.coverage."""

    coverage: Reference = NOWHERE
    priority: int = 0


class AccountGuarantor(Shape, frozen=True, kw_only=True):
    """Account.guarantor."""

    party: Reference = NOWHERE


class Account(Head, frozen=True, kw_only=True):
    """Account."""

    contained: tuple[msgspec.Raw, ...] = ()
    identifier: tuple[Identifier, ...] = ()

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


class ServiceRequest(Head, frozen=True, kw_only=True):
    """ServiceRequest: a referral, or the order behind what was done."""

    contained: tuple[msgspec.Raw, ...] = ()
    identifier: tuple[Identifier, ...] = ()
    status: str = ""
    subject: Reference = NOWHERE
    encounter: Reference = NOWHERE
    category: tuple[CodeableConcept, ...] = ()
    requester: Reference = NOWHERE
    insurance: tuple[Reference, ...] = ()
    extension: tuple[Extension, ...] = ()


class ClaimInsurance(Shape, frozen=True, kw_only=True):
    """Claim.insurance, ClaimResponse.insurance."""

    focal: bool = False
    coverage: Reference = NOWHERE
    pre_auth_ref: tuple[str, ...] = ()


class ClaimItem(Shape, frozen=True, kw_only=True):
    """Claim.item."""

    sequence: int = 0
    encounter: tuple[Reference, ...] = ()
    extension: tuple[Extension, ...] = ()
    modifier_extension: tuple[Extension, ...] = ()
    care_team_sequence: tuple[int, ...] = ()
    diagnosis_sequence: tuple[int, ...] = ()
    revenue: CodeableConcept = CodeableConcept()
    product_or_service: CodeableConcept = CodeableConcept()
    modifier: tuple[CodeableConcept, ...] = ()
    serviced_date: str = ""
    serviced_period: Period = Period()
    location_codeable_concept: CodeableConcept = CodeableConcept()
    quantity: Quantity = Quantity()
    unit_price: Money | None = None
    net: Money | None = None


class ClaimDiagnosis(Shape, frozen=True, kw_only=True):
    """Claim.diagnosis."""

    sequence: int = 0
    diagnosis_codeable_concept: CodeableConcept = CodeableConcept()
    diagnosis_reference: Reference = NOWHERE


class CareTeam(Shape, frozen=True, kw_only=True):
    """Claim.careTeam."""

    sequence: int = 0
    provider: Reference = NOWHERE
    role: CodeableConcept = CodeableConcept()


class ClaimAccident(Shape, frozen=True, kw_only=True):
    """Claim.accident."""

    date: str = ""
    type: CodeableConcept = CodeableConcept()
    location_address: Address | None = None


class Claim(Head, frozen=True, kw_only=True):
    """Claim."""

    accident: ClaimAccident | None = None

    contained: tuple[msgspec.Raw, ...] = ()
    identifier: tuple[Identifier, ...] = ()
    status: str = ""
    use: str = ""
    patient: Reference = NOWHERE
    billable_period: Period = Period()
    insurance: tuple[ClaimInsurance, ...] = ()
    prescription: Reference = NOWHERE
    referral: Reference = NOWHERE
    item: tuple[ClaimItem, ...] = ()
    diagnosis: tuple[ClaimDiagnosis, ...] = ()
    care_team: tuple[CareTeam, ...] = ()


class Adjudication(Shape, frozen=True, kw_only=True):
    """ClaimResponse.item.adjudication."""

    extension: tuple[Extension, ...] = ()


class AnsweredItem(Shape, frozen=True, kw_only=True):
    """ClaimResponse.item."""

    extension: tuple[Extension, ...] = ()
    adjudication: tuple[Adjudication, ...] = ()


class ClaimResponse(Head, frozen=True, kw_only=True):
    """ClaimResponse, read for what was authorized."""

    contained: tuple[msgspec.Raw, ...] = ()
    identifier: tuple[Identifier, ...] = ()
    status: str = ""
    use: str = ""
    outcome: str = ""
    patient: Reference = NOWHERE
    request: Reference = NOWHERE
    pre_auth_ref: str = ""
    item: tuple[AnsweredItem, ...] = ()


SHAPES: dict[str, type[Head]] = {
    shape.__name__: shape
    for shape in (
        Patient, RelatedPerson, Practitioner, PractitionerRole, Organization, Location, Encounter, Condition,
        Procedure, Immunization, ChargeItem, Coverage, Account, ExplanationOfBenefit, ServiceRequest, Claim,
        ClaimResponse,
    )
}  # fmt: skip


class Request(Shape, frozen=True, kw_only=True):
    """Bundle.entry.request."""

    method: str = ""
    url: str = ""


class Response(Shape, frozen=True, kw_only=True):
    """Bundle.entry.response."""

    last_modified: str = ""
    etag: str = ""
    status: str = ""


class Search(Shape, frozen=True, kw_only=True):
    """Bundle.entry.search."""

    mode: str = ""


class Issue(Shape, frozen=True, kw_only=True):
    """OperationOutcome.issue."""

    severity: str = ""


class OperationOutcome(Shape, frozen=True, kw_only=True):
    """OperationOutcome, as it stands beside a result."""

    issue: tuple[Issue, ...] = ()


class Entry(Shape, frozen=True, kw_only=True):
    """Bundle.entry; the resource stays bytes, so that one bad resource is alone."""

    full_url: str = ""
    resource: msgspec.Raw = msgspec.Raw()
    request: Request = Request()
    response: Response = Response()
    search: Search = Search()


class Bundle(Shape, frozen=True, kw_only=True):
    """Bundle; an entry stays bytes for the same reason."""

    type: str = ""
    timestamp: str = ""
    meta: Meta = Meta()
    entry: tuple[msgspec.Raw, ...] = ()
