"""What must cost the same however much there is: pages of work, sums of the books, counts; and whole copies."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.clock import TurnedClock
from hub.errors import Refused
from hub.ledger import AccountKind, Entry, Transaction
from hub.model.work import WorkItem
from hub.store import Store

pytestmark = pytest.mark.campaign

DAY = date(2026, 3, 2)
Put = Callable[..., str]


@pytest.fixture
def put(store: Store) -> Put:
    """Opens one item and returns its id."""

    def add(reason: str, cents: int = 0, *, aggregate: str = "claim", due_at: datetime | None = None) -> str:
        put.number += 1  # type: ignore[attr-defined]
        about = f"clm_{put.number}"  # type: ignore[attr-defined]
        words = {"why": "w", "fix": "f", "amount_cents": cents, "due_at": due_at}
        item = WorkItem(reason=reason, aggregate=aggregate, aggregate_id=about, **words)  # type: ignore[arg-type]
        with store.begin("admin") as tx:
            return tx.work.open(item, practice="east")

    put = add
    put.number = 0  # type: ignore[attr-defined]
    return add


def test_work_is_paged_in_the_order_in_which_it_presses(store: Store, put: Put, clock: TurnedClock) -> None:
    """First what blocks, then what is late by reason or by date, then what is worth most; warnings last."""
    soon = clock.now() - timedelta(hours=1)
    warning = put("scrub.warning", 900_00)
    plain = put("denial.CO-16", 50_00)
    dear = put("denial.CO-16", 70_00)
    due = put("denial.CO-16", 10_00, due_at=soon)
    later = put("denial.CO-16", 99_00, due_at=clock.now() + timedelta(days=1))
    overdue = put("overdue.claim_ack", 5_00)
    blocks = put("file.in_doubt", aggregate="file")
    with store.view() as view:
        wanted = [blocks, due, overdue, later, dear, plain, warning]
        assert [item.id for item in view.work.page(50)] == wanted
        after = ""
        for one in wanted:
            (item,) = view.work.page(1, after=after)
            assert item.id == one
            after = item.id
        assert view.work.page(1, after=after) == []
        assert [item.id for item in view.work.page(50, reason_prefix="overdue.")] == [overdue]
        assert view.work.page(50, practice="west") == []
        assert len(view.work.page(50, practice="east", owner="biller")) == len(wanted)


def test_equal_items_are_paged_by_age_and_none_is_skipped(store: Store, put: Put, clock: TurnedClock) -> None:
    """Items worth the same come oldest first, and a page goes on behind one that was resolved meanwhile."""
    ids = []
    for _ in range(5):
        ids.append(put("denial.CO-16", 10_00))
        clock.turn(timedelta(minutes=1))
    with store.view() as view:
        first = view.work.page(2)
    assert [item.id for item in first] == ids[:2]
    with store.begin("admin") as tx:
        tx.work.resolve(ids[1], "done", "me")
    with store.view() as view:
        assert [item.id for item in view.work.page(9, after=ids[1])] == ids[2:]
        with pytest.raises(Refused, match="no such work item"):
            view.work.page(1, after="wrk_none")


def post(store: Store, key: str, cents: int, practice: str = "east") -> None:
    """One movement of the books."""
    about: dict[str, Any] = {"payer": "ppo", "rank": 1, "claim_id": "clm_1", "guarantor_id": "gua_1"}
    entries = (
        Entry(account=AccountKind.INSURANCE_RECEIVABLE, cents=cents, **about),
        Entry(account=AccountKind.REVENUE, cents=-cents, **about),
    )
    with store.begin("admin") as tx:
        tx.book.post(Transaction(practice=practice, key=key, cause="test", posting_date=DAY, entries=entries))


def test_sums_of_the_books_are_those_of_every_entry(store: Store) -> None:
    """Before a fold, after it, and with entries behind it, for each practice by itself."""
    for number in range(3):
        post(store, f"a{number}", 100 + number)
    post(store, "b", 7, practice="west")
    for folded in (False, True, True):
        if folded:
            with store.begin("admin") as tx:
                tx.ledger_sums.fold(1)
            post(store, f"more{id(tx)}", -5)
        with store.view() as view:
            for practice in ("east", "west"):
                known = {name: cents for name, cents in view.ledger_sums.accounts(practice).items() if cents}
                assert known == view.book.accounts(practice=practice)
            assert view.ledger_sums.off(view.ledger_sums.truth()) == []


def test_few_entries_are_not_folded_and_an_edit_of_a_sum_is_seen(store: Store) -> None:
    """A fold waits until it is worth a transaction; what somebody wrote into the sums is named."""
    post(store, "a", 100)
    with store.begin("admin") as tx:
        assert tx.ledger_sums.fold() == 0
        assert tx.ledger_sums.fold(1) == 2
        assert tx.ledger_sums.fold(1) == 0
        tx.session.conn.exec_driver_sql("UPDATE ledger_sums SET cents = cents + 1 WHERE account = 'revenue'")
    with store.view() as view:
        assert view.ledger_sums.off(view.ledger_sums.truth()) == [("east", "revenue")]


def test_what_is_overdue_is_counted_as_it_is_found(store: Store, clock: TurnedClock) -> None:
    """The count is that of the list without its limit, and what has a work item is not in it."""
    with store.begin("admin") as tx:
        due = clock.now() + timedelta(hours=1)
        tx.expectations.expect_many([("claim_ack", f"sub_{n}", due) for n in range(3)], practice="east")
    clock.turn(timedelta(hours=2))
    with store.begin("admin") as tx:
        tx.expectations.link(tx.expectations.overdue(tx.now)[0].id, "wrk_1")
        assert tx.expectations.count_overdue(tx.now) == len(tx.expectations.overdue(tx.now)) == 2
        assert tx.expectations.tally() == {"claim_ack": 3}


def test_copies_of_a_run_are_whole(practised: Path, tmp_path: Path) -> None:
    """A store that was filled with copies keeps every promise: ids, numbers, bytes, books and chain are its own."""
    from hub.app import open_app
    from hub.reports.promises import prove
    from hub.testing.mass import Mass

    work = tmp_path / "work"
    shutil.copytree(practised, work)
    for path in (work / "config").rglob("*.toml"):
        path.write_text(path.read_text().replace(str(practised), str(work)))
    app = open_app(work / "config", clock=TurnedClock(_last(work)))
    try:
        mass = Mass(app.store)
        claims = mass.claims
        assert mass.grow(3 * claims) == 3 * claims
        proofs = prove(app.store, app.settings)
        with app.store.view() as view:
            assert view.claims.count() == 3 * claims
    finally:
        app.close()
    assert [one for proof in proofs for one in proof.exceptions] == []


def _last(work: Path) -> datetime:
    """A little after the run ended, which its mark tells by its day."""
    from hub.cli.demo.job import MARK

    return datetime.fromisoformat((work / MARK).read_text() + "T23:30:00+00:00")
