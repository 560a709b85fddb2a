"""Where facts are kept: the newest of each field, and the encounters that they touch marked to be put together."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta

from msgspec.structs import replace

from hub.flow.ingest.fact_keys import Keyed, kind_of, patient_ids
from hub.flow.ingest.folding import overlaid, repeats
from hub.flow.ingest.merging import instant_of
from hub.flow.ingest.reopening import FRESH, Kept, Reopening
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
from hub.store import Tx
from hub.store.documents import Change, New, Row

HOPS = 6
"""How many links far a piece is read: behind that lies nothing that a claim needs."""
MARKS = tuple(f"join{hops}" for hops in range(HOPS, -1, -1))
"""The states of a piece that is to be read with what it links to; the number: how many links far those that link to
it are to be read, too. The first is that of one that was told."""
_AFTER = re.compile(r"[/|]")
"""What ends the moment in a version."""
LINK = "piece-link"
"""The kind of what leads from the digest of a piece's key to the pieces that link to it."""
WITHDRAWAL = "withdrawal"


_SKEW = timedelta(minutes=10)
"""By how much a clock may be wrong. What is known under a later version than that was told after the deletion."""


def beyond(word: WithdrawalFact, held: AnyFact | None, known: AnyFact | None) -> WithdrawalFact:
    """A deletion of which only is known when it was seen, as one of what is known when it comes; `held` is the last
    one that was told. Told once more (`stamps` has when it was seen), it is of then.
    """
    before = held.stamps.get("seen", held.version) if isinstance(held, WithdrawalFact) and held.seen else ""
    if known is None or known.version == GONE or word.version <= before:
        return word
    told, at = _AFTER.split(known.version, maxsplit=1)[0], instant_of(word.version.rstrip("~"))
    was = instant_of(told)
    number = was is None and bool(told)  # no time compares with it
    late = at is not None and was is not None and at < was <= at + _SKEW
    return replace(word, version=f"{told}~", stamps={"seen": word.version}) if late or number else word


class Facts(Keyed):
    """Stores facts, the newest of each field, and marks the encounters that they touch."""

    def __init__(self, tx: Tx, source: str, practice: str) -> None:
        super().__init__(tx, source, practice)
        self.again = False
        self._parents: dict[str, str | None] = {}

    def store(self, facts: Sequence[AnyFact], *, again: bool = False) -> int:
        """Keep what is newer, mark what it touches as `gathering`; returns how much was marked. `again`: the
        message was read before, and stands against what was read of it then.
        """
        self.again = again
        beyond = Reopening(self.tx, self.source, self.practice, self._digests)
        changed = self._keep([*facts, *self._occasions(facts)])
        said = [fact for kept in changed for fact in (kept.fact, kept.was) if fact is not None]
        touched = {digest for fact in said if (digest := self._encounter_of(fact))}
        visits = self._mark(touched, beyond.followed(changed))
        self._index(changed, visits)
        patients = {self.key("patient", fact.key) for fact in said if isinstance(fact, PatientFact)}
        patients |= {
            self.key("patient", fact.patient_key)
            for fact in said
            if isinstance(fact, CoverageFact) and not fact.encounter_key
        }
        merged = beyond.merged_patients(changed)
        patients |= {self.key("patient", key) for key in merged}
        keys = {fact.key for fact in said if isinstance(fact, PatientFact)} | merged
        keys |= {fact.patient_key for fact in said if isinstance(fact, CoverageFact) and not fact.encounter_key}
        marked = len(visits) + beyond.of_patients(patients, set(visits)) + beyond.of_kin(keys, merged)
        marked += beyond.billed(changed, set(visits))
        fresh = sum(1 for kept in changed if kept.fresh)
        self._deleted(changed)
        return marked + beyond.appointments(changed, keys) + fresh

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
            coming = fact
            if isinstance(fact, WithdrawalFact) and fact.seen:
                of = (fact.kind, at[1])
                coming = beyond(fact, held, latest.get(of) or (known[of].record if of in known else None))
            held = replace(held, withdrawn="") if held is not None and held.withdrawn else held
            holds = overlaid(held, coming, again=self.again)
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


def _occasion(fact: ChargeFact) -> str:
    return f"recurring:{fact.patient_key}:{fact.service_from:%Y-%m}"
