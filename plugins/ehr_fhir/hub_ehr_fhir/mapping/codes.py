"""FHIR's systems, statuses and data types as canonical values."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from hub.codes import is_npi
from hub.model.encounter import Coding
from hub.model.people import Address, Name
from hub.money import CENT, NotMoney, from_cents, to_cents
from hub_ehr_fhir.mapping import shapes

_SYSTEMS = {
    **dict.fromkeys(
        (
            "http://www.cms.gov/medicare/coding/hcpcsreleasecodesets",
            "http://terminology.hl7.org/codesystem/hcpcs",
            "http://terminology.hl7.org/codesystem/hcpcs-all-codes",
            "http://bluebutton.cms.gov/resources/codesystem/hcpcs",
            "http://www.ama-assn.org/go/cpt",
            "urn:oid:2.16.840.1.113883.6.14",
            "urn:oid:2.16.840.1.113883.6.285",
            "urn:oid:2.16.840.1.113883.6.12",
        ),
        "HCPCS",
    ),
    **dict.fromkeys(
        (
            "http://hl7.org/fhir/sid/icd-10-cm",
            "http://hl7.org/fhir/sid/icd-10",
            "urn:oid:2.16.840.1.113883.6.90",
        ),
        "ICD10",
    ),
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD9",
    "http://www.cms.gov/medicare/coding/icd10": "ICD10PCS",
    "http://www.ada.org/cdt": "CDT",
    **dict.fromkeys(("http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96"), "SNOMED"),
    **dict.fromkeys(("http://hl7.org/fhir/sid/cvx", "urn:oid:2.16.840.1.113883.12.292"), "CVX"),
    **dict.fromkeys(("http://hl7.org/fhir/sid/ndc", "urn:oid:2.16.840.1.113883.6.69"), "NDC"),
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM",
    **dict.fromkeys(("http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"), "LOINC"),
}
NPI_SYSTEMS = frozenset(("http://hl7.org/fhir/sid/us-npi", "urn:oid:2.16.840.1.113883.4.6"))
TAXONOMY_SYSTEMS = frozenset(("http://nucc.org/provider-taxonomy", "urn:oid:2.16.840.1.113883.6.101"))


class Unreadable(ValueError):
    """A value that is not what its element holds; the message never repeats it."""


@lru_cache(maxsize=1024)
def system_name(uri: str) -> str:
    """Our short name of a code system, LOCAL for none, else the URI itself."""
    plain = uri.strip().lower().rstrip("/")
    if plain.startswith("https:"):
        plain = "http:" + plain[6:]
    return _SYSTEMS.get(plain, uri) if plain else "LOCAL"


def codings(concept: shapes.CodeableConcept) -> tuple[Coding, ...]:
    """Every coding of a concept in its order, without repeats; a concept of text alone has none."""
    if len(concept.coding) == 1:
        one = concept.coding[0]
        return (_coding(one.system, one.code),) if one.code else ()
    found: list[Coding] = []
    for one in concept.coding:
        if one.code and (coding := _coding(one.system, one.code)) not in found:
            found.append(coding)
    return tuple(found)


@lru_cache(maxsize=8192)
def _coding(uri: str, code: str) -> Coding:
    """Of ICD-10 the same code whether the sender writes its point or not."""
    system, code = system_name(uri), code.strip()
    if system == "ICD10" and (found := _ICD10.fullmatch(code.upper())):
        code = f"{found[1]}.{found[2]}" if found[2] else found[1]
    return Coding(system=system, code=code)


_ICD10 = re.compile(r"([A-Z][0-9][0-9A-Z])\.?([0-9A-Z]{0,4})")


def best_diagnosis(concept: shapes.CodeableConcept) -> Coding | None:
    """One coding of a diagnosis: ICD-10-CM, else SNOMED, else the first."""
    for one in concept.coding:
        if one.code and (coding := _coding(one.system, one.code)).system == "ICD10":
            return coding
    found = codings(concept)
    return next((coding for coding in found if coding.system == "SNOMED"), found[0] if found else None)


def has_code(concepts: tuple[shapes.CodeableConcept, ...], *codes: str) -> bool:
    """Whether any coding of any of the concepts is one of `codes`."""
    for concept in concepts:
        for coding in concept.coding:
            if coding.code in codes:
                return True
    return False


# v3-ActCode (ActEncounterCode), and table 0004 of HL7 v2, which some servers carry over.
ENCOUNTER_KINDS = {
    **dict.fromkeys(("AMB", "SS", "OBSENC", "O"), "ambulatory"),
    **dict.fromkeys(("EMER", "E"), "emergency"),
    **dict.fromkeys(("IMP", "ACUTE", "NONAC", "I"), "inpatient"),
    "HH": "home",
    "VR": "virtual",
    **dict.fromkeys(("PRENC", "FLD"), ""),
}
ENCOUNTER_STATUSES = {
    "planned": "planned",
    **dict.fromkeys(("arrived", "triaged", "in-progress", "onleave", "unknown"), "open"),
    "finished": "finished",
    "cancelled": "cancelled",
    "entered-in-error": "cancelled",
}
# subscriber-relationship, v3-RoleCode and SNOMED: what the patient is to the subscriber.
RELATIONSHIPS = {
    **dict.fromkeys(("self", "ONESELF", "SELF", "18"), "self"),
    **dict.fromkeys(("spouse", "SPS", "HUSB", "WIFE", "SPO", "01"), "spouse"),
    **dict.fromkeys(
        ("child", "CHILD", "CHD", "NCHILD", "NCH", "SONC", "DAUC", "SON", "DAU", "CHLDADOPT", "STPCHLD", "19"),
        "child",
    ),
    **dict.fromkeys(("DOMPART", "SIGOTHR", "LIFEPARTNER", "53"), "life_partner"),
    **dict.fromkeys(("parent", "common", "other", "injured", "none", "OTH", "G8"), "other"),
}
_NUBC = frozenset(("urn:oid:2.16.840.1.113883.6.301.4", "urn:oid:2.16.840.1.113883.6.301.5"))
ADMISSION_SOURCES = {"hosp-trans": "4", "outp": "2", "gp": "1", "nursing": "5"}
DISCHARGE_STATUSES = {
    "home": "01",
    "snf": "03",
    "aadvice": "07",
    "exp": "20",
    "rehab": "62",
    "long": "63",
    "psy": "65",
}
ADMISSION_TYPES = {"EM": "1", "UR": "2", "EL": "3"}


def day(text: str) -> date | None:
    """The date of a FHIR date or dateTime as it was written; None when empty; raises `Unreadable`."""
    if not text:
        return None
    return _day(text[:10])


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    try:
        if text[4:5] == text[7:8] == "-":
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Unreadable("not a whole date (YYYY-MM-DD)")


def local_day(text: str, zone: ZoneInfo) -> date | None:
    """The day on which something was done: as it was written, with the sender's own offset; of an instant in UTC
    the day in `zone`, since an evening there is the next day in UTC. Midnight in UTC is a date that was sent so.
    """
    if len(text) < 20 or not text.endswith(("Z", "+00:00")) or text[10:19] == "T00:00:00":
        return day(text)
    return _instant(text, zone).astimezone(zone).date()


def first_day(text: str) -> date | None:
    """The day on which a period of days begins; of a month or a year alone its first; None when empty."""
    return day(f"{text}-01-01"[:10]) if len(text) in (4, 7) else day(text)


def last_day(text: str) -> date | None:
    """The day on which a period of days ends: R4 counts the month or the year that stands there alone as a whole."""
    if len(text) not in (4, 7):
        return day(text)
    begun = _day(f"{text}-12-01"[:10] if len(text) == 4 else f"{text}-01")
    return begun.replace(day=monthrange(begun.year, begun.month)[1])


def instant(text: str, zone: ZoneInfo) -> datetime | None:
    """An aware UTC instant; a date alone is noon in `zone`, so that it stays that day in zones near it."""
    return _instant(text, zone) if text else None


@lru_cache(maxsize=1024)
def _instant(text: str, zone: ZoneInfo) -> datetime:
    on = _day(text[:10])
    try:
        if len(text) == 10:
            return datetime.combine(on, time(12), zone).astimezone(UTC)
        at = datetime.fromisoformat(text)
        at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable("not a time of day") from None
    if not 1 < at.year < 9999:
        raise Unreadable("the first or last day there is, as systems write what they do not know,")
    return at


def version(meta: shapes.Meta, fallback: str) -> str:
    """What orders repeats of a resource: when the server last changed it, else its number, else `fallback`. A version
    that is no number orders nothing.
    """
    told = meta.last_updated
    if len(told) == 24 and _USUAL.match(told):  # as most servers write it
        return told[:23] + "000Z"
    if told and (at := _ordered(told)):
        return at if "." in meta.last_updated else within(at, meta.version_id)
    number = meta.version_id
    return number.zfill(20) if len(number) <= 20 and number.isascii() and number.isdigit() else fallback


def within(version: str, number: str) -> str:
    """The version of a whole second, at the place of its number in that second: servers that tell no fractions of
    seconds count versions.
    """
    if not (number.isascii() and number.isdigit()):
        return version
    return f"{version[:20]}{int(number[-6:]):06}Z"


def _ordered(last_updated: str) -> str:
    """An instant in the one form that sorts by time; empty when it is none."""
    try:
        if _USUAL.match(last_updated):
            return f"{last_updated[:19]}.{last_updated[20:-1]:0<6}Z"
        at = _instant(last_updated, _UTC)
    except Unreadable:
        return ""
    return f"{at.isoformat(timespec='microseconds')[:26]}Z"


_UTC = ZoneInfo("UTC")
_USUAL = re.compile(
    r"(?:19|20)[0-9]{2}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30))"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?Z\Z"
)


def dollars(money: shapes.Money) -> Decimal | None:
    """The amount of a Money, exactly; None when it has no value; raises `Unreadable`."""
    if money.value is None:
        return None
    if (money.currency or money.code) not in ("", "USD"):
        raise Unreadable("an amount that is not in US dollars")
    if money.value.same_quantum(CENT) and 0 < money.value < _LARGE:
        return money.value  # as most are written: dollars and cents
    try:
        return from_cents(to_cents(sane(money.value)))
    except NotMoney:
        raise Unreadable("not an amount of dollars and cents") from None


_DIGITS = 30
_ONE, _LARGE = Decimal(1), 10**9


def sane(number: Decimal) -> Decimal:
    """A number of a usual size; raises `Unreadable`."""
    if number.same_quantum(_ONE) and 0 < number < _LARGE:
        return number
    if not number.is_finite() or abs(number.adjusted()) > 9 or len(str(number)) > _DIGITS:
        raise Unreadable("not a number of a usual size")
    return number


_NAMES = {"official": 0, "usual": 1, "": 2, "old": 9}
_ADDRESSES = {"home": 0, "billing": 0, "": 1, "old": 9}
_PHONES = {"home": 0, "mobile": 1, "": 2}


class _Used(Protocol):
    @property
    def use(self) -> str: ...


_U = TypeVar("_U", bound=_Used)


def _best(found: list[_U], order: dict[str, int], other: int) -> _U | None:
    """The first whose use comes first."""
    best, least = None, other + 100
    for one in found:
        rank = order.get(one.use, other)
        if rank == 0:
            return one
        if rank < least:
            best, least = one, rank
    return best


def person(names: tuple[shapes.HumanName, ...]) -> Name | None:
    """The official name, else the usual, else the first that is not old; None without a family name."""
    best = _best([n for n in names if n.family], _NAMES, 3)
    if best is None:
        return None
    first, *others = [part for part in best.given if part] or [""]
    return Name(last=best.family, first=first, middle=" ".join(others), suffix=" ".join(best.suffix))


def postal(addresses: tuple[shapes.Address, ...]) -> Address | None:
    """The home address, else the first that is not old; state and ZIP empty where they have no US form."""
    best = _best([a for a in addresses if a.line or a.city], _ADDRESSES, 2)
    if best is None:
        return None
    digits = best.postal_code.replace("-", "").replace(" ", "")
    country = best.country.upper()
    return Address(
        line1=best.line[0] if best.line else "",
        line2=" ".join(best.line[1:]),
        city=best.city,
        state=state(best.state),
        zip=digits if len(digits) in (5, 9) and digits.isascii() and digits.isdigit() else "",
        country="US" if country in ("", "US", "USA", "UNITED STATES") else country,
    )


def phone(telecom: tuple[shapes.ContactPoint, ...]) -> str:
    """The digits of the home phone, else of the first phone."""
    best = _best([t for t in telecom if t.system == "phone"], _PHONES, 3)
    return _NO_DIGITS.sub("", best.value) if best is not None else ""


_NO_DIGITS = re.compile(r"\D+")


def sex(gender: str) -> str:
    """M, F or U."""
    return {"male": "M", "female": "F"}.get(gender, "U")


def is_test(meta: shapes.Meta) -> bool:
    """Marked as test data: security label HTEST (v3-ActReason), the label of FHIR itself for it."""
    if not meta.security and not meta.tag:
        return False
    return any(label.code == "HTEST" for label in (*meta.security, *meta.tag))


def is_nubc(system: str) -> bool:
    """Whether a code is one of the UB-04's own lists."""
    return "nubc" in system.lower() or system in _NUBC


