"""`[connectors.NAME.settings.pull]`: how the server is asked by REST."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PullSettings(BaseModel):
    """What is asked for by REST, how often, and how far back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(default=True, description="whether the server is asked by REST at all")
    strategy: Literal["auto", "incremental", "patients", "follow", "bulk"] = Field(
        default="auto",
        description="how new encounters are found: what changed (`_lastUpdated`), patient by patient, driven by the "
        "connectors that this one follows, or by export; `auto` takes the best that the server offers",
    )
    since: date | None = Field(
        default=None,
        description="the first pull takes what changed since this day: the day from which this source is billed, "
        "or some days before",
    )
    first_days: int = Field(
        default=30, ge=0, le=3660, description="without `since`: how many days the first pull goes back"
    )
    every_seconds: int = Field(
        default=300,
        ge=1,
        description="how long to wait after a pull before the server is asked for changes again",
    )
    overlap_minutes: int = Field(
        default=10,
        ge=0,
        le=10080,
        description="how far each pull reaches back behind the last one, for resources that the server commits late; "
        "what was taken already is not taken again",
    )
    late_hours: int = Field(
        default=24,
        ge=0,
        le=24,
        description="how long after its own lastUpdated a resource may become visible (a long transaction, an "
        "interface that catches up) and still be found: once in so many hours a look reaches back twice as far; "
        "0: never",
    )
    page_size: int = Field(
        default=100, ge=1, le=1000, description="how many resources one page of a search holds"
    )
    other_hosts: Literal["own", "given"] = Field(
        default="own",
        description="a next page on another host name: ask `url` for it (a server behind a proxy that does not know "
        "its own name), or go where the link says",
    )
    patients: str = Field(
        default="",
        description="strategy patients: whose encounters are asked for: `Group/ID`, `file:PATH` (one Patient id a "
        "line), or empty: every Patient that the server lists",
    )
    patients_hours: float = Field(
        default=24.0,
        ge=0,
        description="strategy patients: how long one round through all patients takes at least",
    )
    look_back_days: int = Field(
        default=90,
        ge=1,
        description="strategy patients: how old a visit may be to be looked at again after the first round",
    )
    look_again_days: int = Field(
        default=14,
        ge=0,
        le=365,
        description="strategies incremental and follow: for how long a visit is asked for again (after 1, 2, 4 "
        "... hours) where the server does not tell that charges or diagnoses were added; 0: never",
    )
    mrn_systems: tuple[str, ...] = Field(
        default=(), description="strategy follow: identifier systems of the MRN at this server; empty: any system"
    )
    account_systems: tuple[str, ...] = Field(
        default=(), description="strategy follow: identifier systems of account numbers; empty: any system"
    )
    visit_systems: tuple[str, ...] = Field(
        default=(), description="strategy follow: identifier systems of visit numbers; empty: any system"
    )
    follow_hours: float = Field(
        default=72.0,
        ge=0,
        description="strategy follow: how long a visit that the server does not have yet is asked for again",
    )
    revinclude: bool = Field(
        default=True,
        description="whether what comes with an encounter (`_revinclude`) is taken for all of it, where that works; "
        "switch it off for a server that cuts it short without saying so",
    )
    reconcile_days: int = Field(
        default=7,
        ge=0,
        le=365,
        description="how often the server is asked whether visits and charges of the last `look_again_days` are "
        "still there, where it tells no deletions; 0: never",
    )
    deletes: bool = Field(
        default=True, description="whether deletions are asked for where the server tells them (`_history`)"
    )

    def patients_file(self) -> Path | None:
        """The file of Patient ids, where `patients` names one."""
        return Path(self.patients.removeprefix("file:")) if self.patients.startswith("file:") else None
