"""SCH and the resources after it: visits that are planned, moved, called off or missed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from hub.model.encounter import Coding
from hub.model.facts import AnyFact, AppointmentFact
from hub.model.people import Provider
from hub_hl7_adt import values
from hub_hl7_adt.coverage import coverage_facts
from hub_hl7_adt.names import AIG, AIL, AIP, AIS, EI, PL, PV1, SCH, TQ, TQ1
from hub_hl7_adt.patient import patient_fact
from hub_hl7_adt.scene import Scene, patient_key, text_at
from hub_hl7_adt.wire import Segment

# Table 0278, and what senders put there.
_STATUSES = {
    **dict.fromkeys(("BOOKED", "PENDING", "SCHEDULED", "CONFIRMED", "OVERBOOK", "WAITLIST", "ARRIVED", "STARTED"),
                    "booked"),
    **dict.fromkeys(("CANCELLED", "CANCELED", "CANCEL", "DC", "DELETED", "BLOCKED"), "cancelled"),
    **dict.fromkeys(("NOSHOW", "NO SHOW", "NO-SHOW"), "noshow"),
    **dict.fromkeys(("COMPLETE", "COMPLETED", "CHECKED OUT", "DONE"), "done"),
}  # fmt: skip
Times = tuple[datetime | None, datetime | None]
_MINUTES = {"": 1, "M": 1, "MIN": 1, "MINUTE": 1, "MINUTES": 1, "H": 60, "HR": 60, "HOUR": 60, "HOURS": 60}
_RESOURCES = (("AIS", AIS.start_date_time), ("AIP", AIP.start_date_time), ("AIL", AIL.start_date_time),
              ("AIG", AIG.start_date_time))  # fmt: skip


def appointment_facts(scene: Scene) -> list[AnyFact]:
    """An appointment for each patient of the message, with the patient and the policies that stand there too; nothing
    for one without a patient, which only blocks a room.
    """
    pids, sch = scene.message.all("PID"), scene.message.first("SCH")
    if not pids:
        return []
    key = _key(sch) if sch is not None else ""
    if not key:
        scene.notes.error(
            "hl7.appointment.key",
            "SCH-2",
            "the appointment has no number, so it cannot be told from others",
            "have the sender fill SCH-2 or SCH-1",
        )
    found: list[AnyFact] = [fact for pid in pids if (fact := _person(scene, pid))]
    found += coverage_facts(scene) if scene.patient_key else []
    if sch is None or not key:
        return found
    times = _told_times(scene, sch)
    for pid in pids:
        if patient := patient_key(pid, scene.settings):
            mine = key if len(pids) == 1 else f"{key}@{patient}"
            found.append(_appointment(scene, sch, (mine, patient), times))
        else:
            scene.nobody(pid)
    return found


def _person(scene: Scene, pid: Segment) -> AnyFact | None:
    return patient_fact(scene, pid, needed=False) if patient_key(pid, scene.settings) else None


def _key(sch: Segment) -> str:
    """The number of the filler, else of the placer, with who gave it; one of a series with its place in it."""
    for position in (SCH.filler_appointment_id, SCH.placer_appointment_id):
        if number := sch.text(position, EI.entity_identifier):
            key = values.key_of(sch.text(position, EI.namespace_id), number)
            occurrence = sch.text(SCH.occurrence_number)
            return f"{key}/{occurrence}" if occurrence not in ("", "0", "1") else key
    return ""


def _appointment(scene: Scene, sch: Segment, keys: tuple[str, str], times: Times) -> AppointmentFact:
    key, patient = keys
    starts, ends = times
    status = _status(scene, sch)
    return AppointmentFact(
        key=key,
        version=scene.version,
        patient_key=patient,
        starts_at=starts,
        ends_at=ends,
        status=status or "booked",
        reason=_reason(scene, sch),
        provider=_provider(scene),
        place=_place(scene),
        encounter_key=text_at(scene.message, scene.settings.visit_places),
        cleared=("status",) if status == "booked" else (),
        partial=True,
    )


def _status(scene: Scene, sch: Segment) -> str:
    """What became of it: the event says when it was called off or missed; else SCH-25, else the event. Empty where
    neither says.
    """
    if scene.trigger.status in ("cancelled", "noshow"):
        return scene.trigger.status
    return _STATUSES.get(sch.text(SCH.filler_status_code).upper(), scene.trigger.status)


def _told_times(scene: Scene, sch: Segment) -> Times:
    """When it is; that a booking or a change does not say so is told, for nobody would see it in a day's list."""
    starts, ends = _times(scene, sch)
    if starts is None and _status(scene, sch) in {"", "booked"}:
        scene.notes.warn(
            "hl7.appointment.time",
            "SCH-11",
            "the message does not say when the appointment is; unless another one does, no list of a day shows it",
            "have the sender fill TQ1-7 or SCH-11.4, or the start of a resource (AIS, AIP, AIL, AIG)",
        )
    return starts, ends


