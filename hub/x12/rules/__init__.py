"""Rules that look across segments: balances, pointers, sequences; run as each loop closes.

A rule set is a function from a `Reporter` to closers by loop id; the next guide adds one to `_RULES`.
What is wrong inside one segment, or missing, or out of order, comes from the guide's rows and not from here.
"""

from __future__ import annotations

from collections.abc import Callable

from hub.x12.grammar import Guide
from hub.x12.rules.answers import rules_277ca, rules_999
from hub.x12.rules.dental import rules_837d
from hub.x12.rules.institutional import rules_837i
from hub.x12.rules.professional import rules_837p
from hub.x12.rules.remittance import rules_835
from hub.x12.rules.reporting import Reporter
from hub.x12.walk import Closer, Walk

_RULES: dict[str, Callable[[Reporter], dict[str, Closer]]] = {
    "835": rules_835,
    "837P": rules_837p,
    "837I": rules_837i,
    "837D": rules_837d,
    "277CA": rules_277ca,
    "999": rules_999,
}


def rules_for(guide: Guide, walk: Walk) -> dict[str, Closer]:
    """The closing rules of a guide by loop id, reporting to `walk`; empty when it has none."""
    made = _RULES.get(guide.kind)
    return made(Reporter(walk)) if made is not None else {}
