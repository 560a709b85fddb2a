"""Store and runner together: a commit nudges the next step, and a rollback nudges nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hub.clock import TurnedClock
from hub.errors import RetryLater
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


def test_what_is_tried_again_is_kept_to_be_seen(kept: Store, clock: TurnedClock) -> None:
    """Whoever looks from elsewhere sees since when a step fails and when it is tried again. A runner that begins
    tries it at once, and forgets it where it went well, or where its time was over before.
    """
    away = [True]

    def pull(_lane: str) -> Outcome:
        if away[0]:
            raise RetryLater("HTTP 503", fix="ask who runs it")
        return Outcome()

    def run(*nudges: Nudge) -> list[tuple[str, str, int]]:
        runner = LocalRunner(
            {"pull": pull}, retry=Retry(first_seconds=60), on_trouble=lambda _trouble: None, store=kept
        )
        runner.told(nudges)
        assert runner.run_until_idle(60)
        assert runner.stop() == ()
        with kept.view() as view:
            found = view.lanes.troubles()
        assert all(one.retry_at is not None and one.retry_at > clock.now() for one in found)
        return [(one.kind, one.said, one.attempts) for one in found]

    assert run(Nudge("pull", "ehr")) == [("retry", "HTTP 503", 1)]
    assert run() == [("retry", "HTTP 503", 1)]
    away[0] = False
    assert run(Nudge("pull", "ehr")) == []
    away[0] = True
    assert len(run(Nudge("pull", "ehr"))) == 1
    clock.turn(timedelta(hours=1))
    assert run() == []
