"""Claims that payers answered before, corrected and void ones, several claims in a set, and broken ones."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest
from flowlab.claims_837 import BEGIN, BILLING, CLM, LINE, SUBSCRIBER, file_of, read_one, read_sets
from msgspec.structs import replace

from hub.flow.claim_837 import Unwritable, write_claims
from hub.model.claim import Adjustment, Claim, LineAdjudication
from hub.model.coverage import Coverage, KnownBy
from hub.model.institutional import Inpatient, Outpatient
from hub.model.people import Name, Reference
from hub.model.services import Amount
from hub.x12.wire import Delimiters

D = Decimal
OTHER = (
    "SBR*P*18*G1*GROUP*12****MB",
    "CAS*PR*1*20*1*2*5.50",
    "CAS*CO*45*10",
    "AMT*D*64.50",
    "AMT*EAF*25.50",
    "OI***Y*P**Y",
    "MOA*.8*12**N123*N456",
    "NM1*IL*1*BITTERN*ORLA****MI*M9",
    "NM1*PR*2*FIRST PLAN*****PI*PLAN9",
    "DTP*573*D8*20260301",
    "REF*2U*P9",
    "REF*F8*ICN9",
    "NM1*82*1",
    "REF*G2*NUM1",
    "REF*LU*NUM2",
    "NM1*85*2",
    "REF*G2*NUM3",
)
WAITING = (
    "SBR*T*01*******CI",
    "OI***N***I",
    "NM1*IL*1*BITTERN*HUGH****MI*M8",
    "NM1*PR*2*THIRD PLAN*****PI*PLAN8",
)
ANSWERED_LINE = (
    *LINE,
    "SVD*PLAN9*64.50*HC:T1015:76**1*2",
    "CAS*CO*45*10",
    "CAS*PR*1*20**2*5.5*1",
    "DTP*573*D8*20260301",
    "AMT*EAF*25.50",
)


def test_an_answer_at_both_levels() -> None:
    """2320, 2330 and 2430: the policy, what was paid and adjusted, when, under which numbers, and by line."""
    told = read_one("P", CLM, *OTHER, *WAITING, *ANSWERED_LINE)
    (first,) = told.other_payers
    assert (first.paid, first.on, first.control_number) == (D("64.50"), date(2026, 3, 1), "ICN9")
    assert first.adjustments == (
        Adjustment(group="PR", reason="1", amount=D(20), quantity=D(1)),
        Adjustment(group="PR", reason="2", amount=D("5.50")),
        Adjustment(group="CO", reason="45", amount=D(10)),
    )
    assert first.amounts == (Amount(kind="remaining", dollars=D("25.50")),)
    assert first.outpatient == Outpatient(rate=D(".8"), payable=D(12), remarks=("N123", "N456"))
    policy = first.coverage
    assert (policy.rank, policy.relationship, policy.subscriber, policy.member_id) == (1, "self", None, "M9")
    assert (policy.payer_name, policy.payer_id, policy.insurance_type) == ("FIRST PLAN", "PLAN9", "12")
    assert (policy.benefits_assigned, policy.patient_signature, policy.release) == ("Y", "P", "Y")
    assert policy.payer_references == (Reference(kind="payer", value="P9"),)
    assert [(known.role, known.is_person, len(known.references)) for known in policy.providers] == [
        ("rendering", True, 2),
        ("billing", False, 1),
    ]
    assert isinstance(policy.providers[0], KnownBy)
    (line,) = told.lines
    assert line.adjudications == (
        LineAdjudication(
            payer="",
            payer_id="PLAN9",
            paid=D("64.50"),
            hcpcs="T1015",
            modifiers=("76",),
            units=D(1),
            bundled_into="2",
            adjustments=(
                Adjustment(group="CO", reason="45", amount=D(10)),
                Adjustment(group="PR", reason="1", amount=D(20)),
                Adjustment(group="PR", reason="2", amount=D("5.5"), quantity=D(1)),
            ),
            on=date(2026, 3, 1),
            remaining=D("25.50"),
        ),
    )


def test_a_policy_that_waits_is_a_coverage() -> None:
    """A 2320 without an answer is another coverage, with who holds it; before an answered one it keeps its place."""
    told = read_one("P", CLM, *OTHER, *WAITING, *LINE)
    (waiting,) = told.other_coverages
    assert isinstance(waiting, Coverage)
    assert (waiting.rank, waiting.relationship, waiting.release) == (3, "spouse", "I")
    assert waiting.subscriber is not None
    assert waiting.subscriber.name == Name(last="BITTERN", first="HUGH")
    turned = read_one("P", CLM, *WAITING, *OTHER, *LINE)
    assert [other.is_answered for other in turned.other_payers] == [False, True]
    assert turned.other_coverages == ()


def test_more_than_six_adjustments_go_on_in_another_segment() -> None:
    """Seven triplets of one group stand in two CAS segments, on the way in and out."""
    many = "*".join(f"{reason}*1*" for reason in range(1, 7)).rstrip("*")
    told = read_one(
        "P",
        CLM,
        "SBR*P*18*******MB",
        f"CAS*CO*{many}",
        "CAS*CO*7*1",
        *OTHER[3:4],
        *OTHER[5:6],
        *OTHER[7:9],
        *LINE,
    )
    assert [one.reason for one in told.other_payers[0].adjustments] == list("1234567")
    assert told.rest == ()


def test_an_inpatient_answer() -> None:
    """MIA: days, the group's amount, remarks and capital each have their field."""
    mia = "MIA*5***1200.50*MA01*******3******4**N1*N2"
    stay = ("CLM*A1*100***11:A:1**A*Y*Y", "DTP*434*RD8*20260201-20260205", "CL1*1*7*01", "HI*ABK:E119")
    told = read_one(
        "I", *stay, *OTHER[:1], *OTHER[3:4], *OTHER[5:6], mia, *OTHER[7:9], "LX*1", "SV2*0120**100*DA*5"
    )
    assert told.other_payers[0].inpatient == Inpatient(
        covered_days=D(5),
        drg=D("1200.50"),
        remark="MA01",
        old_capital=D(3),
        teaching=D(4),
        remarks=("N1", "N2"),
    )
    assert told.rest == ()


