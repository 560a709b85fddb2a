"""The guides of questions and answers: good sets are read into their loops, each broken row is found at its place."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from hub.x12.envelope import X12Reader
from hub.x12.finding import Finding
from hub.x12.guides import GUIDES, guide_for, guide_named
from hub.x12.guides.interchange_ta1 import ta1_row
from hub.x12.tools.guide_table import render_guide
from hub.x12.tree import Node, node
from hub.x12.walk import Walk
from hub.x12.wire import STANDARD

NPI = "1234567893"


def read(
    kind: str, texts: Sequence[str], *, units: tuple[str, ...] = ("*",)
) -> tuple[Node, list[Finding], list[Node]]:
    """Walks a whole set along its guide, strictly and without rules: its tree, its findings, its units."""
    walk = Walk(guide_named(kind), STANDARD, units=units)
    found = list(walk.run(texts))
    return walk.root, walk.findings, found


def told(kind: str, texts: Sequence[str]) -> list[tuple[str, str, int]]:
    """Code, place and position of each finding."""
    return [(one.code, one.where, one.position) for one in read(kind, texts)[1]]


def whole(kind: str, *body: str) -> list[str]:
    """A set around its body, which is written one segment a line."""
    guide = guide_named(kind)
    texts = [line.strip() for part in body for line in part.strip().splitlines()]
    return [
        f"ST*{guide.transaction}*0001*{guide.version}",
        *texts,
        f"SE*{len(texts) + 2}*0001",
    ]


ASKED = f"""
    BHT*0022*13*Q1*20260105*0930
    HL*1**20*1
    NM1*PR*2*ANYTOWN HEALTH*****PI*ANY01
    HL*2*1*21*1
    NM1*1P*2*ANYTOWN CLINIC*****XX*{NPI}
    REF*0B*L1*IL
    N3*1 MAIN ST
    N4*SPRINGFIELD*IL*62701
    PRV*PE*PXC*207Q00000X
    HL*3*2*22*0
    TRN*1*TR1*9876543210*DESK
    NM1*IL*1*SUMMER*JANE****MI*W100001
    REF*6P*G1
    REF*SY*999001234
    N3*2 ELM ST
    N4*SPRINGFIELD*IL*62701
    PRV*RF*9K*A1
    DMG*D8*19800101*F
    INS*Y*18***************2
    HI*ABK:J020*ABF:E119
    DTP*291*RD8*20260101-20260131
    EQ*30^98^AL**FAM
    AMT*R*20
    AMT*PB*120.5
    III*ZZ*11
    REF*G1*AUTH1
    DTP*291*D8*20260105
    EQ**HC:J3301:LT***1:2
    HL*4*2*22*1
    NM1*IL*1*AUTUMN****MI*W100002
    HL*5*4*23*0
    TRN*1*TR2*9876543210
    NM1*03*1*AUTUMN*KIT
    DMG*D8*20150101*M
    INS*N*19
    EQ*30
    III*ZZ*22
    HL*6*4*23*0
    NM1*03*1*AUTUMN*LEE
    EQ*UC
    HL*7*2*22*0
    NM1*IL*1******MI*W100003
    EQ*MH