def npi(identifiers: tuple[shapes.Identifier, ...]) -> str:
    """The first good NPI among some identifiers, or nothing: one with a wrong check digit is nobody's."""
    for one in identifiers:
        if is_npi_system(one) and _is_npi(value := one.value.strip()):
            return value
    return ""


def is_npi_system(identifier: shapes.Identifier) -> bool:
    """Whether an identifier is meant to be an NPI."""
    if identifier.system in NPI_SYSTEMS:
        return True
    return bool(identifier.type.coding) and has_code((identifier.type,), "NPI")


def bad_npi(identifiers: tuple[shapes.Identifier, ...]) -> bool:
    """Whether one is meant to be an NPI and is none."""
    return bool(identifiers) and any(
        one.value and is_npi_system(one) and not _is_npi(one.value.strip()) for one in identifiers
    )


@lru_cache(maxsize=8192)
def _is_npi(text: str) -> bool:
    return is_npi(text)


def ndc(text: str) -> str:
    """An NDC in eleven digits (5-4-2); empty when the form does not tell where zeros belong."""
    if match := re.fullmatch(r"(\d{4,5})-(\d{3,4})-(\d{1,2})", text, re.ASCII):
        return match[1].zfill(5) + match[2].zfill(4) + match[3].zfill(2) if len(text) >= 12 else ""
    return text if len(text) == 11 and text.isascii() and text.isdigit() else ""


# USPS Publication 28, appendix B.
_STATES = (
    "AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware|"
    "DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa|KS Kansas|"
    "KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota|MS Mississippi|"
    "MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey|NM New Mexico|NY New York|"
    "NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|PR Puerto Rico|"
    "RI Rhode Island|SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah|VT Vermont|VA Virginia|"
    "WA Washington|WV West Virginia|WI Wisconsin|WY Wyoming|GU Guam|VI Virgin Islands|AS American Samoa"
)
_BY_NAME = {row[3:].lower(): row[:2] for row in _STATES.split("|")}


def state(text: str) -> str:
    """Two letters for a state's name or letters; empty for anything else."""
    plain = text.strip()
    if len(plain) == 2 and plain.isascii() and plain.isalpha():
        return plain.upper()
    return _BY_NAME.get(plain.lower(), "")
