"""Visits: statuses and classes, places, people, stays, referrals and authorizations, and what is told of each."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hub_ehr_fhir.mapping.reading import read_whole
from hub_ehr_fhir.settings import FhirSettings

from hub.model.encounter import Accident
from hub.model.facts import ChargeFact, CoverageFact, DiagnosisFact, EncounterFact, PatientFact, Reading

Json = dict[str, Any]
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
TYPES = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
NPI = "http://hl7.org/fhir/sid/us-npi"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/"
PERSON: Json = {"reference": "Patient/p1"}


def concept(system: str, *codes: str) -> Json:
    """A concept of one system."""
    return {"coding": [{"system": system, "code": code} for code in codes]}


def made(kind: str, key: str, **elements: Any) -> Json:
    """A resource; `class_` stands for `class`."""
    named = {name.rstrip("_"): value for name, value in elements.items() if value is not None}
    return {"resourceType": kind, "id": key, **named}


def visit(**changes: Any) -> Json:
    """A finished visit."""
    base: Json = {"status": "finished", "class_": {"system": ACT, "code": "AMB"}, "subject": PERSON,
                  "period": {"start": "2026-01-05T10:00:00Z"}}  # fmt: skip
    return made("Encounter", "e1", **(base | changes))


def reading(*resources: Json, **settings: Any) -> Reading:
    """The reading of a bundle, validated by our own rules alone."""
    entries = [{"resource": one} for one in resources]
    raw = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()
    return read_whole(raw, ndjson=False, settings=FhirSettings(**({"validate": "quarantine"} | settings)))


def only(found: Reading, kind: type[Any]) -> Any:
    """The one fact of a kind."""
    (fact,) = [fact for fact in found.facts if isinstance(fact, kind)]
    return fact


def told(found: Reading) -> list[tuple[str, str]]:
    """Code and place of each problem."""
    return [(problem.code, problem.where) for problem in found.problems]


@pytest.mark.parametrize(
    ("code", "kind"),
    [("AMB", "ambulatory"), ("SS", "ambulatory"), ("OBSENC", "ambulatory"), ("EMER", "emergency"),
     ("IMP", "inpatient"), ("ACUTE", "inpatient"), ("NONAC", "inpatient"), ("HH", "home"), ("VR", "virtual"),
     ("PRENC", ""), ("FLD", "")],
)  # fmt: skip
def test_classes(code: str, kind: str) -> None:
    """Each class of v3-ActCode has its kind of visit, and none is told."""
    found = reading(visit(class_={"system": ACT, "code": code}))
    assert (only(found, EncounterFact).kind, found.problems) == (kind, ())


def test_own_classes() -> None:
    """A code of the server's own is told once; settings say what it means."""
    own = visit(class_={"system": "urn:x", "code": "13"})
    assert told(reading(own)) == [("fhir.encounter.class", "Bundle.entry[0] Encounter.class")]
    found = reading(own, encounter_classes={"13": "emergency"})
    assert (only(found, EncounterFact).kind, found.problems) == ("emergency", ())


@pytest.mark.parametrize(
    ("resource", "element", "release"),
    [
        (made("Encounter", "e1", status="completed", actualPeriod={"start": "2026"}), "actualPeriod", "R5"),
        (made("Encounter", "e1", status="finished", class_=[concept(ACT, "AMB")]), "class", "R5"),
        (made("Condition", "x", verificationStatus="confirmed"), "verificationStatus", "STU3"),
        (made("Coverage", "v", status="active", insurer={"display": "Acme"}), "insurer", "R5"),
        (made("ChargeItem", "c", status="billable", totalPriceComponent={}), "totalPriceComponent", "R5"),
        (made("Procedure", "q", status="completed", occurrenceDateTime="2026-01-05"), "occurrenceDateTime", "R5"),
        (made("Procedure", "q", status="completed", context={"reference": "Encounter/e1"}), "context", "STU3"),
    ],
)
@pytest.mark.parametrize("mode", ["every", "quarantine"])
def test_other_versions_of_fhir(resource: Json, element: str, release: str, mode: str) -> None:
    """A resource of R5 or STU3 is told as that, once, and never read as if it said nothing."""
    found = reading(resource, validate=mode)
    assert told(found) == [("fhir.version", f"Bundle.entry[0] {resource['resourceType']}.{element}")]
    assert release in found.problems[0].why
    assert found.facts == ()


