"""The guide of the 837I, the institutional claim: 005010X223A2."""

from __future__ import annotations

from hub.x12.grammar import Loop, Segment, guide, loop, seg
from hub.x12.guides.claim_patterns import (
    CONTRACT,
    COVERAGES,
    DELAYS,
    EPSDT,
    EXCEPTION,
    FIXED,
    HEADER,
    HOSPITAL_FREQUENCIES,
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
    drug,
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
    NPI,
    ORGANIZATION,
    PERSON,
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

_SERVICE_CODES = "ER,HC,HP,IV,WK"
_PRESENT = "9=N,U,W,Y"  # whether the diagnosis was present on admission
_ON_DAY = "3!=D8 4!=@day"
_IN_PERIOD = "3!=RD8 4!=@period"
_NOTES = "ALG,DCP,DGN,DME,MED,NTR,ODT,RHB,RLH,RNH,SET,SFM,SPT,UPI"

_CODES: tuple[Segment, ...] = (
    codes("R 1", "Principal diagnosis", "ABK,BK", most=1, more=_PRESENT),
    codes("S 1", "Admitting diagnosis", "ABJ,BJ", most=1),
    codes("S 1", "Patient's reason for the visit", "APR,PR", most=3),
    codes("S 1", "External cause of injury", "ABN,BN", more=_PRESENT),
    codes("S 1", "Diagnosis related group", "DR", most=1),
    codes("S 2", "Other diagnoses", "ABF,BF", more=_PRESENT),
    codes("S 1", "Principal procedure", "BBR,BR,CAH", most=1, more=_ON_DAY),
    codes("S 2", "Other procedures", "BBQ,BQ", more=_ON_DAY),
    codes("S 2", "Occurrence spans", "BI", more=_IN_PERIOD),
    codes("S 2", "Occurrences", "BH", more=_ON_DAY),
    codes("S 2", "Values", "BE", more="5!"),
    codes("S 2", "Conditions", "BG"),
    codes("S 2", "Treatments", "TC"),
)

_LINE = loop(
    "2400 R 999",
    "Line",
    seg("LX R 1", "Line number", "01!"),
    seg(
        "SV2 R 1",
        "Institutional service",
        f"01!=@revenue {procedure(2, _SERVICE_CODES, need='')} 03! 04!=DA,UN 05! 07",
    ),
    report(),
    *days(("472", "Day of service"), forms="D8,RD8"),
    numbers("S 1", "Line item control number", "6R"),
    numbers("S 1", "Repriced line", "9B"),
    numbers("S 1", "Adjusted repriced line", "9D"),
    *sums(("GT", "Service tax"), ("N8", "Facility tax")),
    seg("NTE S 1", "Note to a third party", "01!=TPO 02!"),
    seg(
        "HCP S 1",
        "Repricing of the line",
        f"{PRICING} 08 09={_SERVICE_CODES} 10 11=DA,UN 12 {PRICING_REASONS}",
    ),
    drug("N4"),
    provider("2420A S 1", "Operating physician", "72", PERSON, f"20 {PROVIDER_AND_PLACE}"),
    provider("2420B S 1", "Other operating physician", "ZZ", PERSON, f"20 {PROVIDER_AND_PLACE}"),
    provider("2420C S 1", "Rendering provider", "82", PERSON, f"20 {PROVIDER_AND_PLACE}"),
    provider("2420D S 1", "Referring provider", "DN", PERSON, f"20 {PROVIDER_NUMBERS}"),
    adjudicated_line(f"{procedure(3, _SERVICE_CODES, need='')} 04!=@revenue"),
)

_OTHER_COVERAGE = loop(
    "2320 S 10",
    "Other coverage",
    seg("SBR R 1", "Other insured", f"01!={SEQUENCE} 02!=18,{RELATIONS} 03 04 09={COVERAGES}"),
    adjustments(),
    *sums(("D", "Paid by the other payer"), ("EAF", "Left for the patient"), ("A8", "Not covered")),
    seg("OI R 1", "Terms of the other coverage", "03!=N,W,Y 06!=I,Y"),
    seg("MIA S 1", "Inpatient adjudication", "01! 03-04 05=@remark 06-19 20-23=@remark 24"),
    OUTPATIENT,
    other_subscriber(2),
    other_payer(),
    other_payers_provider("2330C S 1", "Attending provider", "71", UNNAMED_PERSON, f"4 {PROVIDER_AND_PLACE}"),
    other_payers_provider("2330D S 1", "Operating physician", "72", UNNAMED_PERSON, f"4 {PROVIDER_AND_PLACE}"),
    other_payers_provider(
        "2330E S 1", "Other operating physician", "ZZ", UNNAMED_PERSON, f"4 {PROVIDER_AND_PLACE}"
    ),
    other_payers_provider("2330F S 1", "Service facility", "77", UNNAMED_ORGANIZATION, f"3 {PLACE_NUMBERS}"),
    other_payers_provider("2330G S 1", "Rendering provider", "82", UNNAMED_PERSON, f"4 {PROVIDER_AND_PLACE}"),
    other_payers_provider("2330H S 1", "Referring provider", "DN", UNNAMED_PERSON, f"3 {PROVIDER_NUMBERS}"),
    other_payers_provider("2330I S 1", "Billing provider", "85", UNNAMED_ORGANIZATION, "2 G2,LU"),
)

_CLAIM_ROWS: tuple[Segment | Loop, ...] = (
    seg(
        "CLM R 1",
        "Claim",
        f"01! 02! 05! 05.1!=@bill 05.2!=A 05.3!={HOSPITAL_FREQUENCIES} 07!=A,B,C 08!=N,W,Y 09!=I,Y 20={DELAYS}",
    ),
    *days(("096", "Hour of discharge"), forms="TM"),
    *days(("434", "Days of the statement"), use="R 1", forms="RD8"),
    *days(("435", "Admission"), forms="D8,DT"),
    *days(("050", "Received by the repricer")),
    seg("CL1 R 1", "Institutional codes", "01 02 03!"),
    report(),
    CONTRACT,
    *sums(("F3", "Due from the patient")),
    EXCEPTION,
    numbers("S 1", "Referral", "9F"),
    numbers("S 1", "Prior authorization", "G1"),
    numbers("S 1", "Claim number of the payer", "F8"),
    numbers("S 1", "Repriced claim", "9A"),
    numbers("S 1", "Adjusted repriced claim", "9C"),
    numbers("S 5", "Investigational device exemption", "LX"),
    numbers("S 1", "Claim number of the clearinghouse", "D9"),
    numbers("S 1", "State of an automobile accident", "LU"),
    numbers("S 1", "Medical record", "EA"),
    numbers("S 1", "Demonstration project", "P4"),
    numbers("S 1", "Approval by peer review", "G4"),
    FIXED,
    seg("NTE S 10", "Note on the claim", f"01!={_NOTES} 02!"),
    seg("NTE S 1", "Note on the bill", "01!=ADD 02!"),
    EPSDT,
    *_CODES,
    seg("HCP S 1", "Repricing of the claim", f"{PRICING} 08 11=DA,UN 12 {PRICING_REASONS}"),
    provider("2310A S 1", "Attending provider", "71", PERSON, f"4 {PROVIDER_AND_PLACE}", specialty("AT")),
    provider("2310B S 1", "Operating physician", "72", PERSON, f"4 {PROVIDER_AND_PLACE}"),
    provider("2310C S 1", "Other operating physician", "ZZ", PERSON, f"4 {PROVIDER_AND_PLACE}"),
    provider("2310D S 1", "Rendering provider", "82", PERSON, f"4 {PROVIDER_AND_PLACE}"),
    provider("2310E S 1", "Service facility", "77", ORGANIZATION, f"3 {PLACE_NUMBERS}", *address()),
    provider("2310F S 1", "Referring provider", "DN", PERSON, f"3 {PROVIDER_NUMBERS}"),
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
    seg("SBR R 1", "Subscriber's coverage", f"01!={SEQUENCE} 02=18 03 04 09={COVERAGES}"),
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
        named("85", "Billing provider", ORGANIZATION, NPI),
        *address(),
        numbers("R 1", "Tax id", "EI"),
        contact("S 2", "Contact of the billing provider", need="!"),
    ),
    *pay_to(UNNAMED_ORGANIZATION),
    _SUBSCRIBER_LEVEL,
)

CLAIM_837I = guide(
    "837I",
    "Institutional claim",
    "005010X223A2",
    *HEADER,
    _BILLING_LEVEL,
    group="HC",
    transaction="837",
    units=("2300",),
    accepts=("005010X223", "005010X223A1", "005010X223A3"),
)
