"""A guide is said once as rows: what each token of a row means, how loops close, and how a guide is shown."""

from __future__ import annotations

import msgspec
import pytest

from hub.x12.compiled import matcher
from hub.x12.dictionary import Composite, Note, layouts
from hub.x12.elements import faults
from hub.x12.grammar import Guide, Loop, Segment, guide, loop, seg
from hub.x12.guides import GUIDES, guide_named
from hub.x12.guides.patterns import spread
from hub.x12.tools.guide_table import TableRow, guide_rows, guide_table, note_words, render_guide
from hub.x12.tree import Node
from hub.x12.walk import Walk
from hub.x12.wire import STANDARD, Delimiters

EVERY_GUIDE = pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.kind)


def fits(row: Segment, text: str, marks: Delimiters = STANDARD) -> bool:
    """Whether a segment keeps its row; pattern and explanation must say the same."""
    matched = matcher(row, marks)(text) is not None
    assert matched == (not list(faults(row, text.split(marks.element), marks)))
    return matched


@pytest.mark.parametrize(
    ("place", "tokens", "good", "bad"),
    [
        ("N3 R 1", "01! 02", ["N3*A", "N3*A*B"], ["N3", "N3**B", "N3*A*B*C", "N3*A*"]),
        ("N1 R 1", "01!=PR,PE 02", ["N1*PR", "N1*PE*A"], ["N1*XX", "N1*pr"]),
        ("N4 R 1", "01! 02=@state", ["N4*TOWN*IL"], ["N4*TOWN*XX", "N4*T*IL"]),
        ("CTX S 1", "01! 01.1!=SITUATIONAL_TRIGGER", ["CTX*SITUATIONAL TRIGGER"], ["CTX*SITUATIONAL_TRIGGER"]),
        ("EQ R 1", "01*2=30,98", ["EQ*30", "EQ*30^98"], ["EQ*30^98^30", "EQ*30^99", "EQ*30^"]),
        (
            "IK4 R 1",
            "01! 01.1! 01.2-3 03!",
            ["IK4*1**1", "IK4*1:2:3**1"],
            ["IK4*:2**1", "IK4*1:**1", "IK4*1*2*1"],
        ),
        ("IK5 R 1", "01! 02-04=1,2", ["IK5*A", "IK5*A*1*2*1"], ["IK5*A*3", "IK5*A*1*2*1*1"]),
        ("AMT R 1", "01! 02!", ["AMT*D*-1.5", "AMT*D*.5", "AMT*D*0"], ["AMT*D*1,5", "AMT*D*", "AMT*D*1E3"]),
        ("LX R 1", "01!", ["LX*1"], ["LX*1.5", "LX*1234567", "LX*A"]),
        ("DTM R 1", "01! 02!", ["DTM*405*20260228"], ["DTM*405*20260231", "DTM*405*260228", "DTM*405*2026-2-8"]),
        ("BHT R 1", "01! 05!", ["BHT*0019****0930", "BHT*0019****093059"], ["BHT*0019****2560", "BHT*0019****9"]),
    ],
)
def test_a_token_says_what_an_element_takes(place: str, tokens: str, good: list[str], bad: list[str]) -> None:
    """Required, codes, formats, parts, ranges, repetitions and types: each is kept and each is missed."""
    row = seg(place, "Row", tokens)
    assert [fits(row, text) for text in good] == [True] * len(good)
    assert [fits(row, text) for text in bad] == [False] * len(bad)


def test_other_delimiters_make_other_patterns() -> None:
    """A row knows no delimiters; what separates is taken from the file, also where it is a sign of patterns."""
    row = seg("IK4 R 1", "Row", "01! 01.1! 01.2-3 03!")
    marks = Delimiters(element="|", component=".", repetition="+", segment="\n")
    assert fits(row, "IK4|1.2||1", marks)
    assert not fits(row, "IK4|1:2||1", marks)


