"""What a FHIR source may be told about its sender."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from hub.plugin.api.folder import FolderSettings
from hub_ehr_fhir.presets import under
from hub_ehr_fhir.settings_bulk import BulkSettings
from hub_ehr_fhir.settings_pull import PullSettings
from hub_ehr_fhir.settings_push import PushSettings
from hub_ehr_fhir.settings_server import ServerSettings


def _checked_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not a time zone name such as America/Chicago") from None
    return name


class FhirSettings(FolderSettings):
    """One FHIR R4 source. An extension is named by its whole URL or by the last part of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: str = Field(
        default="",
        description="a system that many practices have, such as epic or oracle-health; what else is set here "
        "overrides it (`hub fhir preset` lists them)",
    )
    server: ServerSettings | None = Field(
        default=None,
        description="the FHIR server that is asked, and that may send; without it only `folder` is read",
    )
    pull: PullSettings = Field(default=PullSettings(), description="how the server is asked by REST")
    bulk: BulkSettings | None = Field(default=None, description="Bulk Data export; without it there is none")
    push: PushSettings | None = Field(
        default=None, description="what the server may send by itself; without it nothing is taken"
    )
    validate_with: Literal["every", "sample", "quarantine"] = Field(
        default="every",
        alias="validate",
        description="which resources fhir.resources checks: every one, each `sample_every`-th, or those that "
        "could not be read",
    )
    sample_every: int = Field(default=20, ge=1, description="with validate = sample: one resource of this many")
    time_zone: Annotated[str, AfterValidator(_checked_zone)] = Field(
        default="UTC", description="zone of dates that carry no time, such as America/Chicago"
    )
    procedures_are_charges: bool = Field(default=True, description="whether a completed Procedure is a charge")
    immunizations_are_charges: bool = Field(
        default=True,
        description="whether a vaccine that was given here is a charge; false where it has a ChargeItem",
    )
    visit_types_are_charges: bool = Field(
        default=False,
        description="whether Encounter.type is a charge for the visit (where no visit level is sent)",
    )
    billed_are_charges: bool = Field(
        default=False, description="whether a ChargeItem with status billed is still to be billed by the hub"
    )
    counted_units: tuple[str, ...] = Field(
        default=(), description="units of ChargeItem.quantity that count what the code bills, as in mL"
    )
    units_when_empty: Decimal | None = Field(
        default=None,
        gt=0,
        description="units of a ChargeItem without quantity; R4 states none, so without this it is held",
    )
    claims_are_charges: bool = Field(
        default=False,
        description="whether the items of a Claim with use `claim` are charges, for servers that have no ChargeItem",
    )
    keep_pieces: Literal["loose", "always"] = Field(
        default="loose",
        description="which resources are kept for others that come later: those of messages that are not whole, or "
        "all, for a sender that tells a clinician with one visit and only names them in the next; with `push` all",
    )
    wait_for_missing: bool = Field(
        default=True,
        description="whether a finished visit waits for a diagnosis or clinician that it names and no message told",
    )
    encounter_classes: dict[str, Literal["ambulatory", "emergency", "inpatient", "home", "virtual"]] = Field(
        default={}, description="what the server's own codes in Encounter.class mean"
    )
    admission_sources: dict[str, str] = Field(
        default={}, description="codes of Encounter.hospitalization.admitSource as a UB-04 has them (FL 15)"
    )
    discharge_statuses: dict[str, str] = Field(
        default={},
        description="codes of Encounter.hospitalization.dischargeDisposition as a UB-04 has them (FL 17)",
    )
    referral_systems: tuple[str, ...] = Field(
        default=(), description="systems of ServiceRequest.identifier whose values are payers' referral numbers"
    )
    authorization_extensions: tuple[str, ...] = Field(
        default=("authorization-number", "prior-authorization"),
        description="extensions of Encounter and ServiceRequest that carry the payer's authorization number",
    )
    referral_extensions: tuple[str, ...] = Field(
        default=("referral-number",),
        description="extensions of Encounter and ServiceRequest that carry the payer's referral number",
    )
    drg_extensions: tuple[str, ...] = Field(
        default=("drg",), description="extensions of Encounter that carry the DRG"
    )
    accident_extensions: tuple[str, ...] = Field(
        default=("accident",),
        description="extensions of Encounter that carry an accident: MVA, WPA, SPT or SCHOOL (v3-ActCode) as the "
        "value, or as a part `type` beside parts `date` and `state`",
    )
    modifier_extensions: tuple[str, ...] = Field(
        default=("modifier", "procedure-modifier"), description="extensions of ChargeItem that carry modifiers"
    )
    amount_extensions: tuple[str, ...] = Field(
        default=("amount", "net"), description="extensions of ChargeItem that carry the amount of the whole line"
    )
    drug_quantity_extensions: tuple[str, ...] = Field(
        default=("ndc-quantity", "drug-quantity"),
        description="extensions of ChargeItem that carry the NDC quantity",
    )

    @model_validator(mode="before")
    @classmethod
    def _over_its_preset(cls, given: Any) -> Any:
        """What is given, over what its preset says. A server that sends tells what changed alone: a coverage's order,
        a diagnosis; then all is kept for what comes later.
        """
        if not isinstance(given, Mapping):
            return given
        whole = under(given)
        return {"keep_pieces": "always", **whole} if whole.get("push") is not None else whole
