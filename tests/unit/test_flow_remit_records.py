"""Records of real 835s, field by field, and records of before: what is read, what is kept, what is made up."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from hub.flow.remit_835 import RemittanceReader, Unreadable, header, written
from hub.model.claim import Adjustment
from hub.model.people import Address
from hub.model.remit import (
    ClaimGroup,
    ClaimPayment,
    Counted,
    Named,
    PaymentContact,
    ProviderAdjustment,
    ProviderTotals,
    RemitParty,
    Remittance,
    Told,
)
from hub.x12.envelope import X12Reader

CORPUS = Path(__file__).parents[3] / "shared" / "data" / "x12"
EYES = CORPUS / "keironstoddart+edi-835-parser" / "tests_test_edi_835_files_emedny_sample.txt"
HOSPITAL = CORPUS / "LinuxForHealth+x12" / "demo-file_demo.835"
pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the sample files of others are not beside this clone"
)
D = Decimal


def read(path: Path) -> tuple[Remittance, list[ClaimPayment]]:
    """The first set of a file."""
    told = RemittanceReader(next(iter(X12Reader(path.read_bytes()))))
    paid = list(told)
    assert told.unread == []
    return header(told), paid


def test_a_payment_for_glasses() -> None:
    """Header with contacts, a corrected patient, references, coverage amount, lines with their allowed amounts."""
    told, paid = read(EYES)
    assert told.payer == RemitParty(
        name="NYSDOH",
        address=Address(
            line1="OFFICE OF HEALTH INSURANCE PROGRAMS",
            line2="CORNING TOWER, EMPIRE STATE PLAZA",
            city="ALBANY",
            state="NY",
            zip="122370080",
        ),
        contacts=(
            PaymentContact(
                kind="BL", name="PROVIDER SERVICES", ways=("TE", "8003439000", "UR", "www.emedny.org")
            ),
        ),
    )
    assert (told.amount, told.receiver, told.production_date) == (D("45.75"), "ETIN", date(2010, 1, 1))
    first, second, _ = paid
    assert (first.filing, first.facility, first.patient_responsibility) == ("MC", "11", None)
    assert first.corrected == Named(kind="1", last="CORRECTED LAST", first="CORRECTED FIRST")
    assert first.corrected_patient
    assert first.references == (Told(kind="EA", value="PATIENT ACCOUNT NUMBER"),)
    assert first.amounts == (Counted(kind="AU", value=D("34.25")),)
    assert (first.statement_from, first.statement_to) == (date(2010, 1, 1), date(2010, 1, 1))
    assert [(line.hcpcs, line.modifiers, line.paid, line.units) for line in first.lines] == [
        ("V2020", ("RB",), D(6), D(1)),
        ("V2700", ("RB",), D("2.75"), D(1)),
        ("V2103", ("RB",), D("5.5"), D(1)),
        ("S0580", (), D(20), D(2)),
    ]
    assert first.lines[3].amounts == (Counted(kind="B6", value=D(20)),)
    assert second.lines[0].adjustments == (Adjustment(group="CO", reason="29", amount=D(12)),)
    assert (second.lines[0].units, second.lines[0].units_told) == (D(0), True)


def test_a_payment_for_a_stay() -> None:
    """Groups with the provider's totals, MIA and MOA, a counted quantity, a provider adjustment that adds."""
    told, (stay, visit) = read(HOSPITAL)
    assert told.provider_adjustments == (
        ProviderAdjustment(
            npi="6543210903", fiscal_period=date(2002, 12, 31), reason="CV", reference="CP", amount=D("-1.27")
        ),
    )
    (group,) = stay.opens
    assert group == ClaimGroup(
        number="110212",
        totals=ProviderTotals(
            provider="6543210903",
            facility="11",
            year_end=date(2002, 12, 31),
            claims=D(1),
            charge=D("211366.97"),
            sums=("", "", "", "138018.40", "", "73348.57"),
        ),
        inpatient=("2178.45", "1919.71", "", "56.82", "197.69", "4.23"),
    )
    assert [one.number for one in visit.opens] == ["130212"]
    assert stay.inpatient is not None
    assert (stay.inpatient.covered_days, stay.inpatient.drg) == (D(0), D("138018.40"))
    assert stay.quantities == (Counted(kind="CA", value=D("8.00")),)
    assert visit.outpatient is not None
    assert (visit.outpatient.remarks, visit.remarks) == (("MA02",), ("MA02",))
    assert stay.patient == Named(kind="1", last="JONES", first="SAM", middle="O", id_kind="HN", id="666666666A")


