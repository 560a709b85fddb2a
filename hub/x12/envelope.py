"""Reads a file as interchanges, groups and transaction sets; one bad set never loses its neighbours.

reader = X12Reader(open_file)
for transaction in reader:              # streamed; what you do not read is skipped
    for claim in transaction.units():   # a loop tree per unit, such as each 2100 of an 835
        ...
    transaction.root, transaction.findings
reader.interchanges, reader.findings    # envelopes, TA1s, counts and what is wrong with them
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from hub.x12.finding import Finding
from hub.x12.grammar import Guide
from hub.x12.headers import BusinessUnit, Group, Interchange, SetOutcome, count, soften
from hub.x12.overlay.rule import Overlay
from hub.x12.overlay.running import Tally, file_findings, with_overlays
from hub.x12.rules import rules_for
from hub.x12.rules.around import (
    gs_faults,
    header_fault,
    isa_faults,
    release_faults,
    ta1_faults,
    trailer_faults,
)
from hub.x12.rules.starts import chosen_guide, start_faults, unknown_guide
from hub.x12.rules.statuses import placed
from hub.x12.tree import Node, Segment
from hub.x12.walk import DiagnosisCheck, Walk
from hub.x12.wire import STANDARD, Block, Delimiters, Source, Wire, chunks

__all__ = ["Group", "Interchange", "SetOutcome", "TransactionSet", "X12Reader"]

_CONTROL = ("ISA", "IEA", "GS", "GE", "ST", "SE")
_KNOWN = (*_CONTROL, "TA1")
_ENDERS = frozenset(way(tag[:2]) for tag in _CONTROL for way in (str.upper, str.lower, str.title))
# what may begin as one of them, found at once among many segments
_MAY_END = re.compile("\\n[SGIsgi][ETSets]").search


class TransactionSet:
    """One ST to SE, read once: take `units()`, or `tree()`, or `segments()`; `findings` are complete after."""

    def __init__(self, reader: X12Reader, group: Group, st: str) -> None:
        marks = group.interchange.delimiters
        self.group = group
        self.st = Segment(st.split(marks.element), marks)
        self.delimiters = marks
        self.guide: Guide | None = chosen_guide(self.st, group.gs, reader.ahead)
        self.root = Node("", delimiters=marks)
        self.outcome = SetOutcome(
            transaction=self.st[1],
            control_number=self.st[2],
            version=self.st[3] or group.gs[8],
            kind=self.guide.kind if self.guide else self.st[1],
            payer_made=self.guide is not None and self.guide.payer_made,
            known=self.guide is not None,
        )
        self.line = reader.line
        self._seen = reader.seen
        self._diagnoses = reader.diagnoses
        self._overlays, self._tally = reader.overlays, reader.tally
        self._runs = reader.runs(self, st)
        self._texts: Iterator[str] = itertools.chain.from_iterable(self._runs)
        self._units: Iterator[Node] | None = None
        self.lenient = self.outcome.payer_made and not reader.strict

    @property
    def kind(self) -> str:
        """The guide's name, such as 837P, 835, 999, 277CA; ST01 when the hub has no such guide."""
        return self.outcome.kind

    @property
    def control_number(self) -> str:
        """ST02."""
        return self.st[2]

    @property
    def findings(self) -> list[Finding]:
        """What is wrong with this set, in order of place; complete once it is read to its end."""
        return self.outcome.findings

    def runs(self) -> Iterator[list[str]]:
        """Yields the segment texts from ST to SE as they lie in memory, many at a time, for whoever is in a hurry."""
        return self._runs

    def segments(self) -> Iterator[Segment]:
        """Yields the segments one by one without a guide, from ST to SE."""
        for text in self._texts:
            yield Segment(text.split(self.delimiters.element), self.delimiters)

    def units(self, *loops: str, check: bool = True) -> Iterator[Node]:
        """Yields each loop with one of these ids as it closes (the guide's own units when none is named).

        A unit's `parent` chain holds what came before it; the rest lies in `root`. Without a guide
        nothing is yielded and a finding says so. A set is read once: a second call goes on where the
        first one stopped.
        """
        if self._units is None:
            self._units = self._walk(loops, check=check)
        return self._units

    def tree(self) -> Node:
        """Reads the whole set into one tree; for large sets take `units` instead."""
        for _ in self.units("*"):
            pass
        return self.root.link()

    def check(self) -> list[Finding]:
        """Reads to the end and gives the findings, keeping nothing else."""
        for _ in self.units():
            pass
        return self.findings

    def skip(self) -> None:
        """Reads past what is left of this set; a walk that was begun is finished, for its findings."""
        for rest in (self._units, self._texts):
            for _ in rest or ():
                pass

    def _walk(self, loops: tuple[str, ...], *, check: bool) -> Iterator[Node]:
        if self.guide is None:
            if check:
                self.findings.append(self.placed(self._unknown()))
            return
        units = loops or self.guide.units
        walk = Walk(
            self.guide,
            self.delimiters,
            units=units,
            check=check,
            lenient=self.lenient,
            seen=self._seen,
            diagnoses=self._diagnoses,
        )
        if check:
            walk.use_rules(with_overlays(rules_for(self.guide, walk), walk, self._overlays, self._tally))
        self.root = walk.root
        met = 0
        for unit in walk.run(self._texts):
            if len(walk.findings) > met and unit.loop == "2300":
                self._keep_key(unit)
            met = len(walk.findings)
            yield unit
        told = {(found.segment, found.element) for found in self.findings if found.position == 1}
        news = (one for one in walk.findings if one.position > 1 or (one.segment, one.element) not in told)
        self.findings.extend(self.placed(found) for found in news)
        self.findings.sort(key=lambda found: found.position)

    def _keep_key(self, claim: Node) -> None:
        """Remembers by which number the sender finds a claim that has findings."""
        last = claim.position + sum(1 for _ in claim.segments()) - 1
        unit = BusinessUnit(first=claim.position, last=last, key=claim.value("CLM", 1))
        self.outcome.claims.append(unit)

    def _unknown(self) -> Finding:
        severity, element, message = unknown_guide(self.st, self.group.gs)
        return Finding(
            snip=1,
            code="guide.unknown",
            message=message,
            severity=severity,
            segment="ST",
            position=1,
            element=element,
            ik5="1",
        )

    def placed(self, found: Finding) -> Finding:
        """A finding of this set with its line in the file, its 277CA status and its repair."""
        return placed(found, opens=self.line, claims=self.st[1] == "837")