@pytest.mark.parametrize(("frequency", "what"), [("7", "corrected"), ("8", "void")])
def test_a_claim_that_follows_another(frequency: str, what: str) -> None:
    """A corrected and a void claim say so in CLM05-3 and name the payer's claim in REF*F8."""
    told = read_one("P", CLM.replace(":1*", f":{frequency}*"), "REF*F8*ICN1", *LINE)
    assert (told.frequency, told.original_reference, told.rest) == (frequency, "ICN1", ()), what


def test_claims_share_the_levels_that_they_shared() -> None:
    """Two claims of a patient, a dependent, another subscriber and another biller come back under the same levels."""
    dependent = (
        "HL*3*2*23*0",
        "PAT*19",
        "NM1*QC*1*BITTERN*WREN",
        "N3*5 REED STREET",
        "N4*EXAMPLETON*OH*44099",
        "DMG*D8*20200203*M",
    )
    holder = ("HL*2*1*22*1", "SBR*P********CI", *SUBSCRIBER[2:])
    body = (
        *BEGIN,
        *BILLING,
        *holder,
        *dependent,
        *(CLM, *LINE),
        *(CLM.replace("A1", "A2"), *LINE),
        *("HL*4*2*23*0", *dependent[1:], CLM.replace("A1", "A3"), *LINE),
        *("HL*5*1*22*0", *SUBSCRIBER[1:], CLM.replace("A1", "A4"), *LINE),
        *("HL*6**20*1", *BILLING[1:], "HL*7*6*22*0", *SUBSCRIBER[1:], CLM.replace("A1", "A5"), *LINE),
    )
    (one,) = read_sets(file_of("P", body))
    assert [claim.opens for claim in one.claims] == ["billing", "claim", "patient", "subscriber", "billing"]
    assert one.written() == one.texts
    assert [claim.control_number for claim in one.claims] == ["A1", "A2", "A3", "A4", "A5"]


