"""What the three claims share: who is named by which numbers, payers and their decisions, attachments, prices."""

from __future__ import annotations

from hub.x12.grammar import Loop, Segment, loop, seg
from hub.x12.guides.patterns import (
    ADJUSTMENT,
    ANYBODY,
    NPI,
    ORGANIZATION,
    PERSON,
    PLAN_ID,
    UNNAMED,
    address,
    contact,
    days,
    named,
    numbers,
    party,
    sums,
)

# a payer's place among the payers, its kind of coverage, and who the insured is to the patient
SEQUENCE = "P,S,T,A,B,C,D,E,F,G,H,U"
COVERAGES = "11,12,13,14,15,16,17,AM,BL,CH,CI,DS,FI,HM,LM,MA,MB,MC,OF,TV,VA,WC,ZZ"
MEDICARE_SECOND = "12,13,14,15,16,41,42,43,47"  # why Medicare pays after another
RELATIONS = "01,19,20,21,39,40,53,G8"
DELAYS = "1,2,3,4,5,6,7,8,9,10,11,15"

# claim frequency: a bill of a person's own has the generic codes, a hospital's also those of its programs
FREQUENCIES = "1,6,7,8"  # interim claims and late charges (2 to 5) are of hospitals
HOSPITAL_FREQUENCIES = "0,1,2,3,4,5,6,7,8,9,A,B,C,D,E,F,G,H,I,J,K,M,N,O,P,Q,X,Y,Z"

# reports that may follow a claim: by number, then by letter
REPORTS = (
    "03,04,05,06,07,08,09,10,11,13,15,21,"
    "A3,A4,AM,AS,B2,B3,B4,BR,BS,BT,CB,CK,CT,D2,DA,DB,DG,DJ,DS,EB,HC,HR,I5,IR,LA,M1,MT,NN,"
    "OB,OC,OD,OE,OX,OZ,P4,P5,PE,PN,PO,PQ,PY,PZ,RB,RR,RT,RX,SG,V5,XP"
)
_SENT_BY = "AA,BM,EL,EM,FT,FX"

LICENSE_UPIN = "0B,1G"
PROVIDER_NUMBERS = "0B,1G,G2"
PROVIDER_AND_PLACE = "0B,1G,G2,LU"
PLACE_NUMBERS = "0B,G2,LU"
PAYER_NUMBERS = "2U,EI,FY,NF"
FOR_PAYER = "04 04.1!=2U 04.2!"  # which payer gave the number, where it is not the one that is billed

# HCP: the method and the price, then why it was refused, which policy held, and the exception
PRICING = "01!=00,01,02,03,04,05,06,07,08,09,10,11,12,13,14 02! 03-07"
PRICING_REASONS = "13=T1,T2,T3,T4,T5,T6 14=1,2,3,4,5 15=1,2,3,4,5,6"

PAID_ON = days(("573", "Day of the other payer's decision"))
BIRTH = seg("DMG S 1", "Birth date and sex", "01!=D8 02! 03!=F,M,U")
BIRTH_OF_PATIENT = seg("DMG R 1", "Birth date and sex", "01!=D8 02! 03!=F,M,U")
CONTRACT = seg("CN1 S 1", "Contract", "01!=01,02,03,04,05,06,09 02-06")
FIXED = seg("K3 S 10", "Fixed format information", "01!")
EXCEPTION = seg("REF S 1", "Service authorization exception", "01!=4N 02!=1,2,3,4,5,6,7")
SOCIAL_SECURITY = numbers("S 1", "Social security number", "SY", "02!=@ssn")
OUTPATIENT = seg("MOA S 1", "Outpatient adjudication", "01 02 03-07=@remark 08 09")
EPSDT = seg("CRC S 1", "EPSDT referral", "01!=ZZ 02!=N,Y 03!=AV,NU,S2,ST 04-05=AV,NU,S2,ST")

HEADER: tuple[Segment | Loop, ...] = (
    seg("BHT R 1", "Begin", "01!=0019 02!=00,18 03! 04! 05! 06!=31,CH,RP"),
    party(
        "1000A R 1",
        named("41", "Submitter", "02!=1,2 03! 04 05", "08!=46 09!"),
        contact("R 2", "Contact of the submitter", need="!"),
    ),
    party("1000B R 1", named("40", "Receiver", ORGANIZATION, "08!=46 09!")),
)


def report(kinds: str = REPORTS) -> Segment:
    """PWK: reports of the given kinds that follow the claim or line."""
    return seg("PWK S 10", "Report that follows", f"01!={kinds} 02!={_SENT_BY} 05=AC 06")


def specialty(code: str, use: str = "S") -> Segment:
    """PRV: the taxonomy of a provider in the given role."""
    return seg(f"PRV {use} 1", "Specialty", f"01!={code} 02!=PXC 03!")


def provider(place: str, name: str, code: str, who: str, known: str, *more: Segment) -> Loop:
    """A provider named by NPI, `more` of it, and up to `known` ("3 0B,1G,G2") numbers of other kinds."""
    most, kinds = known.split()
    extra = FOR_PAYER if place.startswith("2420") else ""
    other = numbers(f"S {most}", "Other numbers of the provider", kinds, extra)
    return party(place, named(code, name, who, NPI), *more, other)


