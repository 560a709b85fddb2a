"""Exact money: `Decimal` in records, integer cents in tables and the ledger, and nothing in between."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
_DIGITS = 15


class NotMoney(ValueError):
    """A text or number that is not an exact amount of US dollars; the message never repeats the value."""


def parse_amount(text: str) -> Decimal:
    """Read `12`, `12.3`, `-12.30` as dollars; more than two decimals or any other sign raises `NotMoney`.

    Leading zeros and a bare leading point (`.5`), both legal in X12 type R, are read.
    """
    if text[-3:-2] == "." and len(text) <= _DIGITS and text.isascii() and (text[:-3] + text[-2:]).isdigit():
        return Decimal(text)  # as most are written: dollars and two digits of cents
    body = text.removeprefix("-")
    digits = body.replace(".", "", 1)
    if not digits or not digits.isascii() or not digits.isdigit():
        raise NotMoney("not a decimal number of dollars")
    try:
        amount = Decimal(text)
    except InvalidOperation:  # the digits were checked above; this is for what Decimal itself refuses
        raise NotMoney("not a decimal number of dollars") from None
    return from_cents(to_cents(amount))


def to_cents(amount: Decimal) -> int:
    """Dollars to whole cents; raises `NotMoney` for a fraction of a cent, NaN, infinity, or an amount that 64
    bits of cents cannot hold.
    """
    if amount and amount.adjusted() > _DIGITS:  # also keeps `int` from writing out 1E+999999
        raise NotMoney("an amount with more digits than a ledger holds")
    try:
        cents = amount.scaleb(2)
        whole = int(cents)
    except (InvalidOperation, ValueError, OverflowError):
        raise NotMoney("not a finite amount") from None
    if whole != cents:
        raise NotMoney("an amount has a fraction of a cent")
    return whole


def from_cents(cents: int) -> Decimal:
    """Whole cents to dollars with exactly two decimals."""
    return Decimal(cents).scaleb(-2).quantize(CENT)


def dollars(cents: int) -> str:
    """Cents as people read them: `-$1,234.50`."""
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"
