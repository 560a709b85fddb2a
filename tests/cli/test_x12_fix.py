"""`hub x12 fix`: what is repaired is gone and all else is as it was; a good file loses no byte."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.x12.envelope import X12Reader
from hub.x12.finding import REPAIRS
from hub.x12.tools.repair import Mending

Run = Callable[..., Any]
Named = Callable[[str], Path]

X12 = Path(__file__).parents[1] / "x12"
GOOD = sorted((X12 / "pass").glob("*.x12"))
MONEY = re.compile(rb"[*:^](-?\d+\.\d+)")

# name, what is broken in a good file of two claims, and the finding that its repair takes away
BROKEN = [
    ("837p_two_claims", b"SE*57*", b"SE*12*", "se.count"),
    ("837p_two_claims", b"SE*57*0001", b"SE*57*0002", "se.control"),
    ("837p_two_claims", b"SE*57*0001~\n", b"", "trailer.missing"),
    ("837p_two_claims", b"GE*1*1~\n", b"", "group.unclosed"),
    ("837p_two_claims", b"IEA*1*000000001~\n", b"", "interchange.unclosed"),
    ("837p_two_claims", b"GE*1*1~", b"GE*2*1~", "ge.count"),
    ("837p_two_claims", b"GE*1*1~", b"GE*1*2~", "ge.control"),
    ("837p_two_claims", b"IEA*1*000000001", b"IEA*3*000000001", "iea.count"),
    ("837p_two_claims", b"IEA*1*000000001", b"IEA*1*000000009", "iea.control"),
    ("837p_two_claims", b"ANYTOWN        *ZZ", b"ANYTOWN*ZZ", "isa.width"),
    ("837p_two_claims", b"HL*2*1*22*0", b"HL*2*1*22*1", "hl.children"),
    ("837p_two_claims", b"HL*3*1*22*1", b"HL*7*1*22*1", "hl.sequence"),
    ("837p_two_claims", b"HL*3*1*22*1", b"HL*3*9*22*1", "hl.parent"),
    ("837p_two_claims", b"LX*2~", b"LX*3~", "lx.sequence"),
    ("837p_two_claims", b"N3*1 MAIN ST~", b"N3*1 MAIN ST***~", "element.trailing"),
    ("837p_two_claims", b"SV1*HC:G0439*", b"SV1*HC:G0439::*", "element.trailing"),
    ("837p_two_claims", b"N3*1 MAIN ST~", b"N3* 1 MAIN ST ~", "element.blanks"),
    ("837p_two_claims", b"N3*1 MAIN ST~", b"N3*1\r\nMAIN\tST~", "element.character"),
    ("837p_two_claims", b"DMG*D8*", b"dmg*D8*", "segment.unexpected"),
    ("837p_two_claims", b"GE*1*1~", b"ge*1*1~", "segment.case"),
    ("837p_two_claims", b"HI*ABK:J020", b"HI*ABK:J02.0", "hi.icd10"),
    ("837p_two_claims", b"REF*EI*123456789", b"REF*EI*12-3456789", "ref.tax_id"),
    ("837p_two_claims", b"*627011234~", b"*62701-1234~", "n4.zip"),
    ("835_ordinary", b"DTM*472*20260105", b"DTM*472*2026-01-05", "element.date"),
]


def codes(data: bytes) -> list[str]:
    """The codes of everything that is found, read strictly."""
    reader = X12Reader(data, strict=True)
    return sorted([one.code for sets in reader for one in sets.check()] + [one.code for one in reader.findings])


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_file_loses_no_byte(path: Path) -> None:
    """Nothing is repaired in a good file, and writing it gives the same bytes."""
    data = path.read_bytes()
    mending = Mending(data)
    assert b"".join(mending) == data
    assert mending.total == 0


@pytest.mark.parametrize(
    ("name", "old", "new", "code"), BROKEN, ids=lambda one: one if isinstance(one, str) else ""
)
def test_what_is_broken_is_mended(good: Named, name: str, old: bytes, new: bytes, code: str) -> None:
    """Each repair takes its finding away, gives the good file back, and says where it stood."""
    whole = good(name).read_bytes()
    assert old in whole
    broken = whole.replace(old, new, 1)
    assert codes(broken)
    mending = Mending(broken)
    mended = b"".join(mending)
    assert codes(mended) == []
    assert mended == whole
    assert code in {one.code for one in mending.repairs}
    assert all(one.line > 0 and one.segment and one.words for one in mending.repairs)


def test_every_repair_has_words_and_a_proof() -> None:
    """The codes that REPAIRS names are those that are proved here, but for two that a wire or an ISA alone shows."""
    proved = {code for *_, code in BROKEN}
    assert set(REPAIRS) - proved <= {"file.truncated", "isa.control", "n4.zip4"}


def test_a_last_trailer_is_ended(good: Named) -> None:
    """A file whose IEA lost its terminator gets it back."""
    whole = good("837p_accident").read_bytes()
    mending = Mending(whole.rstrip(b"~\n"))
    assert b"".join(mending).rstrip() == whole.rstrip()
    assert [one.code for one in mending.repairs] == ["file.truncated"]


def test_a_file_that_is_cut_off_is_not_closed(good: Named) -> None:
    """Where the file ends inside a segment more may be missing: nothing is added that would hide it."""
    whole = good("837p_two_claims").read_bytes()
    cut = whole[: whole.index(b"DTP*472") + 6]
    assert b"".join(Mending(cut)) == cut
    assert codes(cut)


def test_money_is_never_touched(good: Named) -> None:
    """Whatever is broken in a file, the amounts that were there are there afterwards."""
    chance = random.Random(4)  # noqa: S311 - no secret
    whole = good("835_ordinary").read_bytes()
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(3):
            data[chance.randrange(110, len(data))] = chance.choice(b"*:~ \n-A1")
        broken = bytes(data)
        assert MONEY.findall(b"".join(Mending(broken))) == MONEY.findall(broken)


def test_mending_twice_mends_nothing(good: Named) -> None:
    """What was mended is as good as it gets: a second time finds nothing to do."""
    chance = random.Random(5)  # noqa: S311 - no secret
    whole = good("837p_two_claims").read_bytes()
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(4):
            data[chance.randrange(110, len(data))] = chance.choice(b"*:~ \n-A1")
        once = b"".join(Mending(bytes(data)))
        again = Mending(once)
        assert b"".join(again) == once
        assert again.total == 0


def test_a_line_that_another_payer_names_keeps_its_number(good: Named) -> None:
    """Lines are not numbered anew where SVD06 points to one: the number has a meaning there."""
    whole = good("837p_secondary").read_bytes()
    broken = whole.replace(b"LX*2~", b"LX*5~").replace(
        b"SVD*ANY02*40.25*HC:J3301**2~", b"SVD*ANY02*40.25*HC:J3301**2*1~"
    )
    if b"**2*1~" not in broken:
        broken = re.sub(rb"(SVD\*[^~]*)~", rb"\1*1~", broken, count=1)
    assert b"LX*5~" in b"".join(Mending(broken))


def test_another_levels_child_is_left_to_a_person(good: Named) -> None:
    """A level that names an existing other parent is not moved: only a person knows what was meant."""
    whole = good("837p_employer_subscriber").read_bytes()
    broken = whole.replace(b"HL*4*3*23*0", b"HL*4*2*23*0")
    assert broken != whole
    assert b"HL*4*2*23*0" in b"".join(Mending(broken))


def test_the_command_writes_beside_and_tells(hub: Run, bad: Named, tmp_path: Path) -> None:
    """FILE.fixed is written beside the file, the file stays as it was, and each repair is listed with its line."""
    path = tmp_path / "claims.x12"
    path.write_bytes(bad("837p_se_count").read_bytes())
    before = path.read_bytes()
    dry = hub("x12", "fix", path, "--dry-run")
    assert dry.code == 0
    assert "SE01" in dry.out
    assert [one.name for one in tmp_path.iterdir()] == ["claims.x12"]
    ran = hub("x12", "fix", path, "--json")
    told = ran.json
    assert ran.code == 0
    assert [(one["code"], one["segment"], one["element"]) for one in told["repairs"]] == [("se.count", "SE", 1)]
    assert told["left"] == {"errors": 0, "warnings": 0}
    assert path.read_bytes() == before
    written = tmp_path / "claims.x12.fixed"
    assert codes(written.read_bytes()) == []
    assert written.stat().st_mode & 0o077 == 0


def test_nothing_is_written_over(hub: Run, bad: Named) -> None:
    """A file that is there already is refused with what to do, the input too."""
    path = bad("837p_se_count")
    ran = hub("x12", "fix", path, "--output", path)
    assert ran.code == 2
    assert "is there already" in ran.err
    assert "--output" in ran.err


def test_what_is_left_needs_a_person(hub: Run, bad: Named, tmp_path: Path) -> None:
    """A fault that no repair takes away is counted, and the command ends with 1."""
    ran = hub("x12", "fix", bad("837p_bad_period"), "--output", tmp_path / "out")
    assert ran.code == 1
    assert "left for a person: 1 error" in ran.out


def test_a_pipe_gives_the_file_alone(hub: Run, bad: Named) -> None:
    """From standard input the mended file goes to standard output, and what is said to standard error."""
    ran = hub("x12", "fix", "-", stdin=bad("837p_ge_count").read_bytes())
    assert ran.code == 0
    assert codes(ran.out.encode()) == []
    assert "GE01" in ran.err


def test_what_cannot_be_read_is_not_half_written(hub: Run, good: Named, tmp_path: Path) -> None:
    """A file that turns unreadable in its middle is refused: what follows would be lost."""
    path = tmp_path / "in.x12"
    whole = good("837p_accident").read_bytes()
    path.write_bytes(whole + b"ISA*broken")
    ran = hub("x12", "fix", path)
    if ran.code == 2:
        assert not (tmp_path / "in.x12.fixed").exists()
    else:
        assert b"ISA*broken" in (tmp_path / "in.x12.fixed").read_bytes() or "nothing written" in ran.out


def test_an_archive_of_many_is_refused_before_anything_is_written(hub: Run, good: Named, tmp_path: Path) -> None:
    """One file at a time is mended: an archive of several, or a folder, is refused; one of one is taken."""
    import zipfile

    for name, count in (("many.zip", 2), ("one.zip", 1)):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for number in range(count):
                archive.write(good("837p_accident"), f"{number}.x12")
    many = hub("x12", "fix", tmp_path / "many.zip", "--output", tmp_path / "out")
    assert many.code == 2
    assert "several files" in many.err
    assert not (tmp_path / "out").exists()
    assert hub("x12", "fix", tmp_path).code == 2
    assert hub("x12", "fix", tmp_path / "one.zip", "--output", tmp_path / "out").code == 0
    assert (tmp_path / "out").read_bytes() == good("837p_accident").read_bytes()


def test_an_isa_that_cannot_be_trusted_stops_the_mending(hub: Run, good: Named, tmp_path: Path) -> None:
    """Where a separator is lost in the ISA nobody knows what the others are: nothing is written."""
    path = tmp_path / "in.x12"
    path.write_bytes(
        good("837p_accident").read_bytes().replace(b"ISA*00*", b"ISA*00**", 1).replace(b"SE*34", b"SE*35")
    )
    ran = hub("x12", "fix", path)
    assert ran.code == 2
    assert "separators" in ran.err
    assert [one.name for one in tmp_path.iterdir()] == ["in.x12"]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_letters_stay_as_they_were_written(good: Named, encoding: str) -> None:
    """A file with letters outside ASCII keeps its encoding through a repair, however far apart they stand."""
    whole = good("837p_three_sets").read_bytes().replace(b"SUMMER", "SÖMMER".encode(encoding), 1)
    broken = whole.replace(b"GE*3*1~", b"GE*9*1~")
    assert broken != whole
    assert b"".join(Mending([broken[at : at + 700] for at in range(0, len(broken), 700)])) == whole


def test_an_empty_file_is_not_mended_but_unreadable(hub: Run, tmp_path: Path) -> None:
    """A file without a segment ends with 2, as with every other command, and nothing is written."""
    empty = tmp_path / "empty.x12"
    empty.write_bytes(b"")
    assert hub("x12", "fix", empty).code == 2
    assert list(tmp_path.iterdir()) == [empty]