def test_levels_without_claims_are_kept() -> None:
    """A subscriber without a claim, before a claim or at the end, has no record; it is written again at its place."""
    empty = ("HL*2*1*22*0", *SUBSCRIBER[1:])
    claim = (*SUBSCRIBER[1:], CLM, *LINE)
    for body in ((*empty, "HL*3*1*22*0", *claim), ("HL*2*1*22*0", *claim, "HL*3*1*22*0", *empty[1:])):
        (one,) = read_sets(file_of("P", (*BEGIN, *BILLING, *body)))
        assert len(one.claims) == 1
        assert one.written() == one.texts


def test_a_set_that_is_cut_keeps_its_last_claim() -> None:
    """Levels after the last claim, whose HL04 tells of some that never come, are written after it, not instead."""
    cut = ("HL*3*1*22*1", "SBR*P********CI", "NM1*IL*1*BITTERN*IDA****MI*M2")
    (one,) = read_sets(file_of("P", (*BEGIN, *BILLING, *SUBSCRIBER, CLM, *LINE, *cut)))
    assert len(one.claims) == 1
    assert one.written() == one.texts


@pytest.mark.parametrize("level", ["HL*2*1*22*1", "HL*2*1*22*X", "HL*2*1*22", "HL*7*1*22*0"])
def test_a_level_that_is_numbered_wrong_stays_so(level: str) -> None:
    """HL01 and HL04 that are not the truth, or not there, are written as they were read."""
    (one,) = read_sets(file_of("P", (*BEGIN, *BILLING, level, *SUBSCRIBER[1:], CLM, *LINE)))
    assert len(one.claims) == 1
    assert one.written() == one.texts


def test_a_claim_without_a_subscriber_is_told() -> None:
    """A claim right below the billing provider is a problem, and none of it goes along with the next claim."""
    body = (*BEGIN, *BILLING, CLM, *LINE, *SUBSCRIBER, CLM.replace("A1", "A2"), *LINE)
    (one,) = read_sets(file_of("P", body))
    assert [problem.where for problem in one.problems] == ["2300 HL (segment 11)"]
    assert [claim.control_number for claim in one.claims] == ["A2"]
    assert not any(text.startswith("CLM*A1*") for text in one.written())


@pytest.mark.parametrize("mark", ["\x01", "\x02", "\x03"])
def test_a_control_character_is_never_written_as_a_delimiter(mark: str) -> None:
    """What parts elements inside the hub is no part of a value: a claim that holds it cannot be read, others can."""
    bad = CLM.replace("A1", f"A{mark}1")
    (one,) = read_sets(file_of("P", (*BEGIN, *BILLING, *SUBSCRIBER, bad, *LINE, CLM, *LINE)))
    assert [problem.where for problem in one.problems] == ["2300 control character (segment 18)"]
    assert [claim.control_number for claim in one.claims] == ["A1"]
    assert len(one.written()) == len(one.texts) - 4


def test_what_no_field_holds_stays_at_its_place() -> None:
    """An unknown segment, another order and another spelling are kept beside the fields, and written again."""
    told = read_one(
        "P", CLM, "ZZ1*X*Y:Z", "REF*EA*MR1", "REF*G1*AUTH1", "LX*1", "SV1*HC:T1015*.5*UN*01***1", LINE[2]
    )
    assert told.authorization == "AUTH1"
    assert told.lines[0].amount == D("0.5")
    assert len(told.rest) == 3


