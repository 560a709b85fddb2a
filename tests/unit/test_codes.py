"""Forms and dated tables of codes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import codes


@pytest.mark.parametrize("npi", ["1234567893", "1999999018", "1999999026", "2000000002"])
def test_npi_good(npi: str) -> None:
    """An NPI whose Luhn digit over 80840 and nine digits is right passes (45 CFR 162.406)."""
    if npi.startswith("2"):
        npi = npi[:9] + codes.npi_check_digit(npi[:9])
    assert codes.npi_fault(npi) == ""


@pytest.mark.parametrize(
    "npi", ["", "1234567890", "123456789", "12345678933", "0234567893", "12345 7893", "\uff11234567893"]
)
def test_npi_bad(npi: str) -> None:
    """A wrong digit, length, first digit or a digit of another script is a fault, and the NPI is not repeated."""
    fault = codes.npi_fault(npi)
    assert fault
    assert not npi or npi not in fault


@given(st.integers(100000000, 299999999), st.integers(0, 8), st.integers(1, 9))
def test_npi_every_single_error_is_seen(nine: int, place: int, by: int) -> None:
    """Changing any one of the first nine digits breaks the check digit."""
    text = str(nine)
    npi = text + codes.npi_check_digit(text)
    changed = npi[:place] + str((int(npi[place]) + by) % 10) + npi[place + 1 :]
    assert codes.is_npi(npi)
    assert not codes.is_npi(changed)


@pytest.mark.parametrize(
    ("code", "good"),
    [("G0438", True), ("J1885", True), ("V2020", True), ("D0000", False), ("W1234", False), ("00000", False),
     ("g0438", False), ("G438", False), ("G04388", False), ("", False)],
)  # fmt: skip
def test_hcpcs_form(code: str, good: bool) -> None:
    """Level II is A-V without D (another owner's set) and four digits; five digits (Level I) are not in it."""
    assert codes.is_hcpcs(code) is good


@pytest.mark.parametrize(
    ("code", "good"),
    [("I10", True), ("J01.90", True), ("S134XXA", True), ("Z3A.08", True), ("C4A.9", True), ("1I0", False),
     ("I1", False), ("J01.", False), ("J01.90123", False), ("i10", False)],
)  # fmt: skip
def test_icd10_form(code: str, good: bool) -> None:
    """ICD-10-CM: a letter, a digit, one more, then up to four, the point optional."""
    assert codes.is_icd10(code) is good


def test_icd10_plain() -> None:
    """An 837 carries diagnosis codes without their point."""
    assert codes.plain_icd10("S13.4XXA") == "S134XXA"


@pytest.mark.parametrize(
    ("ndc", "eleven"),
    [("0002-1234-56", "00002123456"), ("50242-041-62", "50242004162"), ("60574-4112-1", "60574411201"),
     ("99999-1885-01", "99999188501"), ("99999188501", "99999188501"), ("9999918850", None), ("99-1-1", None),
     ("", None), ("0002-12A4-56", None)],
)  # fmt: skip
def test_ndc(ndc: str, eleven: str | None) -> None:
    """The hyphens tell where the missing zero goes; ten bare digits cannot be placed and are refused."""
    assert codes.ndc11(ndc) == eleven


@pytest.mark.parametrize(
    ("tax_id", "kind", "good"),
    [("123456789", "EI", True), ("001234567", "EI", False), ("12345678", "EI", False),
     ("12345678A", "EI", False), ("123456789", "SY", True), ("000456789", "SY", False),
     ("123006789", "SY", False), ("123450000", "SY", False)],
)  # fmt: skip
def test_tax_id(tax_id: str, kind: str, good: bool) -> None:
    """Nine digits; neither kind has the parts that are never given out."""
    assert (codes.tax_id_fault(tax_id, kind) == "") is good


def test_zip() -> None:
    """ZIP+4 is asked for where payers ask, and a filler of 0000 or 9999 is refused."""
    assert codes.zip_fault("44099") == ""
    assert codes.zip_fault("44099", plus_four=True)
    assert codes.zip_fault("440999999", plus_four=True)
    assert codes.zip_fault("440990000", plus_four=True)
    assert codes.zip_fault("440991204", plus_four=True) == ""
    assert codes.zip_fault("44099-1204")


def test_small_forms() -> None:
    """States, taxonomies, modifiers and places of service are known by form or list."""
    assert codes.state_fault("OH") == ""
    assert codes.state_fault("oh")
    assert codes.taxonomy_fault("207Q00000X") == ""
    assert codes.taxonomy_fault("207Q00000")
    assert codes.modifier_fault("RR") == ""
    assert codes.modifier_fault("rr")
    assert codes.place_fault("11") == ""
    assert codes.place_fault("98")
    assert codes.place_words("12") == "home"


def test_a_code_is_judged_as_of_its_day() -> None:
    """A code set answers per day, keeps several lives of one code apart, and knows headings."""
    table = codes.CodeSet(
        "the set",
        [
            codes.CodeRow(code="G0001", valid_to=date(2025, 12, 31)),
            codes.CodeRow(code="G0001", valid_from=date(2026, 7, 1)),
            codes.CodeRow(code="J01", billable=False),
        ],
    )
    assert len(table) == 2
    assert table.fault("G0001", date(2025, 12, 31)) == ""
    assert "does not hold" in table.fault("G0001", date(2026, 1, 1))
    assert table.fault("G0001", date(2026, 7, 1)) == ""
    assert "not in the set" in table.fault("G0002", date(2026, 1, 1))
    assert "heading" in table.fault("J01", date(2026, 1, 1))


def test_form_comes_before_table() -> None:
    """Without a table only the form is judged; with one, a good form is looked up."""
    on = date(2026, 1, 1)
    assert codes.code_fault("x", on, codes.hcpcs_fault("x"), None)
    assert codes.code_fault("G0438", on, codes.hcpcs_fault("G0438"), None) == ""
    assert codes.code_fault("G0438", on, "", codes.CodeSet("s", []))
