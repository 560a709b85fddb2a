"""Turns transaction sets into rows: a line of a claim, a service of a remittance, a status, a benefit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from hub.x12.envelope import TransactionSet
from hub.x12.tree import Node, Segment

Row = dict[str, str]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column: its name, and whether it holds text, an amount or a day."""

    name: str
    type: str = "text"


def _columns(told: str) -> tuple[Column, ...]:
    """Columns from words: `charge:amount`, `from:day`, else text."""
    pairs = (word.partition(":") for word in told.split())
    return tuple(Column(name=name, type=kind or "text") for name, _, kind in pairs)


_CLAIM = _columns(
    "set claim line billing_npi billing_tax_id payer_id payer filing subscriber_id subscriber_last subscriber_first "
    "patient_last patient_first patient_birth:day patient_sex claim_number claim_charge:amount facility frequency "
    "original_number diagnoses rendering_npi line_number line_control code_kind code modifiers revenue_code "
    "charge:amount unit quantity:amount pointers first_day:day last_day:day place ndc teeth unreadable"
)
_REMITTANCE = _columns(
    "set claim line payer payer_id payee payee_id trace payment:amount payment_day:day claim_number status "
    "claim_charge:amount claim_paid:amount patient_share:amount filing payer_claim_number patient_id patient_last "
    "patient_first claim_adjustments line_control code_kind code modifiers charge:amount paid:amount units:amount "
    "first_day:day last_day:day co:amount pr:amount oa:amount pi:amount adjustments remarks unreadable"
)
_STATUS = _columns(
    "set claim patient_id patient_last patient_first claim_number payer_claim_number category status about "
    "status_day:day action charge:amount paid:amount first_day:day last_day:day more_statuses line unreadable"
)
_ANSWER = _columns(
    "set group answered_kind answered_number verdict verdict_codes segment position loop fault element part "
    "element_number element_fault"
)
_BENEFIT = _columns(
    "set claim trace subscriber_id last first birth:day benefit level services insurance plan period amount:amount "
    "percent:amount quantity_kind quantity:amount authorization in_network code first_day:day last_day:day message "
    "unreadable"
)
COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "837P": _CLAIM,
    "837I": _CLAIM,
    "837D": _CLAIM,
    "835": _REMITTANCE,
    "277CA": _STATUS,
    "277": _STATUS,
    "999": _ANSWER,
    "271": _BENEFIT,
}


def rows(transaction: TransactionSet) -> Iterator[Row]:
    """The rows of one set, streamed: texts as they stand in the file; () where its kind has no table."""
    make = _MAKERS.get(transaction.kind)
    if make is None:
        return
    for number, unit in enumerate(transaction.units(check=False), 1):
        for row in make(unit):
            yield {"set": transaction.control_number, "claim": str(number), **row}


def _claim_rows(claim: Node) -> Iterator[Row]:
    base = _claim_base(claim)
    lines = claim.children("2400")
    for line in lines:
        yield {**base, **_claim_line(line, base)}
    if not lines:
        yield base


def _claim_base(claim: Node) -> Row:
    clm = _segment(claim, "CLM")
    subscriber, payer, billing = claim.find("2010BA"), claim.find("2010BB"), claim.find("2010AA")
    patient = claim.find("2010CA") if claim.parent is not None and claim.parent.loop == "2000C" else subscriber
    level = claim.find("2000B")
    return {
        "billing_npi": _of(billing, "NM1", 9),
        "billing_tax_id": _of(billing, "REF", 2, "EI") or _of(billing, "REF", 2, "SY"),
        "payer_id": _of(payer, "NM1", 9),
        "payer": _of(payer, "NM1", 3),
        "filing": _of(level, "SBR", 9),
        "subscriber_id": _of(subscriber, "NM1", 9),
        "subscriber_last": _of(subscriber, "NM1", 3),
        "subscriber_first": _of(subscriber, "NM1", 4),
        "patient_last": _of(patient, "NM1", 3),
        "patient_first": _of(patient, "NM1", 4),
        "patient_birth": _of(patient, "DMG", 2),
        "patient_sex": _of(patient, "DMG", 3),
        "claim_number": clm[1],
        "claim_charge": clm[2],
        "facility": clm.parts(5)[1],
        "frequency": clm.parts(5)[3],
        "original_number": claim.value("REF", 2, "F8"),
        "diagnoses": " ".join(_diagnoses(claim)),
        "rendering_npi": _of(claim.child("2310B") or claim.child("2310D"), "NM1", 9),
    }


def _diagnoses(claim: Node) -> Iterator[str]:
    for hi in claim.all("HI"):
        for position in range(1, len(hi) + 1):
            parts = hi.parts(position)
            if parts[1] in ("ABK", "ABF", "ABJ", "APR", "ABN", "BK", "BF"):
                yield parts[2]


