"""The levels around a claim (2000A, 2000B, 2000C) and what the records at them are made of."""

from __future__ import annotations

from typing import Any

from hub.flow.claim_837.codec import Fields, Loop, Row, by_hand
from hub.flow.claim_837.shared import (
    contact_text,
    contacts,
    heads,
    own,
    read_contact,
    reference,
    reference_text,
    references,
    where,
    write_address,
)
from hub.flow.claim_837.values import E, Unreadable, day, day_text, filled, number_text
from hub.flow.claim_837.words import AMOUNTS, RANKS, RELATIONS
from hub.model.claim import BillingProvider, PayToPlan
from hub.model.coverage import Coverage, Subscriber
from hub.model.people import Address, Name, Patient

NOWHERE = Address(line1="", city="", state="", zip="")
_RANK_CODES = {rank: code for code, rank in RANKS.items()}
RELATION_CODES = {word: code for code, word in RELATIONS.items()}
_AMOUNT_CODES = {word: code for code, word in AMOUNTS.items()}


def _ignore(v: list[str], f: Fields, c: str) -> None:
    """HL: the writer numbers levels anew."""


def _level(code: str) -> Row:
    return by_hand("HL", _ignore, heads(f"HL{E}{code}"), code)


# 2000A


def _read_tax_id(v: list[str], f: Fields, c: str) -> None:
    if len(v) == 3 and v[1] in ("EI", "SY") and not f.get("tax_id"):
        f["tax_id_kind"], f["tax_id"] = v[1], v[2]
    else:
        f["references"] = (*f.get("references", ()), reference(v, c))


def _write_tax_id(r: Any, out: list[str]) -> None:
    if r.tax_id:
        out.append(f"REF{E}{r.tax_id_kind}{E}{r.tax_id}")
    out.extend(map(reference_text, r.references))


def _read_pay_to(v: list[str], f: Fields, _c: str) -> None:
    f["pay_to_person"], f["pay_to"] = v[2:3] == ["1"], NOWHERE


def _write_pay_to(r: Any, out: list[str]) -> None:
    out.append(f"NM1{E}87{E}{'1' if r.pay_to_person else '2'}")


_PAY_TO_PLAN = Loop(
    id="2010AC",
    rows=(own("NM1", "=PE =2 name - - - - id_kind id", "PE"), *where(), references()),
    make=PayToPlan,
    into="pay_to_plan",
    defaults={"address": NOWHERE},
)
BILLING_ROWS: tuple[Row | Loop, ...] = (
    _level("20"),
    own("PRV", "=BI =PXC taxonomy", "BI", when="r.taxonomy"),
    own("CUR", "=85 currency", when="r.currency"),
    Loop(
        id="2010AA",
        rows=(
            own("NM1", "=85 is_person:q name first middle - suffix =XX?npi npi", "85"),
            *where(),
            by_hand("REF", _read_tax_id, _write_tax_id),
            contacts(),
        ),
    ),
    Loop(
        id="2010AB",
        rows=(by_hand("NM1", _read_pay_to, _write_pay_to, "87", when="r.pay_to is not None"), *where("pay_to")),
    ),
    _PAY_TO_PLAN,
)
BILLING_DEFAULTS: Fields = {"npi": "", "name": "", "tax_id": "", "address": NOWHERE}


def billing_of(f: Fields) -> BillingProvider:
    """The billing provider of a 2000A."""
    return BillingProvider(**{name: value for name, value in f.items() if name[0] not in "@!"})


# 2000B and 2000C


def read_sbr(v: list[str], f: Fields, _c: str) -> None:
    """SBR: the place among the payers, whose policy it is, its group and kind."""
    v = filled(v, 9)
    if v[1] not in RANKS:
        raise Unreadable("SBR01")
    f["rank"], f["relationship"] = RANKS[v[1]], RELATIONS.get(v[2], v[2])
    f["group_number"], f["group_name"], f["insurance_type"], f["filing_code"] = v[3], v[4], v[5], v[9]


