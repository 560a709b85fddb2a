"""Statements: what a person reads, where it stands on the sheet, and that values are never markup."""

from __future__ import annotations

import struct
import zlib
from datetime import date
from decimal import Decimal

import msgspec
import pytest

from hub.model.people import Address, Name
from hub.model.statement import Statement, StatementLine
from hub.render import MOST, statement_pdf, statement_png, statements_pdf
from hub.render.wording import SETTABLE, plain, spoken

HOSTILE = [
    '#eval("1+1")',
    "]",
    "[",
    "\\",
    "$x^2$",
    "*bold* _it_ `raw`",
    "<label> @ref",
    "/* comment // ",
    '"; #panic("x")',
    '#import "statement.typ"',
    "\N{GRINNING FACE} \N{CJK UNIFIED IDEOGRAPH-6F22}",
    "a\x00b\x07c\nd\u202ee\u200bf",
    "W" * 60,
    "Zo\N{LATIN SMALL LETTER E WITH DIAERESIS} O'Neil-Smith",
    "",
]


def line(number: int = 0, patient: str = "Ada Example", *, pending: bool = False) -> StatementLine:
    """A line of 100.00: 60.00 paid, 25.00 adjusted, 15.00 due; or all of it with insurance."""
    none = Decimal("0.00")
    return StatementLine(
        service_date=date(2026, 2, 1 + number % 28),
        patient=patient,
        description="Yearly wellness visit",
        charge=Decimal("100.00"),
        insurance_paid=none if pending else Decimal("60.00"),
        adjusted=none if pending else Decimal("25.00"),
        patient_paid=none,
        pending=Decimal("100.00") if pending else none,
        due=none if pending else Decimal("15.00"),
    )


def statement(*lines: StatementLine, **changed: object) -> Statement:
    """A statement whose totals are its lines'."""
    made = Statement(
        number="S1",
        practice_name="Lakeside Family Medicine",
        practice_address=Address(line1="120 Harbor Street", city="Exampleton", state="OH", zip="440991204"),
        practice_phone="2165550142",
        guarantor=Name(last="Example", first="Ada"),
        address=Address(line1="42 Sample Lane", line2="Apt 7", city="Exampleton", state="OH", zip="44099"),
        account="G1",
        statement_date=date(2026, 3, 1),
        due_date=date(2026, 3, 22),
        lines=lines,
        total_due=sum((one.due for one in lines), Decimal("0.00")),
        pending=sum((one.pending for one in lines), Decimal("0.00")),
        through_entry=7,
        pay_at="pay.lakeside.example",
    )
    return msgspec.structs.replace(made, **changed)


def test_the_sum_is_told_from_charges_to_amount_due() -> None:
    """The steps from charges to what is due add up, and only kinds of money that occur are steps."""
    told = spoken(statement(line(), line(1), line(2, pending=True)))
    assert [(step["sign"], step["words"], step["amount"]) for step in told["steps"]] == [
        ("", "Charges", "$300.00"),
        ("\u2212", "Insurance paid", "$120.00"),
        ("\u2212", "Insurance discount", "$50.00"),
        ("\u2212", "With insurance", "$100.00"),
        ("=", "You owe", "$30.00"),
    ]
    assert (told["asks"], told["total_due"], told["due_date"]) == ("Amount due", "$30.00", "March 22, 2026")


def test_what_lines_do_not_explain_is_a_step_of_its_own() -> None:
    """A total that differs from the lines is never hidden: the difference is shown as balance or credit."""
    more = spoken(statement(line(), total_due=Decimal("20.00")))["steps"]
    less = spoken(statement(line(), total_due=Decimal("10.00")))["steps"]
    assert (more[-2]["sign"], more[-2]["words"], more[-2]["amount"]) == ("+", "Earlier balance", "$5.00")
    assert (less[-2]["sign"], less[-2]["words"], less[-2]["amount"]) == ("\u2212", "Other credits", "$5.00")


