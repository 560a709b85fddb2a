"""Ready encounters -> coded and priced charges; what cannot be coded is held, what must be confirmed is proposed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hub.errors import Problem
from hub.flow.base import CHUNK, Hub, Outcome, work_for
from hub.flow.coder import Coded, code_encounter
from hub.model.encounter import Charge, Encounter
from hub.money import to_cents
from hub.store import Nudge, Tx
from hub.store.documents import Change, Row

BILLED = ("charge", "credit")
OPEN = ("new", "held", "proposal", "priced")


def code(hub: Hub, practice: str) -> Outcome:
    """Code the encounters of `practice` that are ready."""
    with hub.store.view() as view:
        rows = view.encounters.waiting("ready", limit=CHUNK, practice=practice)
        charges = view.charges.find(encounter_id=[row.id for row in rows], limit=1_000_000)
    if not rows:
        return Outcome()
    by_encounter: dict[str, list[Row[Charge]]] = {}
    for charge in charges:
        by_encounter.setdefault(charge.col("encounter_id"), []).append(charge)
    coded = [(row, _code(hub, row, by_encounter.get(row.id, []), practice)) for row in rows]
    with hub.store.begin("coding.code") as tx:
        for row, (state, result, open_charges) in coded:
            _store(tx, row, state, result, open_charges)
        tx.then(Nudge("claims.make", practice), Nudge("payments.post", practice))
    return Outcome(done=len(rows), more=len(rows) == CHUNK)


Result = tuple[str, Coded, Sequence[Row[Charge]]]


def _code(hub: Hub, row: Row[Encounter], charges: list[Row[Charge]], practice: str) -> Result:
    """The state an encounter comes to, what coding made of it, and the charges that are still open."""
    open_charges = [c for c in charges if c.state in OPEN and c.record.kind in BILLED]
    coded = code_encounter(row.record, [c.record for c in open_charges], hub.settings, practice)
    if not open_charges:
        done = any(c.state not in {"void", "new"} for c in charges)
        state = "claimed" if done else "held"
        return state, Coded(encounter=row.record, charges=(), problems=() if done else (_no_charges(),)), ()
    if coded.problems:
        return "held", coded, open_charges
    return ("proposal" if coded.proposals else "coded"), coded, open_charges


def _store(tx: Tx, row: Row[Encounter], state: str, coded: Coded, charges: Sequence[Row[Charge]]) -> None:
    tx.encounters.put(row, record=coded.encounter, state=state)
    of_charge = {"coded": "priced", "proposal": "proposal", "held": "held"}
    tx.charges.put_many(
        [
            Change(
                charge,
                record=record,
                state=of_charge[state],
                cents=None if record.amount is None else to_cents(record.amount),
            )
            for charge, record in zip(charges, coded.charges, strict=True)
        ]
    )
    tx.work.resolve_for(row.id, "coding.", "coded anew")
    tx.work.resolve_for(row.id, "encounter.", "coded anew")
    told = coded.problems or coded.proposals
    for item in work_for(told, "encounter", row.id, owner="coder"):
        tx.work.open(item, practice=row.practice)


def confirm(tx: Tx, row: Row[Encounter], by: str) -> None:
    """A coder's word that an encounter's proposed codes are right: it is coded again, now to be billed."""
    tx.encounters.put(row, record=msgspec.structs.replace(row.record, codes_confirmed=True), state="ready")
    tx.work.resolve_for(row.id, "coding.proposal", "confirmed", by)
    tx.event("codes.confirmed", "encounter", row.id, practice=row.practice, actor=by)
    tx.then(Nudge("coding.code", row.practice))


def _no_charges() -> Problem:
    return Problem(
        code="encounter.no_charges",
        where="charges",
        why="the encounter is finished and nothing was charged for it",
        fix="check the charge entry at the source; if nothing is due, resolve this item as such",
    )
