"""Each thing that an 837 can say of a claim, once: the field that holds it, and the same segments back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from flowlab.claims_837 import (
    BEGIN,
    CLM,
    DENTAL,
    DENTAL_LINE,
    LINE,
    STAY,
    STAY_LINE,
    SUBSCRIBER,
    file_of,
    read_one,
    read_sets,
)

from hub.model.claim import Claim, ClaimLine, PayToPlan
from hub.model.dental import DentalService, Orthodontic, Tooth, ToothStatus
from hub.model.encounter import Accident, Drug
from hub.model.institutional import Cause, CodedValue, Institutional, Occurrence, Surgery
from hub.model.people import Address, Contact, Facility, Name, Provider, Reach, Reference
from hub.model.services import (
    Ambulance,
    Amount,
    Answer,
    Attachment,
    Certification,
    Chiropractic,
    Contract,
    Dated,
    Equipment,
    EquipmentNeed,
    Form,
    Note,
    PurchasedService,
    Quantity,
    Repricing,
    Stop,
    TestResult,
)

D = Decimal
NPI = "1999999034"
STREET = Address(line1="1 SIDE STREET", city="EXAMPLETON", state="OH", zip="440991234")
N3_N4 = ("N3*1 SIDE STREET", "N4*EXAMPLETON*OH*440991234")

# segments of the claim between CLM and LX, in the guide's order; the field; what it holds
OF_CLAIM: dict[str, tuple[tuple[str, ...], str, object]] = {
    "onset": (("DTP*431*D8*20260203",), "dates", (Dated(kind="onset", on=date(2026, 2, 3)),)),
    "disability": (
        ("DTP*314*RD8*20260203-20260301",),
        "dates",
        (Dated(kind="disability", on=date(2026, 2, 3), to=date(2026, 3, 1)),),
    ),
    "admission": (("DTP*435*D8*20260203",), "admitted_on", date(2026, 2, 3)),
    "attachment": (
        ("PWK*OZ*EL***AC*REP1",),
        "attachments",
        (Attachment(report="OZ", way="EL", control_number="REP1"),),
    ),
    "contract": (
        ("CN1*02*550.00*10*C1*2.5*V1",),
        "contract",
        Contract(
            kind="02", amount=D("550.00"), percent=D(10), code="C1", discount_percent=D("2.5"), version="V1"
        ),
    ),
    "patient paid": (("AMT*F5*20.50",), "amounts", (Amount(kind="patient_paid", dollars=D("20.50")),)),
    "authorization": (("REF*G1*AUTH1",), "authorization", "AUTH1"),
    "original": (("REF*F8*ICN1",), "original_reference", "ICN1"),
    "references": (
        ("REF*EW*M1", "REF*9F*R1", "REF*X4*CLIA1", "REF*D9*CH1", "REF*EA*MR1", "REF*P4*DEMO"),
        "references",
        tuple(
            Reference(kind=kind, value=value)
            for kind, value in (
                ("mammography", "M1"),
                ("referral", "R1"),
                ("clia", "CLIA1"),
                ("clearinghouse", "CH1"),
                ("medical_record", "MR1"),
                ("demonstration", "DEMO"),
            )
        ),
    ),
    "fixed": (("K3*STATE DATA",), "fixed", ("STATE DATA",)),
    "note": (("NTE*ADD*SOMETHING MORE",), "notes", (Note(kind="additional", text="SOMETHING MORE"),)),
    "ambulance": (
        ("CR1*LB*140**A*DH*12.5***ROUND*STRETCHER",),
        "ambulance",
        Ambulance(weight=D(140), reason="A", miles=D("12.5"), round_trip="ROUND", stretcher="STRETCHER"),
    ),
    "chiropractic": (
        ("CR2********M**WORDS*MORE",),
        "chiropractic",
        Chiropractic(condition="M", description="WORDS", more="MORE"),
    ),
    "certifications": (
        ("CRC*07*Y*01*04", "CRC*E1*Y*L1", "CRC*75*Y*IH", "CRC*ZZ*N*NU"),
        "certifications",
        (
            Certification(kind="ambulance", holds="Y", codes=("01", "04")),
            Certification(kind="spectacle_lenses", holds="Y", codes=("L1",)),
            Certification(kind="homebound", holds="Y", codes=("IH",)),
            Certification(kind="epsdt", holds="N", codes=("NU",)),
        ),
    ),
    "diagnoses": (("HI*ABK:E119*ABF:I10*ABF:Z0000",), "diagnoses", ("E119", "I10", "Z0000")),
    "anesthesia": (("HI*ABK:E119", "HI*BP:G0105*BO:G0121"), "anesthesia", ("G0105", "G0121")),
    "conditions": (("HI*ABK:E119", "HI*BG:17*BG:67"), "conditions", ("17", "67")),
    "repricing": (
        ("HCP*03*80*20*ORG*1.5*G*2",),
        "repricing",
        Repricing(
            method="03",
            allowed=D(80),
            saved=D(20),
            organization="ORG",
            rate=D("1.5"),
            group="G",
            group_amount=D(2),
        ),
    ),
    "referring": (
        (f"NM1*DN*1*LARK*MAREN*Q**JR*XX*{NPI}", "REF*0B*LIC1"),
        "referring",
        Provider(
            npi=NPI,
            last="LARK",
            first="MAREN",
            middle="Q",
            suffix="JR",
            references=(Reference(kind="license", value="LIC1"),),
        ),
    ),
    "primary care": (
        (f"NM1*P3*1*LARK*MAREN****XX*{NPI}",),
        "primary_care",
        Provider(npi=NPI, last="LARK", first="MAREN"),
    ),
    "rendering": (
        (f"NM1*82*2*GROUP*****XX*{NPI}", "PRV*PE*PXC*207Q00000X"),
        "rendering",
        Provider(npi=NPI, last="GROUP", taxonomy="207Q00000X"),
    ),
    "a person of one name": (
        (f"NM1*82*1*LARK*****XX*{NPI}",),
        "rendering",
        Provider(npi=NPI, last="LARK", is_person=True),
    ),
    "facility": (
        (f"NM1*77*2*HALL*****XX*{NPI}", *N3_N4, "REF*LU*L1", "PER*IC*DESK*TE*5555550100"),
        "facility",
        Facility(
            name="HALL",
            npi=NPI,
            address=STREET,
            references=(Reference(kind="location", value="L1"),),
            contact=Contact(name="DESK", reach=(Reach(kind="phone", value="5555550100"),)),
        ),
    ),
    "supervising": (
        (f"NM1*DQ*1*LARK*MAREN****XX*{NPI}",),
        "supervising",
        Provider(npi=NPI, last="LARK", first="MAREN"),
    ),
    "pick-up": (("NM1*PW*2", *N3_N4), "pick_up", Stop(address=STREET)),
    "drop-off": (("NM1*45*2*HALL", *N3_N4), "drop_off", Stop(address=STREET, name="HALL")),
}

# segments of the line from SV1 on, that take the place of LINE's
OF_LINE: dict[str, tuple[tuple[str, ...], str, object]] = {
    "modifiers": (("SV1*HC:E0601:RR:KH*100*UN*1***1:2",), "modifiers", ("RR", "KH")),
    "description": (("SV1*HC:E1399:::::A THING*100*UN*1***1",), "description", "A THING"),
    "pointers": (("SV1*HC:T1015*100*UN*1***1:2",), "pointers", (1, 2)),
    "minutes": (("SV1*HC:T1015*100*MJ*45***1",), "unit_basis", "MJ"),
    "place": (("SV1*HC:T1015*100*UN*1*12**1",), "place_of_service", "12"),
    "emergency": (("SV1*HC:T1015*100*UN*1***1**Y",), "emergency", True),
    "epsdt": (("SV1*HC:T1015*100*UN*1***1****Y",), "epsdt", True),
    "family planning": (("SV1*HC:T1015*100*UN*1***1*****Y",), "family_planning", True),
    "copay": (("SV1*HC:T1015*100*UN*1***1********0",), "copay_exempt", True),
    "equipment": (
        ("SV1*HC:E0601*100*UN*1***1", "SV5*HC:E0601*DA*30*50*500.00*4"),
        "equipment",
        Equipment(code="E0601", days=D(30), rental=D(50), purchase=D("500.00"), frequency="4"),
    ),
    "medical necessity": (
        ("SV1*HC:E0601*100*UN*1***1", "PWK*CT*AB"),
        "attachments",
        (Attachment(report="CT", way="AB"),),
    ),
    "equipment need": (
        ("SV1*HC:E0601*100*UN*1***1", "CR3*I*MO*99"),
        "equipment_need",
        EquipmentNeed(kind="I", months=D(99)),
    ),
    "hospice": (
        ("SV1*HC:T1015*100*UN*1***1", "CRC*70*Y*65"),
        "certifications",
        (Certification(kind="hospice", holds="Y", codes=("65",)),),
    ),
    "span": (("SV1*HC:T1015*100*UN*1***1", "DTP*472*RD8*20260227-20260228"), "service_to", date(2026, 2, 28)),
    "last seen": (
        ("SV1*HC:T1015*100*UN*1***1", "DTP*472*D8*20260227", "DTP*304*D8*20260201"),
        "dates",
        (Dated(kind="last_seen", on=date(2026, 2, 1)),),
    ),
}
AFTER_DATE: dict[str, tuple[tuple[str, ...], str, object]] = {
    "quantities": (("QTY*FL*3",), "quantities", (Quantity(kind="anesthesia_units", count=D(3)),)),
    "tests": (("MEA*TR*R1*113.4",), "tests", (TestResult(reference="TR", measured="R1", value=D("113.4")),)),
    "number": (("REF*6R*L1",), "control_number", "L1"),
    "authorization of another payer": (
        ("REF*G1*AUTH1**2U:PLAN2", "REF*6R*L1", "REF*X4*CLIA1"),
        "references",
        (Reference(kind="authorization", value="AUTH1", payer="PLAN2"), Reference(kind="clia", value="CLIA1")),
    ),
    "taxes": (
        ("AMT*T*4.5", "AMT*F4*1"),
        "amounts",
        (Amount(kind="sales_tax", dollars=D("4.5")), Amount(kind="postage", dollars=D(1))),
    ),
    "note": (("NTE*DCP*GOALS",), "notes", (Note(kind="goals", text="GOALS"),)),
    "purchased": (("PS1*PN22*40.00",), "purchased", PurchasedService(seller="PN22", charge=D("40.00"))),
    "repricing": (
        ("HCP*02*80*20******HC*T1015*UN*1",),
        "repricing",
        Repricing(
            method="02", allowed=D(80), saved=D(20), code_kind="HC", code="T1015", unit_basis="UN", units=D(1)
        ),
    ),
    "drug": (
        ("LIN**N4*99999188501", "CTP****0.5*ML", "REF*XZ*RX1"),
        "drug",
        Drug(
            ndc="99999188501",
            quantity=D("0.5"),
            unit="ML",
            references=(Reference(kind="prescription", value="RX1"),),
        ),
    ),
    "purchased from": ((f"NM1*QB*2******XX*{NPI}",), "purchased_from", Provider(npi=NPI, last="")),
    "ordering": (
        (f"NM1*DK*1*LARK*MAREN****XX*{NPI}", *N3_N4, "PER*IC*DESK*TE*5555550100*EX*9"),
        "ordering",
        Provider(
            npi=NPI,
            last="LARK",
            first="MAREN",
            address=STREET,
            contact=Contact(
                name="DESK", reach=(Reach(kind="phone", value="5555550100"), Reach(kind="extension", value="9"))
            ),
        ),
    ),
    "form": (
        ("LQ*UT*1.02", "FRM*1A*W", "FRM*1B**NUMBER", "FRM*1C***20260201", "FRM*1D****12.5"),
        "forms",
        (
            Form(
                listed="UT",
                number="1.02",
                answers=(
                    Answer(question="1A", choice="W"),
                    Answer(question="1B", text="NUMBER"),
                    Answer(question="1C", on=date(2026, 2, 1)),
                    Answer(question="1D", percent=D("12.5")),
                ),
            ),
        ),
    ),
}

OF_STAY: dict[str, tuple[tuple[str, ...], dict[str, object]]] = {
    "codes": (
        (
            "HI*ABK:E119:::::::Y",
            "HI*ABJ:R509",
            "HI*APR:R05*APR:R51",
            "HI*ABN:W010XXA:::::::Y",
            "HI*DR:470",
            "HI*ABF:I10:::::::N*ABF:Z0000",
            "HI*BBR:0SRD0J9:D8:20260202",
            "HI*BBQ:0SRC0J9:D8:20260203",
            "HI*BI:70:RD8:20260201-20260203",
            "HI*BH:11:D8:20260131",
            "HI*BE:01:::1200.00*BE:80:::5",
            "HI*BG:17",
            "HI*TC:A01",
        ),
        {
            "present": ("Y", "N", ""),
            "admitting": "R509",
            "reasons": ("R05", "R51"),
            "external_causes": (Cause(code="W010XXA", present="Y"),),
            "group": "470",
            "procedures": (
                Surgery(code="0SRD0J9", on=date(2026, 2, 2)),
                Surgery(code="0SRC0J9", on=date(2026, 2, 3)),
            ),
            "spans": (Occurrence(code="70", on=date(2026, 2, 1), to=date(2026, 2, 3)),),
            "occurrences": (Occurrence(code="11", on=date(2026, 1, 31)),),
            "values": (CodedValue(code="01", amount=D("1200.00")), CodedValue(code="80", amount=D(5))),
            "treatments": ("A01",),
        },
    ),
}


@pytest.mark.parametrize("what", OF_CLAIM)
def test_a_claim_holds_it(what: str) -> None:
    """What stands in 2300 and 2310 has a plain field, leaves nothing over, and is written as it was."""
    segments, name, value = OF_CLAIM[what]
    told = read_one("P", CLM, *segments, *LINE)
    assert (getattr(told, name), told.rest) == (value, ())


@pytest.mark.parametrize("what", OF_LINE)
def test_a_line_holds_it(what: str) -> None:
    """What the service segment and those beside it say has a field, leaves nothing over, and is written again."""
    segments, name, value = OF_LINE[what]
    dated = () if any(text.startswith("DTP*472") for text in segments) else ("DTP*472*D8*20260227",)
    told = read_one("P", CLM, "LX*1", *segments, *dated)
    assert (getattr(told.lines[0], name), told.rest) == (value, ())


@pytest.mark.parametrize("what", AFTER_DATE)
def test_a_line_holds_what_follows_its_day(what: str) -> None:
    """What stands in 2400 after its day, and in 2410, 2420 and 2440, has a field and is written again as it was."""
    segments, name, value = AFTER_DATE[what]
    told = read_one("P", CLM, *LINE, *segments)
    assert (getattr(told.lines[0], name), told.rest) == (value, ())


def test_the_claim_segment() -> None:
    """CLM: number, charge as it is spelled, place, frequency, terms, causes of an accident, program, delay."""
    clm = "CLM*A1*100.00***12:B:7*N*C*N*I*P*AA:OA::OH:US*02********11"
    told = read_one("P", clm, "DTP*439*D8*20260201", *LINE)
    assert (told.control_number, str(told.charge), told.place_of_service, told.frequency) == (
        "A1",
        "100.00",
        "12",
        "7",
    )
    assert (told.signature, told.assignment, told.benefits_assigned, told.release) == ("N", "C", "N", "I")
    assert (told.patient_signature, told.special_program, told.delay_reason) == ("P", "02", "11")
    assert told.accident == Accident(kind="AA", also=("OA",), on=date(2026, 2, 1), state="OH", country="US")
    assert told.rest == ()


def test_a_service_line() -> None:
    """A plain line is number, day, code, dollars, units and pointers; the hub's own ids stay empty."""
    told = read_one("P", CLM, *LINE, "REF*6R*L1")
    assert told.lines == (
        ClaimLine(
            number=1,
            charge_ids=(),
            service_from=date(2026, 2, 27),
            hcpcs="T1015",
            amount=D(100),
            units=D(1),
            control_number="L1",
            pointers=(1,),
        ),
    )
    assert (told.payer, told.patient_id, told.encounter_ids, told.coverage.payer) == ("", "", (), "")


