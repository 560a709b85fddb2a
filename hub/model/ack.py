"""Answers to what we sent: TA1 and 999 speak of files and transaction sets, 277CA of claims."""

from __future__ import annotations

from decimal import Decimal

from hub.model.people import Record


class SetAck(Record, frozen=True, kw_only=True):
    """What a 999 says of one transaction set. `verdict`: accepted, accepted_with_errors, rejected."""

    control_number: str
    verdict: str
    notes: tuple[str, ...] = ()


class InterchangeAck(Record, frozen=True, kw_only=True):
    """A TA1 on the interchange whose ISA13 is `control_number`; `code` is TA105."""

    control_number: str
    verdict: str
    code: str


class GroupAck(Record, frozen=True, kw_only=True):
    """A 999 on the group whose GS06 is `control_number`."""

    control_number: str
    verdict: str
    sets: tuple[SetAck, ...] = ()


class ClaimAck(Record, frozen=True, kw_only=True):
    """What a 277CA says of one claim. `level`: clearinghouse or payer (from the information source)."""

    patient_control_number: str
    accepted: bool
    level: str
    category: str
    status: str
    entity: str = ""
    payer_control_number: str = ""
    amount: Decimal | None = None
