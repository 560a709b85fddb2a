"""Promise 11: everything has exactly one disposition that is known, and nothing waits without somebody in charge."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from hub.config.settings import Settings
from hub.flow.ingest.facts_store import MARKS
from hub.flow.ingest.reopening import FRESH
from hub.model.facts import AnyFact, PieceFact
from hub.model.people import Record
from hub.reports.promises.once import posted_keys
from hub.reports.promises.room import Room, slices
from hub.store.documents import Row

DONE = None
"""A disposition that ends the path; the others may stand for so many days without an open work item."""

BEHIND = None
"""A message that waits in its lane for one that is set aside, whose limit and work are its own too (`_blocked`)."""

STATES: dict[str, dict[str, int | None]] = {
    "inbox": {
        "received": 1,
        "read": DONE,
        "read_in_part": 0,
        "set_aside": 0,
        "blocked": BEHIND,
        "replaced": DONE,
        "skipped": DONE,
        "stored": DONE,
        "test": DONE,
        "informational": DONE,
    },
    "fetched": {
        "listed": 1,
        "stored": 1,
        "refused": 0,
        "done": DONE,
    },
    "encounters": {
        "gathering": 1,
        "incomplete": 2,
        "waiting": 30,
        "ready": 1,
        "held": 0,
        "proposal": 0,
        "coded": 1,
        "claimed": DONE,
        "patient": DONE,
        "history": DONE,
        "cancelled": DONE,
        "merged": DONE,
        "test": DONE,
    },
    "charges": {
        "new": 30,
        "gathering": 1,
        "waiting": 30,
        "held": 0,
        "proposal": 0,
        "priced": 1,
        "claimed": DONE,
        "patient": DONE,
        "settled": DONE,
        "posted": DONE,
        "void": DONE,
        "history": DONE,
        "cancelled": DONE,
        "test": DONE,
    },
    "claims": {
        "new": 1,
        "ready": 3,
        "held": 0,
        "frozen": 3,
        "sent": 5,
        "accepted": 45,
        "tested": DONE,
        "rejected": 0,
        "denied": 0,
        "secondary_due": 1,
        "reversed": 60,
        "forwarded": DONE,
        "paid": DONE,
        "void": DONE,
    },
    "remits": {
        "reading": 1,
        "balanced": 1,
        "held": 0,
        "set_aside": 0,
        "posted": DONE,
        "duplicate": DONE,
        "notified": DONE,
    },
    "remit_claims": {
        "read": 1,
        "unmatched": 0,
        "set_aside": 0,
        "posted": DONE,
        "duplicate": DONE,
        "notified": DONE,
    },
    "statements": {
        "made": 2,
        "frozen": 3,
        "sent": 14,
        "returned": 0,
        "rejected": 0,
        "printed": DONE,
        "moved": DONE,
    },
    "appointments": {
        "gathering": 1,
        "booked": DONE,
        "cancelled": DONE,
        "noshow": DONE,
        "done": DONE,
    },
}
"""Table -> state -> age limit in days. 0: a work item from the first moment."""

CALLED = {
    "inbox": "message",
    "fetched": "fetched file",
    "encounters": "encounter",
    "charges": "charge",
    "claims": "claim",
    "remits": "remit",
    "remit_claims": "remit claim",
    "statements": "statement",
    "appointments": "appointment",
    "facts": "fact",
}
#: Columns whose value may be what a work item is about, beside the row's own id.
PARENTS: dict[str, tuple[str, ...]] = {
    "inbox": ("source",),
    "fetched": ("connector",),
    "encounters": (),
    "charges": ("encounter_id",),
    "claims": ("route",),
    "remits": (),
    "remit_claims": ("remit_id",),
    "statements": ("file_id",),
    "appointments": (),
    "facts": ("source", "message"),
}
#: A visit that waits for its source is looked at anew every day, or with all that is told of it: its age counts from
#: its day, or from its arrival.
LOOKED_AT_DAILY = frozenset({"waiting", "incomplete"})
AGES: dict[str, tuple[str, ...]] = {"encounters": ("created_at", "service_date")}
PAGE, ALL = 1_000, 1_000_000
SETTLE = timedelta(hours=1)
"""What a running hub may have in its hands at this moment."""
KEPT = "kept"
MARKED = timedelta(days=1)
"""So long a fact may stay marked: its source is busy, or being mended."""
READ_AGAIN = (
    "let the step ingest.read run for its source; if that does not help: hub replay the message, and report"
)
LEFT_BEHIND = "have the source tell the visit again, and report it"
REPLAY = "hub replay ID; and find which step left it there without a work item"


class _Marked(Record, frozen=True, kw_only=True):
    """A fact that waits: of which source, and in which message it came where that is known."""

    id: str
    state: str
    state_since: datetime
    source: str
    message: str


def somewhere(room: Room) -> None:
    """Every row of every kind against the table above; charges against claims; PLBs against the ledger."""
    for table in STATES:
        with room.guarded(table):
            _table(room, table)
    with room.guarded("lanes of feeds"):
        _blocked(room)
    with room.guarded("facts"):
        _marked(room)
    with room.guarded("charges on claims"):
        _charges(room)
    with room.guarded("provider adjustments"):
        _plbs(room)


def _table(room: Room, table: str) -> None:
    """Count everything; name the rows whose state nobody knows, and those that wait with nobody in charge."""
    limits = limits_of(table, room.settings)
    columns = ("id", "state", "state_since", *PARENTS[table], *AGES.get(table, ()))
    room.count(f"{CALLED[table]}s", 0)
    for page in room.scan.rows(table, *columns, by=_key(table)):
        room.count(f"{CALLED[table]}s", len(page))
        for row in page:
            if row.state not in STATES[table]:
                room.breach(f"{CALLED[table]} {row.id}", f"it is {row.state!r}, which is no disposition", REPLAY)
        late = [row for row in page if row.state in limits and _is_late(row, limits, room.now)]
        _in_charge(room, table, late)


def _key(table: str) -> tuple[str, ...]:
    return ("seq",) if table == "inbox" else ("id",)


def limits_of(table: str, settings: Settings) -> dict[str, int]:
    """The age limits of a table's states in days; how long an answer may take, each payer has said for itself."""
    limits = {state: days for state, days in STATES[table].items() if days is not None}
    if table == "claims":
        payers = settings.payers.values()
        limits["sent"] = max([limits["sent"], *(payer.ack_days + 2 for payer in payers)])
        limits["accepted"] = max([limits["accepted"], *(payer.era_days + 2 for payer in payers)])
    return limits


