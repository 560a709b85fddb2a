"""Claims -> the segments of an 837 set: claims that were read and claims that the hub made go the same way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from hub.errors import Refused
from hub.flow.claim_837.claims import CLAIMS
from hub.flow.claim_837.codec import Loop, writer
from hub.flow.claim_837.levels import BILLING_ROWS, PATIENT_ROWS, SUBSCRIBER_ROWS
from hub.flow.claim_837.shared import contact_text
from hub.flow.claim_837.values import C, E, day_text
from hub.model.claim import Claim
from hub.model.transmission import Spelled, Transmission
from hub.x12.wire import STANDARD, Delimiters

_write_billing = writer(Loop(id="2000A", rows=BILLING_ROWS))
_write_subscriber = writer(Loop(id="2000B", rows=SUBSCRIBER_ROWS))
_write_patient = writer(Loop(id="2000C", rows=PATIENT_ROWS))
_WRITERS = {kind: writer(loop) for kind, loop in CLAIMS.items()}
_ABOVE = {"20": "", "22": "20", "23": "22"}
BETWEEN = "\x03"
_MOST_COMPARED = 600
"""Segments up to which two spellings of a claim are compared one by one; a longer stretch is kept whole."""


class Unwritable(Refused):
    """A value holds a delimiter; nothing of its set was written. `place` such as NM103."""

    def __init__(self, place: str) -> None:
        super().__init__(f"{place} holds a delimiter", fix="correct the value at its source")
        self.place = place


def write_claims(
    transmission: Transmission, claims: Iterable[Claim], *, delimiters: Delimiters = STANDARD
) -> list[str]:
    """The segment texts of one set between ST and SE.

    Raises `Unwritable` where a value holds a delimiter; other characters are the guide's to check.
    """
    out = header(transmission)
    before: Claim | None = None
    for claim in claims:
        write_claim(claim, opening(claim, before), out)
        before = claim
    return spelled_out(_numbered(out), delimiters)


def header(told: Transmission) -> list[str]:
    """BHT, 1000A and 1000B, their elements parted by `E`."""
    out = [E.join(("BHT", "0019", told.purpose, told.reference, day_text(told.created), told.clock, told.sort))]
    sender = told.submitter
    person = "1" if sender.is_person or sender.first else "2"
    names = ("NM1", "41", person, sender.name, sender.first, sender.middle, "", "", "46", sender.id)
    out.append(E.join(names).rstrip(E))
    out.extend(map(contact_text, sender.contacts))
    out.append(E.join(("NM1", "40", "2", told.receiver, "", "", "", "", "46", told.receiver_id)).rstrip(E))
    return respelled(out, told.rest)


def opening(claim: Claim, before: Claim | None) -> str:
    """The highest level that has to begin with this claim."""
    if before is None or claim.billing != before.billing or claim.opens == "billing":
        return "billing"
    same_policy = claim.coverage is before.coverage or _policy(claim) == _policy(before)
    if claim.opens in ("", "subscriber") or not same_policy:
        return "subscriber"
    if claim.opens == "patient" or claim.patient != before.patient:
        return "subscriber" if claim.coverage.relationship == "self" else "patient"
    return "claim"


def _policy(claim: Claim) -> tuple[object, ...]:
    told = claim.coverage
    return claim.rank, told.payer_name, told.payer_id, told.member_id, told.group_number


def write_claim(claim: Claim, opens: str, out: list[str]) -> None:
    """Appends a claim with the levels that begin with it; levels are marked, and numbered later."""
    fresh: list[str] = [] if claim.rest else out
    if opens == "billing":
        _write_billing(claim.billing, fresh)
    if opens in ("billing", "subscriber"):
        _write_subscriber(claim, fresh)
    if opens != "claim" and claim.coverage.relationship != "self":
        _write_patient(claim, fresh)
    _WRITERS[claim.kind](claim, fresh)
    if claim.rest:
        out.extend(respelled(fresh, claim.rest))


class Levels:
    """Counts levels: which number the next has, and which is above it."""

    def __init__(self) -> None:
        self._count = 0
        self._last: dict[str, str] = {}

    def following(self, code: str) -> tuple[str, str]:
        """HL01 and HL02 of the next level of this kind (20, 22, 23)."""
        return str(self._count + 1), self._last.get(_ABOVE.get(code, ""), "")

    def took(self, code: str, number: str) -> None:
        """A level was counted, under this number."""
        self._count += 1
        self._last[code] = number


def _numbered(out: list[str]) -> list[str]:
    """Gives every level its number, its parent's, and whether levels follow below it.

    A mark is the kind of level, and what HL04 must say where that is not the truth; a level with more was read with
    other numbers, and keeps them.
    """
    levels, before = Levels(), (-1, "")
    for place, text in enumerate(out):
        if text.startswith("HL" + E):
            told = text.split(E)
            code = told[1] if len(told) < 4 else told[3]
            if before[0] >= 0 and code > before[1]:
                out[before[0]] = out[before[0]][:-1] + "1"
            before = (place if len(told) == 2 else -1, code)
            number, above = levels.following(code)
            if len(told) < 4:
                out[place] = E.join(("HL", number, above, code, *(told[2:] or ("0",))))
            levels.took(code, number if len(told) < 4 else told[1])
    return out


def spelled_out(out: list[str], marks: Delimiters) -> list[str]:
    """The texts with a file's own delimiters; raises `Unwritable` where a value holds one of them."""
    whole = BETWEEN.join(out)
    found = re.search(f"[{re.escape(marks.element + marks.component + marks.segment)}]", whole)
    if found or whole.count(BETWEEN) != len(out) - 1:
        raise Unwritable(_place(whole, found.start() if found else 0))
    return whole.replace(E, marks.element).replace(C, marks.component).split(BETWEEN)


