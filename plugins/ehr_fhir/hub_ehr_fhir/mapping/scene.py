"""What every part of a message's reading needs to know, and the questions that several of them ask."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from hub.model.people import Provider
from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.notes import Notes
from hub_ehr_fhir.mapping.parts import Resources
from hub_ehr_fhir.settings import FhirSettings

T = TypeVar("T")
_TITLES = frozenset(("dr", "dr.", "mr", "mr.", "mrs", "mrs.", "ms", "ms.", "prof", "prof."))


class Scene(msgspec.Struct, kw_only=True):
    """One message as it is being read. `short` holds the keys of encounters that lack something which was set
    aside: they are not ready, because a claim without it would be short.
    """

    settings: FhirSettings
    notes: Notes
    resources: Resources
    short: set[str]

    @property
    def zone(self) -> ZoneInfo:
        """The zone of dates without a time."""
        return _zone(self.settings.time_zone)

    def tried(self, read: Callable[[], T | None], where: str) -> T | None:
        """A value, or None and a problem when it cannot be read; for values that may be missing."""
        try:
            return read()
        except codes.Unreadable as why:
            self.notes.warn("fhir.value", where, f"this element is {why} and was left out")
            return None


@lru_cache(maxsize=32)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def provider(scene: Scene, reference: shapes.Reference) -> Provider | None:
    """The clinician or organisation that a reference means; from the reference itself (its NPI, its display)
    where the resource is not in the message; None when neither NPI nor name can be told.
    """
    resources = scene.resources
    if role := resources.get(reference, shapes.PractitionerRole):
        found = provider(scene, role.practitioner if _set(role.practitioner) else role.organization)
        taxonomy = _taxonomy((*role.specialty, *role.code))
        if found is None:
            number = codes.npi(role.identifier)
            return Provider(npi=number, last="", taxonomy=taxonomy) if number else None
        return msgspec.structs.replace(found, taxonomy=taxonomy or found.taxonomy)
    if one := resources.get(reference, shapes.Practitioner):
        name = codes.person(one.name)
        taxonomy = _taxonomy(tuple(q.code for q in one.qualification))
        number = codes.npi(one.identifier)
        if name is None and not number:
            return None
        last, first = (name.last, name.first) if name else ("", "")
        return Provider(npi=number, last=last, first=first, taxonomy=taxonomy)
    if firm := resources.get(reference, shapes.Organization):
        return Provider(npi=codes.npi(firm.identifier), last=firm.name)
    return _unresolved(reference)


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
    words = [word for word in reference.display.split() if word.lower() not in _TITLES]
    if not number and not words:
        return None
    if len(words) == 2:
        return Provider(npi=number, first=words[0], last=words[1])
    return Provider(npi=number, last=" ".join(words))


def _taxonomy(concepts: tuple[shapes.CodeableConcept, ...]) -> str:
    found = (c.code for concept in concepts for c in concept.coding if c.system in codes.TAXONOMY_SYSTEMS)
    return next((code for code in found if len(code) == 10), "")
