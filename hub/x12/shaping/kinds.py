"""Kinds of values: text to value and back, with bounded memories of what was read before."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from hub.errors import Problem
from hub.money import NotMoney, to_cents

MOST_KEPT = 4_096
"""Texts that one memory holds: what repeats at all repeats soon, and a memory that outgrows the processor's own
is slower than reading anew."""

MOST_NUMBERS = 16_384
"""Numbers that one memory holds: what fee schedules repeat."""


class Odd(Exception):
    """A text or place that the canonical form writes otherwise: the record is read again with care."""


class Unreadable(Exception):
    """A value cannot be read; `problem` says which and why, `at` is the index of its segment in the texts."""

    def __init__(self, problem: Problem, at: int = 0) -> None:
        super().__init__(problem.where)
        self.problem = problem
        self.at = at


class Kind(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One way to read and write a value. `read` raises ValueError with the reason.

    `soft`: what cannot be read is as if it were absent; its text is kept in `rest`. `reads_nothing`: "" is given
    to `read` as well, so that there is no absent value. `form` is the pattern of a text that is a number which is
    certain to be written as it was read.
    """

    name: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    soft: bool = False
    reads_nothing: bool = False
    form: str = ""


class Memory(dict[str, Any]):
    """Text -> value for what comes out as it came in; anything else is `Odd`.

    Once it is full it keeps nothing more, until so much was new that it starts over.
    """

    __slots__ = ("_left", "_make", "_seed")

    def __init__(self, make: Callable[[str], Any], seed: Mapping[str, Any] | None = None) -> None:
        super().__init__(seed or {})
        self._make = make
        self._seed = seed or {}
        self._left = MOST_KEPT

    def __missing__(self, text: str) -> Any:
        """Makes and gives the value of a text that is new, and keeps it while there is room."""
        value = self._make(text)
        self._left -= 1
        if self._left >= 0:
            self[text] = value
        elif self._left < -8 * MOST_KEPT:
            self.clear()
            self.update(self._seed)
            self._left = MOST_KEPT
        return value


class _Numbers(Memory):
    """A memory of numbers: those of the usual form need no other look."""

    __slots__ = ("_fits",)

    def __init__(
        self, make: Callable[[str], Any], seed: Mapping[str, Any] | None, fits: Callable[[str], object]
    ) -> None:
        super().__init__(make, seed)
        self._fits = fits

    def __missing__(self, text: str) -> Any:
        """Reads a number that is new."""
        if not self._fits(text):
            return super().__missing__(text)
        value = Decimal(text)
        if len(self) < MOST_NUMBERS:
            self[text] = value
        return value


def memory(kind: Kind, absent: tuple[Any, ...], *, told: bool = False) -> Memory:
    """The memory of a kind; `absent` holds what "" stands for, or nothing where a value is required.

    `told` says that the record knows whether the value was there, so that "" and its value are two things.
    """
    seed = {"": absent[0]} if absent else None

    def slow(text: str) -> Any:
        try:
            value = kind.read(text) if text or kind.reads_nothing else None
        except ValueError:
            raise Odd from None
        if value is None or (absent and value == absent[0] and not told) or kind.write(value) != text:
            raise Odd
        return value

    if kind.form and (not absent or absent[0] is None):
        return _Numbers(slow, seed, re.compile(kind.form).fullmatch)
    return Memory(slow, seed)


def convert(kind: Kind, absent: tuple[Any, ...], text: str, where: str, at: int) -> Any:
    """Reads one value with care. Raises `Unreadable` unless the kind is soft."""
    if not text and not kind.reads_nothing:
        if absent:
            return absent[0]
        raise Unreadable(unreadable(where, "a value that must be there is missing"), at)
    try:
        return kind.read(text)
    except ValueError as error:
        if kind.soft:
            return absent[0] if absent else None
        raise Unreadable(unreadable(where, str(error)), at) from None


def unreadable(where: str, why: str) -> Problem:
    """The problem of a value that cannot be read; neither part ever holds the value."""
    return Problem(code="x12.unreadable", where=where, why=why, fix="ask the sender for a corrected file")


def number(text: str) -> Decimal:
    """Reads type R exactly; the scale keeps the spelling: 100.00 stays 100.00."""
    if not (text.isascii() and text.replace(".", "", 1).removeprefix("-").isdigit()):
        raise ValueError("is not a number")
    return Decimal(text)


def cents(text: str) -> Decimal:
    """Reads an amount of money: whole cents that a ledger can hold."""
    value = number(text)
    try:
        to_cents(value)
    except NotMoney as error:
        raise ValueError(f"this is no amount of money: {error}") from None
    return value


_MONEY = r"-?+(?:0|[1-9][0-9]{0,12}+)(?:\.[0-9]{1,2}+)?+"
_NUMBER = r"-?+(?:0|[1-9][0-9]{0,14}+)(?:\.[0-9]{1,5}+)?+"


def plain(value: Decimal | None) -> str:
    """A number as its scale tells, never with an exponent; "" for None."""
    if value is None:
        return ""
    text = str(value)
    return f"{value:f}" if "E" in text else text


def day(text: str) -> date:
    """Reads CCYYMMDD."""
    if len(text) == 8 and text.isascii() and text.isdigit():
        try:
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            pass
    raise ValueError("is not a date")


def d8(value: date | None) -> str:
    """Writes CCYYMMDD; "" for None."""
    return "" if value is None else f"{value.year:04}{value.month:02}{value.day:02}"


def count(text: str) -> int:
    """Reads a whole number."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError("is not a whole number")
    return int(text)


def flag(text: str) -> bool:
    """Reads Y or N."""
    if text not in ("Y", "N"):
        raise ValueError("is neither Y nor N")
    return text == "Y"


def words(name: str, table: Mapping[str, str]) -> Kind:
    """A kind that shows codes as words and writes words as codes; what is not in the table stays as it is."""
    back = {word: code for code, word in table.items()}
    return Kind(name=name, read=lambda text: table.get(text, text), write=lambda word: back.get(word, word))


def kind(name: str, read: Callable[[str], Any], write: Callable[[Any], str], *, soft: bool = False) -> Kind:
    """A kind of your own."""
    return Kind(name=name, read=read, write=lambda value: "" if value is None else write(value), soft=soft)


KINDS = {
    one.name: one
    for one in (
        Kind(name="number", read=number, write=plain, form=_NUMBER),
        Kind(name="money", read=cents, write=plain, form=_MONEY),
        Kind(name="day", read=day, write=d8),
        Kind(name="told", read=day, write=d8, soft=True),
        Kind(name="noted", read=number, write=plain, soft=True, form=_NUMBER),
        Kind(name="text", read=str, write=str),
        kind("count", count, str),
        kind("flag", flag, lambda value: "Y" if value else "N"),
    )
}
