"""Writes visits as FHIR R4: one collection Bundle for each, with everything that a claim needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from hub.testing.practice.records import Cover, Item, Patient, Person, Provider, Visit

Resource = dict[str, Any]

BASE = "https://ehr.lakeside.example/fhir"
_HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
_ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
_SYSTEMS = {"HCPCS": _HCPCS, "SNOMED": "http://snomed.info/sct"}
_TERMS = "http://terminology.hl7.org/CodeSystem"
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def bundle(resources: Iterable[Resource], sent: datetime) -> bytes:
    """The bytes of a collection Bundle; every resource says that it was last changed at `sent` (UTC)."""
    stamp = sent.strftime("%Y-%m-%dT%H:%M:%SZ")
    entries = [
        {
            "fullUrl": f"{BASE}/{one['resourceType']}/{one['id']}",
            "resource": {**one, "meta": {**one.get("meta", {}), "lastUpdated": stamp}},
        }
        for one in resources
    ]
    return _ENCODER.encode({"resourceType": "Bundle", "type": "collection", "timestamp": stamp, "entry": entries})


def visit_resources(visit: Visit) -> Iterator[Resource]:
    """A visit with its patient, policies, clinician, diagnoses and charges."""
    yield from people(visit.patient)
    yield practitioner(visit.provider)
    yield encounter(visit)
    yield from conditions(visit)
    yield from (charge(visit, item, n) for n, item in enumerate(visit.items, 1))


def people(patient: Patient) -> Iterator[Resource]:
    """The patient, who stands behind them, and their policies in order."""
    yield _patient(patient)
    holders = {
        cover.holder: "PRN" if cover.relationship == "child" else "SPS"
        for cover in patient.covers
        if cover.holder
    }
    if patient.guarantor:
        holders |= {patient.guarantor: "PRN"}
    ids = {holder: f"{patient.key}-R{n}" for n, holder in enumerate(holders, 1)}
    yield from (_related(patient, ids[holder], holder, code) for holder, code in holders.items())
    if patient.guarantor:
        yield {
            "resourceType": "Account",
            "id": f"{patient.key}-A",
            "status": "active",
            "subject": [{"reference": f"Patient/{patient.key}"}],
            "guarantor": [{"party": {"reference": f"RelatedPerson/{ids[patient.guarantor]}"}}],
        }
    for rank, cover in enumerate(patient.covers, 1):
        yield _coverage(patient, cover, rank, ids.get(cover.holder, "") if cover.holder else "")


def _person(one: Person) -> Resource:
    return {
        "name": [{"use": "official", "family": one.last, "given": [one.first]}],
        "gender": "female" if one.sex == "F" else "male",
        "birthDate": one.birth.isoformat(),
        "telecom": [{"system": "phone", "use": "home", "value": one.phone}],
        "address": [
            {"use": "home", "line": [one.street], "city": "Exampleton", "state": "OH", "postalCode": "44099"}
        ],
    }


def _patient(patient: Patient) -> Resource:
    kind = {"coding": [{"system": f"{_TERMS}/v2-0203", "code": "MR"}]}
    identifier = {"type": kind, "system": "urn:lakeside:records", "value": patient.key}
    return {
        "resourceType": "Patient",
        "id": patient.key,
        "identifier": [identifier],
        **_person(patient.person),
    }


def _related(patient: Patient, key: str, holder: Person, code: str) -> Resource:
    return {
        "resourceType": "RelatedPerson",
        "id": key,
        "patient": {"reference": f"Patient/{patient.key}"},
        "relationship": [{"coding": [{"system": f"{_TERMS}/v3-RoleCode", "code": code}]}],
        **_person(holder),
    }


def _coverage(patient: Patient, cover: Cover, rank: int, holder: str) -> Resource:
    subscriber = f"RelatedPerson/{holder}" if holder else f"Patient/{patient.key}"
    return {
        "resourceType": "Coverage",
        "id": f"{patient.key}-C{rank}",
        "status": "active",
        "subscriberId": cover.member or "NONE",
        "subscriber": {"reference": subscriber},
        "beneficiary": {"reference": f"Patient/{patient.key}"},
        "relationship": {"coding": [{"system": f"{_TERMS}/subscriber-relationship", "code": cover.relationship}]},
        "payor": [{"display": cover.name, "identifier": {"value": cover.token}}],
        "order": rank,
    }


def practitioner(provider: Provider) -> Resource:
    """A clinician by their NPI."""
    return {
        "resourceType": "Practitioner",
        "id": f"N{provider.npi}",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": provider.npi}],
        "name": [{"family": provider.last, "given": [provider.first]}],
    }


def encounter(visit: Visit) -> Resource:
    """The visit itself."""
    start = f"{visit.on}T{visit.at:02d}:{visit.minute:02d}:00Z"
    end = f"{visit.on}T{visit.at:02d}:{visit.minute + 25:02d}:00Z"
    return {
        "resourceType": "Encounter",
        "id": visit.key,
        "status": visit.status,
        "class": {"system": f"{_TERMS}/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{visit.patient.key}"},
        "participant": [{"individual": {"reference": f"Practitioner/N{visit.provider.npi}"}}],
        "period": {"start": start, "end": end},
        "location": [{"location": {"display": visit.place}}],
        "diagnosis": [
            {"condition": {"reference": f"Condition/{visit.key}-D{rank}"}, "rank": rank}
            for rank in range(1, len(visit.diagnoses) + 1)
        ],
    }


def conditions(visit: Visit) -> Iterator[Resource]:
    """The visit's diagnoses."""
    category = {"system": f"{_TERMS}/condition-category", "code": "encounter-diagnosis"}
    for rank, code in enumerate(visit.diagnoses, 1):
        yield {
            "resourceType": "Condition",
            "id": f"{visit.key}-D{rank}",
            "category": [{"coding": [category]}],
            "code": {"coding": [{"system": _ICD10, "code": code}]},
            "subject": {"reference": f"Patient/{visit.patient.key}"},
            "encounter": {"reference": f"Encounter/{visit.key}"},
        }


