"""The way out and back, step by step: what is held, refused, acknowledged, paid, paid twice, reversed and stated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from flowlab.house import MAILBOX, House, interchange, remittance
from flowlab.made import D, adjustment, charge_fact, coverage_fact, encounter_fact, patient_fact, service
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.flow import batch, posting, scrub
from hub.model.claim import Adjustment
from hub.model.people import Name
from hub.model.remit import ClaimPayment, ProviderAdjustment
from hub.plugin.api import ScrubFinding
from hub.store import Keyring, Store, open_store
from hub.store.documents import Row

VISIT = (encounter_fact(), charge_fact(), coverage_fact())
SECOND = coverage_fact("V2", "HARBOR", member_id="OVS900000001", rank=2)


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


def visit(number: int, **who: Any) -> list:
    """A patient of their own with one visit."""
    key = f"X{number}"
    return [
        patient_fact(key, **who),
        encounter_fact(f"E{key}", patient_key=key),
        charge_fact(f"C{key}", patient_key=key, encounter_key=f"E{key}"),
        coverage_fact(f"V{key}", patient_key=key),
    ]


def answer(house: House, *adjustments: Adjustment, nth: int = -1, **changes: Any) -> ClaimPayment:
    """A payer's answer to a submission (the last one), with these adjustments of its first line."""
    sent = house.sent()[nth]
    claim = next(row.record for row in house.rows("claims") if row.id == sent.claim_id)
    lines = tuple(service(one, *(adjustments if one.number == 1 else ())) for one in claim.lines)
    share = sum((one.amount for one in adjustments if one.group == "PR"), D(0))
    it = ClaimPayment(
        patient_control_number=sent.pcn,
        status="1",
        charge=claim.total,
        paid=sum((one.paid for one in lines), D(0)),
        patient_responsibility=share,
        payer_control_number="ICN1",
        lines=lines,
        position=1,
    )
    return replace(it, **changes)


def reversed_(paid: ClaimPayment) -> ClaimPayment:
    """Its reversal."""
    lines = tuple(
        replace(
            one,
            charge=-one.charge,
            paid=-one.paid,
            adjustments=tuple(replace(each, amount=-each.amount) for each in one.adjustments),
        )
        for one in paid.lines
    )
    return replace(paid, status="22", charge=-paid.charge, paid=-paid.paid, lines=lines, remarks=())


def only(rows: list[Row]) -> Row:
    """The one row there is."""
    (row,) = rows
    return row


SHARE = (adjustment("CO", "45", "40.00"), adjustment("PR", "1", "25.00"))


def test_scrub_holds_and_releases(house: House) -> None:
    """A finding holds the claim with a work item worth its total; scrubbed again without it, the claim is ready."""
    finding = ScrubFinding(rule="plugin.never", where="2300", why="not on Mondays", fix="wait", hold=True)
    house.host.rules = {"never": lambda claim: [finding]}
    house.tell(patient_fact(), *VISIT)
    house.take_in()
    assert (house.states("claims"), house.work()) == ({"held": 1}, {"scrub.plugin.never": 1})
    house.host.rules = {"never": lambda claim: [replace(finding, hold=False)]}
    with house.store.begin("admin") as tx:
        tx.claims.put(only(house.rows("claims")), state="new")
    house.run(scrub.check)
    assert (house.states("claims"), house.work()) == ({"ready": 1}, {"scrub.plugin.never.warning": 1})


def test_one_claim_that_the_guide_refuses_holds_up_nobody(house: House) -> None:
    """A claim that cannot be written is set aside with the guide's reason; the others go."""
    for number in range(3):
        house.tell(*visit(number, **({"sex": "X"} if number == 1 else {})))
    house.take_in()
    assert house.states("claims") == {"ready": 3}
    house.send()
    assert (house.states("claims"), house.work()) == ({"frozen": 2, "held": 1}, {"batch.guide": 1})
    (sent,) = house.bytes_sent()
    assert sent.count("~\nCLM*") + sent.count("~CLM*") == 2
    assert len({one.pcn for one in house.sent()}) == 2


