"""Documents: sealed to their row, written by compare-and-set, found by clear columns, read from older schemas."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from hub.clock import TurnedClock
from hub.errors import Misconfigured, Stale
from hub.model.coverage import PatientFile
from hub.model.encounter import Charge
from hub.model.people import Name, Patient, Record
from hub.store import Damaged, Keyring, Store, Tx, open_store
from hub.store.aggregates import PATIENTS, Aggregate
from hub.store.documents import Change, Collection, New

CANARY = "Canarybird"


def patient(first: str = "Ada") -> PatientFile:
    """A synthetic patient whose last name is looked for where it must not stand."""
    return PatientFile(patient=Patient(name=Name(last=CANARY, first=first), birth_date=date(1960, 2, 29)))


def add_patients(tx: Tx, count: int, state: str = "new") -> list[str]:
    """Add patients that differ in their first names; returns their ids in order."""
    ids = [tx.new_id("pat") for _ in range(count)]
    tx.patients.add_many([New(new, patient(str(n)), practice="p1", state=state) for n, new in enumerate(ids)])
    return ids


def charge(tx: Tx, key: str, cents: int | None = 100, **columns: Any) -> str:
    """Add one charge; returns its id."""
    record = Charge(source="ehr", key=key, patient_id="pat_1", service_from=date(2026, 1, 5))
    given = {"source": "ehr", "key": tx.digest("charge", key), "patient_id": "pat_1", "kind": "charge"}
    chg = tx.new_id("chg")
    tx.charges.add(chg, record, practice="p1", state="new", **{**given, "cents": cents, **columns})
    return chg


def test_a_document_comes_back_as_it_was_put(store: Store) -> None:
    """What is read equals what was written, and the row says where it stands and since when."""
    with store.begin("admin") as tx:
        chg = charge(tx, "c1", service_date=date(2026, 1, 5))
    with store.view() as view:
        row = view.charges.get(chg)
        assert row is not None
        assert row.record.service_from == row.col("service_date") == date(2026, 1, 5)
        assert (row.practice, row.state, row.row_version, row.col("cents")) == ("p1", "new", 1, 100)
        assert row.state_since == row.created_at == store.clock.now()
        assert view.charges.get("chg_none") is None


@pytest.mark.parametrize("count", [3, 80])
def test_many_documents_are_added_and_found_page_by_page(store: Store, count: int) -> None:
    """`find` walks in id order without gaps or repeats, for few rows and for those that go by COPY."""
    with store.begin("admin") as tx:
        ids = add_patients(tx, count)
    with store.view() as view:
        seen: list[str] = []
        while page := view.patients.find(limit=7, after_id=seen[-1] if seen else ""):
            seen += [row.id for row in page]
        assert seen == sorted(ids) == [row.id for row in view.patients.each(page=7)]
        assert set(view.patients.get_many([*ids, "pat_none"])) == set(ids)
        assert [row.record for row in view.patients.heads(limit=2)] == [None, None]
        assert [row.id for row in view.patients.heads(limit=2, newest=True)] == sorted(ids)[:-3:-1]


def test_what_waits_comes_oldest_first(store: Store, clock: TurnedClock) -> None:
    """`waiting` orders by how long a row has stood in its state, not by when it was made."""
    with store.begin("admin") as tx:
        first, second = add_patients(tx, 2)
    clock.turn(timedelta(minutes=1))
    with store.begin("admin") as tx:
        row = tx.patients.get(first)
        assert row is not None
        moved = tx.patients.put(row, state="held")
        clock.turn(timedelta(minutes=1))
    with store.begin("admin") as tx:
        tx.patients.put(moved, state="new")
    with store.view() as view:
        assert [row.id for row in view.patients.waiting("new")] == [second, first]
        assert [row.id for row in view.patients.waiting(("new", "held"), limit=1)] == [second]


def test_equal_null_and_one_of_filter_alike_in_find_count_and_tally(store: Store) -> None:
    """A value, None and a tuple are equality, IS NULL and IN; counts agree with what `find` returns."""
    with store.begin("admin") as tx:
        charge(tx, "a", 100)
        charge(tx, "b", 200, encounter_id="enc_1")
        charge(tx, "c", 300, kind="credit")
    with store.view() as view:
        assert [row.col("cents") for row in view.charges.find(encounter_id=None)] == [100, 300]
        assert [row.col("cents") for row in view.charges.find(cents=(200, 300), practice="p1")] == [200, 300]
        assert view.charges.count(kind="charge") == 2
        assert view.charges.tally("kind", practice="p1") == {"charge": 2, "credit": 1}
        assert view.charges.tally() == {"new": 3}
        assert view.charges.count(practice="p2") == 0


def test_a_state_alone_changes_without_touching_the_document(store: Store, clock: TurnedClock) -> None:
    """`state_since` moves only when the state does; the document stays readable through any number of moves."""
    with store.begin("admin") as tx:
        chg = charge(tx, "a")
    made = clock.now()
    clock.turn(timedelta(hours=1))
    with store.begin("admin") as tx:
        row = tx.charges.get(chg)
        assert row is not None
        row = tx.charges.put(row, cents=250)
        assert row.state_since == made
        row = tx.charges.put(row, state="coded")
        assert (row.state_since, row.row_version) == (clock.now(), 3)
    with store.view() as view:
        assert view.charges.get(chg) == row


def test_a_lost_race_is_stale_and_nothing_of_it_stays(store: Store) -> None:
    """Who read an older version may not write; a batch with one stale row is given up as a whole."""
    with store.begin("admin") as tx:
        ids = add_patients(tx, 2)
        old = [tx.patients.get_many(ids)[pat] for pat in ids]
    with store.begin("admin") as tx:
        tx.patients.put(old[1], record=patient("Grace"))
    with pytest.raises(Stale), store.begin("admin") as tx:
        tx.patients.put_many([Change(row, state="merged") for row in old])
    with store.view() as view:
        assert view.patients.tally() == {"new": 2}
        row = view.patients.get(ids[1])
        assert row is not None
        assert row.record.patient.name.first == "Grace"


def test_a_key_that_is_taken_is_stale(store: Store) -> None:
    """The unique key of a source admits one row: a second worker is told to read again, singly and in bulk."""
    with store.begin("admin") as tx:
        charge(tx, "a")
    with pytest.raises(Stale), store.begin("admin") as tx:
        charge(tx, "a")
    with store.begin("admin") as tx:
        ids = add_patients(tx, 40)
    with pytest.raises(Stale), store.begin("admin") as tx:
        tx.patients.add_many([New(pat, patient(), practice="p1", state="new") for pat in ids])


def test_no_update_is_lost_between_threads(store: Store) -> None:
    """Four threads that read and then write lose nothing: each writes on what the others wrote."""
    with store.begin("admin") as tx:
        chg = charge(tx, "a", 0)

    def add_one() -> None:
        while True:
            try:
                with store.begin("admin") as tx:
                    row = tx.charges.get(chg)
                    assert row is not None
                    tx.charges.put(row, cents=row.col("cents") + 1)
            except Stale:
                continue
            return

    def add_ten() -> None:
        for _ in range(10):
            add_one()

    run_in_threads(add_ten, 4)
    with store.view() as view:
        row = view.charges.get(chg)
        assert row is not None
        assert (row.col("cents"), row.row_version) == (40, 41)


def run_in_threads(work: Any, count: int) -> None:
    """Run `work` in as many threads at once; none may raise."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - shown below, in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_readers_see_the_last_commit_while_a_writer_writes(store: Store) -> None:
    """A view opened inside somebody's open transaction neither waits for it nor sees half of it."""
    with store.begin("admin") as tx:
        add_patients(tx, 1)
    with store.begin("admin") as tx:
        add_patients(tx, 1)
        with store.view() as view:
            assert view.patients.count() == 1
        assert tx.patients.count() == 2


