"""Loops 2300 and 2400 of the three claims: which rows stand where, and what the claim segment itself says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hub.flow.claim_837.codec import Fields, Loop, Row, by_hand
from hub.flow.claim_837.codes import CODES, CODES_INSTITUTIONAL
from hub.flow.claim_837.payers import ADJUDICATIONS, OTHER_COVERAGES
from hub.flow.claim_837.shared import (
    AMBULANCE,
    AMOUNTS,
    ATTACHMENTS,
    CERTIFICATIONS,
    CLAIM_DATES,
    CLAIM_REFERENCES,
    CONTRACT,
    FIXED,
    LINE_DATES,
    LINE_REFERENCES,
    LINE_REFERENCES_DENTAL,
    LINE_REFERENCES_INSTITUTIONAL,
    NOTES,
    QUANTITIES,
    REPRICING,
    ZERO,
    facility,
    many,
    one,
    own,
    provider,
    references,
    stop,
)
from hub.flow.claim_837.values import C, E, Unreadable, filled, number, number_text, parts, some
from hub.model.dental import Orthodontic, Tooth, ToothStatus
from hub.model.encounter import Accident, Drug
from hub.model.services import (
    Answer,
    Chiropractic,
    Equipment,
    EquipmentNeed,
    Form,
    PurchasedService,
    TestResult,
)


def _read_claim(v: list[str], f: Fields, c: str) -> None:
    v = filled(v, 20)
    place = parts(v[5], c, 3)
    f["control_number"], f["charge"] = v[1], some(v[2], "CLM02")
    f["place"], f["frequency"] = place[0], place[2]
    f["signature"], f["assignment"], f["benefits_assigned"], f["release"] = v[6:10]
    f["patient_signature"], f["special_program"], f["delay_reason"] = v[10], v[12], v[20]
    f["is_predetermination"] = v[19] == "PB"
    if v[11]:
        told = parts(v[11], c, 5)
        also = tuple(filter(None, told[1:3]))
        f["accident"] = Accident(kind=told[0], also=also, state=told[3], country=told[4])


def _claim_text(r: Any, place: str, kind: str) -> str:
    cause = ""
    if r.accident is not None:
        told = r.accident
        cause = C.join((told.kind, *told.also, *("", "")[len(told.also) :], told.state, told.country)).rstrip(C)
    charge = r.total if r.charge is None else r.charge
    text = E.join(
        (
            "CLM",
            r.control_number,
            number_text(charge),
            "",
            "",
            f"{place}{C}{kind}{C}{r.frequency}",
            r.signature,
            r.assignment,
            r.benefits_assigned,
            r.release,
            r.patient_signature,
            cause,
            r.special_program,
        )
    )
    if r.delay_reason or r.is_predetermination:
        text += f"{E * 7}{'PB' if r.is_predetermination else ''}{E}{r.delay_reason}"
    return text.rstrip(E)


def _write_claim(r: Any, out: list[str]) -> None:
    out.append(_claim_text(r, r.place_of_service, "B"))


def _write_institutional_claim(r: Any, out: list[str]) -> None:
    out.append(_claim_text(r, r.institutional.facility_code, "A"))


_CLAIM = by_hand("CLM", _read_claim, _write_claim)


def _read_line_number(v: list[str], f: Fields, _c: str) -> None:
    text = v[1] if len(v) > 1 else ""
    f["number"] = int(text) if text.isascii() and text.isdigit() else 0


def _write_line_number(r: Any, out: list[str]) -> None:
    out.append(f"LX{E}{r.number}")


_LINE_NUMBER = by_hand("LX", _read_line_number, _write_line_number)

_ONE = Decimal(1)
_DRUG = Loop(
    id="2410",
    rows=(
        own("LIN", "- kind ndc"),
        own("CTP", "- - - quantity:N (unit)"),
        references(),
    ),
    make=Drug,
    into="drug",
    defaults={"quantity": ZERO, "unit": ""},
)
_FORM = Loop(
    id="2440",
    rows=(
        own("LQ", "listed number"),
        many("FRM", "question choice text on:d percent:n", "answers", Answer),
    ),
    make=Form,
    into="forms",
    many=True,
)


def _line(*rows: Row | Loop) -> Loop:
    defaults: Fields = {"charge_ids": (), "control_number": "", "number": 0, "hcpcs": "", "units": ZERO}
    return Loop(id="2400", rows=rows, make=dict, into="lines", many=True, defaults=defaults)


def _claim(*rows: Row | Loop) -> Loop:
    return Loop(id="2300", rows=rows, make=dict)


_PROFESSIONAL_LINE = _line(
    _LINE_NUMBER,
    own(
        "SV1",
        "(code_kind,hcpcs,modifiers*4,description) amount:N unit_basis units:z place_of_service - (pointers*4:i) - "
        "emergency:b - epsdt:b family_planning:b - - copay_exempt:0",
    ),
    one("SV5", "(=HC,code) =DA days:N rental:n purchase:n frequency", "equipment", Equipment),
    ATTACHMENTS,
    AMBULANCE,
    one("CR3", "kind =MO months:N", "equipment_need", EquipmentNeed),
    CERTIFICATIONS,
    LINE_DATES,
    QUANTITIES,
    many("MEA", "reference measured value:N", "tests", TestResult),
    CONTRACT,
    LINE_REFERENCES,
    AMOUNTS,
    FIXED,
    NOTES,
    one("PS1", "seller charge:N", "purchased", PurchasedService),
    REPRICING,
    _DRUG,
    provider("2420A", "82", "rendering", "PE"),
    provider("2420B", "QB", "purchased_from"),
    facility("2420C"),
    provider("2420D", "DQ", "supervising"),
    provider("2420E", "DK", "ordering"),
    provider("2420F", "DN", "referring"),
    provider("2420F", "P3", "primary_care"),
    stop("2420G", "PW", "pick_up"),
    stop("2420H", "45", "drop_off"),
    ADJUDICATIONS,
    _FORM,
)
PROFESSIONAL = _claim(
    _CLAIM,
    CLAIM_DATES,
    ATTACHMENTS,
    CONTRACT,
    AMOUNTS,
    CLAIM_REFERENCES,
    FIXED,
    NOTES,
    AMBULANCE,
    one("CR2", "- - - - - - - condition - description more", "chiropractic", Chiropractic),
    CERTIFICATIONS,
    CODES,
    REPRICING,
    provider("2310A", "DN", "referring"),
    provider("2310A", "P3", "primary_care"),
    provider("2310B", "82", "rendering", "PE"),
    facility("2310C"),
    provider("2310D", "DQ", "supervising"),
    stop("2310E", "PW", "pick_up"),
    stop("2310F", "45", "drop_off"),
    OTHER_COVERAGES,
    _PROFESSIONAL_LINE,
)

_INSTITUTIONAL_LINE = _line(
    _LINE_NUMBER,
    own(
        "SV2",
        "revenue (code_kind,hcpcs,modifiers*4,description) amount:N unit_basis units:z rate:n noncovered:n",
    ),
    ATTACHMENTS,
    LINE_DATES,
    LINE_REFERENCES_INSTITUTIONAL,
    AMOUNTS,
    NOTES,
    REPRICING,
    _DRUG,
    provider("2420A", "72", "operating"),
    provider("2420B", "ZZ", "other_operating"),
    provider("2420C", "82", "rendering"),
    provider("2420D", "DN", "referring"),
    ADJUDICATIONS,
)
INSTITUTIONAL = _claim(
    by_hand("CLM", _read_claim, _write_institutional_claim),
    CLAIM_DATES,
    own(
        "CL1",
        "admission source status",
        when="r.institutional.status or r.institutional.admission or r.institutional.source",
        on="r.institutional",
    ),
    ATTACHMENTS,
    CONTRACT,
    AMOUNTS,
    CLAIM_REFERENCES,
    FIXED,
    NOTES,
    CERTIFICATIONS,
    CODES_INSTITUTIONAL,
    REPRICING,
    provider("2310A", "71", "attending", "AT"),
    provider("2310B", "72", "operating"),
    provider("2310C", "ZZ", "other_operating"),
    provider("2310D", "82", "rendering"),
    facility("2310E"),
    provider("2310F", "DN", "referring"),
    OTHER_COVERAGES,
    _INSTITUTIONAL_LINE,
)


def _read_dental_service(v: list[str], f: Fields, c: str) -> None:
    v = filled(v, 11)
    code = parts(v[1], c, 7)
    f["code_kind"], f["hcpcs"], f["description"] = code[0], code[1], code[6]
    f["modifiers"] = tuple(filter(None, code[2:6]))
    f["amount"], f["place_of_service"], f["prosthesis"] = some(v[2], "SV302"), v[3], v[5]
    f["areas"] = tuple(filter(None, v[4].split(c)))
    units = number(v[6], "SV306")
    f["units"], f["unit_basis"] = _ONE if units is None else units, "" if units is None else "UN"
    try:
        f["pointers"] = tuple(int(text) for text in v[11].split(c) if text)
    except ValueError as bad:
        raise Unreadable("SV311") from bad


def _write_dental_service(r: Any, out: list[str]) -> None:
    told = r.dental
    modifiers = (*r.modifiers, *("",) * (4 - len(r.modifiers)))
    code = C.join((r.code_kind, r.hcpcs, *modifiers, r.description)).rstrip(C)
    areas = C.join(told.areas) if told is not None else ""
    prosthesis = told.prosthesis if told is not None else ""
    units = number_text(r.units) if r.unit_basis else ""
    pointers = C.join(map(str, r.pointers))
    texts = ("SV3", code, number_text(r.amount), r.place_of_service, areas, prosthesis, units, "", "", "", "")
    out.append(E.join((*texts, pointers)).rstrip(E))


def _read_tooth(v: list[str], f: Fields, c: str) -> None:
    v = filled(v, 3)
    surfaces = tuple(v[3].split(c)) if v[3] else ()
    f["teeth"] = (*f.get("teeth", ()), Tooth(number=v[2], surfaces=surfaces))


def _write_teeth(r: Any, out: list[str]) -> None:
    out.extend([f"TOO{E}JP{E}{it.number}{E}{C.join(it.surfaces)}".rstrip(E) for it in r.dental.teeth])


def _write_status(r: Any, out: list[str]) -> None:
    out.extend([E.join(("DN2", it.number, it.status, "", "", "", "JP")) for it in r.dental.teeth])


def _read_status(v: list[str], f: Fields, _c: str) -> None:
    v = filled(v, 2)
    f["tooth_status"] = (*f.get("tooth_status", ()), ToothStatus(number=v[1], status=v[2]))


_BRACES = one("DN1", "months:n remaining:n indicator description", "orthodontic", Orthodontic)


def _write_braces(r: Any, out: list[str]) -> None:
    told = r.dental.orthodontic
    texts = (number_text(told.months), number_text(told.remaining), told.indicator, told.description)
    out.append(E.join(("DN1", *texts)).rstrip(E))


_DENTAL_LINE = _line(
    _LINE_NUMBER,
    by_hand("SV3", _read_dental_service, _write_dental_service),
    by_hand("TOO", _read_tooth, _write_teeth, when="r.dental is not None"),
    LINE_DATES,
    CONTRACT,
    LINE_REFERENCES_DENTAL,
    AMOUNTS,
    FIXED,
    REPRICING,
    provider("2420A", "82", "rendering", "PE"),
    provider("2420B", "DD", "assistant", "AS"),
    provider("2420C", "DQ", "supervising"),
    facility("2420D"),
    ADJUDICATIONS,
)
DENTAL = _claim(
    _CLAIM,
    CLAIM_DATES,
    by_hand("DN1", _BRACES.read, _write_braces, when="r.dental is not None and r.dental.orthodontic is not None"),
    by_hand("DN2", _read_status, _write_status, when="r.dental is not None"),
    ATTACHMENTS,
    CONTRACT,
    AMOUNTS,
    CLAIM_REFERENCES,
    FIXED,
    NOTES,
    CODES,
    REPRICING,
    provider("2310A", "DN", "referring", "RF"),
    provider("2310A", "P3", "primary_care", "RF"),
    provider("2310B", "82", "rendering", "PE"),
    facility("2310C"),
    provider("2310D", "DD", "assistant", "AS"),
    provider("2310E", "DQ", "supervising"),
    OTHER_COVERAGES,
    _DENTAL_LINE,
)
CLAIMS = {"P": PROFESSIONAL, "I": INSTITUTIONAL, "D": DENTAL}
