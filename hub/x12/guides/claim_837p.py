"""The guide of the 837P, the professional claim: 005010X222A1."""

from __future__ import annotations

from hub.x12.grammar import Loop, Segment, guide, loop, seg
from hub.x12.guides.patterns import (
    ADJUSTMENT,
    ANYBODY,
    NPI,
    ORGANIZATION,
    PERSON,
    PLAN_ID,
    PROFESSIONAL_CODES,
    UNNAMED,
    UNNAMED_ORGANIZATION,
    UNNAMED_PERSON,
    address,
    contact,
    counts,
    days,
    named,
    numbers,
    party,
    phone,
    procedure,
    sums,
)

# a payer's place among the payers, its kind of coverage, and who the insured is to the patient
_SEQUENCE = "P,S,T,A,B,C,D,E,F,G,H,U"
_COVERAGES = "11,12,13,14,15,16,17,AM,BL,CH,CI,DS,FI,HM,LM,MA,MB,MC,OF,TV,VA,WC,ZZ"
_MEDICARE_SECOND = "12,13,14,15,16,41,42,43,47"
_RELATIONS = "01,19,20,21,39,40,53,G8"

# reports that may follow a claim: by number, then by letter
_REPORTS = (
    "03,04,05,06,07,08,09,10,11,13,15,21,"
    "A3,A4,AM,AS,B2,B3,B4,BR,BS,BT,CB,CK,CT,D2,DA,DB,DG,DJ,DS,EB,HC,HR,I5,IR,LA,M1,MT,NN,"
    "OB,OC,OD,OE,OX,OZ,P4,P5,PE,PN,PO,PQ,PY,PZ,RB,RR,RT,RX,SG,V5,XP"
)
_SENT_BY = "AA,BM,EL,EM,FT,FX"

_LICENSE_UPIN = "0B,1G"
_PROVIDER_NUMBERS = "0B,1G,G2"
_PROVIDER_AND_PLACE = "0B,1G,G2,LU"
_PLACE_NUMBERS = "0B,G2,LU"
_PAYER_NUMBERS = "2U,EI,FY,NF"
_FOR_PAYER = "04 04.1!=2U 04.2!"  # which payer gave the number, where it is not the one that is billed

_PRICING = "01!=00,01,02,03,04,05,06,07,08,09,10,11,12,13,14 02! 03-07"
_PRICING_REASONS = "13=T1,T2,T3,T4,T5,T6 14=1,2,3,4,5 15=1,2,3,4,5,6"
_BIRTH = seg("DMG S 1", "Birth date and sex", "01!=D8 02! 03!=F,M,U")
_CONTRACT = seg("CN1 S 1", "Contract", "01!=01,02,03,04,05,06,09 02-06")
_FIXED = seg("K3 S 10", "Fixed format information", "01!")
_AMBULANCE = seg("CR1 S 1", "Ambulance transport", "01=LB 02 04!=A,B,C,D,E 05!=DH 06! 09 10")
_AMBULANCE_CONDITION = seg(
    "CRC S 3",
    "Ambulance certification",
    "01!=07 02!=N,Y 03!=01,04,05,06,07,08,09,12 04-07=01,04,05,06,07,08,09,12",
)
_PAID_ON = days(("573", "Day of the other payer's decision"))
_REPORT = seg("PWK S 10", "Report that follows", f"01!={_REPORTS} 02!={_SENT_BY} 05=AC 06")


def _provider(place: str, name: str, code: str, who: str, known: str, *more: Segment) -> Loop:
    """A provider named by NPI, `more` of it, and up to `known` ("3 0B,1G,G2") numbers of other kinds."""
    most, kinds = known.split()
    extra = _FOR_PAYER if place.startswith("2420") else ""
    other = numbers(f"S {most}", "Other numbers of the provider", kinds, extra)
    return party(place, named(code, name, who, NPI), *more, other)


def _other_payers_provider(place: str, name: str, code: str, who: str, known: str) -> Loop:
    """A provider by the numbers alone that another payer gave it."""
    most, kinds = known.split()
    return party(place, named(code, name, who), numbers(f"R {most}", "Numbers by the other payer", kinds))


