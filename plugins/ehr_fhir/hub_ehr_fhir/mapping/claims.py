"""Claim with use `claim`: its items as charges, for servers that tell what was done in no other way."""

from __future__ import annotations

from decimal import Decimal

from hub.model.encounter import Coding
from hub.model.facts import ChargeFact
from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.lines import (
    SetAside,
    dates_of,
    dollars_of,
    patient_of,
    performer_of,
    quantity_of,
    reasons_of,
)
from hub_ehr_fhir.mapping.links import version_of
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.places import pos_of
from hub_ehr_fhir.mapping.scene import Scene

_VOID = frozenset(("cancelled", "entered-in-error"))


def claim_charges(scene: Scene, part: Part, claim: shapes.Claim) -> list[ChargeFact]:
    """A charge for each item of a claim that is active, or withdrawn; one that cannot be read holds its visit."""
    if claim.use != "claim" or claim.status not in {"active", *_VOID}:
        return []
    found = []
    for n, item in enumerate(claim.item):
        try:
            found.append(_line(scene, part, claim, item))
        except SetAside as held:
            scene.short.add(_visit_of(scene, item))
            scene.notes.error(held.code, part.at(f"item[{n}].{held.element}"), held.why, held.fix)
    return found


def _line(scene: Scene, part: Part, claim: shapes.Claim, item: shapes.ClaimItem) -> ChargeFact:
    found = codes.codings(item.product_or_service)
    if not found or not item.sequence:
        element = "productOrService" if item.sequence else "sequence"
        raise SetAside("fhir.charge.code", element, "the item has no code, or no number within the claim")
    visit = _visit_of(scene, item)
    period = item.serviced_period if item.serviced_period.start else claim.billable_period
    start, end = dates_of(
        scene, visit, item.serviced_date, shapes.Period() if item.serviced_date else period, "serviced"
    )
    units, basis = quantity_of(scene, part, item.quantity, "quantity")
    return ChargeFact(
        key=f"{part.key}#{item.sequence}",
        version=version_of(scene.resources, part),
        patient_key=patient_of(scene, claim.patient, "patient"),
        encounter_key=visit,
        service_from=start,
        service_to=end,
        codings=found,
        modifiers=tuple(c.code for concept in item.modifier for c in concept.coding if c.code),
        units=units,
        unit_basis=basis,
        amount=_amount(item, units),
        diagnoses=_diagnoses(scene, claim, item),
        rendering=performer_of(
            scene, ((one.role, one.provider) for one in claim.care_team if _is_his(item, one))
        ),
        place_of_service=pos_of((item.location_codeable_concept,)),
        revenue=next((c.code for c in item.revenue.coding if len(c.code) == 4), ""),
        active=claim.status == "active",
    )


def _visit_of(scene: Scene, item: shapes.ClaimItem) -> str:
    return next((scene.resources.key(each, "Encounter") for each in item.encounter), "")


def _is_his(item: shapes.ClaimItem, member: shapes.CareTeam) -> bool:
    """Members of the care team whom the item names; all of them where it names none."""
    return not item.care_team_sequence or member.sequence in item.care_team_sequence


def _amount(item: shapes.ClaimItem, units: Decimal) -> Decimal | None:
    """Claim.item.net (the whole line), else the price of one times how many."""
    if item.net is not None:
        return dollars_of(item.net, "net")
    price = dollars_of(item.unit_price, "unitPrice")
    return dollars_of(shapes.Money(value=price * units), "unitPrice") if price is not None else None


def _diagnoses(scene: Scene, claim: shapes.Claim, item: shapes.ClaimItem) -> tuple[Coding, ...]:
    """The diagnoses of the claim to which the item points, in the order in which it points."""
    by_number = {one.sequence: one for one in claim.diagnosis}
    found: tuple[Coding, ...] = ()
    for number in item.diagnosis_sequence:
        if one := by_number.get(number):
            found += reasons_of(scene, (one.diagnosis_codeable_concept,), (one.diagnosis_reference,))
    return tuple(dict.fromkeys(found))
