"""What an adjustment means for the books; codes are bare identifiers, their texts are licensed elsewhere.

Source: the group and reason of each CAS triplet. Only cost sharing can move on to the next payer or the
patient, only agreed reductions are written down by themselves; all else stays with the payer as denied, in work.
"""

from __future__ import annotations

from enum import StrEnum

from hub.model.claim import Adjustment

CONTRACTUAL = frozenset({"24", "45", "59", "94", "144", "161", "237", "253", "P12"})
"""CARCs that reduce what was agreed beforehand: fee schedule, capitation, incentive, sequestration."""

COST_SHARE = frozenset({"1", "2", "3", "66", "187", "241"})
"""PR reasons that are the patient's share of an allowed service."""

PRIOR_PAYER = "23"
"""OA-23: what earlier payers did; booked when they did it, never again."""

NOT_PATIENTS_REMARKS = frozenset({"N781", "N782", "N783"})
"""Remarks by which Medicare says that a beneficiary must not be asked for cost sharing."""


class Meaning(StrEnum):
    """What to do with an adjustment."""

    CONTRACTUAL = "contractual"
    COST_SHARE = "cost_share"
    PRIOR = "prior"
    DENIED = "denied"


def meaning(adjustment: Adjustment) -> Meaning:
    """Classify one CAS triplet."""
    if adjustment.group == "OA" and adjustment.reason == PRIOR_PAYER:
        return Meaning.PRIOR
    if adjustment.group == "PR":
        return Meaning.COST_SHARE if adjustment.reason in COST_SHARE else Meaning.DENIED
    if adjustment.reason in CONTRACTUAL:
        return Meaning.CONTRACTUAL
    return Meaning.DENIED
