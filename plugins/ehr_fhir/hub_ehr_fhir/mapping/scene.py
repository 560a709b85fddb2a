"""What every part of a message's reading needs to know, and the questions that several of them ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from hub.model.people import Provider
from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.notes import Notes
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.resources import Resources
from hub_ehr_fhir.settings import FhirSettings

T = TypeVar("T")
_TITLES = frozenset(("dr", "dr.", "mr", "mr.", "mrs", "mrs.", "ms", "ms.", "prof", "prof."))
_PEOPLE = ("Practitioner", "PractitionerRole", "Organization")
_UTC = ZoneInfo("UTC")
_UNASKED = Provider(npi="", last="")
_WAIT = "let it send that resource, or set wait_for_missing = false if it never will"


class Scene(msgspec.Struct, kw_only=True):
    """One message as it is being read. `short` holds the keys of encounters that lack something which was set
    aside: they are not ready, because a claim without it would be short. `loose`: what is not here may come in
    another message, and whoever reads it then tells what is missing. `zone` is that of dates without a time.
    """

    settings: FhirSettings
    notes: Notes
    resources: Resources
    short: set[str]
    loose: bool = False
    zone: ZoneInfo = _UTC
    providers: dict[shapes.Reference, Provider | None] = {}
    places: dict[tuple[shapes.Reference, bool, shapes.Reference], Any] = {}

    def __post_init__(self) -> None:
        self.zone = _zone(self.settings.time_zone)

    def tried(self, read: Callable[[], T | None], where: str) -> T | None:
        """A value, or None and a problem when it cannot be read; for values that may be missing."""
        try:
            return read()
        except codes.Unreadable as why:
            self.notes.warn("fhir.value", where, f"this element is {why} and was left out")
            return None

    def day(
        self, text: str, part: Part, element: str, read: Callable[[str], date | None] = codes.day
    ) -> date | None:
        """A date that may be missing, or None and a problem when it cannot be read."""
        try:
            return read(text) if text else None
        except codes.Unreadable:
            return self.tried(lambda: read(text), part.at(element))

    def missed(self, where: str, what: str, *, needed: bool = True) -> bool:
        """Something that a visit names is in no message yet; whether the visit waits for it, which it does only
        for what is `needed` on its claim.
        """
        waits = needed and self.settings.wait_for_missing
        if not self.loose:
            until = "the visit waits for it" if waits else "the visit is billed without it"
            why = f"{what} did not come, and the reference itself says nothing of it; {until}"
            note = self.notes.notice if waits else self.notes.warn  # what waits is work that ends when it comes
            note("fhir.missing", where, why, _WAIT if waits else "let it send that resource")
        return waits


@lru_cache(maxsize=32)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def provider(scene: Scene, reference: shapes.Reference) -> Provider | None:
    """The clinician or organisation that a reference means; from the reference itself (its NPI, its identifier, its
    display) where the resource is not in the message; None when nothing can be told of it.
    """
    if reference is shapes.NOWHERE:
        return None
    found = scene.providers.get(reference, _UNASKED)
    if found is _UNASKED:
        found = scene.providers[reference] = _provider(scene, reference, 0)
    return found


def is_absent(scene: Scene, reference: shapes.Reference, depth: int = 0) -> bool:
    """Whether a reference names a clinician who may still come: not here, nor inside the reference."""
    if not reference.reference or scene.resources.part(reference) is not None:
        role = scene.resources.get(reference, shapes.PractitionerRole)
        return role is not None and depth == 0 and is_absent(scene, role.practitioner, 1)
    return scene.resources.key(reference, "Practitioner").partition("/")[0] in _PEOPLE


def _provider(scene: Scene, reference: shapes.Reference, depth: int) -> Provider | None:
    part = scene.resources.part(reference)
    record = part.record if part is not None else None
    if isinstance(record, shapes.PractitionerRole) and depth == 0:
        return _of_role(scene, record)
    if isinstance(record, shapes.Practitioner) and part is not None:
        return _person(record)
    if isinstance(record, shapes.Organization):
        return Provider(npi=codes.npi(record.identifier), last=record.name, id=_name(record.identifier))
    return _unresolved(reference)


def _of_role(scene: Scene, role: shapes.PractitionerRole) -> Provider | None:
    found = _provider(scene, role.practitioner if _set(role.practitioner) else role.organization, 1)
    taxonomy = _taxonomy((*role.specialty, *role.code))
    number = codes.npi(role.identifier)
    if found is None:
        return Provider(npi=number, last="", taxonomy=taxonomy) if number else None
    named = msgspec.structs.replace(found, taxonomy=taxonomy or found.taxonomy)
    return named if named.npi or not number else msgspec.structs.replace(named, npi=number, id="")


def _person(one: shapes.Practitioner) -> Provider | None:
    name = codes.person(one.name)
    taxonomy = _taxonomy(tuple(q.code for q in one.qualification))
    number = codes.npi(one.identifier)
    own = _name(one.identifier)
    if name is None and not number and not own:
        return None
    if name is None:
        return Provider(npi=number, last="", taxonomy=taxonomy, id="" if number else own)
    return Provider(
        npi=number,
        last=name.last,
        first=name.first,
        middle=name.middle,
        suffix=name.suffix,
        taxonomy=taxonomy,
        id="" if number else own,
    )


def _name(identifiers: tuple[shapes.Identifier, ...]) -> str:
    """What the source calls somebody who has no NPI (a wrong one is a name, too): providers.toml says who it is."""
    if codes.npi(identifiers):
        return ""
    named = sorted((codes.is_npi_system(one), n) for n, one in enumerate(identifiers) if one.value)
    return identifiers[named[0][1]].value.strip() if named else ""


def _set(reference: shapes.Reference) -> bool:
    return bool(reference.reference or reference.identifier or reference.display)


def _unresolved(reference: shapes.Reference) -> Provider | None:
    """From `Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|...`, Reference.identifier and display."""
    identifiers = [reference.identifier] if reference.identifier else []
    _, _, query = reference.reference.partition("?identifier=")
    system, _, value = query.partition("|")
    if value:
        identifiers.append(shapes.Identifier(system=system, value=value))
    number = codes.npi(tuple(identifiers))
    own = _name(tuple(identifiers))
    words = [word for word in reference.display.split() if word.lower() not in _TITLES]
    if not number and not words and not own:
        return None
    if len(words) == 2:
        return Provider(npi=number, first=words[0], last=words[1], id=own)
    return Provider(npi=number, last=" ".join(words), id=own)


def _taxonomy(concepts: tuple[shapes.CodeableConcept, ...]) -> str:
    found = (c.code for concept in concepts for c in concept.coding if c.system in codes.TAXONOMY_SYSTEMS)
    return next((code for code in found if len(code) == 10), "")
