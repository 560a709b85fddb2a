"""PID and GT1: the patient and who pays what the patient owes."""

from __future__ import annotations

from hub.model.facts import PatientFact
from hub.model.people import Address, Guarantor, Identifier, Name, Patient
from hub_hl7_adt import values
from hub_hl7_adt.names import GT1, MSH, PID, XAD, XON, XPN
from hub_hl7_adt.scene import PRIVATE, Scene, patient_key
from hub_hl7_adt.wire import Frame, Segment, components

_EMPTIED = {
    PID.date_time_of_birth: ("birth_date",),
    PID.administrative_sex: ("sex",),
    PID.patient_address: ("address",),
    PID.phone_number_home: ("phone",),
    PID.patient_death_date_and_time: ("death_date",),
}
# Where a patient's other numbers stand, and what a number there is where it names no type.
_NUMBERS = (
    (PID.patient_identifier_list, "ID"),
    (PID.patient_id, "EXTERNAL"),
    (PID.alternate_patient_id_pid, "ALTERNATE"),
)
_ADDRESSES = {"M": 0, "H": 1, "": 2, "BA": 9, "BDL": 9, "BR": 9, "N": 9}
_PHONES = (PID.phone_number_home, PID.patient_telecommunication_information, PID.phone_number_business)


def patient_fact(scene: Scene, pid: Segment | None, *, needed: bool) -> PatientFact | None:
    """The patient of a PID; None where it has no name to bill under. Where the patient is `needed` that is a problem,
    and the message must not be applied without.
    """
    if pid is None:
        return None
    name = values.person(_legal(pid), pid.frame)
    if name is None:
        if needed:
            scene.poison(
                "hl7.patient.name",
                pid.at(PID.patient_name, XPN.family_name),
                "the patient has no family name, so nothing can be billed for them",
                "complete the registration at the sender and send it again",
            )
        return None
    patient = _patient(scene, pid, name)
    return PatientFact(
        key=scene.patient_key if pid.number == 1 else patient_key(pid, scene.settings),
        version=scene.version,
        patient=patient,
        cleared=_cleared(scene, pid, patient),
        partial=True,
    )


def _patient(scene: Scene, pid: Segment, name: Name) -> Patient:
    return Patient(
        name=name,
        birth_date=scene.day(pid, PID.date_time_of_birth),
        sex=values.sex(pid.text(PID.administrative_sex)),
        address=_home(pid, PID.patient_address),
        phone=_first_phone(pid, _PHONES),
        identifiers=_identifiers(pid),
        guarantor=_guarantor(scene, name),
        death_date=scene.day(pid, PID.patient_death_date_and_time),
        is_test=_is_test(scene.settings.test_last_names, name),
    )


def _cleared(scene: Scene, pid: Segment, patient: Patient) -> tuple[str, ...]:
    """What PID and GT1 say is empty, or unknown, or no longer so."""
    emptied = scene.emptied(pid, _EMPTIED) if scene.nulls else ()
    found = [name for name in emptied if getattr(patient, name) in (None, "", "U")] if emptied else []
    if patient.sex == "U" and pid.has(PID.administrative_sex):
        found.append("sex")
    if patient.death_date is None and pid.text(PID.patient_death_indicator).upper() == "N":
        found.append("death_date")
    if scene.settings.test_last_names and not patient.is_test:
        found.append("is_test")
    if scene.nulls and patient.guarantor is None:
        gt1 = scene.message.first("GT1")
        if gt1 is not None and scene.emptied(gt1, {GT1.guarantor_name: ("guarantor",)}):
            found.append("guarantor")
    return tuple(dict.fromkeys(found)) if found else ()


def _is_test(marks: tuple[str, ...], name: Name) -> bool:
    return bool(marks) and name.last.casefold() in [mark.casefold() for mark in marks]


def _legal(pid: Segment) -> str:
    """The legal name as it is written, else the first."""
    names = pid.written(PID.patient_name).split(pid.frame.repetition)
    for name in names if len(names) > 1 else ():
        if components(name, pid.frame, XPN.name_type_code)[XPN.name_type_code].upper() == "L":
            return name
    return names[0]


def _home(segment: Segment, position: int) -> Address | None:
    """The mailing address, else the home, else the first that is neither bad nor of somebody's birth."""
    written, frame = segment.written(position), segment.frame
    if frame.repetition not in written:
        return values.postal(written, frame)
    addresses = sorted(written.split(frame.repetition), key=lambda each: _likely(each, frame))
    return next((found for each in addresses if (found := values.postal(each, frame)) is not None), None)


def _likely(address: str, frame: Frame) -> int:
    return _ADDRESSES.get(components(address, frame, XAD.address_type)[XAD.address_type].upper(), 3)


def _first_phone(segment: Segment, positions: tuple[int, ...]) -> str:
    """The first number of home, else of any kind (2.7 has one field for all), else of work."""
    for position in positions:
        for found in segment.every(position, values.phone):
            if found:
                return found
    return ""


def _identifiers(pid: Segment) -> tuple[Identifier, ...]:
    """The identifiers of PID-3, PID-2 and PID-4 as (`MR:EAST`, value); private ones are not kept."""
    found: list[Identifier] = []
    for position, unnamed in _NUMBERS:
        for each in pid.every(position, values.identity):
            if each.number and each.kind not in PRIVATE:
                kind = each.kind or unnamed
                giver = f"{kind}:{each.authority}" if each.authority else kind
                one = Identifier(authority=giver, value=each.number)
                if one not in found:
                    found.append(one)
    return tuple(found)


def _guarantor(scene: Scene, patient: Name) -> Guarantor | None:
    """The guarantor whose turn is first; without a relationship it is self only when it has the patient's name."""
    gt1 = _first_guarantor(scene)
    if gt1 is None:
        return None
    name = gt1.read(GT1.guarantor_name, values.person)
    name = name or Name(last=gt1.text(GT1.guarantor_organization_name, XON.organization_name))
    stated = values.relationship(gt1.text(GT1.guarantor_relationship))
    same = (name.last, name.first) == (patient.last, patient.first)
    return Guarantor(
        name=name,
        address=_home(gt1, GT1.guarantor_address),
        relationship=stated or ("self" if same else "other"),
        phone=_first_phone(gt1, (GT1.guarantor_ph_num_home, GT1.guarantor_ph_num_business)),
    )


def _first_guarantor(scene: Scene) -> Segment | None:
    """Of the GT1 that name somebody and have not ended before the message was sent, the first by GT1-15."""
    named = [gt1 for gt1 in scene.message.all("GT1") if _names_somebody(gt1)]
    if len(named) < 2:
        return named[0] if named else None
    today = scene.message.header.text(MSH.date_time_of_message)[:8]
    current = [gt1 for gt1 in named if not "" < gt1.text(GT1.guarantor_date_end)[:8] < today]
    return min(current or named, key=lambda gt1: values.order(gt1.text(GT1.guarantor_priority)))


def _names_somebody(gt1: Segment) -> bool:
    person = gt1.text(GT1.guarantor_name, XPN.family_name)
    return bool(person or gt1.text(GT1.guarantor_organization_name, XON.organization_name))
