"""What a sender calls services, diagnoses, payers, places and clinicians that settings do not know yet, counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

import msgspec

from hub.codes import is_hcpcs, is_icd10, place_suits
from hub.model.encounter import Coding
from hub.model.facts import AnyFact, ChargeFact, CoverageFact, DiagnosisFact, EncounterFact, Piece
from hub.model.people import Provider
from hub.plugin.api import Desk
from hub_ehr_fhir.mapping import codes
from hub_ehr_fhir.mapping.pieces import reached
from hub_ehr_fhir.mapping.reading import read, read_joined
from hub_ehr_fhir.previewing.elements import is_held, local
from hub_ehr_fhir.previewing.sample import One
from hub_ehr_fhir.settings import FhirSettings

_EXAMPLES = 3
_LATEST = date.max
CHARGE, DIAGNOSIS, PAYER, PLACE, CLASS, CLINICIAN = "charge", "diagnosis", "payer", "place", "class", "clinician"


class From(msgspec.Struct, frozen=True):
    """A fact, and where it was told: a message's id, or a label such as `Encounter[3]`."""

    fact: AnyFact
    origin: str


class Unmapped(msgspec.Struct, kw_only=True):
    """One name of the sender's. `system`: of a code; `encounters`: which have it; `times`: how often it stands;
    `examples`: where to look; `words`: what the sender calls it (shown where values are).
    """

    kind: str
    name: str
    system: str = ""
    words: str = ""
    times: int = 0
    encounters: set[str] = msgspec.field(default_factory=set)
    examples: list[str] = []

    def __repr__(self) -> str:
        return f"Unmapped({self.kind}, {self.times} times)"


class Found(msgspec.Struct, kw_only=True):
    """What is not mapped, by kind the most frequent first; how many of what was looked at; diagnoses by system, with
    how many of them have an ICD-10-CM code. `history`: visits before `bill_from`, which nobody bills: they are left
    out of everything else. `uncovered`: visits whose patient has no coverage.
    """

    unmapped: list[Unmapped] = []
    encounters: int = 0
    history: int = 0
    bill_from: date | None = None
    uncovered: int = 0
    charges: int = 0
    messages: int = 0
    systems: dict[str, tuple[int, int]] = {}


def told_by(bodies: Iterable[tuple[str, bytes, bool]], settings: FhirSettings) -> list[From]:
    """The facts of messages (id, bytes, whether NDJSON), put together from pieces as the hub does it: the newest
    version of each, and where it was told.
    """
    facts: dict[tuple[str, str], From] = {}
    pieces: dict[str, Piece] = {}
    origins: dict[str, str] = {}
    for id_, body, ndjson in bodies:
        reading = read(body, ndjson, settings)
        for fact in reading.facts:
            _keep(facts, fact, id_)
        for piece in reading.pieces:
            known = pieces.get(piece.key)
            if known is None or known.version <= piece.version:
                pieces[piece.key], origins[piece.key] = piece, id_
    for piece in pieces.values():
        if piece.links:
            for fact in read_joined(piece, reached(piece, pieces), settings).facts:
                _keep(facts, fact, origins[piece.key])
    return list(facts.values())


def _keep(facts: dict[tuple[str, str], From], fact: AnyFact, origin: str) -> None:
    about = (type(fact).__name__, fact.key)
    if about not in facts or facts[about].fact.version <= fact.version:
        facts[about] = From(fact, origin)


