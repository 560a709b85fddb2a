"""Blobs, inbox, outbox and the fetch journal: bytes are whole or refused, arrivals are known, effects are fenced."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from hub.clock import TurnedClock
from hub.errors import Stale
from hub.store import Damaged, Store, Tx
from hub.store.blobs import CHUNK_BYTES, cut
from hub.store.inbox import Arrival
from hub.store.outbox import File

BODY = secrets.token_bytes(2 * CHUNK_BYTES + 17)


def freeze(tx: Tx, name: str = "a.txt", isa13: str | None = None) -> File:
    """Freeze one small file for the mailbox `acme`."""
    return tx.files.freeze(b"ISA*", practice="p1", mailbox="acme", kind="837P", name=name, isa13=isa13)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_content_is_cut_into_full_chunks_and_a_last_one(size: int) -> None:
    """Whatever the pieces, every chunk but the last has 1 MiB, and exactly the last is marked so."""
    pieces = [b"x" * (size // 3), b"x" * (size - size // 3)]
    chunks = list(cut(pieces))
    assert b"".join(chunk for chunk, _ in chunks) == b"x" * size
    assert [last for _, last in chunks] == [False] * (len(chunks) - 1) + [True]
    assert all(len(chunk) == CHUNK_BYTES for chunk, _ in chunks[:-1])


def test_bytes_come_back_as_they_were_written(store: Store) -> None:
    """Size, digest and content of a blob are those of the bytes, also of none."""
    with store.begin("admin") as tx:
        blob, empty = tx.blobs.write("inbox", BODY), tx.blobs.write("inbox", b"")
        same = tx.blobs.write("inbox", iter([BODY[:100], BODY[100:]]))
    with store.view() as view:
        assert view.blobs.content(blob) == BODY
        assert [len(chunk) for chunk in view.blobs.read(blob)] == [CHUNK_BYTES, CHUNK_BYTES, 17]
        assert (view.blobs.size(blob), view.blobs.content(empty)) == (len(BODY), b"")
        assert view.blobs.digest(blob) == view.blobs.digest(same) != view.blobs.digest(empty)
        assert view.blobs.verify(blob) is view.blobs.verify(empty) is None


@pytest.mark.parametrize(
    "damage",
    [
        'DELETE FROM blob_chunks WHERE "index" = 1',
        'DELETE FROM blob_chunks WHERE "index" = 2',
        "UPDATE blobs SET chunks = 2",
        "UPDATE blobs SET chunks = 0",
        'UPDATE blob_chunks SET body = (SELECT b.body FROM blob_chunks b WHERE b."index" = 0) WHERE "index" = 1',
        'UPDATE blob_chunks SET "index" = 7 - "index" WHERE "index" < 2',
        "UPDATE blobs SET complete_at = NULL",
        "DELETE FROM blobs",
    ],
)
def test_missing_reordered_and_altered_chunks_are_seen(store: Store, damage: str) -> None:
    """One damaging edit, whichever it is, and the bytes are refused and named by `verify`."""
    with store.begin("admin") as tx:
        blob = tx.blobs.write("inbox", BODY)
    with store.begin("admin") as tx:
        tx.session.conn.execute(text(damage))
    with store.view() as view:
        with pytest.raises(Damaged):
            view.blobs.content(blob)
        problem = view.blobs.verify(blob)
        assert problem is not None
        assert (problem.code, problem.where) == ("store.blob-damaged", f"blob {blob}")


@pytest.mark.parametrize("damage", ["UPDATE blobs SET size = 5", "UPDATE blobs SET digest = 'x'"])
def test_a_head_that_does_not_fit_its_bytes_is_named(store: Store, damage: str) -> None:
    """Size and digest are checked against the bytes that open, not believed."""
    with store.begin("admin") as tx:
        blob = tx.blobs.write("inbox", b"abc")
        tx.session.conn.execute(text(damage))
        assert tx.blobs.verify(blob) is not None


def test_a_stream_is_no_blob_until_its_last_chunk_is_durable(store: Store, clock: TurnedClock) -> None:
    """A stream that breaks off leaves nothing that can be read, and its remains are swept after a while."""

    def breaks() -> Iterator[bytes]:
        yield BODY
        raise ConnectionError

    with pytest.raises(ConnectionError):
        store.write_blob("inbox", breaks())
    whole = store.write_blob("inbox", iter([BODY]))
    with store.view() as view:
        left = view.session.conn.scalars(text("SELECT id FROM blobs WHERE complete_at IS NULL")).one()
        with pytest.raises(Damaged):
            view.blobs.content(left)
    assert store.sweep_blobs(timedelta(hours=1)) == 0
    clock.turn(timedelta(hours=2))
    assert store.sweep_blobs(timedelta(hours=1)) == 1
    with store.view() as view:
        assert view.blobs.content(whole) == BODY
        assert view.session.conn.scalar(text("SELECT count(*) FROM blobs")) == 1


def test_the_same_message_arrives_once(store: Store) -> None:
    """Source, the sender's id and the bytes together tell a repeat; other bytes or another name are new."""

    def put(body: bytes, external: str = "m1", source: str = "ehr") -> tuple[int, bool]:
        with store.begin("ingest.receive") as tx:
            return tx.inbox.put(practice="p1", source=source, kind="message", body=body, external=external)

    first, new = put(b"MSH|")
    assert new
    assert put(b"MSH|") == (first, False)
    assert put(b"MSH|", external="m2")[1]
    assert put(b"MSH|x")[1]
    assert put(b"MSH|", source="other")[1]
    with store.view() as view:
        item = view.inbox.get(first)
        assert item is not None
        assert view.inbox.by_id(item.id) == item
        assert view.blobs.content(item.blob_id) == b"MSH|"
        assert "m1" not in item.external
        assert [i.seq for i in view.inbox.waiting("received", source="ehr")] == [first, first + 1, first + 2]
        assert [i.seq for i in view.inbox.newest(1, source="ehr")] == [first + 2]
        assert view.inbox.tally() == {("ehr", "received"): 3, ("other", "received"): 1}
        assert view.session.conn.scalar(text("SELECT count(*) FROM blobs")) == 4


