"""What each segment becomes, and what is held and why."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hl7lab import CHARGE, FT1, PERSON, PID, PV1, codes, only, reading, segment, with_

from hub.model.encounter import Coding, Drug
from hub.model.facts import ChargeFact, CoverageFact, EncounterFact, PatientFact


def test_patient() -> None:
    """PID gives the patient, and GT1 who pays; social security numbers are not kept."""
    gt1 = segment("GT1", {3: "QUILL^BEA", 5: "9 Oak^^Salem^OR^97301", 6: "5035550111", 11: "PAR"})
    fact = only(reading(PID, gt1, kind="ADT^A31"), PatientFact)
    assert fact.key == "EAST|100"
    patient = fact.patient
    assert (patient.name.last, patient.name.first, patient.name.middle, patient.name.suffix) == (
        "QUILL", "ADA", "B", "JR",
    )  # fmt: skip
    assert (patient.birth_date, patient.sex, patient.phone) == (date(1980, 2, 3), "F", "5035550100")
    assert patient.address
    assert (patient.address.line2, patient.address.state, patient.address.zip) == ("Apt 2", "OR", "973010000")
    assert [(i.authority, i.value) for i in patient.identifiers] == [("MR:EAST", "100")]
    assert patient.guarantor
    assert (patient.guarantor.name.first, patient.guarantor.relationship) == ("BEA", "parent")


def test_test_patients() -> None:
    """A last name that the profile lists marks a test patient, in whatever case it is written."""
    marked = reading(PID, kind="ADT^A31", settings={"test_last_names": ["Quill"]})
    assert only(marked, PatientFact).patient.is_test
    assert not only(reading(PID, kind="ADT^A31"), PatientFact).patient.is_test


def test_version_orders_messages() -> None:
    """The version is the sending time in UTC, open for the order of arrival: later messages compare as greater."""
    first = only(reading(PID, kind="ADT^A31", sent="20260106120000-0500"), PatientFact)
    second = only(reading(PID, kind="ADT^A31", sent="20260106110001-0700"), PatientFact)
    assert first.version == "2026-01-06T17:00:00.000000Z|/"
    assert first.version < second.version


def test_visit() -> None:
    """PV1, DG1 and ACC give the visit; a DFT makes it ready, an ADT only when it ends it."""
    dg1 = ["DG1|1||R55^^I10|||A", "DG1|2||E11.9^^I10|||W", "DG1|3||I10^^I10|||F"]
    acc = "ACC|20260104|AUTO||OR"
    dft = only(reading(PID, PV1, *dg1, acc, FT1), EncounterFact)
    assert (dft.key, dft.patient_key, dft.kind, dft.status, dft.ready) == (
        "V77", "EAST|100", "ambulatory", "open", True,
    )  # fmt: skip
    assert dft.started_at == datetime(2026, 1, 5, 14, 0, tzinfo=UTC)
    assert dft.rendering
    assert dft.rendering.npi == "1234567893"
    assert dft.facility
    assert dft.facility.name == "CLINIC"
    assert [(d.coding.code, d.rank) for d in dft.diagnoses] == [("I10", 1), ("E11.9", 2)]
    assert dft.accident
    assert (dft.accident.kind, dft.accident.state) == ("AA", "OR")


@pytest.mark.parametrize(
    ("kind", "status", "ready"),
    [
        ("ADT^A04", "open", False),
        ("ADT^A03", "finished", True),
        ("ADT^A11", "cancelled", False),
        ("ADT^A05", "planned", False),
        ("ADT^A13", "open", False),
        ("BAR^P06", "finished", True),
    ],
)
def test_status(kind: str, status: str, ready: bool) -> None:
    """The trigger says what became of the visit; without charges only its end makes it ready."""
    visit = only(reading(PID, PV1, kind=kind), EncounterFact)
    assert (visit.status, visit.ready) == (status, ready)
    always = only(reading(PID, PV1, kind=kind, settings={"ready": "always"}), EncounterFact)
    assert always.ready == (status in ("open", "finished"))


def test_visit_without_a_number() -> None:
    """Where neither visit nor account is named, patient and day stand for the visit, and a person is told."""
    found = reading(PID, "PV1|1|O", FT1)
    visit = only(found, EncounterFact)
    assert visit.key == "EAST|100@20260105"
    assert visit.started_at == datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    assert codes(found) == ["hl7.visit.key"]


@pytest.mark.parametrize(
    ("kind", "pv1", "expected", "poison"),
    [
        ("ADT^A11", "PV1|1|O", ["hl7.visit.key"], True),
        ("ADT^A38", "", ["hl7.visit.key"], True),
        ("ADT^A08", "PV1|1|O", ["hl7.visit.key"], False),
        ("ADT^A08", "PV1|1|N", [], False),
        ("ADT^A08", "", [], False),
        ("ADT^A31", "PV1|1|O", [], False),
    ],
)
def test_a_visit_that_cannot_be_told(kind: str, pv1: str, expected: list[str], poison: bool) -> None:
    """A visit without number, account and day is not kept, and a person is told. A message that calls one off must
    not be lost: it stops its lane, lest the visit be billed."""
    found = reading(PID, pv1, kind=kind)
    assert (codes(found), found.poison) == (expected, poison)
    assert not [f for f in found.facts if isinstance(f, EncounterFact)]


def test_charge() -> None:
    """FT1 gives the charge with exact money, all its codes, modifiers, units, diagnoses and performer."""
    charge = only(reading(PID, PV1, FT1), ChargeFact)
    assert charge.key == "V77/T1"
    assert (charge.encounter_key, charge.kind) == ("V77", "charge")
    assert (charge.service_from, charge.service_to) == (date(2026, 1, 5), date(2026, 1, 6))
    same_day = only(reading(PID, PV1, line(f4="20260105^20260105")), ChargeFact)
    assert same_day.service_to is None
    assert charge.codings == (Coding(system="HCPCS", code="G0438"), Coding(system="LOCAL", code="L77"))
    assert charge.modifiers == ("25", "59")
    assert (charge.units, charge.amount) == (Decimal(2), Decimal("200.00"))
    assert charge.diagnoses == (Coding(system="ICD10", code="I10"),)
    assert charge.rendering
    assert charge.rendering.last == "HALE"


def test_drug() -> None:
    """FT1-29 and FT1-43 give the drug in eleven digits with its own quantity and unit."""
    charge = only(reading(PID, PV1, line(f29="0002-1433-80", f43="2.5^ML")), ChargeFact)
    assert charge.drug == Drug(ndc="00002143380", quantity=Decimal("2.5"), unit="ML")
    assert Coding(system="NDC", code="00002143380") in charge.codings


def line(**fields: str) -> str:
    """A charge line with some fields changed."""
    return segment("FT1", with_(CHARGE, fields))


@pytest.mark.parametrize(
    ("fields", "kind", "amount"),
    [
        ({"f6": "CG"}, "charge", "200.00"),
        ({"f6": "CD"}, "credit", "-200.00"),
        ({"f11": "-200"}, "credit", "-200.00"),
        ({"f6": "PY", "f10": "", "f25": "", "f7": ""}, "payment", "200.00"),
        ({"f6": "CO", "f10": ""}, "copay", "200.00"),
        ({"f6": "AJ", "f10": "", "f11": "-5.5", "f12": ""}, "adjustment", "-5.50"),
        ({"f11": ""}, "charge", "200.00"),
        ({"f11": "0150.00", "f12": ""}, "charge", "150.00"),
    ],
)
def test_kinds_and_amounts(fields: dict[str, str], kind: str, amount: str) -> None:
    """Table 0017 tells charges, credits and money to post apart; the amount is of the whole line."""
    charge = only(reading(PID, PV1, line(**fields)), ChargeFact)
    assert (charge.kind, charge.amount) == (kind, Decimal(amount))


@pytest.mark.parametrize(
    ("fields", "code", "where"),
    [
        ({"f6": ""}, "hl7.charge.type", "FT1[2]-6"),
        ({"f4": ""}, "hl7.charge.date", "FT1[2]-4"),
        ({"f4": "20261305"}, "hl7.charge.date", "FT1[2]-4"),
        ({"f4": "20260105^20260101"}, "hl7.charge.date", "FT1[2]-4"),
        ({"f10": "", "f12": ""}, "hl7.charge.units", "FT1[2]-10"),
        ({"f10": "0"}, "hl7.charge.units", "FT1[2]-10"),
        ({"f10": "two"}, "hl7.charge.units", "FT1[2]-10"),
        ({"f11": "SECRET"}, "hl7.charge.amount", "FT1[2]-11"),
        ({"f11": "10.00&EUR"}, "hl7.charge.amount", "FT1[2]-11"),
        ({"f11": "1.001"}, "hl7.charge.amount", "FT1[2]-11"),
        ({"f11": "9" * 30}, "hl7.charge.amount", "FT1[2]-11"),
        ({"f11": "", "f10": "9999999999", "f12": "9" * 15}, "hl7.charge.amount", "FT1[2]-12"),
        ({"f7": "", "f25": ""}, "hl7.charge.code", "FT1[2]"),
    ],
)
def test_one_bad_line(fields: dict[str, str], code: str, where: str) -> None:
    """A line that cannot be read is told with its place, and nothing of its message is applied: a claim without the
    line would be short, and its visit's later messages wait."""
    found = reading(PID, PV1, FT1, line(f2="T2", **fields), line(f2="T3"))
    assert (found.facts, found.poison, found.lanes) == ((), True, ("patient/EAST|100",))
    assert [(p.code, p.where) for p in found.problems] == [(code, where)]
    assert "SECRET" not in repr(found.problems)


