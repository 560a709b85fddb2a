"""The guide of the 270, the question whether somebody is covered: 005010X279A1."""

from __future__ import annotations

from hub.x12.grammar import Loop, Segment, guide, loop, seg
from hub.x12.guides.eligibility_rows import (
    PERIODS,
    PROVIDER_ROLES,
    SERVICE_TYPES,
    asked_service,
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
from hub.x12.guides.patterns import address, numbers, party

_PROVIDER_NUMBERS = "9K,D3,EI,HPI,PXC,SY,TJ"
_MEMBER_NUMBERS = "18,1L,1W,3H,6P,CT,EA,EJ,F6,GH,HJ,IG,N6,NQ,SY,Y4"
_DEPENDENT_NUMBERS = "18,1L,1W,3H,6P,CT,EA,EJ,F6,GH,HJ,IF,IG,MRC,N6,NQ,SY,Y4"


def _trace(who: str) -> Segment:
    return seg("TRN S 2", f"Trace of the {who}", "01!=1 02! 03! 04")


def _patient(who: Segment, codes: str, relationship: str, *asked: Segment | Loop) -> tuple[Segment | Loop, ...]:
    return (
        who,
        numbers("S 9", "Number of the patient", codes),
        *address("S"),
        provider(_PROVIDER_NUMBERS),
        birth_and_sex("F,M,U"),
        seg("INS S 1", "Relationship", relationship),
        diagnoses(),
        seg("DTP S 2", "Day that is asked for", f"01!=102,291 02!={PERIODS} 03!"),
        *asked,
    )


def _question(label: str, *spend_down: Segment, cover: str = "") -> Loop:
    return loop(
        label,
        "Question",
        seg("EQ R 1", "Question", f"01*99={SERVICE_TYPES} {asked_service(2)} {cover} {pointers(5)}"),
        *spend_down,
        seg("III S 1", "Place of service", "01!=ZZ 02!"),
        numbers("S 1", "Referral or authorization", "9F,G1"),
        seg("DTP S 1", "Day of the service", f"01!=291 02!={PERIODS} 03!"),
    )


_DEPENDENT = loop(
    "2000D S >1",
    "Dependent level",
    seg("HL R 1", "Dependent level", "01! 02! 03!=23 04!=0"),
    _trace("dependent"),
    loop(
        "2100D R 1",
        "Dependent",
        *_patient(dependent(), _DEPENDENT_NUMBERS, "01!=N 02!=01,19,34 17", _question("2110D R 99")),
    ),
)

_SUBSCRIBER = loop(
    "2000C R >1",
    "Subscriber level",
    seg("HL R 1", "Subscriber level", "01! 02! 03!=22 04!=0,1"),
    _trace("subscriber"),
    loop(
        "2100C R 1",
        "Subscriber",
        *_patient(
            subscriber(),
            _MEMBER_NUMBERS,
            "01!=Y 02!=18 17!",
            _question(
                "2110C S 99",
                seg("AMT S 1", "Spend down", "01!=R 02!"),
                seg("AMT S 1", "Spend down billed in all", "01!=PB 02!"),
                cover="03=FAM",
            ),
        ),
    ),
    _DEPENDENT,
)

ELIGIBILITY_270 = guide(
    "270",
    "Eligibility question",
    "005010X279A1",
    seg("BHT R 1", "Begin", "01!=0022 02!=01,13,36 03 04! 05! 06=RT"),
    loop(
        "2000A R >1",
        "Information source level",
        seg("HL R 1", "Information source level", "01! 03!=20 04!=1"),
        party("2100A R 1", information_source()),
        loop(
            "2000B R >1",
            "Information receiver level",
            seg("HL R 1", "Information receiver level", "01! 02! 03!=21 04!=1"),
            party(
                "2100B R 1",
                information_receiver("!"),
                receiver_numbers(),
                *receiver_address(),
                seg("PRV S 1", "Provider", f"01!={PROVIDER_ROLES} 02=PXC 03"),
            ),
            _SUBSCRIBER,
        ),
    ),
    group="HS",
    transaction="270",
    units=("2000C",),
    accepts=("005010X279",),
)
