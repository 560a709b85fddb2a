"""Forms of the identifiers that billing uses: pure checks that need no table and no date.

They stand below `hub.codes`, which offers them again, since the settings must be checked first of all.
Every check answers a plain sentence about what is wrong, or the empty string, and never repeats the value.
"""

from __future__ import annotations

import re

_STATES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH "
    "OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI UM FM MH PW AA AE AP"
)
STATES = frozenset(_STATES.split())
_PO_BOX = re.compile(r"^\s*(p\.?\s*o\.?\s*box|post\s+office\s+box|lock\s*box)\b", re.IGNORECASE)
_HCPCS = re.compile(r"[A-CE-V][0-9]{4}", re.ASCII)
_ICD10 = re.compile(r"[A-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?", re.ASCII)
_MODIFIER = re.compile(r"[0-9A-Z]{2}", re.ASCII)
_TAXONOMY = re.compile(r"[0-9]{2}[0-9A-Z]{7}X", re.ASCII)


def _digits(text: str, count: int) -> bool:
    return len(text) == count and text.isascii() and text.isdigit()


def npi_fault(npi: str) -> str:
    """Ten digits that begin with 1 or 2 and pass the Luhn check with the prefix 80840 (45 CFR 162.406)."""
    if not _digits(npi, 10):
        return "an NPI has ten digits"
    if npi[0] not in "12":
        return "an NPI begins with 1 or 2"
    return "" if npi[9] == npi_check_digit(npi[:9]) else "the last digit of this NPI does not match the others"


def npi_check_digit(first_nine: str) -> str:
    """The tenth digit for nine: Luhn over `80840` and the nine."""
    total = 0
    for place, figure in enumerate(reversed("80840" + first_nine)):
        number = int(figure) * (2 if place % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return str(-total % 10)


def tax_id_fault(tax_id: str, kind: str = "EI") -> str:
    """Nine digits; an employer's (EI) does not begin with 00, a social security number (SY) has no zero part."""
    if not _digits(tax_id, 9):
        return "a tax id has nine digits"
    if kind == "EI" and tax_id.startswith("00"):
        return "no employer's tax id begins with 00"
    if kind == "SY" and (tax_id[:3] in {"000", "666"} or tax_id[3:5] == "00" or tax_id[5:] == "0000"):
        return "no social security number has such a part"
    return ""


def zip_fault(code: str, *, plus_four: bool = False) -> str:
    """Five or nine digits without a hyphen; with `plus_four` nine, and neither 0000 nor the filler 9999."""
    if plus_four and not _digits(code, 9):
        return "a ZIP+4 of nine digits is needed here"
    if not (_digits(code, 5) or _digits(code, 9)):
        return "a ZIP code has five or nine digits"
    if plus_four and code[5:] in {"0000", "9999"}:
        return "the last four digits of this ZIP are a filler, which payers reject"
    return ""


def state_fault(state: str) -> str:
    """A two-letter postal abbreviation of a state, district, territory or military post."""
    return "" if state in STATES else "this is no two-letter US state"


def street_fault(line: str) -> str:
    """A billing provider's address is a street (2010AA N301), never a post office or lock box."""
    return "a post office box stands in the pay-to address, never here" if _PO_BOX.match(line) else ""


def hcpcs_fault(code: str) -> str:
    """HCPCS Level II: a letter from A to V except D (dental, another set), and four digits."""
    return "" if _HCPCS.fullmatch(code) else "a HCPCS Level II code is a letter A-V (not D) and four digits"


def icd10_fault(code: str) -> str:
    """The form of ICD-10-CM: letter, digit, letter or digit, then up to four more, with or without a point."""
    return "" if _ICD10.fullmatch(code) else "this has not the form of an ICD-10-CM code"


def modifier_fault(modifier: str) -> str:
    """Two capitals or digits."""
    return "" if _MODIFIER.fullmatch(modifier) else "a modifier is two capitals or digits"


def taxonomy_fault(code: str) -> str:
    """Ten characters: two digits, seven digits or capitals, and X."""
    return "" if _TAXONOMY.fullmatch(code) else "a taxonomy code has ten characters and ends in X"


_NDC_HYPHENS = {(4, 4, 2): (1, 0, 0), (5, 3, 2): (0, 1, 0), (5, 4, 1): (0, 0, 1), (5, 4, 2): (0, 0, 0)}


def ndc11(text: str) -> str | None:
    """An NDC as eleven digits: hyphenated 4-4-2, 5-3-2 and 5-4-1 get their zero, 5-4-2 and eleven bare digits
    stay. None for ten bare digits, whose missing zero cannot be placed, and for anything else.
    """
    if _digits(text, 11):
        return text
    parts = text.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    pads = _NDC_HYPHENS.get((len(parts[0]), len(parts[1]), len(parts[2])))
    return None if pads is None else "".join("0" * pad + part for pad, part in zip(pads, parts, strict=True))
