"""Makes each segment true by itself: names, addresses, numbers with their check digits, dates, known codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hub.x12.generate.world import (
    BEFORE,
    CAUSES,
    CREATED,
    DECIDED,
    DENTAL_PROCEDURES,
    DIAGNOSES,
    DRUGS,
    FIRST_DAY,
    HOSPITAL_PROCEDURES,
    LAST_DAY,
    MODIFIERS,
    PROCEDURES,
    REMARKS,
    TAXONOMIES,
    Values,
    World,
    day8,
    drop,
    money,
    put,
    said,
)
from hub.x12.tree import Node, Value

_ICD9_TO_ICD10 = {"BK": "ABK", "BF": "ABF", "BJ": "ABJ", "PR": "APR", "BN": "ABN", "BR": "BBR", "BQ": "BBQ"}
_OTHER_LISTS = {"TQ": "ABK", "CAH": "BBR"}
_LISTED = {
    **dict.fromkeys(("ABK", "ABF", "ABJ", "APR"), DIAGNOSES),
    **dict.fromkeys(("BBR", "BBQ"), HOSPITAL_PROCEDURES),
    **dict.fromkeys(("BP", "BO"), PROCEDURES),
    "ABN": CAUSES,
    "DR": ("470", "871"),
}
_LATER = {"573": DECIDED, "096": LAST_DAY, "296": LAST_DAY, "050": CREATED, "009": CREATED, "291": LAST_DAY}
_PAST = frozenset(
    [
        "431",
        "454",
        "304",
        "453",
        "439",
        "484",
        "455",
        "471",
        "297",
        "435",
        "444",
        "461",
        "463",
        "607",
        "441",
        "446",
        "452",
        "196",
        "011",
        "738",
        "739",
        "090",
    ]
)


class Spot(NamedTuple):
    """Where a segment stands: its set's world and its loop."""

    world: World
    node: Node


Maker = Callable[[Values, Spot], None]


def make_values_true(root: Node, world: World) -> None:
    """Goes over every segment of a tree."""
    for item in list(root.items):
        if isinstance(item, Node):
            make_values_true(item, world)
            continue
        made = _MAKERS.get(str(item[0]))
        if made is not None and isinstance(item, list):
            made(item, Spot(world, root))
            drop(item)


def _street(values: Values, spot: Spot) -> None:
    put(values, 1, spot.world.street())


def _city(values: Values, spot: Spot) -> None:
    state, code = spot.world.place()
    values[1:] = ["SPRINGFIELD", state, code]


def _party(values: Values, spot: Spot) -> None:
    if said(values, 2) == "2":
        drop(values, 4, 5, 6, 7)
    kind = said(values, 8)
    if kind:
        put(values, 9, identifier(kind, spot.world))


def identifier(kind: str, world: World) -> str:
    """A number of the kind that an identification code qualifier names."""
    if kind in ("XX", "HPI"):
        return world.npi()
    if kind in ("24", "34", "EI", "FI", "SY", "TJ"):
        return world.tax_id()
    return world.serial({"MI": "W", "PI": "PAY", "46": "SUB", "C": "C"}.get(kind, "N"))


def _organization(values: Values, spot: Spot) -> None:
    if said(values, 3):
        put(values, 4, identifier(said(values, 3), spot.world))


def _specialty(values: Values, spot: Spot) -> None:
    kind = said(values, 2)
    if kind == "PXC":
        put(values, 3, spot.world.random.choice(TAXONOMIES))
    elif kind:
        put(values, 3, identifier(kind, spot.world))


def _number(values: Values, spot: Spot) -> None:
    kind = said(values, 1)
    if kind in ("EI", "SY", "TJ", "HPI"):
        put(values, 2, identifier(kind, spot.world))
    elif kind in ("X4", "F4"):
        put(values, 2, f"05D{spot.world.random.randint(1000000, 9999999)}")
    elif kind == "LU" and spot.node.loop == "2300":
        put(values, 2, "IL")
    elif kind not in ("4N", "F5"):
        put(values, 2, spot.world.serial("R"))


