"""What an overlay may alter, as checked rows of a TOML file; every fault with its line."""

from __future__ import annotations

import tomllib
import zlib
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from hub.codes import hcpcs_fault, icd10_fault, npi_fault, state_fault, zip_fault
from hub.config.locate import key_lines
from hub.errors import Problem

EVERY = "*"


def _checked(fault: object) -> AfterValidator:
    def check(text: str) -> str:
        if text and (why := fault(text)):  # type: ignore[operator]
            raise ValueError(why)
        return text

    return AfterValidator(check)


Hcpcs = Annotated[str, _checked(hcpcs_fault)]
Icd10 = Annotated[str, _checked(icd10_fault)]
Npi = Annotated[str, _checked(npi_fault)]
Zip = Annotated[str, _checked(zip_fault)]
State = Annotated[str, _checked(state_fault)]


class Part(BaseModel):
    """Rows are frozen, and a key that is not known is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Dates(Part):
    """Services move to a day from `first_day` on, `spread_days` days at most; each encounter as a whole."""

    first_day: date
    spread_days: int = Field(default=28, ge=1, le=365)

    def moved(self, key: str, nth: int = 0) -> date:
        """The new day of an encounter: `key` decides where its patient begins, `nth` tells them apart."""
        return self.first_day + timedelta(days=(zlib.crc32(key.encode()) + nth) % self.spread_days)


class Coverage(Part):
    """Whose plan (by the name or id that the source gives; * for any) becomes which plan token. Every # of
    `member` becomes a digit that the patient's key decides.
    """

    names: tuple[str, ...]
    token: str = Field(min_length=1)
    member: str = ""

    def member_for(self, key: str) -> str:
        """The invented member id of that patient; the same each time."""
        digits = iter(f"{zlib.crc32(key.encode()):012d}"[::-1])
        return "".join(next(digits, "0") if one == "#" else one for one in self.member)


class Address(Part):
    """What is filled in where a patient's address lacks it."""

    line1: str
    city: str
    state: State
    zip: Zip


class Provider(Part):
    """Who stands in for a provider whose NPI is missing or fails its check digit."""

    npi: Npi
    last: str
    first: str


class Code(Part):
    """A code of one of some systems (as the source writes them; # is any digit) and what it becomes."""

    systems: tuple[str, ...]
    code: str = Field(min_length=1)
    hcpcs: Hcpcs = ""
    icd10: Icd10 = ""

    def fits(self, system: str, code: str) -> bool:
        """Whether a source's code is meant."""
        if system.casefold() not in {one.casefold() for one in self.systems} or len(code) != len(self.code):
            return False
        return all(c == p or (p == "#" and c.isdigit()) for c, p in zip(code, self.code, strict=True))


class Visit(Part):
    """For a kind of visit (Encounter.type): the charge that is added, and the diagnosis where none came."""

    systems: tuple[str, ...]
    code: str
    hcpcs: Hcpcs = ""
    icd10: Icd10 = ""


class Rules(Part):
    """All that an overlay alters; what it does not name stays as it is."""

    dates: Dates | None = None
    coverages: tuple[Coverage, ...] = ()
    address: Address | None = None
    provider: Provider | None = None
    codes: tuple[Code, ...] = ()
    visits: tuple[Visit, ...] = ()
    place: str = ""
    units: int = Field(default=0, ge=0, le=1)
    processing_id: str = ""

    def coverage(self, *names: str) -> Coverage | None:
        """The row for a plan by any of its names; None where the plan is one of our tokens already."""
        told = {name.casefold() for name in names if name}
        if told & {row.token.casefold() for row in self.coverages}:
            return None
        named = (row for row in self.coverages if told & {name.casefold() for name in row.names})
        return next(named, next((row for row in self.coverages if EVERY in row.names), None))

    def charge(self, system: str, code: str) -> str:
        """The HCPCS Level II code that stands in for a source's code, or nothing."""
        return next((row.hcpcs for row in self.codes if row.hcpcs and row.fits(system, code)), "")

    def diagnosis(self, system: str, code: str) -> str:
        """The ICD-10-CM code that stands in for a source's code, or nothing."""
        return next((row.icd10 for row in self.codes if row.icd10 and row.fits(system, code)), "")


class Overlay(msgspec.Struct, frozen=True, kw_only=True):
    """A loaded overlay. With `faults` it alters nothing: show them, each names its file and line."""

    rules: Rules = msgspec.field(default_factory=Rules)
    faults: tuple[Problem, ...] = ()


def load_overlay(path: Path) -> Overlay:
    """Read an overlay file; what is wrong with it comes back as values."""
    try:
        text = path.read_text("utf-8")
        return Overlay(rules=Rules.model_validate(tomllib.loads(text)))
    except OSError:
        return Overlay(faults=(_fault(path, 0, "", "the file cannot be read"),))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        return Overlay(faults=(_fault(path, 0, "", f"this is no TOML ({why})"),))
    except ValidationError as error:
        lines = key_lines(text)
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return Overlay(faults=tuple(_of_key(path, one["loc"], one["msg"], lines) for one in found))


def _of_key(path: Path, loc: tuple[int | str, ...], why: str, lines: dict[tuple[str | int, ...], int]) -> Problem:
    known = next((lines[loc[:size]] for size in range(len(loc), 0, -1) if loc[:size] in lines), 0)
    name = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in loc).lstrip(".")
    return _fault(path, known, name, why)


def _fault(path: Path, line: int, key: str, why: str) -> Problem:
    where = ":".join([path.name, *([str(line)] if line else [])])
    return Problem(
        code="overlay.fault",
        where=f"{where} {key}".strip(),
        why=why,
        fix="correct it; the overlay alters nothing until it has no fault",
    )
