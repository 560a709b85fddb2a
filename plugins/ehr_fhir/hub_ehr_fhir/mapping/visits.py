"""Encounter and Condition: the visit, its people, its diagnoses."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from hub.model.encounter import Diagnosis
from hub.model.facts import AnyFact, DiagnosisFact, EncounterFact
from hub.model.people import Provider
from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.authorizations import requester, said_of
from hub_ehr_fhir.mapping.extensions import named, text_of
from hub_ehr_fhir.mapping.links import version_of
from hub_ehr_fhir.mapping.notes import ASK, MODIFIED
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.places import place_of
from hub_ehr_fhir.mapping.scene import Scene, is_absent, provider

_Clinician = tuple[int, set[str], shapes.Reference]
_RENDERING = ("PPRF", "ATND", "SPRF", "PART", "")
_NO_CLINICIANS = ("RelatedPerson/", "Patient/")
_REFERRING = ("REF", "REFB")
_SUPERVISING = ("supervisor", "SUPRF")


def visit_facts(scene: Scene) -> list[AnyFact]:
    """A fact for each Encounter that names its patient, and for each Condition that belongs to one."""
    apart = [_condition(scene, part, one) for part, one in scene.resources.of(shapes.Condition)]
    visits = [_encounter(scene, part, one) for part, one in scene.resources.of(shapes.Encounter)]
    return [fact for fact in (*visits, *apart) if fact is not None]


def _condition(scene: Scene, part: Part, condition: shapes.Condition) -> DiagnosisFact | None:
    """A Condition of an encounter. One of the problem list alone is history; where the encounter points to it, it
    stands in the encounter's fact, as all ranks do. A diagnosis that is not certain is not billed (ICD-10-CM
    guidelines, IV.H).
    """
    encounter_key = scene.resources.key(condition.encounter, "Encounter")
    listed = codes.has_code(condition.category, "problem-list-item", "health-concern")
    if not encounter_key or (listed and not codes.has_code(condition.category, "encounter-diagnosis")):
        return None
    coding = codes.best_diagnosis(condition.code)
    if coding is None:
        scene.short.add(encounter_key)
        scene.notes.error("fhir.condition.code", part.at("code"), "the diagnosis has no code")
        return None
    return DiagnosisFact(
        key=part.key,
        version=part.version,
        encounter_key=encounter_key,
        diagnosis=Diagnosis(coding=coding, id=part.key),
        patient_key=scene.resources.key(condition.subject, "Patient"),
        active=_is_certain(condition),
    )


def _is_certain(condition: shapes.Condition) -> bool:
    verified = condition.verification_status.coding
    if len(verified) == 1:
        return verified[0].code in ("", "confirmed")
    told = {coding.code for coding in verified if coding.code}
    return not told or "confirmed" in told


def _encounter(scene: Scene, part: Part, encounter: shapes.Encounter) -> EncounterFact | None:
    patient_key = scene.resources.key(encounter.subject, "Patient")
    if not patient_key:
        why = "the encounter does not say whose it is"
        scene.notes.error("fhir.encounter.subject", part.at("subject"), why)
        return None
    if encounter.modifier_extension:
        scene.short.add(part.key)
        scene.notes.error("fhir.modifier", part.at("modifierExtension"), MODIFIED, ASK)
    status = _status(scene, part, encounter)
    if status == "cancelled" and not scene.loose:
        scene = msgspec.structs.replace(scene, loose=True)  # of what was called off nobody is asked for more
    started_at, ended_at = _times(scene, part, encounter)
    kind, said = _kind(scene, part, encounter), said_of(scene, part, encounter)
    there = _clinicians(scene, encounter)
    rendering, waits = _participant(scene, part, there, _RENDERING)
    referring, waits_too = _referring(scene, part, encounter, there)
    diagnoses, unknown = _diagnoses(scene, part, encounter)
    begun = _begun(scene, part, encounter) if kind == "inpatient" else None
    whole = not (waits or waits_too or unknown) and part.key not in scene.short
    place = place_of(scene, encounter)
    return EncounterFact(
        key=part.key,
        version=version_of(scene.resources, part, said.by),
        patient_key=patient_key,
        account=scene.resources.key(encounter.account[0], "Account") if encounter.account else "",
        kind=kind,
        status=status or "open",
        started_at=started_at,
        ended_at=ended_at,
        place_of_service=place.code,
        facility=place.facility,
        billing_npi=place.billing_npi,
        rendering=rendering,
        referring=None if _is_same(referring, rendering) else referring,
        supervising=_participant(scene, part, there, _SUPERVISING)[0],
        diagnoses=diagnoses,
        accident=said.accident,
        authorization=said.authorization,
        references=said.references,
        admitted_on=begun,
        admission_type=_first(encounter.priority, codes.ADMISSION_TYPES) if kind == "inpatient" else "",
        admission_source=_source(scene, encounter),
        discharge_status=_discharge(scene, encounter),
        drg=_drg(scene, encounter),
        policies=_policies(scene, encounter) if encounter.account else (),
        others=_others(scene, encounter, patient_key) if encounter.diagnosis or encounter.account else (),
        ready=status == "finished" and whole,
    )


def _policies(scene: Scene, encounter: shapes.Encounter) -> tuple[str, ...]:
    """The keys of the coverages that the visit's own accounts name, in their order: an accident is paid for by
    another one than what its patient has besides.
    """
    accounts = [scene.resources.get(one, shapes.Account) for one in encounter.account]
    live = [one for one in accounts if one is not None and one.status != "entered-in-error"]
    named = [(each.priority or 99, each) for one in live for each in one.coverage]
    keys = (scene.resources.key(each.coverage, "Coverage") for _, each in sorted(named, key=lambda pair: pair[0]))
    return tuple(dict.fromkeys(key for key in keys if key))


def _others(scene: Scene, encounter: shapes.Encounter, patient_key: str) -> tuple[str, ...]:
    """Whose the diagnoses are that a visit lists, and the policies that its accounts name, where that is somebody
    else. An account of a family names policies of others beside the patient's own, which alone counts.
    """
    resources, own = scene.resources, encounter.subject.reference
    listed = (resources.get(one.condition, shapes.Condition) for one in encounter.diagnosis)
    subjects = [one.subject for one in listed if one is not None and (not own or one.subject.reference != own)]
    if not subjects and not encounter.account:
        return ()
    whose = {resources.key(one, "Patient") for one in subjects}
    accounts = (resources.get(one, shapes.Account) for one in encounter.account)
    named = (each.coverage for one in accounts if one is not None for each in one.coverage)
    policies = [resources.get(each, shapes.Coverage) for each in named]
    covered = {resources.key(one.beneficiary, "Patient") if one else patient_key for one in policies}
    found = whose | (covered if patient_key not in covered else set())
    return tuple(sorted(found - {patient_key, ""}))


def _is_same(one: Provider | None, other: Provider | None) -> bool:
    """Whether two are one: who sees a patient by his own order was referred by nobody."""
    if one is None or other is None:
        return False
    return one.npi == other.npi if one.npi and other.npi else (one.last, one.first) == (other.last, other.first)


def _status(scene: Scene, part: Part, encounter: shapes.Encounter) -> str | None:
    """What became of the visit; None where nobody can tell. A visit for a test is none."""
    status = codes.ENCOUNTER_STATUSES.get(encounter.status)
    if status is None:
        why = "the status is not one of R4's, so it is not known whether the visit is over; it was read as open"
        scene.notes.error("fhir.encounter.status", part.at("status"), why)
    elif codes.is_test(encounter.meta):
        why = "the visit is marked as test data (HTEST); it was read as cancelled"
        scene.notes.warn("fhir.test", part.at("meta"), why, "nothing; or take the mark away if it is a visit")
        return "cancelled"
    return status


def _times(scene: Scene, part: Part, encounter: shapes.Encounter) -> tuple[datetime | None, datetime | None]:
    period, zone = encounter.period, scene.zone
    try:
        started_at, ended_at = codes.instant(period.start, zone), codes.instant(period.end, zone)
    except codes.Unreadable:
        started_at = scene.tried(lambda: codes.instant(period.start, zone), part.at("period.start"))
        ended_at = scene.tried(lambda: codes.instant(period.end, zone), part.at("period.end"))
    if started_at and ended_at and ended_at < started_at and period.start[:10] > period.end[:10]:
        scene.short.add(part.key)
        scene.notes.error("fhir.encounter.period", part.at("period"), "the visit ends before it begins")
    return started_at, ended_at


def _begun(scene: Scene, part: Part, encounter: shapes.Encounter) -> date | None:
    return scene.tried(lambda: codes.local_day(encounter.period.start, scene.zone), part.at("period.start"))


def _kind(scene: Scene, part: Part, encounter: shapes.Encounter) -> str:
    """What kind of visit its class makes it; a code that nobody knows is told."""
    code = encounter.class_.code
    kind = scene.settings.encounter_classes.get(code, codes.ENCOUNTER_KINDS.get(code))
    if kind is None and code:
        why = "this class of visit is not one of v3-ActCode; the visit has no kind"
        fix = "say in encounter_classes what the server's own codes mean"
        scene.notes.warn("fhir.encounter.class", part.at("class"), why, fix)
    return kind or ""


def _first(concept: shapes.CodeableConcept, words: dict[str, str]) -> str:
    return next((words[c.code] for c in concept.coding if c.code in words), "")


def _source(scene: Scene, encounter: shapes.Encounter) -> str:
    """Point of origin (UB-04 FL 15): NUBC's own code, else what settings or the standard list say of it."""
    concept = encounter.hospitalization.admit_source
    if not concept.coding:
        return ""
    nubc = (c.code for c in concept.coding if codes.is_nubc(c.system) and len(c.code) == 1)
    return next(nubc, "") or _first(concept, {**codes.ADMISSION_SOURCES, **scene.settings.admission_sources})


