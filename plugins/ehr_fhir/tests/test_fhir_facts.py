"""What each resource becomes, and what is held and why."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any, TypeVar

import pytest
from hub_ehr_fhir.mapping.reading import read_whole
from hub_ehr_fhir.settings import FhirSettings

from hub.model.encounter import Coding, Drug
from hub.model.facts import (
    ChargeFact,
    CoverageFact,
    DiagnosisFact,
    EncounterFact,
    MergeFact,
    PatientFact,
    Reading,
)

F = TypeVar("F")
Json = dict[str, Any]
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
NPI = "http://hl7.org/fhir/sid/us-npi"
CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
VISIT: Json = {"reference": "Encounter/e1"}
PERSON: Json = {"reference": "Patient/p1"}


def concept(system: str, *codes: str) -> Json:
    """A concept of one system."""
    return {"coding": [{"system": system, "code": code} for code in codes]}


def made(kind: str, key: str, **elements: Any) -> Json:
    """A resource; `class_` stands for `class`, an element that is None is left out."""
    named = {name.rstrip("_"): value for name, value in elements.items() if value is not None}
    return {"resourceType": kind, "id": key, **named}


def patient(**changes: Any) -> Json:
    """A whole patient."""
    base: Json = {
        "identifier": [
            {
                "type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MR"),
                "system": "urn:x:e",
                "value": "100",
            },
            {"type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "SS"), "value": "999999999"},
        ],
        "name": [{"use": "official", "family": "Quill", "given": ["Ada", "Bea"]}],
        "gender": "female",
        "birthDate": "1980-02-03",
        "address": [{"line": ["1 Elm", "Apt 2"], "city": "Salem", "state": "Oregon", "postalCode": "97301-0000"}],
        "telecom": [{"system": "phone", "value": "503-555-0100"}],
    }
    return made("Patient", "p1", **(base | changes))


def encounter(**changes: Any) -> Json:
    """A finished visit."""
    base: Json = {
        "status": "finished",
        "class_": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": PERSON,
        "period": {"start": "2026-01-05T23:30:00-05:00", "end": "2026-01-06T00:10:00-05:00"},
    }
    return made("Encounter", "e1", **(base | changes))


def item(**changes: Any) -> Json:
    """A billable charge item."""
    base: Json = {
        "status": "billable",
        "code": concept(HCPCS, "G0438"),
        "subject": PERSON,
        "context": VISIT,
        "occurrenceDateTime": "2026-01-05",
        "quantity": {"value": 2},
        "priceOverride": {"value": 123.40, "currency": "USD"},
    }
    return made("ChargeItem", changes.pop("id", "c1"), **(base | changes))


def coverage(**changes: Any) -> Json:
    """An active coverage."""
    base: Json = {
        "status": "active",
        "beneficiary": PERSON,
        "payor": [{"display": "Medicare"}],
        "subscriberId": "M1",
    }
    return made("Coverage", "v1", **(base | changes))


def bundle(*resources: Json) -> bytes:
    """A collection of resources."""
    return json.dumps(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}
    ).encode()


def reading(*resources: Json, **settings: Any) -> Reading:
    """The reading of a bundle."""
    return read_whole(bundle(*resources), ndjson=False, settings=FhirSettings(**settings))


def every(found: Reading, kind: type[F]) -> list[F]:
    """The facts of a kind."""
    return [fact for fact in found.facts if isinstance(fact, kind)]


def only(found: Reading, kind: type[F]) -> F:
    """The one fact of a kind."""
    (fact,) = every(found, kind)
    return fact


def told(found: Reading) -> list[tuple[str, str]]:
    """Code and place of each problem."""
    return [(problem.code, problem.where) for problem in found.problems]


def test_patient() -> None:
    """Patient gives the patient in US form; social security numbers are not kept."""
    fact = only(reading(patient()), PatientFact)
    assert fact.key == "Patient/p1"
    one = fact.patient
    assert (one.name.last, one.name.first, one.name.middle) == ("Quill", "Ada", "Bea")
    assert (one.birth_date, one.sex, one.phone) == (date(1980, 2, 3), "F", "5035550100")
    assert one.address
    assert (one.address.line2, one.address.state, one.address.zip) == ("Apt 2", "OR", "973010000")
    assert [(i.authority, i.value) for i in one.identifiers] == [("MR:urn:x:e", "100")]


def test_test_patients_and_merges() -> None:
    """HTEST marks a test patient; replaced-by is a merge, seealso is not."""
    label = {"security": [{"code": "HTEST"}]}
    links = [
        {"other": {"reference": "Patient/p2"}, "type": "replaced-by"},
        {"other": {"reference": "Patient/p3"}, "type": "seealso"},
    ]
    found = reading(patient(meta=label, link=links))
    assert only(found, PatientFact).patient.is_test
    merge = only(found, MergeFact)
    assert (merge.kind, merge.from_key, merge.into_key) == ("patient", "Patient/p1", "Patient/p2")


def test_encounter() -> None:
    """A finished Encounter is ready, in UTC, with class, place, performer, referrer and facility."""
    role = made("PractitionerRole", "r1", practitioner={"reference": "Practitioner/d1"},
                specialty=[concept("http://nucc.org/provider-taxonomy", "207Q00000X")])  # fmt: skip
    doctor = made(
        "Practitioner",
        "d1",
        identifier=[{"system": NPI, "value": "1234567893"}],
        name=[{"family": "Hale", "given": ["Ida"]}],
    )
    place = made("Location", "l1", name="Clinic", type=[concept("https://www.cms.gov/place-of-service-codes", "11")],
                 address={"line": ["9 Oak"], "city": "Salem", "state": "OR", "postalCode": "97301"})  # fmt: skip
    firm = made("Organization", "o1", name="Practice", identifier=[{"system": NPI, "value": "1987654328"}])
    types = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
    visit = encounter(
        participant=[
            {
                "type": [concept(types, "REF")],
                "individual": {"reference": "Practitioner/x", "display": "Dr. Al Smith"},
            },
            {"type": [concept(types, "PPRF")], "individual": {"reference": "PractitionerRole/r1"}},
        ],
        location=[{"location": {"reference": "Location/l1"}}],
        serviceProvider={"reference": "Organization/o1"},
    )
    fact = only(reading(visit, role, doctor, place, firm), EncounterFact)
    assert (fact.key, fact.patient_key, fact.kind, fact.status, fact.ready) == (
        "Encounter/e1", "Patient/p1", "ambulatory", "finished", True,
    )  # fmt: skip
    assert fact.started_at == datetime(2026, 1, 6, 4, 30, tzinfo=UTC)
    assert fact.rendering
    assert (fact.rendering.npi, fact.rendering.last, fact.rendering.taxonomy) == (
        "1234567893",
        "Hale",
        "207Q00000X",
    )
    assert fact.referring
    assert (fact.referring.first, fact.referring.last, fact.referring.npi) == ("Al", "Smith", "")
    assert (fact.place_of_service, fact.billing_npi) == ("11", "1987654328")
    assert fact.facility
    assert fact.facility.address


@pytest.mark.parametrize(
    ("status", "expected", "ready"),
    [("planned", "planned", False), ("in-progress", "open", False), ("finished", "finished", True),
     ("cancelled", "cancelled", False), ("entered-in-error", "cancelled", False)],
)  # fmt: skip
def test_status(status: str, expected: str, ready: bool) -> None:
    """Encounter.status says what became of the visit; only a finished one is ready."""
    fact = only(reading(encounter(status=status)), EncounterFact)
    assert (fact.status, fact.ready) == (expected, ready)


def test_unknown_status_is_told() -> None:
    """fhir.resources lets any status pass: one that R4 does not have is a problem, and the visit is not ready."""
    found = reading(encounter(status="bogus"))
    assert not only(found, EncounterFact).ready
    assert told(found) == [("fhir.encounter.status", "Bundle.entry[0] Encounter.status")]


def condition(key: str = "x1", code: str = "I10", **changes: Any) -> Json:
    """An encounter diagnosis."""
    base: Json = {"code": concept(ICD10, code), "subject": PERSON, "encounter": VISIT,
                  "category": [concept(CATEGORY, "encounter-diagnosis")]}  # fmt: skip
    return made("Condition", key, **(base | changes))


def test_diagnoses() -> None:
    """A Condition of the visit is a diagnosis; those that the Encounter points to stand in its own fact with their
    ranks; the problem list is history; what is not certain is not billed."""
    status = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    visit = encounter(diagnosis=[{"condition": {"reference": "Condition/x2"}, "rank": 1}])
    found = reading(
        visit,
        condition(),
        condition("x2", "E11.9"),
        condition("x3", category=[concept(CATEGORY, "problem-list-item")]),
        condition("x4", verificationStatus=concept(status, "provisional")),
    )
    facts = every(found, DiagnosisFact)
    assert [(f.key, f.diagnosis.coding.code, f.diagnosis.rank, f.active) for f in facts] == [
        ("Condition/x1", "I10", 0, True),
        ("Condition/x2", "E11.9", 0, True),
        ("Condition/x4", "I10", 0, False),
    ]
    ranked = only(found, EncounterFact).diagnoses
    assert [(one.coding.code, one.rank) for one in ranked] == [("E11.9", 1)]


def test_diagnosis_that_only_the_encounter_knows() -> None:
    """A Condition without an encounter, to which the Encounter points, stands in the Encounter's fact."""
    visit = encounter(diagnosis=[{"condition": {"reference": "Condition/x1"}, "rank": 2}])
    fact = only(reading(visit, condition(encounter=None)), EncounterFact)
    assert [(d.coding, d.rank) for d in fact.diagnoses] == [(Coding(system="ICD10", code="I10"), 2)]