class X12Reader:
    """Reads one file; iterate it once for its transaction sets.

    `strict` makes guide findings errors in payer-made sets too (835, 999, 277CA), as on files we write.
    `overlays` are rules of payers and clearinghouses on top of the guides (`hub.x12.overlay.load`);
    `diagnoses` judges a diagnosis on its day, where the caller has an edition of ICD-10-CM.
    """

    def __init__(
        self,
        source: Source,
        *,
        strict: bool = False,
        overlays: Sequence[Overlay] = (),
        diagnoses: DiagnosisCheck | None = None,
    ) -> None:
        self.overlays = tuple(overlays)
        self.diagnoses = diagnoses
        self.tally: Tally = {}
        self._counted = _Counted(source) if any(one.limits.bytes_per_file for one in overlays) else None
        self.wire = Wire(self._counted or source)
        self.strict = strict
        self.seen: dict[str, tuple[str, ...]] = {}
        self.interchanges: list[Interchange] = []
        self.loose: list[Finding] = []
        self._blocks = iter(self.wire)
        self._block: list[str] = []
        self._at = 0
        self._opening = Block(delimiters=STANDARD, segments=[])
        self._group: Group | None = None
        self.line = 0
        self._group_line = self._isa_line = 0
        self._stray = False
        self._numbers: set[str] = set()

    @property
    def ahead(self) -> Iterator[str]:
        """The texts of the segments that were read already and come next; a look ahead, not all of a set."""
        return itertools.islice(self._block, self._at, None)

    @property
    def findings(self) -> list[Finding]:
        """What is wrong outside transaction sets: file, interchanges and groups."""
        found = list(self.loose)
        for interchange in self.interchanges:
            found.extend(interchange.findings)
            for group in interchange.groups:
                found.extend(group.findings)
        return found

    def __iter__(self) -> Iterator[TransactionSet]:
        """Yields each transaction set; the one before is skipped to its end first."""
        while (text := self._next()) is not None:
            tag, text = self._spelled(text)
            if tag == "ST":
                transaction = TransactionSet(self, self._group or self._open_group("GS"), text)
                self._check_start(transaction)
                yield transaction
                transaction.skip()
            else:
                self._control(tag, text)
            self._stray = tag not in _KNOWN
        self._end()

    def _control(self, tag: str, text: str) -> None:
        """Takes a segment that stands outside transaction sets."""
        if tag == "ISA":
            self._open_interchange(text)
        elif tag == "GS":
            self._open_group(text)
        elif tag == "GE":
            self._close_group(text)
        elif tag == "IEA":
            self._close_interchange(text)
        elif tag == "TA1" and self.interchanges:
            self._take_ta1(text)
        elif not self._stray:
            self._outside()

    def _spelled(self, text: str) -> tuple[str, str]:
        """The id of a segment and its text; an id of the envelope in small letters is told and put right."""
        tag = self._tag(text)
        if tag in _KNOWN or tag.upper() not in _KNOWN:
            return tag, text
        self._report(1, "segment.case", "the segment id must be in capitals", tag, self._group)
        return tag.upper(), tag.upper() + text[len(tag) :]

    def _outside(self) -> None:
        """Tells the first of a run of segments that stand in no transaction set."""
        if self._group is None:
            self._report(1, "envelope.stray", "stands outside any transaction set", "")
            return
        self._group.headless += 1
        self._report(1, "st.missing", "the transaction set has no ST", "ST", self._group)

    def _take_ta1(self, text: str) -> None:
        interchange, ta1 = self.interchanges[-1], self._segment(text)
        interchange.ta1s.append(ta1)
        interchange.findings.extend(self._here(one) for one in ta1_faults(ta1, interchange.delimiters))
        if self._group is not None:
            message = "stands inside a group; its place is before the first or after the last"
            self._report(1, "ta1.place", message, "TA1")

    def runs(self, transaction: TransactionSet, st: str) -> Iterator[list[str]]:
        """Yields the texts of a set from ST to SE in runs, and notes a missing or wrong trailer."""
        met = 1
        opens = self.line
        yield [st]
        while self._fill():
            begin, texts = self._at, self._block
            at = self._ender(texts, begin)
            if at < 0:
                self._at = len(texts)
                met += self._at - begin
                yield texts[begin:]
                continue
            self._at = at
            met += at - begin
            if texts[at][:2].upper() == "SE":
                self._at += 1
                self.line = opens + met
                yield texts[begin : at + 1]
                self._check_end(transaction, texts[at], met + 1)
                return
            yield texts[begin:at]
            break
        self.line = opens + met - 1
        transaction.outcome.segments = met
        self._set_fault(transaction, "trailer.missing", "the transaction set has no SE", "SE", 0, "2", met)

    def _ender(self, texts: list[str], begin: int) -> int:
        """Where the first segment of the envelope stands in a block, from `begin` on; -1 when there is none."""
        start, size = begin, 256  # small sets end soon, and in a large one a longer look costs less
        while start < len(texts):
            some = texts[start : start + size]
            if _MAY_END("\n" + "\n".join(some)) is not None:
                for at, text in enumerate(some, start):
                    if text[:2] in _ENDERS and self._tag(text).upper() in _CONTROL:
                        return at
            start, size = start + size, 4 * size
        return -1

    def _next(self) -> str | None:
        if not self._fill():
            return None
        self._at += 1
        self.line += 1
        return self._block[self._at - 1]

    def _fill(self) -> bool:
        """Makes sure that a segment stands at `_at`; False at the end of the file."""
        while self._at >= len(self._block):
            block = next(self._blocks, None)
            if block is None:
                return False
            if block.opens:
                self._opening = block
            self._block, self._at = block.segments, 0
        return True

    def _marks(self) -> Delimiters:
        return self.interchanges[-1].delimiters if self.interchanges else STANDARD

    def _tag(self, text: str) -> str:
        return text[:3] if text.startswith(("ISA", "IEA", "TA1")) else text.split(self._marks().element, 1)[0]

    def _segment(self, text: str) -> Segment:
        marks = self._marks()
        return Segment(text.split(marks.element), marks)

    def _open_interchange(self, text: str) -> None:
        self._close_open()
        self._isa_line = self.line
        self.seen = {}  # numbers that claims may use once in an interchange
        marks, fixed_width = self._opening.delimiters, self._opening.fixed_width
        header = Segment(text.split(marks.element), marks)
        self.interchanges.append(Interchange(delimiters=marks, isa=header))
        found = isa_faults(header, fixed_width=fixed_width, marks=marks)
        self.interchanges[-1].findings.extend(self._here(one) for one in found)
        number = marks.element.join(header[at] for at in (5, 6, 7, 8, 13))
        if number in self._numbers:
            message = "the control number was used before between these two"
            self._report(1, "isa.duplicate", message, "ISA", element=13)
        self._numbers.add(number)

    def _open_group(self, text: str) -> Group:
        if self._group is not None:
            self._report(1, "group.unclosed", "the functional group has no GE", "GE", self._group)
        interchange = self.interchanges[-1]
        self._group = group = Group(interchange=interchange, gs=self._segment(text), opened=text != "GS")
        if interchange.complete:
            self._report(1, "envelope.stray", "stands outside any interchange", "GS", group)
        interchange.groups.append(group)
        if not group.opened:
            self._report(1, "group.missing", "a transaction set stands outside a group", "GS", group)
            return group
        group.findings.extend(self._here(one) for one in gs_faults(group.gs, interchange.delimiters))
        for one in release_faults(interchange.isa, group.gs) if len(interchange.groups) == 1 else ():
            interchange.findings.append(placed(one, opens=self._isa_line, claims=False))
        if group.control_number and group.control_number in interchange.numbers:
            message = "the control number was used before in this interchange"
            self._report(1, "gs.duplicate", message, "GS", group, 6)
        interchange.numbers.add(group.control_number)
        self._group_line = self.line
        return group

    def _check_start(self, transaction: TransactionSet) -> None:
        group, outcome = transaction.group, transaction.outcome
        for fault in start_faults(transaction.st, group, transaction.guide):
            if not fault.of_group:
                self._set_fault(transaction, fault.code, fault.message, "ST", fault.element, fault.ik5)
            elif fault.code not in group.told:
                group.told.add(fault.code)
                found = header_fault(fault.code, "GS", fault.element, fault.message)
                group.findings.append(placed(found, opens=self._group_line, claims=False))
        group.numbers.add(outcome.control_number)
        group.sets.append(outcome)

    def _check_end(self, transaction: TransactionSet, text: str, segments: int) -> None:
        se = Segment(text.split(transaction.delimiters.element), transaction.delimiters)
        transaction.outcome.segments = segments
        if count(se[1]) != segments:
            message = f"counts other than the {segments} segments that are there"
            self._set_fault(transaction, "se.count", message, "SE", 1, "4", segments)
        if se[2] != transaction.control_number:
            message = "does not repeat the control number of its ST"
            self._set_fault(transaction, "se.control", message, "SE", 2, "3", segments)

    def _set_fault(
        self,
        transaction: TransactionSet,
        code: str,
        message: str,
        segment: str,
        element: int,
        ik5: str,
        position: int = 1,
    ) -> None:
        lenient = transaction.lenient and code != "trailer.missing"
        found = Finding(
            snip=1,
            code=code,
            message=message,
            severity="warning" if lenient else "error",
            segment=segment,
            element=element,
            position=position,
            ik5=ik5,
        )
        transaction.findings.append(transaction.placed(found))

    def _close_group(self, text: str) -> None:
        group, ge = self._group, self._segment(text)
        if group is None:
            self._report(1, "group.stray", "a GE without its GS", "GE")
            return
        group.findings.extend(self._here(one) for one in trailer_faults(ge, group.interchange.delimiters))
        if count(ge[1]) != len(group.sets) + group.headless:
            self._report(1, "ge.count", "does not count the transaction sets that are there", "GE", group, 1)
        if ge[2] != group.control_number and group.opened:
            self._report(1, "ge.control", "does not repeat the control number of its GS", "GE", group, 2)
        group.declared = max(0, count(ge[1]))
        group.complete = True
        self._group = None

    def _close_interchange(self, text: str) -> None:
        if self._group is not None:
            self._report(1, "group.unclosed", "the functional group has no GE", "GE", self._group)
            self._group = None
        if not self.interchanges or self.interchanges[-1].complete:
            self._report(1, "interchange.stray", "an IEA without its ISA", "IEA")
            return
        current, iea = self.interchanges[-1], self._segment(text)
        current.findings.extend(self._here(one) for one in trailer_faults(iea, current.delimiters))
        if count(iea[1]) != len(current.groups):
            self._report(1, "iea.count", "does not count the groups that are there", "IEA", element=1)
        if iea[2] != current.control_number:
            self._report(1, "iea.control", "does not repeat the control number of its ISA", "IEA", element=2)
        current.complete = True

    def _close_open(self) -> None:
        if self._group is not None:
            self._report(1, "group.unclosed", "the functional group has no GE", "GE", self._group)
            self._group = None
        if self.interchanges and not self.interchanges[-1].complete:
            self._report(1, "interchange.unclosed", "the interchange has no IEA", "IEA")

    def _end(self) -> None:
        self._close_open()
        if self.wire.truncated:
            self._report(1, "file.truncated", "the file ends in the middle of a segment", "")
        if self.wire.problem:
            self._report(1, "file.unreadable", self.wire.problem, "ISA")
        size = self._counted.bytes if self._counted is not None else 0
        for overlay in self.overlays:
            self.loose.extend(file_findings(overlay, self.tally, size))
        for interchange in () if self.strict else self.interchanges:
            soften(interchange)

    def _report(
        self, snip: int, code: str, message: str, segment: str, group: Group | None = None, element: int = 0
    ) -> None:
        found = Finding(snip=snip, code=code, message=message, segment=segment, element=element)
        place = self.interchanges[-1].findings if self.interchanges else self.loose
        (group.findings if group is not None else place).append(self._here(found))

    def _here(self, found: Finding) -> Finding:
        return placed(found, opens=self.line, claims=False)


class _Counted:
    """A source that counts the bytes that are read from it."""

    def __init__(self, source: Source) -> None:
        self._chunks = chunks(source)
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        """Yields the bytes as they come."""
        for chunk in self._chunks:
            self.bytes += len(chunk)
            yield chunk