def _place(whole: str, at: int) -> str:
    start = whole.rfind(BETWEEN, 0, at) + 1
    element = whole.count(E, start, at)
    return f"{whole[start : start + 3].strip(E)}{element:02}"


def respelled(out: list[str], rest: Sequence[Spelled]) -> list[str]:
    """The texts with what was read otherwise put in its place, where that place still says the same."""
    texts = list(out)
    for told in reversed(rest):
        at = _found(texts, told)
        if at >= 0:
            texts[at : at + len(told.written)] = told.read
    return texts


def _found(texts: list[str], told: Spelled) -> int:
    """Where the segments stand that were read otherwise: at their place, else the first like them; -1 nowhere."""
    size, written = len(told.written), list(told.written)
    if texts[told.at : told.at + size] == written and told.at <= len(texts):
        return told.at
    return next((at for at in range(len(texts) - size + 1) if texts[at : at + size] == written), -1)


def differences(written: list[str], read: list[str]) -> tuple[Spelled, ...]:
    """What must be kept so that `respelled(written)` gives `read`; what was added with the segment before it."""
    told: list[Spelled] = []
    at = 0
    for mine, theirs in _stretches(written, read):
        if mine != theirs:
            told += _compared(at, mine, theirs)
        at += len(mine)
    return tuple(told)


def _stretches(written: list[str], read: list[str]) -> list[tuple[list[str], list[str]]]:
    """The claim and each of its lines, side by side where both have the same lines: long claims stay quick."""
    mine, theirs = _lines(written), _lines(read)
    if [one[0] for one in mine[1:]] == [one[0] for one in theirs[1:]]:
        return list(zip(mine, theirs, strict=True))
    return [(written, read)]


def _lines(texts: list[str]) -> list[list[str]]:
    starts = [at for at, text in enumerate(texts) if text.startswith("LX" + E)]
    return [texts[begin:end] for begin, end in pairwise((0, *starts, len(texts)))]


def _compared(at: int, written: list[str], read: list[str]) -> list[Spelled]:
    if len(written) == len(read):
        pairs = enumerate(zip(written, read, strict=True))
        return [
            Spelled(at=at + nth, written=(mine,), read=(theirs,))
            for nth, (mine, theirs) in pairs
            if mine != theirs
        ]
    if len(written) + len(read) > _MOST_COMPARED:
        return [Spelled(at=at, written=tuple(written), read=tuple(read))]
    told = []
    for kind, i1, i2, j1, j2 in SequenceMatcher(a=written, b=read, autojunk=False).get_opcodes():
        if kind != "equal":
            lead = 1 if i1 == i2 and i1 and j1 and written[i1 - 1] == read[j1 - 1] else 0
            mine, theirs = written[i1 - lead : i2], read[j1 - lead : j2]
            told.append(Spelled(at=at + i1 - lead, written=tuple(mine), read=tuple(theirs)))
    return told
