"""A nudge: the name of a step that may have work now; it carries nothing else, and losing it loses nothing."""

from __future__ import annotations

import msgspec


class Nudge(msgspec.Struct, frozen=True):
    """`step` may find something to do in `lane` (a mailbox, a source, a partition)."""

    step: str
    lane: str = ""
