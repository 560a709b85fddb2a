"""Facts -> patients, encounters and charges: takes what ingest marked and puts each encounter together anew."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec

from hub.config.settings import Settings
from hub.errors import Problem
from hub.flow import appointing
from hub.flow.assembly import (
    Policy,
    charge_of,
    coverages_of,
    diagnoses_of,
    encounter_of,
    service_day,
    valid_on,
    verdict,
)
from hub.flow.base import CHUNK, Hub, Outcome, move_claims, work_for
from hub.flow.coder import code_encounter
from hub.flow.facts_store import UNSENT
from hub.flow.folding import filled
from hub.flow.merging import Kin, accounts_of, kin_of, moves_of, patient_of, source_key
from hub.flow.payer_changes import BILLED, Repaid, concerns
from hub.flow.payer_changes import follow as follow_payers
from hub.flow.payments import MONEY, restated
from hub.flow.persons import Person, Told, expected, freshen, people, policy_of, told_of
from hub.flow.refreshing import refresh
from hub.flow.renumbered import told_twice
from hub.model.claim import Claim
from hub.model.coverage import Coverage, PatientFile
from hub.model.encounter import Charge, Encounter
from hub.model.facts import (
    AnyFact,
    ChargeFact,
    CoverageFact,
    DiagnosisFact,
    EncounterFact,
)
from hub.model.people import Address, Facility, Record
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
    """The facts of a chunk of encounters, by the digest of what they hang on; a child has its own digest beside it.

    `parents` is the digest of each visit's patient, moves counted. `tops` are the visits that each is now, and
    `same` those that one is, itself first, then the newest first.
    """

    encounters: dict[str, EncounterFact]
    children: dict[str, list[tuple[str, AnyFact]]]
    told: Told
    parents: dict[str, str]
    kin: Kin
    rows: dict[str, Row[Encounter]]
    tops: dict[str, str]
    same: dict[str, tuple[str, ...]]


class Put(Record, frozen=True, kw_only=True):
    """One encounter put together: what to store for it. `merged`: its patient was ever merged or parted."""

    row: Row[Encounter]
    state: str
    encounter: Encounter
    charges: tuple[tuple[str, ChargeFact], ...] = ()
    on: date | None = None
    file: PatientFile | None = None
    merged: bool = False


def assemble(hub: Hub, source: str) -> Outcome:
    """Put together the encounters of `source` that something was learned about, and those that are one with them."""
    practice = hub.settings.practice_of(source)
    with hub.store.view() as view:
        waiting = view.encounters.waiting("gathering", limit=CHUNK, practice=practice, source=source)
        pieces = _pieces(view, waiting, source, practice) if waiting else None
        known = _known_charges(view, pieces, source) if pieces else {}
    if pieces is None:
        if fresh := freshen(hub, source):
            return Outcome(done=fresh, more=True)
        return appointing.gather(hub, source)
    with hub.store.begin("ingest.assemble") as tx:
        persons = people(tx, hub.settings, pieces.told, source, practice)
        made = [_put_together(hub.settings, row, pieces, persons, source, tx.now) for row in pieces.rows.values()]
        page = _Page(tx, hub.settings, known, practice)
        for put in made:
            page.add(put)
        changed = page.write()
        tx.event(
            "encounters.assembled", "source", source, practice=practice, encounters=len(made), charges=changed
        )
        tx.then(Nudge("coding.code", practice), Nudge("payments.post", practice), Nudge("scrub.check", practice))
    return Outcome(done=len(made), more=True)


def present(tx: Tx, settings: Settings, row: Row[Encounter]) -> Encounter:
    """One encounter as its facts tell it now, uncoded; stores what is new of its patient, and not the encounter."""
    source = row.col("source")
    pieces = _pieces(tx, [row], source, row.practice)
    persons = people(tx, settings, pieces.told, source, row.practice)
    now_is = pieces.rows[pieces.tops[row.col("key")]]
    return _put_together(settings, now_is, pieces, persons, source, tx.now).encounter


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
    about: dict[str, Any] = {"practice": practice, "source": source, "limit": 1_000_000}
    known = {row.col("key"): row for row in rows}
    kin = kin_of(view, source, practice, known.keys())
    if others := kin.digests - known.keys():
        known |= {row.col("key"): row for row in view.encounters.find(key=others, **about)}
    keys = list(known)
    visits = {
        row.col("key"): expected(row.record, EncounterFact)
        for row in view.facts.find(kind="encounter", key=keys, **about)
    }
    children: dict[str, list[tuple[str, AnyFact]]] = {}
    for row in view.facts.find(kind=("charge", "diagnosis", "coverage"), parent=keys, **about):
        children.setdefault(row.col("parent"), []).append((row.col("key"), row.record))
    kin = _with_accounts(view, kin, visits, source, practice)
    tops = {digest: kin.top(digest, known) for digest in known}
    same = _same(tops, visits)
    patient_keys = {digest: _patient_key(same[top], kin, visits) for digest, top in tops.items()}
    parents = {digest: source_key(view, source, "patient", key) for digest, key in patient_keys.items() if key}
    return Pieces(
        encounters=visits,
        children=children,
        told=told_of(view, source, practice, patient_keys.values()),
        parents=parents,
        kin=kin,
        rows=known,
        tops=tops,
        same=same,
    )


def _same(tops: Mapping[str, str], visits: Mapping[str, EncounterFact]) -> dict[str, tuple[str, ...]]:
    """For each visit that still is one those that it is: itself, then the newest first."""
    found: dict[str, list[str]] = {}
    for digest, top in tops.items():
        found.setdefault(top, []).append(digest)

    def newest(digest: str) -> tuple[str, str]:
        return (visits[digest].version, digest) if digest in visits else ("", digest)

    return {
        top: (top, *(one for one in sorted(some, key=newest, reverse=True) if one != top))
        for top, some in found.items()
    }


def _with_accounts(view: View, kin: Kin, visits: Mapping[str, EncounterFact], source: str, practice: str) -> Kin:
    """What is known of merged accounts, and of visits and accounts that were moved."""
    accounts = accounts_of(view, source, practice, {fact.account for fact in visits.values()})
    numbers = {*accounts, *accounts.values(), *(fact.account for fact in visits.values())}
    moves = moves_of(view, source, practice, kin.digests, numbers)
    return msgspec.structs.replace(kin, accounts=accounts, moves=moves)


def _patient_key(same: tuple[str, ...], kin: Kin, visits: Mapping[str, EncounterFact]) -> str:
    """The source's key of a visit's patient; a visit that is unknown itself is of whom it was merged with."""
    told = [visits[one] for one in same if one in visits]
    if not told:
        return ""
    numbers = {number for fact in told for number in kin.chain(fact.account)}
    moves = [kin.moves[one] for one in (*same, *sorted(numbers)) if one in kin.moves]
    return patient_of(told[0], moves)


def _known_charges(view: View, pieces: Pieces, source: str) -> dict[str, Row[Charge]]:
    """The charges that are stored already, by the digest of their key, on whichever visit they stand."""
    told = {key for some in pieces.children.values() for key, fact in some if isinstance(fact, ChargeFact)}
    return {row.col("key"): row for row in view.charges.find(key=told, source=source, limit=1_000_000)}


def _put_together(
    settings: Settings,
    row: Row[Encounter],
    pieces: Pieces,
    persons: dict[str, Person],
    source: str,
    now: datetime,
) -> Put:
    digest, policy = row.col("key"), policy_of(settings, source)
    top = pieces.tops[digest]
    if top != digest:
        return Put(row=row, state="merged", encounter=row.record)
    same = pieces.same[top]
    children = [child for one in same for child in pieces.children.get(one, [])]
    fact = _one_visit([pieces.encounters[one] for one in same if one in pieces.encounters])
    if fact is None and not children:
        return Put(row=row, state="merged", encounter=row.record)
    person = persons.get(pieces.parents.get(digest, ""))
    if fact is None or person is None or person.file is None:
        patient_id = person.patient_id if person else ""
        return Put(
            row=row, state="incomplete", encounter=msgspec.structs.replace(row.record, patient_id=patient_id)
        )
    facts = [child for _, child in children]
    charges = [child for child in facts if isinstance(child, ChargeFact)]
    on = service_day(fact, policy.zone)
    encounter = encounter_of(
        msgspec.structs.replace(fact, account=pieces.kin.account(fact.account)),
        patient_id=person.patient_id,
        source_key=pieces.kin.keys.get(top, fact.key),
        diagnoses=diagnoses_of(fact, (c for c in facts if isinstance(c, DiagnosisFact)), charges),
        coverages=_coverages(pieces, person, digest, facts, policy, on),
        source=source,
    )
    return Put(
        row=row,
        state=verdict(fact, person.file, policy, now).state,
        encounter=_placed(encounter, settings, source),
        charges=tuple((key, child) for key, child in children if isinstance(child, ChargeFact)),
        on=on,
        file=person.file,
        merged=person.merged,
    )


def _one_visit(told: list[EncounterFact]) -> EncounterFact | None:
    """Visits that are one: what the first leaves open the others tell, the newest first; each may say it is ready."""
    if len(told) < 2:
        return told[0] if told else None
    first, *others = told
    if first.status == "cancelled":
        return first
    others = sorted((one for one in others if one.status != "cancelled"), key=lambda one: (one.version, one.key))
    whole = first
    for one in reversed(others):
        diagnoses = (*whole.diagnoses, *(each for each in one.diagnoses if each not in whole.diagnoses))
        whole = msgspec.structs.replace(filled(whole, one), diagnoses=diagnoses)
    return msgspec.structs.replace(whole, ready=any(one.ready for one in (first, *others)))


def _coverages(
    pieces: Pieces, person: Person, digest: str, facts: list[AnyFact], policy: Policy, on: date | None
) -> tuple[Coverage, ...]:
    """The policies of a visit: its own, else those of its patient; of merged patients those of the survivor stand,
    then their own, then anybody's who is one with them.
    """
    own = [child for child in facts if isinstance(child, CoverageFact)]
    if own:
        return coverages_of(own, policy, on)
    ranked = [valid_on(file.coverages, on) for file in person.others]
    standing = coverages_of(pieces.told.standing.get(pieces.parents[digest], ()), policy, on)
    survives = bool(person.others) and person.others[0] is person.file
    ranked.insert(1 if survives else 0, standing)
    return next((some for some in ranked if some), ())


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

    def __init__(self, tx: Tx, settings: Settings, known: dict[str, Row[Charge]], practice: str) -> None:
        self.tx, self.settings, self.known, self.practice = tx, settings, known, practice
        self.encounters: list[Change[Encounter]] = []
        self.fresh: list[New[Charge]] = []
        self.changed: list[Change[Charge]] = []
        self.work: list[WorkItem] = []
        self.whole: list[str] = []
        self.withdrawn: list[str] = []
        self.moved: list[tuple[str, str, str]] = []
        self.follow: list[Put] = []
        self.repaid: list[Repaid] = []

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
        if put.state == "merged":
            self.whole.append(put.row.id)
            return
        if put.state == "incomplete":
            self.work += work_for([_incomplete()], "encounter", put.row.id, owner="it")
            return
        self.whole.append(put.row.id)
        self._remind(put)
        state = "new" if put.state in {"ready", "waiting"} else put.state
        again = told_twice(put.charges, self.known, OPEN_CHARGE | WITHDRAWN)
        for key, fact in put.charges:
            self._charge(put, key, fact, state if fact.active and key not in again else "void")
        if put.merged:
            self.follow.append(put)
        if concerns(put.row, encounter):
            known = (self.known[key] for key, fact in put.charges if fact.active and key in self.known)
            billed = tuple(row for row in known if row.state in BILLED and row.record.kind == "charge")
            self.repaid.append(Repaid(row=put.row, encounter=encounter, file=put.file, billed=billed))

    def _charge(self, put: Put, key: str, fact: ChargeFact, state: str) -> None:
        encounter, source = put.encounter, put.encounter.source
        charge = charge_of(fact, patient_id=encounter.patient_id, encounter_id=put.row.id, source=source)
        row = self.known.get(key)
        if row is not None and not fact.active and row.record.kind in MONEY:  # a withdrawal need not say of what
            about = {"patient_id": charge.patient_id, "encounter_id": charge.encounter_id}
            charge = msgspec.structs.replace(row.record, **about)
        columns: dict[str, Any] = {
            "patient_id": charge.patient_id,
            "encounter_id": put.row.id,
            "kind": charge.kind,
            "cents": None if charge.amount is None else to_cents(charge.amount),
            "service_date": charge.service_from,
        }
        is_money = charge.kind in MONEY and (row is None or row.record.kind in MONEY)
        if is_money:
            told = restated(row, charge, state)
            if told is None:
                return
            charge, state = told
            columns["cents"] = None if charge.amount is None else to_cents(charge.amount)
        if row is None:
            where = {"practice": self.practice, "state": state, "source": source, "key": key}
            self.fresh.append(New(self.tx.new_id("chg"), charge, **where, **columns))
        elif is_money or row.state in OPEN_CHARGE | WITHDRAWN:
            self.changed.append(Change(row, record=charge, state=state, **columns))
        else:
            self._billed(row, encounter, charge, state)

    def _billed(self, row: Row[Charge], encounter: Encounter, charge: Charge, state: str) -> None:
        """What a charge that was billed is found to be now: nothing of it changes but the visit that it stands on."""
        if state in WITHDRAWN:
            self.work += work_for([_changed_late()], "charge", row.id)
            self.withdrawn.append(row.id)
        elif self._differs(row.record, encounter, charge):
            self.work += work_for([_changed_late()], "charge", row.id)
        if row.col("patient_id") != charge.patient_id:
            self.moved.append((row.id, row.col("patient_id"), charge.patient_id))
        if row.col("encounter_id") != charge.encounter_id:
            billed = msgspec.structs.replace(row.record, encounter_id=charge.encounter_id)
            self.changed.append(Change(row, record=billed, encounter_id=charge.encounter_id))

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
        """A claim that has not left yet does not leave with a charge that was withdrawn, or for another patient."""
        moved = self._moved()
        self.work += [item for one in moved for item in work_for([_moved_late()], "charge", one)]
        for charges, problem in ((self.withdrawn, _withdrawn()), (moved, _of_another())):
            held = self._unsent(charges)
            move_claims(self.tx, [Change(row, state="held") for row in held])
            for row in held:
                self.tx.work.open_many(work_for([problem], "claim", row.id), practice=self.practice)

    def _moved(self) -> list[str]:
        """The billed charges that are now of somebody who is not one with whom they were billed for."""
        now = self.tx.resolve_many("patient", {one for _, *two in self.moved for one in two})
        return [charge for charge, was, comes in self.moved if now[was] != now[comes]]

    def _unsent(self, charges: list[str]) -> list[Row[Claim]]:
        if not charges:
            return []
        links = self.tx.claim_charges.of_charges(charges)
        rows = self.tx.claims.get_many({link.claim_id for link in links}).values()
        return [row for row in rows if row.state in UNSENT]

    def _follow(self) -> None:
        """Claims that have not left yet are told of the patient as merged, or parted, now."""
        for put in self.follow:
            billed = [self.known[key].id for key, _ in put.charges if key in self.known]
            if put.file is not None:
                for row in self._unsent(billed):
                    refresh(self.tx, self.settings, row, put.encounter, put.file)

    def write(self) -> int:
        """Write the page; returns how many charges are new or changed."""
        self.tx.encounters.put_many(self.encounters)
        self.tx.charges.add_many(self.fresh)
        self.tx.charges.put_many(self.changed)
        self.tx.work.resolve_many(self.whole, "ingest.", "put together")
        self._hold_unsent()
        self.tx.work.open_many(self.work, practice=self.practice)
        self._follow()
        follow_payers(self.tx, self.settings, self.repaid)
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


def _moved_late() -> Problem:
    return Problem(
        code="ingest.moved_after_billing",
        where="charge",
        why="the source moved the visit to another patient, and this charge was billed for the one it had before",
        fix="correct or void the claim of the wrong patient, and bill the right one; then resolve this item",
    )


def _of_another() -> Problem:
    return Problem(
        code="claim.of_another",
        where="patient",
        why="the source moved the visit to another patient before this claim was sent",
        fix="if it is right, reverse the charge and bill the right patient; if not, correct the source, then replay",
    )