def test_empty_units() -> None:
    """An empty quantity is one where the profile says so, or where unit and line amount are equal."""
    bare = line(f10="", f12="")
    assert only(reading(PID, PV1, bare, settings={"units_when_empty": 1}), ChargeFact).units == 1
    assert only(reading(PID, PV1, line(f10="", f11="75.00", f12="75.00")), ChargeFact).units == 1


def test_charge_keys() -> None:
    """A repeated FT1-2 keeps its lines apart, an empty one falls back to the message, and a correction of one
    FT1-2 in a later message has the same key."""
    repeated = reading(PID, PV1, line(), line(), line(f2=""))
    assert [f.key for f in repeated.facts if isinstance(f, ChargeFact)] == [
        "V77/T1/1", "V77/T1/2", "V77/message/M1/3",
    ]  # fmt: skip
    later = only(reading(PID, PV1, line(f11="90.00", f12="45.00"), sent="20260107"), ChargeFact)
    assert later.key == "V77/T1"


def test_profile_moves_positions() -> None:
    """A sender that puts things elsewhere is described by settings, not by code."""
    profile = {
        "charge_code_places": ["FT1-7"],
        "code_systems": {"FT1-7": "HCPCS"},
        "amount_place": "FT1-22",
        "unit_amount_place": "FT1-23",
        "visit_places": ["PID-18"],
        "payer_places": ["IN1-15"],
        "member_id_places": ["IN2-61"],
        "place_of_service": {"CLINIC": "11"},
    }
    pid = segment("PID", PERSON | {18: "ACC9"})
    in1, in2 = _in1(1, f15="TOKEN", f36=""), segment("IN2", {61: "MEMBER"})
    found = reading(pid, PV1, in1, in2, line(f7="H0004", f22="33.00"), settings=profile)
    charge, coverage = only(found, ChargeFact), only(found, CoverageFact)
    assert charge.codings == (Coding(system="HCPCS", code="H0004"),)
    assert (charge.amount, charge.encounter_key, charge.place_of_service) == (Decimal("33.00"), "ACC9", "11")
    assert (coverage.payer_token, coverage.member_id) == ("TOKEN", "MEMBER")


