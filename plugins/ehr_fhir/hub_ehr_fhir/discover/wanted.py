"""Which resource types billing reads, and what of each is tried at a server."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried of a type: search parameters, `_include` (value -> type that it brings), whether a deletion would
    show in its history, and whether single resources are asked for by `If-None-Match`.
    """

    parameters: tuple[str, ...]
    includes: Mapping[str, str] = {}
    history: bool = False
    etag: bool = False


_CHANGED = "_lastUpdated"

WANTED: Mapping[str, Wanted] = {
    "Patient": Wanted(parameters=(_CHANGED, "_id", "identifier"), history=True, etag=True),
    "Encounter": Wanted(
        parameters=(_CHANGED, "patient", "_id", "identifier", "account", "date"),
        includes={
            "Encounter:patient": "Patient",
            "Encounter:practitioner": "Practitioner",
            "Encounter:location": "Location",
            "Encounter:service-provider": "Organization",
            "Encounter:account": "Account",
        },
        history=True,
        etag=True,
    ),
    "Condition": Wanted(parameters=(_CHANGED, "patient", "encounter", "_id"), history=True),
    "Procedure": Wanted(parameters=(_CHANGED, "patient", "encounter", "_id"), history=True),
    "ChargeItem": Wanted(parameters=(_CHANGED, "patient", "context", "account", "_id"), history=True),
    "Immunization": Wanted(parameters=(_CHANGED, "patient", "_id")),
    "Account": Wanted(parameters=(_CHANGED, "patient", "_id")),
    "Coverage": Wanted(
        parameters=(_CHANGED, "patient", "beneficiary", "_id"),
        includes={"Coverage:payor": "Organization"},
        history=True,
    ),
    "RelatedPerson": Wanted(parameters=(_CHANGED, "patient", "_id")),
    "ServiceRequest": Wanted(parameters=(_CHANGED, "patient", "encounter", "_id")),
    "Claim": Wanted(parameters=(_CHANGED, "patient", "encounter", "_id")),
    "ClaimResponse": Wanted(parameters=(_CHANGED, "patient", "_id")),
    "ExplanationOfBenefit": Wanted(parameters=(_CHANGED, "patient", "encounter", "_id")),
    "Practitioner": Wanted(parameters=(_CHANGED, "_id", "identifier"), etag=True),
    "PractitionerRole": Wanted(parameters=(_CHANGED, "practitioner", "_id")),
    "Organization": Wanted(parameters=(_CHANGED, "_id")),
    "Location": Wanted(parameters=(_CHANGED, "_id")),
}
"""In the order in which they are tried: a patient and an encounter first, since the others are asked for by them."""

REVINCLUDES: Mapping[str, str] = {
    "Condition:encounter": "Condition",
    "Procedure:encounter": "Procedure",
    "ChargeItem:context": "ChargeItem",
}
"""`_revinclude` of a search for Encounter -> the type that it brings."""

REVERSE = "_revinclude"
"""The last thing to be tried, when an encounter is known that has a condition, a procedure or a charge."""

IN_ORDER = (*WANTED, REVERSE)

DATES: Mapping[str, int] = {"_lastUpdated": 2, "date": 3650}
"""The parameters that take a time, and how many days ahead there can be nothing."""

PEOPLE: Mapping[str, str] = {
    "patient": "Patient",
    "beneficiary": "Patient",
    "encounter": "Encounter",
    "context": "Encounter",
    "account": "Account",
    "practitioner": "Practitioner",
}
"""Search parameter -> the type that its value refers to."""
