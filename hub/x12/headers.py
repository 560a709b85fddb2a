"""What stands around transaction sets: interchanges, groups, outcomes, and what is wrong in their headers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from hub.x12.elements import faults
from hub.x12.finding import Finding, softened
from hub.x12.formats import is_date, is_time
from hub.x12.grammar import seg
from hub.x12.tree import Segment
from hub.x12.wire import Delimiters

_CUT_OFF = frozenset(("group.unclosed", "interchange.unclosed", "file.truncated", "file.unreadable"))
_GS = seg("GS R 1", "Group header", "01-06! 07!=X 08!")


class Interchange(msgspec.Struct, kw_only=True, eq=False):
    """ISA to IEA: its header as elements (`isa[13]` is the control number), groups, TA1s and findings."""

    delimiters: Delimiters
    isa: Segment
    groups: list[Group] = []
    ta1s: list[Segment] = []
    findings: list[Finding] = []
    complete: bool = False

    @property
    def control_number(self) -> str:
        """ISA13."""
        return self.isa[13]


class Group(msgspec.Struct, kw_only=True, eq=False):
    """GS to GE: its header, the outcome of each transaction set so far, and findings."""

    interchange: Interchange
    gs: Segment
    sets: list[SetOutcome] = []
    findings: list[Finding] = []
    declared: int = 0
    complete: bool = False

    @property
    def control_number(self) -> str:
        """GS06."""
        return self.gs[6]


class SetOutcome(msgspec.Struct, kw_only=True, eq=False):
    """What is known of a transaction set once it is read: ids, size and findings, no content."""

    transaction: str
    control_number: str
    version: str
    kind: str
    segments: int = 0
    findings: list[Finding] = []
    payer_made: bool = False

    @property
    def accepted(self) -> bool:
        """Whether nothing worse than warnings was found."""
        return all(finding.severity != "error" for finding in self.findings)


def isa_faults(isa: Segment, *, fixed_width: bool) -> Iterator[Finding]:
    """What is wrong in an ISA: its width, dates, versions and flags."""
    if not fixed_width:
        yield _fault("isa.width", "ISA", 0, "the ISA segment is not 106 characters wide")
    if not is_date("20" + isa[9]):
        yield _fault("isa.date", "ISA", 9, "is not a date (YYMMDD)")
    if len(isa[10]) != 4 or not is_time(isa[10]):
        yield _fault("isa.time", "ISA", 10, "is not a time (HHMM)")
    if not re.fullmatch(r"00[456]\d\d", isa[12]):
        yield _fault("isa.version", "ISA", 12, "is not a version that is known")
    if not re.fullmatch(r"[0-9]{9}", isa[13]):
        yield _fault("isa.control", "ISA", 13, "the control number has nine digits")
    if isa[14] not in ("0", "1"):
        yield _fault("isa.acknowledgement", "ISA", 14, "is neither 0 nor 1")
    if isa[15] not in ("P", "T"):
        yield _fault("isa.usage", "ISA", 15, "is neither P (production) nor T (test)")


def gs_faults(gs: Segment, delimiters: Delimiters) -> Iterator[Finding]:
    """What is wrong in a GS against its row."""
    for fault in faults(_GS, [gs[position] for position in range(len(gs) + 1)], delimiters):
        yield _fault("gs." + fault.code.partition(".")[2], "GS", fault.element, fault.message)


def count(text: str) -> int:
    """A count of a trailer; -1 when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else -1


def soften(interchange: Interchange) -> None:
    """Makes warnings of header faults where payers made all sets: only what is cut off stays an error."""
    if not all(outcome.payer_made for group in interchange.groups for outcome in group.sets):
        return
    for found in (interchange.findings, *[group.findings for group in interchange.groups]):
        found[:] = [one if one.code in _CUT_OFF else softened(one) for one in found]


def _fault(code: str, segment: str, element: int, message: str) -> Finding:
    return Finding(snip=1, code=code, message=message, segment=segment, element=element)