def test_freezing_again_sends_nothing_twice(house: House) -> None:
    """Freezing is safe to run twice: a claim has one open submission, and its file never changes."""
    house.bill(*VISIT)
    before = house.bytes_sent()
    house.run(batch.freeze, MAILBOX)
    assert (house.bytes_sent(), len(house.sent())) == (before, 1)


def test_a_claim_is_paid(house: House) -> None:
    """Cash, reduction, the patient's share; the submission closes; the same 835 under other names posts once."""
    house.bill(*VISIT)
    text = remittance(answer(house, *SHARE))
    for _ in range(3):
        house.arrive("835", text)
        house.answer()
    assert house.accounts() == {
        "cash_clearing": 10000,
        "contractual": 4000,
        "patient_receivable": 2500,
        "revenue": -16500,
    }
    assert house.states("remits") == {"posted": 1, "duplicate": 2}
    assert (house.states("claims"), house.work()) == ({"paid": 1}, {})
    assert house.sent()[0].close_reason == "adjudicated"


def test_a_shared_trace_with_money_is_held(house: House) -> None:
    """Another remittance with the same payer, trace, date and amount but other claims is held, and posts nothing."""
    house.tell(*visit(1), *visit(2))
    house.take_in()
    house.send()
    for nth in (0, 1):
        house.arrive("835", remittance(answer(house, *SHARE, nth=nth)))
        house.answer()
    assert (house.states("remits"), house.work()) == ({"posted": 1, "held": 1}, {"remit.shared_trace": 1})
    assert house.accounts()["cash_clearing"] == 10000


def test_a_shared_trace_without_money_posts(house: House) -> None:
    """Zero-pay remittances that share their trace number each post: neither is a duplicate (promise 6)."""
    house.tell(*visit(1), *visit(2))
    house.take_in()
    house.send()
    for nth in (0, 1):
        house.arrive("835", remittance(answer(house, adjustment("PR", "1", "165.00"), nth=nth)))
        house.answer()
    assert house.states("remits") == {"posted": 2}
    assert house.accounts()["patient_receivable"] == 33000


def test_what_does_not_balance_is_held_until_a_person_releases_it(house: House) -> None:
    """A remittance a dollar off is held; released, its cash is BPR02 and the dollar waits in the variance account."""
    house.bill(*VISIT)
    house.arrive("835", remittance(answer(house, *SHARE), off="1.00"))
    house.answer()
    assert (house.states("remits"), house.work()) == ({"held": 1}, {"remit.unbalanced": 1})
    assert "cash_clearing" not in house.accounts()
    with house.store.begin("work.resolve") as tx:
        posting.release(tx, only(house.rows("remits")), "biller1")
    house.answer()
    found = house.accounts()
    assert (found["cash_clearing"], found["remittance_variance"]) == (10100, -100)
    assert house.work() == {}


def test_a_reversal_and_its_correction(house: House) -> None:
    """22 with its correction in a later file, the money taken back by WO: the books hold the correction alone."""
    house.bill(*VISIT)
    first = answer(house, *SHARE)
    house.arrive("835", remittance(first))
    house.answer()
    second = answer(house, adjustment("CO", "45", "65.00"), payer_control_number="ICN2")
    plb = ProviderAdjustment(reason="WO", reference="ICN1", amount=D("0.00"))
    house.arrive("835", remittance(reversed_(first), second, trace="T2", plbs=(plb,), on=date(2026, 3, 20)))
    house.answer()
    assert house.accounts() == {"cash_clearing": 10000, "contractual": 6500, "revenue": -16500}
    assert (house.states("claims"), house.work()) == ({"paid": 1}, {})


def test_a_reversal_undoes_what_the_gate_held(house: House) -> None:
    """Cost sharing that was held for a QMB is undone there, also when the reversal does not repeat the remark."""
    house.bill(*VISIT)
    first = answer(house, *SHARE, remarks=("N781",))
    house.arrive("835", remittance(first))
    house.answer()
    assert house.accounts()["held_receivable"] == 2500
    house.arrive("835", remittance(reversed_(first), trace="T2", plbs=(_owed_back(),), on=date(2026, 3, 20)))
    house.answer()
    found = house.accounts()
    assert (found.get("held_receivable", 0), found.get("patient_receivable", 0)) == (0, 0)
    assert house.states("claims") == {"reversed": 1}


