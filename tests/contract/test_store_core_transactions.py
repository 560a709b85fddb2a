"""Transactions: named, counted, told after the commit; readers and writers do not wait for each other."""

from __future__ import annotations

import pytest

from hub.store import Nudge, Store


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


def test_a_transaction_inside_a_transaction_is_a_bug_that_says_so(store: Store) -> None:
    """A second write transaction in one thread would wait for the first for ever: it raises instead."""
    with store.begin("admin"), pytest.raises(RuntimeError, match="already open"), store.begin("admin"):
        pass


def _nudge_and_fail(store: Store) -> None:
    with store.begin("admin") as tx:
        tx.then(Nudge("lost"))
        raise RuntimeError
