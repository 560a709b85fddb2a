"""Where one sender puts what, as data: the part of the settings that says what the fields of a message mean.

Each setting states itself once: its type, its default, what it means in words, and (for places) the segments that
it may name. The documentation, the JSON schema and `profile.ROWS`, which the linter asks, derive from that.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from hub_hl7_adt.places import Places, PlaceText, place

Kind = Literal["charge", "credit", "payment", "copay", "adjustment", "insurance_payment", "void", "ignored"]
"""What a financial transaction is: `void` takes back the line with the same key, `ignored` is neither billed nor
posted; money of an insurer is never posted from here, for its remittance will come."""
LINE = ("FT1", "PR1", "PV1", "PV2", "PID", "Z")
VISIT = ("PV1", "PV2", "PID", "UB1", "UB2", "DRG", "DG1", "EVN", "Z")
POLICY = ("IN1", "IN2", "IN3", "PV1", "Z")


def among(part: str, *segments: str) -> dict[str, Any]:
    """What a setting is about, and the segments that its places may name (`Z`: any of the sender's own)."""
    return {"part": part, "segments": list(segments)} if segments else {"part": part}


class Profiled(BaseModel):
    """Checks that every place stands in a segment that its setting may name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="after")
    @classmethod
    def _in_its_segments(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields[info.field_name or ""]
        extra = field.json_schema_extra
        segments = extra.get("segments") if isinstance(extra, dict) else None
        if isinstance(segments, list):
            for text in places_of(value):
                _check_segment(text, [str(each) for each in segments])
        return value


def places_of(value: object) -> tuple[str, ...]:
    """The places that a setting names, whether it holds one, a list, a table by place, or a word."""
    if isinstance(value, str):
        return (value,) if "-" in value else ()
    return tuple(str(each) for each in value) if isinstance(value, tuple | list | dict) else ()


def _check_segment(text: str, segments: list[str]) -> None:
    name = place(text).segment.decode()
    if name not in segments and not ("Z" in segments and name.startswith("Z")):
        own = " and the sender's own Z segments" if "Z" in segments else ""
        named = ", ".join(each for each in segments if each != "Z")
        near = next((each for each in segments if each[:2] == name[:2] and each != "Z"), "")
        meant = f"; did you mean {near}-{text.partition('-')[2]}?" if near else ""
        raise ValueError(f"this setting names places in {named}{own}{meant}")


class ChargeProfile(Profiled):
    """What FT1 (and the segments after each one) says of a charge or a payment."""

    charge_code_places: Places = Field(
        default=("FT1-25", "FT1-7"),
        description="the charge codes; all are kept, best first",
        json_schema_extra=among("charges", *LINE),
    )
    code_systems: dict[PlaceText, str] = Field(
        default_factory=dict,
        description='the code system of codes that name none, by place: "FT1-25" = "HCPCS", "DG1-3" = "ICD10"; '
        "otherwise LOCAL",
        json_schema_extra=among("charges", *LINE, "DG1"),
    )
    modifier_places: Places = Field(
        default=("FT1-26",),
        description="the modifiers, of every place that is filled; a place without a component takes its repetitions",
        json_schema_extra=among("charges", *LINE),
    )
    modifiers_in_code: str = Field(
        default="",
        max_length=1,
        description="what parts code and modifiers where one field holds both: `-` for 99999-25-59; empty: none does",
        json_schema_extra=among("charges"),
    )
    modifiers_are: Literal["listed", "joined"] = Field(
        default="listed",
        description="joined: a field holds modifiers without anything between them, two letters each (2559)",
        json_schema_extra=among("charges"),
    )
    units_places: Places = Field(
        default=("FT1-10",),
        description="the quantity, the first place that is filled",
        json_schema_extra=among("charges", *LINE),
    )
    units_when_empty: Decimal | None = Field(
        default=None,
        gt=0,
        description="units where there is no quantity; HL7 states none: without this the line is held",
        json_schema_extra=among("charges"),
    )
    units_are: Literal["count", "minutes"] = Field(
        default="count",
        description="what the quantity counts; minutes become units by the [[timed]] rows of the fee schedule",
        json_schema_extra=among("charges"),
    )
    amount_place: PlaceText = Field(
        default="FT1-11",
        description="the amount of the whole line",
        json_schema_extra=among("charges", *LINE),
    )
    unit_amount_place: PlaceText = Field(
        default="FT1-12",
        description="the amount of one unit",
        json_schema_extra=among("charges", *LINE),
    )
    amount_is: Literal["line", "unit"] = Field(
        default="line",
        description="what amount_place holds: the money of the line, or of one unit",
        json_schema_extra=among("charges"),
    )
    service_date_places: Places = Field(
        default=("FT1-4",),
        description="the day of service (`first^last` for a span), the first place that is filled",
        json_schema_extra=among("charges", *LINE),
    )
    rendering_places: Places = Field(
        default=("FT1-20",),
        description="who performed the service, the first place that names a person",
        json_schema_extra=among("charges", *LINE),
    )
    ordering_places: Places = Field(
        default=("FT1-21",),
        description="who ordered the service, the first place that names a person",
        json_schema_extra=among("charges", *LINE),
    )
    diagnosis_places: Places = Field(
        default=("FT1-19",),
        description="the line's own diagnoses: codes, or the numbers of DG1 segments (DG1-1)",
        json_schema_extra=among("charges", *LINE),
    )
    department_places: Places = Field(
        default=("FT1-16.1", "FT1-13.1"),
        description="where the service was given, by the sender's name for it; place_of_service says what that is",
        json_schema_extra=among("charges", *LINE),
    )
    place_of_service: dict[str, str] = Field(
        default_factory=dict,
        description="place of service code by department (PV1-3.1 for the visit, department_places for a line)",
        json_schema_extra=among("charges"),
    )
    revenue_places: Places = Field(
        default=("FT1-41.1",),
        description="the revenue code of the line",
        json_schema_extra=among("charges", *LINE),
    )
    drug_places: Places = Field(
        default=("FT1-29.1",),
        description="the NDC, the first place that is filled",
        json_schema_extra=among("charges", *LINE),
    )
    drug_quantity_place: PlaceText = Field(
        default="FT1-43",
        description="how much of the drug; without a component: `quantity^unit`",
        json_schema_extra=among("charges", *LINE),
    )
    drug_unit_place: PlaceText | None = Field(
        default=None,
        description="the unit of the drug's quantity, where it does not stand beside the quantity",
        json_schema_extra=among("charges", *LINE),
    )
    description_places: Places = Field(
        default=(),
        description="what was done in words, for codes that ask for it on the claim",
        json_schema_extra=among("charges", *LINE),
    )
    comments_are: Literal["ignored", "description", "note"] = Field(
        default="ignored",
        description="what an NTE after FT1 is: the description of the service, a note to the payer, or nothing",
        json_schema_extra=among("charges"),
    )
    field_shift: dict[PlaceText, int] = Field(
        default_factory=dict,
        description='FT1 fields that stand elsewhere than the standard says: "FT1-7" = 1 means that FT1-7 and those'
        " behind it stand one field further",
        json_schema_extra=among("charges", "FT1"),
    )


class MoneyProfile(Profiled):
    """What each financial transaction is, how it is told from others, and what its sign means."""

    charge_key: Literal["transaction", "message", "content"] | Places = Field(
        default="transaction",
        description="what makes a line the same line again: transaction (FT1-2 within the visit), message (MSH-10 and"
        " the line), content (type, codes, day, modifiers, amount; equal lines of two messages are one),"
        " or a list of places within the visit",
        json_schema_extra=among("money", *LINE),
    )
    transaction_type_places: Places = Field(
        default=("FT1-6",),
        description="the type of the transaction; each place is looked up in transaction_types, in order",
        json_schema_extra=among("money", *LINE),
    )
    transaction_types: dict[str, Kind] = Field(
        default_factory=dict,
        description='what the sender\'s types mean beside CG, CD, PY, CO and AJ: "VOID" = "void"; "*" for all others',
        json_schema_extra=among("money"),
    )
    replaces_places: Places = Field(
        default=(),
        description="where a line names the transaction (FT1-2 of an earlier line) that it replaces or takes back",
        json_schema_extra=among("money", *LINE),
    )
    payments_are: Literal["positive", "negative"] = Field(
        default="positive",
        description="the sign of money received in PY and CO; the other sign is money given back",
        json_schema_extra=among("money"),
    )
    insurer_places: Places = Field(
        default=(),
        description="where a payment names the insurer that paid; such money is not posted from here",
        json_schema_extra=among("money", *LINE),
    )
    payment_method_places: Places = Field(
        default=(),
        description="how a payment was made (cash, card), by the sender's word for it",
        json_schema_extra=among("money", *LINE),
    )
    payment_reference_places: Places = Field(
        default=("FT1-30.1",),
        description="the number of a payment, such as that of a check or receipt",
        json_schema_extra=among("money", *LINE),
    )
    bill_ft1_from: tuple[str, ...] = Field(
        default=(),
        description="message types beside DFT and BAR whose FT1 may bill, such as ORU",
        json_schema_extra=among("money"),
    )


class PolicyProfile(Profiled):
    """What IN1, IN2 and PV1 say of who pays."""

    payer_places: Places = Field(
        default=("IN1-2.1", "IN1-3.1", "IN1-4.1"),
        description="the payer or plan token that configuration maps to a payer",
        json_schema_extra=among("policies", *POLICY),
    )
    member_id_places: Places = Field(
        default=("IN1-36", "IN1-49.1", "IN2-61.1"),
        description="the member id",
        json_schema_extra=among("policies", *POLICY),
    )
    relationship_places: Places = Field(
        default=("IN1-17.1", "IN2-72.1"),
        description="what the insured is to the patient",
        json_schema_extra=among("policies", *POLICY),
    )
    rank_places: Places = Field(
        default=("IN1-22.1", "IN1-1.1"),
        description="in which order the policies pay, from 1",
        json_schema_extra=among("policies", *POLICY),
    )
    coverage_scope: Literal["visit", "patient"] = Field(
        default="visit",
        description="whether an IN1 in a message with a visit holds for that visit alone",
        json_schema_extra=among("policies"),
    )
    financial_class_places: Places = Field(
        default=("PV1-20.1",),
        description="the financial class of the visit",
        json_schema_extra=among("policies", "PV1", "PV2", "PID", "Z"),
    )
    financial_classes: dict[str, str] = Field(
        default_factory=dict,
        description='payer token by financial class, for visits without a policy: "SP" = "SELFPAY"; configuration'
        " maps the token to a payer",
        json_schema_extra=among("policies"),
    )


class StayProfile(Profiled):
    """What PV1, PV2, DRG, UB1 and UB2 say of a visit, and of a stay."""

    attending_places: Places = Field(
        default=("PV1-7",),
        description="who treats the patient, the first place that names a person",
        json_schema_extra=among("stay", *VISIT),
    )
    referring_places: Places = Field(
        default=("PV1-8",),
        description="who referred the patient, the first place that names a person",
        json_schema_extra=among("stay", *VISIT),
    )
    admission_places: Places = Field(
        default=("PV1-44",),
        description="when the visit began, the first place that is filled",
        json_schema_extra=among("stay", *VISIT),
    )
    discharge_places: Places = Field(
        default=("PV1-45",),
        description="when the visit ended, the first place that is filled",
        json_schema_extra=among("stay", *VISIT),
    )

    bill_type_places: Places = Field(
        default=(),
        description="the type of bill (UB-04 field 4), where the sender has it in a segment of its own",
        json_schema_extra=among("stay", *VISIT),
    )
    admission_type_places: Places = Field(
        default=("PV1-4.1",),
        description="the type of admission (UB-04 field 14)",
        json_schema_extra=among("stay", *VISIT),
    )
    admission_source_places: Places = Field(
        default=("PV1-14.1",),
        description="the point of origin (UB-04 field 15)",
        json_schema_extra=among("stay", *VISIT),
    )
    discharge_status_places: Places = Field(
        default=("PV1-36.1",),
        description="the discharge status (UB-04 field 17)",
        json_schema_extra=among("stay", *VISIT),
    )
    admission_types: dict[str, str] = Field(
        default_factory=dict,
        description='the UB-04 type of admission for the sender\'s own codes: "E" = "1"',
        json_schema_extra=among("stay"),
    )
    admission_sources: dict[str, str] = Field(
        default_factory=dict,
        description="the UB-04 point of origin for the sender's own codes",
        json_schema_extra=among("stay"),
    )
    discharge_statuses: dict[str, str] = Field(
        default_factory=dict,
        description="the UB-04 discharge status for the sender's own codes",
        json_schema_extra=among("stay"),
    )
    patient_class_places: Places = Field(
        default=("PV1-2.1",),
        description="the class of patient",
        json_schema_extra=among("stay", *VISIT),
    )
    patient_classes: dict[str, Literal["ambulatory", "emergency", "inpatient", "home", "virtual"]] = Field(
        default_factory=dict,
        description="what the sender's patient classes (PV1-2) mean beside E, I, O and R",
        json_schema_extra=among("stay"),
    )

    @field_validator("patient_classes", mode="after")
    @classmethod
    def _in_capitals(cls, told: dict[str, str]) -> dict[str, str]:
        return {word.upper(): meaning for word, meaning in told.items()}
