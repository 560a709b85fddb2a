"""Invented people: households with the policies and guarantors that a small practice meets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from random import Random

from hub.testing.practice.records import Cover, Patient, Person, Provider

LARKSPUR = Provider(npi="1999999034", last="Larkspur", first="Maren")
QUILLON = Provider(npi="1999999042", last="Quillon", first="Tobias")
FENNIMORE = Provider(npi="1999999059", last="Fennimore", first="Odette")

_LAST_NAMES = (
    "Alder Aster Avocet Balsam Barberry Bittern Borage Bracken Bunting Burdock Catkin Celandine Chickadee "
    "Clover Columbine Cormorant Cowslip Crake Curlew Cypress Dogwood Dunlin Egret Elderberry Fescue Finch "
    "Flicker Foxglove Gannet Gentian Godwit Gorse Grebe Harrier Hawthorn Heather Heron Hornbeam Ibis Juniper "
    "Kestrel Killdeer Kinglet Lapwing Linnet Lupine Mallow Merlin Mulberry Nuthatch Oriole Osprey Ouzel "
    "Pipit Plover Primrose Quail Redstart Rowan Sandpiper Sedge Siskin Sorrel Tamarack Tansy Teal Thistle "
    "Vervain Vireo Waxwing Whimbrel Willet Yarrow"
)
_WOMEN = "Ivy Hazel Flora Laurel Myrtle Olive Poppy Rosa Sage Tamsin Viola Willa Zinnia Briony Delphi"
_MEN = "Ash Basil Birch Cedar Colm Florian Jay Linden Martin Oren Reed Robin Sorel Thorn Wren"
_ROADS = "Acorn Way|Bracken Row|Clover Lane|Fern Street|Moss Road|Nettle Court|Pine Ridge|Reed Walk|Teal Drive"
_LASTS, _FEMALE, _MALE, _STREETS = (
    tuple(text.split(by)) for text, by in ((_LAST_NAMES, " "), (_WOMEN, " "), (_MEN, " "), (_ROADS, "|"))
)

_LETTERS = "ACDEFGHJKMNPQRTUVWXY"
_PLANS = {
    "medicare": ("MEDICARE-B", "Medicare Part B"),
    "medigap": ("GOLDENROD", "Goldenrod Supplement"),
    "ppo": ("BLUEHERON", "Blue Heron PPO"),
    "second": ("HARBOR", "Second Harbor PPO"),
    "medicaid": ("STATEAID", "State Medical Aid"),
    "comp": ("IRONBRIDGE", "Ironbridge Compensation"),
    "self_pay": ("SELFPAY", "Self pay"),
}
# One turn of the households that come to the practice, by what pays for them; a family has three patients.
_TURN = (
    "medigap", "family", "medicare", "ppo", "medicaid", "medigap", "two_ppos", "mother", "medicare", "self_pay",
    "comp", "medigap", "family", "ppo",
)  # fmt: skip


def member_id(payer: str, number: int) -> str:
    """An invented member id in the payer's form; different for each number below two million."""
    if payer == "medicare":
        high = number // 100
        letters = (_LETTERS[high % 20], _LETTERS[high // 20 % 20])
        return f"9{letters[0]}{high // 400 % 10}{high // 4000 % 10}{letters[1]}00EX{number % 100:02d}"
    forms = {"medigap": "GS{:07d}", "ppo": "BHP{:09d}", "second": "SHP{:09d}", "medicaid": "7700{:08d}"}
    return forms.get(payer, "WC26{:07d}").format(number) if payer != "self_pay" else ""


def cover(payer: str, number: int, relationship: str = "self", holder: Person | None = None) -> Cover:
    """A policy with a payer that the example practice knows."""
    token, name = _PLANS[payer]
    return Cover(
        token=token, name=name, member=member_id(payer, number), relationship=relationship, holder=holder
    )


def person(number: int, *, born: int, sex: str = "", last: str = "", street: str = "") -> Person:
    """The person of that number: their names, street and telephone follow from it."""
    sex = sex or ("F" if number % 2 else "M")
    firsts = _FEMALE if sex == "F" else _MALE
    return Person(
        last=last or _LASTS[number * 7 % len(_LASTS)],
        first=firsts[number // 2 % len(firsts)],
        birth=date(born, number % 12 + 1, number * 5 % 28 + 1),
        sex=sex,
        street=street or f"{number % 900 + 10} {_STREETS[number % len(_STREETS)]}",
        phone=f"21655501{number % 100:02d}",
    )


def single(number: int, source: str, payer: str, covers: tuple[Cover, ...], born: int = 1975) -> Patient:
    """A patient alone who pays what insurance leaves."""
    return Patient(
        key=f"P{number:06d}", source=source, person=person(number, born=born), payer=payer, covers=covers
    )


def roster(count: int, rng: Random, first: int = 1) -> tuple[Patient, ...]:
    """`count` patients in households of one source each, numbered from `first`."""
    found: list[Patient] = []
    turn = 0
    while len(found) < count:
        kind = _TURN[turn % len(_TURN)]
        source = "hl7" if kind == "comp" or turn % 2 else "fhir"
        found += household(kind, first + len(found), source, rng)
        turn += 1
    return tuple(found[:count])


def household(kind: str, number: int, source: str, rng: Random) -> Iterator[Patient]:
    """The patients of one household, numbered from `number`."""
    if kind == "family":
        yield from _family(number, source, rng)
    elif kind == "mother":
        yield from _mother(number, source, rng)
    elif kind in ("medigap", "medicare"):
        covers = (cover("medicare", number), cover("medigap", number))
        born = rng.randint(1938, 1959)
        yield single(number, source, kind, covers if kind == "medigap" else covers[:1], born)
    elif kind == "two_ppos":
        covers = (cover("ppo", number * 10), cover("second", number))
        yield single(number, source, kind, covers, rng.randint(1965, 1990))
    else:
        told = number * 10 if kind == "ppo" else number
        yield single(number, source, kind, (cover(kind, told),), rng.randint(1965, 2000))


def _family(number: int, source: str, rng: Random) -> Iterator[Patient]:
    """Who holds the policy, their spouse, and a child whose bills the holder gets."""
    holder = person(number, born=rng.randint(1978, 1990), sex="F")
    near = {"last": holder.last, "street": holder.street}
    spouse = person(number + 1, born=rng.randint(1976, 1990), sex="M", **near)
    child = person(number + 2, born=rng.randint(2010, 2021), **near)
    told = (
        (holder, cover("ppo", number * 10), None),
        (spouse, cover("ppo", number * 10 + 1, "spouse", holder), None),
        (child, cover("ppo", number * 10 + 2, "child", holder), holder),
    )
    for nth, (one, policy, guarantor) in enumerate(told):
        yield Patient(
            key=f"P{number + nth:06d}",
            source=source,
            person=one,
            payer="ppo",
            covers=(policy,),
            guarantor=guarantor,
        )


def _mother(number: int, source: str, rng: Random) -> Iterator[Patient]:
    """A child on Medicaid, whose mother would get the bills if there were any."""
    mother = person(number + 1, born=rng.randint(1985, 1998), sex="F")
    child = person(number, born=rng.randint(2012, 2022), last=mother.last, street=mother.street)
    yield Patient(
        key=f"P{number:06d}",
        source=source,
        person=child,
        payer="medicaid",
        covers=(cover("medicaid", number),),
        guarantor=mother,
    )
