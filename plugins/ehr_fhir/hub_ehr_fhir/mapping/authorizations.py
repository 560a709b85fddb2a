"""Authorization and referral numbers, and accidents: what payers and claims say about a visit.

A number is a visit's only where something says so: the visit itself, the order or referral that it is based on
(Encounter.basedOn), or a Claim that names the visit, or that order, and its answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import msgspec

from hub.model.encounter import Accident
from hub.model.people import Reference
from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.extensions import named, text_of
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.resources import Resources
from hub_ehr_fhir.mapping.scene import Scene
from hub_ehr_fhir.settings import FhirSettings

# X12 306 as Da Vinci PAS uses it: certified in total, in part, with changes.
_GRANTED = frozenset(("A1", "A2", "A6"))
_VERDICT = ("reviewActionCode", "extension-reviewActionCode")
_DECIDING = frozenset((shapes.Claim, shapes.ClaimResponse))
_ACCIDENTS = {"MVA": "AA", "WPA": "EM", "SCHOOL": "OA", "SPT": "OA"}


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What claims and payers say about one visit, and who of them said it last."""

    authorization: str = ""
    references: tuple[Reference, ...] = ()
    accident: Accident | None = None
    by: Part | None = None


_NOTHING = Said()


def said_of(scene: Scene, part: Part, encounter: shapes.Encounter) -> Said:
    """The numbers for a visit; several that differ are told, and none of them is taken."""
    deciders = _deciders(scene).get(part.key, [])
    if not (deciders or encounter.based_on or encounter.extension):
        return _NOTHING
    orders = list(_orders(scene.resources, encounter))
    numbers = [*_own(scene, encounter.extension), *_of_orders(scene, orders)]
    numbers += [number for each in deciders for number in _numbers(each)]
    found = list(dict.fromkeys(number for number in numbers if number))
    if len(found) > 1:
        why = (
            "there are several authorization numbers for this visit, and none says that it counts; none was taken"
        )
        fix = "tell which it is in an extension that authorization_extensions names, or enter it in the hub"
        scene.notes.notice("fhir.authorization", part.at(), why, fix)
    return Said(
        authorization=found[0] if len(found) == 1 else "",
        references=_referrals(scene, encounter, orders),
        accident=_own_accident(scene, part, encounter)
        or next((told for each in deciders if (told := _accident(scene, each))), None),
        by=deciders[-1] if deciders else None,
    )


def requester(scene: Scene, encounter: shapes.Encounter) -> shapes.Reference:
    """Who referred: the requester of what the visit is based on, where all of that has the same one."""
    if not encounter.based_on:
        return shapes.NOWHERE
    found = {one.requester for one in _orders(scene.resources, encounter) if one.status != "revoked"}
    return found.pop() if len(found) == 1 else shapes.NOWHERE


def decided_visits(resources: Resources, part: Part, settings: FhirSettings) -> set[str]:
    """The keys of the visits about which a payer's answer, or a claim that is read, says something: those that the
    claim names, and those that are based on what it was asked for.
    """
    record = part.record
    claim = record if _is_read(record, settings) else None
    if isinstance(record, shapes.ClaimResponse) and any(_granted(record)):
        claim = resources.get(record.request, shapes.Claim)
    if not isinstance(claim, shapes.Claim) or claim.status != "active":
        return set()
    found = {resources.key(each, "Encounter") for item in claim.item for each in item.encounter}
    orders = {resources.key(each, "ServiceRequest") for each in (claim.prescription, claim.referral)} - {""}
    if not orders:
        return found
    return found | {key for key, based in resources.visits_by_order().items() if orders & based}


def _is_read(record: shapes.Head | None, settings: FhirSettings) -> bool:
    """Whether what somebody else billed counts: only where claims are how this server tells what was done."""
    return settings.claims_are_charges and isinstance(record, shapes.Claim) and record.use == "claim"


def _deciders(scene: Scene) -> dict[str, list[Part]]:
    """By visit the claims and answers about it, the newest last."""
    resources = scene.resources
    if resources.kinds.isdisjoint(_DECIDING):
        return {}
    if resources.deciders is None:
        resources.deciders = {}
        told = [part for part in resources.everyone() if type(part.record) in _DECIDING]
        for part in sorted(told, key=lambda one: (one.version, one.key)):
            for visit in decided_visits(resources, part, scene.settings):
                resources.deciders.setdefault(visit, []).append(part)
    return resources.deciders


