"""Named formats that guide rows point to, as patterns, and the checks that a pattern cannot make."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache

from hub.x12.wire import Delimiters

_STATES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND "
    "OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI FM MH PW AA AE AP "
    "AB BC MB NB NL NT NS NU ON PE QC SK YT"
)

_COUNTRIES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO "
    "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE "
    "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO "
    "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW "
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM "
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW"
)

_PLACES = r"(?:0[1-9]|1\d|2[0-7]|3[1-4]|4[129]|5[0-8]|6[01256]|7[12]|81|99)"

DATE8 = (
    r"(?:19|20)\d\d(?:(?:0[13578]|1[02])(?:0[1-9]|[12]\d|3[01])|"
    r"(?:0[469]|11)(?:0[1-9]|[12]\d|30)|02(?:0[1-9]|1\d|2[0-8]))"
)
_LEAP = r"(?:(?:19|20)(?:0[48]|[2468][048]|[13579][26])|2000)0229"
_DAY = rf"(?:{DATE8}|{_LEAP})"
TIME = r"(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d(?:\d\d?)?)?"

NAMED: dict[str, tuple[str, str]] = {
    "state": ("(?:" + "|".join(_STATES.split()) + ")", "is not a state, territory or province"),
    "country": ("(?:" + "|".join(_COUNTRIES.split()) + ")", "is not a country code of two letters"),
    "currency": ("[A-Z]{3}", "is not a currency code of three letters"),
    "ssn": (r"\d{9}", "has not nine digits"),
    "pos": (_PLACES, "is not a place of service code"),
    "bill": (r"[1-9][0-9]", "is not the first part of a type of bill"),
    "revenue": (r"\d{4}", "is not a revenue code of four digits"),
    "tax": (r"\d{9}", "has not the nine digits of a tax number"),
    "facility": (r"\d\d", "is not a place of service or the first part of a type of bill"),
    "reason": (r"(?:[1-9]\d{0,2}|[ABDPWY]\d{1,2})", "is not an adjustment reason code"),
    "remark": (r"(?:MA?|N)\d{1,4}", "is not a remark code"),
    "day": (_DAY, "is not a date (CCYYMMDD)"),
    "period": (f"{_DAY}-{_DAY}", "is not a period of two dates (CCYYMMDD-CCYYMMDD)"),
    "pointer": (r"(?:[1-9]|1[0-2])", "does not point to a diagnosis from 1 to 12"),
}


@lru_cache(maxsize=65536)
def is_date(text: str) -> bool:
    """Whether CCYYMMDD names a day that exists, in this century or the one before."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()) or text[:2] not in ("19", "20"):
        return False
    try:
        dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


@lru_cache(maxsize=65536)
def is_time(text: str) -> bool:
    """Whether HHMM, HHMMSS or HHMMSSDD names a time of day."""
    if len(text) not in (4, 6, 7, 8) or not (text.isascii() and text.isdigit()):
        return False
    return text[:2] < "24" and text[2:4] < "60" and text[4:6] < "60"


@lru_cache(maxsize=65536)
def fits_date_format(kind: str, text: str) -> bool:
    """Whether a value is a date or period in the given format (D8, RD8, DT, TM...); unknown formats fit."""
    if kind == "D8":
        return is_date(text)
    if kind == "RD8":
        first, dash, last = text.partition("-")
        return bool(dash) and is_date(first) and is_date(last) and first <= last
    if kind == "DT":
        return len(text) == 12 and is_date(text[:8]) and is_time(text[8:])
    return is_time(text) if kind == "TM" else True


@lru_cache(maxsize=65536)
def is_npi(text: str) -> bool:
    """Whether ten digits carry the right check digit: Luhn over 80840 and the number."""
    if len(text) != 10 or not (text.isascii() and text.isdigit()) or text[0] not in "12":
        return False
    total = 24
    for place, digit in enumerate(map(int, text)):
        doubled = digit * 2 if place % 2 == 0 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


@lru_cache(maxsize=64)
def plain_text(marks: Delimiters) -> str:
    """A character class of what may stand in text: printable ASCII without the delimiters."""
    special = marks.element + marks.component + marks.repetition + marks.segment
    return "[" + re.escape("".join(chr(code) for code in range(32, 127) if chr(code) not in special)) + "]"


def bars_text(marks: Delimiters) -> re.Pattern[str]:
    """Finds a character that may not stand in text."""
    return re.compile("[^" + plain_text(marks)[1:])
