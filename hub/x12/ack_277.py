"""Answers an 837 claim by claim: a 277CA with what goes on and what stops, and why."""

from __future__ import annotations

import datetime as dt
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby

import msgspec

from hub.x12.envelope import TransactionSet
from hub.x12.finding import Finding
from hub.x12.formats import is_date, is_npi
from hub.x12.rules.reporting import ZERO, exact
from hub.x12.tree import Node, RawSegment, Segment, node
from hub.x12.write import basic, money

_TAKEN = "A2:20"
_RECEIVED = "A1:19"
_STOPPED = "A3:21"
_MOST_REASONS = 3
_STATUS = re.compile(r"[A-Z]\d{1,2}:\d{1,3}")
_UNTOLD = "NOT GIVEN"
_SERVICES = {"SV1": 1, "SV2": 2, "SV3": 1}
_PROCEDURE = re.compile(r"(HC|AD):([0-9A-Z]{5})(?::.*)?")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks: its name and id (loop 2100A); `entity` is AY for a clearinghouse, PR for a payer."""

    name: str
    id: str
    entity: str = "AY"


class ClaimAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One claim as it is answered; `statuses` are the reasons why it stops, empty when it goes on."""

    claim: Node
    statuses: tuple[str, ...]
    amount: Decimal
    lines: tuple[tuple[Node, str], ...] = ()


def claim_acknowledgement(
    transactions: Iterable[TransactionSet], source: Source, *, reference: str, at: dt.datetime
) -> Node:
    """The body of a 277CA for the sets of an 837; each set is read to its end here, and checked.

    A claim stops (STC03 U) for a finding of severity error in itself, its patient, subscriber or provider, or in
    the header of its set, with the 277CA status of each finding, three at most; else it goes on (A2:20). A
    line with an error of its own is named below its claim. `reference` is BHT03 and TRN02 of the receipt; `at` is
    local to the site. Sets of another kind are left out.
    """
    levels = []
    for transaction in transactions:
        answers = list(_answers(transaction))
        if answers:
            levels.append(_receipt(transaction, answers, source, reference, at))
    day = f"{at:%Y%m%d}"
    return node("", ("BHT", "0085", "08", reference, day, f"{at:%H%M}", "TH"), *levels)


def _answers(transaction: TransactionSet) -> Iterator[ClaimAnswer]:
    """Every claim of a set; only when the set is read to its end are its findings whole."""
    if transaction.st[1] != "837":
        return
    claims = list(transaction.units("2300"))
    faults = _Faults([found for found in transaction.findings if found.severity == "error"])
    for claim in claims:
        yield ClaimAnswer(
            claim=claim,
            statuses=tuple(dict.fromkeys(_status(found) for found in faults.concerning(claim))),
            amount=exact(claim.value("CLM", 2)) or ZERO,
            lines=tuple(faults.by_line(claim)),
        )


class _Faults:
    """The errors of a set by their place; what stands above several claims is looked up once."""

    def __init__(self, errors: list[Finding]) -> None:
        self._errors = sorted(errors, key=lambda found: found.position)
        self._places = [found.position for found in self._errors]
        self._of_set = [found for found in self._errors if found.segment in ("ST", "SE")]
        self._above: dict[int, list[Finding]] = {}

    def within(self, loop: Node) -> list[Finding]:
        """The errors in a loop and the loops below it."""
        ends = loop.position + sum(1 for _ in loop.segments())
        return self._errors[bisect_left(self._places, loop.position) : bisect_left(self._places, ends)]

    def concerning(self, claim: Node) -> list[Finding]:
        """The errors in a claim, and in what stands above it: patient, subscriber, provider, header."""
        found = list(self.within(claim))
        above = claim.parent
        while above is not None:
            if id(above) not in self._above:
                self._above[id(above)] = self.within(above)
            found += self._above[id(above)]
            above = above.parent
        return sorted([*found, *self._of_set], key=lambda one: one.position)

    def by_line(self, claim: Node) -> Iterator[tuple[Node, str]]:
        """Each line with errors and the status of its first."""
        for line in claim.children("2400") if self.within(claim) else ():
            errors = self.within(line)
            if errors:
                yield line, _status(errors[0])


def _status(found: Finding) -> str:
    return found.status if _STATUS.fullmatch(found.status) else "A7:21"


def _receipt(
    transaction: TransactionSet, answers: list[ClaimAnswer], source: Source, reference: str, at: dt.datetime
) -> Node:
    day = f"{at:%Y%m%d}"
    root = transaction.root
    submitter = root.find("1000A")
    return node(
        "2000A",
        ("HL", None, None, "20", None),
        node("2100A", ("NM1", source.entity, "2", basic(source.name)[:60], *[None] * 4, "46", source.id)),
        node("2200A", ("TRN", "1", reference), ("DTP", "050", "D8", day), ("DTP", "009", "D8", day)),
        node(
            "2000B",
            ("HL", None, None, "21", None),
            node("2100B", _name(submitter, "41", "46")),
            node(
                "2200B",
                ("TRN", "2", _text(root.value("BHT", 3), 50)),
                _overall(answers, day),
                *_totals(answers, "90", "AA"),
            ),
            *[_provider(list(of_one), day) for _, of_one in groupby(answers, key=_provider_of)],
        ),
    )


def _provider_of(answer: ClaimAnswer) -> int:
    found = answer.claim.find("2010AA")
    return found.position if found is not None else 0


