"""What the rules work with and what they propose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from hub_hl7_adt.linting.evidence import Survey
from hub_hl7_adt.names import FT1, PID, PV1
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.wire import Message


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules look at in one FT1: its message's number and id, its own id, code, money and units as text."""

    message: int
    visit: str
    set_id: str
    id: str
    day: str
    kind: str
    code: str
    units: str
    extended: str
    unit: str

    def __repr__(self) -> str:
        return f"Line({self.message})"


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The samples as the rules see them: messages that matter to billing, what stands where in them, their charge
    lines, and the profile in force.
    """

    messages: tuple[Message, ...]
    survey: Survey
    lines: tuple[Line, ...]
    settings: Hl7Settings
    fallbacks: int = 0


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A setting of the profile with the reason for it. `sure` False: a person must fill it in or confirm it, so it is
    written as a comment and never tried. `quiet`: it need not mend a finding to be proposed (two equal charges that
    would overwrite each other are no finding), only make none.
    """

    key: str
    value: Any
    reason: str
    sure: bool = True
    quiet: bool = False


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person should know of these samples, and what to do about it, if anything."""

    about: str
    what: str
    fix: str = ""


Found = Iterator[Proposal | Remark]


def lines_of(messages: tuple[Message, ...]) -> tuple[Line, ...]:
    """The charge lines of the messages."""
    return tuple(line for number, message in enumerate(messages) for line in _lines(number, message))


def _lines(number: int, message: Message) -> list[Line]:
    pv1, pid = message.first("PV1"), message.first("PID")
    visit = (
        (pv1.text(PV1.visit_number) if pv1 else "")
        or (pid.text(PID.patient_account_number) if pid else "")
        or (pid.text(PID.patient_identifier_list) if pid else "")
    )
    return [
        Line(
            message=number,
            visit=visit,
            set_id=ft1.text(FT1.set_id_ft1),
            id=ft1.text(FT1.transaction_id),
            day=ft1.text(FT1.transaction_date)[:8],
            kind=ft1.text(FT1.transaction_type).upper(),
            code=ft1.text(FT1.procedure_code) or ft1.text(FT1.transaction_code),
            units=ft1.text(FT1.transaction_quantity),
            extended=ft1.text(FT1.transaction_amount_extended),
            unit=ft1.text(FT1.transaction_amount_unit),
        )
        for ft1 in message.all("FT1")
    ]
