"""Walks one transaction set along its guide: segments in, loops and findings out, one unit at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from hub.x12.compiled import CompiledLoop, Entry, Hit, Match, Row, compiled, matcher, matchers
from hub.x12.dictionary import layouts
from hub.x12.elements import Fault, faults, note_fault
from hub.x12.finding import Finding, softened
from hub.x12.grammar import Guide, Loop
from hub.x12.tree import Node
from hub.x12.wire import Delimiters

MOST_FINDINGS = 2000
_PARTIES = frozenset(("HL", "N1", "NM1"))
_OF_A_PARTY = frozenset(("DMG", "N2", "N3", "N4", "PER", "PRV", "REF"))
Closer = Callable[[Node], None]
DiagnosisCheck = Callable[[str, str], tuple[str, str]]
"""From a diagnosis and a day of service (CCYYMMDD) to a severity and words, both "" where nothing is wrong."""


class Frame:
    """An open loop: its node, which rows it has seen, how far in their order it is."""

    __slots__ = ("counts", "expected", "gaps", "guessed", "has_levels", "level", "loop", "node", "order", "seen")

    def __init__(self, loop: CompiledLoop, node: Node, row: Row | None) -> None:
        self.loop = loop
        self.node = node
        self.seen = row.bit if row else 0
        self.order = row.order if row else 0
        self.counts: dict[int, int] | None = None
        self.gaps: list[tuple[int, int]] | None = None
        self.guessed = 0
        self.level = self.expected = ""
        self.has_levels = False


class Walk:
    """One pass over one transaction set.

    `run(texts)` yields each unit loop as it closes and keeps neither it nor the loops around it, which it
    reaches through `parent`; `root` holds the rest, `findings` what is wrong. With `check=False` only the
    structure is followed, for speed. `seen` is what rules remember of the whole
    interchange: numbers, and the batch that used them; `diagnoses` judges an ICD-10-CM code on its day.
    """

    def __init__(
        self,
        guide: Guide,
        delimiters: Delimiters,
        *,
        units: tuple[str, ...] = (),
        check: bool = True,
        lenient: bool = False,
        seen: dict[str, tuple[str, ...]] | None = None,
        diagnoses: DiagnosisCheck | None = None,
    ) -> None:
        self.guide = guide
        self.delimiters = delimiters
        self.units = frozenset(units)
        self._detached = self.units | _around(guide.root, self.units)
        self.check = check
        self.lenient = lenient
        self.seen: dict[str, tuple[str, ...]] = {} if seen is None else seen
        self.diagnoses = diagnoses
        self.findings: list[Finding] = []
        self.root = Node("", position=1, delimiters=delimiters)
        self.position = 0
        self._compiled = compiled(guide)
        self._frames = [Frame(self._compiled.root, self.root, None)]
        self._matchers = matchers(guide, delimiters)
        self._levels = 0
        self._next_level = ""
        self._lost = ""
        self._closers: dict[str, Closer] = {}

    def use_rules(self, closers: dict[str, Closer]) -> None:
        """Gives the rules to run when a loop closes, by loop id; "" is the end of the set."""
        self._closers = closers

    def run(self, texts: Iterable[str]) -> Iterator[Node]:  # noqa: C901, PLR0912, PLR0915 - the hot loop, kept in one
        """Follows segment texts (without terminators) and yields unit loops as they close."""
        element, component = self.delimiters.element, self.delimiters.component
        frames, match_of, check = self._frames, self._matchers, self.check
        frame = frames[0]
        table = frame.loop.table
        for text in texts:
            self.position += 1
            values = text.split(element)
            entry = table.get(values[0]) or self._lower_case(values, table, frame)
            if entry is None:
                self._stray(values, frame)
                continue
            at = entry.at
            hit = entry.any if not at else entry.by.get(values[at]) if at < len(values) else None
            if hit is None:
                hit = self._choose(entry, values, component)
                if hit is None:
                    self._stray(values, frame)
                    continue
            if self._lost:
                if self._belongs_to_lost(hit):
                    frame.node.items.append(values)
                    continue
                self._lost = ""
            if hit.up and entry.guess is not None and self._breaks(hit):
                hit = entry.guess
            if hit.up:
                for _ in range(hit.up):
                    closed = self._close(frames)
                    if closed is not None:
                        yield closed
                frame = frames[-1]
            if hit.via is not None:
                frame = self._open_empty(hit.via)
            row = hit.row
            if hit.guess:
                frame.guessed |= row.alike
            else:
                if frame.seen & row.bit:
                    meant = self._meant_again(frame, row) if row.order < frame.order else None
                    if meant is not None:
                        closed = self._close(frames)
                        if closed is not None:
                            yield closed
                        frame = self._open_empty(meant)
                        row = next(one for one in meant.rows if one.segment.id == row.segment.id)
                        frame.seen |= row.bit
                    elif row.limit:
                        self._again(frame, row, values)
                else:
                    frame.seen |= row.bit
                if row.order < frame.order:
                    self._out_of_order(frame, row)
                elif row.order > frame.order:
                    frame.order = row.order
                    if row.before & ~frame.seen:
                        self._gap(frame, row)
            if row.loop is not None:
                frame = self._open(row.loop, frame, values)
            table = frame.loop.table
            frame.node.items.append(values)
            if check:
                match = match_of[row.index] or self._learn(row)
                matched = match(text)
                if hit.guess:
                    self._check_qualifier(row, values, frame)
                elif not matched or len(values) > row.relations_from:
                    self._check(row, values, frame, matched=matched is not None)
        yield from self._finish(frames)

    def _choose(self, entry: Entry, values: list[str], component: str) -> Hit | None:
        told = values[entry.at].partition(component)[0] if entry.at < len(values) else ""
        return entry.by.get(told) or entry.any or entry.guess or self._meant(values)

    def _meant(self, values: list[str]) -> Hit | None:
        """What a segment with an unknown qualifier stands for: the level that it names as its parent's, or the
        loop that is required next."""
        if values[0] != "HL":
            return self._needed(values[0])
        above = values[2] if len(values) > 2 else ""
        for up, frame in enumerate(reversed(self._frames)):
            if frame.level == above and (frame.loop.is_level or frame.loop.parent is None):
                below = (row for row in frame.loop.rows if row.loop is not None and row.loop.is_level)
                return next((Hit(up, row) for row in below), None)
        return None

    def _needed(self, tag: str) -> Hit | None:
        for up, frame in enumerate(reversed(self._frames)):
            for row in frame.loop.rows:
                missing = row.loop is not None and row.required and not frame.seen & row.bit
                if missing and row.segment.id == tag and row.order >= frame.order:
                    return Hit(up, row)
            if frame.loop.is_level:
                return None
        return None

    def _meant_again(self, frame: Frame, row: Row) -> CompiledLoop | None:
        """The loop whose first segment is missing where another one's segment comes back: itself, or one that
        must follow it and begins in the same way."""
        if row.begins_body:
            return frame.loop
        around = self._frames[-2] if len(self._frames) > 1 else frame
        missing = (one for one in around.loop.rows if one.required and not around.seen & one.bit)
        bodies = ((one.loop, one.loop.rows[1:2]) for one in missing if one.loop is not None)
        return next((loop for loop, body in bodies if body and body[0].segment.id == row.segment.id), None)

    def _lower_case(self, values: list[str], table: dict[str, Entry], frame: Frame) -> Entry | None:
        """Takes a segment whose id is in small letters at its place, and says so; None for any other id."""
        tag = values[0]
        entry = table.get(tag.upper()) if not tag.isupper() else None
        if entry is None:
            return None
        values[0] = tag.upper()
        hit = self._choose(entry, values, self.delimiters.component)
        loop = frame.loop
        if hit is not None:
            loop = hit.row.loop or self._frames[-1 - hit.up].loop
        self._report(1, "segment.unexpected", "the segment id is in small letters", loop.id, values[0], ik3="1")
        return entry

    def _breaks(self, hit: Hit) -> bool:
        """Whether a segment that goes further out stands there too late, and leaves loops without what they need."""
        if hit.row.order >= self._frames[-1 - hit.up].order:
            return False
        return any(frame.loop.required & ~frame.seen for frame in self._frames[-hit.up :])

    def _learn(self, row: Row) -> Match:
        found = matcher(row.segment, self.delimiters)
        self._matchers[row.index] = found
        return found

    def _open(self, loop: CompiledLoop, parent: Frame, values: list[str]) -> Frame:
        node = Node(loop.id, [], parent.node, self.position, self.delimiters)
        if loop.id not in self._detached:
            parent.node.items.append(node)
        frame = Frame(loop, node, loop.opener)
        self._frames.append(frame)
        if loop.is_level:
            self._level(frame, values)
        return frame

    def _open_empty(self, loop: CompiledLoop) -> Frame:
        opener = loop.opener.segment
        self._report(2, "segment.missing", f"{opener.id} is required before this", loop.id, opener.id, ik3="3")
        parent = self._frames[-1]
        node = Node(loop.id, [], parent.node, self.position, self.delimiters)
        if loop.id not in self._detached:
            parent.node.items.append(node)
        frame = Frame(loop, node, loop.opener)
        if loop.trigger is not None:
            parent.seen |= loop.trigger.bit
        if loop.is_level:
            self._levels += 1
            frame.level = frame.expected = str(self._levels)
            parent.has_levels = True
        self._frames.append(frame)
        return frame

    def _close(self, frames: list[Frame]) -> Node | None:
        frame = frames.pop()
        loop = frame.loop
        if loop.required & ~frame.seen:
            self._missing(frame)
        if loop.is_level:
            self._level_end(frame)
        closer = self._closers.get(loop.id)
        if closer is not None:
            closer(frame.node)
        if loop.id not in self._detached:
            frame.node.parent = None  # or parent and child would hold each other, for the collector to find
        return frame.node if loop.id in self.units else None

    def _finish(self, frames: list[Frame]) -> Iterator[Node]:
        while len(frames) > 1:
            closed = self._close(frames)
            if closed is not None:
                yield closed
        root = frames[0]
        if root.loop.required & ~root.seen:
            self._missing(root)
        closer = self._closers.get("")
        if closer is not None:
            closer(self.root)

    def _gap(self, frame: Frame, row: Row) -> None:
        gaps = frame.gaps if frame.gaps is not None else []
        frame.gaps = gaps
        gaps.append((row.before & ~frame.seen, self.position))

    def _missing(self, frame: Frame) -> None:
        known = frame.seen | frame.guessed
        for row in frame.loop.rows:
            if row.required and not known & row.bit and row.segment.id != "SE":
                inner = row.loop
                name = inner.loop.name if inner else row.segment.name
                self._report(
                    2,
                    "loop.missing" if inner else "segment.missing",
                    f"{name} is required",
                    inner.id if inner else frame.loop.id,
                    row.segment.id,
                    ik3="I7" if inner else "3",
                    position=next((at for bits, at in frame.gaps or () if bits & row.bit), self.position),
                )

    def _again(self, frame: Frame, row: Row, values: list[str]) -> None:
        count = 2
        if row.limit > 1:
            counts = frame.counts if frame.counts is not None else {}
            frame.counts = counts
            count = counts[row.index] = counts.get(row.index, 1) + 1
        if count != row.limit + 1:
            return
        if row.loop is not None:
            message = f"{row.loop.loop.name} may occur {row.limit} times at most"
            self._report(2, "loop.repeats", message, row.loop.id, values[0], ik3="4")
        else:
            message = f"{row.segment.name} may occur {row.limit} times at most"
            self._report(2, "segment.repeats", message, frame.loop.id, values[0], ik3="5")

    def _out_of_order(self, frame: Frame, row: Row) -> None:
        loop = row.loop.id if row.loop else frame.loop.id
        self._report(1, "segment.order", f"{row.segment.name} stands too late", loop, row.segment.id, ik3="7")

    def _stray(self, values: list[str], frame: Frame) -> None:
        frame.node.items.append(values)
        self._levels += values[0] == "HL"
        if self._lost:
            return
        tag = self._lost = values[0] or "?"
        if tag not in self._compiled.ids:
            message, ik3 = "is not a segment of this transaction set", "6" if tag in layouts() else "1"
        else:
            message, ik3 = "does not belong at this place", "2"
        shown = tag if len(tag) <= 3 and tag.isalnum() else ""
        self._report(2 if ik3 == "2" else 1, "segment.unexpected", message, frame.loop.id, shown, ik3=ik3)

    def _belongs_to_lost(self, hit: Hit) -> bool:
        """Whether a segment goes with a party or level that could not be placed, and so not with this loop."""
        row = hit.row
        inside = row.loop is None and (hit.up == 0 or hit.via is not None)
        return inside and self._lost in _PARTIES and row.segment.id in _OF_A_PARTY

    def _level(self, frame: Frame, values: list[str]) -> None:
        self._levels += 1
        told = frame.level = values[1] if len(values) > 1 else ""
        frame.expected = str(self._levels)
        parent = next((f for f in reversed(self._frames[:-1]) if f.loop.is_level), None)
        named = values[2] if len(values) > 2 else ""
        if parent is not None:
            parent.has_levels = True
        if told not in (frame.expected, self._next_level) and told:
            message = "the hierarchical number must count up from 1"
            self._report(1, "hl.sequence", message, frame.loop.id, "HL", ik3="8", ik4="7", element=1)
        self._next_level = str(int(told[:12]) + 1) if told.isascii() and told.isdigit() else ""
        if parent is not None and named and named not in (parent.level, parent.expected):
            message = "the parent number is not that of the level above"
            self._report(1, "hl.parent", message, frame.loop.id, "HL", ik3="8", ik4="7", element=2)

    def _level_end(self, frame: Frame) -> None:
        first = frame.node.items[0] if frame.node.items else []
        told = first[4] if isinstance(first, list) and len(first) > 4 else ""
        use = frame.loop.opener.segment.element(4)
        known = use.codes if use is not None else ()
        if told in ("0", "1") and told in known and (told == "1") != frame.has_levels:
            message = "says wrongly whether levels follow below it"
            at = frame.node.position
            self._report(1, "hl.children", message, frame.loop.id, "HL", ik3="8", ik4="7", element=4, position=at)

    def _check_qualifier(self, row: Row, values: list[str], frame: Frame) -> None:
        """Says that the qualifier is wrong, and no more: what the other elements should be is not known."""
        for fault in faults(row.segment, values, self.delimiters):
            if fault.element == row.segment.qualifier_at:
                self._fault(fault, row, frame)

    def _check(self, row: Row, values: list[str], frame: Frame, *, matched: bool) -> None:
        told = []
        if not matched:
            for fault in faults(row.segment, values, self.delimiters):
                told.append(fault.element)
                self._fault(fault, row, frame)
        for note, holds in row.relations:
            if not holds(values) and (note.kind not in "DN" or not any(at in told for at in note.positions)):
                self._fault(note_fault(row.segment, note, values), row, frame)

    def _fault(self, fault: Fault, row: Row, frame: Frame) -> None:
        self._report(
            fault.snip,
            fault.code,
            fault.message,
            frame.loop.id,
            row.segment.id,
            ik3="8",
            ik4=fault.ik4,
            element=fault.element,
            part=fault.part,
        )

    def _report(  # noqa: PLR0913 - one argument for each field of a finding
        self,
        snip: int,
        code: str,
        message: str,
        loop: str,
        segment: str,
        *,
        ik3: str = "",
        ik4: str = "",
        element: int = 0,
        part: int = 0,
        position: int = 0,
    ) -> None:
        found = Finding(
            snip=snip,
            code=code,
            message=message,
            loop=loop,
            segment=segment,
            position=position or self.position,
            element=element,
            part=part,
            ik3=ik3,
            ik4=ik4,
        )
        self.report(softened(found) if self.lenient else found)

    def report(self, found: Finding) -> None:
        """Keeps a finding as it is, up to a limit that no honest file reaches."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(found)


def _around(loop: Loop, units: frozenset[str]) -> frozenset[str]:
    """The ids of the loops that have a unit somewhere below them: kept, they would gather in memory."""
    found: set[str] = set()
    for row in loop.rows:
        if isinstance(row, Loop):
            below = _around(row, units)
            found |= below
            if below or any(isinstance(inner, Loop) and inner.id in units for inner in row.rows):
                found.add(row.id)
    return frozenset(found)
