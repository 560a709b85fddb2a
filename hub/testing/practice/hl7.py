"""Writes patients and visits as HL7 2.5.1 messages, alone or as a batch file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hub.testing.practice.records import Cover, Item, Patient, Person, Visit

ENCODING = "^~\\&"
_RELATION = {"self": "SEL", "spouse": "SPO", "child": "PAR"}
_UNITS = {"mL": "ML"}


def segment(name: str, fields: dict[int, str]) -> str:
    """A segment with some fields by position."""
    return "|".join((name, *(fields.get(n, "") for n in range(1, max(fields) + 1))))


def message(kind: str, control: str, sent: datetime, *segments: str, processing: str = "P") -> bytes:
    """One message, its segments ended by carriage returns; `sent` is UTC."""
    stamp = sent.strftime("%Y%m%d%H%M%S+0000")
    header = f"MSH|{ENCODING}|LAKESIDE|FAMMED|HUB|BILLING|{stamp}||{kind}|{control}|{processing}|2.5.1"
    return ("\r".join((header, *(one for one in segments if one))) + "\r").encode()


def batch(messages: Sequence[bytes], sent: datetime) -> bytes:
    """A batch file of messages."""
    stamp = sent.strftime("%Y%m%d%H%M%S")
    head = f"FHS|{ENCODING}|LAKESIDE|FAMMED|HUB|BILLING|{stamp}\rBHS|{ENCODING}|LAKESIDE|FAMMED|HUB|BILLING|{stamp}\r"
    return head.encode() + b"".join(messages) + f"BTS|{len(messages)}\rFTS|1\r".encode()


def dft(visit: Visit, control: str, sent: datetime, processing: str = "P") -> bytes:
    """DFT^P03: a visit with its charges and payments."""
    charges = [ft1(visit, item, n) for n, item in enumerate(visit.items, 1)]
    parts = ["EVN|P03", pid(visit.patient), pv1(visit), *charges, *_behind(visit)]
    return message("DFT^P03^DFT_P03", control, sent, *parts, processing=processing)


def adt(event: str, visit: Visit, control: str, sent: datetime) -> bytes:
    """ADT about a visit: A04 registers, A08 updates, A11 cancels."""
    structure = {"A08": "ADT_A01", "A04": "ADT_A01", "A11": "ADT_A09"}[event]
    parts = [pid(visit.patient), pv1(visit), *_behind(visit)]
    return message(f"ADT^{event}^{structure}", control, sent, f"EVN|{event}", *parts)


def _behind(visit: Visit) -> list[str]:
    """What follows the visit: diagnoses, guarantor, policies, accident."""
    return [*dg1(visit), gt1(visit.patient), *policies(visit.patient), acc(visit)]


def person_added(patient: Patient, control: str, sent: datetime) -> bytes:
    """ADT^A28: a patient with their policies, without a visit."""
    parts = [pid(patient), "PV1||N", gt1(patient), *policies(patient)]
    return message("ADT^A28^ADT_A05", control, sent, "EVN|A28", *parts)


def merge(kept: Patient, old_key: str, control: str, sent: datetime) -> bytes:
    """ADT^A40: what was known under `old_key` is `kept` from now on."""
    mrg = f"MRG|{_cx(old_key)}"
    return message("ADT^A40^ADT_A39", control, sent, "EVN|A40", pid(kept), mrg)


def gt1(patient: Patient) -> str:
    """GT1 where somebody else than the patient is billed."""
    one = patient.guarantor
    if one is None:
        return ""
    return segment("GT1", {1: "1", 3: _xpn(one), 5: _xad(one), 6: one.phone, 11: "PAR"})


def pid(patient: Patient) -> str:
    """PID: the patient by their record number."""
    one = patient.person
    return segment(
        "PID",
        {
            1: "1",
            3: _cx(patient.key),
            5: _xpn(one),
            7: f"{one.birth:%Y%m%d}",
            8: one.sex,
            11: _xad(one),
            13: one.phone,
        },
    )


def pv1(visit: Visit) -> str:
    """PV1: an outpatient visit by its number."""
    provider = visit.provider
    doctor = f"{provider.npi}^{provider.last}^{provider.first}^^^^^^NPI^^^^NPI"
    start, end = (
        f"{visit.on:%Y%m%d}{visit.at:02d}{minute:02d}00+0000" for minute in (visit.minute, visit.minute + 25)
    )
    ended = {45: end} if visit.status == "finished" else {}
    return segment("PV1", {1: "1", 2: "O", 3: visit.place, 7: doctor, 19: visit.key, 44: start} | ended)


def dg1(visit: Visit) -> list[str]:
    """DG1 for each diagnosis, the principal first."""
    return [
        segment("DG1", {1: str(n), 3: f"{code}^^I10", 6: "F", 15: str(n)})
        for n, code in enumerate(visit.diagnoses, 1)
    ]


def acc(visit: Visit) -> str:
    """ACC: an accident at work, where there was one."""
    if visit.injured is None:
        return ""
    return segment("ACC", {1: f"{visit.injured:%Y%m%d}", 5: "Y"})


def policies(patient: Patient) -> list[str]:
    """IN1 with IN2 for each policy, in the order in which they pay."""
    return [one for rank, cover in enumerate(patient.covers, 1) for one in _policy(cover, patient, rank)]


def _policy(cover: Cover, patient: Patient, rank: int) -> list[str]:
    holder = cover.holder or patient.person
    fields = {
        1: str(rank),
        2: cover.token,
        3: cover.token,
        4: cover.name,
        16: _xpn(holder),
        17: _RELATION[cover.relationship],
        18: f"{holder.birth:%Y%m%d}",
        19: _xad(holder),
        22: str(rank),
        36: cover.member,
        43: holder.sex,
    }
    return [segment("IN1", fields), *([segment("IN2", {61: cover.member})] if cover.member else [])]


def ft1(visit: Visit, item: Item, number: int) -> str:
    """FT1: one charge, credit, copay or payment."""
    code = {"LOCAL": f"{item.code}^^L", "SNOMED": f"{item.code}^^SCT"}.get(item.system, f"{item.code}^^HCPCS")
    fields = {
        1: str(number),
        2: item.key or f"T{number}",
        4: f"{visit.on:%Y%m%d}",
        5: f"{visit.on:%Y%m%d}",
        6: item.kind,
        7: code if item.code else "PAID^^L",
        10: str(item.units),
        16: visit.place,
    }
    if item.amount is not None:
        fields[11] = f"{item.amount}&USD"
    if item.system == "HCPCS" and item.code:
        fields[25] = code
    if item.modifiers:
        fields[26] = "~".join(item.modifiers)
    if item.drug:
        ndc, quantity, unit = item.drug
        fields |= {29: ndc, 43: f"{quantity}^{_UNITS.get(unit, unit)}"}
    return segment("FT1", fields)


def oru(visit: Visit, control: str, sent: datetime) -> bytes:
    """ORU^R01 with an FT1 in it: a result that also names a price, which is no charge to bill."""
    parts = [pid(visit.patient), pv1(visit), "OBR|1|||GLU^Glucose^L", ft1(visit, visit.items[0], 1)]
    return message("ORU^R01^ORU_R01", control, sent, *parts)


def _cx(key: str) -> str:
    return f"{key}^^^LAKESIDE^MR"


def _xpn(one: Person) -> str:
    return f"{one.last}^{one.first}"


def _xad(one: Person) -> str:
    return f"{one.street}^^Exampleton^OH^44099"
