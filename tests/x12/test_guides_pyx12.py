"""A second opinion on the guides of claims: pyx12's maps, row by row; each difference is known and has a reason."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element as Xml

import pytest

from hub.x12.dictionary import segment_layout
from hub.x12.grammar import Loop, Segment, Use
from hub.x12.guides import guide_named

pytest.importorskip("pyx12", reason="pyx12 is not installed: it is a tool of tests only")

MAPS = {"837P": "837.5010.X222.A1.xml", "837I": "837Q3.I.5010.X223.A1.xml"}

# What a row says by its key: the loop, the segment, the qualifiers, and the element or "" for the row itself.
Key = tuple[str, str, str, str]
Facts = dict[Key, list[str]]

# Where we say other than pyx12: kind, loop, segment, element; then who is right, and why.
DIFFERENCES: dict[tuple[str, str, str, str], str] = {
    (
        "837P",
        "",
        "ST",
        "03",
    ): "we: GS08 and ST03 are required and equal in the guide; all its errata letters are read",
    ("837I", "", "ST", "03"): "we: all published errata letters are read",
    ("837P", "", "BHT", "06"): "we: a subrogation demand (31) came with X222; pyx12 kept the list of 4010",
    ("837P", "1000A", "PER", "03"): "we: a network address (ED) is of 4010; 5010 knows telephone, fax and mail",
    ("837P", "1000A", "PER", "05"): "we: as PER03",
    ("837P", "1000A", "PER", "07"): "we: as PER03",
    ("837P", "2010BA", "NM1", "08"): "we: situational, since an employer who is the subscriber has no member id",
    ("837P", "2010BA", "NM1", "09"): "we: as NM108; for a person a rule asks for it",
    (
        "837P",
        "2300",
        "CLM",
        "05-3",
    ): "we: pyx12 takes any character; these are the codes that are not of one program",
    (
        "837I",
        "2300",
        "CLM",
        "05-3",
    ): "we: pyx12 takes any character; these are the codes that the national list has",
    (
        "837P",
        "2300",
        "HCP",
        "01",
    ): "we: a per diem (06) is in the list; pyx12 has it on the line, not on the claim",
    ("837P", "2300", "REF", "02"): "we: the guide lists what 4N and F5 may say; pyx12 takes any text",
    ("837I", "2300", "REF", "02"): "we: as in the 837P",
    ("837I", "2300", "CRC", "04"): "we: the second and third condition are of the same list as the first",
    ("837I", "2300", "CRC", "05"): "we: as CRC04",
}


def ours(loop: Loop) -> Iterator[tuple[Key, str]]:
    """What our guide says, one fact for each row and element; a format or an outer list is a `list`."""
    for row in loop.rows:
        if isinstance(row, Loop):
            yield (row.id, "", "", ""), f"{'R' if row.required else 'S'} {row.repeat or '>1'}"
            yield from ours(row)
            continue
        told = ",".join(sorted(row.qualifiers))
        yield (loop.id, row.id, told, ""), f"{'R' if row.required else 'S'} {row.repeat or '>1'}"
        for use in row.elements:
            yield from _our_element((loop.id, row.id, told), use)


def _our_element(key: tuple[str, str, str], use: Use | None) -> Iterator[tuple[Key, str]]:
    if use is None:
        return
    for part in (use, *use.parts):
        if part is not None:
            place = f"{use.position:02}" + (f"-{part.position}" if part is not use else "")
            codes = "list" if part.format else ",".join(sorted(part.codes))
            yield (*key, place), f"{'!' if part.required else ''}{codes}"


def theirs(above: Xml, loop: str = "") -> Iterator[tuple[Key, str]]:
    """What pyx12's map says, in the same form; its wrappers are no loops."""
    for item in above:
        if item.tag == "loop":
            label = item.get("xid", "")
            if label[0].isdigit():
                yield (label, "", "", ""), f"{item.findtext('usage')} {item.findtext('repeat')}"
            yield from theirs(item, label if label[0].isdigit() else loop)
        elif item.tag == "segment" and item.get("xid") not in ("ISA", "GS", "GE", "IEA", "TA1"):
            yield from _their_segment(item, loop)