def _is_late(row: Any, limits: Mapping[str, int], now: datetime) -> bool:
    limit = limits[row.state]
    return limit == 0 or now - _since(row) > max(timedelta(days=limit), SETTLE)


def _since(row: Any) -> datetime:
    """Since when a row stands where it stands."""
    since: datetime = row.state_since
    if row.state in LOOKED_AT_DAILY and hasattr(row, "created_at"):
        begun = row.service_date and datetime.combine(row.service_date, time(), UTC)
        since = max(row.created_at, begun) if begun else row.created_at
    return since


def _in_charge(room: Room, table: str, late: Collection[Any]) -> None:
    """Each late row has an open work item, or a person's word on one since it came to stand there."""
    about = {row.id: {row.id, *(getattr(row, name) for name in PARENTS[table])} - {None, ""} for row in late}
    if table == "claims":
        for submission in room.scan.among("submissions", "claim_id", about, "id", "file_id"):
            about[submission.claim_id] |= {submission.id, submission.file_id} - {None}
    words = _words(room, {one for ids in about.values() for one in ids})
    for row in late:
        told = max((words[one] for one in about[row.id] if one in words), default=None)
        if told is None or told < _since(row):
            days = (room.now - _since(row)).days
            why = f"it has been {row.state} for {days} days, and no work item is open for it"
            room.breach(f"{CALLED[table]} {row.id}", why, REPLAY)


def _words(room: Room, ids: Iterable[str]) -> dict[str, datetime]:
    """Until when somebody was in charge of each id: now while an item is open, else when a person closed it. What is
    told of a source, a habit of its sender, puts nobody in charge of one message.
    """
    found: dict[str, datetime] = {}
    for part in slices(ids):
        for item in room.scan.among(
            "work_items", "aggregate_id", part, "aggregate", "resolved_at", "resolved_by"
        ):
            if item.aggregate == "source":
                continue
            if item.resolved_at is None:
                until = room.now
            elif item.resolved_by != "hub":
                until = item.resolved_at
            else:
                continue
            found[item.aggregate_id] = max(found.get(item.aggregate_id, until), until)
    return found


