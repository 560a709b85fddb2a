"""Facts -> patients, encounters and charges: takes what ingest marked and puts each encounter together anew."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, TypeVar

import msgspec

from hub.config.people import Source
from hub.config.settings import Settings
from hub.errors import Problem
from hub.flow.assembly import Policy, charge_of, coverages_of, diagnoses_of, encounter_of, service_day, verdict
from hub.flow.base import CHUNK, Hub, Outcome, move_claims, work_for
from hub.flow.coder import code_encounter
from hub.flow.facts_store import patient_ids
from hub.flow.payments import MONEY, restated
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
from hub.model.people import Address, Facility, Patient, Record
from hub.model.work import WorkItem
from hub.money import to_cents
from hub.store import Nudge, Tx, View
from hub.store.documents import Change, New, Row

PAGE = 500
WITHDRAWN = frozenset({"void", "cancelled", "test", "history"})
"""What a charge is when it may not be billed after all."""
OPEN_CHARGE = frozenset({"new", "held", "proposal", "priced", "waiting"})
UNFINISHED_DAYS = 14
"""After so many days a visit that still waits for its source is in front of a person."""
F = TypeVar("F")


class Pieces(Record, frozen=True, kw_only=True):
    """The facts of a chunk of encounters, by the digest of what they hang on."""

    encounters: dict[str, EncounterFact]
    children: dict[str, list[AnyFact]]
    patients: dict[str, PatientFact]
    standing: dict[str, list[CoverageFact]]
    parents: dict[str, str]


class Put(Record, frozen=True, kw_only=True):
    """One encounter put together: what to store for it."""

    row: Row[Encounter]
    state: str
    encounter: Encounter
    charges: tuple[tuple[str, ChargeFact], ...] = ()
    on: date | None = None


def policy_of(settings: Settings, source: str) -> Policy:
    """What configuration says of a source; without `bill_from` nothing bills."""
    told = settings.sources.get(source) or Source()
    return Policy(
        source=source,
        bill_from=told.bill_from or date.max,
        hold_days=told.hold_days,
        zone=told.zone or settings.hub.zone,
        payers={token.strip().casefold(): payer for token, payer in told.payers.items()},
    )


def assemble(hub: Hub, source: str) -> Outcome:
    """Put together the encounters of `source` that something was learned about."""
    practice = hub.settings.practice_of(source)
    with hub.store.view() as view:
        rows = view.encounters.waiting("gathering", limit=CHUNK, practice=practice, source=source)
        if not rows:
            return Outcome()
        pieces = _pieces(view, rows, source, practice)
        known = _known_charges(view, rows)
    with hub.store.begin("ingest.assemble") as tx:
        people = _patients(tx, hub.settings, pieces, source, practice)
        made = [_put_together(hub.settings, row, pieces, people, source, tx.now) for row in rows]
        page = _Page(tx, hub.settings, known, practice)
        for put in made:
            page.add(put)
        changed = page.write()
        tx.event(
            "encounters.assembled", "source", source, practice=practice, encounters=len(made), charges=changed
        )
        tx.then(Nudge("coding.code", practice), Nudge("payments.post", practice))
    return Outcome(done=len(made), more=len(rows) == CHUNK)


def present(tx: Tx, settings: Settings, row: Row[Encounter]) -> Encounter:
    """One encounter as its facts tell it now, uncoded; stores what is new of its patient, and not the encounter."""
    source = row.col("source")
    pieces = _pieces(tx, [row], source, row.practice)
    people = _patients(tx, settings, pieces, source, row.practice)
    return _put_together(settings, row, pieces, people, source, tx.now).encounter


def ripen(hub: Hub, source: str) -> Outcome:
    """Look again, daily, at encounters whose hold days are over, or which waited so long that somebody must ask."""
    practice, policy = hub.settings.practice_of(source), policy_of(hub.settings, source)
    done, after = 0, ""
    while True:
        with hub.store.begin("ingest.assemble") as tx:
            rows = tx.encounters.find(
                limit=PAGE, after_id=after, state="waiting", practice=practice, source=source
            )
            due = [row for row in rows if _is_due(row, policy, tx.now)]
            tx.encounters.put_many([Change(row, state="gathering") for row in due])
            if due:
                tx.then(Nudge("ingest.assemble", source))
        done += len(due)
        if len(rows) < PAGE:
            return Outcome(done=done)
        after = rows[-1].id


def _is_due(row: Row[Encounter], policy: Policy, now: datetime) -> bool:
    ended = row.record.ended_at or row.record.started_at
    if ended is None:
        return (now - row.created_at).days > UNFINISHED_DAYS
    return (now - ended).days >= policy.hold_days


def _pieces(view: View, rows: list[Row[Encounter]], source: str, practice: str) -> Pieces:
    keys = [row.col("key") for row in rows]
    about: dict[str, Any] = {"practice": practice, "source": source, "limit": 1_000_000}
    visits = view.facts.find(kind="encounter", key=keys, **about)
    parents = {row.col("key"): row.col("parent") for row in visits}
    children: dict[str, list[AnyFact]] = {}
    for row in view.facts.find(kind=("charge", "diagnosis", "coverage"), parent=keys, **about):
        children.setdefault(row.col("parent"), []).append(row.record)
    patients = _with_survivors(view, set(parents.values()), source, practice)
    standing: dict[str, list[CoverageFact]] = {}
    for row in view.facts.find(kind="coverage", parent=patients, **about):
        standing.setdefault(row.col("parent"), []).append(_is(row.record, CoverageFact))
    return Pieces(
        encounters={row.col("key"): _is(row.record, EncounterFact) for row in visits},
        children=children,
        patients={
            row.col("key"): _is(row.record, PatientFact)
            for row in view.facts.find(kind="patient", key=patients, **about)
        },
        standing=standing,
        parents=parents,
    )


def _with_survivors(view: View, patients: set[str], source: str, practice: str) -> set[str]:
    """The patients, by the digest of their key, and those that they were merged into, however often."""
    found, left = set(patients), set(patients)
    while left:
        merges = view.facts.find(kind="merge", parent=left, practice=practice, source=source, limit=1_000_000)
        into = {_is(row.record, MergeFact).into_key for row in merges}
        left = {view.digest("source-key", f"{source}\x1fpatient\x1f{key}") for key in into} - found
        found |= left
    return found


def _is(record: object, kind: type[F]) -> F:
    if not isinstance(record, kind):
        raise TypeError(f"a fact stored as {kind.__name__} is another")
    return record


def _known_charges(view: View, rows: list[Row[Encounter]]) -> dict[tuple[str, str], Row[Charge]]:
    found = view.charges.find(encounter_id=[row.id for row in rows], limit=1_000_000)
    return {(row.col("encounter_id"), row.record.key): row for row in found}


def _patients(
    tx: Tx, settings: Settings, pieces: Pieces, source: str, practice: str
) -> dict[str, tuple[str, PatientFile]]:
    """Patients of the chunk, stored as they are now: digest -> (our id, file)."""
    by_key = {fact.key: digest for digest, fact in pieces.patients.items()}
    ids = patient_ids(tx, source, by_key)
    known = tx.patients.get_many(ids.values())
    policy, result = policy_of(settings, source), {}
    fresh: list[New[PatientFile]] = []
    changes: list[Change[PatientFile]] = []
    keys: list[tuple[str, str]] = []
    numbers: list[tuple[str, str, str]] = []
    for digest, fact in pieces.patients.items():
        patient_id = ids.get(fact.key) or tx.new_id("pat")
        patient = _marked(fact.patient, settings.sources.get(source))
        file = PatientFile(
            patient=patient,
            coverages=coverages_of(pieces.standing.get(digest, ()), policy, None),
            guarantor_id=_guarantor(tx, patient_id, patient, practice),
        )
        result[digest] = (patient_id, file)
        if patient_id not in known:
            fresh.append(New(patient_id, file, practice=practice, state="known"))
            keys.append((fact.key, patient_id))
            numbers += [(each.authority, each.value, patient_id) for each in patient.identifiers]
        elif known[patient_id].record != file:
            changes.append(Change(known[patient_id], record=file))
    tx.lookup.put_many("patient", source, keys)
    tx.lookup.put_all("mrn", numbers)
    tx.patients.add_many(fresh)
    tx.patients.put_many(changes)
    survivors = _survivors(tx, [patient_id for patient_id, _ in result.values()])
    return {digest: (survivors[patient_id], file) for digest, (patient_id, file) in result.items()}


def _survivors(tx: Tx, patient_ids: list[str]) -> dict[str, str]:
    """Who each patient was merged into, once something is known of them."""
    into = tx.resolve_many("patient", patient_ids)
    known = tx.patients.get_many({now for before, now in into.items() if now != before})
    return {before: now if now in known else before for before, now in into.items()}


def _guarantor(tx: Tx, patient_id: str, patient: Patient, practice: str) -> str:
    """Who is billed: the patient, or one id for the same guarantor of several patients of the practice."""
    guarantor = patient.guarantor
    if guarantor is None or guarantor.relationship == "self":
        return patient_id
    where = guarantor.address or patient.address or Address(line1="", city="", state="", zip="")
    told = (guarantor.name.last, guarantor.name.first, where.line1, where.zip[:5])
    value = "\x1f".join(part.casefold().strip() for part in told)
    found = tx.lookup.find("guarantor", practice, value)
    if found:
        return found[0]
    guarantor_id = tx.new_id("gua")
    tx.lookup.put("guarantor", practice, value, guarantor_id)
    return guarantor_id


def _marked(patient: Patient, told: Source | None) -> Patient:
    """The patient, marked as a test patient where the source's settings say so."""
    if told is None or patient.is_test:
        return patient
    marks = told.test_patients
    names = any(_fits(mark, patient.name.last) for mark in marks.last_names)
    numbers = any(_fits(mark, each.value) for mark in marks.identifiers for each in patient.identifiers)
    return msgspec.structs.replace(patient, is_test=True) if names or numbers else patient


