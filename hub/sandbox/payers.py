"""How each kind of payer pays: when, how, how much, and what it denies. All of it invented; rows, not rules."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

QMB_MARKER = "QM00"
"""A Medicare member id that ends so belongs to a qualified Medicare beneficiary."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of payer. `lowest` and `highest` bound what it allows, in percent of the charge; `denials` are
    (per mille of claims, outcome); `covers` the PR reasons that it pays as a later payer; `crosses` that it hands
    claims on by itself; `after_days` and `weekday` (Monday 0; None: any day) say when it pays.
    """

    kind: str
    filing: str
    after_days: int
    weekday: int | None = None
    method: str = "ACH"
    lowest: int = 55
    highest: int = 90
    contract: tuple[str, str] = ("CO", "45")
    timely_days: int = 365
    denials: tuple[tuple[int, str], ...] = ()
    covers: frozenset[str] = frozenset({"1", "2"})
    crosses: bool = False
    splits_zero_pay: bool = False
    interest_per_mille: int = 0
    corrects_per_mille: int = 0
    reverses_after_days: int = 0
    reverses_apart: bool = False
    line_breaks: bool = False


MEDICARE = Terms(
    kind="medicare",
    filing="MB",
    after_days=14,
    lowest=50,
    highest=80,
    denials=((40, "co16"), (15, "line16"), (10, "co29")),
    crosses=True,
    reverses_after_days=14,
    reverses_apart=True,
)
PPO = Terms(
    kind="ppo",
    filing="12",
    after_days=10,
    timely_days=180,
    denials=((30, "co16"), (30, "co197"), (20, "pr27"), (10, "co29"), (30, "line197")),
    splits_zero_pay=True,
    interest_per_mille=60,
    corrects_per_mille=20,
    reverses_after_days=10,
)
MEDICAID = Terms(
    kind="medicaid",
    filing="MC",
    after_days=3,
    weekday=4,
    lowest=40,
    highest=65,
    denials=((40, "co16"), (10, "unknown"), (10, "co29")),
    line_breaks=True,
)
WORKERS = Terms(
    kind="workers",
    filing="WC",
    after_days=20,
    method="CHK",
    lowest=70,
    highest=95,
    contract=("CO", "P12"),
    denials=((30, "co16"), (40, "co197")),
)
MEDIGAP = Terms(
    kind="medigap", filing="12", after_days=5, method="CHK", denials=((20, "co16"),), covers=frozenset({"2", "3"})
)

_BY_FILING = {"MB": MEDICARE, "MA": MEDICARE, "MC": MEDICAID, "WC": WORKERS}


def terms_for(filing: str, *, later: bool = False) -> Terms:
    """The terms of a payer by its claim filing code (SBR09); `later` when Medicare hands the claim on to it."""
    known = _BY_FILING.get(filing)
    if known is not None:
        return known
    return MEDIGAP if later else PPO


def pays_on(terms: Terms, received: date) -> date:
    """The day on which a claim received that day is paid."""
    day = received + timedelta(days=terms.after_days)
    if terms.weekday is None:
        return day
    return day + timedelta(days=(terms.weekday - day.weekday()) % 7)
