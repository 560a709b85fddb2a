"""Rules that every kind of claim keeps: who is the patient, where people live, sums, dates, diagnoses, numbers."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from hub.x12.formats import is_date
from hub.x12.rules.addresses import address_faults
from hub.x12.rules.coordination import Coordination, Decision, decided
from hub.x12.rules.diagnoses import Diagnoses
from hub.x12.rules.reporting import ZERO, Reporter, exact, first, own, text
from hub.x12.tree import Node, RawSegment
from hub.x12.walk import Closer

_TAXONOMY = re.compile(r"\d\d[0-9A-Z]{7}[XYN]")
_TAX_ID = re.compile(r"\d{9}")
_NDC = re.compile(r"\d{11}")
_CLIA = re.compile(r"\d\d[A-Z]\d{7}")
_MOST_NUMBERS = 100_000  # of an interchange; beyond it a repeated number is not looked for
_SHIPPED_AHEAD = "ABEJKLQS"  # supplies and drugs, whose period may run on after the bill
_NOTHING: list[str] = []
_SENT_APART = frozenset(("BM", "EL", "EM", "FT", "FX"))
_MARKED = frozenset(("DTP", "REF"))

money = lru_cache(maxsize=65536)(exact)


class Parts:
    """A claim taken apart once: its CLM, the kinds of its REF and DTP, its HI segments and the loops below it."""

    __slots__ = ("clm", "codes", "days", "lines", "marks", "others", "place", "reports")

    def __init__(self, node: Node) -> None:
        self.clm: list[str] | None = None
        self.place = ""  # CLM05-1
        self.days = ("", "")  # the first and last that the claim itself tells, as its rules set them
        self.marks: set[str] = set()
        self.codes: list[list[str]] = []
        self.lines: list[Node] = []
        self.reports: list[list[str]] = []
        self.others: list[Node] = []
        for item in node.items:
            if item.__class__ is not list:
                if item.loop == "2400":  # type: ignore[union-attr]  # what is no segment is a loop
                    self.lines.append(item)  # type: ignore[arg-type]
                elif item.loop == "2320":  # type: ignore[union-attr]
                    self.others.append(item)  # type: ignore[arg-type]
                continue
            tag = item[0]
            if tag == "CLM":
                self.clm = item
            elif tag == "HI":
                self.codes.append(item)
            elif tag == "PWK":
                self.reports.append(item)
            elif tag in _MARKED and len(item) > 1:
                self.marks.add(f"{tag}*{item[1]}")


class ClaimRules:
    """The closers of one set of claims; `service` is the segment of a line, with its charge and procedure."""

    service = "SV1"
    charge_at = 2
    procedure_at = 1
    procedures: tuple[str, ...] = ()
    addresses = ""
    specialties = ""
    full_zips: frozenset[str] = frozenset()

    def __init__(self, report: Reporter) -> None:
        self.report = report
        self.created: str | None = None
        self.batch: tuple[str, ...] | None = None  # BHT03; a set that repeats it is a copy of the other
        self.own_claims = 0
        self.patients = 0
        self.pointed = 0  # the diagnoses that lines of the claim may point to, as bits
        self.coordination = Coordination(report, self.procedures)
        self.diagnoses = Diagnoses(report)

    def closers(self) -> dict[str, Closer]:
        """What runs as each loop closes, by loop id."""
        known: dict[str, Closer] = dict.fromkeys(self.addresses.split(), self.address)
        known |= dict.fromkeys(self.specialties.split(), self.specialty)
        known |= dict.fromkeys(("2010AA", "2010AC"), self.billing_provider)
        known |= {"2010BA": self.subscriber, "2010CA": self.person, "2000B": self.subscriber_level}
        known |= {"2000C": self.patient_level, "2300": self.claim, "2410": self.drug}
        return known

    # people and places

    def address(self, node: Node) -> None:
        """The state, the ZIP and, for a billing provider, the street (see `addresses`)."""
        for fault in address_faults(node, full=node.loop in self.full_zips, street=node.loop == "2010AA"):
            segment, code, message, snip, element = fault
            self.report(node, segment, code, message, snip=snip, element=element)

    def billing_provider(self, node: Node) -> None:
        """2010AA is a street, never a box; tax ids are nine digits."""
        self.address(node)
        for ref in own(node, "REF"):
            number = text(ref, 2)
            if number and text(ref, 1) in ("EI", "SY") and not _TAX_ID.fullmatch(number):
                message = "a tax id has nine digits, without hyphens"
                self.report(node, ref, "ref.tax_id", message, snip=5, element=2, status="A7:128")

    def specialty(self, node: Node) -> None:
        """A taxonomy code has ten characters and ends in X (once N or Y)."""
        prv = first(node, "PRV")
        if prv is not None and text(prv, 2) == "PXC" and not _TAXONOMY.fullmatch(text(prv, 3)):
            self.report(node, prv, "prv.taxonomy", "this is not a taxonomy code", snip=5, element=3)

    def rendering(self, node: Node) -> None:
        """A provider with a specialty and an address."""
        self.specialty(node)
        self.address(node)

    def subscriber(self, node: Node) -> None:
        """A subscriber who is a person has a member id."""
        self.person(node)
        nm1 = first(node, "NM1")
        if text(nm1, 2) == "1" and not text(nm1, 8) and not text(nm1, 9):
            message = "a subscriber who is a person needs the member id"
            self.report(node, nm1, "subscriber.id", message, snip=4, element=9, status="A6:164")

    def person(self, node: Node) -> None:
        """Nobody is born after the day on which the file was made."""
        self.address(node)
        self._not_later(node, first(node, "DMG"), 2, "dmg.future", "the birth date")

    def _not_later(self, node: Node, segment: list[str] | None, element: int, code: str, what: str) -> None:
        day, created = text(segment, element), self.day_made(node)
        if day > created > "" and is_date(day):
            message = f"{what} lies after the day on which the file was made"
            self.report(node, segment, code, message, snip=4, element=element)

    def patient_level(self, node: Node) -> None:
        """A patient level stands below its subscriber."""
        self.patients += 1
        self._not_later(node, first(node, "PAT"), 6, "pat.future", "the date of death")

    def subscriber_level(self, node: Node) -> None:
        """SBR02=18 says that the subscriber is the patient: then no patient level is there for the claims."""
        claims, patients = self.own_claims, self.patients
        self.own_claims = self.patients = 0
        sbr = first(node, "SBR")
        told = text(sbr, 2)
        if told == "18" and patients and not claims:
            message = "the subscriber is said to be the patient, yet a patient level follows"
            self.report(node, sbr, "sbr.self_with_patient", message, snip=4, element=2)
        elif not told and sbr is not None and claims:
            message = "the subscriber is not said to be the patient (SBR02=18), yet no patient level follows"
            self.report(node, sbr, "sbr.patient_missing", message, snip=4, element=2)
        elif not claims and not patients and text(first(node, "HL"), 4) == "0":
            self.report(node, None, "claim.missing", "no claim stands here", snip=2, missing="CLM")
        elif told == "18" and claims:
            self._whole_patient(node)
        self._not_later(node, first(node, "PAT"), 6, "pat.future", "the date of death")

    def _whole_patient(self, level: Node) -> None:
        node = level.child("2010BA")
        if node is None or text(first(node, "NM1"), 2) != "1":
            return
        for tag in ("N3", "N4", "DMG"):
            if first(node, tag) is None:
                message = f"{tag} is required, since the subscriber is the patient"
                self.report(node, None, "subscriber.incomplete", message, snip=4, missing=tag)

    def drug(self, node: Node) -> None:
        """A national drug code has eleven digits without hyphens."""
        lin = first(node, "LIN")
        if text(lin, 2) == "N4" and text(lin, 3) and not _NDC.fullmatch(text(lin, 3)):
            message = "an NDC has eleven digits, without hyphens"
            self.report(node, lin, "lin.ndc", message, snip=5, element=3, status="A7:218")

    def day_made(self, node: Node) -> str:
        """BHT04, the day on which the file was made; "" when it is no day."""
        if self.created is None:
            found = text(first(_root(node), "BHT"), 4)
            self.created = found if is_date(found) else ""
        return self.created

    # the claim

    def claim(self, node: Node) -> None:
        """Everything that a claim must be true to, from its sum to its other payers."""
        claim = Parts(node)
        clm = claim.clm
        if node.parent is not None and node.parent.loop == "2000B":
            self.own_claims += 1
        if clm is None:
            return
        place, frequency = self._place(node, clm)
        self._number(node, clm, frequency)
        if frequency in ("7", "8") and "REF*F8" not in claim.marks:
            message = "a corrected or void claim names the payer's claim number (REF*F8)"
            self.report(node, clm, "clm.original_missing", message, snip=4, missing="REF", status="A6:464")
        claim.place = place
        for pwk in claim.reports:
            self.attachment(node, pwk)
        self.of_kind(node, clm, claim)
        self.pointed = self.diagnoses.places(node, claim.codes)
        decisions = self._lines(node, clm, claim)
        if claim.others:
            self.coordination.check(node, clm, claim.others, decisions)

    def _place(self, node: Node, clm: list[str]) -> tuple[str, str]:
        """CLM05: where, or for a hospital the type of bill, and the claim's frequency."""
        parts = clm[5].split(node.delimiters.component) if len(clm) > 5 else [""]
        return parts[0], parts[2] if len(parts) > 2 else ""

    def of_kind(self, node: Node, clm: list[str], claim: Parts) -> None:
        """What only this kind of claim must keep."""

    def of_line(self, line: Node, service: list[str]) -> None:
        """What a line of this kind of claim must keep."""

    def attachment(self, node: Node, pwk: list[str]) -> None:
        """PWK06: what is sent apart from the claim is found again by its control number."""
        if text(pwk, 2) in _SENT_APART and not text(pwk, 5) and not text(pwk, 6):
            message = "what is sent apart from the claim needs its control number (PWK05=AC, PWK06)"
            self.report(node, pwk, "pwk.control_missing", message, snip=4, element=6, status="A6:489")

    def accident(self, node: Node, clm: list[str], claim: Parts) -> None:
        """CLM11: an accident has its date, one of an automobile also its state."""
        causes = clm[11].split(node.delimiters.component)[:3]
        if ("AA" in causes or "OA" in causes) and "DTP*439" not in claim.marks:
            message = "an accident needs its date (DTP*439)"
            self.report(node, clm, "clm.accident_date", message, snip=4, missing="DTP")
        if "AA" in causes and not part(node, clm, 11, 4) and not part(node, clm, 11, 5):
            message = "an automobile accident needs its state"
            self.report(node, clm, "clm.accident_state", message, snip=4, element=11, part=4)

    def _number(self, node: Node, clm: list[str], frequency: str) -> None:
        # a void may stand beside the new claim that takes its number over
        number = f"{text(clm, 1)}*{'8' if frequency == '8' else ''}"
        if self.batch is None:
            self.batch = (text(first(_root(node), "BHT"), 3),)
        known = self.report.seen
        before = known.get(number)
        if before is None:
            if len(known) < _MOST_NUMBERS:
                known[number] = self.batch
        elif before is self.batch or before != self.batch:
            message = "the patient control number was used before in this interchange"
            self.report(node, clm, "clm.duplicate", message, snip=7, element=1, severity="warning")

    def _lines(self, node: Node, clm: list[str], claim: Parts) -> list[Decision]:
        """Walks the lines once: their order, their sum, their dates; gives what other payers decided on them."""
        total: Decimal | None = ZERO
        decisions: list[Decision] = []
        number, before = 0, 0
        wanted, charge_at, made = self.service, self.charge_at, self.day_made(node)
        begin, last = claim.days
        for number, line in enumerate(claim.lines, 1):
            service, day, decided_here = _NOTHING, _NOTHING, False
            for item in line.items:
                if item.__class__ is list:
                    if item[0] == wanted:
                        service = service or item
                    elif item[0] == "DTP" and len(item) > 3 and item[1] == "472":
                        day = item
                elif item.loop == "2430":  # type: ignore[union-attr]  # what is no segment is a loop
                    decided_here = True
            lx = line.items[0]
            before = (
                number
                if isinstance(lx, list) and lx[1:2] == [str(number)]
                else self._sequence(line, lx, number, before)
            )
            charge = money(service[charge_at]) if len(service) > charge_at else None
            total = None if total is None or charge is None else total + charge
            self.of_line(line, service)
            if decided_here:
                decisions += decided(charge, line.children("2430"))
            if day:
                first_day = day[3][:8]
                begin = min(begin or first_day, first_day)
                last = max(last, day[3] if day[3] <= made and len(day[3]) == 8 else self.day(line, day, service))
        if total is not None and number:
            self._total(node, clm, total)
        self.diagnoses.on_their_days(node, claim.codes, begin, last)
        return decisions

    def _sequence(self, line: Node, lx: RawSegment | Node, number: int, before: int) -> int:
        told = text(lx, 1) if isinstance(lx, list) else ""
        if not (told.isascii() and told.isdigit()):
            return before + 1
        if int(told[:9]) not in (number, before + 1):
            message = "line numbers count up from 1 in each claim"
            self.report(line, first(line, "LX"), "lx.sequence", message, snip=1, element=1)
        return int(told[:9])

    def day(self, line: Node, dtp: list[str], service: list[str]) -> str:
        """The last day of a line; supplies and drugs may be for days to come, if they begin before."""
        begin, _, last = dtp[3].partition("-")
        created = self.day_made(line)
        if created and max(begin, last) > created and is_date(begin) and is_date(last or begin):
            code = text(service, self.procedure_at).partition(line.delimiters.component)[2]
            if begin > created or code[:1] not in _SHIPPED_AHEAD:
                message = "the service lies after the day on which the file was made"
                self.report(line, dtp, "dtp.future", message, snip=4, element=3, status="A8:187")
        return last or begin

    def _total(self, node: Node, clm: list[str], charged: Decimal) -> None:
        total = money(text(clm, 2))
        if total is None:
            return
        if total != charged:
            message = "the claim's charge is not the sum of its lines"
            self.report(node, clm, "clm.total", message, snip=3, element=2, status="A8:178")
        elif total < 0:
            self.report(node, clm, "clm.negative", "a charge is never negative", snip=4, element=2)
        elif total == 0 and text(first(_root(node), "BHT"), 6) == "CH":
            message = "a charge of zero is refused by many payers"
            self.report(node, clm, "clm.zero", message, snip=7, element=2, severity="warning")


def is_clia(number: str) -> bool:
    """Whether a number has the form of a CLIA certificate: ten characters, the third a letter."""
    return _CLIA.fullmatch(number) is not None


def part(node: Node, values: list[str], position: int, place: int) -> str:
    """One part of a composite element, "" when it is absent."""
    parts = text(values, position).split(node.delimiters.component)
    return parts[place - 1] if place <= len(parts) else ""


def _root(node: Node) -> Node:
    while node.parent is not None:
        node = node.parent
    return node
