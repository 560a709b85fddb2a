"""ICD-10-CM since its first day: which codes a claim may carry on a day, and which are headings.

The lists are works of the United States government: the edition of April 2026, derived from its tabular list, and
beside it the first and last year of each code that did not hold in all of them (see NOTICE). They speak with
certainty up to the end of the edition's year; later days may know codes that they do not.
"""

from __future__ import annotations

import lzma
from bisect import bisect_left
from functools import cache, lru_cache
from importlib.resources import files

FIRST, LAST = "20151001", "20260930"
"""The days, as CCYYMMDD, of which the lists speak with certainty; the first is that of ICD-10-CM on claims."""
_EDITION = "26"
_AHEAD_OF_ITS_YEAR = {"U070": "20200401", "U071": "20200401"}  # a year's other late codes stand in its list


def diagnosis_fault(code: str, day: str) -> tuple[str, str]:
    """What is wrong with a diagnosis on a day of service: a severity (`error`, `warning`, empty) and words.

    `code` has no point, `day` is CCYYMMDD or empty where nobody told it, which finds no fault. A code that did not
    hold on the day, or is only a heading, is an error; one that no list knows is a warning on days after the last.
    """
    if day < FIRST:
        return "", ""
    begin, end = held(code)
    if begin <= day <= end:
        return "", ""
    if end and day < begin:
        return "error", "is a code of ICD-10-CM only since a day after the service"
    if kind_of(code) == "heading":
        return "error", "is a heading of ICD-10-CM; one of the longer codes below it is needed"
    if end or day <= LAST:
        return "error", "is not a code of ICD-10-CM on the day of service"
    return "warning", "is not a code of the edition of ICD-10-CM that the hub carries"


@lru_cache(maxsize=65536)
def held(code: str) -> tuple[str, str]:
    """The first and last day of a code, as CCYYMMDD; the last is far ahead while it holds; two "" for no code."""
    years = _years().get(code)
    if years is None:
        return (FIRST, "99991231") if kind_of(code) == "code" else ("", "")
    first, last = years
    begin = _AHEAD_OF_ITS_YEAR.get(code, f"20{int(first) - 1}1001")
    return begin, "99991231" if last == _EDITION else f"20{last}0930"


@lru_cache(maxsize=65536)
def kind_of(code: str) -> str:
    """`code` for a code that may be billed, `heading` for one with codes below it, empty for none."""
    codes = _codes()
    at = bisect_left(codes, code)
    if at == len(codes) or not code:
        return ""
    if codes[at] == code:
        return "code"
    return "heading" if len(code) > 2 and codes[at].startswith(code) else ""


@cache
def _codes() -> list[str]:
    return _lines("icd10cm.txt.xz")


@cache
def _years() -> dict[str, tuple[str, str]]:
    found = iter(_lines("icd10cm_years.txt.xz"))
    return {code: (first, last) for code, first, last in zip(found, found, found, strict=True)}


def _lines(name: str) -> list[str]:
    packed = files("hub.codes").joinpath("data", name).read_bytes()
    return lzma.decompress(packed).decode("ascii").split()