def test_a_changed_claim_is_written_as_it_is_now() -> None:
    """What was kept of the spelling gives way where its field was changed, and stays where it was not."""
    told = read_one("P", CLM, "ZZ1*X", "LX*1", "SV1*HC:T1015*.5*UN*01***1", LINE[2])
    (one,) = read_sets(file_of("P", (*BEGIN, *BILLING, *SUBSCRIBER, CLM, "ZZ1*X", *LINE)))
    changed = replace(told, lines=(replace(told.lines[0], amount=D("99.10")),))
    texts = write_claims(one.told[0][0], [changed])
    assert "ZZ1*X" in texts
    assert "SV1*HC:T1015*99.10*UN*1***1" in texts


def test_one_bad_claim_never_loses_the_others() -> None:
    """A claim with an amount that is no number is a problem with its place; the one after it is read, and written."""
    bad = CLM.replace("*100*", "*1OO*")
    body = (*BEGIN, *BILLING, *SUBSCRIBER, bad, *LINE, CLM.replace("A1", "A2"), *LINE)
    (one,) = read_sets(file_of("P", body))
    (problem,) = one.problems
    assert (problem.code, problem.where) == ("claim.unreadable", "2300 CLM02 (segment 18)")
    assert "1OO" not in repr(problem)
    assert [claim.control_number for claim in one.claims] == ["A2"]
    at = one.texts.index(bad)
    assert one.written() == one.texts[:at] + one.texts[at + 4 :]


@pytest.mark.parametrize(
    ("texts", "where"),
    [
        ((CLM, LINE[0], "SV1*HC:T1015**UN*1***1", LINE[2]), "2400 SV102 (segment 20)"),
        ((CLM, *LINE[:2], "DTP*472*D8*20260231"), "2400 DTP03 (segment 21)"),
        ((CLM, LINE[0], "SV1*HC:T1015*1*UN*1***A", LINE[2]), "2400 SV107 (segment 20)"),
        ((CLM, LINE[0], LINE[2]), "2300 SV1 (segment 21)"),
        (("CLM*A1", *LINE), "2300 CLM02 (segment 18)"),
    ],
)
def test_a_problem_names_its_place(texts: tuple[str, ...], where: str) -> None:
    """What makes a claim unreadable is said by loop, element and segment."""
    (one,) = read_sets(file_of("P", (*BEGIN, *BILLING, *SUBSCRIBER, *texts)))
    assert [problem.where for problem in one.problems] == [where]


def test_a_bad_level_spoils_only_its_claims() -> None:
    """A subscriber whose rank is no rank makes his claims unreadable, not the next subscriber's."""
    bad = ("HL*2*1*22*0", "SBR*?*18*******CI", *SUBSCRIBER[2:], CLM, *LINE)
    good = ("HL*3*1*22*0", *SUBSCRIBER[1:], CLM, *LINE)
    (one,) = read_sets(file_of("P", (*BEGIN, *BILLING, *bad, *good)))
    assert [problem.where for problem in one.problems] == ["2000B SBR01 (segment 12)"]
    assert len(one.claims) == 1


def test_the_header_is_read() -> None:
    """BHT, submitter and receiver stand in the transmission: what it is, when, from whom, to whom."""
    (one,) = read_sets(file_of("P", (*BEGIN, *BILLING, *SUBSCRIBER, CLM, *LINE)))
    told = one.told[0][0]
    assert (told.kind, told.reference, told.purpose, told.sort) == ("P", "R1", "00", "CH")
    assert (told.created, told.clock, told.control_number) == (date(2026, 3, 1), "0930", "0001")
    assert (told.submitter.name, told.submitter.id, told.receiver, told.receiver_id) == (
        "SAMPLE OFFICE",
        "SUB1",
        "SAMPLE HOUSE",
        "REC1",
    )
    assert [way.kind for way in told.submitter.contacts[0].reach] == ["phone", "extension"]
    assert told.version == "005010X222A1"


