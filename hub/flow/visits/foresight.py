"""What a visit would come to: its claims, or what would hold them. Nothing is stored.

`foresee` goes by some facts alone, without a store, and takes the steps that the hub takes, in their order.
`foresee_kept` tells the same facts to the hub's store in a transaction of which nothing stays: so everything counts
that is kept of the visit, of its patient, and of those that are one with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from hub.errors import Problem
from hub.flow.base import Judging, route_of
from hub.flow.building import build, missing
from hub.flow.coder import Coded, code_encounter
from hub.flow.coding import BILLED, OPEN, code_one
from hub.flow.ingest.facts_store import Facts
from hub.flow.ingest.merging import source_key
from hub.flow.scrub import findings, rule_of
from hub.flow.visits.alike import one_service
from hub.flow.visits.assemble import Trial, of_visit, placed, try_out
from hub.flow.visits.assembly import (
    charge_of,
    coverages_of,
    diagnoses_of,
    encounter_of,
    service_day,
    verdict,
)
from hub.flow.visits.persons import marked, policy_of
from hub.flow.visits.storing import WITHDRAWN
from hub.flow.visits.strangers import is_mixed, named_beside
from hub.model.claim import Claim
from hub.model.coverage import PatientFile
from hub.model.encounter import Charge, Encounter
from hub.model.facts import (
    AnyFact,
    ChargeFact,
    CoverageFact,
    DiagnosisFact,
    EncounterFact,
    MergeFact,
    PatientFact,
)
from hub.model.people import Patient
from hub.plugin.api import Foreseen, ScrubFinding
from hub.store import Store
from hub.store.documents import Row

_NOW = "~now"
"""A fact that is told at this moment stands against what was told of it under the same version."""
_STATES = {"incomplete": "gathering"}
"""What the store calls otherwise than `Foreseen.state`."""


def foresee(hub: Judging, source: str, facts: Iterable[AnyFact], key: str) -> Foreseen | None:
    """What becomes of the visit `key` of a connector by these facts; None where no fact tells the visit."""
    facts, settings, now = tuple(facts), hub.settings, hub.clock.now()
    visit = next((one for one in facts if isinstance(one, EncounterFact) and one.key == key), None)
    if visit is None:
        return None
    policy, practice = policy_of(settings, source), settings.practice_of(source)
    told = next((one for one in facts if isinstance(one, PatientFact) and one.key == visit.patient_key), None)
    patient = marked(told.patient, settings.sources.get(source)) if told else None
    charged = [(one.key, one) for one in facts if isinstance(one, ChargeFact) and one.encounter_key == key]
    charges = [one for _, one in one_service(charged)]
    on = service_day(visit, policy.zone)
    own, theirs = _covering(facts, visit)
    coverages = of_visit([visit], own, theirs, policy, on)
    encounter = encounter_of(
        visit,
        patient_id=visit.patient_key,
        source_key=key,
        diagnoses=diagnoses_of(visit, _apart(facts, key), charges),
        coverages=coverages_of(theirs, policy, on) if coverages is None else coverages,
        source=source,
    )
    merges = [one for one in facts if isinstance(one, MergeFact)]
    beside = named_beside(visit, (*charges, *_apart(facts, key)))
    encounter = replace(encounter, of_another=is_mixed(visit, beside, merges))
    state = verdict(visit, PatientFile(patient=patient) if patient else None, policy, now).state
    billed = [
        charge_of(one, patient_id=visit.patient_key, encounter_id=key, source=source)
        for one in sorted(charges, key=lambda one: (one.service_from, one.key))
        if one.active and one.kind in BILLED
    ]
    coded = code_encounter(placed(encounter, settings, source), billed, settings, practice)
    return _foreseen(hub, source, state, coded, [one.key for one in coded.charges], patient)


def foresee_kept(hub: Judging, store: Store, source: str, facts: Sequence[AnyFact], key: str) -> Foreseen | None:
    """What becomes of the visit `key` where these facts come now, beside all that the hub keeps; None where it would
    not know such a visit.
    """
    settings, practice = hub.settings, hub.settings.practice_of(source)
    with store.trial() as tx:
        about: dict[str, Any] = {
            "practice": practice,
            "source": source,
            "key": source_key(tx, source, "encounter", key),
        }
        before = next(iter(tx.encounters.find(**about)), None)
        Facts(tx, source, practice).store([replace(one, joined=_NOW) for one in facts])
        row = next(iter(tx.encounters.find(**about)), None)
        seen = try_out(tx, settings, row, source) if row is not None else None
    if seen is None:
        return None
    _, coded, charges = code_one(settings, seen.row, list(seen.charges), practice)
    state, patient = seen.row.state, seen.file.patient if seen.file else None
    gone = {*OPEN, *WITHDRAWN}
    billed = [one for one in seen.charges if one.record.kind in BILLED and one.state not in gone]
    found = _foreseen(
        hub, source, _STATES.get(state, state), coded, [one.id for one in charges], patient, _priced(billed)
    )
    out = {one.record.key for one in billed} if charges else set()
    facts = tuple(one for one in _as_one(seen, key) if not (isinstance(one, ChargeFact) and one.key in out))
    return replace(found, known=before.state if before else "", billed=len(billed), facts=facts)


def _as_one(seen: Trial, key: str) -> list[AnyFact]:
    """The facts of a visit, all under its own key, also those of a visit that is one with it."""
    told: list[AnyFact] = []
    for one in seen.facts:
        if isinstance(one, EncounterFact):
            told.append(replace(one, key=key))
        elif isinstance(one, ChargeFact | DiagnosisFact) or (isinstance(one, CoverageFact) and one.encounter_key):
            told.append(replace(one, encounter_key=key))
        else:
            told.append(one)
    return told


def _priced(rows: Sequence[Row[Charge]]) -> list[tuple[str, Charge]]:
    return [(one.id, one.record) for one in rows]


def _apart(facts: Iterable[AnyFact], key: str) -> list[DiagnosisFact]:
    return [one for one in facts if isinstance(one, DiagnosisFact) and one.encounter_key == key]


def _covering(facts: Sequence[AnyFact], visit: EncounterFact) -> tuple[list[CoverageFact], list[CoverageFact]]:
    """The policies of the visit alone, and those of its patient."""
    all_ = [one for one in facts if isinstance(one, CoverageFact) and one.patient_key == visit.patient_key]
    return [one for one in all_ if one.encounter_key == visit.key], [one for one in all_ if not one.encounter_key]


def _foreseen(
    hub: Judging,
    source: str,
    state: str,
    coded: Coded,
    ids: Sequence[str],
    patient: Patient | None,
    billed: Sequence[tuple[str, Charge]] = (),
) -> Foreseen:
    """What the hub would make of a visit with these coded charges."""
    settings, practice = hub.settings, hub.settings.practice_of(source)
    problems, told = list(coded.problems), settings.sources.get(source)
    priced = list(zip(ids, coded.charges, strict=True))
    claims, self_pay, found = _claims(hub, practice, problems, coded.encounter, priced, patient, billed)
    return Foreseen(
        practice=practice,
        state=state,
        encounter=coded.encounter,
        charges=coded.charges,
        claims=claims,
        self_pay=self_pay,
        problems=(*problems, *(_problem(one) for one in found if one.hold)),
        warnings=(*coded.proposals, *(_problem(one) for one in found if not one.hold)),
        bill_from=told.bill_from if told else None,
        hold_days=policy_of(settings, source).hold_days,
    )


def _claims(
    hub: Judging,
    practice: str,
    problems: list[Problem],
    encounter: Encounter,
    priced: list[tuple[str, Charge]],
    patient: Patient | None,
    billed: Sequence[tuple[str, Charge]],
) -> tuple[tuple[Claim, ...], bool, list[ScrubFinding]]:
    """The claims and what rules find on them; what building them lacks is added to `problems`."""
    if problems or patient is None or practice not in hub.settings.practices:
        lacking = missing(encounter, priced, hub.settings)
        problems += [one for one in lacking if one not in problems]
        return (), False, []
    built = build([(encounter.key, encounter)], priced, patient, hub.settings, practice, billed)
    problems += built.problems
    found = [one for claim in built.claims for one in findings(hub, claim, practice, route_of(hub, claim))]
    return built.claims, built.self_pay, found


def _problem(found: ScrubFinding) -> Problem:
    return Problem(
        code=rule_of(found),
        where=found.where,
        why=found.why,
        fix=found.fix,
        severity="error" if found.hold else "warning",
    )
