"""Makes the claims of a generated 837 true: who the patient is, sums, pointers, dates, what other payers paid."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from random import Random

from hub.x12.generate.values import codes_of, procedure
from hub.x12.generate.world import (
    DENTAL_PROCEDURES,
    REASONS,
    Values,
    World,
    day8,
    drop,
    money,
    put,
    said,
)
from hub.x12.tree import Node, RawSegment, Value

_SERVICE = {"837P": "SV1", "837I": "SV2", "837D": "SV3"}
_PLACES = ("11", "12", "22", "31", "81")
_COVERAGES = ("CI", "BL", "HM", "MC", "12", "CH")
_SEQUENCE = "PSTABCDEFGH"


def who_is_the_patient(random: Random) -> tuple[frozenset[str], frozenset[str]]:
    """Below a subscriber stand either claims or patients."""
    if random.random() < 0.6:
        return frozenset(("2300",)), frozenset(("2000C",))
    return frozenset(("2000C",)), frozenset(("2300",))


def segments(node: Node, tag: str, qualifier: str = "") -> list[Values]:
    """The own segments of a loop, to be changed in place."""
    return [
        item
        for item in node.items
        if isinstance(item, list) and item[0] == tag and (not qualifier or said(item, 1) == qualifier)
    ]


def remove(node: Node, *items: RawSegment | Node) -> None:
    """Takes items out of a loop."""
    node.items[:] = [item for item in node.items if not any(item is gone for gone in items)]


def insert_after(node: Node, tags: tuple[str, ...], *values: Values) -> None:
    """Puts segments after the last own segment with one of these ids."""
    at = max(at for at, item in enumerate(node.items) if not isinstance(item, Node) and item[0] in tags)
    node.items[at + 1 : at + 1] = list(values)


class Claims:
    """The truth of one 837."""

    def __init__(self, kind: str, world: World) -> None:
        self.kind = kind
        self.world = world
        self.service = _SERVICE[kind]

    def make_true(self, root: Node) -> None:
        """Goes over all levels of a set."""
        for bht in segments(root, "BHT"):
            put(bht, 6, "CH")
        for billing in root.children("2000A"):
            self._billing(billing)
            for subscriber in billing.children("2000B"):
                self._subscriber(subscriber)

    def _billing(self, billing: Node) -> None:
        provider = billing.children("2010AA")[0]
        (nm1,) = segments(provider, "NM1")
        put(nm1, 8, "XX")
        put(nm1, 9, self.world.npi())
        for ref in segments(provider, "REF", "SY") if said(nm1, 2) == "2" else ():
            put(ref, 1, "EI")
        for tax in segments(provider, "REF", "SY"):
            put(tax, 2, self.world.tax_id())

    def _subscriber(self, subscriber: Node) -> None:
        patients = subscriber.children("2000C")
        claims = [claim for level in (subscriber, *patients) for claim in level.children("2300")]
        others = min(len(claim.children("2320")) for claim in claims)
        (sbr,) = segments(subscriber, "SBR")
        self._coverage(sbr, _SEQUENCE[min(others, 2)])
        drop(sbr, 2)
        if not patients:
            put(sbr, 2, "18")
            self._is_patient(subscriber)
        drop(sbr)
        (person,) = segments(subscriber.children("2010BA")[0], "NM1")
        if not patients:
            put(person, 2, "1")
        put(person, 8, "MI")
        put(person, 9, self.world.serial("W"))
        for claim in claims:
            remove(claim, *claim.children("2320")[others:])
            Claim(self, claim, said(sbr, 1)).make_true()

    def _coverage(self, sbr: Values, sequence: str) -> None:
        put(sbr, 1, sequence)
        drop(sbr, 4, 5)
        put(sbr, 9, self.world.random.choice(_COVERAGES))

    def _is_patient(self, subscriber: Node) -> None:
        """A subscriber who is the patient has an address and a birth date."""
        party = subscriber.children("2010BA")[0]
        state, code = self.world.place()
        for tag, after, values in (
            ("N3", ("NM1",), ["N3", self.world.street()]),
            ("N4", ("N3",), ["N4", "SPRINGFIELD", state, code]),
            ("DMG", ("N4",), ["DMG", "D8", "19800115", "F"]),
        ):
            if not segments(party, tag):
                insert_after(party, after, list[Value](values))


class Claim:
    """The truth of one claim."""

    def __init__(self, claims: Claims, node: Node, sequence: str) -> None:
        self.kind = claims.kind
        self.service = claims.service
        self.claims = claims
        self.world = claims.world
        self.node = node
        self.sequence = sequence
        self.total = 0
        (self.clm,) = segments(node, "CLM")

    def make_true(self) -> None:
        """From its lines up to its other payers."""
        lines = self.node.children("2400")
        charges = [self._line(line) for line in lines]
        self.total = sum(charges)
        self._claim()
        payers = self._other_payers()
        self._decisions(lines, charges, payers)
        self._payers_named([self.node, *lines], list(payers))

    def _claim(self) -> None:
        clm = self.clm
        put(clm, 1, self.world.serial("PCN"))
        put(clm, 2, money(self.total))
        put(clm, 5, (self._place(), "A" if self.kind == "837I" else "B", self._frequency()))
        accident = segments(self.node, "DTP", "439")
        drop(clm, 11, 12, 19)
        if accident:
            cause = self.world.random.choice(("AA", "OA"))
            put(clm, 11, ("AA", None, None, "IL") if cause == "AA" else (cause,))
        drop(clm)
        for amt in segments(self.node, "AMT"):
            put(amt, 2, money(self.world.cents(100, max(self.total, 100))))
        if self.kind == "837D":
            self._dental_days()
        for missing in segments(self.node, "DN2"):
            put(missing, 1, str(self.world.random.randint(1, 32)))
        if self.kind == "837I":
            self._hospital()
        if self.kind == "837P":
            self._professional()

    def _hospital(self) -> None:
        """Who was discharged has an hour of it; who was not is still a patient."""
        (cl1,) = segments(self.node, "CL1")
        put(cl1, 1, "1")
        put(cl1, 3, "01" if segments(self.node, "DTP", "096") else "30")

    def _professional(self) -> None:
        ambulance = [crc for crc in segments(self.node, "CRC") if said(crc, 1) == "07"]
        if ambulance and not segments(self.node, "CR1"):
            remove(self.node, *ambulance)
        self._pair("2310E", "2310F")

    def _pair(self, first: str, second: str) -> None:
        """Where an ambulance came from and where it went stand together."""
        found = self.node.children(first), self.node.children(second)
        if not all(found):
            remove(self.node, *found[0], *found[1])

    def _place(self) -> str:
        admitted = bool(segments(self.node, "DTP", "435"))
        if self.kind == "837I":
            return "11" if admitted and codes_of(self.node, "ABJ") else "13"
        return "21" if admitted else self.world.random.choice(_PLACES)

    def _frequency(self) -> str:
        return "7" if segments(self.node, "REF", "F8") else "1"

    def _dental_days(self) -> None:
        """The day of service stands at the claim, or else at each line."""
        at_claim = segments(self.node, "DTP", "472")
        for line in self.node.children("2400"):
            at_line = segments(line, "DTP", "472")
            if at_claim:
                remove(line, *at_line)
            elif not at_line:
                made: Values = ["DTP", "472", "D8", day8(self.world.day())]
                insert_after(line, ("SV3", "TOO"), made)

    def _line(self, line: Node) -> int:
        """The service of a line; gives its charge in cents."""
        (service,) = segments(line, self.service)
        charge = self.world.cents()
        {"SV1": self._professional_line, "SV2": self._hospital_line, "SV3": self._dental_line}[self.service](
            line, service, charge
        )
        drop(service)
        for ref in segments(line, "REF", "6R"):
            put(ref, 2, self.world.serial("L"))
        return charge

    def _professional_line(self, line: Node, service: Values, charge: int) -> None:
        random = self.world.random
        put(service, 1, procedure(self.world))
        put(service, 2, money(charge))
        put(service, 3, "UN")
        put(service, 4, str(random.randint(1, 5)))
        if said(service, 5):
            put(service, 5, random.choice(_PLACES))
        put(service, 7, self._pointers())
        for durable in segments(line, "SV5"):
            code = service[1]
            put(durable, 1, ("HC", code[1] if isinstance(code, tuple) else None))
        ambulance = [crc for crc in segments(line, "CRC") if said(crc, 1) == "07"]
        if ambulance and not segments(line, "CR1"):
            remove(line, *ambulance)

    def _pointers(self) -> tuple[str, ...]:
        known = codes_of(self.node, "ABK") + codes_of(self.node, "ABF")
        picked = self.world.random.sample(range(1, known + 1), min(known, self.world.random.randint(1, 4)))
        return tuple(str(number) for number in picked)

    def _hospital_line(self, line: Node, service: Values, charge: int) -> None:
        put(service, 1, self.world.random.choice(("0300", "0450", "0636", "0250")))
        put(service, 2, procedure(self.world))
        put(service, 3, money(charge))
        put(service, 4, "UN")
        put(service, 5, "1")
        if said(service, 7):
            put(service, 7, money(min(charge, 100)))
        if not segments(line, "DTP", "472"):
            insert_after(line, ("SV2", "PWK"), ["DTP", "472", "D8", day8(self.world.day())])

    def _dental_line(self, line: Node, service: Values, charge: int) -> None:
        random = self.world.random
        put(service, 1, ("AD", random.choice(DENTAL_PROCEDURES)))
        put(service, 2, money(charge))
        drop(service, 4, 11)
        put(service, 6, str(random.randint(1, 3)))
        if codes_of(self.node, "ABK"):
            put(service, 11, self._pointers())
        for tooth in segments(line, "TOO"):
            put(tooth, 2, str(random.randint(1, 32)))
            if len(tooth) > 3:
                put(tooth, 3, tuple(random.sample("BDFILMO", random.randint(1, 3))))

    def _other_payers(self) -> dict[str, Node]:
        """The other payers of the claim by their ids, each at its own place in the sequence."""
        free = [place for place in _SEQUENCE if place != self.sequence]
        found: dict[str, Node] = {}
        for other, place in zip(self.node.children("2320"), free, strict=False):
            (sbr,) = segments(other, "SBR")
            self.claims._coverage(sbr, place)  # noqa: SLF001 - one rule of the two in this module
            (name,) = segments(other.children("2330B")[0], "NM1")
            found[said(name, 9)] = other
        return found

    def _decisions(self, lines: list[Node], charges: list[int], payers: dict[str, Node]) -> None:
        """What each other payer paid and adjusted: by line, or for the claim as a whole, or not at all."""
        told = {
            said(svd, 1) for line in lines for below in line.children("2430") for svd in segments(below, "SVD")
        }
        by_line = list(payers)[: min(len(payers), len(told))]
        spare = [line.children("2430")[:1] for line in lines]
        if not all(spare):
            by_line = []
        for line in lines:
            remove(line, *line.children("2430")[len(by_line) :])
        if by_line:
            for line in lines:
                self._complete(line, len(by_line))
        for place, (payer, other) in enumerate(payers.items()):
            if payer in by_line:
                paid = [
                    self._decided(line, charge, payer, place) for line, charge in zip(lines, charges, strict=True)
                ]
                self._paid(other, sum(paid), 0, by_line=True)
            else:
                adjusted = self.world.random.choice((0, self.world.cents(1, self.total)))
                self._paid(other, self.total - adjusted, adjusted, by_line=False)

    def _complete(self, line: Node, wanted: int) -> None:
        """Each line is decided by each payer that decides by line."""
        have = line.children("2430")
        for _ in range(wanted - len(have)):
            at = line.items.index(have[-1])
            line.items.insert(at + 1, Node("2430", [list(item) for item in have[0].segments()]))

    def _decided(self, line: Node, charge: int, payer: str, place: int) -> int:
        """One line as one payer decided it; gives what it paid in cents."""
        below = line.children("2430")[place]
        (service,) = segments(line, self.service)
        adjusted = self.world.random.choice((0, charge, self.world.cents(1, charge)))
        code = service[2] if self.service == "SV2" else service[1]
        svd: Values = ["SVD", payer, money(charge - adjusted), code]
        if self.service == "SV2":
            put(svd, 4, service[1])
        put(svd, 5, "1")
        (dtp,) = segments(below, "DTP", "573")
        cas = adjustments(self.world, adjusted, most=5)
        left = segments(below, "AMT", "EAF") if patients_cents(cas) else []
        below.items[:] = [svd, *cas, dtp, *[["AMT", "EAF", money(patients_cents(cas))] for _ in left]]
        return charge - adjusted

    def _paid(self, other: Node, paid: int, adjusted: int, *, by_line: bool) -> None:
        """AMT*D, the adjustments of the claim, and what they leave to the patient; of a payer not billed only A8."""
        kinds = {said(amt, 1) for amt in segments(other, "AMT")}
        remove(other, *segments(other, "CAS"), *segments(other, "AMT"))
        if "A8" in kinds and not by_line and not adjusted:
            insert_after(other, ("SBR",), ["AMT", "A8", money(self.total)])
            remove(other, *segments(other, "MIA"), *segments(other, "MOA"))
            payer = other.children("2330B")[0]
            remove(payer, *segments(payer, "DTP", "573"))
            return
        cas = adjustments(self.world, adjusted, most=5)
        sums: list[Values] = [["AMT", "D", money(paid)]]
        if "EAF" in kinds and patients_cents(cas):
            sums.append(["AMT", "EAF", money(patients_cents(cas))])
        insert_after(other, ("SBR",), *cas, *sums)

    def _payers_named(self, nodes: list[Node], payers: list[str]) -> None:
        """A number that another payer gave names one that the claim has (REF04)."""
        for node in nodes:
            for ref in segments(node, "REF"):
                drop(ref, 4)
                if payers and self.kind != "837I" and node.loop == "2400" and said(ref, 1) in ("9F", "G1", "G3"):
                    put(ref, 4, ("2U", payers[0]))
            below = [inner for inner in node.children() if inner.loop.startswith("2420")]
            self._payers_named(below, [])


def patients_cents(cas: list[Values]) -> int:
    """What CAS segments leave to the patient, in cents."""
    amounts = [said(values, at) for values in cas if values[1] == "PR" for at in range(3, len(values), 3)]
    return sum(int(Decimal(amount) * 100) for amount in amounts)


def adjustments(
    world: World, cents: int, *, most: int, groups: tuple[str, ...] = ("CO", "PR", "OA")
) -> list[Values]:
    """CAS segments that move so many cents in all, a group once each, no amount of zero."""
    made: list[Values] = []
    shares = world.shares(cents, world.random.randint(1, min(most, len(groups))))
    for group, share in zip(world.random.sample(groups, len(groups)), shares, strict=False):
        values: Values = ["CAS", group]
        reasons = world.random.sample(REASONS, 4)
        for number, part in zip(
            count(), world.shares(share, 4 if world.random.random() < 0.2 else 1), strict=False
        ):
            values += [reasons[number], money(part), None]
        drop(values)
        made.append(values)
    return made