def _their_segment(segment: Xml, loop: str) -> Iterator[tuple[Key, str]]:
    tag = segment.get("xid", "")
    elements = {
        place: fact
        for item in segment
        if item.tag in ("element", "composite")
        for place, fact in _their_facts(item)
    }
    at = segment_layout(tag).qualifier
    told = elements.get(f"{at:02}-1", elements.get(f"{at:02}", "")).lstrip("!")
    yield (loop, tag, told, ""), f"{segment.findtext('usage')} {segment.findtext('max_use')}"
    for place, fact in elements.items():
        yield (loop, tag, told, place), fact


def _their_facts(item: Xml) -> Iterator[tuple[str, str]]:
    if item.findtext("usage") == "N":
        return
    place = f"{int(item.findtext('seq') or 0):02}"
    yield place, _their_use(item)
    for part in item.iter("element"):
        if part is not item and part.findtext("usage") != "N":
            yield f"{place}-{int(part.findtext('seq') or 0)}", _their_use(part)


def _their_use(item: Xml) -> str:
    listed = item.find("valid_codes")
    outer = listed is not None and listed.get("external") not in (None, "remark_code")
    codes = sorted(code.text or "" for code in listed.findall("code")) if listed is not None else []
    return f"{'!' if item.findtext('usage') == 'R' else ''}{'list' if outer else ','.join(filter(None, codes))}"


def gathered(facts: Iterator[tuple[Key, str]]) -> Facts:
    """Facts by key; the rows of 2300 stand twice, below the subscriber and below the patient."""
    found: Facts = {}
    for key, fact in facts:
        found.setdefault(key, []).append(fact)
    return found


def same(mine: list[str] | None, other: list[str] | None) -> bool:
    """Whether two say the same; where we name a format, only whether it is required counts."""
    if mine is None or other is None:
        return False
    if all(fact.lstrip("!") == "list" for fact in mine):
        return [fact[:1] == "!" for fact in mine] == [fact[:1] == "!" for fact in other]
    return mine == other


@pytest.mark.parametrize("kind", MAPS)
def test_each_row_is_as_pyx12_has_it_or_the_difference_is_known(kind: str) -> None:
    """Loops, segments, elements, uses, repeats and code lists agree with pyx12's map, but for what is listed."""
    text = resources.files("pyx12").joinpath("map", MAPS[kind]).read_text(encoding="utf-8")
    mine, other = gathered(ours(guide_named(kind).root)), gathered(theirs(ET.fromstring(text)))  # noqa: S314 - an installed map
    found = {
        (kind, loop, tag, place)
        for loop, tag, told, place in mine.keys() | other.keys()
        if not same(mine.get((loop, tag, told, place)), other.get((loop, tag, told, place)))
    }
    assert found == {key for key in DIFFERENCES if key[0] == kind}


def test_who_is_right_is_said() -> None:
    """Each difference names who is right and why."""
    assert all(reason.startswith(("we: ", "pyx12: ")) and len(reason) > 9 for reason in DIFFERENCES.values())


def test_the_comparison_would_see_a_difference() -> None:
    """A row that is changed in one of the two is told, so that an empty list of findings means something."""
    guide = guide_named("837P")
    claim = next(row for _, row in guide.root.walk() if isinstance(row, Loop) and row.id == "2300")
    rows = gathered(ours(claim))
    diagnoses = next(row for row in claim.rows if isinstance(row, Segment) and row.id == "HI")
    key = ("2300", "HI", ",".join(sorted(diagnoses.qualifiers)), "")
    assert rows[key] == ["R 1"]
    assert not same(rows[key], ["S 1"])
    assert not same(rows[key], None)
    assert same(["!list"], ["!A,B"])
    assert not same(["!list"], ["A,B"])
