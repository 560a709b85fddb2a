"""Places in a message as people write them: `FT1-25`, `IN1-3.1`, `ZCH-3`; a wrong one is told with the right one."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from typing import Annotated

import msgspec
from pydantic import AfterValidator

from hub_hl7_adt import names

_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})-(\d{1,3})(?:\.(\d{1,2}))?(?:\.(\d{1,2}))?", re.ASCII)
_LOOSE = re.compile(
    r"([A-Za-z][A-Za-z0-9]{2})[^A-Za-z0-9]*(\d{1,3})(?:\D+(\d{1,2}))?(?:\D+(\d{1,2}))?\D*", re.ASCII
)
_NAMED = re.compile(r"([A-Za-z][A-Za-z0-9]{2})[-. _]+([A-Za-z][A-Za-z0-9_ ]+)", re.ASCII)
HOW = "a place is written like FT1-25 or IN1-3.1"


class Place(msgspec.Struct, frozen=True):
    """A place in a message: segment, field, component, subcomponent; `component` 0 where none was named."""

    segment: bytes
    field: int
    component: int = 0
    sub: int = 1


@lru_cache(maxsize=2048)
def place(text: str) -> Place:
    """Read `FT1-7`, `FT1-7.4`, `PID-3.4.1`; anything else raises ValueError, which names the nearest right one."""
    match = _PLACE.fullmatch(text)
    if match is None or int(match[2]) == 0:
        near = nearest(text)
        raise ValueError(f"{HOW}; did you mean {near}?" if near else HOW)
    return Place(match[1].encode(), int(match[2]), int(match[3] or 0), int(match[4] or 1))


def nearest(text: str) -> str:
    """The place that was probably meant: `ft1_25`, `FT1.25` and `FT1-procedure_code` are FT1-25; else empty."""
    if loose := _LOOSE.fullmatch(text.strip()):
        parts = ".".join(part for part in loose.groups()[1:] if part)
        written = f"{loose[1].upper()}-{parts}"
        match = _PLACE.fullmatch(written)
        return written if match and int(match[2]) else ""
    named = _NAMED.fullmatch(text.strip())
    return _by_name(named[1].upper(), named[2].strip().lower().replace(" ", "_")) if named else ""


def _by_name(segment: str, field: str) -> str:
    """The place of a field by its name, or by the name that is like it."""
    known = {name: at for name, at in vars(getattr(names, segment, object)).items() if isinstance(at, int)}
    close = difflib.get_close_matches(field, known, n=1, cutoff=0.6)
    return f"{segment}-{known[close[0]]}" if close else ""


def _checked(text: str) -> str:
    place(text)
    return text


PlaceText = Annotated[str, AfterValidator(_checked)]
Places = tuple[PlaceText, ...]
