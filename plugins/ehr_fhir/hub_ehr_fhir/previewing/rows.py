"""The rows of a preview: each element of the claim in its order, where it comes from, and how it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hub_ehr_fhir.previewing.around import Told
from hub_ehr_fhir.previewing.elements import UNUSED, Known, Row
from hub_ehr_fhir.previewing.rows_people import People
from hub_ehr_fhir.previewing.rows_services import Services
from hub_ehr_fhir.previewing.rows_visit import Visits
from hub_ehr_fhir.previewing.sample import One
from hub_ehr_fhir.previewing.tracing import Trace
from hub_ehr_fhir.settings import FhirSettings

_LINES = ("ChargeItem", "Procedure", "Immunization", "Claim")


def rows(told: Told, trace: Trace, known: Known) -> list[Row]:
    """All of them, by section."""
    people, visit = People(told, trace, known), Visits(told, trace, known)
    services = Services(told, trace, known)
    parts = (
        visit.state, visit.billing, people.patient, people.policies, people.clinicians, visit.places, visit.dates,
        services.diagnoses, visit.numbers, services.lines,
    )  # fmt: skip
    return [row for part in parts for row in part()]


def unused(told: Told, resources: Sequence[One], settings: FhirSettings) -> Iterator[Row]:
    """What belongs to the encounter and stands on no line and among no diagnoses, and why."""
    counted = {one.key for one in told.charges if one.active}
    counted |= {one.key for one in told.diagnoses if one.active} | {one.id for one in told.visit.diagnoses}
    for one in resources:
        if one.kind not in (*_LINES, "Condition") or any(_is_of(one.key, key) for key in counted):
            continue
        why = _why(one.kind, one.tree(), settings) or "nothing is read from it"
        what = "diagnosis" if one.kind == "Condition" else "charge"
        yield Row(section="Not used", element=what, sources=(one.label,), stands=UNUSED, note=why)


def _is_of(key: str, told: str) -> bool:
    """Whether a fact was told by this resource, or by one of its items."""
    return told == key or told.startswith((f"{key}#", f"{key}/"))


def _why(kind: str, tree: dict[str, Any], settings: FhirSettings) -> str:
    status = tree.get("status")
    if kind == "Condition":
        return _why_no_diagnosis(tree)
    if kind == "Claim":
        return "" if settings.claims_are_charges else "a bill, not a charge (claims_are_charges is off)"
    if kind == "Procedure" and not settings.procedures_are_charges:
        return "procedures_are_charges is off"
    if kind == "Immunization" and tree.get("primarySource") is False:
        return "given elsewhere (primarySource)"
    meant = {"ChargeItem": "billable"}.get(kind, "completed")
    if isinstance(status, str) and status.isascii() and status.replace("-", "").isalpha() and status != meant:
        return f"its status is {status}, not {meant}"
    return "set aside, or charged by another resource" if status == meant else ""


def _why_no_diagnosis(tree: dict[str, Any]) -> str:
    if "confirmed" not in _codes(tree.get("verificationStatus")) and tree.get("verificationStatus"):
        return "it is not confirmed"
    categories = tree.get("category")
    listed = [code for each in (categories if isinstance(categories, list) else ()) for code in _codes(each)]
    if "encounter-diagnosis" not in listed and listed:
        return "of the problem list alone"
    return ""


def _codes(concept: Any) -> list[Any]:
    found = concept.get("coding") if isinstance(concept, dict) else None
    return [one.get("code") for one in (found if isinstance(found, list) else ()) if isinstance(one, dict)]
