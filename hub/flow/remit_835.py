"""835 -> Remittance and claim payments, and the balance at its three levels; knows our records and the guide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from hub.errors import Problem
from hub.flow.codes_seen import code
from hub.model.claim import Adjustment
from hub.model.remit import ClaimPayment, ProviderAdjustment, Remittance, ServicePayment
from hub.money import NotMoney, to_cents
from hub.x12.tree import Node, Segment, amount
from hub.x12.tree import date as day

ZERO = Decimal("0.00")
PREDETERMINATION = "25"


class Unreadable(Exception):
    """An amount or date of a remittance cannot be read; `problem` says where. Never leaves the remittance step."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.where)
        self.problem = problem


def header(root: Node) -> Remittance:
    """The header of an 835 whose units are read, with its PLBs. Raises `Unreadable`."""
    bpr, trn = _required(root, "BPR"), _required(root, "TRN")
    payer, (payee_npi, payee_tax_id) = root.child("1000A"), payee(root)
    production = root.value("DTM", 2, "405")
    return Remittance(
        payer_name=_at(payer, "N1", 2),
        payer_ids=tuple(dict.fromkeys(_payer_ids(trn, payer))),
        payee_npi=payee_npi,
        payee_tax_id=payee_tax_id,
        trace=trn[2],
        origin=trn[3],
        handling=bpr[1],
        amount=_amount(bpr, 2),
        credit=bpr[3] != "D",
        method=code(bpr[4]),
        payment_date=_day(bpr, 16) or _missing("BPR16"),
        production_date=_text_day(production),
        provider_adjustments=tuple(_provider_adjustments(root.all("PLB"))),
    )


def payee(root: Node) -> tuple[str, str]:
    """NPI and tax id of the payee (1000B), each empty where it is not told; as soon as the header is read."""
    told = root.child("1000B")
    return _at(told, "N1", 4) if _at(told, "N1", 3) == "XX" else "", _tax_id(told)


def told_cents(root: Node) -> int:
    """BPR02 in cents, 0 where it cannot be read: what a remittance that is not read any further is worth."""
    bpr = root.segment("BPR")
    try:
        return to_cents(_amount(bpr, 2)) if bpr is not None else 0
    except Unreadable:
        return 0


def _payer_ids(trn: Segment, payer: Node | None) -> Iterator[str]:
    """Every way the file names its payer: TRN03, N104, and REF 2U, EO, HI or NF of 1000A."""
    yield trn[3]
    if payer is not None:
        yield _at(payer, "N1", 4)
        yield from (ref[2] for ref in payer.all("REF") if ref[1] in {"2U", "EO", "HI", "NF"})


def _tax_id(payee: Node | None) -> str:
    if payee is None:
        return ""
    if _at(payee, "N1", 3) == "FI":
        return _at(payee, "N1", 4)
    return payee.value("REF", 2, "TJ")


def _provider_adjustments(plbs: Iterable[Segment]) -> Iterator[ProviderAdjustment]:
    for plb in plbs:
        for place in range(3, 15, 2):
            if plb[place]:
                reason = plb.parts(place)
                yield ProviderAdjustment(
                    npi=plb[1],
                    fiscal_period=_day(plb, 2),
                    reason=code(reason[1]),
                    reference=reason[2],
                    amount=_amount(plb, place + 1),
                )


def claim_payment(unit: Node, position: int) -> ClaimPayment:
    """One 2100 loop. Raises `Unreadable`."""
    clp = _required(unit, "CLP")
    return ClaimPayment(
        patient_control_number=clp[1],
        status=code(clp[2]),
        charge=_amount(clp, 3),
        paid=_amount(clp, 4),
        patient_responsibility=_optional(clp, 5),
        filing=clp[6],
        payer_control_number=clp[7],
        adjustments=tuple(_adjustments(unit.all("CAS"))),
        lines=tuple(_service(line) for line in unit.children("2110")),
        remarks=tuple(_remarks(unit)),
        interest=_qualified(unit, "I"),
        crossover=_crossover(unit),
        corrected_patient=any(nm1[1] == "74" for nm1 in unit.all("NM1")),
        received_on=_text_day(unit.value("DTM", 2, "050")),
        position=position,
    )


def _service(line: Node) -> ServicePayment:
    svc = _required(line, "SVC")
    billed, original = svc.parts(1), svc.parts(6)
    dated = line.value("DTM", 2, "472") or line.value("DTM", 2, "150")
    return ServicePayment(
        hcpcs=billed[2],
        modifiers=tuple(billed[place] for place in range(3, 7) if billed[place]),
        charge=_amount(svc, 2),
        paid=_amount(svc, 3),
        units=_quantity(svc, 5) or Decimal(1),
        original_hcpcs=original[2],
        original_units=_quantity(svc, 7),
        service_date=_text_day(dated),
        control_number=line.value("REF", 2, "6R"),
        adjustments=tuple(_adjustments(line.all("CAS"))),
        remarks=tuple(code(lq[2]) for lq in line.all("LQ") if lq[1] == "HE"),
    )