"""
ASKED = ASKED.replace("NM1*IL*1*AUTUMN****MI", "NM1*IL*1*AUTUMN*JIM****MI")

ANSWERED = f"""
    BHT*0022*11*Q1*20260105*0931
    HL*1**20*1
    NM1*PR*2*ANYTOWN HEALTH*****PI*ANY01
    PER*IC*HELP DESK*TE*5555550100*EX*12*UR*HTTP PORTAL.EXAMPLE
    HL*2*1*21*1
    NM1*1P*1*WINTER*ANN****XX*{NPI}
    HL*3*2*22*0
    TRN*2*TR1*9876543210
    TRN*1*P77*1512345678*SYSTEM
    NM1*IL*1*SUMMER*JANE*Q***MI*W100001
    REF*6P*G1*GOLD GROUP
    N3*2 ELM ST
    N4*SPRINGFIELD*IL*62701
    DMG*D8*19800101*F
    INS*Y*18*001*25
    HI*ABK:J020
    DTP*346*D8*20260101
    DTP*291*RD8*20260101-20261231
    MPI*C*AE*D**M4*D8*20200101
    EB*1*IND*30^98*HM*GOLD PLAN
    EB*C*IND*30**GOLD PLAN*23*1500
    EB*A*IND*98*****.2
    EB*B*FAM*UC***27*35.5*****W
    HSD*VS*12***34*1
    EB*F*IND*33*****0.5*VS*20*N*Y
    HSD*VS*20*DA*1*21*1*1*A
    REF*9F*R1
    DTP*472*D8*20260105
    MSG*TALK TO THE PLAN FIRST
    MSG*TWICE
    III*ZZ*11
    III*BK*44
    III***44*LEFT HAND
    LS*2120
    NM1*PR*2*OTHERTOWN HEALTH*****PI*OTH01
    N3*9 BANK ST
    N4*SPRINGFIELD*IL*62701**RJ*05
    PER*IC*DESK*TE*5555550100*WP*5555550111
    NM1*IL*1*SUMMER*JOHN****MI*X200001*41
    PRV*PE*PXC*207Q00000X
    LE*2120
    EB*D************HC:J3301:LT*1:2
    EB*E*IND*AL
    AAA*N**55*C
    HL*4*2*22*1
    NM1*IL*1*AUTUMN*JIM****MI*W100002
    HL*5*4*23*0
    TRN*2*TR2*9876543210
    NM1*03*1*AUTUMN*KIT
    DMG*D8*20150101*M
    INS*N*19
    DTP*346*D8*20260101
    EB*1**30
    LS*2120
    NM1*P3*1*WINTER*ANN****SV*P1
    LE*2120
    EB*I**35
    HL*6*4*23*0
    NM1*03*1*AUTUMN*LEE
    AAA*N**67*C
    HL*7*2*22*0
    NM1*IL*1*SPRING*MAY****MI*W100009
    AAA*N**75*C
    AAA*N**72*N
    HL*8**20*0
    AAA*Y**42*R
    NM1*PR*2*OTHERTOWN HEALTH*****PI*OTH01
"""
ANSWERED = ANSWERED.replace("III*BK*44\n    ", "")

STATUS_ASKED = f"""
    BHT*0010*13*Q2*20260105*0930
    HL*1**20*1
    NM1*PR*2*ANYTOWN HEALTH*****PI*ANY01
    HL*2*1*21*1
    NM1*41*2*ANYTOWN BILLING*****46*SUBMIT1
    HL*3*2*19*1
    NM1*1P*2*ANYTOWN CLINIC*****XX*{NPI}
    NM1*1P*2*ANYTOWN CLINIC*****SV*P1
    HL*4*3*22*0
    DMG*D8*19800101*F
    NM1*IL*1*SUMMER*JANE****MI*W100001
    TRN*1*TR1
    REF*1K*ICN1
    REF*BLT*131
    REF*LU*BACK ROOM
    REF*6P*G1
    REF*EJ*PCN1
    REF*XZ*RX1
    REF*D9*CLR1
    AMT*T3*150.25
    DTP*472*RD8*20260101-20260103
    SVC*HC:J3301:LT*50.25**0636***1
    REF*FJ*L1
    DTP*472*D8*20260101
    TRN*1*TR2
    REF*EJ*PCN2
    HL*5*3*22*1
    NM1*IL*1*AUTUMN*JIM****MI*W100002
    HL*6*5*23
    DMG*D8*20150101
    NM1*QC*1*AUTUMN*KIT
    TRN*1*TR3
    SVC*HC:G0439*100*****1
    DTP*472*D8*20260101
    HL*7*5*23
    DMG*D8*20160101*M
    NM1*QC*1*AUTUMN*LEE
    TRN*1*TR4
    HL*8*2*19*1
    NM1*1P*1*WINTER*ANN****XX*{NPI}
    HL*9*8*22*0
    NM1*IL*2*ANYTOWN WORKS*****24*123456789
    TRN*1*TR5
