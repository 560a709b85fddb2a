"""In which order resources of several types are fetched: what others refer to first, and Encounter last."""

from __future__ import annotations

TYPES = (
    "Organization",
    "Location",
    "Practitioner",
    "PractitionerRole",
    "Patient",
    "RelatedPerson",
    "Coverage",
    "Account",
    "Condition",
    "ServiceRequest",
    "Claim",
    "ClaimResponse",
    "Medication",
    "Procedure",
    "Immunization",
    "ChargeItem",
    "Encounter",
    "ExplanationOfBenefit",
)
"""All types that are read, in that order. A visit that comes last is put together once."""
