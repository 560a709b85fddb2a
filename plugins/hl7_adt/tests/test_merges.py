"""Merges, moves and partings: which field holds the old key, which the new one, and what a missing side does."""

from __future__ import annotations

from typing import Any

import pytest
from hl7lab import FT1, PERSON, PID, PV1, codes, every, only, reading, segment

from hub.model.facts import EncounterFact, MergeFact, MoveFact, PatientFact, Reading

ACCOUNT = segment("PID", PERSON | {18: "ACC2"})
VISIT = "PV1|1|O" + "|" * 17 + "V2" + "|" * 31 + "ALT2"


def merges(found: Reading) -> list[tuple[str, str, str]]:
    """Kind, old and new key of every merge."""
    return [(f.kind, f.from_key, f.into_key) for f in every(found, MergeFact)]


def moves(found: Reading) -> list[tuple[str, str, str]]:
    """Kind, key and patient of every move."""
    return [(f.kind, f.moved_key, f.into_key) for f in every(found, MoveFact)]


@pytest.mark.parametrize(
    ("event", "mrg", "expected"),
    [
        ("A40", "200^^^EAST^MR", [("patient", "EAST|200", "EAST|100")]),
        ("A40", "200", [("patient", "EAST|200", "EAST|100")]),
        ("A40", "200^^^WEST^MR", [("patient", "WEST|200", "EAST|100")]),
        ("A40", "200^^^EAST^MR~201^^^EAST^MR",
         [("patient", "EAST|200", "EAST|100"), ("patient", "EAST|201", "EAST|100")]),
        ("A40", "P9^^^EAST^PI~200^^^EAST^MR~999999999^^^SSA^SS", [("patient", "EAST|200", "EAST|100")]),
        ("A40", "9001^^^EAST^XX~9002^^^EAST^YY", [("patient", "EAST|9001", "EAST|100")]),
        ("A40", "200^^^EAST^MR||ACC1||V1", [("patient", "EAST|200", "EAST|100")]),
        ("A40", "100^^^EAST^MR", []),
        ("A47", "200^^^EAST^MR", [("patient", "EAST|200", "EAST|100")]),
        ("A47", "P9^^^EAST^PI", [("patient", "EAST|P9", "EAST|100")]),
        ("A43", "200^^^EAST^MR|||EPI1", [("patient", "EAST|200", "EAST|100")]),
        ("A43", "100^^^EAST^MR|||EPI1", []),
        ("A34", "200", [("patient", "EAST|200", "EAST|100")]),
        ("A30", "|||200", [("patient", "EAST|200", "EAST|100")]),
        ("A39", "|||200", [("patient", "EAST|200", "EAST|100")]),
        ("A18", "200", [("patient", "EAST|200", "EAST|100")]),
    ],
)  # fmt: skip
def test_patients(event: str, mrg: str, expected: list[tuple[str, str, str]]) -> None:
    """MRG-1 (all of it that is of the type that names patients; else MRG-4) holds what ceases, PID-3 what remains; an
    identifier without an authority is of its successor's. One that stays as it is says nothing."""
    found = reading(PID, f"MRG|{mrg}", kind=f"ADT^{event}")
    assert (merges(found), found.poison, found.problems) == (expected, False, ())


@pytest.mark.parametrize(
    ("event", "mrg", "expected"),
    [
        ("A35", "100||ACC1", {"account", "encounter"}),
        ("A41", "||ACC1", {"account", "encounter"}),
        ("A49", "||ACC1^^^EAST^AN", {"account", "encounter"}),
        ("A36", "200^^^EAST^MR||ACC1", {"account", "encounter", "patient"}),
        ("A36", "200^^^EAST^MR", {"patient"}),
        ("A18", "100^^^EAST^MR||ACC1", {"account", "encounter"}),
        ("A18", "200^^^EAST^MR||ACC1", {"account", "encounter", "patient"}),
    ],
)
def test_accounts(event: str, mrg: str, expected: set[str]) -> None:
    """MRG-3 holds the account that ceases and PID-18 the one that remains. A visit that is known by its account is
    one with the other too."""
    found = merges(reading(ACCOUNT, f"MRG|{mrg}", kind=f"ADT^{event}"))
    assert {kind for kind, *_ in found} == expected
    assert all((old, new) == ("ACC1", "ACC2") for kind, old, new in found if kind != "patient")


