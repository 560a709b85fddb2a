"""The home of fhir.resources: whether a resource is valid R4 (4B), said without its values, and what that means.

A resource is asked about in three steps, each dearer than the one before: the narrow record of its kind
(`narrow.py`), the verdicts that were remembered by shape (`sameness.py`), and fhir.resources itself. The first two
never say yes where the third would say no.

Not every fault is one of billing. A resource is set aside (`fhir.invalid`) for what is wrong where billing reads it,
and a charge also for an element that R4 does not know, since that may be something to bill. What is wrong elsewhere,
an empty text (read as nothing), a time without its zone (read in `time_zone`), an unknown element of another
resource, and whatever a sample finds is advice about the sender (`fhir.advice`): the facts are made.
"""

from __future__ import annotations

import re
import zlib
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Any, get_args

import msgspec
from pydantic import BaseModel, ValidationError

from hub_ehr_fhir.mapping import shapes
from hub_ehr_fhir.mapping.narrow import Narrow
from hub_ehr_fhir.mapping.notes import Notes
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.sameness import Verdicts, shape_of

_JSON = msgspec.json.Decoder(float_hook=Decimal)
_SHOWN = 3
_LARGEST = 1 << 20
"""Bytes of a resource that fhir.resources is given: its list of faults may become a hundred times as large."""
_CHARGES = frozenset(("ChargeItem", "Procedure", "Immunization"))
_ADVICE = "nothing for the hub; who runs the sender may want to know"


_ZONELESS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]+)?")
_ZONE = "R4 requires the zone of a time; it was read in the time_zone of the settings"


@cache
def _model(kind: str) -> type[BaseModel]:
    """The R4B model: the package's root is R5, which refuses half of all R4 resources."""
    from fhir.resources.R4B import get_fhir_model_class

    found: type[BaseModel] = get_fhir_model_class(kind)
    return found


