"""Values of an 837 as our records hold them, and back: numbers and days exactly as they are spelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

E, C = "\x01", "\x02"
"""What parts elements and components until a set is whole, whatever its file uses."""

_MOST_KEPT = 50_000


class Unreadable(Exception):
    """An element that a claim cannot do without is missing or no number or day; `place` such as SV102."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


_numbers: dict[str, Decimal | None] = {"": None}
_days: dict[str, date | None] = {"": None}
_day_texts: dict[date | None, str] = {None: ""}


def number(text: str, place: str) -> Decimal | None:
    """A number exactly as it is spelled, or None."""
    try:
        return _numbers[text]
    except KeyError:
        return _learn_number(text, place)


def some(text: str, place: str) -> Decimal:
    """A number that must be there."""
    found = number(text, place)
    if found is None:
        raise Unreadable(place)
    return found


def _learn_number(text: str, place: str) -> Decimal:
    if not text.isascii() or not text.replace(".", "", 1).removeprefix("-").isdigit():
        raise Unreadable(place)
    try:
        found = Decimal(text)
    except InvalidOperation as bad:
        raise Unreadable(place) from bad
    if len(_numbers) > _MOST_KEPT:
        _numbers.clear()
        _numbers[""] = None
    _numbers[text] = found
    return found


def day(text: str, place: str) -> date | None:
    """CCYYMMDD, or None."""
    try:
        return _days[text]
    except KeyError:
        pass
    try:
        found = date(int(text[:4]), int(text[4:6]), int(text[6:])) if len(text) == 8 else None
    except ValueError:
        found = None
    if found is None:
        raise Unreadable(place)
    if len(_days) > _MOST_KEPT:
        _days.clear()
        _days[""] = None
    _days[text] = found
    return found


def number_text(value: Decimal | None) -> str:
    """The number as it is spelled; "" for none."""
    if value is None:
        return ""
    text = str(value)
    return f"{value:f}" if "E" in text else text


def day_text(value: date | None) -> str:
    """CCYYMMDD; "" for none."""
    try:
        return _day_texts[value]
    except KeyError:
        text = f"{value:%Y%m%d}"
    if len(_day_texts) < _MOST_KEPT:
        _day_texts[value] = text
    return text


def parts(text: str, component: str, width: int) -> list[str]:
    """The parts of a composite, filled up to `width`."""
    found = text.split(component)
    if len(found) < width:
        found += [""] * (width - len(found))
    return found


def filled(values: Sequence[str], width: int) -> list[str]:
    """A segment's elements, filled up so that `width` of them can be asked for."""
    return [*values, *[""] * (width + 1 - len(values))] if len(values) <= width else list(values)


def whole(texts: Iterator[str], place: str) -> tuple[int, ...]:
    """Whole numbers."""
    try:
        return tuple(map(int, texts))
    except ValueError as bad:
        raise Unreadable(place) from bad
