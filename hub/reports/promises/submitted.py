"""Promise 3: for each claim and payer rank at most one open production submission, whatever the channel."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hub.model.claim import Claim
from hub.reports.promises.room import Room, slices
from hub.store.documents import Row
from hub.store.submissions import Submission

#: The claim's state -> the states of its last submission while that is open, or () where none may be open.
AGREED: dict[str, tuple[str, ...]] = {
    "new": (),
    "held": (),
    "ready": (),
    "frozen": ("frozen",),
    "sent": ("sent",),
    "accepted": ("accepted",),
    "rejected": (),
    "paid": (),
    "denied": (),
    "secondary_due": (),
    "forwarded": (),
    "void": (),
}
"""Claims in other states (`reversed`) may have one or none: a correction may come before or after."""
CALL = "ask the payer what it has, then close the submission that is not in force, with a reason"


def one_open(room: Room) -> None:
    """Open submissions by claim and rank, by charge and rank, against the claims' states and their files."""
    with room.guarded("submissions"):
        _once(room)
    with room.guarded("claims"):
        _claims(room)
    with room.guarded("submissions and files"):
        _apart(room)


def _once(room: Room) -> None:
    for row in room.scan.repeated("submissions", "claim_id", "rank", usage="P", closed_at=None):
        room.breach(f"claim {row.claim_id} rank {row.rank}", "two production submissions are open at once", CALL)
    columns = ("claim_id", "rank", "version")
    for page in room.scan.rows("submissions", *columns, usage="P", closed_at=None):
        room.count("open production submissions", len(page))
        _no_charge_twice(room, {row.claim_id: row.rank for row in page})


def _no_charge_twice(room: Room, open_ranks: dict[str, int]) -> None:
    """Two claims of one rank that share a charge may not both be with the payer."""
    own = room.view.claim_charges.of_claims(list(open_ranks))
    lines = room.view.claim_charges.of_charges([line.charge_id for line in own])
    others = {line.claim_id for line in lines} - open_ranks.keys()
    busy = open_ranks.keys() | _busy(room, others)
    claims: dict[tuple[str, int], set[str]] = {}
    for line in lines:
        if line.claim_id in busy:
            claims.setdefault((line.charge_id, line.rank), set()).add(line.claim_id)
    for (charge, rank), among in claims.items():
        if len(among) > 1:
            room.breach(f"charge {charge} rank {rank}", "it is asked in two open claims at once", CALL)


def _busy(room: Room, claims: Collection[str]) -> set[str]:
    rows = room.scan.among("submissions", "claim_id", claims, usage="P", closed_at=None)
    return {row.claim_id for row in rows}


def _claims(room: Room) -> None:
    for page in room.documents(room.view.claims, "claim"):
        room.count("claims", len(page))
        last: dict[str, Submission] = {}
        for part in slices(row.id for row in page):
            for submission in room.view.submissions.find(claim_id=part, limit=1_000_000):
                last[submission.claim_id] = submission
        for row in page:
            _agrees(room, row, last.get(row.id))
        _known_versions(room, list(last.values()), {row.id: row.record.version for row in page})


def _agrees(room: Room, row: Row[Claim], last: Submission | None) -> None:
    wanted = AGREED.get(row.state)
    if wanted is None:
        return
    open_state = last.state if last is not None and last.closed_at is None else None
    if not wanted and open_state is not None:
        room.breach(f"claim {row.id}", f"it is {row.state} while a submission of it is {open_state}", CALL)
    if wanted and open_state not in wanted:
        told = f"its last submission is {open_state or 'closed'}" if last else "it was never submitted"
        room.breach(f"claim {row.id}", f"it is {row.state}, but {told}", CALL)


def _known_versions(room: Room, last: Sequence[Submission], versions: dict[str, int]) -> None:
    for one in last:
        if one.version > versions[one.claim_id]:
            room.breach(f"submission {one.id}", "it carries a version that its claim never had")


def _apart(room: Room) -> None:
    """Each submission has its claim, and stands in a file of its own usage: nothing of a test reaches production."""
    columns = ("claim_id", "usage", "file_id", "channel", "closed_at", "close_reason")
    for page in room.scan.rows("submissions", *columns):
        room.count("submissions", len(page))
        claims = {row.id for row in room.scan.among("claims", "id", [row.claim_id for row in page])}
        files = {row.id: row.usage for row in room.scan.among("files", "id", [r.file_id for r in page], "usage")}
        for row in page:
            where = f"submission {row.id}"
            if row.claim_id not in claims:
                room.breach(where, "its claim is not there")
            if row.channel == "electronic" and row.file_id not in files:
                room.breach(where, "the file that carries it is not there")
            elif row.file_id and files[row.file_id] != row.usage:
                room.breach(
                    where, "test and production are mixed in one file", "tell the payer that a test went out"
                )
            if row.closed_at is not None and not row.close_reason:
                room.breach(where, "it was closed without a recorded reason", CALL)
