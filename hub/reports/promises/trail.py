"""Promise 10: the audit trail is whole: its chain verifies, and what went out, came in or changed is in it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import msgspec

from hub.reports.promises.purged import purges_told
from hub.reports.promises.room import Room, heads

TAIL = timedelta(minutes=10)
"""How long an event may wait to be sealed: the sealer runs every ten seconds, and a stopped hub is started again."""
SEAL = "let the step audit.seal run"
MISSED = "find which step did it without saying so, and write down what is known"
UNTOLD = ("reading", "set_aside")


def told(room: Room) -> None:
    """The chain, its open tail, and the events that files, messages, claims and remittances must have."""
    with room.guarded("events"):
        _chain(room)
    with room.guarded("files out"):
        _files_out(room)
    with room.guarded("files in"):
        _files_in(room)
    with room.guarded("messages"):
        _messages(room)
    with room.guarded("claims"):
        _claims(room)
    with room.guarded("remits"):
        _remits(room)
    with room.guarded("purges"):
        purges_told(room)


def _chain(room: Room) -> None:
    chain = room.view.events.verify()
    room.count("sealed events", chain.checked)
    for fault in chain.faults:
        room.breach(f"event position {fault.position}", fault.fault)
    tail = room.view.events.open_tail()
    room.count("events not sealed yet", tail.count)
    if room.sealed and tail.since is not None and room.now - tail.since > TAIL:
        room.breach("events", f"{tail.count} events have waited too long to be sealed", SEAL)


def _files_out(room: Room) -> None:
    for page in room.scan.rows("files", "kind", "state"):
        room.count("files out", len(page))
        frozen = [row.id for row in page if row.kind != "manifest"]  # its run's PDF speaks for it
        _each(room, "file", frozen, ("file.frozen",), "it was frozen")
        sent = [row.id for row in page if row.state in {"sent", "answered"}]
        _each(room, "file", sent, ("file.sent",), "it was sent")


def _files_in(room: Room) -> None:
    for page in room.scan.rows("fetched", "inbox_seq", state=["stored", "done"]):
        room.count("files in", len(page))
        seqs = [row.inbox_seq for row in page if row.inbox_seq is not None]
        ids = [row.id for row in room.scan.among("inbox", "seq", seqs, "id")]
        _each(room, "message", ids, ("file.received",), "a file of a partner was taken")


def _messages(room: Room) -> None:
    """`messages.read` counts the messages of one reading; a replay may count one again, none may be missing."""
    read: dict[str, int] = {}
    for page in room.scan.rows("events", "aggregate_id", "detail", by=("seq",), kind="messages.read"):
        for event in page:
            read[event.aggregate_id] = read.get(event.aggregate_id, 0) + _number(event.detail, "messages")
    for page in room.scan.rows("inbox", "source", "state", by=("seq",), kind="message"):
        room.count("messages in", len(page))
        for row in page:
            if row.state != "received":
                read[row.source] = read.get(row.source, 0) - 1
    for source, left in sorted(read.items()):
        if left < 0:
            room.breach(f"source {source}", "messages were read that no event speaks of", MISSED)


def _number(detail: str, name: str) -> int:
    return int(msgspec.json.decode(detail).get(name, 0))


def _claims(room: Room) -> None:
    for page in heads(room.view.claims):
        room.count("claims", len(page))
        _each(room, "claim", [row.id for row in page], ("claim.made",), "it was made")
        for state in sorted({row.state for row in page} - {"new"}):
            ids = [row.id for row in page if row.state == state]
            _each(room, "claim", ids, (f"claim.{state}",), f"it is {state}")


def _remits(room: Room) -> None:
    for page in heads(room.view.remits):
        room.count("remittances", len(page))
        read = [row.id for row in page if row.state not in UNTOLD]
        _each(room, "remit", read, ("remit.read",), "it was read")
        posted = [row.id for row in page if row.state == "posted"]
        _each(room, "remit", posted, ("remit.posted",), "it was posted")


def _each(room: Room, called: str, ids: Iterable[str], kinds: tuple[str, ...], what: str) -> None:
    wanted = list(ids)
    rows = room.scan.among("events", "aggregate_id", wanted, "kind", kind=list(kinds))
    known = {row.aggregate_id for row in rows}
    for one in wanted:
        if one not in known:
            room.breach(f"{called} {one}", f"{what}, and no event says so", MISSED)
