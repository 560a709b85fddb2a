"""What stands in the way of a purge: for each account when something last happened, and what is still open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import msgspec
from sqlalchemy import Table, func, or_, select

from hub.ledger import AccountKind
from hub.store.aggregates import (
    APPOINTMENTS,
    BURIED,
    CHARGES,
    CLAIMS,
    ENCOUNTERS,
    PATIENTS,
    REMIT_CLAIMS,
    STATEMENTS,
)
from hub.store.documents import Collection as Documents
from hub.store.expectations import EXPECTATIONS
from hub.store.households import households
from hub.store.ledger_tables import ENTRIES
from hub.store.lookup import Aliases
from hub.store.session import Session
from hub.store.submissions import SUBMISSIONS
from hub.store.work import WORK

CHUNK = 500
ADULT_YEARS = 18
A = AccountKind
#: Accounts that must be even before anything of a person goes: by guarantor, and by each claim.
BY_GUARANTOR = (A.PATIENT_RECEIVABLE, A.PATIENT_CREDIT)
BY_CLAIM = (A.INSURANCE_RECEIVABLE, A.HELD_RECEIVABLE, A.REFUNDS_PAYABLE)
#: States in which the hub itself still has the next step to do, or waits for an answer.
MOVING: dict[str, frozenset[str]] = {
    "encounters": frozenset({"gathering", "waiting", "ready", "coded"}),
    "charges": frozenset({"new", "gathering", "waiting", "priced"}),
    "claims": frozenset({"new", "ready", "frozen", "sent", "accepted", "secondary_due"}),
    "remits": frozenset({"reading", "balanced"}),
    "remit_claims": frozenset({"read"}),
    "statements": frozenset({"made", "frozen", "sent"}),
    "appointments": frozenset({"gathering"}),
}
RECENT = "not old enough"
"""No reason to keep anything back: its time has not come."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What is old enough: accounts at rest since before `before`; `born_after`: who is a minor or was one then;
    `held`: what legal holds name (practices, patients, claims)."""

    before: datetime
    born_after: date
    held: frozenset[str] = frozenset()


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one household: `kept` is empty when it may go, else why it may not."""

    people: frozenset[str]
    patients: tuple[str, ...]
    practice: str
    encounters: tuple[str, ...] = ()
    charges: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    appointments: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    last: datetime
    kept: str = ""


class _Page:
    """What is known of the households of one page, read table by table and never a query for each person."""

    def __init__(self, session: Session, groups: Sequence[frozenset[str]]) -> None:
        self.session = session
        self.groups = groups
        self.of = {one: number for number, group in enumerate(groups) for one in group}
        self.ids: list[dict[str, list[str]]] = [{} for _ in groups]
        self.about: list[set[str]] = [set(group) for group in groups]
        self.last = [datetime.min.replace(tzinfo=UTC)] * len(groups)
        self.kept: list[str] = [""] * len(groups)
        self.practices: list[set[str]] = [set() for _ in groups]

    def read(self) -> None:
        """Documents, then what hangs on them, then the books."""
        people = list(self.of)
        self._documents(PATIENTS.table, "id", people)
        for kind in (ENCOUNTERS, CHARGES, CLAIMS, APPOINTMENTS):
            self._documents(kind.table, "patient_id", people)
        self._documents(STATEMENTS.table, "guarantor_id", people)
        claims = {one: number for number, ids in enumerate(self.ids) for one in ids.get("claims", ())}
        self._documents(REMIT_CLAIMS.table, "claim_id", list(claims), claims)
        self._submissions(claims)
        self._balances(people)
        self._open_work()
        self._expected()

    def keep(self, number: int, why: str) -> None:
        """The first reason stays."""
        self.kept[number] = self.kept[number] or why

    def _documents(
        self, table: Table, column: str, values: Sequence[str], of: Mapping[str, int] | None = None
    ) -> None:
        owners, days = of or self.of, [c for c in ("service_date", "statement_date") if c in table.c]
        names = dict.fromkeys(("id", column, "practice", "state", "state_since", "created_at", *days))
        for row in self._among(table, column, values, names):
            number = owners[row._mapping[column]]  # noqa: SLF001 - its public accessor
            self.ids[number].setdefault(table.name, []).append(row.id)
            self.about[number].add(row.id)
            self.practices[number].add(row.practice)
            moments = [row.state_since, row.created_at, *(_noon(getattr(row, day)) for day in days)]
            self.last[number] = max(self.last[number], *filter(None, moments))
            if row.state in MOVING.get(table.name, ()):
                self.keep(number, "unfinished: the hub is not done with it")

    def _submissions(self, claims: Mapping[str, int]) -> None:
        names = ("id", "claim_id", "closed_at", "opened_at", "usage", "rank")
        for row in self._among(SUBMISSIONS, "claim_id", list(claims), names):
            number = claims[row.claim_id]
            self.about[number] |= {row.id, f"{row.id}:{row.rank}"}
            self.last[number] = max(self.last[number], row.closed_at or row.opened_at)
            if row.closed_at is None and row.usage == "P":
                self.keep(number, "open submission: the payer has not said its last word")

    def _balances(self, people: Sequence[str]) -> None:
        sums: dict[tuple[int, str, str, str], int] = {}
        columns = (ENTRIES.c.guarantor_id, ENTRIES.c.account, ENTRIES.c.claim_id)
        now = Aliases(self.session).resolve_many("patient", people)
        told = (*columns, func.sum(ENTRIES.c.cents).label("cents"), func.max(ENTRIES.c.posting_date).label("on"))
        for part in _parts(people):
            query = select(*told).where(ENTRIES.c.guarantor_id.in_(part)).group_by(*columns)
            for row in self.session.conn.execute(query):
                number = self.of[row.guarantor_id]
                self.last[number] = max(self.last[number], _noon(row.on) or self.last[number])
                at = (number, row.account, now[row.guarantor_id], row.claim_id if row.account in BY_CLAIM else "")
                sums[at] = sums.get(at, 0) + int(row.cents)
        for (number, account, _, _), cents in sums.items():
            if cents and account in {*BY_GUARANTOR, *BY_CLAIM}:
                self.keep(number, "open balance: somebody owes something still")

    def _open_work(self) -> None:
        self._standing(WORK, "aggregate_id", WORK.c.resolved_at, "open work: a person has not done with it")

    def _expected(self) -> None:
        self._standing(EXPECTATIONS, "about", EXPECTATIONS.c.met_at, "open expectation: an answer is awaited")

    def _standing(self, table: Table, column: str, ended: Any, why: str) -> None:
        owners = {one: number for number, ids in enumerate(self.about) for one in ids}
        for part in _parts(list(owners)):
            query = select(table.c[column]).where(table.c[column].in_(part), ended.is_(None)).distinct()
            for one in self.session.conn.scalars(query):
                self.keep(owners[one], why)

    def _among(self, table: Table, column: str, values: Sequence[str], names: Iterable[str]) -> Iterable[Any]:
        for part in _parts(values):
            query = select(*[table.c[name] for name in names]).where(table.c[column].in_(part))
            yield from self.session.conn.execute(query)


