"""Rows and loops that professional, institutional and dental claims share."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from hub.flow.claim_837.codec import Fields, Language, Loop, Row, Write, by_hand
from hub.flow.claim_837.values import C, E, Unreadable, day, day_text, filled, number, number_text, some
from hub.flow.claim_837.words import DATES, REACHES, REFERENCES, TABLES
from hub.model.claim import Adjustment
from hub.model.coverage import KnownBy
from hub.model.people import Address, Contact, Facility, Provider, Reach, Reference
from hub.model.services import (
    Ambulance,
    Amount,
    Attachment,
    Certification,
    Contract,
    Dated,
    Note,
    Quantity,
    Repricing,
    Stop,
)

_DATE_CODES = {word: code for code, word in DATES.items()}
_REFERENCE_CODES = {word: code for code, word in REFERENCES.items()}
_REACH_CODES = {word: code for code, word in REACHES.items()}
_DENTAL_DATES = ("accident", "appliance_placed", "service", "repricer_received")
_DENTAL_REFERENCES = ("predetermination", "authorization_exception", "original", "referral", "authorization")


def _order(*words: str) -> dict[str, int]:
    return {word: nth for nth, word in enumerate(dict.fromkeys(words))}


_DATE_ORDER = _order("discharge_hour", "statement", *DATES.values())
_REFERENCE_ORDER = _order(*REFERENCES.values())
_DATE_ORDERS = {"P": _DATE_ORDER, "I": _DATE_ORDER, "D": _order(*_DENTAL_DATES, *DATES.values())}
_REFERENCE_ORDERS = {
    "P": _REFERENCE_ORDER,
    "I": _REFERENCE_ORDER,
    "D": _order(*_DENTAL_REFERENCES, *REFERENCES.values()),
}
ZERO = Decimal(0)

language = Language(TABLES)
own, one, many = language.own, language.one, language.many


def references(into: str = "references", *, on: str = "r", codes: str = "") -> Row:
    """REF: numbers by their kind, in the order of the file."""

    def read(v: list[str], f: Fields, c: str) -> None:
        f[into] = (*f.get(into, ()), reference(v, c))

    names = into if on == "r" else f"{on[2:]}.{into}"
    attribute = names.split(".")

    def write(r: Any, out: list[str]) -> None:
        for step in attribute:
            r = getattr(r, step)
        out.extend(map(reference_text, r))

    return by_hand("REF", read, write, codes, when=f"{on}.{into}")


def reference(v: list[str], c: str) -> Reference:
    """One REF."""
    if len(v) < 3:
        raise Unreadable("REF02")
    payer = v[4].partition(c)[2] if len(v) > 4 else ""
    return Reference(kind=REFERENCES.get(v[1], v[1]), value=v[2], payer=payer)


def reference_text(told: Reference) -> str:
    """One REF; another payer's id stands in REF04."""
    text = f"REF{E}{_REFERENCE_CODES.get(told.kind, told.kind)}{E}{told.value}"
    return f"{text}{E}{E}2U{C}{told.payer}" if told.payer else text


def dated(v: list[str]) -> Dated:
    """One DTP: a day, a span, a day with its hour, or an hour."""
    v = filled(v, 3)
    kind, form, text = DATES.get(v[1], v[1]), v[2], v[3]
    if form == "RD8":
        first, _, last = text.partition("-")
        return Dated(kind=kind, on=day(first, "DTP03"), to=day(last, "DTP03"))
    if form == "DT":
        return Dated(kind=kind, on=day(text[:8], "DTP03"), at=text[8:])
    if form == "TM":
        return Dated(kind=kind, at=text)
    return Dated(kind=kind, on=day(text, "DTP03"))


def dated_text(told: Dated) -> str:
    """One DTP."""
    return date_text(_DATE_CODES.get(told.kind, told.kind), told.on, told.to, told.at)


