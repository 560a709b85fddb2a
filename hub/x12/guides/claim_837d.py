"""The guide of the 837D, the dental claim: 005010X224A2."""

from __future__ import annotations

from hub.x12.grammar import Loop, Segment, guide, loop, seg
from hub.x12.guides.claim_patterns import (
    COVERAGES,
    DELAYS,
    EXCEPTION,
    FIXED,
    FOR_PAYER,
    FREQUENCIES,
    HEADER,
    LICENSE_UPIN,
    MEDICARE_SECOND,
    OUTPATIENT,
    PLACE_NUMBERS,
    PRICING,
    PRICING_REASONS,
    PROVIDER_AND_PLACE,
    PROVIDER_NUMBERS,
    RELATIONS,
    SEQUENCE,
    adjudicated_line,
    adjustments,
    codes,
    other_payer,
    other_payers_provider,
    other_subscriber,
    patient,
    pay_to,
    payer,
    provider,
    report,
    specialty,
    subscriber,
)
from hub.x12.guides.patterns import (
    ANYBODY,
    NPI,
    ORGANIZATION,
    PERSON,
    UNNAMED,
    UNNAMED_ORGANIZATION,
    UNNAMED_PERSON,
    address,
    contact,
    days,
    named,
    numbers,
    party,
    procedure,
    sums,
)

_DECIDED_CODES = "AD,ER"
_REPORTS = "B4,DA,DG,EB,OZ,P6,RB,RR"
_SURFACES = "B,D,F,I,L,M,O"
_CONTRACT = seg("CN1 S 1", "Contract", "01!=02,03,04,05,06,09 02-06")

_LINE = loop(
    "2400 R 50",
    "Line",
    seg("LX R 1", "Line number", "01!"),
    seg(
        "SV3 R 1",
        "Dental service",
        f"{procedure(1, 'AD')} 02! 03=@pos 04 04.1! 04.2-5 05=I,R 06 11 11.1!=@pointer 11.2-4=@pointer",
    ),
    seg("TOO S 32", "Tooth", f"01!=JP 02 03 03.1!={_SURFACES} 03.2-5={_SURFACES}"),
    *days(
        ("472", "Day of service"),
        ("139,441", "Prior placement"),
        ("452", "Appliance placed"),
        ("446", "Replacement"),
        ("196", "Treatment begun"),
        ("198", "Treatment completed"),
    ),
    _CONTRACT,
    numbers("S 5", "Predetermination", "G3", FOR_PAYER),
    numbers("S 5", "Prior authorization", "G1", FOR_PAYER),
    numbers("S 1", "Line item control number", "6R"),
    numbers("S 1", "Repriced claim", "9A"),
    numbers("S 1", "Adjusted repriced claim", "9C"),
    numbers("S 5", "Referral", "9F", FOR_PAYER),
    *sums(("T", "Sales tax")),
    FIXED,
    seg("HCP S 1", "Repricing of the line", f"{PRICING} 09={_DECIDED_CODES} 10 11=UN 12 {PRICING_REASONS}"),
    provider("2420A S 1", "Rendering provider", "82", ANYBODY, f"20 {PROVIDER_AND_PLACE}", specialty("PE", "R")),
    provider("2420B S 1", "Assistant surgeon", "DD", ANYBODY, f"20 {PROVIDER_AND_PLACE}", specialty("AS")),
    provider("2420C S 1", "Supervising provider", "DQ", PERSON, f"20 {PROVIDER_AND_PLACE}"),
    provider("2420D S 1", "Service facility", "77", ORGANIZATION, f"20 {PLACE_NUMBERS}", *address()),
    adjudicated_line(procedure(3, _DECIDED_CODES)),
)

_OTHER_COVERAGE = loop(
    "2320 S 10",
    "Other coverage",
    seg(
        "SBR R 1", "Other insured", f"01!={SEQUENCE} 02!=18,{RELATIONS} 03 04 05={MEDICARE_SECOND} 09={COVERAGES}"
    ),
    adjustments(),
    *sums(("D", "Paid by the other payer"), ("EAF", "Left for the patient"), ("A8", "Not covered")),
    seg("OI R 1", "Terms of the other coverage", "03!=N,W,Y 06!=I,Y"),
    OUTPATIENT,
    other_subscriber(2),
    other_payer(numbers("S 1", "Predetermination", "G3"), most=3),
    other_payers_provider("2330C S 2", "Referring provider", "DN,P3", UNNAMED_PERSON, f"3 {PROVIDER_NUMBERS}"),
    other_payers_provider("2330D S 1", "Rendering provider", "82", UNNAMED, f"3 {PROVIDER_AND_PLACE}"),
    other_payers_provider("2330E S 1", "Supervising provider", "DQ", UNNAMED_PERSON, f"3 {PROVIDER_AND_PLACE}"),
    other_payers_provider("2330F S 1", "Billing provider", "85", UNNAMED, "2 G2,LU"),
    other_payers_provider("2330G S 1", "Service facility", "77", UNNAMED_ORGANIZATION, f"3 {PLACE_NUMBERS}"),
    other_payers_provider("2330H S 1", "Assistant surgeon", "DD", UNNAMED, f"3 {PROVIDER_AND_PLACE}"),
)

