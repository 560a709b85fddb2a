"""`hub x12 anonymize`: nobody is left in the copy, and it is as right and as wrong as the original."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.x12.envelope import X12Reader
from hub.x12.formats import is_npi
from hub.x12.tools.anonymize import Anonymous, is_personal, kind_of, segment
from hub.x12.tools.disguise import Disguise
from hub.x12.tools.repair import Mending
from hub.x12.wire import STANDARD, Wire

Run = Callable[..., Any]
Named = Callable[[str], Path]

X12 = Path(__file__).parents[1] / "x12"
CORPUS = Path(__file__).parents[3] / "shared" / "data" / "x12"
OURS = sorted([*(X12 / "pass").glob("*.x12"), *(X12 / "fail").glob("*.x12")])
THEIRS = sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.suffix != ".tsv")
# words that say what something is, and of nobody who
COMMON = frozenset("BOX DRAWER POST OFFICE LOCK LOCKBOX".split())  # noqa: SIM905
TEXTS = frozenset(("text", "address", "id", "unknown", "phone"))


def findings(data: bytes) -> list[tuple[str, str, int, str]]:
    """Everything that is found, read strictly, with its place."""
    reader = X12Reader(data, strict=True)
    found = [one for sets in reader for one in sets.check()] + reader.findings
    return sorted((one.code, one.where, one.line, one.severity) for one in found)


def copy(data: bytes, secret: bytes = b"secret") -> bytes:
    """The file without anybody in it."""
    return b"".join(Anonymous(data, secret))


def values(data: bytes) -> list[tuple[str, int, int, str]]:
    """Every value of a file with its segment, element and part."""
    found = []
    for block in Wire(data):
        marks = block.delimiters
        for text in block.segments:
            elements = text.split(marks.element)
            for place, element in enumerate(elements[1:], 1):
                for part, value in enumerate(element.split(marks.component), 1):
                    found.append((elements[0], place, part, value.strip()))
    return found


@pytest.mark.parametrize("path", OURS + THEIRS, ids=lambda path: path.name)
def test_nobody_is_left_and_every_finding_stays(path: Path) -> None:
    """No name, id, day, address or text of the file stands at its place or anywhere else in the copy; amounts, codes
    and segments are as they were, and so is everything that is found.
    """
    data = path.read_bytes()
    made = copy(data)
    before, after = values(data), values(made)
    assert len(before) == len(after)
    personal, kept = set(), set()
    for (tag, place, part, old), (_, _, _, new) in zip(before, after, strict=True):
        kind = kind_of(tag, place, part)
        if not is_personal(kind):
            kept.add(old)
        elif re.search(r"[A-Za-z1-9]", old) and kind in TEXTS and len(old.lstrip("0")) > 5:
            personal.add(old)
            if kind in ("text", "address") and old.upper() not in COMMON and tag not in ("MIA", "MOA", "PRV"):
                assert old != new
    left = {new for _, _, _, new in after}
    survived = {old for old in personal & left if old not in kept and not re.fullmatch(r"\d{3}[0-9A-Z]{7}", old)}
    assert not {old for old in survived if not re.fullmatch(r"[A-Z]{1,3}\d{1,4}", old)}
    if not Anonymous(data, b"").problem and b"ISA" in data:
        assert findings(made) == findings(data)


@pytest.mark.parametrize(
    "text",
    [
        "LIN**N4*99999000101*LT*BITTERN7",
        "LIN**ZZ*BITTERN7",
        "REF*XX*1*WORDS*SY:999001234:BITTERN:A1",
        "CTX*BITTERN ORLA",
        "CTX*CLM01:BITTERN-19500203",
    ],
)
def test_a_place_for_codes_is_no_hiding_place(text: str) -> None:
    """Lots and serial numbers, what is too long for a code of its part, and words beside an element's name go."""
    made = segment(text, STANDARD, Disguise(b"x"))
    assert "BITTERN" not in made
    assert made != text
    for kept in ("LIN**N4*99999000101", "CTX*SITUATIONAL TRIGGER", "CTX*CLM01:", "CTX*PATIENT NAME NM109:"):
        assert segment(kept, STANDARD, Disguise(b"x")) == kept


def test_a_claim_keeps_its_number_across_files(good: Named) -> None:
    """Under one seed a claim and its payment still belong together; under another nothing does."""
    claims, paid = good("837p_two_claims").read_bytes(), good("835_ordinary").read_bytes()
    sent = {value for tag, place, _, value in values(copy(claims)) if (tag, place) == ("CLM", 1)}
    came = {value for tag, place, _, value in values(copy(paid)) if (tag, place) == ("CLP", 1)}
    other = {value for tag, place, _, value in values(copy(paid, b"other")) if (tag, place) == ("CLP", 1)}
    assert sent & came
    assert not sent & other


def test_the_same_person_stays_one_person(good: Named) -> None:
    """Whoever is named twice is named alike twice, and two people stay two."""
    data = good("837p_employer_subscriber").read_bytes()
    names: dict[str, set[str]] = {}
    for (tag, place, _, old), (_, _, _, new) in zip(values(data), values(copy(data)), strict=True):
        if tag == "NM1" and place in (3, 4) and old:
            names.setdefault(old, set()).add(new)
    assert all(len(made) == 1 for made in names.values())
    assert len({made for (made,) in names.values()}) == len(names)