def test_a_page_of_messages_is_stored_as_each_alone(store: Store) -> None:
    """What is known already or stands twice in the page is stored once; each new one has its own bytes."""
    told = [("m1", b"MSH|"), ("m2", b"MSH|"), ("m1", b"MSH|"), ("m3", BODY), ("m3", b"")]
    page = [Arrival(content_type="hl7", external=external, body=body) for external, body in told]
    with store.begin("ingest.receive") as tx:
        tx.inbox.put(practice="p1", source="ehr", kind="message", body=b"MSH|", external="m2")
        assert tx.inbox.put_many(page, practice="p1", source="ehr", kind="message") == 3
        assert tx.inbox.put_many(page, practice="p1", source="ehr", kind="message") == 0
        assert tx.inbox.put_many([], practice="p1", source="ehr", kind="message") == 0
        assert not tx.inbox.put(practice="p1", source="ehr", kind="message", body=b"", external="m3")[1]
        assert tx.inbox.put(practice="p1", source="ehr", kind="message", body=b"", external="m1")[1]
    with store.view() as view:
        items = view.inbox.waiting("received")
        assert [view.blobs.content(item.blob_id) for item in items] == [b"MSH|", b"MSH|", BODY, b"", b""]
        assert [item.content_type for item in items] == ["", "hl7", "hl7", "hl7", ""]


def test_small_blobs_are_read_together_and_a_large_one_alone(store: Store) -> None:
    """As many of the first ones as fit, in the order asked, and always one: whatever is read, it makes way."""
    bodies = [b"b" * 40, b"a" * 40, b"", BODY, b"c" * 60, b"d" * 41]
    with store.begin("admin") as tx:
        left = [tx.blobs.write("inbox", body) for body in bodies]
    parts: list[list[bytes]] = []
    with store.view() as view:
        while left:
            parts.append(view.blobs.first_contents(left, 100))
            left = left[len(parts[-1]) :]
    assert [body for part in parts for body in part] == bodies
    assert [len(part) for part in parts] == [3, 1, 1, 1]


def test_a_damaged_blob_among_small_ones_is_refused(store: Store) -> None:
    """Those before it are read; at its own place it is refused as if it were read alone."""
    with store.begin("admin") as tx:
        good, bad = tx.blobs.write("inbox", b"good"), tx.blobs.write("inbox", b"bad")
        tx.session.conn.execute(text("UPDATE blobs SET chunks = 0 WHERE id = :id"), {"id": bad})
        cut_off = tx.blobs.write("inbox", b"cut off")
        tx.session.conn.execute(text("DELETE FROM blob_chunks WHERE blob_id = :id"), {"id": cut_off})
    with store.view() as view:
        assert view.blobs.first_contents([good, bad], 100) == [b"good"]
        for first in (bad, cut_off):
            with pytest.raises(Damaged):
                view.blobs.first_contents([first, good], 100)


def test_a_written_blob_enters_the_inbox_by_its_id(store: Store) -> None:
    """A large file is streamed first and then put; the same file under the same name is known."""
    blobs = [store.write_blob("inbox", [BODY]) for _ in range(2)]
    with store.begin("ingest.receive") as tx:
        seqs = [tx.inbox.put(practice="p1", source="a", kind="file", blob_id=b, external="x") for b in blobs]
    assert seqs == [(seqs[0][0], True), (seqs[0][0], False)]


