"""Makes a generated 835 true: every line, claim and the payment balance, provider adjustments and all."""

from __future__ import annotations

from decimal import Decimal

from hub.x12.generate.claims import adjustments, insert_after, patients_cents, remove, segments
from hub.x12.generate.values import procedure
from hub.x12.generate.world import CREATED, FIRST_DAY, Values, World, day8, drop, money, put, said
from hub.x12.tree import Node

_ROUTING = "123456780"
_FULL_PLB = 15
_GROUPS = ("CO", "PR", "OA", "PI")
_PAYS_NOTHING = ("4", "23", "25")
_CROSSOVER = ("19", "20", "21")
_PLAIN = ("1", "2", "3")


def payment(root: Node, world: World) -> None:
    """Goes over all claims of a set, then settles what is paid."""
    made = _Payment(world)
    for group in root.children("2000"):
        made.group(group)
    made.settle(root)


class _Payment:
    def __init__(self, world: World) -> None:
        self.world = world
        self.paid = 0
        self.interest = 0

    def group(self, group: Node) -> None:
        claims = group.children("2100")
        charges = [self._claim(claim) for claim in claims]
        reversed_too = any(charge < 0 for charge in charges)
        for ts3 in segments(group, "TS3"):
            values: Values = ["TS3", self.world.npi(), "11", day8(FIRST_DAY)]
            ts3[:] = [*values, str(len(claims)), money(sum(charges))]
        for ts2 in segments(group, "TS2"):
            ts2[1:] = ["1"] * (len(ts2) - 1)
        if reversed_too:
            remove(group, *segments(group, "TS3"))

    def _claim(self, claim: Node) -> int:
        """Makes one claim balance; gives its charge in cents, below zero for a reversal."""
        (clp,) = segments(claim, "CLP")
        status = self._status(claim, clp)
        sign = -1 if status == "22" else 1
        remove(claim, *segments(claim, "CAS"))
        lines = claim.children("2110")
        charges = [sign * self.world.cents() for _ in lines] or [sign * self.world.cents()]
        moved = [self._moved(charge, status) for charge in charges]
        share = 0
        for line, charge, cents in zip(lines, charges, moved, strict=False):
            cas = adjustments(self.world, cents, most=4, groups=_GROUPS)
            share += patients_cents(cas)
            self._line(line, charge, charge - cents, cas)
        at_claim = [] if lines else adjustments(self.world, moved[0], most=4, groups=_GROUPS)
        share += patients_cents(at_claim)
        insert_after(claim, ("CLP",), *at_claim)
        self._payment(clp, sum(charges), sum(charges) - sum(moved), share if status != "22" else 0)
        self._details(claim, lines)
        return sum(charges)

    def _status(self, claim: Node, clp: Values) -> str:
        status = said(clp, 2)
        if status in _CROSSOVER and not segments(claim, "NM1", "TT"):
            status = _PLAIN[_CROSSOVER.index(status)]
        put(clp, 2, status)
        return status

    def _moved(self, charge: int, status: str) -> int:
        """How much of a charge is not paid."""
        if status in _PAYS_NOTHING:
            return charge
        part = self.world.random.choice((0, 1, 2, 3, 3, 4))
        return charge * part // 4

    def _payment(self, clp: Values, charge: int, paid: int, share: int) -> None:
        self.paid += paid
        put(clp, 1, self.world.serial("PCN"))
        put(clp, 3, money(charge))
        put(clp, 4, money(paid))
        put(clp, 5, money(share) if share else None)
        put(clp, 7, self.world.serial("ICN"))
        for at, value in ((8, "11"), (9, "1"), (11, "470"), (12, "1"), (13, ".5")):
            if said(clp, at):
                put(clp, at, value)

    def _line(self, line: Node, charge: int, paid: int, cas: list[Values]) -> None:
        (svc,) = segments(line, "SVC")
        original = len(svc) > 6
        svc[:] = ["SVC", procedure(self.world), money(charge), money(paid), None, "1"]
        if original:
            svc += [procedure(self.world), "2"]
        remove(line, *segments(line, "CAS"))
        known = {said(dtm, 1) for dtm in segments(line, "DTM")}
        remove(line, *segments(line, "DTM"))
        days = ("150", "151") if known & {"150", "151"} else ("472",) if known else ()
        dated: list[Values] = [["DTM", kind, day8(FIRST_DAY)] for kind in days]
        insert_after(line, ("SVC",), *dated, *cas)
        for ref in segments(line, "REF", "6R"):
            put(ref, 2, self.world.serial("L"))

    def _details(self, claim: Node, lines: list[Node]) -> None:
        if segments(claim, "MIA"):
            remove(claim, *segments(claim, "MOA"))
        for dtm in segments(claim, "DTM", "233") if not segments(claim, "DTM", "232") else ():
            put(dtm, 1, "232")
            put(dtm, 2, day8(FIRST_DAY))
        for line in lines if not segments(claim, "DTM", "232") else ():
            if not segments(line, "DTM"):
                insert_after(line, ("SVC",), ["DTM", "472", day8(FIRST_DAY)])
        for amt in segments(claim, "AMT", "I"):
            self.interest += _cents(amt, 2)

    def settle(self, root: Node) -> None:
        """PLB, then BPR and TRN: what is left to pay is paid, and never less than nothing."""
        taken = self._provider_adjustments(root)
        total = self.paid - taken
        npi = next((said(n1, 4) for n1 in segments(root.children("1000B")[0], "N1")), "")
        for reason, cents in (("L6", -self.interest), ("FB", min(0, total + self.interest))):
            if cents:
                self._more(root, npi, [(reason, self.world.serial("P")), money(cents)])
                total -= cents
        for cur in segments(root, "CUR"):
            drop(cur, 3)
        (bpr,), (trn,) = segments(root, "BPR"), segments(root, "TRN")
        bpr[:] = self._method(total, said(trn, 3))

    def _more(self, root: Node, npi: str, pair: Values) -> None:
        """One more provider adjustment, in the last PLB where it has room."""
        last = segments(root, "PLB")[-1:]
        if last and len(last[0]) < _FULL_PLB:
            last[0].extend(pair)
        else:
            root.items.append(["PLB", npi, "20261231", *pair])

    def _provider_adjustments(self, root: Node) -> int:
        taken = 0
        for plb in segments(root, "PLB"):
            put(plb, 1, self.world.npi())
            put(plb, 2, "20261231")
            for at in range(3, len(plb), 2):
                reason = self.world.random.choice(("WO", "72", "CS", "B2", "IR"))
                cents = self.world.random.choice((1, -1)) * self.world.cents(1, 5000)
                put(plb, at, (reason, self.world.serial("P")))
                put(plb, at + 1, money(cents))
                taken += cents
        return taken

    def _method(self, total: int, origin: str) -> Values:
        """BPR: by transfer with both banks, by check, or a mere notice where nothing is paid."""
        if not total:
            return ["BPR", "H", "0", "C", "NON", *[None] * 11, day8(CREATED)]
        if self.world.random.random() < 0.5:
            return ["BPR", "I", money(total), "C", "CHK", *[None] * 11, day8(CREATED)]
        bank: Values = ["01", _ROUTING, "DA"]
        return [
            "BPR",
            "I",
            money(total),
            "C",
            "ACH",
            "CCP",
            *bank,
            "1001",
            origin,
            None,
            *bank,
            "2002",
            day8(CREATED),
        ]


def _cents(values: Values, position: int) -> int:
    return int(Decimal(said(values, position)) * 100)
