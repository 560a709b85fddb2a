"""The edition of ICD-10-CM that the hub carries."""

from __future__ import annotations

import pytest

from hub.codes.icd10cm import FIRST, LAST, diagnosis_fault, kind_of


@pytest.mark.parametrize("code", ["J020", "E119", "S8290XA", "Z1159", "I10", "C441021"])
@pytest.mark.parametrize("day", ["20160101", FIRST, LAST, "20271231", ""])
def test_a_code_that_may_be_billed(code: str, day: str) -> None:
    """A code of the edition is good on every day, also on those of which the edition is not certain."""
    assert diagnosis_fault(code, day) == ("", "")


@pytest.mark.parametrize(
    ("code", "kind"), [("J02", "heading"), ("S8290", "heading"), ("J029", "code"), ("J", "")]
)
def test_headings(code: str, kind: str) -> None:
    """A category with codes below it is a heading, a chapter's letter is nothing."""
    assert kind_of(code) == kind


def test_within_the_edition_it_is_certain() -> None:
    """A heading or an unknown code is an error within the edition; the code is not repeated."""
    for code in ("J02", "Z99999", "A0"):
        severity, words = diagnosis_fault(code, "20260303")
        assert severity == "error"
        assert code not in words


def test_outside_the_edition_it_only_warns() -> None:
    """What was a code once may be a heading now, and next year brings new codes: only what is neither is doubted."""
    assert diagnosis_fault("J02", "20230101") == ("", "")
    assert diagnosis_fault("Z99999", "20230101")[0] == "warning"
    assert diagnosis_fault("Z99999", "20270101")[0] == "warning"
    assert diagnosis_fault("Z99999", "20140101") == ("", "")