def test_a_view_keeps_what_it_saw_and_cannot_write(store: Store) -> None:
    """A view is one consistent state to its end, and the database itself refuses writing through it."""
    with store.view() as view:
        assert view.patients.count() == 0
        with store.begin("admin") as tx:
            add_patients(tx, 1)
        assert view.patients.count() == 0
    with pytest.raises(Exception, match=r"(?i)read.?only"), store.view() as view:
        view.patients.add("pat_1", patient(), practice="p1", state="new")


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE patients SET body = (SELECT body FROM patients b WHERE b.id <> patients.id)",
        "UPDATE patients SET doc_version = 2",
        "UPDATE patients SET key_id = 77",
        "UPDATE patients SET id = id || 'x'",
    ],
)
def test_a_document_opens_only_in_its_own_row(store: Store, damage: str) -> None:
    """A body swapped between rows, an altered version, a foreign key and a renamed row are all seen."""
    with store.begin("admin") as tx:
        add_patients(tx, 2)
    with store.begin("admin") as tx:
        tx.session.conn.execute(text(damage))
    with store.view() as view, pytest.raises(Damaged):
        view.patients.find()


@pytest.mark.parametrize("column", ["no_such", "body"])
def test_a_column_that_is_not_of_the_kind_is_a_bug(store: Store, column: str) -> None:
    """Misspelt and missing columns raise at once instead of being dropped."""
    with store.begin("admin") as tx:
        with pytest.raises(TypeError):
            tx.patients.add("pat_1", patient(), practice="p1", state="new", **{column: 1})
        with pytest.raises(TypeError):
            tx.charges.add("chg_1", Charge.__new__(Charge), practice="p1", state="new")


def test_rows_show_nothing_of_a_patient_in_their_repr(store: Store) -> None:
    """A row may stand in an exception or a log line: its repr holds ids and states only."""
    with store.begin("admin") as tx:
        row = tx.patients.add("pat_1", patient(), practice="p1", state="new")
    assert CANARY not in repr(row)