@pytest.mark.parametrize(
    ("places", "pv1", "too"),
    [
        (["PV1-19", "PID-18"], "", True),
        (["PV1-19", "PID-18"], VISIT, False),
        (["PV1-19"], "", False),
        (["PID-18", "PV1-19"], VISIT, True),
    ],
)
def test_a_visit_follows_its_account(places: list[str], pv1: str, too: bool) -> None:
    """An account merge joins visits only where the profile keys them by account and the message numbers no visit."""
    found = reading(ACCOUNT, "MRG|||ACC1", pv1, kind="ADT^A41", settings={"visit_places": places})
    assert [kind for kind, *_ in merges(found)] == (["account", "encounter"] if too else ["account"])


def test_an_account_goes_to_its_patient() -> None:
    """Where an account merge names another patient on its old side, what is of that account goes to the new one."""
    found = reading(ACCOUNT, "MRG|200^^^EAST^MR||ACC1", kind="ADT^A41")
    assert moves(found) == [("account", "ACC1", "EAST|100")]
    assert moves(reading(ACCOUNT, "MRG|100^^^EAST^MR||ACC1", kind="ADT^A41")) == []


@pytest.mark.parametrize(
    ("event", "places", "mrg", "expected"),
    [
        ("A42", ["PV1-19"], "||||V1", ("V1", "V2")),
        ("A50", ["PV1-19", "PID-18"], "||||V1^^^EAST^VN", ("V1", "V2")),
        ("A51", ["PV1-50"], "|||||ALT1", ("ALT1", "ALT2")),
        ("A50", ["PID-18"], "||ACC1||V1", ("ACC1", "ACC2")),
    ],
)
def test_visits(event: str, places: list[str], mrg: str, expected: tuple[str, str]) -> None:
    """MRG-5 or MRG-6 holds the old visit, PV1-19 or PV1-50 the new one: whichever the profile keys visits by."""
    found = reading(ACCOUNT, f"MRG|{mrg}", VISIT, kind=f"ADT^{event}", settings={"visit_places": places})
    assert merges(found) == [("encounter", *expected)]
    before = reading(ACCOUNT, VISIT, f"MRG|{mrg}", kind=f"ADT^{event}", settings={"visit_places": places})
    assert merges(before) == merges(found)


def test_several_pairs() -> None:
    """Each MRG goes with the PID before it, however many pairs there are and whatever stands between the two."""
    second = PID.replace("100^^^EAST", "101^^^EAST")
    pairs = [PID, "ZPD|x", "MRG|200^^^EAST", second, "PD1|x", "MRG|201^^^EAST", "MRG|202^^^EAST"]
    found = reading(*pairs, kind="ADT^A40")
    assert merges(found) == [
        ("patient", "EAST|200", "EAST|100"),
        ("patient", "EAST|201", "EAST|101"),
        ("patient", "EAST|202", "EAST|101"),
    ]
    assert [f.key for f in every(found, PatientFact)] == ["EAST|100", "EAST|101"]
    assert found.lanes == tuple(f"patient/EAST|{n}" for n in (100, 101, 200, 201, 202))


def test_who_remains_is_told() -> None:
    """A merge says who the remaining patient is; one without a name tells its key alone, and that is no problem."""
    assert only(reading(PID, "MRG|200", kind="ADT^A40"), PatientFact).patient.name.last == "QUILL"
    bare = reading("PID|1||100^^^EAST^MR", "MRG|200", kind="ADT^A40")
    assert (merges(bare), bare.problems) == ([("patient", "EAST|200", "EAST|100")], ())


@pytest.mark.parametrize(
    ("event", "segments", "code"),
    [
        ("A40", (PID,), "hl7.merge"),
        ("A40", (PID, "MRG|"), "hl7.merge"),
        ("A40", (PID, "MRG|999999999^^^SSA^SS"), "hl7.merge"),
        ("A40", ("PID|1||||QUILL", "MRG|200"), "hl7.patient.key"),
        ("A40", (PID, "MRG|200", "PID|2||||QUILL", "MRG|201"), "hl7.merge"),
        ("A40", (PID, "MRG|200", PID, "MRG|"), "hl7.merge"),
        ("A41", (ACCOUNT, "MRG|200"), "hl7.merge"),
        ("A41", (PID, "MRG|||ACC1"), "hl7.merge"),
        ("A36", (PID, "MRG|200||ACC1"), "hl7.merge"),
        ("A36", (ACCOUNT, "MRG|"), "hl7.merge"),
        ("A42", (PID, "MRG|||||V1"), "hl7.merge"),
        ("A50", (PID, "MRG|||||V1", PV1.replace("V77", "")), "hl7.merge"),
        ("A37", (PID,), "hl7.merge"),
        ("A37", (PID, "PID|2||||QUILL"), "hl7.merge"),
        ("A37", (PID, PID), "hl7.merge"),
        ("A44", (PID, "MRG|200"), "hl7.move"),
        ("A44", (ACCOUNT,), "hl7.move"),
        ("A45", (ACCOUNT, "MRG|200||ACC1"), "hl7.move"),
        ("A45", (PID, "MRG|200||||V1", "PID|2||||QUILL", "MRG|200||||V2"), "hl7.move"),
    ],
)
def test_one_side_is_not_enough(event: str, segments: tuple[str, ...], code: str) -> None:
    """A merge or move that lacks a side is not applied in any part, and the lanes of all that it names stop: a claim
    might go out for the wrong person."""
    found = reading(*segments, kind=f"ADT^{event}")
    assert (found.facts, found.poison, set(codes(found))) == ((), True, {code})