def _fits(mark: str, value: str) -> bool:
    mark, value = mark.casefold(), value.casefold()
    return value.startswith(mark[:-1]) if mark.endswith("*") else value == mark


def _put_together(
    settings: Settings,
    row: Row[Encounter],
    pieces: Pieces,
    people: dict[str, tuple[str, PatientFile]],
    source: str,
    now: datetime,
) -> Put:
    digest = row.col("key")
    fact, policy = pieces.encounters.get(digest), policy_of(settings, source)
    patient_digest = pieces.parents.get(digest, "")
    patient_id, file = people.get(patient_digest, ("", None))
    children = pieces.children.get(digest, [])
    if fact is None or file is None:
        return Put(row=row, state="incomplete", encounter=row.record)
    charges = [child for child in children if isinstance(child, ChargeFact)]
    own = [child for child in children if isinstance(child, CoverageFact)]
    on = service_day(fact, policy.zone)
    encounter = encounter_of(
        fact,
        patient_id=patient_id,
        source_key=fact.key,
        diagnoses=diagnoses_of(fact, (c for c in children if isinstance(c, DiagnosisFact)), charges),
        coverages=coverages_of(own or pieces.standing.get(patient_digest, ()), policy, on),
        source=source,
    )
    return Put(
        row=row,
        state=verdict(fact, file, policy, now).state,
        encounter=_placed(encounter, settings, source),
        charges=tuple((charge.key, charge) for charge in charges),
        on=on,
    )


