"""Transactions: named, counted, told after the commit; readers and writers do not wait for each other."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.clock import TurnedClock
from hub.errors import Misconfigured, RetryLater, Stale
from hub.store import Keyring, Nudge, Store, engine, open_store
from hub.store.rehearsal import rehearsed


def test_an_undeclared_commit_point_is_refused(store: Store) -> None:
    """Every commit has a declared name, so that the kill tests can enumerate them all."""
    with pytest.raises(ValueError, match="not declared"), store.begin("nowhere"):
        pass


def test_nudges_are_told_once_after_the_commit_and_not_after_a_rollback(store: Store) -> None:
    """A nudge reaches the runner only when what it points to is durable, and equal ones are folded."""
    told: list[list[Nudge]] = []
    store.on_commit(told.append)
    with store.begin("admin") as tx:
        tx.then(Nudge("scrub", "a"), Nudge("scrub", "a"))
        tx.then(Nudge("code"))
        assert told == []
    with pytest.raises(RuntimeError):
        _nudge_and_fail(store)
    assert told == [[Nudge("scrub", "a"), Nudge("code")]]


def test_of_a_trial_nothing_stays(store: Store) -> None:
    """What is written in a trial can be read there and nowhere after, nobody is nudged, and the next one writes."""
    told: list[list[Nudge]] = []
    store.on_commit(told.append)
    with store.trial() as tx:
        tx.plugin_state("x").put("k", b"v")
        tx.then(Nudge("scrub", "a"))
        assert tx.plugin_state("x").get("k") == b"v"
    with store.begin("admin") as tx:
        assert tx.plugin_state("x").get("k") is None
    assert (told, "trial" in store.commit_points) == ([], False)


def test_a_transaction_inside_a_transaction_is_a_bug_that_says_so(store: Store) -> None:
    """A second write transaction in one thread would wait for the first for ever: it raises instead."""
    with store.begin("admin"), pytest.raises(RuntimeError, match="already open"), store.begin("admin"):
        pass


def test_another_process_that_holds_the_lock_is_waited_for_and_then_named(
    made_sqlite_url: str, keyring: Keyring, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that is not let go ends in `RetryLater`, never in a lost update or a bare database error."""
    monkeypatch.setattr(engine, "_SQLITE_PRAGMAS", ("PRAGMA busy_timeout=1",))
    store = open_store(made_sqlite_url, keyring, clock)
    assert store.keys.active_data_key
    other = sqlite3.connect(made_sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetryLater, match="locked"), store.begin("admin"):
        pass
    with store.view() as view:
        assert view.patients.count() == 0
    other.execute("ROLLBACK")
    other.close()
    with store.begin("admin") as tx:
        assert list(tx.registry.take("st02")) == [1]
    store.close()


def test_two_transactions_that_wait_for_each_other_are_told_apart(
    made_pg_url: str, keyring: Keyring, clock: TurnedClock
) -> None:
    """PostgreSQL ends one of two that stand crosswise: it reads again and redoes, and both are done at the end."""
    store = open_store(made_pg_url, keyring, clock)
    crossing = threading.Barrier(2)
    outcomes: list[str] = []

    def take(first: str, second: str) -> None:
        try:
            with store.begin("admin") as tx:
                tx.registry.take(first)
                crossing.wait(timeout=30)
                tx.registry.take(second)
            outcomes.append("done")
        except Stale:
            outcomes.append("stale")

    threads = [threading.Thread(target=take, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert sorted(outcomes) == ["done", "stale"]


def test_a_server_that_ends_the_connection_is_tried_again(
    made_pg_url: str, keyring: Keyring, clock: TurnedClock
) -> None:
    """A lost connection loses its transaction and no other: the next one finds a connection that works."""
    store = open_store(made_pg_url, keyring, clock)
    with pytest.raises(RetryLater, match="ended the connection"), store.begin("admin") as tx:
        tx.session.conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with store.begin("admin") as tx:
        assert list(tx.registry.take("st02")) == [1]
    store.close()


def test_a_server_that_is_not_there_is_waited_for(keyring: Keyring, clock: TurnedClock) -> None:
    """No server at the address is `RetryLater`: it may come back."""
    store = open_store("postgresql://127.0.0.1:1/hub", keyring, clock)
    with pytest.raises(RetryLater, match="away"), store.view():
        pass
    store.close()


def test_a_failed_transaction_leaves_nothing_and_the_next_one_works(store: Store) -> None:
    """An exception rolls back everything, and neither the thread nor the connection is spoilt by it."""
    with pytest.raises(Exception, match="no_such_table"):
        _ask_for_nothing(store)
    with store.begin("admin") as tx:
        assert list(tx.registry.take("st02")) == [1]


def test_a_message_of_the_database_holds_no_values(store: Store) -> None:
    """Whatever the database refuses, what was bound to the statement stays out of the message."""
    with pytest.raises(Exception, match="practice") as caught, store.begin("admin") as tx:
        tx.session.conn.execute(text("INSERT INTO slots (schedule) VALUES (:v), (practice)"), {"v": "Canarybird"})
    assert "Canarybird" not in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:////no/such/folder/x.db", "nonsense"])
def test_a_database_that_cannot_be_is_refused_in_words(url: str, keyring: Keyring, clock: TurnedClock) -> None:
    """Only SQLite files in an existing folder and PostgreSQL: anything else is told to a person."""
    with pytest.raises(Misconfigured):
        open_store(url, keyring, clock)


def test_the_database_file_is_for_its_owner_only(sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> None:
    """Nobody else on the machine may read the file or its journal, whatever the umask says."""
    store = open_store(sqlite_url, keyring, clock)
    store.create_all()
    modes = [Path(sqlite_url.removeprefix("sqlite:///") + end).stat().st_mode for end in ("", "-wal")]
    store.close()
    assert [stat.S_IMODE(mode) for mode in modes] == [0o600, 0o600]


def _ask_for_nothing(store: Store) -> None:
    with store.begin("admin") as tx:
        tx.registry.take("st02")
        tx.session.conn.execute(text("SELECT * FROM no_such_table"))


def _nudge_and_fail(store: Store) -> None:
    with store.begin("admin") as tx:
        tx.then(Nudge("lost"))
        raise RuntimeError


def test_a_dry_run_is_the_deed_without_its_end(store: Store) -> None:
    """What is rehearsed sees what it wrote, fails as the deed would, and leaves nothing; else it is the deed."""
    for dry_run, left in ((True, 0), (False, 1)):
        with rehearsed(store, "admin", dry_run=dry_run) as tx:
            tx.inbox.put(practice="lakeside", source="adt", kind="message", body=b"MSH")
            assert len(tx.inbox.find()) == 1
        with store.view() as view:
            assert len(view.inbox.find()) == left
    with pytest.raises(KeyError), rehearsed(store, "admin", dry_run=True):
        raise KeyError
