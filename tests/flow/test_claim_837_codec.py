"""The language of rows: what a row says of its elements is what is read and what is written."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from hub.flow.claim_837.codec import Fields, Language, Loop, by_hand, spots, writer
from hub.flow.claim_837.values import C, E, Unreadable, day, number, number_text
from hub.flow.claim_837.writing import differences, respelled
from hub.model.people import Record

D = Decimal


class Thing(Record, frozen=True, kw_only=True):
    """Something with one field of each kind."""

    word: str = ""
    kind: str = ""
    amount: Decimal | None = None
    needed: Decimal = Decimal(1)
    count: Decimal = Decimal(0)
    on: date | None = None
    yes: bool = False
    code: str = ""
    modifiers: tuple[str, ...] = ()
    words: str = ""
    pointers: tuple[int, ...] = ()
    rest: tuple[str, ...] = ()


language = Language({"KIND": {"A1": "first"}})
ROW = (
    "word kind:KIND =LB?amount amount:n needed:N count:z on:d yes:b (=HC?code,code,modifiers*2,words) "
    "(pointers*4:i) - rest*"
)
THING = Loop(id="T", rows=(language.own("TST", ROW),), make=Thing)


def read(text: str) -> Thing:
    """The thing that a segment with `*` and `:` says."""
    fields: Fields = {}
    THING.opener.read(text.split("*"), fields, ":")
    return Thing(**fields)


def written(thing: Thing) -> str:
    """Its segment with `*` and `:`."""
    out: list[str] = []
    writer(THING)(thing, out)
    return out[0].replace(E, "*").replace(C, ":")


@pytest.mark.parametrize(
    ("text", "thing"),
    [
        ("TST*****1", Thing()),
        ("TST*W*A1***1", Thing(word="W", kind="first")),
        ("TST**ZZ***1", Thing(kind="ZZ")),
        ("TST***LB*0*2.50*3", Thing(amount=D(0), needed=D("2.50"), count=D(3))),
        ("TST*****1**20260228*Y", Thing(on=date(2026, 2, 28), yes=True)),
        ("TST*****1****HC:G0008:59::SOME WORDS", Thing(code="G0008", modifiers=("59",), words="SOME WORDS")),
        (
            "TST*****1****HC:G0008:59:76*1:2**X*Y",
            Thing(code="G0008", modifiers=("59", "76"), pointers=(1, 2), rest=("X", "Y")),
        ),
    ],
)
def test_a_row_reads_and_writes_alike(text: str, thing: Thing) -> None:
    """Words, tables, numbers, days, marks, composites and tails are read as declared and written again the same."""
    assert read(text) == thing
    assert written(thing) == text


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("TST", "TST05"),
        ("TST*****X", "TST05"),
        ("TST****1.2.3*1", "TST04"),
        ("TST*****1**20260230", "TST07"),
        ("TST*****1*****A", "TST10"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, place: str) -> None:
    """A number, day or pointer that is none ends the reading with its element, never with its value."""
    with pytest.raises(Unreadable) as bad:
        read(text)
    assert bad.value.place == place


def test_numbers_keep_their_spelling() -> None:
    """100 and 100.00 are the same amount and are written as they were read; what programs take besides is none."""
    assert [number_text(number(text, "AMT02")) for text in ("100", "100.00", "-3.1", "0")] == [
        "100",
        "100.00",
        "-3.1",
        "0",
    ]
    assert number("", "AMT02") is None
    for text in ("1e3", "NaN", "+1", "1,000", "٣", "-", "."):
        with pytest.raises(Unreadable):
            number(text, "AMT02")


def test_days_are_days() -> None:
    """Eight digits of a day that exists, or nothing."""
    assert day("20240229", "DTP03") == date(2024, 2, 29)
    assert day("", "DTP03") is None
    for text in ("20230229", "2024022", "202402291", "ABCDEFGH", "00000101"):
        with pytest.raises(Unreadable):
            day(text, "DTP03")


def test_a_segment_belongs_to_the_nearest_loop() -> None:
    """A segment that several loops know goes to the innermost that is open; loops close on the way there."""

    def nothing(_v: list[str], _f: Fields, _c: str) -> None:
        return

    inner = Loop(
        id="IN", rows=(by_hand("NM1", nothing, None, "82"), by_hand("REF", nothing, None)), make=dict, into="x"
    )
    outer = Loop(id="OUT", rows=(by_hand("CLM", nothing, None), by_hand("REF", nothing, None), inner), make=dict)
    root = spots(Loop(id="", rows=(outer,)))
    _, _, opened = root.table["CLM"]
    assert opened is not None
    out = opened[2]
    assert out is not None
    assert (out.loop.id, out.table["REF"][2][:1]) == ("OUT", (0,))  # type: ignore[index]
    within = out.table["NM1"][1]["82"][2]
    assert within is not None
    assert within.table["REF"][2][0] == 0  # type: ignore[index]
    assert within.table["CLM"][2][0] == 2  # type: ignore[index]


def test_a_row_that_cannot_be_read_is_a_bug() -> None:
    """A mistake in a declaration shows when it is declared."""
    with pytest.raises(ValueError, match="cannot read"):
        language.own("TST", "word %")


def test_differences_find_their_place_again() -> None:
    """What was read otherwise is put back at its place, at its new place where segments came before, or left out."""
    mine, theirs = ["A", "B", "C", "D"], ["A", "X", "C", "NEW", "D", "END"]
    told = differences(mine, theirs)
    assert respelled(mine, told) == theirs
    assert respelled(["0", *mine], told) == ["0", *theirs]
    assert respelled(["A", "B2", "C", "D"], told) == ["A", "B2", "C", "NEW", "D", "END"]
    assert differences(mine, mine) == ()
