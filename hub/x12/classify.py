"""Says by content what a file holds: which transaction sets, TA1s, or no X12 at all."""

from __future__ import annotations

import msgspec

from hub.x12.guides import guide_for
from hub.x12.wire import Source, Wire


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds: `kinds` in order of first sight, such as ("TA1", "999"); () when it is no X12.

    A set whose guide is not known shows its ST01. `problem` says why nothing, or no more, could be read.
    """

    kinds: tuple[str, ...] = ()
    usage: str = ""
    problem: str = ""

    @property
    def is_x12(self) -> bool:
        """Whether at least one interchange header could be read."""
        return bool(self.usage or self.kinds)


def classify(source: Source) -> Contents:
    """Looks at a whole file, or at its head, for ISA, TA1, GS and ST segments; content is not checked."""
    wire = Wire(source)
    kinds: dict[str, None] = {}
    usage, version = "", ""
    for block in wire:
        mark = block.delimiters.element
        for text in block.segments:
            if text.startswith("ST" + mark):
                st = [*text.split(mark), "", "", ""]
                guide = guide_for(st[1], st[3] or version)
                kinds[guide.kind if guide else st[1]] = None
            elif text.startswith("GS" + mark):
                version = text.split(mark)[-1]
            elif text.startswith("TA1" + mark):
                kinds["TA1"] = None
            elif text.startswith("ISA" + mark) and not usage:
                usage = [*text.split(mark), *[""] * 16][15]
    return Contents(kinds=tuple(kinds), usage=usage, problem=wire.problem)
