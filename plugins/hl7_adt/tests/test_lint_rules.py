"""What samples of one habit or another ask the profile to say, and that it makes them read better."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from hub_hl7_adt.linting.proposals import Proposal
from hub_hl7_adt.linting.report import Report, Score, apply, lint
from hub_hl7_adt.linting.samples import Sample
from hub_hl7_adt.linting.toml import profile
from hub_hl7_adt.settings import Hl7Settings
from lint_samples import CODES, NPI, dft, line, person, policy, sample, segment, several, visit


def report(samples: tuple[Sample, ...], **settings: Any) -> Report:
    """The report under a profile."""
    return lint(samples, Hl7Settings(**settings))


def _shifted() -> tuple[Sample, ...]:
    """FT1 with one field too many before the date."""

    def moved(n: int, number: int) -> str:
        parts = line(n, number).split("|")
        return "|".join([*parts[:4], "", *parts[4:]])

    return tuple(sample(n, person(n), visit(n), moved(n, 1), policy(n)) for n in range(6))


def _units_differ() -> tuple[Sample, ...]:
    """FT1-11 holds the price of one unit, whatever the quantity."""

    def priced(n: int, number: int) -> str:
        fields = {7: "", 25: f"{CODES[number]}^^HCPCS", 10: str(n % 3 + 1), 11: "20.00", 12: ""}
        return line(n, number, fields)

    return tuple(sample(n, person(n), visit(n), priced(n, 1), policy(n)) for n in range(6))


def _numbered() -> tuple[Sample, ...]:
    """FT1-2 is the number of the line."""
    lines = [[line(n, number, {2: str(number)}) for number in (1, 2)] for n in range(6)]
    return tuple(sample(n, person(n), visit(n), *lines[n], policy(n)) for n in range(6))


def _told_again() -> tuple[Sample, ...]:
    """Every message tells the visit's lines again, all under one FT1-2."""
    lines = [line(0, number, {2: "1"}) for number in (1, 2)]
    return tuple(sample(n, person(0), visit(0), *lines, policy(0)) for n in range(4))


def _policies_apart() -> tuple[Sample, ...]:
    """Policies come with a registration, under another visit than the charges."""
    charges = [sample(n, person(n), visit(n), line(n, 1)) for n in range(4)]
    registered = [sample(9 + n, person(n), visit(n, {19: f"R{n}"}), policy(n), kind="ADT^A04") for n in range(4)]
    return (*charges, *registered)


