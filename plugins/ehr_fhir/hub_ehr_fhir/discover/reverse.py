"""Tries `_revinclude` with an encounter that is known to have something."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hub_ehr_fhir.discover.asking import Asker
from hub_ehr_fhir.discover.offered import Ability, Verdict
from hub_ehr_fhir.discover.wanted import REVINCLUDES


def reverse(asker: Asker, encounter: Ability, samples: dict[str, str]) -> Ability:
    """Which `_revinclude` of Encounter brings something, tried with an encounter that is known to have it."""
    found, said = dict(encounter.found), dict(encounter.said)
    for feature, verdict, words in _reversed(asker, encounter, samples):
        found[feature] = verdict
        if words:
            said[feature] = words
    return msgspec.structs.replace(encounter, found=found, said=said)


def _reversed(asker: Asker, encounter: Ability, samples: dict[str, str]) -> Iterator[tuple[str, Verdict, str]]:
    for value, brings in REVINCLUDES.items():
        id_, feature = samples.get(f"{brings}>Encounter", ""), f"_revinclude={value}"
        known = feature in encounter.found or encounter.verdict("_revinclude") == "refused"
        if known or not id_ or encounter.verdict("_id") != "works":
            continue
        told = asker.ask("Encounter", "Encounter", (("_id", id_), ("_revinclude", value)))
        if told.away:
            continue
        if not told.well:
            yield feature, *told.no
        elif told.heads:
            came = any(head.resource_type == brings for head in told.others)
            yield feature, "works" if came else "ignored", "" if came else "nothing came with it"
