"""Promise 6: no payment is posted twice, under whatever name it comes, and none is dropped for its trace number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hub.flow.carc import Meaning, meaning
from hub.flow.denials import adjustments_of
from hub.model.remit import ClaimPayment, Remittance
from hub.reports.promises.room import Room, heads
from hub.store.documents import Row
from hub.x12.wire import segments

POSTED = ("posted", "unmatched")
TWICE = "reverse one of the two, and look which of them the bank knows"
MISSING = "replay the file; what stands already is not posted again"


def once(room: Room) -> None:
    """Remittances by content and trace, files against their sets, claim payments against the ledger."""
    with room.guarded("remits"):
        _contents(room)
    with room.guarded("remits as duplicates"):
        _dropped(room)
    with room.guarded("835 files"):
        _files(room)
    with room.guarded("remit claims"):
        _claims(room)
    with room.guarded("provider adjustments"):
        _plbs(room)
    with room.guarded("ledger transactions of remittances"):
        _back(room)


def _contents(room: Room) -> None:
    for row in room.scan.repeated("remits", "content_key", walk=True, state="posted"):
        for remit in room.view.remits.heads(content_key=row.content_key, state="posted", limit=10):
            room.breach(f"remit {remit.id}", "another with the same content is posted as well", TWICE)
    for row in room.scan.repeated("remits", "blob_id", "set_index"):
        room.breach(
            f"blob {row.blob_id} set {row.set_index}", "the transaction set was read more than once", TWICE
        )


def _dropped(room: Room) -> None:
    """A duplicate has a twin with the same content that is none; a trace number alone never makes one."""
    for page in heads(room.view.remits, state="duplicate"):
        room.count("duplicates", len(page))
        keys = [row.col("content_key") for row in page]
        twins = room.scan.among("remits", "content_key", keys, "id", "state")
        stands = {twin.content_key for twin in twins if twin.state != "duplicate"}
        for row in page:
            if row.col("content_key") not in stands:
                room.breach(f"remit {row.id}", "it was dropped as a duplicate, and no twin of it stands", MISSING)
    for shared in room.scan.repeated("remits", "trace", amount_cents=0):
        for remit in room.view.remits.heads(trace=shared.trace, amount_cents=0, limit=1_000):
            room.count("zero-pay remittances with a shared trace number")
            if remit.state not in {"posted", "duplicate", "notified", "balanced", "reading"}:
                _blamed(room, remit.id)


def _blamed(room: Room, remit: str) -> None:
    if room.view.work.list(aggregate_id=remit, reason="remit.shared_trace", limit=1):
        room.breach(f"remit {remit}", "it pays nothing and is held for a shared trace number alone", "release it")


def _files(room: Room) -> None:
    """Each set of each 835 file is one remittance with all of its claim payments."""
    for page in room.scan.rows("inbox", "id", "blob_id", "state", by=("seq",), kind="835"):
        remits = room.scan.among("remits", "blob_id", [row.blob_id for row in page], "id", "set_index", "state")
        purged = room.view.blobs.buried(row.blob_id for row in page)
        by_blob: dict[str, dict[int, Any]] = {}
        for remit in remits:
            by_blob.setdefault(remit.blob_id, {})[remit.set_index] = remit
        for row in page:
            if row.state in {"read", "read_in_part"} and row.blob_id not in purged:
                with room.guarded(f"message {row.id}"):
                    _file(room, row, by_blob.get(row.blob_id, {}))


def _file(room: Room, row: Any, known: dict[int, Any]) -> None:
    sets = _sets(room, row.blob_id)
    room.count("835 files")
    room.count("transaction sets in them", len(sets))
    for index in sorted(sets.keys() ^ known.keys()):
        why = "the set in the file is no remittance" if index in sets else "the remittance is not in its file"
        room.breach(f"message {row.id} set {index}", why, MISSING)
    for index in sorted(sets.keys() & known.keys()):
        remit = known[index]
        stored = room.view.remit_claims.count(remit_id=remit.id)
        if remit.state not in {"reading", "set_aside"} and stored != sets[index]:
            room.breach(f"remit {remit.id}", "it has not the claim payments that stand in its set", MISSING)


def _sets(room: Room, blob_id: str) -> dict[int, int]:
    """CLP segments of each 835 set, by the set's place among all sets of the file."""
    found: dict[int, int] = {}
    index = -1
    for segment in segments(room.view.blobs.read(blob_id)):
        if segment[0] == "ST":
            index += 1
            if segment[1] == "835":
                found[index] = 0
        elif segment[0] == "CLP" and index in found:
            found[index] += 1
    return found


