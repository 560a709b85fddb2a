"""Where facts are kept: the newest of each field, and the encounters that they touch marked to be put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time

from hub.flow.folding import overlaid
from hub.model.encounter import Encounter
from hub.model.facts import (
    GONE,
    AnyFact,
    ChargeFact,
    CoverageFact,
    DiagnosisFact,
    EncounterFact,
    MergeFact,
    PatientFact,
)
from hub.store import Tx, View
from hub.store.documents import Change, New

REOPENED_BY_PATIENT = ("gathering", "waiting", "held", "incomplete")
"""Encounters that are looked at again when their patient or coverage changes; the others are already coded."""


class Facts:
    """Stores facts, the latest version of each, and marks the encounters that they touch."""

    def __init__(self, tx: Tx, source: str, practice: str) -> None:
        self.tx, self.source, self.practice = tx, source, practice
        self.again = False

    def store(self, facts: Sequence[AnyFact], *, again: bool = False) -> int:
        """Keep what is newer, mark what it touches as `gathering`; returns how many encounters were marked. `again`:
        the message was read before, and stands against what was read of it then.
        """
        self.again = again
        facts = [*facts, *self._occasions(facts)]
        changed = self._keep(facts)
        touched = {digest for fact in changed if (digest := self._encounter_of(fact))}
        patients = {self.key("patient", fact.key) for fact in changed if isinstance(fact, PatientFact)}
        patients |= {
            self.key("patient", fact.patient_key)
            for fact in changed
            if isinstance(fact, CoverageFact) and not fact.encounter_key
        }
        for fact in changed:
            if isinstance(fact, MergeFact) and fact.kind == "patient":
                self._merge(fact)
                patients |= {self.key("patient", fact.from_key), self.key("patient", fact.into_key)}
        return self._mark(touched) + self._reopen(patients, touched)

    def key(self, kind: str, key: str) -> str:
        """The keyed digest under which a source's key is found."""
        return self.tx.digest("source-key", f"{self.source}\x1f{kind}\x1f{key}")

    def _keep(self, facts: Sequence[AnyFact]) -> list[AnyFact]:
        keys = {id(fact): self.key(_kind(fact), fact.key) for fact in facts}
        found = self.tx.facts.find(
            practice=self.practice, source=self.source, key=set(keys.values()), limit=100_000
        )
        known = {(row.col("kind"), row.col("key")): row for row in found}
        latest: dict[tuple[str, str], AnyFact] = {}
        for fact in facts:
            at = (_kind(fact), keys[id(fact)])
            held = latest.get(at) or (known[at].record if at in known else None)
            if held is not None and held.version == GONE:
                continue
            holds = overlaid(held, fact, again=self.again)
            if holds != held:
                latest[at] = holds
        self.tx.facts.add_many([self._new(fact, at) for at, fact in latest.items() if at not in known])
        self.tx.facts.put_many(
            [
                Change(known[at], record=fact, parent=self._parent(fact))
                for at, fact in latest.items()
                if at in known
            ]
        )
        return list(latest.values())

    def _new(self, fact: AnyFact, at: tuple[str, str]) -> New[AnyFact]:
        return New(
            self.tx.new_id("fct"),
            fact,
            practice=self.practice,
            state="kept",
            source=self.source,
            kind=at[0],
            key=at[1],
            parent=self._parent(fact),
        )

    def _parent(self, fact: AnyFact) -> str | None:
        """What a fact hangs on: its encounter, else its patient; a merge on the patient that it ends."""
        if isinstance(fact, MergeFact):
            return self.key("patient", fact.from_key) if fact.kind == "patient" else None
        if isinstance(fact, EncounterFact):
            return self.key("patient", fact.patient_key)
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

    def _mark(self, digests: set[str]) -> int:
        known = {
            row.col("key"): row
            for row in self.tx.encounters.find(
                practice=self.practice, source=self.source, key=digests, limit=100_000
            )
        }
        self.tx.encounters.add_many(
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
                for digest in sorted(digests - known.keys())
            ]
        )
        self.tx.encounters.put_many(
            [Change(row, state="gathering") for row in known.values() if row.state != "gathering"]
        )
        return len(digests)

    def _reopen(self, patients: set[str], marked: set[str]) -> int:
        if not patients:
            return 0
        facts = self.tx.facts.heads(
            practice=self.practice, source=self.source, kind="encounter", parent=patients, limit=100_000
        )
        keys = {row.col("key") for row in facts} - marked
        if not keys:
            return 0
        rows = self.tx.encounters.find(
            practice=self.practice, source=self.source, key=keys, state=REOPENED_BY_PATIENT, limit=100_000
        )
        self.tx.encounters.put_many([Change(row, state="gathering") for row in rows if row.state != "gathering"])
        return len(rows)

    def _merge(self, fact: MergeFact) -> None:
        """Two patients are one from now on: an alias row, nothing is rewritten. Who has no id yet is given one, for
        a patient is only stored with their first encounter, which may come later."""
        ids = patient_ids(self.tx, self.source, [fact.from_key, fact.into_key])
        fresh = {key: self.tx.new_id("pat") for key in (fact.from_key, fact.into_key) if key not in ids}
        self.tx.lookup.put_many("patient", self.source, fresh.items())
        ids |= fresh
        if ids[fact.from_key] != ids[fact.into_key]:
            self.tx.alias("patient", ids[fact.from_key], ids[fact.into_key], cause="merge")


def _kind(fact: AnyFact) -> str:
    return str(fact.__struct_config__.tag)


def _occasion(fact: ChargeFact) -> str:
    return f"recurring:{fact.patient_key}:{fact.service_from:%Y-%m}"


def patient_ids(view: View, source: str, keys: Iterable[str]) -> dict[str, str]:
    """Our patient ids for a source's patient keys; keys never seen are left out."""
    return view.lookup.first("patient", source, keys)
