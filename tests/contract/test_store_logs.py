"""Work items, expectations, slots, runs and plugin state on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from hub.clock import TurnedClock
from hub.errors import Stale
from hub.model.work import WorkItem
from hub.store import Damaged, Store
from hub.store.state import PLUGIN_STATE


def item(reason: str = "coding.unmapped", about: str = "enc_1", **more: Any) -> WorkItem:
    """A work item about an encounter."""
    words = {"why": "no row maps this code", "fix": "add a row", **more}
    return WorkItem(reason=reason, aggregate="encounter", aggregate_id=about, **words)


def test_one_open_item_for_one_thing(store: Store, clock: TurnedClock) -> None:
    """Opening the same thing again brings it up to date and keeps its id and age; another place is not it."""
    with store.begin("admin") as tx:
        first = tx.work.open(item(), practice="east")
    clock.turn(timedelta(hours=1))
    with store.begin("admin") as tx:
        assert tx.work.open(item(amount_cents=900), practice="east") == first
        others = tx.work.open_many([item(where="FT1[2]-7"), item(about="enc_2")], practice="east")
        others.append(tx.work.open(item(), practice="west"))
        again = tx.work.get(first)
        assert again is not None
        assert (again.amount_cents, again.opened_at) == (900, clock.now() - timedelta(hours=1))
        assert len({first, *others}) == tx.work.count() == 4


def test_a_resolved_item_can_come_back(store: Store) -> None:
    """Resolving is once and keeps who and how; when the thing goes wrong again it is a new item."""
    with store.begin("work.resolve") as tx:
        first = tx.work.open(item(), practice="east")
        assert [tx.work.resolve(first, "row added", "ann") for _ in range(2)] == [True, False]
        assert tx.work.open(item(), practice="east") != first
        done = tx.work.get(first)
        assert done is not None
        assert (done.how, done.resolved_by, done.resolved_at) == ("row added", "ann", tx.now)
        assert tx.work.get("wrk_none") is None


def test_resolved_for_an_aggregate(store: Store) -> None:
    """A step that succeeds closes what its own reasons opened for the aggregate, and nothing else."""
    with store.begin("coding.code") as tx:
        tx.work.open_many([item(), item("coding.price"), item("scrub.npi"), item(about="enc_2")], practice="east")
        assert tx.work.resolve_for("enc_1", "coding.", "coded") == 2
        assert {one.reason for one in tx.work.list(aggregate_id="enc_1")} == {"scrub.npi"}
        assert tx.work.resolve_for("enc_1", "", "voided") == 1
        assert tx.work.tally() == {"coding.unmapped": (1, 0)}


def test_a_prefix_is_not_a_pattern(store: Store) -> None:
    """Signs that SQL would read as wildcards match themselves only."""
    with store.begin("coding.code") as tx:
        tx.work.open(item("coding.unmapped"), practice="east")
        assert tx.work.resolve_for("enc_1", "coding_", "no") == 0
        assert tx.work.list(reason_prefix="%") == []


def test_the_most_urgent_first(store: Store, clock: TurnedClock) -> None:
    """Items come by due date, then those without one by age; filters take one value or several."""
    now = clock.now()
    with store.begin("admin") as tx:
        tx.work.open(item("c"), practice="east")
        tx.work.open(item("b", due_at=now + timedelta(days=2), owner="it"), practice="east")
        tx.work.open(item("a", due_at=now + timedelta(days=1), amount_cents=5), practice="east")
        tx.work.resolve_for("enc_1", "c", "done")
        assert [one.reason for one in tx.work.list()] == ["a", "b"]
        assert [one.reason for one in tx.work.list(open_only=False)] == ["a", "b", "c"]
        assert [one.reason for one in tx.work.list(owner=["it"], limit=1)] == ["b"]
        assert tx.work.tally("owner") == {"biller": (1, 5), "it": (1, 0)}


def test_groups_by_what_they_are_worth(store: Store, clock: TurnedClock) -> None:
    """Open items come together by reason and owner: number, worth, age and first due date, the dearest first."""
    due = clock.now() + timedelta(days=1)
    with store.begin("admin") as tx:
        ids = tx.work.open_many(
            [item("a", amount_cents=5), item("a", about="enc_2", due_at=due)], practice="east"
        )
        tx.work.open_many([item("b", amount_cents=50), item("c", owner="it")], practice="east")
        tx.work.open(item("a"), practice="west")
        groups = tx.work.groups(practice="east")
    assert [(one.reason, one.owner, one.count, one.cents) for one in groups] == [
        ("b", "biller", 1, 50),
        ("a", "biller", 2, 5),
        ("c", "it", 1, 0),
    ]
    assert (groups[1].since, groups[1].due_at) == (clock.now(), due)
    assert groups[1].example in ids


def test_silence_becomes_work_and_an_answer_ends_it(store: Store, clock: TurnedClock) -> None:
    """An expectation is overdue once its time has come and until a work item is linked; the answer that comes
    late resolves that item.
    """
    due = clock.now() + timedelta(hours=4)
    with store.begin("dispatch.settle") as tx:
        assert [tx.expect("999", "fil_1", due, "east") for _ in range(2)] == [True, False]
        assert tx.expectations.overdue(clock.now()) == []
    clock.turn(timedelta(hours=5))
    with store.begin("sweep.expect") as tx:
        (late,) = tx.expectations.overdue(clock.now())
        work_id = tx.work.open(item("silence.999", about="fil_1"), practice="east")
        tx.expectations.link(late.id, work_id)
        assert tx.expectations.overdue(clock.now()) == []
        assert [one.work_id for one in tx.expectations.open(kind="999")] == [work_id]
    with store.begin("acks.apply") as tx:
        assert [tx.met("999", "fil_1", "inb_1") for _ in range(2)] == [True, False]
        resolved = tx.work.get(work_id)
        assert resolved is not None
        assert resolved.resolved_at == clock.now()
        assert tx.expectations.find(about="fil_1")[0].met_by == "inb_1"


def test_an_expectation_met_can_be_opened_again(store: Store, clock: TurnedClock) -> None:
    """A second file about the same thing is expected anew; many are met at once."""
    with store.begin("dispatch.settle") as tx:
        wanted = [("835", f"sub_{n}", clock.now()) for n in range(3)]
        assert tx.expectations.expect_many([*wanted, wanted[0]], practice="east") == 3
        assert tx.expectations.tally() == {"835": 3}
        assert tx.expectations.met_many("835", ["sub_0", "sub_1", "sub_9"], "rmt_1") == 2
        assert tx.expect("835", "sub_0", clock.now(), "east") is True
        assert [one.about for one in tx.expectations.overdue(clock.now())] == ["sub_2", "sub_0"]


def _take_and_fail(store: Store) -> None:
    with store.begin("schedule.slot") as tx:
        assert tx.slots.take("nightly", "2026-03-02T02:00")
        raise ZeroDivisionError


def test_a_slot_is_taken_once(store: Store) -> None:
    """Any number of schedulers may try: one takes the slot, and a transaction that failed gives it back."""
    with pytest.raises(ZeroDivisionError):
        _take_and_fail(store)
    taken: list[bool] = []

    def scheduler() -> None:
        with store.begin("schedule.slot") as tx:
            taken.append(tx.slots.take("nightly", "2026-03-02T02:00"))

    threads = [threading.Thread(target=scheduler) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert sorted(taken) == [False, False, True]
    with store.view() as view:
        assert (view.slots.last("nightly"), view.slots.last("other")) == ("2026-03-02T02:00", None)


def test_a_run_ends_once(store: Store, clock: TurnedClock) -> None:
    """A run is running until it ends with an outcome and counts; a second end is refused."""
    with store.begin("schedule.slot") as tx:
        run_id = tx.runs.start("nightly", "2026-03-02T02:00")
    clock.turn(timedelta(minutes=3))
    with store.begin("schedule.slot") as tx:
        tx.runs.finish(run_id, "ok", claims=12)
        (run,) = tx.runs.list(schedule="nightly")
        assert (run.outcome, run.counts, run.ended) == ("ok", {"claims": 12}, clock.now())
        with pytest.raises(Stale):
            tx.runs.finish(run_id, "ok")


def test_plugin_state_is_kept_sealed(store: Store) -> None:
    """State comes back as it was put, per instance; the table holds no plain value; a swapped row is refused."""
    secret = b"cursor-of-a-partner"
    with store.begin("plugin.state") as tx:
        state = tx.plugin_state("clearing")
        assert state.get("cursor") is None
        state.put("cursor", b"old")
        state.put("cursor", secret)
        tx.plugin_state("other").put("cursor", b"b")
        assert (state.get("cursor"), state.keys()) == (secret, ["cursor"])
    with store.view() as view:
        bodies = view.session.conn.scalars(select(PLUGIN_STATE.c.body)).all()
        assert view.plugin_state("other").get("cursor") == b"b"
        assert not any(secret in bytes(body) for body in bodies)
    with store.begin("admin") as tx:
        swap = "UPDATE plugin_state SET instance = 'third' WHERE instance = 'clearing'"
        tx.session.conn.execute(text(swap))
        with pytest.raises(Damaged):
            tx.plugin_state("third").get("cursor")