def test_the_last_token_of_an_element_counts() -> None:
    """A pattern may be said first and one of its elements after it, narrower."""
    row = seg("REF S 1", "Row", "01!=EI,SY 02! 02!=@ssn")
    assert fits(row, "REF*SY*999001234")
    assert not fits(row, "REF*SY*12")


@pytest.mark.parametrize("place", ["REF", "REF R", "REF N 1", "REF R x", "REF R 1 2"])
def test_a_place_that_cannot_be_read_is_refused(place: str) -> None:
    """Use and repeat are said for every row; a slip is met when the guide is declared."""
    with pytest.raises(ValueError, match=r"."):
        seg(place, "Row", "01!")


def test_a_segment_outside_the_dictionary_is_refused() -> None:
    """Rows are of segments that the standard has."""
    with pytest.raises(KeyError):
        seg("QQQ R 1", "Row", "01!")


def test_only_notes_that_touch_the_row_are_kept() -> None:
    """A relation between elements that the row does not use is no relation of the row."""
    assert [note.text for note in seg("PER R 1", "Row", "01! 03 04").notes] == ["P0304"]
    assert seg("PER R 1", "Row", "01!").notes == ()


@pytest.mark.parametrize(
    ("listed", "codes"),
    [
        ("AA", "AA"),
        ("8-11", "8,9,10,11"),
        ("A0-A2 CB", "A0,A1,A2,CB"),
        ("A-C", "A,B,C"),
        ("MA-MC 1", "MA,MB,MC,1"),
    ],
)
def test_ranges_of_codes_are_written_out(listed: str, codes: str) -> None:
    """Numbers count, letters run over the last sign; the order stays."""
    assert spread(listed) == codes


def levels() -> Guide:
    """A guide with a level in a level, a bounded loop, and the same segment in several places."""
    name = loop("2100A R 1", "Name", seg("NM1 R 1", "Name", "01!=PR 02!"), seg("REF S 2", "Number", "01!=18 02!"))
    between = loop(
        "2120-LS S 1",
        "Those concerned",
        seg("LS R 1", "Begin", "01!"),
        loop(
            "2120 R 3", "Concerned", seg("NM1 R 1", "Concerned", "01!=PR,IL 02!"), seg("N3 S 1", "Street", "01!")
        ),
        seg("LE R 1", "End", "01!"),
    )
    person = loop("2100B R 1", "Person", seg("NM1 R 1", "Person", "01!=IL 02!"), seg("N3 S 1", "Street", "01!"))
    below = loop(
        "2000B S >1",
        "Below",
        seg("HL R 1", "Level", "01! 02! 03!=22 04!=0,1"),
        person,
        loop(
            "2110 S >1",
            "Benefit",
            seg("EB R 1", "Benefit", "01!"),
            seg("REF S 1", "Number", "01!=6P 02!"),
            between,
        ),
        loop("2000C S >1", "Deepest", seg("HL R 1", "Level", "01! 02! 03!=23"), seg("EB S >1", "Benefit", "01!")),
    )
    top = loop("2000A R >1", "Above", seg("HL R 1", "Level", "01! 03!=20 04!=0,1"), name, below)
    return guide(
        "T", "A sample", "005010X000", top, group="HB", transaction="271", units=("2000B",), names_itself=False
    )


LEVELS = levels()


def walked(*texts: str) -> tuple[list[object], list[str]]:
    """The loops of a set as nested lists, and its findings as `code place`."""
    walk = Walk(LEVELS, STANDARD)
    list(walk.run(["ST*271*0001", *texts, f"SE*{len(texts) + 2}*0001"]))
    return shape(walk.root)[1:-1], [f"{one.code} {one.where}" for one in walk.findings]


def shape(node: Node) -> list[object]:
    """Segments by id and first element, loops as lists that begin with their id."""
    return [
        [item.loop, *shape(item)] if isinstance(item, Node) else "".join(str(value) for value in item[:2])
        for item in node.items
    ]


