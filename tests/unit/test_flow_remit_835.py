"""835 -> records: every field that posting needs, and each way in which a remittance cannot be read or add up."""

from __future__ import annotations

from datetime import date

import pytest
from flowlab.made import D, adjustment, line, payment_of, service
from msgspec.structs import replace

from hub.flow.claim_837 import Unwritable
from hub.flow.remit_835 import RemittanceReader, Unreadable, header, line_faults, total_fault, written
from hub.flow.remits import Tally, trace_key
from hub.model.claim import Adjustment
from hub.model.people import Address
from hub.model.remit import Bank, ClaimPayment, DayTold, ProviderAdjustment, RemitParty, Remittance, Told
from hub.x12.envelope import X12Reader
from hub.x12.wire import Delimiters

WHOLE = """ISA*00*          *00*          *ZZ*DEMOHOUSE      *ZZ*LAKESIDE       *260301*0930*^*00501*000000001*0*P*:~
GS*HP*DEMOHOUSE*LAKESIDE*20260301*0930*1*X*005010X221A1~
ST*835*0001~
BPR*I*70.75*C*ACH*CCP*01*999999999*DA*123*1999999999**01*999999999*DA*456*20260303~
TRN*1*TRACE1*1999999999~
DTM*405*20260301~
N1*PR*BLUE HERON PPO*XV*DM003~
N3*300 HERON WAY~
N4*EXAMPLETON*OH*44099~
REF*2U*HERON2~
N1*PE*LAKESIDE FAMILY MEDICINE*XX*1999999018~
REF*TJ*123456789~
LX*1~
CLP*LF0001*1*195*80.75*25*12*ICN1*11*1~
CAS*CO*45*10~
NM1*QC*1*BITTERN*ORLA****MI*BHP990000011~
NM1*74*1*BITTERNE*ORLA~
NM1*TT*2*SECOND HARBOR PPO*****PI*DM004~
MOA***N781*MA18~
DTM*050*20260210~
AMT*I*1.5~
SVC*HC:T1015:KX:76*165*70.75*HC*2*HC:T1016*3~
DTM*472*20260227~
CAS*PR*1*20**2*5~
CAS*CO*253*69.25*1~
REF*6R*L1~
LQ*HE*N130~
SVC*HC:G0008*30*20~
CAS*CO*45*10~
PLB*1999999018*20261231*WO:ICN0*12*L6:INT*-2~
SE*29*0001~
GE*1*1~
IEA*1*000000001~
"""


def read(text: str = WHOLE) -> tuple[Remittance, list[ClaimPayment]]:
    """Header and claim payments of the first set."""
    told = RemittanceReader(next(iter(X12Reader(text.encode()))))
    paid = list(told)
    if told.unread:
        raise Unreadable(told.unread[0])
    return header(told), paid


def test_the_header() -> None:
    """Payer by every name it goes by, payee, trace, amount, method, dates, PLBs with several pairs."""
    assert read()[0] == Remittance(
        payer_name="BLUE HERON PPO",
        payer_ids=("1999999999", "DM003", "HERON2"),
        payee_npi="1999999018",
        payee_tax_id="123456789",
        trace="TRACE1",
        origin="1999999999",
        amount=D("70.75"),
        method="ACH",
        payment_date=date(2026, 3, 3),
        production_date=date(2026, 3, 1),
        control_number="0001",
        format="CCP",
        from_bank=Bank(id_kind="01", id="999999999", account_kind="DA", account="123"),
        to_bank=Bank(id_kind="01", id="999999999", account_kind="DA", account="456"),
        sender="1999999999",
        payer=RemitParty(
            name="BLUE HERON PPO",
            id_kind="XV",
            id="DM003",
            address=Address(line1="300 HERON WAY", city="EXAMPLETON", state="OH", zip="44099"),
            references=(Told(kind="2U", value="HERON2"),),
        ),
        payee=RemitParty(
            name="LAKESIDE FAMILY MEDICINE",
            id_kind="XX",
            id="1999999018",
            references=(Told(kind="TJ", value="123456789"),),
        ),
        provider_adjustments=(
            ProviderAdjustment(
                reason="WO",
                reference="ICN0",
                amount=D("12.00"),
                npi="1999999018",
                fiscal_period=date(2026, 12, 31),
            ),
            ProviderAdjustment(
                reason="L6",
                reference="INT",
                amount=D("-2.00"),
                npi="1999999018",
                fiscal_period=date(2026, 12, 31),
            ),
        ),
    )


def test_a_claim_payment() -> None:
    """CLP, CAS of claim and lines, remarks of MOA and LQ, interest, crossover, corrected patient, dates, SVC06."""
    (paid,) = read()[1]
    assert (paid.patient_control_number, paid.status, paid.charge, paid.paid) == (
        "LF0001",
        "1",
        D(195),
        D("80.75"),
    )
    assert (paid.patient_responsibility, paid.filing, paid.payer_control_number) == (D(25), "12", "ICN1")
    assert (paid.remarks, paid.interest, paid.crossover) == (("N781", "MA18"), D("1.50"), "DM004")
    assert (paid.corrected_patient, paid.received_on, paid.position) == (True, date(2026, 2, 10), 1)
    assert paid.adjustments == (adjustment("CO", "45", "10.00"),)
    first, second = paid.lines
    assert (first.hcpcs, first.modifiers, first.units, first.control_number) == (
        "T1015",
        ("KX", "76"),
        D(2),
        "L1",
    )
    assert (first.original_hcpcs, first.original_units, first.service_date) == ("T1016", D(3), date(2026, 2, 27))
    assert first.adjustments == (
        adjustment("PR", "1", "20.00"),
        adjustment("PR", "2", "5.00"),
        Adjustment(group="CO", reason="253", amount=D("69.25"), quantity=D(1)),
    )
    assert (first.remarks, second.units, second.control_number) == (("N130",), D(1), "")