def sbr_text(rank: int, relationship: str, coverage: Coverage) -> str:
    """SBR of a subscriber or another insured."""
    told = (coverage.group_number, coverage.group_name, coverage.insurance_type, "", "", "", coverage.filing_code)
    return E.join(("SBR", _RANK_CODES.get(rank, "U"), relationship, *told)).rstrip(E)


def _write_sbr(r: Any, out: list[str]) -> None:
    coverage = r.coverage
    out.append(sbr_text(r.rank, "18" if coverage.relationship == "self" else "", coverage))


def read_person(v: list[str], f: Fields, _c: str) -> None:
    """NM1 of a subscriber or patient."""
    v = filled(v, 9)
    f["name"] = Name(last=v[3], first=v[4], middle=v[5], suffix=v[7])
    f["is_organization"], f["member_id_kind"], f["member_id"] = v[2] == "2", v[8] or "MI", v[9]


def named(code: str, name: Name, kind: str, member_id: str, *, organization: bool) -> str:
    """NM1 of a subscriber or patient."""
    person = (name.last, name.first, name.middle, "", name.suffix)
    ids = (kind, member_id) if member_id else ()
    return E.join(("NM1", code, "2" if organization else "1", *person, *ids)).rstrip(E)


def _read_birth(v: list[str], f: Fields, _c: str) -> None:
    v = filled(v, 3)
    f["birth_date"], f["sex"] = day(v[2], "DMG02"), v[3] or "U"


def _write_person(person: Patient | Subscriber, out: list[str]) -> None:
    if person.address is not None:
        write_address(person.address, out)
    if person.birth_date is not None:
        out.append(f"DMG{E}D8{E}{day_text(person.birth_date)}{E}{person.sex}")


def _write_subscriber(r: Any, out: list[str]) -> None:
    """2010BA: the patient where the patient holds the policy."""
    coverage, patient = r.coverage, r.patient
    holder = patient if coverage.relationship == "self" else coverage.subscriber
    name, organization = patient.name, False
    if holder is not None:
        name = holder.name
        organization = holder is not patient and holder.is_organization
    out.append(named("IL", name, coverage.member_id_kind, coverage.member_id, organization=organization))
    if holder is not None:
        _write_person(holder, out)
    out.extend(map(reference_text, coverage.references))
    if holder is not None and holder.contact is not None:
        out.append(contact_text(holder.contact))


def _read_contact(v: list[str], f: Fields, _c: str) -> None:
    f["contact"] = read_contact(v)


def read_payer(v: list[str], f: Fields, _c: str) -> None:
    """NM1 of a payer."""
    v = filled(v, 9)
    f["payer_name"], f["payer_id_kind"], f["payer_id"] = v[3], v[8] or "PI", v[9]


def payer_text(coverage: Coverage) -> str:
    """NM1 of a payer."""
    ids = (coverage.payer_id_kind, coverage.payer_id) if coverage.payer_id else ()
    return E.join(("NM1", "PR", "2", coverage.payer_name, "", "", "", "", *ids)).rstrip(E)


def _write_payer(r: Any, out: list[str]) -> None:
    coverage = r.coverage
    out.append(payer_text(coverage))
    if coverage.payer_address is not None:
        write_address(coverage.payer_address, out)
    out.extend(map(reference_text, coverage.payer_references))
    out.extend(map(reference_text, coverage.billing_references))


def _read_payer_number(v: list[str], f: Fields, c: str) -> None:
    told = reference(v, c)
    into = "billing_references" if v[1] in ("G2", "LU") else "payer_references"
    f[into] = (*f.get(into, ()), told)


