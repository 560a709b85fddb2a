"""A visit with all that a claim needs, as a FHIR server tells it; everything in it is invented."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

Resource = dict[str, Any]
NPI = "http://hl7.org/fhir/sid/us-npi"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
TERMS = "http://terminology.hl7.org/CodeSystem"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"


def ref(key: str) -> Resource:
    """A reference."""
    return {"reference": key}


def concept(system: str, code: str, words: str = "") -> Resource:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code} | ({"display": words} if words else {})]}


def office() -> list[Resource]:
    """Who treats, where, and who pays."""
    return [
        {
            "resourceType": "Organization",
            "id": "payer",
            "name": "Blue Heron Health",
            "identifier": [{"system": "urn:example:plan", "value": "BLUEHERON"}],
        },
        {
            "resourceType": "Practitioner",
            "id": "d1",
            "name": [{"family": "Larkspur", "given": ["Maren"]}],
            "identifier": [{"system": NPI, "value": "1999999034"}],
        },
        {
            "resourceType": "Location",
            "id": "l1",
            "status": "active",
            "name": "SHORE",
            "address": {"line": ["8 Shore Road"], "city": "Exampleton", "state": "OH", "postalCode": "44099"},
        },
    ]  # fmt: skip


def visit(n: int = 1, day: str = "2026-03-02") -> list[Resource]:
    """A patient, a policy, an encounter, a diagnosis and two charges."""
    who, at = ref(f"Patient/p{n}"), ref(f"Encounter/e{n}")
    own, group = concept(f"{TERMS}/subscriber-relationship", "self"), concept(f"{TERMS}/coverage-class", "group")
    return [
        {
            "resourceType": "Patient",
            "id": f"p{n}",
            "name": [{"family": "Testerling", "given": ["Ada"]}],
            "gender": "female",
            "birthDate": "1980-05-06",
            "address": [{"line": ["1 Elm Street"], "city": "Exampleton", "state": "OH", "postalCode": "44099"}],
        },
        {
            "resourceType": "Coverage",
            "id": f"v{n}",
            "status": "active",
            "subscriberId": "XYZ12345",

         "beneficiary": who,
            "relationship": own,
            "payor": [ref("Organization/payer")],
            "order": 1,
            "class": [
                {"type": group, "value": "G7"}
            ],
        },
        {
            "resourceType": "Encounter",
            "id": f"e{n}",
            "status": "finished",
            "subject": who,
            "class": {"system": f"{TERMS}/v3-ActCode", "code": "AMB"},
            "period": {"start": f"{day}T15:00:00Z", "end": f"{day}T15:30:00Z"},
            "participant": [{"individual": ref("Practitioner/d1")}],
            "location": [{"location": ref("Location/l1")}],
            "diagnosis": [{"condition": ref(f"Condition/c{n}"), "rank": 1}],
        },
        {
            "resourceType": "Condition",
            "id": f"c{n}",
            "subject": who,
            "encounter": at,
            "code": concept(ICD10, "E11.9"),
        },
        {
            "resourceType": "ChargeItem",
            "id": f"i{n}",
            "status": "billable",
            "subject": who,
            "context": at,
            "code": concept(HCPCS, "G0439"),
            "quantity": {"value": 1},
            "occurrenceDateTime": day,
        },
        {
            "resourceType": "ChargeItem",
            "id": f"j{n}",
            "status": "billable",
            "subject": who,
            "context": at,
            "code": concept("", "FLU-ADMIN", "Flu shot, giving it"),
            "quantity": {"value": 1},
            "occurrenceDateTime": day,
        },
    ]  # fmt: skip


def bundle(resources: Iterable[Resource]) -> bytes:
    """A Bundle of them."""
    entries = [{"resource": one} for one in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()
