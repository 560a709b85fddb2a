"""Backups and what comes back from them: whole, the same, kept from running, and never a claim sent twice."""

from __future__ import annotations

import dataclasses
import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from flowlab.house import MAILBOX, House
from flowlab.keeper import KEY_TEXT, KEYRING, pg_tools, place_of, visit

from hub.clock import TurnedClock
from hub.errors import HubError, Misconfigured, RetryLater
from hub.flow import after_restore, batch
from hub.flow.corrections import resend
from hub.keep import backup as backups
from hub.keep.backup import back_up
from hub.keep.drill import drill
from hub.keep.guard import MARGIN, accept, must_not_run, refuse
from hub.keep.place import Place
from hub.keep.restore import Restored, Wanted, restore, verify
from hub.keep.rotation import rotate
from hub.keep.steps import STEPS
from hub.store import Damaged, Store, open_store
from hub.store.copies import copy_sqlite, look
from hub.store.keeping import Backup

BY = {"by": "an operator", "why": "the disk was lost"}


@pytest.fixture
def house(made_url: str, clock: TurnedClock) -> Iterator[House]:
    """A practice that has sent one claim and has another ready, on each database."""
    yield from _house(made_url, clock)


@pytest.fixture
def cheap(made_sqlite_url: str, clock: TurnedClock) -> Iterator[House]:
    """The same on SQLite alone, where the database makes no difference."""
    yield from _house(made_sqlite_url, clock)


def _house(url: str, clock: TurnedClock) -> Iterator[House]:
    store = open_store(url, KEYRING, clock)
    house = House(store, clock)
    house.bill(*visit(1))
    house.tell(*visit(2))
    house.take_in()
    yield house
    store.close()


@pytest.fixture
def place(house: House, tmp_path: Path) -> Place:
    """The keeper's view of it."""
    return place_of(house, tmp_path)


@pytest.fixture
def lite(cheap: House, tmp_path: Path) -> Place:
    """The keeper's view of the one on SQLite."""
    return place_of(cheap, tmp_path)


@pytest.fixture
def empty_pg(request: pytest.FixtureRequest, house: House) -> str:
    """The address of an empty database to restore into, on PostgreSQL; nothing on SQLite."""
    if house.store.dialect == "sqlite":
        return ""
    return str(request.getfixturevalue("pg_url")) if "pg_url" not in request.fixturenames else ""


def put_back(place: Place, made: Backup, into: Path, store: str = "") -> Restored:
    """Restore a backup of `place`."""
    file = place.backups / made.file
    wanted = Wanted(file=file, into=into, keyring=KEYRING, key_text=KEY_TEXT, store=store, tools=pg_tools())
    return restore(wanted, place.clock)


def reopened(restored: Restored, clock: TurnedClock) -> Store:
    """The restored store."""
    return open_store(restored.url, KEYRING, clock)


