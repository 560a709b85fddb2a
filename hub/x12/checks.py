"""Rules that look across segments: balances, pointers, sequence; run as each loop closes."""

from __future__ import annotations

from hub.x12.grammar import Guide
from hub.x12.walk import Closer, Walk


def rules_for(guide: Guide, walk: Walk) -> dict[str, Closer]:
    """The closing rules of a guide by loop id, reporting to `walk`; empty when it has none."""
    return {}
