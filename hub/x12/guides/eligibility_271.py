"""The guide of the 271, the answer whether somebody is covered, and for what: 005010X279A1."""

from __future__ import annotations

from hub.x12.grammar import Loop, Segment, guide, loop, seg
from hub.x12.guides.eligibility_rows import (
    PERIODS,
    PROVIDER_ROLES,
    SERVICE_TYPES,
    birth_and_sex,
    dependent,
    diagnoses,
    information_receiver,
    information_source,
    pointers,
    provider,
    receiver_address,
    receiver_numbers,
    subscriber,
)
from hub.x12.guides.patterns import address, named, numbers, party, spread

_BENEFITS = spread("1-8 A-Y CB MC")
_COVERAGE_LEVELS = "CHD,DEP,ECH,EMP,ESP,FAM,IND,SPC,SPO"
_INSURANCES = spread(
    "12-16 41-43 47 AP C1 CO CP D DB EP FF GP HM HN HS IN IP LC LD LI LT MA-MC MH MI MP OT PE PL PP PR PS QM RP SP "
    "TF WC WU"
)
_PERIODS_OF_BENEFIT = spread("6 7 13 21-36")
_QUANTITIES = "8H,99,CA,CE,D3,DB,DY,HS,LA,LE,M2,MN,P6,QA,S7,S8,VS,YY"
_DAYS_OF_WEEK = spread("1-9 A-H J-Y SG SL SP SX-SZ")

_MEMBER_NUMBERS = "18,1L,1W,3H,49,6P,CE,CT,EA,EJ,F6,GH,HJ,IF,IG,MRC,N6,NQ,Q4,SY,Y4"
_BENEFIT_NUMBERS = "18,1L,1W,49,6P,9F,ALS,CLI,F6,FO,G1,IG,M7,N6,NQ"
_MEMBER_DAYS = "096,102,152,291,307,318,340,341,342,343,346,347,356,357,382,435,442,458,472,539,540,636,771"
_BENEFIT_DAYS = "096,193,194,198,290,291,292,295,304,307,318,346,348,349,356,357,435,472,636,771"

_REFUSED_SUBSCRIBER = "15,35,42,43,45,47,48,49,51,52,56,57,58,60,61,62,63,71,72,73,74,75,76,78"
_REFUSED_DEPENDENT = "15,35,42,43,45,47,48,49,51,52,56,57,58,60,61,62,63,64,65,66,67,68,71,77"
_REFUSED_SERVICE = "15,33,52,53,54,55,56,57,60,61,62,63,69,70,98,AA,AE,AF,AG,AO,CI,E8,IA,MA"

_RANKS = spread("A1-A3 B1 B2 C1-C9 E1 F1-F4 G1 G4 L1-L6 M1-M6 P1-P5 R1 R2 S1-S9 SA-SC T1 V1 W1")
_EMPLOYMENTS = "AE,AO,AS,AT,AU,CC,DD,HD,IR,LX,PE,RE,RM,RR,RU"
_BRANCHES = spread("A-O Q-S U W")

_RELATED = "13,1I,1P,2B,36,73,FA,GP,GW,I3,IL,LR,OC,P3,P4,P5,PR,PRP,SEP,TTP,VER,VN,VY,X3,Y2"
_RELATED_IDS = "24,34,46,FA,FI,II,MI,NI,PI,PP,SV,XV,XX"


def _refusal(reasons: str, next_steps: str) -> Segment:
    """AAA: whether the question was one that could be answered, why not, and what to do."""
    return seg("AAA S 9", "Refusal", f"01!=N,Y 03!={reasons} 04!={next_steps}")


def _reached(kinds: str) -> Segment:
    more = f"05=EX,{kinds} 06 07=EX,{kinds} 08"
    return seg("PER S 3", "Contact", f"01!=IC 02 03={kinds} 04 {more}")


