"""No record that holds a message's bytes shows them when it is printed: what is printed lands in logs and reports."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hub_hl7_adt.linting.samples import Sample
from hub_hl7_adt.mllp.framing import Broken
from hub_hl7_adt.mllp.sender import Told
from hub_hl7_adt.wire import split

from hub.plugin.api import RawMessage, StoredMessage
from hub.store.arrivals import Arrival, Prepared
from hub.store.blobs import SmallBlob

BODY = b"MSH|^~\\&|A\rPID|1||77^^^X^MR||Curlew^Ines\r"
BLOB = SmallBlob(id="blob_1", size=1, digest="", key_id=1, sealed=b"")
SHOWN = (
    RawMessage(external_id="A|B|Curlew", content_type="hl7v2", body=BODY),
    StoredMessage(
        id="in_1", source="adt", content_type="hl7v2", state="read", reason="", body=BODY,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
    ),
    Arrival(content_type="hl7v2", external="A|B|Curlew", body=BODY),
    Prepared(id="in_1", content_type="hl7v2", external="", digest="", once=False, blob=BLOB, large=BODY),
    Broken(kind="too_large", head=BODY),
    Told(nth=0, code="AA", answer=BODY),
    Sample(file="Curlew.hl7", nth=1, body=BODY),
    split(BODY),
)  # fmt: skip


@pytest.mark.parametrize("record", SHOWN, ids=lambda one: type(one).__name__)
def test_bytes_are_not_shown(record: object) -> None:
    """Neither a name nor a number of a patient stands in it."""
    assert "Curlew" not in repr(record)
    assert "77" not in repr(record)
