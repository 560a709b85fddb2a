"""Answers what was read: TA1 for an interchange, 999 for a functional group."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from hub.x12.dictionary import layouts
from hub.x12.envelope import Group, Interchange, SetOutcome
from hub.x12.finding import Finding
from hub.x12.formats import bars_text
from hub.x12.grammar import Loop as GuideLoop
from hub.x12.guides import guide_named
from hub.x12.tree import Node, RawSegment, node
from hub.x12.wire import STANDARD

_TA1_NOTES = {
    "iea.control": "001",
    "isa.sender": "006",
    "isa.receiver": "008",
    "isa.authorization": "010",
    "isa.security": "012",
    "isa.date": "014",
    "isa.time": "015",
    "isa.version": "017",
    "isa.control": "018",
    "isa.acknowledgement": "019",
    "isa.usage": "020",
    "iea.count": "021",
    "isa.width": "022",
    "isa.character": "022",
    "isa.repetition": "022",
    "group.unclosed": "022",
    "interchange.unclosed": "023",
    "isa.duplicate": "025",
    "isa.separators": "027",
}
_QUALIFIER_NOTES = {5: "005", 7: "007"}
_CONTENT = "024"
_AK9_CODES = {
    "gs.kind": "1",
    "gs.version": "2",
    "group.unclosed": "3",
    "ge.control": "4",
    "ge.count": "5",
    "gs.number": "6",
    "gs.duplicate": "19",
}
_MOST_ERRORS = 500
_LAST_PLACE = 99
_LARGEST_COUNT = 999_999  # what AK902 can say
_MOST_CODES = 5
_LONGEST_KEY = 35


def ta1(interchange: Interchange) -> RawSegment:
    """The TA1 segment for an interchange that was read to its end: A accepted, E with errors, R rejected.

    What a partner's own TA1 says wrongly is no fault of the interchange; a GS that a 999 has no code for is
    told as E (note 024), since its sets are answered one by one.
    """
    errors = [one for one in interchange.findings if one.severity == "error" and one.segment != "TA1"]
    notes = [_note(one) for one in errors]
    isa = interchange.isa
    if notes:
        return ("TA1", isa[13], isa[9], isa[10], "R", notes[0])
    headers = [one for group in interchange.groups for one in group.findings if one.severity == "error"]
    if any(one.code not in _AK9_CODES for one in headers):
        return ("TA1", isa[13], isa[9], isa[10], "E", _CONTENT)
    return ("TA1", isa[13], isa[9], isa[10], "A", "000")


def _note(found: Finding) -> str:
    if found.code == "isa.qualifier":
        return _QUALIFIER_NOTES[found.element]
    return _TA1_NOTES.get(found.code, _CONTENT)


def acknowledgement(group: Group) -> Node:
    """The body of a 999 for a functional group whose sets were read to their ends and checked.

    A set is rejected (IK501 R) when it has a finding of severity error or no guide is known for it, accepted
    with errors (E) when it has warnings that a 999 can say, else accepted (A); the group follows its sets
    (AK901 A, E, P, R) and is rejected for a fault of its own. A claim is named by its CLM01, which is the
    sender's own number and goes back to the sender; no other value is told.
    """
    gs = group.gs
    return node(
        "",
        ("AK1", _fit(gs[1], 2, 2, "ZZ"), gs[6] if _is_count(gs[6]) else "0", _fit(gs[8], 1, 12, "UNKNOWN")),
        *[_set_answer(outcome) for outcome in group.sets],
        _group_answer(group),
    )


def verdict(outcome: SetOutcome) -> str:
    """IK501 for one set: A, E or R."""
    if not (outcome.accepted and outcome.known):
        return "R"
    return "E" if any(found.ik3 or found.ik5 for found in outcome.findings) else "A"


def _set_answer(outcome: SetOutcome) -> Node:
    told = sorted(
        (found for found in outcome.findings[:_MOST_ERRORS] if found.ik3),
        key=lambda found: (found.position, found.segment, found.loop, found.ik3, found.element, found.part),
    )
    whole = dict.fromkeys(found.ik5 for found in outcome.findings if found.ik5)
    if told:
        whole["5" if any(found.snip == 1 for found in told) else "I5"] = None
    if not outcome.known:
        whole["1"] = None
    return node(
        "2000",
        (
            "AK2",
            _fit(outcome.transaction, 3, 3, "000"),
            _fit(outcome.control_number.rjust(4, "0"), 4, 9, "0000"),
            _fit(outcome.version, 1, 35, "") or None,
        ),
        *_segment_errors(told, outcome),
        ("IK5", verdict(outcome), *list(whole)[:_MOST_CODES]),
    )


def _segment_errors(told: list[Finding], outcome: SetOutcome) -> Iterator[Node]:
    def place(found: Finding) -> tuple[int, str, str, str]:
        return found.position, found.segment, found.loop, found.ik3

    for (position, segment, loop, ik3), found in groupby(told, key=place):
        ik3_segment = ("IK3", _segment_id(segment), str(position), loop[:4] or None, ik3)
        trigger = _trigger(loop, position, outcome) if ik3 == "I6" else None
        elements = {(one.element, one.part, one.ik4): one for one in found if _can_be_placed(one)}
        yield node(
            "2100",
            ik3_segment,
            trigger,
            _key(position, outcome),
            *[_element_error(one) for one in elements.values()],
        )


def _fit(text: str, low: int, high: int, otherwise: str) -> str:
    """A number or code of the file that is answered, where a 999 can carry it."""
    good = low <= len(text) <= high and text == text.strip() and not bars_text(STANDARD).search(text)
    return text if good else otherwise


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def _segment_id(segment: str) -> str:
    known = len(segment) in (2, 3) and segment.isascii() and segment.isalnum()
    return segment.upper() if known else "ZZ"


def _trigger(loop: str, position: int, outcome: SetOutcome) -> RawSegment | None:
    """CTX: the segment that makes another one necessary is taken to be the opener of their loop."""
    opener = _opener(guide_named(outcome.kind).root, loop) if outcome.known else ""
    return ("CTX", ("SITUATIONAL TRIGGER",), opener, str(position), loop[:4] or None) if opener else None


def _opener(around: GuideLoop, loop: str) -> str:
    if around.id == loop:
        return around.opener.id
    below = (_opener(row, loop) for row in around.rows if isinstance(row, GuideLoop))
    return next((found for found in below if found), "")


def _key(position: int, outcome: SetOutcome) -> RawSegment | None:
    """CTX: by which number the sender finds the claim, where it can be written."""
    key = next((one.key for one in outcome.claims if one.first <= position <= one.last), "").strip()
    if not key or len(key) > _LONGEST_KEY or bars_text(STANDARD).search(key):
        return None
    return ("CTX", ("CLM01", key))


def _can_be_placed(found: Finding) -> bool:
    """Whether IK4 can say where the fault is: it counts elements and parts to 99."""
    return bool(found.ik4) and 0 < found.element <= _LAST_PLACE and found.part <= _LAST_PLACE


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
    errors = [found for found in group.findings if found.severity == "error"]
    codes = dict.fromkeys(_AK9_CODES[found.code] for found in errors if found.code in _AK9_CODES)
    if not accepted or codes:
        word = "R"
        accepted = 0
    elif accepted < len(group.sets):
        word = "P"
    else:
        word = "E" if any(verdict(outcome) == "E" for outcome in group.sets) else "A"
    declared = group.declared if 0 < group.declared <= _LARGEST_COUNT else len(group.sets)
    return ("AK9", word, str(declared), str(len(group.sets)), str(accepted), *list(codes)[:_MOST_CODES])