def test_a_level_closes_what_is_deeper() -> None:
    """A level opens below its own kind of parent, wherever the one before it ended, and several parents follow."""
    tree, findings = walked(
        "HL*1**20*1", "NM1*PR*2", "HL*2*1*22*1", "NM1*IL*1", "EB*1", "HL*3*2*23", "EB*2", "EB*3",
        "HL*4*2*23", "HL*5*1*22*0", "NM1*IL*1", "HL*6**20*0", "NM1*PR*2",
    )  # fmt: skip
    person = ["2100B", "NM1IL"]
    first = [
        "2000B",
        "HL2",
        person,
        ["2110", "EB1"],
        ["2000C", "HL3", "EB2", "EB3"],
        ["2000C", "HL4"],
    ]
    second = ["2000B", "HL5", person]
    payer = ["2100A", "NM1PR"]
    assert findings == []
    assert tree == [["2000A", "HL1", payer, first, second], ["2000A", "HL6", payer]]


def test_a_segment_belongs_to_the_nearest_loop_that_takes_it() -> None:
    """NM1*PR is the payer at the top and one concerned between LS and LE; so it is with N3 and REF."""
    tree, findings = walked(
        "HL*1**20*1", "NM1*PR*2", "REF*18*A", "HL*2*1*22*0", "NM1*IL*1", "N3*A", "EB*1", "REF*6P*B",
        "LS*2120", "NM1*PR*2", "N3*B", "NM1*IL*1", "LE*2120", "EB*2",
    )  # fmt: skip
    between = ["2120-LS", "LS2120", ["2120", "NM1PR", "N3B"], ["2120", "NM1IL"], "LE2120"]
    below = ["2000B", "HL2", ["2100B", "NM1IL", "N3A"], ["2110", "EB1", "REF6P", between], ["2110", "EB2"]]
    assert findings == []
    assert tree == [["2000A", "HL1", ["2100A", "NM1PR", "REF18"], below]]


@pytest.mark.parametrize(
    ("left_out", "findings"),
    [
        ("LS*2120", ["segment.missing 2120-LS LS"]),
        ("LE*2120", ["segment.missing 2120-LS LE"]),
        ("NM1*PR*3", ["loop.missing 2120 NM1"]),
    ],
)
def test_a_bounded_loop_has_both_its_bounds(left_out: str, findings: list[str]) -> None:
    """LS without LE, LE's loop without LS, and bounds around nothing are each told once, and nothing else is lost."""
    texts = [
        "HL*1**20*1",
        "NM1*PR*2",
        "HL*2*1*22*0",
        "NM1*IL*1",
        "EB*1",
        "LS*2120",
        "NM1*PR*3",
        "LE*2120",
        "EB*2",
    ]
    tree, told = walked(*[text for text in texts if text != left_out])
    assert told == findings
    assert str(tree).count("'2110'") == 2
    assert str(tree).count("'2000A'") == 1


@pytest.mark.parametrize(
    ("was", "now", "findings"),
    [
        ("HL*2*1*22*0", "HL*2*1*22*1", ["hl.children 2000B HL04"]),
        ("HL*1**20*1", "HL*1**20*0", ["hl.children 2000A HL04"]),
        ("HL*2*1*22*0", "HL*3*1*22*0", ["hl.sequence 2000B HL01"]),
        ("HL*2*1*22*0", "HL*2*9*22*0", ["hl.parent 2000B HL02"]),
        ("HL*2*1*22*0", "HL*2*1*99*0", ["element.code 2000B HL03"]),
        ("NM1*IL*1", "", ["loop.missing 2100B NM1"]),
    ],
)
def test_what_a_level_says_of_itself_is_checked(was: str, now: str, findings: list[str]) -> None:
    """Number, parent, kind and whether levels follow: the first fault of each is told at its element."""
    texts = ["HL*1**20*1", "NM1*PR*2", "HL*2*1*22*0", "NM1*IL*1"]
    told = walked(*[text for one in texts if (text := now if one == was else one)])[1]
    assert told[: len(findings)] == findings