def _placed(encounter: Encounter, settings: Settings, source: str) -> Encounter:
    """Place of service and facility from the source's settings where the source itself names none."""
    told = settings.sources.get(source)
    if told is None:
        return encounter
    name = encounter.facility.name if encounter.facility else ""
    known = settings.facilities.get(told.facilities.get(name) or told.departments.get(name) or told.facility)
    place = encounter.place_of_service or told.places.get(encounter.kind, "") or told.places.get(name, "")
    if encounter.kind == "recurring" or known is None:
        return msgspec.structs.replace(encounter, place_of_service=place)
    address = known.address
    return msgspec.structs.replace(
        encounter,
        place_of_service=place or known.place_of_service,
        facility=Facility(
            name=known.name,
            npi=known.npi or "",
            address=Address(
                line1=address.line1, line2=address.line2, city=address.city, state=address.state, zip=address.zip
            ),
        ),
    )


class _Page:
    """What a chunk of encounters is put together to, gathered and then written at once."""

    def __init__(
        self, tx: Tx, settings: Settings, known: dict[tuple[str, str], Row[Charge]], practice: str
    ) -> None:
        self.tx, self.settings, self.known, self.practice = tx, settings, known, practice
        self.encounters: list[Change[Encounter]] = []
        self.fresh: list[New[Charge]] = []
        self.changed: list[Change[Charge]] = []
        self.work: list[WorkItem] = []
        self.whole: list[str] = []
        self.withdrawn: list[str] = []

    def add(self, put: Put) -> None:
        """Plan one encounter and its charges."""
        encounter = put.encounter
        self.encounters.append(
            Change(
                put.row,
                record=encounter,
                state=put.state,
                patient_id=encounter.patient_id,
                service_date=put.on,
                payer=encounter.coverages[0].payer if encounter.coverages else None,
            )
        )
        if put.state == "incomplete":
            self.work += work_for([_incomplete()], "encounter", put.row.id, owner="it")
            return
        self.whole.append(put.row.id)
        self._remind(put)
        state = "new" if put.state in {"ready", "waiting"} else put.state
        for _, fact in put.charges:
            self._charge(put, fact, state if fact.active else "void")

    def _charge(self, put: Put, fact: ChargeFact, state: str) -> None:
        encounter, source = put.encounter, put.encounter.source
        charge = charge_of(fact, patient_id=encounter.patient_id, encounter_id=put.row.id, source=source)
        columns: dict[str, Any] = {
            "patient_id": charge.patient_id,
            "encounter_id": put.row.id,
            "kind": charge.kind,
            "cents": None if charge.amount is None else to_cents(charge.amount),
            "service_date": charge.service_from,
        }
        row = self.known.get((put.row.id, fact.key))
        is_money = charge.kind in MONEY and (row is None or row.record.kind in MONEY)
        if is_money:
            told = restated(row, charge, state)
            if told is None:
                return
            charge, state = told
            columns["cents"] = None if charge.amount is None else to_cents(charge.amount)
        if row is None:
            key = self.tx.digest("source-key", f"{source}\x1fcharge\x1f{fact.key}")
            about = {"practice": self.practice, "state": state, "source": source, "key": key}
            self.fresh.append(New(self.tx.new_id("chg"), charge, **about, **columns))
        elif is_money or row.state in OPEN_CHARGE | WITHDRAWN:
            self.changed.append(Change(row, record=charge, state=state, **columns))
        elif state in WITHDRAWN and row.state not in WITHDRAWN:
            self.work += work_for([_changed_late()], "charge", row.id)
            self.withdrawn.append(row.id)
        elif self._differs(row.record, encounter, charge):
            self.work += work_for([_changed_late()], "charge", row.id)

    def _differs(self, billed: Charge, encounter: Encounter, coming: Charge) -> bool:
        """Whether the source now says other than what was billed; what coding added does not count."""
        (coded,) = code_encounter(encounter, [coming], self.settings, self.practice).charges
        if _told(billed) != _told(coming) or (coming.drug or billed.drug) != billed.drug:
            return True
        if coming.amount is not None and coming.amount != billed.amount:
            return True
        mapped_alike = coded.hcpcs == billed.hcpcs
        return mapped_alike and (coded.units, coded.modifiers) != (billed.units, billed.modifiers)

    def _remind(self, put: Put) -> None:
        """A visit that never ends is work, once; a person's word on it holds as long again."""
        since = put.on or put.row.created_at.date()
        if put.state != "waiting" or (self.tx.now.date() - since).days <= UNFINISHED_DAYS:
            return
        known = self.tx.work.list(aggregate_id=put.row.id, reason="encounter.unfinished", open_only=False)
        if not any(one.resolved_at and (self.tx.now - one.resolved_at).days <= UNFINISHED_DAYS for one in known):
            self.work += work_for([_unfinished()], "encounter", put.row.id, owner="front-desk")

    def _hold_unsent(self) -> None:
        """A claim that has not left yet does not leave with a charge that was withdrawn."""
        if not self.withdrawn:
            return
        links = self.tx.claim_charges.of_charges(self.withdrawn)
        rows = self.tx.claims.get_many({link.claim_id for link in links}).values()
        held = [row for row in rows if row.state in {"new", "ready"}]
        move_claims(self.tx, [Change(row, state="held") for row in held])
        for row in held:
            self.tx.work.open_many(work_for([_withdrawn()], "claim", row.id), practice=self.practice)

    def write(self) -> int:
        """Write the page; returns how many charges are new or changed."""
        self.tx.encounters.put_many(self.encounters)
        self.tx.charges.add_many(self.fresh)
        self.tx.charges.put_many(self.changed)
        self.tx.work.resolve_many(self.whole, "ingest.", "put together")
        self.tx.work.open_many(self.work, practice=self.practice)
        self._hold_unsent()
        return len(self.fresh) + len(self.changed)


def _told(charge: Charge) -> tuple[object, ...]:
    """What coding never alters of a charge."""
    return charge.kind, charge.service_from, charge.codings


def _incomplete() -> Problem:
    return Problem(
        code="ingest.incomplete",
        where="encounter",
        why="charges or diagnoses came, but not yet the visit or the patient they belong to",
        fix="wait for the source to send them; if it does not, ask for a resend",
    )


def _unfinished() -> Problem:
    return Problem(
        code="encounter.unfinished",
        where="encounter",
        why="the visit was begun long ago, and its source has not yet said that it is over and whole",
        fix="close it at the source, or mend what was set aside of it; if nothing is due, resolve this item as such",
    )


def _withdrawn() -> Problem:
    return Problem(
        code="claim.withdrawn",
        where="charges",
        why="the source cancelled the visit, or withdrew a charge of this claim, before it was sent",
        fix="if that is right, reverse the charge and resolve this item; if not, correct the source, then replay",
    )


def _changed_late() -> Problem:
    return Problem(
        code="ingest.changed_after_billing",
        where="charge",
        why="the source changed or withdrew a charge that is already on a claim",
        fix="decide whether a corrected claim must go out",
    )
