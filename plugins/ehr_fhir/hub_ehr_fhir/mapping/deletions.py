"""What a server deleted, as a message of its own and as facts: a history Bundle of deletions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from hub.model.facts import WithdrawalFact
from hub_ehr_fhir.mapping.order import TYPES

KINDS = {
    "Encounter": "encounter",
    "ChargeItem": "charge",
    "Procedure": "charge",
    "Immunization": "charge",
    "Condition": "diagnosis",
    "Coverage": "coverage",
    "Patient": "patient",
}
"""Which fact a resource of a type becomes; what is not here was only looked up by others."""


SEEN = "410"
"""The status of a deletion of which nobody said when it was: the time is that at which it was seen to be gone."""


def deletion_bundle(keys: Iterable[tuple[str, str, datetime]], *, seen: bool = False) -> bytes:
    """The message that tells of deletions: of each its type, its id, and when the server deleted it (aware), or when
    they were `seen` to be gone. The same deletions give the same bytes, in whatever order they are named.
    """
    told = sorted({(kind, name, _instant(at)) for kind, name, at in keys})
    entries = [
        {
            "request": {"method": "DELETE", "url": f"{kind}/{name}"},
            "response": {"status": SEEN if seen else "204", "lastModified": at},
        }
        for kind, name, at in told
    ]
    return msgspec.json.encode({"resourceType": "Bundle", "type": "history", "entry": entries})


def withdrawals(key: str, version: str, *, seen: bool = False) -> list[WithdrawalFact]:
    """What a deletion of `Type/id` withdraws: the fact of it, where there is one, and the piece."""
    kind = key.partition("/")[0]
    told = [KINDS[kind]] if kind in KINDS else []
    told += ["piece"] if kind in TYPES else []
    whose = key if kind == "Patient" else ""
    return [WithdrawalFact(key=key, version=version, kind=one, patient_key=whose, seen=seen) for one in told]


def _instant(at: datetime) -> str:
    """As the server told it: a whole second remains one, since such servers tell no fractions."""
    said = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return said.replace(".000000Z", "Z")
