"""The guides of claims are whole: every loop of the three guides is there, and every row takes its segment."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from hub.x12.formats import NAMED
from hub.x12.grammar import Guide, Loop, Segment, Use
from hub.x12.guides import guide_for, guide_named
from hub.x12.walk import Walk
from hub.x12.wire import STANDARD

CLAIMS = ("837P", "837I", "837D")
EVERY_CLAIM = pytest.mark.parametrize("kind", CLAIMS)

LOOPS = {
    "837P": (
        "1000A 1000B 2000A 2010AA 2010AB 2010AC 2000B 2010BA 2010BB 2300 2310A 2310B 2310C 2310D 2310E 2310F "
        "2320 2330A 2330B 2330C 2330D 2330E 2330F 2330G 2400 2410 2420A 2420B 2420C 2420D 2420E 2420F 2420G "
        "2420H 2430 2440 2000C 2010CA"
    ),
    "837I": (
        "1000A 1000B 2000A 2010AA 2010AB 2010AC 2000B 2010BA 2010BB 2300 2310A 2310B 2310C 2310D 2310E 2310F "
        "2320 2330A 2330B 2330C 2330D 2330E 2330F 2330G 2330H 2330I 2400 2410 2420A 2420B 2420C 2420D 2430 "
        "2000C 2010CA"
    ),
    "837D": (
        "1000A 1000B 2000A 2010AA 2010AB 2010AC 2000B 2010BA 2010BB 2300 2310A 2310B 2310C 2310D 2310E "
        "2320 2330A 2330B 2330C 2330D 2330E 2330F 2330G 2330H 2400 2420A 2420B 2420C 2420D 2430 2000C 2010CA"
    ),
}

# loop, segment, qualifiers; then use and repeat
ROWS = {
    "837P": """
        2010AA REF EI,SY R 1 | 2010AA REF 0B,1G S 2 | 2010AA PER IC S 2 | 2010BA REF SY S 1
        2010BB REF G2,LU S 2 | 2010CA REF 1W,SY S 1 | 2300 PWK - S 10 | 2300 CN1 - S 1 | 2300 K3 - S 10
        2300 CR1 - S 1 | 2300 CR2 - S 1 | 2300 CRC 07 S 3 | 2300 CRC E1,E2,E3 S 3 | 2300 CRC 75 S 1
        2300 CRC ZZ S 1 | 2300 HI ABK,BK R 1 | 2300 HI BP S 1 | 2300 HI BG S 2 | 2300 HCP - S 1
        2300 DTP 090,091 S 2 | 2300 DTP 314,360,361 S 1 | 2310B PRV PE S 1 | 2310C PER IC S 1
        2320 CAS - S 5 | 2320 OI - R 1 | 2320 MOA - S 1 | 2330A REF SY S 1 | 2330B DTP 573 S 1
        2400 SV1 - R 1 | 2400 SV5 - S 1 | 2400 PS1 - S 1 | 2400 CR3 - S 1 | 2400 MEA - S 5 | 2400 DTP 472 R 1
        2400 DTP 738,739 S 2 | 2400 REF G1 S 5 | 2400 REF 9F S 5 | 2400 QTY PT S 1 | 2400 NTE TPO S 1
        2410 LIN - R 1 | 2410 CTP - R 1 | 2420E PER IC S 1 | 2430 CAS - S 5 | 2440 FRM - R 99""",
    "837I": """
        2010AA REF EI R 1 | 2010BB REF G2,LU S 1 | 2300 DTP 434 R 1 | 2300 DTP 435 S 1 | 2300 DTP 096 S 1
        2300 CL1 - R 1 | 2300 AMT F3 S 1 | 2300 REF LX S 5 | 2300 REF G4 S 1 | 2300 REF LU S 1 | 2300 NTE ADD S 1
        2300 NTE ALG,DCP,DGN,DME,MED,NTR,ODT,RHB,RLH,RNH,SET,SFM,SPT,UPI S 10 | 2300 CRC ZZ S 1
        2300 HI ABK,BK R 1 | 2300 HI ABJ,BJ S 1 | 2300 HI APR,PR S 1 | 2300 HI ABN,BN S 1 | 2300 HI DR S 1
        2300 HI ABF,BF S 2 | 2300 HI BBR,BR,CAH S 1 | 2300 HI BBQ,BQ S 2 | 2300 HI BI S 2 | 2300 HI BH S 2
        2300 HI BE S 2 | 2300 HI BG S 2 | 2300 HI TC S 2 | 2310A PRV AT S 1 | 2310F REF 0B,1G,G2 S 3
        2320 MIA - S 1 | 2320 MOA - S 1 | 2330A REF SY S 2 | 2400 SV2 - R 1 | 2400 DTP 472 S 1
        2400 AMT GT S 1 | 2400 AMT N8 S 1 | 2420D REF 0B,1G,G2 S 20 | 2430 SVD - R 1""",
    "837D": """
        2010AA REF EI,SY R 1 | 2300 DTP 452 S 1 | 2300 DTP 472 S 1 | 2300 DN1 - S 1 | 2300 DN2 - S 35
        2300 REF G3 S 1 | 2300 NTE ADD S 5 | 2300 HI ABK,BK,TQ S 1 | 2310A PRV RF S 1
        2310B PRV PE R 1 | 2310D PRV AS S 1 | 2400 REF 9A S 1 | 2400 REF 9C S 1
        2330B REF G3 S 1 | 2400 SV3 - R 1 | 2400 TOO - S 32 | 2400 DTP 139,441 S 1 | 2400 DTP 446 S 1
        2400 DTP 196 S 1 | 2400 DTP 198 S 1 | 2400 REF G3 S 5 | 2400 AMT T S 1 | 2430 SVD - R 1""",
}

REPEATS = {
    "837P": "2300=100 2310A=2 2320=10 2330C=2 2400=50 2410=1 2420F=2 2430=15",
    "837I": "2300=100 2310A=1 2320=10 2400=999 2430=15",
    "837D": "2300=100 2310A=2 2320=10 2330C=2 2400=50 2430=15",
}


def loops(guide: Guide) -> dict[str, Loop]:
    """Every loop of a guide by its id; 2300 and what is in it stands twice and is taken once."""
    return {row.id: row for _, row in guide.root.walk() if isinstance(row, Loop)}


@EVERY_CLAIM
def test_every_loop_of_the_guide_is_there(kind: str) -> None:
    """A guide holds exactly the loops of the implementation guide, below the subscriber and the patient alike."""
    guide = guide_named(kind)
    assert sorted(loops(guide)) == sorted(LOOPS[kind].split())
    ids = [row.id for _, row in guide.root.walk() if isinstance(row, Loop)]
    assert {ids.count(one) for one in ids if one[:2] in ("23", "24")} == {2}


@EVERY_CLAIM
def test_rows_stand_as_the_guide_has_them(kind: str) -> None:
    """Each row that people ask for is in its loop with its qualifiers, use and repeat."""
    found = loops(guide_named(kind))
    for line in re.split(r"[|\n]", ROWS[kind].strip()):
        label, tag, codes, use, repeat = line.split()
        rows = [row for row in found[label].rows if isinstance(row, Segment) and row.id == tag]
        told = [row for row in rows if codes == "-" or set(row.qualifiers) == set(codes.split(","))]
        assert len(told) >= 1, line
        assert (told[0].required, told[0].repeat) == (use == "R", int(repeat)), line


@EVERY_CLAIM
def test_loops_repeat_as_the_guide_has_them(kind: str) -> None:
    """The limits of loops, which payers count, are those of the guide."""
    found = loops(guide_named(kind))
    for one in REPEATS[kind].split():
        label, _, repeat = one.partition("=")
        assert found[label].repeat == int(repeat), label


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        (f"005010X{number}{letter}", kind)
        for kind, number, letters in (
            ("837P", "222", ("", "A1", "A2")),
            ("837I", "223", ("", "A1", "A2", "A3")),
            ("837D", "224", ("", "A1", "A2", "A3")),
        )
        for letter in letters
    ],
)
def test_errata_letters_are_read_as_the_guide_they_correct(version: str, kind: str) -> None:
    """Each published letter of a claim's guide is read; what is written is the one that is adopted."""
    assert guide_for("837", version) is guide_named(kind)


