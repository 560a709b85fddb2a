"""Lanes in the store: one holder at a time, a journal that proves it, and troubles that outlive a process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from hub.clock import SystemClock
from hub.errors import Misconfigured
from hub.store import Keyring, Nudge, Store, open_store
from hub.store.holding import Overtaken
from hub.store.jobs import Ear, listening
from hub.store.lanes import LOST, LaneRun, LaneTrouble, overlaps

AT = datetime(2026, 3, 2, tzinfo=UTC)
RUN = LaneRun(
    seq=1,
    lane="x",
    step="a",
    node="n",
    token=1,
    began_at=AT,
    ended_at=AT + timedelta(seconds=1),
    outcome="ok",
    done=1,
)


@pytest.fixture
def lanes(made_url: str, keyring: Keyring) -> Iterator[Store]:
    """A store with the real clock: troubles wait in real time on PostgreSQL."""
    opened = open_store(made_url, keyring, SystemClock())
    yield opened
    opened.close()


def taken(store: Store, lane: str) -> int:
    """Take a lane, and commit."""
    with store.begin("runner.take") as tx:
        return tx.lanes.take(lane)


def test_an_old_holder_is_refused(lanes: Store) -> None:
    """Each take makes the earlier tokens worthless: every transaction of their holders is refused at its begin."""
    old, other = taken(lanes, "x"), taken(lanes, "y")
    new = taken(lanes, "x")
    assert (old, new, other) == (1, 2, 1)
    with lanes.holding("x", old):
        with pytest.raises(Overtaken, match="another node has taken over x"), lanes.begin("admin"):
            pytest.fail("it began")
        with lanes.view() as view:
            assert view.lanes.runs() == []
    with lanes.holding("x", new), lanes.begin("admin") as tx:
        tx.plugin_state("p").put("k", b"v")
    with lanes.begin("admin"):
        pass


def test_nobody_takes_a_lane_before_the_holder_commits(lanes: Store) -> None:
    """A take waits for the holder's open transaction: what that writes is written before, never beside."""
    token = taken(lanes, "x")
    order: list[str] = []

    def take() -> None:
        taken(lanes, "x")
        order.append("taken")

    taker = threading.Thread(target=take)
    with lanes.holding("x", token), lanes.begin("admin") as tx:
        taker.start()
        tx.plugin_state("p").put("k", b"v")
        taker.join(0.1)
        order.append("written")
    taker.join(60)
    assert order == ["written", "taken"]


def test_the_outbox_acts_under_the_run_that_holds_the_lane(lanes: Store) -> None:
    """Within a held lane its own token serves the journal of transfers; elsewhere the lane is taken over."""
    token = taken(lanes, "x")
    with lanes.holding("x", token), lanes.begin("dispatch.stage") as tx:
        assert tx.outbox.fence("x") == token
        assert tx.outbox.fence("y") == 1
    with lanes.begin("dispatch.stage") as tx:
        assert tx.outbox.fence("x") == token + 1


def test_holding_ends_with_its_block(lanes: Store) -> None:
    """Holdings nest, and another thread holds nothing."""
    found: list[bool] = []

    def look() -> None:
        with lanes.begin("admin"):
            found.append(True)

    taken(lanes, "x")
    taken(lanes, "x")
    with lanes.holding("x", 2):
        with lanes.holding("x", 1), pytest.raises(Overtaken), lanes.begin("admin"):
            pytest.fail("it began")
        with lanes.begin("admin"):
            found.append(True)
        with lanes.holding("x", 1):
            thread = threading.Thread(target=look)
            thread.start()
            thread.join(60)
    assert found == [True, True]


def test_the_journal_of_a_lane(lanes: Store) -> None:
    """A run has one line: it ends once, as lost when its node is counted as dead, and goes with its age."""
    with lanes.begin("runner.take") as tx:
        first = tx.lanes.open_run("x", "a", "one", tx.lanes.take("x"))
        again = tx.lanes.open_run("y", "a", "one", tx.lanes.take("y"))
    with lanes.begin("runner.end") as tx:
        tx.lanes.close_run(first, "ok", 7)
        assert tx.lanes.lose("y") == 2
    with lanes.begin("runner.end") as tx:
        tx.lanes.close_run(again, "ok", 7)
        runs = tx.lanes.runs()
        assert [(run.lane, run.outcome, run.done) for run in runs] == [("x", "ok", 7), ("y", LOST, 0)]
        assert tx.lanes.runs(after_seq=first.seq, lane="y") == [runs[1]]
        assert overlaps(runs) == []
        assert tx.lanes.prune(runs[0].began_at) == 0
        assert tx.lanes.prune(tx.now + timedelta(days=1)) == 2


def test_runs_that_did_nothing_are_forgotten(lanes: Store) -> None:
    """Of runs that are old, those that went well and did nothing go; what did something, failed or runs stays."""
    for outcome, done in (("ok", 0), ("ok", 3), ("more", 0), ("bug", 0)):
        with lanes.begin("runner.take") as tx:
            run = tx.lanes.open_run("x", "a", "one", tx.lanes.take("x"))
        with lanes.begin("runner.end") as tx:
            tx.lanes.close_run(run, outcome, done)
    with lanes.begin("runner.end") as tx:
        tx.lanes.open_run("x", "a", "one", tx.lanes.take("x"))
    with lanes.begin("runner.tend") as tx:
        assert tx.lanes.forget_idle(3600) == 0
        assert tx.lanes.forget_idle(-1) == 1
        assert [(run.outcome, run.done) for run in tx.lanes.runs()] == [
            ("ok", 3),
            ("more", 0),
            ("bug", 0),
            ("", 0),
        ]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, False),
        ({"began_at": AT + timedelta(seconds=0.5)}, True),
        ({"token": 1}, True),
        ({"lane": "y", "began_at": AT, "token": 1}, False),
    ],
)
def test_overlaps_are_found(change: dict[str, object], wrong: bool) -> None:
    """Two runs of a lane overlap when the second begins before the end of the first, or under no newer token."""
    then = replace(RUN, seq=2, token=2, began_at=AT + timedelta(seconds=1), ended_at=None, outcome="")
    then = replace(then, **change)
    assert overlaps([then, RUN]) == ([(RUN, then)] if wrong else [])
    unended = replace(RUN, ended_at=None)
    assert overlaps([unended, then]) == ([(unended, then)] if then.lane == "x" else [])


