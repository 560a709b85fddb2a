"""An element of a claim, what it stands on, and the parts that rows of all sections are made with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from hub.model.coverage import Subscriber
from hub.model.encounter import Coding, Diagnosis
from hub.model.facts import ChargeFact, CoverageFact
from hub.model.people import Address, Name, Provider, Record
from hub.plugin.api import Foreseen
from hub_ehr_fhir.previewing.around import Told
from hub_ehr_fhir.previewing.tracing import Trace

THERE, SETTINGS, MISSING, NONE, UNUSED = "there", "from settings", "missing", "none told", "not used"
TOGETHER = "a default, or several together"
UNTRIED = "not looked for: too much to try"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An element of the claim. `place` is where it stands in an 837P (`2300 HI01-2`), `sources` where it comes from
    (`Condition[2].code.coding[0]`), `stands` one of `there`, `from settings`, `missing`, `none told` (and not
    needed), `not used`, with `note` behind it; `todo` what to do. `value` is a patient's.
    """

    section: str
    element: str
    place: str = ""
    sources: tuple[str, ...] = ()
    stands: str = THERE
    note: str = ""
    todo: str = ""
    value: str = ""

    def __repr__(self) -> str:
        return f"Row({self.section}: {self.element} {self.stands})"


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub says of it: `foreseen` is None where no settings are at hand; `instance` the connector; `npi_of`
    whom providers.toml means by what a source calls somebody (empty: nobody).
    """

    foreseen: Foreseen | None = None
    instance: str = ""
    zone: str = "UTC"
    npi_of: Callable[[str], str] = lambda _name: ""

    @property
    def configured(self) -> bool:
        """Whether settings were looked at."""
        return self.foreseen is not None


def local(at: datetime, zone: str) -> datetime:
    """An instant in a zone; the first and the last that there are stay as they are."""
    try:
        return at.astimezone(ZoneInfo(zone))
    except OverflowError:
        return at


def day_of(told: Told, zone: str) -> date | None:
    """The local day on which the visit began."""
    at = told.visit.started_at
    return local(at, zone).date() if at else None


def billed(told: Told) -> list[ChargeFact]:
    """The charges that count, in the order of their lines."""
    active = [one for one in told.charges if one.active and one.kind in ("charge", "credit")]
    return sorted(active, key=lambda one: (one.service_from, one.key))


def holding(told: Told, known: Known) -> list[CoverageFact]:
    """The policies that pay for the visit, in their order: as the hub has them, else those of the visit that hold on
    its day, else those that its account names, else those of its patient.
    """
    if known.foreseen is not None:
        by_key = {one.key: one for one in told.coverages}
        return [by_key[one.key] for one in known.foreseen.encounter.coverages if one.key in by_key]
    on, order = day_of(told, known.zone), {key: rank for rank, key in enumerate(told.visit.policies, 1)}
    own = [one for one in told.coverages if one.encounter_key]
    named = [one for one in told.coverages if one.key in order and one.active and is_held(one, on)]
    if named and not own:
        return sorted(named, key=lambda one: order[one.key])
    held = [one for one in own or told.coverages if one.active and is_held(one, on)]
    return sorted(held, key=lambda one: (one.rank or 99, one.key))


def is_held(one: CoverageFact, on: date | None) -> bool:
    """Whether a policy holds on a day (None: not known, so it does)."""
    if on is None:
        return True
    return not (one.valid_from and one.valid_from > on) and not (one.valid_to and one.valid_to < on)


def ordered_diagnoses(told: Told, known: Known) -> list[Diagnosis]:
    """Those of the visit in their order: as the hub makes it, else by rank, the visit's own before others."""
    if known.foreseen is not None:
        return list(known.foreseen.encounter.diagnoses)
    found: dict[Coding, Diagnosis] = {}
    apart = [one.diagnosis for one in told.diagnoses if one.active]
    named = [Diagnosis(coding=coding) for one in billed(told) for coding in one.diagnoses]
    for one in (*told.visit.diagnoses, *apart, *named):
        found.setdefault(one.coding, one)
    return sorted(found.values(), key=lambda one: one.rank or 99)


class Maker:
    """Makes rows of one encounter; each section is a class of its own."""

    def __init__(self, told: Told, trace: Trace, known: Known) -> None:
        self.told, self.trace, self.known = told, trace, known
        self.visit = told.visit
        self.table = f"sources.{known.instance or 'NAME'}"

    def of_visit(self, *fields: str) -> tuple[str, ...]:
        """The places that a field of the visit is taken from."""
        return self.trace.of("encounter", self.visit.key, *fields)

    def row(
        self, section: str, element: str, place: str, sources: tuple[str, ...], value: Any, **more: str
    ) -> Row:
        """A row of what has a value; without a source it is said why."""
        note = more.pop("note", "")
        if isinstance(value, datetime):
            value = f"{local(value, self.known.zone):%Y-%m-%d %H:%M}"
        if not sources and not note:
            note = TOGETHER if self.trace.complete else UNTRIED
        return Row(
            section=section, element=element, place=place, sources=sources, note=note, value=said(value), **more
        )

    @staticmethod
    def missing(section: str, element: str, place: str, todo: str, note: str = "") -> Row:
        """A row of what a claim needs and nobody told."""
        return Row(section=section, element=element, place=place, stands=MISSING, todo=todo, note=note)

    @staticmethod
    def none(section: str, element: str, place: str) -> Row:
        """A row of what nobody told, and no claim needs."""
        return Row(section=section, element=element, place=place, stands=NONE)


def system_of(coding: Coding) -> str:
    """A system's short name; the last part of an address."""
    return coding.system if "/" not in coding.system else coding.system.rstrip("/").rpartition("/")[2]


def named(who: Name | Provider | None) -> str:
    """Last and first name."""
    return ", ".join(one for one in (who.last, who.first) if one) if who is not None else ""


def said(value: Any) -> str:
    """A value as people read it."""
    if isinstance(value, Name | Provider):
        return named(value)
    if isinstance(value, Subscriber):
        return named(value.name)
    if isinstance(value, Address):
        return ", ".join(one for one in (value.line1, value.city, value.state, value.zip) if one)
    if isinstance(value, Record):
        return ""
    return f"{value:,.2f}" if isinstance(value, Decimal) else str(value)
