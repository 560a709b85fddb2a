"""The rows of `what becomes what`: each canonical thing, its fields, and the places they are taken from."""

from __future__ import annotations

from typing import Any

import msgspec

from hub_hl7_adt.linting.evidence import Evidence, Survey
from hub_hl7_adt.linting.tracing import NEEDED, Trace

# What a claim asks of each thing: it has a row even where the samples have nothing for it.
_EXPECTED = {
    "patient": ("key", "name", "birth date", "sex", "address", "identifiers"),
    "coverage": ("payer token", "member id", "relationship", "rank"),
    "visit": ("key", "kind", "started at", "place of service", "rendering", "diagnosis"),
    "charge": ("key", "service from", "code", "modifiers", "units", "amount", "diagnosis", "rendering",
               "place of service"),
}  # fmt: skip
_FAMILIES = ("name", "address", "guarantor", "subscriber", "rendering", "referring", "supervising", "ordering",
             "facility", "accident", "drug", "coded values", "procedures", "provider", "reason")  # fmt: skip
_LOOKS = ("npi", "icd10 with point", "hcpcs", "five digits", "amount", "time with zone", "time without zone", "date",
          "ndc", "whole number", "code", "words")  # fmt: skip


TOGETHER = "a default, or several together"
NOWHERE = "nothing in the samples"
# What a claim takes from the charge line or else from the visit.
_EITHER = ("diagnosis", "rendering", "place of service")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a thing, its places, in how many of the segments the first of them is filled, its shape, and its
    commonest values.
    """

    thing: str
    field: str
    places: tuple[str, ...] = ()
    filled: str = ""
    looks: str = ""
    values: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Row({self.thing} {self.field})"

    def data(self, *, values: bool) -> dict[str, Any]:
        """The row for a program."""
        told = {name: getattr(self, name) for name in ("thing", "field", "places", "filled", "looks")}
        return told | ({"values": self.values} if values else {})


def rows(trace: Trace, survey: Survey, *, everything: bool) -> dict[str, list[Row]]:
    """Rows by thing; `everything` has a row for each component, otherwise those of one family are one."""
    places: dict[str, dict[str, set[str]]] = {thing: {} for thing in _EXPECTED if _has(trace, thing)}
    for (thing, field), found in trace.becomes.items():
        if field == NEEDED and all(place.startswith("MSH") for place in found) and not everything:
            continue
        name = field if everything else _family(field)
        told = found if everything else {place.partition(".")[0] for place in found}
        places.setdefault(thing, {}).setdefault(name, set()).update(told)
    present = {(thing, _family(field)) for thing, field in trace.present}
    made = {thing: _of_thing(thing, fields, survey, present) for thing, fields in places.items()}
    for thing, other in (("visit", "charge"), ("charge", "visit")):
        made |= (
            {thing: [_elsewhere(row, other, made.get(other, [])) for row in made[thing]]} if thing in made else {}
        )
    return made


def _elsewhere(row: Row, thing: str, others: list[Row]) -> Row:
    """A row whose field stands nowhere here, but in the other thing that a claim takes it from."""
    if (
        row.looks != NOWHERE
        or row.field not in _EITHER
        or not any(o.field == row.field and o.places for o in others)
    ):
        return row
    return msgspec.structs.replace(row, looks=f"none; each {thing} has it")


def _has(trace: Trace, thing: str) -> bool:
    return any(one == thing for one, _ in trace.becomes)


def _family(field: str) -> str:
    return next((family for family in _FAMILIES if field.startswith(f"{family} ")), field)


def _of_thing(
    thing: str, fields: dict[str, set[str]], survey: Survey, present: set[tuple[str, str]]
) -> list[Row]:
    expected = _EXPECTED.get(thing, ())
    names = [*expected, *sorted(name for name in fields if name not in expected)]
    made = [_row(thing, name, fields.get(name) or _below(fields, name), survey) for name in names]
    return [
        msgspec.structs.replace(row, looks=TOGETHER) if not row.places and (thing, row.field) in present else row
        for row in made
    ]


def _below(fields: dict[str, set[str]], name: str) -> set[str]:
    """Places of the parts of an expected field (`name last` for `name`)."""
    return {place for field, places in fields.items() if field.startswith(f"{name} ") for place in places}


def _row(thing: str, name: str, found: set[str], survey: Survey) -> Row:
    if not found:
        return Row(thing=thing, field=name, looks=NOWHERE)
    places = sorted(found, key=_order)
    best = max((survey.at(place) for place in places), key=lambda one: one.filled)
    return Row(
        thing=thing,
        field=name,
        places=tuple(places),
        filled=f"{best.filled} of {best.of}",
        looks=_looks(best),
        values=tuple(value for value, _ in best.values.most_common(3)),
    )


def _looks(one: Evidence) -> str:
    shape = next((name for name in _LOOKS if one.share(name) >= 0.6), "")
    return f"{shape or 'anything'}, {one.distinct} different"


_ORDER = ("MSH", "EVN", "PID", "PV1", "PV2", "FT1", "IN1", "IN2", "GT1", "DG1")


def _order(place: str) -> tuple[int, str, int, int]:
    segment, _, rest = place.partition("-")
    field, _, component = rest.partition(".")
    return _ORDER.index(segment) if segment in _ORDER else 99, segment, int(field), int(component or 0)
