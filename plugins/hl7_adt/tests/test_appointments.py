"""SIU: who comes when, where and to whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hl7lab import PERSON, PID, PV1, codes, every, only, reading, segment

from hub.model.encounter import Coding
from hub.model.facts import AppointmentFact, CoverageFact, PatientFact

SCH = {1: "P5^EHR", 2: "A1^SCHED", 7: "CHECKUP^Check-up^L", 9: "30", 10: "MIN",
       11: "^^30^20260201090000-0500^20260201093000-0500", 25: "Booked"}  # fmt: skip
AT = datetime(2026, 2, 1, 14, 0, tzinfo=UTC)


def appointment(*segments: str, kind: str = "SIU^S12") -> AppointmentFact:
    """The appointment of one message."""
    return only(reading(*segments, kind=kind), AppointmentFact)


def sch(**fields: str) -> str:
    """A SCH with some fields changed."""
    return segment("SCH", SCH | {int(name[1:]): value for name, value in fields.items()})


def test_an_appointment() -> None:
    """SCH, AIS, AIL and AIP give the appointment; the patient of PID comes with it."""
    resources = ["RGS|1", "AIS|1||76164^Biopsy^L", "AIP|1||1234567893^HALE^IDA^^^^^^NPI", "AIL|1||ROOM5^^^EAST"]
    found = reading(sch(), PID, *resources, kind="SIU^S12")
    fact = only(found, AppointmentFact)
    assert (fact.key, fact.patient_key, fact.status, fact.partial) == ("SCHED|A1", "EAST|100", "booked", True)
    assert (fact.starts_at, fact.ends_at) == (AT, AT + timedelta(minutes=30))
    assert (fact.reason, fact.place, fact.encounter_key) == (Coding(system="LOCAL", code="CHECKUP"), "ROOM5", "")
    assert fact.provider
    assert (fact.provider.npi, fact.provider.last) == ("1234567893", "HALE")
    assert only(found, PatientFact).patient.name.last == "QUILL"
    assert found.problems == ()


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({}, "SCHED|A1"),
        ({"f2": "A1"}, "A1"),
        ({"f2": ""}, "EHR|P5"),
        ({"f3": "1"}, "SCHED|A1"),
        ({"f3": "2"}, "SCHED|A1/2"),
    ],
)
def test_its_key(fields: dict[str, str], key: str) -> None:
    """The filler's number is the key, else the placer's; of a series each has its own."""
    assert appointment(sch(**fields), PID).key == key


@pytest.mark.parametrize(
    ("segments", "starts", "minutes"),
    [
        ((sch(),), AT, 30),
        ((sch(f11="", f9=""), "TQ1|||||||20260201090000-0500|20260201091500-0500"), AT, 15),
        ((sch(f11="^^^20260201090000-0500", f9="45"),), AT, 45),
        ((sch(f11="^^^20260201090000-0500", f9="1", f10="HR"),), AT, 60),
        ((sch(f11="^^^20260201090000-0500", f9="70", f10="s"),), AT, None),
        ((sch(f11="", f9=""), "AIS|1||X|20260201090000-0500"), AT, None),
        ((sch(f11="", f9=""), "AIP|1||X|||20260201090000-0500"), AT, None),
        ((sch(f11="", f9=""), "AIL|1||X|||20260201090000-0500"), AT, None),
        ((sch(f11="", f9=""), "AIG|1||X|||||20260201090000-0500"), AT, None),
        ((sch(f11=""),), None, None),
    ],
)
def test_its_time(segments: tuple[str, ...], starts: datetime | None, minutes: int | None) -> None:
    """The time is that of TQ1, else of SCH-11, else of the first resource; the end may come from the duration."""
    fact = appointment(*segments, PID)
    assert fact.starts_at == starts
    assert fact.ends_at == (AT + timedelta(minutes=minutes) if minutes else None)


@pytest.mark.parametrize(
    ("event", "start", "expected"),
    [
        ("S12", "", ["hl7.appointment.time"]),
        ("S13", "", ["hl7.appointment.time"]),
        ("S14", "", ["hl7.appointment.time"]),
        ("S15", "", []),
        ("S26", "", []),
        ("S12", "^^^20260201090000-0500", []),
    ],
)
def test_without_a_start_it_is_told(event: str, start: str, expected: list[str]) -> None:
    """A booking or a change that says nowhere when it is would be in no list of a day: it is kept, with a warning;
    what is called off or missed needs no time."""
    found = reading(sch(f11=start, f25=""), PID, kind=f"SIU^{event}")
    assert only(found, AppointmentFact).key == "SCHED|A1"
    assert [(one.code, one.severity) for one in found.problems] == [(code, "warning") for code in expected]


@pytest.mark.parametrize(
    ("event", "said", "status"),
    [
        ("S12", "Booked", "booked"),
        ("S14", "Complete", "done"),
        ("S14", "Noshow", "noshow"),
        ("S14", "Cancelled", "cancelled"),
        ("S13", "Cancelled", "cancelled"),
        ("S15", "Booked", "cancelled"),
        ("S26", "Booked", "noshow"),
        ("S12", "XYZ", "booked"),
    ],
)
def test_its_status(event: str, said: str, status: str) -> None:
    """The event says when it is called off or missed; else SCH-25 says what became of it."""
    assert appointment(sch(f25=said), PID, kind=f"SIU^{event}").status == status


def test_what_a_change_leaves_out() -> None:
    """A change that names no status clears none, so that what was told before holds."""
    fact = appointment(sch(f25=""), PID, kind="SIU^S14")
    assert (fact.status, fact.cleared) == ("booked", ())


def test_its_visit_and_its_policies() -> None:
    """The visit that it belongs to is the one that PV1 names; policies in it are the patient's."""
    found = reading(sch(), PID, PV1, "IN1|1|PLAN1", kind="SIU^S12")
    fact, policy = only(found, AppointmentFact), only(found, CoverageFact)
    assert (fact.encounter_key, fact.place) == ("V77", "CLINIC")
    assert fact.provider
    assert (policy.patient_key, policy.encounter_key, policy.payer_token) == ("EAST|100", "", "PLAN1")


def test_a_group() -> None:
    """Several patients of one appointment have one each."""
    other = segment("PID", PERSON | {3: "101^^^EAST^MR"})
    found = every(reading(sch(), PID, other, kind="SIU^S12"), AppointmentFact)
    assert [(f.key, f.patient_key) for f in found] == [
        ("SCHED|A1@EAST|100", "EAST|100"),
        ("SCHED|A1@EAST|101", "EAST|101"),
    ]


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ((sch(),), []),
        ((sch(f1="", f2=""), PID), ["hl7.appointment.key"]),
        ((PID,), ["hl7.appointment.key"]),
        ((sch(), "PID|1||||QUILL"), ["hl7.patient.key"]),
    ],
)
def test_what_is_no_appointment(segments: tuple[str, ...], expected: list[str]) -> None:
    """A blocked room is nobody's; what has no number or no patient is told, and stops no lane."""
    found = reading(*segments, kind="SIU^S12")
    assert (codes(found), found.poison, found.lanes) == (expected, False, ())
    assert not every(found, AppointmentFact)
