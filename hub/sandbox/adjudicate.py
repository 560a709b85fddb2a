"""Decides what a payer pays for a claim, in integer cents, by nothing but the claim, the terms and one number."""

from __future__ import annotations

import zlib
from datetime import date, datetime

import msgspec

from hub.sandbox.claims import Cas, Claim, Line, OtherCover, PriorLine
from hub.sandbox.payers import QMB_MARKER, Terms, terms_for

_FREE = ("HC:G0438", "HC:G0439", "HC:G0402", "HC:G0008", "HC:G0009")
"""Preventive services on which Medicare's patients owe nothing."""
_QMB_REMARKS = {"1": "N781", "2": "N782", "3": "N783"}
COPAY = 2500
DEDUCTIBLES = (0, 0, 0, 3000, 6000)

_DENIALS: dict[str, tuple[Cas, str]] = {
    "co16": (("CO", "16", 0), "N290"),
    "co197": (("CO", "197", 0), "M62"),
    "co29": (("CO", "29", 0), ""),
    "pr27": (("PR", "27", 0), ""),
    "oa18": (("OA", "18", 0), "N522"),
    "line16": (("CO", "16", 0), "M20"),
    "line197": (("CO", "197", 0), "M62"),
    "unknown": (("CO", "31", 0), ""),
}
OUTCOMES = frozenset(_DENIALS) | {"pay"}


class PaidLine(msgspec.Struct, kw_only=True):
    """What became of one line: cents, CAS triplets, remark codes."""

    line: Line
    paid: int = 0
    allowed: int = 0
    adjustments: list[Cas] = msgspec.field(default_factory=list)
    remarks: list[str] = msgspec.field(default_factory=list)


class Verdict(msgspec.Struct, kw_only=True):
    """What became of a claim: CLP02, its lines, claim-level CAS and remarks, interest in cents, the payer it was
    handed on to, and whether the payer knows the patient by another name.
    """

    status: str
    lines: list[PaidLine]
    adjustments: list[Cas] = msgspec.field(default_factory=list)
    remarks: list[str] = msgspec.field(default_factory=list)
    interest: int = 0
    crossed: OtherCover | None = None
    corrects_name: bool = False

    @property
    def paid(self) -> int:
        """CLP04 in cents."""
        return sum(line.paid for line in self.lines)

    @property
    def patient(self) -> int:
        """CLP05 in cents: what the payer leaves to the patient."""
        found = sum(cents for group, _, cents in self.adjustments if group == "PR")
        return found + sum(cents for line in self.lines for group, _, cents in line.adjustments if group == "PR")


def outcome_of(claim: Claim, terms: Terms, roll: int, received: date) -> str:
    """Names what happens to a claim: `pay` or one of the denials; old services are always too late."""
    if claim.begins and _days_between(claim.begins, received) > terms.timely_days:
        return "co29"
    place = roll % 1000
    for per_mille, outcome in terms.denials:
        if place < per_mille:
            return outcome
        place -= per_mille
    return "pay"


