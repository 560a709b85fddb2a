"""For each rule of ISA, GS, ST, SE, GE, IEA and TA1 a good file with that one fault, and the findings expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.x12.envelope import X12Reader
from tests.x12.mutations import Edit, edited, findings, line_of, recounted, told

_BODY = """\
BPR*H*0*C*NON************20260120~
TRN*1*TRACE1*1512345678~
N1*PR*ANYTOWN HEALTH~
N3*9 BANK ST~
N4*SPRINGFIELD*IL*62701~
PER*BL*HELP DESK*TE*5555550100~
N1*PE*ANYTOWN CLINIC*XX*1234567893~
REF*TJ*123456789~
"""
GOOD = recounted(
    f"""\
ISA*00*          *00*          *ZZ*ANYTOWN        *ZZ*CLEARING       *260120*0930*^*00501*000000001*0*T*:~
TA1*000000077*260119*1200*A*000~
GS*HP*ANYTOWN*CLEARING*20260120*0930*1*X*005010X221A1~
ST*835*0001~
{_BODY}SE*0*0001~
ST*835*0002~
{_BODY}SE*0*0002~
GE*2*1~
GS*FA*ANYTOWN*CLEARING*20260120*0930*2*X*005010X231A1~
ST*999*0001*005010X231A1~
AK1*HC*9*005010X222A1~
AK2*837*0001*005010X222A1~
IK5*A~
AK9*A*1*1*1~
SE*0*0001~
GE*1*2~
TA1*000000078*260119*1200*R*020~
IEA*2*000000001~
ISA*00*          *00*          *ZZ*ANYTOWN        *ZZ*CLEARING       *260120*0930*^*00501*000000002*0*T*:~
GS*HP*ANYTOWN*CLEARING*20260120*0930*1*X*005010X221A1~
ST*835*0001~
{_BODY}SE*0*0001~
GE*1*1~
IEA*1*000000002~
"""
)

EDITS = (
    # ISA
    Edit("narrow sender", "ANYTOWN        *ZZ", "ANYTOWN*ZZ", ("isa.width ISA06",)),
    Edit("all narrow", "ISA*00*          *00*          *ZZ*ANYTOWN        *ZZ*CLEARING       *",
         "ISA*00**00**ZZ*ANYTOWN*ZZ*CLEARING*", ("isa.width ISA",)),
    Edit("authorization", "ISA*00*", "ISA*99*", ("isa.authorization ISA01",)),
    Edit("security", "*00*          *ZZ", "*77*          *ZZ", ("isa.security ISA03",)),
    Edit("sender's qualifier", "*ZZ*ANYTOWN   ", "*QQ*ANYTOWN   ", ("isa.qualifier ISA05",)),
    Edit("receiver's qualifier", "*ZZ*CLEARING  ", "*QQ*CLEARING  ", ("isa.qualifier ISA07",)),
    Edit("no sender", "*ANYTOWN        *", "*               *", ("isa.sender ISA06",)),
    Edit("no receiver", "*CLEARING       *", "*               *", ("isa.receiver ISA08",)),
    Edit("control character", "*ANYTOWN        *", "*ANY\tTOWN       *", ("isa.character ISA06",)),
    Edit("date", "*260120*0930*^", "*260231*0930*^", ("isa.date ISA09",)),
    Edit("time", "*260120*0930*^", "*260120*2560*^", ("isa.time ISA10",)),
    Edit("repetition", "*0930*^*", "*0930*R*", ("isa.repetition ISA11",)),
    Edit("version", "*00501*000000001", "*00999*000000001", ("isa.version ISA12",)),
    Edit("version of another release", "*00501*000000001", "*00401*000000001", ("isa.version ISA12",)),
    Edit("control number", "*000000001*0*T", "*00000000A*0*T", ("isa.control ISA13", "iea.control IEA02")),
    Edit("acknowledgement", "*000000001*0*T", "*000000001*2*T", ("isa.acknowledgement ISA14",)),
    Edit("usage", "*000000001*0*T", "*000000001*0*X", ("isa.usage ISA15",)),
    Edit("separators", "*0930*^*00501*000000001", "*0930*:*00501*000000001", ("isa.separators ISA16",)),
    Edit("number used before", "*000000002*0*T", "*000000001*0*T", ("isa.duplicate ISA13", "iea.control IEA02")),
    # IEA
    Edit("groups", "IEA*2*", "IEA*3*", ("iea.count IEA01",)),
    Edit("groups are no number", "IEA*2*", "IEA*B*", ("iea.count IEA01",)),
    Edit("echo of the ISA", "IEA*2*000000001", "IEA*2*000000009", ("iea.control IEA02",)),
    Edit("no IEA", "IEA*2*000000001~\n", "", ("interchange.unclosed IEA",)),
    Edit("no last IEA", "IEA*1*000000002~\n", "", ("interchange.unclosed IEA",)),
    Edit("IEA twice", "IEA*2*000000001~\n", "IEA*2*000000001~\nIEA*2*000000001~\n", ("interchange.stray IEA",)),
    Edit("more in the IEA", "IEA*2*000000001~", "IEA*2*000000001*1~", ("iea.too_many IEA03",)),
    Edit("separator at the end of the IEA", "IEA*2*000000001~", "IEA*2*000000001*~", ("iea.trailing IEA03",)),
    # GS
    Edit("kind of group", "GS*HP*ANYTOWN", "GS*HC*ANYTOWN", ("gs.kind GS01",)),
    Edit("no sender of the group", "GS*HP*ANYTOWN", "GS*HP*", ("gs.missing GS02",)),
    Edit("receiver too long", "GS*HP*ANYTOWN*CLEARING*", "GS*HP*ANYTOWN*CLEARING12345678*", ("gs.too_long GS03",)),
    Edit("blank in the sender", "GS*HP*ANYTOWN*", "GS*HP*ANYTOWN *", ("gs.blanks GS02",)),
    Edit("date of the group", "CLEARING*20260120*", "CLEARING*20260230*", ("gs.date GS04",)),
    Edit("time of the group", "20260120*0930*1*X", "20260120*2460*1*X", ("gs.time GS05",)),
    Edit("number of the group", "20260120*0930*1*X", "20260120*0930*1A*X",
         ("gs.number GS06", "ge.control GE02")),
    Edit("number used before in the interchange", "20260120*0930*2*X*005010X231A1",
         "20260120*0930*1*X*005010X231A1", ("gs.duplicate GS06", "ge.control GE02")),
    Edit("agency", "*1*X*005010X221A1", "*1*T*005010X221A1", ("gs.code GS07",)),
    Edit("version of the group", "*1*X*005010X221A1", "*1*X*005010X229A9", ("gs.version GS08",)),
    Edit("GS08 is not ST03", "*2*X*005010X231A1", "*2*X*005010X231", ("gs.version GS08",)),
    Edit("small letters of the GS", "GS*HP*", "gs*HP*", ("segment.case gs",)),
    Edit("no GS", "GS*HP*ANYTOWN*CLEARING*20260120*0930*1*X*005010X221A1~\n", "",
         ("group.missing GS",)),
    # GE
    Edit("sets", "GE*2*1", "GE*3*1", ("ge.count GE01",)),
    Edit("sets are no number", "GE*2*1", "GE*X*1", ("ge.count GE01",)),
    Edit("echo of the GS", "GE*2*1", "GE*2*7", ("ge.control GE02",)),
    Edit("no GE before a GS", "GE*2*1~\n", "", ("group.unclosed GE",)),
    Edit("no GE before the IEA", "GE*1*1~\n", "", ("group.unclosed GE",)),
    Edit("GE twice", "GE*2*1~\n", "GE*2*1~\nGE*2*1~\n", ("group.stray GE",)),
    Edit("separator at the end of the GE", "GE*2*1~", "GE*2*1*~", ("ge.trailing GE03",)),
    # ST and SE
    Edit("kind of set", "ST*835*0001~", "ST*836*0001~", ("element.code ST01",)),
    Edit("another kind of set", "ST*835*0001~", "ST*837*0001~", ("guide.unknown ST01",)),
    Edit("number of the set", "ST*835*0002~", "ST*835*0001~", ("st.duplicate ST02", "se.control SE02")),
    Edit("number of the set too short", "ST*835*0002~", "ST*835*2~", ("element.too_short ST02", "se.control SE02")),
    Edit("version of the set", "ST*835*0001~", "ST*835*0001*005010X221~", ("st.version ST03",)),
    Edit("unknown version of the set", "ST*999*0001*005010X231A1", "ST*999*0001*005010X239A1",
         ("st.version ST03",)),
    Edit("small letters of the ST", "ST*835*0002~", "st*835*0002~", ("segment.case st",)),
    Edit("no ST", "ST*835*0002~\n", "", ("st.missing ST",)),
    Edit("segments", "SE*10*0002", "SE*11*0002", ("se.count SE01",)),
    Edit("echo of the ST", "SE*10*0002", "SE*10*0009", ("se.control SE02",)),
    Edit("no SE before a GE", "SE*10*0002~\n", "", ("trailer.missing SE",)),
    Edit("no SE before an ST", "SE*10*0001~\n", "", ("trailer.missing SE",)),
    Edit("separator at the end of the SE", "SE*10*0002~", "SE*10*0002*~", ("element.trailing SE03",)),
    # TA1 and what stands elsewhere
    Edit("verdict of the TA1", "*1200*A*000", "*1200*B*000", ("ta1.code TA104",)),
    Edit("note of the TA1", "*1200*A*000", "*1200*A*999", ("ta1.code TA105",)),
    Edit("note against the verdict", "*1200*A*000", "*1200*A*020", ("ta1.verdict TA105",)),
    Edit("date of the TA1", "TA1*000000077*260119*", "TA1*000000077*260239*", ("ta1.date TA102",)),
    Edit("TA1 in a group", "GE*2*1~\n", "TA1*000000079*260119*1200*A*000~\nGE*2*1~\n", ("ta1.place TA1",)),
    Edit("outside of groups", "IEA*2*000000001~", "N1*PR*SOMEBODY~\nN3*1 MAIN ST~\nIEA*2*000000001~",
         ("envelope.stray",)),
)  # fmt: skip


def test_the_good_file_is_good() -> None:
    """Two interchanges, three groups and a TA1 in either place have no finding."""
    assert told(findings(GOOD)) == []
    reader = X12Reader(GOOD.encode())
    assert [one.kind for one in reader] == ["835", "835", "999", "835"]
    assert [len(one.ta1s) for one in reader.interchanges] == [2, 0]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_one_fault_is_found_at_its_place(edit: Edit) -> None:
    """One edit gives the findings of its row and no other, each at its line; the four sets are read or named."""
    bad = edited(GOOD, edit, recount=False)
    found = findings(bad)
    assert sorted(told(found)) == sorted(edit.found)
    for one in found:
        present = line_of(bad, one).split("*")[0] if one.line <= bad.count("~\n") else ""
        absent = one.code.endswith((".missing", ".unclosed", ".stray")) or one.code == "segment.case"
        assert absent or present.upper() == one.segment
    assert len(list(X12Reader(bad.encode()))) == 4 - (edit.name == "no ST")


def test_the_old_mark_of_the_standard_is_let_be() -> None:
    """ISA11 was U before it was a separator: partners still write it, and then nothing repeats."""
    assert told(findings(GOOD.replace("*0930*^*", "*0930*U*"))) == []


def test_a_small_se_ends_its_set() -> None:
    """An SE in small letters is told once, and the next set is whole."""
    found = findings(GOOD.replace("SE*10*0001", "se*10*0001", 1))
    assert [one.segment.upper() for one in found] == ["SE"]


def test_a_later_release_is_read_as_an_envelope() -> None:
    """A 275 of release 006020 is named and counted; only who asks for a check hears that it has no guide."""
    attachment = GOOD.replace("GS*HP", "GS*PI", 1).replace("*1*X*005010X221A1", "*1*X*006020X314", 1)
    attachment = attachment.replace("ST*835*0001~", "ST*275*0001*006020X314~", 1)
    attachment = attachment.replace("ST*835*0002~", "ST*275*0002*006020X314~", 1)
    reader = X12Reader(attachment.encode(), strict=True)
    sets = list(reader)
    assert [(one.kind, one.outcome.version) for one in sets[:2]] == [("275", "006020X314")] * 2
    assert [one.findings for one in sets[:2]] == [[], []]
    assert reader.findings == []
    asked = findings(attachment)
    assert told(asked) == ["guide.unknown ST03"] * 2
    assert {one.severity for one in asked} == {"warning"}


def test_inbound_only_what_is_cut_off_is_an_error() -> None:
    """On what payers send a wrong count or id warns; what is missing at the end of something is an error."""
    errors = {
        one.code
        for edit in EDITS
        for one in findings(edited(GOOD, edit, recount=False), strict=False)
        if one.severity == "error"
    }
    assert errors == {"group.unclosed", "interchange.unclosed", "trailer.missing", "guide.unknown"}


@pytest.mark.parametrize(
    ("of_group", "of_set", "where"),
    [
        ("005010X222A2", "005010X222A1", "gs.version GS08"),
        ("005010X222A1", "005010X222A2", "st.version ST03"),
        ("005010X223A2", "005010X222A1", "gs.version GS08"),
        ("005010X222A1", "005010X223A2", "st.version ST03"),
        ("005010X221A1", "005010X222A1", "gs.version GS08"),
        ("005010X222A1", "004010X098A1", "st.version ST03"),
    ],
)
def test_the_odd_version_is_told(of_group: str, of_set: str, where: str) -> None:
    """Where GS08 and ST03 differ, the one that the claims do not bear out is the one finding, and nothing follows."""
    good = (Path(__file__).parent / "pass" / "837p_whole.x12").read_text()
    bad = good.replace("*X*005010X222A1", f"*X*{of_group}").replace("*0001*005010X222A1", f"*0001*{of_set}")
    assert told(findings(bad)) == [where]
