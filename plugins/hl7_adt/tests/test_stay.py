"""What an institution's claim says of a stay: admission, discharge, DRG, procedures, the codes of UB1 and UB2."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hl7lab import PID, codes, only, reading, segment
from hub_hl7_adt.reading import read
from hub_hl7_adt.settings import Hl7Settings
from hypothesis import given
from hypothesis import strategies as st

from hub.flow.visits.assembly import encounter_of
from hub.model.encounter import Coding, Procedure
from hub.model.facts import EncounterFact
from hub.model.institutional import CodedValue, Occurrence

INPATIENT = {2: "I", 3: "WARD^1", 4: "E", 7: "1234567893^HALE^IDA^^^^^^NPI", 14: "7", 19: "V77", 36: "1",
             44: "20260105090000", 45: "20260108110000"}  # fmt: skip


def visit(
    *segments: str, settings: dict[str, Any] | None = None, kind: str = "ADT^A03", **pv1: str
) -> EncounterFact:
    """The visit of a message with an inpatient PV1, some of its fields changed."""
    fields = INPATIENT | {int(name[1:]): value for name, value in pv1.items()}
    return only(reading(PID, segment("PV1", fields), *segments, settings=settings, kind=kind), EncounterFact)


def test_admission_and_discharge() -> None:
    """PV1-4, 14 and 36 become the UB-04's codes; days and hours are those of PV1-44 and 45."""
    found = visit()
    assert (found.admission_type, found.admission_source, found.discharge_status) == ("1", "7", "01")
    assert found.admitted_on == date(2026, 1, 5)
    assert found.started_at
    assert found.ended_at
    assert (found.started_at.hour, found.ended_at.hour) == (9, 11)


@pytest.mark.parametrize(
    ("told", "profile", "expected"),
    [
        ("E", {}, "1"), ("U", {}, "2"), ("C", {}, "3"), ("N", {}, "4"), ("5", {}, "5"), ("R", {}, ""),
        ("EMERG", {}, ""), ("EMERG", {"admission_types": {"EMERG": "1"}}, "1"), ("", {}, ""),
    ],
)  # fmt: skip
def test_types_of_admission(told: str, profile: dict[str, Any], expected: str) -> None:
    """Table 0007's codes that the UB-04 has are translated, the sender's own by its profile; nothing is guessed."""
    assert visit(f4=told, settings=profile).admission_type == expected


def test_codes_by_profile() -> None:
    """Type of bill, point of origin and discharge status stand where the profile says, in the sender's codes."""
    profile = {
        "bill_type_places": ["ZUB-2"],
        "discharge_status_places": ["ZUB-3"],
        "discharge_statuses": {"HOME": "01"},
        "admission_sources": {"REF": "1"},
    }
    found = visit("ZUB|1|0111|HOME", f14="REF", settings=profile)
    assert (found.bill_type, found.discharge_status, found.admission_source) == ("0111", "01", "1")


def test_uniform_billing_codes() -> None:
    """UB2 gives conditions, occurrences, spans and values; days that are counted are values 80, 81 and 82."""
    ub2 = segment("UB2", {1: "1", 2: "2", 3: "09~20", 4: "3", 5: "1", 6: "A1^100.00~12^50.5",
                          7: "11^20260101~24^20260103", 8: "70^20260105^20260107"})  # fmt: skip
    found = visit(ub2)
    assert found.conditions == ("09", "20")
    assert found.occurrences == (
        Occurrence(code="11", on=date(2026, 1, 1)), Occurrence(code="24", on=date(2026, 1, 3)),
    )  # fmt: skip
    assert found.spans == (Occurrence(code="70", on=date(2026, 1, 5), to=date(2026, 1, 7)),)
    assert found.coded_values == tuple(
        CodedValue(code=code, amount=Decimal(amount))
        for code, amount in (("A1", "100.00"), ("12", "50.5"), ("80", "3"), ("81", "1"), ("82", "2"))
    )


def test_older_senders_use_ub1() -> None:
    """UB1 says the same in other fields; where both speak of a day, UB2's stands."""
    ub1 = segment("UB1", {1: "1", 7: "09", 8: "9", 10: "A1^100", 16: "11^20260101", 17: "70", 18: "20260105",
                          19: "20260107"})  # fmt: skip
    found = visit(ub1)
    assert (found.conditions, found.occurrences) == (("09",), (Occurrence(code="11", on=date(2026, 1, 1)),))
    assert found.spans == (Occurrence(code="70", on=date(2026, 1, 5), to=date(2026, 1, 7)),)
    assert [(one.code, one.amount) for one in found.coded_values] == [("A1", 100), ("80", 9)]
    both = visit(ub1, segment("UB2", {4: "3"}))
    assert [(one.code, one.amount) for one in both.coded_values] == [("A1", 100), ("80", 3)]


