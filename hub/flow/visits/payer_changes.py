"""A visit whose charges were billed has other policies now: claims that did not leave follow or wait, and where
somebody was asked already, a person is told."""

from __future__ import annotations

from collections.abc import Sequence

from hub.config.settings import Settings
from hub.errors import Problem
from hub.flow.base import move_claims, work_for
from hub.flow.visits.refreshing import refresh
from hub.model.claim import Claim
from hub.model.coverage import PatientFile
from hub.model.encounter import Charge, Encounter
from hub.model.people import Record
from hub.store import Tx
from hub.store.documents import Change, Row

BILLED = ("claimed", "patient")
WAITING = ("new", "ready", "held")
"""Claims of which nothing was written into a file."""


class Repaid(Record, frozen=True, kw_only=True):
    """A visit as it was (`row`) and is told now, and its charges that were billed."""

    row: Row[Encounter]
    encounter: Encounter
    file: PatientFile | None
    billed: tuple[Row[Charge], ...]


def concerns(row: Row[Encounter], encounter: Encounter) -> bool:
    """Whether the policies of a visit are told otherwise than before, of the patient that it had then."""
    same = row.record.patient_id == encounter.patient_id
    return same and row.record.coverages != encounter.coverages


def follow(tx: Tx, settings: Settings, told: Sequence[Repaid]) -> None:
    """Let the claims of these visits follow their policies. A claim that waits is made anew for the payer that it
    has; it is held where that payer is not the first any more. Where charges were sent, or asked of the patient, and
    the payers are others now, that is work (of the first such charge).
    """
    for one in told:
        if one.billed:
            _follow(tx, settings, one)


def _follow(tx: Tx, settings: Settings, one: Repaid) -> None:
    links = tx.claim_charges.of_charges([row.id for row in one.billed])
    claims = tx.claims.get_many({link.claim_id for link in links})
    waiting = [row for row in claims.values() if row.state in WAITING and row.record.rank == 1]
    first = next((coverage.payer for coverage in one.encounter.coverages), "")
    for row in waiting:
        if row.record.payer != first:
            _hold(tx, row)
        elif one.file is not None and row.state != "held":
            refresh(tx, settings, row, one.encounter, one.file)
    follows = {row.id for row in waiting}
    unsent = {link.charge_id for link in links if link.claim_id in follows}
    asked = sorted(row.id for row in one.billed if row.id not in unsent)
    if asked and _payers(one.row.record) != _payers(one.encounter):
        tx.work.open_many(work_for([_asked()], "charge", asked[0]), practice=one.row.practice)


def _payers(encounter: Encounter) -> tuple[str, ...]:
    return tuple(coverage.payer for coverage in encounter.coverages)


def _hold(tx: Tx, row: Row[Claim]) -> None:
    if row.state != "held":
        move_claims(tx, [Change(row, state="held")])
    tx.work.open_many(work_for([_other()], "claim", row.id), practice=row.practice)


def _other() -> Problem:
    return Problem(
        code="claim.other_payer",
        where="coverage",
        why="the source changed who pays first before this claim was sent",
        fix="correct the source if that is wrong; then, either way: hub replay CLAIM takes the claim back, and asks "
        "whom the source then says",
    )


def _asked() -> Problem:
    return Problem(
        code="ingest.payer_changed",
        where="coverages",
        why="the source changed who pays after charges of this visit were billed to a payer or to the patient",
        fix="bill the right payer, and take back what the wrong one or the patient was asked; then resolve this item",
    )


__all__ = ["BILLED", "Repaid", "concerns", "follow"]
