"""For each rule of the 835 a good file with that one fault, and exactly the findings expected."""

from __future__ import annotations

import pytest

from tests.x12.mutations import Edit, edited, findings, line_of, recounted, told

GOOD = recounted(
    """\
ISA*00*          *00*          *ZZ*ANYTOWN        *ZZ*CLEARING       *260120*0930*^*00501*000000001*0*T*:~
GS*HP*ANYTOWN*CLEARING*20260120*0930*1*X*005010X221A1~
ST*835*0001~
BPR*I*417.5*C*ACH*CCP*01*999999992*DA*123456*1512345678**01*999988880*DA*98765*20260120~
TRN*1*TRACE1*1512345678~
REF*EV*CLEAR1~
DTM*405*20260119~
N1*PR*ANYTOWN HEALTH*XV*12345~
N3*9 BANK ST~
N4*SPRINGFIELD*IL*62701~
REF*2U*ANY01~
PER*CX**TE*5555550101~
PER*BL*HELP DESK*TE*5555550100*EM*HELP@EXAMPLE.COM~
PER*IC**UR*WWW.EXAMPLE.COM~
N1*PE*ANYTOWN CLINIC*XX*1234567893~
N3*1 MAIN ST~
N4*SPRINGFIELD*IL*627011234~
REF*TJ*123456789~
LX*1~
TS3*1234567893*11*20261231*5*420~
CLP*PCN1*1*150*110*15*12*ICN1*11*1~
CAS*CO*45*5~
NM1*QC*1*SUMMER*JANE****MI*W100001~
NM1*74*1*SOMMER*JANE~
NM1*82*1*WINTER*ANN****XX*1234567893~
MOA***MA01*N782~
REF*1L*GROUP1~
DTM*050*20260110~
AMT*AU*130~
SVC*HC:G0439*100*70**1~
DTM*472*20260105~
CAS*CO*45*15**253*5~
CAS*PR*2*10~
REF*6R*L1~
REF*HPI*1234567893~
AMT*B6*80~
LQ*HE*N130~
SVC*HC:J3301*45*40**1*HC:J3300~
DTM*150*20260105~
DTM*151*20260106~
CAS*PR*2*10**1*-5~
CLP*PCN2*4*80*0*80*12*ICN2*11*1~
NM1*QC*1*AUTUMN*JIM~
DTM*232*20260101~
DTM*233*20260102~
SVC*HC:G0439*80*0**1~
CAS*PR*31*80~
CLP*PCN4*25*90*0**12*ICN4*11*1~
CAS*OA*101*90~
NM1*QC*1*AUTUMN*JIM~
DTM*232*19000101~
CLP*PCN5*2*60*55**12*ICN5*11*1~
CAS*OA*23*5~
NM1*QC*1*SUMMER*JANE****MI*W100001~
DTM*232*20260105~
CLP*PCN6*1*40*40**12*ICN6*11*1~
NM1*QC*1*SUMMER*JANE****MI*W100001~
DTM*232*20260105~
SVC*HC:G0439*40*40**0~
LX*2~
CLP*PCN3*22*-60*-50*-5*12*ICN3*11*1~
NM1*QC*1*SUMMER*JANE****MI*W100001~
SVC*HC:G0439*-60*-50**1~
DTM*472*20260105~
CAS*CO*45*-5~
CAS*PR*2*-5~
CLP*PCN3*1*60*55**12*ICN7*11*1~
CAS*CO*45*5~
NM1*QC*1*SUMMER*JANE****MI*W100001~
MIA*0***55****************MA07~
DTM*232*20260105~
CLP*PCN8*1*200*200**12*ICN8*11*1~
NM1*QC*1*SUMMER*JANE****MI*W100001~
DTM*232*20260105~
PLB*1234567893*20261231*L6:INT*-10.5*WO:ICN9*3~
SE*0*0001~
GE*1*1~
IEA*1*000000001~
"""
)