_CLAIM_ROWS: tuple[Segment | Loop, ...] = (
    seg(
        "CLM R 1",
        "Claim",
        f"01! 02! 05! 05.1!=@pos 05.2!=B 05.3!={FREQUENCIES} 06!=N,Y 07!=A,C 08!=N,W,Y 09!=I,Y "
        "11 11.1!=AA,EM,OA 11.2=AA,EM,OA 11.4=@state 11.5=@country 12=01,02,03,05 "
        f"19=PB 20={DELAYS}",
    ),
    *days(("439", "Accident"), ("452", "Appliance placed")),
    *days(("472", "Day of service"), forms="D8,RD8"),
    *days(("050", "Received by the repricer")),
    seg("DN1 S 1", "Months of orthodontic treatment", "01 02 04"),
    seg("DN2 S 35", "Tooth that is missing or to be extracted", "01! 02!=E,M 06!=JP"),
    report(_REPORTS),
    _CONTRACT,
    *sums(("F5", "Paid by the patient")),
    numbers("S 1", "Predetermination", "G3"),
    EXCEPTION,
    numbers("S 1", "Claim number of the payer", "F8"),
    numbers("S 1", "Referral", "9F"),
    numbers("S 1", "Prior authorization", "G1"),
    numbers("S 1", "Repriced claim", "9A"),
    numbers("S 1", "Adjusted repriced claim", "9C"),
    numbers("S 1", "Claim number of the clearinghouse", "D9"),
    FIXED,
    seg("NTE S 5", "Note on the claim", "01!=ADD 02!"),
    codes("S 1", "Diagnoses", "ABK,BK,TQ", "ABF,BF,TQ", most=4),
    seg("HCP S 1", "Repricing of the claim", f"{PRICING} {PRICING_REASONS}"),
    provider("2310A S 2", "Referring provider", "DN,P3", PERSON, f"3 {PROVIDER_NUMBERS}", specialty("RF")),
    provider("2310B S 1", "Rendering provider", "82", ANYBODY, f"4 {PROVIDER_AND_PLACE}", specialty("PE", "R")),
    provider("2310C S 1", "Service facility", "77", ORGANIZATION, f"3 {PLACE_NUMBERS}", *address()),
    provider("2310D S 1", "Assistant surgeon", "DD", ANYBODY, f"4 {PROVIDER_AND_PLACE}", specialty("AS")),
    provider("2310E S 1", "Supervising provider", "DQ", PERSON, f"4 {PROVIDER_AND_PLACE}"),
    _OTHER_COVERAGE,
    _LINE,
)

_PATIENT_LEVEL = loop(
    "2000C S >1",
    "Patient level",
    seg("HL R 1", "Patient level", "01! 02! 03!=23 04!=0"),
    seg("PAT R 1", "Patient", f"01!={RELATIONS}"),
    patient(),
    loop("2300 R 100", "Claim", *_CLAIM_ROWS),
)

_SUBSCRIBER_LEVEL = loop(
    "2000B R >1",
    "Subscriber level",
    seg("HL R 1", "Subscriber level", "01! 02! 03!=22 04!=0,1"),
    seg("SBR R 1", "Subscriber's coverage", f"01!={SEQUENCE} 02=18 03 04 05={MEDICARE_SECOND} 09={COVERAGES}"),
    subscriber(),
    payer(1),
    loop("2300 S 100", "Claim", *_CLAIM_ROWS),
    _PATIENT_LEVEL,
)

_BILLING_LEVEL = loop(
    "2000A R >1",
    "Billing provider level",
    seg("HL R 1", "Billing provider level", "01! 03!=20 04!=1"),
    specialty("BI"),
    seg("CUR S 1", "Currency", "01!=85 02!=@currency"),
    party(
        "2010AA R 1",
        named("85", "Billing provider", ANYBODY, NPI),
        *address(),
        numbers("R 1", "Tax id", "EI,SY"),
        numbers("S 2", "License or UPIN", LICENSE_UPIN),
        contact("S 2", "Contact of the billing provider", need="!"),
    ),
    *pay_to(),
    _SUBSCRIBER_LEVEL,
)

CLAIM_837D = guide(
    "837D",
    "Dental claim",
    "005010X224A2",
    *HEADER,
    _BILLING_LEVEL,
    group="HC",
    transaction="837",
    units=("2300",),
    accepts=("005010X224", "005010X224A1", "005010X224A3"),
)
