"""A patient with unmistakable values, and code that tells them to whoever reads its errors."""

from __future__ import annotations

import logging
from datetime import date, datetime, time
from typing import Any

from msgspec.structs import replace

from faultlab.visits import START, Kind, visit_of
from hub.testing.practice.people import cover
from hub.testing.practice.records import Person, Visit

CANARIES = ("Quetzalcoatlus", "Xanthippina", "ZQX70077007", "99 Wolpertinger", "2165559977", "MRNZQX41")
"""Family name, first name, member id, street, telephone, record number (in lower case and in capitals, too)."""
LAST, FIRST, MEMBER, STREET, PHONE, KEY = CANARIES
SENT = datetime.combine(START, time(8))


def visit(number: int, source: str, **changes: Any) -> Visit:
    """A visit of that patient."""
    found = visit_of(number, Kind(day=0, source=source, payers=("ppo",)))
    person = Person(last=LAST, first=FIRST, birth=date(1981, 2, 3), sex="F", street=STREET, phone=PHONE)
    policy = replace(cover("ppo", number), member=MEMBER)
    patient = replace(found.patient, key=f"{KEY}{number}", person=person, covers=(policy,))
    return replace(found, patient=patient, **changes)


def once(real: Any) -> Any:
    """The same, but the first call raises as careless code does."""
    calls: list[int] = []

    def careless(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            patient = f"{LAST}, {FIRST} ({MEMBER}) of {STREET}"
            logging.getLogger("careless").error("cannot handle %s", patient)
            raise ValueError(patient)
        return real(*given)

    return careless


def told_in(texts: dict[str, str]) -> set[str]:
    """The names of the texts in which one of the values stands, in whatever case."""
    return {where for where, text in texts.items() for one in CANARIES if one.casefold() in text.casefold()}
