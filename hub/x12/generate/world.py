"""The invented world that generated sets speak of: its days, places, people and numbers."""

from __future__ import annotations

import datetime as dt
from random import Random

from hub.x12.tree import Value

Values = list[Value]

CREATED = dt.date(2026, 1, 20)
FIRST_DAY, LAST_DAY = dt.date(2025, 12, 1), dt.date(2026, 1, 10)
DECIDED = dt.date(2026, 1, 14)
BEFORE = dt.date(2025, 11, 3)

PLACES = (("IL", "627011234"), ("CA", "900121188"), ("TX", "787012345"), ("NY", "122075678"))
DIAGNOSES = ("J020", "E119", "I10", "M5450", "R059", "N390", "K219", "Z0000", "F329", "J45909", "G43909", "L309")
CAUSES = ("W010XXA", "V4352XA", "Y929", "X500XXA")
PROCEDURES = ("A0428", "E0601", "G0439", "J3301", "L1832", "Q0091", "S9083", "T1015", "V2020", "G0008")
HOSPITAL_PROCEDURES = ("0DT60ZZ", "02703ZZ", "0W3P8ZZ", "4A023N7")
DENTAL_PROCEDURES = ("D0001", "D0002", "D9991")
MODIFIERS = ("25", "59", "LT", "RT", "GA")
DRUGS = ("99999000101", "99999000202", "99999000303")
TAXONOMIES = ("207Q00000X", "208D00000X", "282N00000X", "122300000X", "363LF0000X")
REASONS = ("1", "2", "3", "16", "45", "96", "97", "197", "204")
REMARKS = ("N130", "MA01", "N362", "M15", "N89")
STREETS = ("MAIN ST", "ELM ST", "OAK AVE", "LAKE RD", "HILL DR")
_NPI_STEMS = tuple(f"1{number:08}" for number in range(23450001, 23450031))


class World:
    """Chance, and what must not come twice; one for each set."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.used = 0

    def serial(self, prefix: str) -> str:
        """A number that nothing else in the set has."""
        self.used += 1
        return f"{prefix}{self.used:06}"

    def npi(self) -> str:
        """One of thirty NPIs with their check digits."""
        return with_check_digit(self.random.choice(_NPI_STEMS))

    def tax_id(self) -> str:
        """Nine digits."""
        return f"12{self.random.randint(0, 9999999):07}"

    def day(self) -> dt.date:
        """A day of service."""
        return FIRST_DAY + dt.timedelta(days=self.random.randint(0, (LAST_DAY - FIRST_DAY).days))

    def cents(self, low: int = 100, high: int = 90_000) -> int:
        """An amount of money in cents, most often whole dollars."""
        amount = self.random.randint(low, high)
        return amount if self.random.random() < 0.3 else max(low, amount // 100 * 100)

    def place(self) -> tuple[str, str]:
        """State and ZIP+4 of one place."""
        return self.random.choice(PLACES)

    def street(self) -> str:
        """A street with its number."""
        return f"{self.random.randint(1, 999)} {self.random.choice(STREETS)}"

    def shares(self, total: int, count: int) -> list[int]:
        """`total` cents as at most `count` parts, none of them zero; [] for a total of zero."""
        sign, left = (-1 if total < 0 else 1), abs(total)
        parts: list[int] = []
        while left and len(parts) < count - 1:
            part = self.random.randint(1, left)
            parts.append(sign * part)
            left -= part
        return [*parts, sign * left] if left else parts


def day8(day: dt.date) -> str:
    """CCYYMMDD."""
    return f"{day:%Y%m%d}"


def money(cents: int) -> str:
    """Cents as X12 writes an amount: 100, 12.5, -3.17."""
    sign, whole = ("-" if cents < 0 else ""), abs(cents)
    return sign + f"{whole // 100}.{whole % 100:02}".rstrip("0").rstrip(".")


def with_check_digit(stem: str) -> str:
    """Nine digits with the check digit of an NPI (Luhn over 80840 and the number)."""
    total = 24
    for place, digit in enumerate(map(int, stem)):
        doubled = digit * 2 if place % 2 == 0 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return stem + str(-total % 10)


def put(values: Values, position: int, value: Value) -> None:
    """Sets an element, with empty ones before it where it needs them."""
    values.extend([None] * (position + 1 - len(values)))
    values[position] = value


def drop(values: Values, *positions: int) -> None:
    """Empties elements, and shortens a segment that ends in empty ones."""
    for position in positions:
        if position < len(values):
            values[position] = None
    while len(values) > 1 and values[-1] in (None, ""):
        values.pop()


def said(values: Values, position: int) -> str:
    """The text of an element that is no composite, "" when it is absent."""
    value = values[position] if position < len(values) else ""
    return value if isinstance(value, str) else ""
