"""The partners' own books: what they received and what they paid, for tests to hold against the hub's."""

from __future__ import annotations

from datetime import date

import msgspec


class Paid(msgspec.Struct, frozen=True, kw_only=True):
    """One 835 that left: cents are BPR02; `claims` are (patient control number, CLP02, CLP04 in cents)."""

    payer_id: str
    payee: str
    trace: str
    method: str
    day: date
    cents: int
    claims: tuple[tuple[str, str, int], ...]
    adjustments: tuple[tuple[str, str, int], ...] = ()


class ReceivedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file that came in under `name`: its ISA13s, transaction sets taken and refused, and its claims."""

    name: str
    size: int
    controls: tuple[str, ...]
    sets: int
    refused_sets: int
    claims: int


class Report(msgspec.Struct, kw_only=True):
    """Everything so far. `received` counts by patient control number how often a claim was taken in an accepted
    transaction set, `charged` gives its cents, `refused` who refused it (`clearinghouse`, `payer`); `statements`
    the verdict that the print vendor gave each statement number.
    """

    files: list[ReceivedFile] = []
    received: dict[str, int] = {}
    charged: dict[str, int] = {}
    refused: dict[str, str] = {}
    payments: list[Paid] = []
    delivered: list[str] = []
    statements: dict[str, str] = {}

    def paid_by_trace(self) -> dict[str, int]:
        """Cents by trace number (TRN02) over all remittances that share it."""
        totals: dict[str, int] = {}
        for payment in self.payments:
            totals[payment.trace] = totals.get(payment.trace, 0) + payment.cents
        return totals

    def paid_by_claim(self) -> dict[str, int]:
        """The sum of CLP04 in cents by patient control number, over payers, reversals and corrections."""
        totals: dict[str, int] = {}
        for payment in self.payments:
            for pcn, _, cents in payment.claims:
                totals[pcn] = totals.get(pcn, 0) + cents
        return totals
