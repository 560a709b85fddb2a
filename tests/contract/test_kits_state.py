"""A plugin's state is saved with what it led to, on both databases."""

from __future__ import annotations

import pytest

from hub.plugin.host import BufferedState
from hub.store import Store


def _state(store: Store) -> BufferedState:
    def load(instance: str, key: str) -> bytes | None:
        with store.view() as view:
            return view.plugin_state(instance).get(key)

    return BufferedState("acme", load)


def _fail(store: Store, state: BufferedState) -> None:
    with store.begin("plugin.state") as tx:
        state.commit(tx)
        raise LookupError


def test_state_commits_with_its_transaction(store: Store) -> None:
    """Before the commit nothing is durable; after it a new object reads what was put."""
    state = _state(store)
    state.put("cursor", b"7")
    assert _state(store).get("cursor") is None
    with store.begin("plugin.state") as tx:
        state.commit(tx)
    assert _state(store).get("cursor") == b"7"


def test_state_rolls_back_with_its_transaction(store: Store) -> None:
    """A transaction that fails takes the state with it: the call will be made again, from the old state."""
    state = _state(store)
    state.put("cursor", b"7")
    with pytest.raises(LookupError):
        _fail(store, state)
    assert state.pending() == {}
    assert state.get("cursor") is None
