"""Whether a source says something else now of a charge that is on a claim."""

from __future__ import annotations

from hub.config.settings import Settings
from hub.flow.coder import code_encounter
from hub.model.encounter import Charge, Encounter


def differs(billed: Charge, encounter: Encounter, coming: Charge, settings: Settings, practice: str) -> bool:
    """Whether a charge as it comes now is another than the one that was billed; what coding added does not count."""
    if _told(billed) != _told(coming) or (coming.drug or billed.drug) != billed.drug:
        return True
    if coming.amount is not None and coming.amount != billed.amount:
        return True
    (coded,) = code_encounter(encounter, [coming], settings, practice).charges
    mapped_alike = coded.hcpcs == billed.hcpcs
    return mapped_alike and (coded.units, coded.modifiers) != (billed.units, billed.modifiers)


def _told(charge: Charge) -> tuple[object, ...]:
    """What coding never alters of a charge."""
    return charge.kind, charge.service_from, charge.codings


__all__ = ["differs"]