def _drg(scene: Scene, encounter: shapes.Encounter) -> str:
    if not encounter.extension:
        return ""
    return next((text_of(e) for e in named(encounter.extension, scene.settings.drg_extensions)), "")


def _discharge(scene: Scene, encounter: shapes.Encounter) -> str:
    """Discharge status (UB-04 FL 17), likewise."""
    concept = encounter.hospitalization.discharge_disposition
    if not concept.coding:
        return ""
    nubc = (c.code for c in concept.coding if codes.is_nubc(c.system) and len(c.code) == 2)
    return next(nubc, "") or _first(concept, {**codes.DISCHARGE_STATUSES, **scene.settings.discharge_statuses})


def _clinicians(scene: Scene, encounter: shapes.Encounter) -> list[_Clinician]:
    """Each participant who may be a clinician: its place, its roles (the one that is empty: none was given), who."""
    found = []
    for n, each in enumerate(encounter.participant):
        if not scene.resources.key(each.individual, "").startswith(_NO_CLINICIANS):
            roles = {c.code for concept in each.type for c in concept.coding if c.code} if each.type else {""}
            found.append((n, roles, each.individual))
    return found


def _participant(
    scene: Scene, part: Part, there: list[_Clinician], roles: tuple[str, ...]
) -> tuple[Provider | None, bool]:
    """The first participant in the first of some roles (v3-ParticipationType; empty: no role was given), and whether
    the visit waits for one who would come first.
    """
    for role in roles:
        for n, his, who in there:
            if role not in his:
                continue
            if found := provider(scene, who):
                return found, False
            if is_absent(scene, who):
                return None, scene.missed(part.at(f"participant[{n}]"), "the clinician")
    return None, False


