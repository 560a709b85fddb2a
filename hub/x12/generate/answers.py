"""Makes generated acknowledgements, questions and answers true: verdicts, counts and sums, who is asked about."""

from __future__ import annotations

from random import Random

from hub.x12.generate.claims import insert_after, remove, segments
from hub.x12.generate.rows import Choice
from hub.x12.generate.values import codes_of, procedure
from hub.x12.generate.world import CREATED, DECIDED, LAST_DAY, Values, World, day8, drop, money, put, said
from hub.x12.tree import Node

_ACCEPTED = (("A2", "20"),)
_REJECTED = (("A3", "33"), ("A7", "562"), ("A8", "26"))


def either(first: str, second: str) -> Choice:
    """A choice for `Plan.choices`: one of two loops stands, never both."""

    def choice(random: Random) -> tuple[frozenset[str], frozenset[str]]:
        one, other = (first, second) if random.random() < 0.6 else (second, first)
        return frozenset((one,)), frozenset((other,))

    return choice


def acknowledgement_999(root: Node, world: World) -> None:
    """A set with faults is rejected or accepted with errors, one without is accepted; AK9 counts them."""
    (ak1,), (ak9,) = segments(root, "AK1"), segments(root, "AK9")
    ak1[:] = ["AK1", "HC", str(world.random.randint(1, 999999)), "005010X222A1"]
    verdicts = [_set_answer(answer, number, world) for number, answer in enumerate(root.children("2000"), 1)]
    accepted = sum(verdict != "R" for verdict in verdicts)
    word = "A" if set(verdicts) <= {"A"} else "E" if "R" not in verdicts else "P" if accepted else "R"
    ak9[:] = ["AK9", word, str(len(verdicts)), str(len(verdicts)), str(accepted)]


def _set_answer(answer: Node, number: int, world: World) -> str:
    (ak2,), (ik5,) = segments(answer, "AK2"), segments(answer, "IK5")
    ak2[:] = ["AK2", "837", f"{number:04}", "005010X222A1"]
    faults = answer.children("2100")
    verdict = world.random.choice("RRE") if faults else "A"
    ik5[:] = ["IK5", verdict, *["5"] * bool(faults)]
    for place, fault in enumerate(faults):
        (ik3,) = segments(fault, "IK3")
        below = fault.children("2110")
        ik3[:] = ["IK3", "CLM", str(20 + place), "2300", "8" if below else "3"]
        remove(fault, *segments(fault, "CTX"))
        for element, inner in enumerate(below, 1):
            (ik4,) = segments(inner, "IK4")
            ik4[:] = ["IK4", (str(element),), "1028", "7"]
            remove(inner, *segments(inner, "CTX"))
    return verdict


def acknowledgement_277(root: Node, world: World) -> None:
    """Each claim is accepted or rejected; providers and the transmission count and sum their claims."""
    for source in root.children("2000A"):
        for receiver in source.children("2000B"):
            for name in segments(receiver.children("2100B")[0], "NM1"):
                drop(name, 7)
            found = [one for provider in receiver.children("2000C") for one in _provider_answer(provider, world)]
            _totals(receiver, "2200B", found, ("90", "AA"))


def _provider_answer(provider: Node, world: World) -> list[tuple[bool, int]]:
    for name in segments(provider.children("2100C")[0], "NM1"):
        name[3:] = ["ANYTOWN CLINIC", None, None, None, None, "XX", world.npi()]
    found = [
        _claim_answer(claim, world)
        for patient in provider.children("2000D")
        for claim in patient.children("2200D")
    ]
    _totals(provider, "2200C", found, ("QA", "QC"))
    return found


def _claim_answer(claim: Node, world: World) -> tuple[bool, int]:
    accepted, cents = world.random.random() < 0.6, world.cents()
    for stc in segments(claim, "STC"):
        reason = world.random.choice(_ACCEPTED if accepted else _REJECTED)
        stc[:] = ["STC", reason, day8(CREATED), "WQ" if accepted else "U", money(cents)]
    remove(claim, *segments(claim, "STC")[1:])
    if not segments(claim, "DTP", "472"):
        insert_after(claim, ("STC", "REF"), ["DTP", "472", "D8", day8(LAST_DAY)])
    if accepted:
        remove(claim, *claim.children("2220D"))
    for line in claim.children("2220D"):
        _line(line, world)
        remove(line, *segments(line, "STC")[1:])
        for stc in segments(line, "STC"):
            stc[:] = ["STC", ("A7", "562"), day8(CREATED), "U"]
    return accepted, cents


