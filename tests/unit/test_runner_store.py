"""Store and runner together: a commit nudges the next step, and a rollback nudges nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.clock import TurnedClock
from hub.runner import LocalRunner, Nudge, Outcome, Retry
from hub.store import Keyring, Store, open_store


@pytest.fixture
def kept(tmp_path: Path, clock: TurnedClock) -> Iterator[Store]:
    """An SQLite store with its tables."""
    opened = open_store(f"sqlite:///{tmp_path / 'hub.db'}", Keyring(bytes(32)), clock)
    opened.create_all()
    yield opened
    opened.close()


def test_commits_nudge_the_next_step(kept: Store) -> None:
    """Each of twenty lanes goes through three steps in its own time; each step's transaction nudges the next."""

    def step(after: str) -> Callable[[str], Outcome]:
        def run(lane: str) -> Outcome:
            with kept.begin("plugin.state") as tx:
                count = tx.plugin_state(lane)
                count.put("steps", (count.get("steps") or b"") + b"x")
                if after:
                    tx.then(Nudge(after, lane))
            return Outcome(done=1)

        return run

    runner = LocalRunner({"a": step("b"), "b": step("c"), "c": step("")}, threads=4)
    kept.on_commit(runner.told)
    runner.told([Nudge("a", f"lane{n}") for n in range(20)])
    assert runner.run_until_idle(60)
    assert runner.stop() == ()
    with kept.view() as view:
        assert [view.plugin_state(f"lane{n}").get("steps") for n in range(20)] == [b"xxx"] * 20
    assert {count.step: count.done for count in runner.counts()} == {"a": 20, "b": 20, "c": 20}


def test_a_rollback_nudges_nobody(kept: Store) -> None:
    """A step that fails after it asked for the next one has asked for nothing."""
    fails = [True]
    ran: list[str] = []

    def first(lane: str) -> Outcome:
        with kept.begin("plugin.state") as tx:
            tx.then(Nudge("b", lane))
            if fails and fails.pop():
                raise LookupError
        return Outcome(done=1)

    def second(lane: str) -> Outcome:
        ran.append(lane)
        return Outcome(done=1)

    runner = LocalRunner(
        {"a": first, "b": second}, retry=Retry(first_seconds=60), on_trouble=lambda _trouble: None
    )
    kept.on_commit(runner.told)
    runner.nudge("a", "x")
    assert runner.run_until_idle(60)
    assert ran == []
    runner.stop()
