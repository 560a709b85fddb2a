"""The settings in a backup: the hub's own files or no backup, no key under any name, what is left out told."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from flowlab.house import House
from flowlab.keeper import KEY_TEXT, KEYRING, MASTER, place_of

from hub.clock import TurnedClock
from hub.errors import Misconfigured
from hub.keep import paper, settings_member
from hub.keep.archive import Writer
from hub.keep.place import Place
from hub.keep.restore import Wanted, restore
from hub.keep.settings_member import pack
from hub.store import Damaged, open_store


@pytest.fixture
def place(clock: TurnedClock, tmp_path: Path) -> Place:
    """A settings folder; its database is never looked at."""
    return place_of(House(open_store(f"sqlite:///{tmp_path / 'hub.db'}", KEYRING, clock), clock), tmp_path)


def names(place: Place) -> set[str]:
    """What is in the member."""
    with tarfile.open(fileobj=io.BytesIO(pack(place).body)) as tar:
        return set(tar.getnames())


def test_the_hubs_own_files_come_before_everything(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder full of files that sort earlier takes the room from others, never from hub.toml; what found none is
    told by name."""
    (place.folder / "drop").mkdir()
    for number in range(40):
        (place.folder / "drop" / f"{number:03}.hl7").write_bytes(b"x" * 1_000)
    own = sum(path.stat().st_size for path in place.folder.glob("*.toml"))
    monkeypatch.setattr(settings_member, "_MOST", own + 10_000)
    assert {path.name for path in place.folder.glob("*.toml")} <= names(place)
    assert sum(name.startswith("drop/") for name in names(place)) == 10
    assert "drop/039.hl7" in pack(place).left_out


@pytest.mark.parametrize("holds", ["room", "key"])
def test_a_backup_without_one_of_the_hubs_own_files_is_refused(
    place: Place, holds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing runs without hub.toml: where it cannot be in the backup there is none, and the words say why."""
    if holds == "room":
        monkeypatch.setattr(settings_member, "_MOST", 10)
    else:
        with (place.folder / "hub.toml").open("a") as file:
            file.write("# -----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(Misconfigured, match=r"\.toml cannot be in a backup"):
        pack(place)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("master.key.old", KEY_TEXT),
        ("server.pem-2025", "anything"),
        ("copy.of.KEY.txt", "anything"),
        ("before.txt", KEY_TEXT + "\n"),
        ("note", MASTER.hex()),
        ("page.txt", paper.page(KEY_TEXT, "file:master.key")),
        ("wrong-page.txt", paper.page(KEY_TEXT, "file:master.key").replace("0001", "0002", 1)),
        ("how-to.txt", f"the key of last year is\n  {bytes(range(1, 33)).hex()}\nkeep it"),
    ],
)
def test_no_master_key_is_in_a_backup_under_any_name(place: Place, name: str, text: str) -> None:
    """By its name or by what stands in it: a file with this or another master key is left out, and told."""
    (place.folder / name).write_text(text)
    assert name not in names(place)
    assert name in pack(place).left_out


def test_plain_files_stay_in(place: Place) -> None:
    """Names and texts that only remind of a key: a monkey, digests of files, a table of numbers."""
    plain = {"monkey.txt": "a", "keynotes.md": "b", "sums.txt": f"{MASTER.hex()}  hub.toml\n", "n.csv": "1,2,3\n"}
    for name, text in plain.items():
        (place.folder / name).write_text(text)
    assert set(plain) <= names(place)


def test_a_backup_without_settings_is_refused_in_words(place: Place, clock: TurnedClock, tmp_path: Path) -> None:
    """A backup that holds no hub.toml: one sentence and what to do, and no folder that could be taken for a hub."""
    file = tmp_path / "odd.hubbackup"
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w"):
        pass
    with file.open("wb") as out:
        about = {"id": "bak_1", "made_at": clock.now(), "hub": "0.1.0", "schema": "0001", "kind": "sqlite"}
        writer = Writer(out, KEYRING, **about)
        writer.member("settings", [body.getvalue()])
        writer.member("database", [b"rows"])
        writer.member("manifest", [b"{}"])
    with pytest.raises(Damaged, match=r"no hub\.toml"):
        restore(Wanted(file=file, into=tmp_path / "new", keyring=KEYRING, key_text=KEY_TEXT), clock)
    assert not (tmp_path / "new").exists()
