"""Nodes show that they live, and with the local runner only one process runs the steps of a store."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from sqlalchemy import text

from hub.clock import TurnedClock
from hub.store import Store
from hub.store.alone import SessionAlone, Taken, take

ROLES = ("scheduler", "worker")


def test_a_node_arrives_beats_and_leaves(store: Store, clock: TurnedClock) -> None:
    """What a node told last is what is listed; one that left in order is not alive."""
    with store.begin("node.beat") as tx:
        mine = tx.nodes.arrive("billing1", ROLES, "0.1.0")
        other = tx.nodes.arrive("billing2", ("web",), "0.1.0")
    clock.turn(timedelta(seconds=20))
    with store.begin("node.beat") as tx:
        assert tx.nodes.beat(mine, {"free_bytes": 5_000_000_000, "busy": 2})
        assert tx.nodes.leave(other)
    with store.view() as view:
        first, second = view.nodes.all()
        assert [one.id for one in view.nodes.alive()] == [mine]
        assert (first.node, first.roles, first.load) == ("billing1", ROLES, {"free_bytes": 5e9, "busy": 2})
        assert [one.state(view.now) for one in (first, second)] == ["running", "stopped"]
        assert abs(view.nodes.clock_off_ms()) >= 0


def test_a_silent_node_is_told_and_forgotten(store: Store, clock: TurnedClock) -> None:
    """One that died is `silent` after half a minute, listed for a day, pruned later; it then arrives again."""
    with store.begin("node.beat") as tx:
        mine = tx.nodes.arrive("billing1", ROLES, "0.1.0")
    clock.turn(timedelta(seconds=31))
    with store.view() as view:
        assert [one.state(view.now) for one in view.nodes.all()] == ["silent"]
        assert view.nodes.alive() == []
    clock.turn(timedelta(days=1))
    with store.begin("node.beat") as tx:
        assert tx.nodes.all() == []
        assert tx.nodes.prune() == 1
        assert not tx.nodes.beat(mine, {})


def test_one_runner_at_a_time(store: Store, clock: TurnedClock) -> None:
    """A second one is refused in words that say who and since when; when the first lets go it may."""
    first = take(store, clock.now())
    with pytest.raises(Taken) as caught:
        take(store, clock.now())
    assert f"process {os.getpid()} on " in caught.value.holder
    assert ", since 20" in caught.value.holder
    assert first.still()
    first.release()
    first.release()
    take(store, clock.now()).release()


def test_a_lost_session_is_taken_again(made_pg_url: str, keyring: object, clock: TurnedClock) -> None:
    """The server ended the session (a restart): the right is taken anew, unless somebody else was faster."""
    from hub.store import open_store

    one, other = (open_store(made_pg_url, keyring, clock) for _ in range(2))  # type: ignore[arg-type]
    held = take(one, clock.now())
    assert isinstance(held, SessionAlone)
    _end_session(other)
    assert held.still()
    with pytest.raises(Taken):
        take(other, clock.now())
    _end_session(other)
    faster = take(other, clock.now())
    with pytest.raises(Taken):
        held.still()
    faster.release()
    one.close()
    other.close()


def _end_session(store: Store) -> None:
    with store.begin("admin") as tx:
        tx.session.conn.execute(
            text(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE application_name LIKE 'hub run %' AND datname = current_database()"
            )
        )
