"""What lines of several kinds share: whose, when, how many, for how much, why, by whom."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from hub.model.encounter import Coding
from hub.model.people import Provider
from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.extensions import named
from hub_ehr_fhir.mapping.notes import SEND_AGAIN
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.scene import Scene, provider
from hub_ehr_fhir.mapping.visits import visit_day

Dates = tuple[date, date | None]
_MINUTES = frozenset(("min", "minutes", "minute"))
_HOURS = frozenset(("h", "hr", "hrs", "hour", "hours"))
_COUNTED = frozenset(("", "1", "UN", "un", "unit", "units", "each", "ea", "EA"))
# UCUM: what measures a dose or a size; of days there may be one unit each.
_MEASURED = frozenset((
    "kg", "g", "mg", "ug", "mcg", "ng", "L", "l", "dL", "mL", "ml", "cc", "uL", "[iU]", "IU", "iU", "[USP'U]", "meq",
    "mmol", "mol", "umol", "m", "cm", "mm", "m2", "cm2", "[in_i]", "[ft_i]", "kBq", "MBq", "mCi", "s",
))  # fmt: skip
# v3-ParticipationType and Claim's own codes of care teams, those first who did it; then those who say nothing.
_FIRST = ("PPRF", "primary", "rendering", "performing", "ATND")
_NOT_RENDERING = frozenset(("assist", "supervisor", "SPRF", "REF", "ordering", "AUT", "ENT"))


class SetAside(Exception):
    """A resource that cannot be a charge; carries what the problem says."""

    def __init__(self, code: str, element: str, why: str, fix: str = SEND_AGAIN) -> None:
        super().__init__(code)
        self.code, self.element, self.why, self.fix = code, element, why, fix


class Later(Exception):
    """A charge that cannot be told before another message comes; it is a piece until then."""


def patient_of(scene: Scene, reference: shapes.Reference, element: str) -> str:
    """The key of whose it is; without one there is no charge."""
    key = scene.resources.key(reference, "Patient")
    if not key:
        raise SetAside("fhir.charge.patient", element, "the charge does not say whose it is")
    return key


def dates_of(scene: Scene, visit: str, at: str, period: shapes.Period, element: str) -> Dates:
    """When it was done: its own date or period, else the day on which its encounter began."""
    try:
        start = codes.local_day(at or period.start, scene.zone)
        end = codes.local_day(period.end, scene.zone) if period.end else None
        if start is None:
            start = visit_day(scene, visit)
    except codes.Unreadable as why:
        raise SetAside("fhir.charge.date", element, f"the date is {why}") from None
    if start is None and visit and scene.resources.at(visit) is None:
        raise Later
    if start is None:
        raise SetAside("fhir.charge.date", element, "there is no date, and no encounter that has one")
    if end is not None and end < start:
        raise SetAside("fhir.charge.date", element, "it ends before it begins")
    return start, end if end != start else None


def is_credit(scene: Scene, item: shapes.ChargeItem) -> bool:
    """Whether it takes a charge back: how many, or how much, is below zero."""
    value = item.quantity.value
    if value is not None and value < 0:
        return True
    money = item.price_override or money_of(scene, item)
    return money is not None and money.value is not None and money.value < 0


def money_of(scene: Scene, item: shapes.ChargeItem) -> shapes.Money | None:
    """ChargeItem.priceOverride (R4: the total price), else an extension."""
    if item.price_override or not item.extension:
        return item.price_override
    told = (each.value_money for each in named(item.extension, scene.settings.amount_extensions))
    return next((money for money in told if money), None)


def occurrence_of(item: shapes.ChargeItem) -> tuple[str, shapes.Period]:
    """When the item says that it was: an instant or a day, or a period. Of a Timing the one day that it names."""
    timing = item.occurrence_timing
    if timing is None:
        return item.occurrence_date_time, item.occurrence_period
    if not timing.event or len({each[:10] for each in timing.event}) > 1:
        why = "its Timing names no day, or several: on which of them what was done, it does not say"
        raise SetAside("fhir.charge.date", "occurrenceTiming", why, "send a ChargeItem for each day")
    return timing.event[0], shapes.Period()


def quantity_of(
    scene: Scene, part: Part, quantity: shapes.Quantity, element: str, *, signed: bool = False
) -> tuple[Decimal, str]:
    """How many, and of what: minutes (MJ), or units (UN). Another unit is told, and counted as it stands; one that
    measures is held, since how many units of service that is nobody says. `signed`: it may be below zero.
    """
    value = quantity.value if quantity.value is not None else scene.settings.units_when_empty
    if value is None:
        why = "there is no quantity, and R4 gives it no default"
        fix = "set units_when_empty if this source leaves it out for one, or send it again"
        raise SetAside("fhir.charge.units", element, why, fix)
    try:
        value = codes.sane(value)
    except codes.Unreadable as fault:
        raise SetAside("fhir.charge.units", f"{element}.value", f"the quantity is {fault}") from None
    if not value or (value < 0 and not signed):
        raise SetAside("fhir.charge.units", f"{element}.value", "the quantity is not above zero")
    unit = quantity.code or quantity.unit
    if unit in _COUNTED or unit.startswith("{") or unit in scene.settings.counted_units:
        return value, "UN"
    if unit in _MINUTES or quantity.unit in _MINUTES:
        return value, "MJ"
    if unit in _HOURS:
        return value * 60, "MJ"
    _tell_of_unit(scene, part, unit, f"{element}.unit")
    return value, "UN"


def _tell_of_unit(scene: Scene, part: Part, unit: str, element: str) -> None:
    if unit in _MEASURED:
        why = "this unit measures a dose or a size, and nothing says how many units of service that is"
        fix = "send a count of what the code bills; or name the unit in counted_units if this source counts by it"
        raise SetAside("fhir.charge.units", element, why, fix)
    why = "this unit is neither minutes nor a count; the quantity was read as units of service"
    scene.notes.warn("fhir.charge.unit", part.at(element), why, "send minutes (min) or a count")


def dollars_of(money: shapes.Money | None, element: str, *, signed: bool = False) -> Decimal | None:
    """The amount of the whole line; None where none is told. `signed`: it may be below zero; else that is held."""
    try:
        amount = codes.dollars(money) if money else None
    except codes.Unreadable as fault:
        raise SetAside("fhir.charge.amount", element, f"the amount is {fault}") from None
    if amount is not None and amount < 0 and not signed:
        why = "the amount is below zero: what is taken back is told by the status of its own resource"
        raise SetAside("fhir.charge.amount", element, why)
    return amount


def reasons_of(
    scene: Scene, concepts: tuple[shapes.CodeableConcept, ...], references: tuple[shapes.Reference, ...]
) -> tuple[Coding, ...]:
    """The diagnoses for which something was done, from its codes and from the conditions it points to."""
    if not concepts and not references:
        return ()
    conditions = (scene.resources.get(reference, shapes.Condition) for reference in references)
    found = [codes.best_diagnosis(concept) for concept in concepts]
    found += [codes.best_diagnosis(condition.code) for condition in conditions if condition]
    return tuple(dict.fromkeys(coding for coding in found if coding))


def performer_of(
    scene: Scene, performers: Iterable[tuple[shapes.CodeableConcept, shapes.Reference]]
) -> Provider | None:
    """Who did it: the first whose function says so, else the first without one; never who assisted or supervised."""
    ranked = sorted(
        ((_rank(function), n, actor) for n, (function, actor) in enumerate(performers)), key=lambda one: one[:2]
    )
    found = (provider(scene, actor) for rank, _, actor in ranked if rank < len(_FIRST) + 2)
    return next((one for one in found if one), None)


def _rank(function: shapes.CodeableConcept) -> int:
    said = {coding.code for coding in function.coding}
    if said & _NOT_RENDERING:
        return len(_FIRST) + 2
    return next((n for n, code in enumerate(_FIRST) if code in said), len(_FIRST) + bool(said))
