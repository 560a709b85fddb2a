"""Finds which element of which resource becomes what, by altering one after the other and reading again.

No second table says what the mapping does: each element that the mapping can see is changed a little (else taken
away), the resources are read again under the same settings, and what came out differently is what it becomes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from hub.model.facts import AnyFact
from hub_ehr_fhir.mapping import shapes
from hub_ehr_fhir.mapping.reading import read_whole
from hub_ehr_fhir.previewing.around import facts_of, patient_of
from hub_ehr_fhir.previewing.sample import One, bundle_of, written
from hub_ehr_fhir.settings import FhirSettings

SECONDS = 20.0
READS = 6_000
_STEP = 20
_QUIET = frozenset(("key", "version", "cleared", "stamps", "fact", "joined", "withdrawn", "partial"))
_NAMES = frozenset(("resourceType", "id", "versionId", "lastUpdated"))
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_LARGE = frozenset(("Claim", "ClaimResponse", "ExplanationOfBenefit"))
# what is named by the element around it, as people name it
_INNER = ("code", "system", "value", "reference", "display", "unit", "currency")
_ORDER = ("Encounter", "Patient", "Coverage", "ChargeItem", "Condition", "Procedure", "Practitioner")

KEPT = "the hub"
"""Where a fact is from that was told before, by what is not at hand."""
Path = tuple[str | int, ...]
Made = tuple[str, str, str]
"""A kind of fact, its key, and a field in it: `("patient", "Patient/1", "patient.name.last")`."""


class Source(msgspec.Struct, frozen=True):
    """An element: its place as people write it, of how much else it is a part, and whether it only points there."""

    place: str
    breadth: int
    points: bool


class Trace(msgspec.Struct, kw_only=True):
    """What each field of each fact is taken from, the most particular first; `complete`: everything was tried;
    `kept`: the facts, by kind and key, that none of these resources tell as they stand: the hub keeps them.
    """

    sources: dict[Made, list[Source]] = {}
    reads: int = 0
    complete: bool = True
    kept: set[tuple[str, str]] = set()

    def of(self, kind: str, key: str, *fields: str) -> tuple[str, ...]:
        """The places that one of these fields (or something in it) is taken from; those that only point to them,
        where nothing else is.
        """
        if (kind, key) in self.kept:
            return (KEPT,)
        found: dict[str, Source] = {}
        for (a_kind, a_key, field), sources in self.sources.items():
            if (a_kind, a_key) == (kind, key) and any(_within(field, one) for one in fields):
                found.update((one.place, one) for one in _closest(sources))
        ranked = sorted(found.values(), key=lambda one: (one.points, one.breadth))
        direct = [one.place for one in ranked if not one.points]
        return tuple(direct or [one.place for one in ranked])


def _closest(sources: Sequence[Source]) -> list[Source]:
    """Of what a field depends on, what it depends on most particularly: a name, and not the role of whose it is."""
    direct = [one for one in sources if not one.points] or list(sources)
    least = min((one.breadth for one in direct), default=0)
    return [one for one in direct if one.breadth == least]


def _within(field: str, of: str) -> bool:
    return not of or field == of or field.startswith(f"{of}.")


def traced(
    resources: Sequence[One],
    key: str,
    told: Sequence[AnyFact],
    settings: FhirSettings,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
    tick: Callable[[], float] = time.monotonic,
) -> Trace:
    """Alter every element that the mapping may see, within some seconds; `told` is what they tell of the encounter
    `key`, `progress` hears how far it is.
    """
    settings = settings.model_copy(update={"validate_with": "quarantine"})
    reader = _Reader(resources, key, told, settings)
    spots = [
        (one, path)
        for one in _ordered(resources)
        if one.kind not in _LARGE or reader.matters(one)
        for path in _leaves(one.tree(), shapes.SHAPES[one.kind])
    ]
    trace, began = Trace(), tick()
    for number, (one, path) in enumerate(spots):
        if reader.reads > READS or tick() - began > SECONDS:
            trace.complete = False
            break
        if number % _STEP == 0:
            progress(number, len(spots))
        _note(trace, one, path, reader.differences(one, path))
    for sources in trace.sources.values():
        sources.sort(key=lambda each: (each.points, each.breadth))
    trace.reads = reader.reads
    return trace


def _ordered(resources: Sequence[One]) -> list[One]:
    rank = {kind: number for number, kind in enumerate(_ORDER)}
    read = [one for one in resources if one.kind in shapes.SHAPES]
    return sorted(read, key=lambda one: rank.get(one.kind, len(rank)))


def _note(trace: Trace, one: One, path: Path, found: set[Made]) -> None:
    if not found:
        return
    source = Source(one.label + _written(path), len(found), path[-1] == "reference")
    for made in found:
        known = trace.sources.setdefault(made, [])
        if all(each.place != source.place for each in known):
            known.append(source)


class _Reader:
    """Reads the resources with one element altered, and compares."""

    def __init__(
        self, resources: Sequence[One], key: str, told: Sequence[AnyFact], settings: FhirSettings
    ) -> None:
        self._resources, self._settings = resources, settings
        self._key, self._patient = key, patient_of(told)
        self._before = flat(told)
        self.reads = 0

    def matters(self, one: One) -> bool:
        """Whether anything is told otherwise without the resource."""
        return bool(self._read(one, b""))

    def differences(self, one: One, path: Path) -> set[Made]:
        """What differs once the element holds something else; where that takes a fact away, something else again."""
        last: set[Made] = set()
        for change in (_next, _previous, _nothing):
            found = self._tried(one, path, change)
            if found and not any(field == "" for _, _, field in found):
                return found
            last = found or last
        return last

    def _tried(self, one: One, path: Path, change: Callable[[Any], Any]) -> set[Made]:
        tree = one.tree()
        if not _alter(tree, path, change):
            return set()
        return self._read(one, written(tree))

    def _read(self, one: One, raw: bytes) -> set[Made]:
        self.reads += 1
        body = bundle_of(self._resources, {one.label: raw})
        after = facts_of(read_whole(body, False, self._settings), self._key, self._patient)
        return _compared(self._before, flat(after))


Flat = dict[tuple[str, str], dict[str, Any]]


def flat(told: Iterable[AnyFact]) -> Flat:
    """The fields of each fact by kind and key."""
    return {(kind_of(fact), fact.key): _flat(fact) for fact in told}


def kind_of(fact: AnyFact) -> str:
    """`patient`, `coverage`, `encounter`, `diagnosis`, `charge`."""
    return type(fact).__name__.removesuffix("Fact").lower()


def _compared(before: Flat, after: Flat) -> set[Made]:
    found: set[Made] = set()
    for (kind, key), fields in before.items():
        others = after.get((kind, key))
        if others is None:
            found.add((kind, key, ""))
        elif others != fields:
            changed = (one for one in fields.keys() | others.keys() if fields.get(one) != others.get(one))
            found |= {(kind, key, one) for one in changed}
    return found


def _flat(fact: AnyFact) -> dict[str, Any]:
    found: dict[str, Any] = {}
    _flatten("", msgspec.to_builtins(fact), found)
    return found


def _flatten(path: str, value: Any, into: dict[str, Any]) -> None:
    if isinstance(value, dict):
        pairs = [(str(key), one) for key, one in value.items() if path or key not in _QUIET]
    elif isinstance(value, list | tuple):
        pairs = [(str(index), one) for index, one in enumerate(value)]
    else:
        if value not in ("", None):
            into[path] = value
        return
    for key, one in pairs:
        _flatten(f"{path}.{key}" if path else key, one, into)


# ------------------------------------------------------------------------------------------ elements of a resource
def _leaves(tree: Any, shape: type[msgspec.Struct] | None, path: Path = ()) -> Iterator[Path]:
    """The elements that hold a value and that the mapping's own shape of the resource names."""
    if isinstance(tree, list):
        for index, each in enumerate(tree):
            yield from _leaves(each, shape, (*path, index))
    elif isinstance(tree, dict):
        for name, inner in _fields(shape, tree).items():
            if name in tree and name not in _NAMES:
                yield from _leaves(tree[name], inner, (*path, name))
    elif tree not in ("", None):
        yield path


