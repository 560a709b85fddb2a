"""People, policies and visits beyond the plain case: what stands where, and what comes first."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hl7lab import FT1, PERSON, PID, PV1, codes, every, only, reading, segment

from hub.model.facts import CoverageFact, DiagnosisFact, EncounterFact, PatientFact
from hub.model.people import Guarantor, Patient


def patient(fields: dict[int, str] | None = None, *more: str) -> Patient:
    """The patient of a PID with some fields changed."""
    return only(reading(segment("PID", PERSON | (fields or {})), *more, kind="ADT^A31"), PatientFact).patient


def test_numbers() -> None:
    """PID-3, PID-2 and PID-4 hold a patient's numbers; those of a kind that the hub has no business with are left."""
    told = patient({2: "E7^^^MPI", 4: "OLD1^^^EAST^MR~999999999^^^^SS~A5"})
    assert [(one.authority, one.value) for one in told.identifiers] == [
        ("MR:EAST", "100"),
        ("EXTERNAL:MPI", "E7"),
        ("MR:EAST", "OLD1"),
        ("ALTERNATE", "A5"),
    ]


def test_an_old_sender() -> None:
    """Where PID-3 is empty the number of PID-2 is the patient's key."""
    found = reading(segment("PID", PERSON | {2: "E7^^^MPI", 3: ""}), kind="ADT^A31")
    assert only(found, PatientFact).key == "MPI|E7"


@pytest.mark.parametrize(
    ("fields", "phone"),
    [
        ({13: "(503)555-0100"}, "5035550100"),
        ({13: "^PRN^PH^^1^503^5550100"}, "5035550100"),
        ({13: "", 14: "5035550177"}, "5035550177"),
        ({13: "", 14: "5035550177", 40: "^PRN^PH^^1^503^5550188"}, "5035550188"),
        ({13: "^NET^Internet^a@example.org~5035550199"}, "5035550199"),
        ({13: ""}, ""),
    ],
)
def test_phones(fields: dict[int, str], phone: str) -> None:
    """The home number, else any number of PID-40, else that of work."""
    assert patient(fields).phone == phone


@pytest.mark.parametrize(
    ("written", "city"),
    [
        ("1 Elm^^Salem^OR^97301^^H~2 Oak^^Bend^OR^97701^^M", "Bend"),
        ("1 Elm^^Salem^OR^97301^^B~2 Oak^^Bend^OR^97701^^H", "Bend"),
        ("1 Elm^^Salem^OR^97301^^BA~2 Oak^^Bend^OR^97701^^O", "Bend"),
        ("^^^^^^M~2 Oak^^Bend^OR^97701^^H", "Bend"),
        ("1 Elm^^Salem^OR^97301~2 Oak^^Bend^OR^97701", "Salem"),
    ],
)
def test_addresses(written: str, city: str) -> None:
    """The mailing address, else the home, else the first that is a good one."""
    told = patient({11: written}).address
    assert told
    assert told.city == city


def test_names() -> None:
    """The legal name is the one to bill under."""
    assert patient({5: "QUILLY^AD^^^^^N~QUILL^ADA^^^^^L"}).name.last == "QUILL"


def test_a_death() -> None:
    """PID-29 is the day of death."""
    assert patient({29: "20260104", 30: "Y"}).death_date == date(2026, 1, 4)


def guarantor(*segments: str) -> Guarantor | None:
    """The guarantor of a patient."""
    return patient(None, *segments).guarantor


def test_several_guarantors() -> None:
    """Of several guarantors it is the one whose turn is first and has not ended; a company may be one."""
    ended = segment("GT1", {1: "1", 3: "PAST^PAT", 14: "20250101", 15: "1"})
    second = segment(
        "GT1", {1: "2", 3: "QUILL^BEA", 5: "9 Oak^^Salem^OR^97301", 7: "5035550122", 11: "PAR", 15: "2"}
    )
    first = segment("GT1", {1: "3", 15: "1", 21: "ACME CO"})
    assert (told := guarantor(ended, second))
    assert (told.name.first, told.phone, told.relationship) == ("BEA", "5035550122", "parent")
    assert (told := guarantor(ended, second, first))
    assert (told.name.last, told.name.first) == ("ACME CO", "")
    assert (told := guarantor(second, "GT1|9"))
    assert told.name.first == "BEA"
    assert guarantor("GT1|1", "GT1|2") is None