def _day(values: Values, spot: Spot) -> None:
    kind, form = said(values, 1), said(values, 2)
    day = BEFORE if kind in _PAST else _LATER.get(kind) or spot.world.day()
    first = last = day8(day)
    if kind == "434":
        first, last = day8(FIRST_DAY), day8(LAST_DAY)
    texts = {"RD8": f"{first}-{last}", "TM": "1300", "DT": first + "0900"}
    put(values, 3, texts.get(form, first))


def _plain_day(values: Values, _spot: Spot) -> None:
    kind = said(values, 1)
    fixed = {"405": CREATED, "036": CREATED, "050": LAST_DAY, "232": FIRST_DAY, "233": LAST_DAY}
    put(values, 2, day8(fixed.get(kind) or FIRST_DAY))


def _birth(values: Values, spot: Spot) -> None:
    if said(values, 1):
        put(values, 2, f"{spot.world.random.randint(1940, 2020)}0{spot.world.random.randint(1, 9)}15")


def _patient(values: Values, spot: Spot) -> None:
    if said(values, 5):
        put(values, 6, day8(LAST_DAY))
    if said(values, 7):
        put(values, 8, str(spot.world.random.randint(40, 200)))


def _contact(values: Values, spot: Spot) -> None:
    """Up to three ways to reach somebody, no way twice, an extension only right after its telephone."""
    made: list[tuple[str, str]] = []
    for at in (3, 5, 7) if said(values, 3) else ():
        kind = said(values, at)
        after_telephone = bool(made) and made[-1][0] == "TE"
        if not kind or any(kind == known for known, _ in made) or (kind == "EX" and not after_telephone):
            continue
        ways = {"EM": "HELP@EXAMPLE.TEST", "EX": "123", "UR": "WWW.EXAMPLE.TEST"}
        made.append((kind, ways.get(kind) or f"555555{spot.world.random.randint(1000, 9999)}"))
    values[3:] = [value for pair in made for value in pair]


def _codes(values: Values, spot: Spot) -> None:
    """HI: codes that exist, none twice in one segment."""
    random = spot.world.random
    first = random.randrange(len(DIAGNOSES))
    kept = [value for value in values[1:] if isinstance(value, tuple)]
    for at, value in enumerate(kept):
        kind = _OTHER_LISTS.get(str(value[0]), str(value[0]))
        kind = _ICD9_TO_ICD10.get(kind, kind)
        if kind == "ABK" and at:
            kind = "ABF"
        put(values, at + 1, _code(kind, first + at, value, spot.world))
    del values[len(kept) + 1 :]


def _code(kind: str, number: int, value: tuple[str | None, ...], world: World) -> Value:
    listed = _LISTED.get(kind)
    if listed:
        return (kind, listed[number % len(listed)], *value[2:])
    if kind == "BE":
        return (kind, f"A{number % 9}", *value[2:4], money(world.cents()))
    # occurrences, spans, conditions and treatments: two characters, and the date that the rows gave
    return (kind, f"{11 + number % 80}", *value[2:])


def _drug(values: Values, spot: Spot) -> None:
    if said(values, 2) == "N4":
        put(values, 3, spot.world.random.choice(DRUGS))


def _report(values: Values, spot: Spot) -> None:
    if said(values, 2) in ("BM", "EL", "EM", "FT", "FX") and spot.node.loop != "2400":
        put(values, 5, "AC")
        put(values, 6, spot.world.serial("ATT"))
    elif said(values, 2) == "AA" or spot.node.loop == "2400":
        drop(values, 5, 6)


def _conditions(values: Values, _spot: Spot) -> None:
    """CRC: no condition twice."""
    values[3:] = list(dict.fromkeys(value for value in values[3:] if value))


