"""Rules that an institutional claim keeps beside those of every claim: stays, statement days, revenue, code forms."""

from __future__ import annotations

import re

from hub.x12.formats import is_date
from hub.x12.rules.claims import ClaimRules, Parts
from hub.x12.rules.procedures import procedure_faults
from hub.x12.rules.reporting import Reporter, first, text
from hub.x12.tree import Node
from hub.x12.walk import Closer

_STAYS = frozenset(("11", "18", "21", "41"))
"""Types of bill of somebody who was admitted."""
_HOSPITAL_STAY = "11"
_FINAL = frozenset(("1", "4"))
_STILL_THERE = "30"
_STATUS = re.compile(r"\d\d")
_PROCEDURE = re.compile(r"[0-9A-HJ-NP-Z]{7}")
_TWO = re.compile(r"[0-9A-Z]{2}")
_FORMS = {
    **dict.fromkeys(("BBR", "BBQ"), (_PROCEDURE, "hi.icd10_pcs", "this is not an ICD-10-PCS code")),
    **dict.fromkeys(("BE", "BG", "BH", "BI"), (_TWO, "hi.bill_code", "codes of the bill have two characters")),
}


def rules_837i(report: Reporter) -> dict[str, Closer]:
    """The closers of one 837I."""
    return InstitutionalRules(report).closers()


class InstitutionalRules(ClaimRules):
    """The closers of one set of institutional claims."""

    service = "SV2"
    charge_at = 3
    procedure_at = 2
    procedures = ("HC", "HP")
    addresses = "2010AB 2010BB 2310E 2330A 2330B"
    specialties = "2000A 2310A"
    full_zips = frozenset(("2010AA", "2310E"))

    def of_kind(self, node: Node, clm: list[str], claim: Parts) -> None:
        """The days of the statement, the stay, and the forms of the bill's codes."""
        cl1 = first(node, "CL1")
        self._statement(node, claim)
        if claim.place in _STAYS:
            self._stay(node, clm, claim, cl1)
        if text(cl1, 3) and not _STATUS.fullmatch(text(cl1, 3)):
            self.report(node, cl1, "cl1.status", "a patient status has two digits", snip=5, element=3)
        for hi in claim.codes:
            self._bill_codes(node, hi)

    def of_line(self, line: Node, service: list[str]) -> None:
        """The form of the procedure; that of the revenue code is the row's."""
        if len(service) > 2 and service[2]:
            for place, message in procedure_faults(service[2], line.delimiters.component, self.procedures):
                self.report(line, service, "sv2.code", message, snip=5, element=2, part=place, status="A7:507")

    def _statement(self, node: Node, claim: Parts) -> None:
        dtp = first(node, "DTP", "434")
        begin, _, last = text(dtp, 3).partition("-")
        last = last or begin
        if not (is_date(begin) and is_date(last)):
            return
        claim.days = (begin, last)
        if last > self.day_made(node) > "":
            message = "the statement runs on after the day on which the file was made"
            self.report(node, dtp, "dtp.future", message, snip=4, element=3, status="A8:187")

    def _stay(self, node: Node, clm: list[str], claim: Parts, cl1: list[str] | None) -> None:
        if "DTP*435" not in claim.marks:
            message = "a claim for a stay needs its admission date and hour (DTP*435)"
            self.report(node, clm, "clm.admission_date", message, snip=4, missing="DTP", status="A6:189")
        if cl1 is not None and not text(cl1, 1):
            message = "a claim for a stay tells the kind of admission"
            self.report(node, cl1, "cl1.admission", message, snip=4, element=1, status="A6:231")
        if claim.place != _HOSPITAL_STAY:
            return
        kinds = {text(hi, 1).partition(node.delimiters.component)[0] for hi in claim.codes}
        if not kinds & {"ABJ", "BJ"}:
            message = "a claim for a hospital stay needs its admitting diagnosis (HI*ABJ)"
            self.report(node, clm, "hi.admitting_missing", message, snip=4, missing="HI", status="A6:232")
        frequency = text(clm, 5).rpartition(node.delimiters.component)[2]
        if frequency in _FINAL and text(cl1, 3) not in ("", _STILL_THERE) and "DTP*096" not in claim.marks:
            message = "a final claim for a hospital stay needs its discharge hour (DTP*096)"
            self.report(node, clm, "clm.discharge_hour", message, snip=4, missing="DTP", status="A6:233")

    def _bill_codes(self, node: Node, hi: list[str]) -> None:
        mark = node.delimiters.component
        for position in range(1, len(hi)):
            kind, code = [*hi[position].split(mark), ""][:2]
            if kind in _FORMS and code and not _FORMS[kind][0].fullmatch(code):
                _, name, message = _FORMS[kind]
                self.report(node, hi, name, message, snip=5, element=position, part=2)
