"""Settings that name another server: what is known of the one before means nothing there; the pull begins anew."""

from __future__ import annotations

import hashlib

from hub.plugin.api import Context
from hub.plugin.api.ports import State
from hub_ehr_fhir.discover import offered
from hub_ehr_fhir.pull import hours, lacking, patients, revisiting, seen, sending, shared, vanished
from hub_ehr_fhir.pull.cursors import PullCursor

WAITING = "waiting"
"""Under which key it is kept how many wait."""
_KEPT = (
    offered.STATE,
    seen.KEY,
    patients.KEY,
    lacking.KEY,
    revisiting.KEY,
    WAITING,
    *shared.KEYS,
    *sending.KEYS,
    *hours.KEYS,
    *vanished.KEYS,
)


def at(base: str, cursor: PullCursor, context: Context) -> PullCursor:
    """The cursor for the server at `base`: another one's times, ids, links and ETags would have it pass over, in
    silence, all that is older there than the last look was here.
    """
    here = hashlib.blake2b(base.rstrip("/").encode(), digest_size=8).hexdigest()
    if cursor.server and cursor.server != here:
        _forget(context.state)
        context.log.warning("fhir.pull.another_server")
        cursor = PullCursor()
    cursor.server = here
    return cursor


def _forget(state: State) -> None:
    for key in _KEPT:
        if state.get(key):
            state.put(key, b"")
