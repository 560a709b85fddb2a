"""What rules across segments are written with: how they report a fault, and how they read raw segments."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from hub.x12.finding import Finding
from hub.x12.tree import Node, RawSegment
from hub.x12.walk import MOST_FINDINGS, Walk

ZERO = Decimal(0)


class Reporter:
    """Lets a rule say what is wrong, at a segment of the loop that closes; `seen` remembers an interchange."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self.lenient = walk.lenient
        self.seen = walk.seen
        self.diagnoses = walk.diagnoses
        self._last: Node | None = None
        self._places: dict[int, int] = {}

    @property
    def position(self) -> int:
        """The place of the segment that was read last, 1-based; at the end of the set that of its SE."""
        return self._walk.position

    def __call__(  # noqa: PLR0913 - one argument for each field of a finding
        self,
        node: Node,
        segment: RawSegment | None,
        code: str,
        message: str,
        *,
        snip: int,
        element: int = 0,
        part: int = 0,
        severity: str = "error",
        missing: str = "",
        status: str = "",
        position: int = 0,
    ) -> None:
        """Reports a fault of one element of `segment`, or that a segment with the id `missing` is not there.

        `status` is the 277CA status (`A7:562`) where a rule knows better than the place of the fault says;
        `position` the place of the segment in the set, where the loop no longer tells it.
        """
        if len(self._walk.findings) >= MOST_FINDINGS:
            return
        ik3 = "I6" if missing else "8"
        if not position:
            position = self._place(node, segment) if segment is not None else node.position
        found = Finding(
            snip=snip,
            code=code,
            message=message,
            severity="warning" if self.lenient and snip != 3 else severity,
            loop=node.loop,
            segment=missing or (str(segment[0]) if segment else ""),
            position=position,
            element=element,
            part=part,
            ik3=ik3,
            ik4="" if missing or not element else "7",
            status=status,
        )
        self._walk.report(found)

    def _place(self, node: Node, segment: RawSegment) -> int:
        """The place of a segment: searched for the first fault of a loop, looked up for those after it."""
        if self._last is not node:
            self._last, self._places = node, {}
            return node.place(segment)
        if not self._places:
            self._places = {id(found): offset for offset, found in enumerate(node.segments())}
        return node.position + self._places.get(id(segment), 0)


def own(node: Node, tag: str) -> list[list[str]]:
    """The raw segments of a loop with this id, without the loops below; as read, every value is text."""
    return [item for item in node.items if item.__class__ is list and item[0] == tag]


def first(node: Node, tag: str, qualifier: str = "") -> list[str] | None:
    """The first raw segment with this id, and with this first element when one is given."""
    for item in node.items:
        if item.__class__ is list and item[0] == tag and (not qualifier or text(item, 1) == qualifier):
            return item
    return None


def text(values: list[str] | None, position: int) -> str:
    """One element of a raw segment, "" when it is absent."""
    return values[position] if values is not None and position < len(values) else ""


def decimal(values: list[str] | None, position: int) -> Decimal | None:
    """An amount for a sum: None when it is absent or unreadable, which its row reports."""
    return exact(values[position]) if values is not None and position < len(values) else None


def exact(value: str) -> Decimal | None:
    """A plain decimal number exactly; None for anything else."""
    if not value.replace(".", "", 1).replace("-", "", 1).isdigit():
        return None
    try:
        return Decimal(value)
    except InvalidOperation:
        return None


def adjusted(node: Node) -> Decimal:
    """The sum of the amounts in the CAS segments of one loop (CAS03, 06 to 18)."""
    return adjustments(node)[0]


def adjustments(node: Node) -> tuple[Decimal, Decimal]:
    """The sum of all CAS amounts of one loop, and of those of the group PR."""
    total = share = ZERO
    for item in node.items:
        if item.__class__ is list and item[0] == "CAS" and len(item) > 3:
            if len(item) < 7:  # most carry one reason
                moved = exact(item[3]) or ZERO
            else:
                moved = sum([exact(value) or ZERO for value in item[3::3]], ZERO)
            total += moved
            if item[1] == "PR":
                share += moved
    return total, share
