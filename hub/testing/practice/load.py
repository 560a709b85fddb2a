"""Encounters by the thousand for the bench: all clean, three lines a claim, half FHIR and half HL7."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from random import Random

from hub.testing.practice import fhir, hl7
from hub.testing.practice.people import LARKSPUR, household
from hub.testing.practice.records import Item, Patient, Visit
from hub.testing.practice.services import hcpcs, local

START = date(2026, 1, 5)
_BUNDLE, _BATCH = 25, 100
_KINDS = ("medigap", "ppo", "medicare", "family", "two_ppos", "medicaid")
_ITEMS: tuple[tuple[Item, Item, Item], ...] = (
    (hcpcs("T1015"), hcpcs("J3420"), local("FLU-ADMIN")),
    (local("CLINIC"), local("INJ-KETO", 2), local("GLUC-STRIP")),
    (hcpcs("G0439"), hcpcs("G0008"), hcpcs("J0696", 2)),
)


def make_load(count: int, seed: int = 1) -> Iterator[tuple[str, str, bytes]]:
    """(folder, file name, bytes) of files with `count` encounters together, made as they are asked for.

    Bundles of 25 and HL7 batches of 100 take turns so that both sources keep about even; every visit has a
    patient of its own, so no two claims are alike. All days lie in January 2026. Nothing is held in memory but
    the file that is being made.
    """
    rng = Random(seed)
    patients = {"fhir": _patients("fhir", 1, rng), "hl7": _patients("hl7", 1_000_001, rng)}
    left = {"fhir": count - count // 2, "hl7": count // 2}
    for number in range(1, count + 1):
        if not any(left.values()):
            return
        folder = max(left, key=lambda name: left[name])
        size = min(left[folder], _BUNDLE if folder == "fhir" else _BATCH)
        left[folder] -= size
        visits = [_visit(one, n) for n, one in enumerate(islice(patients[folder], size))]
        yield folder, f"load-{number:06d}.{'json' if folder == 'fhir' else 'hl7'}", _written(folder, visits)


def _patients(source: str, first: int, rng: Random) -> Iterator[Patient]:
    number, turn = first, 0
    while True:
        for one in household(_KINDS[turn % len(_KINDS)], number, source, rng):
            number += 1
            yield one
        turn += 1


def _visit(one: Patient, number: int) -> Visit:
    on = START + timedelta(days=number % 5)
    return Visit(
        key=f"L-{one.key}",
        patient=one,
        on=on,
        items=_ITEMS[number % len(_ITEMS)],
        diagnoses=("E11.9", "I10"),
        provider=LARKSPUR,
    )


def _written(folder: str, visits: list[Visit]) -> bytes:
    sent = datetime.combine(START + timedelta(days=5), time(6))
    if folder == "hl7":
        return hl7.batch([hl7.dft(one, f"L{one.patient.key}", sent) for one in visits], sent)
    found = {(r["resourceType"], r["id"]): r for one in visits for r in fhir.visit_resources(one)}
    return fhir.bundle(found.values(), sent)
