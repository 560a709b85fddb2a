"""Puts the facts of sample messages together by visit, as the hub would, to see what a claim would lack."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hub.model.facts import ChargeFact, CoverageFact, EncounterFact, PatientFact, Reading


class Visit(msgspec.Struct, kw_only=True):
    """A visit of the samples with all that is known of it."""

    charges: list[ChargeFact] = []
    encounters: list[EncounterFact] = []
    patients: list[PatientFact] = []
    coverages: list[CoverageFact] = []


def billed(readings: Iterable[Reading]) -> list[Visit]:
    """The visits that have something to bill."""
    visits: dict[str, Visit] = {}
    patients: dict[str, list[PatientFact]] = {}
    coverages: dict[str, list[CoverageFact]] = {}
    people: dict[str, str] = {}
    for fact in (fact for reading in readings for fact in reading.facts):
        if isinstance(fact, PatientFact):
            patients.setdefault(fact.key, []).append(fact)
        elif isinstance(fact, CoverageFact):
            coverages.setdefault(fact.encounter_key or f"patient {fact.patient_key}", []).append(fact)
        elif isinstance(fact, ChargeFact | EncounterFact):
            key = fact.key if isinstance(fact, EncounterFact) else fact.encounter_key or fact.patient_key
            people.setdefault(key, fact.patient_key)
            visit = visits.setdefault(key, Visit())
            (visit.encounters if isinstance(fact, EncounterFact) else visit.charges).append(fact)  # type: ignore[arg-type]
    for key, visit in visits.items():
        visit.patients = patients.get(people[key], [])
        own = coverages.get(key, []) + coverages.get(f"patient {people[key]}", [])
        visit.coverages = [one for one in own if one.active]
    return [one for one in visits.values() if any(charge.kind == "charge" for charge in one.charges)]
