"""An overlay says openly what may be altered in old sample files so that they bill; it counts every change.

It is for samples and demonstrations alone: the hub itself never supplies a diagnosis, an NPI or a payer.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hub.testing import overlay_fhir, overlay_hl7
from hub.testing.overlay_rules import Overlay, Rules, load_overlay

DEMO = Path(__file__).with_name("demo.toml")
"""The overlay that comes with the hub: everything in it is invented."""


def apply(overlay: Overlay, kind: str, raw: bytes) -> tuple[bytes, Counter[str]]:
    """The altered bytes of one file, and how many fields of which sort were altered.

    `kind` is fhir (a Bundle or a resource in JSON) or hl7 (HL7 v2, one message or several). HL7 is edited in
    place: what the overlay does not name stays byte for byte. A file that cannot be read comes back as it was.
    """
    altered: Counter[str] = Counter()
    if overlay.faults:
        return raw, altered
    if kind == "hl7":
        return overlay_hl7.altered(overlay.rules, raw, altered), altered
    return overlay_fhir.altered(overlay.rules, raw, altered), altered


__all__ = ["DEMO", "Overlay", "Rules", "apply", "load_overlay"]