HABITS: dict[str, tuple[Callable[[], tuple[Sample, ...]], str, Any]] = {
    "codes in FT1-7 alone": (
        lambda: several(ft1={7: "G0438", 25: ""}), "code_systems", {"FT1-7": "HCPCS"},
    ),
    "codes in FT1-25 without a system": (lambda: several(ft1={25: "G0438"}), "code_systems", {"FT1-25": "HCPCS"}),
    "diagnoses that name no system": (lambda: several(ft1={19: "J02.9"}), "code_systems", {"FT1-19": "ICD10"}),
    "diagnoses of the visit that name no system": (
        lambda: several(ft1={19: ""}, more=("DG1|1||J02.9",)), "code_systems", {"DG1-3": "ICD10"},
    ),
    "neither codes nor diagnoses name a system": (
        lambda: several(ft1={19: "J02.9", 25: "G0438"}), "code_systems", {"FT1-25": "HCPCS", "FT1-19": "ICD10"},
    ),
    "codes in FT1-8": (lambda: several(ft1={7: "L1", 25: "", 8: "G0438"}), "charge_code_places",
                       ["FT1-8.1", "FT1-25", "FT1-7"]),
    "modifiers behind the code": (lambda: several(ft1={7: "", 25: "G0438-25^^HCPCS"}), "modifiers_in_code", "-"),
    "modifiers in the second component": (
        lambda: several(ft1={25: "G0438^59^HCPCS"}), "modifier_places", ["FT1-25.2", "FT1-26"],
    ),
    "no quantity": (lambda: several(ft1={10: "", 11: "20.00", 12: ""}), "units_when_empty", 1),
    "amounts the other way round": (_swapped := lambda: several(ft1={10: "3", 11: "20.00", 12: "60.00"}),
                                    "amount_place", "FT1-12"),
    "price of one unit": (_units_differ, "amount_is", "unit"),
    "one transaction id for all": (lambda: several(ft1={2: "1"}), "charge_key", "message"),
    "transaction id is the line": (_numbered, "charge_key", "message"),
    "lines are told again": (_told_again, "charge_key", "content"),
    "fields one too far": (_shifted, "field_shift", {"FT1-4": 1}),
    "NPI in FT1-24": (lambda: several(ft1={20: "77^HALE", 24: f"{NPI}^HALE"}, pv1={7: "77^HALE"}),
                      "rendering_places", ["FT1-24", "FT1-20"]),
    "empty MSH-11": (lambda: several(msh={10: ""}), "production_ids", ["P", ""]),
    "another type of identifier": (lambda: several(pid={3: "12345^^^EAST^PT"}), "patient_id_types",
                                   ["PT", "MR", "MRN", "PI"]),
    "visit number in PV1-50": (lambda: several(pid={18: ""}, pv1={19: "", 50: "V9"}), "visit_places",
                               ["PV1-19", "PID-18", "PV1-50"]),
    "PV1-19 numbers no visits": (lambda: several(pv1={19: "1"}), "visit_places", ["PID-18", "PV1-19"]),
    "payer in IN1-3": (lambda: several(in1={2: "ALL"}), "payer_places", ["IN1-3.1", "IN1-2.1", "IN1-4.1"]),
    "member id in IN1-46": (lambda: several(in1={36: "", 46: "XYZ123456"}), "member_id_places",
                            ["IN1-46.1", "IN1-36", "IN1-49.1", "IN2-61.1"]),
    "policies apart": (_policies_apart, "coverage_scope", "patient"),
    "test patients": (lambda: several(pid={5: "ZZTEST^ADA"}), "test_last_names", ["ZZTEST"]),
    "payments below zero": (
        lambda: tuple(dft(n, more=(line(n, 3, {6: "PY", 7: "", 11: "-20.00", 25: ""}),)) for n in range(4)),
        "payments_are", "negative",
    ),
    "bytes of windows-1252": (
        lambda: tuple(
            Sample(file="a", nth=n, body=one.body.replace(b"ADA", b"AD\xc4")) for n, one in enumerate(several())
        ),
        "charset", "windows-1252",
    ),
}  # fmt: skip


def better(after: Score, before: Score) -> bool:
    """Whether nothing became worse."""
    return after == before or after.better(before, as_good=True)


@pytest.mark.parametrize("habit", HABITS)
def test_habit(habit: str) -> None:
    """A habit of a sender shows in its samples, and the profile that follows makes nothing worse."""
    made, key, value = HABITS[habit]
    found = report(made())
    sure = {one.key: one for one in found.proposals if one.sure}
    assert key in sure, [one.key for one in found.proposals]
    told = sure[key].value
    assert (list(told) if isinstance(told, list | tuple) else told) == value
    assert sure[key].reason
    assert better(found.after, found.before)


@pytest.mark.parametrize("habit", HABITS)
def test_applied_once(habit: str) -> None:
    """Under the proposed profile the same samples ask for nothing more of the same kind, and read no worse."""
    made, key, _ = HABITS[habit]
    found = report(made())
    again = lint(made(), apply(Hl7Settings(), found.proposals))
    assert better(again.before, found.before)
    assert key not in {one.key for one in again.proposals if one.sure}


def test_a_quantity_that_may_stand_elsewhere() -> None:
    """No quantity is taken for one unit while the sender's own segment may hold it: two would be billed as one."""
    made = several(ft1={10: "", 11: "", 12: ""})
    mixed = tuple(
        Sample(file=one.file, nth=one.nth, body=one.body.replace(b"\rFT1", b"\rZCH|L|%d\rFT1" % n) + b"\rZCH|L|1")
        for n, one in enumerate(made, 1)
    )
    (told,) = [one for one in report(mixed).proposals if one.key == "units_when_empty"]
    assert (told.sure, "ZCH-2 may be the quantity" in told.reason) == (False, True)
    (plain,) = [one for one in report(made).proposals if one.key == "units_when_empty"]
    assert plain.sure


