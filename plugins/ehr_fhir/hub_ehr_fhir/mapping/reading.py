"""Raw bytes to facts: each resource on its own, then together."""

from __future__ import annotations

import msgspec

from hub.model.facts import AnyFact, Reading
from hub_ehr_fhir.mapping import check, shapes
from hub_ehr_fhir.mapping.charges import charge_facts
from hub_ehr_fhir.mapping.coverage import coverage_facts
from hub_ehr_fhir.mapping.notes import Notes
from hub_ehr_fhir.mapping.parts import Bad, Part, Resources, decode, parts_of
from hub_ehr_fhir.mapping.people import patient_facts
from hub_ehr_fhir.mapping.scene import Scene
from hub_ehr_fhir.mapping.visits import visit_facts
from hub_ehr_fhir.settings import FhirSettings

# An ExplanationOfBenefit is read for its contained Coverage alone and may be of a profile that R4 refuses.
_UNCHECKED = frozenset(("ExplanationOfBenefit",))


class _Pointers(shapes.Shape, frozen=True, kw_only=True):
    """Where a resource that could not be read says which encounter it belongs to."""

    encounter: shapes.Reference = shapes.NOWHERE
    context: shapes.Reference = shapes.NOWHERE


_POINTERS = msgspec.json.Decoder(_Pointers)


def read(raw: bytes, ndjson: bool, settings: FhirSettings) -> Reading:
    """Facts and problems of one message: a Bundle, a resource, or one of either on each line."""
    notes = Notes()
    parts = parts_of(raw, ndjson, notes)
    bad = [part for part in parts if part.kind in shapes.SHAPES and not _readable(part, settings, notes)]
    for part in bad:
        part.record = None
    scene = Scene(settings=settings, notes=notes, resources=Resources(parts), short=set())
    scene.short |= {key for part in bad if (key := _encounter_of(scene, part))}
    facts = _facts(scene)
    nothing = not facts and not notes.problems
    return Reading(facts=tuple(facts), problems=notes.problems, not_billable="informational" if nothing else "")


def _facts(scene: Scene) -> list[AnyFact]:
    """Charges before visits: a visit is ready only when none of its charges had to be set aside."""
    charges = charge_facts(scene)
    return [*patient_facts(scene), *coverage_facts(scene), *visit_facts(scene), *charges]


def _readable(part: Part, settings: FhirSettings, notes: Notes) -> bool:
    """Decode a resource, and check it as the settings say; checked is also what could not be decoded, so that
    the problem says everything.
    """
    decoded = decode(part, notes)
    if part.kind in _UNCHECKED:
        return decoded
    mode = settings.validate_with
    if mode == "every" or not decoded or (mode == "sample" and check.in_sample(part, settings.sample_every)):
        return check.is_valid(part, notes, sampled=mode == "sample") and decoded
    return True


def _encounter_of(scene: Scene, part: Part) -> str:
    try:
        pointers = _POINTERS.decode(part.raw)
    except Bad:
        return ""
    either = pointers.encounter if pointers.encounter.reference else pointers.context
    return scene.resources.key(either, "Encounter")
