"""What a server deleted, as a message of its own and as facts: a history Bundle of deletions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from hub.model.facts import WithdrawalFact

KINDS = {
    "Encounter": "encounter",
    "ChargeItem": "charge",
    "Procedure": "charge",
    "Immunization": "charge",
    "Condition": "diagnosis",
    "Coverage": "coverage",
    "Patient": "patient",
}
"""Which fact a resource of a type becomes. What is not here was only looked up by others: what was read with it
stands.
"""


def deletion_bundle(keys: Iterable[tuple[str, str, datetime]]) -> bytes:
    """The message that tells of deletions: of each its type, its id, and when the server deleted it (aware), else
    when it was seen to be gone. The same deletions give the same bytes, in whatever order they are named.
    """
    told = sorted({(kind, name, _instant(at)) for kind, name, at in keys})
    entries = [
        {
            "request": {"method": "DELETE", "url": f"{kind}/{name}"},
            "response": {"status": "204", "lastModified": at},
        }
        for kind, name, at in told
    ]
    return msgspec.json.encode({"resourceType": "Bundle", "type": "history", "entry": entries})


def withdrawal(key: str, version: str) -> WithdrawalFact | None:
    """The fact that a deletion of `Type/id` is; None for a type of which no fact is made."""
    kind = KINDS.get(key.partition("/")[0])
    return WithdrawalFact(key=key, version=version, kind=kind) if kind else None


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
