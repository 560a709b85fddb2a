"""Answers what was read: TA1 for an interchange, 999 for a functional group."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from hub.x12.dictionary import layouts
from hub.x12.envelope import Group, Interchange, SetOutcome
from hub.x12.finding import Finding
from hub.x12.tree import Node, RawSegment, node

_TA1_NOTES = {
    "iea.control": "001",
    "iea.count": "021",
    "interchange.unclosed": "023",
    "group.unclosed": "022",
    "isa.width": "022",
    "isa.date": "014",
    "isa.time": "015",
    "isa.version": "017",
    "isa.control": "018",
    "isa.acknowledgement": "019",
    "isa.usage": "020",
}
_AK9_CODES = {"ge.control": "4", "ge.count": "5", "group.unclosed": "3"}
_MOST_ERRORS = 500


def ta1(interchange: Interchange) -> RawSegment:
    """The TA1 segment for an interchange that was read to its end: A accepted, R rejected."""
    notes = [_TA1_NOTES.get(found.code, "024") for found in interchange.findings if found.severity == "error"]
    isa = interchange.isa
    return ("TA1", isa[13], isa[9], isa[10], "R" if notes else "A", notes[0] if notes else "000")


def acknowledgement(group: Group) -> Node:
    """The body of a 999 for a functional group whose sets were read to their ends.

    A set is rejected (IK501 R) when it has a finding of severity error, accepted with errors (E) when it
    has warnings that a 999 can say, else accepted (A); the group follows its sets (AK901 A, E, P, R).
    """
    gs = group.gs
    return node(
        "",
        ("AK1", gs[1], gs[6], gs[8]),
        *[_set_answer(outcome) for outcome in group.sets],
        _group_answer(group),
    )


def verdict(outcome: SetOutcome) -> str:
    """IK501 for one set: A, E or R."""
    if not outcome.accepted:
        return "R"
    return "E" if any(found.ik3 or found.ik5 for found in outcome.findings) else "A"


def _set_answer(outcome: SetOutcome) -> Node:
    told = sorted(
        (found for found in outcome.findings[:_MOST_ERRORS] if found.ik3),
        key=lambda found: (found.position, found.segment, found.loop, found.ik3, found.element),
    )
    whole = dict.fromkeys(found.ik5 for found in outcome.findings if found.ik5)
    if told:
        whole["5" if any(found.snip == 1 for found in told) else "I5"] = None
    return node(
        "2000",
        ("AK2", outcome.transaction, outcome.control_number, outcome.version),
        *_segment_errors(told),
        ("IK5", verdict(outcome), *list(whole)[:5]),
    )


def _segment_errors(told: list[Finding]) -> Iterator[Node]:
    def place(found: Finding) -> tuple[int, str, str, str]:
        return found.position, found.segment, found.loop, found.ik3

    for (position, segment, loop, ik3), found in groupby(told, key=place):
        ik3_segment = ("IK3", segment or "ZZ", str(position), loop[:4] or None, ik3)
        elements = [_element_error(one) for one in found if one.ik4 and one.element]
        yield node("2100", ik3_segment, *elements)


def _element_error(found: Finding) -> Node:
    place = (str(found.element), str(found.part)) if found.part else (str(found.element),)
    return node("2110", ("IK4", place, _reference(found), found.ik4))


def _reference(found: Finding) -> str:
    layout = layouts().get(found.segment)
    if layout is None or not 0 < found.element <= len(layout.elements):
        return ""
    kind = layout.elements[found.element - 1]
    parts = getattr(kind, "parts", ())
    if found.part and found.part <= len(parts):
        kind = parts[found.part - 1]
    number = getattr(kind, "number", "")
    return number if number.isdigit() else ""


def _group_answer(group: Group) -> RawSegment:
    accepted = sum(verdict(outcome) != "R" for outcome in group.sets)
    codes = dict.fromkeys(_AK9_CODES[found.code] for found in group.findings if found.code in _AK9_CODES)
    if not accepted or codes:
        word = "R"
        accepted = 0
    elif accepted < len(group.sets):
        word = "P"
    else:
        word = "E" if any(verdict(outcome) == "E" for outcome in group.sets) else "A"
    declared = group.declared or len(group.sets)
    return ("AK9", word, str(declared), str(len(group.sets)), str(accepted), *codes)
