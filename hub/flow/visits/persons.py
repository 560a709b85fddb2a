"""Who the patients of a page are: stored as their facts tell them now, with whom they are one, and who is billed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any, TypeVar

import msgspec

from hub.config.people import Source
from hub.config.settings import Settings
from hub.flow.base import CHUNK, Hub
from hub.flow.ingest.fact_keys import patient_ids
from hub.flow.ingest.folding import in_force
from hub.flow.ingest.merging import source_key, with_kin
from hub.flow.ingest.reopening import FRESH, reopen_patients, same_as
from hub.flow.visits import renaming
from hub.flow.visits.assembly import Policy, coverages_of
from hub.flow.visits.ranking import places_of
from hub.model.coverage import PatientFile
from hub.model.facts import CoverageFact, PatientFact
from hub.model.people import Address, Patient, Record
from hub.store import Tx, View
from hub.store.documents import Change, New

F = TypeVar("F")


class Told(Record, frozen=True, kw_only=True):
    """What a source says of some patients, by the digests of their keys: facts, policies that hold for every visit,
    and `keys`, the source's own, also of those of whom no fact came yet.
    """

    patients: dict[str, PatientFact]
    standing: dict[str, list[CoverageFact]]
    keys: dict[str, str]


def policy_of(settings: Settings, source: str) -> Policy:
    """What configuration says of a source; without `bill_from` nothing bills."""
    told = settings.sources.get(source) or Source()
    return Policy(
        source=source,
        bill_from=told.bill_from or date.max,
        hold_days=told.hold_days,
        zone=told.zone or settings.hub.zone,
        payers={token.strip().casefold(): payer for token, payer in told.payers.items()},
        places=places_of(settings, source),
    )


def expected(record: object, kind: type[F]) -> F:
    """The record, which must be of that kind."""
    if not isinstance(record, kind):
        raise TypeError(f"a fact stored as {kind.__name__} is another")
    return record


def told_of(view: View, source: str, practice: str, keys: Iterable[str]) -> Told:
    """What a source says of the patients of these keys, and of those that hang together with them by merges."""
    about: dict[str, Any] = {"practice": practice, "source": source, "limit": 1_000_000}
    named = {source_key(view, source, "patient", key): key for key in keys if key}
    patients = with_kin(view, set(named), source, practice)
    standing: dict[str, list[CoverageFact]] = {}
    for row in view.facts.find(kind="coverage", parent=patients, **about):
        standing.setdefault(row.col("parent"), []).append(expected(in_force(row.record), CoverageFact))
    rows = view.facts.find(kind="patient", key=patients, **about)
    return Told(
        patients={row.col("key"): expected(row.record, PatientFact) for row in rows},
        standing=standing,
        keys=named,
    )


class Person(Record, frozen=True, kw_only=True):
    """The patient of a visit. `patient_id` is the one that the source named; `file` is of who they are now, and
    `others` are of those who are one with them, the survivor first. `merged`: ever merged or parted.
    """

    patient_id: str
    file: PatientFile | None
    others: tuple[PatientFile, ...] = ()
    merged: bool = False


def people(tx: Tx, settings: Settings, told: Told, source: str, practice: str) -> dict[str, Person]:
    """The patients of the chunk, stored as they are now, by the digest of their key."""
    ids, files = _patients(tx, settings, told, source, practice)
    if not tx.aliases.any("patient"):
        return {digest: Person(patient_id=one, file=files.get(one)) for digest, one in ids.items()}
    tops = tx.resolve_many("patient", ids.values())
    merged_into = tx.aliases.merged_into("patient", tops.values())
    kin = {one for top, below in merged_into.items() for one in (top, *below)}
    files = {one: row.record for one, row in tx.patients.get_many(kin - files.keys()).items()} | files
    keys = {ids[digest]: fact.key for digest, fact in told.patients.items()}
    parted = {row.from_id for row in tx.aliases.of("patient", ids.values())}
    result = {}
    for digest, one in ids.items():
        below = sorted(merged_into[tops[one]], key=lambda each: (keys.get(each, ""), each))
        same = (tops[one], *(each for each in below if each != one))
        others = tuple(files[each] for each in same if each in files and each != one)
        result[digest] = Person(
            patient_id=one,
            file=files.get(tops[one]) or files.get(one) or next(iter(others), None),
            others=others,
            merged=len(same) > 1 or tops[one] != one or one in parted,
        )
    return result


def _patients(
    tx: Tx, settings: Settings, told: Told, source: str, practice: str
) -> tuple[dict[str, str], dict[str, PatientFile]]:
    """Store the patients of the chunk: digest -> our id, and our id -> file."""
    by_key = {fact.key: digest for digest, fact in told.patients.items()}
    named = {key: digest for digest, key in told.keys.items()}
    ids = patient_ids(tx, source, named | by_key)
    known = tx.patients.get_many(ids.values())
    policy = policy_of(settings, source)
    files: dict[str, PatientFile] = {}
    turned: list[str] = []
    otherwise: dict[str, Patient] = {}
    fresh: list[New[PatientFile]] = []
    changes: list[Change[PatientFile]] = []
    keys: list[tuple[str, str]] = []
    numbers: list[tuple[str, str, str]] = []
    for digest, fact in told.patients.items():
        patient_id = ids.get(fact.key) or tx.new_id("pat")
        ids[fact.key] = patient_id
        patient = marked(fact.patient, settings.sources.get(source))
        file = PatientFile(
            patient=patient,
            coverages=coverages_of(told.standing.get(digest, ()), policy, None),
            guarantor_id=_guarantor(tx, patient_id, patient, practice),
        )
        files[patient_id] = file
        if patient_id not in known:
            fresh.append(New(patient_id, file, practice=practice, state="known"))
            keys.append((fact.key, patient_id))
            numbers += [(each.authority, each.value, patient_id) for each in patient.identifiers]
        elif known[patient_id].record != file:
            changes.append(Change(known[patient_id], record=file))
            if known[patient_id].record.patient.is_test != patient.is_test:
                turned.append(patient_id)
            elif known[patient_id].record.patient != patient:
                otherwise[patient_id] = patient
    tx.lookup.put_many("patient", source, keys)
    tx.lookup.put_all("mrn", numbers)
    tx.patients.add_many(fresh)
    tx.patients.put_many(changes)
    if otherwise:
        renaming.follow(tx, otherwise)
    if turned:
        reopen_patients(tx, turned, claimed=True, tests=True)
    return {digest: ids[key] for key, digest in (named | by_key).items() if key in ids}, files


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


def marked(patient: Patient, told: Source | None) -> Patient:
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


def freshen(hub: Hub, source: str) -> int:
    """Write anew the files of patients of whom something else was told; who has none yet, as nobody who is one with
    them has, is given one with their first visit or appointment. Returns how many facts were looked at.
    """
    practice = hub.settings.practice_of(source)
    with hub.store.view() as view:
        rows = view.facts.waiting(FRESH, limit=CHUNK, practice=practice, source=source)
    if not rows:
        return 0
    keys = {fact.patient_key if isinstance(fact := row.record, CoverageFact) else fact.key for row in rows}
    with hub.store.begin("ingest.assemble") as tx:
        ids = patient_ids(tx, source, keys)
        same = same_as(tx, ids.values())
        files = tx.patients.heads_of({each for some in same.values() for each in some})
        known = {key for key, one in ids.items() if not same[one].isdisjoint(files)}
        people(tx, hub.settings, told_of(tx, source, practice, known), source, practice)
        tx.facts.put_many([Change(row, state="kept") for row in rows])
        if hub.settings.is_followed(source):
            tx.mentions.keep_since(rows)
    return len(rows)


class Whom(Record, frozen=True, kw_only=True):
    """A patient as they are known now, merges counted, and who is billed: the guarantor of the one who was named, so
    that the books of two who are parted again are two.
    """

    patient: Patient
    guarantor_id: str


def whom(view: View, ids: Collection[str]) -> dict[str, Whom]:
    """Who the patients of these ids are; ids of whom nothing is known are left out."""
    tops = view.resolve_many("patient", ids)
    files = view.patients.get_many({*tops, *tops.values()})
    found: dict[str, Whom] = {}
    for one, top in tops.items():
        now = files.get(top) or files.get(one)
        own = files.get(one)
        if now is not None:
            guarantor = own.record.guarantor_id if own else one
            found[one] = Whom(patient=now.record.patient, guarantor_id=guarantor)
    return found
