"""What a changed fact touches beyond its own visit: visits, files and appointments that are to be looked at again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from hub.flow.ingest.fact_keys import Keyed, patient_ids
from hub.flow.ingest.merging import last_words, newest_pairs, with_kin
from hub.flow.source_lanes import assemble_soon
from hub.model.appointment import Appointment
from hub.model.encounter import Encounter
from hub.model.facts import AnyFact, AppointmentFact, CoverageFact, MergeFact, MoveFact
from hub.model.people import Record
from hub.store import Tx, View
from hub.store.documents import Change, New, Row

REOPENED_BY_PATIENT = ("gathering", "waiting", "held", "incomplete", "ready", "coded")
"""Encounters that are looked at again when their patient or coverage changes; the others are billed, or wait for a
coder's word."""
FRESH = "fresh"
"""The state of a fact of a person whose file is to be written anew; of all others it is `kept`."""
UNSENT = ("new", "ready")
"""Claims that a merge still reaches: nothing of them was written into a file."""


class Kept(Record, frozen=True, kw_only=True):
    """A fact that is new or changed: what is held now, under which id, and what was held before."""

    id: str
    fact: AnyFact
    was: AnyFact | None
    fresh: bool = False


class Reopening(Keyed):
    """What facts that are new or changed have looked at again."""

    def followed(self, changed: Sequence[Kept]) -> set[str]:
        """The known visits that merges and moves are about."""
        said = [fact for kept in changed for fact in (kept.fact, kept.was)]
        merges = [fact for fact in said if isinstance(fact, MergeFact) and fact.kind != "patient"]
        moves = [fact for fact in said if isinstance(fact, MoveFact)]
        if not merges and not moves:
            return set()
        others = self.tx.facts.find(
            kind="merge", parent={self.key(fact.kind, fact.from_key) for fact in merges}, **self._about()
        )
        merges += [row.record for row in others if isinstance(row.record, MergeFact)]
        encounters = {
            key for fact in merges if fact.kind == "encounter" for key in (fact.from_key, fact.into_key)
        }
        encounters |= {fact.moved_key for fact in moves if fact.kind == "encounter"}
        accounts = {fact.moved_key for fact in moves if fact.kind == "account"}
        for fact in merges:
            if fact.kind == "account":
                accounts |= {fact.from_key, fact.into_key}
        visits = self.tx.lookup.leads("account", self.source, accounts) if accounts else []
        rows = self.tx.encounters.heads_of(visits).values()
        return {self.key("encounter", key) for key in encounters} | {row.col("key") for row in rows}

    def of_patients(self, patients: set[str], marked: set[str]) -> int:
        """Visits of patients, by the digests of their keys, but for those that are marked already; how many."""
        if not patients:
            return 0
        facts = self.tx.facts.heads(kind="encounter", parent=patients, **self._about())
        keys = {row.col("key") for row in facts} | self._moved_to(patients)
        keys -= marked
        if not keys:
            return 0
        rows = self.tx.encounters.find(key=keys, state=REOPENED_BY_PATIENT, **self._about())
        return self._gather(rows)

    def billed(self, changed: Sequence[Kept], marked: set[str]) -> int:
        """Billed visits of days on which a policy holds that is new, or of which something of who pays changed."""
        policies: dict[str, list[CoverageFact]] = {}
        for kept in changed:
            if isinstance(kept.fact, CoverageFact) and not kept.fact.encounter_key and not _restates(kept):
                said = [one for one in (kept.fact, kept.was) if isinstance(one, CoverageFact)]
                policies.setdefault(self.key("patient", kept.fact.patient_key), []).extend(said)
        if not policies:
            return 0
        facts = self.tx.facts.heads(kind="encounter", parent=set(policies), **self._about())
        whose = {row.col("key"): row.col("parent") for row in facts}
        rows = self.tx.encounters.find(key=whose.keys() - marked, state="claimed", **self._about())
        days = ((row, row.col("service_date"), policies[whose[row.col("key")]]) for row in rows)
        return self._gather([row for row, day, some in days if any(_holds(one, day) for one in some)])

    def _moved_to(self, patients: set[str]) -> set[str]:
        """The visits that were moved to one of these patients."""
        if not self.tx.lookup.any("move", self.source):
            return set()
        rows = self.tx.facts.get_many(self.tx.lookup.leads("move", self.source, patients)).values()
        moves = [row.record for row in rows if isinstance(row.record, MoveFact)]
        return self.followed([Kept(id="", fact=fact, was=None) for fact in moves])

    def _gather(self, rows: Sequence[Row[Encounter]]) -> int:
        self.tx.encounters.put_many([Change(row, state="gathering") for row in rows if row.state != "gathering"])
        return len(rows)

    def of_kin(self, keys: set[str], merged: set[str]) -> int:
        """What else a change of a patient touches: visits of those who are one with them, and those whose claims
        did not leave yet.
        """
        if not keys or not self.tx.aliases.any("patient"):
            return 0
        ids = patient_ids(self.tx, self.source, keys)
        kin = self.tx.aliases.kin("patient", ids.values())
        done = reopen_patients(self.tx, kin - set(ids.values())) if kin - set(ids.values()) else 0
        done += self._freshen(ids)
        return done + (reopen_patients(self.tx, kin, claimed=True) if merged else 0)

    def _freshen(self, ids: Mapping[str, str]) -> int:
        """Of patients who are one with others the files are written anew: visits that are not looked at again (those
        that were called off, or billed) may be all that they have, and they are then the survivor's.
        """
        same = same_as(self.tx, ids.values())
        joined = [self.key("patient", key) for key, one in ids.items() if len(same[one]) > 1]
        rows = self.tx.facts.find(kind="patient", key=joined, **self._about()) if joined else []
        stale: list[Change[AnyFact]] = [Change(row, state=FRESH) for row in rows if row.state == "kept"]
        self.tx.facts.put_many(stale)
        return len(stale)

    def merged_patients(self, changed: Sequence[Kept]) -> set[str]:
        """Two patients are one from now on, or two again: an alias row, nothing is rewritten. Who has no id yet is
        given one, for a patient is only stored with their first encounter, which may come later.
        """
        said = [f for kept in changed for f in (kept.fact, kept.was) if isinstance(f, MergeFact)]
        ceased = {fact.from_key for fact in said if fact.kind == "patient"}
        if not ceased:
            return set()
        parents = with_kin(self.tx, {self.key("patient", key) for key in ceased}, self.source, self.practice)
        rows = self.tx.facts.find(kind="merge", parent=parents, **self._about())
        merges = {row.id: row.record for row in rows if isinstance(row.record, MergeFact)}
        about = {key for fact in merges.values() for key in (fact.from_key, fact.into_key)}
        ids, held = self._ids(about), newest_pairs(merges.values())
        causes = {fact.from_key: one for one, fact in reversed(merges.items())}
        for key, at in last_words(merges.values()).items():
            if at is None and key not in ceased:
                continue
            into = held[key].into_key if key in held else key
            self.tx.alias("patient", ids[key], ids[into], causes[key], at)
        return ceased | {fact.into_key for fact in merges.values() if fact.from_key in ceased}

    def appointments(self, changed: Sequence[Kept], keys: set[str]) -> int:
        """Mark appointments that were told of, or whose patients were, as `gathering`."""
        told = {
            self.key("appointment", k.fact.key): k.fact for k in changed if isinstance(k.fact, AppointmentFact)
        }
        rows = self.tx.appointments.find(key=list(told), **self._about()) if told else []
        fresh = told.keys() - {row.col("key") for row in rows}
        if keys and self.tx.appointments.heads(practice=self.practice, source=self.source, limit=1):
            ids = [*patient_ids(self.tx, self.source, keys).values()]
            rows += self.tx.appointments.find(patient_id=ids, state="booked", **self._about())
        self.tx.appointments.add_many(
            [
                New(
                    self.tx.new_id("apt"),
                    Appointment(source=self.source, key=""),
                    practice=self.practice,
                    state="gathering",
                    source=self.source,
                    key=digest,
                )
                for digest in sorted(fresh)
            ]
        )
        rows = list({row.id: row for row in rows}.values())
        self.tx.appointments.put_many(
            [Change(row, state="gathering") for row in rows if row.state != "gathering"]
        )
        return len(fresh) + len(rows)


