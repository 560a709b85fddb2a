"""Each scrub rule: a claim that passes, and for each of its findings a claim that it holds."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flowlab.made import (
    HOME,
    LARKSPUR,
    NOW,
    D,
    adjustment,
    claim,
    coverage,
    desk,
    holder,
    line,
    patient,
    settings,
)
from msgspec.structs import replace

from hub.config import Settings
from hub.flow.rules import RULES, Desk, scrub
from hub.model.claim import Claim, LineAdjudication, OtherPayer
from hub.model.encounter import Accident, Drug
from hub.model.people import Facility, Name, Provider

BAD = Provider(npi="1999999990", last="Wigeon")
DRUG = Drug(ndc="99999188501", quantity=D(1), unit="ML")
SECOND = coverage("ppo_second", 2)


def with_line(**changes: object) -> Claim:
    """A claim whose only line is altered so."""
    return claim(lines=(line(**changes),))


def with_patient(**changes: object) -> Claim:
    """A claim whose patient is altered so."""
    return claim(patient=patient(**changes))


def dependent(**changes: object) -> Claim:
    """A claim for a spouse."""
    return claim(coverage=coverage(relationship="spouse", subscriber=replace(holder(), **changes)))


def answered(paid: str, told: str) -> Claim:
    """A secondary claim: what the first payer paid for the whole, and for its line."""
    at = LineAdjudication(payer="ppo", paid=D(told), hcpcs="T1015", units=D(1))
    other = OtherPayer(coverage=coverage(), paid=D(paid), adjustments=(adjustment("CO", "45", "5.00"),))
    return claim(
        payer="ppo_second", rank=2, coverage=SECOND, other_coverages=(coverage(),), other_payers=(other,),
        lines=(line(adjudications=(at,)),),
    )  # fmt: skip


def other_desk(**changes: object) -> Desk:
    """The desk with settings altered so."""
    known = settings().model_copy(update=changes)
    vars(known).pop("_index", None)
    return desk(settings=known)


def enrolled(status: str) -> Desk:
    """The desk of a practice whose every enrolment stands so."""
    rows = tuple(row.model_copy(update={"status": status}) for row in settings().enrolments)
    return other_desk(enrolments=rows)


def payer_without_id() -> Desk:
    """The desk where the PPO has no id at the clearinghouse."""
    known: Settings = settings()
    return other_desk(payers={**known.payers, "ppo": known.payers["ppo"].model_copy(update={"ids": {}})})


AUTO = Accident(kind="AA", on=date(2026, 2, 1), state="OH")
COMP = claim(payer="comp", coverage=coverage("comp"), accident=Accident(kind="EM", on=date(2026, 2, 20)))
THIRTEEN = tuple(f"F17{n}" for n in (200, 201, 203, 208, 209, 210, 211, 213, 218, 219, 220, 221, 223))
CASES: list[tuple[str, str, Claim, Desk]] = [
    ("npis", "npi", claim(billing=replace(claim().billing, npi="1999999990")), desk()),
    ("npis", "npi", claim(rendering=BAD), desk()),
    ("npis", "npi", claim(referring=BAD), desk()),
    ("npis", "npi", claim(facility=Facility(name="There", npi="1999999990", address=HOME)), desk()),
    ("npis", "npi", with_line(rendering=BAD), desk()),
    ("taxonomies", "taxonomy", claim(rendering=replace(LARKSPUR, taxonomy="207Q")), desk()),
    ("taxonomies", "taxonomy", claim(billing=replace(claim().billing, taxonomy="X")), desk()),
    ("diagnoses", "diagnosis_count", claim(diagnoses=()), desk()),
    ("diagnoses", "diagnosis_count", claim(diagnoses=THIRTEEN), desk()),
    ("diagnoses", "diagnosis", claim(diagnoses=("44054006",)), desk()),
    ("diagnoses", "diagnosis", claim(diagnoses=("E11",)), desk()),
    ("diagnoses", "diagnosis", claim(diagnoses=("E1199",)), desk()),
    ("pointers", "pointer", with_line(pointers=()), desk()),
    ("pointers", "pointer", with_line(pointers=(3,)), desk()),
    ("pointers", "pointer", with_line(pointers=(1, 2, 1, 2, 1)), desk()),
    ("services", "code", with_line(hcpcs="T101"), desk()),
    ("services", "amount", with_line(amount=D(0)), desk()),
    ("services", "amount", with_line(units=D(0)), desk()),
    ("services", "service_date", with_line(service_from=NOW.date() + timedelta(days=1)), desk()),
    ("services", "service_date", with_line(service_to=date(2026, 2, 1)), desk()),
    ("services", "modifiers", with_line(modifiers=("KX", "GA", "GY", "GZ", "76")), desk()),
    ("timely", "timely", with_line(service_from=NOW.date() - timedelta(days=181)), desk()),
    ("member", "member_id", claim(coverage=coverage(member_id="")), desk()),
    ("member", "member_id", claim(coverage=coverage(member_id="B1")), desk()),
    ("member", "member_id", claim(other_coverages=(replace(SECOND, member_id=""),)), desk()),
    ("people", "name", with_patient(name=Name(last="Bittern")), desk()),
    ("people", "birth_date", with_patient(birth_date=None), desk()),
    ("people", "address", with_patient(address=None), desk()),
    ("people", "address", with_patient(address=replace(HOME, line1="")), desk()),
    ("people", "address", with_patient(address=replace(HOME, state="QX")), desk()),
    ("people", "address", with_patient(address=replace(HOME, zip="4409")), desk()),
    ("people", "subscriber", claim(coverage=coverage(relationship="spouse")), desk()),
    ("people", "subscriber", dependent(name=Name(last="")), desk()),
    ("people", "after_death", with_patient(death_date=date(2026, 2, 26)), desk()),
    ("places", "place", claim(place_of_service="1"), desk()),
    ("places", "place", with_line(place_of_service="ZZ"), desk()),
    ("drugs", "ndc", with_line(hcpcs="J1885"), desk()),
    ("drugs", "ndc", with_line(hcpcs="J1885", drug=replace(DRUG, ndc="99999")), desk()),
    ("drugs", "ndc", with_line(hcpcs="J1885", drug=replace(DRUG, quantity=D(0))), desk()),
    ("rentals", "rental", with_line(hcpcs="E0601", modifiers=("RR",)), desk()),
    ("accidents", "accident", claim(accident=replace(AUTO, state="")), desk()),
    ("accidents", "accident", claim(accident=replace(AUTO, on=None)), desk()),
    ("accidents", "injury_date", replace(COMP, accident=None), desk()),
    ("route", "paper", claim(payer="self_pay", coverage=coverage("self_pay")), desk()),
    ("route", "payer_id", claim(), payer_without_id()),
    ("route", "enrolment", claim(), enrolled("sent")),
    ("doubles", "double", claim(lines=(line(), line(2))), desk()),
    ("stays", "stay", claim(admitted_on=date(2026, 2, 26)), desk()),
    ("sums", "cob", answered("100.00", "100.00"), desk()),
]  # fmt: skip
GOOD: list[tuple[str, Claim, Desk]] = [
    ("everything", claim(), desk()),
    ("referring and facility", claim(referring=LARKSPUR, facility=Facility(name="There", address=HOME)), desk()),
    ("on the last day", with_line(service_from=NOW.date() - timedelta(days=180)), desk()),
    ("corrected late", replace(with_line(service_from=date(2025, 1, 1)), frequency="7"), desk()),
    ("a dependent", dependent(), desk()),
    ("a drug", with_line(hcpcs="J1885", drug=DRUG), desk()),
    ("a rental", with_line(hcpcs="E0601", modifiers=("RR", "KH")), desk()),
    ("bought, not rented", with_line(hcpcs="E0601", modifiers=("NU",)), desk()),
    ("an auto accident", claim(accident=AUTO), desk()),
    ("an injury at work", COMP, desk()),
    ("no enrolment needed", claim(), other_desk(enrolments=())),
    ("told apart", claim(lines=(line(), line(2, modifiers=("76",)))), desk()),
    ("sums of another payer", answered("95.00", "100.00"), desk()),
    ("a stay", claim(admitted_on=date(2026, 2, 26), place_of_service="21"), desk()),
    ("died on the day", with_patient(death_date=date(2026, 2, 27)), desk()),
]


@pytest.mark.parametrize(
    ("name", "code", "bad", "at"), CASES, ids=[f"{n}-{c}-{i}" for i, (n, c, *_) in enumerate(CASES)]
)
def test_held(name: str, code: str, bad: Claim, at: Desk) -> None:
    """The rule finds exactly what is wrong, says where and what to do, and holds the claim (a double line warns)."""
    found = list(RULES[name](bad, at))
    assert [one.rule for one in found] == [f"scrub.{code}"]
    assert all(one.where and one.why and one.fix for one in found)
    assert [one.hold for one in found] == [code != "double"]


@pytest.mark.parametrize(("good", "at"), [(c, d) for _, c, d in GOOD], ids=[name for name, *_ in GOOD])
def test_passes(good: Claim, at: Desk) -> None:
    """A claim without a fault passes every rule."""
    assert scrub(good, at) == ()


def test_every_rule_is_shown() -> None:
    """Each rule of RULES has a claim here that it holds."""
    assert {name for name, *_ in CASES} == set(RULES)


def test_findings_tell_no_patient() -> None:
    """What rules say names places, never what stands there."""
    said = repr([scrub(bad, at) for _, _, bad, at in CASES])
    assert all(value not in said for value in ("Bittern", "Orla", "BHP990000011", "Reed Street", "1999999990"))
