"""The guide of the 277, the answer how a claim stands: 005010X212; the acknowledgement of X214 is the 277CA."""

from __future__ import annotations

from hub.x12.grammar import Loop, Segment, guide, loop, seg
from hub.x12.guides.patterns import numbers, party
from hub.x12.guides.status_rows import (
    claim_days,
    dependent,
    line,
    line_end,
    payer,
    provider,
    receiver,
    subscriber,
)

# whom a status is about may be any of some 250 kinds of party; who asks has few
_REASON = "{at:02}{need} {at:02}.1! {at:02}.2! {at:02}.3{whom}"


def _status(*, whom: str = "", more: str = "") -> Segment:
    """STC: up to three reasons and their day; `whom` narrows the parties, `more` are tokens of a claim."""
    reasons = [
        _REASON.format(at=at, need="!" if at == 1 else "", whom=f"={whom}" * bool(whom)) for at in (1, 10, 11)
    ]
    pharmacy = "" if whom else " ".join(f"{at:02}.4=RX" for at in (1, 10, 11))
    return seg("STC R >1", "Status", f"{' '.join(reasons)} {pharmacy} 02! {more}")


def _claim(letter: str, use: str) -> Loop:
    """Loop 2200: how one claim stands."""
    return loop(
        f"2200{letter} {use} >1",
        "Claim",
        seg("TRN R 1", "Trace of the question", "01!=2 02!"),
        _status(more="04 05 06 08 09"),
        numbers("S 1", "Claim number of the payer", "1K"),
        numbers("S 1", "Type of bill", "BLT"),
        numbers("S 1", "Patient control number", "EJ"),
        numbers("S 1", "Prescription", "XZ"),
        numbers("S 1", "Voucher", "VV"),
        numbers("S 1", "Claim number of the clearinghouse", "D9"),
        *claim_days(),
        loop(f"2220{letter} S >1", "Line", line("02! 03! 04 07!"), _status(), *line_end()),
    )


def _trace(label: str, name: str, kind: str, whom: str) -> Loop:
    return loop(label, name, seg("TRN R 1", name, f"01!={kind} 02!"), _status(whom=whom))


_SUBSCRIBER = loop(
    "2000D S >1",
    "Subscriber level",
    seg("HL R 1", "Subscriber level", "01! 02! 03!=22 04!=0,1"),
    party("2100D R 1", subscriber()),
    _claim("D", "S"),
    loop(
        "2000E S >1",
        "Dependent level",
        seg("HL R 1", "Dependent level", "01! 02! 03!=23"),
        party("2100E R 1", dependent()),
        _claim("E", "R"),
    ),
)

STATUS_277 = guide(
    "277",
    "Claim status answer",
    "005010X212",
    seg("BHT R 1", "Begin", "01!=0010 02!=08 03! 04! 05! 06!=DG"),
    loop(
        "2000A R >1",
        "Information source level",
        seg("HL R 1", "Information source level", "01! 03!=20 04!=1"),
        party(
            "2100A R 1",
            payer(),
            seg("PER S 1", "Contact", "01!=IC 02 03!=ED,EM,FX,TE 04! 05=ED,EM,EX,FX,TE 06 07=ED,EM,EX,FX,TE 08"),
        ),
        loop(
            "2000B R >1",
            "Information receiver level",
            seg("HL R 1", "Information receiver level", "01! 02! 03!=21 04!=0,1"),
            party("2100B R 1", receiver()),
            _trace("2200B S 1", "Answer to the receiver", "2", "41,AY,PR"),
            loop(
                "2000C S >1",
                "Provider level",
                seg("HL R 1", "Provider level", "01! 02! 03!=19 04!=0,1"),
                party("2100C R 2", provider()),
                _trace("2200C S 1", "Answer to the provider", "1", "1P,85"),
                _SUBSCRIBER,
            ),
        ),
    ),
    group="HN",
    transaction="277",
    units=("2200D", "2200E"),
    payer_made=True,
)
