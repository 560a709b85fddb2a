# ruff: noqa: S608, ISC004 - the statements are written here, and long ones over several lines
"""Each promise is broken on purpose, by hand in the database of a real run, and `hub verify` names what was done.

Every case works on a copy of its own, with the append-only triggers dropped: what a person with the file could do.
A case lists damages of one promise, each as SQL with the query that tells beforehand what it will hit.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from hub.cli.verify import verify
from hub.clock import TurnedClock
from hub.config import SecretStore, load
from hub.config.settings import Settings
from hub.reports.promises import PROMISES, Proof, prove
from hub.store import Keyring, Store, open_store

SPOIL = "UPDATE {table} SET body = zeroblob(length(body)) WHERE {where}"


@cache
def settings_of(run: Path) -> Settings:
    """The settings of a run, read once."""
    return load(run / "config").settings


class Damage(NamedTuple):
    """What is done, what it hits, and how the exception must name it (`{}` is what was hit)."""

    why: str
    hits: str
    sql: tuple[str, ...]
    where: str


class Wreck:
    """A copy of a run's database that may be spoilt."""

    def __init__(self, run: Path, copy: Path) -> None:
        self.path = copy
        shutil.copy(run / "data" / "hub.db", copy)
        self.settings = settings_of(run)
        self.keyring = Keyring.from_text(SecretStore(run / "config").get("file:master.key"))
        with closing(sqlite3.connect(copy)) as connection:
            for (trigger,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                connection.execute(f"DROP TRIGGER {trigger}")
            connection.execute("DROP INDEX uq_submissions_open_production")
            (micros,) = connection.execute("SELECT max(at) FROM events").fetchone()
            connection.commit()
        self.end = datetime.fromtimestamp(micros / 1e6, UTC)

    def spoil(self, damage: Damage) -> str:
        """Do the damage; returns the place that must be named."""
        with closing(sqlite3.connect(self.path)) as connection:
            hit = connection.execute(damage.hits).fetchone()
            assert hit is not None, f"nothing to damage for: {damage.why}"
            for statement in damage.sql:
                assert connection.execute(statement.replace("{}", str(hit[0]))).rowcount > 0, damage.why
            connection.commit()
        return damage.where.replace("{}", str(hit[0]))

    def open(self) -> Store:
        """The spoilt store, at the moment at which the run ended."""
        return open_store(f"sqlite:///{self.path}", self.keyring, TurnedClock(self.end))

    def prove(self, *log_files: Path, only: tuple[int, ...] = ()) -> tuple[Proof, ...]:
        """What `hub verify` says now."""
        store = self.open()
        try:
            return prove(store, self.settings, log_files=log_files, only=only)
        finally:
            store.close()


@pytest.fixture
def wreck(practised: Path, tmp_path: Path) -> Wreck:
    """A fresh copy for each test."""
    return Wreck(practised, tmp_path / "hub.db")


ARRIVAL = (
    Damage(
        "a sender was told of what is not there",
        "SELECT max(seq) + 1 FROM inbox",
        ("INSERT INTO inbox_acks (seq, at) VALUES ({}, 0)",),
        "inbox sequence {}",
    ),
    Damage(
        "a sender was told before the bytes were durable",
        "SELECT id FROM inbox ORDER BY seq LIMIT 1",
        ("INSERT INTO inbox_acks (seq, at) SELECT seq, received_at - 1 FROM inbox WHERE id = '{}'",),
        "message {}",
    ),
    Damage(
        "bytes of a message were overwritten",
        "SELECT id FROM inbox ORDER BY seq LIMIT 1 OFFSET 1",
        (SPOIL.format(table="blob_chunks", where="blob_id = (SELECT blob_id FROM inbox WHERE id = '{}')"),),
        "message {}",
    ),
    Damage(
        "a chunk of a message was cut off",
        "SELECT id FROM inbox ORDER BY seq LIMIT 1 OFFSET 2",
        ("DELETE FROM blob_chunks WHERE blob_id = (SELECT blob_id FROM inbox WHERE id = '{}')",),
        "message {}",
    ),
    Damage(
        "a message was given the bytes of another",
        "SELECT id FROM inbox ORDER BY seq LIMIT 1 OFFSET 3",
        ("UPDATE inbox SET blob_id = (SELECT blob_id FROM inbox ORDER BY seq LIMIT 1) WHERE id = '{}'",),
        "message {}",
    ),
    Damage(
        "a file was taken at a partner and is gone here",
        "SELECT id FROM fetched WHERE state = 'done' ORDER BY id LIMIT 1",
        ("DELETE FROM inbox WHERE seq = (SELECT inbox_seq FROM fetched WHERE id = '{}')",),
        "fetched {}",
    ),
)

FILE = "SELECT id FROM files WHERE kind = '837P' ORDER BY id LIMIT 1 OFFSET "
FROZEN = (
    Damage(
        "bytes of a frozen file were overwritten",
        "SELECT id FROM files WHERE kind = 'statements' ORDER BY id LIMIT 1",
        (SPOIL.format(table="blob_chunks", where="blob_id = (SELECT blob_id FROM files WHERE id = '{}')"),),
        "file {}",
    ),
    Damage(
        "the size of a frozen file was changed",
        "SELECT id FROM files WHERE kind = 'manifest' ORDER BY id LIMIT 1",
        ("UPDATE files SET size = size + 1 WHERE id = '{}'",),
        "file {}",
    ),
    Damage(
        "an interchange number was used for another file",
        FILE + "0",
        ("UPDATE control_numbers SET ref = 'file_other' WHERE scope LIKE 'isa13:%' AND ref = '{}'",),
        "file {} ISA13",
    ),
    Damage(
        "a set number is not in the registry",
        FILE + "0",
        ("DELETE FROM control_numbers WHERE scope LIKE 'st02:%' AND ref = '{}'",),
        "file {} ST02",
    ),
    Damage(
        "the row says another interchange number than the bytes",
        FILE + "1",
        ("UPDATE files SET isa13 = '900001' WHERE id = '{}'",),
        "file {} ISA13 GS06",
    ),
    Damage(
        "a file was replaced by another, with digest and size",
        FILE + "4",
        (
            "UPDATE files SET (blob_id, digest, size) = (SELECT blob_id, digest, size FROM files f "
            "WHERE f.kind = '837P' ORDER BY f.id LIMIT 1 OFFSET 3) WHERE id = '{}'",
        ),
        "file {} ISA13",
    ),
    Damage(
        "a test file was made productive in its row",
        FILE + "2",
        ("UPDATE files SET usage = 'T' WHERE id = '{}'",),
        "file {} ISA15",
    ),
    Damage(
        "a submission is not in the bytes of its file",
        "SELECT id FROM submissions ORDER BY id LIMIT 1",
        ("UPDATE submissions SET pcn = 'NOSUCHNUMBER' WHERE id = '{}'",),
        "submission {} CLM01",
    ),
    Damage(
        "a patient control number is not in the registry",
        "SELECT id FROM submissions ORDER BY id LIMIT 1 OFFSET 1",
        ("DELETE FROM control_numbers WHERE scope = 'pcn' AND ref = '{}'",),
        "submission {} CLM01",
    ),
    Damage(
        "a line number is not in the registry",
        "SELECT s.id FROM submissions s JOIN claim_versions v ON v.claim_id = s.claim_id ORDER BY v.id DESC LIMIT 1",
        ("DELETE FROM control_numbers WHERE scope = 'line'",),
        "submission {} REF6R",
    ),
    Damage(
        "a counter was turned back",
        "SELECT scope FROM counters WHERE scope LIKE 'gs06:%'",
        ("UPDATE counters SET next = 1 WHERE scope = '{}'",),
        "registry {}",
    ),
)

COLUMNS = "id, practice, claim_id, version, rank, payer, channel, usage, file_id, st02, pcn, state, opened_at"
SUBMITTED = (
    Damage(
        "two production submissions of one claim are open",
        "SELECT claim_id FROM submissions ORDER BY id LIMIT 1",
        tuple(
            f"INSERT INTO submissions ({COLUMNS}) SELECT 'sub_.{n}', practice, claim_id, version, rank, payer, "
            f"'{channel}', 'P', file_id, st02, 'PCN{n}', 'sent', opened_at FROM submissions "
            "WHERE claim_id = '{}' LIMIT 1"
            for n, channel in enumerate(("electronic", "paper"))
        ),
        "claim {} rank 1",
    ),
    Damage(
        "a paid claim still has a submission open",
        "SELECT s.claim_id FROM submissions s JOIN claims c ON c.id = s.claim_id WHERE c.state = 'paid' "
        "ORDER BY s.id DESC LIMIT 1",
        ("UPDATE submissions SET closed_at = NULL, state = 'accepted' WHERE claim_id = '{}'",),
        "claim {}",
    ),
    Damage(
        "a claim counts as sent whose submission is closed",
        "SELECT s.claim_id FROM submissions s JOIN claims c ON c.id = s.claim_id WHERE c.state = 'paid' "
        "ORDER BY s.id DESC LIMIT 1 OFFSET 1",
        ("UPDATE claims SET state = 'sent' WHERE id = '{}'",),
        "claim {}",
    ),
    Damage(
        "a test submission stands in a production file",
        "SELECT id FROM submissions ORDER BY id LIMIT 1 OFFSET 4",
        ("UPDATE submissions SET usage = 'T' WHERE id = '{}'",),
        "submission {}",
    ),
    Damage(
        "a submission was closed for no reason",
        "SELECT id FROM submissions ORDER BY id LIMIT 1 OFFSET 5",
        ("UPDATE submissions SET close_reason = NULL WHERE id = '{}'",),
        "submission {}",
    ),
    Damage(
        "one charge is asked in two open claims",
        "SELECT charge_id FROM claim_charges WHERE claim_id = (SELECT claim_id FROM submissions ORDER BY id LIMIT 1)",
        (
            "INSERT INTO claim_charges (claim_id, line, charge_id, rank) SELECT claim_id, 40, '{}', rank "
            "FROM submissions WHERE closed_at IS NULL AND state = 'accepted' AND claim_id <> "
            "(SELECT claim_id FROM submissions ORDER BY id LIMIT 1) LIMIT 1",
        ),
        "charge {} rank 1",
    ),
)

SENT = (
    Damage(
        "a file was published twice",
        FILE + "0",
        (
            "INSERT INTO transfers (file_id, phase, at, fence, evidence, note) "
            "SELECT '{}', 'publishing', max(at), max(fence), '', '' FROM transfers",
        ),
        "file {} journal",
    ),
    Damage(
        "a phase was taken out of the journal",
        FILE + "1",
        ("DELETE FROM transfers WHERE file_id = '{}' AND phase = 'staged'",),
        "file {} journal",
    ),
    Damage(
        "a file counts as sent without evidence",
        "SELECT id FROM files WHERE kind = 'manifest' ORDER BY id LIMIT 1",
        ("UPDATE transfers SET evidence = '' WHERE file_id = '{}' AND phase = 'sent'",),
        "file {}",
    ),
    Damage(
        "a file stands between published and sent for ever",
        "SELECT id FROM files WHERE kind = 'statements' ORDER BY id LIMIT 1",
        ("UPDATE files SET state = 'published', state_since = 0 WHERE id = '{}'",),
        "file {}",
    ),
    Damage(
        "a file is in doubt and nobody knows",
        FILE + "2",
        ("UPDATE files SET state = 'in_doubt' WHERE id = '{}'",),
        "file {}",
    ),
    Damage(
        "a node acted under a fence that was taken over",
        FILE + "3",
        ("UPDATE transfers SET fence = 0 WHERE file_id = '{}' AND phase = 'published'",),
        "file {} journal",
    ),
)

REMIT = "SELECT id FROM remits WHERE state = 'posted' AND amount_cents > 0 ORDER BY id LIMIT 1 OFFSET "
BALANCED = (
    Damage(
        "an entry was edited",
        "SELECT seq FROM ledger_transactions WHERE key LIKE 'charge:%' ORDER BY seq LIMIT 1",
        ("UPDATE ledger_entries SET cents = cents + 100 WHERE transaction_seq = {} AND cents > 0",),
        "ledger transaction {} charge:",
    ),
    Damage(
        "a payment was taken out of the book",
        REMIT + "0",
        (
            "DELETE FROM ledger_entries WHERE remit_id = '{}'",
            "DELETE FROM ledger_transactions WHERE key LIKE 'remit:{}:%'",
        ),
        "remit {} BPR02",
    ),
    Damage(
        "the amount of a remittance was changed beside its document",
        REMIT + "1",
        ("UPDATE remits SET amount_cents = amount_cents + 1 WHERE id = '{}'",),
        "remit {}",
    ),
    Damage(
        "the amount of a claim payment was changed beside its document",
        "SELECT id FROM remit_claims ORDER BY id LIMIT 1",
        ("UPDATE remit_claims SET paid_cents = paid_cents + 1 WHERE id = '{}'",),
        "remit claim {} CLP04",
    ),
    Damage(
        "a claim payment is gone from its remittance",
        REMIT + "2",
        ("DELETE FROM remit_claims WHERE remit_id = '{}'",),
        "remit {} CLP04 PLB",
    ),
    Damage(
        "a posted remittance was put back among the held",
        REMIT + "3",
        ("UPDATE remits SET state = 'held' WHERE id = '{}'",),
        "remit {}",
    ),
)

HEAD = "practice, cause, posting_date, period, reverses, digest, at"
ONCE = (
    Damage(
        "a claim payment was posted again under another key",
        "SELECT t.cause FROM ledger_transactions t JOIN remit_claims c ON c.id = t.cause ORDER BY t.seq LIMIT 1",
        (
            f"INSERT INTO ledger_transactions (key, {HEAD}) SELECT key || 'again', {HEAD} "
            "FROM ledger_transactions WHERE cause = '{}'",
        ),
        "remit claim {}",
    ),
    Damage(
        "the same remittance is posted twice",
        REMIT + "0",
        (
            "UPDATE remits SET content_key = (SELECT content_key FROM remits WHERE id = '{}') "
            "WHERE id = (SELECT max(id) FROM remits WHERE state = 'posted')",
        ),
        "remit {}",
    ),
    Damage(
        "a remittance that pays nothing was dropped",
        "SELECT id FROM remits WHERE state = 'posted' AND amount_cents = 0 ORDER BY id LIMIT 1",
        ("UPDATE remits SET state = 'duplicate' WHERE id = '{}'",),
        "remit {}",
    ),
    Damage(
        "a set of a file was never made a remittance",
        "SELECT i.id FROM inbox i JOIN remits r ON r.blob_id = i.blob_id ORDER BY r.id LIMIT 1 OFFSET 2",
        ("DELETE FROM remits WHERE blob_id = (SELECT blob_id FROM inbox WHERE id = '{}')",),
        "message {} set 0",
    ),
    Damage(
        "a claim payment of a set is gone",
        REMIT + "3",
        ("DELETE FROM remit_claims WHERE remit_id = '{}' AND position = 1",),
        "remit {}",
    ),
    Damage(
        "a posted claim payment is not in the book",
        "SELECT id FROM remit_claims WHERE state = 'posted' AND paid_cents > 0 ORDER BY id DESC LIMIT 1",
        ("DELETE FROM ledger_transactions WHERE cause = '{}'",),
        "remit claim {}",
    ),
    Damage(
        "a posting was put back to be posted again",
        "SELECT t.seq FROM ledger_transactions t JOIN remit_claims c ON c.id = t.cause ORDER BY c.id DESC LIMIT 1",
        (
            "UPDATE remit_claims SET state = 'read' "
            "WHERE id = (SELECT cause FROM ledger_transactions WHERE seq = {})",
        ),
        "ledger transaction {}",
    ),
    Damage(
        "a provider adjustment is not in the book",
        "SELECT substr(key, 7, 30) FROM ledger_transactions WHERE key LIKE '%:plb:1' ORDER BY seq LIMIT 1",
        ("DELETE FROM ledger_transactions WHERE key = 'remit:{}:plb:1'",),
        "remit {} PLB 1",
    ),
)

STATEMENT = "SELECT id FROM statements ORDER BY id LIMIT 1 OFFSET "
OWED = (
    Damage(
        "a statement's total was changed beside its document",
        STATEMENT + "0",
        ("UPDATE statements SET total_cents = total_cents + 1 WHERE id = '{}'",),
        "statement {}",
    ),
    Damage(
        "a receivable was written into the book afterwards",
        STATEMENT + "1",
        (
            "UPDATE ledger_entries SET cents = cents + 5 WHERE no = (SELECT min(no) FROM ledger_entries WHERE "
            "account = 'patient_receivable' AND guarantor_id = "
            "(SELECT guarantor_id FROM statements WHERE id = '{}'))",
        ),
        "statement {} total",
    ),
    Damage(
        "what insurance still has was changed in the book",
        STATEMENT + "2",
        (
            "UPDATE ledger_entries SET cents = cents + 5 WHERE no = (SELECT min(no) FROM ledger_entries WHERE "
            "account = 'insurance_receivable' AND guarantor_id = "
            "(SELECT guarantor_id FROM statements WHERE id = '{}'))",
        ),
        "statement {} pending",
    ),
    Damage(
        "a statement speaks of an entry that is not there",
        STATEMENT + "3",
        ("UPDATE statements SET through_entry = 99999999 WHERE id = '{}'",),
        "statement {}",
    ),
    Damage(
        "a statement's number was handed out for another",
        STATEMENT + "4",
        (
            "UPDATE control_numbers SET ref = 'pat_other' WHERE scope = 'statement' AND "
            "value = (SELECT number FROM statements WHERE id = '{}')",
        ),
        "statement {}",
    ),
)

AWAITED = (
    Damage(
        "nobody waits for the acknowledgement of a file",
        FILE + "0",
        ("DELETE FROM expectations WHERE kind = 'acknowledgement' AND about = '{}'",),
        "file {}",
    ),
    Damage(
        "nobody waits for the print vendor",
        "SELECT id FROM files WHERE kind = 'statements' ORDER BY id LIMIT 1",
        ("DELETE FROM expectations WHERE kind = 'print_result' AND about = '{}'",),
        "file {}",
    ),
    Damage(
        "nobody waits for the answers to a claim",
        "SELECT id FROM submissions ORDER BY id LIMIT 1",
        (
            "UPDATE submissions SET state = 'sent' WHERE id = '{}'",
            "DELETE FROM expectations WHERE about LIKE '{}%'",
        ),
        "submission {}",
    ),
    Damage(
        "an answer is overdue and nobody was told",
        "SELECT id FROM expectations WHERE kind = 'adjudication' ORDER BY id LIMIT 1 OFFSET 3",
        ("UPDATE expectations SET met_at = NULL, due_at = opened_at WHERE id = '{}'",),
        "expectation {}",
    ),
    Damage(
        "an answer is overdue and its alarm was closed",
        "SELECT id FROM expectations WHERE kind = 'adjudication' ORDER BY id LIMIT 1 OFFSET 4",
        (
            "UPDATE expectations SET met_at = NULL, due_at = opened_at, work_id = (SELECT min(id) FROM work_items) "
            "WHERE id = '{}'",
            "UPDATE work_items SET resolved_at = opened_at, resolved_by = 'hub', how = '' "
            "WHERE id = (SELECT min(id) FROM work_items)",
        ),
        "expectation {}",
    ),
)

TRAIL = (
    Damage(
        "an event was rewritten",
        "SELECT position FROM events WHERE kind = 'claim.made' LIMIT 1 OFFSET 3",
        ("UPDATE events SET actor = 'somebody' WHERE position = {}",),
        "event position {}",
    ),
    Damage(
        "a claim was made without an event",
        "SELECT id FROM claims ORDER BY id LIMIT 1",
        ("DELETE FROM events WHERE aggregate_id = '{}'",),
        "claim {}",
    ),
    Damage(
        "a file went out without an event",
        FILE + "0",
        ("DELETE FROM events WHERE aggregate_id = '{}' AND kind = 'file.sent'",),
        "file {}",
    ),
    Damage(
        "a file came in without an event",
        "SELECT inbox.id FROM inbox JOIN fetched ON fetched.inbox_seq = inbox.seq ORDER BY fetched.id LIMIT 1",
        ("DELETE FROM events WHERE aggregate_id = '{}' AND kind = 'file.received'",),
        "message {}",
    ),
    Damage(
        "a claim moved without an event",
        "SELECT aggregate_id FROM events WHERE kind = 'claim.paid' ORDER BY aggregate_id DESC LIMIT 1",
        ("DELETE FROM events WHERE aggregate_id = '{}' AND kind = 'claim.paid'",),
        "claim {}",
    ),
    Damage(
        "a remittance was posted without an event",
        "SELECT id FROM remits WHERE state = 'posted' ORDER BY id LIMIT 1",
        ("DELETE FROM events WHERE aggregate_id = '{}' AND kind = 'remit.posted'",),
        "remit {}",
    ),
    Damage(
        "messages were read without an event",
        "SELECT source FROM inbox WHERE kind = 'message' LIMIT 1",
        ("DELETE FROM events WHERE kind = 'messages.read' AND aggregate_id = '{}'",),
        "source {}",
    ),
    Damage(
        "an event waits for its seal for ever",
        "SELECT seq FROM events WHERE kind = 'encounters.assembled' LIMIT 1",
        ("UPDATE events SET position = NULL, hash = NULL, at = 0 WHERE seq = {}",),
        "events",
    ),
    Damage(
        "the end of the log was cut off",
        "SELECT max(position) - 1 FROM events",
        ("DELETE FROM events WHERE position > {}",),
        "event position {}",
    ),
)

PAID_CHARGE = (
    "SELECT min(charge_id) FROM claim_charges JOIN claims ON claims.id = claim_id WHERE claims.state = 'paid' "
    "GROUP BY claim_id ORDER BY claim_id DESC LIMIT 1 OFFSET "
)
SOMEWHERE = (
    Damage(
        "a claim stands nowhere",
        "SELECT id FROM claims WHERE state = 'paid' ORDER BY id LIMIT 1",
        ("UPDATE claims SET state = 'lost' WHERE id = '{}'",),
        "claim {}",
    ),
    Damage(
        "a denial is in front of nobody",
        "SELECT id FROM claims WHERE state = 'denied' ORDER BY id LIMIT 1",
        ("DELETE FROM work_items WHERE aggregate_id = '{}'",),
        "claim {}",
    ),
    Damage(
        "an encounter waits to be coded for ever",
        "SELECT id FROM encounters WHERE state = 'claimed' ORDER BY id LIMIT 1",
        ("UPDATE encounters SET state = 'ready', state_since = 0 WHERE id = '{}'",),
        "encounter {}",
    ),
    Damage(
        "a held encounter is in front of nobody",
        "SELECT id FROM encounters WHERE state = 'held' ORDER BY id LIMIT 1",
        ("UPDATE work_items SET resolved_at = 0, resolved_by = 'hub', how = '' WHERE aggregate_id = '{}'",),
        "encounter {}",
    ),
    Damage(
        "a charge counts as claimed and is on no claim",
        "SELECT charge_id FROM claim_charges ORDER BY charge_id LIMIT 1",
        ("DELETE FROM claim_charges WHERE charge_id = '{}'",),
        "charge {}",
    ),
    Damage(
        "a charge counts as claimed and its claim was taken back",
        PAID_CHARGE + "1",
        (
            "UPDATE claims SET state = 'void' WHERE id IN "
            "(SELECT claim_id FROM claim_charges WHERE charge_id = '{}')",
        ),
        "charge {}",
    ),
    Damage(
        "a charge is left behind at a visit that was billed",
        PAID_CHARGE + "2",
        ("UPDATE charges SET state = 'new' WHERE id = '{}'",),
        "charge {}",
    ),
    Damage(
        "a message was received and never read",
        "SELECT id FROM inbox WHERE kind = 'message' AND state = 'read' ORDER BY seq LIMIT 1",
        ("UPDATE inbox SET state = 'received', state_since = 0 WHERE id = '{}'",),
        "message {}",
    ),
    Damage(
        "a message waits in a lane of its feed, and nothing stops it",
        "SELECT id FROM inbox WHERE kind = 'message' AND state = 'read' ORDER BY seq LIMIT 1 OFFSET 1",
        (
            "UPDATE inbox SET state = 'blocked' WHERE id = '{}'",
            "INSERT INTO held_lanes (source, lane, seq, practice, role, since) "
            "SELECT source, 'a', seq, practice, 'wait', 0 FROM inbox WHERE id = '{}'",
        ),
        "message {}",
    ),
    Damage(
        "a lane of a feed stands still behind a message that was read",
        "SELECT id FROM inbox WHERE kind = 'message' AND state = 'read' ORDER BY seq LIMIT 1 OFFSET 2",
        (
            "INSERT INTO held_lanes (source, lane, seq, practice, role, since) "
            "SELECT source, 'b', seq, practice, 'stop', 0 FROM inbox WHERE id = '{}'",
        ),
        "message {}",
    ),
    Damage(
        "a piece is marked, and nobody reads it with what it links to",
        "SELECT id FROM facts ORDER BY id LIMIT 1",
        ("UPDATE facts SET state = 'join6', state_since = 0 WHERE id = '{}'",),
        "fact {}",
    ),
    Damage(
        "what links to a piece that was told anew is not read again",
        "SELECT id FROM facts ORDER BY id LIMIT 1 OFFSET 1",
        ("UPDATE facts SET state = 'join0', state_since = 0 WHERE id = '{}'",),
        "fact {}",
    ),
    Damage(
        "a person was told anew, and their visits are not looked at",
        "SELECT id FROM facts ORDER BY id LIMIT 1 OFFSET 2",
        ("UPDATE facts SET state = 'fresh', state_since = 0 WHERE id = '{}'",),
        "fact {}",
    ),
    Damage(
        "a fact stands in a state that nobody knows",
        "SELECT id FROM facts ORDER BY id LIMIT 1 OFFSET 3",
        ("UPDATE facts SET state = 'nowhere' WHERE id = '{}'",),
        "fact {}",
    ),
    Damage(
        "a remittance is balanced and never posted",
        "SELECT id FROM remits WHERE id NOT IN (SELECT cause FROM ledger_transactions) ORDER BY id LIMIT 1",
        ("UPDATE remits SET state = 'balanced', state_since = 0 WHERE id = '{}'",),
        "remit {}",
    ),
    Damage(
        "a claim payment was never posted",
        "SELECT id FROM remit_claims WHERE state = 'posted' ORDER BY id LIMIT 1",
        ("UPDATE remit_claims SET state = 'read', state_since = 0 WHERE id = '{}'",),
        "remit claim {}",
    ),
    Damage(
        "a provider adjustment is in no account",
        "SELECT substr(key, 7, 30) FROM ledger_transactions WHERE key LIKE '%:plb:1' ORDER BY seq LIMIT 1",
        ("DELETE FROM ledger_transactions WHERE key = 'remit:{}:plb:1'",),
        "remit {} PLB 1",
    ),
    Damage(
        "a statement was made and never printed",
        STATEMENT + "0",
        ("UPDATE statements SET state = 'made', state_since = 0 WHERE id = '{}'",),
        "statement {}",
    ),
)

CASES = {
    1: ARRIVAL,
    2: FROZEN,
    3: SUBMITTED,
    4: SENT,
    5: BALANCED,
    6: ONCE,
    7: OWED,
    8: AWAITED,
    10: TRAIL,
    11: SOMEWHERE,
}


@pytest.mark.parametrize("number", CASES)
def test_damage_is_named_by_its_promise(wreck: Wreck, number: int) -> None:
    """Each damage is an exception of the promise it breaks, at the place that was damaged; all promises are told."""
    places = {damage.why: wreck.spoil(damage) for damage in CASES[number]}
    proofs = wreck.prove()
    named = [one.where for one in proofs[number - 1].exceptions]
    missed = [why for why, place in places.items() if not any(place in where for where in named)]
    assert missed == []
    assert [proof.number for proof in proofs] == list(range(1, 12))
    assert not [one for proof in proofs for one in proof.exceptions if "cannot be checked" in one.why]


def test_documents_that_do_not_open_are_named_and_hide_nothing(wreck: Wreck) -> None:
    """A damaged document is named by its id; what else is wrong beside it is still found."""
    spoilt = {}
    for table in ("claims", "remits", "remit_claims", "statements", "patients", "claim_versions"):
        hits = f"SELECT id FROM {table} ORDER BY id LIMIT 1"
        spoilt[table] = wreck.spoil(Damage(table, hits, (SPOIL.format(table=table, where="id = '{}'"),), "{}"))
    held = wreck.spoil(SUBMITTED[2])
    proofs = wreck.prove()
    named = {one.where for proof in proofs for one in proof.exceptions}
    assert {table for table, one in spoilt.items() if not any(where.endswith(one) for where in named)} == set()
    assert held in named
    assert all(proof.checked for proof in proofs)


Told = Callable[[Wreck, str], str]


def _work(wreck: Wreck, told: str) -> str:
    return _say(
        wreck, "work_items", "id", f"UPDATE work_items SET why = 'see {told} about it'", "work item {} why"
    )


def _file_name(wreck: Wreck, told: str) -> str:
    return _say(wreck, "files", "id", f"UPDATE files SET name = '837P_{told}_1.x12'", "file {} name")


def _event(wreck: Wreck, told: str) -> str:
    return _say(wreck, "events", "seq", f'UPDATE events SET detail = \'{{"of":"{told}"}}\'', "event {}")


def _journal(wreck: Wreck, told: str) -> str:
    return _say(wreck, "transfers", "seq", f"UPDATE transfers SET note = 'for {told}'", "journal {} note")


def _number(wreck: Wreck, told: str) -> str:
    return _say(wreck, "submissions", "id", f"UPDATE submissions SET pcn = '{told}'", "submission {} pcn")


def _say(wreck: Wreck, table: str, key: str, update: str, where: str) -> str:
    hits = f"SELECT max({key}) FROM {table}"
    return wreck.spoil(Damage(table, hits, (f"{update} WHERE {key} = '{{}}'",), where))


def _told_of(wreck: Wreck, what: str) -> str:
    """An identifier of some patient of the run, as the database itself holds it."""
    store = wreck.open()
    with store.view() as view:
        patients = [row.record for row in view.patients.find(limit=100)]
    store.close()
    one = next(file for file in patients if file.coverages and file.patient.birth_date and file.patient.address)
    assert one.patient.birth_date is not None
    assert one.patient.address is not None
    return {
        "name": f"{one.patient.name.first} {one.patient.name.last}",
        "member id": one.coverages[0].member_id,
        "birth date": f"{one.patient.birth_date:%Y-%m-%d}",
        "address": one.patient.address.line1,
        "record number": one.patient.identifiers[0].value,
    }[what]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("name", _work),
        ("member id", _event),
        ("birth date", _journal),
        ("address", _work),
        ("record number", _file_name),
        ("member id", _number),
    ],
)
def test_a_patients_value_that_was_told_is_named(wreck: Wreck, what: str, says: Told) -> None:
    """Wherever an identifier of the database stands in clear, promise 9 names the place, and never the value."""
    told = _told_of(wreck, what)
    place = says(wreck, told)
    (proof,) = wreck.prove(only=(9,))
    exceptions = proof.exceptions
    assert place in {one.where for one in exceptions}
    assert not any(told in part for one in exceptions for part in (one.where, one.why, one.fix))