def _provider(answers: list[ClaimAnswer], day: str) -> Node:
    return node(
        "2000C",
        ("HL", None, None, "19", None),
        node("2100C", _name(answers[0].claim.find("2010AA"), "85", "XX")),
        node("2200C", ("TRN", "1", "0"), _overall(answers, None), *_totals(answers, "QA", "QC")),
        *[_claim(answer, day) for answer in answers],
    )


def _overall(answers: list[ClaimAnswer], day: str | None) -> RawSegment:
    goes_on = any(not answer.statuses for answer in answers)
    status = tuple((_RECEIVED if goes_on else _STOPPED).split(":"))
    total = sum((answer.amount for answer in answers), ZERO)
    return ("STC", status, day, "WQ" if goes_on else "U", money(total))


def _totals(answers: list[ClaimAnswer], taken: str, stopped: str) -> Iterator[RawSegment]:
    """Claims and amounts that go on and that stop; what is none is not counted."""
    parts = [[one for one in answers if bool(one.statuses) == bad] for bad in (False, True)]
    named = [(code, part) for code, part in zip((taken, stopped), parts, strict=True) if part]
    yield from (("QTY", code, str(len(part))) for code, part in named)
    for code, part in named:
        kind = "YU" if code == taken else "YY"
        yield ("AMT", kind, money(sum((one.amount for one in part), ZERO)))


def _claim(answer: ClaimAnswer, day: str) -> Node:
    claim = answer.claim
    reasons = [tuple(one.split(":")) for one in (answer.statuses or (_TAKEN,))[:_MOST_REASONS]]
    more = [*[None] * 5, *reasons[1:]] if len(reasons) > 1 else []
    stc = ("STC", reasons[0], day, "U" if answer.statuses else "WQ", money(answer.amount), *more)
    member = claim.find("2010BA")
    patient = claim.find("2010CA") if _has_patient(claim) else member
    return node(
        "2000D",
        ("HL", None, None, "PT"),
        node("2100D", _patient(patient, member)),
        node(
            "2200D",
            ("TRN", "2", _text(claim.value("CLM", 1), 50)),
            stc,
            _bill_type(claim),
            _days(claim, day),
            *[_line(line, status, number) for number, (line, status) in enumerate(answer.lines, 1)],
        ),
    )


def _has_patient(claim: Node) -> bool:
    return claim.parent is not None and claim.parent.loop == "2000C"


def _patient(patient: Node | None, member: Node | None) -> RawSegment:
    """NM1*QC; a patient without a number of his own is found by that of the subscriber."""
    name = _part(patient, "NM1", 3) or _UNTOLD
    number = _part(patient, "NM1", 9) or _part(member, "NM1", 9) or _UNTOLD
    given = [_part(patient, "NM1", at)[:limit] or None for at, limit in ((4, 35), (5, 25))]
    return ("NM1", "QC", "1", name[:60], *given, None, None, "MI", number[:80].rjust(2, "0"))


def _name(party: Node | None, code: str, qualifier: str) -> RawSegment:
    """NM1 of somebody who is answered, with an id in any case: a provider without a sound NPI by its tax id."""
    kind, number = _part(party, "NM1", 2), _part(party, "NM1", 9)
    if qualifier == "XX" and not (_part(party, "NM1", 8) == "XX" and is_npi(number)):
        qualifier, number = "FI", _part(party, "REF", 2) or number
    name = (_part(party, "NM1", 3) or _UNTOLD)[:60]
    given = _part(party, "NM1", 4)[:35] if kind == "1" else ""
    who = ("NM1", code, kind if kind in ("1", "2") else "2", name, given or None)
    return (*who, None, None, None, qualifier, (number or _UNTOLD)[:80].rjust(2, "0"))


def _bill_type(claim: Node) -> RawSegment | None:
    """REF*BLT of an institutional claim: kind of facility and frequency."""
    clm = claim.segment("CLM")
    parts = clm.parts(5) if clm is not None else ()
    if len(parts) < 3 or parts[2] != "A":
        return None
    kind = _text(str(parts[1]) + str(parts[3]), 4)
    return ("REF", "BLT", kind) if re.fullmatch(r"\d{3,4}", kind) else None


def _days(claim: Node, today: str) -> RawSegment:
    """DTP*472: the first and last day of the claim, as its lines or its statement tell them."""
    told = [claim.value("DTP", 3, "434")]
    told += [line.value("DTP", 3, "472") for line in claim.children("2400")]
    days = sorted(
        day for value in told for day in value.split("-") if re.fullmatch(r"\d{8}", day) and _is_day(day)
    )
    if not days:
        return ("DTP", "472", "D8", today)
    if days[0] == days[-1]:
        return ("DTP", "472", "D8", days[0])
    return ("DTP", "472", "RD8", f"{days[0]}-{days[-1]}")


def _is_day(text: str) -> bool:
    return is_date(text) and text >= "1900"


def _line(line: Node, status: str, number: int) -> Node | None:
    """Loop 2220D, where the procedure can be written again."""
    for tag, at in _SERVICES.items():
        service = line.segment(tag)
        if service is None:
            continue
        found = _PROCEDURE.fullmatch(":".join(service.parts(at)))
        charge = exact(service[at + 1])
        if found is None or charge is None:
            return None
        control = _text(line.value("REF", 2, "6R") or line.value("LX", 1) or str(number), 50)
        stc = ("STC", tuple(status.split(":")), None, "U")
        return node("2220D", ("SVC", found.groups(), money(charge)), stc, ("REF", "FJ", control))
    return None


def _part(party: Node | None, tag: str, position: int) -> str:
    found: Segment | None = party.segment(tag) if party is not None else None
    return basic(found[position]) if found is not None else ""


def _text(value: str, longest: int) -> str:
    return basic(value)[:longest] or "0"