def test_what_insurance_still_has_stands_apart() -> None:
    """Pending lines have a section of their own, and none of their money is in the amount due (promise 7)."""
    told = spoken(statement(line(), line(1, pending=True)))
    due, waiting = told["sections"]
    assert due["totals"][-1] == "$15.00"
    assert (waiting["title"], waiting["totals"][-1]) == ("Still with your insurance", "$100.00")
    assert told["pending_note"] == ""


def test_pending_money_without_a_line_is_said() -> None:
    """Where insurance has more than the pending lines show, a sentence says how much."""
    told = spoken(statement(line(), pending=Decimal("80.00")))
    assert "$80.00" in told["pending_note"]


def test_a_line_partly_with_insurance_shows_it() -> None:
    """A line of which a part is due and a part pending has a column for each."""
    half = msgspec.structs.replace(line(), insurance_paid=Decimal("0.00"), pending=Decimal("60.00"))
    section = spoken(statement(half))["sections"][0]
    assert section["columns"] == ["Charge", "Discount", "With insurance", "You owe"]
    assert section["groups"][0]["rows"][0]["amounts"] == ["$100.00", "\u2212$25.00", "\u2212$60.00", "$15.00"]


def test_lines_are_grouped_by_patient() -> None:
    """A guarantor of several patients sees each one's services together."""
    told = spoken(statement(line(0, "Ada"), line(1, "Bo"), line(2, "Ada")))
    assert [(group["patient"], len(group["rows"])) for group in told["sections"][0]["groups"]] == [
        ("Ada", 2),
        ("Bo", 1),
    ]


@pytest.mark.parametrize(
    ("total", "asks", "shown"), [("0.00", "Nothing due", "$0.00"), ("-5.00", "Your credit", "$5.00")]
)
def test_nothing_to_pay_is_said_so(total: str, asks: str, shown: str) -> None:
    """Without an amount due nothing is asked for, and a credit is called one."""
    told = spoken(statement(line(), total_due=Decimal(total)))
    assert (told["owes"], told["asks"], told["total_due"]) == (False, asks, shown)


@pytest.mark.parametrize("text", HOSTILE)
def test_values_are_never_markup(text: str) -> None:
    """Whatever a name, address or description holds is set as text: the pages stay as many, nothing fails."""
    hostile = statement(
        msgspec.structs.replace(line(), patient=text, description=text),
        practice_name=text,
        guarantor=Name(last=text, first=text),
        address=Address(line1=text, city=text, state="OH", zip="44099"),
        number=text,
        account=text,
        pay_at=text,
        ageing=((text, Decimal("1.00")),),
    )
    assert statement_pdf(hostile).startswith(b"%PDF-")
    assert len(statement_png(hostile, ppi=20)) == 1


def test_text_becomes_one_settable_line() -> None:
    """Control and direction marks become blanks, accents that no font has are dropped, long words can break."""
    assert plain("a\x00b\n\u202ec") == "a b c"
    assert plain("\N{LATIN SMALL LETTER A WITH RING BELOW}\N{GRINNING FACE}") == "a?"
    assert plain("x" * 23) == "x" * 22 + "\u200bx"


def test_every_settable_mark_is_in_a_font() -> None:
    """PDF/UA refuses a document with a mark that no font has; every mark that is let through has one."""
    marks = "".join(chr(code) for first, last in SETTABLE for code in range(first, last + 1))
    rows = [marks[at : at + 20] for at in range(0, len(marks), 20)]
    lines = [msgspec.structs.replace(line(), patient=row, description=row) for row in rows]
    assert statement_pdf(statement(*lines)).startswith(b"%PDF-")


def test_the_same_statement_gives_the_same_bytes() -> None:
    """Bytes depend on the statement alone: neither clock nor chance gets into them."""
    one = statement(*(line(number) for number in range(12)))
    assert statement_pdf(one) == statement_pdf(one)
    assert statement_pdf(one) != statement_pdf(msgspec.structs.replace(one, number="S2"))


