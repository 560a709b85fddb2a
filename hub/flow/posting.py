"""Balanced remittances -> ledger: page by page, each claim payment once under a key of its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from hub.errors import Refused
from hub.flow.base import CHUNK, Hub, Outcome, chunks, move_claims
from hub.flow.carc import Meaning, meaning
from hub.flow.denials import adjustments_of, denial_item, denied, gate, remarks_of
from hub.flow.entries import (
    Account,
    Posting,
    payment,
    provider_adjustment,
    remittance_variance,
    unmatched,
)
from hub.flow.matching import REVERSAL, Match, matches_of
from hub.ledger import AccountKind, Transaction
from hub.model.claim import Claim
from hub.model.coverage import Coverage
from hub.model.remit import ClaimPayment, Remittance
from hub.model.work import WorkItem
from hub.money import to_cents
from hub.store import Nudge, Tx
from hub.store.documents import Change, Row

FORWARDED = frozenset({"19", "20", "21"})


def post(hub: Hub, practice: str) -> Outcome:
    """Post the next page of each balanced remittance of `practice`."""
    with hub.store.view() as view:
        remits = view.remits.waiting("balanced", limit=20, practice=practice)
    for row in remits:
        while _post_page(hub, row):
            pass
        _finish(hub, row)
    return Outcome(done=len(remits), more=len(remits) == 20)


def _post_page(hub: Hub, remit: Row[Remittance]) -> bool:
    """Post up to a page of claim payments in one transaction; False when none was left."""
    with hub.store.view() as view:
        rows = view.remit_claims.find(remit_id=remit.id, state="read", limit=CHUNK)
        matches = matches_of(view, hub.settings, remit, rows)
    if not rows:
        return False
    with hub.store.begin("posting.post") as tx:
        page = _Page(tx, hub, remit)
        for row in sorted(rows, key=lambda r: r.record.position):
            page.add(row, matches.get(row.record.patient_control_number))
        page.write()
    return True


class _Page:
    """What one page of claim payments does, gathered and then written at once."""

    def __init__(self, tx: Tx, hub: Hub, remit: Row[Remittance]) -> None:
        self.tx, self.hub, self.remit = tx, hub, remit
        self.booked: list[Transaction] = []
        self.claims: dict[str, tuple[Row[Claim], str]] = {}
        self.rows: list[Change[ClaimPayment]] = []
        self.work: list[WorkItem] = []
        self.closed: set[str] = set()
        self.onward: list[tuple[Match, Coverage]] = []
        self.adjudicated: set[str] = set()
        self.decided: set[str] = set()

    def add(self, row: Row[ClaimPayment], match: Match | None) -> None:
        """Plan what one claim payment does."""
        at = Posting(
            practice=self.remit.practice,
            key=f"remit:{self.remit.id}:{row.record.position}",
            cause=row.id,
            on=self.tx.now.date(),
            remit_id=self.remit.id,
        )
        if match is None:
            self._unmatched(row, at)
            return
        paid, claim = row.record, match.row.record
        following = _following(claim, match.rank, paid)
        remarks = self._remarks(paid, match)
        account = Account(
            claim_id=claim.origin or match.row.id,
            claim=claim,
            guarantor_id=match.row.col("guarantor_id"),
            payer=match.payer,
            rank=match.rank,
            next_payer=following.payer if following else "",
            gate=gate(claim, remarks, self.hub.settings),
        )
        if booked := payment(paid, account, at):
            self.booked.append(booked)
        self.rows.append(Change(row, state="posted", claim_id=match.row.id))
        if match.late:
            self.work.append(_late_item(match.row.id, paid))
        elif paid.status != REVERSAL or not self._decided_anew(paid, match.row.id):
            self.claims[match.row.id] = (match.row, _state(paid, following))
        self.adjudicated.add(f"{match.submission.id}:{match.rank}")
        self._consequences(paid, match, following, account.gate)

    def _remarks(self, paid: ClaimPayment, match: Match) -> list[str]:
        """RARCs by which the gate is judged: what any payer said of the claim closes it for those that come after.

        A reversal goes where the payment went that it undoes, also where it does not repeat what was said by then:
        else what was held would stay, and the patient be credited with it.
        """
        said = [
            *match.before,
            *(one.row.record for one in self.rows if one.columns.get("claim_id") == match.row.id),
        ]
        if paid.status == REVERSAL:
            same = [n for n, one in enumerate(said, 1) if one.payer_control_number == paid.payer_control_number]
            said = said[: max(same, default=len(said))]
        return [code for one in (paid, *said) for code in remarks_of(one)]

    def _decided_anew(self, taken: ClaimPayment, claim_id: str) -> bool:
        """Whether the decision that replaces what is taken back stands before it in the remittance: another one, by
        the payer's own number."""
        told = [one.row.record for one in self.rows if one.columns.get("claim_id") == claim_id]
        return any(
            one.payer_control_number != taken.payer_control_number for one in told if one.status != REVERSAL
        )

    def _consequences(self, paid: ClaimPayment, match: Match, following: Coverage | None, shut: str) -> None:
        if item := denial_item(paid, match.row.id):
            self.work.append(item)
        if paid.status == REVERSAL:
            return
        self.decided.add(match.row.id)
        if match.submission.closed_at is None:
            self.closed.add(match.submission.id)
        if following is not None and _is_forwarded(paid):
            self.onward.append((match, following))
        if shut and following is None and (paid.patient_responsibility or 0) > 0:
            self.work.append(_gate_item(match.row.id, shut, paid))

    def _unmatched(self, row: Row[ClaimPayment], at: Posting) -> None:
        payer = self.remit.col("payer")
        if booked := unmatched(row.record, payer, at):
            self.booked.append(booked)
        self.rows.append(Change(row, state="unmatched"))
        self.work.append(_unmatched_item(row))

    def write(self) -> None:
        """Write the page: books, claim states, submissions, expectations, work, nudges."""
        tx, practice = self.tx, self.remit.practice
        tx.book.post_many(self.booked)
        tx.remit_claims.put_many(self.rows)
        moved: list[Change[Claim]] = [Change(row, state=state) for row, state in self.claims.values()]
        move_claims(tx, moved, cause=self.remit.id)
        tx.work.resolve_many(sorted(self.decided), "posting.reversed", "the payer has decided again")
        tx.submissions.close_many(sorted(self.closed), "adjudicated", state="adjudicated")
        tx.met_many("adjudication", self.adjudicated, self.remit.id)
        due = [self._due(match, coverage) for match, coverage in self.onward]
        tx.expectations.expect_many(due, practice=practice)
        tx.work.open_many(self.work, practice=practice)
        tx.then(Nudge("secondary.make", practice))

    def _due(self, match: Match, coverage: Coverage) -> tuple[str, str, datetime]:
        """What is expected of the payer that a claim was forwarded to."""
        payer = self.hub.settings.payers.get(coverage.payer)
        due = self.tx.now + timedelta(days=payer.era_days if payer else 30)
        return "adjudication", f"{match.submission.id}:{coverage.rank}", due


