"""HL7 data types as canonical values: names, addresses, codes, dates, amounts, providers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from hub.model.encounter import Coding
from hub.model.people import Address, Name, Provider
from hub.money import NotMoney, from_cents, to_cents
from hub_hl7_adt.names import CWE, CX, XAD, XCN, XPN, XTN
from hub_hl7_adt.wire import Frame, Value, components

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


@lru_cache(maxsize=256)
def instant(text: str, zone: ZoneInfo) -> datetime | None:
    """An HL7 time as an aware UTC instant; without an offset it is of `zone`. None when empty.

    A date alone is noon, so that it stays the same day in the neighbouring zones.
    """
    if not text:
        return None
    if len(text) == 14 and text.isdigit() and text.isascii():
        try:
            return datetime(
                int(text[:4]),
                int(text[4:6]),
                int(text[6:8]),
                int(text[8:10]),
                int(text[10:12]),
                int(text[12:]),
                0,
                zone,
            ).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # what is wrong with it is found out below
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


class Identity(msgspec.Struct, frozen=True, gc=False):
    """A CX: who gave the number, the number, and its type in capitals; all empty where there is no number."""

    authority: str = ""
    number: str = ""
    kind: str = ""

    def key(self, authority: str = "") -> str:
        """The source's key for it; `authority` stands in when it names none."""
        return key_of(self.authority or authority, self.number) if self.number else ""


_NOBODY = Identity()


@lru_cache(maxsize=256)
def identity(written: str, frame: Frame) -> Identity:
    """An identifier as it is written in a CX."""
    parts = components(written, frame, CX.identifier_type_code)
    number = parts[CX.id_number]
    if not number:
        return _NOBODY
    return Identity(parts[CX.assigning_authority], number, parts[CX.identifier_type_code].upper())


def key_of(authority: str, value: str) -> str:
    """The source's key for an identifier: `EAST|123`, or `123` when nobody is named as its giver."""
    return f"{authority}|{value}" if authority else value


@lru_cache(maxsize=256)
def person(written: str, frame: Frame) -> Name | None:
    """A name (XPN), None when it has no family name."""
    parts = components(written, frame, XPN.suffix_e_g_jr_or_iii)
    if not parts[XPN.family_name]:
        return None
    return Name(
        last=parts[XPN.family_name],
        first=parts[XPN.given_name],
        middle=parts[XPN.second_and_further_given_names_or_initials_thereof],
        suffix=parts[XPN.suffix_e_g_jr_or_iii],
    )


@lru_cache(maxsize=256)
def postal(written: str, frame: Frame) -> Address | None:
    """An address (XAD), None when it has neither street nor city. A state or ZIP that is not of the US form is
    left empty: the scrubber asks for it, and nothing is invented.
    """
    parts = components(written, frame, XAD.country)
    line1, city = parts[XAD.street_address], parts[XAD.city]
    if not (line1 or city):
        return None
    state, digits = parts[XAD.state_or_province].upper(), parts[XAD.zip_or_postal_code]
    if not digits.isalnum():
        digits = digits.replace("-", "").replace(" ", "")
    country = parts[XAD.country].upper()
    return Address(
        line1=line1,
        line2=parts[XAD.other_designation],
        city=city,
        state=state if len(state) == 2 and state.isalpha() else "",
        zip=digits if len(digits) in (5, 9) and digits.isascii() and digits.isdigit() else "",
        country="US" if country in ("USA", "") else country,
    )


def phone(written: str, frame: Frame) -> str:
    """Ten digits or what digits there are, from the whole number of an XTN or from its parts."""
    if written.isdecimal() and written.isascii():
        return written
    parts = components(written, frame, XTN.unformatted_telephone_number) if written else ()
    if not parts:
        return ""
    whole = parts[XTN.unformatted_telephone_number] or parts[XTN.telephone_number]
    return _DIGITS.sub("", whole or parts[XTN.area_city_code] + parts[XTN.local_number])


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


@lru_cache(maxsize=4096)
def codings(written: str, frame: Frame, default: str = "LOCAL") -> tuple[Coding, ...]:
    """A coded value (CWE) and its alternate, in that order; `default` is the system of codes that name none."""
    parts = components(written, frame, CWE.name_of_alternate_coding_system)
    code, other = parts[CWE.identifier], parts[CWE.alternate_identifier]
    if not (code or other):
        return ()
    first = Coding(system=system_name(parts[CWE.name_of_coding_system], default), code=code)
    if not other:
        return (first,)
    second = Coding(system=system_name(parts[CWE.name_of_alternate_coding_system], "LOCAL"), code=other)
    return (first, second) if code else (second,)


def component(written: str, frame: Frame, position: int, sub: int = 1) -> str:
    """One component of the first repetition of a field, or a subcomponent of it."""
    return Value(written.split(frame.repetition, 1)[0], frame).text(position, sub)


@lru_cache(maxsize=1024)
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


@lru_cache(maxsize=4096)
def provider(written: str, frame: Frame) -> Provider | None:
    """The clinician of a field of XCN: the repetition that is marked as an NPI, else the first whose identifier has
    ten digits, else the first with a name or with the sender's own number.
    """
    best: Provider | None = None
    for one in written.split(frame.repetition):
        parts = components(one, frame, XCN.identifier_type_code)
        npi, last = parts[XCN.person_identifier], parts[XCN.family_name]
        if not (npi or last):
            continue
        ten = len(npi) == 10 and npi.isascii() and npi.isdigit()
        own = "" if ten else npi
        found = Provider(npi=npi if ten else "", last=last, first=parts[XCN.given_name], id=own)
        if ten and "NPI" in (parts[XCN.assigning_authority] + parts[XCN.identifier_type_code]).upper():
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
