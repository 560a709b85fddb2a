"""The summary on both databases: every figure is what the book, the log and the work list say."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from hub.clock import TurnedClock
from hub.ledger import AccountKind, Entry, Transaction
from hub.model.claim import Claim
from hub.model.encounter import Encounter
from hub.model.people import Address, Name
from hub.model.remit import ClaimPayment, ProviderAdjustment, Remittance
from hub.model.statement import Statement
from hub.model.work import WorkItem
from hub.reports.money import money
from hub.reports.summary import Summary, summarize
from hub.store import Store, Tx

A = AccountKind
DAY = date(2026, 3, 2)
EAST = "east"
CLAIM = msgspec.convert(
    {
        "encounter_ids": ["enc_1"],
        "patient_id": "pat_1",
        "patient": {"name": {"last": "Test"}},
        "payer": "medicare",
        "coverage": {"key": "c", "payer_token": "t", "member_id": "m"},
        "billing": {
            "npi": "1234567893",
            "name": "East",
            "tax_id": "123456789",
            "address": {"line1": "1 Main St", "city": "Town", "state": "NY", "zip": "120070001"},
        },
        "lines": [],
        "diagnoses": [],
        "place_of_service": "11",
    },
    Claim,
)


def move(tx: Tx, key: str, debit: AccountKind, credit: AccountKind, cents: int, **dims: Any) -> None:
    """Post one movement from `credit` to `debit`."""
    about: dict[str, Any] = {"rank": 1, "guarantor_id": "gua_1", **dims}
    entries = (Entry(account=debit, cents=cents, **about), Entry(account=credit, cents=-cents, **about))
    tx.book.post(Transaction(practice=EAST, key=key, cause="test", posting_date=DAY, entries=entries))


def charge(tx: Tx, claim_id: str, payer: str, cents: int, state: str) -> None:
    """A claim in `state`, booked as a charge."""
    about: dict[str, Any] = {"patient_id": "pat_1", "payer": payer, "rank": 1, "version": 1, "cents": cents}
    tx.claims.add(claim_id, CLAIM, practice=EAST, state=state, **about)
    move(tx, f"charge:{claim_id}", A.INSURANCE_RECEIVABLE, A.REVENUE, cents, payer=payer, claim_id=claim_id)


def submit(tx: Tx, claim_id: str, payer: str, state: str) -> str:
    """A production submission that was just made."""
    about = {"practice": EAST, "claim_id": claim_id, "version": 1, "rank": 1, "payer": payer}
    return tx.submissions.open(**about, state=state).id  # type: ignore[arg-type]


def deny(tx: Tx, claim_id: str, cents: int, reason: str = "denial.CO-197", **more: Any) -> str:
    """A denial in work."""
    words = {"why": "no authorization", "fix": "appeal", **more}
    item = WorkItem(reason=reason, aggregate="claim", aggregate_id=claim_id, amount_cents=cents, **words)
    return tx.work.open(item, practice=EAST)


def remit(tx: Tx, remit_id: str, payer: str, cents: int, paid: list[int], *, state: str = "posted") -> None:
    """A remittance with its claim payments, as remit.read stores it."""
    header = Remittance(
        payer_name="P",
        payer_ids=(payer,),
        payee_npi="1234567893",
        trace="T1",
        amount=Decimal(cents) / 100,
        method="ACH",
        payment_date=DAY,
        provider_adjustments=(ProviderAdjustment(reason="L6", amount=Decimal(-1)),),
    )
    tx.remits.add(
        remit_id,
        header,
        practice=EAST,
        state=state,
        payer=payer,
        amount_cents=cents,
        method="ACH",
        set_index=0,
        content_key=tx.digest("content", remit_id),
    )
    for position, each in enumerate(paid, 1):
        money_paid = ClaimPayment(patient_control_number="X", status="1", charge=Decimal(0), paid=Decimal(0))
        about = {"position": position, "status": "1", "paid_cents": each, "charge_cents": 0}
        tx.remit_claims.add(
            f"rcl_{remit_id}_{position}", money_paid, practice=EAST, state="posted", remit_id=remit_id, **about
        )


@pytest.fixture
def told(store: Store, clock: TurnedClock) -> Summary:
    """Medicare paid one claim with interest and is asked another; the PPO denied one and rejected one."""
    with store.begin("admin") as tx:
        for number, state in enumerate(["claimed", "held", "held", "history"]):
            visit = Encounter(source="ehr", key=str(number), patient_id="pat_1")
            columns = {"source": "ehr", "key": str(number), "patient_id": "pat_1"}
            tx.encounters.add(f"enc_{number}", visit, practice=EAST, state=state, **columns)
        unmapped: dict[str, Any] = {"aggregate": "encounter", "why": "no code", "fix": "add a row"}
        for number in (1, 2):
            item = WorkItem(reason="coding.unmapped", aggregate_id=f"enc_{number}", **unmapped)
            tx.work.open(item, practice=EAST)
        for claim_id, payer, cents, state in [
            ("clm_a", "medicare", 10_000, "paid"),
            ("clm_b", "medicare", 7_000, "accepted"),
            ("clm_c", "ppo", 5_000, "denied"),
            ("clm_d", "ppo", 3_000, "rejected"),
        ]:
            charge(tx, claim_id, payer, cents, state)
        subs = {
            c: submit(tx, c, p, "sent") for c, p in [("clm_a", "medicare"), ("clm_c", "ppo"), ("clm_d", "ppo")]
        }
    clock.turn(timedelta(days=40))
    with store.begin("admin") as tx:
        tx.submissions.close(subs["clm_a"], "adjudicated", state="adjudicated")
        tx.submissions.close(subs["clm_c"], "adjudicated", state="adjudicated")
        tx.submissions.close(subs["clm_d"], "rejected_277ca", state="rejected")
        submit(tx, "clm_b", "medicare", "accepted")
        _answers(tx)
        deny(tx, "clm_c", 50_000)
        deny(tx, "clm_d", 3_000, "rejected.277ca")
        deny(tx, "clm_d", 0, "scrub.pos.warning")
        tx.expect("adjudication", "sub_b", tx.now + timedelta(days=20), EAST)
    with store.view() as view:
        return summarize(view, EAST)


def _answers(tx: Tx) -> None:
    """What the two payers paid, and what is held."""
    medicare: dict[str, Any] = {"payer": "medicare", "claim_id": "clm_a", "remit_id": "rem_1"}
    move(tx, "paid", A.CASH_CLEARING, A.INSURANCE_RECEIVABLE, 6_000, **medicare)
    move(tx, "co45", A.CONTRACTUAL, A.INSURANCE_RECEIVABLE, 3_000, **medicare)
    move(tx, "pr2", A.PATIENT_RECEIVABLE, A.INSURANCE_RECEIVABLE, 1_000, **medicare)
    move(tx, "l6", A.CASH_CLEARING, A.INTEREST_INCOME, 100, **medicare, reason="L6")
    move(tx, "copay", A.PATIENT_CASH, A.PATIENT_RECEIVABLE, 400)
    remit(tx, "rem_1", "medicare", 6_100, [6_000])
    remit(tx, "rem_2", "ppo", 0, [0])
    remit(tx, "rem_3", "ppo", 900, [], state="held")


def test_the_money_identity(told: Summary) -> None:
    """Charged equals what was paid, given up and is open; what is denied is a part of what is open."""
    book = told.money.identity
    assert (book.charged, book.insurance_paid, book.patient_paid) == (25_000, 6_000, 400)
    assert (book.contractual, book.open_insurance, book.open_patient) == (3_000, 15_000, 600)
    assert (book.difference, told.money.denied, told.money.interest) == (0, 5_000, 100)


def test_cash_agrees_three_ways(told: Summary) -> None:
    """Per payer BPR02 = claim payments - PLB = cash in the ledger; held remittances are told apart."""
    by_payer = {one.payer: one for one in told.money.cash}
    medicare, ppo = by_payer["medicare"], by_payer["ppo"]
    assert (medicare.bpr, medicare.claims, medicare.adjusted) == (6_100, 6_000, -100)
    assert (medicare.deposited, medicare.difference) == (6_100, 0)
    assert (ppo.remittances, ppo.bpr, ppo.held, ppo.held_cents) == (1, 0, 1, 900)


def test_cash_that_does_not_agree_is_seen(store: Store, told: Summary) -> None:
    """A remittance that was called posted and never booked shows as a difference of its payer."""
    assert all(one.difference == 0 for one in told.money.cash)
    with store.begin("admin") as tx:
        remit(tx, "rem_9", "ppo", 1_234, [1_234])
    with store.view() as view:
        cash = {one.payer: one.difference for one in money(view, EAST).cash}
    assert cash == {"medicare": 0, "ppo": 1_234}


def test_payers_by_open_money(told: Summary) -> None:
    """Each payer's submissions are counted by what became of them, its open money by age since first billed."""
    ppo, medicare = told.payers
    assert (ppo.payer, ppo.sent, ppo.accepted, ppo.rejected, ppo.first_time) == ("ppo", 2, 1, 1, 0)
    assert (medicare.sent, medicare.accepted, medicare.adjudicated, medicare.first_time) == (2, 2, 1, 1)
    assert (medicare.days, ppo.ageing["31-60"], medicare.ageing["0-30"]) == (40.0, 8_000, 7_000)
    assert (ppo.open_cents, sum(ppo.ageing.values())) == (8_000, 8_000)