def _in1(n: int, **fields: str) -> str:
    base = {1: str(n), 2: f"PLAN{n}^Plan", 3: f"CO{n}", 4: f"Payer {n}", 36: f"MEM{n}"}
    return segment("IN1", with_(base, fields))


def test_coverages() -> None:
    """IN1 gives the policies by IN1-22, else set id; the member is the subscriber unless IN1-17 says otherwise."""
    other = _in1(2, f17="PAR", f16="QUILL^BEA", f18="19550101", f43="F", f8="GRP")
    found = reading(PID, PV1, _in1(1, f22="2"), other, _in1(3, f22="1"), FT1)
    first, second, third = (f for f in found.facts if isinstance(f, CoverageFact))
    assert [(c.rank, c.payer_token, c.member_id) for c in (first, second, third)] == [
        (2, "PLAN1", "MEM1"), (3, "PLAN2", "MEM2"), (1, "PLAN3", "MEM3"),
    ]  # fmt: skip
    assert (first.relationship, first.subscriber, first.payer_name) == ("self", None, "Payer 1")
    assert (second.relationship, second.group_number) == ("child", "GRP")
    assert second.subscriber
    assert second.subscriber.birth_date == date(1955, 1, 1)
    assert {c.encounter_key for c in (first, second, third)} == {"V77"}


