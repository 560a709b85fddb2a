"""Encounters and charges from HL7 v2 ADT, DFT and BAR feeds."""

from __future__ import annotations

from collections.abc import Mapping

from hub.plugin.api import EhrSource, hookimpl

HUB_API = 0


@hookimpl
def hub_ehr_sources() -> Mapping[str, type[EhrSource]]:
    """Offer the kind `hl7_adt`."""
    from hub_hl7_adt.source import Hl7Source

    return {"hl7_adt": Hl7Source}
