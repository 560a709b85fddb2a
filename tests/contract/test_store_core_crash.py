"""Commit points: a process killed before a commit leaves nothing of it, killed after it leaves all of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from hub.clock import TurnedClock
from hub.errors import Misconfigured
from hub.store import Keyring, open_store
from hub.store.points import POINTS, CrashPlan

_CHILD = """
import sys
from datetime import UTC, datetime
from hub.clock import TurnedClock
from hub.store import Keyring, Nudge, open_store
store = open_store(sys.argv[1], Keyring(bytes(32)), TurnedClock(datetime(2026, 3, 2, tzinfo=UTC)))
store.on_commit(lambda nudges: print("told", flush=True))
for number in range(3):
    with store.begin("batch.freeze") as tx:
        [isa] = tx.registry.take("isa13:a", ref="file")
        tx.files.freeze(b"x" * 100, practice="p1", mailbox="a", kind="837P", name="n", isa13=str(isa))
        tx.event("file.frozen", "file", str(isa), practice="p1")
        tx.then(Nudge("dispatch"))
"""


def run(url: str, plan: str) -> subprocess.CompletedProcess[str]:
    """Freeze three files in a process of its own, with a crash planned or without."""
    environment = {**os.environ, "HUB_CRASH_AT": plan}
    command = [sys.executable, "-c", _CHILD, url]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("plan", "kept", "told"), [("batch.freeze:before:2", 1, 1), ("batch.freeze:after:2", 2, 1)]
)
def test_a_killed_process_leaves_whole_transactions(made_url: str, plan: str, kept: int, told: int) -> None:
    """Before the commit: nothing of the second file. After it: all of it, though nobody was told any more."""
    done = run(made_url, plan)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout.count("told") == told
    store = open_store(made_url, Keyring(bytes(32)), TurnedClock(datetime(2026, 3, 3, tzinfo=UTC)))
    with store.begin("batch.freeze") as tx:
        files = tx.files.find()
        assert [file.isa13 for file in files] == [str(n + 1) for n in range(kept)]
        assert all(tx.files.verify(file) is None for file in files)
        assert len(tx.registry.numbers_of("file")["isa13:a"]) == kept
        assert list(tx.registry.take("isa13:a")) == [kept + 1]
        assert tx.session.conn.exec_driver_sql("SELECT count(*) FROM events").scalar() == kept
        assert tx.session.conn.exec_driver_sql("SELECT count(*) FROM blobs").scalar() == kept
    store.close()


def test_without_a_plan_nothing_is_killed(made_sqlite_url: str) -> None:
    """An empty HUB_CRASH_AT is no plan."""
    done = run(made_sqlite_url, "")
    assert (done.returncode, done.stdout.count("told")) == (0, 3), done.stderr


@pytest.mark.parametrize("text", ["x", "admin:before", "admin:between:1", "admin:after:0", "nowhere:after:1"])
def test_a_plan_that_names_no_commit_is_refused(text: str) -> None:
    """A misspelt plan would test nothing: it stops the start."""
    with pytest.raises(Misconfigured, match="HUB_CRASH_AT"):
        CrashPlan(text)


def test_commits_are_counted_by_name() -> None:
    """`commit_points` tells the kill tests which names a run passes, and how often."""
    plan = CrashPlan.from_environment({})
    assert (plan.before("admin"), plan.before("admin"), plan.before("audit.seal")) == (1, 2, 1)
    assert plan.seen == {"admin": 2, "audit.seal": 1}
    assert set(plan.seen) < POINTS