def _totals(level: Node, loop: str, found: list[tuple[bool, int]], kinds: tuple[str, str]) -> None:
    """STC, QTY and AMT of one level over its claims; a count or sum of nothing is left out."""
    for below in level.children(loop):
        day = None if loop == "2200C" else day8(CREATED)
        remove(below, *segments(below, "STC"), *segments(below, "REF")[1:])
        total = money(sum(cents for _, cents in found))
        insert_after(below, ("TRN",), ["STC", ("A1", "19", "PR"), day, "WQ", total])
        rows: list[Values] = []
        for tag, names in (("QTY", kinds), ("AMT", ("YU", "YY"))):
            if segments(below, tag):
                remove(below, *segments(below, tag))
                rows += [
                    [tag, name, value]
                    for name, value in zip(names, _told(tag, found), strict=True)
                    if value != "0"
                ]
        insert_after(below, ("STC", "REF"), *rows)


def _told(tag: str, found: list[tuple[bool, int]]) -> tuple[str, str]:
    """The count, or the amount, of accepted claims and of rejected ones."""
    sides = [[cents for accepted, cents in found if accepted == wanted] for wanted in (True, False)]
    first, second = (str(len(side)) if tag == "QTY" else money(sum(side)) for side in sides)
    return first, second


def _line(line: Node, world: World) -> None:
    for svc in segments(line, "SVC"):
        put(svc, 1, procedure(world))
        for at in range(2, len(svc)):
            if said(svc, at):
                put(svc, at, "1" if at == 7 else money(world.cents()))
        if said(svc, 4):
            put(svc, 4, "0300")


def status(root: Node, world: World) -> None:
    """A 276 or 277: who is asked about is known by birth date, and what is answered has its day."""
    for subscriber in levels(root, "2000D"):
        if subscriber.children("2200D") and not segments(subscriber, "DMG") and _asks(root):
            insert_after(subscriber, ("HL",), ["DMG", "D8", "19800115", "F"])
    for below in levels(root, "2200B", "2200C", "2200D", "2200E", "2210D", "2210E", "2220D", "2220E"):
        _line(below, world)
        for stc in segments(below, "STC"):
            _status(stc, below, world)


def _asks(root: Node) -> bool:
    return any(said(bht, 2) == "13" for bht in segments(root, "BHT"))


def _status(stc: Values, node: Node, world: World) -> None:
    cents = world.cents()
    stc[:] = ["STC", ("F1", "65") if node.loop in ("2200D", "2200E") else ("P1", "20"), day8(CREATED)]
    if node.loop in ("2200B", "2200C"):
        put(stc, 1, ("D0", "35", "1P" if node.loop == "2200C" else "PR"))
    if node.loop in ("2200D", "2200E"):
        stc += [None, money(cents), money(cents // 2), day8(DECIDED), None, day8(DECIDED), world.serial("CHK")]


def eligibility(root: Node, world: World) -> None:
    """A 270 or 271: pointers name diagnoses that are there, and of two ways to say a service one is taken."""
    for patient in levels(root, "2100C", "2100D"):
        known = codes_of(patient, "ABK") + codes_of(patient, "ABF")
        for ins in segments(patient, "INS"):
            if said(ins, 17):
                put(ins, 17, str(world.random.randint(1, 3)))
        for below in patient.children("2110C", "2110D"):
            for asked in segments(below, "EQ") + segments(below, "EB"):
                _service(asked, known)
    for node in levels(root, "2100B"):
        for ref in segments(node, "REF"):
            drop(ref, 3)


def _service(asked: Values, diagnoses: int) -> None:
    codes, procedure_at, pointers = (1, 2, 5) if asked[0] == "EQ" else (3, 13, 14)
    if said(asked, codes):
        drop(asked, procedure_at)
    elif len(asked) > procedure_at and asked[procedure_at]:
        put(asked, procedure_at, ("HC", "G0439"))
    if len(asked) > pointers:
        put(asked, pointers, ("1",) if diagnoses else None)
    if asked[0] == "EB":
        for at, value in ((7, "100"), (8, ".2"), (10, "10")):
            if said(asked, at):
                put(asked, at, value)
    drop(asked)


def levels(node: Node, *loops: str) -> list[Node]:
    """Every loop below with one of these ids, however deep."""
    found = []
    for inner in node.children():
        if inner.loop in loops:
            found.append(inner)
        found.extend(levels(inner, *loops))
    return found
