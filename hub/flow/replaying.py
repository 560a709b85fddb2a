"""Looks again, on a person's word, at what was held or set aside: after a change of settings, a fix, a new file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hub.config.settings import Settings
from hub.errors import HubError, Refused
from hub.flow.after_restore import stay_held
from hub.flow.base import CHUNK, move_claims
from hub.flow.corrections import resend
from hub.flow.fetch import STEP_OF, again
from hub.flow.ingest import mending
from hub.flow.ingest import replay as gather
from hub.flow.visits import taking_back
from hub.flow.visits.storing import OPEN_VISIT, OVER
from hub.model.encounter import Encounter
from hub.store import Nudge, Tx
from hub.store.documents import Change, Row
from hub.store.inbox import InboxItem

ENCOUNTERS = ("held", "incomplete", "waiting", "proposal")
CALLED_OFF = {OPEN_VISIT, *OVER} - {"merged"}
"""Visits that are not to be billed as things are; one that was merged is another one now."""
MESSAGES = ("set_aside", "read_in_part")
REMITS = ("held", "set_aside")
READS = {"print_results": "printing.results", **STEP_OF}
"""Kind of what stands in the inbox -> the step that reads it."""
Pass = Callable[[Tx, Settings, str, str], tuple[int, str]]


def one(tx: Tx, settings: Settings, what: str, by: str) -> str:
    """Look again at one encounter, claim, message, file or remittance; says which. `Refused` where it is past it."""
    if encounter := tx.encounters.get(what):
        if encounter.state not in ENCOUNTERS:
            raise Refused(f"the encounter is {encounter.state}: nothing about it is held", fix="hub status")
        _encounters(tx, [encounter], by)
        return "encounters"
    if claim := tx.claims.get(what):
        if claim.state != "held":
            fix = "hub claims show; what was rejected or denied goes out by: hub work resolve ITEM --resend"
            raise Refused(f"the claim is {claim.state}, not held", fix=fix)
        _claim(tx, settings, claim, by)
        return "claims"
    if remit := tx.remits.get(what):
        _message(tx, _message_of(tx, remit.col("blob_id")), by)
        return "messages"
    if remote := tx.fetched.get(what):
        if remote.state != "refused":
            raise Refused(f"the file is {remote.state}: nobody refused it", fix="hub files list")
        again(tx, remote, "printing.results" if remote.connector == settings.print.vendor else "fetch.fetch", by)
        return "files"
    if message := tx.inbox.by_id(what):
        _message(tx, message, by)
        return "messages"
    raise HubError("there is no encounter, claim, message, file or remittance with this id", fix="hub work list")


def _message_of(tx: Tx, blob_id: str) -> InboxItem:
    found = tx.inbox.find(blob_id=blob_id, limit=1)
    if not found:
        raise Refused("the file that brought this remittance is not in the inbox", fix="run: hub verify")
    return found[0]


def held_encounters(tx: Tx, settings: Settings, after: str, by: str) -> tuple[int, str]:  # noqa: ARG001 - one signature
    """The next page of encounters that are held or incomplete: how many, and the last id (empty: no more)."""
    rows = tx.encounters.find(limit=CHUNK, after_id=after, state=("held", "incomplete"))
    _encounters(tx, rows, by)
    return len(rows), rows[-1].id if rows else ""


def history(tx: Tx, settings: Settings, after: str, by: str) -> tuple[int, str]:
    """The next page of encounters that were history by the settings of their time; what is before `bill_from` still
    becomes history again, and a source that bills nothing is left alone.
    """
    rows = tx.encounters.find(limit=CHUNK, after_id=after, state="history")
    billed = [row for row in rows if row.col("source") in settings.sources]
    _encounters(tx, billed, by)
    return len(billed), rows[-1].id if rows else ""


def held_claims(tx: Tx, settings: Settings, after: str, by: str) -> tuple[int, str]:
    """The next page of held claims; not those of each of which a person has a word to say (the partner may have them
    since before a restore, or their visit is told otherwise after they left once), nor those that may not go.
    """
    rows = tx.claims.find(limit=CHUNK, after_id=after, state="held")
    ids = [row.id for row in rows]
    again = tx.work.list(aggregate_id=ids, reason=taking_back.REOPENED, limit=CHUNK) if ids else []
    stay, done = stay_held(tx, ids) | {item.aggregate_id for item in again}, 0
    for row in rows:
        with suppress(Refused):
            if row.id not in stay:
                _claim(tx, settings, row, by)
                done += 1
    return done, rows[-1].id if rows else ""


def set_aside(tx: Tx, settings: Settings, after: str, by: str) -> tuple[int, str]:  # noqa: ARG001 - one signature
    """The next page of messages and files that could not be read; what cannot be read again stays as it is."""
    items, done = tx.inbox.find(limit=CHUNK, after=int(after or 0), state="set_aside"), 0
    for item in items:
        with suppress(Refused):
            _message(tx, item, by)
            done += 1
    return done, str(items[-1].seq) if items else ""


def tested_claims(tx: Tx, settings: Settings, after: str, by: str) -> tuple[int, str]:
    """The next page of claims that went out as a test: they are scrubbed anew, now to be sent for real; not those
    whose visit the source has open again, or called off since.
    """
    page = tx.claims.find(limit=CHUNK, after_id=after, state="tested")
    still = sorted({row.col("route") for row in page if settings.usage(row.col("route")) != "P"})
    if still:
        raise Refused(f"{', '.join(still)} is a test mailbox still", fix='set usage = "P" in hub.toml first')
    visits = tx.encounters.heads_of({one for row in page for one in row.record.encounter_ids})
    off = {one for one, visit in visits.items() if visit.state in CALLED_OFF}
    rows = [row for row in page if off.isdisjoint(row.record.encounter_ids)]
    tried = tx.submissions.find(claim_id=[row.id for row in rows], usage="T", closed_at=None) if rows else []
    tx.submissions.close_many([one.id for one in tried], "the test is over")
    move_claims(tx, [Change(row, state="new") for row in rows], actor=by)
    tx.then(*[Nudge("scrub.check", practice) for practice in sorted({row.practice for row in rows})])
    return len(rows), page[-1].id if page else ""


PASSES: dict[str, tuple[tuple[str, Pass], ...]] = {
    "held": (("encounters", held_encounters), ("claims", held_claims)),
    "set_aside": (("messages", set_aside),),
    "history": (("encounters", history),),
    "tested": (("claims", tested_claims),),
}


def _encounters(tx: Tx, rows: list[Row[Encounter]], by: str) -> None:
    gather(tx, rows)
    for row in rows:
        tx.event("encounter.replayed", "encounter", row.id, practice=row.practice, actor=by, was=row.state)


def _claim(tx: Tx, settings: Settings, row: Row[Any], by: str) -> None:
    """A held claim is scrubbed anew, or made anew where its source tells otherwise of it; one that only waits for its
    next payer is forwarded anew.
    """
    if taking_back.on_word(tx, row, by):
        tx.event("claim.replayed", "claim", row.id, practice=row.practice, actor=by, was=row.state)
    elif tx.work.list(aggregate_id=row.id, reason_prefix="secondary.", limit=1):
        move_claims(tx, [Change(row, state="secondary_due")], actor=by)
        tx.work.resolve_for(row.id, "secondary.", "looked at again", by)
        tx.event("claim.replayed", "claim", row.id, practice=row.practice, actor=by, was=row.state)
        tx.then(Nudge("secondary.make", row.practice))
    else:
        resend(tx, settings, row, by)


def _message(tx: Tx, item: InboxItem, by: str) -> None:
    """A message or file is read anew. What it brought before is known again by its keys and numbers."""
    if item.kind == "message":
        mending.replay(tx, item, by)
        return
    remits = tx.remits.heads(blob_id=item.blob_id, state=REMITS)
    if item.state not in MESSAGES and not remits:
        raise Refused(f"the {item.kind} is {item.state}: everything in it is applied", fix="hub files show")
    step = READS.get(item.kind, "")
    if not step:
        raise Refused(f"nothing reads a file of the kind {item.kind}", fix="look at it with: hub files show")
    _reopen(tx, remits, by)
    tx.inbox.put_state(item, "received")
    tx.work.resolve_for(item.id, "", "read again", by)
    tx.event(
        "message.replayed",
        "message",
        item.id,
        practice=item.practice,
        actor=by,
        was=item.state,
        kind_of=item.kind,
    )
    tx.then(Nudge(step, item.source))


def _reopen(tx: Tx, remits: list[Row[None]], by: str) -> None:
    """Remittances that were not posted are judged anew; their claim payments stand already."""
    for remit in remits:
        aside = tx.remit_claims.heads(remit_id=remit.id, state="set_aside", limit=1_000_000)
        tx.remit_claims.put_many([Change(row, state="read") for row in aside])
        tx.work.resolve_for(remit.id, "remit.", "read again", by)
        tx.work.resolve_for(remit.id, "step.", "read again", by)
    tx.remits.put_many([Change(row, state="reading") for row in remits])
