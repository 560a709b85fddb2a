"""PV1, PV2, DG1 and ACC: the visit, its people, its diagnoses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import msgspec

from hub.model.encounter import Accident
from hub.model.facts import EncounterFact
from hub.model.people import Facility, Provider
from hub_hl7_adt import values
from hub_hl7_adt.diagnoses import diagnoses_of, no_diagnoses, only_admitting
from hub_hl7_adt.names import ACC, AUI, CX, EVN, FT1, IN1, IN3, PID, PL, PV1, PV2
from hub_hl7_adt.plan import plan_of
from hub_hl7_adt.scene import Scene, spots_of, text_at
from hub_hl7_adt.stay import EMPTIED as _OF_STAY
from hub_hl7_adt.stay import stay_fields
from hub_hl7_adt.triggers import Says
from hub_hl7_adt.wire import Segment

# Table 0004 (user-defined, these are its suggested values).
_KINDS = {"E": "emergency", "I": "inpatient", "O": "ambulatory", "R": "ambulatory"}
_EMPTIED = {
    PV1.patient_class: ("kind",),
    PV1.assigned_patient_location: ("facility", "place_of_service"),
    PV1.attending_doctor: ("rendering",),
    PV1.referring_doctor: ("referring",),
    PV1.admit_date_time: ("started_at", "admitted_on"),
    PV1.discharge_date_time: ("ended_at",),
    **_OF_STAY,
}
_FIX_KEY = "set visit_places to where this sender numbers its visits"
_ACCOUNT = {PID.patient_account_number: ("account",)}
_AUTHORIZATION = {IN1.authorization_information: ("authorization",)}
_ACCIDENT = {ACC.accident_date_time: ("accident",)}


def visit_key(scene: Scene) -> str:
    """The key of the visit: the first filled place of the profile, else patient and day of service or
    admission; empty when there is no visit in the message.
    """
    found = text_at(scene.message, scene.settings.visit_places)
    if found or not scene.patient_key:
        return found
    opened = _opening_day(scene)
    if not opened:
        _say_lost(scene)
        return ""
    scene.notes.warn(
        "hl7.visit.key",
        "PV1-19",
        "the message names neither visit nor account; patient and day stand for the visit",
        _FIX_KEY,
    )
    return f"{scene.patient_key}@{opened}"


def _say_lost(scene: Scene) -> None:
    """A visit that cannot be told from others is not kept; one that is called off must be known, or it may bill."""
    pv1 = scene.message.first("PV1")
    if scene.trigger.status == "cancelled":
        scene.poison(
            "hl7.visit.key",
            "PV1-19",
            "the message calls off a visit and names neither its number, nor its account, nor its day",
            _FIX_KEY,
        )
    elif pv1 is not None and pv1.text(PV1.patient_class).upper() != "N" and not scene.message.all("FT1"):
        scene.notes.warn(
            "hl7.visit.key",
            "PV1-19",
            "the message names neither visit, nor account, nor day, so its visit is not kept",
            _FIX_KEY,
        )


def _opening_day(scene: Scene) -> str:
    for name, position in (("FT1", FT1.transaction_date), ("PV1", PV1.admit_date_time)):
        segment = scene.message.first(name)
        text = segment.text(position)[:8] if segment is not None else ""
        if len(text) == 8 and text.isdigit():
            return text
    return ""


def encounter_fact(scene: Scene, *, charged: bool) -> EncounterFact:
    """The visit as this message has it; a field that the message leaves empty stays at its default, and is told only
    where `cleared` names it. `charged`: the message carries what is billed.
    """
    pv1 = scene.message.first("PV1")
    kind = _kind(scene)
    started, ended = _times(scene, pv1)
    derived = _derived(scene, pv1, kind, started, ended)
    kind, started, ended = kind or derived.kind, started or derived.started, ended or derived.ended
    status = _status(scene, ended)
    ready = _ready(scene, status, charged=charged)
    diagnoses, stamps = diagnoses_of(scene), derived.stamps
    if diagnoses and only_admitting(scene):
        stamps = {**stamps, "diagnoses": f"!{scene.version}"}
    return EncounterFact(
        key=scene.visit,
        version=scene.version,
        patient_key=scene.patient_key,
        account=scene.account,
        kind=kind,
        status=status or "open",
        started_at=started,
        ended_at=ended,
        place_of_service=place_of_service(scene, pv1, PV1.assigned_patient_location) if pv1 is not None else "",
        facility=_facility(pv1) if pv1 is not None else None,
        rendering=_person(scene, scene.settings.attending_places),
        referring=_person(scene, scene.settings.referring_places),
        diagnoses=diagnoses,
        accident=_accident(scene),
        authorization=_authorization(scene),
        admitted_on=_admitted(scene, kind),
        **stay_fields(scene),
        ready=ready is True,
        stamps=stamps,
        cleared=_cleared(scene, pv1, status, ready, started),
        partial=True,
    )


def _cleared(
    scene: Scene, pv1: Segment | None, status: str, ready: bool | None, started: datetime | None
) -> tuple[str, ...]:
    """What the event says is open again or not ready any more, and what the sender says is empty."""
    found = ["status"] if status == "open" else []
    if ready is False:
        found.append("ready")
    if scene.trigger.reopens:
        found.append("ended_at")
    if no_diagnoses(scene):
        found.append("diagnoses")
    if scene.nulls:
        found += [name for name in _nulls(scene, pv1) if name != "started_at" or started is None]
    return tuple(dict.fromkeys(found)) if found else ()


def _nulls(scene: Scene, pv1: Segment | None) -> list[str]:
    message = scene.message
    tables = ((pv1, _EMPTIED), (message.first("PID"), _ACCOUNT), (message.first("ACC"), _ACCIDENT))
    found = [name for segment, fields in tables if segment for name in scene.emptied(segment, fields)]
    policies = message.all("IN1")
    if policies and all(scene.emptied(in1, _AUTHORIZATION) for in1 in policies):
        found.append("authorization")
    return found


def _first_service(scene: Scene) -> datetime | None:
    """When the first line was served, by the profile of lines."""
    message = scene.message
    for spot in plan_of(scene.settings).dates:
        segment = message.first(spot.segment)
        if segment and (found := scene.instant(segment, spot.field, spot.component)) is not None:
            return found
    return None


def _person(scene: Scene, places: tuple[str, ...]) -> Provider | None:
    """The first place that names somebody."""
    for name, field, _, _ in spots_of(places):
        segment = scene.message.first(name)
        if segment is not None and (found := segment.whole(field, values.provider)) is not None:
            return found
    return None


def _moment(scene: Scene, places: tuple[str, ...]) -> datetime | None:
    """The instant at the first place that is filled."""
    for name, field, component, _ in spots_of(places):
        segment = scene.message.first(name)
        if segment is not None and (found := scene.instant(segment, field, component)) is not None:
            return found
    return None


class _Derived(msgspec.Struct, frozen=True):
    """What the message does not tell itself, with the version that it stands under: below all that is told."""

    kind: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    stamps: Mapping[str, str] = {}


_NOTHING = _Derived()


def _derived(
    scene: Scene, pv1: Segment | None, kind: str, started: datetime | None, ended: datetime | None
) -> _Derived:
    """The class from the event where PV1-2 is empty; the beginning from the first service where no admission is told;
    the end of an A03 from when it is said to have occurred (EVN-6).
    """
    of_stay = scene.trigger.of_stay if pv1 and not (kind or pv1.written(PV1.patient_class)) else ""
    begins = _first_service(scene) if started is None and scene.trigger.says is Says.CHARGES else None
    evn = scene.message.first("EVN") if ended is None and scene.event == "A03" else None
    ends = scene.instant(evn, EVN.event_occurred) if evn is not None else None
    if not (of_stay or begins or ends):
        return _NOTHING
    found = {"kind": of_stay, "started_at": begins, "ended_at": ends}
    stamps = {name: f"!{scene.version}" for name, value in found.items() if value}
    return _Derived(of_stay, begins, ends, stamps)


def _kind(scene: Scene) -> str:
    """The class of patient, by the profile, then by table 0004."""
    code = text_at(scene.message, scene.settings.patient_class_places).upper()
    return (scene.settings.patient_classes.get(code) or _KINDS.get(code, "")) if code else ""


def _admitted(scene: Scene, kind: str) -> date | None:
    if kind != "inpatient":
        return None
    for name, field, _, _ in spots_of(scene.settings.admission_places):
        segment = scene.message.first(name)
        if segment is not None and (on := scene.day(segment, field)) is not None:
            return on
    return None


def _facility(pv1: Segment) -> Facility | None:
    """The point of care, else the facility, by the sender's name: configuration says where that is."""
    name = pv1.text(PV1.assigned_patient_location, PL.point_of_care)
    name = name or pv1.text(PV1.assigned_patient_location, PL.facility) or pv1.text(PV1.servicing_facility)
    return Facility(name=name) if name else None


