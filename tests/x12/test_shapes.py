"""Shapes: records bound to loops are read and written without loss, and what cannot be read says where."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from hub.x12.shapes import Rest, Unreadable, each, kind, many, one, reader, row, shape, values, words, writer
from hub.x12.shaping.rest import difference, local, neutral, patched
from hub.x12.wire import STANDARD, Delimiters

ODD = Delimiters(element="|", component=">", repetition="!", segment="'", ending="\n")


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """A record of these tests."""


class Adjusted(Base, frozen=True, kw_only=True):
    """A CAS triplet."""

    group: str
    reason: str
    amount: Decimal
    units: Decimal | None = None


class Where(Base, frozen=True, kw_only=True):
    """An address of two segments."""

    line: str = ""
    city: str = ""
    country: str = "US"


class Number(Base, frozen=True, kw_only=True):
    """A REF with a word for its code."""

    kind: str
    value: str


class Doctor(Base, frozen=True, kw_only=True):
    """A loop inside, without a `rest` of its own."""

    last: str
    npi: str = ""
    numbers: tuple[Number, ...] = ()


class Line(Base, frozen=True, kw_only=True):
    """A loop inside that repeats."""

    code: str
    charge: Decimal
    modifiers: tuple[str, ...] = ()
    units: Decimal = Decimal(1)
    units_told: bool = True
    on: date | None = None
    adjustments: tuple[Adjusted, ...] = ()
    rest: Rest = ()


class Bill(Base, frozen=True, kw_only=True):
    """The record of the outermost loop."""

    number: str
    total: Decimal
    owner: str
    place: str = ""
    where: Where | None = None
    notes: tuple[str, ...] = ()
    diagnoses: tuple[Number, ...] = ()
    doctor: Doctor | None = None
    lines: tuple[Line, ...] = ()
    is_dated: bool = False
    on: date | None = None
    rest: Rest = ()


ROLES = words("role", {"G1": "authorization"})
SHOUT = kind("shout", str.lower, str.upper)
DOCTOR = shape(
    Doctor,
    "2310B",
    row("NM1 82", "03=last 08#XX?09 09=npi"),
    each("REF", "numbers", Number, "01=kind:role! 02=value"),
    kinds=[ROLES],
)
LINE = shape(
    Line,
    "2400",
    row("SV1", "01.1#HC 01.2=code 01.3-6=modifiers 02=charge:money! 04=units:number/units_told"),
    row("DTP 472", "02#D8 03=on:day"),
    each(
        "CAS",
        "adjustments",
        Adjusted,
        "01=group",
        "02=reason 03=amount:money! 04=units:number",
        times=6,
        few=True,
    ),
)
BILL = shape(
    Bill,
    "2300",
    row("CLM", "01=number 02=total:money! 05.1=place", few=True),
    row("DTP 435", "02#D8 03=on:told"),
    row("N3", "01=where.line"),
    row("N4", "01=where.city 04=where.country:text"),
    values("NTE ADD", "notes", "02:shout"),
    each("HI@1.1 ABK,ABF", "diagnoses", Number, "", "01.1=kind 01.2=value", times=12),
    one("NM1 82", "doctor", DOCTOR),
    many("SV1", "lines", LINE),
    given=("owner",),
    derive={"is_dated": (lambda on: on is not None, "on")},
    ends=("CLM", "SE"),
    kinds=[SHOUT],
    often=("lines", "place"),
)

WHOLE = [
    "CLM*A1*150.00***11",
    "DTP*435*D8*20260105",
    "N3*1 MAIN STREET",
    "N4*SPRINGFIELD***CA",
    "NTE*ADD*FIRST",
    "NTE*ADD*SECOND",
    "HI*ABK:E119*ABF:I10",
    "NM1*82**HERON*****XX*1234567893",
    "REF*G1*77",
    "REF*ZZ*78",
    "SV1*HC:G0008:KX:76*100.00**2",
    "DTP*472*D8*20260104",
    "CAS*PR*1*20**2*5*3",
    "CAS*CO*45*10",
    "SV1*HC:T1015*50",
]
RECORD = Bill(
    number="A1",
    total=Decimal(150),
    owner="me",
    place="11",
    on=date(2026, 1, 5),
    is_dated=True,
    where=Where(line="1 MAIN STREET", city="SPRINGFIELD", country="CA"),
    notes=("first", "second"),
    diagnoses=(Number(kind="ABK", value="E119"), Number(kind="ABF", value="I10")),
    doctor=Doctor(
        last="HERON",
        npi="1234567893",
        numbers=(Number(kind="authorization", value="77"), Number(kind="ZZ", value="78")),
    ),
    lines=(
        Line(
            code="G0008",
            charge=Decimal(100),
            modifiers=("KX", "76"),
            units=Decimal(2),
            on=date(2026, 1, 4),
            adjustments=(
                Adjusted(group="PR", reason="1", amount=Decimal(20)),
                Adjusted(group="PR", reason="2", amount=Decimal(5), units=Decimal(3)),
                Adjusted(group="CO", reason="45", amount=Decimal(10)),
            ),
        ),
        Line(code="T1015", charge=Decimal(50), units_told=False),
    ),
)


def read(texts: list[str], marks: Delimiters = STANDARD) -> tuple[Bill, int]:
    """The record of the first loop, and where it ends."""
    record, at = reader(BILL, marks)([*texts, ""], 0, "me")
    assert isinstance(record, Bill)
    return record, at


def write(record: Bill, marks: Delimiters = STANDARD) -> list[str]:
    """Its segments."""
    out: list[str] = []
    writer(BILL, marks)(record, out)
    return out


def test_a_loop_is_a_record() -> None:
    """Every way to declare a column, a row and a loop inside gives its field, and nothing is left to `rest`."""
    assert read(WHOLE) == (RECORD, len(WHOLE))
    assert write(RECORD) == [text.replace("150.00", "150").replace("100.00", "100") for text in WHOLE]
    assert write(read(WHOLE)[0]) == WHOLE


def test_delimiters_are_those_of_the_file() -> None:
    """The same record is read and written with any delimiters."""
    other = [text.replace("*", "|").replace(":", ">") for text in WHOLE]
    assert read(other, ODD)[0] == RECORD
    assert write(read(WHOLE)[0], ODD) == other


@pytest.mark.parametrize("end", ["CLM*A2*1", "SE*1*1"])
def test_it_ends_where_the_next_thing_begins(end: str) -> None:
    """The reader stops at the ids that end the outermost loop, and tells where."""
    assert read([*WHOLE, end])[1] == len(WHOLE)


ODDITIES = [
    ("CLM*A1*150.00***11", "CLM*A1*0150***11"),
    ("CLM*A1*150.00***11", "CLM*A1*.5***11"),
    ("CLM*A1*150.00***11", "CLM*A1*150.00***11:B:1*Y"),
    ("CLM*A1*150.00***11", "CLM*A1*150.00***11*"),
    ("CLM*A1*150.00***11", "CLM*A1*150.00***11:"),
    ("CLM*A1*150.00***11", "CLM*A1*150.00*X**11"),
    ("DTP*435*D8*20260105", "DTP*435*D8*20261305"),
    ("DTP*435*D8*20260105", "DTP*435*RD8*20260105-20260107"),
    ("N4*SPRINGFIELD***CA", "N4*SPRINGFIELD***US"),
    ("N4*SPRINGFIELD***CA", "N4"),
    ("N3*1 MAIN STREET", "N3"),
    ("NTE*ADD*FIRST", "NTE*ADD*First"),
    ("NTE*ADD*FIRST", "NTE*ZZZ*FIRST"),
    ("HI*ABK:E119*ABF:I10", "HI*ABK:E119**ABF:I10"),
    ("HI*ABK:E119*ABF:I10", "HI*ABK:E119:X*ABF"),
    ("NM1*82**HERON*****XX*1234567893", "NM1*82**HERON*****24*1234567893"),
    ("NM1*82**HERON*****XX*1234567893", "NM1*82**HERON*****XX"),
    ("REF*G1*77", "REF*authorization*77"),
    ("REF*G1*77", "NTE*ADD*LATE"),
    ("SV1*HC:G0008:KX:76*100.00**2", "SV1*ER:G0008:KX::76*100.00**2.0"),
    ("SV1*HC:G0008:KX:76*100.00**2", "SV1*HC:G0008:KX:76:1:2:3:4*100.00**1"),
    ("DTP*472*D8*20260104", "QTY*1"),
    ("CAS*PR*1*20**2*5*3", "CAS*CO*1*20"),
    ("CAS*PR*1*20**2*5*3", "CAS*PR*1*20**2*5*3****4*1"),
    ("CAS*PR*1*20**2*5*3", "CASE*PR*1"),
    ("SV1*HC:T1015*50", "sv1*HC:T1015*50"),
]


@pytest.mark.parametrize(("old", "new"), ODDITIES, ids=[new for _, new in ODDITIES])
def test_what_is_odd_comes_back(old: str, new: str) -> None:
    """Odd spelling, codes, lengths and unknown segments are written again as they were."""
    texts = [new if text == old else text for text in WHOLE]
    assert write(read(texts)[0]) == texts


@pytest.mark.parametrize("seat", range(1, len(WHOLE)))
def test_any_order_comes_back(seat: int) -> None:
    """A segment that stands elsewhere, or twice, is written again where it stood."""
    moved = [*WHOLE[:seat], *WHOLE[seat + 1 :]]
    for place in range(1, len(moved) + 1):
        texts = [*moved[:place], WHOLE[seat], *moved[place:]]
        assert write(read(texts)[0]) == texts
    twice = [*WHOLE, WHOLE[seat]]
    assert write(read(twice)[0]) == twice


@pytest.mark.parametrize(
    ("old", "new", "where", "at"),
    [
        ("CLM*A1*150.00***11", "CLM*A1*1x***11", "2300 CLM02", 0),
        ("CLM*A1*150.00***11", "CLM*A1****11", "2300 CLM02", 0),
        ("CLM*A1*150.00***11", "CLM*A1*1.005***11", "2300 CLM02", 0),
        ("SV1*HC:G0008:KX:76*100.00**2", "SV1*HC:G0008*1**two", "2400 SV104", 10),
        ("DTP*472*D8*20260104", "DTP*472*D8*20260231", "2400 DTP03", 11),
        ("CAS*PR*1*20**2*5*3", "CAS*PR*1*20**2*5O*3", "2400 CAS06", 12),
        ("CAS*CO*45*10", "CAS*CO*45", "2400 CAS03", 13),
    ],
)
def test_what_cannot_be_read_says_where(old: str, new: str, where: str, at: int) -> None:
    """An amount, quantity or date that cannot be read is told with loop, element and segment, without its value."""
    with pytest.raises(Unreadable) as found:
        read([new if text == old else text for text in WHOLE])
    assert (found.value.problem.where, found.value.at) == (where, at)
    assert "20260231" not in repr(found.value.problem)


def test_an_edit_wins_over_what_was_kept() -> None:
    """What is kept beside the fields stands only where the record still says what was read."""
    texts = ["CLM*A1*0150***11", "QTY*1", "N3*1 MAIN STREET"]
    record = read(texts)[0]
    assert write(record) == texts
    assert write(msgspec.structs.replace(record, total=Decimal(2))) == [
        "CLM*A1*2***11",
        "QTY*1",
        "N3*1 MAIN STREET",
    ]


@pytest.mark.parametrize("marks", [STANDARD, ODD, Delimiters(element="\x1d", component="\x1f", repetition="")])
@pytest.mark.parametrize("text", ["REF*A*B:C^D", "REF|A>B!C*D:E^F", "\x1b*e\x1bx", "N3\x1dA\x1fB\x1e", ""])
def test_kept_texts_know_no_delimiters(text: str, marks: Delimiters) -> None:
    """A text that is kept comes back with the delimiters of its file, whatever stands in it."""
    assert local(neutral(text, marks), marks) == text


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("ABA", "AAB"), ("AB", "BA"), ("", "A"), ("A", ""), ("ABCABC", "CCBBAA"), ("ABC", "XAYBZC"), ("AAAA", "AA")],
)
def test_a_difference_leads_from_one_to_the_other(ours: str, theirs: str) -> None:
    """Whatever was read, what is kept makes it again of what would be written."""
    canonical, raw = [f"{one}*1" for one in ours], [f"{one}*1" for one in theirs]
    assert patched(list(canonical), difference(canonical, raw, STANDARD), STANDARD) == raw


@pytest.mark.parametrize(
    "declare",
    [
        lambda: row("N3", "1=line"),
        lambda: row("N3 A,B", "02=line"),
        lambda: row("N 3 4", "01=line"),
    ],
)
def test_a_wrong_declaration_is_refused(declare: object) -> None:
    """A row that cannot be read is a mistake of whoever wrote it, told when it is declared."""
    with pytest.raises(ValueError, match=r"cannot read|needs a column"):
        declare()  # type: ignore[operator]
