"""Answers that come again, late, changed or from several payers: who owes what, and what becomes work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from flowlab.house import PAYER_IDS, House, remittance
from flowlab.made import D, adjustment, charge_fact, coverage_fact, encounter_fact, payment_of, service
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.flow.corrections import resend
from hub.model.claim import Adjustment
from hub.model.remit import ClaimPayment, ProviderAdjustment
from hub.store import Keyring, Store, open_store
from hub.store.submissions import Submission

VISIT = (encounter_fact(), charge_fact(), coverage_fact())
SECOND = coverage_fact("V2", "HARBOR", member_id="OVS900000001", rank=2)
SHARE = (adjustment("CO", "45", "40.00"), adjustment("PR", "1", "25.00"))


@pytest.fixture
def house(store: Store, clock: TurnedClock) -> House:
    """The practice, on each database."""
    return House(store, clock)


@pytest.fixture
def cheap(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite alone, where the database makes no difference."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


def answer(house: House, sent: Submission, *adjustments: Adjustment, **changes: Any) -> ClaimPayment:
    """An answer to a submission, with these adjustments of its first line."""
    (claim,) = (row.record for row in house.rows("claims") if row.id == sent.claim_id)
    lines = tuple(service(one, *(adjustments if one.number == 1 else ())) for one in claim.lines)
    return replace(payment_of(lines), patient_control_number=sent.pcn or "", **changes)


def undone(paid: ClaimPayment) -> ClaimPayment:
    """Its reversal, without its remarks."""
    lines = tuple(
        replace(
            one,
            charge=-one.charge,
            paid=-one.paid,
            adjustments=tuple(replace(each, amount=-each.amount) for each in one.adjustments),
        )
        for one in paid.lines
    )
    return replace(paid, status="22", charge=-paid.charge, paid=-paid.paid, lines=lines, remarks=(), crossover="")


def arrive(house: House, *paid: ClaimPayment, trace: str, payer: str = "ppo", **how: Any) -> None:
    """A remittance comes and is posted; what it would take back beyond what it pays is owed (PLB FB)."""
    cents = sum((one.paid for one in paid), D(0))
    plbs = (ProviderAdjustment(reason="FB", reference="ICN1", amount=cents),) if cents < 0 else ()
    house.arrive("835", remittance(*paid, trace=trace, payer=payer, plbs=plbs, on=date(2026, 3, 20), **how))
    house.answer()


@pytest.mark.parametrize("status", ["1", "19"], ids=["by us", "by crossover"])
def test_a_changed_answer_asks_the_next_payer_once(house: House, status: str) -> None:
    """When the first payer changes its answer after the next one was asked, by a claim of ours or by crossover, a
    person decides: no second claim goes to the next payer."""
    house.bill(*VISIT, SECOND)
    (sent,) = house.sent()
    first = answer(house, sent, *SHARE, status=status)
    arrive(house, first, trace="T1")
    before = len(house.rows("claims", rank=2))
    assert before == (status == "1")
    second = answer(house, sent, adjustment("CO", "45", "30.00"), adjustment("PR", "1", "35.00"))
    arrive(house, undone(first), replace(second, payer_control_number="ICN2"), trace="T2")
    assert len(house.rows("claims", rank=2)) == before
    assert house.work() == {"secondary.changed": 1}
    assert [row.state for row in house.rows("claims", rank=1)] == ["forwarded"]


def test_an_answer_before_the_corrected_claim_leaves(house: House) -> None:
    """Between the word that a claim goes out corrected and its freezing, an answer to the old one posts its money
    and leaves the claim where it stands: it still goes out."""
    house.bill(*VISIT)
    (sent,) = house.sent()
    first = answer(house, sent, adjustment("CO", "197", "165.00"))
    arrive(house, first, trace="T1")
    (claim,) = house.rows("claims")
    with house.store.begin("work.resolve") as tx:
        resend(tx, house.settings, claim, "biller1")
    assert house.states("claims") == {"new": 1}
    arrive(house, undone(first), answer(house, sent, *SHARE, payer_control_number="ICN2"), trace="T2")
    assert house.states("claims") == {"ready": 1}
    assert house.accounts()["cash_clearing"] == 10000
    assert "posting.late_answer" in house.work()
    house.send()
    assert len(house.sent()) == 2


def test_what_medicare_said_holds_for_the_next_payer(house: House) -> None:
    """N781 in the first answer, which crossed over, keeps the beneficiary from the rest that the next payer leaves,
    and its reversal goes there too."""
    house.bill(*VISIT, SECOND)
    (sent,) = house.sent()
    arrive(house, answer(house, sent, *SHARE, status="19", remarks=("N781",)), trace="T1")
    prior, rest = adjustment("OA", "23", "140.00"), adjustment("PR", "2", "5.00")
    told = answer(house, sent, prior, rest, status="2", payer_control_number="GAP1")
    arrive(house, told, trace="G1", payer="ppo_second")
    assert house.accounts()["held_receivable"] == 500
    assert "patient_receivable" not in house.accounts()
    assert house.work() == {"gate.qmb": 1}
    arrive(house, undone(told), trace="G2", payer="ppo_second")
    assert not house.accounts().keys() & {"held_receivable", "patient_receivable"}


def test_what_medicare_said_holds_for_the_claim_we_sent_on(cheap: House) -> None:
    """The same where the next payer was asked by a claim of ours: the remark stands with the first one's answer."""
    cheap.bill(*VISIT, SECOND)
    (sent,) = cheap.sent()
    arrive(cheap, answer(cheap, sent, *SHARE, remarks=("N781",)), trace="T1")
    cheap.send()
    (second,) = (one for one in cheap.sent() if one.rank == 2)
    rest = (adjustment("OA", "23", "140.00"), adjustment("PR", "2", "5.00"))
    arrive(cheap, answer(cheap, second, *rest, status="2"), trace="S1", payer="ppo_second")
    assert cheap.accounts()["held_receivable"] == 500
    assert "patient_receivable" not in cheap.accounts()