def _specialty(code: str) -> Segment:
    return seg("PRV S 1", "Specialty", f"01!={code} 02!=PXC 03!")


def _adjustments() -> Segment:
    return seg("CAS S 5", "Adjustment", f"01!=CO,CR,OA,PI,PR {ADJUSTMENT}")


def _diagnoses() -> Segment:
    others = " ".join(f"{at:02} {at:02}.1!=ABF,BF {at:02}.2!" for at in range(2, 13))
    return seg("HI R 1", "Diagnoses", f"01! 01.1!=ABK,BK 01.2! {others}")


def _conditions() -> Segment:
    others = " ".join(f"{at:02} {at:02}.1!=BG {at:02}.2!" for at in range(2, 13))
    return seg("HI S 2", "Condition information", f"01! 01.1!=BG 01.2! {others}")


def _ambulance_stops(pick_up: str, drop_off: str) -> tuple[Loop, Loop]:
    return (
        party(pick_up, named("PW", "Ambulance pick-up place", UNNAMED_ORGANIZATION), *address()),
        party(drop_off, named("45", "Ambulance drop-off place", "02!=2 03"), *address()),
    )


_ADJUDICATED_LINE = loop(
    "2430 S 15",
    "Decision of another payer on the line",
    seg("SVD R 1", "Paid for the line", f"01! 02! {procedure(3, PROFESSIONAL_CODES)} 05! 06"),
    _adjustments(),
    *days(("573", "Day of the decision"), use="R 1"),
    *sums(("EAF", "Left for the patient")),
)

_FORM = loop(
    "2440 S >1",
    "Form",
    seg("LQ R 1", "Form identification", "01!=AS,UT 02!"),
    seg("FRM R 99", "Answer on the form", "01! 02=N,W,Y 03-05"),
)

_DRUG = loop(
    "2410 S 1",
    "Drug",
    seg("LIN R 1", "Drug or device", "02!=EN,EO,HI,N4,ON,UK,UP 03!"),
    seg("CTP R 1", "Quantity of the drug", "04! 05! 05.1!=F2,GR,ME,ML,UN"),
    numbers("S 1", "Prescription", "VY,XZ"),
)

