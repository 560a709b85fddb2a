"""Puts encounters together from facts, purely: the same facts in any order give the same encounter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from operator import attrgetter
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from hub.flow.ingest.folding import told_at
from hub.flow.visits.ranking import in_order
from hub.model.coverage import Coverage, PatientFile
from hub.model.encounter import Charge, Diagnosis, Encounter, Stay
from hub.model.facts import ChargeFact, CoverageFact, DiagnosisFact, EncounterFact
from hub.model.people import Record

_Code = tuple[str, str]
"""System and code."""
_key = attrgetter("key")


class Policy(Record, frozen=True, kw_only=True):
    """What configuration says of one source: when its encounters are ready, what is only history, and which payers
    (`places`) come before or after others where it ranks none.
    """

    source: str
    bill_from: date
    hold_days: int = 0
    zone: str = "UTC"
    payers: Mapping[str, str] = {}
    places: Mapping[str, int] = {}


class Verdict(Record, frozen=True, kw_only=True):
    """What an encounter is now: gathering (its patient or visit is unknown still), waiting, ready, history,
    cancelled, test."""

    state: str


def coverages_of(facts: Iterable[CoverageFact], policy: Policy, on: date | None) -> tuple[Coverage, ...]:
    """Active coverages that hold `on` that day, ranked 1, 2, 3 without gaps; payers mapped where known."""
    held = [
        fact
        for fact in facts
        if fact.active
        and (on is None or fact.valid_from is None or fact.valid_from <= on)
        and (on is None or fact.valid_to is None or on <= fact.valid_to)
    ]
    if len(held) < 2:
        return tuple(_coverage(fact, 1, policy) for fact in held)
    ordered = in_order(held, lambda fact: _payer_of(fact, policy), policy.places)
    return tuple(_coverage(fact, rank, policy, tied) for rank, (fact, tied) in enumerate(ordered, 1))


def valid_on(coverages: Iterable[Coverage], on: date | None) -> tuple[Coverage, ...]:
    """Those of a patient's policies that hold `on` that day, ranked anew without gaps."""
    held = [
        one
        for one in coverages
        if on is None
        or ((one.valid_from is None or one.valid_from <= on) and (one.valid_to is None or on <= one.valid_to))
    ]
    return tuple(replace(one, rank=rank) for rank, one in enumerate(held, 1))


def _coverage(fact: CoverageFact, rank: int, policy: Policy, tied: int = 0) -> Coverage:
    return Coverage(
        key=fact.key,
        payer_token=fact.payer_token,
        payer=_payer_of(fact, policy),
        payer_name=fact.payer_name,
        member_id=fact.member_id,
        rank=rank,
        group_number=fact.group_number,
        group_name=fact.group_name,
        relationship=fact.relationship,
        subscriber=fact.subscriber if fact.relationship != "self" else None,
        valid_from=fact.valid_from,
        valid_to=fact.valid_to,
        tied=tied,
    )


def _payer_of(fact: CoverageFact, policy: Policy) -> str:
    """The configured payer for a source's token or, failing that, its exact name; never a guess."""
    for token in (fact.payer_token, fact.payer_name):
        if token and token.casefold() in policy.payers:
            return policy.payers[token.casefold()]
    return ""


def diagnoses_of(
    encounter: EncounterFact, apart: Iterable[DiagnosisFact], charges: Iterable[ChargeFact]
) -> tuple[Diagnosis, ...]:
    """Every diagnosis once, ranked ones first in rank order, then by their keys; charges' own come last, by day and
    number of the charge. One that was withdrawn by itself is nowhere that was told before: in no list of the visit,
    and on no charge. Of two that have one id (`Diagnosis.id`) the one told later stands, in the place of the other.
    """
    alone, listed_at = sorted(apart, key=_key), told_at(encounter, "diagnoses")
    listed, charged = list(encounter.diagnoses), [charge for charge in charges if charge.diagnoses]
    charged.sort(key=lambda f: (f.service_from, len(f.key), f.key))
    named = [(Diagnosis(coding=coding), charge.version) for charge in charged for coding in charge.diagnoses]
    if gone := _withdrawn(alone):
        listed = [one for one in listed if gone.get(_code_of(one), "") <= listed_at]
        named = [(one, version) for one, version in named if gone.get(_code_of(one), "") <= version]
    listed, loose = _by_id(listed, listed_at, alone) if alone else (listed, [])
    found: dict[_Code, Diagnosis] = {}
    for one, rank in [*((one, one.rank) for one in listed), *loose, *((one, 0) for one, _ in named)]:
        known = found.get(_code_of(one))
        if known is None or (rank and not known.rank):
            found[_code_of(one)] = _ranked(one, rank)
    return tuple(sorted(found.values(), key=lambda d: d.rank or 99))


def _withdrawn(alone: Iterable[DiagnosisFact]) -> dict[_Code, str]:
    """Codes that were withdrawn by themselves, with the version; of a code that stands under another id only that
    other one was taken back.
    """
    gone: dict[_Code, str] = {}
    for fact in alone:
        if not fact.active:
            code = _code_of(fact.diagnosis)
            gone[code] = max(fact.version, gone.get(code, ""))
    for fact in alone if gone else ():
        if fact.active and fact.diagnosis.id:
            gone.pop(_code_of(fact.diagnosis), None)
    return gone