def test_walking_a_loop_gives_every_row_with_its_depth() -> None:
    """The order is that of the guide, a loop before what it holds."""
    told = [(depth, row.id) for depth, row in LEVELS.root.walk()]
    assert told[:4] == [(0, "ST"), (0, "2000A"), (1, "HL"), (1, "2100A")]
    assert (4, "2120") in told
    assert told[-1] == (0, "SE")


def test_a_loop_begins_with_a_segment() -> None:
    """A loop that begins with a loop could not be recognised."""
    inner = loop("B R 1", "Inner", seg("LX R 1", "Number", "01!"))
    with pytest.raises(TypeError, match="A must begin"):
        _ = loop("A R 1", "Outer", inner).opener


@EVERY_GUIDE
def test_rows_for_programs_hold_all_that_is_declared(guide: Guide) -> None:
    """Each loop, segment, element and part is one row, in the guide's order, with codes and sizes; and it is JSON."""
    rows = list(guide_rows(guide))
    declared = [row for _, row in guide.root.walk()]
    assert [row.place for row in rows if row.kind in ("loop", "segment")] == [row.id for row in declared]
    uses = [use for row in declared if isinstance(row, Segment) for use in row.elements if use is not None]
    elements = [row for row in rows if row.kind == "element"]
    assert [(row.codes, row.format, row.repeat) for row in elements] == [
        (use.codes, use.format, use.repeats) for use in uses
    ]
    parts = [part for use in uses for part in use.parts if part is not None]
    assert [row.codes for row in rows if row.kind == "part"] == [part.codes for part in parts]
    table = msgspec.json.decode(msgspec.json.encode(guide_table(guide)))
    assert msgspec.convert(table["rows"], list[TableRow]) == rows
    assert (table["kind"], table["version"]) == (guide.kind, guide.version)


@EVERY_GUIDE
def test_a_guide_is_shown_within_a_page(guide: Guide) -> None:
    """No line is wider than a page but that of a deep row, and no blanks trail."""
    lines = render_guide(guide).splitlines()
    assert max(map(len, lines)) <= 118
    assert all(line == line.rstrip() for line in lines)
    short = render_guide(guide, elements=False).splitlines()
    assert len(short) < len(lines)


def test_colours_change_nothing_but_colour() -> None:
    """What is coloured says the same as what is not."""
    plain, coloured = render_guide(guide_named("271")), render_guide(guide_named("271"), colour=True)
    assert "\x1b[" in coloured
    assert "\x1b" not in plain
    bare = coloured
    for code in ("1;36", "1;4", "1", "2", "35", "0"):
        bare = bare.replace(f"\x1b[{code}m", "")
    assert bare == plain


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (Note(kind="P", positions=(8, 9)), "P0809: 08 and 09 stand together or not at all"),
        (Note(kind="L", positions=(5, 6, 7)), "L050607: 05 needs 06 or 07"),
        (Note(kind="C", positions=(7, 4)), "C0704: 07 needs 04"),
        (Note(kind="R", positions=(1, 2, 3)), "R010203: at least one of 01, 02 and 03"),
        (Note(kind="E", positions=(2, 7)), "E0207: at most one of 02 and 07"),
    ],
)
def test_a_relation_is_said_in_words(note: Note, words: str) -> None:
    """The sign of the standard stands first, then what it means."""
    assert note_words(note) == words
    assert words in render_guide(guide_named("835")) or note.kind == "R"


def test_only_relations_that_can_fail_are_shown() -> None:
    """Where a row requires both elements of a pair, the pair is no news."""
    told = {row.place: row.notes for row in guide_rows(guide_named("276")) if row.notes}
    assert "NM109" in told
    assert not any("R0203" in note for notes in told.values() for note in notes)


def test_every_note_of_the_dictionary_has_words() -> None:
    """No guide can hold a relation that the table cannot say."""
    for layout in layouts().values():
        assert all(note_words(note).startswith(note.text + ": ") for note in layout.notes)
        assert all(isinstance(kind, Composite) or kind.high for kind in layout.elements)
    assert isinstance(LEVELS.root, Loop)
