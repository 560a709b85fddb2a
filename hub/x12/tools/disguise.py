"""Turns values into synthetic ones of the same shape: the same value always into the same one, under one secret."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from functools import lru_cache

from hub.x12.formats import is_date, is_npi

# letters that Medicare's ids use are kept apart from those they avoid: what looked like one still does
_CLASSES = (
    "ACDEFGHJKMNPQRTUVWXY",
    "BILOSZ",
    "0123456789",
    "acdefghjkmnpqrtuvwxy",
    "bilosz",
    "".join(chr(code) for code in range(0xC0, 0xDF) if code != 0xD7),
    "".join(chr(code) for code in range(0xDF, 0x100) if code != 0xF7),
)
_CLASS_OF = {mark: (alphabet, place) for alphabet in _CLASSES for place, mark in enumerate(alphabet)}
_CONSONANTS = "DFGKLMNRSTVZ"
_VOWELS = "AEIOU"
_WORD = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
# words of an address that say what kind it is, and of nobody who
_KEPT_WORDS = frozenset(
    "PO BOX POBOX POB BX GPO DRAWER POST POSTAL OFFICE LOCKBOX LOCK NO RR HC RURAL HIGHWAY STAR".split()  # noqa: SIM905
)
_KEPT_PLACES = re.compile(
    r"\bG?(?:P\.?\s*O\.?|POST(?:AL)?(?:\s+OFFICE)?)\s*(?:BOX|BX|DRAWER)|\bP\.?\s?O\.?\s?B\.?"
    r"|\bR\.?\s?R\.?\s|\bH\.?\s?C\.?\s",
    re.IGNORECASE,
)
# areas of so few people that their first three digits tell too much (45 CFR 164.514(b)(2)(i)(B)): a neighbour's
_SPARSE = {
    "036": "030",
    "059": "050",
    "063": "060",
    "102": "100",
    "203": "200",
    "556": "550",
    "692": "680",
    **dict.fromkeys(("821", "823", "830", "831"), "820"),
    **dict.fromkeys(("878", "879", "884"), "870"),
    "790": "791",
    "890": "891",
    "893": "891",
}


class Disguise:
    """Maps values under a secret; nothing is kept but a small cache, so that files of any size stay in bounds.

    Ids and numbers are mapped one to one among values of the same shape and never to themselves; names and texts
    become words that can be spoken; days all move by the same number of days.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = hashlib.blake2b(secret, digest_size=32).digest()
        self.days = 14 + self._number("days", "") % 77
        self.id = lru_cache(maxsize=1 << 15)(self._id)
        self.text = lru_cache(maxsize=1 << 14)(self._text)
        self.address = lru_cache(maxsize=1 << 14)(self._address)

    def _number(self, purpose: str, text: str) -> int:
        made = hashlib.blake2b(f"{purpose}\0{text}".encode(), key=self._secret, digest_size=16)
        return int.from_bytes(made.digest(), "big")

    def _id(self, value: str) -> str:
        """An id of the same shape; an NPI with a true check digit stays one, an untrue one stays untrue."""
        if len(value) == 10 and value.isascii() and value.isdigit():
            return self._npi(value) if value[0] in "12" else value[0] + self.shaped(value[1:])
        if len(value) == 9 and _routes(value):
            body = self.shaped(value[:8])
            return body + next(digit for digit in "0123456789" if _routes(body + digit))
        zeros = len(value) - len(value.lstrip("0"))
        return value[:zeros] + self.shaped(value[zeros:], number=value[zeros : zeros + 1] in "123456789")

    def _npi(self, value: str) -> str:
        body = value[0] + self.shaped(value[1:9])
        off = (int(value[9]) - int(_check_digit(value[:9]))) % 10
        return body + str((int(_check_digit(body)) + off) % 10)

    def shaped(self, value: str, *, number: bool = False) -> str:
        """A text of the same shape, one to one, whose first letter or digit always differs.

        A `number` that begins with no 0 gets none in front. The other places move first, half by half, each half by
        what stands in the other; the first place moves last and never by nothing.
        """
        marks = [(place, *_CLASS_OF[mark]) for place, mark in enumerate(value) if mark in _CLASS_OF]
        if not marks:
            return "".join(["ÿ" if ord(mark) > 0xFF and mark.isalnum() else mark for mark in value])
        digits = [at for _, _, at in marks]
        shape = "".join([alphabet[0] for _, alphabet, _ in marks])
        half = (len(digits) + 1) // 2
        left, right = range(1, half), range(half, len(digits))
        for turn, (moved, fixed) in enumerate(((right, left), (left, right), (right, left))):
            seen = shape + str([digits[at] for at in (0, *fixed)])
            key = 0
            for step, at in enumerate(moved):
                key = key if step % 16 else self._number(f"shape{turn}.{step}", seen)
                key, by = divmod(key, 251)
                digits[at] = (digits[at] + by) % len(marks[at][1])
        size = len(marks[0][1])
        lowest = int(number and marks[0][1][0] == "0")
        by = 1 + self._number("first", shape + str(digits[1:])) % (size - lowest - 1)
        digits[0] = lowest + (digits[0] - lowest + by) % (size - lowest)
        made = ["ÿ" if ord(mark) > 0xFF and mark.isalnum() else mark for mark in value]
        for (place, alphabet, _), at in zip(marks, digits, strict=True):
            made[place] = alphabet[at]
        return "".join(made)

    def _text(self, value: str) -> str:
        """Words of the same lengths, digits moved."""
        return _DIGITS.sub(
            lambda found: self.shaped(found[0]), _WORD.sub(lambda found: self._word(found[0]), value)
        )

    def _address(self, value: str) -> str:
        """The same, but what says that a place is a box or a rural route is kept."""
        kept = [found.span() for found in _KEPT_PLACES.finditer(value)]

        def word(found: re.Match[str]) -> str:
            inside = any(begin <= found.start() < end for begin, end in kept)
            return found[0] if inside or found[0].upper() in _KEPT_WORDS else self._word(found[0])

        return _DIGITS.sub(lambda found: self.shaped(found[0]), _WORD.sub(word, value))

    def _word(self, word: str) -> str:
        if not word.isascii():
            return self.shaped(word)
        made = word
        for again in range(9):
            key = self._number(f"word{again}", word.upper())
            letters = []
            for place in range(len(word)):
                alphabet = _VOWELS if (place + key) % 2 else _CONSONANTS
                letters.append(alphabet[(key >> (7 * place + 8)) % len(alphabet)] if place < 16 else "A")
            made = "".join(letters)
            if made != word.upper() and made not in _KEPT_WORDS:
                break
        if word.isupper():
            return made
        return made.capitalize() if word[:1].isupper() else made.lower()

    def day(self, text: str) -> str:
        """CCYYMMDD moved back; what is no day becomes another that is none, in the same number of digits."""
        if not is_date(text):
            return "20019931"[: len(text)] if len(text) == 8 and text.isdigit() else self.shaped(text)
        day = dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
        back = day.year > 1901
        return f"{day - dt.timedelta(days=self.days) if back else day + dt.timedelta(days=self.days):%Y%m%d}"

    def short_day(self, text: str) -> str:
        """YYMMDD of an ISA moved back."""
        return self.day("20" + text)[2:] if len(text) == 6 else self.shaped(text)

    def period(self, text: str) -> str:
        """A day, two with a dash, a day with a time, or a time alone: days move, times stay."""
        if len(text) == 8 and text.isdigit():
            return self.day(text)
        if len(text) == 17 and text[8] == "-":
            return f"{self.day(text[:8])}-{self.day(text[9:])}"
        if len(text) == 12 and is_date(text[:8]):
            return self.day(text[:8]) + text[8:]
        return text if len(text) in (2, 4, 6) and text.isdigit() else self.shaped(text)

    def zip_code(self, text: str) -> str:
        """A ZIP of the same first three digits; `9999` and `0000` behind it stay what they are."""
        if not (text.isascii() and text.isdigit() and len(text) in (5, 9)):
            return self.id(text)
        body = _SPARSE.get(text[:3], text[:3]) + self.shaped(text[3:5])
        rest = text[5:]
        while rest not in ("", "0000", "9999"):
            rest = self.shaped(rest)
            if rest not in ("0000", "9999"):
                break
        return body + rest

    def phone(self, text: str) -> str:
        """A number of ten digits in the area 555; anything else by its shape."""
        return "555" + self.shaped(text[3:]) if len(text) == 10 and text.isdigit() else self.shaped(text)


def _check_digit(body: str) -> str:
    return next(digit for digit in "0123456789" if is_npi(body + digit))


def _routes(text: str) -> bool:
    """Whether nine digits carry the check digit of a bank's routing number."""
    if not (text.isascii() and text.isdigit()):
        return False
    return sum(int(digit) * weight for digit, weight in zip(text, (3, 7, 1) * 3, strict=True)) % 10 == 0
