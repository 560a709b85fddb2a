"""PID and GT1: the patient and who pays what the patient owes."""

from __future__ import annotations

from hub.model.facts import PatientFact
from hub.model.people import Guarantor, Identifier, Name, Patient
from hub_hl7_adt import values
from hub_hl7_adt.names import CX, GT1, PID, XAD, XON, XPN
from hub_hl7_adt.scene import Scene, is_private
from hub_hl7_adt.wire import Segment, Value


def patient_fact(scene: Scene) -> PatientFact | None:
    """The patient of a message; None, and a problem, when there is no name to bill under."""
    pid = scene.message.first(b"PID")
    if pid is None:
        return None
    name = values.person(_legal(pid.values(PID.patient_name), pid.value(PID.patient_name)))
    if name is None:
        scene.notes.error(
            "hl7.patient.name",
            pid.at(PID.patient_name, XPN.family_name),
            "the patient has no family name, so nothing can be billed for them",
            "complete the registration at the sender and send it again",
        )
        return None
    return PatientFact(
        key=scene.patient_key, version=scene.version, patient=_patient(scene, pid, name), partial=True
    )


def _patient(scene: Scene, pid: Segment, name: Name) -> Patient:
    address = _home(pid.values(PID.patient_address))
    return Patient(
        name=name,
        birth_date=scene.day(pid, PID.date_time_of_birth),
        sex=values.sex(pid.text(PID.administrative_sex)),
        address=values.postal(address) if address else None,
        phone=values.phone(pid.value(PID.phone_number_home)),
        identifiers=_identifiers(pid),
        guarantor=_guarantor(scene, name),
        death_date=scene.day(pid, PID.patient_death_date_and_time),
        is_test=name.last.casefold() in {mark.casefold() for mark in scene.settings.test_last_names},
    )


def _legal(names: list[Value], first: Value) -> Value:
    return next((n for n in names if n.text(XPN.name_type_code).upper() == "L"), first)


def _home(addresses: list[Value]) -> Value | None:
    """The mailing address, else the home, else the first."""
    order = {"M": 0, "H": 1, "": 2}
    ranked = sorted(addresses, key=lambda a: order.get(a.text(XAD.address_type).upper(), 3))
    return ranked[0] if ranked else None


def _identifiers(pid: Segment) -> tuple[Identifier, ...]:
    """The identifiers of PID-3 as (`MR:EAST`, value); private ones are not kept."""
    found = []
    for value in pid.values(PID.patient_identifier_list):
        authority, number = values.identifier(value)
        if number and not is_private(value):
            kind = value.text(CX.identifier_type_code).upper() or "ID"
            found.append(Identifier(authority=f"{kind}:{authority}" if authority else kind, value=number))
    return tuple(dict.fromkeys(found))


def _guarantor(scene: Scene, patient: Name) -> Guarantor | None:
    """The first GT1; without a relationship it is self only when the name is the patient's own."""
    gt1 = scene.message.first(b"GT1")
    if gt1 is None:
        return None
    name = values.person(gt1.value(GT1.guarantor_name))
    firm = gt1.text(GT1.guarantor_organization_name, XON.organization_name)
    if name is None and not firm:
        return None
    name = name or Name(last=firm)
    stated = values.relationship(gt1.text(GT1.guarantor_relationship))
    same = (name.last, name.first) == (patient.last, patient.first)
    return Guarantor(
        name=name,
        address=values.postal(gt1.value(GT1.guarantor_address)),
        relationship=stated or ("self" if same else "other"),
        phone=values.phone(gt1.value(GT1.guarantor_ph_num_home)),
    )
