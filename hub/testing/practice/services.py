"""What is done in the practice: each kind of visit with its charges, diagnoses and clinician, as rows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from random import Random

from hub.model.people import Record
from hub.testing.practice.people import FENNIMORE, LARKSPUR, QUILLON
from hub.testing.practice.records import Item, Patient, Provider, Visit


class Service(Record, frozen=True, kw_only=True):
    """A kind of visit: what is charged, for which diagnoses, by whom, and for whose patients (empty: all)."""

    items: tuple[Item, ...]
    diagnoses: tuple[str, ...]
    provider: Provider = LARKSPUR
    payers: tuple[str, ...] = ()
    weight: int = 2


def hcpcs(code: str, units: int = 1, **more: object) -> Item:
    """A charge that already carries its HCPCS Level II code."""
    return Item(code=code, units=units, **more)  # type: ignore[arg-type]


def local(code: str, units: int = 1, *, minutes: bool = False) -> Item:
    """A charge in the practice's own code; the charge map says what it is."""
    return Item(code=code, system="LOCAL", units=units, minutes=minutes)


def counsel(minutes: int) -> Item:
    """Counselling in minutes: H0004 is counted in quarters of an hour."""
    return local("COUNSEL", minutes, minutes=True)


KETOROLAC = ("99999-1885-01", Decimal(1), "mL")
B12 = ("99999-3420-01", Decimal(1), "mL")
CEFTRIAXONE = ("99999-0696-01", Decimal(2), "UN")
_OLD = ("medicare", "medigap")
_INSURED = ("ppo", "two_ppos", "medicaid", "self_pay")

FIRST_WELLNESS = Service(items=(hcpcs("G0438"),), diagnoses=("Z00.00",), payers=_OLD)
INJURY = Service(
    items=(local("CLINIC"), hcpcs("J1885", 2, drug=KETOROLAC)), diagnoses=("S13.4XXA",), payers=("comp",)
)
SERVICES = (
    Service(items=(hcpcs("G0439"), local("FLU-ADMIN")), diagnoses=("Z00.00", "Z23"), payers=_OLD),
    Service(items=(local("AWV-NEXT"),), diagnoses=("Z00.00", "I10"), payers=_OLD, weight=1),
    Service(items=(hcpcs("T1015"),), diagnoses=("I10",), payers=_INSURED, weight=3),
    Service(items=(local("CLINIC"), local("INJ-KETO", 2)), diagnoses=("M54.50",), provider=QUILLON),
    Service(items=(hcpcs("J3420", drug=B12),), diagnoses=("E53.8",), weight=1),
    Service(items=(hcpcs("T1015"), hcpcs("J0696", 2, drug=CEFTRIAXONE)), diagnoses=("J18.9",), provider=QUILLON),
    Service(items=(local("CLINIC"), local("INJ-DEXA", 4)), diagnoses=("L50.0",), payers=_INSURED, weight=1),
    Service(items=(counsel(30),), diagnoses=("F41.1",), provider=FENNIMORE, payers=("ppo", "medicaid")),
    Service(items=(counsel(53),), diagnoses=("F41.1",), provider=FENNIMORE, payers=(*_OLD, "two_ppos")),
    Service(items=(local("GLUC-STRIP", 2), hcpcs("T1015")), diagnoses=("E11.9",), weight=2),
    Service(items=(local("FLU-ADMIN"),), diagnoses=("Z23",), weight=1),
    Service(items=(local("CPAP-MASK"),), diagnoses=("G47.33",), provider=QUILLON, weight=1),
    Service(items=(hcpcs("S9083"), hcpcs("J1885", 1)), diagnoses=("J02.9", "R50.9"), payers=_INSURED),
    INJURY,
)


def service_for(patient: Patient, nth: int, rng: Random) -> Service:
    """What a patient comes for the `nth` time (from 0)."""
    if nth == 0 and patient.payer in _OLD:
        return FIRST_WELLNESS
    if patient.payer == "comp":
        return INJURY
    fitting = [one for one in SERVICES if not one.payers or patient.payer in one.payers]
    return rng.choices(fitting, [one.weight for one in fitting])[0]


def visit(key: str, patient: Patient, on: date, service: Service, at: int, minute: int = 0) -> Visit:
    """A visit of that kind."""
    return Visit(
        key=key,
        patient=patient,
        on=on,
        items=service.items,
        diagnoses=service.diagnoses,
        provider=service.provider,
        at=at,
        minute=minute,
    )