def _benefit(letter: str) -> Loop:
    """Loop 2110: one benefit with its terms; whoever has to do with it stands between LS and LE."""
    return loop(
        f"2110{letter} S >1",
        "Benefit",
        seg(
            "EB R 1",
            "Benefit",
            f"01!={_BENEFITS} 02={_COVERAGE_LEVELS} 03*99={SERVICE_TYPES} 04={_INSURANCES} 05 "
            f"06={_PERIODS_OF_BENEFIT} 07 08 09={_QUANTITIES} 10 11=N,U,Y 12=N,U,W,Y "
            f"13 13.1!=AD,CJ,HC,ID,IV,N4,ZZ 13.2! 13.3-6 13.8 {pointers(14)}",
        ),
        seg(
            "HSD S 9",
            "Delivery of the services",
            f"01=DY,FL,HS,MN,VS 02 03=DA,MO,VS,WK,YR 04 05={spread('6 7 21-35')} 06 07={_DAYS_OF_WEEK} "
            f"08={spread('A-G Y')}",
        ),
        numbers("S 9", "Number of the benefit", _BENEFIT_NUMBERS, "03"),
        seg("DTP S 20", "Day of the benefit", f"01!={_BENEFIT_DAYS} 02!={PERIODS} 03!"),
        _refusal(_REFUSED_SERVICE, "C,N,R,W,X,Y"),
        seg("MSG S 10", "Message", "01!"),
        loop(
            f"2115{letter} S 10",
            "More on the benefit",
            seg("III R 1", "Place, diagnosis or nature of the injury", "01=GR,NI,ZZ 02 03=44 04"),
        ),
        loop(
            f"2120{letter}-LS S 1",
            "Those concerned",
            seg("LS R 1", "Begin of those concerned", "01!=2120"),
            party(
                f"2120{letter} R 23",
                named(_RELATED, "Concerned", "02!=1,2 03-05 07", f"08={_RELATED_IDS} 09 10=01,02,27,41,48,65,72"),
                seg("N3 S 1", "Street", "01! 02"),
                seg("N4 S 1", "City", "01! 02=@state 03 04=@country 05=RJ 06 07"),
                _reached("ED,EM,FX,TE,UR,WP"),
                seg("PRV S 1", "Provider", f"01!={PROVIDER_ROLES} 02=PXC 03"),
            ),
            seg("LE R 1", "End of those concerned", "01!=2120"),
        ),
    )


def _patient(letter: str, who: Segment, refused: str, relationship: str) -> Loop:
    return loop(
        f"2100{letter} R 1",
        who.name,
        who,
        numbers("S 9", "Number of the patient", _MEMBER_NUMBERS, "03"),
        *address("S"),
        _refusal(refused, "C,N,R,S,W,X,Y"),
        provider("PXC"),
        birth_and_sex("F,M,U"),
        seg("INS S 1", "Relationship", f"{relationship} 03=001 04=25 17"),
        diagnoses(),
        seg("DTP S 9", "Day of the coverage", f"01!={_MEMBER_DAYS} 02!={PERIODS} 03!"),
        seg(
            "MPI S 9",
            "Military service",
            f"01!=A,C,L,O,P,S,T 02!={_EMPLOYMENTS} 03!={_BRANCHES} 04 05={_RANKS} 06={PERIODS} 07",
        ),
        _benefit(letter),
    )


def _trace(who: str) -> Segment:
    return seg("TRN S 3", f"Trace of the {who}", "01!=1,2 02! 03! 04")


_SUBSCRIBER = loop(
    "2000C S >1",
    "Subscriber level",
    seg("HL R 1", "Subscriber level", "01! 02! 03!=22 04!=0,1"),
    _trace("subscriber"),
    _patient("C", subscriber(), _REFUSED_SUBSCRIBER, "01!=Y 02!=18"),
    loop(
        "2000D S >1",
        "Dependent level",
        seg("HL R 1", "Dependent level", "01! 02! 03!=23 04!=0"),
        _trace("dependent"),
        _patient("D", dependent(), _REFUSED_DEPENDENT, "01!=N 02!=01,19,20,21,34,39,40,53,G8"),
    ),
)

ELIGIBILITY_271 = guide(
    "271",
    "Eligibility answer",
    "005010X279A1",
    seg("BHT R 1", "Begin", "01!=0022 02!=06,11 03 04! 05!"),
    loop(
        "2000A R >1",
        "Information source level",
        seg("HL R 1", "Information source level", "01! 03!=20 04!=0,1"),
        _refusal("04,41,42,79", "C,N,P,R,S,Y"),
        party(
            "2100A R 1",
            information_source(),
            _reached("ED,EM,FX,TE,UR"),
            _refusal("04,41,42,79,80,T4", "C,N,P,R,S,W,X,Y"),
        ),
        loop(
            "2000B S >1",
            "Information receiver level",
            seg("HL R 1", "Information receiver level", "01! 02! 03!=21 04!=0,1"),
            party(
                "2100B R 1",
                information_receiver(""),
                receiver_numbers(),
                *receiver_address(),
                _refusal("15,41,43,44,45,46,47,48,50,51,79,97,T4", "C,N,R,S,W,X,Y"),
                seg("PRV S 1", "Provider", f"01!={PROVIDER_ROLES} 02=PXC 03"),
            ),
            _SUBSCRIBER,
        ),
    ),
    group="HB",
    transaction="271",
    units=("2000C",),
    accepts=("005010X279",),
    payer_made=True,
)