def test_words_are_not_elements() -> None:
    """The name of an element of R5 within a text is no element."""
    text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">"actualPeriod": [1]</div>'}
    found = reading(visit(text=text))
    assert (len(found.facts), found.problems) == (1, ())


def test_npi() -> None:
    """An NPI with a wrong check digit is nobody's: it is told and not used, and the source's own name stays."""
    numbers = [{"system": NPI, "value": "1234567890"}, {"system": "urn:x", "value": "D7"}]
    doctor = made("Practitioner", "d1", name=[{"family": "Hale"}], identifier=numbers)
    found = reading(visit(participant=[{"individual": {"reference": "Practitioner/d1"}}]), doctor)
    rendering = only(found, EncounterFact).rendering
    assert (rendering.npi, rendering.id, rendering.last) == ("", "D7", "Hale")
    assert told(found) == [("fhir.npi", "Bundle.entry[1] Practitioner.identifier")]
    assert "1234567890" not in repr(found.problems)


def test_codes_that_no_list_has() -> None:
    """Gender and Coverage.status are checked by us: fhir.resources lets any text pass."""
    person = made("Patient", "p1", name=[{"family": "Quill"}], gender="SECRET")
    cover = made("Coverage", "v", status="SECRET", beneficiary=PERSON, payor=[{"display": "Acme"}])
    found = reading(person, cover, validate="every")
    assert told(found) == [("fhir.value", "Bundle.entry[0] Patient.gender"),
                           ("fhir.value", "Bundle.entry[1] Coverage.status")]  # fmt: skip
    assert only(found, PatientFact).patient.sex == "U"
    assert not only(found, CoverageFact).active
    assert "SECRET" not in repr(found.problems)


@pytest.mark.parametrize(
    ("status", "active"),
    [(["confirmed"], True), (["urn:local", "confirmed"], True), ([], True), (["entered-in-error"], False),
     (["refuted"], False), (["unconfirmed"], False), (["differential"], False)],
)  # fmt: skip
def test_verification(status: list[str], active: bool) -> None:
    """A diagnosis counts where its verification says confirmed, or nothing."""
    one = made("Condition", "x", code=concept(ICD10, "I10"), subject=PERSON, encounter={"reference": "Encounter/e1"},
               verificationStatus=concept("urn:v", *status))  # fmt: skip
    assert only(reading(one), DiagnosisFact).active is active


@pytest.mark.parametrize(
    ("code", "word"),
    [("self", "self"), ("ONESELF", "self"), ("SPS", "spouse"), ("spouse", "spouse"), ("child", "child"),
     ("SONC", "child"), ("DOMPART", "life_partner"), ("injured", "other"), ("OTH", "other")],
)  # fmt: skip
def test_relationships(code: str, word: str) -> None:
    """Relationships are known by the codes of FHIR, of v3-RoleCode and of HL7 v2."""
    holder = {"reference": "RelatedPerson/m1"}
    person = made("RelatedPerson", "m1", patient=PERSON, name=[{"family": "Quill"}])
    cover = made("Coverage", "v", status="active", beneficiary=PERSON, payor=[{"display": "Acme"}], subscriber=holder,
                 relationship=concept("urn:r", code))  # fmt: skip
    found = reading(visit(), person, cover)
    assert (only(found, CoverageFact).relationship, found.problems) == (word, ())


def test_dates() -> None:
    """A part of a date is none, an end before the beginning holds the visit; the place is told, never the value."""
    found = reading(visit(period={"start": "2026"}))
    assert told(found)[0] == ("fhir.value", "Bundle.entry[0] Encounter.period.start")
    back = reading(visit(period={"start": "2026-01-05T10:00:00Z", "end": "2026-01-04T10:00:00Z"}))
    assert told(back) == [("fhir.encounter.period", "Bundle.entry[0] Encounter.period")]
    assert not only(back, EncounterFact).ready
    zones = visit(period={"start": "2026-01-05T23:30:00-05:00", "end": "2026-01-06T05:10:00+01:00"})
    assert reading(zones).problems == (), "minutes are no days"
    assert only(reading(visit(period={"start": "2026-W01-1"})), EncounterFact).started_at is None


