"""What a value looks like, without saying what it is."""

from __future__ import annotations

import re
from datetime import date

_PATTERNS = {
    "hcpcs": r"[A-V]\d{4}",
    "five digits": r"\d{5}|\d{4}[FTU]",
    "code with modifier": r"(?:[A-V]\d{4}|\d{5})-[A-Z0-9]{2}(?:-[A-Z0-9]{2})*",
    "icd10": r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4}|[0-9A-Z]{0,4})",
    "icd10 with point": r"[A-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}",
    "amount": r"[+-]?\d{1,7}\.\d\d",
    "whole number": r"[+-]?\d{1,5}",
    "number": r"[+-]?\d{1,9}(?:\.\d{1,4})?",
    "modifier": r"[A-Z][A-Z0-9]|\d\d",
    "two digits": r"\d\d",
    "code": r"[A-Za-z0-9][A-Za-z0-9_./-]{0,19}",
    "id": r"(?=[A-Za-z-]{0,8}\d)[A-Za-z0-9-]{5,20}",
    "social security": r"\d{3}-\d\d-\d{4}",
    "ndc": r"\d{11}|\d{4,5}-\d{3,4}-\d{1,2}",
    "words": r".*[^\W\d_] .*",
}
_SHAPES = {name: re.compile(pattern, re.ASCII | re.DOTALL) for name, pattern in _PATTERNS.items()}
_TIME = re.compile(r"(\d{8})(\d{2,6}(?:\.\d+)?)?([+-]\d{4})?", re.ASCII)


def shapes(text: str) -> frozenset[str]:
    """Every shape that a value has; a value may have several."""
    found = {name for name, pattern in _SHAPES.items() if pattern.fullmatch(text)}
    if len(text) == 10 and text.isascii() and text.isdigit():
        found.add("npi" if is_npi(text) else "ten digits")
    if match := _TIME.fullmatch(text):
        found |= _of_time(match)
    return frozenset(found)


def _of_time(match: re.Match[str]) -> set[str]:
    day = match[1]
    try:
        date(int(day[:4]), int(day[4:6]), int(day[6:]))
    except ValueError:
        return set()
    if not "1850" < day[:4] < "2150":
        return set()
    if not match[2]:
        return {"date"}
    return {"date", "time with zone" if match[3] else "time without zone"}


def is_npi(text: str) -> bool:
    """Whether ten digits carry the check digit of an NPI (Luhn over 80840 and the number)."""
    if len(text) != 10 or not (text.isascii() and text.isdigit()) or text[0] not in "12":
        return False
    total = 24  # the digits of the prefix 80840, weighted
    for index, char in enumerate(reversed(text)):
        digit = int(char) * (2 if index % 2 else 1)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def shown_code(text: str) -> bool:
    """Whether a value is so short and plain that it is a code and no person's number, and may be shown."""
    found = shapes(text)
    told = sum(char.isdigit() for char in text)
    return "code" in found and told < 9 and not found & {"date", "npi", "ten digits", "social security"}