def _claim_line(line: Node, base: Row) -> Row:
    kind = next((tag for tag in ("SV1", "SV2", "SV3") if line.segment(tag)), "SV1")
    service = _segment(line, kind)
    code_at, charge_at, unit_at = {"SV1": (1, 2, 3), "SV2": (2, 3, 4), "SV3": (1, 2, 0)}[kind]
    code = service.parts(code_at)
    first, last = _days(line.value("DTP", 3, "472"))
    rendering = line.child("2420A") or line.child("2420C")
    return {
        "line": line.value("LX", 1),
        "line_number": line.value("LX", 1),
        "line_control": line.value("REF", 2, "6R"),
        "code_kind": code[1],
        "code": code[2],
        "modifiers": " ".join(code[at] for at in range(3, 7) if code[at]),
        "revenue_code": service[1] if kind == "SV2" else "",
        "charge": service[charge_at],
        "unit": service[unit_at] if unit_at else "UN",
        "quantity": service[6] if kind == "SV3" else service[unit_at + 1],
        "pointers": " ".join(service.parts(11 if kind == "SV3" else 7)) if kind != "SV2" else "",
        "first_day": first,
        "last_day": last,
        "place": service[5] if kind == "SV1" else service[3] if kind == "SV3" else "",
        "ndc": _of(line.child("2410"), "LIN", 3),
        "teeth": " ".join(f"{too[2]}{'-' if too[3] else ''}{''.join(too.parts(3))}" for too in line.all("TOO")),
        "rendering_npi": _of(rendering, "NM1", 9) or base["rendering_npi"],
    }


def _remittance_rows(claim: Node) -> Iterator[Row]:
    base = _remittance_base(claim)
    services = claim.children("2110")
    for number, service in enumerate(services, 1):
        yield {**base, "line": str(number), **_service(service)}
    if not services:
        yield base


def _remittance_base(claim: Node) -> Row:
    clp = _segment(claim, "CLP")
    root = _root(claim)
    payer, payee = root.child("1000A"), root.child("1000B")
    return {
        "payer": _of(payer, "N1", 2),
        "payer_id": root.value("TRN", 3),
        "payee": _of(payee, "N1", 2),
        "payee_id": _of(payee, "N1", 4),
        "trace": root.value("TRN", 2),
        "payment": root.value("BPR", 2),
        "payment_day": root.value("BPR", 16),
        "claim_number": clp[1],
        "status": clp[2],
        "claim_charge": clp[3],
        "claim_paid": clp[4],
        "patient_share": clp[5],
        "filing": clp[6],
        "payer_claim_number": clp[7],
        "patient_id": claim.value("NM1", 9, "QC"),
        "patient_last": claim.value("NM1", 3, "QC"),
        "patient_first": claim.value("NM1", 4, "QC"),
        "claim_adjustments": _adjustments(claim),
        "first_day": claim.value("DTM", 2, "232"),
        "last_day": claim.value("DTM", 2, "233") or claim.value("DTM", 2, "232"),
    }


def _service(service: Node) -> Row:
    svc = _segment(service, "SVC")
    code = svc.parts(1)
    first = service.value("DTM", 2, "472") or service.value("DTM", 2, "150")
    remarks = [lq[2] for lq in service.all("LQ")]
    return {
        "line_control": service.value("REF", 2, "6R"),
        "code_kind": code[1],
        "code": code[2],
        "modifiers": " ".join(code[at] for at in range(3, 7) if code[at]),
        "charge": svc[2],
        "paid": svc[3],
        "units": svc[5] or "1",
        **({"first_day": first, "last_day": service.value("DTM", 2, "151") or first} if first else {}),
        **{group.lower(): _sum(service, group) for group in ("CO", "PR", "OA", "PI")},
        "adjustments": _adjustments(service),
        "remarks": " ".join(remarks),
    }


def _sum(node: Node, group: str) -> str:
    from hub.x12.rules.reporting import ZERO, exact

    amounts = [cas[at] for cas in node.all("CAS", group) for at in range(3, len(cas) + 1, 3) if cas[at]]
    if any(exact(amount) is None for amount in amounts):
        return next(amount for amount in amounts if exact(amount) is None)
    return str(sum((exact(amount) or ZERO for amount in amounts), ZERO)) if amounts else ""


def _adjustments(node: Node) -> str:
    """Every adjustment as `CO-45:20 PR-2:10`."""
    return " ".join(
        f"{cas[1]}-{cas[at - 1]}:{cas[at]}"
        for cas in node.all("CAS")
        for at in range(3, len(cas) + 1, 3)
        if cas[at]
    )