def test_records_of_before_are_still_read() -> None:
    """A document that an older hub stored decodes: what it did not know is absent."""
    head = (
        b'{"payer_name":"A","payer_ids":["1"],"payee_npi":"N","trace":"T","amount":"5.00","method":"ACH",'
        b'"payment_date":"2026-03-03"}'
    )
    told = msgspec.json.decode(head, type=Remittance)
    assert (told.payer, told.runs, told.rest) == (None, (0,), ())
    line = b'{"hcpcs":"T1015","charge":"5.00","paid":"5.00","units":"2"}'
    body = (
        b'{"patient_control_number":"P","status":"1","charge":"5.00","paid":"5.00","crossover":"X","lines":[%b]}'
    )
    paid = msgspec.json.decode(body % line, type=ClaimPayment)
    assert (paid.crossover, paid.lines[0].units, paid.lines[0].units_told, paid.opens) == ("X", D(2), True, ())


def test_a_remittance_that_was_never_a_file_is_written() -> None:
    """Payer and payee are written from the plain fields, one claim after the other, counted by the SE."""
    told = Remittance(
        payer_name="A PAYER",
        payer_ids=("1999999999", "DM003"),
        payee_npi="1999999018",
        payee_tax_id="123456789",
        origin="1999999999",
        trace="T",
        amount=D("80.00"),
        method="ACH",
        payment_date=date(2026, 3, 3),
        control_number="0001",
    )
    claim = ClaimPayment(
        patient_control_number="P",
        status="1",
        charge=D(100),
        paid=D(80),
        adjustments=(Adjustment(group="CO", reason="45", amount=D(20)),),
    )
    assert list(written(told, [claim])) == [
        "ST*835*0001",
        "BPR*I*80.00*C*ACH************20260303",
        "TRN*1*T*1999999999",
        "N1*PR*A PAYER*XV*DM003",
        "N1*PE**XX*1999999018",
        "REF*TJ*123456789",
        "CLP*P*1*100*80",
        "CAS*CO*45*20",
        "SE*9*0001",
    ]


FAULTS = [
    ("BPR*C*150000.00*", "BPR*C*x*", "BPR02"),
    ("*98765*20020913", "*98765*20020931", "BPR16"),
    ("TRN*1*12345*1512345678\n", "", "TRN"),
    ("*20021231*CV", "*20021331*CV", "PLB02"),
    ("CV:CP*-1.27", "CV:CP*-1.2.7", "PLB04"),
    ("CLP*666123*1*211366.97", "CLP*666123*1*211366.975", "claim 1 2100 CLP03, segment 13"),
    ("CLP*666123*1*211366.97*138018.40", "CLP*666123*1*211366.97*", "claim 1 2100 CLP04, segment 13"),
    ("*138018.40**MA*", "*138018.40*O*MA*", "claim 1 2100 CLP05, segment 13"),
    ("CAS*CO*45*3019.67", "CAS*CO*45*3O19.67", "claim 2 2100 CAS03, segment 23"),
    ("CAS*CO*45*3019.67", "CAS*CO*45*1**253*1*one", "claim 2 2100 CAS07, segment 23"),
    ("DTM*232*20020512\n", "DTM*232*20020512\nAMT*I*1.005\n", "claim 2 2100 AMT02, segment 27"),
    ("DTM*232*20020512\n", "DTM*232*20020512\nSVC*HC:T1015*1*1**1..0\n", "claim 2 2110 SVC05, segment 27"),
]


@pytest.mark.parametrize(("old", "new", "where"), FAULTS, ids=[where for _, _, where in FAULTS])
def test_each_value_that_cannot_be_read_has_its_place(old: str, new: str, where: str) -> None:
    """Amounts, quantities and dates that count are never guessed: the problem names loop, element and segment."""
    text = HOSPITAL.read_text().replace("~\n", "~").replace("~", "~\n").replace("~\n", "\n")
    assert old in text
    data = text.replace(old, new).replace("\n", "~").encode()
    told = RemittanceReader(next(iter(X12Reader(data))))
    list(told)
    if told.unread:
        assert [problem.where for problem in told.unread] == [where]
        return
    with pytest.raises(Unreadable) as found:
        header(told)
    assert found.value.problem.where == where
