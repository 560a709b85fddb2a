"""Keys: rotation while the hub runs, re-encryption without anybody noticing, and what a key never does."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from sqlalchemy import text

from hub.clock import TurnedClock
from hub.errors import Misconfigured
from hub.model.coverage import PatientFile
from hub.model.people import Name, Patient
from hub.store import Damaged, Keyring, Store, Tx, open_store, rekey
from hub.store.blobs import CHUNK_BYTES, Writing
from hub.store.documents import New
from hub.store.schema import ENCRYPTED, METADATA

RECORD = PatientFile(patient=Patient(name=Name(last="Testperson")))


def fill(tx: Tx, clock: TurnedClock) -> str:
    """One sealed row of each kind that is easily made; returns the blob's id."""
    tx.patients.add_many([New(tx.new_id("pat"), RECORD, practice="p1", state="new") for _ in range(3)])
    tx.plugin_state("acme").put("cursor", b"17")
    tx.fetched.listed(practice="p1", connector="a", token="t", name="n", size=1, modified_at=clock.now())
    return tx.blobs.write("inbox", bytes(CHUNK_BYTES + 5))


def test_rows_move_to_a_new_key_and_are_the_same_for_everybody(store: Store, clock: TurnedClock) -> None:
    """After a rotation old rows read as before; re-encryption moves them all and changes no version."""
    with store.begin("admin") as tx:
        blob = fill(tx, clock)
        before = tx.patients.find()
    old = store.keys.active_data_key
    clock.turn(timedelta(days=90))
    assert store.rotate_keys() != old
    with store.view() as view:
        assert view.patients.find() == before
        assert rekey.left(view.session) == {"patients": 3, "blob_chunks": 2, "fetched": 1, "plugin_state": 1}
    assert store.reencrypt(limit=2) == 2
    assert store.reencrypt() == 5
    assert store.reencrypt() == 0
    with store.view() as view:
        assert rekey.left(view.session) == {}
        assert view.patients.find() == before
        assert view.blobs.verify(blob) is None
        assert view.plugin_state("acme").get("cursor") == b"17"
        assert view.fetched.find()[0].remote.name == "n"


def test_a_row_that_was_read_before_a_rotation_can_still_be_written(store: Store, clock: TurnedClock) -> None:
    """Rotation and re-encryption are no change of the row: nobody's compare-and-set is lost to them."""
    with store.begin("admin") as tx:
        fill(tx, clock)
        row = tx.patients.find()[0]
    store.rotate_keys()
    store.reencrypt()
    with store.begin("admin") as tx:
        assert tx.patients.put(row, state="held").row_version == 2


def test_a_stream_that_is_being_written_moves_too(store: Store) -> None:
    """Chunks of a blob that is not finished are re-encrypted, and the blob is whole when it is finished."""
    with store.begin("blob.chunk") as tx:
        writing = Writing(tx.session, "inbox")
        writing.add(tx.session, b"x" * CHUNK_BYTES, last=False)
    store.rotate_keys()
    assert store.reencrypt() == 1
    with store.begin("blob.chunk") as tx:
        writing.add(tx.session, b"y", last=True)
        assert tx.blobs.verify(writing.id) is None


def test_another_process_meets_the_new_key_by_itself(made_url: str, keyring: Keyring, clock: TurnedClock) -> None:
    """A process that opened its keys before a rotation reads rows of the new key without being told."""
    first, second = (open_store(made_url, keyring, clock) for _ in range(2))
    assert first.keys.active_data_key == second.keys.active_data_key
    first.rotate_keys()
    with first.begin("admin") as tx:
        fill(tx, clock)
    with second.view() as view:
        assert view.patients.count() == len(view.patients.find()) == 3
    first.close()
    second.close()


def test_two_processes_make_one_first_set_of_keys(made_url: str, keyring: Keyring, clock: TurnedClock) -> None:
    """Whoever comes first makes the keys; what one seals the other opens, and digests agree."""
    first, second = (open_store(made_url, keyring, clock) for _ in range(2))
    sealed = first.keys.seal(b"aad", b"plain")
    assert second.keys.open(sealed[0], b"aad", sealed[1]) == b"plain"
    assert first.keys.digest("k", "v") == second.keys.digest("k", "v")
    first.close()
    second.close()


def test_another_master_key_takes_over(made_url: str, keyring: Keyring, clock: TurnedClock) -> None:
    """The site's master key can be changed without touching a row: the old one opens nothing any more."""
    store, new = open_store(made_url, keyring, clock), Keyring(secrets.token_bytes(32))
    with store.begin("admin") as tx:
        fill(tx, clock)
    store.rotate_keys()
    store.change_master(new)
    store.rotate_keys()
    store.close()
    old, again = open_store(made_url, keyring, clock), open_store(made_url, new, clock)
    with pytest.raises(Misconfigured, match="master key"), old.view():
        pass
    with again.view() as view:
        assert len(view.patients.find()) == 3
    old.close()
    again.close()


def test_the_digest_key_is_never_rotated(store: Store) -> None:
    """Unique columns depend on it: with two keys the same message would come in twice."""
    with pytest.raises(ValueError, match="cannot be rotated"):
        store.rotate_keys("digest")