def test_a_stay() -> None:
    """Priority, source and disposition become UB-04's codes: NUBC's as they are, the standard lists by their sense,
    others by settings; DRG and class say the rest."""
    nubc = "https://www.nubc.org/CodeSystem/"
    stay = visit(
        class_={"system": ACT, "code": "IMP"},
        priority=concept("http://terminology.hl7.org/CodeSystem/v3-ActPriority", "UR"),
        hospitalization={"admitSource": concept(nubc + "PointOfOrigin", "5"),
                         "dischargeDisposition": concept("urn:local", "GONE-HOME")},
        extension=[{"url": "https://example.org/drg", "valueCode": "470"}],
    )  # fmt: skip
    fact = only(reading(stay, discharge_statuses={"GONE-HOME": "01"}), EncounterFact)
    assert (fact.kind, fact.admission_type, fact.admission_source) == ("inpatient", "2", "5")
    assert (fact.discharge_status, fact.drg, fact.admitted_on) == ("01", "470", date(2026, 1, 5))
    plain = visit(
        hospitalization={"dischargeDisposition": concept("urn:x", "snf"), "admitSource": concept("u", "?")}
    )
    fact = only(reading(plain), EncounterFact)
    assert (fact.discharge_status, fact.admission_source, fact.admission_type) == ("03", "", "")


def test_people_of_a_visit() -> None:
    """Roles choose who renders, refers and supervises; a relative who took part is no clinician."""
    by = [
        {
            "type": [concept(TYPES, "PART")],
            "individual": {"reference": "RelatedPerson/m", "display": "Bea Quill"},
        },
        {"type": [concept("urn:x", "supervisor")], "individual": {"display": "Sue Visor"}},
        {"type": [concept(TYPES, "SPRF")], "individual": {"display": "Sec Ond"}},
        {"type": [concept(TYPES, "ATND")], "individual": {"display": "At Tend"}},
    ]
    fact = only(reading(visit(participant=by)), EncounterFact)
    assert (fact.rendering.last, fact.supervising.last, fact.referring) == ("Tend", "Visor", None)


def test_transfers() -> None:
    """Of several places the first that the patient was in counts; one that was only planned does not."""
    rooms = [made("Location", key, name=key) for key in ("late", "early", "never")]
    at = [
        {"location": {"reference": "Location/never"}, "status": "planned"},
        {"location": {"reference": "Location/late"}, "period": {"start": "2026-01-06"}},
        {"location": {"reference": "Location/early"}, "period": {"start": "2026-01-05"}},
    ]
    assert only(reading(visit(location=at), *rooms), EncounterFact).facility.name == "early"


def test_tests_are_not_billed() -> None:
    """A visit with the label HTEST is read as cancelled, and that is told once."""
    found = reading(visit(meta={"security": [{"code": "HTEST"}]}))
    assert only(found, EncounterFact).status == "cancelled"
    assert told(found) == [("fhir.test", "Bundle.entry[0] Encounter.meta")]


def order(**changes: Any) -> Json:
    """A referral."""
    base: Json = {"status": "active", "intent": "order", "subject": PERSON, "requester": {"display": "Ray Quest"}}
    return made("ServiceRequest", "s1", **(base | changes))


BASED = {"basedOn": [{"reference": "ServiceRequest/s1"}]}


def answer(**changes: Any) -> Json:
    """A payer's yes."""
    base: Json = {"status": "active", "use": "preauthorization", "outcome": "complete", "patient": PERSON,
                  "request": {"reference": "Claim/k1"}, "preAuthRef": "PA1"}  # fmt: skip
    return made("ClaimResponse", changes.pop("id", "n1"), **(base | changes))


