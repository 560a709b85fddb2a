"""A claim goes out again: the same after a rejection, corrected (frequency 7) after an adjudication.

Promise 3 rules here: nothing goes out while a submission of the claim is open. A TA1, 999 or 277CA rejection
closes it, so does an adjudication, so does a person's recorded reason.
"""

from __future__ import annotations

from msgspec.structs import replace

from hub.config.settings import Settings
from hub.errors import Refused
from hub.flow.base import move_claims
from hub.flow.coder import code_encounter
from hub.flow.visits.assemble import present
from hub.flow.visits.refreshing import rediagnosed, refreshed, versioned
from hub.flow.visits.storing import OPEN_VISIT
from hub.model.claim import Claim
from hub.money import to_cents
from hub.store import Nudge, Tx
from hub.store.documents import Change, Row
from hub.store.outbox import File
from hub.store.submissions import Submission

HELD, REJECTED = ("held",), ("rejected",)
ADJUDICATED = ("paid", "denied", "reversed")
ASKED_ONWARD = ("forwarded", "secondary_due")
REVERSAL = "22"
SETTLED_BY_RESENDING = ("rejected.", "denial.", "batch.", "scrub.", "claim.reopened")


def resend(tx: Tx, settings: Settings, row: Row[Claim], by: str) -> str:
    """Let the claim go out again, and say in which way; `Refused` with what to do where it may not.

    What was corrected at its source since (patient, coverage, providers, diagnoses) goes with it; its lines and
    their amounts, which are in the books, do not change.
    """
    if still := tx.submissions.open_of(row.id, row.col("rank")):
        raise Refused(
            f"a submission of this claim is still open (since {still.opened_at:%Y-%m-%d}, {still.state})",
            fix="wait for its answer, or resolve its overdue item with --resend if the payer never got it",
        )
    if row.state in HELD and _answered(tx, row):
        raise Refused("the payer has answered this claim; only its next payer is due", fix="hub replay CLAIM")
    if row.state in ADJUDICATED:
        return _corrected(tx, settings, row, by)
    if row.state in HELD + REJECTED:
        return _again(tx, settings, row, by)
    fix = (
        "correct it with the last payer asked"
        if row.state in ASKED_ONWARD
        else "look at it with: hub claims show"
    )
    raise Refused(f"the claim is {row.state}: there is nothing to send again", fix=fix)


def _answered(tx: Tx, row: Row[Claim]) -> bool:
    """Whether the claim's present version was adjudicated."""
    sent = tx.submissions.of_claim(row.id)
    return any(one.version == row.col("version") and one.close_reason == "adjudicated" for one in sent)


def _again(tx: Tx, settings: Settings, row: Row[Claim], by: str) -> str:
    """No payer has taken it yet: it is scrubbed and sent anew, under a new patient control number."""
    visits = tx.encounters.heads_of(row.record.encounter_ids).values()
    if any(visit.state == OPEN_VISIT for visit in visits):
        fix = "have it finished there; then: hub replay CLAIM"
        raise Refused("the source has the visit of this claim open again", fix=fix)
    claim = _as_of_now(tx, settings, row)
    if claim == row.record:
        _put(tx, row, row.record, by, cause=row.state)
        return f"the claim goes out again as version {claim.version}"
    changed = versioned(tx, row, claim)
    _put(tx, row, changed, by, cause=row.state)
    return f"the claim goes out as version {changed.version}, with what was corrected at its source"


def _corrected(tx: Tx, settings: Settings, row: Row[Claim], by: str) -> str:
    """A payer has decided: only a replacement that names its claim number may follow (CLM05-3 7, REF*F8)."""
    reference = payer_reference(tx, row)
    if not reference:
        raise Refused(
            "no payment of this claim carries the payer's claim number (CLP07), which a corrected claim must name",
            fix="ask the payer for it, or correct the claim in the payer's portal",
        )
    claim = replace(_as_of_now(tx, settings, row), frequency="7", original_reference=reference)
    corrected = versioned(tx, row, claim)
    _put(tx, row, corrected, by, cause=row.state)
    return f"a corrected claim (frequency 7) goes out as version {corrected.version}"