def test_other_delimiters() -> None:
    """Fields hold values, no delimiters: a file with others is read to the same claim, and written with its own."""
    strange = Delimiters(element="|", component=">", repetition="!", segment="\n")
    assert read_one("P", CLM, *OTHER, *LINE, marks=strange) == read_one("P", CLM, *OTHER, *LINE)


def test_a_delimiter_in_a_value_is_refused() -> None:
    """A value that holds a delimiter of the file would be read as two: nothing is written, and the place is named."""
    (one,) = read_sets(file_of("P", (*BEGIN, *BILLING, *SUBSCRIBER, CLM, *LINE)))
    (told,) = one.claims
    broken = replace(told, patient=replace(told.patient, name=Name(last="BIT*TERN")))
    with pytest.raises(Unwritable) as refused:
        write_claims(one.told[0][0], [broken])
    assert refused.value.place == "NM103"
    assert "BIT" not in str(refused.value)


def test_a_long_claim_keeps_its_spelling_line_by_line() -> None:
    """Each line that is spelled in its own way is kept by itself; a line that goes takes no other spelling along."""
    odd = [text for nth in range(1, 51) for text in (f"LX*{nth}", f"SV1*HC:T1015*{nth}*UN*01***1", LINE[2])]
    told = read_one("P", "CLM*A1*1275***11:B:1*Y*A*Y*Y", *odd)
    assert len(told.rest) == 50
    assert all(len(one.read) == len(one.written) == 1 for one in told.rest)
    shorter = replace(told, lines=told.lines[1:])
    (one,) = read_sets(file_of("P", (*BEGIN, *BILLING, *SUBSCRIBER, CLM, *LINE)))
    texts = write_claims(one.told[0][0], [shorter])
    assert [text for text in texts if text.startswith("SV1")] == [text for text in odd if text.startswith("SV1")][
        1:
    ]


OLD = b"""{"encounter_ids":["enc1"],"patient_id":"pat1","patient":{"name":{"last":"Bittern","first":"Orla"},
"birth_date":"1950-02-03","sex":"F","address":{"line1":"5 Reed Street","city":"Exampleton","state":"OH",
"zip":"44099"}},"payer":"ppo","coverage":{"key":"cov1","payer_token":"PPO","payer":"ppo","member_id":"M1"},"billing":{"npi":"1999999018",
"name":"Clinic","tax_id":"999001234","address":{"line1":"12 Main Street","city":"Exampleton","state":"OH",
"zip":"440991234"}},"lines":[{"number":1,"charge_ids":["chg1"],"service_from":"2026-02-27","hcpcs":"J1885","amount":"165.00","units":"1",
"control_number":"L1","pointers":[1],"drug":{"ndc":"99999188501","quantity":"0.5","unit":"ML"},
"adjudications":[{"payer":"medicare","paid":"64.00","hcpcs":"J1885","units":"1"}]}],"diagnoses":["E119"],
"place_of_service":"11","accident":{"kind":"AA","on":"2026-02-01","state":"OH"},
"other_payers":[{"coverage":{"key":"c","payer_token":"M","payer":"medicare","member_id":"M2"},"paid":"64.00"}]}"""


def test_a_document_of_an_older_hub_means_the_same() -> None:
    """A claim that was stored before these fields were there is professional, answered, by HCPCS, and bare."""
    told = msgspec.json.decode(OLD, type=Claim)
    assert (told.kind, told.charge, told.rest, told.dates, told.institutional) == ("P", None, (), (), None)
    (line,) = told.lines
    assert (line.code_kind, line.is_dated, line.drug and line.drug.kind) == ("HC", True, "N4")
    assert (told.other_payers[0].is_answered, told.total) == (True, D("165.00"))
    assert msgspec.json.decode(msgspec.json.encode(told)) == msgspec.json.decode(OLD)
