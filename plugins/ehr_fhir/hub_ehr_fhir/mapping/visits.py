"""Encounter and Condition: the visit, its people, its diagnoses."""

from __future__ import annotations

from hub.model.encounter import Diagnosis
from hub.model.facts import AnyFact, DiagnosisFact, EncounterFact
from hub.model.people import Facility, Provider
from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.scene import Scene, provider

_CERTAIN = ("", "confirmed")


def visit_facts(scene: Scene) -> list[AnyFact]:
    """A fact for each Encounter that names its patient, and for each Condition that belongs to one."""
    ranks = _ranks(scene)
    apart = [fact for fact in (_condition(scene, *found, ranks) for found in _conditions(scene)) if fact]
    told = {(fact.encounter_key, fact.key) for fact in apart}
    facts: list[AnyFact] = []
    for part, encounter in scene.resources.of(shapes.Encounter):
        fact = _encounter(scene, part, encounter, told)
        facts += [fact] if fact else []
    return [*facts, *apart]


def _conditions(scene: Scene) -> list[tuple[Part, shapes.Condition]]:
    return list(scene.resources.of(shapes.Condition))


def _ranks(scene: Scene) -> dict[tuple[str, str], int]:
    """Encounter.diagnosis.rank by encounter and condition."""
    return {
        (part.key, scene.resources.key(each.condition, "Condition")): each.rank
        for part, encounter in scene.resources.of(shapes.Encounter)
        for each in encounter.diagnosis
    }


def _condition(
    scene: Scene, part: Part, condition: shapes.Condition, ranks: dict[tuple[str, str], int]
) -> DiagnosisFact | None:
    """A Condition of an encounter. One of the problem list alone is history, unless the encounter itself
    points to it. A diagnosis that is not certain is not billed (ICD-10-CM guidelines, IV.H).
    """
    encounter_key = scene.resources.key(condition.encounter, "Encounter")
    listed = codes.has_code(condition.category, "problem-list-item", "health-concern")
    visit = codes.has_code(condition.category, "encounter-diagnosis")
    if not encounter_key or (listed and not visit and (encounter_key, part.key) not in ranks):
        return None
    coding = codes.best_diagnosis(condition.code)
    if coding is None:
        scene.short.add(encounter_key)
        scene.notes.error("fhir.condition.code", part.at("code"), "the diagnosis has no code")
        return None
    rank = ranks.get((encounter_key, part.key), 0)
    verified = [c.code for c in condition.verification_status.coding]
    return DiagnosisFact(
        key=part.key,
        version=part.version,
        encounter_key=encounter_key,
        diagnosis=Diagnosis(coding=coding, rank=max(rank, 0)),
        active=not verified or verified[0] in _CERTAIN,
    )


def _encounter(
    scene: Scene, part: Part, encounter: shapes.Encounter, told: set[tuple[str, str]]
) -> EncounterFact | None:
    patient_key = scene.resources.key(encounter.subject, "Patient")
    if not patient_key:
        why = "the encounter does not say whose it is"
        scene.notes.error("fhir.encounter.subject", part.at("subject"), why)
        return None
    status = codes.ENCOUNTER_STATUSES.get(encounter.status)
    if status is None:
        why = "the status is not one of R4's, so it is not known whether the visit is over; it was read as open"
        scene.notes.error("fhir.encounter.status", part.at("status"), why)
    period, kind = encounter.period, codes.ENCOUNTER_KINDS.get(encounter.class_.code, "")
    begun = scene.tried(lambda: codes.day(period.start), part.at("period.start"))
    return EncounterFact(
        key=part.key,
        version=part.version,
        patient_key=patient_key,
        account=scene.resources.key(encounter.account[0], "Account") if encounter.account else "",
        kind=kind,
        status=status or "open",
        started_at=scene.tried(lambda: codes.instant(period.start, scene.zone), part.at("period.start")),
        ended_at=scene.tried(lambda: codes.instant(period.end, scene.zone), part.at("period.end")),
        place_of_service=_place_of_service(scene, encounter),
        facility=_facility(scene, encounter),
        billing_npi=_billing_npi(scene, encounter),
        rendering=_participant(scene, encounter, ("PPRF", "ATND", "SPRF", "PART", "")),
        referring=_participant(scene, encounter, ("REF", "REFB")),
        diagnoses=_diagnoses(scene, part, encounter, told),
        admitted_on=begun if kind == "inpatient" else None,
        ready=status == "finished" and part.key not in scene.short,
    )


def _participant(scene: Scene, encounter: shapes.Encounter, roles: tuple[str, ...]) -> Provider | None:
    """The first participant in the first of some roles (v3-ParticipationType; empty: no role was given)."""
    for role in roles:
        for each in encounter.participant:
            fits = codes.has_code(each.type, role) if role else not each.type
            if fits and (found := provider(scene, each.individual)):
                return found
    return None


def _diagnoses(
    scene: Scene, part: Part, encounter: shapes.Encounter, told: set[tuple[str, str]]
) -> tuple[Diagnosis, ...]:
    """The conditions that the encounter points to and that do not come as facts of their own."""
    found = []
    for each in encounter.diagnosis:
        condition = scene.resources.get(each.condition, shapes.Condition)
        if condition is None or (part.key, scene.resources.key(each.condition, "Condition")) in told:
            continue
        coding = codes.best_diagnosis(condition.code)
        verified = [c.code for c in condition.verification_status.coding]
        if coding and (not verified or verified[0] in _CERTAIN):
            found.append(Diagnosis(coding=coding, rank=max(each.rank, 0)))
    return tuple(found)


def _location(scene: Scene, encounter: shapes.Encounter) -> shapes.Location | None:
    found = (scene.resources.get(each.location, shapes.Location) for each in encounter.location)
    return next((location for location in found if location), None)


def _place_of_service(scene: Scene, encounter: shapes.Encounter) -> str:
    """The CMS place of service code that the Location carries as its type; none is made up from its class."""
    location = _location(scene, encounter)
    types = location.type if location else ()
    found = (c for t in types for c in t.coding if "place-of-service" in c.system.lower().replace("_", "-"))
    return next((c.code for c in found if len(c.code) == 2), "")


def _facility(scene: Scene, encounter: shapes.Encounter) -> Facility | None:
    """Where the visit was: its Location, else its service provider, else what they are called."""
    location = _location(scene, encounter)
    if location and location.name:
        address = codes.postal((location.address,)) if location.address else None
        return Facility(name=location.name, address=address, npi=codes.npi(location.identifier))
    firm = scene.resources.get(encounter.service_provider, shapes.Organization)
    if firm and firm.name:
        return Facility(name=firm.name, address=codes.postal(firm.address), npi=codes.npi(firm.identifier))
    shown = [each.location.display for each in encounter.location] + [encounter.service_provider.display]
    name = next((text for text in shown if text), "")
    return Facility(name=name) if name else None


def _billing_npi(scene: Scene, encounter: shapes.Encounter) -> str:
    firm = scene.resources.get(encounter.service_provider, shapes.Organization)
    return codes.npi(firm.identifier) if firm else ""
