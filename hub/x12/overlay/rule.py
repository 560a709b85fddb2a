"""What an overlay is: places, conditions, rules and limits, as records."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from hub.errors import Problem, Refused

_PLACE = re.compile(
    r"(?:([0-9]{4}[A-Z]{0,2}|header) )?([A-Z][A-Z0-9]{1,2}?)(?:\[([^\]\s]+)\])?(?: ?(\d\d)(?:-([1-9]))?)?"
)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place as people write it: `2010BB NM109`, `2300 REF[G1] 02`, `2400 SV101-2`, `BHT06`.

    `loop` is "" for the header; `qualifier` names the row of the segment, "" for any; `element` 0 stands for
    the whole segment, `part` 0 for the whole element.
    """

    loop: str
    segment: str
    qualifier: str = ""
    element: int = 0
    part: int = 0

    @property
    def text(self) -> str:
        """The place as it is written in a file."""
        tag = self.segment + (f"[{self.qualifier}]" if self.qualifier else "")
        if self.element:
            tag += f"{' ' if self.qualifier else ''}{self.element:02}"
        return f"{self.loop} {tag}".strip() + (f"-{self.part}" if self.part else "")


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """When a rule holds: another place has one of `codes`, or anything (`present`), or nothing (not `present`)."""

    place: Place
    codes: tuple[str, ...] = ()
    present: bool = True


class OverlayRule(msgspec.Struct, frozen=True, kw_only=True):
    """What one place must be; any of these may be said together. Lengths are in characters, 0 is no limit.

    `default` is what the writer fills in where the element is empty; `status` a 277CA status (`A7:562`).
    """

    name: str
    place: Place
    message: str
    severity: str = "error"
    status: str = ""
    codes: tuple[str, ...] = ()
    pattern: str = ""
    required: bool = False
    forbidden: bool = False
    default: str = ""
    shortest: int = 0
    longest: int = 0
    when: Condition | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one file or transaction set may hold; 0 is no limit."""

    claims_per_file: int = 0
    claims_per_set: int = 0
    bytes_per_file: int = 0


class Overlay(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one partner; `guides` are the kinds that they are for (837P), all that fit when empty."""

    name: str
    title: str
    guides: tuple[str, ...] = ()
    rules: tuple[OverlayRule, ...] = ()
    limits: Limits = Limits()

    def applies_to(self, kind: str) -> bool:
        """Whether these rules are for a guide of this kind."""
        return not self.guides or kind in self.guides


class OverlayRefused(Refused):
    """An overlay cannot be used; `problems` names every fault with its file and line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        told = "; ".join(f"{one.where}: {one.why}" for one in problems)
        super().__init__(f"the overlay cannot be used: {told}", fix=problems[0].fix)
        self.problems = tuple(problems)


def place(text: str) -> Place | None:
    """Reads a place; None when it is not one."""
    found = _PLACE.fullmatch(text)
    if found is None:
        return None
    loop, segment, qualifier, element, part = found.groups()
    return Place(
        loop="" if loop in (None, "header") else loop,
        segment=segment,
        qualifier=qualifier or "",
        element=int(element or 0),
        part=int(part or 0),
    )