_LINE = loop(
    "2400 R 50",
    "Line",
    seg("LX R 1", "Line number", "01!"),
    seg(
        "SV1 R 1",
        "Professional service",
        f"{procedure(1, PROFESSIONAL_CODES)} 02! 03!=MJ,UN 04! 05=@pos 07! 07.1!=@pointer 07.2-4=@pointer "
        "09=Y 11=Y 12=Y 15=0",
    ),
    seg("SV5 S 1", "Durable equipment", "01! 01.1!=HC 01.2! 02!=DA 03! 04! 05! 06!=1,4,6"),
    _REPORT,
    seg("PWK S 1", "Certificate of medical necessity", "01!=CT 02!=AB,AD,AF,AG,NS"),
    _AMBULANCE,
    seg("CR3 S 1", "Equipment certification", "01!=I,R,S 02!=MO 03!"),
    _AMBULANCE_CONDITION,
    seg("CRC S 1", "Hospice employee", "01!=70 02!=N,Y 03!=65"),
    seg("CRC S 1", "Equipment condition", "01!=09 02!=N,Y 03!=38,ZV 04=38,ZV"),
    *days(("472", "Day of service"), use="R 1", forms="D8,RD8"),
    *days(
        ("471", "Prescription"),
        ("607", "Certification revised"),
        ("463", "Therapy begun"),
        ("461", "Last certification"),
        ("304", "Last seen"),
    ),
    *days(("738,739", "Test"), use="S 2"),
    *days(("011", "Shipped"), ("455", "Last X-ray"), ("454", "Initial treatment")),
    *counts(("PT", "Patients in the ambulance"), ("FL", "Additional anesthesia units")),
    seg("MEA S 5", "Test result", "01!=OG,TR 02!=HT,R1,R2,R3,R4 03!"),
    _CONTRACT,
    numbers("S 1", "Repriced line", "9B"),
    numbers("S 1", "Adjusted repriced line", "9D"),
    numbers("S 5", "Prior authorization", "G1", _FOR_PAYER),
    numbers("S 1", "Line item control number", "6R"),
    numbers("S 1", "Mammography certification", "EW"),
    numbers("S 1", "CLIA number", "X4"),
    numbers("S 1", "CLIA number of the referring laboratory", "F4"),
    numbers("S 1", "Vaccine batch", "BT"),
    numbers("S 5", "Referral", "9F", _FOR_PAYER),
    *sums(("T", "Sales tax"), ("F4", "Postage")),
    _FIXED,
    seg("NTE S 1", "Note on the line", "01!=ADD,DCP 02!"),
    seg("NTE S 1", "Note to a third party", "01!=TPO 02!"),
    seg("PS1 S 1", "Purchased service", "01! 02!"),
    seg(
        "HCP S 1",
        "Repricing of the line",
        f"{_PRICING} 09={PROFESSIONAL_CODES} 10 11=MJ,UN 12 {_PRICING_REASONS}",
    ),
    _DRUG,
    _provider("2420A S 1", "Rendering provider", "82", ANYBODY, f"20 {_PROVIDER_AND_PLACE}", _specialty("PE")),
    _provider("2420B S 1", "Purchased service provider", "QB", UNNAMED, f"20 {_PROVIDER_NUMBERS}"),
    _provider("2420C S 1", "Service facility", "77", ORGANIZATION, "3 G2,LU", *address()),
    _provider("2420D S 1", "Supervising provider", "DQ", PERSON, f"20 {_PROVIDER_AND_PLACE}"),
    party(
        "2420E S 1",
        named("DK", "Ordering provider", PERSON, NPI),
        *address("S"),
        numbers("S 20", "Other numbers of the provider", _PROVIDER_NUMBERS, _FOR_PAYER),
        contact("S 1", "Contact of the ordering provider", need="!"),
    ),
    _provider("2420F S 2", "Referring provider", "DN,P3", PERSON, f"20 {_PROVIDER_NUMBERS}"),
    *_ambulance_stops("2420G S 1", "2420H S 1"),
    _ADJUDICATED_LINE,
    _FORM,
)

_OTHER_COVERAGE = loop(
    "2320 S 10",
    "Other coverage",
    seg(
        "SBR R 1",
        "Other insured",
        f"01!={_SEQUENCE} 02!=18,{_RELATIONS} 03 04 05={_MEDICARE_SECOND} 09={_COVERAGES}",
    ),
    _adjustments(),
    *sums(("D", "Paid by the other payer"), ("A8", "Not covered"), ("EAF", "Left for the patient")),
    seg("OI R 1", "Terms of the other coverage", "03!=N,W,Y 04=P 06!=I,Y"),
    seg("MOA S 1", "Outpatient adjudication", "01-09"),
    party(
        "2330A R 1",
        named("IL", "Other insured", ANYBODY, "08!=II,MI 09!"),
        *address("S"),
        numbers("S 1", "Social security number", "SY", "02!=@ssn"),
    ),
    party(
        "2330B R 1",
        named("PR", "Other payer", ORGANIZATION, PLAN_ID),
        *address("S"),
        *_PAID_ON,
        numbers("S 2", "Other numbers of the payer", _PAYER_NUMBERS),
        numbers("S 1", "Prior authorization", "G1"),
        numbers("S 1", "Referral", "9F"),
        numbers("S 1", "Adjusted before", "T4"),
        numbers("S 1", "Claim number of the other payer", "F8"),
    ),
    _other_payers_provider("2330C S 2", "Referring provider", "DN,P3", UNNAMED_PERSON, f"3 {_PROVIDER_NUMBERS}"),
    _other_payers_provider("2330D S 1", "Rendering provider", "82", UNNAMED, f"3 {_PROVIDER_AND_PLACE}"),
    _other_payers_provider("2330E S 1", "Service facility", "77", UNNAMED_ORGANIZATION, f"3 {_PLACE_NUMBERS}"),
    _other_payers_provider("2330F S 1", "Supervising provider", "DQ", UNNAMED_PERSON, f"3 {_PROVIDER_AND_PLACE}"),
    _other_payers_provider("2330G S 1", "Billing provider", "85", UNNAMED, "2 G2,LU"),
)

