"""The eleven promises hold on a small real run of the whole path, and prove something about every part of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from hub.clock import TurnedClock
from hub.config import SecretStore, load
from hub.config.settings import Settings
from hub.model.coverage import PatientFile
from hub.model.people import Address, Name, Patient
from hub.reports.promises import PROMISES, Profile, Proof, prove
from hub.reports.promises.disposition import STATES, limits_of
from hub.reports.promises.frozen import LineNumbers, read
from hub.reports.promises.secrecy import _names, _of_patient, phrases
from hub.reports.promises.submitted import AGREED
from hub.runner import Nudge, Outcome, Retry
from hub.runner.queue import Queue
from hub.store import Keyring, Store, open_store
from hub.store.scan import Scan


@pytest.fixture(scope="module")
def settings(practised: Path) -> Settings:
    """The settings of the run."""
    return load(practised / "config").settings


@pytest.fixture(scope="module")
def ended(practised: Path) -> Iterator[Store]:
    """The run's own database, as of its last moment; nothing here writes to it."""
    database = practised / "data" / "hub.db"
    with closing(sqlite3.connect(database)) as connection:
        (micros,) = connection.execute("SELECT max(at) FROM events").fetchone()
    keyring = Keyring.from_text(SecretStore(practised / "config").get("file:master.key"))
    store = open_store(f"sqlite:///{database}", keyring, TurnedClock(datetime.fromtimestamp(micros / 1e6, UTC)))
    yield store
    store.close()


@pytest.fixture
def pg_store(made_pg_url: str) -> Iterator[Store]:
    """An empty hub on PostgreSQL."""
    store = open_store(made_pg_url, Keyring(bytes(32)), TurnedClock(datetime(2026, 3, 2, tzinfo=UTC)))
    yield store
    store.close()


@pytest.fixture(scope="module")
def proofs(ended: Store, settings: Settings) -> tuple[Proof, ...]:
    """What `hub verify` says of the run."""
    return prove(ended, settings)


def test_a_clean_run_keeps_every_promise(proofs: tuple[Proof, ...]) -> None:
    """After an ordinary run, no promise has an exception."""
    broken = [(proof.number, one.where, one.why) for proof in proofs for one in proof.exceptions]
    assert broken == []
    assert [proof.number for proof in proofs] == list(range(1, 12))


@pytest.mark.parametrize("number", range(1, 12))
def test_a_promise_is_proved_on_something(proofs: tuple[Proof, ...], number: int) -> None:
    """A proof that looked at nothing proves nothing: each counts what it checked, and says what that was."""
    proof = proofs[number - 1]
    assert proof.checked > 0
    assert proof.what
    assert proof.title == PROMISES[number - 1][0]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, ("files taken at partners", "messages and files in the inbox")),
        (2, ("claims in them", "line control numbers", "numbers in the registry")),
        (4, ("journal lines",)),
        (5, ("ledger transactions", "posted remittances", "claim payments")),
        (6, ("transaction sets in them", "provider adjustments")),
        (7, ("statement lines",)),
        (9, ("events", "patients' identifiers", "work item texts")),
        (10, ("sealed events", "messages in", "files in")),
        (11, ("charges", "remit claims", "PLBs")),
    ],
)
def test_the_run_holds_what_the_proofs_are_about(
    proofs: tuple[Proof, ...], number: int, words: tuple[str, ...]
) -> None:
    """The run is rich enough: none of these parts of a proof is empty on it."""
    counted = dict(reversed(part.split(" ", 1)) for part in proofs[number - 1].what.split(", "))
    assert {word: counted[word] != "0" for word in words} == dict.fromkeys(words, True)


def test_proving_writes_nothing(ended: Store, settings: Settings, practised: Path) -> None:
    """`prove` is read only: the database is the same to the byte afterwards."""
    before = (practised / "data" / "hub.db").read_bytes()
    prove(ended, settings)
    assert (practised / "data" / "hub.db").read_bytes() == before


def test_evidence_that_the_profile_does_not_name_is_none(ended: Store, settings: Settings) -> None:
    """A mailbox whose profile wants a receipt has sent nothing while its journal shows none."""
    strict = {"printer": Profile(evidence=("receipt",))}
    (proof,) = prove(ended, settings, profiles=strict, only=(4,))
    assert proof.exceptions
    assert all("evidence" in one.why for one in proof.exceptions)


def test_a_visit_that_never_ends_is_work(ended: Store) -> None:
    """A visit that its source never closes is in front of a person after two weeks."""
    with ended.view() as view:
        waiting = [row.id for row in view.encounters.heads(state="waiting")]
        items = view.work.list(reason="encounter.unfinished")
    assert waiting
    assert {item.aggregate_id for item in items} == set(waiting)