def test_encounters_and_what_holds_them(told: Summary) -> None:
    """Every encounter is counted once by its state, and each reason says how many it holds and what to do."""
    assert (told.encounters.total, told.encounters.by_state["held"]) == (4, 2)
    (held,) = told.encounters.held
    assert (held.code, held.count, held.fix) == ("coding.unmapped", 2, "add a row")
    assert (told.claims["denied"], told.expected) == (1, {"adjudication": 1})


def test_what_to_do_today(store: Store, told: Summary) -> None:
    """What blocks everything comes first, then what is overdue, then what is worth most, where an item without
    an amount still counts; warnings last; five at most.
    """
    assert [one.reason for one in told.today] == [
        "denial.CO-197",
        "coding.unmapped",
        "rejected.277ca",
        "scrub.pos.warning",
    ]
    with store.begin("admin") as tx:
        deny(tx, "clm_b", 1, "overdue.adjudication")
        deny(tx, "clm_b", 2, "late.by_date", due_at=tx.now)
        down: dict[str, Any] = {
            "aggregate": "connector",
            "aggregate_id": "clearing",
            "why": "host key changed",
            "fix": "ask",
        }
        tx.work.open(WorkItem(reason="dispatch.misconfigured", owner="it", **down), practice=EAST)
    with store.view() as view:
        again = summarize(view, EAST)
    assert [one.reason for one in again.today] == [
        "dispatch.misconfigured",
        "late.by_date",
        "overdue.adjudication",
        "denial.CO-197",
        "coding.unmapped",
    ]
    assert [one.overdue for one in again.today] == [False, True, True, False, False]
    assert again.today[0].example.startswith("wrk_")


def test_statements_and_other_practices(store: Store, told: Summary) -> None:
    """Statements are summed by state, and nothing of one practice shows in another's summary."""
    home = Address(line1="1 Main St", city="Town", state="NY", zip="12007")
    paper = Statement(
        number="1",
        practice_name="East",
        practice_address=home,
        practice_phone="",
        guarantor=Name(last="Test"),
        address=home,
        account="1",
        statement_date=DAY,
        due_date=DAY,
        lines=(),
        total_due=Decimal(6),
        pending=Decimal(0),
        through_entry=9,
    )
    with store.begin("admin") as tx:
        for number in ("1", "2"):
            about: dict[str, Any] = {"guarantor_id": "gua_1", "number": number, "total_cents": 600}
            about |= {"statement_date": DAY, "through_entry": 9}
            tx.statements.add(f"stm_{number}", paper, practice=EAST, state="printed", **about)
    with store.view() as view:
        assert summarize(view, EAST).statements.by_state == {"printed": (2, 1_200)}
        west = summarize(view, "west")
    assert (west.encounters.total, west.money.identity.charged, west.payers, west.today) == (0, 0, (), ())
