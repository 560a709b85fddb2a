"""One FT1 with what stands behind it: its values at a profile's places, and the places as people write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from hub_hl7_adt.plan import Plan, Spot
from hub_hl7_adt.wire import Message, Segment, Separators

T = TypeVar("T")

Around = Mapping[str, list[Segment]]
_USUAL = Separators()
_UNKNOWN = object()
_MOST = 2048
"""Texts that are remembered of one place: enough for a day's codes and people, and little memory."""
_WHOLE_MESSAGE = frozenset(("PV1", "PV2", "PID"))
_FIX = "correct the line at the sender and send it again, or set the profile of this sender"


class SetAside(Exception):
    """A line that cannot be a fact; carries what the problem says."""

    def __init__(self, code: str, where: str, why: str, fix: str = _FIX) -> None:
        super().__init__(code)
        self.code, self.where, self.why, self.fix = code, where, why, fix


class Line:
    """One FT1. `around` are the segments of other names that its places may name: those behind it before the next FT1
    (NTE, PR1, the sender's own), and those that speak for all lines.
    """

    __slots__ = ("around", "dialect", "fields", "ft1")

    def __init__(self, ft1: Segment, around: Around, dialect: object) -> None:
        self.ft1 = ft1
        self.fields = ft1.fields
        self.around = around
        self.dialect = dialect

    def segment(self, spot: Spot) -> Segment | None:
        """The segment of a place, None where the line has none."""
        if spot.segment == "FT1":
            return self.ft1
        found = self.around.get(spot.segment)
        return found[0] if found else None

    def read(self, spot: Spot, meant: Callable[[Segment, Spot], T], empty: T) -> T:
        """What a field means, worked out once for each text that stands there; `empty` where nothing does.

        What cannot be read raises each time.
        """
        segment: Segment | None = self.ft1
        if spot.segment == "FT1":
            written = self.fields[spot.field] if spot.field < len(self.fields) else ""
        else:
            segment = self.segment(spot)
            written = segment.written(spot.field) if segment is not None else ""
        if segment is None or not written:
            return empty
        key: Any = written if self.dialect is None else (self.dialect, written)
        memo = spot.memo
        known = memo.get(key, _UNKNOWN)
        if known is not _UNKNOWN:
            return cast("T", known)
        if len(memo) >= _MOST:
            memo.clear()
        found = memo[key] = meant(segment, spot)
        return found

    def text(self, spot: Spot) -> str:
        """The text at a place (its first component where it names none)."""
        if spot.segment == "FT1":
            fields = self.fields
            if spot.field >= len(fields) or not (written := fields[spot.field]):
                return ""
            if spot.component == spot.sub == 1 and written.isalnum():  # nothing parts it: it is one component
                return written
            return self.ft1.text(spot.field, spot.component, spot.sub)
        segment = self.segment(spot)
        return segment.text(spot.field, spot.component, spot.sub) if segment is not None else ""

    def first(self, spots: tuple[Spot, ...]) -> str:
        """The text of the first place that has any."""
        for spot in spots:
            if text := self.text(spot):
                return text
        return ""

    def at(self, spot: Spot) -> str:
        """The place as people write it: `FT1[2]-11`."""
        segment = self.segment(spot)
        component = 0 if spot.whole else spot.component
        if segment is not None:
            return segment.at(spot.field, component)
        return f"{spot.segment}-{spot.field}" + (f".{component}" if component else "")


def lines_of(message: Message, plan: Plan) -> list[Line]:
    """Every FT1 of a message as a line."""
    found = message.all("FT1")
    usual = message.seps == _USUAL and message.codec == "ascii"
    dialect = None if usual else (message.seps, message.codec)
    if not plan.looks_around or not found:
        return [Line(ft1, {}, dialect) for ft1 in found]
    shared = {name: list(message.all(name)) for name in _WHOLE_MESSAGE}
    behind = _behind(message, shared)
    return [Line(ft1, shared | own, dialect) for ft1, own in zip(found, behind, strict=True)]


def _behind(message: Message, shared: dict[str, list[Segment]]) -> list[dict[str, list[Segment]]]:
    """What stands behind each FT1; what stands before the first one is added to what speaks for all."""
    behind: list[dict[str, list[Segment]]] = []
    for segment in message.segments:
        name = segment.name
        if name == "FT1":
            behind.append({})
        elif name[:1] == "Z" or name == "PR1" or (name == "NTE" and behind):
            (behind[-1] if behind else shared).setdefault(name, []).append(segment)
    return behind
