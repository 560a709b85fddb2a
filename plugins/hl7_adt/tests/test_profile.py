"""The profile as data: what it may say, how faults are told, presets, and that every key means something."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hl7lab import CHARGE, PID, PV1, every, message, only, reading, segment, with_
from hub_hl7_adt import names
from hub_hl7_adt.places import nearest, place
from hub_hl7_adt.plan import plan_of
from hub_hl7_adt.presets import presets
from hub_hl7_adt.profile import BY_KEY, PARTS, ROWS, renewed
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.source import Hl7Source

from hub.model.facts import ChargeFact, CoverageFact, EncounterFact
from hub.plugin.host.settings import check
from hub.testing.fakes import FakeContext

CODE = Path(names.__file__ or "").parent


def faults(**settings: Any) -> list[tuple[str, str, str]]:
    """What a person is told of wrong settings: place, why and fix, as `hub check` shows them."""
    given, wrong = check("adt", Hl7Settings, settings, lambda _name, key: ".".join(map(str, key)))
    assert given is None
    return [(one.where, one.why, one.fix) for one in wrong]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ft1-25", "FT1-25"),
        ("FT1.25", "FT1-25"),
        ("FT1_25", "FT1-25"),
        ("FT1 25.1", "FT1-25.1"),
        ("FT1-25-1", "FT1-25.1"),
        ("FT1-procedure_code", "FT1-25"),
        ("PV1.visit number", "PV1-19"),
        ("FT1-0", ""),
        ("25", ""),
        ("XYZ-name", ""),
        ("", ""),
    ],
)
def test_a_wrong_place_is_told_with_the_right_one(written: str, meant: str) -> None:
    """What was probably meant is named; where nobody can know, only how a place is written."""
    assert nearest(written) == meant
    with pytest.raises(ValueError, match="a place is written like") as told:
        place(written)
    assert (f"did you mean {meant}?" in str(told.value)) == bool(meant)


def test_faults_in_words() -> None:
    """A wrong key, place, segment, word and preset are all told at once, each with what would be right."""
    told = faults(
        charge_code_place=["FT1-7"], amount_place="FT1_11", payer_places=["PID-3"], payments_are="minus"
    )
    assert [where for where, _, _ in told] == [
        "payer_places",
        "payments_are",
        "amount_place",
        "charge_code_place",
    ]
    by_key = {where: f"{why} {fix}" for where, why, fix in told}
    assert 'did you mean "charge_code_places"?' in by_key["charge_code_place"]
    assert "did you mean FT1-11?" in by_key["amount_place"]
    assert "this setting names places in IN1, IN2, IN3, PV1" in by_key["payer_places"]
    assert "'positive' or 'negative'" in by_key["payments_are"]
    ((_, why, _),) = faults(preset="codes-in-ft1-8")
    assert "did you mean codes-in-ft1-7?" in why


def test_what_a_row_says() -> None:
    """A row says what a setting holds, its defaults and its choices to whoever asks."""
    row = BY_KEY["charge_code_places"]
    assert (row.kind, row.places) == ("places", ("FT1-25", "FT1-7"))
    assert BY_KEY["payments_are"].choices == ("positive", "negative")
    assert BY_KEY["transaction_types"].kind == "table"
    assert BY_KEY["code_systems"].kind == "place_table"


def test_every_key_is_a_row() -> None:
    """Every setting of the profile says what it is about and what it means; no two say the same."""
    words = [row.words for row in ROWS]
    assert all(words)
    assert len(set(words)) == len(words)
    assert {row.part for row in ROWS} <= set(PARTS)
    assert {row.key for row in ROWS} >= {
        key for key in Hl7Settings.model_fields if key.endswith(("_place", "_places", "_types", "_are", "_key"))
    }


def test_every_default_place_is_allowed() -> None:
    """The defaults, which are not checked when settings are made, name places that their settings may name."""
    defaults = {key: getattr(Hl7Settings(), key) for key in BY_KEY}
    assert Hl7Settings(**defaults) == Hl7Settings()


def test_every_key_is_read() -> None:
    """No setting is there that nothing reads."""
    settings = {"settings.py", "settings_profile.py", "settings_mllp.py", "profile.py"}
    code = "".join(file.read_text() for file in CODE.rglob("*.py") if file.name not in settings)
    unread = [row.key for row in ROWS if f".{row.key}" not in code and row.key != "preset"]
    assert unread == []


def test_presets() -> None:
    """Every preset is whole: it says which senders have it, and sets keys of the profile to what they may be."""
    assert len(presets()) >= 8
    for preset in presets().values():
        assert preset.about.endswith(".")
        made = Hl7Settings(preset=preset.name)
        assert made.model_dump(exclude_defaults=True).keys() >= preset.settings.keys() - _as_default(
            preset.settings
        )


def _as_default(settings: Any) -> set[str]:
    """Keys that a preset states though they are so anyway, for whoever reads it."""
    plain = Hl7Settings()
    return {
        key for key, value in settings.items() if getattr(Hl7Settings(**{key: value}), key) == getattr(plain, key)
    }


def test_settings_over_their_preset() -> None:
    """What is set beside a preset overrides it; a table adds to the preset's."""
    made = Hl7Settings(
        preset="codes-in-ft1-7",
        charge_code_places=("FT1-25",),
        code_systems={"FT1-25": "LOCAL", "FT1-19": "ICD10"},
    )
    assert made.charge_code_places == ("FT1-25",)
    assert made.code_systems == {"FT1-7": "HCPCS", "FT1-25": "LOCAL", "FT1-19": "ICD10"}


