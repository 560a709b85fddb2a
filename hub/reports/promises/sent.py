"""Promise 4: a file is sent on the evidence that its profile names; otherwise it is in doubt, and stays so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hub.reports.promises.room import Profile, Room
from hub.store.outbox import File

BEFORE: dict[str, tuple[str, ...]] = {
    "staging": (),
    "staged": ("staging",),
    "publishing": ("staged",),
    "published": ("publishing",),
    "sent": ("published",),
}
"""Phase -> what must stand in the journal before it."""
KNOWN = ("published", "read-back-size", "read-back-hash", "receipt")
"""Evidence that counts where a mailbox's plugin was not asked."""
STUCK = timedelta(days=1)
ANSWERS = ("acknowledgement", "print_result")
ALARMS = ("dispatch.", "connector.")
"""Work about a file, or about the connection that carries it."""
LOOK = "look at the partner's side, then: hub work resolve ID, with or without --resend"


def sent(room: Room) -> None:
    """Every file against its journal, its answers and the word of persons."""
    after = ""
    with room.guarded("files"):
        while page := room.view.files.find(limit=200, after_id=after):
            after = page[-1].id
            room.count("files", len(page))
            _page(room, page)
    with room.guarded("transfers"):
        _lost(room)


def _page(room: Room, page: Sequence[File]) -> None:
    ids = [file.id for file in page]
    columns = ("seq", "phase", "at", "fence", "evidence")
    journal: dict[str, list[Any]] = {}
    for line in room.scan.among("transfers", "file_id", ids, *columns):
        journal.setdefault(line.file_id, []).append(line)
    room.count("journal lines", sum(map(len, journal.values())))
    answers = room.scan.among("expectations", "about", ids, "met_at", kind=ANSWERS)
    answered = {row.about for row in answers if row.met_at is not None}
    resends: dict[str, list[datetime]] = {}
    for event in room.scan.among("events", "aggregate_id", ids, "at", kind="file.resend"):
        resends.setdefault(event.aggregate_id, []).append(event.at)
    about = [*ids, *{file.mailbox for file in page}]
    items = room.scan.among("work_items", "aggregate_id", about, "reason", resolved_at=None)
    alarmed = {item.aggregate_id for item in items if item.reason.startswith(ALARMS)}
    for file in page:
        lines = journal.get(file.id, [])
        with room.guarded(f"file {file.id}"):
            _ordered(room, file, lines)
            _once(room, file, lines, resends.get(file.id, []))
            _proven(room, file, lines, file.id in answered)
            _moving(room, file, alarmed)


def _ordered(room: Room, file: File, lines: Sequence[Any]) -> None:
    """Each phase follows the one it needs, under a fence that never goes back."""
    seen: set[str] = set()
    fence = 0
    for line in lines:
        where = f"file {file.id} journal {line.seq}"
        if not seen.issuperset(BEFORE.get(line.phase, ("",))):
            room.breach(where, f"{line.phase} stands there without what comes before it")
        if line.fence < fence:
            room.breach(where, "a node acted that had lost the mailbox to another", LOOK)
        seen.add(line.phase)
        fence = max(fence, line.fence)


def _once(room: Room, file: File, lines: Sequence[Any], resends: Sequence[datetime]) -> None:
    """Published again only after a person's word, or where the profile says that the same bytes are harmless."""
    before: Any = None
    done = False
    for line in lines:
        if line.phase == "published":
            done = True
        if line.phase != "publishing":
            continue
        asked = before is not None and any(before.at <= at <= line.at for at in resends)
        harmless = not done and _profile(room, file.mailbox).in_doubt == "resend-same-bytes"
        if before is not None and not asked and not harmless:
            why = "it was sent a second time without a person's word, an answer, or a profile that makes it safe"
            room.breach(f"file {file.id} journal {line.seq}", why, "ask the partner to discard one of the two")
        before, done = line, False


def _proven(room: Room, file: File, lines: Sequence[Any], answered: bool) -> None:
    """A sent file has the evidence; a file with the evidence is sent."""
    last = lines[-1] if lines else None
    if file.state in {"sent", "answered"}:
        known = _profile(room, file.mailbox).evidence
        proof = [line for line in lines if line.phase == "sent" and line.evidence in known]
        if not proof and not answered:
            room.breach(f"file {file.id}", "it counts as sent without the evidence that its profile names", LOOK)
    elif last is not None and last.phase == "sent" and file.state != "frozen":
        room.breach(
            f"file {file.id}", f"its journal says that it was sent, its row that it is {file.state}", LOOK
        )
    if file.state in {"staged", "published"} and (last is None or last.phase not in _follow(file.state)):
        room.breach(f"file {file.id}", f"it is {file.state}, and its journal does not say so", LOOK)


def _follow(state: str) -> tuple[str, ...]:
    return ("staged", "publishing") if state == "staged" else ("published",)


def _moving(room: Room, file: File, alarmed: set[str]) -> None:
    """Nothing waits between two phases for long; what is in doubt, or cannot go, is in front of a person."""
    waited = room.now - file.state_since
    about = {file.id, file.mailbox} & alarmed
    if file.state == "published" and waited > STUCK:
        room.breach(f"file {file.id}", "it was published long ago and is neither sent nor in doubt", LOOK)
    if file.state in {"frozen", "staged"} and waited > STUCK and not about:
        room.breach(f"file {file.id}", f"it has been {file.state} for long, and no work item says why", LOOK)
    if file.state == "in_doubt" and file.id not in alarmed:
        room.breach(f"file {file.id}", "it is in doubt, and no work item says so", LOOK)


def _profile(room: Room, mailbox: str) -> Profile:
    """What the mailbox's plugin said, else what its settings say."""
    if known := room.profiles.get(mailbox):
        return known
    connector = room.settings.connectors.get(mailbox)
    told = connector.settings.get("in_doubt", "ask") if connector else "ask"
    return Profile(evidence=KNOWN, in_doubt=str(told))


def _lost(room: Room) -> None:
    for page in room.scan.rows("transfers", "file_id", by=("seq",)):
        known = {row.id for row in room.scan.among("files", "id", [line.file_id for line in page])}
        for line in page:
            if line.file_id not in known:
                room.breach(f"journal {line.seq}", "it speaks of a file that is not there")