def adjudicate(claim: Claim, terms: Terms, roll: int, outcome: str, *, repriced: bool = False) -> Verdict:
    """Pays or denies; `repriced` gives the second, lower decision that follows a reversal."""
    prior = [other for other in claim.others if other.paid is not None]
    status = str(min(len(prior) + 1, 3))
    if outcome == "unknown":
        return Verdict(status="4", lines=[], adjustments=[("CO", "31", claim.charge)])
    if outcome in _DENIALS and not outcome.startswith("line"):
        return Verdict(status=status, lines=[_denied(line, outcome) for line in claim.lines])
    if prior:
        return Verdict(status=status, lines=_paid_later(claim, terms, prior[-1]))
    lines = _paid_first(claim, terms, roll, repriced=repriced)
    if outcome.startswith("line"):
        lines[-1] = _denied(claim.lines[-1], outcome)
    verdict = Verdict(status=status, lines=lines)
    if terms.kind == "medicare":
        _mark_medicare(claim, verdict)
    elif verdict.paid > 0 and (roll >> 24) % 1000 < terms.interest_per_mille:
        verdict.interest = max(1, verdict.paid // 100)
    verdict.corrects_name = (roll >> 44) % 1000 < terms.corrects_per_mille
    return verdict


def hand_on(claim: Claim, verdict: Verdict) -> Claim:
    """The claim as the next payer gets it by crossover, with what this payer did on its lines."""
    other = verdict.crossed
    if other is None:
        raise ValueError("the claim was not handed on")
    lines = [
        msgspec.structs.replace(
            done.line, prior=[PriorLine(payer_id=claim.payer_id, paid=done.paid, adjustments=done.adjustments)]
        )
        for done in verdict.lines
    ]
    first = OtherCover(rank="P", filing=claim.filing, payer_id=claim.payer_id, paid=verdict.paid)
    return msgspec.structs.replace(
        claim,
        rank="S",
        filing=other.filing,
        payer_id=other.payer_id,
        payer_name=other.payer_name,
        subscriber=other.subscriber if other.subscriber.id else claim.subscriber,
        patient=claim.patient,
        others=[first],
        lines=lines,
    )


def later_terms(claim: Claim) -> Terms:
    """The terms of the payer that a crossed claim went to."""
    return terms_for(claim.filing, later=True)


def _days_between(begins: str, received: date) -> int:
    try:
        return (received - datetime.strptime(begins, "%Y%m%d").date()).days  # noqa: DTZ007  a date, no instant
    except ValueError:
        return 0


def _denied(line: Line, outcome: str) -> PaidLine:
    (group, reason, _), remark = _DENIALS[outcome]
    adjustments = [(group, reason, line.charge)] if line.charge else []
    return PaidLine(line=line, adjustments=adjustments, remarks=[remark] if remark else [])


def _rate(terms: Terms, line: Line) -> int:
    """Percent of the charge that is allowed: the same for one payer kind and code, whoever the patient is."""
    draw = zlib.crc32(f"{terms.kind}|{line.procedure}".encode())
    if draw % 16 == 0:
        return 100
    return terms.lowest + draw // 16 % (terms.highest - terms.lowest + 1)


def _paid_first(claim: Claim, terms: Terms, roll: int, *, repriced: bool) -> list[PaidLine]:
    shares = _Shares(claim, terms, roll)
    group, reason = terms.contract
    if terms.kind == "workers" and shares.member % 2:
        group = "PI"
    done: list[PaidLine] = []
    for line in claim.lines:
        rate = _rate(terms, line) - (10 if repriced else 0)
        allowed = line.charge * rate // 100
        paid = PaidLine(line=line, allowed=allowed)
        if allowed < line.charge:
            paid.adjustments.append((group, reason, line.charge - allowed))
        due = shares.take(paid)
        paid.paid = _sequestered(paid, due) if terms.kind == "medicare" else due
        done.append(paid)
    return done


class _Shares:
    """What the patient bears of one claim: deductible, then coinsurance; or one copay; or nothing."""

    def __init__(self, claim: Claim, terms: Terms, roll: int) -> None:
        self.member = zlib.crc32(claim.subscriber.id.encode())
        self._free: tuple[str, ...] = _FREE if terms.kind == "medicare" else ()
        copays = terms.kind == "ppo" and self.member % 2 == 0
        self._copay = COPAY if copays else 0
        self._percent = 20 if terms.kind in {"medicare", "ppo"} and not copays else 0
        self._deductible = DEDUCTIBLES[(roll >> 12) % len(DEDUCTIBLES)] if self._percent else 0

    def take(self, paid: PaidLine) -> int:
        """Adds the PR adjustments of a line and returns what is left for the payer to pay."""
        due = paid.allowed
        if self._free and paid.line.procedure.startswith(self._free):
            return due
        first = min(due, self._deductible)
        self._deductible -= first
        copay = min(due, self._copay)
        self._copay -= copay
        coinsurance = (due - first) * self._percent // 100
        shares = (("1", first), ("2", coinsurance), ("3", copay))
        paid.adjustments.extend(("PR", reason, cents) for reason, cents in shares if cents)
        return due - first - coinsurance - copay


def _sequestered(paid: PaidLine, due: int) -> int:
    """Two percent of what Medicare would pay, rounded half up, is kept back."""
    kept = (due * 2 + 50) // 100
    if kept:
        paid.adjustments.append(("CO", "253", kept))
    return due - kept


def _mark_medicare(claim: Claim, verdict: Verdict) -> None:
    """Remarks for beneficiaries who may not be billed, and the hand-over to the next payer."""
    verdict.remarks.append("MA01")
    if claim.subscriber.id.endswith(QMB_MARKER):
        found: set[str] = set()
        for line in verdict.lines:
            reasons = [reason for group, reason, _ in line.adjustments if group == "PR"]
            mine = [_QMB_REMARKS[reason] for reason in reasons if reason in _QMB_REMARKS]
            line.remarks.extend(mine)
            found.update(mine)
        verdict.remarks.extend(sorted(found))
    following = next((other for other in claim.others if other.paid is None and other.payer_id), None)
    if following is not None and verdict.paid > 0:
        verdict.crossed = following
        verdict.status = "19"
        verdict.remarks.append("MA18")


def _paid_later(claim: Claim, terms: Terms, last: OtherCover) -> list[PaidLine]:
    """Pays of what the payers before left to the patient; the rest of the charge is their impact (OA-23)."""
    loose = sum(cents for group, _, cents in last.adjustments if group == "PR")
    done: list[PaidLine] = []
    for line in claim.lines:
        owed = [(reason, cents) for reason, cents in _left_to_patient(line, last) if cents > 0]
        room = line.charge - sum(cents for _, cents in owed)
        if loose > 0 and room > 0:
            taken = min(loose, room)
            loose -= taken
            owed.append(("2", taken))
        done.append(_covered(line, terms, owed))
    return done


def _left_to_patient(line: Line, last: OtherCover) -> list[tuple[str, int]]:
    mine = [prior for prior in line.prior if prior.payer_id == last.payer_id] or line.prior[-1:]
    return [(reason, cents) for prior in mine[-1:] for group, reason, cents in prior.adjustments if group == "PR"]


def _covered(line: Line, terms: Terms, owed: list[tuple[str, int]]) -> PaidLine:
    total = sum(cents for _, cents in owed)
    done = PaidLine(line=line, allowed=total)
    if line.charge - total:
        done.adjustments.append(("OA", "23", line.charge - total))
    for reason, cents in owed:
        if terms.kind == "medicaid":
            pays = cents // 2
            done.adjustments.append(("CO", "45", cents - pays))
            done.paid += pays
        elif reason in terms.covers:
            done.paid += cents
        else:
            done.adjustments.append(("PR", reason, cents))
    return done
