"""A visit whose charges were billed is told otherwise now in who treated, where, and what was authorized: claims that
did not leave follow, and where one left with another clinician or place a person is told."""

from __future__ import annotations

from collections.abc import Sequence

from hub.config.settings import Settings
from hub.errors import Problem
from hub.flow.base import work_for
from hub.flow.visits.payer_changes import Repaid
from hub.flow.visits.refreshing import refresh, refreshed
from hub.model.claim import Claim
from hub.model.encounter import Encounter
from hub.store import Tx
from hub.store.documents import Row

FOLLOWS = ("new", "ready")
"""Claims that are made anew; one that is held is when it is released."""
OUT = ("frozen", "sent", "accepted", "paid", "denied")
"""Claims that say what they say."""


def concerns(row: Row[Encounter], encounter: Encounter) -> bool:
    """Whether the visit of the same patient names others, another place or another authorization than before."""
    was = row.record
    same = was.patient_id == encounter.patient_id
    before = (was.rendering, was.referring, was.supervising, was.authorization, was.place_of_service)
    return same and before != (
        encounter.rendering,
        encounter.referring,
        encounter.supervising,
        encounter.authorization,
        encounter.place_of_service,
    )


def follow(tx: Tx, settings: Settings, told: Sequence[Repaid]) -> None:
    """Let the first payer's claims of these visits follow, or open the work that one that left is."""
    for one in told:
        links = tx.claim_charges.of_charges([row.id for row in one.billed])
        for row in tx.claims.get_many({link.claim_id for link in links}).values():
            if one.file is None or row.record.rank != 1 or row.record.encounter_ids[:1] != (one.row.id,):
                continue
            if row.state in FOLLOWS:
                refresh(tx, settings, row, one.encounter, one.file)
            elif row.state in OUT and _differs(
                row.record, refreshed(row.record, one.encounter, one.file, settings, row.practice)
            ):
                tx.work.open_many(work_for([_left()], "claim", row.id), practice=row.practice)


def _differs(claim: Claim, now: Claim) -> bool:
    """Whether a payer would have to be told: of another clinician, place or authorization, not of how a name is
    written.
    """
    who, today = claim.rendering, now.rendering
    another = today is not None and bool(today.npi) and (who is None or who.npi != today.npi)
    said = (claim.place_of_service, claim.authorization)
    return another or said != (now.place_of_service, now.authorization)


def _left() -> Problem:
    return Problem(
        code="ingest.visit_retold",
        where="rendering provider, place of service, authorization",
        why="the source changed who treated, where, or the authorization, after a claim of this visit left",
        fix="if the payer must know, when it has answered: hub work resolve ITEM --how WHY --resend sends the claim "
        "corrected; else resolve this item",
    )


__all__ = ["concerns", "follow"]