def asked(**changes: Any) -> Json:
    """A request for an authorization, for what the referral asks."""
    base: Json = {"status": "active", "use": "preauthorization", "patient": PERSON,
                  "referral": {"reference": "ServiceRequest/s1"}}  # fmt: skip
    return made("Claim", "k1", **(base | changes))


def test_referral() -> None:
    """Who asked for what the visit is based on referred; the number is that of the named extension or system."""
    number = {"system": "urn:payer", "value": "RF1"}
    found = reading(visit(**BASED), order(identifier=[number, {"system": "urn:own", "value": "X"}]),
                    referral_systems=("urn:payer",))  # fmt: skip
    fact = only(found, EncounterFact)
    assert (fact.referring.last, [(r.kind, r.value) for r in fact.references]) == ("Quest", [("referral", "RF1")])
    revoked = only(reading(visit(**BASED), order(status="revoked")), EncounterFact)
    assert revoked.referring is None


def test_whoever_renders_did_not_refer() -> None:
    """A visit that its own clinician ordered has no referring provider."""
    by = [{"individual": {"display": "Ray Quest"}}]
    assert only(reading(visit(participant=by, **BASED), order()), EncounterFact).referring is None


@pytest.mark.parametrize(
    ("claim", "response", "number"),
    [
        (asked(), answer(), "PA1"),
        (asked(referral=None, item=[{"encounter": [{"reference": "Encounter/e1"}]}]), answer(), "PA1"),
        (asked(referral={"reference": "ServiceRequest/other"}), answer(), ""),
        (asked(status="cancelled"), answer(), ""),
        (asked(), answer(status="cancelled"), ""),
        (asked(), answer(outcome="queued"), ""),
        (asked(), answer(use="claim"), ""),
        (asked(), answer(request={"reference": "Claim/other"}), ""),
    ],
)
def test_authorization(claim: Json, response: Json, number: str) -> None:
    """A payer's number is the visit's where the claim that it answers names the visit, or its referral; else not."""
    assert only(reading(visit(**BASED), order(), claim, response), EncounterFact).authorization == number


@pytest.mark.parametrize(("verdict", "number"), [("A1", "AUTH9"), ("A6", "AUTH9"), ("A3", ""), ("A4", "")])
def test_authorization_of_pas(verdict: str, number: str) -> None:
    """PAS tells the number with the verdict on each item: certified counts, refused and pended do not."""
    action = {"url": PAS + "extension-reviewAction", "extension": [
        {"url": "number", "valueString": "AUTH9"},
        {"url": PAS + "extension-reviewActionCode", "valueCodeableConcept": concept("urn:306", verdict)},
    ]}  # fmt: skip
    item = [{"itemSequence": 1, "adjudication": [{"extension": [action]}]}]
    found = reading(visit(**BASED), order(), asked(), answer(preAuthRef=None, item=item))
    assert only(found, EncounterFact).authorization == number


def test_authorization_of_the_referral() -> None:
    """ServiceRequest.insurance may name the payer's answer, and settings the extension with the number."""
    found = reading(visit(**BASED), order(insurance=[{"reference": "ClaimResponse/n1"}]), answer())
    assert only(found, EncounterFact).authorization == "PA1"
    extra = [{"url": "https://ehr.example/prior-authorization", "valueIdentifier": {"value": "PA2"}}]
    assert only(reading(visit(extension=extra)), EncounterFact).authorization == "PA2"


def test_two_authorizations_are_none() -> None:
    """Where two numbers differ nothing is guessed: none is taken, and a person is told."""
    found = reading(visit(**BASED), order(), asked(), answer(), answer(id="n2", preAuthRef="PA2"))
    assert only(found, EncounterFact).authorization == ""
    assert told(found) == [("fhir.authorization", "Bundle.entry[0] Encounter")]
    assert "PA1" not in repr(found.problems)
    same = reading(visit(**BASED), order(), asked(), answer(), answer(id="n2"))
    assert only(same, EncounterFact).authorization == "PA1"


