"""Puts a statement into the words and amounts that a person reads; the template adds nothing but places."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from hub.model.people import Address, Name
from hub.model.statement import Statement, StatementLine
from hub.money import ZERO, dollars, to_cents

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WORD = 22
SETTABLE = ((0x20, 0x7E), (0xA0, 0x17F), (0x391, 0x3A1), (0x3A3, 0x3C9), (0x400, 0x45F), (0x2013, 0x2014),
            (0x2018, 0x201A), (0x201C, 0x201E), (0x20AC, 0x20AC), (0x2212, 0x2212))  # fmt: skip
"""Ranges of Unicode that our fonts have whole: Latin, Greek, Cyrillic, and the punctuation of names."""
_Amount = Callable[[StatementLine], Decimal]
_COLUMNS: tuple[tuple[str, _Amount], ...] = (
    ("Charge", lambda line: line.charge),
    ("Insurance paid", lambda line: -line.insurance_paid),
    ("Discount", lambda line: -line.adjusted),
    ("You paid", lambda line: -line.patient_paid),
    ("With insurance", lambda line: -line.pending),
)
_STEPS: dict[str, str] = {
    "Charge": "Charges",
    "Insurance paid": "Insurance paid",
    "Discount": "Insurance discount",
    "You paid": "You paid",
    "With insurance": "With insurance",
}


def spoken(statement: Statement) -> dict[str, Any]:
    """Everything the template shows, as texts: amounts as `$1,234.50`, dates as `March 5, 2026`."""
    owes = statement.total_due > ZERO
    return {
        "practice": plain(statement.practice_name),
        "practice_address": _address(statement.practice_address),
        "remit_address": _address(statement.practice_address),
        "phone": _phone(statement.practice_phone),
        "guarantor": [plain(full_name(statement.guarantor)), *_address(statement.address)],
        "number": plain(statement.number),
        "account": plain(statement.account),
        "statement_date": _day(statement.statement_date),
        "due_date": _day(statement.due_date),
        "total_due": _dollars(abs(statement.total_due)),
        "owes": owes,
        "asks": "Amount due" if owes else "Nothing due" if statement.total_due == ZERO else "Your credit",
        "why": _why(statement),
        "steps": _steps(statement),
        "pending_note": _pending_note(statement),
        "sections": _sections(statement),
        "ageing": [{"words": plain(words), "amount": _dollars(amount)} for words, amount in statement.ageing],
        "ways": _ways(statement),
    }


def plain(text: str) -> str:
    """A text as one line that can be set anywhere: no control or direction marks, long words breakable."""
    kept = "".join(_settable(mark) for mark in unicodedata.normalize("NFC", text))
    return " ".join(_breakable(word) for word in kept.split())


def _settable(mark: str) -> str:
    """The mark itself where our fonts have it, else its base letter, else a question mark (PDF/UA refuses a
    document with a mark that no font has).
    """
    if unicodedata.category(mark)[0] in "CZ":
        return " "
    if _has(mark):
        return mark
    base = unicodedata.normalize("NFKD", mark)[0]
    return base if _has(base) else "?"


def _has(mark: str) -> bool:
    return any(first <= ord(mark) <= last for first, last in SETTABLE)


def _breakable(word: str) -> str:
    return "\u200b".join(word[at : at + _WORD] for at in range(0, len(word), _WORD))


def full_name(name: Name) -> str:
    """First, middle, last, suffix."""
    return " ".join(part for part in (name.first, name.middle, name.last, name.suffix) if part)


def _address(address: Address) -> list[str]:
    code = f"{address.zip[:5]}-{address.zip[5:]}" if len(address.zip) == 9 else address.zip
    lines = (address.line1, address.line2, f"{address.city}, {address.state} {code}")
    return [plain(line) for line in lines if line]


def _phone(digits: str) -> str:
    good = len(digits) == 10 and digits.isdigit()
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}" if good else plain(digits)


def _day(day: date) -> str:
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"


def _short_day(day: date) -> str:
    return f"{day.month:02d}/{day.day:02d}/{day.year}"


def _dollars(amount: Decimal) -> str:
    return dollars(to_cents(amount)).replace("-", "\u2212")


def _total(lines: Iterable[StatementLine], amount: _Amount) -> Decimal:
    return sum((amount(line) for line in lines), ZERO)


def _why(statement: Statement) -> str:
    if statement.total_due > ZERO:
        return "Why you owe this"
    return "What happened to your charges"


def _steps(statement: Statement) -> list[dict[str, str]]:
    """The sum from charges to what is due, one step for each kind of money that is not zero."""
    steps = []
    for words, amount in _COLUMNS:
        total = _total(statement.lines, amount)
        if total or words == "Charge":
            sign = "" if words == "Charge" else "\u2212" if total < 0 else "+"
            shown = total if words == "Charge" else abs(total)
            steps.append({"sign": sign, "words": _STEPS[words], "amount": _dollars(shown)})
    other = statement.total_due - sum((_total(statement.lines, amount) for _, amount in _COLUMNS), ZERO)
    if other:
        words, sign = ("Earlier balance", "+") if other > 0 else ("Other credits", "\u2212")
        steps.append({"sign": sign, "words": words, "amount": _dollars(abs(other))})
    words = "Your credit" if statement.total_due < ZERO else "You owe"
    return [*steps, {"sign": "=", "words": words, "amount": _dollars(abs(statement.total_due))}]


def _pending_note(statement: Statement) -> str:
    """What insurance still has, said in a sentence where no table of its own says all of it."""
    told = _total((line for line in statement.lines if not line.due), lambda line: line.pending)
    if statement.pending == told:
        return ""
    return f"Your insurance still has {_dollars(statement.pending)}. It is not part of the amount due."


def _sections(statement: Statement) -> list[dict[str, Any]]:
    """What is due now; apart from it, what insurance still has; last, what is settled."""
    waiting = [line for line in statement.lines if line.pending and not line.due]
    now = [line for line in statement.lines if line.due]
    done = [line for line in statement.lines if not line.pending and not line.due]
    told = [
        _section(now, "Your services", "", "You owe", lambda line: line.due),
        _section(
            waiting,
            "Still with your insurance",
            "Nothing to pay here yet: we are waiting for your insurance.",
            "With insurance",
            lambda line: line.pending,
        ),
        _section(done, "Settled", "", "You owe", lambda line: line.due),
    ]
    return [section for section in told if section["groups"]]


def _section(lines: list[StatementLine], title: str, note: str, last: str, amount: _Amount) -> dict[str, Any]:
    """A table: only the kinds of money that occur in it have a column, and `last` is what it comes to."""
    used = [column for column in _COLUMNS if column[0] == "Charge" or any(column[1](line) for line in lines)]
    columns = [*(column for column in used if column[0] != last), (last, amount)]
    patients = list(dict.fromkeys(line.patient for line in lines))
    return {
        "title": title,
        "note": note,
        "columns": [words for words, _ in columns],
        "total_words": "Total",
        "totals": [_dollars(_total(lines, value)) for _, value in columns],
        "groups": [
            {
                "patient": plain(patient),
                "rows": [_row(line, columns) for line in lines if line.patient == patient],
            }
            for patient in patients
        ],
    }


def _row(line: StatementLine, columns: list[tuple[str, _Amount]]) -> dict[str, Any]:
    return {
        "date": _short_day(line.service_date),
        "words": plain(line.description),
        "amounts": [_dollars(value(line)) if value(line) else "\u2013" for _, value in columns],
    }


def _ways(statement: Statement) -> list[dict[str, str]]:
    ways = [{"words": "Online", "how": plain(statement.pay_at)}] if statement.pay_at else []
    if statement.practice_phone:
        ways.append({"words": "By phone", "how": _phone(statement.practice_phone)})
    number = plain(statement.account)
    return [*ways, {"words": "By mail", "how": f"Send the coupon below with a check; write {number} on it."}]
