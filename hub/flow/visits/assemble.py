"""Facts -> patients, encounters and charges: takes what ingest marked and puts each encounter together anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from hub.codes import ELSEWHERE, place_suits
from hub.config.settings import Settings
from hub.flow.base import CHUNK, Hub, Outcome
from hub.flow.ingest.folding import filled, in_force, told_at
from hub.flow.ingest.merging import Kin, accounts_of, kin_of, moves_of, patient_of, source_key
from hub.flow.source_lanes import assemble_soon
from hub.flow.visits import appointing, asking
from hub.flow.visits.alike import one_service
from hub.flow.visits.assembly import (
    Policy,
    coverages_of,
    diagnoses_of,
    encounter_of,
    service_day,
    valid_on,
    verdict,
)
from hub.flow.visits.payer_changes import BILLED
from hub.flow.visits.persons import Person, Told, expected, freshen, people, policy_of, told_of
from hub.flow.visits.storing import UNFINISHED_DAYS, Known, Page, Put
from hub.flow.visits.strangers import mixed
from hub.flow.visits.taking_back import take_back
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
from hub.store import Nudge, Tx, View
from hub.store.documents import Change, Row

PAGE = 500


class Pieces(Record, frozen=True, kw_only=True):
    """The facts of a chunk of encounters, by the digest of what they hang on; a child has its own digest beside it.

    `parents` is the digest of each visit's patient, moves counted. `tops` are the visits that each is now, and
    `same` those that one is, itself first, then the newest first; something of those in `mixed` is of another one.
    """

    encounters: dict[str, EncounterFact]
    children: dict[str, list[tuple[str, AnyFact]]]
    told: Told
    parents: dict[str, str]
    kin: Kin
    rows: dict[str, Row[Encounter]]
    tops: dict[str, str]
    same: dict[str, tuple[str, ...]]
    mixed: frozenset[str]


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
        made, changed = _write(tx, hub.settings, pieces, known, source, practice)
        tx.event(
            "encounters.assembled", "source", source, practice=practice, encounters=len(made), charges=changed
        )
        tx.then(Nudge("coding.code", practice), Nudge("payments.post", practice), Nudge("scrub.check", practice))
    return Outcome(done=len(made), more=True)


def _write(
    tx: Tx, settings: Settings, pieces: Pieces, known: dict[str, Row[Charge]], source: str, practice: str
) -> tuple[list[Put], int]:
    """Put the visits of a chunk together and store them; returns them, and how many charges are new or changed."""
    persons = people(tx, settings, pieces.told, source, practice)
    policy = policy_of(settings, source)
    made = [_put_together(settings, row, pieces, persons, policy, tx.now) for row in pieces.rows.values()]
    made = [_told_once(put, known) for put in made]
    page = Page(tx, settings, take_back(tx, settings, made, known), practice)
    for put in made:
        page.add(put)
    return made, page.write()


class Trial(Record, frozen=True, kw_only=True):
    """What one visit came to: the visit that it is now, its charges in their order, its patient, and the facts that
    it was made of.
    """

    row: Row[Encounter]
    charges: tuple[Row[Charge], ...]
    file: PatientFile | None
    facts: tuple[AnyFact, ...]


def try_out(tx: Tx, settings: Settings, row: Row[Encounter], source: str) -> Trial:
    """Put one visit together as `assemble` does, in a transaction that the caller lets go."""
    pieces = _pieces(tx, [row], source, row.practice)
    made, _ = _write(tx, settings, pieces, _known_charges(tx, pieces, source), source, row.practice)
    top = pieces.tops[row.col("key")]
    put = next(one for one in made if one.row.col("key") == top)
    charges = tx.charges.find(encounter_id=put.row.id, limit=1_000_000)
    return Trial(
        row=tx.encounters.get(put.row.id) or put.row,
        charges=tuple(sorted(charges, key=lambda one: (one.record.service_from, one.record.key))),
        file=put.file,
        facts=tuple(_facts_of(pieces, top)),
    )


def _facts_of(pieces: Pieces, top: str) -> Iterator[AnyFact]:
    """The facts of a visit, of those that are one with it, and of its patient."""
    same = pieces.same.get(top, ())
    if (whole := _one_visit([pieces.encounters[one] for one in same if one in pieces.encounters])) is not None:
        yield whole
    yield from (child for one in same for _, child in pieces.children.get(one, []))
    whose = pieces.parents.get(top, "")
    if whose in pieces.told.patients:
        yield pieces.told.patients[whose]
    yield from pieces.told.standing.get(whose, ())


def present(tx: Tx, settings: Settings, row: Row[Encounter]) -> Encounter:
    """One encounter as its facts tell it now, uncoded; stores what is new of its patient, and not the encounter."""
    source = row.col("source")
    pieces = _pieces(tx, [row], source, row.practice)
    persons = people(tx, settings, pieces.told, source, row.practice)
    now_is = pieces.rows[pieces.tops[row.col("key")]]
    policy = policy_of(settings, source)
    return _put_together(settings, now_is, pieces, persons, policy, tx.now).encounter


def ripen(hub: Hub, source: str) -> Outcome:
    """Look again, daily, at encounters whose hold days are over, or which waited so long that somebody must ask."""
    practice, policy = hub.settings.practice_of(source), policy_of(hub.settings, source)
    done, after = asking.ask(hub, source), ""
    while True:
        with hub.store.begin("ingest.assemble") as tx:
            rows = tx.encounters.find(
                limit=PAGE, after_id=after, state="waiting", practice=practice, source=source
            )
            due = [row for row in rows if _is_due(row, policy, tx.now)]
            tx.encounters.put_many([Change(row, state="gathering") for row in due])
            if due:
                tx.then(assemble_soon(source))
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
        row.col("key"): expected(in_force(row.record), EncounterFact)
        for row in view.facts.find(kind="encounter", key=keys, **about)
    }
    children: dict[str, list[tuple[str, AnyFact]]] = {}
    for row in view.facts.find(kind=("charge", "diagnosis", "coverage"), parent=keys, **about):
        children.setdefault(row.col("parent"), []).append((row.col("key"), in_force(row.record)))
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
        mixed=mixed(view, source, practice, visits, children),
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
    policy: Policy,
    now: datetime,
) -> Put:
    digest, source = row.col("key"), policy.source
    top = pieces.tops[digest]
    if top != digest:
        return Put(row=row, state="merged", encounter=row.record)
    same = pieces.same[top]
    children = [child for one in same for child in pieces.children.get(one, [])]
    fact = _one_visit([pieces.encounters[one] for one in same if one in pieces.encounters])
    if fact is None and all(child.withdrawn for _, child in children):
        # nothing is left of it, or nothing but what its source deleted: nobody has to look for the visit itself
        return Put(row=row, state="merged", encounter=row.record)
    person = persons.get(pieces.parents.get(digest, ""))
    if fact is None or person is None or person.file is None:
        if fact is not None and fact.status == "cancelled" and not _charged(children):
            return Put(row=row, state="cancelled", encounter=row.record)  # whose it was, nobody needs to know
        return _incomplete(row, person, children)
    facts = [child for _, child in children]
    charges = [child for child in facts if isinstance(child, ChargeFact)]
    on = service_day(fact, policy.zone)
    encounter = encounter_of(
        msgspec.structs.replace(fact, account=pieces.kin.account(fact.account)),
        patient_id=person.patient_id,
        source_key=pieces.kin.keys.get(top, fact.key),
        diagnoses=diagnoses_of(fact, (c for c in facts if isinstance(c, DiagnosisFact)), charges),
        coverages=_coverages(pieces, person, digest, [fact, *facts], policy, on),
        source=source,
    )
    if not pieces.mixed.isdisjoint(same):
        encounter = msgspec.structs.replace(encounter, of_another=True)
    state, called_off = verdict(fact, person.file, policy, now).state, told_at(fact, "status")
    return Put(
        row=row,
        state=state,
        encounter=placed(encounter, settings, source),
        charges=tuple((key, child) for key, child in children if isinstance(child, ChargeFact)),
        on=on,
        file=person.file,
        merged=person.merged,
        one_with=tuple(pieces.rows[one].id for one in same if one in pieces.rows) if len(same) > 1 else (),
        revived=state == "cancelled"
        and any(c.active and c.kind == "charge" and c.version > called_off for c in charges),
    )


def _charged(children: Sequence[tuple[str, AnyFact]]) -> bool:
    return any(isinstance(child, ChargeFact) and child.active for _, child in children)


def _told_once(put: Put, known: Known) -> Put:
    """The visit, where what was done is no charge beside what is charged for it."""
    if not any(fact.service for _, fact in put.charges):
        return put
    billed = {key: known[key].record for key, _ in put.charges if key in known and known[key].state in BILLED}
    return msgspec.structs.replace(put, charges=one_service(put.charges, billed))


def _incomplete(row: Row[Encounter], person: Person | None, children: Sequence[tuple[str, AnyFact]]) -> Put:
    """A visit of which the source has not told yet whose it is, or what."""
    patient_id = person.patient_id if person else ""
    encounter = msgspec.structs.replace(row.record, patient_id=patient_id)
    charges = tuple((key, child) for key, child in children if isinstance(child, ChargeFact) and child.active)
    return Put(row=row, state="incomplete", encounter=encounter, charges=charges)


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
    """The policies of a visit: its own, else those that its account names, else those of its patient; of merged
    patients those of the survivor stand, then their own, then anybody's who is one with them. `facts`: the visit's
    own, and what hangs on it.
    """
    own = [child for child in facts if isinstance(child, CoverageFact)]
    visits = [one for one in facts if isinstance(one, EncounterFact)]
    theirs = pieces.told.standing.get(pieces.parents[digest], ())
    if (found := of_visit(visits, own, theirs, policy, on)) is not None:
        return found
    ranked = [valid_on(file.coverages, on) for file in person.others]
    standing = coverages_of(theirs, policy, on)
    survives = bool(person.others) and person.others[0] is person.file
    ranked.insert(1 if survives else 0, standing)
    return next((some for some in ranked if some), ())


def of_visit(
    visits: Iterable[EncounterFact],
    own: Sequence[CoverageFact],
    theirs: Iterable[CoverageFact],
    policy: Policy,
    on: date | None,
) -> tuple[Coverage, ...] | None:
    """The policies that are told for a visit: its `own`, else those of its patient (`theirs`) that its account names;
    None where its patient's decide.
    """
    if own:
        return coverages_of(own, policy, on)
    order = {key: rank for one in visits for rank, key in enumerate(one.policies, 1)}
    named = [msgspec.structs.replace(one, rank=order[one.key]) for one in theirs if one.key in order]
    return coverages_of(named, policy, on) or None


def _place(encounter: Encounter, places: Mapping[str, str], name: str, house: str) -> str:
    """Where the source says that it was, else what is set for its kind, for its place by name, for the facility. One
    that was elsewhere (virtual, home) was at no place of the practice's, but where the setting for its kind says so.
    """
    told = [encounter.place_of_service, places.get(encounter.kind, ""), places.get(name, ""), house]
    if encounter.kind in ELSEWHERE:
        told = [place for n, place in enumerate(told) if n == 1 or place_suits(encounter.kind, place)]
    return next((place for place in told if place), "")


def placed(encounter: Encounter, settings: Settings, source: str) -> Encounter:
    """Place of service and facility from the source's settings where the source itself names none."""
    told = settings.sources.get(source)
    if told is None:
        return encounter
    name = encounter.facility.name if encounter.facility else ""
    known = settings.facilities.get(told.facilities.get(name) or told.departments.get(name) or told.facility)
    if encounter.kind == "recurring" or known is None:
        return msgspec.structs.replace(encounter, place_of_service=_place(encounter, told.places, name, ""))
    address = known.address
    return msgspec.structs.replace(
        encounter,
        place_of_service=_place(encounter, told.places, name, known.place_of_service),
        facility=Facility(
            name=known.name,
            npi=known.npi or "",
            address=Address(
                line1=address.line1, line2=address.line2, city=address.city, state=address.state, zip=address.zip
            ),
        ),
    )
