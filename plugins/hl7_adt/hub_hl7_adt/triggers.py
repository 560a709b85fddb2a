"""Which messages matter to billing, and what each one says about a visit."""

from __future__ import annotations

from enum import Enum

import msgspec


class Says(Enum):
    """What a trigger is about."""

    VISIT = "visit"
    PERSON = "person"
    CHARGES = "charges"
    MERGE = "merge"
    NOTHING = "nothing"


class Trigger(msgspec.Struct, frozen=True):
    """A trigger: what it is about and, for a visit, the status it leaves."""

    says: Says
    status: str = "open"


_OPEN = Trigger(Says.VISIT)
_PLANNED = Trigger(Says.VISIT, "planned")
_CANCELLED = Trigger(Says.VISIT, "cancelled")
_FINISHED = Trigger(Says.VISIT, "finished")
_PERSON = Trigger(Says.PERSON)
_CHARGES = Trigger(Says.CHARGES)
_MERGE = Trigger(Says.MERGE)
NOTHING = Trigger(Says.NOTHING)

# ADT by trigger (HL7 2.8, chapter 3). Left out on purpose: purges (A23, A29), links, bed and leave events:
# they say nothing about what is owed, and no trigger ever deletes money.
_ADT = {
    **dict.fromkeys(("A01", "A02", "A04", "A06", "A07", "A08", "A12", "A13"), _OPEN),
    **dict.fromkeys(("A05", "A14"), _PLANNED),
    "A03": _FINISHED,
    **dict.fromkeys(("A11", "A27", "A38"), _CANCELLED),
    **dict.fromkeys(("A28", "A31"), _PERSON),
    **dict.fromkeys(("A18", "A30", "A34", "A35", "A36", "A40", "A41", "A47", "A49"), _MERGE),
}
_OTHERS = {
    ("DFT", "P03"): _CHARGES,
    ("DFT", "P11"): _CHARGES,
    ("BAR", "P01"): _OPEN,
    ("BAR", "P05"): _OPEN,
    ("BAR", "P06"): _FINISHED,
}

# Moves take visits or accounts from one patient to another: not yet read, so a person must look.
MOVES = frozenset(("A42", "A43", "A44", "A45", "A50", "A51"))

# What a merge joins: patients by PID-3 and MRG-1, accounts by PID-18 and MRG-3.
MERGES_PATIENTS = frozenset(("A18", "A30", "A34", "A36", "A40", "A47"))
MERGES_ACCOUNTS = frozenset(("A35", "A36", "A41", "A49"))


def trigger_of(kind: str, event: str) -> Trigger:
    """What message `kind` with trigger `event` says; `NOTHING` for those that do not matter to billing."""
    if kind == "ADT":
        return _ADT.get(event, NOTHING)
    return _OTHERS.get((kind, event), NOTHING)