def _status_rows(unit: Node) -> Iterator[Row]:
    """Every status of a claim, and of its lines; `unit` is the patient's level of a 277CA, or a claim of a 277."""
    for claim in unit.children("2200D") if unit.loop == "2000D" else [unit]:
        around = unit if unit.loop == "2000D" else unit.parent
        party = next((one for one in (around.children() if around else []) if one.loop[:4] == "2100"), None)
        first, last = _days(claim.value("DTP", 3, "472"))
        base = {
            "patient_id": _of(party, "NM1", 9),
            "patient_last": _of(party, "NM1", 3),
            "patient_first": _of(party, "NM1", 4),
            "claim_number": claim.value("TRN", 2) if unit.loop == "2000D" else claim.value("REF", 2, "EJ"),
            "payer_claim_number": claim.value("REF", 2, "1K"),
            "first_day": first,
            "last_day": last,
        }
        for stc in claim.all("STC"):
            yield {**base, **_status(stc)}
        for number, line in enumerate((one for one in claim.children() if one.loop.startswith("222")), 1):
            for stc in line.all("STC"):
                yield {**base, **_status(stc), "line": str(number)}


def _status(stc: Segment) -> Row:
    reason = stc.parts(1)
    return {
        "category": reason[1],
        "status": reason[2],
        "about": reason[3],
        "status_day": stc[2],
        "action": stc[3],
        "charge": stc[4],
        "paid": stc[5],
        "more_statuses": " ".join(":".join(part for part in stc.parts(at)) for at in (10, 11) if stc[at]),
    }


def _answer_rows(unit: Node) -> Iterator[Row]:
    """Every fault that a 999 names, or one row for a set without any."""
    told, root = _segment(unit, "IK5"), _root(unit)
    answered = _segment(unit, "AK2")
    base = {
        "group": root.value("AK1", 2),
        "answered_kind": answered[1],
        "answered_number": answered[2],
        "verdict": told[1],
        "verdict_codes": " ".join(told[at] for at in range(2, 7) if told[at]),
    }
    errors = unit.children("2100")
    for error in errors:
        ik3 = _segment(error, "IK3")
        place = {"segment": ik3[1], "position": ik3[2], "loop": ik3[3], "fault": ik3[4]}
        elements = [_segment(one, "IK4") for one in error.children("2110")]
        for ik4 in elements:
            where = ik4.parts(1)
            detail = {"element": where[1], "part": where[2], "element_number": ik4[2], "element_fault": ik4[3]}
            yield {**base, **place, **detail}
        if not elements:
            yield {**base, **place}
    if not errors:
        yield base


def _benefit_rows(unit: Node) -> Iterator[Row]:
    """Every benefit (EB) of everybody below one level."""
    party = next((one for one in unit.children() if one.loop.startswith("2100")), None)
    if party is not None:
        base = {
            "trace": unit.value("TRN", 2),
            "subscriber_id": _of(party, "NM1", 9),
            "last": _of(party, "NM1", 3),
            "first": _of(party, "NM1", 4),
            "birth": _of(party, "DMG", 2),
        }
        for benefit in party.children():
            eb = benefit.segment("EB")
            if eb is not None:
                yield {**base, **_benefit(benefit, eb)}
    for below in unit.children():
        if below.loop.startswith("2000"):
            yield from _benefit_rows(below)


def _benefit(node: Node, eb: Segment) -> Row:
    days = next((dtp[3] for dtp in node.all("DTP")), "")
    first, last = _days(days)
    names = {1: "benefit", 2: "level", 4: "insurance", 5: "plan", 6: "period", 7: "amount", 8: "percent"}
    names |= {9: "quantity_kind", 10: "quantity", 11: "authorization", 12: "in_network"}
    return {
        **{name: eb[at] for at, name in names.items()},
        "services": " ".join(eb.repeats(3)),
        "code": eb.parts(13)[2],
        "first_day": first,
        "last_day": last,
        "message": " ".join(msg[1] for msg in node.all("MSG")),
    }


def _segment(node: Node, tag: str) -> Segment:
    """The first segment of this id, or an empty one."""
    return node.segment(tag) or Segment([tag], node.delimiters)


def _of(node: Node | None, tag: str, position: int, qualifier: str = "") -> str:
    return node.value(tag, position, qualifier) if node is not None else ""


def _root(node: Node) -> Node:
    while node.parent is not None:
        node = node.parent
    return node


def _days(text: str) -> tuple[str, str]:
    first, _, last = text.partition("-")
    return first, last or first


_MAKERS: dict[str, Callable[[Node], Iterator[Row]]] = {
    **dict.fromkeys(("837P", "837I", "837D"), _claim_rows),
    "835": _remittance_rows,
    "277CA": _status_rows,
    "277": _status_rows,
    "999": _answer_rows,
    "271": _benefit_rows,
}
