"""The synthetic practice: the same bytes for a seed, visibly invented, and nobody's member id twice."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from hub.sandbox.payers import QMB_MARKER
from hub.testing.practice import OUTCOMES, STORIES, amiss, make_load, make_practice
from hub.testing.practice.calendar import working_day
from hub.testing.practice.days import File
from hub.testing.practice.people import member_id, roster
from hub.testing.practice.tales import TALES

if TYPE_CHECKING:
    from hub.store import View


def chance() -> Random:
    """Chance that always falls the same."""
    return Random(1)  # noqa: S311  nothing secret


def files(seed: int = 1) -> list[tuple[date, list[File]]]:
    """Twelve days of a small practice."""
    return list(make_practice(seed, days=12, patients=25))


def test_the_same_seed_gives_the_same_bytes() -> None:
    """A seed decides everything; another seed gives other visits."""
    assert files() == files()
    assert files() != files(seed=2)


def test_days_come_in_order_and_their_files_too() -> None:
    """One item for each calendar day, files numbered in the order in which they come, no name used twice."""
    days = files()
    assert [on for on, _ in days] == [date(2026, 1, day) for day in range(5, 17)]
    names = [name for _, day in days for _, name, _ in day]
    assert names == sorted(names)
    assert len(set(names)) == len(names)
    assert {(folder, name.rpartition(".")[2]) for _, day in days for folder, name, _ in day} == {
        ("fhir", "json"),
        ("hl7", "hl7"),
    }


def test_four_to_eight_visits_a_weekday() -> None:
    """Beside the stories four to eight visits come on a weekday, and none on other days."""
    for on, day in files():
        seen = {key for _, _, body in day for key in re.findall(rb"\bP\d{6}-\d{6}\b", body)}
        assert 4 <= len(seen) <= 8 if on.weekday() < 5 else not seen


def test_file_names_say_nothing_of_patients() -> None:
    """A file name is a day and a number."""
    assert all(re.fullmatch(r"\d{8}-\d{3}\.(json|hl7)", name) for _, day in files() for _, name, _ in day)


def test_everything_is_visibly_invented() -> None:
    """Everybody lives in Exampleton with a 555-01 telephone; no code is of a set that is not ours to copy."""
    for _, day in files():
        for folder, _, body in day:
            text = body.decode()
            assert all(phone.startswith("21655501") for phone in re.findall(r"\b216\d{7}\b", text))
            if folder == "fhir":
                for entry in json.loads(text)["entry"]:
                    for address in entry["resource"].get("address", []):
                        assert (address["city"], address["postalCode"]) == ("Exampleton", "44099")
            else:
                codes = re.findall(r"\b([0-9A-Z]{5})\^\^HCPCS", text)
                assert all(re.fullmatch(r"[AG-JST]\d{4}", code) for code in codes)


L, LN = "[AC-HJKMNP-RT-Y]", "[0-9AC-HJKMNP-RT-Y]"
MBI = f"[1-9]{L}{LN}[0-9]{L}{LN}[0-9]{L}{{2}}[0-9]{{2}}"


@pytest.mark.parametrize(
    ("payer", "form"), [("medicare", MBI), ("ppo", "[A-Z]{3}[0-9]{8,9}"), ("medicaid", "[0-9]{12}")]
)
def test_member_ids_have_their_payers_form(payer: str, form: str) -> None:
    """Ids follow the form in payers.toml, never repeat, and none is a qualified beneficiary's by accident."""
    ids = [member_id(payer, number) for number in [*range(1, 3000), *range(1_000_001, 1_003_000)]]
    assert all(re.fullmatch(form, one) for one in ids)
    assert len(set(ids)) == len(ids)
    assert not any(one.endswith(QMB_MARKER) for one in ids)


def test_nobody_shares_a_member_id_but_in_a_story() -> None:
    """The simulated payers know a member by the id: each patient has their own."""
    ids = [cover.member for one in roster(200, chance()) for cover in one.covers if cover.member]
    assert len(set(ids)) == len(ids)


def test_households() -> None:
    """Children have guarantors who are not they, and subscribers who hold their policies."""
    people = roster(60, chance())
    assert Counter(one.source for one in people).keys() == {"fhir", "hl7"}
    assert {one.payer for one in people} == {
        "medigap", "medicare", "ppo", "two_ppos", "medicaid", "self_pay", "comp",
    }  # fmt: skip
    assert all(one.source == "hl7" for one in people if one.payer == "comp")  # FHIR has no accident to tell
    young = [one for one in people if one.person.birth.year > 2008]
    assert young
    assert all(one.guarantor and one.guarantor != one.person for one in young)
    held = {cover.relationship for one in people for cover in one.covers}
    assert held == {"self", "spouse", "child"}


def test_every_story_is_told() -> None:
    """The table of stories and their makers name the same keys, and each story has one row."""
    assert list(TALES) == list(STORIES)
    assert QMB_MARKER in STORIES["qmb"].member
    assert len(OUTCOMES) == sum(bool(story.outcome) for story in STORIES.values())
    assert all(story.member for story in STORIES.values() if story.outcome)


def test_stories_that_did_not_come_out_are_named() -> None:
    """In an empty store everything that should have become an encounter, a claim or work is missed by name."""
    empty = SimpleNamespace(
        encounters=SimpleNamespace(find=lambda **_: []),
        claims=SimpleNamespace(find=lambda **_: []),
        work=SimpleNamespace(list=lambda **_: []),
    )
    missed = {line.partition(":")[0] for line in amiss(cast("View", empty))}
    assert missed == {key for key, story in STORIES.items() if story.visits}


def test_working_days_skip_the_weekend() -> None:
    """The fifth working day from a Thursday on is the Thursday after."""
    assert working_day(date(2026, 1, 8), 0) == date(2026, 1, 8)
    assert working_day(date(2026, 1, 8), 2) == date(2026, 1, 12)
    assert working_day(date(2026, 1, 10), 0) == date(2026, 1, 12)


@pytest.mark.parametrize("count", [0, 1, 7, 260])
def test_load_makes_as_many_as_asked(count: int) -> None:
    """The bench gets exactly as many encounters, half from either source, each with its own key."""
    keys: Counter[bytes] = Counter()
    for folder, _, body in make_load(count):
        pattern = rb'"resourceType":"Encounter","id":"(L-P\d+)"' if folder == "fhir" else rb"\|(L-P\d+)\|"
        keys.update(re.findall(pattern, body))
    assert len(keys) == count
    assert set(keys.values()) <= {1}
    assert sum(key < b"L-P1000000" for key in keys) == count - count // 2


def test_load_is_a_stream() -> None:
    """The first file is there before the rest is made, and the same seed makes the same."""
    assert next(make_load(1_000_000)) == next(make_load(1_000_000))