MENDED = (
    "no quantity", "fields one too far", "codes in FT1-8", "member id in IN1-46", "policies apart",
    "codes in FT1-7 alone", "NPI in FT1-24", "visit number in PV1-50", "bytes of windows-1252",
)  # fmt: skip


@pytest.mark.parametrize("habit", MENDED)
def test_fewer_findings(habit: str) -> None:
    """Where a habit costs claims, the proposed profile leaves fewer findings or makes messages readable."""
    found = report(HABITS[habit][0]())
    after, before = found.after, found.before
    assert after.unread < before.unread or after.weight < before.weight


@pytest.mark.parametrize(("bare", "said"), [(0, "nothing: FT1-25"), (1, "nothing where FT1-25 is filled")])
def test_lines_with_a_local_code_alone_are_told(bare: int, said: str) -> None:
    """That FT1-25 holds what a claim needs is said only where every line with a local code has it filled."""
    local = {7: "LAB1"}
    lines = [line(n, 1, {**local, 25: ""} if n < bare else local) for n in range(6)]
    samples = tuple(sample(n, person(n), visit(n), lines[n], policy(n)) for n in range(6))
    (remark,) = [one for one in report(samples).remarks if one.what.startswith("FT1-7 looks like")]
    assert remark.fix.startswith(said)


def test_usual_samples_ask_for_nothing() -> None:
    """A sender that puts everything where HL7 says needs no setting but what a person alone knows."""
    found = report(several())
    assert [one.key for one in found.proposals if one.sure] == []


def test_what_only_a_person_knows_is_a_comment() -> None:
    """Time zones, places of service and the meaning of the sender's own types are asked, never set."""
    found = report(several(pv1={44: "20260105090000"}, msh={6: "20260106120000"}, ft1={6: "XX"}))
    asked = {one.key: one for one in found.proposals if not one.sure}
    assert {"time_zone", "place_of_service", "transaction_types"} <= asked.keys()
    assert asked["time_zone"].value == "America/Los_Angeles"
    assert apply(Hl7Settings(), found.proposals) == apply(Hl7Settings(), [])


def test_a_proposal_that_mends_nothing_is_dropped() -> None:
    """A setting is proposed only when the samples read better with it: here the charge code is the patient's own
    trouble, and no place of the samples has one."""
    found = report(several(ft1={7: "L1", 25: ""}))
    assert "charge_code_places" not in {one.key for one in found.proposals}
    (remark,) = [one for one in found.remarks if one.about == "charge codes"]
    assert "FT1-7 looks like a local charge code: 12 filled, 1 value" in remark.what


def test_z_segment() -> None:
    """A Z-segment is shown with the fields that it fills and what they look like."""
    found = report(several(more=(segment("ZCH", {1: "1", 3: "G0438", 5: NPI}),), ft1={25: ""}))
    (remark,) = [one for one in found.remarks if one.about == "ZCH"]
    assert "ZCH-3 (looks like HCPCS)" in remark.what
    assert "ZCH-5 (looks like NPIs)" in remark.what


def test_profile_is_toml() -> None:
    """The proposed profile is TOML that the settings accept, with comments for what a person must confirm."""
    found = report(several(ft1={2: "1", 10: "", 11: "5.00", 12: "", 25: "G0438"}, msh={10: ""}))
    text = profile(found.proposals)
    assert Hl7Settings.model_validate(tomllib.loads(text)) == apply(Hl7Settings(), found.proposals)
    assert "# place_of_service" in text


def test_toml_of_any_text() -> None:
    """A value from a message cannot break out of its line of the profile."""
    odd = Proposal(key="charset", value='a"\n[x]\\', reason="a\nb")
    text = profile([odd])
    assert tomllib.loads(text) == {"charset": 'a" [x]\\'}