def test_old_diagnoses_are_known_as_such() -> None:
    """BK and BF are ICD-9: the claim says so."""
    told = read_one("P", CLM, "HI*BK:25000*BF:4019", *LINE)
    assert (told.diagnoses, told.is_icd9, told.rest) == (("25000", "4019"), True, ())


@pytest.mark.parametrize("what", OF_STAY)
def test_a_stay_holds_its_codes(what: str) -> None:
    """Each HI of an institutional claim has its field, with days, spans, amounts and presence on admission."""
    segments, fields = OF_STAY[what]
    told = read_one("I", *STAY[:3], *segments, *STAY_LINE)
    stay = told.institutional
    assert stay is not None
    assert {name: getattr(stay, name) for name in fields} == fields
    assert (told.diagnoses, told.conditions, told.rest) == (("E119", "I10", "Z0000"), ("17",), ())


def test_a_stay() -> None:
    """Type of bill, days of the statement, hours of admission and discharge, CL1; revenue lines without a code."""
    told = read_one(
        "I",
        "CLM*A1*500***11:A:1**A*Y*Y",
        "DTP*096*TM*1130",
        "DTP*434*RD8*20260201-20260205",
        "DTP*435*DT*202602010915",
        "CL1*1*7*01",
        "HI*ABK:E119",
        f"NM1*71*1*LARK*MAREN****XX*{NPI}",
        "PRV*AT*PXC*207R00000X",
        f"NM1*72*1*FENN*ODA****XX*{NPI}",
        f"NM1*ZZ*1*FENN*ODB****XX*{NPI}",
        "LX*1",
        "SV2*0120**400*DA*4*100*12.5",
        "LX*2",
        "SV2*0300*HC:G0008:59*100*UN*1",
        "DTP*472*D8*20260203",
    )
    assert told.institutional == Institutional(
        facility_code="11",
        statement_from=date(2026, 2, 1),
        statement_to=date(2026, 2, 5),
        admission_hour="0915",
        discharge_hour="1130",
        admission="1",
        source="7",
        status="01",
    )
    assert (told.admitted_on, told.place_of_service, told.institutional.bill_type) == (
        date(2026, 2, 1),
        "",
        "011",
    )
    assert told.attending == Provider(npi=NPI, last="LARK", first="MAREN", taxonomy="207R00000X")
    assert (told.operating, told.other_operating) == tuple(
        Provider(npi=NPI, last="FENN", first=n) for n in ("ODA", "ODB")
    )
    room, vaccine = told.lines
    assert (room.revenue, room.hcpcs, room.unit_basis, room.rate, room.noncovered) == (
        "0120",
        "",
        "DA",
        D(100),
        D("12.5"),
    )
    assert (room.service_from, room.is_dated) == (date(2026, 2, 1), False)
    assert (vaccine.revenue, vaccine.hcpcs, vaccine.modifiers, vaccine.is_dated) == (
        "0300",
        "G0008",
        ("59",),
        True,
    )
    assert told.rest == ()


