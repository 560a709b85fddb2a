"""ICD-10-CM, the edition of April 2026: which codes a claim may carry on a day, and which are headings.

The list is a work of the United States government, derived from its tabular list (see NOTICE). It speaks with
certainty only of its own year; of other days it knows what a code is, not whether it held.
"""

from __future__ import annotations

import lzma
from bisect import bisect_left
from functools import cache, lru_cache
from importlib.resources import files

FIRST, LAST = "20251001", "20260930"
"""The days, as CCYYMMDD, of which this edition speaks with certainty."""
BEGAN = "20151001"
"""The first day of ICD-10-CM on claims."""


def diagnosis_fault(code: str, day: str) -> tuple[str, str]:
    """What is wrong with a diagnosis on a day of service: a severity (`error`, `warning`, empty) and words.

    `code` has no point, `day` is CCYYMMDD or empty where nobody told it, which finds no fault. Within the edition a
    code that does not exist, or is only a heading, is an error; on other days a code that is neither is a warning.
    """
    if day < BEGAN:
        return "", ""
    kind = kind_of(code)
    if FIRST <= day <= LAST:
        if kind == "heading":
            return "error", "is a heading of ICD-10-CM; one of the longer codes below it is needed"
        return ("", "") if kind else ("error", "is not a code of ICD-10-CM on the day of service")
    return ("", "") if kind else ("warning", "is not a code of the edition of ICD-10-CM that the hub carries")


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
    packed = files("hub.codes").joinpath("data", "icd10cm.txt.xz").read_bytes()
    return lzma.decompress(packed).decode("ascii").split()
