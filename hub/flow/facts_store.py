"""Where facts are kept: the newest of each field, and the encounters that they touch marked to be put together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from msgspec.structs import replace

from hub.flow.folding import overlaid, repeats
from hub.flow.merging import last_words, newest_pairs, source_key, with_kin
from hub.model.appointment import Appointment
from hub.model.encounter import Encounter
from hub.model.facts import (
    GONE,
    AnyFact,
    AppointmentFact,
    ChargeFact,
    CoverageFact,
    DiagnosisFact,
    EncounterFact,
    MergeFact,
    MoveFact,
    PatientFact,
    PieceFact,
    Reading,
    WithdrawalFact,
)
from hub.model.people import Record
from hub.store import Nudge, Tx, View
from hub.store.documents import Change, New, Row

REOPENED_BY_PATIENT = ("gathering", "waiting", "held", "incomplete", "ready", "coded")
"""Encounters that are looked at again when their patient or coverage changes; the others are billed, or wait for a
coder's word."""
FRESH = "fresh"
"""The state of a fact of a person whose file is to be written anew; of all others it is `kept`."""
HOPS = 6
"""How many links far a piece is read: behind that lies nothing that a claim needs."""
MARKS = tuple(f"join{hops}" for hops in range(HOPS, -1, -1))
"""The states of a piece that is to be read with what it links to; the number: how many links far those that link to
it are to be read, too. The first is that of one that was told."""
LINK = "piece-link"
"""The kind of what leads from the digest of a piece's key to the pieces that link to it."""
WITHDRAWAL = "withdrawal"
UNSENT = ("new", "ready")
"""Claims that a merge still reaches: nothing of them was written into a file."""


class Kept(Record, frozen=True, kw_only=True):
    """A fact that is new or changed: what is held now, under which id, and what was held before."""

    id: str
    fact: AnyFact
    was: AnyFact | None
    fresh: bool = False


