"""The guides that the hub knows, by version id and by name; each is declared in a module of its own."""

from __future__ import annotations

from functools import cache

from hub.x12.grammar import Guide
from hub.x12.guides.claim_837d import CLAIM_837D
from hub.x12.guides.claim_837i import CLAIM_837I
from hub.x12.guides.claim_837p import CLAIM_837P
from hub.x12.guides.claim_ack_277 import CLAIM_ACK_277
from hub.x12.guides.eligibility_270 import ELIGIBILITY_270
from hub.x12.guides.eligibility_271 import ELIGIBILITY_271
from hub.x12.guides.implementation_999 import ACKNOWLEDGEMENT_999
from hub.x12.guides.interchange_ta1 import INTERCHANGE_TA1
from hub.x12.guides.remittance_835 import REMITTANCE_835
from hub.x12.guides.status_276 import STATUS_276
from hub.x12.guides.status_277 import STATUS_277

GUIDES: tuple[Guide, ...] = (
    CLAIM_837P,
    CLAIM_837I,
    CLAIM_837D,
    REMITTANCE_835,
    ACKNOWLEDGEMENT_999,
    CLAIM_ACK_277,
    STATUS_276,
    STATUS_277,
    ELIGIBILITY_270,
    ELIGIBILITY_271,
)
"""Every guide of a transaction set; the TA1, which is none, is found by its name only."""


@cache
def _by_version() -> dict[tuple[str, str], Guide]:
    return {
        (found.transaction, version): found for found in GUIDES for version in (found.version, *found.accepts)
    }


def guide_for(transaction: str, version: str) -> Guide | None:
    """The guide of a transaction set by ST01 and ST03 (or GS08); None when the hub has none."""
    return _by_version().get((transaction, version))


def guide_named(kind: str) -> Guide:
    """The guide by its everyday name, such as 837P, 277CA or TA1; KeyError when the hub has none."""
    return {found.kind: found for found in (*GUIDES, INTERCHANGE_TA1)}[kind.upper()]