def test_a_plan_belongs_to_its_settings() -> None:
    """A profile is worked out once; another one, also a changed copy, has a plan of its own."""
    first = Hl7Settings()
    other = first.model_copy(update={"charge_code_places": ("FT1-7",)})
    assert plan_of(first) is plan_of(first)
    assert [each.spot.field for each in plan_of(first).codes] == [25, 7]
    assert [each.spot.field for each in plan_of(other).codes] == [7]


def test_schema_and_readme_say_the_same() -> None:
    """The JSON schema describes every key, and the README's tables are those of the rows."""
    properties = Hl7Settings.model_json_schema()["properties"]
    assert all(
        properties[row.key]["description"] == row.words for row in ROWS if "$ref" not in properties[row.key]
    )
    readme = Path(__file__).parents[1] / "README.md"
    renew = "renew the tables with: python -m hub_hl7_adt.profile plugins/hl7_adt/README.md"
    assert renewed(readme.read_text()) == readme.read_text(), renew


def test_a_financial_class_may_name_the_payer() -> None:
    """A visit without a policy is of the payer that the profile gives for its class; a policy goes before."""
    profile = {"financial_classes": {"SP": "SELFPAY"}}
    pv1 = f"{PV1}".replace("|V77|", "|V77|SP|", 1)
    charge = segment("FT1", CHARGE)
    found = only(reading(PID, pv1, charge, settings=profile), CoverageFact)
    assert (found.payer_token, found.rank, found.encounter_key) == ("SELFPAY", 1, "V77")
    with_policy = reading(PID, pv1, "IN1|1|PLAN9", charge, settings=profile)
    assert only(with_policy, CoverageFact).payer_token == "PLAN9"
    assert not every(reading(PID, PV1, charge, settings=profile), CoverageFact)


def test_visits_by_profile() -> None:
    """Who treats and refers, when it began and ended, and what kind it is, stand where the profile says."""
    profile = {
        "attending_places": ["ZPV-1", "PV1-7"],
        "referring_places": ["ZPV-2"],
        "admission_places": ["ZPV-3"],
        "discharge_places": ["ZPV-4"],
        "patient_class_places": ["ZPV-5"],
        "patient_classes": {"tele": "virtual"},
    }
    zpv = "ZPV|^^|1999999018^ORDER^OLA|202601051000|202601051100|TELE"
    found = only(reading(PID, PV1, zpv, kind="ADT^A08", settings=profile), EncounterFact)
    assert found.rendering
    assert found.referring
    assert (found.rendering.last, found.referring.last, found.kind) == ("HALE", "ORDER", "virtual")
    assert found.started_at
    assert found.ended_at
    assert (found.started_at.hour, found.ended_at.hour) == (10, 11)


