"""A person's word that two patients are one, or are two after all: what follows it, told before and done at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from hub.errors import Refused
from hub.flow.ingest.reopening import reopen_patients
from hub.ledger import AccountKind
from hub.store import Tx, View

OPEN_CLAIM = ("new", "ready", "held", "frozen", "sent", "accepted", "rejected", "denied", "secondary_due")
LOOK = "hub claims show names the patient of a claim; hub patients show looks at one"


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """One id that was merged, or parted again (`into` is itself), by which message or person, and when."""

    patient: str
    into: str
    cause: str
    at: datetime


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Who a patient is now, all ids that mean the same, and what stands under these: counts, and cents owed."""

    patient: str
    now: str
    practice: str
    ids: tuple[str, ...]
    history: tuple[Joined, ...]
    encounters: int
    open_claims: int
    appointments: int
    owed: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a word came to: `news` is False where it was so already. `looked_at` visits are put together anew."""

    news: bool
    told: str
    before: tuple[Standing, ...]
    after: tuple[Standing, ...]
    looked_at: int


def standing(view: View, patient: str) -> Standing:
    """What stands under a patient, merges counted; `Refused` where nobody has that id."""
    now = view.resolve("patient", patient)
    ids = (now, *view.aliases.merged_into("patient", [now])[now])
    rows = view.patients.heads_of(ids)
    if not rows and not view.aliases.of("patient", [patient]):
        raise Refused("there is no patient of this id", fix=LOOK)
    history = view.aliases.of("patient", view.aliases.kin("patient", [patient]))
    owed = view.book.balances("guarantor_id", ids, account=AccountKind.PATIENT_RECEIVABLE)
    return Standing(
        patient=patient,
        now=now,
        practice=next((row.practice for row in rows.values()), ""),
        ids=ids,
        history=tuple(Joined(patient=h.from_id, into=h.into_id, cause=h.cause, at=h.at) for h in history),
        encounters=view.encounters.count(patient_id=ids),
        open_claims=view.claims.count(patient_id=ids, state=OPEN_CLAIM),
        appointments=view.appointments.count(patient_id=ids),
        owed=sum(owed.values()),
    )


def merge(tx: Tx, old: str, new: str, by: str) -> Outcome:
    """`old` is `new` from now on, whatever a source said before; said twice, it changes nothing."""
    before = (standing(tx, old), standing(tx, new))
    if before[0].now == before[1].now:
        return _settled(f"{old} and {new} are one already", before)
    if before[0].practice and before[1].practice and before[0].practice != before[1].practice:
        raise Refused("they are patients of two practices, whose books are apart", fix=LOOK)
    tx.alias("patient", old, new, cause=by)
    return _followed(tx, "patient.merged", (old, new), by, before, f"{old} is {new} from now on")


def unmerge(tx: Tx, patient: str, by: str) -> Outcome:
    """`patient` is themselves again; what was merged into them comes along."""
    before = (standing(tx, patient),)
    into = next((row.into_id for row in tx.aliases.of("patient", [patient])), patient)
    if into == patient:
        return _settled(f"{patient} is merged into nobody", before)
    tx.aliases.part("patient", patient, cause=by)
    return _followed(tx, "patient.parted", (patient, into), by, before, f"{patient} is nobody else from now on")


def _settled(told: str, before: Sequence[Standing]) -> Outcome:
    return Outcome(news=False, told=told, before=tuple(before), after=tuple(before), looked_at=0)


def _followed(
    tx: Tx, kind: str, pair: tuple[str, str], by: str, before: Sequence[Standing], told: str
) -> Outcome:
    looked_at = reopen_patients(tx, tx.aliases.kin("patient", pair), claimed=True)
    practice = next((one.practice for one in before if one.practice), "")
    tx.event(kind, "patient", pair[0], practice=practice, actor=by, cause=pair[1], looked_at=looked_at)
    after = {found.now: found for found in (standing(tx, one) for one in pair)}
    return Outcome(news=True, told=told, before=tuple(before), after=tuple(after.values()), looked_at=looked_at)


__all__ = ["Outcome", "Standing", "merge", "standing", "unmerge"]