def value(use: Use) -> str:
    """A value that an element or part takes: its first code, or something of its format, type and length."""
    if use.parts:
        return ":".join(value(part) if part else "" for part in use.parts).rstrip(":")
    samples = {"state": "PA", "country": "US", "currency": "USD", "ssn": "900001234", "pos": "11", "pointer": "1"}
    samples |= {
        "bill": "13",
        "revenue": "0450",
        "remark": "N19",
        "reason": "45",
        "facility": "11",
        "tax": "123456789",
        "day": "20260105",
        "period": "20260105-20260106",
    }
    if use.codes:
        return use.codes[0]
    if use.format:
        assert re.fullmatch(NAMED[use.format][0], samples[use.format])
        return samples[use.format]
    by_type = {"N0": "1" * use.element.low, "R": "1", "DT": "20260105", "TM": "1200"}
    return by_type.get(use.element.type, "A" * max(use.element.low, 1))


def filled(row: Segment, levels: dict[str, int]) -> str:
    """A segment with every element that its row uses, true to the relations between them."""
    values = ["" if use is None else value(use) for use in row.elements]
    if row.id == "HL":
        levels["now"] += 1
        above = {"20": 0, "22": 1, "23": 2}[values[2]]
        values[:2] = [str(levels["now"]), str(above) if above else ""]
        if values[2] == "22":
            values[3] = "1"
    if row.id == "N4":
        values = values[:3]
    if row.id in ("DTP", "PAT", "DMG"):
        forms = {"D8": "20260105", "RD8": "20260105-20260106", "TM": "1200", "DT": "202601051200"}
        values = [forms.get(values[at - 1], one) if at else one for at, one in enumerate(values)]
    if "XX" in values:
        values[values.index("XX") + 1] = "1234567893"
    return "*".join((row.id, *values)).rstrip("*")