def test_an_adt_states_all_coverages() -> None:
    """An ADT that names policies withdraws the ranks it leaves out; one that names none withdraws none."""
    found = reading(PID, PV1, _in1(1), kind="ADT^A08")
    ranks = {f.rank: f.active for f in found.facts if isinstance(f, CoverageFact)}
    assert ranks == {1: True, 2: False, 3: False}
    assert not [f for f in reading(PID, PV1, kind="ADT^A08").facts if isinstance(f, CoverageFact)]


def test_coverage_problems() -> None:
    """A policy without a payer is set aside; an insured who is somebody else without a relationship is told."""
    found = reading(PID, PV1, "IN1|1", _in1(2, f16="SMITH^AL"), FT1)
    assert codes(found) == ["hl7.coverage.payer", "hl7.coverage.relationship"]
    assert only(found, CoverageFact).relationship == "other"


@pytest.mark.parametrize(
    ("header", "verdict"),
    [
        ({"processing": "T"}, "test"),
        ({"processing": "D"}, "test"),
        ({"processing": ""}, "test"),
        ({"kind": "ORU^R01"}, "informational"),
        ({"kind": "BAR^P02"}, "informational"),
        ({"kind": "ADT^A23"}, "informational"),
        ({"kind": "DFT^P03"}, ""),
        ({"kind": "BAR^P05"}, ""),
    ],
)
def test_what_never_bills(header: dict[str, Any], verdict: str) -> None:
    """Only production messages bill; FT1 outside DFT and BAR does not, and purges take nothing away."""
    found = reading(PID, PV1, FT1, **header)
    assert found.not_billable == verdict
    if verdict == "informational":
        assert found.facts == ()


def test_profile_may_bill_other_messages() -> None:
    """Where the profile says that a result's FT1 bills, it is read as in a DFT."""
    found = reading(PID, PV1, FT1, kind="ORU^R01", settings={"bill_ft1_from": ["ORU"]})
    assert only(found, ChargeFact).key == "V77/T1"


def test_ft1_in_an_adt() -> None:
    """A charge inside an ADT is not read, and a person is told."""
    found = reading(PID, PV1, FT1, kind="ADT^A08")
    assert codes(found) == ["hl7.charge.outside"]
    assert not [f for f in found.facts if isinstance(f, ChargeFact)]


def test_a_dft_without_charges() -> None:
    """A charge message without a charge makes no visit ready, and a person is told."""
    found = reading(PID, PV1)
    assert codes(found) == ["hl7.charge.none"]
    assert not only(found, EncounterFact).ready


@pytest.mark.parametrize(
    ("pid", "code", "lanes"),
    [
        ("PID|1||||QUILL^ADA", "hl7.patient.key", ()),
        ("PID|1||||QUILL^ADA|||||||||||||ACC9", "hl7.patient.key", ("account/ACC9",)),
        ("PID|1||100", "hl7.patient.name", ("patient/100",)),
        ('PID|1||100||""', "hl7.patient.name", ("patient/100",)),
    ],
)
def test_facts_belong_to_somebody(pid: str, code: str, lanes: tuple[str, ...]) -> None:
    """A message without its patient's identifier or name is not applied, and stops the lane that it is in."""
    found = reading(pid, PV1, FT1)
    assert (codes(found), found.facts, found.poison, found.lanes) == ([code], (), True, lanes)


def test_segments_in_any_order() -> None:
    """Facts do not depend on the order in which a careless sender puts its segments."""
    expected = sorted(map(repr, reading(PID, PV1, "DG1|1||I10^^I10", FT1).facts))
    for segments in permutations([PID, PV1, "DG1|1||I10^^I10", FT1]):
        assert sorted(map(repr, reading(*segments).facts)) == expected
