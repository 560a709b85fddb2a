"""Every kind of document of a whole practice becomes a tombstone, and every promise still holds."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from hub.clock import TurnedClock
from hub.config import SecretStore, load
from hub.model.appointment import Appointment
from hub.reports.promises import prove
from hub.store import Keyring, Tx, open_store
from hub.store.documents import New
from hub.store.purges import BY_TABLE


def test_a_whole_practice_in_tombstones_keeps_every_promise(practised: Path, tmp_path: Path) -> None:
    """Crossovers, reversals, denials, PLBs, statements: what stays of each record adds up as the record did."""
    database = tmp_path / "hub.db"
    shutil.copy(practised / "data" / "hub.db", database)
    with closing(sqlite3.connect(database)) as connection:
        (micros,) = connection.execute("SELECT max(at) FROM events").fetchone()
    settings = load(practised / "config").settings
    keyring = Keyring.from_text(SecretStore(practised / "config").get("file:master.key"))
    store = open_store(f"sqlite:///{database}", keyring, TurnedClock(datetime.fromtimestamp(micros / 1e6, UTC)))
    with store.begin("keep.purge") as tx:
        _book(tx)
        done = {}
        for table in BY_TABLE:
            ids = [row.id for row in getattr(tx, table).heads(limit=100_000)]
            done[table] = tx.purges.bury(table, "prg_all", "id", ids)
        tx.purges.note("prg_all", done, by="tester", before=tx.now)
        tx.events.add("retention.purged", "purge", "prg_all", practice="", detail=dict(done))
    assert min(done.values()) > 0
    store.seal()
    broken = [(proof.number, one.where, one.why) for proof in prove(store, settings) for one in proof.exceptions]
    store.close()
    assert broken == []


def _book(tx: Tx) -> None:
    """The practice plans nothing; an appointment is buried like the rest."""
    (patient, *_) = tx.patients.heads(limit=1)
    booked = Appointment(source="adt", key="P1", patient_id=patient.id, starts_at=tx.now)
    row = New(
        tx.new_id("apt"),
        booked,
        practice=patient.practice,
        state="booked",
        source="adt",
        key=tx.digest("source-key", "P1"),
        patient_id=patient.id,
        starts_at=tx.now,
    )
    tx.appointments.add_many([row])