def _following(claim: Claim, rank: int, paid: ClaimPayment) -> Coverage | None:
    """The coverage that is asked next; the one after `rank`, if there is one that we know."""
    if paid.status == "4":
        return None
    return next((c for c in claim.other_coverages if c.rank == rank + 1 and c.payer), None)


def _is_forwarded(paid: ClaimPayment) -> bool:
    return paid.status in FORWARDED or bool(paid.crossover)


def _state(paid: ClaimPayment, following: Coverage | None) -> str:
    """Where a claim stands after this payment."""
    if paid.status == REVERSAL:
        return "reversed"
    if following is not None and _is_forwarded(paid):
        return "forwarded"
    if following is not None and any(meaning(one) is Meaning.COST_SHARE for one in adjustments_of(paid)):
        return "secondary_due"
    return "denied" if denied(paid) else "paid"


def _finish(hub: Hub, remit: Row[Remittance]) -> None:
    """Post the PLBs and close the remittance, in one transaction."""
    with hub.store.begin("posting.post") as tx:
        told = remit.record
        for number, plb in enumerate(told.provider_adjustments, 1):
            at = Posting(
                practice=remit.practice,
                key=f"remit:{remit.id}:plb:{number}",
                cause=remit.id,
                on=tx.now.date(),
                remit_id=remit.id,
            )
            if booked := provider_adjustment(plb, remit.col("payer"), at):
                tx.book.post(booked)
        _book_variance(tx, remit)
        _reversed_alone(tx, remit)
        tx.remits.put(remit, state="posted")
        tx.event(
            "remit.posted",
            "remit",
            remit.id,
            practice=remit.practice,
            cents=to_cents(told.amount),
            method=told.method,
        )


