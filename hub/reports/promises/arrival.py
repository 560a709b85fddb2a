"""Promise 1: raw bytes are durable before the sender is acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.reports.promises.room import Room

RESEND = "ask the sender for the message again, and restore the backup"


def durable(room: Room) -> None:
    """Acknowledgements, and partners told that their file was taken, against what stands in the inbox."""
    with room.guarded("inbox_acks"):
        _acknowledged(room)
    with room.guarded("fetched"):
        _taken(room)
    with room.guarded("inbox"):
        _whole(room)


def _acknowledged(room: Room) -> None:
    for page in room.scan.rows("inbox_acks", "seq", "at", by=("no",)):
        room.count("acknowledgements", len(page))
        arrived = _received(room, [ack.seq for ack in page])
        for ack in page:
            item = arrived.get(ack.seq)
            if item is None:
                room.breach(f"inbox sequence {ack.seq}", "the sender was told so, and nothing is there", RESEND)
            elif ack.at < item.received_at:
                room.breach(f"message {item.id}", "the sender was told before the bytes were durable", RESEND)


def _taken(room: Room) -> None:
    """A file whose taking the partner was told of (`done`), or will be (`stored`), stands in the inbox."""
    columns = ("inbox_seq", "blob_id", "state", "state_since")
    for page in room.scan.rows("fetched", *columns, state=["stored", "done"]):
        room.count("files taken at partners", len(page))
        arrived = _received(room, [row.inbox_seq for row in page if row.inbox_seq is not None])
        whole = room.scan.blob_heads(row.blob_id for row in page if row.blob_id)
        for row in page:
            item = arrived.get(row.inbox_seq)
            if item is None or row.blob_id not in whole:
                room.breach(
                    f"fetched {row.id}", "the file was taken at the partner and is not whole here", RESEND
                )
            elif row.state_since < item.received_at:
                room.breach(f"fetched {row.id}", "the partner was told before the bytes were durable", RESEND)


def _received(room: Room, seqs: Sequence[int]) -> dict[int, Any]:
    return {row.seq: row for row in room.scan.among("inbox", "seq", seqs, "id", "received_at")}


def _whole(room: Room) -> None:
    """Every message's bytes are those that came."""
    for page in room.scan.rows("inbox", "id", "blob_id", "digest", by=("seq",)):
        room.count("messages and files in the inbox", len(page))
        damaged = room.scan.damaged_blobs({row.blob_id for row in page})
        known = room.scan.blob_heads(row.blob_id for row in page)
        for row in page:
            if problem := damaged.get(row.blob_id):
                room.breach(f"message {row.id}, {problem.where}", problem.why, RESEND)
            elif known[row.blob_id][0] != row.digest:
                room.breach(f"message {row.id}", "its bytes are not those that it was known by", RESEND)
