"""Facts -> appointments: what is planned, for whom, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.flow.base import CHUNK, Hub, Outcome
from hub.flow.visits.persons import people, told_of
from hub.model.appointment import Appointment
from hub.model.facts import AppointmentFact
from hub.store.documents import Change, Row

STATES = frozenset(("booked", "cancelled", "noshow", "done"))


def gather(hub: Hub, source: str) -> Outcome:
    """Write the appointments of `source` that something was learned about as their facts tell them now."""
    practice = hub.settings.practice_of(source)
    with hub.store.view() as view:
        rows = view.appointments.waiting("gathering", limit=CHUNK, practice=practice, source=source)
    if not rows:
        return Outcome()
    with hub.store.begin("ingest.assemble") as tx:
        about: dict[str, Any] = {"practice": practice, "source": source, "limit": CHUNK}
        facts = {
            row.col("key"): row.record
            for row in tx.facts.find(kind="appointment", key=[row.col("key") for row in rows], **about)
        }
        told = {row.id: fact for row in rows if isinstance(fact := facts.get(row.col("key")), AppointmentFact)}
        known = told_of(tx, source, practice, {fact.patient_key for fact in told.values()})
        persons = people(tx, hub.settings, known, source, practice)
        ids = {known.keys[digest]: one.patient_id for digest, one in persons.items() if digest in known.keys}
        fresh = {
            key: tx.new_id("pat") for key in sorted({fact.patient_key for fact in told.values()} - ids.keys())
        }
        tx.lookup.put_many("patient", source, fresh.items())
        ids |= fresh
        tx.appointments.put_many([_changed(row, told.get(row.id), source, ids) for row in rows])
    return Outcome(done=len(rows), more=True)


def _changed(
    row: Row[Appointment], fact: AppointmentFact | None, source: str, ids: Mapping[str, str]
) -> Change[Appointment]:
    """An appointment of which no fact is kept any more has ended."""
    if fact is None:
        return Change(row, state="cancelled")
    patient_id = ids.get(fact.patient_key, "")
    made = Appointment(
        source=source,
        key=fact.key,
        patient_id=patient_id,
        starts_at=fact.starts_at,
        ends_at=fact.ends_at,
        status=fact.status,
        reason=fact.reason,
        provider=fact.provider,
        place=fact.place,
        encounter_key=fact.encounter_key,
    )
    state = fact.status if fact.status in STATES else "booked"
    return Change(row, record=made, state=state, patient_id=patient_id or None, starts_at=fact.starts_at)
