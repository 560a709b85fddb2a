"""What a profile comes to for the lines of a message, made once for each sender: places as numbers, words as data."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from hub.model.encounter import Coding
from hub_hl7_adt.names import CWE, FT1
from hub_hl7_adt.places import Place, place
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.values import codings
from hub_hl7_adt.wire import Frame, Value

STANDARD = {"CG": "charge", "CD": "credit", "PY": "payment", "CO": "copay", "AJ": "adjustment"}
"""Transaction types (table 0017) and what they are."""
BILLED = frozenset(("charge", "credit"))
POINTER = "DG1"
"""The system of a coding that is the number of a DG1 segment."""
BETWEEN = str.maketrans(",;/", "   ")
"""What senders put between several words in one field."""


class Spot(msgspec.Struct, frozen=True):
    """A place for reading: its segment's name, positions, and whether no component was named (`whole`).

    `inside`: it stands in FT1 itself.
    """

    segment: str
    field: int
    component: int
    sub: int
    whole: bool
    inside: bool


class CodeSpot(msgspec.Struct, frozen=True):
    """A place of codes, and the system of codes there that name none."""

    spot: Spot
    system: str

    def read(self, written: str, frame: Frame) -> tuple[Coding, ...]:
        """The code, and its alternate, of the first repetition; of a component alone where the place names one."""
        if frame.repetition in written:
            written = written.split(frame.repetition, 1)[0]
        if self.spot.whole:
            return codings(written, frame, self.system)
        code = Value(written, frame).text(self.spot.component, self.spot.sub)
        return (Coding(system=self.system, code=code),) if code else ()

    def read_all(self, written: str, frame: Frame) -> list[Coding]:
        """The codes of every repetition; numbers of DG1 segments come as codings of the system `POINTER`."""
        found: list[Coding] = []
        for part in written.split(frame.repetition):
            if self.spot.whole and part[:1].isalpha():  # as most are; no number of a segment begins with a letter
                found += codings(part, frame, self.system)
            elif part:
                found += _told(part, frame, self.spot, self.system)
        return found


def _told(written: str, frame: Frame, spot: Spot, system: str) -> tuple[Coding, ...]:
    """What one repetition of a field of diagnoses says."""
    value = Value(written, frame)
    code = value.text(spot.component, spot.sub)
    if _points(code) and not value.text(CWE.name_of_coding_system):
        return (Coding(system=POINTER, code=code.translate(BETWEEN)),)
    if spot.whole:
        return codings(written, frame, system)
    return (Coding(system=system, code=code),) if code else ()


def _points(text: str) -> bool:
    """Whether a text is numbers of DG1 segments: `1`, `2,3`; no diagnosis code is so short."""
    if text[:1].isalpha():
        return False
    words = text.translate(BETWEEN).split()
    return bool(words) and all(len(word) <= 2 and word.isascii() and word.isdigit() for word in words)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A profile's places for one line, in the order in which they are tried; `looks_around` where one of them
    stands outside FT1.
    """

    number: Spot
    posted: Spot
    types: tuple[Spot, ...]
    kinds: Mapping[str, str]
    otherwise: str
    dates: tuple[Spot, ...]
    codes: tuple[CodeSpot, ...]
    modifiers: tuple[Spot, ...]
    modifiers_joined: bool
    units: tuple[Spot, ...]
    amount: Spot
    unit_amount: Spot
    rendering: tuple[Spot, ...]
    ordering: tuple[Spot, ...]
    diagnoses: tuple[CodeSpot, ...]
    departments: tuple[Spot, ...]
    revenue: tuple[Spot, ...]
    drugs: tuple[Spot, ...]
    drug_quantity: Spot
    drug_unit: Spot
    descriptions: tuple[Spot, ...]
    key: tuple[Spot, ...]
    replaces: tuple[Spot, ...]
    insurers: tuple[Spot, ...]
    methods: tuple[Spot, ...]
    references: tuple[Spot, ...]
    worded: bool
    looks_around: bool
    units_when_empty: Decimal | None


_PLANS: dict[int, tuple[Hl7Settings, Plan]] = {}


def plan_of(settings: Hl7Settings) -> Plan:
    """The plan of a profile; the same settings give the same plan, without making it again."""
    known = _PLANS.get(id(settings))
    if known is not None and known[0] is settings:
        return known[1]
    if len(_PLANS) > 64:
        _PLANS.clear()
    plan = _made(settings)
    _PLANS[id(settings)] = (settings, plan)
    return plan


def _made(settings: Hl7Settings) -> Plan:
    spots = _Spots(settings.field_shift)
    kinds = STANDARD | {word.upper(): kind for word, kind in settings.transaction_types.items()}
    quantity = settings.drug_quantity_place
    unit = settings.drug_unit_place or f"{quantity.partition('.')[0]}.2"
    key = settings.charge_key
    plan = Plan(
        number=spots.one(f"FT1-{FT1.transaction_id}"),
        posted=spots.one(f"FT1-{FT1.transaction_posting_date}"),
        types=spots.all(settings.transaction_type_places),
        kinds=kinds,
        otherwise=kinds.get("*", ""),
        dates=spots.all(settings.service_date_places),
        codes=spots.coded(settings.charge_code_places, settings.code_systems),
        modifiers=spots.all(settings.modifier_places),
        modifiers_joined=settings.modifiers_are == "joined",
        units=spots.all(settings.units_places),
        amount=spots.one(settings.amount_place),
        unit_amount=spots.one(settings.unit_amount_place),
        rendering=spots.all(settings.rendering_places),
        ordering=spots.all(settings.ordering_places),
        diagnoses=spots.coded(settings.diagnosis_places, settings.code_systems),
        departments=spots.all(settings.department_places) if settings.place_of_service else (),
        revenue=spots.all(settings.revenue_places),
        drugs=spots.all(settings.drug_places),
        drug_quantity=spots.one(quantity),
        drug_unit=spots.one(unit),
        descriptions=spots.all(settings.description_places),
        key=spots.all(key) if isinstance(key, tuple) else (),
        replaces=spots.all(settings.replaces_places),
        insurers=spots.all(settings.insurer_places),
        methods=spots.all(settings.payment_method_places),
        references=spots.all(settings.payment_reference_places),
        worded=bool(settings.description_places) or settings.comments_are != "ignored",
        looks_around=False,
        units_when_empty=settings.units_when_empty,
    )
    around = spots.looks_around or settings.comments_are != "ignored"
    return msgspec.structs.replace(plan, looks_around=around)


class _Spots:
    """Makes spots of places, each FT1 field where this sender has it."""

    def __init__(self, shift: Mapping[str, int]) -> None:
        self._shift = [(place(where).field, by) for where, by in shift.items()]
        self.looks_around = False

    def all(self, places: tuple[str, ...]) -> tuple[Spot, ...]:
        return tuple(self.one(where) for where in places)

    def coded(self, places: tuple[str, ...], systems: Mapping[str, str]) -> tuple[CodeSpot, ...]:
        return tuple(CodeSpot(self.one(where), systems.get(where, "LOCAL")) for where in places)

    def one(self, where: str) -> Spot:
        spot: Place = place(where)
        name, field = spot.segment.decode("ascii"), spot.field
        if name == "FT1":
            field += sum(by for begins, by in self._shift if spot.field >= begins)
        else:
            self.looks_around = True
        return Spot(name, max(field, 1), spot.component or 1, spot.sub, not spot.component, name == "FT1")


__all__ = ["BETWEEN", "BILLED", "POINTER", "STANDARD", "CodeSpot", "Plan", "Spot", "plan_of"]
