"""Numbers levels and lines anew: HL01, HL02 and HL04 by their order, LX01 within its claim."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

# how deep a level stands, by HL03: payer or source, receiver, provider, subscriber, dependent, patient
_RANKS = {"20": 0, "21": 1, "19": 2, "22": 3, "23": 4, "PT": 5}
_MOST_WAITING = 200_000


class Line(msgspec.Struct):
    """A segment's text, what ends it, its place in the file, and how it is written there."""

    text: str
    tail: str
    line: int
    encoding: str = "ascii"


class _Level(msgspec.Struct):
    rank: int
    told: str
    number: str


class Levels:
    """Holds the segments of one level until the next begins, since only then HL04 can be judged."""

    def __init__(self, separator: str, note: Callable[..., None]) -> None:
        self.separator = separator
        self.note = note
        self._ready: list[Line] = []
        self._waiting: list[Line] = []
        self.begin(claims=False)

    def begin(self, *, claims: bool) -> None:
        """A transaction set begins; `claims` where it is an 837, whose lines are numbered in each claim."""
        self.flush()
        self._claims = claims
        self._count = 0
        self._above: list[_Level] = []
        self._known: dict[str, str] = {}

    def add(self, line: Line) -> None:
        """Takes a segment; it is `ready` when its level has ended."""
        if line.text.startswith("HL" + self.separator):
            self._level(line)
        elif self._waiting and len(self._waiting) < _MOST_WAITING:
            self._waiting.append(line)
        else:
            self._claims = self._claims and not self._waiting
            self.flush(below=None)
            self._ready.append(line)

    def ready(self) -> list[Line]:
        """What needs no more waiting."""
        done, self._ready = self._ready, []
        return done

    def flush(self, *, below: bool | None = False) -> None:
        """The level has ended; `below` says whether a level under it follows, None where that is not known."""
        if not self._waiting:
            return
        if below is not None:
            self._children(self._waiting[0], below=below)
        if self._claims:
            self._lines(self._waiting)
        self._ready += self._waiting
        self._waiting = []

    def _level(self, line: Line) -> None:
        values = line.text.split(self.separator)
        rank = _RANKS.get(values[3] if len(values) > 3 else "")
        before = self._above[-1] if self._above else None
        self.flush(below=None if rank is None or before is None else rank > before.rank)
        self._count += 1
        told, number = values[1] if len(values) > 1 else "", str(self._count)
        while rank is not None and self._above and self._above[-1].rank >= rank:
            self._above.pop()
        parent = self._above[-1] if self._above and rank is not None else None
        if len(values) > 2:
            values[2] = self._parent(values[2], parent, line.line)
        if len(values) > 1 and told != number:
            self.note("hl.sequence", line.line, "HL", 1)
            values[1] = number
        self._known[told] = number
        if rank is None:
            self._above = []
        else:
            self._above.append(_Level(rank, told, number))
        line.text = self.separator.join(values)
        self._waiting.append(line)

    def _parent(self, named: str, parent: _Level | None, line: int) -> str:
        if parent is None:
            return self._known.get(named, named)
        if named == parent.told:
            return parent.number
        if named and named in self._known:
            return self._known[named]  # somebody else's child, by its own word: a person must say
        self.note("hl.parent", line, "HL", 2)
        return parent.number

    def _children(self, line: Line, *, below: bool) -> None:
        values = line.text.split(self.separator)
        known = values[0] == "HL" and len(values) > 4 and values[3] in _RANKS and values[4] in ("0", "1")
        if known and values[4] != str(int(below)):
            self.note("hl.children", line.line, "HL", 4)
            values[4] = str(int(below))
            line.text = self.separator.join(values)

    def _lines(self, lines: list[Line]) -> None:
        claim: list[Line] = []
        for line in [*lines, Line("CLM" + self.separator, "", 0)]:
            if line.text.startswith("CLM" + self.separator):
                self._number(claim)
                claim = []
            claim.append(line)

    def _number(self, claim: list[Line]) -> None:
        """LX01 counts up from 1, unless another payer's decision (SVD06) names a line by its number."""
        found = [(line, line.text.split(self.separator)) for line in claim if line.text.startswith(("LX", "SVD"))]
        if any(values[0] == "SVD" and len(values) > 6 and values[6] for _, values in found):
            return
        number = 0
        for line, values in found:
            if values[0] != "LX" or len(values) < 2:
                continue
            number += 1
            if values[1] != str(number):
                self.note("lx.sequence", line.line, "LX", 1)
                line.text = self.separator.join([values[0], str(number), *values[2:]])
