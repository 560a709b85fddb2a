"""The mini practice: twelve encounters, in FHIR and HL7, that together take every turn of the path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from hub.testing.practice import fhir, hl7
from hub.testing.practice.people import QUILLON, cover, single
from hub.testing.practice.records import Cover, Item, Patient, Visit
from hub.testing.practice.services import B12, FIRST_WELLNESS, hcpcs

START = date(2026, 1, 5)
COPAY = Item(kind="CO", amount=Decimal("25.00"), key="CO1")
SEEN = (hcpcs("T1015"), hcpcs("J3420", drug=B12))
REVERSED, DENIED = "BHP000000030", "BHP000000040"
OUTCOMES = {REVERSED: "reverse", DENIED: "co16"}
"""What the payer does with the claims of these members; all others are paid."""


@dataclass(frozen=True, kw_only=True)
class Drop:
    """A file that an EHR leaves on a day, in the folder of its source."""

    on: date
    folder: str
    name: str
    body: bytes

    @property
    def at(self) -> datetime:
        """When it is there."""
        return datetime.combine(self.on, time(9), UTC)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One encounter of the mini practice: the day, its source, who pays."""

    day: int
    source: str
    payers: tuple[str, ...]
    member: str = ""
    copay: bool = False


TWELVE = (
    Kind(day=0, source="fhir", payers=("medicare", "medigap")),
    Kind(day=0, source="hl7", payers=("ppo", "second")),
    Kind(day=0, source="fhir", payers=("ppo",), member=REVERSED),
    Kind(day=0, source="hl7", payers=("ppo",), member=DENIED),
    Kind(day=0, source="hl7", payers=(), copay=True),
    Kind(day=0, source="fhir", payers=("medicaid",)),
    Kind(day=1, source="fhir", payers=("ppo",)),
    Kind(day=1, source="hl7", payers=("medicare", "medigap")),
    Kind(day=1, source="hl7", payers=("ppo",)),
    Kind(day=1, source="fhir", payers=("ppo", "second")),
    Kind(day=2, source="hl7", payers=("comp",)),
    Kind(day=2, source="fhir", payers=("medicare",)),
)


def drops(kinds: tuple[Kind, ...] = TWELVE, start: date = START) -> Iterator[Drop]:
    """The files of these encounters, one each; the same arguments always give the same bytes."""
    for number, kind in enumerate(kinds, 1):
        yield drop(visit_of(number, kind, start))


def drop(visit: Visit, name: str = "") -> Drop:
    """A visit as its source writes it."""
    sent = datetime.combine(visit.on, time(8))
    if visit.patient.source == "fhir":
        body, ending = fhir.bundle(fhir.visit_resources(visit), sent), "json"
    else:
        body, ending = hl7.dft(visit, f"F{visit.key}", sent), "hl7"
    return Drop(on=visit.on, folder=visit.patient.source, name=name or f"{visit.key}.{ending}", body=body)


def visit_of(number: int, kind: Kind, start: date = START) -> Visit:
    """The encounter of that number."""
    on = start + timedelta(days=kind.day)
    elder = kind.payers[:1] == ("medicare",)
    items = FIRST_WELLNESS.items + SEEN if elder else SEEN
    return Visit(
        key=f"V{number:03d}",
        patient=patient_of(number, kind),
        on=on,
        items=(*items, COPAY) if kind.copay else items,
        diagnoses=("S13.4XXA",) if kind.payers == ("comp",) else ("E53.8",),
        provider=QUILLON,
        injured=on - timedelta(days=2) if kind.payers == ("comp",) else None,
    )


def patient_of(number: int, kind: Kind) -> Patient:
    """The patient of that number, with policies of those payers; nobody else comes twice."""
    covers = tuple(_cover(payer, number, kind.member) for payer in kind.payers) or (cover("self_pay", number),)
    born = 1950 if kind.payers[:1] == ("medicare",) else 1980
    return single(number, kind.source, kind.payers[0] if kind.payers else "self_pay", covers, born)


def _cover(payer: str, number: int, member: str) -> Cover:
    found = cover(payer, number * 10 if payer == "ppo" else number)
    return Cover(token=found.token, name=found.name, member=member or found.member)