def test_teeth() -> None:
    """Dental claims: braces, missing teeth, areas, prosthesis, surfaces, placement, lines without a count."""
    told = read_one(
        "D",
        "CLM*A1*100***11:B:1*Y*A*Y*Y**********PB",
        "DTP*452*D8*20260105",
        "DTP*472*D8*20260227",
        "DN1*36*27*Y",
        "DN2*3*M****JP",
        "HI*ABK:K0520",
        f"NM1*DD*1*LARK*MAREN****XX*{NPI}",
        "LX*1",
        "SV3*AD:D0000*60**10:20*I*2*****1",
        "TOO*JP*12*L:O",
        "TOO*JP*13",
        "DTP*441*D8*20200105",
        "LX*2",
        "SV3*AD:D0001*40",
    )
    assert told.is_predetermination
    assert told.dental is not None
    assert told.dental.orthodontic == Orthodontic(months=D(36), remaining=D(27), indicator="Y")
    assert told.dental.teeth == (ToothStatus(number="3", status="M"),)
    assert told.assistant == Provider(npi=NPI, last="LARK", first="MAREN")
    first, second = told.lines
    teeth = (Tooth(number="12", surfaces=("L", "O")), Tooth(number="13"))
    assert first.dental == DentalService(areas=("10", "20"), prosthesis="I", teeth=teeth)
    assert (first.units, first.unit_basis, second.units, second.unit_basis) == (D(2), "UN", D(1), "")
    assert first.dates == (Dated(kind="prior_placement", on=date(2020, 1, 5)),)
    assert (second.service_from, second.is_dated) == (date(2026, 2, 27), False)
    assert told.rest == ()


