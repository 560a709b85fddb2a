"""Encounters from FHIR R4 servers and files."""

from __future__ import annotations

from collections.abc import Mapping

from hub.plugin.api import EhrSource, hookimpl

HUB_API = 0


@hookimpl
def hub_ehr_sources() -> Mapping[str, type[EhrSource]]:
    """Offer the kind `ehr_fhir`."""
    from hub_ehr_fhir.source import FhirSource

    return {"ehr_fhir": FhirSource}