def test_troubles_back_off_and_wake(lanes: Store) -> None:
    """A trouble wakes when its time has come, once, and keeps its beginning while it lasts."""
    with lanes.begin("runner.end") as tx:
        tx.lanes.put(LaneTrouble(lane="x", step="a", kind="retry", attempts=1), 0.0)
        tx.lanes.put(LaneTrouble(lane="x", step="b", kind="bug", attempts=1), 600.0)
    with lanes.begin("runner.tend") as tx:
        assert tx.lanes.due() == 1
        assert tx.lanes.wake() == [Nudge("a", "x")]
        assert tx.lanes.wake() == []
        before = tx.lanes.troubles(step="a")[0]
        assert (before.retry_at, before.attempts) == (None, 1)
    with lanes.begin("runner.end") as tx:
        tx.lanes.put(LaneTrouble(lane="x", step="a", kind="retry", attempts=2, said="busy"), 600.0)
        after = tx.lanes.troubles(step="a")[0]
        assert (after.since, after.attempts, after.said) == (before.since, 2, "busy")
        assert after.retry_at is not None
        tx.lanes.clear("x", "a")
        assert [one.step for one in tx.lanes.troubles()] == ["b"]


def test_release_gives_what_waited(lanes: Store) -> None:
    """Releasing a held lane gives its step and what waited behind it; a lane that is not held gives nothing."""
    taken(lanes, "x")
    with lanes.begin("runner.end") as tx:
        tx.lanes.put(LaneTrouble(lane="x", step="a", kind="held", attempts=1))
        tx.lanes.put(LaneTrouble(lane="x", step="c", kind="retry", attempts=3), 600.0)
        tx.lanes.park("x", "b")
        tx.lanes.park("x", "b")
        tx.lanes.park("x", "c")
        assert [one.step for one in tx.lanes.held()] == ["a"]
    with lanes.begin("runner.tend") as tx:
        assert tx.lanes.release("y") == []
        assert tx.lanes.release("x") == [Nudge("a", "x"), Nudge("b", "x")]
        assert tx.lanes.release("x") == []
        assert [(one.step, one.attempts) for one in tx.lanes.troubles()] == [("c", 3)]


def test_in_commit_is_part_of_the_transaction(lanes: Store) -> None:
    """What a callback writes just before the commit is undone with the rest, and an error of its own undoes all."""
    heard: list[list[Nudge]] = []
    fails: list[bool] = []

    def write(connection: object, nudges: list[Nudge]) -> None:
        heard.append(nudges)
        if fails:
            raise LookupError

    lanes.in_commit(write)
    with lanes.begin("admin"):
        pass
    assert heard == []
    with lanes.begin("admin") as tx:
        tx.then(Nudge("a"), Nudge("b"), Nudge("a"))
    assert heard == [[Nudge("a"), Nudge("b")]]
    fails.append(True)
    with pytest.raises(LookupError):
        _put_and_nudge(lanes)
    with lanes.view() as view:
        assert view.plugin_state("p").get("k") is None


def test_an_ear_hears_commits_only(made_pg_url: str, keyring: Keyring) -> None:
    """A nudge is heard when it is committed; silence ends with its time."""
    from hub.runner.distributed import DistributedRunner

    store = open_store(made_pg_url, keyring, SystemClock())
    DistributedRunner({}, store=store)
    with listening(store.engines) as ear:
        assert isinstance(ear, Ear)
        with pytest.raises(LookupError):
            _fail(store)
        assert not ear.hear(0.05)
        with store.begin("admin") as tx:
            tx.then(Nudge("a"))
        assert ear.hear(10)
        ear.alive()
    store.close()


def test_a_queue_of_a_newer_hub_is_refused(made_pg_url: str, keyring: Keyring) -> None:
    """The queue's tables are made once, are kept by later starts, and those of a newer library are left alone."""
    from sqlalchemy import text

    from hub.runner.distributed import DistributedRunner

    store = open_store(made_pg_url, keyring, SystemClock())
    DistributedRunner({"a": lambda _lane: pytest.fail("it ran")}, store=store).nudge("a")
    second = DistributedRunner({}, store=store)
    assert second.status().ready == 1
    with store.engines.writer.begin() as connection:
        connection.execute(text("COMMENT ON TABLE procrastinate_jobs IS 'billing-hub 99.00.00_01_pre.sql'"))
    with pytest.raises(Misconfigured, match="newer hub"):
        DistributedRunner({}, store=store)
    store.close()


def _put_and_nudge(store: Store) -> None:
    with store.begin("admin") as tx:
        tx.plugin_state("p").put("k", b"v")
        tx.then(Nudge("a"))


def _fail(store: Store) -> None:
    with store.begin("admin") as tx:
        tx.then(Nudge("a"))
        raise LookupError