def test_a_reversal_alone_is_work(house: House) -> None:
    """A claim that is taken back and not decided anew is in front of a person until its new decision posts."""
    house.bill(*VISIT)
    (sent,) = house.sent()
    first = answer(house, sent, *SHARE)
    arrive(house, first, trace="T1")
    arrive(house, undone(first), trace="T2")
    assert (house.states("claims"), house.work()) == ({"reversed": 1}, {"posting.reversed": 1})
    with house.store.view() as view:
        (item,) = view.work.list()
    assert item.amount_cents == 10000
    arrive(house, replace(first, payer_control_number="ICN2"), trace="T3")
    assert (house.states("claims"), house.work()) == ({"paid": 1}, {})


@pytest.mark.parametrize(
    ("number", "state"), [("ICN2", "paid"), ("ICN1", "reversed")], ids=["another decision", "the same one"]
)
def test_a_reversal_behind_its_correction(cheap: House, number: str, state: str) -> None:
    """A correction that stands before the reversal in a remittance stands; a payment that is taken back behind
    itself does not, and is work."""
    cheap.bill(*VISIT)
    (sent,) = cheap.sent()
    first = answer(cheap, sent, *SHARE)
    arrive(cheap, first, trace="T1")
    again = answer(cheap, sent, adjustment("CO", "45", "65.00"), payer_control_number=number)
    arrive(cheap, again, undone(first), trace="T2")
    assert cheap.states("claims") == {state: 1}
    assert cheap.work() == ({"posting.reversed": 1} if state == "reversed" else {})


def test_payers_that_share_an_id(cheap: House) -> None:
    """An 835 id that two payers share matches the claims of either, whichever stands first in the settings."""
    known = cheap.settings.payers
    ids = {"clearinghouse": PAYER_IDS["ppo"]}
    shared = {"ppo_second": known["ppo_second"].model_copy(update={"ids": ids}), **known, "ppo": known["ppo"]}
    shared["ppo_second"] = known["ppo_second"].model_copy(update={"ids": ids})
    cheap.settings = cheap.settings.model_copy(update={"payers": shared})
    assert cheap.settings.payers_of_remit(PAYER_IDS["ppo"], "clearinghouse")[0] == "ppo_second"
    cheap.bill(*VISIT)
    (sent,) = cheap.sent()
    arrive(cheap, answer(cheap, sent, *SHARE), trace="T1")
    assert (cheap.states("claims"), cheap.work()) == ({"paid": 1}, {})
    assert cheap.accounts(payer="ppo")["cash_clearing"] == 10000
