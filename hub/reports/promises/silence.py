"""Promise 8: everything that went out expects its answers, each with a time, and silence is an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hub.reports.promises.room import Room

GRACE = timedelta(hours=1)
"""A sweep that is due may take this long; then an overdue expectation without a work item breaks the promise."""
WORD_HOLDS = timedelta(days=14)
"""How long a person's word on an overdue answer holds while the answer is still awaited."""
EXPECT = "ask the partner what became of it, and open a work item by hand"
SWEEP = "let the step sweep.expect run"


def awaited(room: Room) -> None:
    """What went out against what is expected of it, and what is overdue against the work items."""
    with room.guarded("files sent"):
        _files(room)
    with room.guarded("submissions sent"):
        _submissions(room)
    with room.guarded("expectations"):
        _overdue(room)


def _files(room: Room) -> None:
    for page in room.scan.rows("files", "kind", state=["sent", "answered"]):
        wanted = {row.id: _answer_to(row.kind) for row in page if _answer_to(row.kind)}
        room.count("files sent", len(wanted))
        known = _expected(room, wanted)
        for file, kind in wanted.items():
            if (kind, file) not in known:
                room.breach(f"file {file}", f"it was sent, and no {kind} of it is expected", EXPECT)


def _answer_to(kind: str) -> str:
    if kind.startswith("837"):
        return "acknowledgement"
    return "print_result" if kind == "statements" else ""


def _submissions(room: Room) -> None:
    for page in room.scan.rows("submissions", "rank", "payer", "channel", state=["sent", "accepted"]):
        room.count("submissions sent or accepted", len(page))
        abouts = [about for row in page for about in (row.id, f"{row.id}:{row.rank}")]
        known = _expected(room, abouts)
        for row in page:
            payer = room.settings.payers.get(row.payer)
            if payer is not None and payer.claim_ack and ("claim_ack", row.id) not in known:
                room.breach(f"submission {row.id}", "it was sent, and no 277CA of it is expected", EXPECT)
            if ("adjudication", f"{row.id}:{row.rank}") not in known:
                room.breach(f"submission {row.id}", "it was sent, and no adjudication of it is expected", EXPECT)


def _expected(room: Room, abouts: Any) -> set[tuple[str, str]]:
    return {(row.kind, row.about) for row in room.scan.among("expectations", "about", abouts, "kind")}


def _overdue(room: Room) -> None:
    room.count("expectations", room.scan.count("expectations"))
    for page in room.scan.rows("expectations", "kind", "due_at", "work_id", met_at=None):
        late = [row for row in page if row.due_at <= room.now - GRACE]
        room.count("of them overdue", len(late))
        _alarmed(room, late)


def _alarmed(room: Room, late: Sequence[Any]) -> None:
    linked = [row.work_id for row in late if row.work_id]
    items = {row.id: row for row in room.scan.among("work_items", "id", linked, "resolved_at", "resolved_by")}
    for row in late:
        item = items.get(row.work_id)
        where = f"expectation {row.id}"
        if not row.work_id:
            room.breach(where, f"its {row.kind} is overdue, and no work item says so", SWEEP)
        elif item is None:
            room.breach(where, "its work item is not there")
        elif item.resolved_at is not None and not _holds(room, item):
            room.breach(where, f"its {row.kind} is awaited still, and its work item was closed", EXPECT)


def _holds(room: Room, item: Any) -> bool:
    return item.resolved_by != "hub" and bool(room.now - item.resolved_at <= WORD_HOLDS)
