"""The home of fhir.resources: whether a resource is valid R4 (4B), said without its values."""

from __future__ import annotations

import zlib
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from pydantic import BaseModel, ValidationError

from hub_ehr_fhir.notes import Notes
from hub_ehr_fhir.parts import Part

_JSON = msgspec.json.Decoder(float_hook=Decimal)
_SHOWN = 3


@cache
def _model(kind: str) -> type[BaseModel]:
    """The R4B model: the package's root is R5, which refuses half of all R4 resources."""
    from fhir.resources.R4B import get_fhir_model_class

    found: type[BaseModel] = get_fhir_model_class(kind)
    return found


def is_valid(part: Part, notes: Notes) -> bool:
    """Check a resource; False, and a problem for each of its first faults, when it is not valid."""
    return _is_valid(part.kind, part.raw, part, notes)


def _is_valid(kind: str, raw: bytes, part: Part, notes: Notes) -> bool:
    try:
        _model(kind).model_validate(_JSON.decode(raw))
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False, include_context=False)[:_SHOWN]:
            notes.error("fhir.invalid", part.at(_place(fault["loc"])), _why(str(fault["type"])))
        return False
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError):
        notes.error("fhir.invalid", part.at(), "the R4 checker cannot read this resource")
        return False
    return True


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
