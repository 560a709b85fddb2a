"""A patient statement: what a guarantor owes, line by line, as of one ledger entry."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hub.model.people import Address, Name, Record


class StatementLine(Record, frozen=True, kw_only=True):
    """One service on the statement; `due` = charge - insurance_paid - adjusted - patient_paid - pending."""

    service_date: date
    patient: str
    description: str
    charge: Decimal
    insurance_paid: Decimal
    adjusted: Decimal
    patient_paid: Decimal
    pending: Decimal
    due: Decimal


class Statement(Record, frozen=True, kw_only=True):
    """What one guarantor is asked to pay. `through_entry` is the last ledger entry counted (promise 7);
    `pending` is what insurance still has and is shown apart; ageing runs from the first day billed.
    `accounts` are the ids whose books were summed, where they are several: those that were one by then.
    """

    number: str
    practice_name: str
    practice_address: Address
    practice_phone: str
    guarantor: Name
    address: Address
    account: str
    statement_date: date
    due_date: date
    lines: tuple[StatementLine, ...]
    total_due: Decimal
    pending: Decimal
    through_entry: int
    ageing: tuple[tuple[str, Decimal], ...] = ()
    pay_at: str = ""
    accounts: tuple[str, ...] = ()
