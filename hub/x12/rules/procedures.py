"""Procedure composites and pointers to diagnoses: judged once for each distinct text, since they repeat."""

from __future__ import annotations

import re
from functools import lru_cache

_FORMS = {
    "HC": (re.compile(r"[A-Z]\d{4}|\d{4}[0-9AFMTU]"), "this is not a HCPCS code"),
    "HP": (re.compile(r"[0-9A-Z]{5}"), "this is not a HIPPS code of five characters"),
    "AD": (re.compile(r"D\d{4}"), "this is not a dental code: the letter D and four digits"),
}
_MODIFIER = re.compile(r"[0-9A-Z]{2}")
_MOST_POINTED = 12


@lru_cache(maxsize=16384)
def procedure_faults(value: str, mark: str, kinds: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """The parts of a procedure that have not the form of their kind (one of `kinds`), with what is wrong."""
    kind, code, *rest = [*value.split(mark), ""]
    found = []
    if kind in kinds and code == code.strip() != "" and not _FORMS[kind][0].fullmatch(code):
        found.append((2, _FORMS[kind][1]))
    for place, modifier in enumerate(rest[:4], 3):
        if len(modifier) == 2 and not _MODIFIER.fullmatch(modifier):
            found.append((place, "a modifier has two capital letters or digits"))
    return tuple(found)


@lru_cache(maxsize=4096)
def pointers_beyond(value: str, mark: str, places: int) -> tuple[int, ...]:
    """The parts of a pointer that name no diagnosis of the claim; `places` has a bit for each that is there."""
    return tuple(
        place
        for place, pointer in enumerate(value.split(mark)[:4], 1)
        if pointer.isdecimal() and 0 < int(pointer[:9]) <= _MOST_POINTED and not places >> int(pointer) & 1
    )
