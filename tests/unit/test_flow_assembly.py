"""An encounter is put together from facts alone: their order and repetition change nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from flowlab.made import (
    NOW,
    ON,
    D,
    charge_fact,
    coverage_fact,
    diagnosis_fact,
    encounter_fact,
    patient,
    policy,
)
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.flow.visits.assembly import charge_of, coverages_of, diagnoses_of, verdict
from hub.model.coverage import PatientFile
from hub.model.encounter import Coding, Diagnosis

COVERAGES = [
    coverage_fact("V1", rank=2),
    coverage_fact("V2", "HARBOR", rank=1),
    coverage_fact("V3", "OSPREY", rank=0),
    coverage_fact("V4", active=False),
    coverage_fact("V5", valid_to=ON - timedelta(days=1)),
    coverage_fact("V6", valid_from=ON + timedelta(days=1)),
]
DIAGNOSES = [diagnosis_fact("D1"), diagnosis_fact("D2", "E785"), diagnosis_fact("D3", "J209", active=False)]
FILE = PatientFile(patient=patient(), guarantor_id="pat1")


@given(st.permutations(COVERAGES), st.permutations(DIAGNOSES))
def test_order_changes_nothing(coverages: list, apart: list) -> None:
    """Coverages and diagnoses come out the same in whatever order their facts arrived."""
    found = coverages_of(coverages, policy(), ON)
    assert [(one.key, one.rank, one.payer) for one in found] == [
        ("V2", 1, "ppo_second"),
        ("V1", 2, "ppo"),
        ("V3", 3, ""),
    ]
    charges = [charge_fact(diagnoses=(Coding(system="ICD10", code="Z23"),))]
    codes = [one.coding.code for one in diagnoses_of(encounter_fact(), apart, charges)]
    assert codes == ["E11.9", "I10", "E785", "Z23"]


@given(st.lists(st.sampled_from(DIAGNOSES)))
def test_repetition_changes_nothing(apart: list) -> None:
    """A diagnosis that is told several times stands once, and with its rank where any telling ranks it."""
    ranked = Diagnosis(coding=Coding(system="ICD10", code="I10"), rank=2)
    visit = encounter_fact(diagnoses=(*encounter_fact().diagnoses, ranked))
    found = diagnoses_of(visit, [*apart, *apart], ())
    codes = [one.coding.code for one in found]
    assert len(codes) == len(set(codes))
    assert [(one.coding.code, one.rank) for one in found][:2] == [("E11.9", 1), ("I10", 2)]


@pytest.mark.parametrize(
    ("on", "keys"),
    [
        (ON, ["V2", "V1", "V3"]),
        (ON - timedelta(days=1), ["V2", "V5", "V1", "V3"]),
        (None, ["V2", "V5", "V6", "V1", "V3"]),
    ],
)
def test_coverages_of_a_day(on: date | None, keys: list[str]) -> None:
    """A coverage counts from its first to its last day, both included; without a day all active ones count.
    Ranks have no gaps."""
    found = coverages_of(COVERAGES, policy(), on)
    assert [one.key for one in found] == keys
    assert [one.rank for one in found] == list(range(1, len(found) + 1))


def test_a_payer_is_known_by_token_or_exact_name_only() -> None:
    """Token before name, letter case aside; what is not mapped stays empty and is never guessed."""
    told = [
        ("HARBOR", "BlueHeron", "ppo_second"),
        ("X9", "BlueHeron", "ppo"),
        ("X9", "Blue Heron Inc", ""),
        ("", "", ""),
    ]
    for token, name, payer in told:
        assert coverages_of([coverage_fact(plan=token, payer_name=name)], policy(), ON)[0].payer == payer


def test_who_holds_their_own_policy_has_no_subscriber() -> None:
    """A subscriber stands on a coverage exactly when it is somebody else."""
    from flowlab.made import holder

    own, other = (
        coverages_of([coverage_fact(relationship=r, subscriber=holder())], policy(), ON)[0]
        for r in ("self", "spouse")
    )
    assert own.subscriber is None
    assert other.subscriber == holder()


def test_an_encounter_waits_for_its_hold_days() -> None:
    """It is ready on the day on which its hold days are over, and not a day before."""
    visit = encounter_fact(ended_at=NOW - timedelta(days=2))
    states = [verdict(visit, FILE, policy(hold_days=days), NOW).state for days in (0, 1, 2, 3)]
    assert states == ["ready", "ready", "ready", "waiting"]


def test_what_never_bills() -> None:
    """Before bill_from (by the local day), cancelled, test patients, and what is not ready do not bill."""
    new_year = datetime(2026, 1, 1, 4, 59, tzinfo=UTC)
    test_file = PatientFile(patient=patient(is_test=True))
    assert verdict(encounter_fact(started_at=new_year), FILE, policy(), NOW).state == "history"
    assert (
        verdict(encounter_fact(started_at=new_year + timedelta(minutes=1)), FILE, policy(), NOW).state == "ready"
    )
    assert verdict(encounter_fact(status="cancelled"), None, policy(), NOW).state == "cancelled"
    assert verdict(encounter_fact(), test_file, policy(), NOW).state == "test"
    assert verdict(encounter_fact(), None, policy(), NOW).state == "gathering"
    assert verdict(encounter_fact(ready=False), FILE, policy(), NOW).state == "waiting"
    assert verdict(encounter_fact(started_at=None), FILE, policy(), NOW).state == "waiting"
    assert verdict(encounter_fact(), FILE, policy(bill_from=date.max), NOW).state == "history"


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Auckland", "UTC"])
def test_the_first_and_the_last_instant_there_is(zone: str) -> None:
    """Systems write 0001-01-01 and 9999-12-31 for "unknown": such a visit is history, or waits, and stops nothing."""
    first = datetime(1, 1, 1, tzinfo=UTC)
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    near = policy(zone=zone, hold_days=30)
    assert verdict(encounter_fact(started_at=first, ended_at=first), FILE, near, NOW).state == "history"
    assert verdict(encounter_fact(ended_at=last), FILE, near, NOW).state == "waiting"
    assert verdict(encounter_fact(started_at=last, ended_at=last), FILE, near, NOW).state == "waiting"


def test_a_credit_keeps_its_kind_and_a_positive_amount() -> None:
    """Signs of units and amounts are the kind's business: -1 unit at -30 as a credit is one unit at 30."""
    found = charge_of(
        charge_fact(kind="credit", units=D(-1), amount=D(-30)), patient_id="p", encounter_id="e", source="ehr"
    )
    assert (found.kind, found.units, found.amount) == ("credit", D(1), D(30))


