"""Rows that the question 276 and the answer 277 share: who asks whom, about whose claim, by which numbers."""

from __future__ import annotations

from hub.x12.grammar import Segment, seg
from hub.x12.guides.patterns import ORGANIZATION, days, named, numbers, procedure

PROCEDURES = "AD,ER,HC,HP,IV,N4,NU,WK"


def payer() -> Segment:
    """NM1 of loop 2100A."""
    return named("PR", "Payer", ORGANIZATION, "08!=PI,XV 09!")


def receiver() -> Segment:
    """NM1 of loop 2100B: who asks."""
    return named("41", "Information receiver", "02!=1,2 03-05", "08!=46 09!")


def provider() -> Segment:
    """NM1 of loop 2100C; stands twice where the provider has both an NPI and another number."""
    return named("1P", "Provider", "02!=1,2 03-05 07", "08!=FI,SV,XX 09!")


def subscriber() -> Segment:
    """NM1 of loop 2100D."""
    return named("IL", "Subscriber", "02!=1,2 03! 04 05 07", "08!=24,II,MI 09!")


def dependent() -> Segment:
    """NM1 of loop 2100E."""
    return named("QC", "Dependent", "02!=1 03! 04 05 07")


def claim_days() -> tuple[Segment, ...]:
    """DTP of the claim."""
    return days(("472", "Days of service"), forms="D8,RD8")


def line(more: str) -> Segment:
    """SVC of one service line; `more` are the tokens after the procedure."""
    return seg("SVC R 1", "Line", f"{procedure(1, PROCEDURES).replace('01.3-6 01.7', '01.3-6')} {more}")


def line_end() -> tuple[Segment, ...]:
    """REF and DTP of one service line."""
    return (
        numbers("S 1", "Line item control number", "FJ"),
        *days(("472", "Day of service"), use="R 1", forms="D8,RD8"),
    )
