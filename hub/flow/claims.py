"""Charges -> Claims: builds what each payer is asked and books it, in one transaction per chunk."""

from __future__ import annotations

import msgspec

from hub.flow.base import CHUNK, Hub, Outcome, work_for
from hub.flow.building import Built, build
from hub.flow.entries import Posting, charge, self_pay
from hub.model.claim import Claim
from hub.model.coverage import PatientFile
from hub.model.encounter import Charge, Encounter
from hub.money import to_cents
from hub.store import Nudge, Tx
from hub.store.documents import Change, Row
from hub.store.submissions import ClaimLine as ClaimCharge


def make(hub: Hub, practice: str) -> Outcome:
    """Make claims (or patient balances) of the coded encounters of `practice`."""
    with hub.store.view() as view:
        rows = view.encounters.waiting("coded", limit=CHUNK, practice=practice)
        found = view.charges.find(encounter_id=[r.id for r in rows], state="priced", limit=1_000_000)
        patients = view.patients.get_many({row.col("patient_id") for row in rows})
    if not rows:
        return Outcome()
    charges: dict[str, list[Row[Charge]]] = {}
    for one in found:
        charges.setdefault(one.col("encounter_id"), []).append(one)
    built = []
    for row in rows:
        file = patients[row.col("patient_id")].record
        priced = [(c.id, c.record) for c in charges.get(row.id, [])]
        built.append((row, file, build([(row.id, row.record)], priced, file.patient, hub.settings, practice)))
    with hub.store.begin("claims.make") as tx:
        for row, file, result in built:
            _store(tx, hub, row, file, result, charges.get(row.id, []))
        tx.then(Nudge("scrub.check", practice))
    return Outcome(done=len(rows), more=len(rows) == CHUNK)


def _store(
    tx: Tx, hub: Hub, row: Row[Encounter], file: PatientFile, built: Built, charges: list[Row[Charge]]
) -> None:
    tx.work.resolve_for(row.id, "claim.", "looked at again")
    if built.problems:
        tx.encounters.put(row, state="held")
        tx.charges.put_many([Change(c, state="held") for c in charges])
        for item in work_for(built.problems, "encounter", row.id):
            tx.work.open(item, practice=row.practice)
        return
    for claim in built.claims:
        add_claim(tx, hub, claim, practice=row.practice, guarantor_id=file.guarantor_id)
    state = "patient" if built.self_pay else "claimed"
    if built.self_pay:
        _bill_patient(tx, row, file, charges)
    tx.encounters.put(row, state=state)
    tx.charges.put_many([Change(c, state="settled" if c.id in built.settled else state) for c in charges])


def add_claim(tx: Tx, hub: Hub, claim: Claim, *, practice: str, guarantor_id: str, state: str = "new") -> str:
    """Store a claim with fresh line control numbers and, for the first payer, book it; returns its id."""
    claim_id = tx.new_id("clm")
    claim = numbered(tx, claim)
    tx.claims.add(
        claim_id,
        claim,
        practice=practice,
        state=state,
        patient_id=claim.patient_id,
        payer=claim.payer,
        rank=claim.rank,
        version=claim.version,
        cents=to_cents(claim.total),
        service_date=min(line.service_from for line in claim.lines),
        guarantor_id=guarantor_id,
        route=hub.settings.clearinghouse(claim.payer),
    )
    tx.claim_versions.add(
        tx.new_id("clv"), claim, practice=practice, state="made", claim_id=claim_id, version=claim.version
    )
    tx.claim_charges.add_many(
        ClaimCharge(claim_id=claim_id, line=line.number, charge_id=charge_id, rank=claim.rank)
        for line in claim.lines
        for charge_id in line.charge_ids
    )
    if claim.rank == 1 and claim.version == 1:
        at = Posting(practice=practice, key=f"charge:{claim_id}", cause=claim_id, on=tx.now.date())
        if booked := charge(claim_id, claim, guarantor_id, at):
            tx.book.post(booked)
    tx.event("claim.made", "claim", claim_id, practice=practice, version=claim.version, rank=claim.rank)
    return claim_id


def numbered(tx: Tx, claim: Claim) -> Claim:
    """The claim with a fresh control number on every line (REF*6R); numbers are never used twice."""
    numbers = tx.registry.take("line", len(claim.lines))
    lines = tuple(
        msgspec.structs.replace(line, control_number=f"L{number}")
        for line, number in zip(claim.lines, numbers, strict=True)
    )
    return msgspec.structs.replace(claim, lines=lines)


def _bill_patient(tx: Tx, row: Row[Encounter], file: PatientFile, charges: list[Row[Charge]]) -> None:
    """Self pay: the charges go straight to the guarantor."""
    at = Posting(
        practice=row.practice, key=f"self-pay:{row.id}:{row.row_version}", cause=row.id, on=tx.now.date()
    )
    kept = [c.record for c in charges if c.record.kind == "charge"]
    if booked := self_pay(row.id, kept, file.guarantor_id, at):
        tx.book.post(booked)


__all__ = ["add_claim", "make", "numbered"]