def test_the_billing_provider() -> None:
    """2000A: taxonomy, currency, other numbers, contacts, pay-to address and plan."""
    billing = (
        "HL*1**20*1",
        "PRV*BI*PXC*207Q00000X",
        "CUR*85*USD",
        "NM1*85*1*LARK*MAREN*Q**JR*XX*1999999018",
        *N3_N4,
        "REF*SY*999001234",
        "REF*0B*LIC1",
        "PER*IC*DESK*TE*5555550100*EX*7*FX*5555550101",
        "PER*IC*NIGHT*EM*NIGHT.EXAMPLE",
        "NM1*87*2",
        *N3_N4,
        "NM1*PE*2*PLAN OF PAY*****PI*PP1",
        *N3_N4,
        "REF*NF*NAIC1",
        "REF*EI*999001235",
    )
    (one,) = read_sets(file_of("P", (*BEGIN, *billing, *SUBSCRIBER, CLM, *LINE)))
    (told,) = one.claims
    biller = told.billing
    assert (biller.name, biller.first, biller.middle, biller.suffix, biller.npi) == (
        "LARK",
        "MAREN",
        "Q",
        "JR",
        "1999999018",
    )
    assert (biller.tax_id_kind, biller.tax_id, biller.taxonomy, biller.currency) == (
        "SY",
        "999001234",
        "207Q00000X",
        "USD",
    )
    assert biller.references == (Reference(kind="license", value="LIC1"),)
    assert [contact.name for contact in biller.contacts] == ["DESK", "NIGHT"]
    assert (biller.address, biller.pay_to) == (STREET, STREET)
    assert biller.pay_to_plan == PayToPlan(
        name="PLAN OF PAY",
        id="PP1",
        address=STREET,
        references=(Reference(kind="naic", value="NAIC1"), Reference(kind="tax_id", value="999001235")),
    )
    assert one.written() == one.texts
    assert told.rest == ()