def same_as(view: View, ids: Iterable[str]) -> dict[str, set[str]]:
    """For each of our patient ids all those that mean the same person now, itself among them."""
    tops = view.resolve_many("patient", ids)
    below = view.aliases.merged_into("patient", tops.values())
    return {one: {top, *below[top]} for one, top in tops.items()}


def reopen_patients(tx: Tx, patients: Collection[str], *, claimed: bool = False, tests: bool = False) -> int:
    """Look again at visits of patients by our ids; `claimed`: also at those whose claims did not leave yet; `tests`:
    who was a test patient is none, or the other way about, so also at those, and at claims that are held.
    """
    ids = sorted(patients)
    states = (*REOPENED_BY_PATIENT, "proposal", *(("test",) if tests else ()))
    rows = tx.encounters.find(patient_id=ids, state=states, limit=1_000_000)
    if claimed:
        unsent = (*UNSENT, "held") if tests else UNSENT
        claims = tx.claims.find(patient_id=ids, state=unsent, limit=1_000_000)
        wanted = {one for claim in claims for one in claim.record.encounter_ids}
        rows += tx.encounters.get_many(wanted - {row.id for row in rows}).values()
    tx.encounters.put_many([Change(row, state="gathering") for row in rows if row.state != "gathering"])
    for source in sorted({row.col("source") for row in rows}):
        tx.then(assemble_soon(source))
    return len(rows)


def _restates(kept: Kept) -> bool:
    """Whether a policy that was known changes nothing in who pays, and when."""
    return kept.was is not None and _payer(kept.fact) == _payer(kept.was)


def _payer(fact: AnyFact) -> object:
    if not isinstance(fact, CoverageFact):
        return None
    return (
        fact.payer_token,
        fact.payer_name,
        fact.rank,
        fact.valid_from,
        fact.valid_to,
        fact.active and not fact.withdrawn,
    )


def _holds(policy: CoverageFact, day: date | None) -> bool:
    if day is None:
        return False
    return (policy.valid_from or day) <= day <= (policy.valid_to or day)
