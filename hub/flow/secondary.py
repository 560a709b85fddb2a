"""Answered claims -> what the next payer is asked, with what the earlier ones did (2320, 2330, 2430)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from hub.errors import Problem
from hub.flow.base import CHUNK, Hub, Outcome, move_claims, work_for
from hub.flow.claims import add_claims
from hub.flow.entries import line_numbers
from hub.flow.matching import REVERSAL
from hub.model.claim import Claim, ClaimLine, LineAdjudication, OtherPayer
from hub.model.coverage import Coverage
from hub.model.remit import ClaimPayment, Remittance, ServicePayment
from hub.store import Nudge, Tx, View
from hub.store.documents import Change, Row


def make(hub: Hub, practice: str) -> Outcome:
    """Make claims to the next payer for the claims of `practice` that their payer has answered."""
    with hub.store.view() as view:
        rows = view.claims.waiting("secondary_due", CHUNK, practice=practice)
        answers = {row.id: _answer(view, row) for row in rows}
    if not rows:
        return Outcome()
    made: list[tuple[Claim, str]] = []
    moved: list[Change[Claim]] = []
    with hub.store.begin("secondary.make") as tx:
        for row in rows:
            told = answers[row.id]
            following = next_coverage(row.record)
            if told is None or following is None:
                moved.append(Change(row, state="held"))
                tx.work.open(work_for([_no_answer()], "claim", row.id)[0], practice=practice)
                continue
            moved.append(Change(row, state="forwarded"))
            if _asked(tx, row, following.rank):
                tx.work.open(work_for([_changed()], "claim", row.id)[0], practice=practice)
                continue
            claim = next_claim(row.record, row.id, following, *told)
            made.append((claim, row.col("guarantor_id")))
        move_claims(tx, moved)
        add_claims(tx, hub, made, practice=practice)
        tx.then(Nudge("scrub.check", practice))
    return Outcome(done=len(rows), more=len(rows) == CHUNK)


def _answer(view: View, row: Row[Claim]) -> tuple[ClaimPayment, Remittance] | None:
    """The last payment of the claim that stands, with its remittance."""
    paid = [p for p in view.remit_claims.find(claim_id=row.id, state="posted") if p.record.status != REVERSAL]
    if not paid:
        return None
    remit = view.remits.get(paid[-1].col("remit_id"))
    return (paid[-1].record, remit.record) if remit else None


def _asked(tx: Tx, row: Row[Claim], rank: int) -> bool:
    """Whether the payer of that rank has been asked for these charges: by a claim of ours, or by the payer before
    it, which forwarded the claim."""
    charges = [charge for line in row.record.lines for charge in line.charge_ids]
    asked = {link.claim_id for link in tx.claim_charges.of_charges(charges) if link.rank == rank}
    origin = row.record.origin or row.id
    if any(claim.record.origin == origin for claim in tx.claims.get_many(asked).values()):
        return True
    forwarded = [f"{sent.id}:{rank}" for sent in tx.submissions.of_claim(row.id)]
    return bool(forwarded and tx.expectations.find(kind="adjudication", about=forwarded, limit=1))


def next_coverage(claim: Claim) -> Coverage | None:
    """The coverage that is asked after the claim's own."""
    return next((c for c in claim.other_coverages if c.rank == claim.coverage.rank + 1), None)


def next_claim(claim: Claim, claim_id: str, following: Coverage, paid: ClaimPayment, remit: Remittance) -> Claim:
    """The claim to `following`, carrying what `claim`'s payer did. Pure."""
    on = remit.production_date or remit.payment_date
    answered = OtherPayer(
        coverage=claim.coverage,
        paid=paid.paid,
        adjustments=paid.adjustments,
        on=on,
        control_number=paid.payer_control_number,
    )
    numbers = line_numbers(paid, claim)
    by_line = {number: line for number, line in zip(numbers, paid.lines, strict=True) if number}
    others = (claim.coverage, *(c for c in claim.other_coverages if c.rank != following.rank))
    return msgspec.structs.replace(
        claim,
        payer=following.payer,
        coverage=following,
        rank=claim.rank + 1,
        version=1,
        frequency="1",
        original_reference="",
        other_coverages=tuple(sorted(others, key=lambda c: c.rank)),
        other_payers=(*claim.other_payers, answered),
        lines=tuple(_told(claim.lines, by_line, claim.payer, answered)),
        origin=claim.origin or claim_id,
    )


def _told(
    lines: Iterable[ClaimLine], by_line: dict[int, ServicePayment], payer: str, answered: OtherPayer
) -> Iterable[ClaimLine]:
    for line in lines:
        service = by_line.get(line.number)
        if service is None:
            yield line
            continue
        told = LineAdjudication(
            payer=payer,
            paid=service.paid,
            hcpcs=service.hcpcs,
            modifiers=service.modifiers,
            units=service.units or Decimal(1),
            adjustments=service.adjustments,
            on=answered.on,
        )
        yield msgspec.structs.replace(line, adjudications=(*line.adjudications, told))


def _changed() -> Problem:
    return Problem(
        code="secondary.changed",
        where="2320",
        why="the earlier payer changed its answer after the next payer was asked with the one before",
        fix="compare the two answers; if the next payer must know, correct its claim when it has answered",
    )


def _no_answer() -> Problem:
    return Problem(
        code="secondary.no_answer",
        where="2320",
        why="the next payer is due, and no posted answer of the earlier one stands for this claim",
        fix="look at the claim's remittances, then bill the next payer by hand",
    )