BPR = "BPR*I*417.5*C*ACH*CCP*01*999999992*DA*123456*1512345678**01*999988880*DA*98765*20260120"
EDITS = (
    # what must be there, and what may not
    Edit("no payment", f"{BPR}~\n", "", ("segment.missing BPR",)),
    Edit("no trace", "TRN*1*TRACE1*1512345678~\n", "", ("segment.missing TRN",)),
    Edit("no payer", "N1*PR*ANYTOWN HEALTH*XV*12345~\nN3*9 BANK ST~\nN4*SPRINGFIELD*IL*62701~\nREF*2U*ANY01~\n"
         "PER*CX**TE*5555550101~\nPER*BL*HELP DESK*TE*5555550100*EM*HELP@EXAMPLE.COM~\nPER*IC**UR*WWW.EXAMPLE.COM~\n",
         "", ("loop.missing 1000A N1",)),
    Edit("no street of the payer", "N3*9 BANK ST~\n", "", ("segment.missing 1000A N3",)),
    Edit("no technical contact", "PER*BL*HELP DESK*TE*5555550100*EM*HELP@EXAMPLE.COM~\n", "",
         ("segment.missing 1000A PER",)),
    Edit("no payee", "N1*PE*ANYTOWN CLINIC*XX*1234567893~\nN3*1 MAIN ST~\nN4*SPRINGFIELD*IL*627011234~\n"
         "REF*TJ*123456789~\n", "", ("loop.missing 1000B N1",)),
    Edit("no group number", "LX*1~\nTS3*1234567893*11*20261231*5*420~\n", "", ("segment.missing 2000 LX",)),
    Edit("no patient", "NM1*QC*1*AUTUMN*JIM~\nDTM*232*20260101", "DTM*232*20260101",
         ("segment.missing 2100 NM1",)),
    Edit("no charge", "CLP*PCN6*1*40*40", "CLP*PCN6*1**40", ("element.missing 2100 CLP03",)),
    Edit("not-used element", BPR, f"{BPR}*VEN", ("element.not_used BPR17",)),
    # codes
    Edit("BPR01", "BPR*I*", "BPR*Z*", ("element.code BPR01",)),
    Edit("BPR03", "417.5*C*ACH", "417.5*X*ACH", ("element.code BPR03",)),
    Edit("BPR04", "C*ACH*CCP", "C*WIR*CCP", ("element.code BPR04",)),
    Edit("CLP02", "CLP*PCN6*1*", "CLP*PCN6*5*", ("element.code 2100 CLP02",)),
    Edit("CLP06", "*12*ICN6", "*99*ICN6", ("element.code 2100 CLP06",)),
    Edit("CAS01", "CAS*OA*23*5", "CAS*XX*23*5", ("element.code 2100 CAS01",)),
    Edit("PLB03-1", "*L6:INT*", "*Q9:INT*", ("element.code PLB03-1",)),
    Edit("SVC01-1", "SVC*HC:J3301", "SVC*ZZ:J3301", ("element.code 2110 SVC01-1",)),
    Edit("AMT01", "AMT*B6*80", "AMT*QQ*80", ("element.code 2110 AMT01",)),
    Edit("DTM01", "DTM*405*", "DTM*406*", ("element.code DTM01",)),
    # repeats, order, sequence
    Edit("patient twice", "NM1*QC*1*AUTUMN*JIM~\nDTM*232*20260101",
         "NM1*QC*1*AUTUMN*JIM~\nNM1*QC*1*AUTUMN*JIM~\nDTM*232*20260101", ("segment.repeats 2100 NM1",)),
    Edit("trace twice", "TRN*1*TRACE1*1512345678~\n", "TRN*1*TRACE1*1512345678~\nTRN*1*TRACE2*1512345678~\n",
         ("segment.repeats TRN",)),
    Edit("group number repeats", "LX*2~", "LX*1~", ("835.group_number 2000 LX01",)),
    Edit("group number jumps", "LX*2~", "LX*3~", ("835.group_number 2000 LX01",)),
    # elements
    Edit("no such day", "DTM*405*20260119", "DTM*405*20260231", ("element.date DTM02",)),
    Edit("no number", "CAS*OA*23*5", "CAS*OA*23*5A", ("element.number 2100 CAS03",)),
    Edit("too long", "CLP*PCN6*", "CLP*PCN6" + "6" * 40 + "*", ("element.too_long 2100 CLP01",)),
    Edit("too short", "CAS*PR*31*80", "CAS*P*31*80", ("element.code 2110 CAS01",)),
    Edit("blank at the end", "N3*1 MAIN ST~", "N3*1 MAIN ST ~", ("element.blanks 1000B N301",)),
    Edit("separator at the end", "N3*1 MAIN ST~", "N3*1 MAIN ST*~", ("element.trailing 1000B N302",)),
    Edit("control character", "ANYTOWN CLINIC", "ANYTOWN\tCLINIC", ("element.character 1000B N102",)),
    Edit("not ASCII", "ANYTOWN CLINIC", "ANYTÖWN CLINIC", ("element.character 1000B N102",)),
    Edit("delimiter in text", "ANYTOWN CLINIC", "ANYTOWN:CLINIC", ("element.character 1000B N102",)),
    Edit("too many elements", "N3*1 MAIN ST~", "N3*1 MAIN ST*A*B~", ("element.too_many 1000B N303",)),
    Edit("unknown segment", "LX*2~", "ZZZ*1~\nLX*2~", ("segment.unexpected 2110 ZZZ",)),
    Edit("lower case", "LX*2~", "lx*2~", ("segment.unexpected 2000 LX",)),
    # pairs
    Edit("payee id without its kind", "*XX*1234567893~\nN3*1", "**1234567893~\nN3*1",
         ("element.missing 1000B N103",)),
    Edit("payer id without its kind", "HEALTH*XV*12345", "HEALTH**12345", ("element.relation 1000A N103",)),
    Edit("member id without its kind", "NM1*QC*1*SUMMER*JANE****MI*W100001", "NM1*QC*1*SUMMER*JANE*****W100001",
         ("element.relation 2100 NM108",)),
    Edit("contact kind without its number", "*EM*HELP@EXAMPLE.COM", "*EM", ("element.relation 1000A PER06",)),
    Edit("reason without amount", "CAS*CO*45*15**253*5", "CAS*CO*45*20**253", ("element.relation 2110 CAS06",)),
    Edit("amount without reason", "CAS*CO*45*15**253*5", "CAS*CO*45*15***5", ("element.relation 2110 CAS05",)),
    Edit("provider adjustment without amount", "*WO:ICN9*3~", "*WO:ICN9~",
         ("element.relation PLB06",)),
    Edit("bank without its kind", "*01*999999992*DA", "**999999992*DA", ("element.relation BPR06",)),
    Edit("adjustment without an amount", "CAS*CO*45*15**253*5~", "CAS*CO*45~", ("element.missing 2110 CAS03",)),
    Edit("interest that the claims tell otherwise", "AMT*AU*130~", "AMT*AU*130~\nAMT*I*10~",
         ("835.interest PLB04",)),
    Edit("reason of the provider without an amount", "*L6:INT*-10.5*WO:ICN9*3~", "*L6:INT**WO:ICN9*3~",
         ("element.missing PLB04",)),
    Edit("predetermination with the signs of a reversal", "CLP*PCN4*25*90*0**", "CLP*PCN4*25*-90*0**",
         ("835.claim_balance 2100 CLP04", "835.charge_sign 2100 CLP03")),
    Edit("no remark", "LQ*HE*N130~", "LQ*HE~", ("element.missing 2110 LQ02",)),
    Edit("one day twice", "DTM*472*20260105~", "DTM*472*20260105~\nDTM*472*20260105~", ("835.date_pair 2110 DTM",)),
    Edit("a day and a first day", "DTM*151*20260106", "DTM*472*20260106", ("835.date_pair 2110 DTM01",)),
    Edit("patient's share left out", "*110*15*12*", "*110**12*", ("835.patient_share 2100 CLP05",)),
    Edit("first day alone", "DTM*151*20260106~\n", "", ("835.date_pair 2110 DTM01",)),
    Edit("last day alone", "DTM*150*20260105~\n", "", ("835.date_pair 2110 DTM01",)),
    # sums
    Edit("line", "SVC*HC:J3301*45*40", "SVC*HC:J3301*45*41", ("835.line_balance 2110 SVC03",)),
    Edit("line charge", "SVC*HC:J3301*45*40", "SVC*HC:J3301*46*40", ("835.line_balance 2110 SVC03",)),
    Edit("line adjustment", "CAS*CO*45*15**253*5", "CAS*CO*45*16**253*5", ("835.line_balance 2110 SVC03",)),
    Edit("claim payment", "CLP*PCN5*2*60*55", "CLP*PCN5*2*60*54", ("835.claim_balance 2100 CLP04",)),
    Edit("claim charge", "CLP*PCN3*1*60*55", "CLP*PCN3*1*61*55", ("835.claim_balance 2100 CLP04",)),
    Edit("claim adjustment", "CAS*OA*23*5", "CAS*OA*23*6", ("835.claim_balance 2100 CLP04",)),
    Edit("payment", "BPR*I*417.5*", "BPR*I*417.51*", ("835.payment_balance BPR02",)),
    Edit("provider adjustment", "*L6:INT*-10.5*", "*L6:INT*10.5*", ("835.payment_balance BPR02",)),
    Edit("provider's claims", "*20261231*5*420", "*20261231*6*420", ("835.provider_totals 2000 TS304",)),
    Edit("provider's charges", "*20261231*5*420", "*20261231*5*421", ("835.provider_totals 2000 TS305",)),
    # what belongs together
    Edit("notice with money", "*C*ACH*CCP*01*999999992*DA*123456*1512345678**01*999988880*DA*98765*20260120",
         "*C*NON************20260120", ("835.non_payment BPR02",)),
    Edit("handled as a notice", "BPR*I*", "BPR*H*", ("835.non_payment BPR02",)),
    Edit("transfer without payee's bank", "**01*999988880*DA*98765*20260120", "******20260120",
         ("835.bank BPR12", "835.bank BPR13", "835.bank BPR14", "835.bank BPR15")),
    Edit("transfer without format", "C*ACH*CCP*", "C*ACH**", ("835.bank BPR05",)),
    Edit("reversal with the signs of a payment", "CLP*PCN6*1*40*40", "CLP*PCN6*22*40*40",
         ("835.reversal_sign 2100 CLP03", "835.reversal_sign 2100 CLP04")),
    Edit("payment with the signs of a reversal", "CLP*PCN3*22*-60*-50*-5", "CLP*PCN3*1*-60*-50*-10",
         ("835.charge_sign 2100 CLP03", "835.patient_share 2100 CLP05")),
    Edit("unknown patient is paid", "CLP*PCN6*1*40*40", "CLP*PCN6*4*40*40", ("835.denied_paid 2100 CLP02",)),
    Edit("predetermination is paid", "CLP*PCN6*1*40*40", "CLP*PCN6*25*40*40", ("835.denied_paid 2100 CLP02",)),
    Edit("another payer's claim is paid", "CLP*PCN6*1*40*40", "CLP*PCN6*23*40*40",
         ("835.denied_paid 2100 CLP02",)),
    Edit("patient's share", "CLP*PCN1*1*150*110*15*", "CLP*PCN1*1*150*110*20*", ("835.patient_share 2100 CLP05",)),
    Edit("period turned round", "DTM*233*20260102", "DTM*233*20251231", ("835.date_order 2100 DTM02",)),
    Edit("line's period turned round", "DTM*151*20260106", "DTM*151*20260104", ("835.date_order 2110 DTM02",)),
    Edit("no date of service", "DTM*472*20260105~\n", "", ("835.service_date 2110 DTM",)),
    Edit("two kinds of adjudication", "MIA*0***55****************MA07~\n",
         "MIA*0***55****************MA07~\nMOA***MA01~\n", ("835.both_adjudications 2100 MOA",)),
    Edit("payer's ids differ", "*123456*1512345678*", "*123456*1512345679*", ("835.origin BPR10",)),
    # forms
    Edit("payer's id", "TRN*1*TRACE1*1512345678", "TRN*1*TRACE1*9512345678",
         ("835.origin BPR10", "835.origin TRN03")),
    Edit("payer's id too short", "TRN*1*TRACE1*1512345678", "TRN*1*TRACE1*512345678", (
         "835.origin BPR10", "element.too_short TRN03")),
    Edit("payee's NPI", "CLINIC*XX*1234567893", "CLINIC*XX*1234567890", ("element.npi 1000B N104",)),
    Edit("rendering NPI", "ANN****XX*1234567893", "ANN****XX*1234567890", ("element.npi 2100 NM109",)),
    Edit("line's NPI", "REF*HPI*1234567893", "REF*HPI*1234567890", ("element.npi 2110 REF02",)),
    Edit("provider's NPI", "TS3*1234567893", "TS3*1234567890", ("element.npi 2000 TS301",)),
    Edit("remark without code", "LQ*HE*N130", "LQ*HE", ("element.missing 2110 LQ02",)),
    Edit("claim charge of a group with totals", "CLP*PCN6*1*40*40", "CLP*PCN6*1*41*40",
         ("835.claim_balance 2100 CLP04",)),
    Edit("provider adjustment's NPI", "PLB*1234567893", "PLB*1234567890", ("element.npi PLB01",)),
    Edit("state", "N4*SPRINGFIELD*IL*62701~", "N4*SPRINGFIELD*XX*62701~", ("element.state 1000A N402",)),
    Edit("ZIP", "N4*SPRINGFIELD*IL*62701~", "N4*SPRINGFIELD*IL*6270~", ("n4.zip 1000A N403",)),
    Edit("no state", "N4*SPRINGFIELD*IL*627011234", "N4*SPRINGFIELD**627011234", ("n4.state 1000B N402",)),
    Edit("procedure", "SVC*HC:J3301", "SVC*HC:J330", ("835.hcpcs 2110 SVC01-2",)),
    Edit("original procedure", "*HC:J3300~", "*HC:J33~", ("835.hcpcs 2110 SVC06-2",)),
    Edit("drug", "SVC*HC:J3301", "SVC*N4:123", ("835.ndc 2110 SVC01-2",)),
    Edit("remark of a line", "LQ*HE*N130", "LQ*HE*XYZ", ("835.remark 2110 LQ02",)),
    Edit("remark of a claim", "MOA***MA01*N782", "MOA***MA01*QQ", ("835.remark 2100 MOA04",)),
    # the set and its envelope
    Edit("version", "ST*835*0001~", "ST*835*0001*005010X220A1~", ("st.version ST03",)),
)  # fmt: skip


def test_the_good_file_is_good() -> None:
    """The file that is edited has no finding, strictly read or not."""
    assert told(findings(GOOD)) == []
    assert told(findings(GOOD, strict=False)) == []


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_one_fault_is_found_at_its_place(edit: Edit) -> None:
    """One edit of the good file gives the findings of its row and no other, each at a segment of its name."""
    bad = edited(GOOD, edit)
    found = findings(bad)
    assert told(found) == list(edit.found)
    for one in found:
        present = line_of(bad, one).split("*")[0].upper()
        assert present == one.segment or one.code in ("segment.missing", "loop.missing", "835.service_date")


def test_inbound_only_money_stays_an_error() -> None:
    """As the hub reads partners' files, guide findings warn and the balance alone is an error."""
    for edit in EDITS:
        for one in findings(edited(GOOD, edit), strict=False):
            assert (one.severity == "error") == (one.snip == 3), (edit.name, one.code)