def test_the_patient_is_the_subscriber() -> None:
    """2000B of a patient's own policy: ids, weight, pregnancy, death, contact, payer with its numbers."""
    subscriber = (
        "HL*2*1*22*0",
        "SBR*S*18*G1*GROUP NAME*12****MB",
        "PAT*****D8*20260301*01*154.5*Y",
        "NM1*IL*1*BITTERN*ORLA*Q**III*MI*M1",
        "N3*5 REED STREET",
        "N4*EXAMPLETON*OH*44099",
        "DMG*D8*19500203*F",
        "REF*SY*999001234",
        "REF*Y4*LIAB1",
        "PER*IC**TE*5555550100",
        "NM1*PR*2*SAMPLE PLAN*****XV*PLAN1",
        *N3_N4,
        "REF*FY*OFFICE1",
        "REF*G2*BILLER1",
    )
    told = read_one("P", CLM, *LINE, subscriber=subscriber)
    patient, coverage = told.patient, told.coverage
    assert patient.name == Name(last="BITTERN", first="ORLA", middle="Q", suffix="III")
    assert (patient.weight, patient.is_pregnant, patient.death_date) == (D("154.5"), True, date(2026, 3, 1))
    assert patient.contact == Contact(reach=(Reach(kind="phone", value="5555550100"),))
    assert (coverage.relationship, coverage.subscriber, coverage.rank, told.rank) == ("self", None, 2, 2)
    assert (coverage.group_number, coverage.group_name, coverage.insurance_type, coverage.filing_code) == (
        "G1",
        "GROUP NAME",
        "12",
        "MB",
    )
    assert [one.kind for one in coverage.references] == ["ssn", "liability_claim"]
    assert (coverage.payer_name, coverage.payer_id, coverage.payer_id_kind, coverage.payer_token) == (
        "SAMPLE PLAN",
        "PLAN1",
        "XV",
        "PLAN1",
    )
    assert coverage.payer_address == STREET
    assert coverage.payer_references == (Reference(kind="claim_office", value="OFFICE1"),)
    assert coverage.billing_references == (Reference(kind="commercial", value="BILLER1"),)
    assert told.rest == ()


