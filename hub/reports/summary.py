"""How a practice stands: what came in, where the money is, how payers behave, and what a person must do today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from statistics import median

import msgspec

from hub.ledger import AccountKind, ageing
from hub.reports.money import Money, money
from hub.store import View
from hub.store.submissions import Submission
from hub.store.work import Group

PAGE = 2_000
TODAY = 5
#: What stops everything behind it comes before what is worth most.
BLOCKING = frozenset({"file", "connector"})
#: What one item counts for in the order of things when its own amount is less or not known yet (not priced).
NOMINAL_CENTS = 100_00


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why something waits: how many items, worth how many cents, and what to do about one."""

    code: str
    count: int
    cents: int
    why: str
    fix: str


class Encounters(msgspec.Struct, frozen=True, kw_only=True):
    """Encounters that came in, each counted once under its one present state; `held` says why some wait."""

    total: int
    by_state: dict[str, int]
    held: tuple[Reason, ...]


class Payer(msgspec.Struct, frozen=True, kw_only=True):
    """How one payer behaves. `sent` counts production submissions; of these `accepted` were taken (by file or
    claim acknowledgement, or adjudicated), `rejected` refused before adjudication, `adjudicated` answered by an
    835. `first_time` are claims paid without denial or rejection on their only submission. `days` is the median
    from submission to adjudication. `ageing` splits `open_cents` by the day first billed.
    """

    payer: str
    sent: int
    accepted: int
    rejected: int
    adjudicated: int
    first_time: int
    days: float | None
    open_cents: int
    ageing: dict[str, int]


class Statements(msgspec.Struct, frozen=True, kw_only=True):
    """Statements by state, as {state: (statements, cents)}."""

    by_state: dict[str, tuple[int, int]]