def test_the_pdf_is_tagged_and_names_nobody() -> None:
    """The file is tagged PDF/UA-1, and its metadata hold no value of the statement."""
    pdf = statement_pdf(statement(line()))
    assert b"pdfuaid:part" in pdf
    assert b"/StructTreeRoot" in pdf or b"/ObjStm" in pdf
    assert b"Patient statement" in pdf
    assert b"Ada" not in pdf


def test_a_batch_tells_where_each_statement_stands() -> None:
    """Each statement begins a page, the index counts from 1, and pages follow each other without a gap."""
    few = statement(line())
    many = statement(*(line(number) for number in range(60)), number="S2")
    batch = statements_pdf([few, many, msgspec.structs.replace(few, number="S3")])
    assert [(page.number, page.first, page.count) for page in batch.pages] == [
        ("S1", 1, 1), ("S2", 2, 2), ("S3", 4, 1),
    ]  # fmt: skip
    assert batch.page_count == 4
    assert batch.pdf.startswith(b"%PDF-")


def test_batch_size_is_bounded() -> None:
    """No batch and a batch that would take too much memory are refused."""
    with pytest.raises(ValueError, match="batch"):
        statements_pdf([])
    with pytest.raises(ValueError, match="batch"):
        statements_pdf([statement(line())] * (MOST + 1))


def test_the_common_statement_is_one_page() -> None:
    """Twelve services of one patient, their total and the coupon fit on one sheet."""
    assert len(statement_png(statement(*(line(number) for number in range(12))), ppi=20)) == 1


def test_addresses_stand_in_the_windows_of_a_number_ten_envelope() -> None:
    """Sender and guarantor stand in the parts of both windows that show however the sheet slips, and around
    them, as far as the windows reach (0.42-1.88 and 2.04-3.5 in), stands nothing else.
    """
    paper = _ink(statement_png(statement(line()), ppi=100)[0], rows=350)
    assert _inked_rows(paper, 0.38, 4.3, 0.0, 3.5) <= _rows(0.85, 1.45) | _rows(2.40, 3.08)
    assert _inked_rows(paper, 0.5, 4.3, 0.85, 1.45)
    assert _inked_rows(paper, 0.75, 4.3, 2.40, 3.08)


def _rows(top: float, bottom: float) -> set[int]:
    return set(range(round(top * 100), round(bottom * 100)))


def _inked_rows(paper: list[bytes], left: float, right: float, top: float, bottom: float) -> set[int]:
    part = slice(round(left * 100) * 4, round(right * 100) * 4)
    return {row for row in _rows(top, bottom) if any(value < 128 for value in paper[row][part])}


def _ink(png: bytes, rows: int) -> list[bytes]:
    """The first rows of an RGBA picture, unfiltered (PNG, section 9)."""
    width = struct.unpack(">I", png[16:20])[0]
    body, at = b"", 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        body += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    flat, size = zlib.decompress(body), width * 4
    assert png[24:26] == b"\x08\x06"
    paper: list[bytes] = []
    above = bytes(size)
    for number in range(rows):
        start = number * (size + 1)
        above = _unfiltered(flat[start], flat[start + 1 : start + 1 + size], above)
        paper.append(above)
    return paper


def _unfiltered(how: int, coded: bytes, above: bytes) -> bytes:
    if how == 0:
        return coded
    row = bytearray(coded)
    for at in range(len(row)):
        left = row[at - 4] if at >= 4 else 0
        corner = above[at - 4] if at >= 4 else 0
        row[at] = (row[at] + _predicted(how, left, above[at], corner)) % 256
    return bytes(row)


def _predicted(how: int, left: int, up: int, corner: int) -> int:
    if how == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda value: abs(guess - value))
    return {1: left, 2: up, 3: (left + up) // 2}[how]