def parts_left(folder: Path) -> list[str]:
    """What is not whole in a folder, by its name."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.name.startswith((".hub-", ".R")) or ".restoring" in path.name
    ]


def test_what_is_restored_is_what_was_backed_up(
    place: Place, empty_pg: str, clock: TurnedClock, tmp_path: Path
) -> None:
    """Every row, every promise and the audit chain come back, with the settings and without any secret."""
    made = back_up(place)
    file = place.backups / made.file
    assert (file.stat().st_mode & 0o777, file.stat().st_size) == (0o600, made.size)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == made.digest
    restored = put_back(place, made, tmp_path / "new", empty_pg)
    verdict = verify(restored, KEYRING)
    assert verdict.wrong == ()
    assert "11 of 11" in verdict.checked
    assert restored.manifest.held.position > 0
    assert (tmp_path / "new" / "notes.txt").read_text() == (place.folder / "notes.txt").read_text()
    assert restored.manifest.left_out == ("master.key",)
    assert "env:HUB_SFTP_KEY" in restored.missing
    assert KEY_TEXT.encode() not in file.read_bytes()
    with place.store.view() as view:
        assert [event.detail["digest"] for event in view.events.find(kind="backup.made")] == [made.digest]


def test_a_backup_while_others_write_is_of_one_moment(cheap: House, tmp_path: Path) -> None:
    """The copy ends although every step of it meets a new commit, and it holds one state: all or nothing of each."""
    done = threading.Event()
    target, source = tmp_path / "copy.db", Path(cheap.store.engines.url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(source)) as plain:
        plain.execute("CREATE TABLE filler (body BLOB)")
        plain.execute(
            "INSERT INTO filler SELECT randomblob(100000) FROM counters, (VALUES (1),(2),(3),(4),(5),(6))"
        )
        plain.commit()
    with cheap.store.view() as view:
        before = view.registry.numbers_of("busy")

    def busy(copied: int, total: int) -> None:
        if not done.is_set():
            with cheap.store.begin("admin") as tx:
                tx.registry.take("busy", 2, ref="busy")
        if copied >= total:
            done.set()

    copy_sqlite(source, target, busy)
    assert before == {}
    assert "busy" not in dict(_counters(target))
    assert dict(_counters(source))["busy"] > 1
    assert look(target).counts["claims"] == 2


def _counters(path: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(path)) as plain:
        return list(plain.execute("SELECT scope, next FROM counters"))


def test_a_restore_overwrites_nothing(place: Place, empty_pg: str, tmp_path: Path) -> None:
    """A folder that holds anything, and a database that holds anything, are refused and stay as they are."""
    made = back_up(place)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(Misconfigured, match="not empty"):
        put_back(place, made, tmp_path / "full", empty_pg)
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"
    if empty_pg:
        with pytest.raises(Misconfigured, match="not empty"):
            put_back(place, made, tmp_path / "other", place.url)
        assert not (tmp_path / "other").exists()


def test_a_restored_hub_does_not_run_before_a_person_says_so(
    place: Place, empty_pg: str, clock: TurnedClock, tmp_path: Path
) -> None:
    """Until `accept` the guard names the reason; `accept` wants who and why, and its dry run changes nothing."""
    assert must_not_run(place.store) is None
    restored = put_back(place, back_up(place), tmp_path / "new", empty_pg)
    store = reopened(restored, clock)
    new = dataclasses.replace(place, store=store, folder=restored.folder)
    with pytest.raises(Misconfigured, match="nobody has accepted"):
        refuse(store)
    with pytest.raises(Misconfigured, match="who and why"):
        accept(new, by="", why="x")
    accept(new, **BY, dry_run=True)
    assert must_not_run(store) is not None
    accept(new, **BY)
    assert must_not_run(store) is None
    with store.view() as view:
        (event,) = view.events.find(kind="restore.accepted")
        assert (event.actor, event.detail["why"]) == ("an operator", "the disk was lost")
        assert view.work.tally("reason")["restore.gap"][0] == 4
    with pytest.raises(HubError, match="nothing was restored"):
        accept(new, **BY)
    store.close()


def restored_house(lite: Place, clock: TurnedClock, into: Path) -> Iterator[House]:
    """The practice as it was yesterday, accepted today."""
    restored = put_back(lite, back_up(lite), into)
    clock.turn(timedelta(days=1))
    store = reopened(restored, clock)
    accept(dataclasses.replace(lite, store=store, folder=restored.folder), **BY)
    yield House(store, clock)
    store.close()


@pytest.fixture
def yesterday(lite: Place, clock: TurnedClock, tmp_path: Path) -> Iterator[House]:
    """The practice of `lite` after a restore from yesterday."""
    yield from restored_house(lite, clock, tmp_path / "new")


def test_no_control_number_is_used_twice(lite: Place, cheap: House, yesterday: House) -> None:
    """Promise 2: what the lost hub may have handed out since the backup is left out by a margin, in every counter."""
    with cheap.store.view() as view:
        before = {row[0]: row[1] for row in _counters(Path(cheap.store.engines.url.removeprefix("sqlite:///")))}
        assert view.restores.last() is None
    after = dict(_counters(Path(yesterday.store.engines.url.removeprefix("sqlite:///"))))
    assert before
    assert {scope: number + MARGIN for scope, number in before.items()} == {
        scope: after[scope] for scope in before
    }
    assert after["statement"] == 1 + MARGIN


def test_a_claim_that_may_have_gone_out_waits_for_a_person(yesterday: House) -> None:
    """Promise 3: what was ready at the backup may have been sent since; it is held with a work item, and goes out
    when a person has asked and says so."""
    yesterday.send()
    assert yesterday.states("claims")["held"] == 1
    assert len(yesterday.sent()) == 1
    with yesterday.store.view() as view:
        (item,) = view.work.list(reason_prefix="restore.maybe_sent")
    yesterday.send()
    assert len(yesterday.sent()) == 1
    with yesterday.store.begin("work.resolve") as tx:
        tx.work.resolve(item.id, "the clearinghouse does not have it", "a biller")
        row = tx.claims.get(item.aggregate_id)
        assert row is not None
        resend(tx, yesterday.settings, row, "a biller")
    yesterday.take_in()
    yesterday.send()
    assert [one.claim_id for one in yesterday.sent()][-1] == item.aggregate_id


def test_what_the_ehr_tells_again_is_asked_about_too(yesterday: House, clock: TurnedClock) -> None:
    """A visit that came in after the backup may have been billed by the lost hub; a later one cannot."""
    yesterday.tell(*visit(3))
    yesterday.take_in()
    yesterday.send()
    assert yesterday.work()["restore.maybe_sent"] == 2
    assert len(yesterday.sent()) == 1
    clock.turn(timedelta(days=40))
    yesterday.tell(*visit(4))
    yesterday.take_in()
    yesterday.send()
    assert len(yesterday.sent()) == 2


def test_statements_wait_for_a_persons_word(yesterday: House) -> None:
    """Nobody is sent a statement on books that do not know the payments since the backup, until a person says so."""
    practice = next(iter(yesterday.settings.practices))
    assert after_restore.statements_wait(yesterday.hub, practice)
    assert after_restore.statements_wait(yesterday.hub, practice)
    with yesterday.store.view() as view:
        (item,) = view.work.list(reason_prefix="restore.statements")
    with yesterday.store.begin("work.resolve") as tx:
        tx.work.resolve(item.id, "the payments are posted again", "a biller")
    assert not after_restore.statements_wait(yesterday.hub, practice)


def test_a_file_that_was_under_way_is_in_doubt(lite: Place, cheap: House, yesterday: House) -> None:
    """Promise 4: what was frozen at the backup is not sent by the restored hub without a person or an answer."""
    with yesterday.store.view() as view:
        (file,) = view.files.find()
        items = view.work.list(reason_prefix="dispatch.in_doubt")
    assert file.state == "in_doubt"
    assert [item.aggregate_id for item in items] == [file.id]


def test_a_drill_proves_the_newest_backup_and_leaves_nothing(place: Place, tmp_path: Path) -> None:
    """The newest backup is restored into a temporary place and proved: date and words stand with it."""
    made = back_up(place)
    done = drill(place)
    assert done.verdict.wrong == ()
    with place.store.view() as view:
        (row,) = view.backups.list()
    assert (row.id, row.proved_at) == (made.id, place.clock.now())
    assert "11 of 11" in row.proof
    assert parts_left(tmp_path) == []


def test_a_drill_that_finds_damage_is_work(lite: Place) -> None:
    """A backup that is not what was made is named with its member and chunk, for a person."""
    made = back_up(lite)
    file = lite.backups / made.file
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.write_bytes(body)
    assert drill(lite).verdict.wrong == ("chunk 0 of member database is not as it was written",)
    with lite.store.view() as view:
        (item,) = view.work.list(reason_prefix="backup.not_proved")
        assert view.backups.list()[0].proved_at is None
    assert "chunk 0 of member database" in item.why
    file.unlink()
    assert "not in its folder" in drill(lite).verdict.wrong[0]
    clock_moved = back_up(lite)
    assert drill(lite).backup.id == clock_moved.id
    with lite.store.view() as view:
        assert view.work.count(reason="backup.not_proved") == 0


def test_damage_names_member_and_chunk_and_leaves_nothing(place: Place, empty_pg: str, tmp_path: Path) -> None:
    """One flipped byte, a file cut short, another master key: each is said in words, and no hub is left behind."""
    made = back_up(place)
    file = place.backups / made.file
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) * 3 // 4] ^= 1
    for body, says in (
        (bytes(flipped), "member database"),
        (whole[: len(whole) // 2], "cut short"),
        (whole + b"x", "follows"),
    ):
        file.write_bytes(body)
        with pytest.raises(Damaged, match=says):
            put_back(place, made, tmp_path / "new", empty_pg)
        assert not (tmp_path / "new").exists()
    file.write_bytes(whole)
    wrong = Wanted(file=file, into=tmp_path / "new", keyring=KEYRING.__class__(bytes(32)), store=empty_pg)
    with pytest.raises(Misconfigured, match=KEYRING.mark):
        restore(wrong, place.clock)
    assert parts_left(tmp_path) == []
    assert verify(put_back(place, made, tmp_path / "new", empty_pg), KEYRING).ok


def test_a_newer_hubs_backup_is_refused(lite: Place, tmp_path: Path) -> None:
    """A backup whose tables a newer hub made is not half-read: the words say which version to install."""
    with closing(sqlite3.connect(Path(lite.url.removeprefix("sqlite:///")))) as plain:
        plain.execute("CREATE TABLE alembic_version (version_num TEXT)")
        plain.execute("INSERT INTO alembic_version VALUES ('9999')")
        plain.commit()
    made = backups.make(lite, _made(lite.backups))
    with pytest.raises(Misconfigured, match="newer hub"):
        put_back(lite, made, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_a_full_disk_is_told_and_the_earlier_backups_stay(lite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """No space, before or in the middle: words, no half file, and what was there is there."""
    first = back_up(lite)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("hub.keep.backup.os.fsync", full)
        with pytest.raises(RetryLater, match="the disk is full"):
            back_up(lite)
    with monkeypatch.context() as patched:
        patched.setattr("hub.keep.backup.size_of", lambda _url: 1 << 60)
        with pytest.raises(RetryLater, match="not enough disk"):
            back_up(lite)
    assert [path.name for path in lite.backups.glob("*.hubbackup*")] == [first.file]
    assert parts_left(lite.folder) == []


def test_the_next_backup_sweeps_and_adopts(lite: Place) -> None:
    """What a killed backup left unfinished goes; one that was whole but not recorded yet is recorded; a foreign or
    damaged file is left alone."""
    lite.backups.mkdir()
    (lite.backups / ".hub-20260301T000000Z-abc123.hubbackup.part").write_bytes(b"half")
    (lite.data / ".hub-copy-1.db").write_bytes(b"half")
    (lite.backups / "hub-20260301T000000Z-abc124.hubbackup").write_bytes(b"no backup at all")
    whole = backups.make(lite, lite.backups)
    made = back_up(lite)
    with lite.store.view() as view:
        assert {row.file for row in view.backups.list()} == {whole.file, made.file}
        digests = {row.digest for row in view.backups.list()}
    assert digests == {whole.digest, made.digest}
    assert parts_left(lite.folder) == []
    assert not (lite.data / ".hub-copy-1.db").exists()


def test_two_at_once_are_refused(lite: Place) -> None:
    """A second backup or drill at the same moment waits for its next turn: neither sweeps the other's work."""
    from hub.store.copies import alone

    with alone("the first", lite.backups), pytest.raises(RetryLater, match="at work"):
        back_up(lite)


