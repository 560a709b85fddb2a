"""The guide of the 277CA, the answer to claims one by one: 005010X214."""

from __future__ import annotations

from hub.x12.grammar import Segment, guide, loop, seg
from hub.x12.guides.patterns import ORGANIZATION, counts, days, named, numbers, party, sums

_REASON = "{at:02}{need} {at:02}.1! {at:02}.2! {at:02}.3={whom}"
_PROCEDURES = "AD,ER,HC,HP,IV,N4,NU,WK"


# whom a status is about: those who pass a file on, with the provider too, and whoever a claim may name
_SENDERS = "36,40,41,AY,PR"
_PROVIDERS = "36,40,41,77,82,85,87,AY,PR"
_ANYBODY = "03,1P,1Z,36,40,41,71,72,73,77,82,85,87,AY,DK,DN,DQ,FA,GB,HK,IL,LI,MSC,PR,PRP,QB,QC,QD,SEP,TL,TTP,TU"


def _status(whom: str, told: str, *, use: str = "R") -> Segment:
    """STC: up to three reasons, and `told`: the tokens of day, of go (WQ) or stop (U), of amount and of words."""
    reasons = " ".join(_REASON.format(at=at, need="!" if at == 1 else "", whom=whom) for at in (1, 10, 11))
    return seg(f"STC {use} >1", "Status", f"{reasons} {told}")


_IN_PROCESS = sums(("YU", "Amount in process"), ("YY", "Amount returned"))

_SERVICE = loop(
    "2220D S >1",
    "Line",
    seg("SVC R 1", "Line", f"01! 01.1!={_PROCEDURES} 01.2! 01.3-6 02! 04 07"),
    _status(_ANYBODY, "02 03!=U 12"),
    numbers("S 1", "Line item control number", "FJ"),
    numbers("S 1", "Prescription", "XZ"),
    *days(("472", "Day of service"), forms="D8,RD8"),
)

_PATIENT = loop(
    "2000D S >1",
    "Patient level",
    seg("HL R 1", "Patient level", "01! 02! 03!=PT"),
    party("2100D R 1", seg("NM1 R 1", "Patient", "01!=QC 02!=1 03! 04-07 08!=II,MI 09!")),
    loop(
        "2200D S >1",
        "Claim",
        seg("TRN R 1", "Claim", "01!=2 02!"),
        _status(_ANYBODY, "02! 03!=U,WQ 04! 12"),
        numbers("S 1", "Claim number of the payer", "1K"),
        numbers("S 1", "Claim number of the clearinghouse", "D9"),
        numbers("S 1", "Type of bill", "BLT"),
        *days(("472", "Days of service"), use="R 1", forms="D8,RD8"),
        _SERVICE,
    ),
)

_PROVIDER = loop(
    "2000C S >1",
    "Billing provider level",
    seg("HL R 1", "Billing provider level", "01! 02! 03!=19 04!=0,1"),
    party("2100C R >1", named("85", "Billing provider", "02!=1,2 03! 04-07", "08!=FI,SV,XX 09!")),
    loop(
        "2200C S 1",
        "Claims of the provider",
        seg("TRN R 1", "Claims of the provider", "01!=1 02!"),
        _status(_PROVIDERS, "03!=U,WQ 04!", use="S"),
        numbers("S 3", "Other number of the provider", "0B,1G,G2,LU,SY,TJ"),
        *counts(("QA", "Accepted claims"), ("QC", "Rejected claims")),
        *_IN_PROCESS,
    ),
    _PATIENT,
)

_RECEIVER = loop(
    "2000B R 1",
    "Information receiver level",
    seg("HL R 1", "Information receiver level", "01! 02! 03!=21 04!=0,1"),
    party("2100B R 1", named("41", "Information receiver", "02!=1,2 03! 04 05", "08!=46 09!")),
    loop(
        "2200B R 1",
        "Transmission",
        seg("TRN R 1", "Transmission", "01!=2 02!"),
        _status(_SENDERS, "02! 03!=U,WQ 04!"),
        *counts(("90", "Accepted claims"), ("AA", "Rejected claims")),
        *_IN_PROCESS,
    ),
    _PROVIDER,
)

CLAIM_ACK_277 = guide(
    "277CA",
    "Claim acknowledgement",
    "005010X214",
    seg("BHT R 1", "Begin", "01!=0085 02!=08 03! 04! 05! 06!=TH"),
    loop(
        "2000A R >1",
        "Information source level",
        seg("HL R 1", "Information source level", "01! 03!=20 04!=1"),
        party("2100A R 1", named("AY,PR", "Information source", ORGANIZATION, "08!=46,FI,PI,XV 09!")),
        loop(
            "2200A R >1",
            "Receipt",
            seg("TRN R 1", "Receipt", "01!=1 02!"),
            *days(("050", "Received"), ("009", "Processed"), use="R 1"),
        ),
        _RECEIVER,
    ),
    group="HN",
    transaction="277",
    units=("2000D",),
    payer_made=True,
)
