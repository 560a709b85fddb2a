"""HL7 data types as canonical values: names, addresses, codes, dates, amounts, providers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

from hub.model.encounter import Coding
from hub.model.people import Address, Name, Provider
from hub.money import NotMoney, from_cents, parse_amount, to_cents
from hub_hl7_adt.names import CP, CWE, CX, XAD, XCN, XPN, XTN
from hub_hl7_adt.wire import Frame, Value

_INSTANT = re.compile(
    r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(?:(\d\d)(?:\.(\d{1,6})\d*)?)?)?(?:([+-])(\d\d)(\d\d))?", re.ASCII
)
_DIGITS = re.compile(r"\D+")


class Unreadable(ValueError):
    """A value that is not what its field holds; the message never repeats it."""


@lru_cache(maxsize=8192)
def day(text: str) -> date | None:
    """The calendar date of an HL7 date or time, as it was written; None when empty; raises `Unreadable`."""
    if len(text) == 8 and text.isdigit() and text.isascii():
        return _date(text[:4], text[4:6], text[6:])
    return _date_of(_matched(text)) if text else None


@lru_cache(maxsize=4096)
def instant(text: str, zone: ZoneInfo) -> datetime | None:
    """An HL7 time as an aware UTC instant; without an offset it is of `zone`. None when empty.

    A date alone is noon, so that it stays the same day in the neighbouring zones.
    """
    if not text:
        return None
    if len(text) == 14 and text.isdigit() and text.isascii():
        on = _date(text[:4], text[4:6], text[6:8])
        try:
            at = datetime(on.year, on.month, on.day, int(text[8:10]), int(text[10:12]), int(text[12:]), 0, zone)
            return at.astimezone(UTC)
        except (ValueError, OverflowError):
            raise Unreadable("not a time of day") from None
    match = _matched(text)
    on = _date_of(match)
    try:
        micros = int((match[7] or "").ljust(6, "0"))
        at = datetime(on.year, on.month, on.day, int(match[4] or 12), int(match[5] or 0), int(match[6] or 0),
                      micros, zone)  # fmt: skip
        if match[8]:
            offset = timedelta(hours=int(match[9]), minutes=int(match[10]))
            at = at.replace(tzinfo=timezone(offset if match[8] == "+" else -offset))
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable("not a time of day") from None


def _matched(text: str) -> re.Match[str]:
    match = _INSTANT.fullmatch(text)
    if match is None or match[3] is None:
        raise Unreadable("not a whole date (YYYYMMDD)")
    return match


def _date_of(match: re.Match[str]) -> date:
    return _date(match[1], match[2], match[3])


def _date(year: str, month: str, day: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise Unreadable("not a date of the calendar") from None


def identifier(value: Value, authority: str = "") -> tuple[str, str]:
    """Authority and value of a CX; `authority` stands in when it names none. Both empty when there is none."""
    number = value.text(CX.id_number)
    return (value.text(CX.assigning_authority) or authority, number) if number else ("", "")


def key_of(authority: str, value: str) -> str:
    """The source's key for an identifier: `EAST|123`, or `123` when nobody is named as its giver."""
    return f"{authority}|{value}" if authority else value


def person(value: Value) -> Name | None:
    """A name, None when it has no family name."""
    last = value.text(XPN.family_name)
    if not last:
        return None
    middle = value.text(XPN.second_and_further_given_names_or_initials_thereof)
    suffix = value.text(XPN.suffix_e_g_jr_or_iii)
    return Name(last=last, first=value.text(XPN.given_name), middle=middle, suffix=suffix)


def postal(value: Value) -> Address | None:
    """An address, None when it has neither street nor city. A state or ZIP that is not of the US form is
    left empty: the scrubber asks for it, and nothing is invented.
    """
    line1, city = value.text(XAD.street_address), value.text(XAD.city)
    if not (line1 or city):
        return None
    state = value.text(XAD.state_or_province).upper()
    digits = value.text(XAD.zip_or_postal_code).replace("-", "").replace(" ", "")
    country = value.text(XAD.country).upper()
    return Address(
        line1=line1,
        line2=value.text(XAD.other_designation),
        city=city,
        state=state if len(state) == 2 and state.isalpha() else "",
        zip=digits if len(digits) in (5, 9) and digits.isascii() and digits.isdigit() else "",
        country="US" if country in ("USA", "") else country,
    )


def phone(value: Value) -> str:
    """Ten digits or what digits there are, from the whole number or from its parts."""
    whole = value.text(XTN.unformatted_telephone_number) or value.text(XTN.telephone_number)
    if whole.isdecimal() and whole.isascii():
        return whole
    return _DIGITS.sub("", whole or value.text(XTN.area_city_code) + value.text(XTN.local_number))


def sex(text: str) -> str:
    """M, F or U."""
    first = text[:1].upper()
    return first if first in ("M", "F") else "U"


_RELATIONSHIPS = {
    **dict.fromkeys(("SEL", "SELF", "S", "01", "18", "1", "0"), "self"),
    **dict.fromkeys(("SPO", "SPOUSE", "P", "02", "W", "H", "WIFE", "HUSBAND"), "spouse"),
    **dict.fromkeys(("CHD", "CHILD", "C", "03", "19", "NCH", "SCH", "FCH", "DAU", "SON", "NC"), "child"),
    **dict.fromkeys(("PAR", "PARENT", "FTH", "MTH", "FATHER", "MOTHER", "GRD"), "parent"),
}


