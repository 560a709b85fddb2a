"""What a message says by leaving out, and what it says by HL7's explicit null."""

from __future__ import annotations

import pytest
from hl7lab import FT1, PERSON, PID, PV1, codes, every, only, reading, segment

from hub.model.facts import CoverageFact, EncounterFact, PatientFact

NULL = '""'
VISIT = {2: "O", 3: "CLINIC^1", 7: "1234567893^HALE^IDA^^^^^^NPI", 8: "1234567893^REED^AL", 19: "V77",
         44: "20260105090000-0500", 45: "20260106"}  # fmt: skip
POLICY = "IN1|1|PLAN1^Plan|CO1|Payer 1||||||||||AUTH9"


@pytest.mark.parametrize(
    ("position", "cleared"),
    [(7, "birth_date"), (8, "sex"), (11, "address"), (13, "phone"), (29, "death_date")],
)
@pytest.mark.parametrize("null", [NULL, f"{NULL}^{NULL}^{NULL}"])
def test_a_patient_told_empty(position: int, cleared: str, null: str) -> None:
    """The explicit null, alone or in every component, empties a field of the patient; an empty field says nothing."""
    told = only(reading(segment("PID", PERSON | {position: null}), kind="ADT^A31"), PatientFact)
    silent = only(reading(segment("PID", PERSON | {position: ""}), kind="ADT^A31"), PatientFact)
    assert (told.cleared, silent.cleared) == ((cleared,), ())
    assert getattr(told.patient, cleared) == getattr(silent.patient, cleared)


def test_a_field_in_part_is_told() -> None:
    """A null beside values empties that component alone: the rest is the new value."""
    pid = segment("PID", PERSON | {11: f"9 Oak^{NULL}^Salem^OR^97301"})
    fact = only(reading(pid, kind="ADT^A31"), PatientFact)
    assert fact.cleared == ()
    assert fact.patient.address
    assert (fact.patient.address.line1, fact.patient.address.line2) == ("9 Oak", "")


def test_a_null_that_another_field_fills() -> None:
    """What is null in one place and stands in another is told, and not emptied."""
    found = reading(segment("PID", PERSON | {13: NULL, 14: "5035550177"}), kind="ADT^A31")
    assert (only(found, PatientFact).patient.phone, only(found, PatientFact).cleared) == ("5035550177", ())
    visit = only(reading(PID, segment("PV1", VISIT | {44: NULL}), FT1), EncounterFact)
    assert visit.started_at
    assert "started_at" not in visit.cleared


@pytest.mark.parametrize(
    ("fields", "cleared"),
    [
        ({8: "U"}, ("sex",)),
        ({8: "O"}, ("sex",)),
        ({8: ""}, ()),
        ({30: "N"}, ("death_date",)),
        ({30: "Y"}, ()),
        ({29: "20260101", 30: "N"}, ()),
    ],
)
def test_what_is_unknown_is_told(fields: dict[int, str], cleared: tuple[str, ...]) -> None:
    """An unknown sex, or that somebody is not dead, is a word too: it takes back what was said before."""
    fact = only(reading(segment("PID", PERSON | fields), kind="ADT^A31"), PatientFact)
    assert fact.cleared == cleared


def test_a_guarantor_told_empty() -> None:
    """A GT1 whose name is the explicit null takes the guarantor away."""
    fact = only(reading(PID, f"GT1|1||{NULL}", kind="ADT^A31"), PatientFact)
    assert (fact.patient.guarantor, fact.cleared) == (None, ("guarantor",))
    assert only(reading(PID, "GT1|1", kind="ADT^A31"), PatientFact).cleared == ()


def test_a_patient_who_is_no_test_any_more() -> None:
    """Where the profile marks test patients by name, another name says that this is none."""
    settings = {"test_last_names": ["ZZTEST"]}
    assert only(reading(PID, kind="ADT^A31", settings=settings), PatientFact).cleared == ("is_test",)
    marked = reading(segment("PID", PERSON | {5: "ZZTEST^ADA"}), kind="ADT^A31", settings=settings)
    assert only(marked, PatientFact).cleared == ()


@pytest.mark.parametrize(
    ("position", "cleared"),
    [
        (2, ("kind",)),
        (3, ("facility", "place_of_service")),
        (7, ("rendering",)),
        (8, ("referring",)),
        (44, ("started_at", "admitted_on")),
        (45, ("ended_at",)),
    ],
)
def test_a_visit_told_empty(position: int, cleared: tuple[str, ...]) -> None:
    """The explicit null empties what a visit says; an empty field says nothing."""
    told = only(reading(PID, segment("PV1", VISIT | {position: NULL}), kind="ADT^A08"), EncounterFact)
    silent = only(reading(PID, segment("PV1", VISIT | {position: ""}), kind="ADT^A08"), EncounterFact)
    assert (told.cleared, silent.cleared) == (cleared, ())


def test_an_account_told_empty() -> None:
    """PID-18 is the account of the visit, and may be told empty too."""
    visit = only(reading(segment("PID", PERSON | {18: NULL}), PV1, kind="ADT^A08"), EncounterFact)
    assert (visit.account, visit.cleared) == ("", ("account",))


@pytest.mark.parametrize(
    ("segments", "cleared"),
    [
        ((f"DG1|1||{NULL}",), ("diagnoses",)),
        (("DG1|1||I10^^I10||||||||||||||||||D",), ("diagnoses",)),
        (("DG1|1||I10^^I10||||||||||||||||||D", "DG1|2||E11.9^^I10"), ()),
        (("DG1|1||I10^^I10",), ()),
        ((f"ACC|{NULL}",), ("accident",)),
        ((POLICY.replace("AUTH9", NULL),), ("authorization",)),
        ((POLICY.replace("AUTH9", NULL), POLICY), ()),
    ],
)
def test_parts_of_a_visit_told_empty(segments: tuple[str, ...], cleared: tuple[str, ...]) -> None:
    """Diagnoses that are all deleted or null, an accident and an authorization that are null, are taken away."""
    visit = only(reading(PID, PV1, *segments, kind="ADT^A08"), EncounterFact)
    assert visit.cleared == cleared


def test_policies_told_empty() -> None:
    """An IN1 whose plan and company are null says that there is no such policy: what was known is withdrawn."""
    found = reading(PID, PV1, f"IN1|1|{NULL}|{NULL}", kind="ADT^A08")
    assert {f.rank: f.active for f in every(found, CoverageFact)} == {1: False, 2: False, 3: False}
    one_left = reading(PID, PV1, POLICY, f"IN1|2|{NULL}", kind="ADT^A08")
    assert {f.rank: f.active for f in every(one_left, CoverageFact)} == {1: True, 2: False, 3: False}
    assert (codes(found), codes(one_left)) == ([], [])


def test_a_charge_message_withdraws_no_policy() -> None:
    """A DFT adds what it carries: the policies that it leaves out hold."""
    assert not every(reading(PID, PV1, f"IN1|1|{NULL}|{NULL}", FT1), CoverageFact)


def test_a_policy_that_cannot_be_read_is_not_withdrawn() -> None:
    """A policy without a payer is set aside: what was known of it before holds, the others are told."""
    found = reading(PID, PV1, POLICY, "IN1|2", kind="ADT^A08")
    assert codes(found) == ["hl7.coverage.payer"]
    assert not found.poison
    assert {f.rank: f.active for f in every(found, CoverageFact)} == {1: True, 3: False}