def _times(scene: Scene, sch: Segment) -> Times:
    """TQ1-7 (2.5 and later), else SCH-11.4, else the first resource that says when; the end from TQ1-8, SCH-11.5, or
    the duration of SCH-9.
    """
    tq1 = scene.message.first("TQ1")
    starts = scene.instant(tq1, TQ1.start_date_time) if tq1 is not None else None
    ends = scene.instant(tq1, TQ1.end_date_time) if tq1 is not None else None
    if starts is None:
        starts = scene.instant(sch, SCH.appointment_timing_quantity, TQ.start_date_time)
        ends = scene.instant(sch, SCH.appointment_timing_quantity, TQ.end_date_time)
    if starts is None:
        starts = next((at for at in _resource_times(scene) if at is not None), None)
    return starts, ends or _after(sch, starts)


def _resource_times(scene: Scene) -> Iterator[datetime | None]:
    for name, position in _RESOURCES:
        for resource in scene.message.all(name):
            yield scene.instant(resource, position)


def _after(sch: Segment, starts: datetime | None) -> datetime | None:
    """When it ends by SCH-9 and SCH-10; None where the unit is neither minutes nor hours."""
    text, unit = sch.text(SCH.appointment_duration), sch.text(SCH.appointment_duration_units).upper()
    if starts is None or not (text.isascii() and text.isdigit() and len(text) < 5) or unit not in _MINUTES:
        return None
    return starts + timedelta(minutes=int(text) * _MINUTES[unit])


def _reason(scene: Scene, sch: Segment) -> Coding | None:
    """What it is for: the reason of the appointment, its type, else the first service."""
    ais = scene.message.first("AIS")
    spots = [(sch, SCH.appointment_reason), (sch, SCH.appointment_type)]
    spots += [(ais, AIS.universal_service_id)] if ais is not None else []
    for segment, position in spots:
        if found := segment.read(position, values.codings):
            return found[0]
    return None


def _provider(scene: Scene) -> Provider | None:
    """The first person of AIP, the one with an NPI before others, else the attending doctor of PV1."""
    for aip in (every := scene.message.all("AIP"))[:1]:
        people = aip.frame.repetition.join([each.written(AIP.personnel_resource_id) for each in every])
        if (found := values.provider(people, aip.frame)) is not None:
            return found
    pv1 = scene.message.first("PV1")
    return pv1.whole(PV1.attending_doctor, values.provider) if pv1 else None


def _place(scene: Scene) -> str:
    """The point of care, else the facility, of AIL, else of PV1, by the sender's name."""
    for name, position in (("AIL", AIL.location_resource_id), ("PV1", PV1.assigned_patient_location)):
        for segment in scene.message.all(name):
            if found := segment.text(position, PL.point_of_care) or segment.text(position, PL.facility):
                return found
    return ""
