"""The parts of keeping: the file of a backup, the key on paper, what rotation keeps, settings in their new place."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from hub.config.unattended import Backup as Rules
from hub.errors import Misconfigured, Refused
from hub.keep import archive, note, paper
from hub.keep.archive import CHUNK, Reader, Writer, header_of
from hub.keep.rotation import too_old
from hub.keep.settings_member import resettle, stays_inside
from hub.store import Damaged, Keyring
from hub.store.keeping import Backup

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
KEYRING = Keyring(bytes(32))
ABOUT = {"id": "bak_1", "made_at": NOW, "hub": "0.1.0", "schema": "0002", "kind": "sqlite"}


def written(database: bytes = b"rows") -> bytes:
    """A backup with this database in it."""
    file = io.BytesIO()
    writer = Writer(file, KEYRING, **ABOUT)
    writer.member("settings", [b"one", b"two"])
    writer.member("database", [database])
    writer.member("manifest", [b"{}"])
    assert writer.size == len(file.getvalue())
    return file.getvalue()


def read(body: bytes, keyring: Keyring = KEYRING) -> dict[str, bytes]:
    """Every member, read to the end of the file."""
    reader = Reader(io.BytesIO(body), keyring)
    found = {name: b"".join(reader.member(name)) for name in archive.MEMBERS}
    reader.end()
    return found


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_what_is_written_is_read(size: int) -> None:
    """Members of any length come back as they were, around every border of a chunk."""
    assert read(written(b"r" * size)) == {"settings": b"onetwo", "database": b"r" * size, "manifest": b"{}"}


WHOLE = written(bytes(range(256)) * 8)


@settings(max_examples=150, deadline=None)
@given(place=some.integers(min_value=0, max_value=len(WHOLE) - 1), bit=some.integers(min_value=0, max_value=7))
def test_no_bit_can_be_changed_unseen(place: int, bit: int) -> None:
    """Whatever single bit of the file is turned: it is refused, never read as something else."""
    body = bytearray(WHOLE)
    body[place] ^= 1 << bit
    with pytest.raises((Refused, Misconfigured)):
        read(bytes(body))


@settings(max_examples=60, deadline=None)
@given(length=some.integers(min_value=0, max_value=len(WHOLE) - 1))
def test_no_end_can_be_cut_off_unseen(length: int) -> None:
    """A file that ends anywhere before its end is refused."""
    with pytest.raises((Refused, Misconfigured)):
        read(WHOLE[:length])


def test_members_of_two_backups_cannot_be_mixed() -> None:
    """A chunk is bound to its own file: the database of another backup does not open in this one."""
    one, two = written(b"a" * 999), written(b"b" * 999)
    middle = len(one) // 2
    with pytest.raises(Damaged):
        read(one[:middle] + two[middle:])


def test_the_header_says_which_key_and_is_read_without_one() -> None:
    """Who has no key still learns which one is needed; the wrong one is told its own mark and the right one's."""
    assert header_of(io.BytesIO(WHOLE)).master == KEYRING.mark
    other = Keyring(b"x" * 32)
    with pytest.raises(Misconfigured, match=f"{other.mark}.*{KEYRING.mark}"):
        read(WHOLE, other)


def test_memory_does_not_grow_with_the_database() -> None:
    """A member is taken and given in pieces: no more than a few chunks are held at once."""
    held = 0

    def pieces() -> Iterator[bytes]:
        nonlocal held
        for _ in range(20):
            yield bytes(CHUNK)
            held = max(held, file.tell())

    file = io.BytesIO()
    writer = Writer(file, KEYRING, **ABOUT)
    writer.member("settings", [])
    assert writer.member("database", pieces()).chunks == 20
    assert held > 0
    reader = Reader(io.BytesIO(file.getvalue()), KEYRING)
    list(reader.member("settings"))
    assert max(map(len, reader.member("database"))) == CHUNK


