"""The segments of an 837 set -> claims, one by one, without loss and without a tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import chain
from typing import Any, NamedTuple

from msgspec.structs import replace

from hub.errors import Problem
from hub.flow.claim_837.claims import CLAIMS
from hub.flow.claim_837.codec import Fields, Loop, Spot, by_hand, spots
from hub.flow.claim_837.levels import (
    BILLING_DEFAULTS,
    BILLING_ROWS,
    PATIENT_ROWS,
    SUBSCRIBER_ROWS,
    billing_of,
    coverage_of,
    patient_of,
)
from hub.flow.claim_837.records import claim_of
from hub.flow.claim_837.shared import contacts
from hub.flow.claim_837.values import C, E, Unreadable, day, filled
from hub.flow.claim_837.writing import BETWEEN, Levels, differences, header, write_claim
from hub.model.claim import Claim
from hub.model.transmission import Sender, Transmission
from hub.x12.envelope import TransactionSet, X12Reader
from hub.x12.wire import Source

_GUIDES = {"005010X222": "P", "005010X223": "I", "005010X224": "D"}
_OURS = re.compile(f"[{E}{C}{BETWEEN}]")
"""What parts elements, components and segments here, and is a control character in a file."""

Told = tuple[Transmission, Claim | Problem]


def read_claims(source: Source | TransactionSet) -> Iterator[Told]:
    """Yields each claim of a file or of one set, with the header of its set, in the order of the file.

    A claim that cannot be read is a `Problem` with its place; the others go on. Sets that are no 837 of 005010
    are passed over. `payer` stays empty: the hub never guesses who a file means.
    """
    if isinstance(source, TransactionSet):
        yield from _claims_of(source)
        return
    for transaction in X12Reader(source):
        yield from _claims_of(transaction)


def kind_of(transaction: TransactionSet) -> str:
    """P, I or D; "" for a set that is no 837 of 005010."""
    version = transaction.st[3] or transaction.group.gs[8]
    return _GUIDES.get(version[:10], "") if transaction.st[1] == "837" else ""


def _claims_of(transaction: TransactionSet) -> Iterator[Told]:
    kind = kind_of(transaction)
    if kind:
        marks = transaction.delimiters
        texts = chain.from_iterable(transaction.runs())
        yield from _Reading(kind, marks.element, marks.component).run(texts)


def _read_begin(v: list[str], f: Fields, _c: str) -> None:
    v = filled(v, 6)
    created = day(v[4], "BHT04")
    if created is None:
        raise Unreadable("BHT04")
    f["purpose"], f["reference"], f["created"], f["clock"], f["sort"] = v[2], v[3], created, v[5], v[6]


def _read_submitter(v: list[str], f: Fields, _c: str) -> None:
    v = filled(v, 9)
    f["submitter"] = Sender(name=v[3], first=v[4], middle=v[5], id=v[9], is_person=v[2] == "1" and not v[4])


def _read_receiver(v: list[str], f: Fields, _c: str) -> None:
    v = filled(v, 9)
    f["receiver"], f["receiver_id"] = v[3], v[9]


def _read_start(v: list[str], f: Fields, _c: str) -> None:
    v = filled(v, 3)
    f["control_number"], f["version"] = v[2], v[3]


def _read_astray(_v: list[str], _f: Fields, _c: str) -> None:
    """A claim where none can stand: it has no subscriber."""
    raise Unreadable("HL")


def _shape(claim: Loop) -> Spot:
    """The whole set as loops, for one of the three claims."""
    astray = Loop(id="2300", rows=(by_hand("CLM", _read_astray, None),), make=dict)
    patient = Loop(id="2000C", rows=(*PATIENT_ROWS, claim), make=dict)
    subscriber = Loop(id="2000B", rows=(*SUBSCRIBER_ROWS, claim, patient), make=dict)
    billing = Loop(id="2000A", rows=(*BILLING_ROWS, astray, subscriber), make=dict, defaults=BILLING_DEFAULTS)
    submitter = Loop(id="1000A", rows=(by_hand("NM1", _read_submitter, None, "41"), contacts()))
    receiver = Loop(id="1000B", rows=(by_hand("NM1", _read_receiver, None, "40"),))
    begin = by_hand("BHT", _read_begin, None)
    start = by_hand("ST", _read_start, None)
    return spots(Loop(id="", rows=(start, begin, submitter, receiver, astray, billing)))


_SHAPES = {kind: _shape(loop) for kind, loop in CLAIMS.items()}


_HEADER: Fields = {"reference": "", "clock": "", "receiver": "", "receiver_id": "", "created": date.min}
_NOTHING_TOLD = Transmission(kind="P", submitter=Sender(name="", id=""), **_HEADER)


class _Level(NamedTuple):
    """A level whose HL04 is not judged yet: where it stands, its kind, what it said."""

    texts: list[str]
    place: int
    code: str
    flag: str


class _Reading:
    """One pass over one set."""

    def __init__(self, kind: str, element: str, component: str) -> None:
        self.kind, self.element, self.component = kind, element, component
        self.head: Fields = {}
        self.stack: list[tuple[Spot, Fields]] = [(_SHAPES[kind], self.head)]
        self.unit: list[str] = []
        self.lead = 0
        self.opens = "billing"
        self.position = 0
        self.transmission = _NOTHING_TOLD
        self.held: Told | None = None
        self.levels = Levels()
        self.waiting: _Level | None = None

    def run(self, texts: Iterable[str]) -> Iterator[Told]:  # noqa: C901 - once per segment, so nothing is called
        """Yields what each claim came to; the last is held back until the set ends, for what follows it."""
        element, component = self.element, self.component
        stack, unit = self.stack, self.unit
        spot, f = stack[-1]
        table = spot.table
        for text in texts:
            self.position += 1
            v = text.split(element)
            entry = table.get(v[0])
            if entry is not None:
                at, by, act = entry
                if by and at < len(v):
                    act = by.get(v[at], act)
                if act is not None:
                    up, read, opened = act
                    if up:
                        told = self._close(up)
                        if told is not None:
                            if self.held is not None:
                                yield self.held
                            self.held = told
                        spot, f = stack[-1]
                        table = spot.table
                    if opened is not None:
                        self._open(opened, f)
                        spot, f = stack[-1]
                        table = spot.table
                    try:
                        read(v, f, component)
                    except Unreadable as bad:
                        self._spoil(bad.place)
            if text.isprintable() or not _OURS.search(text):
                unit.append(text)
            else:
                self._spoil("control character")
        yield from self._finish()

    def _open(self, spot: Spot, around: Fields) -> None:
        loop = spot.loop
        if loop.make is None:
            self.stack.append((spot, around))
            return
        self.stack.append((spot, loop.defaults.copy()))
        if loop.id == "2300":
            self.lead = len(self.unit)
        elif loop.id == "2000A":
            if self.transmission is _NOTHING_TOLD:
                self._begin()
            self.opens = "billing"
        elif loop.id == "2000B" and self.opens != "billing":
            self.opens = "subscriber"
        elif loop.id == "2000C" and self.opens == "claim":
            self.opens = "patient"

    def _close(self, up: int) -> Told | None:
        told = None
        for _ in range(up):
            spot, f = self.stack.pop()
            loop = spot.loop
            if loop.make is None:
                continue
            if loop.id == "2300":
                told = self._end_claim(f)
            elif loop.into:
                self._attach(loop, loop.make, f)
        return told

    def _attach(self, loop: Loop, make: Callable[..., Any], f: Fields) -> None:
        around = self.stack[-1][1]
        if loop.into == "lines":
            around.setdefault("lines", []).append(f)
            return
        try:
            made = make(**f)
        except TypeError:
            made = self._made(loop, make, f)
        if loop.many:
            around[loop.into] = (*around.get(loop.into, ()), made)
        else:
            around[loop.into] = made

    def _made(self, loop: Loop, make: Callable[..., Any], f: Fields) -> Any:
        """The record without what only the reader noted; where it lacks something, the claim cannot be read."""
        try:
            return make(**{name: value for name, value in f.items() if name[0] != "@"})
        except TypeError:
            self._spoil(loop.id)
            return None

    def _spoil(self, place: str) -> None:
        """Notes that the claim, or every claim below this level, cannot be read."""
        for spot, f in reversed(self.stack):
            if spot.loop.id in _UNITS:
                loop = self.stack[-1][0].loop.id
                f.setdefault("!", (loop, place, self.position))
                return

    def _begin(self) -> None:
        """The header ends where the first billing provider begins."""
        told = {name: value for name, value in self.head.items() if name in _OF_HEADER}
        sender = told.get("submitter", Sender(name="", id=""))
        told["submitter"] = replace(sender, contacts=self.head.get("contacts", ()))
        made = Transmission(**{**_HEADER, **told}, kind=self.kind)
        read = self._levelled(self._neutral(self.unit[1:]))
        self.waiting = None
        written = header(made)
        if written != read:
            made = replace(made, rest=differences(written, read))
        self.transmission = made
        self.unit.clear()

    def _neutral(self, texts: list[str]) -> list[str]:
        whole = BETWEEN.join(texts).replace(self.element, E).replace(self.component, C)
        return whole.split(BETWEEN) if texts else []

    def _end_claim(self, f: Fields) -> Told:
        unit, opens = self.unit, self.opens
        found = next((it["!"] for _, it in self.stack if "!" in it), None) or f.get("!")
        if found is None:
            try:
                claim = self._claim(f)
            except Unreadable as bad:
                found = ("2300", bad.place, self.position)
        if found is not None:
            del unit[self.lead :]
            return self.transmission, _problem(*found)
        self.opens = "claim"
        if opens == "claim":
            self.waiting = None
        read = self._levelled(self._neutral(unit))
        written: list[str] = []
        write_claim(claim, opens, written)
        if written != read:
            claim = replace(claim, rest=differences(written, read))
        unit.clear()
        return self.transmission, claim

    def _levelled(self, texts: list[str]) -> list[str]:
        """The texts with levels marked by their kind alone, as the writer marks them, if their numbers are right."""
        for place, text in enumerate(texts):
            if text.startswith("HL" + E):
                told = filled(text.split(E), 4)
                self._settle(texts, deeper=self.waiting is not None and told[3] > self.waiting.code)
                number, above = self.levels.following(told[3])
                well = told[1:3] == [number, above] and text.count(E) == 4
                self.levels.took(told[3], told[1])
                texts[place] = f"HL{E}{told[3]}" if well else text
                self.waiting = _Level(texts, place, told[3], told[4]) if well else None
        return texts

    def _settle(self, texts: list[str], *, deeper: bool) -> None:
        """What HL04 of the level before said is kept where it was not true; known only when the next level comes."""
        level, self.waiting = self.waiting, None
        if level is None or level.flag == ("1" if deeper else "0"):
            return
        if level.texts is not texts and (self.held is None or isinstance(self.held[1], Problem)):
            return
        level.texts[level.place] += f"{E}{level.flag}"
        if level.texts is not texts and self.held is not None and isinstance(self.held[1], Claim):
            claim = self.held[1]
            written: list[str] = []
            write_claim(replace(claim, rest=()), claim.opens, written)
            self.held = self.held[0], replace(claim, rest=differences(written, level.texts))

    def _finish(self) -> Iterator[Told]:
        """What is left when the set ends: the last claim, and segments after it that belong to no claim."""
        if self.unit and self.unit[-1].startswith("SE" + self.element):
            self.unit.pop()
        told = self._close(len(self.stack) - 1)
        if told is not None:
            if self.held is not None:
                yield self.held
            self.held = told
        tail = self._levelled(self._neutral(self.unit))
        self._settle(tail, deeper=False)
        if self.held is not None:
            yield self._with_tail(*self.held, tail)

    def _with_tail(self, transmission: Transmission, claim: Claim | Problem, tail: list[str]) -> Told:
        if isinstance(claim, Problem) or not tail:
            return transmission, claim
        written: list[str] = []
        write_claim(replace(claim, rest=()), claim.opens, written)
        read: list[str] = []
        write_claim(claim, claim.opens, read)
        rest = differences(written, [*read, *tail])
        return transmission, replace(claim, rest=rest)

    def _claim(self, f: Fields) -> Claim:
        frames = [fields for spot, fields in self.stack if spot.loop.make is not None]
        below = frames[2] if len(frames) > 2 else None
        billing = frames[0].get("#")
        if billing is None:
            billing = frames[0]["#"] = billing_of(frames[0])
        level = frames[1] if below is None else below
        known = level.get("#")
        if known is None:
            if below is None:
                known = patient_of(level, itself=True), coverage_of(level, "self")
            else:
                known = patient_of(below, itself=False), coverage_of(frames[1], below.get("relationship", ""))
            level["#"] = known
        return claim_of(f, self.transmission, self.opens, billing, *known)


def _problem(loop: str, place: str, position: int) -> Problem:
    where = place if place == loop else f"{loop} {place}"
    return Problem(
        code="claim.unreadable",
        where=f"{where} (segment {position})",
        why="the claim lacks this, or it is no number, day or code that can be read",
        fix="ask the sender for a corrected claim",
    )


_UNITS = frozenset(("", "2000A", "2000B", "2000C", "2300"))
_OF_HEADER = frozenset(Transmission.__struct_fields__)
__all__ = ["kind_of", "read_claims"]