def test_pages_over_a_table_give_every_row_once(ended: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the page size, and for keys of one column or two, each row comes once and in order."""
    monkeypatch.setattr("hub.store.scan.PAGE", 7)
    with ended.view() as view:
        scan = Scan(view.session)
        by_two = [tuple(row) for page in scan.rows("control_numbers", by=("scope", "value")) for row in page]
        assert len(by_two) == scan.count("control_numbers") > 14
        assert by_two == sorted(set(by_two))
        by_one = [row.seq for page in scan.rows("inbox", "state", by=("seq",), kind="835") for row in page]
        assert by_one == sorted(set(by_one))
        assert len(by_one) == scan.count("inbox", kind="835")


def test_the_bytes_of_an_837_are_read_as_they_stand() -> None:
    """ISA13, ISA15, GS06, ST02, CLM01 and REF*6R are taken from the bytes, claim by claim."""
    body = (
        b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260105*1200*^*00501*000000007*0*P*:~"
        b"GS*HC*S*R*20260105*1200*8*X*005010X222A1~ST*837*0003*005010X222A1~CLM*AAA*10***11:B:1~"
        b"LX*1~REF*6R*L1~LX*2~REF*6R*L2~CLM*BBB*5~LX*1~REF*6R*L3~SE*9*0003~GE*1*8~IEA*1*000000007~"
    )
    found = read(iter([body]))
    assert (found.isa13, found.usage, found.gs06, found.sets) == ("000000007", "P", "8", ["0003"])
    assert [(one.pcn, one.st02, one.lines) for one in found.claims] == [
        ("AAA", "0003", ["L1", "L2"]),
        ("BBB", "0003", ["L3"]),
    ]


def test_line_numbers_are_known_again() -> None:
    """A number that was met is known, its neighbours are not, however far apart they are."""
    numbers = LineNumbers()
    assert [numbers.met(n) for n in (1, 2, 100_000, 1, 3, 100_000)] == [False, False, False, True, False, True]


def test_a_phrase_is_found_however_it_is_broken() -> None:
    """Dates, names and streets are met with blanks, hyphens or nothing between; ids of ours and counts are not."""
    assert "19500203" in set(phrases("born 1950-02-03."))
    assert "1reedstreet" in set(phrases("lives at 1 Reed Street"))
    assert "heronada" in set(phrases("HERON^ADA"))
    assert not set(phrases("17 of 250")) & {"17", "250", "17250"}
    assert "250514" not in set(phrases("250514 bytes under the temporary name"))
    assert not any("01kec1t3w066" in phrase for phrase in phrases("clm_01KEC1T3W066S001Y4GD4HHX3T"))


def test_a_patients_identifiers_are_those_that_could_be_told() -> None:
    """Names of four letters and more, birth dates in both orders, the street; what is short proves nothing."""
    patient = Patient(
        name=Name(last="Heronsby", first="Al"),
        birth_date=date(1950, 2, 3),
        address=Address(line1="1 Reed Street", city="Exampleton", state="OH", zip="44099"),
    )
    tokens = dict(_of_patient(patient, date(2026, 1, 1)))
    assert tokens.keys() == {"heronsby", "alheronsby", "heronsbyal", "19500203", "02031950", "1reedstreet"}
    assert "19500203" not in dict(_of_patient(patient, date(1950, 3, 1)))
    assert dict(_names(Name(last="Lee"), "a name")) == {}


def test_the_tables_of_states_agree() -> None:
    """What promise 3 says of claim states speaks of claim states that promise 11 knows."""
    assert set(AGREED) <= set(STATES["claims"])


def test_an_answer_may_take_as_long_as_its_payer_was_given(settings: Settings) -> None:
    """An accepted claim is late only when the slowest payer's time for adjudication is over."""
    slow = {name: payer.model_copy(update={"era_days": 200}) for name, payer in settings.payers.items()}
    limits = limits_of("claims", settings.model_copy(update={"payers": slow}))
    assert limits["accepted"] == 202
    assert limits["held"] == 0
    assert "paid" not in limits


def test_an_empty_hub_keeps_every_promise(store: Store, settings: Settings) -> None:
    """On both databases every question can be asked, and nothing is wrong before anything has happened."""
    assert [one for proof in prove(store, settings) for one in proof.exceptions] == []


def test_a_name_in_the_shared_queue_is_told(pg_store: Store, settings: Settings) -> None:
    """The queue of nudges is read too, though its table is a library's: a lane may not be called after a patient."""
    patient = PatientFile(
        patient=Patient(name=Name(last="Heronsby", first="Alberta"), birth_date=date(1950, 2, 3))
    )
    queue = Queue(pg_store, {"coding.code": lambda _lane: Outcome()}, "north", Retry())
    with pg_store.begin("admin") as tx:
        tx.patients.add("pat_1", patient, practice="lakeside", state="new")
    queue.nudge((Nudge("coding.code", "lakeside"),))
    assert prove(pg_store, settings)[8].exceptions == ()
    queue.nudge((Nudge("coding.code", "lakeside/heronsby"),))
    (told,) = prove(pg_store, settings)[8].exceptions
    assert told.where.startswith("nudge ")
    assert "a name of patient pat_1" in told.why


def test_pages_are_the_same_on_both_databases(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of two columns is followed from page to page, and a value that stands twice is found, on both."""
    monkeypatch.setattr("hub.store.scan.PAGE", 7)
    with store.begin("admin") as tx:
        tx.registry.take("line", 20, ref="clm_1")
        tx.registry.take("statement", 3, ref="pat_1")
    with store.view() as view:
        scan = Scan(view.session)
        found = [
            (row.scope, row.value) for page in scan.rows("control_numbers", by=("scope", "value")) for row in page
        ]
        assert len(found) == len(set(found)) == 23
        assert [tuple(row) for row in scan.repeated("control_numbers", "ref")] == [("clm_1", 20), ("pat_1", 3)]
        numbers = [f"{number}" for number in range(1, 21)]
        assert len(scan.among("control_numbers", "value", numbers, "ref", scope="line")) == 20
        assert scan.count("control_numbers", scope="statement") == 3