def test_days_move_together(good: Named) -> None:
    """All days of a file move by one number of days, so that intervals stay."""
    import datetime as dt

    data = good("837p_secondary").read_bytes()
    moved = set()
    for (tag, place, _, old), (_, _, _, new) in zip(values(data), values(copy(data)), strict=True):
        if (tag, place) in (("DTP", 3), ("DMG", 2), ("BHT", 4), ("GS", 4)):
            moved.add(dt.date.fromisoformat(old) - dt.date.fromisoformat(new))
    assert len(moved) == 1
    assert moved != {dt.timedelta(0)}


@given(st.from_regex(r"[12]\d{8}", fullmatch=True))
def test_npis_stay_as_true_as_they_were(body: str) -> None:
    """An NPI with its check digit becomes another with its own, an untrue one stays untrue."""
    disguise = Disguise(b"x")
    made = [disguise.id(body + digit) for digit in "0123456789"]
    assert [is_npi(one) for one in made] == [is_npi(body + digit) for digit in "0123456789"]
    assert all(one[:9] != body for one in made)


@given(st.text(st.sampled_from("AB01b-Z9 ./"), min_size=1, max_size=20), st.binary(max_size=8))
def test_shapes_stay_and_the_first_mark_differs(value: str, secret: bytes) -> None:
    """Letters stay letters, digits digits and all else itself; what begins a value is always another."""
    made = Disguise(secret).shaped(value)
    assert len(made) == len(value)
    for old, new in zip(value, made, strict=True):
        assert (old.isdigit(), old.isupper(), old.islower()) == (new.isdigit(), new.isupper(), new.islower())
    marks = [(old, new) for old, new in zip(value, made, strict=True) if old.isalnum()]
    assert not marks or marks[0][0] != marks[0][1]


@pytest.mark.parametrize("digits", [1, 2, 3])
def test_ids_of_one_shape_stay_apart(digits: int) -> None:
    """Different ids stay different, so that no number is used twice that was not before."""
    disguise = Disguise(b"y")
    every = [f"{number:0{digits}}" for number in range(10**digits)]
    assert len({disguise.id(one) for one in every}) == len(every)
    assert len({disguise.shaped("AX" + one) for one in every}) == len(every)


def test_an_unknown_segment_is_hidden_whole(good: Named) -> None:
    """What no dictionary holds may be anything: nothing of it is left but its shape."""
    data = good("837p_accident").read_bytes().replace(b"HI*", b"ZZZ*JANE SUMMER*1980-01-01~\nHI*")
    assert b"JANE" not in copy(data)
    assert b"1980-01-01" not in copy(data)
    assert b"ZZZ*" in copy(data)


def test_a_name_in_the_place_of_a_code_is_hidden(good: Named) -> None:
    """A code longer than its element may be is no code."""
    data = good("837p_accident").read_bytes().replace(b"DMG*D8*19800101*F", b"DMG*D8*19800101*FEATHERSTONE")
    assert b"FEATHERSTONE" not in copy(data)


def test_the_copy_needs_no_repair_where_the_file_needed_none(good: Named) -> None:
    """Counts, echoes and numbering hold in the copy."""
    mending = Mending(copy(good("837p_three_sets").read_bytes()))
    assert b"".join(mending)
    assert mending.total == 0


def test_the_command_writes_a_private_copy(hub: Run, good: Named, tmp_path: Path) -> None:
    """FILE.anonymous is written for its owner alone; without a seed two copies differ, with one they do not."""
    path = tmp_path / "in.x12"
    path.write_bytes(good("837p_accident").read_bytes())
    assert hub("x12", "anonymize", path).code == 0
    written = tmp_path / "in.x12.anonymous"
    assert written.stat().st_mode & 0o077 == 0
    assert b"SUMMER" not in written.read_bytes()
    assert hub("x12", "anonymize", path, "--output", tmp_path / "b").code == 0
    assert (tmp_path / "b").read_bytes() != written.read_bytes()
    for name in ("c", "d"):
        told = hub("x12", "anonymize", path, "--output", tmp_path / name, "--seed", "s", "--json").json
        assert told["problem"] == ""
    assert (tmp_path / "c").read_bytes() == (tmp_path / "d").read_bytes()


def test_what_is_no_x12_leaves_nothing_behind(hub: Run, tmp_path: Path) -> None:
    """Where nothing can be read nothing is written."""
    (tmp_path / "in.txt").write_bytes(b"JANE SUMMER")
    assert hub("x12", "anonymize", tmp_path / "in.txt").code == 2
    assert [one.name for one in tmp_path.iterdir()] == ["in.txt"]


@pytest.mark.parametrize("name", ["POST", "BOX", "STAR", "LOCK", "RURAL", "O", "HC"])
def test_a_name_that_is_also_a_word_of_an_address_is_hidden(good: Named, name: str) -> None:
    """People are called Post and Box: only in an address such a word says what kind of place it is."""
    data = good("837p_accident").read_bytes().replace(b"*SUMMER*", f"*{name}*".encode())
    assert f"NM1*IL*1*{name}*".encode() in data
    assert f"NM1*IL*1*{name}*".encode() not in copy(data)


def test_a_box_stays_a_box(good: Named) -> None:
    """An address keeps what a rule looks for, and nothing else of it."""
    data = good("837p_accident").read_bytes().replace(b"N3*1 MAIN ST", b"N3*P.O. BOX 4711")
    assert re.search(rb"N3\*P\.O\. BOX \d{4}~", copy(data))
    assert b"4711" not in copy(data)
