"""The guide of the 276, the question how a claim stands: 005010X212."""

from __future__ import annotations

from hub.x12.grammar import Loop, Segment, guide, loop, seg
from hub.x12.guides.patterns import numbers, party, sums
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


def _born(use: str) -> Segment:
    return seg(f"DMG {use} 1", "Birth and sex", "01!=D8 02! 03=F,M,U")


def _claim(letter: str, use: str) -> Loop:
    """Loop 2200: one claim that is asked for, with what the payer may find it by."""
    return loop(
        f"2200{letter} {use} >1",
        "Claim",
        seg("TRN R 1", "Trace of the question", "01!=1 02!"),
        numbers("S 1", "Claim number of the payer", "1K"),
        numbers("S 1", "Type of bill", "BLT"),
        numbers("S 1", "Location in the payer's system", "LU"),
        numbers("S 1", "Group", "6P"),
        numbers("S 1", "Patient control number", "EJ"),
        numbers("S 1", "Prescription", "XZ"),
        numbers("S 1", "Claim number of the clearinghouse", "D9"),
        *sums(("T3", "Charge")),
        *claim_days(),
        loop(f"2210{letter} S >1", "Line", line("02! 04 07"), *line_end()),
    )


_SUBSCRIBER = loop(
    "2000D R >1",
    "Subscriber level",
    seg("HL R 1", "Subscriber level", "01! 02! 03!=22 04!=0,1"),
    _born("S"),
    party("2100D R 1", subscriber()),
    _claim("D", "S"),
    loop(
        "2000E S >1",
        "Dependent level",
        seg("HL R 1", "Dependent level", "01! 02! 03!=23"),
        _born("R"),
        party("2100E R 1", dependent()),
        _claim("E", "R"),
    ),
)

STATUS_276 = guide(
    "276",
    "Claim status question",
    "005010X212",
    seg("BHT R 1", "Begin", "01!=0010 02!=13 03! 04! 05!"),
    loop(
        "2000A R >1",
        "Information source level",
        seg("HL R 1", "Information source level", "01! 03!=20 04!=1"),
        party("2100A R 1", payer()),
        loop(
            "2000B R >1",
            "Information receiver level",
            seg("HL R 1", "Information receiver level", "01! 02! 03!=21 04!=1"),
            party("2100B R 1", receiver()),
            loop(
                "2000C R >1",
                "Provider level",
                seg("HL R 1", "Provider level", "01! 02! 03!=19 04!=1"),
                party("2100C R 2", provider()),
                _SUBSCRIBER,
            ),
        ),
    ),
    group="HR",
    transaction="276",
    units=("2200D", "2200E"),
)