def relationship(text: str) -> str:
    """Table 0063 and what senders put there: self, spouse, child, parent, other; empty stays empty."""
    return _RELATIONSHIPS.get(text.upper(), "other") if text else ""


_SYSTEMS = {
    **dict.fromkeys(("HCPCS", "HC", "HCPC", "HPC", "C4", "CPT", "CPT4", "CPT-4", "C5", "CPTM"), "HCPCS"),
    **dict.fromkeys(("I10", "I10C", "ICD10", "ICD-10", "ICD10CM", "ICD-10-CM", "10D", "I10CM"), "ICD10"),
    **dict.fromkeys(("I9", "I9C", "ICD9", "ICD-9", "ICD9CM", "ICD-9-CM"), "ICD9"),
    **dict.fromkeys(("SCT", "SNM", "SNOMED", "SNOMEDCT", "SNOMED CT", "SCT2"), "SNOMED"),
    **dict.fromkeys(("CVX",), "CVX"),
    **dict.fromkeys(("NDC",), "NDC"),
    **dict.fromkeys(("LN", "LOINC"), "LOINC"),
    **dict.fromkeys(("RXNORM", "RXN"), "RXNORM"),
}


@lru_cache(maxsize=1024)
def system_name(text: str, default: str = "LOCAL") -> str:
    """A coding system of table 0396 (and common misspellings) by our name; 99xxx and L are local."""
    name = text.strip().upper()
    if not name:
        return default
    if name == "L" or name.startswith("99"):
        return "LOCAL"
    return _SYSTEMS.get(name, name)


def codings(value: Value, default: str = "LOCAL") -> list[Coding]:
    """A coded value and its alternate, in that order; `default` is the system of codes that name none."""
    return list(_codings(*value.spelt, default))


@lru_cache(maxsize=8192)
def _codings(written: str, frame: Frame, default: str) -> tuple[Coding, ...]:
    value, found = Value(written, frame), list[Coding]()
    if code := value.text(CWE.identifier):
        found.append(Coding(system=system_name(value.text(CWE.name_of_coding_system), default), code=code))
    if other := value.text(CWE.alternate_identifier):
        system = system_name(value.text(CWE.name_of_alternate_coding_system), "LOCAL")
        found.append(Coding(system=system, code=other))
    return tuple(found)


def amount(value: Value, component: int = CP.price) -> Decimal | None:
    """Dollars of a CP, MO or NM (`288.81&USD`); None when empty; raises `Unreadable`."""
    text = value.text(component)
    if not text:
        return None
    if value.text(component, 2).upper() not in ("", "USD"):
        raise Unreadable("an amount that is not in US dollars")
    try:
        return parse_amount(text.removeprefix("+"))
    except NotMoney:
        raise Unreadable("not an amount of dollars and cents") from None


def number(text: str) -> Decimal | None:
    """An NM; None when empty; raises `Unreadable`."""
    if not text:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise Unreadable("not a number") from None
    if not found.is_finite() or abs(found.adjusted()) > 9 or "_" in text:
        raise Unreadable("not a number of a usual size")
    return found


def order(text: str) -> int:
    """A priority as people number it, from 1; 99 where none is stated (empty, 0 or no number)."""
    return int(text[:4]) or 99 if text.isascii() and text.isdigit() else 99


def times(unit: Decimal, units: Decimal) -> Decimal:
    """Unit amount times units as dollars; raises `Unreadable` when that is not whole cents."""
    try:
        return from_cents(to_cents(unit * units))
    except NotMoney:
        raise Unreadable("unit amount times units is not whole cents") from None


def provider(values: list[Value]) -> Provider | None:
    """The clinician of an XCN: the repetition that is marked as an NPI, else the first whose identifier has
    ten digits, else the first with a name or with the sender's own number.
    """
    return _provider(tuple([value.spelt for value in values])) if values else None


@lru_cache(maxsize=4096)
def _provider(spelt: tuple[tuple[str, Frame], ...]) -> Provider | None:
    best: Provider | None = None
    for value in (Value(written, frame) for written, frame in spelt):
        npi = value.text(XCN.person_identifier)
        ten = len(npi) == 10 and npi.isascii() and npi.isdigit()
        last = value.text(XCN.family_name)
        if not (npi or last):
            continue
        first, own = value.text(XCN.given_name), "" if ten else npi
        found = Provider(npi=npi if ten else "", last=last, first=first, id=own)
        marks = (value.text(XCN.assigning_authority) + value.text(XCN.identifier_type_code)).upper()
        if ten and "NPI" in marks:
            return found
        if best is None or (ten and not best.npi):
            best = found
    return best


_NDC_PARTS = re.compile(r"(\d{4,5})-(\d{3,4})-(\d{1,2})", re.ASCII)


def ndc(text: str) -> str:
    """An NDC in eleven digits (5-4-2); empty when the form does not tell where zeros belong."""
    match = _NDC_PARTS.fullmatch(text)
    if match:
        joined = match[1].zfill(5) + match[2].zfill(4) + match[3].zfill(2)
        return joined if len(text) >= 12 else ""
    return text if len(text) == 11 and text.isascii() and text.isdigit() else ""