def coverage(*segments: str, **settings: object) -> CoverageFact:
    """The one policy of a message with charges."""
    return only(reading(PID, PV1, *segments, FT1, settings=settings), CoverageFact)


IN1 = {1: "1", 2: "PLAN1^Plan", 4: "Payer 1", 8: "GRP1", 9: "ACME", 12: "20260101", 13: "20261231", 36: "M1"}


def test_a_policy() -> None:
    """IN1 gives group and days beside payer, member and rank."""
    told = coverage(segment("IN1", IN1))
    assert (told.group_number, told.group_name) == ("GRP1", "ACME")
    assert (told.valid_from, told.valid_to) == (date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("own", "of_in2", "relationship", "problem"),
    [
        ("SPO", "", "spouse", []),
        ("", "SPO", "spouse", []),
        ("CHD", "SPO", "child", []),
        ("", "", "other", ["hl7.coverage.relationship"]),
        ("G8", "", "other", []),
        ("Life-partner", "", "other", []),
        ("19790101", "", "other", ["hl7.coverage.relationship"]),
    ],
)
def test_the_relationship(own: str, of_in2: str, relationship: str, problem: list[str]) -> None:
    """What the patient is to the insured stands in IN1-17, else in IN2-72; where nobody says, or
    what stands there cannot be one, a person is told."""
    in1 = segment("IN1", IN1 | {16: "HALE^SAM", 17: own, 18: "19790101", 19: "1 Elm^^Salem^OR^97301", 43: "M"})
    found = reading(PID, PV1, in1, segment("IN2", {72: of_in2}), FT1)
    told = only(found, CoverageFact)
    assert (told.relationship, codes(found)) == (relationship, problem)
    assert told.subscriber
    assert (told.subscriber.birth_date, told.subscriber.sex) == (date(1979, 1, 1), "M")
    assert told.subscriber.address


@pytest.mark.parametrize(
    ("segments", "number"),
    [
        ((segment("IN1", IN1 | {14: "AUTH1"}), "IN3|1|CERT1"), "AUTH1"),
        ((segment("IN1", IN1), "IN3|1|CERT1"), "CERT1"),
        ((segment("IN1", IN1), segment("IN1", IN1 | {1: "2", 14: "AUTH2"})), "AUTH2"),
        ((segment("IN1", IN1),), ""),
    ],
)
def test_an_authorization(segments: tuple[str, ...], number: str) -> None:
    """The authorization is that of IN1-14, else the certification of IN3."""
    assert only(reading(PID, PV1, *segments, FT1), EncounterFact).authorization == number


def test_a_policy_of_the_patient() -> None:
    """A policy holds for its visit, or for the patient where the profile says so, or where there is no visit."""
    in1 = segment("IN1", IN1)
    assert coverage(in1).encounter_key == "V77"
    assert coverage(in1, coverage_scope="patient").encounter_key == ""
    registered = every(reading(PID, in1, kind="ADT^A28"), CoverageFact)[0]
    assert (registered.encounter_key, registered.key) == ("", "EAST|100/coverage/1")


def test_a_financial_class_gives_way_to_a_policy() -> None:
    """What a financial class says of the payer stands only where no policy is told, earlier or later."""
    settings = {"financial_classes": {"SP": "SELFPAY"}}
    pv1 = segment("PV1", {2: "O", 19: "V77", 20: "SP"})
    first = reading(PID, pv1, segment("IN1", IN1), FT1, sent="20260106", settings=settings)
    later = reading(PID, pv1, FT1, sent="20260107", settings=settings)
    policy, by_class = only(first, CoverageFact), only(later, CoverageFact)
    assert (policy.key, by_class.payer_token) == (by_class.key, "SELFPAY")
    assert by_class.version < policy.version


def test_what_stands_between() -> None:
    """Segments of the sender's own between IN1 and IN2 part nothing."""
    told = coverage(segment("IN1", IN1 | {36: ""}), "ZIN|x", "NTE|1", segment("IN2", {61: "M9"}))
    assert told.member_id == "M9"


