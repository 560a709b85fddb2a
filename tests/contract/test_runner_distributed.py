"""The distributed runner beside its kit: a database that goes away, runs that are lost, and how a runner is made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from hub.clock import SystemClock
from hub.errors import Misconfigured, RetryLater, StoreAway
from hub.plugin.host.answers import anything
from hub.plugin.host.guard import Guard
from hub.runner import LocalRunner, Nudge, Outcome, Retry, Trouble, make, share_nudges
from hub.runner.distributed import DistributedRunner, Pulse
from hub.runner.queue import NODE_LOST, Queue
from hub.store import Keyring, Store, open_store
from hub.store.holding import Overtaken, again, held
from hub.store.lanes import LOST

PULSE = Pulse(beat_seconds=0.2, dead_seconds=60.0, look_seconds=0.2)  # no busy machine makes a node dead
RETRY = Retry(first_seconds=0.05, most_seconds=0.2, bug_limit=3)


@pytest.fixture
def kept(made_pg_url: str) -> Iterator[Store]:
    """A store on PostgreSQL with the real clock."""
    store = open_store(made_pg_url, Keyring(bytes(32)), SystemClock())
    yield store
    store.close()


def until(condition: Callable[[], bool]) -> None:
    """Look again and again until it holds."""
    pause = threading.Event()
    for _ in range(3000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it never came true")


class Outage:
    """Takes a database away from everyone, and gives it back."""

    def __init__(self, url: str) -> None:
        self._name = url.partition("?")[0].rsplit("/", 1)[-1]
        self._dsn = url.replace("postgresql+psycopg", "postgresql").replace(self._name, "postgres")

    def begin(self) -> None:
        """Nobody connects any more, and every connection ends."""
        self._do(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS false')
        self.cut()

    def cut(self) -> None:
        """Every connection ends, and has ended when this returns: a backend that dies slowly still answers pings."""
        mine = f"datname = '{self._name}'"
        self._do(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {mine}")  # noqa: S608 - a test's own

    def end(self) -> None:
        """It is back."""
        self._do(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS true')

    def _do(self, statement: str) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as admin:
            admin.execute(statement.encode())


def test_a_database_that_comes_back_is_gone_on_with(kept: Store, made_pg_url: str) -> None:
    """A run during an outage is settled after it, once; what is nudged afterwards runs, and no thread was lost."""
    began, go_on = threading.Event(), threading.Event()
    seen: list[str] = []

    def step(lane: str) -> Outcome:
        seen.append(lane)
        if lane == "long":
            began.set()
            go_on.wait(60)
        return Outcome(done=1)

    runner = DistributedRunner({"a": step}, store=kept, threads=2, retry=RETRY, pulse=PULSE)
    runner.nudge("a", "long")
    runner.start()
    assert began.wait(60)
    outage = Outage(made_pg_url)
    outage.begin()
    go_on.set()
    ended = runner.counts
    until(lambda: ended()[0].runs == 1)
    outage.end()
    until(lambda: runner.busy == 0)
    runner.told([Nudge("a", f"lane{n}") for n in range(6)])
    assert runner.run_until_idle(60)
    assert sorted(seen) == sorted(["long", *[f"lane{n}" for n in range(6)]])
    assert runner.stop() == ()
    with kept.view() as view:
        assert {run.outcome for run in view.lanes.runs()} == {"ok"}


def test_an_ear_that_is_cut_off_hears_again(kept: Store, made_pg_url: str) -> None:
    """Nudges are heard over a new connection after the old one broke, by a node that looks once a minute only."""
    seen = threading.Event()

    def step(_lane: str) -> Outcome:
        seen.set()
        return Outcome()

    deaf = Pulse(beat_seconds=0.2, dead_seconds=100, look_seconds=60)
    runner = DistributedRunner({"a": step}, store=kept, threads=1, retry=RETRY, pulse=deaf)
    runner.start()
    outage = Outage(made_pg_url)
    for _ in range(2):
        runner.nudge("a", "x")
        assert seen.wait(60)
        assert runner.run_until_idle(60)
        seen.clear()
        outage.cut()
    runner.stop()


def test_a_run_that_takes_its_node_down_is_held(kept: Store) -> None:
    """Each node that dies with a run counts as its failure: after `bug_limit` the lane is held and shown, not run."""
    queue = Queue(kept, {"a": lambda _lane: Outcome()}, "n", RETRY)
    queue.nudge((Nudge("a", "x"),))
    told: list[Trouble] = []
    for _ in range(RETRY.bug_limit):
        taken = queue.take(queue.arrive())
        assert taken is not None
        told += queue.take_over(-1.0)
    assert [(one.kind, one.error, one.attempts) for one in told] == [("held", NODE_LOST, 3)]
    assert queue.take(queue.arrive()) is None
    assert [one.lane for one in queue.status().held] == ["x"]
    queue.release("x")
    taken = queue.take(queue.arrive())
    assert taken is not None
    assert queue.end(taken, Outcome(), None) is None
    with kept.view() as view:
        assert [run.outcome for run in view.lanes.runs()] == [LOST, LOST, LOST, "ok"]
        assert view.lanes.troubles() == []


def test_a_transaction_that_falls_silent_counts_like_a_bug(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that the database ends for its silence under a held lane is no absence of the database: it is
    told each time, with lane and what to do, and the lane is held after `bug_limit` tries.
    """
    monkeypatch.setattr("hub.store.lanes.STILL", "100ms")
    told: list[Trouble] = []

    def step(_lane: str) -> Outcome:
        with kept.begin("admin") as tx:
            mine = tx.session.conn.scalar(text("SELECT pg_backend_pid()"))
            until(lambda: not _lives(kept, mine))
            tx.plugin_state("p").put("k", b"v")
        return Outcome()

    runner = DistributedRunner(
        {"a": step}, store=kept, threads=1, retry=RETRY, pulse=PULSE, on_trouble=told.append
    )
    runner.nudge("a", "x")
    runner.start()
    until(lambda: len(told) == RETRY.bug_limit)
    assert runner.stop() == ()
    assert [one.kind for one in told] == ["bug", "bug", "held"]
    assert {(one.step, one.lane, one.error) for one in told} == {("a", "x", "FellSilent")}
    assert "lane x" in told[-1].said
    assert "between two statements" in told[-1].fix


