"""Rules of a professional claim that no single segment shows: sums, pointers, addresses, who is the patient."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from hub.x12.formats import is_date
from hub.x12.rules.reporting import ZERO, Reporter, adjusted, decimal, first, own, text
from hub.x12.tree import Node
from hub.x12.walk import Closer

_ICD10 = re.compile(r"[A-Z]\d[0-9A-Z]{1,5}")
_HCPCS = re.compile(r"[0-9A-Z]\d{3}[0-9A-Z]")
_TAXONOMY = re.compile(r"\d\d[0-9A-Z]{7}[XY]")
_ZIP = re.compile(r"\d{5}(?:\d{4})?")
_BOX = re.compile(r"\b(?:P\.? ?O\.? ?BOX|POST OFFICE BOX|LOCK ?BOX)\b", re.IGNORECASE)
_ADDRESSES = "2010AA 2010AB 2010AC 2010BA 2010BB 2010CA 2310C 2310E 2310F 2330A 2330B 2420C 2420E 2420G 2420H"
_ICD10_SINCE = "20151001"
_MOST_NUMBERS = 50_000  # guides ask for 5,000 claims a set at most
_FULL_ZIP = frozenset(("2010AA", "2310C", "2420C"))


def rules_837p(report: Reporter) -> dict[str, Closer]:
    """The closers of one 837P."""
    rules = _Rules(report)
    closers: dict[str, Closer] = dict.fromkeys(_ADDRESSES.split(), rules.address)
    closers |= dict.fromkeys(("2010AA", "2010AC"), rules.billing_provider)
    closers |= dict.fromkeys(("2310B", "2420A"), rules.specialty)
    closers |= {"2010BA": rules.subscriber, "2000A": rules.specialty, "2000C": rules.patient}
    closers |= {"2300": rules.claim, "2410": rules.drug, "2010CA": rules.person}
    return closers


class _Rules:
    def __init__(self, report: Reporter) -> None:
        self.report = report
        self.control_numbers: set[str] = set()
        self.created: str | None = None

    def address(self, node: Node) -> None:
        """A United States address has a state and a ZIP; where the guide asks for it, of nine digits."""
        n4 = first(node, "N4")
        if n4 is None or text(n4, 4) not in ("", "US"):
            return
        code = text(n4, 3)
        if not text(n4, 2):
            self.report(node, n4, "n4.state", "a state is required in this country", snip=4, element=2)
        if not _ZIP.fullmatch(code):
            self.report(node, n4, "n4.zip", "the ZIP has neither five nor nine digits", snip=5, element=3)
        elif node.loop in _FULL_ZIP and (len(code) != 9 or code.endswith(("9999", "0000"))):
            message = "the true ZIP+4 of nine digits is required here"
            self.report(node, n4, "n4.zip4", message, snip=2, element=3)

    def billing_provider(self, node: Node) -> None:
        """2010AA is a street, never a box; tax ids are nine digits."""
        self.address(node)
        n3 = first(node, "N3")
        if node.loop == "2010AA" and n3 is not None and any(_BOX.search(line) for line in n3[1:]):
            message = "the billing address must be a street; a box goes to the pay-to address (2010AB)"
            self.report(node, n3, "n3.box", message, snip=2, element=1)
        for ref in own(node, "REF"):
            if text(ref, 1) in ("EI", "SY") and not re.fullmatch(r"\d{9}", text(ref, 2)):
                self.report(node, ref, "ref.tax_id", "a tax id has nine digits", snip=5, element=2)

    def specialty(self, node: Node) -> None:
        """A taxonomy code has ten characters and ends in X (once Y)."""
        prv = first(node, "PRV")
        if prv is not None and text(prv, 2) == "PXC" and not _TAXONOMY.fullmatch(text(prv, 3)):
            self.report(node, prv, "prv.taxonomy", "this is not a taxonomy code", snip=5, element=3)

    def subscriber(self, node: Node) -> None:
        """A person has a member id; a subscriber who is the patient an address, a birth date and a sex."""
        self.address(node)
        self.born(node)
        sbr = first(node.parent, "SBR") if node.parent is not None else None
        nm1 = first(node, "NM1")
        if text(nm1, 2) == "1" and not text(nm1, 8) and not text(nm1, 9):
            message = "a subscriber who is a person needs the member id"
            self.report(node, nm1, "subscriber.id", message, snip=4, element=9)
        if text(sbr, 2) != "18" or text(nm1, 2) != "1":
            return
        for tag in ("N3", "N4", "DMG"):
            if first(node, tag) is None:
                message = f"{tag} is required, since the subscriber is the patient"
                self.report(node, None, "subscriber.incomplete", message, snip=4, missing=tag)

    def born(self, node: Node) -> None:
        """Nobody is born after the day on which the file was made."""
        dmg, created = first(node, "DMG"), self._created(node)
        if created and is_date(text(dmg, 2)) and text(dmg, 2) > created:
            message = "the birth date lies after the day on which the file was made"
            self.report(node, dmg, "dmg.future", message, snip=4, element=2)

    def person(self, node: Node) -> None:
        """The patient's address and birth date, where the patient is not the subscriber."""
        self.address(node)
        self.born(node)

    def patient(self, node: Node) -> None:
        """A patient level stands only below a subscriber who is somebody else."""
        sbr = first(node.parent, "SBR") if node.parent is not None else None
        if text(sbr, 2) == "18":
            message = "a patient level follows, yet the subscriber is said to be the patient"
            self.report(node, first(node, "HL"), "sbr.self_with_patient", message, snip=4)

    def drug(self, node: Node) -> None:
        """A national drug code has eleven digits without hyphens."""
        lin = first(node, "LIN")
        if text(lin, 2) == "N4" and not re.fullmatch(r"\d{11}", text(lin, 3)):
            self.report(node, lin, "lin.ndc", "an NDC has eleven digits, without hyphens", snip=5, element=3)

    def claim(self, node: Node) -> None:
        """Everything that a claim must be true to, from its sum to its other payers."""
        clm = first(node, "CLM")
        if clm is None:
            return
        lines = node.children("2400")
        self._who(node, clm)
        self._total(node, clm, lines)
        self._frequency(node, clm)
        self._accident(node, clm)
        self._admission(node, clm)
        days = [_last_day(line) for line in lines]
        diagnoses = self._diagnoses(node, max(days, default=""))
        for number, line in enumerate(lines, 1):
            self._line(line, number, diagnoses)
        self._dates(node, lines, days)
        self._other_payers(node, clm, lines)

    def _created(self, node: Node) -> str:
        """BHT04, the day on which the file was made; "" when it is no day."""
        if self.created is None:
            found = text(first(_root(node), "BHT"), 4)
            self.created = found if is_date(found) else ""
        return self.created

    def _who(self, node: Node, clm: list[str]) -> None:
        sbr = first(node.parent, "SBR") if node.parent is not None else None
        if sbr is not None and text(sbr, 2) != "18":
            message = "the subscriber is not said to be the patient (SBR02=18), yet no patient level follows"
            self.report(node, clm, "sbr.patient_missing", message, snip=4)
        number = text(clm, 1)
        if number in self.control_numbers:
            message = "the patient control number was used before in this set"
            self.report(node, clm, "clm.duplicate", message, snip=7, element=1, severity="warning")
        if len(self.control_numbers) < _MOST_NUMBERS:
            self.control_numbers.add(number)

    def _total(self, node: Node, clm: list[str], lines: list[Node]) -> None:
        total = decimal(clm, 2)
        charges = [decimal(first(line, "SV1"), 2) for line in lines]
        if total is None or None in charges:
            return
        if total != sum((charge for charge in charges if charge is not None), ZERO):
            message = "the claim's charge is not the sum of its lines"
            self.report(node, clm, "clm.total", message, snip=3, element=2)
        if total < 0:
            self.report(node, clm, "clm.negative", "a charge is never negative", snip=4, element=2)
        if total == 0 and text(first(_root(node), "BHT"), 6) == "CH":
            message = "a charge of zero is refused by many payers"
            self.report(node, clm, "clm.zero", message, snip=7, element=2, severity="warning")

    def _frequency(self, node: Node, clm: list[str]) -> None:
        if _part(node, clm, 5, 3) in ("7", "8") and first(node, "REF", "F8") is None:
            message = "a corrected or void claim names the payer's claim number (REF*F8)"
            self.report(node, clm, "clm.original_missing", message, snip=4, missing="REF")

    def _accident(self, node: Node, clm: list[str]) -> None:
        causes = text(clm, 11).split(node.delimiters.component)[:3]
        if not any(causes):
            return
        if first(node, "DTP", "439") is None:
            message = "an accident needs its date (DTP*439)"
            self.report(node, clm, "clm.accident_date", message, snip=4, missing="DTP")
        if "AA" in causes and not _part(node, clm, 11, 4) and not _part(node, clm, 11, 5):
            message = "an automobile accident needs its state"
            self.report(node, clm, "clm.accident_state", message, snip=4, element=11, part=4)

    def _admission(self, node: Node, clm: list[str]) -> None:
        if _part(node, clm, 5, 1) == "21" and first(node, "DTP", "435") is None:
            message = "an inpatient claim needs its admission date (DTP*435)"
            self.report(node, clm, "clm.admission_date", message, snip=4, missing="DTP")

    def _diagnoses(self, node: Node, last_day: str) -> int:
        count = 0
        mark = node.delimiters.component
        for hi in own(node, "HI"):
            for position, value in enumerate(hi[1:], 1):
                kind, code = [*value.split(mark), ""][:2]
                if kind not in ("ABK", "ABF", "BK", "BF"):
                    continue
                count += 1
                if kind in ("BK", "BF") and last_day >= _ICD10_SINCE:
                    message = "ICD-9 ended on 2015-09-30; this service needs ICD-10 (ABK, ABF)"
                    self.report(node, hi, "hi.icd9", message, snip=2, element=position, part=1)
                if kind in ("ABK", "ABF") and not _ICD10.fullmatch(code):
                    message = "this is not an ICD-10-CM code without its point"
                    self.report(node, hi, "hi.icd10", message, snip=5, element=position, part=2)
        return count

    def _line(self, line: Node, number: int, diagnoses: int) -> None:
        lx, sv1 = first(line, "LX"), first(line, "SV1")
        if text(lx, 1) != str(number):
            message = "line numbers count up from 1 in each claim"
            self.report(line, lx, "lx.sequence", message, snip=1, element=1)
        if sv1 is None:
            return
        mark = line.delimiters.component
        kind, code = [*text(sv1, 1).split(mark, 2), ""][:2]
        if kind == "HC" and not _HCPCS.fullmatch(code):
            self.report(line, sv1, "sv1.code", "this is not a HCPCS code", snip=5, element=1, part=2)
        pointers = [pointer for pointer in text(sv1, 7).split(mark) if pointer]
        for part, pointer in enumerate(pointers, 1):
            if pointer.isdecimal() and int(pointer[:9]) > diagnoses:
                message = "points to a diagnosis that the claim does not have"
                self.report(line, sv1, "sv1.pointer", message, snip=4, element=7, part=part)
        if len(set(pointers)) != len(pointers):
            self.report(line, sv1, "sv1.pointer_twice", "points twice to one diagnosis", snip=4, element=7)

    def _dates(self, node: Node, lines: list[Node], days: list[str]) -> None:
        created = self._created(node)
        for line, last in zip(lines, days, strict=True):
            if created and last > created and is_date(last):
                message = "the service lies after the day on which the file was made"
                self.report(line, first(line, "DTP", "472"), "dtp.future", message, snip=4, element=3)

    def _other_payers(self, node: Node, clm: list[str], lines: list[Node]) -> None:
        others = node.children("2320")
        if not others:
            return
        sequence = [text(first(node.parent, "SBR"), 1)] if node.parent is not None else []
        if node.parent is not None and node.parent.loop == "2000C" and node.parent.parent is not None:
            sequence = [text(first(node.parent.parent, "SBR"), 1)]
        adjudications = [one for line in lines for one in _adjudications(line)]
        for charge, svd, below in adjudications:
            paid = decimal(svd, 2)
            if charge is not None and paid is not None and paid + adjusted(below) != charge:
                message = "the line's charge is not what the other payer paid and adjusted"
                self.report(below, svd, "cob.line_balance", message, snip=3, element=2)
            self._zero_adjustments(below)
        for other in others:
            sbr = first(other, "SBR")
            if text(sbr, 1) in sequence and text(sbr, 1) != "U":
                message = "two payers stand at the same place in the sequence"
                self.report(other, sbr, "sbr.sequence", message, snip=4, element=1)
            sequence.append(text(sbr, 1))
            self._zero_adjustments(other)
            self._other_payer(other, clm, [one for one in adjudications if _same_payer(other, one[1])])

    def _other_payer(self, other: Node, clm: list[str], lines: list[_Adjudication]) -> None:
        amt, total = first(other, "AMT", "D"), decimal(clm, 2)
        paid = decimal(amt, 2)
        if amt is None or paid is None or total is None:
            return
        at_claim = adjusted(other)
        at_lines = sum((adjusted(below) for _, _, below in lines), ZERO)
        if (lines or at_claim) and paid + at_claim + at_lines != total:
            message = "the claim's charge is not what this payer paid and adjusted"
            self.report(other, amt, "cob.claim_balance", message, snip=3, element=2)
        if lines and paid != sum((decimal(svd, 2) or ZERO for _, svd, _ in lines), ZERO) - at_claim:
            message = "what this payer paid is not the sum of its lines less its claim adjustments"
            self.report(other, amt, "cob.paid_sum", message, snip=3, element=2)

    def _zero_adjustments(self, node: Node) -> None:
        for cas in own(node, "CAS"):
            for position in range(3, len(cas), 3):
                if decimal(cas, position) == ZERO:
                    message = "an adjustment of zero must be left out"
                    self.report(node, cas, "cas.zero", message, snip=3, element=position)


_Adjudication = tuple[Decimal | None, list[str], Node]


def _adjudications(line: Node) -> Iterator[_Adjudication]:
    charge = decimal(first(line, "SV1"), 2)
    for below in line.children("2430"):
        svd = first(below, "SVD")
        if svd is not None:
            yield charge, svd, below


def _same_payer(other: Node, svd: list[str]) -> bool:
    payer = other.child("2330B")
    return payer is not None and text(first(payer, "NM1"), 9) == text(svd, 1)


def _last_day(line: Node) -> str:
    return text(first(line, "DTP", "472"), 3).rpartition("-")[2]


def _part(node: Node, values: list[str], position: int, part: int) -> str:
    parts = text(values, position).split(node.delimiters.component)
    return parts[part - 1] if part <= len(parts) else ""


def _root(node: Node) -> Node:
    while node.parent is not None:
        node = node.parent
    return node
