"""Rows that the question 270 and the answer 271 share: who asks whom about whom, and what is asked."""

from __future__ import annotations

from hub.x12.grammar import Segment, seg
from hub.x12.guides.patterns import ANYBODY, address, named, numbers, spread

SERVICE_TYPES = spread(
    "1-28 30 32-99 A0-A9 AA-AO AQ AR B1-B3 BA-BN BP-BZ C1 CA-CQ DG DM DS GF GN GY IC MH NI ON PT PU RN RT TC TN UC"
)
PERIODS = "D8,RD8"
PROVIDER_ROLES = spread("AD AT BI CO CV H HH LA OT P1 P2 PC PE R RF SB SK SU")

_RECEIVER_NUMBERS = "0B,1C,1D,1J,4A,CT,EL,EO,HPI,JD,N5,N7,Q4,SY,TJ"


def information_source() -> Segment:
    """NM1 of loop 2100A: the payer, or who answers for it."""
    return named("2B,36,GP,P5,PR", "Information source", ANYBODY, "08!=24,46,FI,NI,PI,XV,XX 09!")


def information_receiver(need: str) -> Segment:
    """NM1 of loop 2100B: who asks; `need` "!" where the name must be there."""
    who = f"02!=1,2 03{need} 04 05 07"
    return named("1P,2B,36,80,FA,GP,P5,PR", "Information receiver", who, "08!=24,34,FI,PI,PP,SV,XV,XX 09!")


def receiver_numbers() -> Segment:
    """REF of loop 2100B; REF03 names the state of a licence."""
    return numbers("S 9", "Number of the receiver", _RECEIVER_NUMBERS, "03")


def receiver_address() -> tuple[Segment, Segment]:
    """N3 and N4 of loop 2100B."""
    return address("S")


def subscriber() -> Segment:
    """NM1 of loop 2100C: the insured; a number may stand for the name."""
    return named("IL", "Subscriber", "02!=1,2 03-05 07", "08=II,MI 09")


def dependent() -> Segment:
    """NM1 of loop 2100D: the patient whom the insured covers; has no number of their own."""
    return named("03", "Dependent", "02!=1 03-05 07")


def provider(kinds: str) -> Segment:
    """PRV of the patient's loops: the role, and by which number the provider is known."""
    return seg("PRV S 1", "Provider", f"01!={PROVIDER_ROLES} 02={kinds} 03")


def birth_and_sex(sexes: str) -> Segment:
    """DMG of the patient's loops."""
    return seg("DMG S 1", "Birth and sex", f"01=D8 02 03={sexes}")


def diagnoses() -> Segment:
    """HI of the patient's loops: a principal diagnosis and up to seven others, which EQ or EB point to."""
    others = " ".join(f"{at:02} {at:02}.1!=ABF,BF {at:02}.2!" for at in range(2, 9))
    return seg("HI S 1", "Diagnoses", f"01! 01.1!=ABK,BK 01.2! {others}")


def asked_service(at: int) -> str:
    """The tokens of a procedure composite at element `at`."""
    return f"{at:02} {at:02}.1!=AD,CJ,HC,ID,IV,N4,ZZ {at:02}.2! {at:02}.3-6"


def pointers(at: int) -> str:
    """The tokens of a composite of pointers to diagnoses at element `at`."""
    return f"{at:02} {at:02}.1! {at:02}.2-4"