def test_a_log_file_is_searched(wreck: Wreck, tmp_path: Path) -> None:
    """A canary in a log line is found, in JSON and in plain text, by file and line; clean lines are only counted."""
    log = tmp_path / "hub.log"
    member, born = _told_of(wreck, "member id"), _told_of(wreck, "birth date")
    log.write_text(f'{{"event":"step.done","done":12}}\n{{"event":"x","note":"{member}"}}\nborn {born}\n')
    (proof,) = wreck.prove(log, only=(9,))
    assert {one.where for one in proof.exceptions} == {"log hub.log line 2", "log hub.log line 3"}
    assert "3 log lines" in proof.what


def test_the_command_names_the_damage_and_fails(
    practised: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`hub verify` tells all eleven promises in a line each, the exception with what to do, and ends with 1."""
    folder = Path(shutil.copytree(practised / "config", tmp_path / "config"))
    told = (folder / "hub.toml").read_text().replace(str(practised / "data"), str(tmp_path))
    (folder / "hub.toml").write_text(told)
    place = Wreck(practised, tmp_path / "hub.db").spoil(BALANCED[2])
    with pytest.raises(SystemExit) as ended:
        verify(folder)
    shown = capsys.readouterr().out
    assert ended.value.code == 1
    assert [title for title, _ in PROMISES if title not in shown] == []
    assert f" 5  {place}: its amount column is not the BPR02 of its document" in shown
    assert "what to do: " in shown
    with pytest.raises(SystemExit):
        verify(folder, as_json=True)
    proofs = msgspec.json.decode(capsys.readouterr().out)
    assert [proof["number"] for proof in proofs] == list(range(1, 12))
    assert not proofs[4]["ok"]
