"""payers.toml, charge_map.toml and fee_schedule.toml: who pays, for what, and how much is asked."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from hub.config.fields import (
    CodeSystem,
    Dated,
    Hcpcs,
    Icd10,
    Modifiers,
    Ndc,
    Number,
    Part,
    Pattern,
    Word,
    Words,
    wrong,
)
from hub.config.people import Address

PayerKind = Literal[
    "medicare", "medicare_advantage", "medigap", "medicaid", "ppo", "hmo", "commercial", "blue", "tricare",
    "veterans", "workers_comp", "auto", "self_pay",
]  # fmt: skip
FilingCode = Literal[
    "11", "12", "13", "14", "15", "16", "17", "AM", "BL", "CH", "CI", "DS", "FI", "HM", "LM", "MA", "MB", "MC",
    "OF", "TV", "VA", "WC", "ZZ",
]  # fmt: skip


class Payer(Part):
    """One payer and its customs."""

    name: Word = Field(description="name on claims (2010BB NM103)")
    kind: PayerKind = Field(description="what sort of payer this is")
    filing_code: FilingCode = Field(default="CI", description="claim filing indicator (SBR09)")
    ids: dict[str, Word] = Field(
        default_factory=dict, description="its id at each clearinghouse connector (2010BB NM109)"
    )
    remit_ids: Words = Field(default=(), description="how 835s name it (TRN03, N104, REF*2U), beside `ids`")
    address: Address | None = Field(default=None, description="where paper goes")
    electronic: bool = Field(default=True, description="false: claims go on paper")
    electronic_secondary: bool = Field(
        default=True, description="takes claims after another payer electronically"
    )
    member_id: Pattern | None = Field(
        default=None, description="regular expression that a member id matches whole"
    )
    timely_filing_days: int = Field(
        default=365, ge=1, le=3650, description="days from service to the first claim"
    )
    crossover_to: Words = Field(default=(), description="payers to which it forwards claims by itself")
    may_bill_patient: bool = Field(default=True, description="false: the patient is never asked (Medicaid, comp)")
    claim_ack: bool = Field(default=True, description="answers each claim by a 277CA")
    ack_days: int = Field(default=3, ge=1, le=60, description="days after which a missing 277CA is an alarm")
    era: bool = Field(default=True, description="pays with an 835; false: on paper")
    era_days: int = Field(
        default=30, ge=1, le=365, description="days after which a missing adjudication is an alarm"
    )

    overlays: Words = Field(
        default=(),
        description="rules on top of the guides, as in `medicare`: built in, or overlays/NAME.toml here",
    )

    @model_validator(mode="after")
    def _protected(self) -> Payer:
        if self.may_bill_patient and self.kind in {"medicaid", "workers_comp"}:
            raise wrong("patients of such a payer may not be billed", "write may_bill_patient = false")
        return self


class ChargeRow(Dated):
    """A source's code and the HCPCS code that is charged for it. A row that is not exact is a proposal."""

    system: CodeSystem = Field(description="whose code it is: a name, or a system's own address (URI)")
    code: Word = Field(description="the code")
    hcpcs: Hcpcs = Field(description="HCPCS Level II")
    modifiers: Modifiers = Field(default=(), description="up to four")
    units: Literal["source", "one", "minutes"] = Field(
        default="source", description="source: as it came; one: always 1; minutes: by the rule in `timed`"
    )
    exact: bool = Field(default=False, description="false: a coder confirms each; true: it bills by itself")


class DiagnosisRow(Dated):
    """A source's diagnosis code and the ICD-10-CM code that is billed for it."""

    system: CodeSystem = Field(description="whose code it is: a name, or a system's own address (URI)")
    code: Word = Field(description="the code")
    icd10: Icd10 = Field(description="ICD-10-CM, with or without its point")
    exact: bool = Field(default=False, description="false: a coder confirms each; true: it bills by itself")


class Fee(Dated):
    """The price of one unit."""

    hcpcs: Hcpcs = Field(description="HCPCS Level II")
    modifiers: Modifiers = Field(default=(), description="only with these modifiers, in any order")
    cents: int = Field(gt=0, description="price of one unit in cents")
    practice: str = Field(default="", description="only for this practice; empty: all")
    words: str = Field(default="", max_length=60, description="what the patient reads on the statement")


class Timed(Part):
    """A code counted in time: `minutes` make a unit, and a last part of at least `least` minutes counts too."""

    hcpcs: Hcpcs = Field(description="HCPCS Level II")
    minutes: int = Field(gt=0, le=480, description="minutes of one unit")
    least: int = Field(
        default=0, ge=0, le=480, description="least minutes of a last, broken unit; 0: half of a unit"
    )

    def units(self, minutes: Decimal) -> Decimal:
        """Whole units for so many minutes."""
        whole, rest = divmod(minutes, self.minutes)
        least = Decimal(self.least) if self.least else Decimal(self.minutes) / 2
        return whole + (1 if rest >= least else 0)


class DrugRow(Dated):
    """What a drug code must carry (loop 2410): an NDC, and how much of it is in one HCPCS unit."""

    hcpcs: Hcpcs = Field(description="HCPCS Level II")
    ndc: Ndc = Field(description="eleven digits, or ten with hyphens")
    unit: Literal["UN", "ML", "GR", "ME", "F2"] = Field(description="unit of `per_unit` (CTP05)")
    per_unit: Number = Field(gt=0, description="how much of `unit` is one HCPCS unit (CTP04)")


class Rental(Part):
    """A rented device: charged month by month."""

    hcpcs: Hcpcs = Field(description="HCPCS Level II")
    modifiers: Modifiers = Field(default=("RR",), description="of every month's line")
    months: int = Field(default=13, ge=1, le=120, description="months after which it belongs to the patient")