class Facts:
    """Stores facts, the newest of each field, and marks the encounters that they touch."""

    def __init__(self, tx: Tx, source: str, practice: str) -> None:
        self.tx, self.source, self.practice = tx, source, practice
        self.again = False
        self._digests: dict[tuple[str, str], str] = {}
        self._parents: dict[str, str | None] = {}

    def store(self, facts: Sequence[AnyFact], *, again: bool = False) -> int:
        """Keep what is newer, mark what it touches as `gathering`; returns how much was marked. `again`: the
        message was read before, and stands against what was read of it then.
        """
        self.again = again
        changed = self._keep([*facts, *self._occasions(facts)])
        said = [fact for kept in changed for fact in (kept.fact, kept.was) if fact is not None]
        touched = {digest for fact in said if (digest := self._encounter_of(fact))}
        visits = self._mark(touched, self._followed(changed))
        self._index(changed, visits)
        patients = {self.key("patient", fact.key) for fact in said if isinstance(fact, PatientFact)}
        patients |= {
            self.key("patient", fact.patient_key)
            for fact in said
            if isinstance(fact, CoverageFact) and not fact.encounter_key
        }
        merged = self._merged_patients(changed)
        patients |= {self.key("patient", key) for key in merged}
        keys = {fact.key for fact in said if isinstance(fact, PatientFact)} | merged
        keys |= {fact.patient_key for fact in said if isinstance(fact, CoverageFact) and not fact.encounter_key}
        marked = len(visits) + self._reopen(patients, set(visits)) + self._reopen_kin(keys, merged)
        marked += self._reopen_billed(changed, set(visits))
        fresh = sum(1 for kept in changed if kept.fresh)
        self._deleted(changed)
        return marked + self._appointments(changed, keys) + fresh

    def key(self, kind: str, key: str) -> str:
        """The keyed digest under which a source's key is found; asked for several times of each fact."""
        found = self._digests.get((kind, key))
        if found is None:
            found = self._digests[kind, key] = source_key(self.tx, self.source, kind, key)
        return found

    def _keep(self, facts: Sequence[AnyFact]) -> list[Kept]:
        keys = {id(fact): self._at(fact) for fact in facts}
        digests = {digest for _, digest in keys.values()}
        found = self.tx.facts.find(practice=self.practice, source=self.source, key=digests, limit=100_000)
        known = {(row.col("kind"), row.col("key")): row for row in found}
        latest: dict[tuple[str, str], AnyFact] = {}
        for fact in facts:
            at = keys[id(fact)]
            held = latest.get(at) or (known[at].record if at in known else None)
            if held is not None and held.version == GONE:
                continue
            held = replace(held, withdrawn="") if held is not None and held.withdrawn else held
            holds = overlaid(held, fact, again=self.again)
            told = holds != held or (self.again and isinstance(fact, PieceFact))
            if told and not (held is not None and repeats(held, holds)):
                latest[at] = holds
        self._withdraw({at for at in keys.values() if at[0] == WITHDRAWAL} | latest.keys(), latest, known)
        strangers = {fact.key for at, fact in latest.items() if isinstance(fact, PatientFact) and at not in known}
        rows = self.tx.facts.add_many(
            [self._new(fact, at, _state(fact, strangers)) for at, fact in latest.items() if at not in known]
        )
        rows += self.tx.facts.put_many(
            [
                Change(row := known[at], record=fact, parent=self._parent(fact), state=_changed(row, fact))
                for at, fact in latest.items()
                if at in known
            ]
        )
        before = {row.id: row.record for row in found}
        return [
            Kept(id=row.id, fact=row.record, was=before.get(row.id), fresh=row.state == FRESH) for row in rows
        ]

    def _at(self, fact: AnyFact) -> tuple[str, str]:
        """Under which kind and digest a fact is kept; a withdrawal under the digest of what it withdraws."""
        kind = kind_of(fact)
        return kind, self.key(fact.kind if isinstance(fact, WithdrawalFact) else kind, fact.key)

    def _withdraw(
        self,
        told: Collection[tuple[str, str]],
        latest: dict[tuple[str, str], AnyFact],
        known: Mapping[tuple[str, str], Row[AnyFact]],
    ) -> None:
        """Mark facts as withdrawn where the source deleted them under their version or a later one; a withdrawal
        hangs on what its fact hangs on.
        """
        held = {at: row.record for at, row in known.items()} | latest
        for digest in {digest for _, digest in told}:
            word = held.get((WITHDRAWAL, digest))
            if not isinstance(word, WithdrawalFact) or (at := (word.kind, digest)) not in held:
                continue
            fact = held[at]
            if GONE in {fact.version, word.version}:
                continue
            gone = word.version if word.version >= fact.version and word.kind != "patient" else ""
            if fact.withdrawn != gone or at in latest:
                latest[at] = replace(fact, withdrawn=gone)
            self._parents[digest] = self._parent(fact)
            whose = str(getattr(fact, "patient_key", ""))
            row = known.get((WITHDRAWAL, digest))
            if word.patient_key != whose or (row and row.col("parent") != self._parents[digest]):
                latest[WITHDRAWAL, digest] = replace(word, patient_key=whose)

    def release(self, facts: Mapping[tuple[str, str], str]) -> None:
        """Let facts, by kind and key, count as told by a message where they were told by the piece that is named; the
        piece with their own key is read again, and stands against that.
        """
        digests = {(kind, self.key(kind, key)): by for (kind, key), by in facts.items()}
        own = {self.key("piece", key) for _, key in facts}
        rows = self.tx.facts.find(key={digest for _, digest in digests} | own, **self._about())
        changes: list[Change[AnyFact]] = []
        for row in rows:
            at = (row.col("kind"), row.col("key"))
            if at in digests and row.record.joined == digests[at]:
                changes.append(Change(row, record=replace(row.record, joined="")))
            elif at[0] == "piece" and at[1] in own and row.state not in MARKS:
                changes.append(Change(row, state=MARKS[-1]))
        self.tx.facts.put_many(changes)

    def _deleted(self, changed: Sequence[Kept]) -> None:
        """Note of a patient whom the source deleted: nothing of what was billed for them goes by that."""
        facts = [k.fact for k in changed if isinstance(k.fact, WithdrawalFact) and k.was is None]
        keys = {fact.key for fact in facts if fact.kind == "patient"}
        for one in patient_ids(self.tx, self.source, keys).values() if keys else ():
            self.tx.event("patient.deleted", "patient", one, practice=self.practice)

    def _new(self, fact: AnyFact, at: tuple[str, str], state: str) -> New[AnyFact]:
        return New(
            self.tx.new_id("fct"),
            fact,
            practice=self.practice,
            state=state,
            source=self.source,
            kind=at[0],
            key=at[1],
            parent=self._parent(fact),
        )

    def _parent(self, fact: AnyFact) -> str | None:
        """What a fact hangs on: its encounter, else its patient; a merge or a move on what it merges or moves, a
        withdrawal on what that hangs on which it withdraws.
        """
        if isinstance(fact, MergeFact):
            return self.key(fact.kind, fact.from_key)
        if isinstance(fact, MoveFact):
            return self.key(fact.kind, fact.moved_key)
        if isinstance(fact, WithdrawalFact):
            return self._parents.get(self.key(fact.kind, fact.key))
        if isinstance(fact, EncounterFact | AppointmentFact | PieceFact):
            return self.key("patient", fact.patient_key) if fact.patient_key else None
        if isinstance(fact, CoverageFact) and not fact.encounter_key:
            return self.key("patient", fact.patient_key)
        return self._encounter_of(fact)

    def _encounter_of(self, fact: AnyFact) -> str | None:
        if isinstance(fact, EncounterFact):
            return self.key("encounter", fact.key)
        if isinstance(fact, ChargeFact):
            return self.key("encounter", fact.encounter_key or _occasion(fact))
        if isinstance(fact, DiagnosisFact | CoverageFact) and fact.encounter_key:
            return self.key("encounter", fact.encounter_key)
        return None

    def _occasions(self, facts: Sequence[AnyFact]) -> list[EncounterFact]:
        """A charge without an encounter (a rental) is billed on an occasion of its own: its patient's month."""
        alone = [fact for fact in facts if isinstance(fact, ChargeFact) and not fact.encounter_key]
        return [
            EncounterFact(
                key=_occasion(fact),
                version="",
                patient_key=fact.patient_key,
                account=fact.account,
                kind="recurring",
                status="finished",
                started_at=datetime.combine(fact.service_from, time(12), UTC),
                ended_at=datetime.combine(fact.service_to or fact.service_from, time(12), UTC),
                place_of_service=fact.place_of_service,
                rendering=fact.rendering,
                ready=True,
            )
            for fact in alone
        ]

    def _mark(self, touched: set[str], followed: set[str]) -> dict[str, str]:
        """Mark encounters as `gathering`, by the digests of their keys; those that are only `followed` must be known.
        Returns their ids.
        """
        rows = self.tx.encounters.find(
            practice=self.practice, source=self.source, key=touched | followed, limit=100_000
        )
        known = {row.col("key"): row for row in rows}
        fresh = self.tx.encounters.add_many(
            [
                New(
                    self.tx.new_id("enc"),
                    Encounter(source=self.source, key="", patient_id=""),
                    practice=self.practice,
                    state="gathering",
                    source=self.source,
                    key=digest,
                    patient_id="",
                )
                for digest in sorted(touched - known.keys())
            ]
        )
        self.tx.encounters.put_many([Change(row, state="gathering") for row in rows if row.state != "gathering"])
        return {row.col("key"): row.id for row in (*rows, *fresh)}

    def _index(self, changed: Sequence[Kept], visits: Mapping[str, str]) -> None:
        """What merges, moves and pieces look for: which visits an account has, which facts merge into what, and which
        pieces link to one.
        """
        links: list[tuple[str, str]] = []
        accounts: list[tuple[str, str]] = []
        merges: list[tuple[str, str, str]] = []
        moves: list[tuple[str, str]] = []
        for kept in changed:
            fact, was = kept.fact, kept.was
            if isinstance(fact, EncounterFact) and fact.account:
                if not isinstance(was, EncounterFact) or was.account != fact.account:
                    accounts.append((fact.account, visits[self.key("encounter", fact.key)]))
            elif isinstance(fact, MergeFact):
                merges.append((f"{self.source}/{fact.kind}", self.key(fact.kind, fact.into_key), kept.id))
            elif isinstance(fact, MoveFact):
                moves.append((self.key(fact.kind, fact.moved_key), kept.id))
                moves.append((self.key("patient", fact.into_key), kept.id))
            elif isinstance(fact, PieceFact):
                old = was.links if isinstance(was, PieceFact) else ()
                links += [(self.key("piece", link), kept.id) for link in set(fact.links) - set(old)]
        self.tx.lookup.put_many(LINK, self.source, links)
        self.tx.lookup.put_many("account", self.source, accounts)
        self.tx.lookup.put_all("merge", merges)
        self.tx.lookup.put_many("move", self.source, moves)

    def _followed(self, changed: Sequence[Kept]) -> set[str]:
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

    def _about(self) -> dict[str, Any]:
        return {"practice": self.practice, "source": self.source, "limit": 1_000_000}

    def _reopen(self, patients: set[str], marked: set[str]) -> int:
        if not patients:
            return 0
        facts = self.tx.facts.heads(kind="encounter", parent=patients, **self._about())
        keys = {row.col("key") for row in facts} | self._moved_to(patients)
        keys -= marked
        if not keys:
            return 0
        rows = self.tx.encounters.find(key=keys, state=REOPENED_BY_PATIENT, **self._about())
        return self._gather(rows)

    def _reopen_billed(self, changed: Sequence[Kept], marked: set[str]) -> int:
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
        return self._followed([Kept(id="", fact=fact, was=None) for fact in moves])

    def _gather(self, rows: Sequence[Row[Encounter]]) -> int:
        self.tx.encounters.put_many([Change(row, state="gathering") for row in rows if row.state != "gathering"])
        return len(rows)

    def _reopen_kin(self, keys: set[str], merged: set[str]) -> int:
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

    def _merged_patients(self, changed: Sequence[Kept]) -> set[str]:
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

    def _ids(self, keys: Collection[str]) -> dict[str, str]:
        """Our ids of patients by the source's keys; who has none is given one."""
        ids = patient_ids(self.tx, self.source, keys)
        fresh = {key: self.tx.new_id("pat") for key in sorted(keys) if key not in ids}
        self.tx.lookup.put_many("patient", self.source, fresh.items())
        return ids | fresh

    def _appointments(self, changed: Sequence[Kept], keys: set[str]) -> int:
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