def test_a_key_on_paper_can_be_typed_in_again() -> None:
    """The page gives the key back, in any case and spacing; the plain forms of a key are taken too."""
    secret = bytes(range(32)).hex()
    page = paper.page(secret, "file:master.key")
    assert Keyring.from_text(secret).mark in page
    assert paper.read(page) == secret
    typed = "\n".join(line.upper().replace("  ", " ").replace("1. ", "1 ") for line in paper.lines(secret))
    assert paper.read(typed) == secret
    assert paper.read(f" {secret}\n") == secret


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_line_typed_wrong_is_named_and_not_repeated(number: int) -> None:
    """One wrong digit: which line it is in, and nothing of what stands there."""
    lines = paper.lines("ab" * 32)
    lines[number - 1] = lines[number - 1].replace("abab", "abac", 1)
    with pytest.raises(Misconfigured, match=f"line {number} ") as caught:
        paper.read("\n".join(lines))
    assert "ab" not in str(caught.value).replace("not as on its paper", "")
    with pytest.raises(Misconfigured, match="missing"):
        paper.read("\n".join(paper.lines("ab" * 32)[:3]))


def row(days_ago: int, *, proved: bool = False) -> Backup:
    """A backup of so many days ago."""
    at = NOW - timedelta(days=days_ago)
    return Backup(
        id=f"bak_{days_ago:04}", file="f", kind="sqlite", began_at=at, ended_at=at, size=1, digest="",
        state="made", proved_at=at if proved else None,
    )  # fmt: skip


def test_rotation_keeps_days_then_months() -> None:
    """A backup each day for two years: 35 days stay, then the first of each of twelve months, and of this one."""
    days = [row(number) for number in range(730)]
    gone = {one.id for one in too_old(days, NOW, Rules(keep_days=35, keep_months=12))}
    kept = [one for one in days if one.id not in gone]
    assert all(NOW - one.began_at <= timedelta(days=35) for one in kept if one.began_at.day != 1)
    firsts = {(one.began_at.year, one.began_at.month) for one in kept if one.began_at.day == 1}
    assert len(firsts) == 13
    assert min(firsts) == (2025, 3)


@given(
    ages=some.lists(some.integers(min_value=0, max_value=2000), unique=True, max_size=30),
    proved=some.integers(min_value=0, max_value=29),
    keep=some.integers(min_value=1, max_value=40),
)
def test_the_newest_and_the_last_proved_always_stay(ages: list[int], proved: int, keep: int) -> None:
    """Whatever the settings: neither the newest backup nor the newest proved one is ever removed."""
    rows = [row(age, proved=number <= proved and number % 3 == 0) for number, age in enumerate(ages)]
    gone = {one.id for one in too_old(rows, NOW, Rules(keep_days=keep, keep_months=0))}
    newest = max(rows, key=lambda one: one.began_at, default=None)
    last = max((one for one in rows if one.proved_at), key=lambda one: one.began_at, default=None)
    assert not {one.id for one in (newest, last) if one} & gone


@pytest.mark.parametrize(
    "text",
    [
        '[hub]\ndata = "/var/lib/hub"  # there\nstore = "env:X"\nusage = "P"\n\n[route]\ndefault = "a"\n',
        '[route]\ndefault = "a"\n[hub]\nusage = "P"\n',
        '[route]\ndefault = "a"\n',
        "",
    ],
)
def test_settings_are_made_to_fit_their_new_place(text: str) -> None:
    """Only the named keys of [hub] change, wherever that table stands or if it is missing."""
    known = tomllib.loads(resettle(text, {"data": "data", "store": ""}))
    assert known["hub"]["data"] == "data"
    assert "store" not in known["hub"]
    before = tomllib.loads(text)
    assert known.get("route") == before.get("route")
    assert known["hub"].get("usage") == before.get("hub", {}).get("usage")


def test_only_a_folder_within_the_settings_moves_with_them() -> None:
    """A data folder elsewhere is not written to by a restore."""
    assert stays_inside("data/hub")
    assert not stays_inside("/var/lib/hub")
    assert not stays_inside("../data")


def test_the_note_says_what_is_needed_at_night() -> None:
    """RESTORE.txt names the key's mark, the commands and what comes first; PostgreSQL's needs are there with it."""
    text = note.text("abcdef012345", "postgresql")
    for words in ("abcdef012345", "hub restore", "--verify", "accept", "Stop the old hub", "postgresql-client"):
        assert words in text
    assert "postgresql" not in note.text("abcdef012345", "sqlite").lower()
