"""Dated code sets: forms that need no table, places of service, and a door for tables that sites import.

No set whose licence forbids it is shipped: CPT and CDT come from the site's own files, later, by importers
that fill a `CodeSet`.
"""

from __future__ import annotations

from hub.codes.places import ELSEWHERE, PLACES_OF_SERVICE, place_fault, place_suits, place_words
from hub.codes.tables import CodeRow, CodeSet, code_fault
from hub.config.forms import (
    STATES,
    hcpcs_fault,
    icd10_fault,
    modifier_fault,
    ndc11,
    npi_check_digit,
    npi_fault,
    state_fault,
    tax_id_fault,
    taxonomy_fault,
    zip_fault,
)

__all__ = [
    "ELSEWHERE",
    "PLACES_OF_SERVICE",
    "STATES",
    "CodeRow",
    "CodeSet",
    "code_fault",
    "hcpcs_fault",
    "icd10_fault",
    "is_hcpcs",
    "is_icd10",
    "is_npi",
    "modifier_fault",
    "ndc11",
    "npi_check_digit",
    "npi_fault",
    "place_fault",
    "place_suits",
    "place_words",
    "plain_icd10",
    "state_fault",
    "tax_id_fault",
    "taxonomy_fault",
    "zip_fault",
]


def is_npi(text: str) -> bool:
    """Whether this is an NPI with a good check digit."""
    return not npi_fault(text)


def is_hcpcs(text: str) -> bool:
    """Whether this has the form of a HCPCS Level II code."""
    return not hcpcs_fault(text)


def is_icd10(text: str) -> bool:
    """Whether this has the form of an ICD-10-CM code, with or without its point."""
    return not icd10_fault(text)


def plain_icd10(code: str) -> str:
    """The code as an 837 carries it (HI): capitals, no point."""
    return code.replace(".", "").upper()