def _claims(room: Room) -> None:
    for page in room.documents(room.view.remit_claims, "remit claim", state=POSTED):
        room.count("posted claim payments", len(page))
        keys = {row.id: f"remit:{row.col('remit_id')}:{row.col('position')}" for row in page}
        known = posted_keys(room, page, keys.values())
        for row in page:
            if keys[row.id] not in known and _moves(row):
                room.breach(
                    f"remit claim {row.id}", f"it is {row.state}, and the ledger has nothing of it", MISSING
                )


def _moves(row: Row[ClaimPayment]) -> bool:
    """Whether a payment must have moved money or a receivable: a plain denial does not."""
    if row.state == "unmatched":
        return bool(row.record.paid)
    booked = (Meaning.CONTRACTUAL, Meaning.COST_SHARE)
    adjusted = any(one.amount and meaning(one) in booked for one in adjustments_of(row.record))
    return bool(row.record.paid) or adjusted or any(line.paid for line in row.record.lines)


def _plbs(room: Room) -> None:
    for page in room.documents(room.view.remits, "remit", state="posted"):
        wanted = {key: row.id for row in page for key in _plb_keys(row)}
        room.count("provider adjustments", len(wanted))
        known = posted_keys(room, page, wanted)
        for key in sorted(wanted.keys() - known):
            room.breach(
                f"remit {wanted[key]} PLB {key.rpartition(':')[2]}", "the ledger has nothing of it", MISSING
            )


def posted_keys(room: Room, rows: Sequence[Row[Any]], keys: Iterable[str]) -> set[str]:
    """Those of `keys` that are in the ledger of a practice of these rows."""
    practices = sorted({row.practice for row in rows})
    return {row.key for row in room.scan.among("ledger_transactions", "key", keys, practice=practices)}


def _plb_keys(row: Row[Remittance]) -> list[str]:
    adjustments = enumerate(row.record.provider_adjustments, 1)
    return [f"remit:{row.id}:plb:{number}" for number, one in adjustments if one.amount]


def _back(room: Room) -> None:
    """From the ledger back: each posting of a claim payment has its claim payment, posted, and no second posting."""
    for page in room.scan.rows("ledger_transactions", "key", "cause", "reverses", by=("seq",)):
        own = [row for row in page if _posts_a_claim(row.key)]
        states = room.scan.among(
            "remit_claims", "id", [row.cause for row in own], "state", "remit_id", "position"
        )
        known = {row.id: row for row in states}
        for row in own:
            paid = known.get(row.cause)
            if paid is None or row.key != f"remit:{paid.remit_id}:{paid.position}":
                room.breach(f"ledger transaction {row.seq}", "it posts no claim payment that is there", TWICE)
            elif paid.state not in POSTED:
                room.breach(f"ledger transaction {row.seq}", f"its claim payment is {paid.state}", TWICE)
        # a payment has one key, and keys are unique: whatever else it led to posted it once more
        beside = [row.cause for row in page if not _posts_a_claim(row.key) and not row.reverses]
        for cause in _of_payments(room, beside):
            room.breach(f"remit claim {cause}", "it was posted more than once", TWICE)


def _posts_a_claim(key: str) -> bool:
    """`remit:ID:POSITION`; provider adjustments, variance and reversals have keys of other shapes."""
    kind, _, rest = key.partition(":")
    return kind == "remit" and rest.partition(":")[2].isdigit()


def _of_payments(room: Room, causes: Sequence[str]) -> list[str]:
    return [row.id for row in room.scan.among("remit_claims", "id", causes)]