def bill(**changes: Any) -> Json:
    """What an EHR without ChargeItem tells of a visit."""
    item = {
        "sequence": 1, "encounter": [{"reference": "Encounter/e1"}], "diagnosisSequence": [2, 1],
        "productOrService": concept("urn:oid:2.16.840.1.113883.6.285", "G0438"),
        "modifier": [concept("urn:m", "25")], "servicedDate": "2026-01-05", "quantity": {"value": 2},
        "unitPrice": {"value": 10.10, "currency": "USD"}, "careTeamSequence": [2],
        "locationCodeableConcept": concept("https://www.cms.gov/place-of-service-codes", "11"),
    }  # fmt: skip
    base: Json = {
        "status": "active", "use": "claim", "patient": PERSON, "item": [item],
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": concept(ICD10, "I10")},
                      {"sequence": 2, "diagnosisCodeableConcept": concept(ICD10, "E119")}],
        "careTeam": [{"sequence": 1, "provider": {"display": "Not He"}},
                     {"sequence": 2, "provider": {"display": "Ida Hale"}}],
        "insurance": [{"focal": True, "coverage": {"display": "x"}, "preAuthRef": ["PA3"]}],
        "accident": {"date": "2026-01-04", "type": concept(ACT, "MVA"), "locationAddress": {"state": "Oregon"}},
    }  # fmt: skip
    return made("Claim", "k2", **(base | changes))


def test_accident_of_the_visit() -> None:
    """An extension that settings name tells an accident by its value or its parts; one without a kind is told."""
    parts = [{"url": "type", "valueCode": "MVA"}, {"url": "date", "valueDate": "2026-01-04"},
             {"url": "state", "valueString": "OH"}]  # fmt: skip
    whole = visit(extension=[{"url": "https://ehr.example/accident", "extension": parts}])
    expected = Accident(kind="AA", on=date(2026, 1, 4), state="OH")
    assert only(reading(whole), EncounterFact).accident == expected
    work = visit(extension=[{"url": "urn:x:work", "valueCoding": {"system": ACT, "code": "WPA"}}])
    assert only(reading(work, accident_extensions=("urn:x:work",)), EncounterFact).accident == Accident(kind="EM")
    vague = reading(visit(extension=[{"url": "https://ehr.example/accident", "valueString": "fell"}]))
    assert told(vague) == [("fhir.value", "Bundle.entry[0] Encounter.extension")]


def test_claims_are_no_charges() -> None:
    """What another system billed is nothing, unless settings say that claims are how charges are told."""
    found = reading(visit(), bill())
    assert [f for f in found.facts if isinstance(f, ChargeFact)] == []
    assert (only(found, EncounterFact).authorization, only(found, EncounterFact).accident) == ("", None)


def test_claims_as_charges() -> None:
    """Items of a claim are charges with code, modifiers, exact amount, pointed diagnoses, place and clinician; the
    claim's authorization and accident are the visit's."""
    found = reading(visit(), bill(), claims_are_charges=True)
    charge = only(found, ChargeFact)
    assert (charge.key, charge.encounter_key, str(charge.amount)) == ("Claim/k2#1", "Encounter/e1", "20.20")
    assert (charge.modifiers, charge.place_of_service, charge.rendering.last) == (("25",), "11", "Hale")
    assert [c.code for c in charge.diagnoses] == ["E11.9", "I10"]
    fact = only(found, EncounterFact)
    assert (fact.authorization, fact.accident) == ("PA3", Accident(kind="AA", on=date(2026, 1, 4), state="OR"))
    gone = reading(visit(), bill(status="cancelled"), claims_are_charges=True)
    assert not only(gone, ChargeFact).active
    assert found.problems == ()


def test_a_bad_item_holds_its_visit() -> None:
    """An item without a code is told with its place, and its visit is not ready."""
    bad = bill(item=[{"sequence": 1, "encounter": [{"reference": "Encounter/e1"}], "quantity": {"value": 1}}])
    found = reading(visit(), bad, claims_are_charges=True)
    assert told(found) == [("fhir.charge.code", "Bundle.entry[1] Claim.item[0].productOrService")]
    assert not only(found, EncounterFact).ready