def _reversed_alone(tx: Tx, remit: Row[Remittance]) -> None:
    """A claim that this remittance reverses without deciding it anew is in front of a person until that comes."""
    rows = tx.remit_claims.heads(remit_id=remit.id, state="posted", status=REVERSAL, limit=1_000_000)
    taken = {row.col("claim_id"): row for row in rows}
    for part in chunks(sorted(taken)):
        alone = tx.claims.heads(id=part, state="reversed")
        tx.work.open_many([_reversed_item(taken[claim.id]) for claim in alone], practice=remit.practice)


def _book_variance(tx: Tx, remit: Row[Remittance]) -> None:
    """Cash is what BPR02 says; what claims and PLBs lack of it in a remittance that a person released unbalanced
    waits in the variance account (promise 5). A balanced one moves nothing here."""
    told = remit.record
    deposited = to_cents(told.amount if told.credit else -told.amount)
    cents = deposited - tx.book.total(account=AccountKind.CASH_CLEARING, remit_id=remit.id)
    at = Posting(
        practice=remit.practice,
        key=f"remit:{remit.id}:variance",
        cause=remit.id,
        on=tx.now.date(),
        remit_id=remit.id,
    )
    if booked := remittance_variance(cents, remit.col("payer"), at):
        tx.book.post(booked)
        tx.event("remit.variance", "remit", remit.id, practice=remit.practice, cents=cents)


def release(tx: Tx, remit: Row[Remittance], by: str) -> None:
    """A person's word that a held remittance is to be posted as it is."""
    if remit.state != "held":
        raise Refused(f"the remittance is {remit.state}, not held", fix="look at it with: hub files show")
    if not remit.col("payer"):
        raise Refused(
            "nobody knows whose money this is: no payer of payers.toml has the ids that the remittance carries",
            fix="add the id under remit_ids in payers.toml, then: hub replay REMITTANCE",
        )
    tx.remits.put(remit, state="balanced")
    tx.work.resolve_for(remit.id, "remit.", "released", by)
    tx.event("remit.released", "remit", remit.id, practice=remit.practice, actor=by)
    tx.then(Nudge("posting.post", remit.practice))


def _unmatched_item(row: Row[ClaimPayment]) -> WorkItem:
    return WorkItem(
        reason="posting.unmatched",
        aggregate="remit_claim",
        aggregate_id=row.id,
        why="the payment names a patient control number that no submission of ours carried to this payer",
        fix="find the claim by the payer's control number, or ask the payer; the money waits in suspense",
        where=f"claim {row.record.position} CLP01",
        amount_cents=to_cents(row.record.paid),
    )


def _reversed_item(row: Row[None]) -> WorkItem:
    return WorkItem(
        reason="posting.reversed",
        aggregate="claim",
        aggregate_id=row.col("claim_id"),
        why="the payer took back what it had decided, and this remittance does not decide the claim anew",
        fix="ask the payer why; its new decision ends this by itself, else correct the claim or appeal",
        where=f"claim {row.col('position')} CLP02",
        amount_cents=abs(row.col("paid_cents")),
    )


def _late_item(claim_id: str, paid: ClaimPayment) -> WorkItem:
    return WorkItem(
        reason="posting.late_answer",
        aggregate="claim",
        aggregate_id=claim_id,
        why="the payer answered an earlier submission of a claim that has gone out again since, or is about to",
        fix="if both are paid, the payer will ask one back: look at the balance before anything else is sent",
        where=f"claim {paid.position} CLP01",
        amount_cents=to_cents(paid.paid),
    )


def _gate_item(claim_id: str, why: str, paid: ClaimPayment) -> WorkItem:
    told = {"qmb": "the patient is a Qualified Medicare Beneficiary"}.get(why, f"a {why} payer forbids it")
    return WorkItem(
        reason=f"gate.{why}",
        aggregate="claim",
        aggregate_id=claim_id,
        why=f"the patient may not be asked for this cost sharing: {told}",
        fix="bill Medicaid if the patient has it; else write it off",
        where="2100 CLP05",
        amount_cents=to_cents(paid.patient_responsibility or Decimal(0)),
    )