_NARROW = Narrow(_model)
_VERDICTS = Verdicts()


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that fhir.resources refuses: the element, why, and whether billing could be wrong for it."""

    where: str
    why: str
    grave: bool


class Tally(msgspec.Struct, kw_only=True):
    """How many resources this process checked, how each was decided (by the narrow record, the memory, or
    fhir.resources), and how many were set aside or only advised about. Threads may lose a count; nobody bills by it.
    """

    narrow: int = 0
    remembered: int = 0
    judged: int = 0
    refused: int = 0
    advised: int = 0

    def told(self) -> dict[str, int]:
        """The counts by name."""
        return msgspec.structs.asdict(self)

    def logged(self) -> dict[str, int]:
        """The same under the log's keys: `count` checked, `calls` of fhir.resources, `faults` set aside, `problems`
        advised about; empty when nothing was checked.
        """
        count = self.narrow + self.remembered + self.judged
        found = {"count": count, "calls": self.judged, "faults": self.refused, "problems": self.advised}
        return found if count else {}


TALLY = Tally()


def is_valid(part: Part, notes: Notes, *, sampled: bool = False) -> bool:
    """Check a resource; False, and a problem for each of its first faults, when it must be set aside. `sampled`: what
    is found is advice alone, for those that are not of the sample are taken as they are.
    """
    read, raw = part.record is not None, part.raw
    shape = b""
    if read:
        if _NARROW.takes(part.kind, raw):
            TALLY.narrow += 1
            return True
        shape = shape_of(part.kind, raw)
        if _VERDICTS.known(shape):
            TALLY.remembered += 1
            return True
    faults = judged(part.kind, raw)
    TALLY.judged += 1
    if shape and not faults:
        _VERDICTS.remember(shape)
    light = read and (sampled or not any(fault.grave for fault in faults))
    return _told(part, faults, notes, light=light)


def _told(part: Part, faults: list[Fault], notes: Notes, *, light: bool) -> bool:
    """Note the first faults, grave ones before others."""
    if not faults:
        return True
    for fault in sorted(faults, key=lambda fault: not fault.grave)[:_SHOWN]:
        if light:
            notes.warn("fhir.advice", part.at(fault.where), fault.why, _ADVICE)
        elif fault.grave or part.record is None:
            notes.error("fhir.invalid", part.at(fault.where), fault.why)
    TALLY.advised += light
    TALLY.refused += not light
    return light


def faults_of(kind: str, raw: bytes) -> list[tuple[str, str]]:
    """The first faults that fhir.resources finds in a resource, as element and reason."""
    return [(fault.where, fault.why) for fault in judged(kind, raw)[:_SHOWN]]


def judged(kind: str, raw: bytes) -> list[Fault]:
    """What fhir.resources says of a resource, in its order."""
    if len(raw) > _LARGEST:
        return [Fault(where="", why="the resource is larger than a MiB and was not checked", grave=False)]
    try:
        _model(kind).model_validate(_JSON.decode(raw))
    except ValidationError as error:
        return [_fault(kind, fault) for fault in error.errors(include_url=False, include_context=False)]
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError):
        return [Fault(where="", why="the R4 checker cannot read this resource", grave=True)]
    return []


def _fault(kind: str, fault: Any) -> Fault:
    """`fault` as pydantic tells it; its input is looked at here and goes no further."""
    unknown, empty = fault["type"] == "extra_forbidden", fault["input"] == ""
    given = fault["input"]
    zoneless = not unknown and isinstance(given, str) and _ZONELESS.fullmatch(given) is not None
    grave = not (empty or zoneless) and (kind in _CHARGES if unknown else _is_read(kind, fault["loc"]))
    why = _ZONE if zoneless else _why(str(fault["type"]), fault["input"])
    return Fault(where=_place(fault["loc"]), why=why, grave=grave)


_ORDERING = (("meta", "lastUpdated"), ("meta", "versionId"))


def _is_read(kind: str, location: tuple[Any, ...]) -> bool:
    """Whether the records of `shapes.py` have the element; a kind that has no record is not read at all. Times and
    numbers of versions only order what comes: servers that leave out the zone leave it out everywhere.
    """
    if location[-2:] in _ORDERING:
        return False
    at: Any = shapes.SHAPES.get(kind)
    for piece in location:
        if at is None:
            return False
        if isinstance(piece, str) and piece != "root":
            inner = _inner(at)
            if not inner:
                return True
            at = inner.get(piece)
    return at is not None


@cache
def _inner(shape: Any) -> dict[str, Any]:
    """The elements of a record and what each holds; none for a value."""
    if not (isinstance(shape, type) and issubclass(shape, msgspec.Struct)):
        return {}
    return {field.encode_name: _held(field.type) for field in msgspec.structs.fields(shape)}


def _held(annotation: Any) -> Any:
    """The type within `tuple[X, ...]` and `X | None`."""
    while inner := [each for each in get_args(annotation) if each not in (NoneType, Ellipsis)]:
        annotation = inner[0]
    return annotation


def _place(location: tuple[Any, ...]) -> str:
    """Element names and indexes; a name that has not the form of FHIR's own (valueString) is left out."""
    out = ""
    for piece in location:
        if isinstance(piece, int):
            out += f"[{piece}]"
        elif (
            isinstance(piece, str)
            and piece != "root"
            and piece.isascii()
            and piece.isalpha()
            and piece[0].islower()
            and len(piece) < 40
        ):
            out += f".{piece}" if out else piece
    return out


def _why(kind: str, given: object) -> str:
    if kind == "missing" or kind.endswith(".missing"):
        return "R4 requires this element"
    if kind == "extra_forbidden":
        return "R4 has no such element here"
    if given == "":
        return "R4 allows no empty text; it was read as nothing"
    return "R4 does not allow what stands here"


def in_sample(raw: bytes, every: int) -> bool:
    """Whether a resource is one of the sample: decided by its bytes, so that reading stays pure."""
    return zlib.crc32(raw) % every == 0
