"""What other payers did with a claim (2320, 2330) and with its lines (2430)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from hub.flow.claim_837.codec import Fields, Loop, Row, by_hand, writer
from hub.flow.claim_837.levels import (
    NOBODY,
    RELATION_CODES,
    coverage_of,
    named,
    payer_text,
    read_payer,
    read_person,
    read_sbr,
    sbr_text,
)
from hub.flow.claim_837.shared import (
    ADJUSTMENTS,
    ZERO,
    known_by,
    one,
    own,
    reference,
    reference_text,
    references,
    where,
    write_address,
)
from hub.flow.claim_837.values import E, day, day_text, filled, number_text, some
from hub.flow.claim_837.words import AMOUNTS
from hub.model.claim import Claim, LineAdjudication, OtherPayer
from hub.model.coverage import Subscriber
from hub.model.institutional import Inpatient, Outpatient
from hub.model.services import Amount

_AMOUNT_CODES = {word: code for code, word in AMOUNTS.items()}


def _read_amount(v: list[str], f: Fields, _c: str) -> None:
    v = filled(v, 2)
    dollars = some(v[2], "AMT02")
    if v[1] == "D" and "paid" not in f:
        f["paid"] = dollars
    else:
        f["amounts"] = (*f.get("amounts", ()), Amount(kind=AMOUNTS.get(v[1], v[1]), dollars=dollars))


def _write_amounts(r: Any, out: list[str]) -> None:
    if r.is_answered:
        out.append(f"AMT{E}D{E}{number_text(r.paid)}")
    out.extend([f"AMT{E}{_AMOUNT_CODES.get(a.kind, a.kind)}{E}{number_text(a.dollars)}" for a in r.amounts])


def _read_terms(v: list[str], f: Fields, _c: str) -> None:
    v = filled(v, 6)
    f["benefits_assigned"], f["patient_signature"], f["release"] = v[3], v[4], v[6]


def _write_terms(r: Any, out: list[str]) -> None:
    told = r.coverage
    texts = ("OI", "", "", told.benefits_assigned, told.patient_signature, "", told.release)
    out.append(E.join(texts).rstrip(E))


def _read_decided(v: list[str], f: Fields, _c: str) -> None:
    f["on"] = day(filled(v, 3)[3], "DTP03")


def _write_decided(r: Any, out: list[str]) -> None:
    out.append(f"DTP{E}573{E}D8{E}{day_text(r.on)}")


def _read_other_number(v: list[str], f: Fields, c: str) -> None:
    if len(v) == 3 and v[1] == "F8" and "control_number" not in f:
        f["control_number"] = v[2]
    else:
        f["payer_references"] = (*f.get("payer_references", ()), reference(v, c))


def _write_other_sbr(r: Any, out: list[str]) -> None:
    told = r.coverage
    out.append(sbr_text(told.rank, RELATION_CODES.get(told.relationship, told.relationship), told))


def _write_other_insured(r: Any, out: list[str]) -> None:
    told = r.coverage
    holder = told.subscriber
    name = holder.name if holder is not None else NOBODY
    organization = holder is not None and holder.is_organization
    out.append(named("IL", name, told.member_id_kind, told.member_id, organization=organization))
    if holder is not None and holder.address is not None:
        write_address(holder.address, out)
    out.extend(map(reference_text, told.references))


def _write_other_payer(r: Any, out: list[str]) -> None:
    told = r.coverage
    out.append(payer_text(told))
    if told.payer_address is not None:
        write_address(told.payer_address, out)
    if r.on is not None:
        _write_decided(r, out)
    out.extend(map(reference_text, told.payer_references))
    if r.control_number:
        out.append(f"REF{E}F8{E}{r.control_number}")


_KNOWN_BY = known_by()
_write_known_by = writer(_KNOWN_BY)


def _write_providers(r: Any, out: list[str]) -> None:
    for told in r.coverage.providers:
        _write_known_by(told, out)


_INPATIENT = one(
    "MIA",
    "covered_days:z outlier:n psychiatric_days:n drg:n remark share:n pass_through:n capital:n capital_federal:n "
    "capital_hospital:n capital_share:n old_capital:n education:n operating_hospital:n report_days:n "
    "operating_federal:n capital_outlier:n teaching:n professional:n remarks*4 capital_exception:n",
    "inpatient",
    Inpatient,
)
_OUTPATIENT = one("MOA", "rate:n payable:n remarks*5 renal:n professional:n", "outpatient", Outpatient)


def _other(**f: Any) -> OtherPayer:
    """One 2320: the policy, and what its payer did if it has answered."""
    relationship = f.get("relationship", "")
    coverage = coverage_of(f, relationship)
    if relationship == "self":
        who = {name: f[name] for name in ("address", "is_organization") if name in f}
        coverage = replace(coverage, subscriber=Subscriber(name=f.get("name", NOBODY), **who))
    told = {name: f[name] for name in _OF_ANSWER if name in f}
    return OtherPayer(coverage=coverage, paid=f.get("paid", ZERO), is_answered="paid" in f, **told)


_OF_ANSWER = ("adjustments", "on", "control_number", "amounts", "inpatient", "outpatient")
_OTHER_ROWS: tuple[Row | Loop, ...] = (
    by_hand("SBR", read_sbr, _write_other_sbr),
    ADJUSTMENTS,
    by_hand("AMT", _read_amount, _write_amounts),
    by_hand("OI", _read_terms, _write_terms),
    _INPATIENT,
    _OUTPATIENT,
    Loop(
        id="2330A",
        rows=(by_hand("NM1", read_person, None, "IL"), *where(), references()),
        by_hand=_write_other_insured,
    ),
    Loop(
        id="2330B",
        rows=(
            by_hand("NM1", read_payer, None, "PR"),
            *where("payer_address"),
            by_hand("DTP", _read_decided, None, "573"),
            by_hand("REF", _read_other_number, None),
        ),
        by_hand=_write_other_payer,
    ),
    _KNOWN_BY,
)
_write_other = writer(
    Loop(id="2320", rows=(*_OTHER_ROWS[:-1], Loop(id="2330C", rows=(), by_hand=_write_providers)))
)


def _write_others(r: Claim, out: list[str]) -> None:
    """Every 2320 of a claim; where nothing else is said of an insured, it is the patient."""
    waiting = [OtherPayer(coverage=one, paid=ZERO, is_answered=False) for one in r.other_coverages]
    for told in (*r.other_payers, *waiting):
        coverage = told.coverage
        if coverage.subscriber is None:
            patient = Subscriber(name=r.patient.name)
            told = replace(told, coverage=replace(coverage, subscriber=patient))  # noqa: PLW2901 - the same, told
        _write_other(told, out)


OTHER_COVERAGES = Loop(
    id="2320", rows=_OTHER_ROWS, make=_other, into="other_payers", many=True, by_hand=_write_others
)


def _read_remaining(v: list[str], f: Fields, _c: str) -> None:
    f["remaining"] = some(filled(v, 2)[2], "AMT02")


def _write_remaining(r: Any, out: list[str]) -> None:
    out.append(f"AMT{E}EAF{E}{number_text(r.remaining)}")


ADJUDICATIONS = Loop(
    id="2430",
    rows=(
        own(
            "SVD",
            "payer_id paid:N (code_kind,hcpcs,modifiers*4,description) revenue units:z bundled_into",
        ),
        ADJUSTMENTS,
        by_hand("DTP", _read_decided, _write_decided, "573", when="r.on is not None"),
        by_hand("AMT", _read_remaining, _write_remaining, "EAF", when="r.remaining is not None"),
    ),
    make=LineAdjudication,
    into="adjudications",
    many=True,
    defaults={"payer": ""},
)