class Survey:
    """Goes through the facts of one connector and counts what settings do not know; without a `desk` all."""

    def __init__(self, desk: Desk | None, instance: str, settings: FhirSettings) -> None:
        self._desk, self._instance, self._settings = desk, instance, settings
        self._found: dict[tuple[str, str, str], Unmapped] = {}
        self._words: dict[tuple[str, str], str] = {}
        self._placed: dict[tuple[str, str], bool] = {}
        self._history: set[str] = set()
        self._classes: list[tuple[str, str, str]] = []
        self.of = Found()

    def hear(self, told: Sequence[From]) -> None:
        """Take in all facts."""
        told = self._billed(told)
        seen = [one.fact for one in told if isinstance(one.fact, EncounterFact)]
        visits: dict[str, list[str]] = {}
        for visit in seen:
            visits.setdefault(visit.patient_key, []).append(visit.key)
        listed = {one.id for fact in seen for one in fact.diagnoses}
        days = {fact.key: fact.started_at.date() for fact in seen if fact.started_at}
        for one in told:
            fact = one.fact
            if isinstance(fact, EncounterFact):
                self._visit(fact, one.origin)
            elif isinstance(fact, ChargeFact) and fact.active and fact.kind == "charge":
                self._charge(fact, one.origin)
            elif isinstance(fact, DiagnosisFact) and fact.active and fact.key not in listed:
                on = days.get(fact.encounter_key, _LATEST)
                self._diagnosis(fact.diagnosis.coding, fact.encounter_key, one.origin, on)
            elif isinstance(fact, CoverageFact) and fact.active:
                of = [fact.encounter_key] if fact.encounter_key else visits.get(fact.patient_key, [])
                self._payer(fact, [key for key in of if is_held(fact, days.get(key))], one.origin)
        self._cover(told, seen)

    def _billed(self, told: Sequence[From]) -> list[From]:
        """What is told of visits that are billed, or of none: what is before `bill_from` is history."""
        seen = [one.fact for one in told if isinstance(one.fact, EncounterFact)]
        first = self.of.bill_from = self._bill_from(seen)
        if first is None:
            return list(told)
        zone = self._settings.time_zone
        past = {one.key for one in seen if one.started_at and local(one.started_at, zone).date() < first}
        self._history, self.of.history = past, len(past)
        gone = {one.patient_key for one in seen if one.key in past} - {
            one.patient_key for one in seen if one.key not in past
        }
        return [one for one in told if not _is_past(one.fact, past, gone, first)]

    def _bill_from(self, seen: Sequence[EncounterFact]) -> date | None:
        """The first day that is billed; none where nobody wrote one down yet: then every visit counts."""
        if self._desk is None or not seen:
            return None
        foreseen = self._desk.foresee(self._instance, (seen[0],), seen[0].key)
        return foreseen.bill_from if foreseen is not None else None

    def _cover(self, told: Sequence[From], seen: Sequence[EncounterFact]) -> None:
        """Count the visits for which nobody is told who pays."""
        facts = [one.fact for one in told if isinstance(one.fact, CoverageFact) and one.fact.active]
        paid = {one.encounter_key or one.patient_key for one in facts}
        self.of.uncovered = sum(1 for one in seen if not paid & {one.key, one.patient_key})

    def see(self, resources: Iterable[One]) -> None:
        """Look into resources for what facts do not tell: codes of classes, and what codes are called."""
        for one in resources:
            tree = one.tree()
            for system, code, words in _codings(tree):
                self._words.setdefault((codes.system_name(system), code), words)
            kind = tree.get("class") if one.kind == "Encounter" else None
            if isinstance(kind, dict) and isinstance(kind.get("code"), str) and kind["code"]:
                self._classes.append((kind["code"], one.key, one.label))

    def result(self) -> Found:
        """What was found, the most frequent first."""
        known = {**codes.ENCOUNTER_KINDS, **self._settings.encounter_classes}
        for code, key, label in self._classes:
            if code not in known and key not in self._history:
                self._note(CLASS, code, "", key, label)
        self._classes.clear()
        for one in self._found.values():
            one.words = one.words or self._words.get((one.system, one.name), "")
        self.of.unmapped = sorted(self._found.values(), key=lambda one: (-one.times, one.system, one.name))
        return self.of

    # what each fact names

    def _visit(self, fact: EncounterFact, origin: str) -> None:
        self.of.encounters += 1
        on = fact.started_at.date() if fact.started_at else _LATEST
        for one in fact.diagnoses:
            self._diagnosis(one.coding, fact.key, origin, on)
        self._clinician(fact.rendering, fact.key, origin)
        # a home is called by who lives there
        name = fact.facility.name if fact.facility and fact.kind != "home" else ""
        told = fact.place_of_service
        if not (told and place_suits(fact.kind, told)) and not self._is_placed(fact, name):
            self._note(PLACE, name or fact.kind, fact.kind, fact.key, origin)

    def _is_placed(self, fact: EncounterFact, name: str) -> bool:
        """Whether settings give such a visit a place of service; asked once for each kind and place."""
        if self._desk is None:
            return False
        about = (fact.kind, name)
        if about not in self._placed:
            seen = self._desk.foresee(self._instance, (fact,), fact.key)
            self._placed[about] = bool(seen is not None and seen.encounter.place_of_service)
        return self._placed[about]

    def _charge(self, fact: ChargeFact, origin: str) -> None:
        self.of.charges += 1
        self._clinician(fact.rendering, fact.encounter_key, origin)
        for coding in fact.diagnoses:
            self._diagnosis(coding, fact.encounter_key, origin, fact.service_from)
        if fact.codings and not any(self._is_charged(one, fact.service_from) for one in fact.codings):
            first = fact.codings[0]
            self._note(CHARGE, first.code, first.system, fact.encounter_key, origin)

    def _is_charged(self, coding: Coding, on: date) -> bool:
        if coding.system == "HCPCS" and is_hcpcs(coding.code):
            return True
        return self._desk is not None and bool(self._desk.charge(coding.system, coding.code, on))

    def _diagnosis(self, coding: Coding, encounter: str, origin: str, on: date) -> None:
        good = self._is_diagnosis(coding, on)
        all_, well = self.of.systems.get(coding.system, (0, 0))
        self.of.systems[coding.system] = (all_ + 1, well + good)
        if not good:
            self._note(DIAGNOSIS, coding.code, coding.system, encounter, origin)

    def _is_diagnosis(self, coding: Coding, on: date) -> bool:
        if coding.system == "ICD10":
            return is_icd10(coding.code.replace(".", ""))
        if self._desk is None:
            return False
        return bool(self._desk.diagnosis(coding.system, coding.code, on))

    def _payer(self, fact: CoverageFact, encounters: Iterable[str], origin: str) -> None:
        if self._desk is None or not self._desk.payer(self._instance, fact.payer_token, fact.payer_name):
            found = self._note(PAYER, fact.payer_token, "", "", origin)
            found.encounters.update(encounters)
            found.words = found.words or (fact.payer_name if fact.payer_name != fact.payer_token else "")

    def _clinician(self, who: Provider | None, encounter: str, origin: str) -> None:
        if who is None or who.npi:
            return
        if not who.id or self._desk is None or not self._desk.provider(who.id):
            found = self._note(CLINICIAN, who.id, "", encounter, origin)
            found.words = found.words or ", ".join(one for one in (who.last, who.first) if one)

    def _note(self, kind: str, name: str, system: str, encounter: str, origin: str) -> Unmapped:
        one = self._found.setdefault((kind, system, name), Unmapped(kind=kind, name=name, system=system))
        one.times += 1
        if encounter:
            one.encounters.add(encounter)
        if origin not in one.examples and len(one.examples) < _EXAMPLES:
            one.examples.append(origin)
        return one


def _is_past(fact: AnyFact, past: set[str], gone: set[str], first: date) -> bool:
    """Whether a fact is of a visit before the `first` day that is billed; `gone`: patients without another one."""
    encounter = fact.key if isinstance(fact, EncounterFact) else getattr(fact, "encounter_key", "")
    if encounter:
        return encounter in past
    if isinstance(fact, ChargeFact):
        return fact.service_from < first
    return isinstance(fact, CoverageFact) and fact.patient_key in gone


def _codings(value: Any) -> Iterator[tuple[str, str, str]]:
    """System, code and display of every coding of a resource."""
    if isinstance(value, list):
        for each in value:
            yield from _codings(each)
    elif isinstance(value, dict):
        code, words = value.get("code"), value.get("display")
        if isinstance(code, str) and isinstance(words, str):
            yield str(value.get("system") or ""), code, words
        for each in value.values():
            yield from _codings(each)
