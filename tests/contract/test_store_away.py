"""A store that is full or away is `StoreAway`: nothing is half done, and it goes on when the cause is gone."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from hub.clock import TurnedClock
from hub.errors import Misconfigured, StoreAway
from hub.store import Keyring, Store, engine, open_store

BODY = b"x" * 200_000


def put(store: Store, name: str, then: str = "") -> int:
    """Store a message that needs new pages, and run `then` in the same transaction."""
    with store.begin("ingest.receive") as tx:
        seq, _ = tx.inbox.put(practice="p", source="s", kind="message", external=name, body=BODY + name.encode())
        if then:
            tx.session.conn.execute(text(then))
    return seq


def held(store: Store) -> int:
    """How many messages there are."""
    with store.view() as view:
        return sum(view.inbox.tally().values())


def test_a_full_disk_changes_nothing(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> None:
    """SQLite's own word for a full disk: the transaction is gone whole, and with room again the next one works."""
    store = open_store(made_sqlite_url, keyring, clock)
    put(store, "1")
    with store.begin("admin") as tx:
        pages = tx.session.conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.session.conn.exec_driver_sql(f"PRAGMA max_page_count={pages + 5}")
    with pytest.raises(StoreAway, match="full"):
        put(store, "2")
    assert held(store) == 1
    with store.begin("admin") as tx:
        tx.session.conn.exec_driver_sql("PRAGMA max_page_count=1000000")
    assert put(store, "2") == 2
    assert held(store) == 2
    store.close()


@pytest.mark.parametrize(
    ("code", "words"), [("53100", "full"), ("57P01", "away"), ("25006", "away"), ("53300", "away")]
)
def test_what_postgresql_says_is_told_apart(
    made_pg_url: str, keyring: Keyring, clock: TurnedClock, code: str, words: str
) -> None:
    """A full disk, a server that goes down, only reads or is overrun: it passes, and nothing is half done."""
    store = open_store(made_pg_url, keyring, clock)
    with pytest.raises(StoreAway, match=words):
        put(store, "1", f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$")
    assert held(store) == 0
    assert put(store, "1") > 0
    store.close()


def test_a_vanished_disk_leaves_no_empty_database(
    made_sqlite_url: str, keyring: Keyring, clock: TurnedClock, tmp_path: Path
) -> None:
    """Where its folder is suddenly an empty one (an unmounted disk), no new database is made there."""
    place = tmp_path / "mount"
    place.mkdir()
    (tmp_path / "hub.db").rename(place / "hub.db")
    store = open_store(made_sqlite_url.replace("hub.db", "mount/hub.db"), keyring, clock)
    put(store, "1")
    store.engines.dispose()
    place.rename(tmp_path / "unmounted")
    place.mkdir()
    for _ in range(2):
        with pytest.raises(StoreAway, match="away"):
            put(store, "2")
    assert list(place.iterdir()) == []
    place.rmdir()
    (tmp_path / "unmounted").rename(place)
    assert put(store, "2") == 2
    store.close()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE])
def test_a_disk_that_fails_beside_the_database_passes_too(number: int) -> None:
    """A full or failing disk under a temporary file or a backup is a matter of waiting, not a bug."""
    with pytest.raises(StoreAway) as told, engine.told_apart():
        raise OSError(number, "no")
    assert ("make room" in told.value.fix) is (number in (errno.ENOSPC, errno.EDQUOT))


def test_other_errors_of_the_system_stay_what_they_are() -> None:
    """A missing file is no reason to wait."""
    with pytest.raises(FileNotFoundError), engine.told_apart():
        raise FileNotFoundError(errno.ENOENT, "no")


def test_a_database_that_may_not_be_opened_is_for_a_person(
    tmp_path: Path, keyring: Keyring, clock: TurnedClock
) -> None:
    """A folder in the place of the file will not mend itself."""
    (tmp_path / "hub.db").mkdir()
    with pytest.raises(Misconfigured, match="cannot be opened"):
        open_store(f"sqlite:///{tmp_path / 'hub.db'}", keyring, clock)


def test_a_disk_that_is_full_at_the_start_is_called_full(
    made_sqlite_url: str, keyring: Keyring, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite cannot make its journal on a full disk and calls that another fault; the hub looks, and says full. With
    room on the disk the same fault is what SQLite says it is.
    """
    path = Path(made_sqlite_url.removeprefix("sqlite:///"))
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    path.with_name(path.name + "-wal").mkdir()
    with pytest.raises(StoreAway, match="away"):
        held(open_store(made_sqlite_url, keyring, clock))
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=0))
    with pytest.raises(StoreAway, match="full"):
        held(open_store(made_sqlite_url, keyring, clock))
