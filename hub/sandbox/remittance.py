"""Writes what a payer decided as 835 segments, takes it back, and proves that it balances before it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby

import msgspec

from hub.sandbox.adjudicate import PaidLine, Verdict
from hub.sandbox.amounts import amount, cents_of
from hub.sandbox.claims import Cas, Claim, Person, Provider
from hub.sandbox.payers import Terms


class Payment(msgspec.Struct, kw_only=True, gc=False):
    """One claim payment as it will stand in a file: its segments, and the cents that the file's totals need."""

    pcn: str
    icn: str
    status: str
    segments: str
    charge: int
    paid: int
    interest: int = 0
    deferred: int = 0


class Payer(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays: its id and name as the claim gave them, and the tax id that we invent for it."""

    id: str
    name: str
    tax_id: str


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """One PLB pair: positive cents take from the payment, negative add to it."""

    reason: str
    reference: str
    cents: int


class Remittance(msgspec.Struct, kw_only=True):
    """One 835 transaction set, ready to be written; `method` NON carries no money."""

    payer: Payer
    payee: Provider
    day: date
    method: str
    trace: str
    payments: Sequence[Payment]
    adjustments: Sequence[Adjustment] = ()

    @property
    def total(self) -> int:
        """BPR02 in cents."""
        return sum(p.paid for p in self.payments) - sum(a.cents for a in self.adjustments)


_MONEY = frozenset({"BPR", "CLP", "SVC", "CAS", "PLB"})


class Unbalanced(Exception):
    """The sandbox was about to send a remittance that does not balance: a bug of ours."""


def write_payment(
    claim: Claim, verdict: Verdict, terms: Terms, *, icn: str, received: date, replaces: str = ""
) -> Payment:
    """The 2100 and 2110 loops of one claim; `replaces` names the decision that this one corrects."""
    paid = verdict.paid
    amounts = f"{amount(claim.charge)}*{amount(paid)}*{amount(verdict.patient)}"
    out = [f"CLP*{claim.pcn}*{verdict.status}*{amounts}*{terms.filing}*{icn}*{claim.place}*{claim.frequency}"]
    out.extend(_cas(verdict.adjustments))
    out.extend(_names(claim, verdict))
    if verdict.remarks:
        out.append("MOA***" + "*".join(verdict.remarks[:5]))
    if replaces:
        out.append(f"REF*F8*{replaces}")
    if claim.begins:
        out.append(f"DTM*232*{claim.begins}")
        out.append(f"DTM*233*{claim.ends}")
    out.append(f"DTM*050*{received:%Y%m%d}")
    if verdict.interest:
        out.append(f"AMT*I*{amount(verdict.interest)}")
    for done in verdict.lines:
        out.extend(_service(done))
    return Payment(
        pcn=claim.pcn,
        icn=icn,
        status=verdict.status,
        segments="~".join(out),
        charge=claim.charge,
        paid=paid,
        interest=verdict.interest,
    )


def _names(claim: Claim, verdict: Verdict) -> list[str]:
    out = [_name("QC", claim.patient)]
    if claim.patient is not claim.subscriber and claim.patient != claim.subscriber:
        out.append(_name("IL", claim.subscriber))
    if verdict.corrects_name:
        middle = "J" if claim.patient.middle != "J" else "K"
        out.append(f"NM1*74*1*{claim.patient.last}*{claim.patient.first}*{middle}")
    if claim.rendering_npi:
        out.append(f"NM1*82*1******XX*{claim.rendering_npi}")
    if verdict.crossed is not None:
        out.append(f"NM1*TT*2*{verdict.crossed.payer_name or 'NEXT PAYER'}*****PI*{verdict.crossed.payer_id}")
    return out


def _service(done: PaidLine) -> list[str]:
    line = done.line
    out = [f"SVC*{line.procedure}*{amount(line.charge)}*{amount(done.paid)}**{line.units}"]
    if line.begins == line.ends:
        out.append(f"DTM*472*{line.begins}")
    else:
        out += [f"DTM*150*{line.begins}", f"DTM*151*{line.ends}"]
    out.extend(_cas(done.adjustments))
    if line.control:
        out.append(f"REF*6R*{line.control}")
    if done.allowed > 0:
        out.append(f"AMT*B6*{amount(done.allowed)}")
    out.extend(f"LQ*HE*{remark}" for remark in done.remarks)
    return out


def reversed_payment(payment: Payment) -> Payment:
    """The same decision taken back: CLP02 = 22 and every amount with the opposite sign (835, 1.10.2.8)."""
    out = [_negated(segment.split("*")) for segment in payment.segments.split("~")]
    return Payment(
        pcn=payment.pcn,
        icn=payment.icn,
        status="22",
        segments="~".join(segment for segment in out if segment),
        charge=-payment.charge,
        paid=-payment.paid,
    )


def _negated(parts: list[str]) -> str:
    kind = parts[0]
    if kind == "CLP":
        parts[2] = "22"
        parts[3:6] = [_minus(text) for text in parts[3:6]]
    elif kind == "CAS":
        parts[3::3] = [_minus(text) for text in parts[3::3]]
    elif kind == "SVC":
        parts[2:4] = [_minus(text) for text in parts[2:4]]
    elif kind in {"AMT", "MOA"} or (kind == "NM1" and parts[1] == "TT"):
        return ""
    return "*".join(parts)


def _minus(text: str) -> str:
    return amount(-cents_of(text)) if text else text


def _name(code: str, person: Person) -> str:
    given = f"{person.last}*{person.first}*{person.middle}" if person.first else f"{person.last}**"
    if not person.id:
        return f"NM1*{code}*1*{given}".rstrip("*")
    return f"NM1*{code}*1*{given}***{person.qualifier or 'MI'}*{person.id}"


def _cas(adjustments: Sequence[Cas]) -> Iterable[str]:
    """One CAS for each group, six triplets at most in each."""
    if not adjustments:
        return
    for group, rows in groupby(sorted(adjustments), key=lambda row: row[0]):
        triplets = [f"{reason}*{amount(cents)}" for _, reason, cents in rows]
        for at in range(0, len(triplets), 6):
            yield f"CAS*{group}*" + "**".join(triplets[at : at + 6])


def write_remittance(remittance: Remittance, *, receiver: str, account: str) -> list[str]:
    """The segments of one 835 between ST and SE."""
    payer, payee, day = remittance.payer, remittance.payee, remittance.day
    identity = payee.npi or payee.tax_id
    out = [
        _bpr(remittance, account),
        f"TRN*1*{remittance.trace}*1{payer.tax_id}",
        f"REF*EV*{receiver}",
        f"DTM*405*{day:%Y%m%d}",
        f"N1*PR*{payer.name[:60]}",
        "N3*1 PAYER PLAZA",
        "N4*SPRINGFIELD*IL*627010001",
        f"REF*2U*{payer.id}",
        "PER*CX**TE*5555550100",
        "PER*BL*EDI SUPPORT*TE*5555550101",
        f"N1*PE*{payee.name[:60]}*{'XX' if payee.npi else 'FI'}*{identity}",
    ]
    if payee.street and payee.city:
        out.append(f"N3*{payee.street}")
        out.append(f"N4*{payee.city}*{payee.state}*{payee.postal}".rstrip("*"))
    if payee.npi and payee.tax_id:
        out.append(f"REF*TJ*{payee.tax_id}")
    if remittance.payments:
        out.append("LX*1")
    for payment in remittance.payments:
        out.extend(payment.segments.split("~"))
    out.extend(_plb(remittance, identity))
    return out


def _bpr(remittance: Remittance, account: str) -> str:
    total, day = amount(remittance.total), f"{remittance.day:%Y%m%d}"
    if remittance.method == "ACH":
        tax_id = remittance.payer.tax_id
        return (
            f"BPR*I*{total}*C*ACH*CCP*01*999999992*DA*{account}*1{tax_id}**01*999999992*DA*{account[::-1]}*{day}"
        )
    if remittance.method == "NON":
        return f"BPR*H*{total}*C*NON************{day}"
    return f"BPR*I*{total}*C*CHK************{day}"


def _plb(remittance: Remittance, identity: str) -> Iterable[str]:
    pairs = [f"{a.reason}:{a.reference}*{amount(a.cents)}" for a in remittance.adjustments]
    for at in range(0, len(pairs), 6):
        yield f"PLB*{identity}*{remittance.day.year}1231*" + "*".join(pairs[at : at + 6])


def check_balance(body: Sequence[str]) -> int:
    """Proves the three levels on the segments as they will leave; raises `Unbalanced`, returns BPR02 in cents.

    Service: SVC02 - CAS = SVC03. Claim: CLP03 - every CAS = CLP04. Remittance: sum of CLP04 - PLB = BPR02.
    """
    balance = _Balance()
    for segment in body:
        if segment[:3] in _MONEY:
            balance.take(segment.split("*"))
    return balance.finish()


class _Balance:
    """The three running sums of one remittance."""

    def __init__(self) -> None:
        self._total = self._claims = self._provider = 0
        self._claim = self._line = 0
        self._in_line = False

    def take(self, parts: list[str]) -> None:
        kind = parts[0]
        if kind == "CAS":
            cents = sum([cents_of(text) for text in parts[3::3]])
            self._claim -= cents
            self._line -= cents if self._in_line else 0
        elif kind == "SVC":
            self._expect(self._line, "a service line")
            self._line = cents_of(parts[2]) - cents_of(parts[3])
            self._in_line = True
        elif kind == "CLP":
            self._close_claim()
            paid = cents_of(parts[4])
            self._claim = cents_of(parts[3]) - paid
            self._claims += paid
        elif kind == "PLB":
            self._provider += sum([cents_of(text) for text in parts[4::2]])
        else:
            self._total = cents_of(parts[2])

    def finish(self) -> int:
        self._close_claim()
        self._expect(self._claims - self._provider - self._total, "the remittance")
        if self._total < 0:
            raise Unbalanced("the remittance pays less than nothing")
        return self._total

    def _close_claim(self) -> None:
        self._expect(self._line, "a service line")
        self._expect(self._claim, "a claim")
        self._claim = self._line = 0
        self._in_line = False

    def _expect(self, rest: int, what: str) -> None:
        if rest:
            raise Unbalanced(f"{what} does not balance")