def _fields(
    shape: type[msgspec.Struct] | None, tree: Mapping[str, Any]
) -> dict[str, type[msgspec.Struct] | None]:
    """The names that a shape reads, each with the shape of what is in it; what is contained has that of its type."""
    if shape is None:
        kind = tree.get("resourceType")
        shape = shapes.SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        return {}
    return {one.encode_name: _inner(one.type) for one in msgspec.structs.fields(shape)}


def _inner(told: Any) -> type[msgspec.Struct] | None:
    if isinstance(told, type) and issubclass(told, msgspec.Struct):
        return told
    return next((found for each in getattr(told, "__args__", ()) if (found := _inner(each))), None)


def _written(path: Path) -> str:
    """`.code.coding[0]`: a place as people write it, without the last part where the one before says it."""
    if path and path[-1] in _INNER and len(path) > 1:
        path = path[:-1]
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path)


def _alter(tree: Any, path: Path, change: Callable[[Any], Any]) -> bool:
    """Change one element in place; whether anything is different now."""
    inner = tree
    for step in path[:-1]:
        inner = inner[step]
    before = inner[path[-1]]
    after = change(before)
    if after is None:
        del inner[path[-1]]
    elif after == before:
        return False
    else:
        inner[path[-1]] = after
    return True


def _next(value: Any) -> Any:
    return _turned(value, "1234567890", "BCDEFGHIJKLMNOPQRSTUVWXYZA", 1)


def _previous(value: Any) -> Any:
    return _turned(value, "9012345678", "ZABCDEFGHIJKLMNOPQRSTUVWXY", -1)


def _another_day(text: str, by: int) -> str:
    try:
        return (date.fromisoformat(text) + timedelta(days=by)).isoformat()
    except (ValueError, OverflowError):
        return text


def _nothing(_value: Any) -> Any:
    return None


def _turned(value: Any, digits: str, letters: str, by: int) -> Any:
    """Another value of the same sort: a number next to it, the last letter or digit turned."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | Decimal):
        return value + by
    text = str(value)
    if (day := _DAY.match(text)) is not None:
        return _another_day(day[0], by) + text[10:]
    for index in range(len(text) - 1, -1, -1):
        char = text[index]
        if char.isascii() and char.isdigit():
            return text[:index] + digits[int(char)] + text[index + 1 :]
        if char.isascii() and char.isalpha():
            turned = letters[ord(char.upper()) - 65]
            return text[:index] + (turned if char.isupper() else turned.lower()) + text[index + 1 :]
    return None
