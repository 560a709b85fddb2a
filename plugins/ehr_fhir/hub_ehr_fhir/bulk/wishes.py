"""What a person asks of exports by hand: to begin one now, or to end the one that runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from hub.plugin.api.ports import State

KEY = "bulk.wish"
_STALE = timedelta(days=1)
"""Who asked so long ago, of a hub that did not run, does not wait for it any more."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Asked for at `at` (aware)."""

    what: Literal["begin", "end"]
    at: datetime


def put(state: State, wish: Wish) -> None:
    """Leave it for the next pull."""
    state.put(KEY, msgspec.json.encode(wish))


def waiting(state: State) -> Wish | None:
    """What was left and not taken up."""
    kept = state.get(KEY)
    try:
        return msgspec.json.decode(kept, type=Wish) if kept else None
    except msgspec.MsgspecError:
        return None


def take(state: State, now: datetime) -> Wish | None:
    """What was left, which is done by that, if it is not stale."""
    found = waiting(state)
    if state.get(KEY):
        state.put(KEY, b"")
    return found if found is not None and abs(now - found.at) < _STALE else None
