"""The field types that settings are made of: each reads TOML's own types and checks a form."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from string import Formatter
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError

from hub.config import forms

SECRET = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\s].*")
PLACEHOLDERS = ("kind", "number", "date")
_SPAN = re.compile(r"([1-9][0-9]{0,4})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Part(BaseModel):
    """Base of every settings table: frozen, no unknown key, no quiet conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


def wrong(why: str, fix: str = "") -> PydanticCustomError:
    """A fault in a value, said without it: `why` is a clause about the value, `fix` what to write instead."""
    return PydanticCustomError("hub_form", "{why}", {"why": why, "fix": fix})


def _form(check: Callable[[str], str], fix: str = "") -> AfterValidator:
    def run(value: str) -> str:
        if why := check(value):
            raise wrong(why, fix)
        return value

    return AfterValidator(run)


def _plain_digits(value: Any) -> Any:
    return value.replace("-", "").replace(" ", "") if isinstance(value, str) else value


def _secret_fault(value: str) -> str:
    return "" if SECRET.fullmatch(value) else "a secret must not stand in the settings itself"


def _decimal(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise wrong("this is no number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise wrong("this is no number") from None
    if not number.is_finite():
        raise wrong("this is no number")
    return number


def _span(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise wrong("this is no span of time", 'write a number and s, m, h or d, as in "15m"')
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def _zone_fault(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "this is no time zone of the IANA database"
    return ""


def _cron_fault(text: str) -> str:
    fields = text.split()
    good = len(fields) == 5 and all(re.fullmatch(r"[0-9A-Za-z*/,#-]+", field) for field in fields)
    return "" if good else "a cron line has five fields: minute hour day month weekday"


def _pattern_fault(text: str) -> str:
    try:
        re.compile(text)
    except re.error:
        return "this is no regular expression"
    return ""


def _file_name_fault(pattern: str) -> str:
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError:
        return "its braces do not match"
    if any(name is not None and (name not in PLACEHOLDERS or spec or how) for _, name, spec, how in parts):
        return "it has a placeholder that is not known"
    if not any(name == "number" for _, name, _, _ in parts):
        return "without {number} two files would have one name"
    plain = re.fullmatch(r"[A-Za-z0-9._-]*", "".join(text for text, *_ in parts))
    return "" if plain else "a file name has letters, digits, point, _ and - only"


def _ndc(value: str) -> str:
    found = forms.ndc11(value)
    if found is None:
        raise wrong("an NDC has eleven digits, or ten with hyphens", "write it with its hyphens, as on the box")
    return found


_SYSTEMS = ("SNOMED", "CVX", "LOCAL", "HCPCS", "ICD10", "LOINC", "RXNORM", "NDC", "CPT", "CDT")
_URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$")


def _system_fault(value: str) -> str:
    """A practice's own charge codes have an address of its own in FHIR; another word is a typing error."""
    return "" if value in _SYSTEMS or _URI.match(value) else "is no code system"


Word = Annotated[str, Field(min_length=1, max_length=80)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
Npi = Annotated[str, _form(forms.npi_fault, "copy it from the NPI registry (NPPES)")]
TaxId = Annotated[str, BeforeValidator(_plain_digits), Field(json_schema_extra={"examples": ["12-3456789"]})]
Zip = Annotated[str, BeforeValidator(_plain_digits), _form(forms.zip_fault)]
State = Annotated[str, _form(forms.state_fault)]
Taxonomy = Annotated[str, _form(forms.taxonomy_fault)]
Hcpcs = Annotated[str, _form(forms.hcpcs_fault)]
Icd10 = Annotated[str, _form(forms.icd10_fault)]
Modifier = Annotated[str, _form(forms.modifier_fault)]
Ndc = Annotated[str, AfterValidator(_ndc)]
Pos = Annotated[str, Field(pattern=r"^[0-9]{2}$")]
SecretRef = Annotated[str, _form(_secret_fault, 'write "env:NAME" or "file:path" and keep the secret there')]
CodeSystem = Annotated[
    str,
    _form(_system_fault, f"write one of {', '.join(_SYSTEMS)}, or the address (URI) that the source sends"),
    WithJsonSchema({"anyOf": [{"enum": list(_SYSTEMS)}, {"type": "string", "pattern": _URI.pattern}]}),
]
Number = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}]}),
]
Span = Annotated[
    timedelta, BeforeValidator(_span), WithJsonSchema({"type": "string", "pattern": f"^{_SPAN.pattern}$"})
]
Zone = Annotated[str, _form(_zone_fault, 'write it as in "America/New_York"')]
Cron = Annotated[str, _form(_cron_fault)]
Pattern = Annotated[str, _form(_pattern_fault)]
FileName = Annotated[str, _form(_file_name_fault, "write {number}, and {kind} or {date} where wanted")]
Words = Annotated[tuple[Word, ...], Strict(strict=False)]
Modifiers = Annotated[tuple[Modifier, ...], Strict(strict=False), Field(max_length=4)]


class Dated(Part):
    """A row that holds from a day to a day, both counted; without them it always holds."""

    valid_from: date | None = Field(default=None, alias="from", description="first day on which the row holds")
    valid_to: date | None = Field(default=None, alias="to", description="last day on which the row holds")

    def holds(self, on: date) -> bool:
        """Whether the row holds on this day."""
        return (self.valid_from or date.min) <= on <= (self.valid_to or date.max)
