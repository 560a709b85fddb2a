"""For each rule of a claim a good file with that one fault, and exactly the findings expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.x12.envelope import X12Reader
from tests.x12.edits_837id import DENTAL, INSTITUTIONAL
from tests.x12.edits_837p import EDITS
from tests.x12.mutations import Edit, edited, findings, line_of, recounted, told

PASS = Path(__file__).parent / "pass"
GOOD = (PASS / "837p_whole.x12").read_text()
GOOD_BY_KIND = {kind: (PASS / f"837{kind}_whole.x12").read_text() for kind in "id"}
STREET, CITY = "N3*1 MAIN ST*SUITE 4", "N4*SPRINGFIELD*IL*62701~"
CLAIM, SERVICE = "CLM*PCN102*90.5***11:B:7*Y*A*Y*Y", "SV1*HC:T1015*65.5*UN*1***1"
LINE = "LX*1~\nSV1*HC:T1015*65.5*UN*1***1~\nDTP*472*D8*20260105~\nLX*2~\nSV1*HC:J3301*25*UN*2***1~\n"
ONE_LINE = "SV1*HC:G0379:25*200*UN*1***1:2:3~\nDTP*472*D8*20260102~\nREF*6R*PCN101L1~\nLX*2~\n"

# what is unusual and right: nothing may be found
FINE = (
    *[
        Edit(f"street {street}", STREET, f"N3*{street}", ())
        for street in (
            "12 BOXWOOD LN",
            "1 EXPO BOXES WAY",
            "RR 2 BOX 12",
            "HC 1 BOX 5",
            "RR 2*BOX 12",
            "12 MAIN ST BOX 4",
            "1 POB ST",
            "4 BOX ELDER RD",
            "BOX ELDER RD 12",
            "12 LOCKWOOD AVE",
            "12 LOCKBOX LN",
            "1959 PACIFIC ST*BOX 356",
            "12 DROP BOX RD",
            "1 POBLANO WAY",
        )
    ],
    Edit("box of a subscriber", "N3*2 ELM ST", "N3*PO BOX 3", ()),
    Edit("ZIP+4 of zeros", "N4*SPRINGFIELD*IL*627011234", "N4*SPRINGFIELD*IL*627010000", ()),
    Edit("country said", CITY, "N4*SPRINGFIELD*IL*62701*US~", ()),
    Edit("Canada", CITY, "N4*TORONTO*ON*M5V 3L9*CA~", ()),
    Edit("elsewhere", CITY, "N4*PARIS**75001*FR~", ()),
    Edit("elsewhere without code", CITY, "N4*NASSAU***BS~", ()),
    Edit("solo on a social security number", "REF*EI*123456789", "REF*SY*123456789", ()),
    Edit("accident abroad", "**AA:::IL", "**AA::::MX", ()),
    Edit("employment without a date", CLAIM, f"{CLAIM}**EM", ()),
    Edit("service on the day of creation", "DTP*472*D8*20260105", "DTP*472*D8*20260120", ()),
    Edit("period of one day", "20260103-20260104", "20260103-20260103", ()),
    Edit("supplies for days to come", "DTP*472*D8*20260108", "DTP*472*RD8*20260108-20260207", ()),
    Edit("born on the day of creation", "19800101", "20260120", ()),
    Edit("attachment by fax", "REF*G1*AUTH1001", "PWK*OB*FX***AC*ATT1~\nREF*G1*AUTH1001", ()),
    Edit("attachment on request", "REF*G1*AUTH1001", "PWK*OB*AA~\nREF*G1*AUTH1001", ()),
    Edit("anesthesia code", "HI*ABK:J020~", "HI*ABK:J020~\nHI*BP:00000~", ()),
    Edit("condition information", "HI*ABK:J020~", "HI*ABK:J020~\nHI*BG:17~", ()),
    Edit("twelve diagnoses", "HI*ABK:J020~", "HI*ABK:J020" + "*ABF:E119" * 11 + "~", ()),
    Edit("codes with a letter third", "HI*ABK:J020~", "HI*ABK:C4A0*ABF:Z3A01*ABF:M1A00X0*ABF:U071~", ()),
    Edit("CPT of other categories", SERVICE, "SV1*HC:0000U*65.5*UN*1***1", ()),
    Edit("tracking code", SERVICE, "SV1*HC:0000F:1P*65.5*UN*1***1", ()),
    Edit("code in words", SERVICE, "SV1*HC:T1999:::::A WORD OR TWO*65.5*UN*1***1", ()),
    Edit("waived test with CLIA of the claim", "REF*G1*AUTH1001~\n", "REF*G1*AUTH1001~\nREF*X4*99D1234567~\n", ()),
    Edit("waived test with CLIA of the line", "SV1*HC:T1015*65.5*UN*1***1~\nDTP*472*D8*20260105~",
         "SV1*HC:T1015:QW*65.5*UN*1***1~\nDTP*472*D8*20260105~\nREF*X4*99D1234567~", ()),
    Edit("three decimals", "*200*UN*1*", "*200*UN*1.125*", ()),
    Edit("one pointer twice", SERVICE, f"{SERVICE}:1", ()),
    Edit("charges with all cents", "CLM*PCN101*275*", "CLM*PCN101*275.00*", ()),
    Edit("charges without whole numbers", LINE, LINE.replace("65.5", "90").replace("*25*", "*.50*"), ()),
    Edit("other loops first", "NM1*IL*1*AUTUMN*JIM****MI*W100002~\nNM1*PR*2*OTHERTOWN HEALTH*****PI*OTH02~\n",
         "NM1*PR*2*OTHERTOWN HEALTH*****PI*OTH02~\nNM1*IL*1*AUTUMN*JIM****MI*W100002~\n", ()),
    Edit("a line without a charge", f"{ONE_LINE}SV1*HC:G0380*75*",
         f"{ONE_LINE}SV1*HC:G0380*0*".replace("*200", "*275"), ()),
    Edit("a void beside the new claim", "CLM*PCN102*90.5***11:B:7*", "CLM*PCN101*90.5***11:B:8*", ()),
    Edit("a line that another payer split",
         "SVD*FIR01*70*HC:G0439**1~\nCAS*CO*45*20~\nCAS*PR*2*10~\nDTP*573*D8*20260110~",
         "SVD*FIR01*30*HC:G0438**1~\nCAS*CO*45*20~\nDTP*573*D8*20260110~\n"
         "SVD*FIR01*40*HC:G0439**1~\nCAS*PR*2*10~\nDTP*573*D8*20260110~", ()),
    Edit("an adjustment with its quantity", "CAS*CO*45*20~", "CAS*CO*45*20*1~", ()),
    Edit("two reasons of a group", "CAS*CO*45*20~", "CAS*CO*45*15**253*5~", ()),
    Edit("the other payer's negative adjustment", "CAS*CO*45*20~", "CAS*CO*45*25~\nCAS*OA*94*-5~", ()),
)  # fmt: skip


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: f"{edit.found[0]} {edit.name}")
def test_one_fault_is_found_at_its_place(edit: Edit) -> None:
    """A professional claim that breaks one rule (the heading of its row) gives the findings of the row alone."""
    proved(GOOD, edit)


@pytest.mark.parametrize("edit", INSTITUTIONAL, ids=lambda edit: f"{edit.found[0]} {edit.name}")
def test_one_fault_of_a_hospital_is_found_at_its_place(edit: Edit) -> None:
    """An institutional claim that breaks one rule gives the findings of the row alone."""
    proved(GOOD_BY_KIND["i"], edit)


@pytest.mark.parametrize("edit", DENTAL, ids=lambda edit: f"{edit.found[0]} {edit.name}")
def test_one_fault_of_a_dentist_is_found_at_its_place(edit: Edit) -> None:
    """A dental claim that breaks one rule gives the findings of the row alone."""
    proved(GOOD_BY_KIND["d"], edit)


def proved(good: str, edit: Edit) -> None:
    """Makes the fault, and holds what is found to its row, its line, its words and its status."""
    bad = edited(good, edit)
    found = findings(bad)
    assert told(found) == list(edit.found)
    for one in found:
        absent = one.ik3 in ("3", "I6", "I7")
        assert absent or not one.line or line_of(bad, one).upper().startswith(one.segment)
        assert one.message
        assert one.status or one.segment in ("ISA", "GS", "GE", "IEA")


@pytest.mark.parametrize("edit", FINE, ids=lambda edit: edit.name)
def test_what_is_unusual_and_right_is_left_alone(edit: Edit) -> None:
    """A rule never speaks of a file that keeps it, however unusual."""
    assert told(findings(edited(GOOD, edit))) == []


def test_fifty_lines_are_the_most_of_a_claim() -> None:
    """The 51st line of a claim is told, the 50th is not."""
    body = "".join(f"LX*{n}~\nSV1*HC:T1015*1*UN*1***1~\nDTP*472*D8*20260105~\n" for n in range(1, 52))
    start, end = GOOD.index(LINE), GOOD.index("HL*3*1*22")
    most = GOOD[:start] + body[: body.index("LX*51~")] + GOOD[end:]
    assert told(findings(recounted(most.replace("PCN102*90.5", "PCN102*50")))) == []
    more = GOOD[:start] + body + GOOD[end:]
    assert told(findings(recounted(more.replace("PCN102*90.5", "PCN102*51")))) == ["loop.repeats 2400 LX"]


def test_a_hundred_claims_are_the_most_of_a_patient() -> None:
    """The 101st claim below one patient is told once."""
    start, end = GOOD.index("CLM*PCN105"), GOOD.index("SE*")
    claim = "CLM*P{}*1***11:B:1*Y*A*Y*Y~\nHI*ABK:J020~\nLX*1~\nSV1*HC:T1015*1*UN*1***1~\nDTP*472*D8*20260105~\n"
    many = "".join(claim.format(number) for number in range(101))
    assert told(findings(recounted(GOOD[:start] + many + GOOD[end:]))) == ["loop.repeats 2300 CLM"]


def test_a_charge_of_zero_warns() -> None:
    """A claim of zero with BHT06=CH is warned of, since many payers refuse it; an encounter (RP) is not."""
    nothing = GOOD.replace("PCN102*90.5", "PCN102*0").replace("*65.5*UN", "*0*UN").replace("*25*UN*2", "*0*UN*2")
    found = findings(nothing)
    assert [(one.code, one.where, one.snip, one.severity) for one in found] == [
        ("clm.zero", "2300 CLM02", 7, "warning")
    ]
    assert findings(nothing.replace("*0930*CH~", "*0930*RP~")) == []


def test_a_number_used_in_another_batch_warns() -> None:
    """CLM01 is told when an earlier set of another batch used it; a copy of the same batch (BHT03) is left alone."""
    start, end = GOOD.index("ST*837"), GOOD.index("GE*1*1")
    one = GOOD[start:end]
    two = one.replace("ST*837*0001", "ST*837*0002").replace("*0001~", "*0002~")
    both = (GOOD[:end] + two + GOOD[end:]).replace("GE*1*1", "GE*2*1")
    assert told(findings(both)) == []
    other = (GOOD[:end] + two.replace("BATCH21", "BATCH22") + GOOD[end:]).replace("GE*1*1", "GE*2*1")
    assert told(findings(other)) == ["clm.duplicate 2300 CLM01"] * 5


def test_codes_follow_the_day_of_service() -> None:
    """ICD-10 is told before 2015-10-01, and ICD-9 from that day on; each is right on the other side of it."""
    early = GOOD[: GOOD.index("HL*3*1*22")] + GOOD[GOOD.index("SE*") :]
    early = early.replace("20260105", "20150930")
    assert told(findings(recounted(early))) == ["hi.icd10_early 2300 HI01-1"]
    assert told(findings(recounted(early.replace("HI*ABK:J020", "HI*BK:0340")))) == []


def test_a_payer_that_decided_on_the_claim_alone_explains_the_charge() -> None:
    """CLM02 = AMT*D + CAS of the claim where no line was decided; a pay-to plan may tell its amount alone."""
    gone = ("SVD*", "DTP*573", "CAS*CO*45*20", "CAS*PR*2*10")
    texts = [text for text in GOOD.split("~\n") if not text.startswith(gone)]
    good = recounted("~\n".join(texts).replace("CAS*OA*23*5", "CAS*CO*45*20~\nCAS*PR*2*25"))
    assert told(findings(good)) == []
    balance = ["cob.claim_balance 2320 AMT02"]
    assert told(findings(good.replace("AMT*D*105.25", "AMT*D*105"))) == balance
    assert told(findings(good.replace("CAS*PR*2*25", "CAS*PR*2*20"))) == balance
    bare = recounted(good.replace("CAS*CO*45*20~\nCAS*PR*2*25~\n", ""))
    assert told(findings(bare)) == balance
    plan = "NM1*PE*2*STATE PLAN*****PI*STA01~\nN3*9 BANK ST~\nN4*SPRINGFIELD*IL*62701~\nREF*EI*123456789~\n"
    assert told(findings(recounted(bare.replace("HL*2*1*22", f"{plan}HL*2*1*22")))) == []


def test_a_diagnosis_holds_on_the_days_of_service() -> None:
    """A code that the caller's edition does not know on the last and the first day is told at its element."""

    def judge(code: str, day: str) -> tuple[str, str]:
        """Knows no J020 from 2026-01-05 on, and doubts I10."""
        if code == "J020" and day >= "20260105":
            return "error", "is no code on this day"
        return ("warning", "is not known") if code == "I10" else ("", "")

    def found(text: str) -> list[tuple[str, str, str]]:
        reader = X12Reader(text.encode(), strict=True, diagnoses=judge)
        return [(one.code, one.where, one.severity) for told in reader for one in told.check()]

    unknown = ("hi.icd10_unknown", "2300 HI01-2", "error")
    assert found(GOOD) == [("hi.icd10_unknown", "2300 HI03-2", "warning"), unknown, unknown]
    across = GOOD.replace("DTP*472*D8*20260105", "DTP*472*D8*20260104", 1)
    assert found(across) == [("hi.icd10_unknown", "2300 HI03-2", "warning"), unknown]
    assert found(GOOD.replace("ABK:J020", "ABK:J02.0"))[1:] == [("hi.icd10", "2300 HI01-2", "error")] * 2
