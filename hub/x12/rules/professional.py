"""Rules that a professional claim keeps beside those of every claim: accidents, admissions, procedures, pointers."""

from __future__ import annotations

from hub.x12.rules.claims import ClaimRules, Parts, is_clia
from hub.x12.rules.procedures import pointers_beyond, procedure_faults
from hub.x12.rules.reporting import Reporter, first, text
from hub.x12.tree import Node
from hub.x12.walk import Closer

_WAIVED = "QW"
_INPATIENT = frozenset(("21", "51", "61"))


def rules_837p(report: Reporter) -> dict[str, Closer]:
    """The closers of one 837P."""
    return ProfessionalRules(report).closers()


class ProfessionalRules(ClaimRules):
    """The closers of one set of professional claims."""

    procedures = ("HC",)
    addresses = "2010AB 2010BB 2310C 2310E 2310F 2330A 2330B 2420C 2420E 2420G 2420H"
    specialties = "2000A 2310B 2420A"
    full_zips = frozenset(("2010AA", "2310C", "2420C"))
    waived: Node | None = None  # the claim, while a waived test of it lacks a CLIA number

    def of_kind(self, node: Node, clm: list[str], claim: Parts) -> None:
        """Accidents, admissions and the laboratory's certificate."""
        if len(clm) > 11 and clm[11]:
            self.accident(node, clm, claim)
        if claim.place in _INPATIENT and "DTP*435" not in claim.marks:
            message = "a claim for services in a hospital needs its admission date (DTP*435)"
            self.report(node, clm, "clm.admission_date", message, snip=4, missing="DTP", status="A6:189")
        self.waived = None if "REF*X4" in claim.marks else node
        if self.waived is None:
            self._laboratory(node)

    def of_line(self, line: Node, service: list[str]) -> None:
        """The form of the procedure, and pointers to diagnoses that the claim has."""
        mark = line.delimiters.component
        if len(service) > 1:
            for place, message in procedure_faults(service[1], mark, self.procedures):
                self.report(line, service, "sv1.code", message, snip=5, element=1, part=place)
        if len(service) > 4 and "." in service[4][:-4]:  # a point before the last four leaves more than three
            message = "a quantity has three decimals at most"
            self.report(line, service, "sv1.decimals", message, snip=1, element=4, status="A7:476")
        if len(service) > 7:
            for place in pointers_beyond(service[7], mark, self.pointed):
                message = "points to a diagnosis that the claim does not have"
                self.report(line, service, "sv1.pointer", message, snip=4, element=7, part=place)
        if first(line, "REF", "X4") is not None or first(line, "REF", "F4") is not None:
            self._laboratory(line)
        elif self.waived is not None and len(service) > 1 and _WAIVED in service[1]:
            self._certificate(line, service[1])

    def _certificate(self, line: Node, procedure: str) -> None:
        """A test that needs a certificate no more than of waiver (QW) still names that certificate."""
        if self.waived is not None and _WAIVED in procedure.split(line.delimiters.component)[2:6]:
            message = "a waived laboratory test (QW) needs the laboratory's CLIA number (REF*X4)"
            self.report(self.waived, None, "clm.clia_missing", message, snip=7, missing="REF", status="A6:21")
            self.waived = None

    def _laboratory(self, node: Node) -> None:
        for kind in ("X4", "F4"):
            ref = first(node, "REF", kind)
            if ref is not None and not is_clia(text(ref, 2)):
                message = "a CLIA number has ten characters, the third a letter"
                self.report(node, ref, "ref.clia", message, snip=5, element=2)