def test_a_diagnosis_that_is_withdrawn_leaves_the_list() -> None:
    """One that is taken back by itself is not in an older list of its visit; a newer list stands against that."""
    withdrawn = replace(diagnosis_fact(code="E11.9"), version="2", active=False)
    assert diagnoses_of(encounter_fact(version="1"), [withdrawn], []) == ()
    assert len(diagnoses_of(encounter_fact(version="3"), [withdrawn], [])) == 1


def test_of_one_id_the_later_word_stands() -> None:
    """A diagnosis that has an id is changed or ended under it, with another code or none: the newer of list and
    single word stands, in the place that it had."""
    first, second = (
        Diagnosis(coding=Coding(system="ICD10", code=code), rank=rank, id=f"D{rank}")
        for rank, code in enumerate(("I10", "E11.9"), 1)
    )
    visit = encounter_fact(version="2", diagnoses=(first, second))
    changed = Diagnosis(coding=Coding(system="ICD10", code="I11.9"), id="D1")
    gone = Diagnosis(coding=Coding(system="DG1-20", code="D1"), id="D1")
    for version, told, active, wanted in (
        ("3", changed, True, [("I11.9", 1), ("E11.9", 2)]),
        ("1", changed, True, [("I10", 1), ("E11.9", 2)]),
        ("3", gone, False, [("E11.9", 2)]),
        ("1", gone, False, [("I10", 1), ("E11.9", 2)]),
        ("3", replace(first, rank=0), True, [("I10", 1), ("E11.9", 2)]),
    ):
        alone = [replace(diagnosis_fact(), version=version, diagnosis=told, active=active)]
        found = diagnoses_of(visit, alone, [])
        assert [(one.coding.code, one.rank) for one in found] == wanted


def test_of_two_with_one_code_only_the_one_that_was_withdrawn_goes() -> None:
    """Two diagnoses with ids of their own and one code: where one is taken back the other keeps its place, in
    the list of the visit and on charges."""
    first = Diagnosis(coding=Coding(system="ICD10", code="Z00.00"), rank=1, id="C1")
    second = Diagnosis(coding=Coding(system="ICD10", code="I10"), rank=2, id="C2")
    visit = encounter_fact(version="2", diagnoses=(first, second))
    again = replace(first, rank=0, id="C3")
    alone = [
        replace(diagnosis_fact(), key="C1", version="1", diagnosis=replace(first, rank=0)),
        replace(diagnosis_fact(), key="C3", version="3", diagnosis=again, active=False),
    ]
    for order in (alone, alone[::-1]):
        found = diagnoses_of(visit, order, [])
        assert [(one.coding.code, one.rank) for one in found] == [("Z00.00", 1), ("I10", 2)]
    last = [replace(one, active=False, version="3") for one in alone]
    assert [one.coding.code for one in diagnoses_of(visit, last, [])] == ["I10"]


def test_diagnoses_of_charges_have_an_order_of_their_own() -> None:
    """What charges say of diagnoses is ordered by day and number of the charge, whichever came first."""
    charges = [
        charge_fact(f"T{n}", diagnoses=(Coding(system="ICD10", code=code),))
        for n, code in ((10, "I10"), (9, "J06.9"))
    ]
    for order in (charges, charges[::-1]):
        found = diagnoses_of(encounter_fact(diagnoses=()), [], order)
        assert [one.coding.code for one in found] == ["J06.9", "I10"]
