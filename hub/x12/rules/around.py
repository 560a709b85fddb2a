"""What is wrong with the segments around transaction sets: ISA, GS, TA1, GE and IEA against their rows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hub.x12.elements import faults
from hub.x12.finding import Finding
from hub.x12.formats import bars_text, is_date, is_time
from hub.x12.grammar import Segment as Row
from hub.x12.grammar import seg
from hub.x12.guides.interchange_ta1 import ta1_row
from hub.x12.tree import Segment
from hub.x12.wire import ISA_WIDTHS, Delimiters

_GS = seg("GS R 1", "Group header", "01-06! 07!=X 08!")
_GE = seg("GE R 1", "Group trailer", "01! 02!")
_IEA = seg("IEA R 1", "Interchange trailer", "01! 02!")
_QUALIFIERS = frozenset(["01", "14", "20", "27", "28", "29", "30", "33", "ZZ"])
_REPETITION_SINCE = "00402"
_OLD_STANDARD = "U"  # what ISA11 said before it was a separator; many still write it, and repeat nothing
_MANY_WIDTHS = 3

# element of the ISA: code of the finding, what must match, what is wrong where it does not
_ISA_FORMS = {
    1: ("isa.authorization", r"0[03]", "is neither 00 nor 03"),
    3: ("isa.security", r"0[01]", "is neither 00 nor 01"),
    6: ("isa.sender", r"[^ ].*", "the sender's id is blank or begins with a blank"),
    8: ("isa.receiver", r"[^ ].*", "the receiver's id is blank or begins with a blank"),
    12: ("isa.version", r"00[456]\d\d", "is not a version that is known"),
    13: ("isa.control", r"[0-9]{9}", "the control number has nine digits"),
    14: ("isa.acknowledgement", r"[01]", "is neither 0 nor 1"),
    15: ("isa.usage", r"[PT]", "is neither P (production) nor T (test)"),
}


def isa_faults(isa: Segment, *, fixed_width: bool, marks: Delimiters | None = None) -> Iterator[Finding]:
    """What is wrong in an ISA, in the order of its elements: widths, codes, dates and separators."""
    wide = [] if fixed_width else [at for at, width in enumerate(ISA_WIDTHS) if at and len(isa[at]) != width]
    if len(wide) > _MANY_WIDTHS or not (fixed_width or wide):
        yield header_fault("isa.width", "ISA", 0, "the ISA segment is not 106 characters wide")
        wide = []
    for element in range(1, 17):
        if element in wide:
            message = f"must be {ISA_WIDTHS[element]} characters wide"
            yield header_fault("isa.width", "ISA", element, message)
        else:
            yield from _isa_element(isa, element, marks)


def _isa_element(isa: Segment, element: int, marks: Delimiters | None) -> Iterator[Finding]:
    text = isa[element]
    if element in _ISA_FORMS:
        code, pattern, message = _ISA_FORMS[element]
        if not re.fullmatch(pattern, text):
            yield header_fault(code, "ISA", element, message)
            return
    if element in (5, 7) and text not in _QUALIFIERS:
        yield header_fault("isa.qualifier", "ISA", element, "is not a kind of interchange id")
    if element == 9 and not is_date("20" + text):
        yield header_fault("isa.date", "ISA", 9, "is not a date (YYMMDD)")
    if element == 10 and (len(text) != 4 or not is_time(text)):
        yield header_fault("isa.time", "ISA", 10, "is not a time (HHMM)")
    if element == 11 and isa[12] >= _REPETITION_SINCE and text != _OLD_STANDARD and not _separates(text):
        yield header_fault("isa.repetition", "ISA", 11, "is not a separator of repetitions")
    if marks is not None and element == 16:
        used = [marks.element, marks.component, marks.segment, *marks.repetition]
        if len(set(used)) < len(used):
            yield header_fault("isa.separators", "ISA", 16, "two separators are the same character")
    elif marks is not None and element in (2, 4, 6, 8) and bars_text(marks).search(text):
        yield header_fault("isa.character", "ISA", element, "holds a control or a non-ASCII character")


def release_faults(isa: Segment, gs: Segment) -> Iterator[Finding]:
    """ISA12 of an interchange whose first group keeps guides of release 005010 says 00501."""
    known = re.fullmatch(_ISA_FORMS[12][1], isa[12])
    if known and isa[12] != "00501" and gs[8].startswith("005010"):
        yield header_fault("isa.version", "ISA", 12, "is not the version of groups of 005010, which is 00501")


def _separates(text: str) -> bool:
    return not text.isalnum() and text != " "


def gs_faults(gs: Segment, delimiters: Delimiters) -> Iterator[Finding]:
    """What is wrong in a GS against its row."""
    yield from _against(_GS, gs, delimiters)


def ta1_faults(ta1: Segment, delimiters: Delimiters) -> Iterator[Finding]:
    """What is wrong in a TA1 against its row; its date and time are those of the ISA that it answers."""
    met = list(_against(ta1_row(), ta1, delimiters))
    yield from met
    if len(ta1[2]) == 6 and ta1[2].isdecimal() and not is_date("20" + ta1[2]):
        yield header_fault("ta1.date", "TA1", 2, "is not a date (YYMMDD)")
    if len(ta1[3]) == 4 and ta1[3].isdecimal() and not is_time(ta1[3]):
        yield header_fault("ta1.time", "TA1", 3, "is not a time (HHMM)")
    accepted = (ta1[4] == "A") == (ta1[5] == "000")
    if not met and ta1[4] in ("A", "R") and not accepted:
        yield header_fault("ta1.verdict", "TA1", 5, "the note does not fit the verdict")


def trailer_faults(trailer: Segment, delimiters: Delimiters) -> Iterator[Finding]:
    """What is wrong in a GE or IEA against its row, apart from its count and control number."""
    for found in _against(_GE if trailer.id == "GE" else _IEA, trailer, delimiters):
        if found.element > 2 or not found.code.endswith((".number", ".missing")):
            yield found


def header_fault(code: str, segment: str, element: int, message: str) -> Finding:
    """A fault of an envelope, which is always SNIP type 1."""
    return Finding(snip=1, code=code, message=message, segment=segment, element=element)


def _against(row: Row, segment: Segment, delimiters: Delimiters) -> Iterator[Finding]:
    for fault in faults(row, [segment[position] for position in range(len(segment) + 1)], delimiters):
        code = f"{row.id.lower()}.{fault.code.partition('.')[2]}"
        yield header_fault(code, row.id, fault.element, fault.message)
