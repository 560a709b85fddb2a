"""Charges -> Claims: builds what each payer is asked and books it, in one transaction per chunk."""

from __future__ import annotations

from collections.abc import Sequence

from hub.flow.base import CHUNK, Hub, Outcome, work_for
from hub.flow.building import Built, build
from hub.flow.entries import Posting, charge, self_pay
from hub.flow.line_numbers import numbered
from hub.flow.visits.persons import Whom, whom
from hub.ledger import Transaction
from hub.model.claim import Claim
from hub.model.encounter import Charge, Encounter
from hub.model.work import WorkItem
from hub.money import to_cents
from hub.store import Nudge, Tx
from hub.store.documents import Change, New, Row
from hub.store.submissions import ClaimLine as ClaimCharge

BILLED = ("claimed", "patient")
"""States of charges that went out before."""


def make(hub: Hub, practice: str) -> Outcome:
    """Make claims (or patient balances) of the coded encounters of `practice`."""
    with hub.store.view() as view:
        rows = view.encounters.waiting("coded", limit=CHUNK, practice=practice)
        found = view.charges.find(encounter_id=[r.id for r in rows], state=("priced", *BILLED), limit=1_000_000)
        patients = whom(view, {row.col("patient_id") for row in rows})
    if not rows:
        return Outcome()
    charges: dict[str, list[Row[Charge]]] = {}
    before: dict[str, list[tuple[str, Charge]]] = {}
    for one in found:
        if one.state == "priced":
            charges.setdefault(one.col("encounter_id"), []).append(one)
        else:
            before.setdefault(one.col("encounter_id"), []).append((one.id, one.record))
    built = []
    for row in rows:
        file = patients[row.col("patient_id")]
        priced = [(c.id, c.record) for c in charges.get(row.id, [])]
        group, billed = [(row.id, row.record)], before.get(row.id, ())
        built.append((row, file, build(group, priced, file.patient, hub.settings, practice, billed)))
    with hub.store.begin("claims.make") as tx:
        tx.work.resolve_many([row.id for row in rows], "claim.", "looked at again")
        page = _Page(tx, practice)
        for row, file, result in built:
            page.add(row, file, result, charges.get(row.id, []))
        page.write(hub)
        tx.then(Nudge("scrub.check", practice))
    return Outcome(done=len(rows), more=len(rows) == CHUNK)


class _Page:
    """What a chunk of encounters comes to, gathered and then written at once."""

    def __init__(self, tx: Tx, practice: str) -> None:
        self.tx, self.practice = tx, practice
        self.encounters: list[Change[Encounter]] = []
        self.charges: list[Change[Charge]] = []
        self.claims: list[tuple[Claim, str]] = []
        self.booked: list[Transaction] = []
        self.work: list[WorkItem] = []

    def add(self, row: Row[Encounter], file: Whom, built: Built, charges: list[Row[Charge]]) -> None:
        """Plan what becomes of one encounter."""
        state = "held" if built.problems else "patient" if built.self_pay else "claimed"
        self.work += work_for(built.problems, "encounter", row.id)
        self.claims += [(claim, file.guarantor_id) for claim in built.claims]
        if built.self_pay and not built.problems:
            self._bill_patient(row, file, [charge for _, charge in built.kept])
        self.encounters.append(Change(row, state=state))
        settled = () if built.problems else built.settled
        self.charges += [Change(c, state="settled" if c.id in settled else state) for c in charges]

    def _bill_patient(self, row: Row[Encounter], file: Whom, kept: list[Charge]) -> None:
        """Self pay: what credits left of the charges goes straight to the guarantor."""
        key = f"self-pay:{row.id}:{row.row_version}"
        at = Posting(practice=self.practice, key=key, cause=row.id, on=self.tx.now.date())
        if booked := self_pay(row.id, kept, file.guarantor_id, at):
            self.booked.append(booked)

    def write(self, hub: Hub) -> None:
        """Write the page."""
        add_claims(self.tx, hub, self.claims, practice=self.practice)
        self.tx.book.post_many(self.booked)
        self.tx.encounters.put_many(self.encounters)
        self.tx.charges.put_many(self.charges)
        self.tx.work.open_many(self.work, practice=self.practice)


def add_claims(tx: Tx, hub: Hub, claims: Sequence[tuple[Claim, str]], *, practice: str) -> list[str]:
    """Store new claims (each with its guarantor) with fresh line control numbers; book those of the first payer.

    Returns their ids.
    """
    numbered_claims = list(zip(numbered(tx, [claim for claim, _ in claims]), claims, strict=True))
    made = [(tx.new_id("clm"), claim, guarantor) for claim, (_, guarantor) in numbered_claims]
    tx.claims.add_many([_row(hub, practice, *one) for one in made])
    tx.claim_versions.add_many([_version(tx, practice, id_, claim) for id_, claim, _ in made])
    tx.claim_charges.add_many(
        ClaimCharge(claim_id=id_, line=line.number, charge_id=charge_id, rank=claim.rank)
        for id_, claim, _ in made
        for line in claim.lines
        for charge_id in line.charge_ids
    )
    booked = [_booked(tx, practice, *one) for one in made if one[1].rank == 1 and one[1].version == 1]
    tx.book.post_many([one for one in booked if one is not None])
    for id_, claim, _ in made:
        tx.event("claim.made", "claim", id_, practice=practice, version=claim.version, rank=claim.rank)
    return [id_ for id_, _, _ in made]


def _row(hub: Hub, practice: str, claim_id: str, claim: Claim, guarantor_id: str) -> New[Claim]:
    return New(
        claim_id,
        claim,
        practice=practice,
        state="new",
        patient_id=claim.patient_id,
        payer=claim.payer,
        rank=claim.rank,
        version=claim.version,
        cents=to_cents(claim.total),
        service_date=min(line.service_from for line in claim.lines),
        guarantor_id=guarantor_id,
        route=hub.settings.clearinghouse(claim.payer),
    )


def _version(tx: Tx, practice: str, claim_id: str, claim: Claim) -> New[Claim]:
    about = {"claim_id": claim_id, "version": claim.version}
    return New(tx.new_id("clv"), claim, practice=practice, state="made", **about)


def _booked(tx: Tx, practice: str, claim_id: str, claim: Claim, guarantor_id: str) -> Transaction | None:
    at = Posting(practice=practice, key=f"charge:{claim_id}", cause=claim_id, on=tx.now.date())
    return charge(claim_id, claim, guarantor_id, at)


__all__ = ["add_claims", "make"]