def test_it_adds_up_at_three_levels() -> None:
    """Line, claim and remittance of the sample balance."""
    told, paid = read()
    assert line_faults(paid[0]) == []
    assert total_fault(told, paid[0].paid) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("BPR*I*70.75*", "BPR*I*seventy*"),
        ("BPR*I*70.75*", "BPR*I**"),
        ("*20260303~", "*20260231~"),
        ("*456*20260303~", "*456~"),
        ("CLP*LF0001*1*195*80.75*", "CLP*LF0001*1*195*80.7.5*"),
        ("CLP*LF0001*1*195*80.75*", "CLP*LF0001*1**80.75*"),
        ("CAS*CO*45*10~\nNM1", "CAS*CO*45*ten~\nNM1"),
        ("SVC*HC:G0008*30*20~", "SVC*HC:G0008*30*2O~"),
        ("WO:ICN0*12*", "WO:ICN0*x*"),
        ("AMT*I*1.5~", "AMT*I*1.555~"),
        ("CLP*LF0001*1*195*80.75*", "CLP*LF0001*1*195*80.755*"),
        ("BPR*I*70.75*", "BPR*I*99999999999999999999*"),
    ],
)
def test_an_unreadable_amount_is_never_zero(old: str, new: str) -> None:
    """An amount or payment date that is missing or cannot be read makes the set unreadable; the problem says where
    and not what."""
    assert old in WHOLE
    with pytest.raises(Unreadable) as found:
        read(WHOLE.replace(old, new))
    assert found.value.problem.where
    assert "seventy" not in repr(found.value.problem)


def test_dates_that_are_only_told_may_be_missing() -> None:
    """A service or receipt date that cannot be read is left out; money is posted all the same."""
    _, (paid,) = read(WHOLE.replace("DTM*472*20260227", "DTM*472*2026").replace("DTM*050*20260210", "DTM*050*x"))
    assert (paid.lines[0].service_date, paid.received_on) == (None, None)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("SVC*HC:G0008*30*20~", "SVC*HC:G0008*30*21~", ["claim 1 2110[2] SVC03"]),
        ("CLP*LF0001*1*195*80.75*", "CLP*LF0001*1*195*80.76*", ["claim 1 2100 CLP04"]),
        ("CAS*CO*45*10~\nNM1", "NM1", ["claim 1 2100 CLP04"]),
    ],
)
def test_faults_of_lines_and_claims(old: str, new: str, where: list[str]) -> None:
    """SVC03 = SVC02 - its CAS, CLP04 = CLP03 - every CAS of the claim; each fault is named with its place."""
    assert old in WHOLE
    assert [one.where for one in line_faults(read(WHOLE.replace(old, new))[1][0])] == where


def test_the_total() -> None:
    """BPR02 = sum of CLP04 - sum of PLB; a debit (BPR03 = D) counts against."""
    told, paid = read()
    fault = total_fault(told, paid[0].paid + D("0.01"))
    assert fault is not None
    assert (fault.code, fault.where) == ("remit.unbalanced", "BPR02")
    taken = replace(told, credit=False, provider_adjustments=())
    assert total_fault(taken, D("-70.75")) is None
    assert total_fault(taken, D("70.75")) is not None


def test_a_predetermination_pays_nothing() -> None:
    """CLP02 = 25 promises and need not add up to what is paid."""
    told = payment_of((service(line()),), status="25", paid=D(0))
    assert line_faults(told) == []


def test_the_same_remittance_is_known_by_its_content() -> None:
    """The digest of a remittance is the same in whatever order its claims stand, and another where one differs."""
    told, (paid,) = read()
    other = replace(paid, patient_control_number="LF0002")

    def content(*those: ClaimPayment, remittance: Remittance = told) -> str:
        tally = Tally()
        for one in those:
            tally.add(one)
        return tally.content(remittance)

    assert content(paid, other) == content(other, paid)
    assert len({content(paid), content(other), content(paid, paid), content(replace(paid, status="4"))}) == 4
    assert content(paid) != content(paid, remittance=replace(told, provider_adjustments=()))
    assert trace_key(told) == "1999999999|TRACE1|2026-03-03|70.75"


def test_a_day_by_another_qualifier_stays_on_its_line() -> None:
    """Payers tell other days of a line (DTM): what follows such a day is still the line's, and it still adds up."""
    (plain,) = read()[1]
    told, (paid,) = read(WHOLE.replace("DTM*472*20260227~", "DTM*472*20260227~\nDTM*009*20260228~"))
    assert paid.lines[0].dates == (DayTold(kind="009", on=date(2026, 2, 28)),)
    assert replace(paid.lines[0], dates=()) == plain.lines[0]
    assert (paid.adjustments, line_faults(paid)) == (plain.adjustments, line_faults(plain))
    assert total_fault(told, paid.paid) == total_fault(read()[0], plain.paid)


def test_a_delimiter_in_a_value_is_never_written() -> None:
    """A name that holds another file's delimiter is refused there, and comes back in its own."""
    own = Delimiters(element="|", component=">", repetition="!", segment="~")
    text = WHOLE.translate(str.maketrans("*:^", "|>!")).replace("|BITTERN|", "|BIT*TERN|")
    told, (paid,) = read(text)
    assert any("BIT*TERN" in segment for segment in written(told, [paid], own))
    with pytest.raises(Unwritable) as refused:
        list(written(told, [paid]))
    assert refused.value.place == "NM1"