def _weight(values: Values, _spot: Spot) -> None:
    drop(values, 9, 10)


def _pricing(values: Values, spot: Spot) -> None:
    if said(values, 1) in ("00", "06"):
        put(values, 1, "02")
    put(values, 2, money(spot.world.cents()))
    for at in (3, 8, 12):
        if said(values, at):
            put(values, at, "1")
    if said(values, 9):
        dental = any(not isinstance(item, Node) and item[0] == "SV3" for item in spot.node.items)
        put(values, 9, "AD" if dental else "HC")
        put(values, 10, DENTAL_PROCEDURES[0] if dental else PROCEDURES[0])
    drop(values, 4, 5, 6, 7, 13, 14, 15)


def _adjudication(values: Values, spot: Spot) -> None:
    """MIA and MOA: remark codes where they stand, amounts elsewhere."""
    remarks = (5, 20, 21, 22, 23) if values[0] == "MIA" else (3, 4, 5, 6, 7)
    for at in range(1, len(values)):
        if said(values, at):
            put(values, at, spot.world.random.choice(REMARKS) if at in remarks else "1")
    if len(values) == 1:
        put(values, 1 if values[0] == "MIA" else 3, "1" if values[0] == "MIA" else REMARKS[0])


def _begin(values: Values, spot: Spot) -> None:
    if said(values, 3):
        put(values, 3, spot.world.serial("B"))
    put(values, 4, day8(CREATED))
    if said(values, 5):
        put(values, 5, "0930")


def _trace(values: Values, spot: Spot) -> None:
    put(values, 2, spot.world.serial("T"))
    if said(values, 3):
        put(values, 3, "1512345678")


def _remark(values: Values, _spot: Spot) -> None:
    if said(values, 1) in ("HE", "RX"):
        put(values, 2, REMARKS[0] if said(values, 1) == "HE" else "70")


def _answer(values: Values, spot: Spot) -> None:
    """FRM: the number of a question with one answer of the kind it asks for."""
    put(values, 1, str(spot.world.random.randint(1, 20)))
    if said(values, 4):
        put(values, 4, day8(BEFORE))
    if said(values, 5):
        put(values, 5, "50")


def _equipment(values: Values, _spot: Spot) -> None:
    for at in range(3, min(len(values), 6)):
        if said(values, at):
            put(values, at, "10")


def _amount(values: Values, spot: Spot) -> None:
    put(values, 2, money(spot.world.cents()))


def _count(values: Values, spot: Spot) -> None:
    put(values, 2, str(spot.world.random.randint(1, 9)))


def procedure(world: World, *, kind: str = "HC") -> tuple[str | None, ...]:
    """A procedure with none to two modifiers."""
    random = world.random
    code = random.choice(PROCEDURES)
    return (kind, code, *random.sample(MODIFIERS, random.choice((0, 0, 1, 2))))


def codes_of(node: Node, kind: str) -> int:
    """How many codes of a kind the HI segments of a loop hold."""
    found = [value for item in node.items if not isinstance(item, Node) and item[0] == "HI" for value in item[1:]]
    return sum(isinstance(value, tuple) and value[0] == kind for value in found)


_MAKERS: dict[str, Maker] = {
    "AMT": _amount,
    "BHT": _begin,
    "CR1": _weight,
    "CRC": _conditions,
    "DMG": _birth,
    "DTM": _plain_day,
    "DTP": _day,
    "FRM": _answer,
    "HCP": _pricing,
    "HI": _codes,
    "LIN": _drug,
    "LQ": _remark,
    "MIA": _adjudication,
    "MOA": _adjudication,
    "N1": _organization,
    "N3": _street,
    "N4": _city,
    "NM1": _party,
    "PAT": _patient,
    "PER": _contact,
    "PRV": _specialty,
    "PWK": _report,
    "QTY": _count,
    "REF": _number,
    "SV5": _equipment,
    "TRN": _trace,
}