"""

STATUS_ANSWERED = f"""
    BHT*0010*08*A2*20260106*0930*DG
    HL*1**20*1
    NM1*PR*2*ANYTOWN HEALTH*****PI*ANY01
    PER*IC*HELP DESK*TE*5555550100*EX*12
    HL*2*1*21*1
    NM1*41*2*ANYTOWN BILLING*****46*SUBMIT1
    HL*3*2*19*1
    NM1*1P*2*ANYTOWN CLINIC*****XX*{NPI}
    HL*4*3*22*0
    NM1*IL*1*SUMMER*JANE****MI*W100001
    TRN*2*TR1
    STC*F1:65:PR*20260105**150.25*110*20260104**20260105*TRACE1*F1:3*F1:4:1P
    STC*F1:65*20260105
    REF*1K*ICN1
    REF*BLT*131
    REF*EJ*PCN1
    REF*XZ*RX1
    REF*VV*V1
    REF*D9*CLR1
    DTP*472*RD8*20260101-20260103
    SVC*HC:J3301:LT*50.25*40*0636***1
    STC*F1:65::RX*20260105
    REF*FJ*L1
    DTP*472*D8*20260101
    SVC*NU:0450*100*70****1
    STC*F1:65*20260105
    DTP*472*D8*20260101
    HL*5*3*22*1
    NM1*IL*1*AUTUMN*JIM****MI*W100002
    HL*6*5*23
    NM1*QC*1*AUTUMN*KIT
    TRN*2*TR3
    STC*P1:20*20260105**100
    HL*7*2*19*0
    NM1*1P*1*WINTER*ANN****XX*{NPI}
    TRN*1*0
    STC*E0:24:1P*20260106
    HL*8*1*21*0
    NM1*41*2*OTHERTOWN BILLING*****46*SUBMIT2
    TRN*2*Q9
    STC*E0:0:41*20260106
"""

ACKNOWLEDGED = """
    AK1*HC*17*005010X222A1
    AK2*837*0001*005010X222A1
    IK3*CLM*22*2300*8
    CTX*SITUATIONAL TRIGGER*CLM*22*2300*11:1*1325
    CTX*CLM01:PCN1
    IK4*2*782*1*XX
    CTX*SITUATIONAL TRIGGER*CLM*22*2300*5:3
    IK4*5:3*1325*7
    IK3*NM1*30**I6
    IK5*R*5*I5
    AK2*837*0002*005010X222A1
    IK5*A
    AK9*P*2*2*1*5
