"""Rules that a dental claim keeps beside those of every claim: days, teeth, parts of the mouth, procedures."""

from __future__ import annotations

import re

from hub.x12.rules.claims import ClaimRules, Parts
from hub.x12.rules.procedures import pointers_beyond, procedure_faults
from hub.x12.rules.reporting import Reporter, first, own, text
from hub.x12.tree import Node
from hub.x12.walk import Closer

_TOOTH = re.compile(r"0?[1-9]|[12]\d|3[0-2]|5[1-9]|[67]\d|8[0-2]|[A-T]S?")
_PARTS_OF_THE_MOUTH = frozenset(("00", "01", "02", "09", "10", "20", "30", "40", "L", "R"))
_PREDETERMINATION = "PB"


def rules_837d(report: Reporter) -> dict[str, Closer]:
    """The closers of one 837D."""
    return DentalRules(report).closers()


class DentalRules(ClaimRules):
    """The closers of one set of dental claims."""

    service = "SV3"
    procedures = ("AD",)
    addresses = "2010AB 2010BB 2310C 2330A 2330B 2420D"
    specialties = "2000A 2310A 2310B 2310D 2420A 2420B"
    full_zips = frozenset(("2010AA", "2310C", "2420D"))

    def of_kind(self, node: Node, clm: list[str], claim: Parts) -> None:
        """Accidents, teeth that are missing, and a day of service for whatever was done."""
        if len(clm) > 11 and clm[11]:
            self.accident(node, clm, claim)
        for dn2 in own(node, "DN2"):
            self._tooth(node, dn2, 1)
        told = first(node, "DTP", "472")
        if told is not None and len(told) > 3:
            claim.days = (told[3][:8], self.day(node, told, []))
        if told is not None or text(clm, 19) == _PREDETERMINATION:
            return
        bare = next((line for line in claim.lines if first(line, "DTP", "472") is None), None)
        if bare is not None:
            message = "a line needs its day of service, unless the claim tells one (DTP*472)"
            self.report(
                bare, first(bare, "SV3"), "dtp.service_missing", message, snip=4, missing="DTP", status="A6:187"
            )

    def of_line(self, line: Node, service: list[str]) -> None:
        """The procedure, the part of the mouth, pointers to diagnoses, and the teeth."""
        mark = line.delimiters.component
        if len(service) > 1:
            for place, message in procedure_faults(service[1], mark, self.procedures):
                self.report(line, service, "sv3.code", message, snip=5, element=1, part=place)
        for place, area in enumerate(text(service, 4).split(mark), 1):
            if area and area not in _PARTS_OF_THE_MOUTH:
                message = "this is not a part of the mouth"
                self.report(line, service, "sv3.oral_cavity", message, snip=5, element=4, part=place)
        told = max(self.pointed, 0)  # a dental claim needs no diagnosis, unless a line points to it
        for place in pointers_beyond(text(service, 11), mark, told):
            message = "points to a diagnosis that the claim does not have"
            self.report(line, service, "sv3.pointer", message, snip=4, element=11, part=place)
        for too in own(line, "TOO"):
            self._tooth(line, too, 2)

    def _tooth(self, node: Node, segment: list[str], element: int) -> None:
        tooth = text(segment, element)
        if tooth and not _TOOTH.fullmatch(tooth):
            tag = segment[0].lower()
            message = "this is not a tooth (1 to 32, A to T, or a supernumerary one)"
            self.report(node, segment, f"{tag}.tooth", message, snip=5, element=element, status="A7:244")
