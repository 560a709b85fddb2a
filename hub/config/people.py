"""practices.toml, providers.toml and enrolments.toml: who bills, who treats, and what each may send."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from hub.config import forms
from hub.config.fields import Dated, Npi, Part, Pos, State, TaxId, Taxonomy, Word, Words, Zip, Zone, wrong

Transaction = Literal["837P", "837I", "837D", "835", "270", "276", "275", "EFT"]


class Address(Part):
    """A US address. `zip` is kept as five or nine digits without a hyphen."""

    line1: Word = Field(description="street and number")
    line2: str = Field(default="", max_length=55, description="suite, floor")
    city: Word = Field(description="city")
    state: State = Field(description="two-letter state")
    zip: Zip = Field(description="ZIP, five or nine digits")
    country: Literal["US"] = Field(default="US", description="only US")


class Street(Address):
    """An address that payers accept from a billing provider or facility: a street with a true ZIP+4."""

    @model_validator(mode="after")
    def _is_street(self) -> Street:
        if why := forms.street_fault(self.line1):
            raise wrong(f"line1: {why}", "write the street where the practice is")
        if why := forms.zip_fault(self.zip, plus_four=True):
            raise wrong(f"zip: {why}", "look the ZIP+4 up at the postal service")
        return self


class Practice(Part):
    """A billing identity: one NPI under one tax id, with books of its own (loop 2010AA)."""

    name: Word = Field(description="the name patients know; stands on statements")
    legal_name: str = Field(
        default="", max_length=60, description="the name payers know (2010AA NM103); empty: name"
    )
    npi: Npi = Field(description="billing NPI, ten digits with a good check digit")
    tax_id: TaxId = Field(description="nine digits, hyphens allowed")
    tax_id_kind: Literal["EI", "SY"] = Field(
        default="EI", description="EI employer's number, SY social security number"
    )
    taxonomy: Taxonomy = Field(description="taxonomy of the billing provider, ten characters")
    address: Street = Field(description="street address with ZIP+4; no post office box")
    pay_to: Address | None = Field(default=None, description="where payments go, if elsewhere (2010AB)")
    phone: str = Field(pattern="^[0-9]{10}$", description="ten digits; stands on statements and claims")
    pay_at: str = Field(
        default="", max_length=80, description="web address where patients pay; stands on statements"
    )

    @model_validator(mode="after")
    def _tax_id(self) -> Practice:
        if why := forms.tax_id_fault(self.tax_id, self.tax_id_kind):
            raise wrong(f"tax_id: {why}", "copy it from the IRS letter")
        return self


class Facility(Part):
    """Where services are given (2310C)."""

    practice: str = Field(description="the practice that bills for it")
    name: Word = Field(description="name of the place")
    npi: Npi | None = Field(default=None, description="its own NPI, if it has one")
    place_of_service: Pos = Field(description="two digits, as in 11 for an office")
    address: Street = Field(description="street address with ZIP+4")


class TestPatients(Part):
    """How a source marks its test patients: they are stored and never billed. Letter case does not count."""

    last_names: Words = Field(default=(), description="last names, * allowed at the end, as in ZZTEST*")
    identifiers: Words = Field(default=(), description="medical record numbers, * allowed at the end")


class Source(Part):
    """What one EHR connector's data means to billing."""

    bill_from: date | None = Field(
        default=None, description="earlier services are history; absent: nothing bills"
    )
    hold_days: int = Field(
        default=0, ge=0, le=60, description="days after the visit's end before charges become claims"
    )
    zone: Zone | None = Field(default=None, description="time zone of times without one; empty: hub.zone")
    group_by: Literal["encounter", "account", "statement_period", "episode", "recurring"] = Field(
        default="encounter", description="which charges go on one claim"
    )
    facility: str = Field(default="", description="facility of visits that name none")
    facilities: dict[str, str] = Field(default_factory=dict, description="the source's place -> facility")
    departments: dict[str, str] = Field(default_factory=dict, description="the source's department -> facility")
    places: dict[str, Pos] = Field(
        default_factory=dict, description="kind of visit, or its place -> POS; virtual and home need one"
    )
    payers: dict[str, str] = Field(default_factory=dict, description="the source's plan token or name -> payer")
    payer_order: Words = Field(
        default=(),
        description="payers, the first first, in the order in which they pay where the source ranks none",
    )
    other_than: Words = Field(
        default=(),
        description="connectors that there were before, of which this is not another name; a new source waits while "
        "the hub has visits of one that is neither configured nor named here",
    )
    silent_after_hours: int | None = Field(
        default=None,
        ge=0,
        le=8784,
        description="so long without a message is an alarm; 0: never; absent: when it is against the feed's habit",
    )
    test_patients: TestPatients = Field(default=TestPatients(), description="marks of test patients")


class Provider(Part):
    """A clinician who may stand on a claim (2310B, 2420A)."""

    npi: Npi = Field(description="individual NPI")
    last: Word = Field(description="last name")
    first: str = Field(default="", max_length=35, description="first name; empty for an organisation")
    taxonomy: Taxonomy = Field(description="taxonomy code, ten characters")
    practice: str = Field(default="", description="the practice; empty: all")
    ids: Annotated[tuple[Word, ...], Strict(strict=False)] = Field(
        default=(), description="what sources call them"
    )


class Enrolment(Dated):
    """What a practice may send to, or receive from, a payer through a clearinghouse."""

    practice: str = Field(description="practice id")
    payer: str = Field(description="payer id")
    transaction: Transaction = Field(description="837P, 835, ...")
    clearinghouse: str = Field(description="connector id")
    status: Literal["planned", "sent", "active", "refused", "ended"] = Field(description="only active counts")
    npi: Npi | None = Field(default=None, description="billing NPI if it is not the practice's own")