def visit(*segments: str, kind: str = "ADT^A01") -> EncounterFact:
    """The visit of a message."""
    return only(reading(PID, *segments, kind=kind), EncounterFact)


@pytest.mark.parametrize(
    ("event", "code", "kind"),
    [
        ("A01", "", "inpatient"),
        ("A04", "", "ambulatory"),
        ("A06", "", "inpatient"),
        ("A07", "", "ambulatory"),
        ("A08", "", ""),
        ("A01", "E", "emergency"),
        ("A01", "O", "ambulatory"),
        ("A01", "N", ""),
    ],
)
def test_the_class(event: str, code: str, kind: str) -> None:
    """The class of patient is PV1-2's; where it is empty, an admission is a stay and a registration is none."""
    told = visit(segment("PV1", {2: code, 19: "V1", 44: "20260105"}), kind=f"ADT^{event}")
    assert (told.kind, told.admitted_on) == (kind, date(2026, 1, 5) if kind == "inpatient" else None)


@pytest.mark.parametrize(
    ("event", "pv1", "evn", "ended"),
    [
        ("A03", "20260107", "20260106", 7),
        ("A03", "", "20260106", 6),
        ("A03", "", "", None),
        ("A08", "20260107", "", 7),
        ("A08", "", "20260106", None),
        ("A13", "20260107", "20260106", None),
    ],
)
def test_the_end(event: str, pv1: str, evn: str, ended: int | None) -> None:
    """A visit ended at PV1-45; a discharge without it when the event occurred (EVN-6); a cancelled one has not."""
    opening = segment("EVN", {1: event, 6: evn})
    told = visit(opening, segment("PV1", {19: "V1", 45: pv1}), kind=f"ADT^{event}")
    assert told.ended_at == (datetime(2026, 1, ended, 12, tzinfo=UTC) if ended else None)
    assert ("ended_at" in told.cleared) == (event == "A13")


def test_the_place() -> None:
    """The place is the point of care, else the facility of PV1-3, else PV1-39, by the sender's name."""
    for fields, name in (({3: "CLINIC^1^^EAST"}, "CLINIC"), ({3: "^^^EAST"}, "EAST"), ({39: "SITE"}, "SITE")):
        told = visit(segment("PV1", {19: "V1"} | fields)).facility
        assert told
        assert told.name == name
    assert visit(segment("PV1", {19: "V1"})).facility is None


def test_diagnoses_one_by_one() -> None:
    """A P12 whose diagnoses all say what became of them tells each alone: the visit's list is not touched."""
    dg1 = [
        segment("DG1", {1: "1", 3: "I10^^I10", 15: "1", 20: "D1", 21: "A"}),
        segment("DG1", {1: "2", 3: "E11.9^^I10", 20: "D2", 21: "U"}),
        segment("DG1", {1: "3", 3: "R55^^I10", 21: "D"}),
        segment("DG1", {1: "4", 20: "D4", 21: "D"}),
    ]
    found = reading(PID, PV1, *dg1, kind="BAR^P12")
    assert [(f.key, f.diagnosis.rank, f.active) for f in every(found, DiagnosisFact)] == [
        ("V77/diagnosis/D1", 1, True),
        ("V77/diagnosis/D2", 0, True),
        ("V77/diagnosis/ICD10:R55", 0, False),
        ("V77/diagnosis/D4", 0, False),
    ]
    told = only(found, EncounterFact)
    assert (told.diagnoses, told.cleared) == ((), ())


def test_a_list_of_diagnoses() -> None:
    """A P12 with a diagnosis that does not say what became of it is the list of all."""
    dg1 = [segment("DG1", {3: "I10^^I10"}), segment("DG1", {3: "E11.9^^I10", 21: "A"})]
    found = reading(PID, PV1, *dg1, kind="BAR^P12")
    assert not every(found, DiagnosisFact)
    assert [d.coding.code for d in only(found, EncounterFact).diagnoses] == ["I10", "E11.9"]


def test_a_diagnosis_in_words() -> None:
    """A diagnosis without a code does not go on the claim, and a person is told."""
    found = reading(PID, PV1, segment("DG1", {1: "1", 4: "words"}), FT1)
    assert (only(found, EncounterFact).diagnoses, codes(found)) == ((), ["hl7.diagnosis.code"])