_CLAIM_ROWS: tuple[Segment | Loop, ...] = (
    seg(
        "CLM R 1",
        "Claim",
        "01! 02! 05! 05.1!=@pos 05.2!=B 05.3! 06!=N,Y 07!=A,B,C 08!=N,W,Y 09!=I,Y 10=P "
        "11 11.1!=AA,EM,OA 11.2=AA,EM,OA 11.4=@state 11.5=@country 12=02,03,05,09 "
        "20=1,2,3,4,5,6,7,8,9,10,11,15",
    ),
    *days(
        ("431", "Onset"),
        ("454", "Initial treatment"),
        ("304", "Last seen"),
        ("453", "Acute manifestation"),
        ("439", "Accident"),
        ("484", "Last menstrual period"),
        ("455", "Last X-ray"),
        ("471", "Hearing or vision prescription"),
    ),
    *days(("314,360,361", "Disability"), forms="D8,RD8"),
    *days(
        ("297", "Last worked"),
        ("296", "Back to work"),
        ("435", "Admission"),
        ("096", "Discharge"),
    ),
    *days(("090,091", "Care assumed or given up"), use="S 2"),
    *days(("444", "First contact in a liability claim"), ("050", "Received by the repricer")),
    _REPORT,
    _CONTRACT,
    *sums(("F5", "Paid by the patient")),
    seg("REF S 1", "Service authorization exception", "01!=4N 02!=1,2,3,4,5,6,7"),
    seg("REF S 1", "Mandatory Medicare crossover", "01!=F5 02!=N,Y"),
    numbers("S 1", "Mammography certification", "EW"),
    numbers("S 1", "Referral", "9F"),
    numbers("S 1", "Prior authorization", "G1"),
    numbers("S 1", "Claim number of the payer", "F8"),
    numbers("S 1", "CLIA number", "X4"),
    numbers("S 1", "Repriced claim", "9A"),
    numbers("S 1", "Adjusted repriced claim", "9C"),
    numbers("S 1", "Investigational device exemption", "LX"),
    numbers("S 1", "Claim number of the clearinghouse", "D9"),
    numbers("S 1", "Medical record", "EA"),
    numbers("S 1", "Demonstration project", "P4"),
    numbers("S 1", "Care plan oversight", "1J"),
    _FIXED,
    seg("NTE S 1", "Note on the claim", "01!=ADD,CER,DCP,DGN,TPO 02!"),
    _AMBULANCE,
    seg("CR2 S 1", "Spinal manipulation", "08!=A,C,D,E,F,G,M 10 11"),
    _AMBULANCE_CONDITION,
    seg("CRC S 3", "Vision condition", "01!=E1,E2,E3 02!=N,Y 03!=L1,L2,L3,L4,L5 04-07=L1,L2,L3,L4,L5"),
    seg("CRC S 1", "Homebound", "01!=75 02!=Y 03!=IH"),
    seg("CRC S 1", "EPSDT referral", "01!=ZZ 02!=N,Y 03!=AV,NU,S2,ST 04-05=AV,NU,S2,ST"),
    _diagnoses(),
    seg("HI S 1", "Anesthesia procedures", "01! 01.1!=BP 01.2! 02 02.1!=BO 02.2!"),
    _conditions(),
    seg("HCP S 1", "Repricing of the claim", f"{_PRICING} {_PRICING_REASONS}"),
    _provider("2310A S 2", "Referring provider", "DN,P3", PERSON, f"3 {_PROVIDER_NUMBERS}"),
    _provider("2310B S 1", "Rendering provider", "82", ANYBODY, f"4 {_PROVIDER_AND_PLACE}", _specialty("PE")),
    party(
        "2310C S 1",
        named("77", "Service facility", ORGANIZATION, NPI),
        *address(),
        numbers("S 3", "Other numbers of the facility", _PLACE_NUMBERS),
        phone("Contact of the service facility"),
    ),
    _provider("2310D S 1", "Supervising provider", "DQ", PERSON, f"4 {_PROVIDER_AND_PLACE}"),
    *_ambulance_stops("2310E S 1", "2310F S 1"),
    _OTHER_COVERAGE,
    _LINE,
)