def date_text(code: str, on: date | None, to: date | None = None, at: str = "") -> str:
    """One DTP in the form that what is known asks for: D8, RD8, DT or TM."""
    if to is not None:
        return f"DTP{E}{code}{E}RD8{E}{day_text(on)}-{day_text(to)}"
    if at:
        form = "TM" if on is None else "DT"
        return f"DTP{E}{code}{E}{form}{E}{day_text(on)}{at}"
    return f"DTP{E}{code}{E}D8{E}{day_text(on)}"


def _read_dates(v: list[str], f: Fields, _c: str) -> None:
    f["dates"] = (*f.get("dates", ()), dated(v))


def where(into: str = "address", *, on: str = "r") -> tuple[Row, Row]:
    """N3 and N4."""
    line = f"@{into}"
    path = [*on.split(".")[1:], into]

    def read_street(v: list[str], f: Fields, _c: str) -> None:
        f[line] = filled(v, 2)

    def read_city(v: list[str], f: Fields, _c: str) -> None:
        v = filled(v, 7)
        street = f.pop(line, ("", "", ""))
        f[into] = Address(
            line1=street[1],
            line2=street[2],
            city=v[1],
            state=v[2],
            zip=v[3],
            country=v[4] or "US",
            subdivision=v[7],
        )

    def write(r: Any, out: list[str]) -> None:
        for step in path:
            r = getattr(r, step)
        write_address(r, out)

    return by_hand("N3", read_street, None), by_hand("N4", read_city, write, when=f"{on}.{into} is not None")


def write_address(where: Address, out: list[str]) -> None:
    """N3 and N4."""
    if where.line1:
        out.append(f"N3{E}{where.line1}{E}{where.line2}" if where.line2 else f"N3{E}{where.line1}")
    if where.country == "US" and not where.subdivision:
        if where.city or where.state or where.zip:
            out.append(f"N4{E}{where.city}{E}{where.state}{E}{where.zip}".rstrip(E))
        return
    country = "" if where.country == "US" else where.country
    text = E.join(("N4", where.city, where.state, where.zip, country, "", "", where.subdivision))
    out.append(text.rstrip(E))


def read_contact(v: list[str]) -> Contact:
    """One PER."""
    v = filled(v, 8)
    pairs = [(v[at], v[at + 1]) for at in (3, 5, 7) if v[at]]
    return Contact(name=v[2], reach=tuple(Reach(kind=REACHES.get(k, k), value=text) for k, text in pairs))


def contact_text(told: Contact) -> str:
    """One PER."""
    pairs = [part for one in told.reach for part in (_REACH_CODES.get(one.kind, one.kind), one.value)]
    return E.join(("PER", "IC", told.name, *pairs)).rstrip(E)


def contact(into: str = "contact", *, on: str = "r") -> Row:
    """PER, once."""
    path = [*on.split(".")[1:], into]

    def read(v: list[str], f: Fields, _c: str) -> None:
        f[into] = read_contact(v)

    def write(r: Any, out: list[str]) -> None:
        for step in path:
            r = getattr(r, step)
        out.append(contact_text(r))

    return by_hand("PER", read, write, when=f"{on}.{into} is not None")


def contacts(into: str = "contacts") -> Row:
    """PER, up to twice."""

    def read(v: list[str], f: Fields, _c: str) -> None:
        f[into] = (*f.get(into, ()), read_contact(v))

    def write(r: Any, out: list[str]) -> None:
        out.extend(map(contact_text, getattr(r, into)))

    return by_hand("PER", read, write, when=f"r.{into}")


def provider(place: str, code: str, into: str, specialty: str = "") -> Loop:
    """A clinician or organisation by NPI, with taxonomy and other numbers; `specialty` is PRV01."""
    rows: tuple[Row, ...] = (own("NM1", f"={code} is_person:k last first middle - suffix =XX?npi npi", code),)
    if specialty:
        rows += (own("PRV", f"={specialty} =PXC taxonomy", when="r.taxonomy"),)
    rows += (*where(), references(), contact())
    return Loop(id=place, rows=rows, make=Provider, into=into)


def facility(place: str, into: str = "facility") -> Loop:
    """Where the service was given."""
    name = own("NM1", "=77 =2 name - - - - =XX?npi npi", "77")
    return Loop(id=place, rows=(name, *where(), references(), contact()), make=Facility, into=into)


