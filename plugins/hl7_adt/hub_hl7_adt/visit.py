"""PV1, PV2, DG1 and ACC: the visit, its people, its diagnoses."""

from __future__ import annotations

from datetime import datetime

from hub.model.encounter import Accident, Diagnosis
from hub.model.facts import EncounterFact
from hub.model.people import Facility
from hub_hl7_adt import values
from hub_hl7_adt.names import ACC, AUI, DG1, FT1, IN1, PL, PV1, PV2
from hub_hl7_adt.scene import Scene, first_text
from hub_hl7_adt.triggers import Says
from hub_hl7_adt.wire import Segment

# Table 0004 (user-defined, these are its suggested values).
_KINDS = {"E": "emergency", "I": "inpatient", "O": "ambulatory", "R": "ambulatory"}


def visit_key(scene: Scene) -> str:
    """The key of the visit: the first filled place of the profile, else patient and day of service or
    admission; empty when there is no visit in the message.
    """
    message = scene.message
    segments = [s for s in (message.first(b"PV1"), message.first(b"PID"), message.first(b"PV2")) if s is not None]
    found = first_text(segments, scene.settings.visit_places)
    if found or not scene.patient_key:
        return found
    opened = _opening_day(scene)
    if not opened:
        return ""
    scene.notes.warn(
        "hl7.visit.key",
        "PV1-19",
        "the message names neither visit nor account; patient and day stand for the visit",
        "set visit_places to where this sender numbers its visits",
    )
    return f"{scene.patient_key}@{opened}"


def _opening_day(scene: Scene) -> str:
    for name, position in ((b"FT1", FT1.transaction_date), (b"PV1", PV1.admit_date_time)):
        segment = scene.message.first(name)
        text = segment.text(position)[:8] if segment is not None else ""
        if len(text) == 8 and text.isdigit():
            return text
    return ""


def encounter_fact(scene: Scene) -> EncounterFact:
    """The visit as this message has it: a field that the message leaves empty stays at its default."""
    pv1 = scene.message.first(b"PV1")
    kind = _KINDS.get(pv1.text(PV1.patient_class).upper(), "") if pv1 else ""
    started, ended = _times(scene, pv1)
    status = _status(scene, ended)
    return EncounterFact(
        key=scene.visit,
        version=scene.version,
        patient_key=scene.patient_key,
        account=scene.account,
        kind=kind,
        status=status,
        started_at=started,
        ended_at=ended,
        place_of_service=place_of_service(scene, pv1, PV1.assigned_patient_location) if pv1 else "",
        facility=_facility(pv1) if pv1 else None,
        rendering=values.provider(pv1.values(PV1.attending_doctor)) if pv1 else None,
        referring=values.provider(pv1.values(PV1.referring_doctor)) if pv1 else None,
        diagnoses=_diagnoses(scene),
        accident=_accident(scene),
        authorization=_authorization(scene),
        admitted_on=scene.day(pv1, PV1.admit_date_time) if pv1 and kind == "inpatient" else None,
        ready=_ready(scene, status),
        partial=True,
    )


def _facility(pv1: Segment) -> Facility | None:
    """The point of care, else the facility, by the sender's name: configuration says where that is."""
    place = pv1.value(PV1.assigned_patient_location)
    name = place.text(PL.point_of_care) or place.text(PL.facility)
    return Facility(name=name) if name else None


def _times(scene: Scene, pv1: Segment | None) -> tuple[datetime | None, datetime | None]:
    """When the visit began and ended; a message with charges and no admission began on its first service day."""
    ft1 = scene.message.first(b"FT1") if scene.trigger.says is Says.CHARGES else None
    charged = scene.instant(ft1, FT1.transaction_date) if ft1 is not None else None
    if pv1 is None:
        return charged, None
    started = scene.instant(pv1, PV1.admit_date_time) or charged
    pv2 = scene.message.first(b"PV2")
    if started is None and pv2 is not None and scene.trigger.status == "planned":
        started = scene.instant(pv2, PV2.expected_admit_date_time)
    return started, scene.instant(pv1, PV1.discharge_date_time)


def _status(scene: Scene, ended: datetime | None) -> str:
    """A discharge time ends a visit, but for a cancelled discharge (A13), which opens it again."""
    if scene.trigger.status == "open" and ended is not None and scene.event != "A13":
        return "finished"
    return scene.trigger.status


def _ready(scene: Scene, status: str) -> bool:
    """A message with charges is ready unless one of its lines was set aside; an ADT when it ends the visit,
    or always where the profile says so.
    """
    if status in ("planned", "cancelled"):
        return False
    charged = scene.trigger.says is Says.CHARGES and bool(scene.message.all(b"FT1"))
    if charged or scene.settings.ready == "always":
        return scene.whole
    return status == "finished"


def place_of_service(scene: Scene, segment: Segment, position: int) -> str:
    """The place of service code that the profile gives for a point of care; empty when it gives none."""
    return scene.settings.place_of_service.get(segment.text(position, PL.point_of_care), "")


def _diagnoses(scene: Scene) -> tuple[Diagnosis, ...]:
    """The diagnoses in order: final before working before admitting, then by priority, then as they come.
    Admitting ones count only where there is no other. Deleted ones (DG1-21 = D) are left out.
    """
    found = [d for d in scene.message.all(b"DG1") if d.text(DG1.diagnosis_action_code) != "D"]
    coded = [(d, values.codings(d.value(DG1.diagnosis_code_dg1), _method(d))) for d in found]
    kept = [(d, codes[0]) for d, codes in coded if codes]
    if any(not _admitting(d) for d, _ in kept):
        kept = [(d, code) for d, code in kept if not _admitting(d)]
    order = {"F": 0, "W": 1, "": 1}
    kept.sort(key=lambda pair: (order.get(pair[0].text(DG1.diagnosis_type).upper(), 2), _priority(pair[0])))
    unique = dict.fromkeys(code for _, code in kept)
    return tuple(Diagnosis(coding=code, rank=n) for n, code in enumerate(unique, 1))


def _admitting(dg1: Segment) -> bool:
    return dg1.text(DG1.diagnosis_type).upper() in ("A", "AD")


def _priority(dg1: Segment) -> int:
    """DG1-15, where 0 or nothing means not stated; the set id decides nothing, the order of segments does."""
    text = dg1.text(DG1.diagnosis_priority)
    return int(text[:4]) or 99 if text.isascii() and text.isdigit() else 99


def _method(dg1: Segment) -> str:
    return values.system_name(dg1.text(DG1.diagnosis_coding_method))


def _accident(scene: Scene) -> Accident | None:
    acc = scene.message.first(b"ACC")
    if acc is None:
        return None
    on = scene.day(acc, ACC.accident_date_time)
    state = acc.text(ACC.auto_accident_state)
    if acc.text(ACC.accident_job_related_indicator).upper() == "Y":
        return Accident(kind="EM", on=on)
    if state or acc.text(ACC.accident_code).upper() in ("AA", "AUTO", "01", "1"):
        return Accident(kind="AA", on=on, state=state)
    return Accident(kind="OA", on=on)


def _authorization(scene: Scene) -> str:
    """The authorization of the first policy that has one."""
    policies = scene.message.all(b"IN1")
    numbers = (in1.text(IN1.authorization_information, AUI.authorization_number) for in1 in policies)
    return next((number for number in numbers if number), "")