def test_charge_item() -> None:
    """ChargeItem gives the charge: exact money, units, modifiers, reasons, and the drug with its quantity."""
    ndc = {"url": "http://example.org/fhir/ndc-quantity", "valueQuantity": {"value": 2.50, "code": "mL"}}
    extra = {"url": "http://example.org/fhir/modifier", "valueCode": "59"}
    charge = item(
        code=concept(HCPCS, "J1885", "25"),
        productCodeableConcept=concept("http://hl7.org/fhir/sid/ndc", "0002-1433-80"),
        extension=[ndc, extra],
        reason=[concept(ICD10, "I10")],
        supportingInformation=[{"reference": "Condition/x1"}],
    )
    fact = only(reading(charge, condition(code="E11.9")), ChargeFact)
    assert (fact.key, fact.encounter_key, fact.patient_key) == ("ChargeItem/c1", "Encounter/e1", "Patient/p1")
    assert fact.codings == (Coding(system="HCPCS", code="J1885"), Coding(system="NDC", code="00002143380"))
    assert fact.modifiers == ("25", "59")
    assert (fact.units, fact.amount, str(fact.amount)) == (Decimal(2), Decimal("123.4"), "123.40")
    assert [c.code for c in fact.diagnoses] == ["I10", "E11.9"]
    assert fact.drug == Drug(ndc="00002143380", quantity=Decimal("2.50"), unit="ML")