def _times(scene: Scene, pv1: Segment | None) -> tuple[datetime | None, datetime | None]:
    """When the visit began (for one that is planned: when it is expected) and ended."""
    if pv1 is None:
        return None, None
    started = _moment(scene, scene.settings.admission_places)
    pv2 = scene.message.first("PV2")
    if started is None and pv2 is not None and scene.trigger.status == "planned":
        started = scene.instant(pv2, PV2.expected_admit_date_time)
    return started, None if scene.trigger.reopens else _moment(scene, scene.settings.discharge_places)


def _status(scene: Scene, ended: datetime | None) -> str:
    """The status that the message tells, empty for none. A discharge time ends a visit that is not called off."""
    told = scene.trigger.status
    return "finished" if ended is not None and told in ("", "open") else told


def _ready(scene: Scene, status: str, *, charged: bool) -> bool | None:
    """Whether nothing more will come of the visit: True when the message carries charges or ends the visit, or
    always where the profile says so; False when the event takes that back; None when it says nothing of it.
    """
    always = scene.settings.ready == "always" and status not in ("planned", "cancelled")
    if charged or status == "finished" or always:
        return True
    return scene.trigger.ready


def place_of_service(scene: Scene, segment: Segment, position: int) -> str:
    """The place of service code that the profile gives for a point of care; empty when it gives none."""
    known = scene.settings.place_of_service
    return known.get(segment.text(position, PL.point_of_care), "") if known else ""


def _accident(scene: Scene) -> Accident | None:
    acc = scene.message.first("ACC")
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
    """The authorization of the first policy that has one: IN1-14, else the certification of IN3-2."""
    policies = scene.message.all("IN1")
    if not policies:
        return ""
    for in1 in policies:
        if number := in1.text(IN1.authorization_information, AUI.authorization_number):
            return number
    for in3 in scene.message.all("IN3"):
        if number := in3.text(IN3.certification_number, CX.id_number):
            return number
    return ""
