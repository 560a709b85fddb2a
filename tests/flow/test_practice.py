"""The synthetic practice through the whole path: each story ends as its row says, and each file and cent is right."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest
from flowlab.second_opinion import complaints

from hub.cli.demo.job import Job
from hub.cli.opened import Opened, opened
from hub.ledger import identity
from hub.sandbox.options import SandboxOptions
from hub.sandbox.report import Report
from hub.store import View
from hub.store.documents import Row
from hub.testing.practice import OUTCOMES, STORIES, Story, make_practice, visit_keys
from hub.x12.envelope import X12Reader

START = date(2026, 1, 5)
DAYS = 28
"""The last of them is the first of February, on which the rented devices are charged a second time."""
SOURCES = {"fhir": "ehr", "hl7": "adt"}


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """The one run: its folder, the partners' own books, and what went wrong with any step."""

    work: Path
    report: Report
    troubles: list[str]


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Twenty-eight days with all stories, run once for all workers, ended and closed."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    told = shared / "stories.pickle"
    with (shared / "stories.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not told.exists():
            told.write_bytes(pickle.dumps(_run(shared / "stories")))
    found: Ran = pickle.loads(told.read_bytes())  # noqa: S301 - our own, of this run
    return found


def _run(work: Path) -> Ran:
    job = Job(work=work, start=START, options=SandboxOptions(outcomes=OUTCOMES, share_zero_pay=True))
    try:
        job.run(make_practice(1, start=START, days=DAYS, patients=4))
        troubles = [f"{one.step} {one.error} {one.place}" for one in job.troubles]
        return Ran(work=work, report=job.sandbox.report(), troubles=troubles)
    finally:
        job.close()


@pytest.fixture(scope="module")
def hub(ran: Ran) -> Iterator[Opened]:
    """The store of the run, to look at."""
    with opened(ran.work / "config") as it:
        yield it


@pytest.fixture(scope="module")
def view(hub: Opened) -> Iterator[View]:
    """A reader of it."""
    with hub.store.view() as view:
        yield view


@pytest.fixture(scope="module")
def visits(view: View) -> dict[tuple[str, str], Row]:
    """Every encounter by (source, its key there)."""
    return {(row.col("source"), row.record.key): row for row in view.encounters.each()}


def _claims(view: View, rows: list[Row]) -> list[Row]:
    """First payers' claims of these encounters."""
    ids = {row.id for row in rows}
    return [row for row in view.claims.each() if ids & set(row.record.encounter_ids) and row.col("rank") == 1]


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_story(story: Story, view: View, visits: dict[tuple[str, str], Row]) -> None:
    """Each story's encounters end in the state of its row, with as many claims, and its work item is open."""
    keys = [(SOURCES[story.source], key) for key in visit_keys(story, START)]
    rows = [visits[key] for key in keys]
    assert [row.state for row in rows] == [story.state] * len(keys)
    claims = _claims(view, rows)
    assert len(claims) == story.claims
    about = {row.id for row in (*rows, *claims)}
    if story.message and not keys:
        assert view.inbox.tally()[SOURCES[story.source], story.message] > 0
    if story.reason:
        items = view.work.list(limit=10_000, reason=story.reason)
        assert items if story.message else about & {item.aggregate_id for item in items}
    if story.after:
        items = view.work.list(limit=10_000, reason=story.after, open_only=False)
        assert about & {item.aggregate_id for item in items}


def test_no_step_failed(ran: Ran) -> None:
    """Nothing in the practice, odd as it is, makes a step fail."""
    assert ran.troubles == []


def _sent(ran: Ran) -> list[Path]:
    return sorted((ran.work / "partner" / "private" / "clearinghouse" / "received").iterdir())


def _answers(ran: Ran, ending: str) -> list[Path]:
    return sorted((ran.work / "partner" / "clearinghouse" / "taken").glob(f"*.{ending}"))


def test_pyx12_accepts_every_claim_file(ran: Ran, tmp_path: Path) -> None:
    """Every 837P that the hub sent passes pyx12 without a complaint."""
    sent = _sent(ran)
    assert len(sent) > 15
    assert complaints((path.read_bytes() for path in sent), tmp_path) == []


def test_the_second_opinion_is_one(ran: Ran, tmp_path: Path) -> None:
    """pyx12 complains when one claim of one of the files lacks its place of service."""
    *others, last = (path.read_bytes() for path in _sent(ran))
    spoilt = last.replace(b"*11:B:1*", b"*:B:1*", 1)
    assert spoilt != last
    assert complaints([*others, spoilt], tmp_path)


@pytest.mark.parametrize("ending", ["999", "277", "835"])
def test_pyx12_accepts_every_answer(ran: Ran, ending: str, tmp_path: Path) -> None:
    """Every 999, 277CA and 835 that came back passes pyx12 without a complaint."""
    answers = _answers(ran, ending)
    assert len(answers) > 15
    assert complaints((path.read_bytes() for path in answers), tmp_path) == []


def test_our_own_guides_find_nothing_in_what_we_sent(ran: Ran) -> None:
    """Read strictly, the 837Ps have no finding."""
    found = []
    for path in _sent(ran):
        reader = X12Reader(path.read_bytes(), strict=True)
        found += [f"{path.name} {one.where}" for transaction in reader for one in transaction.check()]
        found += [f"{path.name} {one.where}" for one in reader.findings]
    assert found == []


def test_every_control_number_is_used_once(ran: Ran) -> None:
    """No patient control number, ISA13 or line control number stands in two files."""
    used: Counter[str] = Counter()
    for path in _sent(ran):
        for line in path.read_text().split("~"):
            parts = line.strip().split("*")
            if parts[0] == "ISA":
                used["isa " + parts[13]] += 1
            elif parts[0] == "CLM":
                used["clm " + parts[1]] += 1
                assert len(parts[1]) <= 20
            elif parts[:2] == ["REF", "6R"]:
                used["6r " + parts[2]] += 1
    lines_twice = {number for number, times in used.items() if times > 1}
    assert {number for number in lines_twice if not number.startswith("6r")} == set()
    assert len(used) > 100


def test_the_money_identity_holds(view: View) -> None:
    """Charged = paid + contractual + written off + open: the difference is zero, and each part is moved."""
    found = identity(view.book.accounts())
    assert found.difference == 0
    assert min(found.charged, found.insurance_paid, found.contractual, found.patient_paid, found.open_patient) > 0


def test_cash_is_what_the_payers_say_they_paid(ran: Ran, view: View) -> None:
    """By trace number, the sum of BPR02 that we posted is what the payers' own books say."""
    ours: Counter[str] = Counter()
    for row in view.remits.each():
        assert row.state == "posted"
        ours[row.record.trace] += row.col("amount_cents")
    assert dict(ours) == ran.report.paid_by_trace()
    assert sum(ours.values()) > 100_000


def test_each_remittance_is_cash_to_the_cent(view: View) -> None:
    """The net debit to cash clearing of each remittance is BPR02 = sum of CLP04 - sum of PLB."""
    for row in view.remits.each():
        cents = view.book.total(account="cash_clearing", remit_id=row.id)
        told = sum(one.col("paid_cents") for one in view.remit_claims.each(remit_id=row.id))
        taken = sum(int(plb.amount * 100) for plb in row.record.provider_adjustments)
        assert cents == row.col("amount_cents") == told - taken


def test_two_zero_pay_remittances_share_a_trace_number(view: View) -> None:
    """A zero-pay 835 that shares its trace number with another is no duplicate: both are posted (promise 6)."""
    zero = Counter(row.record.trace for row in view.remits.each(state="posted", amount_cents=0))
    assert max(zero.values()) == 2


def test_a_claim_comes_to_what_its_payer_paid(ran: Ran, view: View) -> None:
    """By patient control number, the sum of CLP04 that we stored is what the payers' own books say."""
    ours: Counter[str] = Counter()
    for row in view.remit_claims.each():
        assert row.state == "posted"
        ours[row.record.patient_control_number] += row.col("paid_cents")
    assert dict(ours) == ran.report.paid_by_claim()


def test_nothing_negative_is_owed(view: View) -> None:
    """In no claim's own books does a payer or a patient owe less than nothing when everything is answered."""
    by_claim = view.book.sum(by=("claim_id",), account="insurance_receivable")
    assert [key for key, cents in by_claim.items() if cents < 0] == []
    held = view.book.sum(by=("claim_id",), account="held_receivable")
    assert [key for key, cents in held.items() if cents < 0] == []


def test_who_may_not_be_billed_is_not(view: View) -> None:
    """No cost sharing of a QMB, of Medicaid or of workers' compensation stands on a patient's account."""
    gated = {item.aggregate_id for item in view.work.list(limit=10_000, reason_prefix="gate.", open_only=False)}
    gated |= {row.id for row in view.claims.each() if row.col("payer") in {"medicaid", "comp"}}
    owed = view.book.sum(by=("claim_id",), account="patient_receivable")
    assert gated
    assert {claim for (claim,), cents in owed.items() if cents} & gated == set()


def test_a_statement_asks_for_what_the_book_says(view: View) -> None:
    """Each statement's total is the guarantor's receivable at its ledger entry, and its lines add up (promise 7)."""
    rows = list(view.statements.each())
    assert len(rows) > 5
    for row in rows:
        statement = row.record
        about = {"account": "patient_receivable", "guarantor_id": row.col("guarantor_id")}
        assert view.book.total(through=statement.through_entry, **about) == row.col("total_cents")
        for line in statement.lines:
            taken = line.insurance_paid + line.adjusted + line.patient_paid + line.pending
            assert line.due == line.charge - taken


def test_the_print_vendor_got_every_statement(ran: Ran, view: View) -> None:
    """Every statement that was made came to the print vendor, and its verdict is its state."""
    ours = {row.record.number: row.state for row in view.statements.each()}
    assert ours == ran.report.statements
