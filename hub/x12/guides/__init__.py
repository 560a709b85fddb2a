"""The guides that the hub knows, by version id and by name; each is declared in a module of its own."""

from __future__ import annotations

from functools import cache

from hub.x12.grammar import Guide
from hub.x12.guides.claim_837p import CLAIM_837P
from hub.x12.guides.claim_ack_277 import CLAIM_ACK_277
from hub.x12.guides.implementation_999 import ACKNOWLEDGEMENT_999
from hub.x12.guides.remittance_835 import REMITTANCE_835

GUIDES: tuple[Guide, ...] = (CLAIM_837P, REMITTANCE_835, ACKNOWLEDGEMENT_999, CLAIM_ACK_277)


@cache
def _by_version() -> dict[tuple[str, str], Guide]:
    return {
        (found.transaction, version): found for found in GUIDES for version in (found.version, *found.accepts)
    }


def guide_for(transaction: str, version: str) -> Guide | None:
    """The guide of a transaction set by ST01 and ST03 (or GS08); None when the hub has none."""
    return _by_version().get((transaction, version))


def guide_named(kind: str) -> Guide:
    """The guide by its everyday name, such as 837P or 277CA; KeyError when the hub has none."""
    return {found.kind: found for found in GUIDES}[kind.upper()]
