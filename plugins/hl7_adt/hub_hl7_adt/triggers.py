"""Which messages matter to billing, and what each one says."""

from __future__ import annotations

from enum import Enum

import msgspec


class Says(Enum):
    """What a trigger is about."""

    VISIT = "visit"
    PERSON = "person"
    CHARGES = "charges"
    MERGE = "merge"
    PART = "part"
    MOVE = "move"
    APPOINTMENT = "appointment"
    UNKNOWN = "unknown"
    NOTHING = "nothing"


class Trigger(msgspec.Struct, frozen=True):
    """A trigger: what it is about, and the status that it tells of a visit or an appointment (empty: it tells none).

    `ready` True: nothing more will come of the visit; False: that is no longer so; None: it says nothing of that.
    `reopens`: the end of the visit is taken back. `kinds` are what a merge joins (patient, account, encounter), or
    what a move moves. `of_stay`: the class of patient that the event is about, where PV1-2 names none.
    """

    says: Says
    status: str = ""
    ready: bool | None = None
    reopens: bool = False
    kinds: tuple[str, ...] = ()
    of_stay: str = ""


NOTHING = Trigger(Says.NOTHING)
UNKNOWN = Trigger(Says.UNKNOWN)
CHARGES = Trigger(Says.CHARGES)

_UPDATE = Trigger(Says.VISIT)
_OPEN = Trigger(Says.VISIT, "open")
_PLANNED = Trigger(Says.VISIT, "planned", ready=False)
_CANCELLED = Trigger(Says.VISIT, "cancelled", ready=False)
_FINISHED = Trigger(Says.VISIT, "finished", ready=True)
_PERSON = Trigger(Says.PERSON)
_PATIENTS = Trigger(Says.MERGE, kinds=("patient",))
_ACCOUNTS = Trigger(Says.MERGE, kinds=("account",))
_VISITS = Trigger(Says.MERGE, kinds=("encounter",))

# ADT by event (HL7 2.8, chapter 3). Left out on purpose: purges (A23, A29), links (A24), beds and leaves: they say
# nothing about what is owed, and no event ever deletes money.
_ADT = {
    "A01": Trigger(Says.VISIT, "open", of_stay="inpatient"),
    "A04": Trigger(Says.VISIT, "open", of_stay="ambulatory"),
    "A06": Trigger(Says.VISIT, "open", of_stay="inpatient"),
    "A07": Trigger(Says.VISIT, "open", of_stay="ambulatory"),
    **dict.fromkeys(("A02", "A12"), _OPEN),
    "A13": Trigger(Says.VISIT, "open", ready=False, reopens=True),
    **dict.fromkeys(("A08", "A54", "A55"), _UPDATE),
    **dict.fromkeys(("A05", "A14"), _PLANNED),
    "A03": _FINISHED,
    **dict.fromkeys(("A11", "A27", "A38"), _CANCELLED),
    **dict.fromkeys(("A28", "A31"), _PERSON),
    "A18": Trigger(Says.MERGE, kinds=("patient", "account")),
    "A36": Trigger(Says.MERGE, kinds=("patient", "account")),
    **dict.fromkeys(("A30", "A34", "A39", "A40", "A43", "A47"), _PATIENTS),
    **dict.fromkeys(("A35", "A41", "A49"), _ACCOUNTS),
    **dict.fromkeys(("A42", "A50", "A51"), _VISITS),
    "A37": Trigger(Says.PART, kinds=("patient",)),
    "A44": Trigger(Says.MOVE, kinds=("account",)),
    "A45": Trigger(Says.MOVE, kinds=("encounter",)),
}
_DFT = {"P03": CHARGES, "P11": CHARGES}
# P02 purges accounts: it takes nothing away. P01 opens an account, which may be long after the visit ended or was
# called off; P10 and P12 carry codes: none of them tells a status.
_BAR = {**dict.fromkeys(("P01", "P05", "P10", "P12"), _UPDATE), "P06": _FINISHED}
_BOOKED = Trigger(Says.APPOINTMENT, "booked")
_CALLED_OFF = Trigger(Says.APPOINTMENT, "cancelled")
_SIU = {
    **dict.fromkeys(("S12", "S13"), _BOOKED),
    "S14": Trigger(Says.APPOINTMENT),
    **dict.fromkeys(("S15", "S16", "S17"), _CALLED_OFF),
    "S26": Trigger(Says.APPOINTMENT, "noshow"),
}
TABLE: dict[str, dict[str, Trigger]] = {"ADT": _ADT, "DFT": _DFT, "BAR": _BAR, "SIU": _SIU}
"""What each event of each message type says; all others say nothing."""

# Structures (MSH-9.3) that belong to one event alone; ADT_A01 is also that of A04, A08 and A13.
_ALONE = {
    "ADT_A03": "A03",
    "ADT_A18": "A18",
    "ADT_A30": "A30",
    "DFT_P03": "P03",
    "DFT_P11": "P11",
    **{f"BAR_{event}": event for event in ("P01", "P02", "P05", "P06", "P10", "P12")},
}


def named(code: str, event: str, structure: str, recorded: str) -> tuple[str, str]:
    """Message type and event from MSH-9.1, MSH-9.2, MSH-9.3 and EVN-1, the first that says so: some senders fill only
    one of them, or write `ADT_A08` as the type. A DFT that names no event is a P03: its charges are charges.
    """
    kind, event, structure = code.upper(), event.upper(), structure.upper()
    if "_" in kind:
        kind, _, of_kind = kind.partition("_")
        event = event or of_kind
    kind = kind or structure.partition("_")[0]
    event = event or recorded.upper() or _ALONE.get(structure, "")
    return kind, event or ("P03" if kind == "DFT" else "")


def trigger_of(kind: str, event: str) -> Trigger:
    """What message `kind` with trigger `event` says; `NOTHING` for those that do not matter to billing, `UNKNOWN`
    for a message that says neither what it is nor what happened, or would matter and does not say what happened.
    """
    events = TABLE.get(kind)
    if events is None:
        return NOTHING if kind or event else UNKNOWN
    return events.get(event, NOTHING) if event else UNKNOWN
