"""An EHR that sends facts as lines over TCP."""

from __future__ import annotations

from collections.abc import Mapping

from hub.plugin.api import EhrSource, hookimpl

HUB_API = 0


@hookimpl
def hub_ehr_sources() -> Mapping[str, type[EhrSource]]:
    """Offer the kind `lines`."""
    from ehr_lines.port import Lines

    return {"lines": Lines}