def _owed_back() -> ProviderAdjustment:
    """What a reversal takes back in a later remittance: this one pays nothing."""
    return ProviderAdjustment(reason="FB", reference="ICN1", amount=D("-100.00"))


def test_unmatched_money_waits_in_suspense(house: House) -> None:
    """A payment for a claim that we do not know is cash against suspense and work, and the others post."""
    house.bill(*VISIT)
    known = answer(house, *SHARE)
    house.arrive("835", remittance(known, replace(known, patient_control_number="OLD-SYSTEM-1")))
    house.answer()
    assert house.work() == {"posting.unmatched": 1}
    found = house.accounts()
    assert (found["cash_clearing"], found["unmatched_suspense"]) == (20000, -10000)
    assert house.states("remit_claims") == {"posted": 1, "unmatched": 1}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("*XV*DM003", "*XV*DM999", "remit.payer"),
        ("*XX*1999999018", "*XX*1999999026", "remit.payee"),
        ("BPR*I*100*", "BPR*I*1OO*", ""),
        ("BPR*I*100*", "BPR*I*100.005*", ""),
    ],
)
def test_money_of_nobody_knows_whom_is_held(cheap: House, old: str, new: str, reason: str) -> None:
    """An unknown payer or payee holds a remittance; one that cannot be read is set aside; neither posts or stops
    the next file."""
    cheap.bill(*VISIT)
    text = remittance(answer(cheap, *SHARE))
    assert old in text
    cheap.arrive("835", text.replace(old, new))
    cheap.answer()
    assert "cash_clearing" not in cheap.accounts()
    assert cheap.states("remits") == ({"held": 1} if reason else {"set_aside": 1})
    assert sum(cheap.work(reason=reason).values() if reason else cheap.work().values()) == 1


def test_a_remittance_of_another_version_is_told_and_not_read(cheap: House) -> None:
    """What a 004010 means by its segments is not ours to guess: a person is told, and nothing posts."""
    cheap.bill(*VISIT)
    text = remittance(answer(cheap, *SHARE))
    assert "005010X221A1" in text
    cheap.arrive("835", text.replace("005010X221A1", "004010X091A1"))
    cheap.answer()
    assert "cash_clearing" not in cheap.accounts()
    assert cheap.states("remits") == {}
    assert sum(cheap.work(reason="remit.version").values()) == 1


def test_a_bad_file_does_not_stop_the_next(cheap: House) -> None:
    """Behind a remittance that cannot be read the whole one posts by itself."""
    cheap.bill(*VISIT)
    text = remittance(answer(cheap, *SHARE))
    cheap.arrive("835", text.replace("CLP*", "CLP*x*").replace("BPR*I*100*", "BPR*I*100.005*"))
    cheap.arrive("835", text[: text.index("SVC")])
    cheap.arrive("835", text)
    cheap.answer()
    assert cheap.states("remits")["posted"] == 1
    assert cheap.accounts()["cash_clearing"] == 10000


def test_the_next_payer_is_asked(house: House) -> None:
    """Cost sharing goes on to the second payer, whose claim tells what the first did; its answer ends the claim."""
    house.bill(*VISIT, SECOND)
    house.arrive("835", remittance(answer(house, *SHARE)))
    house.answer()
    assert house.states("claims") == {"forwarded": 1, "ready": 1}
    assert house.accounts()["insurance_receivable"] == 2500
    house.send()
    assert "~\nSVD*DM003*100*" in house.bytes_sent()[-1] or "~SVD*DM003*100*" in house.bytes_sent()[-1]
    told = answer(house, adjustment("OA", "23", "140.00"), adjustment("PR", "2", "5.00"), status="2")
    house.arrive("835", remittance(told, payer="ppo_second", trace="T9"))
    house.answer()
    assert house.accounts() == {
        "cash_clearing": 12000,
        "contractual": 4000,
        "patient_receivable": 500,
        "revenue": -16500,
    }
    assert (house.states("claims"), house.work()) == ({"forwarded": 1, "paid": 1}, {})