def test_the_patient_is_a_dependent() -> None:
    """2000C: the relationship in words, the patient's own name, address, birth, weight and liability number."""
    subscriber = (
        "HL*2*1*22*1",
        "SBR*P********CI",
        "NM1*IL*2*EMPLOYER*****MI*M1",
        "NM1*PR*2*SAMPLE PLAN*****PI*PLAN1",
        "HL*3*2*23*0",
        "PAT*53******01*20",
        "NM1*QC*1*BITTERN*ORLA",
        "N3*5 REED STREET",
        "N4*EXAMPLETON*OH*44099",
        "DMG*D8*19500203*F",
        "REF*Y4*LIAB1",
    )
    told = read_one("P", CLM, *LINE, subscriber=subscriber)
    holder = told.coverage.subscriber
    assert holder is not None
    assert (told.coverage.relationship, holder.name.last, holder.is_organization) == (
        "life_partner",
        "EMPLOYER",
        True,
    )
    assert (told.patient.name.first, told.patient.birth_date, told.patient.weight) == (
        "ORLA",
        date(1950, 2, 3),
        D(20),
    )
    assert told.patient.references == (Reference(kind="liability_claim", value="LIAB1"),)
    assert told.rest == ()


def test_one_of_each_kind() -> None:
    """The shortest claim of each kind is held by fields alone."""
    for kind, claim in (
        ("P", (CLM, *LINE)),
        ("I", (*STAY, *STAY_LINE)),
        ("D", (DENTAL, *DENTAL_LINE)),
    ):
        told = read_one(kind, *claim)
        assert isinstance(told, Claim)
        assert (told.kind, told.rest) == (kind, ())
