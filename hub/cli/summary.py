"""Draws a practice's summary: where encounters, claims and money stand, and what a person must do today."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.cli.ui import table as draw_table
from hub.money import dollars
from hub.reports.money import Money
from hub.reports.summary import Summary


def draw(summary: Summary) -> None:
    """Every table of the summary, the most important last: what stands at the bottom is what people read."""
    _encounters(summary)
    _payers(summary)
    _cash(summary.money)
    _money(summary.money)
    _statements(summary)
    _reasons(summary)
    _today(summary)


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[int] = ()
) -> None:
    """A table of the summary; one that would be empty is left out."""
    if rows:
        draw_table(title, columns, rows, right=right)


def _encounters(summary: Summary) -> None:
    rows = sorted(summary.encounters.by_state.items())
    table(f"Encounters in: {summary.encounters.total}", ("stand", "number"), rows, right=(1,))
    held = summary.encounters.held
    if held:
        rows = [(reason.code, reason.count) for reason in held]
        table("Encounters held, by reason", ("reason", "number"), rows, right=(1,))
    table("Claims, one for each payer asked", ("stand", "number"), sorted(summary.claims.items()), right=(1,))


def _payers(summary: Summary) -> None:
    buckets = list(summary.payers[0].ageing) if summary.payers else []
    rows = [
        (
            one.payer,
            one.sent,
            one.accepted,
            one.rejected,
            one.adjudicated,
            _share(one.first_time, one.adjudicated),
            "-" if one.days is None else one.days,
            dollars(one.open_cents),
            *[dollars(one.ageing[name]) for name in buckets],
        )
        for one in summary.payers
    ]
    columns = ("payer", "sent", "accepted", "rejected", "answered", "paid first time", "days", "open", *buckets)
    table("Payers", columns, rows, right=range(1, len(columns)))


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def _cash(money: Money) -> None:
    columns = ("payer", "835s", "sum of BPR02", "claim payments", "less PLB", "deposits", "not posted")
    rows = [
        (
            one.payer or "unknown",
            one.remittances,
            dollars(one.bpr),
            dollars(one.claims),
            dollars(one.adjusted),
            dollars(one.deposited),
            f"{one.held} ({dollars(one.held_cents)})" if one.held else "-",
        )
        for one in money.cash
    ]
    table("Remittances: BPR02 = claim payments - PLB = deposits", columns, rows, right=range(1, 7))


def _money(money: Money) -> None:
    it = money.identity
    rows = [
        ("charged", dollars(it.charged)),
        ("= insurance paid (net)", dollars(it.insurance_paid)),
        ("+ patients paid", dollars(it.patient_paid)),
        ("+ contractual", dollars(it.contractual)),
        ("+ written off", dollars(it.written_off)),
        ("+ open with insurance", dollars(it.open_insurance)),
        ("      of which denied, in work", dollars(money.denied)),
        ("+ open with patients", dollars(it.open_patient)),
        ("+ kept from patients by the gate", dollars(it.open_held)),
        ("difference", dollars(it.difference)),
    ]
    rows += [(f"beside it: {name.replace('_', ' ')}", dollars(cents)) for name, cents in money.waiting.items()]
    rows += [(f"beside it: PLB {reason}", dollars(cents)) for reason, cents in money.plb.items() if cents]
    rows += [("beside it: interest received", dollars(money.interest))] if money.interest else []
    table("Money", ("", "dollars"), rows, right=(1,))


def _statements(summary: Summary) -> None:
    rows = [(state, count, dollars(cents)) for state, (count, cents) in summary.statements.by_state.items()]
    table("Statements", ("stand", "number", "dollars"), rows, right=(1, 2))


def _reasons(summary: Summary) -> None:
    rows = [(reason.code, reason.count, dollars(reason.cents), reason.why) for reason in summary.reasons]
    table("Top reasons for work", ("reason", "items", "worth", "why"), rows, right=(1, 2))


def _today(summary: Summary) -> None:
    rows = [
        (number, one.owner, one.count, dollars(one.cents) if one.cents else "-", one.why, one.fix)
        for number, one in enumerate(summary.today, 1)
    ]
    table("Five things a person must do today", ("", "who", "items", "worth", "why", "do"), rows, right=(2, 3))


def gist(summary: Summary) -> str:
    """The whole in one line."""
    money = summary.money
    printed = sum(count for count, _ in summary.statements.by_state.values())
    return (
        f"{summary.encounters.total} encounters, {sum(summary.claims.values())} claims, "
        f"{dollars(money.identity.insurance_paid)} paid by insurance, {printed} statements; "
        f"the books {'balance' if not money.identity.difference else 'DO NOT BALANCE'}."
    )