def test_a_crossover_is_waited_for(house: House) -> None:
    """What the first payer forwarded (19) makes no second claim of ours; the second payer's 835 posts to it."""
    house.bill(*VISIT, SECOND)
    house.arrive("835", remittance(answer(house, *SHARE, status="19")))
    house.answer()
    assert (house.states("claims"), len(house.sent())) == ({"forwarded": 1}, 1)
    with house.store.view() as view:
        due = view.expectations.overdue(house.clock.now() + timedelta(days=60))
    assert [one.kind for one in due if one.about.endswith(":2")] == ["adjudication"]
    told = answer(house, adjustment("OA", "23", "140.00"), status="2")
    house.arrive("835", remittance(told, payer="ppo_second", trace="T9"))
    house.answer()
    assert house.accounts() == {"cash_clearing": 12500, "contractual": 4000, "revenue": -16500}
    assert house.states("claims") == {"paid": 1}


def test_a_999_speaks_of_a_set(house: House) -> None:
    """A rejected set closes its submissions and makes a work item for each claim; said again, nothing changes."""
    house.bill(*VISIT)
    sent = house.sent()[0]
    file = house.bytes_sent()[0]
    gs06 = next(line.split("*")[6] for line in file.replace("\n", "").split("~") if line.startswith("GS*"))
    body = [
        "ST*999*0001*005010X231A1",
        f"AK1*HC*{gs06}*005010X222A1",
        f"AK2*837*{sent.st02}*005010X222A1",
        "IK5*R*5",
        "AK9*R*1*1*0",
        "SE*6*0001",
    ]
    for _ in range(2):
        house.arrive("999", interchange("FA", "005010X231A1", body))
        house.answer()
    assert (house.states("claims"), house.work()) == ({"rejected": 1}, {"rejected.999": 1})
    assert house.sent()[0].close_reason == "rejected_999"


def test_an_answer_to_nothing_is_work(cheap: House) -> None:
    """A 999 for a group that we did not send is work for IT and changes nothing."""
    cheap.bill(*VISIT)
    body = ["ST*999*0001*005010X231A1", "AK1*HC*987654*005010X222A1", "AK9*A*1*1*1", "SE*4*0001"]
    cheap.arrive("999", interchange("FA", "005010X231A1", body))
    cheap.answer()
    assert (cheap.states("claims"), cheap.work()) == ({"frozen": 1}, {"acks.unknown": 1})


def test_a_statement_is_not_repeated(house: House) -> None:
    """A guarantor gets a statement once in every_days, and the next one asks for what is owed then."""
    house.bill(*VISIT)
    house.arrive("835", remittance(answer(house, *SHARE)))
    house.answer()
    for days in (0, 1, 26):
        house.clock.turn(timedelta(days=days))
        house.state_people()
    assert [row.col("total_cents") for row in house.rows("statements")] == [2500]
    house.clock.turn(timedelta(days=1))
    house.state_people()
    assert [row.record.number for row in house.rows("statements")] == ["1", "2"]


def test_little_is_not_asked_for(cheap: House) -> None:
    """Below least_cents no statement is made; without a whole address the front desk is asked instead."""
    cheap.bill(*VISIT)
    cheap.arrive("835", remittance(answer(cheap, adjustment("PR", "1", "4.99"))))
    cheap.answer()
    cheap.state_people()
    assert cheap.rows("statements") == []
    homeless = patient_fact("P2", address=None, name=Name(last="Heron", first="Ada"))
    cheap.tell(
        homeless,
        encounter_fact("E2", patient_key="P2"),
        charge_fact("C2", patient_key="P2", encounter_key="E2"),
        coverage_fact("V2", "SELFPAY", patient_key="P2", member_id=""),
    )
    cheap.take_in()
    cheap.state_people()
    assert (cheap.rows("statements"), cheap.work()) == ([], {"statement.no_address": 1})


def test_a_denial_is_work_and_stays_open(house: House) -> None:
    """What is denied stays the payer's, in work with what to do first; the patient is not asked."""
    house.bill(*VISIT)
    house.arrive("835", remittance(answer(house, adjustment("CO", "197", "165.00"))))
    house.answer()
    assert (house.states("claims"), house.work()) == ({"denied": 1}, {"denial.CO-197": 1})
    assert house.accounts() == {"insurance_receivable": 16500, "revenue": -16500}
    house.state_people()
    assert house.rows("statements") == []
