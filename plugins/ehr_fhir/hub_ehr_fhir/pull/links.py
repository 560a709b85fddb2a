"""Which references of which resource are followed, and to which encounter or patient it belongs: as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hub_ehr_fhir.discover.strategy import Search
from hub_ehr_fhir.pull.resources import keys_at
from hub_ehr_fhir.pull.walking import Query

FOLLOWED: Mapping[str, tuple[str, ...]] = {
    "Encounter": (
        "subject", "participant.individual", "location.location", "serviceProvider", "account",
        "diagnosis.condition", "basedOn",
    ),
    "Procedure": ("performer.actor", "basedOn", "reasonReference", "location"),
    "ChargeItem": (
        "subject", "performer.actor", "performingOrganization", "account", "supportingInformation", "service",
        "productReference",
    ),
    "Immunization": ("performer.actor", "location", "reasonReference"),
    "ServiceRequest": ("requester", "performer", "insurance"),
    "Coverage": ("beneficiary", "payor", "subscriber", "policyHolder"),
    "Account": ("subject", "coverage.coverage", "guarantor.party"),
    "PractitionerRole": ("practitioner", "organization", "location"),
    "Location": ("managingOrganization",),
    "Claim": ("insurer", "provider", "referral"),
    "ClaimResponse": ("request", "insurer"),
}  # fmt: skip
"""Element paths (R4 names) whose references billing needs; others (managing organisation of a patient, their general
practitioner, links to other patients) lead away from the visit.
"""

TARGETS = frozenset(
    (
        "Patient", "Practitioner", "PractitionerRole", "Organization", "Location", "RelatedPerson", "Coverage",
        "Account", "Condition", "ServiceRequest", "Claim", "ClaimResponse", "Procedure", "Medication",
    )
)  # fmt: skip
"""Types that are fetched because something refers to them."""

ENCOUNTER_AT: Mapping[str, str] = {
    "Condition": "encounter",
    "Procedure": "encounter",
    "Immunization": "encounter",
    "ServiceRequest": "encounter",
    "ChargeItem": "context",
    "Claim": "item.encounter",
}
"""Where a resource says which encounter it belongs to."""

PATIENT_AT: Mapping[str, str] = {
    "Encounter": "subject",
    "Coverage": "beneficiary",
    "Account": "subject",
    "RelatedPerson": "patient",
    "Condition": "subject",
    "Procedure": "subject",
    "Immunization": "patient",
    "ServiceRequest": "subject",
    "ChargeItem": "subject",
    "Claim": "patient",
    "ClaimResponse": "patient",
}
"""Where a resource says whose it is."""

DIRECTORY = frozenset(("Practitioner", "PractitionerRole", "Organization", "Location"))


_POINTS_TO: Mapping[str, str] = {
    "patient": "Patient",
    "subject": "Patient",
    "beneficiary": "Patient",
    "encounter": "Encounter",
    "context": "Encounter",
    "account": "Account",
}


def by(
    search: Search | None, kind: str, parameter: str, *names: str, more: Mapping[str, str] | None = None
) -> Query:
    """The search for what refers to one of some ids, written with their type where the server finds them only so."""
    target = _POINTS_TO.get(parameter, "") if search is not None and parameter in search.whole else ""
    value = ",".join(f"{target}/{name}" if target else name for name in names)
    counted = search is None or search.counted
    params = {parameter: value, **(more or {})}
    feature = parameter if len(names) < 2 else f"{parameter},"
    return Query(path=kind, params=params, kind=kind, feature=feature, counted=counted)


def followed(kind: str, tree: Any, base: str) -> Iterator[str]:
    """Keys of what billing needs with a resource."""
    for path in FOLLOWED.get(kind, ()):
        for key in keys_at(tree, path, base):
            if key.partition("/")[0] in TARGETS:
                yield key


def encounters_of(kind: str, tree: Any, base: str) -> list[str]:
    """Ids of the encounters that a resource belongs to."""
    keys = keys_at(tree, ENCOUNTER_AT[kind], base) if kind in ENCOUNTER_AT else ()
    return [key.partition("/")[2] for key in keys if key.startswith("Encounter/")]


def patient_of(kind: str, tree: Any, base: str) -> str:
    """The id of the patient whose resource it is; empty where it does not say."""
    keys = keys_at(tree, PATIENT_AT[kind], base) if kind in PATIENT_AT else ()
    return next((key.partition("/")[2] for key in keys if key.startswith("Patient/")), "")


def units_of(kind: str, name: str, tree: Any, base: str) -> list[str]:
    """What is to be fetched when a resource changed: its encounters, else its patient's own things, else itself where
    it means something alone (a charge of an account, an entry of a directory).
    """
    if kind == "Encounter":
        return [f"Encounter/{name}"]
    if kind in ENCOUNTER_AT:
        units = [f"Encounter/{one}" for one in encounters_of(kind, tree, base)]
        return units or ([f"ChargeItem/{name}"] if kind == "ChargeItem" else [])
    if kind == "Patient":
        return [f"Patient/{name}"]
    if kind in ("Coverage", "Account", "RelatedPerson"):
        patient = patient_of(kind, tree, base)
        return [f"Patient/{patient}"] if patient else []
    return [f"{kind}/{name}"] if kind in DIRECTORY or kind == "ClaimResponse" else []