def _adjustments(segments: Iterable[Segment]) -> Iterator[Adjustment]:
    for cas in segments:
        for place in range(2, 20, 3):
            if cas[place]:
                yield Adjustment(
                    group=code(cas[1]),
                    reason=code(cas[place]),
                    amount=_amount(cas, place + 1),
                    quantity=_quantity(cas, place + 2),
                )


def _remarks(unit: Node) -> Iterator[str]:
    """RARCs of the claim: MIA05, MIA20 to MIA23, MOA03 to MOA07."""
    for segment_id, places in (("MIA", (5, 20, 21, 22, 23)), ("MOA", (3, 4, 5, 6, 7))):
        if (segment := unit.segment(segment_id)) is not None:
            yield from (code(segment[place]) for place in places if segment[place])


def _crossover(unit: Node) -> str:
    """The id or name of the payer that the claim was forwarded to (NM1*TT)."""
    for nm1 in unit.all("NM1"):
        if nm1[1] == "TT":
            return nm1[9] or nm1[3] or "unnamed"
    return ""


def _qualified(unit: Node, qualifier: str) -> Decimal:
    for amt in unit.all("AMT"):
        if amt[1] == qualifier:
            return _amount(amt, 2)
    return ZERO


def line_faults(paid: ClaimPayment) -> list[Problem]:
    """The first two levels: SVC03 = SVC02 - CAS of the line, CLP04 = CLP03 - every CAS of the claim."""
    faults = []
    for number, line in enumerate(paid.lines, 1):
        if line.paid != line.charge - _sum(line.adjustments):
            faults.append(_imbalance(f"claim {paid.position} 2110[{number}] SVC03", "the line"))
    told = _sum(paid.adjustments) + sum((_sum(line.adjustments) for line in paid.lines), ZERO)
    if paid.status != PREDETERMINATION and paid.paid != paid.charge - told:
        faults.append(_imbalance(f"claim {paid.position} 2100 CLP04", "the claim"))
    return faults


def total_fault(remittance: Remittance, paid: Decimal) -> Problem | None:
    """The third level: BPR02 = sum of CLP04 - sum of PLB. `paid` is the sum of CLP04."""
    taken = sum((plb.amount for plb in remittance.provider_adjustments), ZERO)
    signed = remittance.amount if remittance.credit else -remittance.amount
    return None if signed == paid - taken else _imbalance("BPR02", "the remittance")


def _sum(adjustments: Iterable[Adjustment]) -> Decimal:
    return sum((one.amount for one in adjustments), ZERO)


def _imbalance(where: str, what: str) -> Problem:
    return Problem(
        code="remit.unbalanced",
        where=where,
        why=f"{what} does not add up: what was paid is not the charge less its adjustments",
        fix="ask the payer for a corrected file, or post it signed to the remittance variance account",
    )


def _required(node: Node, segment_id: str) -> Segment:
    segment = node.segment(segment_id)
    if segment is None:
        raise Unreadable(_unreadable(segment_id, "the segment is missing"))
    return segment


def _at(node: Node | None, segment_id: str, place: int) -> str:
    segment = node.segment(segment_id) if node is not None else None
    return segment[place] if segment is not None else ""


def _amount(segment: Segment, place: int) -> Decimal:
    """Dollars that the books can hold: whole cents, and not too many of them."""
    value = _quantity(segment, place)
    where = f"{segment.id}{place:02}"
    if value is None:
        raise Unreadable(_unreadable(where, "an amount is missing"))
    try:
        to_cents(value)
    except NotMoney as error:
        raise Unreadable(_unreadable(where, f"this is no amount of money: {error}")) from None
    return value


def _quantity(segment: Segment, place: int) -> Decimal | None:
    value = amount(segment, place)
    if isinstance(value, Problem):
        raise Unreadable(value)
    return value


def _optional(segment: Segment, place: int) -> Decimal | None:
    return _amount(segment, place) if segment[place] else None


def _day(segment: Segment, place: int) -> date | None:
    value = day(segment, place)
    if isinstance(value, Problem):
        raise Unreadable(value)
    return value


def _text_day(text: str) -> date | None:
    """A date that is only told, never counted with: one that cannot be read is left out."""
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])) if text else None
    except ValueError:
        return None


def _missing(where: str) -> date:
    raise Unreadable(_unreadable(where, "the date is missing"))


def _unreadable(where: str, why: str) -> Problem:
    return Problem(code="remit.unreadable", where=where, why=why, fix="ask the payer for a corrected file")
