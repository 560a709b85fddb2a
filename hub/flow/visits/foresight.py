"""What a visit would come to if the hub had these facts of it and no others: its claims, or what would hold them.

The steps are those that the hub itself takes, in their order, without a store: nothing is kept. What only a store or
a plugin knows is not asked: other messages of the visit, merges, overlays, scrub rules of plugins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from hub.config.settings import Settings
from hub.errors import Problem
from hub.flow.building import build, missing
from hub.flow.coder import code_encounter
from hub.flow.rules import Desk, scrub
from hub.flow.visits.assemble import placed
from hub.flow.visits.assembly import charge_of, coverages_of, diagnoses_of, encounter_of, service_day, verdict
from hub.flow.visits.persons import marked, policy_of
from hub.model.claim import Claim
from hub.model.coverage import PatientFile
from hub.model.encounter import Charge, Encounter
from hub.model.facts import AnyFact, ChargeFact, CoverageFact, DiagnosisFact, EncounterFact, PatientFact
from hub.model.people import Patient
from hub.plugin.api import Foreseen, ScrubFinding

BILLED = ("charge", "credit")


def foresee(
    settings: Settings, source: str, facts: Iterable[AnyFact], key: str, now: datetime
) -> Foreseen | None:
    """What becomes of the visit `key` of a connector by these facts; None where no fact tells the visit."""
    facts = tuple(facts)
    visit = next((one for one in facts if isinstance(one, EncounterFact) and one.key == key), None)
    if visit is None:
        return None
    policy, practice = policy_of(settings, source), settings.practice_of(source)
    told = next((one for one in facts if isinstance(one, PatientFact) and one.key == visit.patient_key), None)
    patient = marked(told.patient, settings.sources.get(source)) if told else None
    charges = [one for one in facts if isinstance(one, ChargeFact) and one.encounter_key == key]
    on = service_day(visit, policy.zone)
    encounter = encounter_of(
        visit,
        patient_id=visit.patient_key,
        source_key=key,
        diagnoses=diagnoses_of(visit, _apart(facts, key), charges),
        coverages=coverages_of(_covering(facts, visit), policy, on),
        source=source,
    )
    file = PatientFile(patient=patient) if patient else None
    state = verdict(visit, file, policy, now).state
    billed = [
        charge_of(one, patient_id=visit.patient_key, encounter_id=key, source=source)
        for one in sorted(charges, key=lambda one: (one.service_from, one.key))
        if one.active and one.kind in BILLED
    ]
    coded = code_encounter(placed(encounter, settings, source), billed, settings, practice)
    priced = [(one.key, one) for one in coded.charges]
    problems = list(coded.problems)
    claims, self_pay, findings = _claims(settings, practice, problems, coded.encounter, priced, patient, now)
    return Foreseen(
        practice=practice,
        state=state,
        encounter=coded.encounter,
        charges=coded.charges,
        claims=claims,
        self_pay=self_pay,
        problems=(*problems, *(_problem(one) for one in findings if one.hold)),
        warnings=(*coded.proposals, *(_problem(one) for one in findings if not one.hold)),
        bill_from=settings.sources[source].bill_from if source in settings.sources else None,
        hold_days=policy.hold_days,
    )


def _apart(facts: Iterable[AnyFact], key: str) -> list[DiagnosisFact]:
    return [one for one in facts if isinstance(one, DiagnosisFact) and one.encounter_key == key]


def _covering(facts: Sequence[AnyFact], visit: EncounterFact) -> list[CoverageFact]:
    """The policies of the visit alone, else those of its patient."""
    all_ = [one for one in facts if isinstance(one, CoverageFact) and one.patient_key == visit.patient_key]
    own = [one for one in all_ if one.encounter_key == visit.key]
    return own or [one for one in all_ if not one.encounter_key]


def _claims(
    settings: Settings,
    practice: str,
    problems: list[Problem],
    encounter: Encounter,
    priced: list[tuple[str, Charge]],
    patient: Patient | None,
    now: datetime,
) -> tuple[tuple[Claim, ...], bool, list[ScrubFinding]]:
    """The claims and what our rules find on them; where coding held something, what else would be missing."""
    if problems or patient is None or practice not in settings.practices:
        problems += missing(encounter, priced, settings)
        return (), False, []
    built = build([(encounter.key, encounter)], priced, patient, settings, practice)
    problems += built.problems
    findings: list[ScrubFinding] = []
    for claim in built.claims:
        desk = Desk(
            settings=settings,
            today=now.date(),
            practice=practice,
            clearinghouse=settings.clearinghouse(claim.payer),
        )
        findings += scrub(claim, desk)
    return built.claims, built.self_pay, findings


def _problem(found: ScrubFinding) -> Problem:
    rule = found.rule if found.rule.startswith("scrub.") else f"scrub.{found.rule}"
    return Problem(
        code=rule,
        where=found.where,
        why=found.why,
        fix=found.fix,
        severity="error" if found.hold else "warning",
    )