def test_money_is_exact() -> None:
    """Amounts never pass through binary floating point: many digits stay what was written, or are refused."""
    for text, amount in [
        (b"0.10", "0.10"),
        (b"1234567.89", "1234567.89"),
        (b"19.990", "19.99"),
        (b"9007199254.07", "9007199254.07"),
        (b"1e2", "100.00"),
        (b"12.300", "12.30"),
        (b"-0", "0.00"),
    ]:
        found = read_whole(bundle(item()).replace(b"123.4", text), ndjson=False, settings=FhirSettings())
        assert str(only(found, ChargeFact).amount) == amount


@pytest.mark.parametrize(
    ("changes", "code", "element"),
    [
        ({"status": "unknown"}, "fhir.charge.status", "status"),
        ({"code": {"text": "visit"}}, "fhir.charge.code", "code"),
        ({"quantity": None}, "fhir.charge.units", "quantity"),
        ({"subject": {"display": "somebody"}}, "fhir.charge.patient", "subject"),
        ({"quantity": {"value": 1e300}}, "fhir.charge.units", "quantity.value"),
        ({"priceOverride": {"value": 1e300}}, "fhir.charge.amount", "priceOverride"),
        ({"quantity": {"value": 0}}, "fhir.charge.units", "quantity.value"),
        ({"priceOverride": {"value": 1.001}}, "fhir.charge.amount", "priceOverride"),
        ({"quantity": {"value": 0}, "priceOverride": {"value": -5}}, "fhir.charge.units", "quantity.value"),
        ({"quantity": {"value": 30, "code": "mg"}}, "fhir.charge.units", "quantity.unit"),
        ({"priceOverride": {"value": 5, "currency": "EUR"}}, "fhir.charge.amount", "priceOverride"),
        ({"occurrenceDateTime": "2026"}, "fhir.charge.date", "occurrence"),
        (
            {"occurrenceDateTime": None, "occurrenceTiming": {"event": ["2026-01-05", "2026-01-06"]}},
            "fhir.charge.date",
            "occurrenceTiming",
        ),
        (
            {"occurrenceDateTime": None, "occurrenceTiming": {"repeat": {"frequency": 2}}},
            "fhir.charge.date",
            "occurrenceTiming",
        ),
        ({"subject": "SECRET"}, "fhir.shape", "subject"),
        ({"secret": "SECRET"}, "fhir.invalid", ""),
    ],
)
def test_one_bad_charge(changes: Json, code: str, element: str) -> None:
    """A charge that cannot be read is set aside with its place, the rest goes on, and its visit is not ready."""
    found = reading(patient(), encounter(), item(id="c0"), item(**changes))
    assert [f.key for f in every(found, ChargeFact)] == ["ChargeItem/c0"]
    place = "Bundle.entry[3] ChargeItem"
    assert (code, f"{place}.{element}" if element else f"{place}.secret") in told(found)
    assert not only(found, EncounterFact).ready
    assert "SECRET" not in repr(found.problems)