def test_rotation_never_removes_the_last_proved_backup(lite: Place, clock: TurnedClock) -> None:
    """After years, of old backups those stay that the settings want, the newest, and the newest that was proved."""
    proved = back_up(lite)
    drill(lite)
    for _ in range(3):
        clock.turn(timedelta(days=400))
        last = back_up(lite)
    would = rotate(lite, dry_run=True)
    assert len(would) == 2
    assert len(list(lite.backups.glob("*.hubbackup"))) == 4
    assert [one.id for one in rotate(lite)] == [one.id for one in would]
    assert {path.name for path in lite.backups.glob("*.hubbackup")} == {proved.file, last.file}
    with lite.store.view() as view:
        assert len(view.backups.list(state="removed")) == 2


def test_the_steps_of_a_night(cheap: House, lite: Place, clock: TurnedClock) -> None:
    """`keep.backup`, `keep.drill` and `keep.tidy` do their part, and one that cannot is a work item, not a crash."""
    hub = dataclasses.replace(
        cheap.hub,
        folder=lite.folder,
        settings=lite.settings.model_copy(
            update={
                "print": cheap.settings.print.model_copy(update={"vendor": ""}),
                "mailboxes": {},
                "route": cheap.settings.route.model_copy(update={"default": "", "payers": {}}),
            }
        ),
    )
    assert STEPS["keep.drill"](hub, "hub").done == 0
    assert STEPS["keep.backup"](hub, "hub").done == 1
    with lite.store.view() as view:
        assert view.work.count(reason="backup.not_proved") == 1
    assert STEPS["keep.drill"](hub, "hub").done == 1
    with lite.store.view() as view:
        assert view.work.count(owner="it", aggregate="backup") == 0
    with lite.store.begin("schedule.slot") as tx:
        for day in range(1, 4):
            tx.slots.take("nightly", f"2026-03-0{day}T00:00")
    clock.turn(timedelta(days=500))
    assert not STEPS["keep.tidy"](hub, "hub").more
    with lite.store.view() as view:
        assert view.slots.last("nightly") == "2026-03-03T00:00"
        assert [view.slots.taken("nightly", f"2026-03-0{day}T00:00") for day in (1, 2, 3)] == [False, False, True]


def test_nothing_is_asked_where_nothing_was_restored(cheap: House) -> None:
    """Without a restore, a ready claim goes out as ever."""
    assert batch.freeze(cheap.hub, MAILBOX).done == 1
    assert len(cheap.sent()) == 2
