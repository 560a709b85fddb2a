"""The home of fhir.resources: whether a resource is valid R4 (4B), said without its values."""

from __future__ import annotations

import zlib
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from pydantic import BaseModel, ValidationError

from hub_ehr_fhir.mapping.notes import Notes
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.sameness import Verdicts, shape_of

_JSON = msgspec.json.Decoder(float_hook=Decimal)
_SHOWN = 3
_VERDICTS = Verdicts()


@cache
def _model(kind: str) -> type[BaseModel]:
    """The R4B model: the package's root is R5, which refuses half of all R4 resources."""
    from fhir.resources.R4B import get_fhir_model_class

    found: type[BaseModel] = get_fhir_model_class(kind)
    return found


def is_valid(part: Part, notes: Notes) -> bool:
    """Check a resource; False, and a problem for each of its first faults, when it is not valid."""
    shape = shape_of(part.kind, part.raw) if part.record is not None else b""
    if shape and _VERDICTS.known(shape):
        return True
    faults = faults_of(part.kind, part.raw)
    for where, why in faults:
        notes.error("fhir.invalid", part.at(where), why)
    if shape and not faults:
        _VERDICTS.remember(shape)
    return not faults


def faults_of(kind: str, raw: bytes) -> list[tuple[str, str]]:
    """The first faults that fhir.resources finds in a resource, as element and reason."""
    try:
        _model(kind).model_validate(_JSON.decode(raw))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[:_SHOWN]
        return [(_place(fault["loc"]), _why(str(fault["type"]))) for fault in found]
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError):
        return [("", "the R4 checker cannot read this resource")]
    return []


def _place(location: tuple[Any, ...]) -> str:
    """Element names and indexes; a name that has not the form of FHIR's own (valueString) is left out."""
    out = ""
    for piece in location:
        if isinstance(piece, int):
            out += f"[{piece}]"
        elif (
            isinstance(piece, str)
            and piece.isascii()
            and piece.isalpha()
            and piece[0].islower()
            and len(piece) < 40
        ):
            out += f".{piece}" if out else piece
    return out


def _why(kind: str) -> str:
    if kind == "missing" or kind.endswith(".missing"):
        return "R4 requires this element"
    if kind == "extra_forbidden":
        return "R4 has no such element here"
    return "R4 does not allow what stands here"


def in_sample(part: Part, every: int) -> bool:
    """Whether a resource is one of the sample: decided by its bytes, so that reading stays pure."""
    return zlib.crc32(part.raw) % every == 0
