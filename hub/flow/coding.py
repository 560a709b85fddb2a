"""Ready encounters -> coded and priced charges; what cannot be coded is held, what must be confirmed is proposed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hub.config.settings import Settings
from hub.errors import Problem
from hub.flow.base import CHUNK, Hub, Outcome, work_for
from hub.flow.building import missing
from hub.flow.coder import Coded, code_encounter
from hub.model.encounter import Charge, Encounter
from hub.money import to_cents
from hub.store import Nudge, Tx
from hub.store.documents import Change, Row

BILLED = ("charge", "credit")
OPEN = ("new", "held", "proposal", "priced")
OF_CHARGE = {"coded": "priced", "proposal": "proposal", "held": "held", "claimed": "held"}


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
    coded = [(row, code_one(hub.settings, row, by_encounter.get(row.id, []), practice)) for row in rows]
    with hub.store.begin("coding.code") as tx:
        _store(tx, coded, practice)
        tx.then(Nudge("claims.make", practice), Nudge("payments.post", practice))
    return Outcome(done=len(rows), more=len(rows) == CHUNK)


Result = tuple[str, Coded, Sequence[Row[Charge]]]


def code_one(settings: Settings, row: Row[Encounter], charges: list[Row[Charge]], practice: str) -> Result:
    """The state an encounter comes to, what coding made of it, and the charges that are still open."""
    open_charges = [c for c in charges if c.state in OPEN and c.record.kind in BILLED]
    coded = code_encounter(row.record, [c.record for c in open_charges], settings, practice)
    if not open_charges:
        state = _billed_as(charges)
        problems = (_no_charges(),) if state == "held" else ()
        return state, Coded(encounter=row.record, charges=(), problems=problems), ()
    if coded.problems:
        others = missing(coded.encounter, [(c.id, c.record) for c in open_charges], settings)
        return "held", msgspec.structs.replace(coded, problems=(*coded.problems, *others)), open_charges
    return ("proposal" if coded.proposals else "coded"), coded, open_charges


def _billed_as(charges: Sequence[Row[Charge]]) -> str:
    """What a visit is that is looked at again when nothing of it is open: billed to its payer or its patient."""
    states = {charge.state for charge in charges} - {"void", "new"}
    if "patient" in states and "claimed" not in states:
        return "patient"
    return "claimed" if states else "held"


def _store(tx: Tx, coded: Sequence[tuple[Row[Encounter], Result]], practice: str) -> None:
    ids = [row.id for row, _ in coded]
    for prefix in ("coding.", "encounter.", "claim."):
        tx.work.resolve_many(ids, prefix, "coded anew")
    tx.encounters.put_many(
        [Change(row, record=result.encounter, state=state) for row, (state, result, _) in coded]
    )
    tx.charges.put_many(
        [
            _changed(charge, record, OF_CHARGE[state])
            for _, (state, result, charges) in coded
            for charge, record in zip(charges, result.charges, strict=True)
        ]
    )
    for row, (_, result, _) in coded:
        told = result.problems or result.proposals
        for problem in told:
            owner = "coder" if problem.code.startswith("coding.") else "biller"
            tx.work.open_many(work_for([problem], "encounter", row.id, owner=owner), practice=practice)


def _changed(charge: Row[Charge], record: Charge, state: str) -> Change[Charge]:
    cents = None if record.amount is None else to_cents(record.amount)
    return Change(charge, record=record, state=state, cents=cents)


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