@pytest.mark.parametrize(
    ("mrg", "pid", "expected"),
    [
        ("200^^^EAST^MR||ACC1", PID, [("account", "ACC1", "EAST|100")]),
        ("200^^^EAST^MR", ACCOUNT, [("account", "ACC2", "EAST|100")]),
        ("200^^^EAST^MR||ACC2", ACCOUNT, [("account", "ACC2", "EAST|100")]),
        ("200^^^EAST^MR||ACC1", ACCOUNT, [("account", "ACC1", "EAST|100"), ("account", "ACC2", "EAST|100")]),
    ],
)
def test_an_account_moves(mrg: str, pid: str, expected: list[tuple[str, str, str]]) -> None:
    """A44 moves the account of MRG-3 or PID-18 to the patient of PID-3; where its number changes as well, the two
    numbers are one."""
    found = reading(pid, f"MRG|{mrg}", kind="ADT^A44")
    assert moves(found) == expected
    renamed = [("account", "ACC1", "ACC2"), ("encounter", "ACC1", "ACC2")] if len(expected) > 1 else []
    assert merges(found) == renamed


@pytest.mark.parametrize(
    ("settings", "mrg", "pv1", "moved", "joined"),
    [
        ({}, "200^^^EAST^MR||||V77", PV1, ["V77"], []),
        ({}, "200^^^EAST^MR||||V77", "", ["V77"], []),
        ({}, "200^^^EAST^MR", PV1, ["V77"], []),
        ({}, "200^^^EAST^MR||||V1", PV1, ["V1", "V77"], [("encounter", "V1", "V77")]),
        ({"visit_places": ["PV1-50"]}, "||||V1|ALT2", VISIT, ["ALT2"], []),
    ],
)
def test_a_visit_moves(
    settings: dict[str, Any], mrg: str, pv1: str, moved: list[str], joined: list[tuple[str, str, str]]
) -> None:
    """A45 moves the visit of MRG-5 (MRG-6) or PV1-19 (PV1-50) to the patient of PID-3; where its number changes as
    well, the two numbers are one."""
    found = reading(PID, f"MRG|{mrg}", pv1, kind="ADT^A45", settings=settings)
    assert moves(found) == [("encounter", key, "EAST|100") for key in moved]
    assert merges(found) == joined


def test_several_visits_move() -> None:
    """A45 repeats MRG and PV1 for each visit; one that goes to another account says which."""
    first, second = (PV1.replace("V77", number) for number in ("V1", "V2"))
    found = reading(ACCOUNT, "MRG|200||ACC1||V1", first, "MRG|200||ACC1||V2", second, kind="ADT^A45")
    assert moves(found) == [("encounter", "V1", "EAST|100"), ("encounter", "V2", "EAST|100")]
    assert [(f.key, f.patient_key, f.account) for f in every(found, EncounterFact)] == [
        ("V1", "EAST|100", "ACC2"),
        ("V2", "EAST|100", "ACC2"),
    ]
    same = reading(ACCOUNT, "MRG|200||ACC2||V1", first, kind="ADT^A45")
    assert not every(same, EncounterFact)


def test_keys_are_those_of_visits() -> None:
    """The keys that merges and moves name are those that charges and visits of the same sender carry."""
    visit = only(reading(PID.replace("100^^^EAST", "200^^^EAST"), PV1, FT1), EncounterFact)
    moved = only(reading(PID, "MRG|200^^^EAST^MR||||V77", PV1, kind="ADT^A45"), MoveFact)
    merged = only(reading(PID, "MRG|200^^^EAST^MR", kind="ADT^A40"), MergeFact)
    assert (moved.moved_key, merged.from_key) == (visit.key, visit.patient_key)
    of_account = only(reading(ACCOUNT, "PV1|1|O", FT1), EncounterFact)
    kept = {(f.kind, f.into_key) for f in every(reading(ACCOUNT, "MRG|||A0", kind="ADT^A41"), MergeFact)}
    assert kept == {("account", of_account.account), ("encounter", of_account.key)}