def test_what_cannot_be_read_is_told() -> None:
    """A day or an amount that is none is left out, with its place; the rest of the stay stands."""
    ub2 = segment("UB2", {3: "09", 6: "A1^lots", 7: "11^soon"})
    found = reading(PID, segment("PV1", INPATIENT), ub2, kind="ADT^A03")
    assert [(p.code, p.where) for p in found.problems] == [("hl7.value", "UB2-7"), ("hl7.value", "UB2-6")]
    stay = only(found, EncounterFact)
    assert (stay.conditions, stay.occurrences, stay.coded_values) == (("09",), (), ())


def test_procedures() -> None:
    """PR1 in the order of its priority, with days, modifiers and who did it; deleted ones are left out."""
    segments = [
        segment("PR1", {1: "1", 3: "0DTJ4ZZ^^I10P", 5: "20260106", 14: "2"}),
        segment(
            "PR1", {1: "2", 3: "0FT44ZZ^^I10P", 5: "20260105", 11: "1234567893^HALE^IDA", 14: "1", 16: "51~59"}
        ),
        segment("PR1", {1: "3", 3: "0JB00ZZ^^I10P", 20: "D"}),
        segment("PR1", {1: "4", 4: "words alone"}),
    ]
    first, second = visit(*segments).procedures
    assert (first.rank, first.coding.code, first.on, first.modifiers) == (
        1, "0FT44ZZ", date(2026, 1, 5), ("51", "59"),
    )  # fmt: skip
    assert first.performer
    assert first.performer.last == "HALE"
    assert second == Procedure(
        coding=Coding(system=first.coding.system, code="0DTJ4ZZ"), on=date(2026, 1, 6), rank=2
    )


def test_diagnoses_of_a_stay() -> None:
    """A diagnosis says whether it was present on admission; the admitting one is apart, and PV2-3 gives a reason."""
    dg1 = [
        segment("DG1", {1: "1", 3: "I10^^I10", 6: "F", 26: "Y"}),
        segment("DG1", {1: "2", 3: "E11.9^^I10", 6: "F", 26: "N"}),
        segment("DG1", {1: "3", 3: "R55^^I10", 6: "A", 26: "?"}),
    ]
    found = visit(*dg1, "PV2|||R07.9^Pain^I10", segment("DRG", {1: "313^x"}))
    assert [(d.coding.code, d.present) for d in found.diagnoses] == [("I10", "Y"), ("E11.9", "N")]
    assert (found.admitting, found.reasons, found.drg) == (
        Coding(system="ICD10", code="R55"), (Coding(system="ICD10", code="R07.9"),), "313",
    )  # fmt: skip
    assert visit("PV2|||chest pain").reasons == ()


def test_a_later_message_leaves_what_it_does_not_tell() -> None:
    """A message without UB2, DRG and PR1 tells nothing of them, so what was told before holds; a null empties."""
    quiet = visit(f4="", f14="", f36="", kind="ADT^A08")
    told = ("admission_type", "drg", "conditions", "procedures", "coded_values")
    assert all(getattr(quiet, name) == getattr(EncounterFact(key="", patient_key=""), name) for name in told)
    assert "admission_type" in visit(f4='""', kind="ADT^A08").cleared


def test_the_encounter_carries_its_stay() -> None:
    """The stay reaches the encounter; a visit of which nothing was told has none."""
    stay = _assembled(visit(segment("UB2", {3: "09"})))
    assert stay
    assert (stay.admission, stay.source, stay.status, stay.conditions) == ("1", "7", "01", ("09",))
    assert _assembled(visit(f4="", f14="", f36="")) is None


def _assembled(fact: EncounterFact) -> Any:
    return encounter_of(fact, patient_id="p", source_key="k", diagnoses=(), coverages=(), source="s").stay


@given(st.sampled_from(["UB1", "UB2", "PR1", "DRG", "PV2", "DG1"]), st.integers(1, 26), st.text(max_size=20))
def test_whatever_stands_in_a_field_of_the_stay(name: str, field: int, text: str) -> None:
    """No text in the stay's fields raises, and none makes a message wait: money hangs on charges, not on these."""
    clean = text.replace("\r", " ").replace("\n", " ").replace("\x0b", " ").replace("\x1c", " ")
    body = "\r".join([
        "MSH|^~\\&|APP|FAC|HUB|SITE|20260106120000||ADT^A03|M1|P|2.5||||||UNICODE UTF-8",
        PID, segment("PV1", INPATIENT), segment(name, {field: clean}),
    ])  # fmt: skip
    found = read(body.encode("utf-8", "replace"), Hl7Settings())
    assert not found.poison
    assert all(code in ("hl7.value", "hl7.charset", "hl7.diagnosis.code") for code in codes(found))
