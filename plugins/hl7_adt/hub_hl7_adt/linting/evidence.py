"""What stands where in the samples: for each place how often it is filled, how many values, of what shape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from hub_hl7_adt.linting.shapes import shapes
from hub_hl7_adt.wire import Message, Segment

_DISTINCT = 4000
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}", re.ASCII)
_seen = lru_cache(maxsize=20_000)(shapes)


class Evidence(msgspec.Struct, kw_only=True):
    """One place (`FT1-7.1`): of how many segments it could stand in, in how many it is filled, its values (counted,
    the first few thousand distinct ones) and how many of the filled ones have each shape.
    """

    place: str
    of: int = 0
    filled: int = 0
    repeated: int = 0
    values: Counter[str] = msgspec.field(default_factory=Counter)
    shapes: Counter[str] = msgspec.field(default_factory=Counter)

    def __repr__(self) -> str:
        return f"Evidence({self.place}: {self.filled} of {self.of}, {len(self.values)} values)"

    @property
    def distinct(self) -> int:
        """How many different values."""
        return len(self.values)

    @property
    def always(self) -> bool:
        """Whether every segment has it."""
        return bool(self.of) and self.filled == self.of

    @property
    def never(self) -> bool:
        """Whether no segment has it."""
        return not self.filled

    def share(self, *names: str) -> float:
        """Which part of the filled ones has one of these shapes (shapes that exclude each other)."""
        return sum(self.shapes[name] for name in names) / self.filled if self.filled else 0.0

    def add(self, text: str) -> None:
        """Count one value."""
        self.filled += 1
        self.shapes.update(_seen(text))
        if text in self.values or len(self.values) < _DISTINCT:
            self.values[text] += 1


class Survey(msgspec.Struct, kw_only=True):
    """The evidence of all places, and how many segments of each name there are."""

    places: dict[str, Evidence] = {}
    segments: Counter[str] = msgspec.field(default_factory=Counter)

    def at(self, place: str) -> Evidence:
        """The evidence of a place; a field without a component means its first one."""
        place = place if "." in place else f"{place}.1"
        found = self.places.get(place)
        return found or Evidence(place=place, of=self.segments[place.partition("-")[0]])

    def of_segment(self, name: str) -> list[Evidence]:
        """The filled places of a segment."""
        return [one for place, one in self.places.items() if place.startswith(f"{name}-")]


def survey(messages: Iterable[Message]) -> Survey:
    """Count what stands where; of a repeated field the first repetition."""
    found = Survey()
    for message in messages:
        repetition, component = message.seps.repetition.decode(), message.seps.component.decode()
        for segment in filter(is_named, message.segments):
            found.segments[segment.name] += 1
            for field in filled(segment):
                _count(found, segment, field, repetition, component)
    for one in found.places.values():
        one.of = found.segments[one.place.partition("-")[0]]
    return found


def _count(found: Survey, segment: Segment, field: int, repetition: str, component: str) -> None:
    value = segment.value(field)
    repeated = repetition in segment.written(field)
    for part in range(1, value.written.count(component) + 2):
        if text := value.text(part):
            place = f"{segment.name}-{field}.{part}"
            evidence = found.places.get(place)
            if evidence is None:
                evidence = found.places[place] = Evidence(place=place)
            evidence.add(text)
            evidence.repeated += part == 1 and repeated


def is_named(segment: Segment) -> bool:
    """Whether a segment has a name of HL7's form; what has none is a torn line."""
    return _NAME.fullmatch(segment.name) is not None


def filled(segment: Segment) -> list[int]:
    """The fields that hold anything; those that are the separators themselves are left out."""
    first = 3 if segment.name in ("MSH", "FHS", "BHS") else 1
    return [at for at, text in enumerate(segment.fields) if at >= first and text not in ("", '""')]
