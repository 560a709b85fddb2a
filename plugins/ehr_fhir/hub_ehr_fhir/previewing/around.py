"""Which encounters there are, what belongs to one of them, and what was told of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from hub.errors import Problem
from hub.model.facts import (
    AnyFact,
    ChargeFact,
    CoverageFact,
    DiagnosisFact,
    EncounterFact,
    PatientFact,
    Reading,
)
from hub_ehr_fhir.mapping.reading import read_whole
from hub_ehr_fhir.previewing.sample import One, bundle_of, is_read
from hub_ehr_fhir.settings import FhirSettings

_OF_PATIENT = ("Coverage", "Account", "ClaimResponse")
_ROUNDS = 8
NOT_HERE = "not at hand"
"""The status of an encounter that is only named, or could not be read."""


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """An encounter that could be looked at."""

    key: str
    label: str
    status: str
    on: date | None
    charges: int

    def __repr__(self) -> str:
        return f"Visit({self.label}, {self.status})"


def _elsewhere(label: str, key: str, counts: Mapping[str, int]) -> Visit:
    name = label or "Encounter of another message"
    return Visit(key=key, label=name, status=NOT_HERE, on=None, charges=counts.get(key, 0))


class Told(msgspec.Struct, kw_only=True):
    """What was told of one encounter: its own fact and those of whom and what it names."""

    visit: EncounterFact
    patient: PatientFact | None = None
    coverages: list[CoverageFact] = []
    diagnoses: list[DiagnosisFact] = []
    charges: list[ChargeFact] = []

    @property
    def facts(self) -> tuple[AnyFact, ...]:
        """All of them."""
        own: tuple[AnyFact, ...] = (self.visit, self.patient) if self.patient else (self.visit,)
        return (*own, *self.coverages, *self.diagnoses, *self.charges)


def visits(reading: Reading, resources: Sequence[One]) -> list[Visit]:
    """The encounters that were read: those first that are finished and have charges, then in their order; last those
    of which only charges or diagnoses were told.
    """
    labels = {one.key: one.label for one in resources}
    counts: dict[str, int] = {}
    for fact in reading.facts:
        if isinstance(fact, ChargeFact) and fact.active and fact.kind == "charge":
            counts[fact.encounter_key] = counts.get(fact.encounter_key, 0) + 1
    found = [
        Visit(
            key=fact.key,
            label=labels.get(fact.key, "Encounter"),
            status=fact.status,
            on=fact.started_at.date() if fact.started_at else None,
            charges=counts.get(fact.key, 0),
        )
        for fact in reading.facts
        if isinstance(fact, EncounterFact)
    ]
    known = {one.key for one in found}
    named = (fact.encounter_key for fact in reading.facts if isinstance(fact, ChargeFact | DiagnosisFact))
    others = [key for key in dict.fromkeys(named) if key and key not in known]
    found.sort(key=lambda one: (one.status != "finished", not one.charges))
    return [*found, *(_elsewhere(labels.get(key, ""), key, counts) for key in others)]


def facts_of(reading: Reading, key: str, patient_key: str = "") -> list[AnyFact]:
    """What was told of an encounter, itself among it, and of its patient; `patient_key`: whose it is, where that was
    known before.
    """
    visit = next((one for one in reading.facts if isinstance(one, EncounterFact) and one.key == key), None)
    whose = patient_key or (visit.patient_key if visit is not None else "")
    return [one for one in reading.facts if one is visit or _is_of(one, key, whose)]


def _is_of(fact: AnyFact, key: str, whose: str) -> bool:
    if isinstance(fact, PatientFact):
        return fact.key == whose
    if isinstance(fact, CoverageFact):
        return fact.patient_key == whose and fact.encounter_key in ("", key)
    return isinstance(fact, DiagnosisFact | ChargeFact) and fact.encounter_key == key


def told_of(reading: Reading, key: str, patient_key: str = "") -> Told | None:
    """As `facts_of`; None where nothing tells the encounter itself."""
    return sorted_out(facts_of(reading, key, patient_key))


def sorted_out(facts: Iterable[AnyFact]) -> Told | None:
    """The facts of one encounter by what they are; None where that itself is not among them."""
    facts = list(facts)
    visit = next((one for one in facts if isinstance(one, EncounterFact)), None)
    if visit is None:
        return None
    return Told(
        visit=visit,
        patient=next((one for one in facts if isinstance(one, PatientFact)), None),
        coverages=[one for one in facts if isinstance(one, CoverageFact)],
        diagnoses=[one for one in facts if isinstance(one, DiagnosisFact)],
        charges=[one for one in facts if isinstance(one, ChargeFact)],
    )


def patient_of(facts: Iterable[AnyFact]) -> str:
    """The key of the patient whose encounter it is: the encounter's word, else that of what belongs to it; empty
    where nothing says so.
    """
    told = sorted(facts, key=lambda one: not isinstance(one, EncounterFact))
    keys = (getattr(one, "patient_key", "") for one in told)
    return next((key for key in keys if key), "")


def whole(resources: Iterable[One], settings: FhirSettings) -> Reading:
    """What these resources tell beside each other, with problems at `Condition[2].code`."""
    resources = tuple(resources)
    found = read_whole(bundle_of(resources), ndjson=False, settings=settings)
    problems = tuple(_placed(one, resources) for one in found.problems)
    return msgspec.structs.replace(found, problems=problems)


def _placed(problem: Problem, resources: Sequence[One]) -> Problem:
    head, _, rest = problem.where.partition("]")
    number = head.removeprefix("Bundle.entry[")
    if not (number.isdigit() and int(number) < len(resources)):
        return problem
    one = resources[int(number)]
    return msgspec.structs.replace(problem, where=one.label + rest.strip().removeprefix(one.kind))


def belonging(
    resources: Sequence[One], key: str, settings: FhirSettings, told: Sequence[AnyFact]
) -> tuple[One, ...]:
    """The resources that matter for an encounter: what points to it, what it points to, the patient's coverages and
    accounts. That they suffice is tried: where less is told by them alone, all are taken.
    """
    few = tuple(_around(resources, key))
    alone = facts_of(whole(few, settings), key, patient_of(told)) if len(few) < len(resources) else None
    same = alone is not None and bare(alone) == bare(told)
    return few if same else tuple(one for one in resources if is_read(one.kind))


def bare(told: Iterable[AnyFact]) -> list[AnyFact]:
    """Facts without when they were told, and by what."""
    facts = [msgspec.structs.replace(fact, version="", stamps={}, joined="") for fact in told]
    return sorted(facts, key=lambda one: (type(one).__name__, one.key))


def _around(resources: Sequence[One], key: str) -> Iterator[One]:
    read = [one for one in resources if is_read(one.kind)]
    names = _Names(read)
    links = {one.label: names.of(one) for one in read}
    start = {one.label for one in read if one.key == key}
    chosen = start | {label for label, to in links.items() if to & start}
    chosen = _closed(chosen, links)
    patients = {one.label for one in read if one.kind == "Patient" and one.label in chosen}
    chosen |= {one.label for one in read if one.kind in _OF_PATIENT and links[one.label] & patients}
    others = {one.label for one in read if one.kind == "Encounter"} - start
    chosen = _closed(chosen - others, links) - others
    return (one for one in read if one.label in chosen)


def _closed(chosen: set[str], links: Mapping[str, set[str]]) -> set[str]:
    """With what they refer to."""
    chosen = set(chosen)
    for _ in range(_ROUNDS):
        more = set().union(*(links[label] for label in chosen)) - chosen
        if not more:
            break
        chosen |= more
    return chosen


class _Names:
    """What resources may be called in a reference."""

    def __init__(self, resources: Sequence[One]) -> None:
        self._by_name: dict[str, set[str]] = {}
        self._trees = {one.label: one.tree() for one in resources}
        for one in resources:
            for name in (one.key, one.full_url):
                self._by_name.setdefault(name, set()).add(one.label)
            for value in _identifiers(self._trees[one.label]):
                self._by_name.setdefault(f"|{value}", set()).add(one.label)

    def of(self, one: One) -> set[str]:
        """The labels of what a resource refers to."""
        found: set[str] = set()
        for name in _referred(self._trees[one.label]):
            found |= self._by_name.get(name, set())
        return found - {one.label}


def _identifiers(tree: Mapping[str, Any]) -> Iterator[str]:
    told = tree.get("identifier")
    for each in told if isinstance(told, list) else ():
        if isinstance(each, dict) and isinstance(each.get("value"), str):
            yield each["value"]


def _referred(value: Any) -> Iterator[str]:
    """The names that references within something may mean."""
    if isinstance(value, list):
        for each in value:
            yield from _referred(each)
    if not isinstance(value, dict):
        return
    text = value.get("reference")
    if isinstance(text, str) and text:
        plain = text.partition("/_history")[0].partition("#")[0]
        yield text
        yield "/".join(plain.split("/")[-2:])
        if "identifier=" in text:
            yield "|" + text.partition("identifier=")[2].rpartition("|")[2]
    inner = value.get("identifier")
    if isinstance(inner, dict) and isinstance(inner.get("value"), str):
        yield f"|{inner['value']}"
    for each in value.values():
        yield from _referred(each)
