"""Each guide is well-formed: its rows can be told apart, compiled and printed."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from hub.x12.compiled import compiled, segment_pattern
from hub.x12.dictionary import Composite, composites, elements, layouts
from hub.x12.formats import NAMED
from hub.x12.grammar import Guide, Loop, Segment, Use, guide, loop, seg
from hub.x12.guides import GUIDES, guide_for, guide_named
from hub.x12.tools.guide_table import render_guide
from hub.x12.tree import node
from hub.x12.walk import Walk
from hub.x12.wire import STANDARD
from hub.x12.write import check_root

EVERY_GUIDE = pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.kind)


def loops(guide: Guide) -> list[Loop]:
    """Every loop of a guide, the whole set first."""
    return [guide.root, *[row for _, row in guide.root.walk() if isinstance(row, Loop)]]


def rows(guide: Guide) -> list[Segment]:
    """Every segment row of a guide."""
    return [row for _, row in guide.root.walk() if isinstance(row, Segment)]


def opener(row: Segment | Loop) -> Segment:
    """The segment by which a row is recognised."""
    return row.opener if isinstance(row, Loop) else row


@EVERY_GUIDE
def test_rows_of_a_loop_can_be_told_apart(guide: Guide) -> None:
    """Two rows of one loop with the same segment id never share a qualifier, nor does one take any."""
    for found in loops(guide):
        # the opener is met before the loop is open, so that only the rows after it compete
        competing = found.rows if found.id == "" else found.rows[1:]
        for one, other in combinations(map(opener, competing), 2):
            if one.id == other.id:
                assert one.qualifiers, (found.id, one.id)
                assert other.qualifiers, (found.id, other.id)
                assert not set(one.qualifiers) & set(other.qualifiers), (found.id, one.id)


@EVERY_GUIDE
def test_a_loop_is_left_by_a_segment_it_does_not_hold(guide: Guide) -> None:
    """What opens a loop again, or a later loop beside it, is no row inside it, so that loops can end."""
    for found in loops(guide):
        inner = [row for row in found.rows if isinstance(row, Loop)]
        for place, one in enumerate(inner):
            own = {(opener(row).id, code) for row in one.rows[1:] for code in opener(row).qualifiers or ("",)}
            for other in inner[place:]:
                start = other.opener
                starts = {(start.id, code) for code in start.qualifiers or ("",)}
                assert not own & starts, (found.id, one.id, other.id)


@EVERY_GUIDE
def test_every_row_compiles_to_a_pattern(guide: Guide) -> None:
    """Each row becomes one regular expression, and lists at least one required element or a relation."""
    for row in rows(guide):
        re.compile(segment_pattern(row, STANDARD))
        assert len(row.elements) <= len(layouts()[row.id].elements)
        assert row.elements[-1] is not None


@EVERY_GUIDE
def test_rows_use_known_formats_and_lengths(guide: Guide) -> None:
    """Codes fit their element's length, formats exist, composites list their parts."""
    uses: list[Use] = [use for row in rows(guide) for use in row.elements if use is not None]
    uses += [part for use in uses for part in use.parts if part is not None]
    for use in uses:
        assert not use.format or use.format in NAMED
        assert use.parts or use.element.type != "C"
        for code in use.codes:
            assert use.element.low <= len(code) <= max(use.element.high, 12)


@EVERY_GUIDE
def test_relations_can_hold(guide: Guide) -> None:
    """No relation between elements asks for one that the row does not use, or bars one that it requires."""
    for row in rows(guide):
        for note in row.notes:
            uses = [row.element(position) for position in note.positions]
            used = [use is not None for use in uses]
            required = [use is not None and use.required for use in uses]
            if note.kind == "P":
                assert all(used) or not any(used), (row.id, row.name, note.text)
            if note.kind == "E":
                assert sum(required) < 2, (row.id, row.name, note.text)
            if note.kind in "CL" and used[0]:
                assert any(used[1:]), (row.id, row.name, note.text)
            if note.kind == "R":
                assert any(used), (row.id, row.name, note.text)


@EVERY_GUIDE
def test_codes_are_listed_once(guide: Guide) -> None:
    """No code stands twice in a list, an element repeats once at least, a composite lists its first part."""
    for row in rows(guide):
        for use in row.elements:
            for one in (use, *(use.parts if use else ())):
                assert one is None or len(set(one.codes)) == len(one.codes), (row.id, row.name)
                assert one is None or one.repeats >= 1
            assert use is None or use.element.type != "C" or use.parts[0] is not None, (row.id, row.name)