def other_payers_provider(place: str, name: str, code: str, who: str, known: str) -> Loop:
    """A provider by the numbers alone that another payer gave it."""
    most, kinds = known.split()
    return party(place, named(code, name, who), numbers(f"R {most}", "Numbers by the other payer", kinds))


def adjustments() -> Segment:
    """CAS: one group of adjustments, of a claim or of a line."""
    return seg("CAS S 5", "Adjustment", f"01!=CO,CR,OA,PI,PR {ADJUSTMENT}")


def codes(place: str, name: str, first: str, rest: str = "", most: int = 12, more: str = "") -> Segment:
    """HI: up to `most` codes, the first of the kinds `first`, those after it of `rest` (as the first, where empty).

    `more` gives further parts, such as `3!=D8 4!`.
    """

    def one(at: int, kinds: str, need: str) -> str:
        parts = " ".join(f"{at:02}.{part}" for part in more.split())
        return f"{at:02}{need} {at:02}.1!={kinds} {at:02}.2! {parts}"

    others = " ".join(one(at, rest or first, "") for at in range(2, most + 1))
    return seg(f"HI {place}", name, f"{one(1, first, '!')} {others}")


def adjudicated_line(procedure: str) -> Loop:
    """2430: what another payer decided on the line, which it may have known by another `procedure` (tokens)."""
    return loop(
        "2430 S 15",
        "Decision of another payer on the line",
        seg("SVD R 1", "Paid for the line", f"01! 02! {procedure} 05! 06"),
        adjustments(),
        *days(("573", "Day of the decision"), use="R 1"),
        *sums(("EAF", "Left for the patient")),
    )


def drug(kinds: str) -> Loop:
    """2410: the drug or device of a line, its quantity and the number that binds the parts of a compound."""
    return loop(
        "2410 S 1",
        "Drug",
        seg("LIN R 1", "Drug or device", f"02!={kinds} 03!"),
        seg("CTP R 1", "Quantity of the drug", "04! 05! 05.1!=F2,GR,ME,ML,UN"),
        numbers("S 1", "Prescription", "VY,XZ"),
    )


def pay_to(who: str = UNNAMED) -> tuple[Loop, Loop]:
    """2010AB and 2010AC: where a payment goes, and the plan that is paid in the provider's place."""
    return (
        party("2010AB S 1", named("87", "Pay-to address", who), *address()),
        party(
            "2010AC S 1",
            named("PE", "Pay-to plan", ORGANIZATION, PLAN_ID),
            *address(),
            numbers("S 1", "Other number of the plan", "2U,FY,NF"),
            numbers("R 1", "Tax id of the plan", "EI"),
        ),
    )


def subscriber(*more: Segment) -> Loop:
    """2010BA: the subscriber; by name alone where it is an employer."""
    return party(
        "2010BA R 1",
        named("IL", "Subscriber", ANYBODY, "08=II,MI 09"),
        *address("S"),
        BIRTH,
        SOCIAL_SECURITY,
        numbers("S 1", "Liability claim number", "Y4"),
        *more,
    )


def payer(providers_numbers: int) -> Loop:
    """2010BB: the payer that is billed, and up to so many numbers that it gave the billing provider."""
    return party(
        "2010BB R 1",
        named("PR", "Payer", ORGANIZATION, PLAN_ID),
        *address("S"),
        numbers("S 3", "Other numbers of the payer", PAYER_NUMBERS),
        numbers(f"S {providers_numbers}", "Billing provider's numbers by the payer", "G2,LU"),
    )


def patient(*more: Segment) -> Loop:
    """2010CA: the patient who is not the subscriber."""
    return party(
        "2010CA R 1",
        named("QC", "Patient", PERSON),
        *address(),
        BIRTH_OF_PATIENT,
        numbers("S 1", "Liability claim number", "Y4"),
        numbers("S 1", "Patient's number in a liability claim", "1W,SY"),
        *more,
    )


def other_subscriber(security_numbers: int = 1) -> Loop:
    """2330A: the insured of another coverage."""
    return party(
        "2330A R 1",
        named("IL", "Other insured", ANYBODY, "08!=II,MI 09!"),
        *address("S"),
        numbers(f"S {security_numbers}", "Social security number", "SY", "02!=@ssn"),
    )


def other_payer(*more: Segment, most: int = 2) -> Loop:
    """2330B: another payer, when it decided, and its numbers for this claim."""
    return party(
        "2330B R 1",
        named("PR", "Other payer", ORGANIZATION, PLAN_ID),
        *address("S"),
        *PAID_ON,
        numbers(f"S {most}", "Other numbers of the payer", PAYER_NUMBERS),
        numbers("S 1", "Prior authorization", "G1"),
        numbers("S 1", "Referral", "9F"),
        numbers("S 1", "Adjusted before", "T4"),
        *more,
        numbers("S 1", "Claim number of the other payer", "F8"),
    )