def reopen_patients(tx: Tx, patients: Collection[str], *, claimed: bool = False) -> int:
    """Look again at visits of patients by our ids; `claimed`: also at those whose claims did not leave yet."""
    ids = sorted(patients)
    rows = tx.encounters.find(patient_id=ids, state=(*REOPENED_BY_PATIENT, "proposal"), limit=1_000_000)
    if claimed:
        claims = tx.claims.find(patient_id=ids, state=UNSENT, limit=1_000_000)
        wanted = {one for claim in claims for one in claim.record.encounter_ids}
        rows += tx.encounters.get_many(wanted - {row.id for row in rows}).values()
    tx.encounters.put_many([Change(row, state="gathering") for row in rows if row.state != "gathering"])
    for source in sorted({row.col("source") for row in rows}):
        tx.then(Nudge("ingest.assemble", source))
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


def billable(reading: Reading) -> Sequence[AnyFact]:
    """What a message leaves behind: an informational one updates people, and never charges."""
    if reading.not_billable == "informational":
        return [fact for fact in reading.facts if isinstance(fact, PatientFact | CoverageFact | MergeFact)]
    return reading.facts


def _state(fact: AnyFact, strangers: Collection[str]) -> str:
    """A policy that comes later than its patient is of somebody whose file may stand already."""
    if isinstance(fact, PieceFact):
        return MARKS[0]
    late = isinstance(fact, CoverageFact) and not fact.encounter_key and fact.patient_key not in strangers
    return FRESH if late else "kept"


def _changed(row: Row[AnyFact], fact: AnyFact) -> str:
    """Whether a fact tells something else of a person than it did."""
    was = row.record
    if isinstance(fact, PieceFact):
        return MARKS[0]
    if isinstance(fact, PatientFact) and isinstance(was, PatientFact):
        return FRESH if fact.patient != was.patient else row.state
    if isinstance(fact, CoverageFact) and isinstance(was, CoverageFact) and not fact.encounter_key:
        return FRESH if replace(fact, version=was.version) != was else row.state
    return row.state


def kind_of(fact: AnyFact) -> str:
    """Under which kind a fact is kept."""
    return str(fact.__struct_config__.tag)


def _occasion(fact: ChargeFact) -> str:
    return f"recurring:{fact.patient_key}:{fact.service_from:%Y-%m}"


def patient_ids(view: View, source: str, keys: Iterable[str]) -> dict[str, str]:
    """Our patient ids for a source's patient keys; keys never seen are left out."""
    return view.lookup.first("patient", source, keys)
