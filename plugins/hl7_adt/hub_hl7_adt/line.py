"""One FT1 with what stands behind it: its values at a profile's places, and the places as people write them."""

from __future__ import annotations

from collections.abc import Mapping

from hub_hl7_adt.plan import Plan, Spot
from hub_hl7_adt.wire import Message, Segment

Around = Mapping[str, list[Segment]]
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

    __slots__ = ("around", "fields", "frame", "ft1", "size")

    def __init__(self, ft1: Segment, around: Around) -> None:
        self.ft1 = ft1
        self.fields = ft1.fields
        self.frame = ft1.frame
        self.size = len(ft1.fields)
        self.around = around

    def segment(self, spot: Spot) -> Segment | None:
        """The segment of a place, None where the line has none."""
        if spot.inside:
            return self.ft1
        found = self.around.get(spot.segment)
        return found[0] if found else None

    def written(self, spot: Spot) -> str:
        """A field as it is written, with all its repetitions."""
        if spot.inside:
            return self.fields[spot.field] if spot.field < self.size else ""
        segment = self.segment(spot)
        return segment.written(spot.field) if segment is not None else ""

    def text(self, spot: Spot) -> str:
        """The text at a place (its first component where it names none)."""
        if not spot.inside:
            segment = self.segment(spot)
            return segment.text(spot.field, spot.component, spot.sub) if segment is not None else ""
        if spot.field >= self.size or not (written := self.fields[spot.field]):
            return ""
        if spot.component == spot.sub == 1 and written.isalnum():  # nothing parts it: it is one component
            return written
        return self.ft1.text(spot.field, spot.component, spot.sub)

    def first(self, spots: tuple[Spot, ...]) -> str:
        """The text of the first place that has any."""
        for spot in spots:
            if (not spot.inside or spot.field < self.size) and (text := self.text(spot)):
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
    if not plan.looks_around or not found:
        return [Line(ft1, {}) for ft1 in found]
    shared = {name: list(message.all(name)) for name in _WHOLE_MESSAGE}
    behind = _behind(message, shared)
    return [Line(ft1, shared | own) for ft1, own in zip(found, behind, strict=True)]


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