@pytest.mark.parametrize("mode", ["every", "sample", "quarantine"])
def test_one_bad_resource(mode: str) -> None:
    """Whatever is checked, a resource of a wrong shape is alone: patient and coverage of its bundle stand."""
    bad = encounter(period="SECRET")
    found = reading(patient(), bad, coverage(), validate=mode)
    assert [type(f).__name__ for f in found.facts] == ["PatientFact", "CoverageFact"]
    assert told(found)[0] == ("fhir.shape", "Bundle.entry[1] Encounter.period")
    assert "SECRET" not in repr(found.problems)


def test_validation_modes() -> None:
    """`every` sets aside what R4 refuses of what billing reads; `quarantine` asks R4 only about what could not be
    read."""
    odd = patient(birthDate="1980-02-30")
    assert told(reading(odd)) == [("fhir.invalid", "Bundle.entry[0] Patient.birthDate")]
    assert only(reading(odd, validate="quarantine"), PatientFact).key == "Patient/p1"


def test_charge_statuses() -> None:
    """What is not to be billed is withdrawn; what is billed already changes nothing unless settings say so."""
    for status in ("not-billable", "aborted", "entered-in-error"):
        assert not only(reading(item(status=status)), ChargeFact).active
    assert reading(item(status="planned")).facts == ()
    billed = reading(item(status="billed"))
    assert (billed.facts, [p.code for p in billed.problems]) == ((), ["fhir.charge.billed"])
    assert only(reading(item(status="billed"), billed_are_charges=True), ChargeFact).active


def procedure(**changes: Any) -> Json:
    """A completed procedure."""
    base: Json = {"status": "completed", "code": concept("http://snomed.info/sct", "65546002"), "subject": PERSON,
                  "encounter": VISIT, "performedDateTime": "2026-01-05T10:00:00-05:00"}  # fmt: skip
    return made("Procedure", "q1", **(base | changes))