def stop(place: str, code: str, into: str) -> Loop:
    """An ambulance's pick-up or drop-off place."""
    name = own("NM1", f"={code} =2 name", code)
    nowhere = Address(line1="", city="", state="", zip="")
    return Loop(id=place, rows=(name, *where()), make=Stop, into=into, defaults={"address": nowhere})


def known_by() -> Loop:
    """2330C and on: providers by the numbers that another payer gave them."""

    def read(v: list[str], f: Fields, _c: str) -> None:
        v = filled(v, 2)
        f["role"], f["is_person"] = TABLES["ROLE"].get(v[1], v[1]), v[2] == "1"

    codes = {word: code for code, word in TABLES["ROLE"].items()}

    def write(r: Any, out: list[str]) -> None:
        out.append(f"NM1{E}{codes.get(r.role, r.role)}{E}{'1' if r.is_person else '2'}")

    rows = (by_hand("NM1", read, write, " ".join(TABLES["ROLE"])), references())
    return Loop(id="2330C", rows=rows, make=KnownBy, into="providers", many=True)


def _read_adjustments(v: list[str], f: Fields, _c: str) -> None:
    """CAS: the triplets that are whole."""
    v = filled(v, -(-(len(v) - 2) // 3) * 3 + 1)
    told = tuple(
        Adjustment(group=v[1], reason=v[at], amount=some(v[at + 1], "CAS03"), quantity=number(v[at + 2], "CAS04"))
        for at in range(2, len(v) - 2, 3)
        if v[at] and v[at + 1]
    )
    f["adjustments"] = (*f.get("adjustments", ()), *told)


def _write_adjustments(r: Any, out: list[str]) -> None:
    """CAS segments: one per run of a group and six triplets."""
    for group, run in groupby(r.adjustments, key=lambda told: told.group):
        told = list(run)
        for start in range(0, len(told), 6):
            triplets = [
                part
                for it in told[start : start + 6]
                for part in (it.reason, number_text(it.amount), number_text(it.quantity))
            ]
            out.append(E.join(("CAS", group, *triplets)).rstrip(E))


ADJUSTMENTS = by_hand("CAS", _read_adjustments, _write_adjustments, when="r.adjustments")
AMOUNTS = many("AMT", "kind:AMOUNT dollars:N", "amounts", Amount)
QUANTITIES = many("QTY", "kind:QUANTITY count:N", "quantities", Quantity)
NOTES = many("NTE", "kind:NOTE text", "notes", Note)
ATTACHMENTS = many("PWK", "report way - - =AC?control_number control_number", "attachments", Attachment)
CONTRACT = one("CN1", "kind amount:n percent:n code discount_percent:n version", "contract", Contract)
AMBULANCE = one(
    "CR1", "=LB?weight weight:n - reason =DH?miles miles:n - - round_trip stretcher", "ambulance", Ambulance
)
CERTIFICATIONS = many("CRC", "kind:CONDITION holds codes*", "certifications", Certification)
REPRICING = one(
    "HCP",
    "method allowed:N saved:n organization rate:n group group_amount:n revenue code_kind code unit_basis units:n "
    "reject compliance exception",
    "repricing",
    Repricing,
)


def _read_fixed(v: list[str], f: Fields, _c: str) -> None:
    f["fixed"] = (*f.get("fixed", ()), filled(v, 1)[1])


def _write_fixed(r: Any, out: list[str]) -> None:
    out.extend([f"K3{E}{text}" for text in r.fixed])


FIXED = by_hand("K3", _read_fixed, _write_fixed, when="r.fixed")


def _write_claim_dates(r: Any, out: list[str]) -> None:
    """The claim's DTPs in the order of the guide: what has a field of its own among the others."""
    accident, stay, order = r.accident, r.institutional, _DATE_ORDERS[r.kind]
    told = [(order.get(it.kind, 99), dated_text(it)) for it in r.dates]
    if accident is not None and accident.on is not None:
        told.append((order["accident"], date_text("439", accident.on)))
    if r.admitted_on is not None:
        hour = stay.admission_hour if stay is not None else ""
        told.append((order["admission"], date_text("435", r.admitted_on, None, hour)))
    if stay is not None:
        told.append((order["statement"], date_text("434", stay.statement_from, stay.statement_to)))
        if stay.discharge_hour:
            told.append((order["discharge_hour"], date_text("096", None, None, stay.discharge_hour)))
    told.sort(key=_first)
    out.extend([text for _, text in told])


CLAIM_DATES = by_hand(
    "DTP",
    _read_dates,
    _write_claim_dates,
    when="r.dates or r.admitted_on is not None or r.accident is not None or r.institutional is not None",
)


def _read_claim_reference(v: list[str], f: Fields, c: str) -> None:
    if len(v) == 3 and v[1] == "G1" and "authorization" not in f:
        f["authorization"] = v[2]
    elif len(v) == 3 and v[1] == "F8" and "original_reference" not in f:
        f["original_reference"] = v[2]
    else:
        f["references"] = (*f.get("references", ()), reference(v, c))


def _write_claim_references(r: Any, out: list[str]) -> None:
    order = _REFERENCE_ORDERS[r.kind]
    told = [(order.get(it.kind, 99), reference_text(it)) for it in r.references]
    if r.authorization:
        told.append((order["authorization"], f"REF{E}G1{E}{r.authorization}"))
    if r.original_reference:
        told.append((order["original"], f"REF{E}F8{E}{r.original_reference}"))
    told.sort(key=_first)
    out.extend([text for _, text in told])


def _first(pair: tuple[int, str]) -> int:
    return pair[0]


CLAIM_REFERENCES = by_hand(
    "REF",
    _read_claim_reference,
    _write_claim_references,
    when="r.references or r.authorization or r.original_reference",
)


def _read_line_dates(v: list[str], f: Fields, _c: str) -> None:
    if len(v) < 4 or v[1] != "472" or "service_from" in f:
        f["dates"] = (*f.get("dates", ()), dated(v))
        return
    text = v[3]
    if v[2] == "D8":
        f["service_from"] = day(text, "DTP03")
    elif v[2] == "RD8":
        first, _, last = text.partition("-")
        f["service_from"], f["service_to"] = day(first, "DTP03"), day(last, "DTP03")
    else:
        f["dates"] = (*f.get("dates", ()), dated(v))


def _write_line_dates(r: Any, out: list[str]) -> None:
    if r.is_dated:
        out.append(date_text("472", r.service_from, r.service_to))
    out.extend(map(dated_text, r.dates))


LINE_DATES = by_hand("DTP", _read_line_dates, _write_line_dates)


def _read_line_reference(v: list[str], f: Fields, c: str) -> None:
    if len(v) == 3 and v[1] == "6R" and not f.get("control_number"):
        f["control_number"] = v[2]
    else:
        f["references"] = (*f.get("references", ()), reference(v, c))


def _line_references(before: frozenset[str]) -> Row:
    """REF of a line: those of the kinds in `before` stand before the line's own number."""

    def write(r: Any, out: list[str]) -> None:
        if r.references:
            out.extend([reference_text(it) for it in r.references if it.kind in before])
        if r.control_number:
            out.append(f"REF{E}6R{E}{r.control_number}")
        if r.references:
            out.extend([reference_text(it) for it in r.references if it.kind not in before])

    return by_hand("REF", _read_line_reference, write, when="r.control_number or r.references")


LINE_REFERENCES = _line_references(frozenset(("repriced_line", "adjusted_repriced_line", "authorization")))
LINE_REFERENCES_INSTITUTIONAL = _line_references(frozenset())
LINE_REFERENCES_DENTAL = _line_references(frozenset(("predetermination", "authorization")))


def heads(tag: str) -> Write:
    """A writer that puts a mark for the level or line, which is numbered later."""

    def write(_r: Any, out: list[str]) -> None:
        out.append(tag)

    return write