def test_a_listener_that_fell_silent_says_later(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that holds no lane and was ended for its silence while it nudged is an absence: asked again."""
    monkeypatch.setattr("hub.store.lanes.STILL", "100ms")
    with pytest.raises(StoreAway):
        _fall_silent(kept)


def _fall_silent(store: Store) -> None:
    with store.begin("admin") as tx:
        tx.lanes.take("x")
        mine = tx.session.conn.scalar(text("SELECT pg_backend_pid()"))
        until(lambda: not _lives(store, mine))
        tx.plugin_state("p").put("k", b"v")


def _lives(store: Store, pid: int | None) -> bool:
    with store.engines.reader.connect() as connection:
        return bool(connection.scalar(text("SELECT 1 FROM pg_stat_activity WHERE pid = :pid"), {"pid": pid}))


def test_a_run_that_is_tried_again_says_so(kept: Store) -> None:
    """The step can know that its last run failed, and only then: what was told of that may be mended now."""
    seen: list[bool] = []

    def step(_lane: str) -> Outcome:
        seen.append(again())
        if len(seen) == 2:
            raise RetryLater("busy")
        return Outcome(more=len(seen) < 4)

    runner = DistributedRunner({"a": step}, store=kept, threads=1, retry=RETRY, pulse=PULSE)
    runner.nudge("a", "x")
    runner.start()
    until(lambda: len(seen) == 4)
    assert runner.stop() == ()
    assert seen == [False, False, True, False]


def test_a_node_that_starts_counts_nobody_as_dead_at_once(kept: Store) -> None:
    """After an outage all signs of life are old: a node that begins then waits as long as others need to speak."""
    queue = Queue(kept, {"a": lambda _lane: Outcome()}, "n", RETRY)
    queue.nudge((Nudge("a", "x"),))
    taken = queue.take(queue.arrive())
    assert taken is not None
    with kept.engines.writer.begin() as connection:
        connection.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"))
    patient = Pulse(beat_seconds=0.05, dead_seconds=600.0, look_seconds=0.05)
    runner = DistributedRunner({"a": lambda _lane: Outcome()}, store=kept, threads=1, retry=RETRY, pulse=patient)
    runner.start()
    runner.nudge("a", "y")
    until(lambda: runner.counts()[0].runs == 1)
    assert runner.stop() == ()
    assert queue.beat(taken.worker)
    assert queue.end(taken, Outcome(), None) is None


def test_a_forgotten_job_is_put_back(kept: Store) -> None:
    """A job that is marked as ours and that we never heard of (a commit without an answer) is run after all."""
    seen: list[str] = []

    def step(lane: str) -> Outcome:
        seen.append(lane)
        return Outcome()

    runner = DistributedRunner({"a": step}, store=kept, threads=1, retry=RETRY, pulse=PULSE)
    queue = runner._queue
    take = queue.take

    def deaf(worker: int) -> None:
        take(worker)
        queue.take = take

    queue.take = deaf
    runner.nudge("a", "x")
    runner.start()
    until(lambda: seen == ["x"])
    assert runner.stop() == ()


def test_a_run_that_is_nudged_again_is_folded_when_it_is_lost(kept: Store) -> None:
    """A lost run whose nudge waits a second time is run once, not twice."""
    queue = Queue(kept, {"a": lambda _lane: Outcome()}, "n", RETRY)
    queue.nudge((Nudge("a", "x"),))
    assert queue.take(queue.arrive()) is not None
    queue.nudge((Nudge("a", "x"),))
    assert queue.take_over(-1.0) == []
    assert queue.status().ready == 1


def test_finished_jobs_leave_the_queue(kept: Store) -> None:
    """The tables of the queue do not grow with what was run."""
    runner = DistributedRunner({"a": lambda _lane: Outcome()}, store=kept, retry=RETRY, pulse=PULSE)
    runner.told([Nudge("a", f"lane{n}") for n in range(20)])
    assert runner.run_until_idle(60)
    assert runner.stop() == ()
    with kept.engines.reader.connect() as connection:
        jobs = text("SELECT count(*) FROM procrastinate_jobs")
        events = text("SELECT count(*) FROM procrastinate_events")
        workers = text("SELECT count(*) FROM procrastinate_workers")
        assert [connection.scalar(query) for query in (jobs, events, workers)] == [0, 0, 0]


def test_a_runner_is_made_by_its_name(kept: Store, tmp_path: Path) -> None:
    """`[run] runner` makes a runner that hears the store; `distributed` without PostgreSQL is said plainly."""
    seen: list[str] = []

    def step(lane: str) -> Outcome:
        seen.append(lane)
        return Outcome()

    embedded = open_store(f"sqlite:///{tmp_path / 'hub.db'}", Keyring(bytes(32)), SystemClock())
    embedded.create_all()
    with pytest.raises(Misconfigured, match="SQLite") as refused:
        make("distributed", {"a": step}, store=embedded)
    assert "postgresql://" in refused.value.fix
    for kind, store in (("local", embedded), ("distributed", kept)):
        runner = make(kind, {"a": step}, store=store, threads=1)
        with store.begin("admin") as tx:
            tx.then(Nudge("a", kind))
        assert runner.run_until_idle(60)
        assert runner.stop() == ()
    embedded.close()
    assert seen == ["local", "distributed"]


def test_a_held_lane_stays_held_over_a_restart(tmp_path: Path) -> None:
    """The embedded runner asks no partner again with a refused password just because it was started anew."""
    store = open_store(f"sqlite:///{tmp_path / 'hub.db'}", Keyring(bytes(32)), SystemClock())
    store.create_all()
    asked: list[str] = []
    refused = [True]

    def step(lane: str) -> Outcome:
        asked.append(lane)
        if refused:
            raise Misconfigured("the password is wrong", fix="set a new one")
        return Outcome()

    def started() -> LocalRunner:
        return LocalRunner({"a": step}, store=store, on_trouble=lambda _trouble: None)

    first = started()
    first.nudge("a", "x")
    assert first.run_until_idle(60)
    first.stop()
    second = started()
    second.told([Nudge("a", "x"), Nudge("a", "y")])
    refused.clear()
    assert second.run_until_idle(60)
    assert asked == ["x", "y"]
    (held,) = second.status().held
    assert (held.step, held.lane, held.said, held.fix) == ("a", "x", "the password is wrong", "set a new one")
    second.release("x")
    assert second.run_until_idle(60)
    assert asked == ["x", "y", "x"]
    second.stop()
    assert started().status().held == ()
    store.close()


def test_a_node_that_was_silent_asks_no_partner(kept: Store) -> None:
    """A run whose node may be counted as dead calls no plugin and sends no more of a body: a partner cannot tell an
    old token from a new one.
    """
    asked: list[bytes] = []
    alive = [True]
    guard = Guard(instance="i", plugin="p", package="hub")

    def send(pieces: Iterator[bytes]) -> None:
        for piece in pieces:
            asked.append(piece)
            alive.clear()

    with kept.begin("runner.take") as tx:
        token = tx.lanes.take("x")
    with kept.holding("x", token, lambda: bool(alive)):
        with pytest.raises(Overtaken, match="another may have taken over x"):
            guard.send("stage", send, anything, iter([b"one", b"two"]))
        with pytest.raises(Overtaken):
            guard.call("publish", lambda: asked.append(b"never"), anything)
    assert asked == [b"one"]
    guard.call("list", lambda: asked.append(b"list"), anything)
    assert asked == [b"one", b"list"]
    guard.close()


def test_a_node_lives_while_it_is_not_counted_as_dead(kept: Store) -> None:
    """A run may act while its node's sign of life is fresh, and never again once another node has buried it."""
    alive: list[bool] = []
    went, buried = threading.Event(), threading.Event()

    def step(_lane: str) -> Outcome:
        if alive:  # what was taken over runs again
            return Outcome()
        mine = held()
        assert mine is not None
        assert mine.lives is not None
        alive.append(mine.lives())
        went.set()
        buried.wait(60)
        until(lambda: not mine.lives())
        until(lambda: runner._worker not in {None, first})
        alive.append(mine.lives())
        return Outcome()

    runner = DistributedRunner({"a": step}, store=kept, threads=1, retry=RETRY, pulse=PULSE)
    runner.nudge("a", "x")
    runner.start()
    assert went.wait(60)
    first = runner._worker
    Queue(kept, {"a": step}, "other", RETRY).take_over(-1.0)
    buried.set()
    until(lambda: alive == [True, False])
    runner.stop()


def test_a_process_that_runs_nothing_nudges_too(kept: Store, made_pg_url: str, sqlite_url: str) -> None:
    """A person's command nudges the nodes with its commit; where there is no queue yet it just commits."""
    seen: list[str] = []

    def step(lane: str) -> Outcome:
        seen.append(lane)
        return Outcome()

    command = open_store(made_pg_url, Keyring(bytes(32)), SystemClock())
    share_nudges("distributed", command)
    _nudge(command, "early")
    runner = make("distributed", {"a": step}, store=kept, threads=1)
    share_nudges("local", command)
    _nudge(command, "alone")
    share_nudges("distributed", command)
    share_nudges("distributed", command)
    _nudge(command, "shared")
    embedded = open_store(sqlite_url, Keyring(bytes(32)), SystemClock())
    share_nudges("distributed", embedded)
    assert runner.run_until_idle(60)
    assert seen == ["shared"]
    runner.stop()
    command.close()
    embedded.close()


def _nudge(store: Store, lane: str) -> None:
    with store.begin("admin") as tx:
        tx.then(Nudge("a", lane))