def test_an_inbox_item_moves_once(store: Store) -> None:
    """Two readers of one item: the second to move it is told that it was moved."""
    with store.begin("ingest.receive") as tx:
        tx.inbox.put(practice="p1", source="ehr", kind="message", body=b"x")
    with store.begin("ingest.read") as tx:
        [item] = tx.inbox.waiting("received")
        moved = tx.inbox.put_state(item, "held", "hl7.unreadable")
    with pytest.raises(Stale), store.begin("ingest.read") as tx:
        tx.inbox.put_state(item, "read")
    with store.view() as view:
        assert view.inbox.waiting("held") == [moved]
        assert moved.reason == "hl7.unreadable"


def test_an_acknowledgement_without_its_message_is_named(store: Store) -> None:
    """Promise 1: whoever was told that a message is safe has it in the inbox, or `verify` names the number."""
    with store.begin("ingest.receive") as tx:
        seq, _ = tx.inbox.put(practice="p1", source="ehr", kind="message", body=b"x")
        tx.inbox.ack(seq)
        assert tx.inbox.acks_without_item() == []
        tx.session.conn.execute(text("DELETE FROM inbox"))
        assert tx.inbox.acks_without_item() == [seq]


def test_a_frozen_file_is_checked_against_what_was_frozen(store: Store) -> None:
    """Promise 2: a file whose bytes were exchanged is named, though the new bytes are a sound blob."""
    with store.begin("batch.freeze") as tx:
        file, other = freeze(tx, isa13="1"), tx.blobs.write("outbound", b"else")
        assert tx.files.verify(file) is None
        assert tx.files.by_isa13("acme", "1") == tx.files.get(file.id) == file
        statement = text("UPDATE files SET blob_id = :blob").bindparams(blob=other)
    with pytest.raises(Exception, match="append only"), store.begin("admin") as tx:
        tx.session.conn.execute(statement)
    with store.begin("admin") as tx:
        off = "DROP TRIGGER files_refuses_update" + (" ON files" if store.dialect == "postgresql" else "")
        tx.session.conn.execute(text(off))
        tx.session.conn.execute(statement)
        changed = tx.files.get(file.id)
        assert changed is not None
        problem = tx.files.verify(changed)
        assert problem is not None
        assert problem.code == "store.file-changed"


def test_a_file_moves_from_the_state_it_was_read_in(store: Store) -> None:
    """Only where a file stands may change, one step at a time, and only among the states a file has."""
    with store.begin("batch.freeze") as tx:
        file = freeze(tx)
        staged = tx.files.put_state(file, "staged")
        with pytest.raises(ValueError, match="never"):
            tx.files.put_state(staged, "lost")
    with pytest.raises(Stale), store.begin("admin") as tx:
        tx.files.put_state(file, "published")
    with store.view() as view:
        assert view.files.waiting("staged", mailbox="acme") == [staged]
        assert view.files.find(state=["frozen", "sent"]) == []
        assert (view.files.newest(5), view.files.tally("state")) == ([staged], {("staged",): 1})


def test_an_effect_needs_the_newest_fence(store: Store) -> None:
    """A node that slept while another took its lane over cannot enter a phase, and so does nothing twice."""
    with store.begin("batch.freeze") as tx:
        file = freeze(tx)
    with store.begin("dispatch.stage") as tx:
        old = tx.outbox.fence("acme")
        tx.outbox.enter(file.id, "stage", old)
    with store.begin("dispatch.stage") as tx:
        new = tx.outbox.fence("acme")
        tx.outbox.fence("other")
    with pytest.raises(Stale, match="taken over"), store.begin("dispatch.publish") as tx:
        tx.outbox.enter(file.id, "publish", old)
    with store.begin("dispatch.publish") as tx:
        tx.outbox.enter(file.id, "publish", new, evidence="published")
    with store.view() as view:
        assert [(t.phase, t.fence) for t in view.outbox.journal(file.id)] == [("stage", old), ("publish", new)]
        last = view.outbox.last(file.id)
        assert last is not None
        assert last.evidence == "published"


def test_a_remote_file_is_taken_once_and_its_name_is_sealed(store: Store, clock: TurnedClock) -> None:
    """A file listed again is known, a changed one is new, and the partner's name for it survives a restart."""

    def listed(size: int) -> tuple[str, bool]:
        with store.begin("fetch.list") as tx:
            return tx.fetched.listed(
                practice="p1", connector="acme", token="t", name="jane.835", size=size, modified_at=clock.now()
            )

    first, new = listed(10)
    assert new
    assert listed(10) == (first, False)
    assert listed(11)[1]
    with store.begin("fetch.store") as tx:
        tx.fetched.stored(first, blob_id="blob_1", inbox_seq=1)
    with store.begin("fetch.done") as tx:
        [row] = tx.fetched.waiting("stored", connector="acme")
        assert (row.remote.token, row.remote.name, row.inbox_seq) == ("t", "jane.835", 1)
        assert "jane" not in repr(row)
        tx.fetched.done(first)
        tx.fetched.done(first)
        assert [r.size for r in tx.fetched.waiting("listed")] == [11]
    with pytest.raises(Stale), store.begin("fetch.store") as tx:
        tx.fetched.stored(first, blob_id="blob_2", inbox_seq=2)
