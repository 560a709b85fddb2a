"""Raw message -> facts -> Encounter and Charges: bytes first, then meaning, then the whole put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, time

from hub.flow.aside import failed
from hub.flow.assembly import overlaid
from hub.flow.base import CHUNK, Hub, Outcome, work_for
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
    Reading,
)
from hub.plugin.api import RawMessage
from hub.plugin.host import GuardedSource, PluginFault
from hub.store import Nudge, Tx, View
from hub.store.documents import Change, New, Row
from hub.store.inbox import Arrival, InboxItem

REOPENED_BY_PATIENT = ("gathering", "waiting", "held", "incomplete")
"""Encounters that are looked at again when their patient or coverage changes; the others are already coded."""
FACTS = 1_000
"""Facts per transaction: about four bundles of 25 visits."""
BODY_BYTES = 1 << 20
"""Bytes of messages that are read from the store at once."""


def pull(hub: Hub, source: str) -> Outcome:
    """Ask a source what is new and put it in the inbox with its cursor, in one transaction."""
    port = hub.host.source(source)
    with hub.store.view() as view:
        cursor = (view.plugin_state(source).get("cursor") or b"").decode()
    changes = port.changes(cursor)
    with hub.store.begin("ingest.receive") as tx:
        fresh = tx.inbox.put_many(
            [_arrival(message) for message in changes.messages],
            practice=hub.settings.practice_of(source),
            source=source,
            kind="message",
        )
        if changes.cursor != cursor:
            tx.plugin_state(source).put("cursor", changes.cursor.encode())
        hub.host.state(source).commit(tx)
        if fresh:
            tx.then(Nudge("ingest.read", source))
    return Outcome(done=fresh, more=changes.more)


def receive(hub: Hub, tx: Tx, source: str, message: RawMessage) -> tuple[int, bool]:
    """Put one message in the inbox: its sequence number, and whether it is new."""
    return tx.inbox.put(
        practice=hub.settings.practice_of(source),
        source=source,
        kind="message",
        content_type=message.content_type,
        external=message.external_id,
        body=message.body,
    )


def _arrival(message: RawMessage) -> Arrival:
    return Arrival(content_type=message.content_type, external=message.external_id, body=message.body)


def read(hub: Hub, source: str) -> Outcome:
    """Read what waits in the inbox of one source into facts; what cannot be read becomes work."""
    answers, more = _page(hub, source)
    if not answers:
        return Outcome()
    practice = hub.settings.practice_of(source)
    with hub.store.begin("ingest.read") as tx:
        facts: list[AnyFact] = []
        tx.inbox.put_states([(row, *_moved(reading)) for row, reading in answers])
        for row, reading in answers:
            if isinstance(reading, PluginFault):
                tx.work.open(failed(row, str(reading)), practice=practice)
                continue
            tx.work.open_many(work_for(reading.problems, "message", row.id, owner="it"), practice=practice)
            if reading.not_billable != "test":
                facts += _billable(reading)
        dirty = Facts(tx, source, practice).store(facts)
        tx.event("messages.read", "source", source, practice=practice, messages=len(answers), facts=len(facts))
        if dirty:
            tx.then(Nudge("ingest.assemble", source))
    return Outcome(done=len(answers), more=more)


def _page(hub: Hub, source: str) -> tuple[list[tuple[InboxItem, Reading | PluginFault]], bool]:
    """What waits, message by message until a page of facts is full, and whether there is more: a bundle of a
    hundred visits counts for what it holds, so that memory and the transaction stay small.
    """
    port, answers, facts = hub.host.source(source), list[tuple[InboxItem, Reading | PluginFault]](), 0
    with hub.store.view() as view:
        waiting = view.inbox.waiting("received", CHUNK, source=source, kind="message")
    for row, body in _bodies(hub, waiting):
        reading = _reading(port, body, row.content_type)
        answers.append((row, reading))
        facts += 0 if isinstance(reading, PluginFault) else len(reading.facts)
        if facts >= FACTS:
            break
    return answers, len(answers) < len(waiting) or len(waiting) == CHUNK


def _bodies(hub: Hub, waiting: Sequence[InboxItem]) -> Iterator[tuple[InboxItem, bytes]]:
    """Each message with its bytes, of which no more than a few lie in memory."""
    left = waiting
    while left:
        with hub.store.view() as view:
            bodies = view.blobs.first_contents([row.blob_id for row in left], BODY_BYTES)
        yield from zip(left, bodies, strict=False)
        left = left[len(bodies) :]


def _reading(port: GuardedSource, body: bytes, content_type: str) -> Reading | PluginFault:
    """What a plugin makes of a message, or how it failed on this one; a plugin that hangs ends the run."""
    try:
        return port.read(body, content_type)
    except PluginFault as fault:
        if fault.hung:
            raise
        return fault


def _moved(reading: Reading | PluginFault) -> tuple[str, str]:
    """The state and the reason that a message comes to."""
    if isinstance(reading, PluginFault):
        return "set_aside", "step.file"
    return _disposition(reading), reading.problems[0].code if reading.problems else ""


def _disposition(reading: Reading) -> str:
    if reading.not_billable:
        return reading.not_billable
    if reading.problems:
        return "read_in_part" if reading.facts else "set_aside"
    return "read"


def _billable(reading: Reading) -> Iterable[AnyFact]:
    """What a message leaves behind: an informational one updates people, and never charges."""
    if reading.not_billable == "informational":
        return [fact for fact in reading.facts if isinstance(fact, PatientFact | CoverageFact | MergeFact)]
    return reading.facts


class Facts:
    """Stores facts, the latest version of each, and marks the encounters that they touch."""

    def __init__(self, tx: Tx, source: str, practice: str) -> None:
        self.tx, self.source, self.practice = tx, source, practice

    def store(self, facts: Sequence[AnyFact]) -> int:
        """Keep what is newer, mark what it touches as `gathering`; returns how many encounters were marked."""
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
            holds = overlaid(held, fact)
            if held is None or (holds.version >= held.version and holds != held):
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


def replay(tx: Tx, rows: Sequence[Row[Encounter]]) -> int:
    """Look at held or waiting encounters again, as after a change of settings or a corrected source."""
    tx.encounters.put_many([Change(row, state="gathering") for row in rows])
    for source in {row.col("source") for row in rows}:
        tx.then(Nudge("ingest.assemble", source))
    return len(rows)


__all__ = ["Facts", "patient_ids", "pull", "read", "receive", "replay"]