def charge(visit: Visit, item: Item, number: int) -> Resource:
    """A charge of a visit."""
    found = _charge(f"{visit.key}-{item.key or number}", visit.patient, visit.on, item, visit.provider)
    return {**found, "context": {"reference": f"Encounter/{visit.key}"}}


def rental(key: str, patient: Patient, on: date, item: Item, provider: Provider, diagnosis: str) -> Resource:
    """A charge without a visit, for a diagnosis of its own."""
    found = _charge(key, patient, on, item, provider)
    return {**found, "reason": [{"coding": [{"system": _ICD10, "code": diagnosis}]}]}


def _charge(key: str, patient: Patient, on: date, item: Item, provider: Provider) -> Resource:
    coding = {"code": item.code} | ({"system": _SYSTEMS[item.system]} if item.system in _SYSTEMS else {})
    modifiers = [{"system": _HCPCS, "code": modifier} for modifier in item.modifiers]
    found: Resource = {
        "resourceType": "ChargeItem",
        "id": key,
        "status": "billable",
        "code": {"coding": [coding, *modifiers]},
        "subject": {"reference": f"Patient/{patient.key}"},
        "occurrenceDateTime": on.isoformat(),
        "performer": [{"actor": {"reference": f"Practitioner/N{provider.npi}"}}],
        "quantity": {"value": item.units} | ({"unit": "min", "code": "min"} if item.minutes else {}),
    }
    if item.drug:
        found |= _drug(*item.drug)
    return found


def _drug(ndc: str, quantity: Decimal, unit: str) -> Resource:
    return {
        "productCodeableConcept": {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": ndc}]},
        "extension": [
            {
                "url": f"{BASE}/StructureDefinition/ndc-quantity",
                "valueQuantity": {"value": quantity, "code": unit},
            }
        ],
    }
