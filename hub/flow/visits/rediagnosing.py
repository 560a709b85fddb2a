"""A visit whose charges were billed has other diagnoses now: claims that did not leave yet say them, or wait; of one
that left a person is told."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hub.config.settings import Settings
from hub.errors import Problem
from hub.flow.base import move_claims, work_for
from hub.flow.coder import code_encounter
from hub.flow.visits.refreshing import rediagnosed, versioned
from hub.model.claim import Claim
from hub.model.encounter import Charge, Encounter
from hub.model.people import Record
from hub.money import to_cents
from hub.store import Nudge, Tx
from hub.store.documents import Change, Row

WAITING = ("new", "ready")
"""Claims of which nothing was written into a file; one that is held says today's diagnoses when it is released."""


OUT = ("frozen", "sent", "accepted", "paid", "denied")
"""Claims that say what they say."""
MOST = 12
"""Diagnoses that a professional claim has room for."""


class Rediagnosed(Record, frozen=True, kw_only=True):
    """A visit as it was (`row`) and is told now, and its charges that were billed, by our ids, with the diagnoses
    that they are told with now."""

    row: Row[Encounter]
    encounter: Encounter
    billed: tuple[tuple[str, Charge], ...]


def concerns(row: Row[Encounter], encounter: Encounter, was: Sequence[Charge], told: Sequence[Charge]) -> bool:
    """Whether the diagnoses of a visit, or of its billed charges (as they were billed, and are told), are others."""
    of_charges = [one.diagnoses for one in was] != [one.diagnoses for one in told]
    return bool(told) and (of_charges or row.record.diagnoses != encounter.diagnoses)


def follow(tx: Tx, settings: Settings, told: Sequence[Rediagnosed]) -> None:
    """Let the first payer's claims that wait follow the diagnoses of these visits. A claim is held, and a person
    told, where one that is new has no code, or must be confirmed, or none is left.
    """
    for one in told:
        links = tx.claim_charges.of_charges([id_ for id_, _ in one.billed])
        for row in tx.claims.get_many({link.claim_id for link in links}).values():
            if row.record.rank != 1 or row.record.encounter_ids[:1] != (one.row.id,):
                continue
            if row.state in WAITING:
                _follow(tx, settings, one, row)
            elif row.state in OUT and _others(one, settings, row):
                tx.work.open_many(work_for([_left()], "claim", row.id), practice=row.practice)


def _follow(tx: Tx, settings: Settings, one: Rediagnosed, row: Row[Claim]) -> None:
    charges = [charge for _, charge in one.billed]
    coded = code_encounter(one.encounter, charges, settings, row.practice)
    if not coded.encounter.icd10 or _doubtful(one, charges, settings, row.practice):
        move_claims(tx, [Change(row, state="held")])
        tx.work.open_many(work_for([_changed()], "claim", row.id), practice=row.practice)
        return
    pointers = {id_: charge.pointers for (id_, _), charge in zip(one.billed, coded.charges, strict=True)}
    claim = rediagnosed(row.record, coded.encounter.icd10, pointers)
    if claim == row.record:
        return
    made = versioned(tx, row, claim)
    change: Change[Claim] = Change(
        row, record=made, state="new", version=made.version, cents=to_cents(made.total)
    )
    move_claims(tx, [change], cause="diagnoses")
    tx.event("claim.refreshed", "claim", row.id, practice=row.practice, version=made.version, was=row.state)
    tx.then(Nudge("scrub.check", row.practice))


def _others(one: Rediagnosed, settings: Settings, row: Row[Claim]) -> bool:
    """Whether a claim that left says a diagnosis that the visit has not any more, or has room for one more."""
    charges = [charge for _, charge in one.billed]
    now = code_encounter(one.encounter, charges, settings, row.practice).encounter.icd10
    billed = set(row.record.diagnoses)
    return bool(billed - set(now)) or (len(billed) < MOST and bool(set(now) - billed))


def _doubtful(one: Rediagnosed, charges: Sequence[Charge], settings: Settings, practice: str) -> bool:
    """Whether a diagnosis that the visit had not before cannot be coded without a person."""
    known = {diagnosis.coding for diagnosis in one.row.record.diagnoses}
    fresh = tuple(diagnosis for diagnosis in one.encounter.diagnoses if diagnosis.coding not in known)
    coded = code_encounter(replace(one.encounter, diagnoses=fresh), charges, settings, practice)
    return any(told.where.startswith("diagnosis[") for told in (*coded.problems, *coded.proposals))


def _left() -> Problem:
    return Problem(
        code="ingest.diagnoses_changed",
        where="diagnoses",
        why="the source changed the diagnoses of a visit after a claim of it left",
        fix="if the payer must know, when it has answered: hub work resolve ITEM --how WHY --resend sends the claim "
        "corrected; else resolve this item",
    )


def _changed() -> Problem:
    return Problem(
        code="claim.diagnoses_changed",
        where="diagnoses",
        why="the source changed the diagnoses before this claim was sent; those it tells now cannot be billed as is",
        fix="add the codes to charge_map.toml, or correct the source; then release the claim with: hub replay CLAIM",
    )


__all__ = ["Rediagnosed", "concerns", "follow"]