def test_no_name_stands_in_the_database_files(sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> None:
    """The bytes of the database, of its journal and of its index hold no patient's name."""
    store = open_store(sqlite_url, keyring, clock)
    store.create_all()
    with store.begin("admin") as tx:
        add_patients(tx, 3)
        tx.lookup.put("patient", "MRN:EAST", CANARY, "pat_1")
        tx.patients.add("pat_clear", patient(), practice="practice-in-clear", state="new")
    path = sqlite_url.removeprefix("sqlite:///")
    found = b"".join(Path(path + end).read_bytes() for end in ("", "-wal", "-shm"))
    store.close()
    assert b"practice-in-clear" in found
    assert CANARY.encode() not in found


class NoteV1(Record, frozen=True, kw_only=True):
    who: str


class NoteV3(Record, frozen=True, kw_only=True):
    first: str
    last: str
    tags: tuple[str, ...] = ()


def _split(document: dict[str, Any]) -> dict[str, Any]:
    first, _, last = document.pop("who").partition(" ")
    return {**document, "first": first, "last": last}


def _tag(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "tags": ["migrated"]}


@dataclass
class Notes:
    v1: Aggregate[NoteV1]
    v3: Aggregate[NoteV3]


@pytest.fixture
def notes() -> Notes:
    """One kind of document as an old hub knows it and as a new one does."""
    return Notes(
        Aggregate("note", PATIENTS.table, NoteV1),
        Aggregate("note", PATIENTS.table, NoteV3, schema=3, upcasters={1: _split, 2: _tag}),
    )


def test_an_older_schema_is_read_through_its_upcasters(store: Store, notes: Notes) -> None:
    """A document of schema 1 is lifted step by step to 3, and written back as 3 when it changes."""
    with store.begin("admin") as tx:
        Collection(tx.session, notes.v1).add("pat_1", NoteV1(who="Ada Byron"), practice="p1", state="new")
    with store.begin("admin") as tx:
        collection = Collection(tx.session, notes.v3)
        row = collection.get("pat_1")
        assert row is not None
        assert row.record == NoteV3(first="Ada", last="Byron", tags=("migrated",))
        collection.put(row, record=row.record)
        assert tx.session.conn.execute(text("SELECT schema FROM patients")).scalar() == 3
        assert collection.get("pat_1") == collection.find()[0]


def test_a_newer_schema_is_refused(store: Store, notes: Notes) -> None:
    """A hub that meets a document of a newer hub says so, and never reads half of it."""
    with store.begin("admin") as tx:
        Collection(tx.session, notes.v3).add("pat_1", NoteV3(first="A", last="B"), practice="p1", state="new")
        with pytest.raises(Misconfigured, match="newer hub"):
            Collection(tx.session, notes.v1).get("pat_1")


def test_every_older_schema_needs_an_upcaster() -> None:
    """A schema number cannot be raised without saying how the older documents are read."""
    with pytest.raises(ValueError, match="upcaster"):
        Aggregate("note", PATIENTS.table, NoteV3, schema=2)


def test_a_document_that_is_no_record_is_damaged_and_not_repeated(store: Store, notes: Notes) -> None:
    """Bytes that open but do not read are named by kind and schema, without their values."""
    sealed: Aggregate[NoteV1] = Aggregate("patient", PATIENTS.table, NoteV1)
    with store.begin("admin") as tx:
        Collection(tx.session, sealed).add("pat_1", NoteV1(who=CANARY), practice="p1", state="new")
        with pytest.raises(Damaged) as caught:
            tx.patients.get("pat_1")
    assert CANARY not in str(caught.value)


def test_a_claim_version_is_never_changed(store: Store) -> None:
    """A version that may stand in a frozen file has no way to be written again."""
    with store.begin("admin") as tx, pytest.raises(TypeError):
        tx.claim_versions.put_many([])


def test_another_master_key_is_refused_in_words(db_url: str, keyring: Keyring, clock: TurnedClock) -> None:
    """Opening a database with the wrong master key tells a person, and touches nothing."""
    first = open_store(db_url, keyring, clock)
    first.create_all()
    with first.begin("admin") as tx:
        add_patients(tx, 1)
    first.close()
    second = open_store(db_url, Keyring(secrets.token_bytes(32)), clock)
    with pytest.raises(Misconfigured, match="master key"), second.view():
        pass
    second.close()


def test_a_database_without_tables_says_what_to_run(db_url: str, keyring: Keyring, clock: TurnedClock) -> None:
    """An empty database is not a crash but a set-up step that is missing."""
    store = open_store(db_url, keyring, clock)
    with pytest.raises(Misconfigured) as caught, store.view():
        pass
    assert "db upgrade" in caught.value.fix
    store.close()


def test_an_encoded_document_leaves_out_defaults() -> None:
    """Documents are JSON without default values: small, and readable by a later schema that adds fields."""
    assert msgspec.json.decode(PATIENTS.encode(patient())) == {
        "patient": {"name": {"last": CANARY, "first": "Ada"}, "birth_date": "1960-02-29"}
    }