_PAT = "- - - - =D8?death_date death_date:d =01?weight weight:n is_pregnant:b"
_TOLD_OF_PATIENT = "(r.patient.death_date is not None or r.patient.weight is not None or r.patient.is_pregnant)"
_PERSON = (*(row for row in where()), by_hand("DMG", _read_birth, None))
SUBSCRIBER_ROWS: tuple[Row | Loop, ...] = (
    _level("22"),
    by_hand("SBR", read_sbr, _write_sbr),
    own("PAT", _PAT, when=f"r.coverage.relationship == 'self' and {_TOLD_OF_PATIENT}", on="r.patient"),
    Loop(
        id="2010BA",
        rows=(
            by_hand("NM1", read_person, None, "IL"),
            *_PERSON,
            references(),
            by_hand("PER", _read_contact, None),
        ),
        by_hand=_write_subscriber,
    ),
    Loop(
        id="2010BB",
        rows=(
            by_hand("NM1", read_payer, None, "PR"),
            *where("payer_address"),
            by_hand("REF", _read_payer_number, None),
        ),
        by_hand=_write_payer,
    ),
)


def _read_patient_relation(v: list[str], f: Fields, _c: str) -> None:
    code = v[1] if len(v) > 1 else ""
    f["relationship"] = RELATIONS.get(code, code) if code != "18" else code


def _write_pat(r: Any, out: list[str]) -> None:
    patient = r.patient
    texts = ["PAT", RELATION_CODES.get(r.coverage.relationship, r.coverage.relationship), "", "", ""]
    texts += ["D8", day_text(patient.death_date)] if patient.death_date is not None else ["", ""]
    texts += ["01", number_text(patient.weight)] if patient.weight is not None else ["", ""]
    out.append(E.join((*texts, "Y" if patient.is_pregnant else "")).rstrip(E))


def _write_patient(r: Any, out: list[str]) -> None:
    patient = r.patient
    out.append(named("QC", patient.name, "", "", organization=False))
    _write_person(patient, out)
    out.extend(map(reference_text, patient.references))
    if patient.contact is not None:
        out.append(contact_text(patient.contact))


_told_of_patient = own("PAT", _PAT)


def _read_pat(v: list[str], f: Fields, c: str) -> None:
    _read_patient_relation(v, f, c)
    if len(v) > 2:
        _told_of_patient.read(v, f, c)


PATIENT_ROWS: tuple[Row | Loop, ...] = (
    _level("23"),
    by_hand("PAT", _read_pat, _write_pat),
    Loop(
        id="2010CA",
        rows=(
            by_hand("NM1", read_person, None, "QC"),
            *_PERSON,
            references(),
            by_hand("PER", _read_contact, None),
        ),
        by_hand=_write_patient,
    ),
)

OF_COVERAGE = (
    "group_number",
    "group_name",
    "insurance_type",
    "filing_code",
    "member_id_kind",
    "payer_name",
    "payer_id",
    "payer_id_kind",
    "payer_address",
    "payer_references",
    "billing_references",
    "references",
    "providers",
    "benefits_assigned",
    "release",
    "patient_signature",
)


def patient_of(f: Fields, *, itself: bool) -> Patient:
    """The patient of a 2000B (the subscriber's own claims) or of a 2000C."""
    told: Fields = {name: f[name] for name in _OF_PATIENT if name in f}
    if not itself and "references" in f:
        told["references"] = f["references"]
    return Patient(name=f.get("name", NOBODY), is_pregnant=f.get("is_pregnant", False), **told)


NOBODY = Name(last="")
_OF_PATIENT = ("birth_date", "sex", "address", "death_date", "weight", "contact")


def coverage_of(f: Fields, relationship: str) -> Coverage:
    """The coverage of a 2000B or of a 2320; `payer` stays empty, since the hub never guesses who that is."""
    told = {name: f[name] for name in OF_COVERAGE if name in f}
    subscriber = None
    if relationship != "self":
        who = {
            name: f[name] for name in ("birth_date", "sex", "address", "contact", "is_organization") if name in f
        }
        subscriber = Subscriber(name=f.get("name", NOBODY), **who)
    return Coverage(
        key="",
        payer_token=f.get("payer_id") or f.get("payer_name", ""),
        member_id=f.get("member_id", ""),
        rank=f.get("rank", 1),
        relationship=relationship,
        subscriber=subscriber,
        **told,
    )
