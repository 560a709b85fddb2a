"""Where a visit was: its Location, that of which it is a part, the organization behind it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hub.model.people import Facility
from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.scene import Scene

_NOT_THERE = frozenset(("planned", "reserved"))
_UP = 3


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a visit was: its CMS place of service code, what the claim calls it, and the NPI that bills for it."""

    code: str
    facility: Facility | None
    billing_npi: str


def place_of(scene: Scene, encounter: shapes.Encounter) -> Place:
    """Where a visit was. Most name one place and one organization, the same as others of their message do."""
    if len(encounter.location) > 1:
        return _place_of(scene, encounter)
    at = encounter.location[0] if encounter.location else shapes.EncounterLocation()
    key = (at.location, at.status in _NOT_THERE, encounter.service_provider)
    found = scene.places.get(key)
    if found is None:
        found = scene.places[key] = _place_of(scene, encounter)
    return found


def _place_of(scene: Scene, encounter: shapes.Encounter) -> Place:
    return Place(
        code=_place_of_service(scene, encounter),
        facility=_facility(scene, encounter),
        billing_npi=_billing_npi(scene, encounter),
    )


def _place_of_service(scene: Scene, encounter: shapes.Encounter) -> str:
    """The CMS place of service code that the Location, or that of which it is a part, carries as its type; none is
    made up from its class.
    """
    return next((code for one in _locations(scene, encounter) if one.type and (code := pos_of(one.type))), "")


def pos_of(types: tuple[shapes.CodeableConcept, ...]) -> str:
    """The place of service among some concepts."""
    found = (c for t in types for c in t.coding if "place-of-service" in c.system.lower().replace("_", "-"))
    return next((c.code for c in found if len(c.code) == 2), "")


def _facility(scene: Scene, encounter: shapes.Encounter) -> Facility | None:
    """Where the visit was: its Location, else its service provider, else what they are called. A room takes address
    and number from the place that it is in.
    """
    places = list(_locations(scene, encounter))
    if places and places[0].name:
        address = next((codes.postal((one.address,)) for one in places if one.address), None)
        number = next((found for one in places if (found := codes.npi(one.identifier))), "")
        return Facility(name=places[0].name, address=address, npi=number)
    firm = _firm(scene, encounter)
    if firm and firm.name:
        return Facility(name=firm.name, address=codes.postal(firm.address), npi=codes.npi(firm.identifier))
    shown = [each.location.display for each in encounter.location] + [encounter.service_provider.display]
    name = next((text for text in shown if text), "")
    return Facility(name=name) if name else None


def _billing_npi(scene: Scene, encounter: shapes.Encounter) -> str:
    """The NPI of the organization that gave the service, as the resource or the reference tells it; where no
    organization is named, of the one that manages the place.
    """
    reference = encounter.service_provider
    if firm := _firm(scene, encounter):
        return codes.npi(firm.identifier)
    if reference.identifier:
        return codes.npi((reference.identifier,))
    if reference.reference or reference.display:
        return ""
    managing = (
        scene.resources.get(one.managing_organization, shapes.Organization)
        for one in _locations(scene, encounter)
    )
    return next((number for one in managing if one and (number := codes.npi(one.identifier))), "")


def _firm(scene: Scene, encounter: shapes.Encounter) -> shapes.Organization | None:
    return scene.resources.get(encounter.service_provider, shapes.Organization)


def _locations(scene: Scene, encounter: shapes.Encounter) -> Iterator[shapes.Location]:
    """The first place where the patient was, and what it is a part of. Of a transfer the first counts: the visit
    began there.
    """
    there = [each for each in encounter.location if each.status not in _NOT_THERE]
    if len(there) > 1:
        there.sort(key=lambda each: each.period.start)
    for each in there:
        one = scene.resources.get(each.location, shapes.Location)
        if one is not None:
            yield from _upward(scene, one)
            return


def _upward(scene: Scene, one: shapes.Location | None) -> Iterator[shapes.Location]:
    for _ in range(_UP):
        if one is None:
            return
        yield one
        one = scene.resources.get(one.part_of, shapes.Location) if one.part_of is not shapes.NOWHERE else None