def test_procedures_and_immunizations() -> None:
    """A completed Procedure and a vaccine given here are charges of one unit, without an amount."""
    shot = made("Immunization", "i1", status="completed", vaccineCode=concept("http://hl7.org/fhir/sid/cvx", "140"),
                patient=PERSON, encounter=VISIT, occurrenceDateTime="2026-01-05")  # fmt: skip
    told_only = dict(shot, id="i2", primarySource=False)
    first, second = every(reading(procedure(), shot, told_only), ChargeFact)
    assert (first.codings, first.units, first.amount) == (
        (Coding(system="SNOMED", code="65546002"),),
        Decimal(1),
        None,
    )
    assert (second.key, second.codings) == ("Immunization/i1", (Coding(system="CVX", code="140"),))
    assert not only(reading(procedure(status="not-done")), ChargeFact).active
    assert not every(reading(procedure(), procedures_are_charges=False), ChargeFact)


def test_nothing_is_charged_twice() -> None:
    """A procedure for which a charge item of the message stands is no charge of its own."""
    found = every(reading(item(service=[{"reference": "Procedure/q1"}]), procedure()), ChargeFact)
    assert {fact.key: fact.active for fact in found} == {"ChargeItem/c1": True, "Procedure/q1": False}


def test_dates_from_the_encounter() -> None:
    """A charge without a date was done on the day its encounter began, as that day was written."""
    fact = only(reading(encounter(), item(occurrenceDateTime=None)), ChargeFact)
    assert fact.service_from == date(2026, 1, 5)
    alone = reading(item(occurrenceDateTime=None, context=None))
    assert told(alone) == [("fhir.charge.date", "Bundle.entry[0] ChargeItem.occurrence")]
    assert reading(item(occurrenceDateTime=None)).facts == (), "its visit may come in another message"


def test_visit_types() -> None:
    """Where settings say so, the type of a finished visit is a charge for the visit itself."""
    visit = encounter(type=[concept("http://snomed.info/sct", "185349003")])
    assert not every(reading(visit), ChargeFact)
    fact = only(reading(visit, visit_types_are_charges=True), ChargeFact)
    assert (fact.key, fact.encounter_key, fact.codings[0].code) == (
        "Encounter/e1#type",
        "Encounter/e1",
        "185349003",
    )


def test_coverage() -> None:
    """Coverage gives payer, member, rank, group, dates; the subscriber is looked up unless it is the patient."""
    mother = made(
        "RelatedPerson",
        "m1",
        patient=PERSON,
        name=[{"family": "Quill", "given": ["Bea"]}],
        birthDate="1955-01-01",
    )
    payer = made("Organization", "o9", name="Acme Health", identifier=[{"value": "60054"}])
    group = {"type": concept("http://terminology.hl7.org/CodeSystem/coverage-class", "group"), "value": "GRP"}
    one = coverage(
        subscriber={"reference": "RelatedPerson/m1"},
        relationship=concept("http://terminology.hl7.org/CodeSystem/subscriber-relationship", "child"),
        payor=[{"reference": "Organization/o9"}],
        class_=[group],
        order=2,
        period={"start": "2026-01-01", "end": "2026-12-31"},
    )
    fact = only(reading(one, mother, payer), CoverageFact)
    assert (fact.payer_token, fact.payer_name, fact.member_id, fact.rank) == ("60054", "Acme Health", "M1", 2)
    assert (fact.group_number, fact.relationship, fact.valid_to) == ("GRP", "child", date(2026, 12, 31))
    assert fact.subscriber
    assert fact.subscriber.name.first == "Bea"
    assert not only(reading(coverage(status="cancelled")), CoverageFact).active
    unknown = reading(encounter(), coverage(subscriber={"display": "somebody", "identifier": {"value": "9"}}))
    assert [p.code for p in unknown.problems] == ["fhir.coverage.relationship", "fhir.coverage.subscriber"]


def test_a_person_who_pays_has_no_name_as_token() -> None:
    """Where the payor is a person the token is SELFPAY, whatever the reference shows."""
    one = coverage(payor=[{"reference": "Patient/p1", "display": "Ada Quill"}])
    fact = only(reading(one), CoverageFact)
    assert (fact.payer_token, fact.payer_name) == ("SELFPAY", "")