def _orders(resources: Resources, encounter: shapes.Encounter) -> Iterator[shapes.ServiceRequest]:
    """The orders and referrals that a visit is based on."""
    for each in encounter.based_on:
        one = resources.get(each, shapes.ServiceRequest)
        if one is not None and one.status != "entered-in-error":
            yield one


def _own(scene: Scene, extensions: Iterable[shapes.Extension]) -> list[str]:
    return [text_of(each) for each in named(extensions, scene.settings.authorization_extensions)]


def _of_orders(scene: Scene, orders: Iterable[shapes.ServiceRequest]) -> Iterator[str]:
    for one in orders:
        yield from _own(scene, one.extension)
        for each in one.insurance:
            answer = scene.resources.part(each)
            if answer is not None and isinstance(answer.record, shapes.ClaimResponse):
                yield from _granted(answer.record)


def _numbers(part: Part) -> Iterator[str]:
    """A payer's answer tells the number; so does a claim for which somebody wrote it down."""
    record = part.record
    if isinstance(record, shapes.ClaimResponse):
        yield from _granted(record)
    elif isinstance(record, shapes.Claim):
        focal = [each for each in record.insurance if each.focal] or record.insurance[:1]
        yield from (number for each in focal for number in each.pre_auth_ref)


def _granted(answer: shapes.ClaimResponse) -> Iterator[str]:
    """ClaimResponse.preAuthRef, else the numbers of its items (PAS reviewAction): not what was refused or waits."""
    if (
        answer.use != "preauthorization"
        or answer.status != "active"
        or answer.outcome not in ("complete", "partial")
    ):
        return
    if answer.pre_auth_ref:
        yield answer.pre_auth_ref
        return
    for item in answer.item:
        for each in named((e for a in item.adjudication for e in a.extension), ("extension-reviewAction",)):
            verdicts = {text_of(one) for one in named(each.extension, _VERDICT)}
            if verdicts & _GRANTED:
                yield from (text_of(one) for one in named(each.extension, ("number",)))


def _referrals(
    scene: Scene, encounter: shapes.Encounter, orders: Iterable[shapes.ServiceRequest]
) -> tuple[Reference, ...]:
    wanted = scene.settings.referral_extensions
    found = [text_of(each) for each in named(encounter.extension, wanted)]
    for one in orders:
        found += [text_of(each) for each in named(one.extension, wanted)]
        found += [each.value for each in one.identifier if each.system in scene.settings.referral_systems]
    return tuple(Reference(kind="referral", value=value) for value in dict.fromkeys(found) if value)


def _own_accident(scene: Scene, part: Part, encounter: shapes.Encounter) -> Accident | None:
    """What an extension of the visit says of an accident."""
    for each in named(encounter.extension, scene.settings.accident_extensions):
        about = {inner.url.rpartition("/")[2]: inner for inner in each.extension}
        kind = _ACCIDENTS.get(text_of(about.get("type", each)), "")
        if not kind:
            why = "this extension does not say what kind of accident it was (MVA, WPA, SPT, SCHOOL); it was left out"
            scene.notes.warn("fhir.value", part.at("extension"), why)
            continue
        when, state = about.get("date"), about.get("state")
        day = (when.value_date or when.value_date_time or text_of(when)) if when else ""
        on = scene.tried(partial(codes.day, day), part.at("extension"))
        return Accident(kind=kind, on=on, state=codes.state(text_of(state)) if state and kind == "AA" else "")
    return None


def _accident(scene: Scene, part: Part) -> Accident | None:
    record = part.record
    told = record.accident if isinstance(record, shapes.Claim) else None
    kind = next((k for c in (told.type.coding if told else ()) if (k := _ACCIDENTS.get(c.code))), "")
    if told is None or not kind:
        return None
    state = codes.state(told.location_address.state) if told.location_address else ""
    on = scene.tried(lambda: codes.day(told.date), part.at("accident.date"))
    return Accident(kind=kind, on=on, state=state if kind == "AA" else "")
