"""A nudge: the name of a step that may have work now; it carries nothing else, and losing it loses nothing."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Nudge(msgspec.Struct, frozen=True):
    """`step` may find something to do in `lane` (a mailbox, a source, a partition)."""

    step: str
    lane: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a step did: `done` items, `more` waits (it is run again at once), and who else to nudge. `due`:
    it did nothing, since a partner is left alone until then.
    """

    done: int = 0
    more: bool = False
    nudges: tuple[Nudge, ...] = ()
    due: datetime | None = None
