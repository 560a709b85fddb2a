"""The profile of one sender: where it puts what, as data.

A place is written as HL7 people write it: `FT1-25` or `IN1-3.1`. A list of places is tried in order.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import AfterValidator, ConfigDict, Field

from hub.plugin.api.folder import FolderSettings

_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})-(\d{1,3})(?:\.(\d{1,2}))?(?:\.(\d{1,2}))?")


class Place(msgspec.Struct, frozen=True):
    """A place in a message: segment, field, component, subcomponent; `component` 0 where none was named."""

    segment: bytes
    field: int
    component: int = 0
    sub: int = 1


@lru_cache(maxsize=512)
def place(text: str) -> Place:
    """Read `FT1-7`, `FT1-7.4`, `CX-1.2.1`; raises ValueError for anything else."""
    match = _PLACE.fullmatch(text)
    if match is None or int(match[2]) == 0:
        raise ValueError("a place is written like FT1-25 or IN1-3.1")
    return Place(match[1].encode(), int(match[2]), int(match[3] or 0), int(match[4] or 1))


def _checked_place(text: str) -> str:
    place(text)
    return text


def _checked_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not a time zone name such as America/Chicago") from None
    return name


def _checked_charset(name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        raise ValueError("not a character set that Python knows, such as utf-8 or windows-1252") from None
    return name


PlaceText = Annotated[str, AfterValidator(_checked_place)]
Places = tuple[PlaceText, ...]


class Hl7Settings(FolderSettings):
    """One HL7 v2 sender."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: Annotated[str, AfterValidator(_checked_zone)] = Field(
        default="UTC", description="zone of times that carry no offset, such as America/Chicago"
    )
    charset: Annotated[str, AfterValidator(_checked_charset)] = Field(
        default="utf-8", description="character set when MSH-18 says none"
    )
    production_ids: tuple[str, ...] = Field(
        default=("P",), description="values of MSH-11 that are production; all others are test and never bill"
    )
    bill_ft1_from: tuple[str, ...] = Field(
        default=(), description="message types beside DFT and BAR whose FT1 may bill, such as ORU"
    )
    test_last_names: tuple[str, ...] = Field(
        default=(), description="last names that mark a test patient: ZZTEST"
    )

    patient_id_types: tuple[str, ...] = Field(
        default=("MR", "MRN", "PI"), description="identifier types (CX-5) that name the patient, best first"
    )
    visit_places: Places = Field(
        default=("PV1-19", "PID-18"),
        description="where the visit's key stands; none filled: patient and service day",
    )
    coverage_scope: Literal["visit", "patient"] = Field(
        default="visit", description="whether an IN1 in a message with a visit holds for that visit alone"
    )
    ready: Literal["charges", "always"] = Field(
        default="charges",
        description="charges: a DFT or a discharge makes a visit ready; always: every message does",
    )

    payer_places: Places = Field(default=("IN1-2.1", "IN1-3.1", "IN1-4.1"), description="the payer or plan token")
    member_id_places: Places = Field(default=("IN1-36", "IN1-49.1", "IN2-61.1"), description="the member id")

    charge_code_places: Places = Field(default=("FT1-25", "FT1-7"), description="the charge codes, best first")
    charge_key: Literal["transaction", "message"] = Field(
        default="transaction", description="transaction: FT1-2 within the visit; message: MSH-10 and the line"
    )
    code_systems: dict[str, str] = Field(
        default_factory=dict, description="a system for codes that name none, by place: FT1-25 = HCPCS"
    )
    amount_place: PlaceText = Field(default="FT1-11", description="the amount of the whole line")
    unit_amount_place: PlaceText = Field(default="FT1-12", description="the amount of one unit")
    amount_is: Literal["line", "unit"] = Field(default="line", description="what amount_place holds")
    units_when_empty: Decimal | None = Field(
        default=None, gt=0, description="units when FT1-10 is empty; HL7 states none: without this it is held"
    )
    place_of_service: dict[str, str] = Field(
        default_factory=dict, description="place of service code by point of care (PV1-3.1, FT1-16.1)"
    )
