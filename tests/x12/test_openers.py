"""A segment that opens a loop and is missing, or has an unknown qualifier, is one finding at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.x12.envelope import X12Reader

GOOD = Path(__file__).parent / "pass" / "837p_two_claims.x12"


def segments() -> list[str]:
    """The segments of a good file with two claims of two lines, the second below a patient level."""
    return [text for text in GOOD.read_text().replace("\n", "").split("~") if text]


def findings(texts: list[str]) -> list[tuple[str, str]]:
    """Code and place of everything that is found, with SE01 counting what is there."""
    start = next(at for at, text in enumerate(texts) if text.startswith("ST*"))
    end = next(at for at, text in enumerate(texts) if text.startswith("SE*"))
    texts = [*texts[:end], f"SE*{end - start + 1}*{texts[end].split('*')[2]}", *texts[end + 1 :]]
    reader = X12Reader(("~".join(texts) + "~").encode(), strict=True)
    found = [one for transaction in reader for one in transaction.check()]
    return [(one.code, one.where) for one in [*found, *reader.findings]]


def at(texts: list[str], start: str, nth: int = 0) -> int:
    """Where the nth segment with a beginning stands."""
    return [place for place, text in enumerate(texts) if text.startswith(start)][nth]


def test_the_file_is_good() -> None:
    """What the faults are made from has none."""
    assert findings(segments()) == []


@pytest.mark.parametrize(
    ("start", "nth", "where"),
    [
        ("NM1*41", 0, "1000A NM1"),
        ("NM1*85", 0, "2010AA NM1"),
        ("HL*2", 0, "2000B HL"),
        ("NM1*IL", 0, "2010BA NM1"),
        ("CLM", 0, "2300 CLM"),
        ("CLM", 1, "2300 CLM"),
        ("NM1*QC", 0, "2010CA NM1"),
        ("LX", 0, "2400 LX"),
        ("LX", 1, "2400 LX"),
        ("LX", 3, "2400 LX"),
    ],
)
def test_an_opener_is_missed_by_what_must_follow_it(start: str, nth: int, where: str) -> None:
    """The loop is read as if its first segment were there, and only this one is told."""
    texts = segments()
    del texts[at(texts, start, nth)]
    assert findings(texts) == [("segment.missing", where)]


@pytest.mark.parametrize(("start", "where"), [("NM1*40", "1000B NM1"), ("NM1*PR", "2010BB NM1")])
def test_a_loop_of_one_segment_is_missed_as_a_loop(start: str, where: str) -> None:
    """Where nothing of a required loop is there, the loop is told."""
    texts = segments()
    del texts[at(texts, start)]
    assert findings(texts) == [("loop.missing", where)]


@pytest.mark.parametrize(
    ("start", "where"),
    [
        ("NM1*41", "1000A NM101"),
        ("NM1*40", "1000B NM101"),
        ("NM1*85", "2010AA NM101"),
        ("NM1*IL", "2010BA NM101"),
        ("NM1*PR", "2010BB NM101"),
        ("NM1*QC", "2010CA NM101"),
    ],
)
@pytest.mark.parametrize(("code", "fault"), [("ZZ", "element.code"), ("", "element.missing")])
def test_an_unknown_party_stands_for_the_one_that_is_required(
    start: str, where: str, code: str, fault: str
) -> None:
    """A party with a code that its place does not know is the party that is due there, with a wrong code."""
    texts = segments()
    place = at(texts, start)
    texts[place] = f"NM1*{code}{texts[place][6:]}"
    assert findings(texts) == [(fault, where)]


@pytest.mark.parametrize(
    ("nth", "where"), [(0, "2000A HL03"), (1, "2000B HL03"), (2, "2000B HL03"), (3, "2000C HL03")]
)
def test_an_unknown_level_stands_below_the_parent_it_names(nth: int, where: str) -> None:
    """A level with an unknown code is what may stand below the level that HL02 names."""
    texts = segments()
    place = at(texts, "HL*", nth)
    values = texts[place].split("*")
    texts[place] = "*".join([*values[:3], "99", *values[4:]])
    assert findings(texts) == [("element.code", where)]


def test_an_unknown_qualifier_is_told_once() -> None:
    """Of a reference with an unknown qualifier nothing else is judged, nor is a required one missed."""
    texts = segments()
    texts[at(texts, "REF*EI")] = "REF*ZZ*1"
    assert findings(texts) == [("element.code", "2010AA REF01")]


def test_a_service_twice_is_a_repeat_and_no_new_line() -> None:
    """A service right after another is too many; one after the rest of a line belongs to a line without LX."""
    texts = segments()
    place = at(texts, "SV1")
    found = findings([*texts[: place + 1], texts[place], *texts[place + 1 :]])
    assert found[0] == ("segment.repeats", "2400 SV1")
