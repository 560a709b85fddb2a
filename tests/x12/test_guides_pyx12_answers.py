"""A second opinion on the guides of answers: pyx12's maps, row by row; each difference is known and has a reason."""

from __future__ import annotations

from fnmatch import fnmatchcase
from importlib import resources
from xml.etree import ElementTree as ET

import pytest

from hub.x12.dictionary import elements
from hub.x12.guides import guide_named
from tests.x12.test_guides_pyx12 import gathered, ours, same, theirs

pytest.importorskip("pyx12", reason="pyx12 is not installed: it is a tool of tests only")

MAPS = {
    "835": "835.5010.X221.A1.xml",
    "999": "999.5010X231.A1.xml",
    "277CA": "277.5010.X214.xml",
    "277": "277.5010.X212.xml",
}

# Where we say other than pyx12: kind, loop, segment, element (? and * stand for any); then who is right, and why.
DIFFERENCES = {
    "835  ST 03": "we: the guide leaves ST03 out, most payers send it: it may stand, and then names this guide",
    "835 1000B REF *": "we: a tax number has nine digits, so TJ stands in a row of its own",
    "835 2100 CLP 09": "we: pyx12 takes any character; these are the codes that the national list has",
    "835  PLB ??-1": "we: the reasons of the first pair are those of all six; pyx12 checks the first only",
    "835 2110 SVC 06-1": "we: what was billed comes from the same code sets as what was paid",
    "999  ST 03": "we: a 999 of X231 without its errata letter is read as well",
    "999  AK1 01": "we: whatever group was sent may be answered; pyx12 lists those of 2011",
    "999 2000 AK2 01": "we: as AK101",
    "999 2100 CTX 05*": "we: a key of the business has no place in a segment; pyx12 copies the row above it",
    "999 2110 IK4 ": "we: the loop opens with its segment; pyx12 marks it situational inside a situational loop",
    "277CA 2000C ": "we: a file that is refused as a whole names no provider",
    "277CA 2000C HL 04": "we: a provider may be answered without naming patients",
    "277CA 2000D ": "we: as HL04 of 2000C",
    "277CA 2200C ": "we: situational in the guide; published files have none",
    "277CA 2200C REF ": "we: a provider may have several numbers; pyx12 allows one",
    "277CA 2200C STC ": "we: published files have a trace of the provider without a status",
    "277CA 2200? STC 1?-3": "we: the second and third reason name the same parties as the first",
    "277CA 22?0D STC ??-[12]": "we: pyx12 holds outer lists of its year; the hub holds those that a site has loaded",
    "277CA 22?0D STC ??-3": "we: also those who pass a file on (36, AY), whom the levels above may name",
    "277CA 2220D STC ": "we: a line may have several statuses; pyx12 allows one",
    "277CA 2220D STC 02": "we: the day stands on the claim; the line may repeat it",
    "277CA 2220D STC 12": "we: words may stand on the line as on the claim",
    "277CA 2220D SVC 01-1": "we: pyx12 has NU twice and N4 not at all",
    "277 2200[BC] STC 1?-3": "we: the second and third reason name the same parties as the first",
    "277 2200C STC 01-3": "we: the published example of a provider's answer names the billing provider (85)",
    "277 22?0[DE] STC 01-3": "pyx12: the guide lists some 250 parties; we take any",
}


# Where an element is another than pyx12's: the number; then who is right, and why.
ELEMENTS = {
    "1222": "we: a specialty is a code; pyx12 takes text of the same lengths",
    "447": "we: payers name a loop as the guides do (2010AA); the standard has four characters; we write those",
    "719": "we: a set may have a million segments and more; pyx12 kept the six digits of 4010",
    "I08": "we: six digits, told as a date where the envelope is checked",
    "I09": "we: four digits, told as a time where the envelope is checked",
}


def differing(kind: str) -> set[str]:
    """Loop, segment and element of each row on which pyx12's map and our guide disagree."""
    text = resources.files("pyx12").joinpath("map", MAPS[kind]).read_text(encoding="utf-8")
    mine, other = gathered(ours(guide_named(kind).root)), gathered(theirs(ET.fromstring(text)))  # noqa: S314 - an installed map
    return {
        f"{kind} {loop} {tag} {place}" if tag else f"{kind} {loop} "
        for loop, tag, told, place in mine.keys() | other.keys()
        if not same(mine.get((loop, tag, told, place)), other.get((loop, tag, told, place)))
    }


@pytest.mark.parametrize("kind", MAPS)
def test_each_row_is_as_pyx12_has_it_or_the_difference_is_known(kind: str) -> None:
    """Loops, segments, elements, uses, repeats and code lists agree with pyx12's map, but for what is listed."""
    known = {mask for mask in DIFFERENCES if mask.startswith(kind + " ")}
    found = differing(kind)
    assert {one for one in found if not any(fnmatchcase(one, mask) for mask in known)} == set()
    assert {mask for mask in known if not any(fnmatchcase(one, mask) for one in found)} == set()


def test_each_element_is_as_pyx12_has_it_or_the_difference_is_known() -> None:
    """Type and lengths of every data element agree with pyx12's dictionary, but for what is listed."""
    text = resources.files("pyx12").joinpath("map", "dataele.xml").read_text(encoding="utf-8")
    theirs = {one.get("ele_num"): one for one in ET.fromstring(text).iter("data_ele")}  # noqa: S314 - an installed map
    found = {
        number
        for number, mine in elements().items()
        for one in [theirs[number]]
        if (one.get("data_type"), one.get("min_len"), one.get("max_len"))
        != (mine.type, f"{mine.low}", f"{mine.high}")
    }
    assert found == set(ELEMENTS)


def test_who_is_right_is_said() -> None:
    """Each difference names who is right and why."""
    assert all(
        reason.startswith(("we: ", "pyx12: ")) and len(reason) > 9
        for reason in (*DIFFERENCES.values(), *ELEMENTS.values())
    )
