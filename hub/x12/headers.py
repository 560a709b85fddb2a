"""What stands around transaction sets: interchanges, groups, outcomes, and what is wrong in their headers."""

from __future__ import annotations

import msgspec

from hub.x12.finding import Finding, softened
from hub.x12.tree import Segment
from hub.x12.wire import Delimiters

_CUT_OFF = frozenset(("group.unclosed", "interchange.unclosed", "file.truncated", "file.unreadable"))


class Interchange(msgspec.Struct, kw_only=True, eq=False):
    """ISA to IEA: its header as elements (`isa[13]` is the control number), groups, TA1s and findings."""

    delimiters: Delimiters
    isa: Segment
    groups: list[Group] = []
    ta1s: list[Segment] = []
    findings: list[Finding] = []
    complete: bool = False
    numbers: set[str] = set()

    @property
    def control_number(self) -> str:
        """ISA13."""
        return self.isa[13]


class Group(msgspec.Struct, kw_only=True, eq=False):
    """GS to GE: its header, the outcome of each transaction set so far, and findings.

    `opened` is False where the GS is missing, `headless` counts the sets that lack their ST; `numbers` are
    the control numbers met, `told` the faults of the GS that are told once and not at each of its sets.
    """

    interchange: Interchange
    gs: Segment
    sets: list[SetOutcome] = []
    findings: list[Finding] = []
    declared: int = 0
    complete: bool = False
    opened: bool = True
    headless: int = 0
    numbers: set[str] = set()
    told: set[str] = set()

    @property
    def control_number(self) -> str:
        """GS06."""
        return self.gs[6]


class BusinessUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A claim with findings: its first and last segment in the set, and its key: the sender's own number."""

    first: int
    last: int
    key: str

    def __repr__(self) -> str:
        """Names the place, never the key."""
        return f"<BusinessUnit {self.first} to {self.last}>"


class SetOutcome(msgspec.Struct, kw_only=True, eq=False):
    """What is known of a transaction set once it is read: ids, size and findings, no content.

    `known` is False where the hub has no guide for it: then nothing inside was checked. `claims` are the
    keys (CLM01) of claims with findings, for the sender of the file and nobody else.
    """

    transaction: str
    control_number: str
    version: str
    kind: str
    segments: int = 0
    findings: list[Finding] = []
    payer_made: bool = False
    known: bool = True
    claims: list[BusinessUnit] = []

    @property
    def accepted(self) -> bool:
        """Whether nothing worse than warnings was found."""
        return all(finding.severity != "error" for finding in self.findings)


def count(text: str) -> int:
    """A count of a trailer; -1 when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else -1


def soften(interchange: Interchange) -> None:
    """Makes warnings of header faults where payers made all sets: only what is cut off stays an error."""
    if not all(outcome.payer_made for group in interchange.groups for outcome in group.sets):
        return
    for found in (interchange.findings, *[group.findings for group in interchange.groups]):
        found[:] = [one if one.code in _CUT_OFF else softened(one) for one in found]
