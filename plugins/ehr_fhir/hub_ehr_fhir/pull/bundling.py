"""Messages out of what was pulled: the same state of the server gives the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from hub.plugin.api import RawMessage
from hub_ehr_fhir.mapping.deletions import deletion_bundle
from hub_ehr_fhir.pull.resources import Found

JSON = "fhir+json"


def collection(resources: Iterable[Found]) -> bytes:
    """A Bundle of type `collection`: each resource once, by Type/id, in the server's own bytes; nothing of ours."""
    found = {one.key: one.raw for one in resources}
    entries = b",".join(b'{"resource":' + found[key] + b"}" for key in sorted(found))
    return b'{"resourceType":"Bundle","type":"collection","entry":[' + entries + b"]}"


def message(key: str, body: bytes) -> RawMessage:
    """What the hub is given: its id is a digest of the key and the bytes, so that the same comes once."""
    digest = hashlib.sha256(key.encode() + b"\0" + body).hexdigest()
    return RawMessage(external_id=digest[:40], content_type=JSON, body=body)


def deletion(kind: str, name: str, at: datetime, *, seen: bool = False) -> RawMessage:
    """The message that the server deleted `kind/name` at an instant (aware), or that it was `seen` to be gone."""
    return message(f"{kind}/{name}", deletion_bundle([(kind, name, at)], seen=seen))
