"""What guarantors owe -> statements: the billable receivable at a stated ledger entry, to the cent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import groupby

from msgspec.structs import replace

from hub.clock import today
from hub.config.people import Practice
from hub.config.settings import Settings
from hub.errors import Problem
from hub.flow.after_restore import statements_wait
from hub.flow.base import Hub, Outcome, chunks, work_for
from hub.ledger import AccountKind, ageing
from hub.model.coverage import PatientFile
from hub.model.people import Address, Name, Record
from hub.model.statement import Statement, StatementLine
from hub.money import from_cents, to_cents
from hub.store import Nudge, Tx, View
from hub.store.book import Posted
from hub.store.documents import New, Row

A = AccountKind
WORDS = {
    "A": "Supplies",
    "E": "Equipment",
    "G": "Preventive or office service",
    "H": "Counselling",
    "J": "Medication given",
    "K": "Equipment",
    "L": "Brace or prosthesis",
    "T": "Clinic visit",
    "V": "Vision or hearing",
}
PAYMENTS = "Payments received, thank you"
NOT_ASKED = (A.CONTRACTUAL, A.WRITE_OFF, A.DENIED_WRITE_OFF, A.HELD_RECEIVABLE)
"""What nobody is asked for: written down, written off, or kept from the patient by the gate."""
PER_TRANSACTION = 25


class Owed(Record, frozen=True, kw_only=True):
    """What a guarantor owes, by service, in cents: `lines` are those with something due."""

    guarantor_id: str
    patient_ids: tuple[str, ...]
    lines: tuple[StatementLine, ...]
    due: int
    pending: int
    by_age: tuple[tuple[str, int], ...]


def make(hub: Hub, practice: str) -> Outcome:
    """Make a statement for every guarantor of `practice` who owes enough and had none lately.

    A hub in test mode asks nobody for money.
    """
    if hub.settings.usage(hub.settings.print.vendor) != "P":
        return Outcome()
    if statements_wait(hub, practice):
        return Outcome()
    with hub.store.view() as view:
        balances = _balances(view, practice)
        wanted = [who for who, cents in sorted(balances.items()) if cents >= hub.settings.print.least_cents]
        recent = _recent(view, view.statements.heads(practice=practice, limit=1_000_000), hub)
    due = [guarantor for guarantor in wanted if guarantor not in recent]
    made = 0
    for part in chunks(due, PER_TRANSACTION):
        with hub.store.begin("statements.make") as tx:
            made += sum(_make_one(tx, hub, practice, guarantor) for guarantor in part)
            tx.then(Nudge("printing.freeze", hub.settings.print.vendor))
    return Outcome(done=made)


def _balances(view: View, practice: str) -> dict[str, int]:
    """What each guarantor owes, in cents; the books of those who were merged count for whom they are now."""
    booked = view.book.sum(by=("guarantor_id",), account=A.PATIENT_RECEIVABLE, practice=practice)
    now = view.resolve_many("patient", [who for (who,) in booked]) if view.aliases.any("patient") else {}
    sums: dict[str, int] = {}
    for (who,), cents in booked.items():
        sums[now.get(who, who)] = sums.get(now.get(who, who), 0) + cents
    return sums


def _recent(view: View, rows: Iterable[Row[None]], hub: Hub) -> set[str]:
    since = today(hub.clock) - timedelta(days=hub.settings.print.every_days)
    asked = {row.col("guarantor_id") for row in rows if row.col("statement_date") > since}
    return set(view.resolve_many("patient", asked).values())


def _make_one(tx: Tx, hub: Hub, practice: str, guarantor: str) -> int:
    through = tx.book.last_no()
    accounts = (guarantor, *tx.aliases.merged_into("patient", [guarantor])[guarantor])
    entries = tx.book.entries(guarantor_id=accounts, practice=practice, through=through, limit=1_000_000)
    owed = owed_by(guarantor, entries, _codes(tx, entries), tx.now.date())
    person = _whom(tx, owed)
    if person is None:
        tx.work.open(work_for([_no_address()], "guarantor", guarantor, owner="front-desk")[0], practice=practice)
        return 0
    number = str(tx.registry.take("statement", ref=guarantor)[0])
    statement = statement_of(owed, person, hub.settings, practice, number, tx.now.date(), through)
    if len(accounts) > 1:
        statement = replace(statement, accounts=accounts)
    tx.statements.add_many(
        [
            New(
                tx.new_id("stm"),
                statement,
                practice=practice,
                state="made",
                guarantor_id=guarantor,
                number=number,
                total_cents=to_cents(statement.total_due),
                statement_date=statement.statement_date,
                through_entry=through,
            )
        ]
    )
    tx.work.resolve_for(guarantor, "statement.", "a statement was made")
    tx.event("statement.made", "guarantor", guarantor, practice=practice, cents=owed.due, through=through)
    return 1


def owed_by(guarantor_id: str, entries: Iterable[Posted], codes: Mapping[tuple[str, int], str], on: date) -> Owed:
    """Sum a guarantor's entries into statement lines. Pure.

    A line's `due` is exactly its patient receivable; `pending` what insurance still has. Services of which nothing
    is due are left out, what is pending on them is told in one sum. What was paid on no particular service is a
    line of its own, which takes from the total.
    """
    kept = sorted(entries, key=lambda e: (e.claim_id, e.line))
    lines: list[StatementLine] = []
    ages: list[tuple[date, int]] = []
    pending = 0
    patients: dict[str, None] = {}
    for (claim_id, number), group in groupby(kept, key=lambda e: (e.claim_id, e.line)):
        posted = list(group)
        sums = _sums(posted)
        pending += sums.pending
        if not sums.due:
            continue
        first = posted[0]
        patients[first.patient_id] = None
        words = described(codes.get((claim_id, number), "")) if claim_id else PAYMENTS
        lines.append(sums.line(first.service_date or on, words))
        ages.append((_owed_since(posted), sums.due))
    return Owed(
        guarantor_id=guarantor_id,
        patient_ids=tuple(patients),
        lines=tuple(sorted(lines, key=lambda line: line.service_date)),
        due=sum(to_cents(line.due) for line in lines),
        pending=pending,
        by_age=tuple(ageing(ages, on).items()),
    )


def _owed_since(posted: list[Posted]) -> date:
    """The day on which the guarantor first owed something for a line."""
    return min(one.posting_date for one in posted if one.account == A.PATIENT_RECEIVABLE)


class _Sums(Record, frozen=True, kw_only=True):
    """The accounts of one service line, in cents."""

    charge: int
    insurance_paid: int
    adjusted: int
    pending: int
    due: int

    def line(self, on: date, words: str) -> StatementLine:
        """As a statement line; what is left after all else is what the patient has paid."""
        paid = self.charge - self.insurance_paid - self.adjusted - self.pending - self.due
        return StatementLine(
            service_date=on,
            patient="",
            description=words,
            charge=from_cents(self.charge),
            insurance_paid=from_cents(self.insurance_paid),
            adjusted=from_cents(self.adjusted),
            patient_paid=from_cents(paid),
            pending=from_cents(self.pending),
            due=from_cents(self.due),
        )


def described(code: str) -> str:
    """A service in plain words; the code stands beside them for those who ask."""
    words = WORDS.get(code[:1], "Service")
    return f"{words} ({code})" if code else words


def _sums(posted: list[Posted]) -> _Sums:
    by_account: dict[str, int] = {}
    for one in posted:
        by_account[one.account] = by_account.get(one.account, 0) + one.cents
    charge = -by_account.get(A.REVENUE, 0)
    plain = sum(e.cents for e in posted if e.account == A.INSURANCE_RECEIVABLE and not e.reason)
    asked = charge if any(e.account == A.INSURANCE_RECEIVABLE for e in posted) else 0
    adjusted = sum(by_account.get(a, 0) for a in NOT_ASKED)
    return _Sums(
        charge=charge,
        insurance_paid=asked - plain,
        adjusted=adjusted,
        pending=by_account.get(A.INSURANCE_RECEIVABLE, 0),
        due=by_account.get(A.PATIENT_RECEIVABLE, 0),
    )


def _codes(tx: Tx, entries: Iterable[Posted]) -> dict[tuple[str, int], str]:
    """HCPCS codes by (claim, line); self pay has none, its lines are told in words only."""
    rows = tx.claims.get_many({e.claim_id for e in entries if e.claim_id})
    return {(row.id, line.number): line.hcpcs for row in rows.values() for line in row.record.lines}


class _Person(Record, frozen=True, kw_only=True):
    name: Name
    address: Address


def _whom(tx: Tx, owed: Owed) -> _Person | None:
    """The guarantor's name and address, from one of their patients; None without a whole address."""
    now = tx.resolve_many("patient", owed.patient_ids)
    rows = tx.patients.get_many({*now, *now.values()})
    for row in [rows[one] for one in dict.fromkeys((*now.values(), *owed.patient_ids)) if one in rows]:
        file: PatientFile = row.record
        guarantor = file.patient.guarantor if row.record.guarantor_id != row.id else None
        name = guarantor.name if guarantor else file.patient.name
        address = (guarantor.address if guarantor else None) or file.patient.address
        if address and address.line1 and address.city and address.state and address.zip:
            return _Person(name=name, address=address)
    return None


def statement_of(
    owed: Owed, person: _Person, settings: Settings, practice: str, number: str, on: date, through: int
) -> Statement:
    """The statement as it is printed. Pure."""
    house: Practice = settings.practices[practice]
    pay_to = house.pay_to or house.address
    return Statement(
        number=number,
        practice_name=house.name,
        practice_address=Address(
            line1=pay_to.line1, line2=pay_to.line2, city=pay_to.city, state=pay_to.state, zip=pay_to.zip
        ),
        practice_phone=house.phone,
        guarantor=person.name,
        address=person.address,
        account=owed.guarantor_id[-8:],
        statement_date=on,
        due_date=on + timedelta(days=settings.print.due_days),
        lines=owed.lines,
        total_due=from_cents(owed.due),
        pending=from_cents(owed.pending),
        through_entry=through,
        ageing=tuple((name, from_cents(cents)) for name, cents in owed.by_age),
        pay_at=house.pay_at,
    )


def _no_address() -> Problem:
    return Problem(
        code="statement.no_address",
        where="guarantor address",
        why="the guarantor has no whole address to send a statement to",
        fix="complete the address at the source",
    )