def _blocked(room: Room) -> None:
    """What waits in a lane stands behind something there; what stops a lane is set aside, or about to be read."""
    waiting = {
        source: number for (source, state), number in room.view.inbox.tally().items() if state == "blocked"
    }
    for source in waiting:
        _all_behind(room, source)
    room.count("messages that wait in a lane", sum(waiting.values()))
    for stop in room.view.held_lanes.stops(limit=ALL):
        if stop.state not in {"set_aside", "received"}:
            why = f"it is {stop.state}, and {stop.lanes} lanes of {stop.source} stand still behind it"
            room.breach(f"message {stop.message}", why, REPLAY)


def _all_behind(room: Room, source: str) -> None:
    inbox = room.view.inbox
    page = inbox.find(state="blocked", source=source, limit=PAGE)
    while page:
        _behind(room, page)
        page = inbox.find(state="blocked", source=source, limit=PAGE, after=page[-1].seq)


def _behind(room: Room, rows: Sequence[Any]) -> None:
    places = room.view.held_lanes.places(rows)
    ahead = room.view.held_lanes.ahead(set(places.values()))
    for row in rows:
        if places[row.seq] not in ahead:
            why = "it waits in a lane of its feed, and nothing stands before it there"
            room.breach(
                f"message {row.id}", why, "hub messages skip ID, or edit it: then it is read; and report it"
            )


def _marked(room: Room) -> None:
    """Facts that are kept wait for nothing; those that are marked, to be read or looked at, do not stay so."""
    states = room.view.facts.tally()
    room.count("facts", sum(states.values()))
    for state in sorted(states.keys() - {KEPT}):
        oldest = room.view.facts.waiting(state, limit=PAGE)
        if state not in {*MARKS, FRESH}:
            for row in oldest:
                room.breach(f"fact {row.id}", f"it is {state!r}, which is no disposition", READ_AGAIN)
            continue
        late = [_told_of(row) for row in oldest if room.now - row.state_since > MARKED]
        _in_charge(room, "facts", late)


def _told_of(row: Row[AnyFact]) -> _Marked:
    message = row.record.message if isinstance(row.record, PieceFact) else ""
    return _Marked(
        id=row.id, state=row.state, state_since=row.state_since, source=row.col("source"), message=message
    )


def _charges(room: Room) -> None:
    """What counts as claimed stands on a claim that was not taken back; none that waits is left at a billed visit."""
    for page in room.scan.rows("charges", "kind", state="claimed", kind="charge"):
        links = room.view.claim_charges.of_charges([row.id for row in page])
        stands = {
            row.id
            for row in room.scan.among("claims", "id", {link.claim_id for link in links}, "state")
            if row.state != "void"
        }
        known = {link.charge_id for link in links if link.claim_id in stands}
        for row in page:
            if row.id not in known:
                room.breach(f"charge {row.id}", "it counts as claimed, and stands on no claim", REPLAY)
    for page in room.scan.rows("charges", "encounter_id", state="new", kind=("charge", "credit")):
        visits = room.scan.among("encounters", "id", [row.encounter_id for row in page], "state")
        billed = {visit.id for visit in visits if visit.state in {"claimed", "patient"}}
        for row in page:
            if row.encounter_id in billed:
                room.breach(f"charge {row.id}", "it is new, and its visit is billed without it", LEFT_BEHIND)


def _plbs(room: Room) -> None:
    """Each PLB of a posted remittance is in the ledger; those of the others are their remittance's business."""
    for page in room.documents(room.view.remits, "remit", state="posted"):
        wanted = {
            f"remit:{row.id}:plb:{number}": (row.id, number)
            for row in page
            for number, plb in enumerate(row.record.provider_adjustments, 1)
            if plb.amount
        }
        room.count("PLBs", len(wanted))
        known = posted_keys(room, page, wanted)
        for remit, number in (wanted[key] for key in sorted(wanted.keys() - known)):
            room.breach(f"remit {remit} PLB {number}", "it is in no account", REPLAY)
