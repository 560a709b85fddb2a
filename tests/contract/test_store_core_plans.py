"""Every question that the path asks for each claim, message or answer is an index search, whatever the size.

SQLite has no statistics of its own accord: it takes the index that most conditions fit. A scan, or a search by
a column that very many rows share, costs nothing on ten rows and everything on a hundred thousand.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from hub.clock import TurnedClock
from hub.store import Keyring, Store, Tx, open_store
from hub.store.appointed import between
from hub.store.arrivals import Arrival, Taking, prepare
from hub.store.inbox import INBOX

pytestmark = pytest.mark.campaign

FEW = ("SCAN event_heads", "SCAN w", "SCAN CONSTANT ROW")
"""One row, or the values that are asked for."""
Ask = Callable[[Tx], Any]


def _arriving(tx: Tx, *, once: bool) -> None:
    """What is asked of the inbox before a message is put into it."""
    Taking(tx.session, INBOX, ("p", "s", "message"))._known(
        prepare(
            tx.session.keys, tx.session.clock, [Arrival(content_type="x", external="1", body=b"a", once=once)]
        )
    )


SHAPES: list[tuple[str, str, Ask]] = [
    ("facts by key", "key=?", lambda tx: tx.facts.find(practice="p", source="s", key=["a", "b"])),
    ("facts by kind", "key=?", lambda tx: tx.facts.find(practice="p", source="s", kind="patient", key=["a"])),
    ("facts by parent", "parent=?", lambda tx: tx.facts.find(practice="p", source="s", kind="x", parent=["a"])),
    (
        "facts of parents",
        "parent=?",
        lambda tx: tx.facts.find(practice="p", source="s", kind=("x", "y"), parent=["a"]),
    ),
    (
        "encounters by key",
        "key=?",
        lambda tx: tx.encounters.find(practice="p", source="s", key=["a"], state=("x", "y")),
    ),
    (
        "charges of encounters",
        "encounter_id=?",
        lambda tx: tx.charges.find(encounter_id=["a", "b"], state="coded"),
    ),
    ("charges of a patient", "patient_id=?", lambda tx: tx.charges.find(patient_id="a", state="coded")),
    ("claims by id", "id=?", lambda tx: tx.claims.get_many(["a", "b"])),
    ("claims of a patient", "patient_id=?", lambda tx: tx.claims.find(patient_id="a", state=("x", "y"))),
    ("what waits", "ix_claims_waiting (state=?)", lambda tx: tx.claims.waiting("ready", practice="p")),
    ("payments of a remittance", "remit_id=?", lambda tx: tx.remit_claims.find(remit_id="a", state="x")),
    ("payments of a claim", "claim_id=?", lambda tx: tx.remit_claims.find(claim_id="a", state="posted")),
    ("equal remittances", "content_key=?", lambda tx: tx.remits.find(content_key="a", practice="p")),
    ("statements of a file", "file_id=?", lambda tx: tx.statements.find(file_id="a", state="frozen")),
    ("statements by number", "number=?", lambda tx: tx.statements.find(number=["1"], practice="p")),
    ("identifiers", "digest=?", lambda tx: tx.lookup.find("patient", "s", "1")),
    ("many identifiers", "digest=?", lambda tx: tx.lookup.first("patient", "s", ["1", "2"])),
    ("merges", "from_id=?", lambda tx: tx.resolve("patient", "a")),
    ("a control number", "value=?", lambda tx: tx.registry.used_for("st02", 1)),
    ("numbers of a file", "ref=?", lambda tx: tx.registry.numbers_of("a")),
    ("submissions by control number", "pcn=?", lambda tx: tx.submissions.by_pcns(["a", "b"])),
    ("submissions of a set", "file_id=? AND st02=?", lambda tx: tx.submissions.of_file("a", "0001")),
    ("the open submission", "claim_id=?", lambda tx: tx.submissions.open_of("a", 1)),
    ("lines of claims", "claim_id=?", lambda tx: tx.claim_charges.of_claims(["a"])),
    ("lines of charges", "charge_id=?", lambda tx: tx.claim_charges.of_charges(["a"])),
    ("inbox", "ix_inbox_waiting (state=?", lambda tx: tx.inbox.waiting("received", source="s")),
    ("a file by number", "mailbox=? AND isa13=?", lambda tx: tx.files.by_isa13("m", "1")),
    ("a file's journal", "file_id=?", lambda tx: tx.outbox.journal("a")),
    ("fetched", "state=? AND connector=?", lambda tx: tx.fetched.waiting("listed", connector="c")),
    ("what a guarantor owes", "guarantor_id=?", lambda tx: tx.book.entries(guarantor_id="a", practice="p")),
    ("what a remittance posted", "remit_id=?", lambda tx: tx.book.total(account="cash", remit_id="a")),
    ("what a claim holds", "claim_id=?", lambda tx: tx.book.sum(("account",), claim_id=["a", "b"])),
    ("an answer that was expected", "about=?", lambda tx: tx.met("ack", "a", "b")),
    ("answers that were expected", "about=?", lambda tx: tx.met_many("ack", ["a", "b"], "c")),
    ("what is overdue", "ix_expectations", lambda tx: tx.expectations.overdue(tx.now)),
    ("what is not sealed", "uq_events_position", lambda tx: tx.events.seal(10)),
    ("sealed events", "position>?", lambda tx: tx.events.after(10)),
    ("a posted key", "key=?", lambda tx: tx.book.has("p", ["a"])),
    ("work of a claim", "aggregate_id=?", lambda tx: tx.work.resolve_for("a", "x", "y")),
    ("what a message became", "blob_id=?", lambda tx: tx.remits.find(blob_id="a", set_index=0)),
    ("what is awaited about claims", "about=?", lambda tx: tx.expectations.find(about=["a", "b"])),
    ("overdue answers, counted", "COVERING INDEX ix_expect", lambda tx: tx.expectations.count_overdue(tx.now)),
    ("a message that arrives", "external=? AND digest=?", lambda tx: _arriving(tx, once=False)),
    ("a message whose id counts once", "external=?", lambda tx: _arriving(tx, once=True)),
    ("lanes that a page concerns", "lane=?", lambda tx: tx.held_lanes.heads("s", ["a", "b"])),
    ("what stands in lanes", "lane=?", lambda tx: tx.held_lanes.of_lanes("s", ["a"], 9)),
    ("places in lanes", "seq=?", lambda tx: tx.held_lanes.at([1, 2])),
    ("what a lane that opens lets go", "ix_inbox_waiting", lambda tx: tx.held_lanes.release("s", ["a"])),
    ("what stands before a message", "lane=?", lambda tx: tx.held_lanes.ahead([1])),
    ("what a message was mended into", "original_id=?", lambda tx: tx.held_lanes.links("a")),
    ("hours of a feed", "source=?", lambda tx: tx.feeds.hours(tx.now, "s")),
    ("merges into a patient", "into_id=?", lambda tx: tx.aliases.merged_into("patient", ["a"])),
    ("appointments of a day", "starts_at>?", lambda tx: between(tx.session, tx.now, tx.now)),
    (
        "appointments of patients",
        "patient_id=?",
        lambda tx: tx.appointments.find(patient_id=["a"], state="booked"),
    ),
    ("claims of a payer", "payer=?", lambda tx: tx.claims.heads(payer="a", newest=True)),
    ("claims of a state", "state=?", lambda tx: tx.claims.heads(state="paid", newest=True)),
]
#: Counts and lists that walk along one index in its own order, and look nothing up beside it.
WALKS: list[tuple[str, str, Ask]] = [
    ("work", "INDEX ix_work_items_press", lambda tx: tx.work.page(50)),
    ("work of a practice", "INDEX ix_work_items_press", lambda tx: tx.work.page(50, practice="p", owner="it")),
    ("work by owner", "COVERING INDEX ix_work_items_press", lambda tx: tx.work.tally("owner")),
    ("late work", "COVERING INDEX ix_work_items_press", lambda tx: tx.work.count(reason_prefix="overdue.")),
    ("messages", "COVERING INDEX ix_inbox_waiting", lambda tx: tx.inbox.tally()),
    ("claims", "COVERING INDEX ix_claims_waiting", lambda tx: tx.claims.tally()),
    ("claims of a practice", "COVERING INDEX ix_claims_waiting", lambda tx: tx.claims.tally(practice="p")),
    ("encounters", "COVERING INDEX ix_encounters_waiting", lambda tx: tx.encounters.tally()),
    ("statements", "COVERING INDEX ix_statements_waiting", lambda tx: tx.statements.tally()),
    ("files", "COVERING INDEX ix_files_waiting", lambda tx: tx.files.tally("state")),
    ("awaited", "COVERING INDEX ix_expectations_due_at", lambda tx: tx.expectations.tally()),
]


@pytest.fixture
def store(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[Store]:
    """A store on SQLite alone: PostgreSQL plans by statistics."""
    opened = open_store(made_sqlite_url, keyring, clock)
    yield opened
    opened.close()


@pytest.mark.parametrize(("search", "ask"), [shape[1:] for shape in SHAPES], ids=[shape[0] for shape in SHAPES])
def test_a_question_of_the_path_is_an_index_search(store: Store, search: str, ask: Ask) -> None:
    """The plan searches by the column that narrows to few rows, and scans nothing."""
    plan = plan_of(store, ask)
    assert any(search in step for step in plan), plan
    assert not any(step.startswith("SCAN") and step not in FEW for step in plan), plan


@pytest.mark.parametrize(("search", "ask"), [shape[1:] for shape in WALKS], ids=[shape[0] for shape in WALKS])
def test_a_count_or_a_page_walks_along_one_index(store: Store, search: str, ask: Ask) -> None:
    """No table is read for it: what `hub status` and a page of work cost stays small with a million claims."""
    plan = plan_of(store, ask)
    assert any(search in step for step in plan), plan
    assert not any(step.startswith("SCAN") and " INDEX " not in step for step in plan), plan


def test_a_page_of_work_is_not_sorted(store: Store) -> None:
    """Only the few items that are late by their date are sorted; all others stand in their index as they press."""
    plan = plan_of(store, lambda tx: tx.work.page(50))
    assert plan.index("SCAN work_items USING INDEX ix_work_items_press") == len(plan) - 1, plan


def test_no_page_of_a_proof_grows_with_what_stands_behind_it(practised: Path, tmp_path: Path) -> None:
    """Proofs walk along keys: no statement of theirs with a limit sorts or searches what a whole state holds, and
    what is asked for some ids is searched by them.
    """
    database = tmp_path / "hub.db"
    shutil.copy(next((practised / "data").glob("*.db")), database)
    with contextlib.closing(sqlite3.connect(database)) as plain:
        asked = _asked_by_proofs(practised)
        plans = {
            sql: [row[3] for row in plain.execute(f"EXPLAIN QUERY PLAN {sql}", values)] for sql, values in asked
        }
    assert len(plans) > 80
    for sql, plan in plans.items():
        among = " IN (?" in sql and " || " not in sql
        assert not (among and any(step.startswith("SCAN") for step in plan)), (sql, plan)
        paged = "LIMIT" in sql and not among
        assert not (paged and any("TEMP B-TREE" in step for step in plan) and "_id = ?" not in sql), (sql, plan)


def _asked_by_proofs(practised: Path) -> list[tuple[str, Any]]:
    """Each SELECT of `hub verify` on a small real run, once."""
    from hub.cli.opened import opened
    from hub.reports.promises import prove

    asked: dict[str, Any] = {}

    def note(_connection: object, _cursor: object, sql: str, values: Any, *_rest: object) -> None:
        if sql.startswith("SELECT"):
            asked.setdefault(sql, values)

    with opened(practised / "config") as hub:
        event.listen(hub.store.engines.reader, "before_cursor_execute", note)
        prove(hub.store, hub.settings, sealed=False)
    return list(asked.items())


def plan_of(store: Store, ask: Ask) -> list[str]:
    """The steps of every statement that `ask` runs."""
    asked: list[tuple[str, Any]] = []
    with store.begin("admin") as tx:
        connection = tx.session.conn

        def note(_connection: object, _cursor: object, sql: str, values: Any, *_rest: object) -> None:
            asked.append((sql, values))

        event.listen(connection, "before_cursor_execute", note)
        ask(tx)
        event.remove(connection, "before_cursor_execute", note)
        return [
            row[3]
            for sql, values in asked
            for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, values)
        ]