def test_a_wrapped_key_is_bound_to_its_purpose(made_url: str, keyring: Keyring, clock: TurnedClock) -> None:
    """Key rows that somebody exchanged do not open."""
    store = open_store(made_url, keyring, clock)
    with store.begin("admin") as tx:
        other = "(SELECT wrapped FROM data_keys k WHERE k.purpose = 'lookup')"
        tx.session.conn.execute(text(f"UPDATE data_keys SET wrapped = {other} WHERE purpose = 'data'"))  # noqa: S608
    store.close()
    again = open_store(made_url, keyring, clock)
    with pytest.raises(Misconfigured, match="master key"), again.view():
        pass
    again.close()


def test_sealed_bytes_open_only_with_what_they_were_sealed_with(store: Store) -> None:
    """Another binding, a flipped bit, a cut end and an unknown key are all refused in the same words."""
    key_id, sealed = store.keys.seal(b"claim|1", b"plain")
    assert store.keys.open(key_id, b"claim|1", sealed) == b"plain"
    flipped = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for key, aad, body in [
        (key_id, b"claim|2", sealed),
        (key_id, b"claim|1", flipped),
        (key_id, b"claim|1", sealed[:20]),
        (key_id, b"claim|1", b""),
        (key_id + 99, b"claim|1", sealed),
    ]:
        with pytest.raises(Damaged):
            store.keys.open(key, aad, body)


def test_every_encrypted_column_moves_with_a_rotation() -> None:
    """A table with sealed bytes that re-encryption forgot would keep a retired key alive for ever."""
    holders = {t.name for t in METADATA.tables.values() for c in t.columns if c.info["stands"] == ENCRYPTED}
    assert holders - {"data_keys"} == {sealed.table.name for sealed in rekey.SEALED}


@pytest.mark.parametrize("secret", ["", "short", "zz" * 32, "QUJD"])
def test_a_master_key_that_is_none_is_refused_without_showing_it(secret: str) -> None:
    """A master key is 32 bytes as base64 or hex; the message says how to make one and never repeats it."""
    with pytest.raises(Misconfigured) as caught:
        Keyring.from_text(secret)
    assert not secret or secret not in str(caught.value)


def test_a_master_key_is_read_as_base64_and_as_hex(store: Store) -> None:
    """Both spellings are the same key, and its repr shows nothing."""
    key = secrets.token_bytes(32)
    import base64

    wrapped = Keyring.from_text(key.hex()).wrap("data", store.clock.now(), b"k" * 32)
    again = Keyring.from_text(base64.b64encode(key).decode() + "\n")
    assert again.unwrap("data", store.clock.now(), wrapped) == b"k" * 32
    assert repr(again) == "Keyring(...)"


def test_a_running_hub_takes_up_a_new_key_by_itself(
    made_url: str, keyring: Keyring, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process rotates: whoever runs seals with the new key as soon as it looks, and never before fails."""
    first, second = (open_store(made_url, keyring, clock) for _ in range(2))
    old = second.keys.active_data_key
    new = first.rotate_keys()
    assert second.keys.seal(b"a", b"p")[0] == old
    monkeypatch.setattr("hub.store.crypto.LOOK_SECONDS", -1.0)
    assert second.keys.seal(b"a", b"p")[0] == new
    first.close()
    second.close()


def test_a_new_key_is_met_inside_a_transaction(made_url: str, keyring: Keyring, clock: TurnedClock) -> None:
    """A writer that meets a row under a key of another process learns it there: it does not wait for its own lock."""
    first, second = (open_store(made_url, keyring, clock) for _ in range(2))
    assert second.keys.active_data_key
    first.rotate_keys()
    with first.begin("admin") as tx:
        fill(tx, clock)
    with second.begin("admin") as tx:
        assert len(tx.patients.find()) == 3
        tx.patients.put(tx.patients.find()[0], state="held")
    first.close()
    second.close()


def test_nothing_is_hashed_with_a_lookup_key_that_others_may_not_know(
    made_url: str, keyring: Keyring, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new lookup key comes into use a minute after it was made: by then each process that runs searches with it,
    and nobody takes a known patient for a new one.
    """
    first, second = (open_store(made_url, keyring, clock) for _ in range(2))
    old = second.keys.lookup_digest("mrn", "1")[0]
    new = first.rotate_keys("lookup")
    assert first.keys.lookup_digest("mrn", "1")[0] == old
    monkeypatch.setattr("hub.store.crypto.LOOK_SECONDS", -1.0)
    assert {key for key, _ in second.keys.lookup_digests("mrn", "1")} == {old, new}
    clock.turn(timedelta(minutes=1))
    assert first.keys.lookup_digest("mrn", "1")[0] == second.keys.lookup_digest("mrn", "1")[0] == new
    first.close()
    second.close()


def test_a_hub_that_runs_with_the_former_master_key_goes_on(
    made_url: str, keyring: Keyring, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a change of the master key a running hub keeps the keys it has opened, until it is started again."""
    first, second = (open_store(made_url, keyring, clock) for _ in range(2))
    old = second.keys.active_data_key
    first.change_master(Keyring(secrets.token_bytes(32)))
    first.rotate_keys()
    monkeypatch.setattr("hub.store.crypto.LOOK_SECONDS", -1.0)
    with second.begin("admin") as tx:
        fill(tx, clock)
        assert len(tx.patients.find()) == 3
    assert second.keys.active_data_key == old
    first.close()
    second.close()
