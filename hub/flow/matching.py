"""Claim payments -> the claims they are for, by the patient control number that only we and the payer know."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from hub.config.settings import Settings
from hub.model.claim import Claim
from hub.model.coverage import Coverage
from hub.model.people import Record
from hub.model.remit import ClaimPayment, Remittance
from hub.store import View
from hub.store.documents import Row
from hub.store.submissions import Submission

REVERSAL = "22"
SECONDARY = frozenset({"2", "20", "3", "21"})


class Match(Record, frozen=True, kw_only=True):
    """The claim that a payment is for, and the payer of it whose money this is.

    `late`: the claim has gone out again since, or a newer version of it is about to; the money is posted, where the
    claim stands is for the newer answer. `before`: what was posted for the same charges until now, in its order,
    whichever payer it came from.
    """

    submission: Submission
    row: Row[Claim]
    payer: str
    rank: int
    late: bool = False
    before: tuple[ClaimPayment, ...] = ()


def matches_of(
    view: View, settings: Settings, remit: Row[Remittance], rows: Sequence[Row[ClaimPayment]]
) -> dict[str, Match]:
    """Matches by patient control number. None where no production submission carried the number to this payer, or
    where the claim is another practice's than the payee's: that money is in another account than the claim's."""
    submissions = view.submissions.by_pcns({row.record.patient_control_number for row in rows})
    claims = view.claims.get_many({submission.claim_id for submission in submissions.values()})
    newest = {one.claim_id: one.id for one in view.submissions.find(claim_id=list(claims), usage="P")}
    payers = settings.payers_beside(remit.col("payer"), remit.record.payer_ids)
    before = _before(view, claims.values())
    matches = {}
    for row in rows:
        pcn = row.record.patient_control_number
        submission = submissions.get(pcn)
        if submission is None or submission.usage != "P":
            continue
        claim = claims[submission.claim_id]
        paying = _paying(claim.record, payers, row.record)
        if paying is not None and claim.practice == remit.practice:
            overtaken = claim.col("version") > submission.version
            matches[pcn] = Match(
                submission=submission,
                row=claim,
                payer=paying.payer,
                rank=paying.rank,
                late=overtaken or newest[claim.id] != submission.id,
                before=before.get(claim.id, ()),
            )
    return matches


def _paying(claim: Claim, payers: Collection[str], paid: ClaimPayment) -> Coverage | None:
    """Which of the claim's coverages this payer is: the one asked, else the one it was forwarded to. `payers` are
    all that the remittance may come from."""
    if claim.payer in payers and paid.status not in SECONDARY - {"20", "21"}:
        return claim.coverage
    others = [coverage for coverage in claim.other_coverages if coverage.payer in payers]
    if others:
        return others[0]
    return claim.coverage if claim.payer in payers else None


def _before(view: View, claims: Iterable[Row[Claim]]) -> dict[str, tuple[ClaimPayment, ...]]:
    """What was posted for each claim and, where it asks a later payer, for those that asked the earlier ones."""
    kin = {claim.id: {claim.id} for claim in claims}
    asked: dict[str, set[str]] = {}
    for claim in claims:
        for line in claim.record.lines if claim.record.origin else ():
            for charge in line.charge_ids:
                asked.setdefault(charge, set()).add(claim.id)
    for link in view.claim_charges.of_charges(list(asked)):
        for id_ in asked[link.charge_id]:
            kin[id_].add(link.claim_id)
    wanted = sorted(set().union(*kin.values()))
    found: dict[str, list[Row[ClaimPayment]]] = {}
    for start in range(0, len(wanted), 500):
        page = view.remit_claims.find(claim_id=wanted[start : start + 500], state="posted", limit=1_000_000)
        for row in page:
            found.setdefault(row.col("claim_id"), []).append(row)
    return {id_: _ordered(row for one in ids for row in found.get(one, ())) for id_, ids in kin.items()}


def _ordered(rows: Iterable[Row[ClaimPayment]]) -> tuple[ClaimPayment, ...]:
    told = sorted(rows, key=lambda row: (row.state_since, row.col("remit_id"), row.col("position")))
    return tuple(row.record for row in told)
