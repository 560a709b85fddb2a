"""`[connectors.NAME.settings.bulk]`: Bulk Data export."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from hub.plugin.api import Unfinished
from hub_ehr_fhir.mapping.order import TYPES

_TYPE = re.compile(r"[A-Z][A-Za-z]{2,40}")
_GROUP = re.compile(r"[A-Za-z0-9\-.]{0,128}")


def _checked_types(types: tuple[str, ...]) -> tuple[str, ...]:
    if any(not _TYPE.fullmatch(one) for one in types):
        raise ValueError("not names of resource types, such as Encounter")
    return types


def _checked_group(group: str) -> str:
    bare = group.removeprefix("Group/")
    if not _GROUP.fullmatch(bare):
        raise ValueError("not the id of a Group: letters, digits, - and .")
    return bare


class BulkSettings(BaseModel):
    """Which patients are exported, how often, and what is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Literal["group", "patient", "system", ""] = Field(
        default="",
        description="what is exported: the patients of `group`, all patients, or the whole server; "
        "empty is `group` where one is named, else `patient`",
    )
    group: Annotated[str, AfterValidator(_checked_group)] = Field(
        default="", description="id of the Group whose patients are exported, as the vendor names it"
    )
    types: Annotated[tuple[str, ...], AfterValidator(_checked_types)] = Field(
        default=TYPES,
        min_length=1,
        description="resource types that are asked for; those that the server does not know are left out",
    )
    type_filter: tuple[str, ...] = Field(
        default=(), description="`_typeFilter`, such as Encounter?date=ge2026-01-01; empty asks for none"
    )
    since: bool = Field(
        default=True,
        description="whether only what changed since the last export is asked for; a server that does not do that "
        "is asked for all each time, and what is known is recognised",
    )
    full_every_days: int = Field(
        default=30,
        ge=0,
        description="how often all is asked for although `since` works: patients who are new in a group come with "
        "older data; 0 never",
    )
    overlap_minutes: int = Field(
        default=10, ge=0, le=10_080, description="how far before the last export `since` reaches back"
    )
    output_format: str = Field(
        default="application/fhir+ndjson", description="`_outputFormat`; empty leaves it to the server"
    )
    every_hours: int = Field(
        default=24,
        ge=1,
        le=24 * 31,
        description="hours from one export to the next; not more often than the vendor allows",
    )
    start_at: str = Field(
        default="02:00",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="local time (`time_zone`) from which the hours are counted",
    )
    give_up_hours: int = Field(
        default=24,
        ge=1,
        description="after how long an export that does not end, or of which nothing more comes, is given up and "
        "asked for again",
    )
    delete_job: bool = Field(
        default=True, description="whether the server is told to delete an export that was fetched"
    )

    @property
    def exported(self) -> Literal["group", "patient", "system"]:
        """The level that is meant."""
        return self.level or ("group" if self.group else "patient")

    @model_validator(mode="after")
    def _has_group(self) -> BulkSettings:
        if self.level == "group" and not self.group:
            raise Unfinished("level = group needs `group`, the id that the vendor gave")
        return self
