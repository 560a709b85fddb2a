"""What a receiver's answer (TA1, 999, 277CA) says of a file that was sent, as findings at their places there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import msgspec
from msgspec.structs import replace

from hub.x12.envelope import X12Reader
from hub.x12.finding import Finding
from hub.x12.tools.rows import Row, rows
from hub.x12.tools.show import Choice, LoopLine, outline

_SEGMENT = {
    "1": "is unknown",
    "2": "was not expected here",
    "3": "is missing before this",
    "4": "belongs to a loop that stands too often",
    "5": "stands too often",
    "6": "does not belong into this set",
    "7": "stands at the wrong place",
    "8": "is wrong in an element",
    "I4": "must not be used",
    "I6": "is missing in this case",
    "I7": "begins a loop that is missing before this",
    "I8": "stands too seldom",
    "I9": "must not be used in this case",
}
_MISSING = frozenset(("3", "I6", "I7", "I8"))
_ELEMENT = {
    "1": "is missing",
    "2": "is missing beside another that is there",
    "3": "is one element too many",
    "4": "is too short",
    "5": "is too long",
    "6": "holds a character that is not allowed",
    "7": "is not a valid code or number",
    "8": "is not a date",
    "9": "is not a time",
    "10": "must not stand beside another that is there",
    "12": "repeats too often",
    "13": "is one part too many",
    "I10": "must not be used",
    "I12": "has not the form that is wanted",
}
_CATEGORY = {
    "A3": "rejected the claim",
    "A4": "does not find the claim",
    "A6": "rejected the claim, since something is missing",
    "A7": "rejected the claim, since something is wrong",
    "A8": "rejected the claim, since two things contradict each other",
}
_TAKEN = frozenset(("A0", "A1", "A2", "A5"))
_VERDICTS = {"R": "rejected", "M": "rejected", "W": "rejected", "X": "rejected", "P": "took a part of"}


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """A segment of the file: its loop with its name, its id and its name."""

    loop: str
    around: str
    id: str
    name: str

    def holds(self, found: Finding) -> bool:
        """Whether a finding is about this very segment; one that is missing there has no place of its own."""
        return found.ik3 not in _MISSING and found.segment.upper() == self.id.upper()


def located(file: BinaryIO, lines: frozenset[int]) -> dict[int, Located]:
    """Where some lines of a file stand, which a 999 says in part only."""
    found: dict[int, Located] = {}
    names: dict[str, str] = {}
    for one in outline(file, Choice(), {}):
        if isinstance(one, LoopLine):
            names[one.id] = one.name
        elif one.line in lines:
            around = names.get(one.loop, "") if one.loop else ""
            found[one.line] = Located(loop=one.loop, around=around, id=one.id, name=one.name)
    return found


class Answers:
    """What one answer says: ask for it by set, claim and interchange; `left()` counts what nobody asked for."""

    def __init__(self, file: BinaryIO) -> None:
        self._sets: dict[tuple[str, str], list[Finding]] = {}
        self._claims: dict[str, list[Finding]] = {}
        self._interchanges: dict[str, list[Finding]] = {}
        self._asked: set[object] = set()
        reader = X12Reader(file)
        for transaction in reader:
            for row in rows(transaction) if transaction.kind in ("999", "277CA") else ():
                self._take(transaction.kind, row)
        for one in reader.interchanges:
            for ta1 in one.ta1s:
                told = [_of_interchange(_code(ta1[4]), _code(ta1[5]))] if ta1[4] in ("E", "R") else []
                self._interchanges.setdefault(ta1[1], []).extend(told)

    def __bool__(self) -> bool:
        return bool(self._sets or self._claims or self._interchanges)

    def of_set(self, group: str, number: str) -> list[Finding]:
        """What is said of a set, by GS06 and ST02; each with its `position` in the set, 1 for the set as a whole."""
        self._asked.add((group, number))
        return self._sets.get((group, number), [])

    def of_claim(self, number: str, position: int) -> list[Finding]:
        """What is said of a claim, by its CLM01, put at this position."""
        self._asked.add(number)
        return [replace(one, position=position) for one in self._claims.get(number, ())]

    def of_interchange(self, number: str) -> list[Finding]:
        """What is said of the envelope, by its ISA13."""
        self._asked.add(("ISA", number))
        return self._interchanges.get(number, [])

    def left(self) -> int:
        """How many sets, claims and envelopes the answer speaks of that nobody asked for."""
        spoken = [*self._sets, *self._claims, *(("ISA", number) for number in self._interchanges)]
        return sum(one not in self._asked for one in spoken)

    def _take(self, kind: str, row: Row) -> None:
        if kind == "999":
            told = self._sets.setdefault((row.get("group", ""), row.get("answered_number", "")), [])
            told += [one for one in _of_set(row) if one not in told]
        else:
            self._claims.setdefault(row.get("claim_number", ""), []).extend(_of_claim(row))


def _of_set(row: Row) -> Iterator[Finding]:
    verdict = row.get("verdict", "")
    if verdict in _VERDICTS:
        words = f"the receiver {_VERDICTS[verdict]} this set"
        yield Finding(snip=0, code="answer.999", message=words, segment="ST", position=1)
    place = row.get("position", "")
    if not place.isascii() or not place.isdigit():
        return
    fault = _code(row.get("element_fault", ""))
    said = _code(row.get("fault", ""))
    words = _ELEMENT.get(fault, f"has fault {fault}") if fault else _SEGMENT.get(said, f"has fault {said}")
    yield Finding(
        snip=0,
        code="answer.999",
        message=f"the receiver says: {words}",
        severity="error" if verdict in _VERDICTS else "warning",
        loop=_code(row.get("loop", "")),
        segment=_code(row.get("segment", "")),
        position=int(place[:9]),
        element=_small(row.get("element", "")),
        part=_small(row.get("part", "")),
        ik3=said,
        ik4=fault,
    )


def _of_claim(row: Row) -> Iterator[Finding]:
    category, status = _code(row.get("category", "")), _code(row.get("status", ""))
    if category in _TAKEN:
        return
    words = _CATEGORY.get(category, f"answers {category}")
    line = f", line {_small(row['line'])}" if row.get("line") else ""
    yield Finding(
        snip=0,
        code="answer.277ca",
        message=f"the receiver {words} (status {status}{line})",
        loop="2300",
        segment="CLM",
        status=f"{category}:{status}",
    )


def _of_interchange(verdict: str, note: str) -> Finding:
    words = "rejected the whole file" if verdict == "R" else "took the file with errors"
    return Finding(
        snip=0, code="answer.ta1", message=f"the receiver {words} (TA1 note {note})", segment="ISA", line=1
    )


def _code(text: str) -> str:
    """A code as it may be told: nothing else of an answer is."""
    return text if text.isascii() and text.isalnum() and len(text) <= 6 else "?" if text else ""


def _small(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