def everything(loop: Loop, levels: dict[str, int]) -> Iterator[str]:
    """One segment for each row of a loop and of the loops in it, in the guide's order."""
    for row in loop.rows:
        if isinstance(row, Loop):
            yield from everything(row, levels)
        else:
            yield filled(row, levels)


@EVERY_CLAIM
def test_a_set_with_every_row_keeps_its_guide(kind: str) -> None:
    """A set that uses each row of the guide once, with all its elements, is walked without a finding."""
    guide = guide_named(kind)
    texts = list(everything(guide.root, {"now": 0}))
    walk = Walk(guide, STANDARD, units=("2300",))
    assert len(list(walk.run(texts))) == 2
    assert [(one.where, one.code, one.position) for one in walk.findings] == []


@EVERY_CLAIM
def test_every_qualifier_finds_its_row(kind: str) -> None:
    """Each code of each row leads to that row, also from the loops below it that the claim has left."""
    guide = guide_named(kind)
    for label, found in loops(guide).items():
        rows = [row for row in found.rows[1:] if isinstance(row, Segment)]
        for row in rows:
            others = [one for one in rows if one.id == row.id and one is not row]
            for code in row.qualifiers:
                assert not any(code in one.qualifiers for one in others), (label, row.id, code)


@pytest.mark.parametrize(
    ("kind", "good", "bad", "where"),
    [
        ("837I", "HI*BBR:0DTJ4ZZ:D8:20240229", "HI*BBR:0DTJ4ZZ:D8:20250229", "2300 HI01-4"),
        ("837I", "HI*BI:70:RD8:20260101-20260103", "HI*BI:70:RD8:20260101", "2300 HI01-4"),
        ("837I", "HI*BE:A1:::125.5", "HI*BE:A1", "2300 HI01-5"),
        ("837I", "HI*ABF:I10:::::::Y*ABF:E119:::::::N", "HI*ABF:I10:::::::Z", "2300 HI01-9"),
        ("837I", "HI*BG:01", "HI*BG:01*BH:02", "2300 HI02-1"),
        ("837D", "DN2*8*M****JP", "DN2*8*X****JP", "2300 DN202"),
        ("837D", "DN1*24*12", "DN1*24**Y", "2300 DN103"),
    ],
)
def test_rows_of_hospitals_and_dentists(kind: str, good: str, bad: str, where: str) -> None:
    """What only these claims have is checked part by part: codes, dates inside composites, amounts."""
    guide = guide_named(kind)
    texts = list(everything(guide.root, {"now": 0}))
    kindred = re.split("[*:]", good)[:2] if ":" in good else [good.split("*", maxsplit=1)[0]]
    place = next(at for at, text in enumerate(texts) if re.split("[*:]", text)[: len(kindred)] == kindred)
    found = []
    for text in (good, bad):
        walk = Walk(guide, STANDARD, units=("2300",))
        list(walk.run([*texts[:place], text, *texts[place + 1 :]]))
        found.append([one.where for one in walk.findings])
    assert found == [[], [where]]