@EVERY_GUIDE
def test_every_loop_opens_with_a_required_segment(guide: Guide) -> None:
    """A loop begins with a segment that is required and stands once."""
    for found in loops(guide)[1:]:
        assert found.opener.required
        assert found.opener.repeat == 1


@EVERY_GUIDE
def test_the_table_shows_every_row(guide: Guide) -> None:
    """The printed table holds each loop, segment and element that the guide declares."""
    table = render_guide(guide)
    for found in loops(guide)[1:]:
        assert re.search(rf"^ *{found.id} .*\(loop\)$", table, re.MULTILINE)
    for row in rows(guide):
        assert f"{row.name}\n" in table
        for use in row.elements:
            assert use is None or f"{row.id}{use.position:02} " in table


def test_the_dictionary_holds_nothing_that_no_segment_names() -> None:
    """Each element and composite stands in a segment, each relation inside its segment."""
    named: set[str] = set()
    for layout in layouts().values():
        for kind in layout.elements:
            named |= (
                {kind.id, *(part.number for part in kind.parts)} if isinstance(kind, Composite) else {kind.number}
            )
        assert layout.qualifier <= len(layout.elements)
        for note in layout.notes:
            assert max(note.positions) <= len(layout.elements)
    assert named == {*elements(), *composites()}
    assert all(0 < one.low <= one.high for one in elements().values())


def test_guides_are_found_by_version_and_by_name() -> None:
    """Later errata letters are read as the guide they correct; what is not known is None."""
    assert guide_for("837", "005010X222A1") is guide_for("837", "005010X222A2") is guide_named("837p")
    assert guide_for("835", "005010X221A1") is guide_named("835")
    assert guide_for("837", "004010X098A1") is None
    with pytest.raises(KeyError):
        guide_named("999X")


def test_a_new_guide_is_rows_only() -> None:
    """A guide that nobody has written yet is read, written and checked from its rows alone."""
    tiny = guide(
        "000",
        "A sample",
        "005010X000",
        seg("BHT R 1", "Begin", "01!=0022 02!=13 03-05!"),
        loop(
            "2000A S >1",
            "Source",
            seg("HL R 1", "Level", "01! 03!=20 04!=0,1"),
            loop(
                "2100A R 2",
                "Name",
                seg("NM1 R 1", "Name", "01!=PR,GP 02!=1,2 03 08=XX 09"),
                seg("REF S 2", "Ids", "01!=18,6P 02!"),
            ),
            loop(
                "2000B S >1", "Below", seg("HL R 1", "Level", "01! 02! 03!=21 04!=0"), seg("LX R 1", "N", "01!")
            ),
        ),
        group="HS",
        transaction="270",
        units=("2000A",),
    )
    name = node("2100A", ("NM1", "PR", "2", "ANYTOWN HEALTH"), ("REF", "18", "A1"))
    below = node("2000B", ("HL", None, None, "21", None), ("LX", "1"))
    head = ("BHT", "0022", "13", "A", "20260101", "1200")
    good = node("", head, node("2000A", ("HL", None, None, "20", None), name, below))
    assert check_root(tiny, good) == []
    bad = node("", head, node("2000A", ("HL", None, None, "20", None), name, name, name))
    assert [(one.code, one.where) for one in check_root(tiny, bad)] == [("loop.repeats", "2100A NM1")]
    walk = Walk(tiny, STANDARD, units=("2000A",))
    texts = ["ST*270*0001*005010X000", "BHT*0022*13*A*20260101*1200", "HL*1**20*1", "NM1*PR*2*A", "HL*2*1*21*0"]
    units = list(walk.run([*texts, "LX*1", "SE*7*0001"]))
    assert [unit.child("2100A") is not None for unit in units] == [True]
    assert walk.findings == []


@pytest.mark.parametrize("tokens", ["1!", "01!=", "01!!", "99!", "01.2!"])
def test_a_row_that_cannot_be_read_is_refused(tokens: str) -> None:
    """A slip in a row is refused when the guide is declared, not met when a file is read."""
    with pytest.raises((ValueError, TypeError, IndexError, KeyError)):
        seg("REF S 1", "Ids", tokens)


def test_compiled_forms_are_kept() -> None:
    """A guide is compiled once."""
    assert compiled(GUIDES[0]) is compiled(GUIDES[0])
