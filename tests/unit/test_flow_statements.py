"""Statements: what a guarantor is asked for is exactly their receivable, and every line adds up."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from decimal import Decimal

from flowlab.made import HOME, NOW, D, account, adjustment, at, charge, claim, line, payment_of, service, settings
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.flow import entries
from hub.flow.printing import manifest_of
from hub.flow.statements import PAYMENTS, Owed, _Person, described, owed_by, statement_of
from hub.ledger import AccountKind, Entry, Transaction, entry
from hub.model.claim import Adjustment
from hub.model.people import Name
from hub.model.statement import Statement
from hub.money import to_cents
from hub.render import Batch, Pages
from hub.store.book import Posted
from hub.store.documents import Row

ON = date(2026, 4, 15)
CODES = {("clm1", 1): "T1015", ("clm1", 2): "G0008"}
CENTS = st.integers(0, 40_000)
REASONS = st.sampled_from([("CO", "45"), ("PR", "1"), ("PR", "2"), ("CO", "16"), ("OA", "23")])


def posted(booked: Transaction | None, no: int, on: date = ON) -> list[Posted]:
    """The entries of a transaction as the book gives them back."""
    if booked is None:
        return []
    return [_posted(one, no + n, on) for n, one in enumerate(booked.entries)]


def _posted(one: Entry, no: int, on: date) -> Posted:
    told = {name: getattr(one, name) for name in one.__struct_fields__}
    more = {"no": no, "transaction_seq": no, "practice": "lakeside", "posting_date": on, "period": f"{on:%Y-%m}"}
    return Posted(**told, **more)


def paid_by_patient(cents: int) -> list[Posted]:
    """Money that the guarantor paid on no particular service."""
    about = {"guarantor_id": "gua1", "patient_id": "pat1"}
    taken = entry(AccountKind.PATIENT_RECEIVABLE, -cents, **about)
    cash = entry(AccountKind.PATIENT_CASH, cents, **about)
    return [_posted(one, 900, ON) for one in (taken, cash) if one is not None]


def owed(*groups: list[Posted]) -> Owed:
    """What the guarantor of these entries owes."""
    return owed_by("gua1", [one for group in groups for one in group], CODES, ON)


def charged(on: date = ON) -> list[Posted]:
    """The made claim, asked of its payer."""
    return posted(entries.charge("clm1", claim(), "gua1", at("c")), 0, on)


def answered(*adjustments: tuple[str, str, str], on: date = ON, **whose: object) -> list[Posted]:
    """The payer's answer to the first line of the claim, with its second denied."""
    first = service(line(), *(adjustment(*one) for one in adjustments))
    second = service(line(2, "G0008", "30.00"), adjustment("CO", "16", "30.00"))
    return posted(
        entries.payment(payment_of((first, second)), account(guarantor_id="gua1", **whose), at("p")), 100, on
    )


def test_a_line_says_how_it_came_to_be_owed() -> None:
    """Charge, what insurance paid, what was written down, what is due; a line that owes nothing is left out and its
    pending amount is told in one sum."""
    found = owed(charged(), answered(("CO", "45", "40.00"), ("PR", "1", "25.00")))
    (one,) = found.lines
    assert (one.charge, one.insurance_paid, one.adjusted, one.patient_paid) == (D(165), D(100), D(40), D(0))
    assert (one.pending, one.due, found.due, found.pending) == (D(0), D(25), 2500, 3000)
    assert (one.service_date, one.description) == (date(2026, 2, 27), "Clinic visit (T1015)")


def test_what_the_gate_holds_is_not_asked() -> None:
    """Cost sharing behind a shut gate stands on no statement."""
    found = owed(charged(), answered(("PR", "1", "25.00"), gate="qmb"))
    assert (found.lines, found.due) == ((), 0)


def test_what_the_next_payer_has_is_pending() -> None:
    """Cost sharing that went on to the next payer is not due from the patient."""
    found = owed(charged(), answered(("PR", "1", "25.00"), next_payer="ppo_second"))
    assert (found.due, found.pending) == (0, 2500 + 3000)


def test_money_on_no_service_is_a_credit_line() -> None:
    """A copay that names no service takes from the total on a line of its own."""
    found = owed(charged(), answered(("PR", "1", "25.00")), paid_by_patient(1000))
    credit, service_line = sorted(found.lines, key=lambda one: one.due)
    assert (credit.description, credit.due, credit.patient_paid) == (PAYMENTS, D("-10.00"), D("10.00"))
    assert (service_line.due, found.due) == (D("25.00"), 1500)


