"""Amounts as they stand in X12 (type R) and as whole cents, in plain integers for speed."""

from __future__ import annotations


def cents_of(text: str) -> int:
    """Reads `12`, `12.3`, `-.50` as cents; raises ValueError, without the value, for anything else."""
    body = text[1:] if text[:1] == "-" else text
    whole, _, fraction = body.partition(".")
    digits = whole + (fraction + "00")[:2]
    if len(fraction) > 2 or not (whole or fraction) or not (digits.isascii() and digits.isdigit()):
        raise ValueError("not an amount of dollars and cents")
    return -int(digits) if body is not text and text[:1] == "-" else int(digits)


def amount(cents: int) -> str:
    """Cents as X12 writes them: no trailing zeros, no plus sign (`12.5`, `-3`, `0`)."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    if not rest:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{rest:02d}".rstrip("0")
