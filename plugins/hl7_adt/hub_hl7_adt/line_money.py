"""Quantities, amounts and days of one line: exact, or the line is set aside; nothing is guessed."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from hub.money import NotMoney, parse_amount
from hub_hl7_adt import values
from hub_hl7_adt.line import Line, SetAside
from hub_hl7_adt.names import DR
from hub_hl7_adt.plan import BILLED, Plan, Spot
from hub_hl7_adt.scene import Scene

_ONE = Decimal(1)
_THOUSANDS = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]{2}-?")
"""Commas between thousands, where cents make plain that they are no decimal commas."""
_LONG = 15
"""Characters of an amount from which on it is judged slowly."""
Days = tuple[date, date | None]


def days(line: Line, plan: Plan, kind: str) -> Days:
    """The first and, where it is another, the last day of service. Money that was paid may name its posting day only.

    Behind the first component of FT1-4 may stand the end of a range (DR), or how exact the time is (TS: one letter).
    """
    for spot in plan.dates if kind in BILLED else (*plan.dates, plan.posted):
        try:
            found = _days(line, spot)
        except values.Unreadable as why:
            raise SetAside("hl7.charge.date", line.at(spot), f"the service date is {why}") from None
        if found is not None:
            return found
    raise SetAside("hl7.charge.date", line.at((*plan.dates, plan.posted)[0]), "there is no service date")


def _days(line: Line, spot: Spot) -> Days | None:
    written = line.written(spot)
    if not written:
        return None
    if written.isalnum() and spot.component == spot.sub == 1:  # as most are: one day and nothing behind it
        alone = values.day(written)
        return None if alone is None else (alone, None)
    start = values.day(line.text(spot))
    text = values.component(written, line.frame, DR.range_end_date_time) if spot.whole else ""
    end = None if len(text) == 1 and text.isalpha() else values.day(text)
    if start is not None and end is not None and end < start:
        raise values.Unreadable("a range that ends before it begins")
    return None if start is None else (start, end if end != start else None)


def units(line: Line, plan: Plan, kind: str) -> Decimal:
    """The quantity, negative where the line takes back. HL7 states no default for an empty one (it is optional in
    every version): it is 1 only where the profile says so, where unit and line amount are equal, or where there is
    nothing to count (payments).
    """
    if kind not in BILLED:
        return _ONE
    stated = None
    for spot in plan.units:
        try:
            stated = values.number(line.text(spot))
        except values.Unreadable as why:
            raise SetAside("hl7.charge.units", line.at(spot), f"the quantity is {why}") from None
        if stated:
            return stated
        if stated is not None:
            break
    if stated is None:
        if plan.units_when_empty is not None:
            return plan.units_when_empty
        whole = line.text(plan.amount)
        if whole and whole == line.text(plan.unit_amount):
            return _ONE
    said = "the quantity is zero" if stated is not None else "there is no quantity, and HL7 gives it no default"
    fix = "set units_when_empty if this sender leaves it out for one, or correct the line and send it again"
    raise SetAside("hl7.charge.units", line.at(plan.units[0]) if plan.units else "FT1", said, fix)


def amount(scene: Scene, line: Line, plan: Plan, count: Decimal, kind: str) -> Decimal | None:
    """Dollars of the whole line with the sender's sign, or None where the fee schedule shall price it."""
    total, each = _dollars(line, plan.amount), _dollars(line, plan.unit_amount)
    each_at = plan.unit_amount
    if scene.settings.amount_is == "unit" and total is not None:
        total, each, each_at = None, total, plan.amount
    if kind not in BILLED:
        return _paid(line, plan, total, each)
    if each is None or (total is not None and count == _ONE and each == total):
        return total
    if total is not None and total == each * count:
        return total
    try:
        product = values.times(each, count)
    except values.Unreadable as why:
        if total is not None:
            return total
        raise SetAside("hl7.charge.amount", line.at(each_at), f"the amount cannot be made: {why}") from None
    if total is not None and abs(total) != abs(product):
        scene.notes.notice(
            "hl7.charge.amounts",
            line.at(plan.amount),
            "the line amount is not units times unit amount; the line amount stands",
            "check which of the two this sender means, and set amount_is or the amount places",
        )
    return product if total is None else total


def _paid(line: Line, plan: Plan, total: Decimal | None, each: Decimal | None) -> Decimal:
    """Money that moved: a payment without an amount says nothing."""
    told = total if total is not None else each
    if told is None:
        raise SetAside(
            "hl7.charge.amount", line.at(plan.amount), "money was paid or adjusted, and no amount is given"
        )
    return told


def _dollars(line: Line, spot: Spot) -> Decimal | None:
    try:
        return _exact(line, spot)
    except values.Unreadable as why:
        raise SetAside("hl7.charge.amount", line.at(spot), f"the amount is {why}") from None


def _exact(line: Line, spot: Spot) -> Decimal | None:
    """Dollars and cents (`288.81&USD`: the currency is the subcomponent behind the amount); the sign may stand behind
    the amount, as accounting programs write it (`12.50-`).
    """
    written, frame = line.written(spot), line.frame
    if not written:
        return None
    if frame.usual and spot.component == spot.sub == 1:
        plain = written.removesuffix("&USD")
        if plain[-3:-2] == "." and len(plain) < _LONG and plain.isascii() and (plain[:-3] + plain[-2:]).isdigit():
            return Decimal(plain)  # as most are written: dollars and two digits of cents
    text = line.text(spot)
    if not text:
        return None
    if values.component(written, frame, spot.component, spot.sub + 1).upper() not in ("", "USD"):
        raise values.Unreadable("an amount that is not in US dollars")
    plain = text.removeprefix("+").removeprefix("$")
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    if plain.endswith("-") and not plain.startswith("-"):
        plain = f"-{plain[:-1]}"
    try:
        return parse_amount(plain)
    except NotMoney:
        raise values.Unreadable("not an amount of dollars and cents") from None