def _by_id(
    listed: list[Diagnosis], listed_at: str, alone: list[DiagnosisFact]
) -> tuple[list[Diagnosis], list[tuple[Diagnosis, int]]]:
    """The diagnoses of the list, and those told alone with the ranks that they have, or that the list gives them:
    without those of which the same id was told otherwise later.
    """
    told = {fact.diagnosis.id: fact for fact in alone if fact.diagnosis.id}
    ranks = {one.id: one.rank for one in listed if one.id}

    def ended(one: Diagnosis) -> bool:
        fact = told.get(one.id)
        if fact is None or fact.version < listed_at:
            return False
        return not fact.active or _code_of(fact.diagnosis) != _code_of(one)

    loose = [
        (fact.diagnosis, fact.diagnosis.rank or ranks.get(fact.diagnosis.id, 0))
        for fact in alone
        if fact.active and not (fact.diagnosis.id in ranks and fact.version < listed_at)
    ]
    return [one for one in listed if not ended(one)], loose


def _ranked(diagnosis: Diagnosis, rank: int) -> Diagnosis:
    """The same with this rank where it has none of its own."""
    return replace(diagnosis, rank=rank) if rank and not diagnosis.rank else diagnosis


def _code_of(diagnosis: Diagnosis) -> _Code:
    coding = diagnosis.coding
    return coding.system, coding.code


def encounter_of(
    fact: EncounterFact,
    *,
    patient_id: str,
    source_key: str,
    diagnoses: tuple[Diagnosis, ...],
    coverages: tuple[Coverage, ...],
    source: str,
) -> Encounter:
    """The canonical encounter; coding fills `icd10` later."""
    return Encounter(
        source=source,
        key=source_key,
        patient_id=patient_id,
        account=fact.account,
        kind=fact.kind,
        status=fact.status,
        started_at=fact.started_at,
        ended_at=fact.ended_at,
        place_of_service=fact.place_of_service,
        facility=fact.facility,
        billing_npi=fact.billing_npi,
        rendering=fact.rendering,
        referring=fact.referring,
        diagnoses=diagnoses,
        coverages=coverages,
        accident=fact.accident,
        authorization=fact.authorization,
        admitted_on=fact.admitted_on,
        supervising=fact.supervising,
        dates=fact.dates,
        references=fact.references,
        notes=fact.notes,
        attachments=fact.attachments,
        stay=_stay_of(fact),
    )


_ABOUT_STAY = attrgetter(
    "bill_type", "admission_type", "admission_source", "discharge_status", "drg", "admitting", "reasons",
    "conditions", "occurrences", "spans", "coded_values", "procedures",
)  # fmt: skip


def _stay_of(fact: EncounterFact) -> Stay | None:
    """What an institution's claim would say, None where the source told nothing of it."""
    if not any(_ABOUT_STAY(fact)):
        return None
    return Stay(
        bill_type=fact.bill_type,
        admission=fact.admission_type,
        source=fact.admission_source,
        status=fact.discharge_status,
        group=fact.drg,
        admitting=fact.admitting,
        reasons=fact.reasons,
        conditions=fact.conditions,
        occurrences=fact.occurrences,
        spans=fact.spans,
        values=fact.coded_values,
        procedures=fact.procedures,
    )


def charge_of(fact: ChargeFact, *, patient_id: str, encounter_id: str, source: str) -> Charge:
    """The canonical charge as the source had it; a credit keeps its kind, and a positive quantity and amount. Money
    that was paid or adjusted keeps its sign: what is negative was given back.
    """
    billed = fact.kind in {"charge", "credit"}
    return Charge(
        source=source,
        key=fact.key,
        patient_id=patient_id,
        encounter_id=encounter_id,
        account=fact.account,
        kind=fact.kind,
        service_from=fact.service_from,
        service_to=fact.service_to,
        codings=fact.codings,
        modifiers=fact.modifiers,
        units=abs(fact.units),
        unit_basis=fact.unit_basis,
        amount=abs(fact.amount) if fact.amount is not None and billed else fact.amount,
        diagnoses=fact.diagnoses,
        drug=fact.drug,
        rendering=fact.rendering,
        place_of_service=fact.place_of_service,
        ordering=fact.ordering,
        description=fact.description,
        notes=fact.notes,
        revenue=fact.revenue,
        method=fact.method,
        reference=fact.reference,
        replaces=fact.replaces,
    )


def verdict(fact: EncounterFact, patient: PatientFile | None, policy: Policy, now: datetime) -> Verdict:
    """What the facts so far make of an encounter (see `Verdict`)."""
    on = service_day(fact, policy.zone)
    if patient is not None and patient.patient.is_test:
        return Verdict(state="test")
    if patient is not None and on is not None and on < policy.bill_from:
        return Verdict(state="history")
    if fact.status == "cancelled":
        return Verdict(state="cancelled")
    if patient is None:
        return Verdict(state="gathering")
    if not fact.ready or on is None:
        return Verdict(state="waiting")
    ended = (fact.ended_at or fact.started_at or now).date()
    return Verdict(state="ready" if (now.date() - ended).days >= policy.hold_days else "waiting")


def service_day(fact: EncounterFact, zone: str) -> date | None:
    """The local day on which an encounter began."""
    return local_day(fact.started_at, zone) if fact.started_at else None


def local_day(at: datetime, zone: str) -> date:
    """The day of an instant in a zone. Senders write the first and the last instant there is for "unknown", and those
    have no local time in half of the world: then the day as it stands.
    """
    try:
        return at.astimezone(ZoneInfo(zone)).date()
    except OverflowError:
        return at.date()
