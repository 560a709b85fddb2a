"""The settings of one sender: how its messages are read, whose they are, and (settings_profile.py) where what stands.

A place is written as HL7 people write it: `FT1-25` or `IN1-3.1`. A list of places is tried in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from hub.plugin.api.folder import FolderSettings
from hub_hl7_adt.places import Place, Places, PlaceText, place
from hub_hl7_adt.presets import under
from hub_hl7_adt.settings_mllp import MllpSettings
from hub_hl7_adt.settings_profile import ChargeProfile, MoneyProfile, PolicyProfile, StayProfile, among
from hub_hl7_adt.sftp_drop import SftpDropSettings

__all__ = ["Hl7Settings", "Place", "PlaceText", "Places", "place"]


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


class Hl7Settings(ChargeProfile, MoneyProfile, PolicyProfile, StayProfile, FolderSettings):
    """One HL7 v2 sender."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mllp: MllpSettings | None = Field(
        default=None,
        description="listen for messages over TCP (MLLP); beside `folder`, or alone",
        json_schema_extra=among("arrival"),
    )
    sftp: SftpDropSettings | None = Field(
        default=None,
        description="take files from the folders of an SFTP account; beside `folder` and `mllp`, or alone",
        json_schema_extra=among("arrival"),
    )
    preset: str = Field(
        default="",
        description="a shape that many senders share, such as codes-in-ft1-7; what else is set here overrides it",
        json_schema_extra=among("reading"),
    )
    time_zone: Annotated[str, AfterValidator(_checked_zone)] = Field(
        default="UTC",
        description="zone of times that carry no offset, such as America/Chicago",
        json_schema_extra=among("reading"),
    )
    charset: Annotated[str, AfterValidator(_checked_charset)] = Field(
        default="utf-8",
        description="character set when MSH-18 says none",
        json_schema_extra=among("reading"),
    )
    production_ids: tuple[str, ...] = Field(
        default=("P",),
        description="values of MSH-11 that are production; all others are test and never bill",
        json_schema_extra=among("reading"),
    )
    test_last_names: tuple[str, ...] = Field(
        default=(),
        description="last names that mark a test patient: ZZTEST",
        json_schema_extra=among("reading"),
    )
    same_id: Literal["process", "refuse"] = Field(
        default="process",
        description="what becomes of a message whose id (MSH-3, 4, 10) was used before with another body",
        json_schema_extra=among("reading"),
    )
    advice_sample: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="the part of messages whose conformance is also looked at; findings are advice, never data",
        json_schema_extra=among("reading"),
    )

    patient_id_types: tuple[str, ...] = Field(
        default=("MR", "MRN", "PI"),
        description="identifier types (CX-5) that name the patient, best first",
        json_schema_extra=among("keys"),
    )
    visit_places: Places = Field(
        default=("PV1-19", "PID-18"),
        description="where the visit's key stands; none filled: patient and service day",
        json_schema_extra=among("keys", "PV1", "PV2", "PID", "FT1", "Z"),
    )
    ready: Literal["charges", "always"] = Field(
        default="charges",
        description="charges: a DFT or a discharge makes a visit ready; always: every message does",
        json_schema_extra=among("keys"),
    )

    @model_validator(mode="before")
    @classmethod
    def _over_its_preset(cls, given: Any) -> Any:
        """What is given, over what its preset says."""
        return under(given) if isinstance(given, Mapping) else given