def payer_reference(tx: Tx, row: Row[Claim]) -> str:
    """The payer's claim control number (CLP07) of the claim's last payment, a reversal's only if no other has one."""
    rows = tx.remit_claims.find(claim_id=row.id, state="posted")
    told = [paid.record for paid in rows if paid.record.payer_control_number]
    standing = [paid for paid in told if paid.status != REVERSAL] or told
    return standing[-1].payer_control_number if standing else ""


def _put(tx: Tx, row: Row[Claim], claim: Claim, by: str, *, cause: str) -> None:
    change: Change[Claim] = Change(
        row, record=claim, state="new", version=claim.version, cents=to_cents(claim.total)
    )
    move_claims(tx, [change], cause=cause, actor=by)
    for reason in SETTLED_BY_RESENDING:
        tx.work.resolve_for(row.id, reason, "the claim goes out again", by)
    kind = "claim.corrected" if claim.frequency == "7" else "claim.resent"
    tx.event(kind, "claim", row.id, practice=row.practice, version=claim.version, actor=by, was=cause)
    tx.then(Nudge("scrub.check", row.practice))


def _as_of_now(tx: Tx, settings: Settings, row: Row[Claim]) -> Claim:
    """The claim with what its source says today."""
    lead = tx.encounters.get(row.record.encounter_ids[0]) if row.record.encounter_ids else None
    if lead is None:
        return row.record
    encounter = present(tx, settings, lead)
    file = tx.patients.get(tx.resolve("patient", encounter.patient_id or row.record.patient_id))
    charges = tx.charges.find(encounter_id=list(row.record.encounter_ids), limit=100_000)
    coded = code_encounter(encounter, [charge.record for charge in charges], settings, row.practice)
    claim = refreshed(row.record, coded.encounter, file.record, settings, row.practice) if file else row.record
    if coded.problems or coded.proposals:
        return claim
    by_id = {charge.id: one.pointers for charge, one in zip(charges, coded.charges, strict=True)}
    return rediagnosed(claim, coded.encounter.icd10, by_id)


def give_up_submission(tx: Tx, submission: Submission, by: str, reason: str) -> None:
    """A person's word that a submission never reached its payer: it is closed, and its claim may go out again."""
    if submission.closed_at is not None:
        raise Refused("this submission is closed already", fix="look at its claim with: hub claims show")
    tx.submissions.close(submission.id, "person", state="given_up")
    tx.met("claim_ack", submission.id, by)
    tx.met("adjudication", f"{submission.id}:{submission.rank}", by)
    tx.event(
        "submission.closed",
        "claim",
        submission.claim_id,
        practice=submission.practice,
        version=submission.version,
        actor=by,
        cause=submission.id,
        reason=reason[:200],
    )
    row = tx.claims.get(submission.claim_id)
    if row is not None and row.state in {"frozen", "sent", "accepted"}:
        move_claims(tx, [Change(row, state="rejected")], cause=submission.id, actor=by)


def rebatch(tx: Tx, settings: Settings, file: File, by: str, reason: str) -> int:
    """The claims of a file that the partner refused go out again in another file; returns how many."""
    if file.state != "refused":
        raise Refused(f"the file is {file.state}: its claims do not go out in another", fix="hub files show")
    waiting = [one for one in tx.submissions.of_file(file.id) if one.closed_at is None]
    for submission in waiting:
        give_up_submission(tx, submission, by, reason)
        row = tx.claims.get(submission.claim_id)
        if row is not None and row.state == "rejected":
            resend(tx, settings, row, by)
    tx.work.resolve_for(file.id, "dispatch.", "its claims go out in another file", by)
    tx.event("file.rebatched", "file", file.id, practice=file.practice, actor=by, claims=len(waiting))
    return len(waiting)


__all__ = ["give_up_submission", "payer_reference", "rebatch", "rediagnosed", "refreshed", "resend"]
