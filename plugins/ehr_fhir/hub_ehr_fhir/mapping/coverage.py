"""Coverage, and the contained Coverage of an ExplanationOfBenefit: who pays, in which order."""

from __future__ import annotations

from hub.model.coverage import Subscriber
from hub.model.facts import CoverageFact
from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.links import version_of
from hub_ehr_fhir.mapping.notes import ASK, MODIFIED
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.scene import Scene

SELF_PAY = "SELFPAY"
"""The token of a payor who is a person; v3-ActCode has the same code for the policy type `self pay`."""


def coverage_facts(scene: Scene) -> list[CoverageFact]:
    """A fact for each Coverage, and one for the payer of each ExplanationOfBenefit that names one."""
    ranks = _account_ranks(scene)
    nothing = (0, None)
    found = [
        _coverage(scene, part, one, *ranks.get(part.key, nothing))
        for part, one in scene.resources.of(shapes.Coverage)
    ]
    found += [_of_benefit(scene, part, eob) for part, eob in scene.resources.of(shapes.ExplanationOfBenefit)]
    return [fact for fact in found if fact is not None]


def _account_ranks(scene: Scene) -> dict[str, tuple[int, Part | None]]:
    """Account.coverage.priority by coverage key, of the newest account that has one, and that account."""
    return {
        scene.resources.key(each.coverage, "Coverage"): (each.priority, part)
        for part, account in scene.resources.accounts()
        for each in account.coverage
        if each.priority > 0
    }


def _coverage(
    scene: Scene, part: Part, one: shapes.Coverage, rank: int, account: Part | None
) -> CoverageFact | None:
    if one.modifier_extension:
        scene.notes.error("fhir.modifier", part.at("modifierExtension"), MODIFIED, ASK)
        return None
    patient_key = scene.resources.key(one.beneficiary, "Patient")
    token, name = _payer(scene, one)
    if not patient_key or not token:
        element = "payor" if patient_key else "beneficiary"
        why = "the coverage does not say who pays" if patient_key else "the coverage does not say whom it covers"
        scene.notes.error("fhir.coverage", part.at(element), why)
        return None
    group = _classed(one, "group")
    relationship, subscriber = _subscriber(scene, part, one)
    return CoverageFact(
        key=part.key,
        version=version_of(scene.resources, part, account),
        patient_key=patient_key,
        payer_token=token,
        payer_name=name,
        member_id=_member_id(one),
        rank=one.order if one.order > 0 else rank,
        group_number=group[0],
        group_name=group[1],
        relationship=relationship,
        subscriber=subscriber,
        valid_from=scene.day(one.period.start, part, "period.start", codes.first_day),
        valid_to=scene.day(one.period.end, part, "period.end", codes.last_day),
        active=one.status == "active",
    )


def _classed(one: shapes.Coverage, kind: str) -> tuple[str, str]:
    """Value and name of the first class of a kind."""
    for each in one.class_:
        if codes.has_code((each.type,), kind):
            return each.value, each.name
    return "", ""


def _payer(scene: Scene, one: shapes.Coverage) -> tuple[str, str]:
    """Token and name of the first payor. The token is a business identifier, else the name that the coverage
    shows, else the resource's key: what a person can write in the payer map, before what they cannot. A person
    who pays for themselves or a relative is SELFPAY: no name of theirs becomes a token.
    """
    if not one.payor:
        return "", ""
    payor = one.payor[0]
    found = scene.resources.part(payor)
    kind = found.kind if found else scene.resources.key(payor, "Organization").partition("/")[0]
    if kind in ("Patient", "RelatedPerson"):
        return SELF_PAY, ""
    firm = found.record if found is not None and isinstance(found.record, shapes.Organization) else None
    identifiers = [payor.identifier.value] if payor.identifier else []
    identifiers += [each.value for each in firm.identifier] if firm else []
    name = payor.display or (firm.name if firm else "")
    token = next((value for value in identifiers if value), "")
    return token or name or scene.resources.key(payor, "Organization"), name


def _member_id(one: shapes.Coverage) -> str:
    """Coverage.subscriberId, else the identifier of type MB, else a Medicare number, else the first."""
    if one.subscriber_id:
        return one.subscriber_id
    order = [i for i in one.identifier if codes.has_code((i.type,), "MB", "MC", "SN")]
    order += [i for i in one.identifier if i.system.rstrip("/").endswith(("us-mbi", "us-medicare"))]
    return next((i.value for i in [*order, *one.identifier] if i.value), "")


def _subscriber(scene: Scene, part: Part, one: shapes.Coverage) -> tuple[str, Subscriber | None]:
    """Relationship of the patient to the subscriber, and the subscriber unless that is the patient."""
    resources = scene.resources
    stated = next(filter(None, (codes.RELATIONSHIPS.get(c.code) for c in one.relationship.coding)), "")
    holder = resources.key(one.subscriber, "Patient")
    same = not holder or holder == resources.key(one.beneficiary, "Patient")
    if stated == "self" or (not stated and same):
        return "self", None
    if not stated:
        why = "the subscriber is not the patient and no known relationship is given; it was read as other"
        scene.notes.warn("fhir.coverage.relationship", part.at("relationship"), why)
    person = resources.get(one.subscriber, shapes.RelatedPerson) or resources.get(one.subscriber, shapes.Patient)
    name = codes.person(person.name) if person else None
    if person is None and scene.loose and one.subscriber.reference:
        return stated or "other", None
    if person is None or name is None:
        why = "the patient is not the subscriber, and the message does not say who is"
        scene.notes.warn("fhir.coverage.subscriber", part.at("subscriber"), why)
        return stated or "other", None
    subscriber = Subscriber(
        name=name,
        birth_date=scene.tried(lambda: codes.day(person.birth_date), part.at("subscriber")),
        sex=codes.sex(person.gender),
        address=codes.postal(person.address),
    )
    return stated or "other", subscriber


def _of_benefit(scene: Scene, part: Part, eob: shapes.ExplanationOfBenefit) -> CoverageFact | None:
    """The payer that an ExplanationOfBenefit carries inside itself, for the encounters of its items; nothing
    else of it is read: it tells what another system billed.
    """
    focal = [each for each in eob.insurance if each.focal] or list(eob.insurance)
    inner = scene.resources.part(focal[0].coverage) if focal else None
    one = inner.record if inner is not None and "#" in inner.key else None
    if inner is None or not isinstance(one, shapes.Coverage):
        return None
    token, payer_name = _payer(scene, one)
    encounters = [scene.resources.key(e, "Encounter") for item in eob.item for e in item.encounter]
    patient_key = scene.resources.key(one.beneficiary, "Patient") or scene.resources.key(eob.patient, "Patient")
    if not token or not patient_key or not encounters:
        return None
    return CoverageFact(
        key=inner.key,
        version=part.version,
        patient_key=patient_key,
        encounter_key=encounters[0],
        payer_token=token,
        payer_name=payer_name,
        member_id=_member_id(one),
        rank=1,
        active=one.status == "active",
    )