def accounts(session: Session, patients: Collection[str], terms: Terms) -> list[Account]:
    """The households of `patients`, each with what keeps it; one that is too young says `RECENT`."""
    groups = households(session, patients)
    page = _Page(session, groups)
    page.read()
    for number, group in enumerate(groups):
        held = terms.held & {*group, *page.about[number], *page.practices[number]}
        if held:
            page.kept[number] = "legal hold"
        if page.last[number] >= terms.before:
            page.kept[number] = RECENT
    return [_account(page, number, terms) for number in range(len(groups))]


def _account(page: _Page, number: int, terms: Terms) -> Account:
    ids = page.ids[number]
    kept = page.kept[number]
    if not kept and _minor(page.session, ids.get("patients", ()), terms.born_after):
        kept = "minor: the time begins with the eighteenth birthday"
    return Account(
        people=page.groups[number],
        patients=tuple(sorted(ids.get("patients", ()))),
        practice=min(page.practices[number], default=""),
        encounters=tuple(ids.get("encounters", ())),
        charges=tuple(ids.get("charges", ())),
        claims=tuple(ids.get("claims", ())),
        appointments=tuple(ids.get("appointments", ())),
        statements=tuple(ids.get("statements", ())),
        last=page.last[number],
        kept=kept,
    )


def _minor(session: Session, patients: Collection[str], born_after: date) -> bool:
    rows = Documents(session, PATIENTS).get_many(patients).values()
    born = [row.record.patient.birth_date for row in rows]
    return any(one is not None and one > born_after for one in born)


def candidates(session: Session, terms: Terms, after: str, limit: int) -> list[str]:
    """The next patients in id order behind `after`, known since before `terms.before` and not purged."""
    of = PATIENTS.table
    where = (of.c.id > after, of.c.created_at < terms.before, of.c.schema != BURIED)
    return list(session.conn.scalars(select(of.c.id).where(*where).order_by(of.c.id).limit(limit)))


def at_rest(session: Session, patients: Collection[str], terms: Terms) -> list[str]:
    """Those of `patients` without a visit since `terms.before`: a cheap look that leaves out most of them."""
    of = ENCOUNTERS.table
    busy: set[str] = set()
    since = or_(of.c.state_since >= terms.before, of.c.service_date >= terms.before.date())
    for part in _parts(list(patients)):
        query = select(of.c.patient_id).where(of.c.patient_id.in_(part), since).distinct()
        busy.update(session.conn.scalars(query))
    return [one for one in patients if one not in busy]


def _noon(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(12), UTC)


def _parts(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[at : at + CHUNK]) for at in range(0, len(ids), CHUNK)]
