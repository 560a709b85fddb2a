"""A patient is told otherwise now (name, address, birth date): claims that did not leave yet say it as it is."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from hub.flow.base import move_claims
from hub.flow.ingest.reopening import UNSENT
from hub.flow.visits.refreshing import versioned
from hub.model.claim import Claim
from hub.model.people import Patient
from hub.money import to_cents
from hub.store import Nudge, Tx
from hub.store.documents import Change, Row


def follow(tx: Tx, told: Mapping[str, Patient]) -> None:
    """Let claims that wait say these patients, by our ids, as told now. Who was merged into another is billed
    as that one, and says nothing here.
    """
    tops = tx.resolve_many("patient", told)
    kin = tx.aliases.merged_into("patient", [one for one in told if tops[one] == one])
    whose = {one: top for top, below in kin.items() for one in (top, *below)}
    for row in tx.claims.find(patient_id=sorted(whose), state=UNSENT, limit=1_000_000) if whose else ():
        _say(tx, row, told[whose[row.col("patient_id")]])


def _say(tx: Tx, row: Row[Claim], patient: Patient) -> None:
    claim = replace(row.record, patient=patient)
    if claim == row.record:
        return
    made = versioned(tx, row, claim)
    change: Change[Claim] = Change(
        row, record=made, state="new", version=made.version, cents=to_cents(made.total)
    )
    move_claims(tx, [change], cause="patient")
    tx.event("claim.refreshed", "claim", row.id, practice=row.practice, version=made.version, was=row.state)
    tx.then(Nudge("scrub.check", row.practice))


__all__ = ["follow"]