"""

GOOD = {"270": ASKED, "271": ANSWERED, "276": STATUS_ASKED, "277": STATUS_ANSWERED, "999": ACKNOWLEDGED}


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_set_is_read_without_a_word(kind: str) -> None:
    """Every kind of row that a guide has may stand in a good set: nothing is found, even read strictly."""
    assert told(kind, whole(kind, GOOD[kind])) == []


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_set_goes_out_as_it_came_in(kind: str, samples: SimpleNamespace) -> None:
    """Written in an interchange and read strictly with all rules, it is the same, and nothing is found."""
    texts = whole(kind, GOOD[kind])
    root = read(kind, texts)[0]
    body = [item for item in root.items if isinstance(item, Node) or item[0] not in ("ST", "SE")]
    reader = X12Reader(samples.write(kind, node("", *body)), strict=True)
    for transaction in reader:
        assert transaction.kind == kind
        tree = transaction.tree()
        assert ["*".join(map(str, segment)) for segment in tree.segments()] == texts
        assert [(one.code, one.where) for one in transaction.findings] == []
    assert reader.findings == []


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_set_uses_most_rows_of_its_guide(kind: str) -> None:
    """The good sets above are no toys: each segment id of the guide stands in them."""
    used = {text.split("*")[0] for text in whole(kind, GOOD[kind])}
    assert used == {row.split()[0] for row in _segment_lines(kind)}


def _segment_lines(kind: str) -> list[str]:
    lines = render_guide(guide_named(kind), elements=False).splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("place")) + 1
    return [line for line in lines[start:] if line.strip() and not line.endswith("(loop)")]


def broken(kind: str, was: str, now: str) -> list[str]:
    """The good set with one segment replaced: "" takes it out, a line break puts several in its place."""
    texts = [line.strip() for line in GOOD[kind].strip().splitlines()]
    at = texts.index(was)
    texts[at : at + 1] = [line.strip() for line in now.splitlines()]
    return whole(kind, "\n".join(texts))


FAULTS = [
    ("270", "NM1*PR*2*ANYTOWN HEALTH*****PI*ANY01", "NM1*PR*2*ANYTOWN HEALTH", "element.missing", "2100A NM108"),
    ("270", "NM1*PR*2*ANYTOWN HEALTH*****PI*ANY01", "", "loop.missing", "2100A NM1"),
    ("270", "HL*2*1*21*1", "HL*2*1*21*0", "element.code", "2000B HL04"),
    ("270", "REF*0B*L1*IL", "REF*0B*L1*IL*X", "element.not_used", "2100B REF04"),
    ("270", "TRN*1*TR2*9876543210", "TRN*2*TR2*9876543210", "element.code", "2000D TRN01"),
    ("270", "TRN*1*TR2*9876543210", "TRN*1*TR2", "element.missing", "2000D TRN03"),
    ("270", "TRN*1*TR1*9876543210*DESK", "TRN*1*A*9876543210\n" * 3, "segment.repeats", "2000C TRN"),
    ("270", "REF*6P*G1", "REF*6P*G1*GOLD", "element.not_used", "2100C REF03"),
    ("270", "DMG*D8*19800101*F", "DMG*D8*19800231*F", "element.date", "2100C DMG02"),
    ("270", "DMG*D8*19800101*F", "DMG**19800101*F", "element.relation", "2100C DMG01"),
    ("270", "INS*Y*18***************2", "INS*Y*18", "element.missing", "2100C INS17"),
    ("270", "INS*N*19", "INS*N*18", "element.code", "2100D INS02"),
    ("270", "HI*ABK:J020*ABF:E119", "HI*ABK:J020*ABK:E119", "element.code", "2100C HI02-1"),
    ("270", "DTP*291*RD8*20260101-20260131", "DTP*291*RD8*20260131-20260101", "element.date", "2100C DTP03"),
    ("270", "EQ*30^98^AL**FAM", "EQ*30^29*", "element.code", "2110C EQ01"),
    ("270", "EQ*UC", "EQ", "element.relation", "2110D EQ01"),
    ("270", "EQ*UC", "", "loop.missing", "2110D EQ"),
    ("270", "EQ*30", "EQ*30**FAM", "element.not_used", "2110D EQ03"),
    ("270", "III*ZZ*22", "AMT*R*20", "segment.unexpected", "2110D AMT"),
    ("270", "NM1*03*1*AUTUMN*LEE", "NM1*03*1*AUTUMN*LEE****MI*W1", "element.not_used", "2100D NM108"),
    ("270", "HL*4*2*22*1", "HL*4*2*22*0", "hl.children", "2000C HL04"),
    ("270", "HL*6*4*23*0", "HL*6*5*23*0", "hl.parent", "2000D HL02"),
    ("270", "HL*7*2*22*0", "HL*9*2*22*0", "hl.sequence", "2000C HL01"),
    ("271", "BHT*0022*11*Q1*20260105*0931", "BHT*0022*13*Q1*20260105*0931", "element.code", "BHT02"),
    ("271", "EB*1*IND*30^98*HM*GOLD PLAN", "EB*Z*IND*30", "element.code", "2110C EB01"),
    ("271", "EB*1*IND*30^98*HM*GOLD PLAN", "EB*1*IND*30^BO", "element.code", "2110C EB03"),
    ("271", "EB*F*IND*33*****0.5*VS*20*N*Y", "EB*F*IND*33*****0.5*VS**N*Y", "element.relation", "2110C EB10"),
    ("271", "EB*D************HC:J3301:LT*1:2", "EB*D************HC::LT", "element.missing", "2110C EB13-2"),
    ("271", "HSD*VS*12***34*1", "HSD*VS*****1", "element.relation", "2110C HSD02"),
    ("271", "III***44*LEFT HAND", "III***44", "element.relation", "2115C III04"),
    ("271", "LS*2120", "", "segment.missing", "2120C-LS LS"),
    ("271", "LE*2120", "", "segment.missing", "2120C-LS LE"),
    ("271", "LE*2120", "LE*2110", "element.code", "2120C-LS LE01"),
    ("271", "NM1*IL*1*SUMMER*JOHN****MI*X200001*41", "NM1*85*1*SUMMER*JOHN", "segment.unexpected", "2120C NM1"),
    ("271", "N4*SPRINGFIELD*IL*62701**RJ*05", "N4*SPRINGFIELD*IL*62701***05", "element.relation", "2120C N405"),
    ("271", "AAA*N**67*C", "AAA*N**76*C", "element.code", "2100D AAA03"),
    ("271", "AAA*N**55*C", "AAA*N**75*C", "element.code", "2110C AAA03"),
    ("271", "MPI*C*AE*D**M4*D8*20200101", "MPI*C*AE*D**M4*D8", "element.relation", "2100C MPI07"),
    ("271", "TRN*1*P77*1512345678*SYSTEM", "TRN*1*A*1512345678\n" * 3, "segment.repeats", "2000C TRN"),
    (
        "276",
        "NM1*41*2*ANYTOWN BILLING*****46*SUBMIT1",
        "NM1*41*2*A*****XX*SUBMIT1",
        "element.code",
        "2100B NM108",
    ),
    ("276", "TRN*1*TR1", "TRN*1*TR1*9876543210", "element.not_used", "2200D TRN03"),
    ("276", "REF*LU*BACK ROOM", "REF*VV*V1", "element.code", "2200D REF01"),
    ("276", "AMT*T3*150.25", "AMT*T3*150.2.5", "element.number", "2200D AMT02"),
    ("276", "REF*FJ*L1", "REF*FJ*L1\nREF*FJ*L2", "segment.repeats", "2210D REF"),
    ("276", "SVC*HC:G0439*100*****1", "SVC*HC:G0439*100*90****1", "element.not_used", "2210E SVC03"),
    ("276", "DMG*D8*20150101", "", "segment.missing", "2000E DMG"),
    ("276", "TRN*1*TR4", "", "loop.missing", "2200E TRN"),
    ("276", "HL*7*5*23", "HL*7*5*23*0", "element.not_used", "2000E HL04"),
    ("276", "NM1*1P*2*ANYTOWN CLINIC*****SV*P1", "NM1*1P*2*A*****SV*P1\n" * 2, "loop.repeats", "2100C NM1"),
    ("277", "BHT*0010*08*A2*20260106*0930*DG", "BHT*0010*08*A2*20260106*0930*TH", "element.code", "BHT06"),
    ("277", "STC*P1:20*20260105**100", "STC*P1:20***100", "element.missing", "2200E STC02"),
    ("277", "STC*P1:20*20260105**100", "STC*P1:20*20260105*WQ*100", "element.not_used", "2200E STC03"),
    ("277", "STC*P1:20*20260105**100", "", "segment.missing", "2200E STC"),
    ("277", "STC*E0:0:41*20260106", "STC*E0:0:1P*20260106", "element.code", "2200B STC01-3"),
    ("277", "SVC*NU:0450*100*70****1", "SVC*NU:0450*100*70", "element.missing", "2220D SVC07"),
    ("277", "SVC*NU:0450*100*70****1", "SVC*XX:0450*100*70****1", "element.code", "2220D SVC01-1"),
    ("277", "TRN*2*TR1", "TRN*1*TR1", "element.code", "2200D TRN01"),
    ("277", "REF*VV*V1", "REF*LU*V1", "element.code", "2200D REF01"),
    ("277", "NM1*QC*1*AUTUMN*KIT", "NM1*QC*2*AUTUMN*KIT", "element.code", "2100E NM102"),
    ("999", "IK3*CLM*22*2300*8", "IK3*CLM*22*2300*9", "element.code", "2100 IK304"),
    ("999", "CTX*CLM01:PCN1", "CTX*CLM01", "element.missing", "2100 CTX01-2"),
    ("999", "CTX*CLM01:PCN1", "CTX*CLM99:PCN1", "element.code", "2100 CTX01-1"),
    ("999", "CTX*CLM01:PCN1", "CTX*CLM01:PCN1\nCTX*CLM01:PCN2", "segment.repeats", "2100 CTX"),
    ("999", "IK4*2*782*1*XX", "IK4**782*1*XX", "element.missing", "2110 IK401"),
    ("999", "IK5*A", "IK5*P", "element.code", "2000 IK501"),
    ("999", "IK5*R*5*I5", "IK5*R*14", "element.code", "2000 IK502"),
    ("999", "AK9*P*2*2*1*5", "AK9*P*2*2*1*7", "element.code", "AK905"),
    ("999", "AK9*P*2*2*1*5", "", "segment.missing", "AK9"),
]


@pytest.mark.parametrize(("kind", "was", "now", "code", "where"), FAULTS)
def test_one_broken_row_is_found_at_its_place(kind: str, was: str, now: str, code: str, where: str) -> None:
    """One row that breaks its guide gives its finding, at its loop, segment and element."""
    assert (code, where) in [(found, place) for found, place, _ in told(kind, broken(kind, was, now))]


def inside(node: Node, *path: str) -> Node:
    """The first loop below a node along a path of loop ids."""
    for loop in path:
        node = node.children(loop)[0]
    return node


def test_levels_of_a_271_stand_below_their_own() -> None:
    """Subscribers follow dependents and another payer follows both: every level closes what it must."""
    root, findings, _ = read("271", whole("271", ANSWERED))
    assert findings == []
    first, second = root.children("2000A")
    assert second.children("2000B") == []
    (receiver,) = first.children("2000B")
    jane, jim, may = receiver.children("2000C")
    assert [len(one.children("2000D")) for one in (jane, jim, may)] == [0, 2, 0]
    kit, lee = jim.children("2000D")
    assert [len(inside(one, "2100D").children("2110D")) for one in (kit, lee)] == [2, 0]


def test_who_is_concerned_is_no_subscriber() -> None:
    """NM1*IL opens 2100C at its level and 2120C between LS and LE, and EB behind LE belongs to the subscriber."""
    root, _, _ = read("271", whole("271", ANSWERED))
    name = inside(root, "2000A", "2000B", "2000C", "2100C")
    benefits = name.children("2110C")
    (between,) = [loop for one in benefits for loop in one.children("2120C-LS")]
    assert [one.value("NM1", 1) for one in between.children("2120C")] == ["PR", "IL"]
    assert [one.value("EB", 1) for one in benefits] == ["1", "C", "A", "B", "F", "D", "E"]


def test_one_concerned_without_ls_is_still_no_payer() -> None:
    """NM1*PR behind EB, where LS and LE were forgotten, stays in its benefit: the levels around it are kept."""
    texts = [text for text in whole("271", ANSWERED) if not text.startswith(("LS*", "LE*", "SE*"))]
    root, findings, _ = read("271", [*texts, f"SE*{len(texts) + 1}*0001"])
    assert {one.code for one in findings} == {"segment.missing"}
    assert {one.segment for one in findings} == {"LS", "LE"}
    assert len(root.children("2000A")) == 2


def test_each_claim_of_a_277_is_a_unit_with_its_levels() -> None:
    """A claim of a subscriber and one of a dependent come one by one, each under the levels it belongs to."""
    walk = Walk(guide_named("277"), STANDARD, units=("2200D", "2200E"))
    seen = []
    for unit in walk.run(whole("277", STATUS_ANSWERED)):
        level = unit.parent
        assert level is not None
        seen.append((unit.loop, unit.value("TRN", 2), level.loop, level.value("HL", 1)))
    assert seen == [("2200D", "TR1", "2000D", "4"), ("2200E", "TR3", "2000E", "6")]


def test_the_two_kinds_of_277_are_told_apart_by_their_version() -> None:
    """X212 answers a question, X214 acknowledges claims; neither is read for the other."""
    assert guide_for("277", "005010X212") is guide_named("277")
    assert guide_for("277", "005010X214") is guide_named("277CA")
    for transaction in ("270", "271"):
        assert (
            guide_for(transaction, "005010X279")
            is guide_for(transaction, "005010X279A1")
            is guide_named(transaction)
        )
    assert guide_for("276", "005010X214") is None


def test_the_ta1_is_a_row_without_a_set() -> None:
    """It is found by its name and printed; no transaction set is ever read as one."""
    guide = guide_named("ta1")
    assert guide not in GUIDES
    assert guide.root.rows == (ta1_row(),)
    assert "TA105" in render_guide(guide)
    assert guide_for("TA1", "00501") is None
