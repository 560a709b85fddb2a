"""Rules that a professional claim keeps beside those of every claim: accidents, admissions, procedures, pointers."""

from __future__ import annotations

import re
from functools import lru_cache

from hub.x12.rules.claims import ClaimRules, Parts, is_clia, part
from hub.x12.rules.reporting import Reporter, first, text
from hub.x12.tree import Node
from hub.x12.walk import Closer

_HCPCS = re.compile(r"[A-Z]\d{4}|\d{4}[0-9AFMTU]")
_MODIFIER = re.compile(r"[0-9A-Z]{2}")
_INPATIENT = frozenset(("21", "51", "61"))
_MOST_POINTED = 12


def rules_837p(report: Reporter) -> dict[str, Closer]:
    """The closers of one 837P."""
    return ProfessionalRules(report).closers()


class ProfessionalRules(ClaimRules):
    """The closers of one set of professional claims."""

    addresses = "2010AB 2010BB 2310C 2310E 2310F 2330A 2330B 2420C 2420E 2420G 2420H"
    specialties = "2000A 2310B 2420A"
    full_zips = frozenset(("2010AA", "2310C", "2420C"))

    def of_kind(self, node: Node, clm: list[str], claim: Parts, place: str) -> None:
        """Accidents, admissions and the laboratory's certificate."""
        if len(clm) > 11 and clm[11]:
            self._accident(node, clm, claim)
        if place in _INPATIENT and "DTP*435" not in claim.marks:
            message = "a claim for services in a hospital needs its admission date (DTP*435)"
            self.report(node, clm, "clm.admission_date", message, snip=4, missing="DTP", status="A6:189")
        if "REF*X4" in claim.marks:
            self._laboratory(node)

    def of_line(self, line: Node, service: list[str], diagnoses: int) -> None:
        """The form of the procedure, and pointers to diagnoses that the claim has."""
        mark = line.delimiters.component
        if len(service) > 1:
            for place, message in procedure_faults(service[1], mark):
                self.report(line, service, "sv1.code", message, snip=5, element=1, part=place)
        if len(service) > 7:
            for place in pointers_beyond(service[7], mark, diagnoses):
                message = "points to a diagnosis that the claim does not have"
                self.report(line, service, "sv1.pointer", message, snip=4, element=7, part=place)
        if first(line, "REF", "X4") is not None or first(line, "REF", "F4") is not None:
            self._laboratory(line)

    def _accident(self, node: Node, clm: list[str], claim: Parts) -> None:
        causes = clm[11].split(node.delimiters.component)[:3]
        if ("AA" in causes or "OA" in causes) and "DTP*439" not in claim.marks:
            message = "an accident needs its date (DTP*439)"
            self.report(node, clm, "clm.accident_date", message, snip=4, missing="DTP", status="A6:516")
        if "AA" in causes and not part(node, clm, 11, 4) and not part(node, clm, 11, 5):
            message = "an automobile accident needs its state"
            self.report(node, clm, "clm.accident_state", message, snip=4, element=11, part=4)

    def _laboratory(self, node: Node) -> None:
        for kind in ("X4", "F4"):
            ref = first(node, "REF", kind)
            if ref is not None and not is_clia(text(ref, 2)):
                message = "a CLIA number has ten characters, the third a letter"
                self.report(node, ref, "ref.clia", message, snip=5, element=2, status="A7:630")


@lru_cache(maxsize=16384)
def procedure_faults(value: str, mark: str) -> tuple[tuple[int, str], ...]:
    """The parts of a procedure composite that are not of the form of HCPCS, with what is wrong."""
    kind, code, *rest = [*value.split(mark), ""]
    found = []
    if kind == "HC" and code == code.strip() != "" and not _HCPCS.fullmatch(code):
        found.append((2, "this is not a HCPCS code"))
    for place, modifier in enumerate(rest[:4], 3):
        if len(modifier) == 2 and not _MODIFIER.fullmatch(modifier):
            found.append((place, "a modifier has two capital letters or digits"))
    return tuple(found)


@lru_cache(maxsize=4096)
def pointers_beyond(value: str, mark: str, diagnoses: int) -> tuple[int, ...]:
    """The parts of a pointer composite that name no diagnosis of the claim."""
    return tuple(
        place
        for place, pointer in enumerate(value.split(mark)[:4], 1)
        if pointer.isdecimal() and diagnoses < int(pointer[:9]) <= _MOST_POINTED
    )