class Todo(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person must do: `count` items of one reason, `example` the id of one of them."""

    reason: str
    owner: str
    count: int
    cents: int
    why: str
    fix: str
    since: datetime
    overdue: bool
    example: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A practice as one look at the store sees it. `claims` counts them by state (one for each payer asked),
    `expected` what must still come back, by kind.
    """

    practice: str
    as_of: datetime
    encounters: Encounters
    claims: dict[str, int]
    money: Money
    payers: tuple[Payer, ...]
    reasons: tuple[Reason, ...]
    statements: Statements
    expected: dict[str, int]
    today: tuple[Todo, ...]


def summarize(view: View, practice: str, *, reasons: int = 10) -> Summary:
    """The summary of one practice (a legal entity), everything from one consistent view."""
    groups = sorted(view.work.groups(practice=practice), key=lambda group: (-_worth(group), group.reason))
    return Summary(
        practice=practice,
        as_of=view.now,
        encounters=encounters(view, practice),
        claims=dict(sorted(view.claims.tally(practice=practice).items())),
        money=money(view, practice),
        payers=payers(view, practice),
        reasons=tuple(_reason(view, group) for group in groups[:reasons]),
        statements=statements(view, practice),
        expected=view.expectations.tally(practice=practice),
        today=today(view, groups),
    )


def encounters(view: View, practice: str) -> Encounters:
    """Encounters by state, and the reasons of those that are held."""
    by_state = {str(state): count for state, count in view.encounters.tally(practice=practice).items()}
    held = view.work.groups(practice=practice, aggregate="encounter")
    by_count = sorted(held, key=lambda group: (-group.count, group.reason))
    return Encounters(
        total=sum(by_state.values()),
        by_state=dict(sorted(by_state.items())),
        held=tuple(_reason(view, group) for group in by_count),
    )


def statements(view: View, practice: str) -> Statements:
    """How many statements there are, for how much, by state."""
    count: Counter[str] = Counter()
    cents: Counter[str] = Counter()
    after = ""
    while rows := view.statements.heads(limit=PAGE, after_id=after, practice=practice):
        for row in rows:
            count[row.state] += 1
            cents[row.state] += row.col("total_cents")
        after = rows[-1].id
    return Statements(by_state={state: (count[state], cents[state]) for state in sorted(count)})


def today(view: View, groups: list[Group], limit: int = TODAY) -> tuple[Todo, ...]:
    """The most pressing reasons: first what blocks others, then what is overdue, then what is worth most.

    Warnings, which hold nothing up, come last.
    """
    examples = {group.example: view.work.get(group.example) for group in groups}

    def press(group: Group) -> tuple[bool, bool, bool, int, str]:
        item = examples[group.example]
        blocks = item is not None and item.aggregate in BLOCKING
        warns = group.reason.endswith(".warning")
        return (warns, not blocks, not _overdue(group, view.now), -_worth(group), group.reason)

    return tuple(_todo(view, group) for group in sorted(groups, key=press)[:limit])


def payers(view: View, practice: str) -> tuple[Payer, ...]:
    """Each payer's figures, those with most open money first."""
    desk = _Desk(_denied_claims(view, practice))
    for submission in _submissions(view, practice):
        desk.add(submission)
    aged = _ageing(view, practice, desk.first_billed)
    found = [desk.payer(name, aged.get(name, {})) for name in {*desk.sent, *aged}]
    return tuple(sorted(found, key=lambda one: (-one.open_cents, one.payer)))


class _Desk:
    """Counts submissions by payer as they are read."""

    def __init__(self, denied: set[str]) -> None:
        self.denied = denied
        self.sent: Counter[str] = Counter()
        self.states: Counter[tuple[str, str]] = Counter()
        self.days: dict[str, list[float]] = {}
        self.tries: Counter[tuple[str, str, int]] = Counter()
        self.paid: set[tuple[str, str, int]] = set()
        self.first_billed: dict[str, date] = {}

    def add(self, one: Submission) -> None:
        """Count one production submission."""
        about = (one.payer, one.claim_id, one.rank)
        self.sent[one.payer] += 1
        self.states[one.payer, one.state] += 1
        self.tries[about] += 1
        billed = one.opened_at.date()
        self.first_billed[one.claim_id] = min(billed, self.first_billed.get(one.claim_id, billed))
        if one.state == "adjudicated" and one.closed_at is not None:
            self.days.setdefault(one.payer, []).append((one.closed_at - one.opened_at).total_seconds() / 86_400)
            if one.claim_id not in self.denied:
                self.paid.add(about)

    def payer(self, name: str, aged: dict[str, int]) -> Payer:
        """What was counted for one payer."""
        taken = self.days.get(name, [])
        adjudicated = self.states[name, "adjudicated"]
        return Payer(
            payer=name,
            sent=self.sent[name],
            accepted=self.states[name, "accepted"] + adjudicated,
            rejected=self.states[name, "rejected"],
            adjudicated=adjudicated,
            first_time=sum(1 for about in self.paid if about[0] == name and self.tries[about] == 1),
            days=round(median(taken), 1) if taken else None,
            open_cents=sum(aged.values()),
            ageing=aged or ageing((), date.min),
        )


def _submissions(view: View, practice: str) -> Iterator[Submission]:
    after = ""
    while page := view.submissions.find(limit=PAGE, after_id=after, practice=practice, usage="P"):
        yield from page
        after = page[-1].id


def _denied_claims(view: View, practice: str) -> set[str]:
    """Claims that ever had a denial in work."""
    found = view.work.list(limit=1_000_000, open_only=False, reason_prefix="denial.", practice=practice)
    return {item.aggregate_id for item in found}


def _ageing(view: View, practice: str, first_billed: dict[str, date]) -> dict[str, dict[str, int]]:
    """Open insurance receivable by payer and bucket; what was never sent counts from today."""
    on = view.now.date()
    owed = view.book.sum(
        ("payer", "claim_id"), practice=practice, account=AccountKind.INSURANCE_RECEIVABLE, open_only=True
    )
    items: dict[str, list[tuple[date, int]]] = {}
    for (payer, claim_id), cents in owed.items():
        items.setdefault(payer, []).append((first_billed.get(claim_id, on), cents))
    return {payer: ageing(each, on) for payer, each in items.items()}


def _reason(view: View, group: Group) -> Reason:
    item = view.work.get(group.example)
    return Reason(
        code=group.reason,
        count=group.count,
        cents=group.cents,
        why=item.why if item else "",
        fix=item.fix if item else "",
    )


def _todo(view: View, group: Group) -> Todo:
    reason = _reason(view, group)
    return Todo(
        reason=group.reason,
        owner=group.owner,
        count=group.count,
        cents=group.cents,
        why=reason.why,
        fix=reason.fix,
        since=group.since,
        overdue=_overdue(group, view.now),
        example=group.example,
    )


def _worth(group: Group) -> int:
    """What clearing a group of items is worth, in cents, for ordering only."""
    return max(group.cents, group.count * NOMINAL_CENTS)


def _overdue(group: Group, now: datetime) -> bool:
    """Late by its own date, or opened because an answer is."""
    return group.reason.startswith("overdue.") or (group.due_at is not None and group.due_at <= now)
