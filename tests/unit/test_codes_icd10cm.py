"""The editions of ICD-10-CM that the hub carries."""

from __future__ import annotations

import pytest

from hub.codes.icd10cm import FIRST, LAST, diagnosis_fault, held, kind_of


@pytest.mark.parametrize("code", ["J020", "E119", "S8290XA", "Z1159", "I10"])
@pytest.mark.parametrize("day", ["20160101", FIRST, LAST, "20271231", ""])
def test_a_code_that_may_be_billed(code: str, day: str) -> None:
    """A code of every year is good on every day, also on those after the lists."""
    assert diagnosis_fault(code, day) == ("", "")


@pytest.mark.parametrize(
    ("code", "kind"), [("J02", "heading"), ("S8290", "heading"), ("J029", "code"), ("J", "")]
)
def test_headings(code: str, kind: str) -> None:
    """A category with codes below it is a heading, a chapter's letter is nothing."""
    assert kind_of(code) == kind


def test_what_is_no_code_is_an_error() -> None:
    """A heading or an unknown code is an error on every day of the lists; the code is not repeated."""
    for day in ("20160105", "20230101", "20260303"):
        for code in ("J02", "Z99999", "A0"):
            severity, words = diagnosis_fault(code, day)
            assert severity == "error"
            assert code not in words


@pytest.mark.parametrize(
    ("code", "last_wrong", "first_good", "last_good", "first_wrong"),
    [
        ("M545", "", FIRST, "20210930", "20211001"),  # became a heading
        ("M5450", "20210930", "20211001", "20271231", ""),
        ("F32A", "20210930", "20211001", LAST, ""),
        ("E66811", "20240930", "20241001", LAST, ""),
        ("C441021", "20180930", "20181001", LAST, ""),
        ("U071", "20200331", "20200401", LAST, ""),  # came in the middle of a year
    ],
)
def test_a_code_holds_in_its_years(
    code: str, last_wrong: str, first_good: str, last_good: str, first_wrong: str
) -> None:
    """A code is an error on a day before its first year and on one after its last."""
    for day in filter(None, (last_wrong, first_wrong)):
        assert diagnosis_fault(code, day)[0] == "error"
    for day in (first_good, last_good):
        assert diagnosis_fault(code, day) == ("", "")
    assert held(code)[0] == first_good


def test_after_the_lists_it_only_warns() -> None:
    """Next year brings new codes: an unknown one is doubted; a heading stays one, and nothing counts before 2015."""
    assert diagnosis_fault("Z99999", "20270101")[0] == "warning"
    assert diagnosis_fault("J02", "20270101")[0] == "error"
    assert diagnosis_fault("Z99999", "20140101") == ("", "")