def test_policies_by_profile() -> None:
    """Rank and relationship stand where the profile says; what one policy leaves out is not taken from another."""
    profile = {"rank_places": ["ZIN-1", "IN1-22"], "relationship_places": ["IN2-72"]}
    first = ["IN1|1|PLAN1", segment("IN2", {61: "MEMBER1", 72: "SEL"})]
    found = every(reading(PID, PV1, *first, "IN1|2|PLAN2", kind="ADT^A08", settings=profile), CoverageFact)
    assert [(f.rank, f.payer_token, f.member_id) for f in found if f.active] == [
        (1, "PLAN1", "MEMBER1"), (2, "PLAN2", ""),
    ]  # fmt: skip


def test_the_first_service_day_is_where_lines_have_it() -> None:
    """A visit without an admission began on the first service day, wherever the profile has that."""
    line = segment("FT1", with_(CHARGE, {"f4": "", "f5": "20260109"}))
    found = reading(PID, "PV1|1|O", line, settings={"service_date_places": ["FT1-5"], "visit_places": ["PID-18"]})
    assert only(found, ChargeFact).service_from.day == 9


LINE_VALUES = {1: "G0439", 2: "1999999034^HERON^PER^^^^^^NPI^^^^NPI", 3: "0510", 4: "CHK-7", 5: "E11.9^^I10C"}


@pytest.mark.parametrize(
    ("setting", "where", "field", "expected"),
    [
        ("ordering_places", "ZLN-2", lambda one: one.ordering.npi, "1999999034"),
        ("revenue_places", "ZLN-3", lambda one: one.revenue, "0510"),
        ("diagnosis_places", "ZLN-5", lambda one: [each.code for each in one.diagnoses], ["E11.9"]),
    ],
)
def test_what_a_line_says_stands_where_the_profile_says(
    setting: str, where: str, field: Callable[[ChargeFact], object], expected: object
) -> None:
    """A place behind the line, in the sender's own segment, becomes the line's own."""
    line = (segment("FT1", CHARGE), segment("ZLN", LINE_VALUES))
    assert field(only(reading(PID, PV1, *line, settings={setting: [where]}), ChargeFact)) == expected


def test_the_number_of_a_payment_stands_where_the_profile_says() -> None:
    """The check or receipt of a payment is kept with it."""
    paid = segment("FT1", with_(CHARGE, {"f6": "PY"}))
    settings = {"payment_reference_places": ["ZLN-4"]}
    found = only(reading(PID, PV1, paid, segment("ZLN", LINE_VALUES), settings=settings), ChargeFact)
    assert (found.kind, found.reference) == ("payment", "CHK-7")


def test_admission_and_class_stand_where_the_profile_says() -> None:
    """Type of admission, point of origin and financial class may stand in a segment of the sender's own."""
    settings = {
        "admission_type_places": ["ZVS-1"],
        "admission_source_places": ["ZVS-2"],
        "financial_class_places": ["ZVS-3"],
        "financial_classes": {"F9": "self-pay"},
    }
    visit = segment("PV1", {2: "I", 4: "E", 14: "1", 19: "V77", 44: "20260105090000"})
    found = reading(PID, visit, segment("ZVS", {1: "U", 2: "4", 3: "F9"}), settings=settings, kind="ADT^A01")
    told = only(found, EncounterFact)
    assert (told.admission_type, told.admission_source) == ("2", "4")
    assert only(found, CoverageFact).payer_token == "self-pay"


def test_advice_on_a_sample() -> None:
    """With `advice_sample` a message's conformance is told beside what was read; its facts are the same."""
    body = message(PID, segment("PV1", {19: "V77", 44: "20260105090000"}), kind="ADT^A08")
    plain, sampled = (
        Hl7Source(Hl7Settings(advice_sample=rate), FakeContext("hl7")).read(body, "hl7v2") for rate in (0.0, 1.0)
    )
    assert sampled.facts == plain.facts
    assert {one.code for one in sampled.problems} - {one.code for one in plain.problems} == {"hl7.advice"}
