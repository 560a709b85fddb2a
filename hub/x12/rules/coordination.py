"""Coordination of benefits: what other payers paid and adjusted explains every charge, once and exactly."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hub.x12.rules.procedures import procedure_faults
from hub.x12.rules.reporting import ZERO, Reporter, adjusted, decimal, first, own, text
from hub.x12.tree import Node

Triplet = tuple[list[str], int, str, Decimal]


class Decision:
    """What one other payer decided on one line, over all its 2430 loops."""

    __slots__ = ("adjusted", "charge", "loops", "paid", "payer", "readable")

    def __init__(self, payer: str, charge: Decimal | None) -> None:
        self.payer = payer
        self.charge = charge
        self.paid = self.adjusted = ZERO
        self.readable = charge is not None
        self.loops: list[tuple[Node, list[str]]] = []

    def add(self, node: Node, svd: list[str]) -> None:
        """Takes one 2430 in; a payer that split a line has several."""
        paid = decimal(svd, 2)
        self.readable = self.readable and paid is not None and not _unreadable(node)
        self.paid += paid or ZERO
        self.adjusted += adjusted(node)
        self.loops.append((node, svd))


def decided(charge: Decimal | None, loops: list[Node]) -> list[Decision]:
    """The decisions of a line's 2430 loops, one for each payer."""
    found: dict[str, Decision] = {}
    for node in loops:
        svd = first(node, "SVD") if node.loop == "2430" else None
        if svd is not None:
            payer = text(svd, 1)
            found.setdefault(payer, Decision(payer, charge)).add(node, svd)
    return list(found.values())


class Coordination:
    """Checks the other payers of one claim after another."""

    def __init__(self, report: Reporter, procedures: tuple[str, ...]) -> None:
        self.report = report
        self.procedures = procedures

    def check(self, node: Node, clm: list[str], others: list[Node], decisions: list[Decision]) -> None:
        """Judges each line first, then a payer's sums where its lines are in order; `decisions` are the lines'."""
        known = {_id(other) for other in others}
        doubtful = {one.payer for one in decisions if not self._line(one)}
        if "" not in known:
            strange = [one for one in decisions if one.payer not in known]
            for one in strange:
                message = "no other payer of this claim has this id (2330B NM109)"
                self.report(*one.loops[0], "cob.payer_unknown", message, snip=4, element=1)
            doubtful |= known if strange else set()
        self._sequence(node, others)
        for other in others:
            self._zeros(other)
            payer = _id(other)
            if payer and payer not in doubtful:
                self._payer(node, other, clm, [one for one in decisions if one.payer == payer])

    def _line(self, one: Decision) -> bool:
        """Whether the line's charge is what this payer paid and adjusted."""
        for below, svd in one.loops:
            if text(svd, 3):
                for place, message in procedure_faults(text(svd, 3), below.delimiters.component, self.procedures):
                    self.report(below, svd, "svd.code", message, snip=5, element=3, part=place)
            if self._zeros(below):
                return False
        if not one.readable:
            return False
        if one.paid + one.adjusted != one.charge:
            below, svd = one.loops[0]
            message = "the line's charge is not what the other payer paid and adjusted"
            self.report(below, svd, "cob.line_balance", message, snip=3, element=2)
            return False
        return True

    def _sequence(self, node: Node, others: list[Node]) -> None:
        level = node.parent
        if level is not None and level.loop == "2000C":
            level = level.parent
        taken = {text(first(level, "SBR"), 1)} if level is not None else set()
        for other in others:
            sbr = first(other, "SBR")
            place = text(sbr, 1)
            if place in taken and place not in ("U", ""):
                message = "two payers stand at the same place in the sequence"
                self.report(other, sbr, "sbr.sequence", message, snip=4, element=1)
            taken.add(place)

    def _payer(self, node: Node, other: Node, clm: list[str], lines: list[Decision]) -> None:
        amt, at_claim = first(other, "AMT", "D"), adjusted(other)
        if amt is None:
            if lines or first(other, "CAS") is not None:
                message = "this payer has decided, so the claim tells what it paid (AMT*D)"
                self.report(other, None, "cob.paid_missing", message, snip=3, missing="AMT")
            return
        paid, total = decimal(amt, 2), decimal(clm, 2)
        if paid is None or total is None or _unreadable(other) or self._both_levels(other, lines):
            return
        at_lines = sum((one.adjusted for one in lines), ZERO)
        if lines and paid != sum((one.paid for one in lines), ZERO) - at_claim:
            message = "what this payer paid is not the sum of its lines less its claim adjustments"
            self.report(other, amt, "cob.paid_sum", message, snip=3, element=2)
        elif paid + at_claim + at_lines != total and (lines or at_claim or node.find("2010AC") is None):
            message = "the claim's charge is not what this payer paid and adjusted"
            self.report(other, amt, "cob.claim_balance", message, snip=3, element=2)

    def _both_levels(self, other: Node, lines: list[Decision]) -> bool:
        """Whether an adjustment of the claim is that of its lines over again."""
        sums: dict[tuple[str, str], Decimal] = {}
        singles: set[tuple[str, str, Decimal]] = set()
        for one in lines:
            for below, _ in one.loops:
                for cas, _, reason, moved in triplets(below):
                    sums[cas[1], reason] = sums.get((cas[1], reason), ZERO) + moved
                    singles.add((cas[1], reason, moved))
        found = False
        for cas, position, reason, moved in triplets(other) if sums else ():
            if moved and (sums.get((cas[1], reason)) == moved or (cas[1], reason, moved) in singles):
                message = "this adjustment stands at the lines already; it is told at one level only"
                self.report(other, cas, "cob.both_levels", message, snip=3, element=position)
                found = True
        return found

    def _zeros(self, node: Node) -> bool:
        found = False
        for cas, position, _, moved in triplets(node):
            if moved == ZERO:
                message = "an adjustment of zero must be left out"
                self.report(node, cas, "cas.zero", message, snip=3, element=position)
                found = True
        return found


def triplets(node: Node) -> Iterator[Triplet]:
    """Yields each adjustment of a loop: its CAS, the element of its amount, its reason and the amount."""
    for cas in own(node, "CAS"):
        for position in range(3, len(cas), 3):
            moved = decimal(cas, position)
            if moved is not None:
                yield cas, position, cas[position - 1], moved


def _unreadable(node: Node) -> bool:
    """Whether an adjustment has a reason and no amount that can be read; its row says so."""
    return any(
        cas[position - 1] and decimal(cas, position) is None
        for cas in own(node, "CAS")
        for position in range(3, len(cas) + 1, 3)
    )


def _id(other: Node) -> str:
    payer = other.child("2330B")
    return text(first(payer, "NM1"), 9) if payer is not None else ""
