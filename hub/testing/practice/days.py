"""The practice day by day: ordinary visits of its patients, with the stories among them."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

import msgspec

from hub.testing.practice import fhir, hl7
from hub.testing.practice.people import roster
from hub.testing.practice.records import Item, Patient, Visit
from hub.testing.practice.services import service_for, visit
from hub.testing.practice.tales import Made, tell

File = tuple[str, str, bytes]
"""The source's folder (fhir or hl7), the file's name, its bytes."""
COPAY = Decimal("25.00")


def make_practice(
    seed: int = 1, start: date = date(2026, 1, 5), days: int = 60, patients: int = 60
) -> Iterator[tuple[date, list[File]]]:
    """Each day with the files that the EHRs drop on it, in the order in which they come.

    The same arguments always give the same bytes. Four to eight ordinary visits a weekday, beside those that
    `hub.testing.practice.STORIES` lists. Visits that are to be history lie before 2026.
    """
    rng = Random(seed)
    people = roster(patients, rng)
    told = _by_day(tell(start))
    seen: Counter[str] = Counter()
    for offset in range(days):
        on = start + timedelta(days=offset)
        made = _ordinary(on, people, seen, rng) if on.weekday() < 5 else []
        made += [(folder, body) for _, folder, body in told.pop(on, [])]
        yield on, [(folder, _name(on, n, folder), body) for n, (folder, body) in enumerate(made, 1)]


def _by_day(made: list[Made]) -> dict[date, list[Made]]:
    found: dict[date, list[Made]] = {}
    for one in made:
        found.setdefault(one[0], []).append(one)
    return found


def _name(on: date, number: int, folder: str) -> str:
    return f"{on:%Y%m%d}-{number:03d}.{'json' if folder == 'fhir' else 'hl7'}"


def _ordinary(on: date, people: tuple[Patient, ...], seen: Counter[str], rng: Random) -> list[tuple[str, bytes]]:
    """A day's visits: those of FHIR each in a bundle, those of HL7 in one batch or a file each."""
    coming = rng.sample(people, min(len(people), rng.randint(4, 8)))
    visits = [_visit(one, on, n, seen, rng) for n, one in enumerate(coming)]
    sent = datetime.combine(on, time(22))
    made = [("fhir", fhir.bundle(fhir.visit_resources(v), sent)) for v in visits if v.patient.source == "fhir"]
    messages = [
        body for v in visits if v.patient.source == "hl7" for body in _messages(v, sent, seen[v.patient.key] == 1)
    ]
    if on.weekday() % 2 and len(messages) > 1:
        return [*made, ("hl7", hl7.batch(messages, sent))]
    return [*made, *(("hl7", body) for body in messages)]


def _visit(one: Patient, on: date, number: int, seen: Counter[str], rng: Random) -> Visit:
    nth = seen[one.key]
    seen[one.key] += 1
    found = visit(
        f"{one.key}-{on:%y%m%d}", one, on, service_for(one, nth, rng), 14 + number % 6, rng.randint(0, 34)
    )
    changes: dict[str, object] = {"place": "SHORE" if rng.random() < 0.2 else "MAIN"}
    if one.payer == "comp":
        changes["injured"] = on - timedelta(days=rng.randint(1, 6))
    if one.source == "hl7" and _asks_copay(one):
        changes["items"] = (*found.items, Item(kind="CO", amount=COPAY, key="CO1"))
    return msgspec.structs.replace(found, **changes)


def _asks_copay(one: Patient) -> bool:
    """Whether the front desk asks for a copay: of the members of whom the simulated PPO will say so."""
    return one.payer == "ppo" and zlib.crc32(one.covers[0].member.encode()) % 2 == 0


def _messages(one: Visit, sent: datetime, is_new: bool) -> Iterator[bytes]:
    """What the HL7 sender says of a visit: a new patient, the arrival, at times an update, then the charges."""
    control = f"{one.patient.key[1:]}{one.on:%y%m%d}"
    begun = datetime.combine(one.on, time(one.at, one.minute))
    if is_new:
        yield hl7.person_added(one.patient, f"{control}A28", begun - timedelta(hours=1))
    arrived = msgspec.structs.replace(one, status="planned")
    yield hl7.adt("A04", arrived, f"{control}A04", begun)
    if one.minute % 3 == 0:
        yield hl7.adt("A08", arrived, f"{control}A08", begun + timedelta(minutes=5))
    yield hl7.dft(one, f"{control}P03", sent)