def test_account_orders_coverages_and_names_the_guarantor() -> None:
    """Account.coverage.priority ranks coverages that have no order; Account.guarantor pays for the patient."""
    parent = made("RelatedPerson", "m1", patient=PERSON, name=[{"family": "Quill", "given": ["Bea"]}],
                  relationship=[concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH")])  # fmt: skip
    party = {"party": {"reference": "RelatedPerson/m1"}}
    account = made("Account", "a1", status="active", subject=[PERSON], guarantor=[party],
                   coverage=[{"coverage": {"reference": "Coverage/v1"}, "priority": 2}])  # fmt: skip
    found = reading(patient(), account, parent, coverage())
    assert only(found, CoverageFact).rank == 2
    guarantor = only(found, PatientFact).patient.guarantor
    assert guarantor
    assert (guarantor.name.first, guarantor.relationship) == ("Bea", "parent")


def test_payer_inside_an_explanation_of_benefit() -> None:
    """An ExplanationOfBenefit gives the payer of its encounter, and nothing else; a Claim gives nothing."""
    inner = {
        "resourceType": "Coverage",
        "id": "cov",
        "status": "active",
        "beneficiary": PERSON,
        "payor": [{"display": "Humana"}],
    }
    focal = {"focal": True, "coverage": {"reference": "#cov"}}
    eob = made("ExplanationOfBenefit", "b1", contained=[inner], insurance=[focal],
               item=[{"sequence": 1, "encounter": [VISIT]}], total=[{"amount": {"value": 9.99}}])  # fmt: skip
    found = reading(eob, made("Claim", "k1", total={"value": 12.02}))
    fact = only(found, CoverageFact)
    assert (fact.encounter_key, fact.payer_token, fact.rank) == ("Encounter/e1", "Humana", 1)
    assert len(found.facts) == 1


def test_pieces_meet() -> None:
    """A reference gives the same key whether it is relative, absolute, versioned, or a urn within its bundle."""
    for text in ("Encounter/e1", "https://ehr.example/fhir/Encounter/e1", "Encounter/e1/_history/3"):
        assert only(reading(item(context={"reference": text})), ChargeFact).encounter_key == "Encounter/e1"
    urn = "urn:uuid:0b5c9a5e-7d55-4c7d-9d2c-3b8f3f3f0001"
    entries = [
        {"fullUrl": urn, "resource": encounter()},
        {"fullUrl": "urn:uuid:2", "resource": item(context={"reference": urn})},
    ]
    raw = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
    found = read_whole(raw, ndjson=False, settings=FhirSettings())
    assert only(found, ChargeFact).encounter_key == only(found, EncounterFact).key == "Encounter/e1"


def test_versions() -> None:
    """The version is when the server last changed the resource, in UTC (of a whole second with its number), else its
    number, else the bundle's time."""
    for fraction, told_as in (("", "000007"), (".25", "250000"), (".000", "000000")):
        stamped = patient(meta={"versionId": "7", "lastUpdated": f"2026-01-05T10:00:00{fraction}-05:00"})
        assert only(reading(stamped), PatientFact).version == f"2026-01-05T15:00:00.{told_as}Z"
    assert only(reading(patient(meta={"versionId": "7"})), PatientFact).version == "00000000000000000007"
    raw = json.dumps({"resourceType": "Bundle", "type": "collection", "timestamp": "2026-01-07T00:00:00Z",
                      "entry": [{"resource": patient()}]}).encode()  # fmt: skip
    found = read_whole(raw, ndjson=False, settings=FhirSettings())
    assert only(found, PatientFact).version == "2026-01-07T00:00:00.000000Z"


def test_any_order() -> None:
    """The order of resources in a bundle does not change their facts."""
    resources = [patient(), encounter(), item(), condition(), coverage()]
    expected = sorted(reading(*resources).facts, key=lambda fact: fact.key)
    for order in list(permutations(resources))[::7]:
        assert sorted(reading(*order).facts, key=lambda fact: fact.key) == expected


def test_ndjson() -> None:
    """Each line is on its own: a bad one is a problem with its number, the others are read."""
    lines = [json.dumps(patient()).encode(), b'{"resourceType": "Encoun', b"", json.dumps(item()).encode()]
    found = read_whole(b"\n".join(lines), ndjson=True, settings=FhirSettings())
    assert [type(f).__name__ for f in found.facts] == ["PatientFact", "ChargeFact"]
    assert told(found) == [("fhir.json", "line[2]")]


def test_deletions_are_told() -> None:
    """A DELETE in a transaction withdraws nothing by itself: a person is told."""
    entry = {"fullUrl": "urn:uuid:1", "request": {"method": "DELETE", "url": "ChargeItem/c1"}}
    raw = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).encode()
    assert told(read_whole(raw, ndjson=False, settings=FhirSettings())) == [("fhir.delete", "Bundle.entry[0]")]


@pytest.mark.parametrize(
    ("quantity", "basis", "problems"),
    [
        ({"value": 30, "code": "min"}, "MJ", []),
        ({"value": 30, "unit": "minutes"}, "MJ", []),
        ({"value": 2, "code": "{count}"}, "UN", []),
        ({"value": 2, "unit": "each"}, "UN", []),
        ({"value": 0.5, "code": "h"}, "MJ", []),
        ({"value": 2, "unit": "visit"}, "UN", ["fhir.charge.unit"]),
        ({"value": 2, "code": "mL"}, "UN", []),
    ],
)
def test_units(quantity: Json, basis: str, problems: list[str]) -> None:
    """Minutes are minutes, hours sixty of them, counts are units, and what settings say counts; another unit is
    told, since R4 allows any."""
    found = reading(item(quantity=quantity), counted_units=["mL"])
    charge = only(found, ChargeFact)
    assert (charge.unit_basis, [p.code for p in found.problems]) == (basis, problems)
    assert charge.units == (2 if basis == "UN" else 30)


def test_one_code_of_icd10_however_it_is_written() -> None:
    """ICD-10-CM with and without its point is one diagnosis."""
    codes = [concept(ICD10, code) for code in ("E119", "E11.9", "e11.9", "I10")]
    assert [c.code for c in only(reading(item(reason=codes)), ChargeFact).diagnoses] == ["E11.9", "I10"]


def test_who_did_it() -> None:
    """Of several performers the one whose function says so did it, never who assisted or supervised."""

    def by(name: str, function: str) -> Json:
        return {"actor": {"display": name}, **({"function": concept("urn:f", function)} if function else {})}

    performers = [
        by("As Sist", "assist"),
        by("Su Pervis", "supervisor"),
        by("No Word", ""),
        by("Pri Mary", "primary"),
    ]
    for count, last in ((4, "Mary"), (3, "Word")):
        assert (
            getattr(only(reading(item(performer=performers[:count])), ChargeFact).rendering, "last", "") == last
        )
    assert only(reading(item(performer=performers[:2])), ChargeFact).rendering is None


def test_modifiers_of_procedures() -> None:
    """A Procedure's modifiers stand among its codings or in an extension; the requester of its request ordered it."""
    request = made("ServiceRequest", "s1", status="active", intent="order", subject=PERSON,
                   requester={"display": "Or Der"})  # fmt: skip
    extra = [{"url": "https://ehr.example/modifier", "valueCode": "LT"}]
    one = procedure(code=concept(HCPCS, "G0105", "59"), extension=extra,
                    basedOn=[{"reference": "ServiceRequest/s1"}])  # fmt: skip
    fact = only(reading(one, request), ChargeFact)
    assert ([c.code for c in fact.codings], fact.modifiers) == (["G0105"], ("59", "LT"))
    assert fact.ordering
    assert fact.ordering.last == "Der"


def test_a_charge_for_an_episode() -> None:
    """A charge that names an episode of care has no visit: it is set aside, and told."""
    found = reading(item(context={"reference": "EpisodeOfCare/x"}))
    assert (found.facts, told(found)) == ((), [("fhir.charge.context", "Bundle.entry[0] ChargeItem.context")])


def test_money_as_a_quantity() -> None:
    """An amount in the shape of STU3 (a Quantity with the currency as its code) is in that currency, or held."""
    for code, amount in (("USD", "5.00"), ("EUR", None)):
        found = reading(item(priceOverride={"value": 5, "code": code}), validate="quarantine")
        assert [str(fact.amount) for fact in every(found, ChargeFact)] == ([amount] if amount else [])