def _referring(
    scene: Scene, part: Part, encounter: shapes.Encounter, there: list[_Clinician]
) -> tuple[Provider | None, bool]:
    """Who referred: a participant, else who asked for what the visit is based on."""
    found, waits = _participant(scene, part, there, _REFERRING)
    if found or waits or not encounter.based_on:
        return found, waits
    asked = requester(scene, encounter)
    if found := provider(scene, asked):
        return found, False
    if any(_absent(scene, each, "ServiceRequest") for each in encounter.based_on):
        scene.missed(part.at("basedOn"), "the referral", needed=False)
    return None, False


def _absent(scene: Scene, reference: shapes.Reference, kind: str) -> bool:
    key = scene.resources.key(reference, kind)
    return key.startswith(f"{kind}/") and scene.resources.at(key) is None


def _diagnoses(scene: Scene, part: Part, encounter: shapes.Encounter) -> tuple[tuple[Diagnosis, ...], bool]:
    """The conditions that the encounter points to, with their ranks, and whether the visit waits for one of them."""
    found, waits = list[Diagnosis](), False
    for n, each in enumerate(encounter.diagnosis):
        there = scene.resources.part(each.condition)
        if there is None:
            if _absent(scene, each.condition, "Condition"):
                waits |= scene.missed(part.at(f"diagnosis[{n}]"), "the diagnosis")
            continue
        condition = there.record  # a Procedure may stand there, too: it is no diagnosis
        if isinstance(condition, shapes.Condition) and _is_certain(condition):
            coding = codes.best_diagnosis(condition.code)
            if coding is not None:
                found.append(Diagnosis(coding=coding, rank=max(each.rank, 0), id=there.key))
    return tuple(found), waits


def visit_day(scene: Scene, key: str) -> date | None:
    """The day on which a visit of this message began."""
    part = scene.resources.at(key)
    record = part.record if part is not None else None
    return codes.local_day(record.period.start, scene.zone) if isinstance(record, shapes.Encounter) else None