_SUBSCRIBER = party(
    "2010BA R 1",
    named("IL", "Subscriber", ANYBODY, "08=II,MI 09"),
    *address("S"),
    _BIRTH,
    numbers("S 1", "Social security number", "SY", "02!=@ssn"),
    numbers("S 1", "Liability claim number", "Y4"),
    phone("Contact of the subscriber"),
)

_PAYER = party(
    "2010BB R 1",
    named("PR", "Payer", ORGANIZATION, PLAN_ID),
    *address("S"),
    numbers("S 3", "Other numbers of the payer", _PAYER_NUMBERS),
    numbers("S 2", "Billing provider's numbers by the payer", "G2,LU"),
)

_PATIENT_LEVEL = loop(
    "2000C S >1",
    "Patient level",
    seg("HL R 1", "Patient level", "01! 02! 03!=23 04!=0"),
    seg("PAT R 1", "Patient", f"01!={_RELATIONS} 05=D8 06 07=01 08 09=Y"),
    party(
        "2010CA R 1",
        named("QC", "Patient", PERSON),
        *address(),
        seg("DMG R 1", "Birth date and sex", "01!=D8 02! 03!=F,M,U"),
        numbers("S 1", "Liability claim number", "Y4"),
        numbers("S 1", "Patient's number in a liability claim", "1W,SY"),
        phone("Contact of the patient"),
    ),
    loop("2300 R 100", "Claim", *_CLAIM_ROWS),
)

_SUBSCRIBER_LEVEL = loop(
    "2000B R >1",
    "Subscriber level",
    seg("HL R 1", "Subscriber level", "01! 02! 03!=22 04!=0,1"),
    seg(
        "SBR R 1",
        "Subscriber's coverage",
        f"01!={_SEQUENCE} 02=18 03 04 05={_MEDICARE_SECOND} 09={_COVERAGES}",
    ),
    seg("PAT S 1", "Subscriber as the patient", "05=D8 06 07=01 08 09=Y"),
    _SUBSCRIBER,
    _PAYER,
    loop("2300 S 100", "Claim", *_CLAIM_ROWS),
    _PATIENT_LEVEL,
)

_BILLING_LEVEL = loop(
    "2000A R >1",
    "Billing provider level",
    seg("HL R 1", "Billing provider level", "01! 03!=20 04!=1"),
    _specialty("BI"),
    seg("CUR S 1", "Currency", "01!=85 02!=@currency"),
    party(
        "2010AA R 1",
        named("85", "Billing provider", ANYBODY, NPI),
        *address(),
        numbers("R 1", "Tax id", "EI,SY"),
        numbers("S 2", "License or UPIN", _LICENSE_UPIN),
        contact("S 2", "Contact of the billing provider", need="!"),
    ),
    party("2010AB S 1", named("87", "Pay-to address", UNNAMED), *address()),
    party(
        "2010AC S 1",
        named("PE", "Pay-to plan", ORGANIZATION, PLAN_ID),
        *address(),
        numbers("S 1", "Other number of the plan", "2U,FY,NF"),
        numbers("R 1", "Tax id of the plan", "EI"),
    ),
    _SUBSCRIBER_LEVEL,
)

CLAIM_837P = guide(
    "837P",
    "Professional claim",
    "005010X222A1",
    seg("BHT R 1", "Begin", "01!=0019 02!=00,18 03! 04! 05! 06!=31,CH,RP"),
    party(
        "1000A R 1",
        named("41", "Submitter", "02!=1,2 03! 04 05", "08!=46 09!"),
        contact("R 2", "Contact of the submitter", kinds="ED,EM,FX,TE", need="!"),
    ),
    party("1000B R 1", named("40", "Receiver", ORGANIZATION, "08!=46 09!")),
    _BILLING_LEVEL,
    group="HC",
    transaction="837",
    units=("2300",),
    accepts=("005010X222", "005010X222A2"),
)