def test_self_pay_lines() -> None:
    """Charges of a visit that nobody insures are due as charged."""
    found = owed(posted(entries.self_pay("enc1", [charge(amount=D("12.00"))], "gua1", at("s")), 0))
    assert [(one.charge, one.insurance_paid, one.due) for one in found.lines] == [(D(12), D(0), D(12))]


def test_ageing_runs_from_the_first_day_owed() -> None:
    """A line ages from the day on which the guarantor first owed something for it, not from the service."""
    found = owed(charged(ON - timedelta(days=200)), answered(("PR", "1", "25.00"), on=ON - timedelta(days=40)))
    assert {name: cents for name, cents in found.by_age if cents} == {"31-60": 2500}


def test_words() -> None:
    """A service is told in plain words with its code beside them; one without a code in words alone."""
    told = [described(code) for code in ("J1885", "Q0091", "")]
    assert told == ["Medication given (J1885)", "Service (Q0091)", "Service"]


def adjusted(draw: st.DrawFn, most: int) -> tuple[Adjustment, ...]:
    """Up to so many adjustments of any kind."""
    found = draw(st.lists(st.tuples(REASONS, CENTS), max_size=most))
    return tuple(adjustment(group, reason, Decimal(cents) / 100) for (group, reason), cents in found)


@st.composite
def histories(draw: st.DrawFn) -> list[Posted]:
    """Any answers of payers to a claim of two lines, gated or handed on, and any payment of the patient."""
    told = charged()
    for number in range(draw(st.integers(0, 3))):
        lines = tuple(service(one, *adjusted(draw, 3)) for one in claim().lines)
        paid = payment_of(lines, *adjusted(draw, 1))
        whose = draw(st.sampled_from([{}, {"gate": "qmb"}, {"next_payer": "ppo_second"}]))
        told += posted(
            entries.payment(paid, account(guarantor_id="gua1", **whose), at(f"p{number}")), 100 * number
        )
    return told + paid_by_patient(draw(CENTS))


@given(histories())
def test_the_total_is_the_receivable(told: list[Posted]) -> None:
    """Whatever happened, the amount due is the sum of the guarantor's receivable, every line adds up, and what is
    pending is what stands with insurance (promise 7)."""
    found = owed(told)
    assert found.due == sum(one.cents for one in told if one.account == AccountKind.PATIENT_RECEIVABLE)
    assert found.pending == sum(one.cents for one in told if one.account == AccountKind.INSURANCE_RECEIVABLE)
    assert sum(cents for _, cents in found.by_age) == found.due
    for one in found.lines:
        assert one.due == one.charge - one.insurance_paid - one.adjusted - one.patient_paid - one.pending


def the_statement(number: str = "7") -> Statement:
    """A statement of one service."""
    person = _Person(name=Name(last="Bittern", first="Orla"), address=HOME)
    told = owed(charged(), answered(("PR", "1", "25.00")))
    return statement_of(told, person, settings(), "lakeside", number, ON, 42)


def test_a_statement_says_where_and_until_when_to_pay() -> None:
    """The pay-to address, the web address, the due date, the ledger entry up to which it counts."""
    found = the_statement()
    assert (found.practice_address.line1, found.pay_at) == ("PO Box 311", "pay.lakeside.example")
    assert (found.due_date, found.through_entry, found.total_due) == (ON + timedelta(days=21), 42, D("25.00"))
    assert sum((cents for _, cents in found.ageing), D(0)) == found.total_due


def test_the_manifest_proves_the_pdf() -> None:
    """Digest, pages and amounts of the PDF, statement by statement; nobody is named."""
    statements = [the_statement("7"), replace(the_statement("8"), total_due=D("30.00"))]
    rows = [
        Row(id=f"s{n}", practice="lakeside", state="made", state_since=NOW, row_version=1, created_at=NOW, record=one,
            columns={"total_cents": to_cents(one.total_due)})
        for n, one in enumerate(statements)
    ]  # fmt: skip
    batch = Batch(pdf=b"%PDF", pages=(Pages(number="7", first=1, count=2), Pages(number="8", first=3, count=1)))
    found = manifest_of("000001", "statements_000001.pdf", rows, batch)
    assert (found.pages, found.count, found.total_cents) == (3, 2, 5500)
    assert found.sha256 == hashlib.sha256(b"%PDF").hexdigest()
    assert [(one.number, one.first_page, one.pages, one.total_cents) for one in found.statements] == [
        ("7", 1, 2, 2500),
        ("8", 3, 1, 3000),
    ]
    assert "Bittern" not in repr(found)
