"""HL7 files at an SFTP account, over real SSH: whole, in order, once, and archived after the commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.source import Hl7Source
from hub_sftp_transfer import forget_failures
from mllplab import message

from hub.plugin.api import Misconfigured, RetryLater
from hub.testing.fakes import FakeContext
from hub.testing.sftp import SftpPartner, sftp_partner


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[SftpPartner]:
    """An account with the folders `out` and `taken`."""
    pytest.importorskip("asyncssh")
    forget_failures()
    with sftp_partner(tmp_path / "partner") as running:
        (running.root / "taken").mkdir(exist_ok=True)
        (running.root / "out").mkdir(exist_ok=True)
        yield running
    forget_failures()


Make = Callable[..., Hl7Source]


@pytest.fixture
def make(partner: SftpPartner) -> Iterator[Make]:
    """Makes a source on that account; each is closed at the end, and all share what a plugin remembers."""
    saved: dict[str, bytes] = {}
    made: list[Hl7Source] = []

    def source(profile: dict[str, Any] | None = None, **more: Any) -> Hl7Source:
        sftp = {"get_folders": ["out"], "after_done": "archive", "archive_folder": "taken", **more}
        told = {"sftp": partner.settings(**sftp), "settle_seconds": 0, **(profile or {})}
        context = FakeContext("adt", secrets=dict(partner.secrets), saved=saved)
        made.append(Hl7Source(Hl7Settings.model_validate(told), context))
        return made[-1]

    yield source
    for one in made:
        one.close()


def drain(source: Hl7Source, cursor: str = "") -> tuple[list[bytes], str]:
    """All that waits, and the cursor after it."""
    found: list[bytes] = []
    while True:
        changes = source.changes(cursor)
        found += [one.body for one in changes.messages]
        cursor = changes.cursor
        if not changes.more:
            return found, cursor


def test_files_come_once_and_are_archived_after_the_commit(partner: SftpPartner, make: Make) -> None:
    """A file's messages come each on its own; only the cursor that comes back moves the file, and after a crash
    before that the same messages come again under the same ids."""
    partner.deliver("out", "a.hl7", message(1) + message(2))
    first = make().changes("")
    assert [one.body for one in first.messages] == [message(1), message(2)]
    assert partner.names("out") == ["a.hl7"]
    again = make().changes("")
    assert again.messages == first.messages
    assert drain(make(), first.cursor)[0] == []
    assert (partner.names("out"), partner.names("taken")) == ([], ["a.hl7"])


def test_the_same_name_again_is_another_file(partner: SftpPartner, make: Make) -> None:
    """A new file under a name that was taken comes too, and nothing in the archive is replaced."""
    source = make()
    cursor = ""
    for n in (1, 2):
        partner.deliver("out", "a.hl7", message(n, more="NTE|1\r" * n))
        found, cursor = drain(source, cursor)
        assert found == [message(n, more="NTE|1\r" * n)]
        _, cursor = drain(source, cursor)
    assert len(partner.names("taken")) == 2


def test_what_is_left_comes_once(partner: SftpPartner, make: Make) -> None:
    """Where files are left at the partner, what was taken is remembered, after a restart too."""
    partner.deliver("out", "a.hl7", message(1))
    found, cursor = drain(make(after_done="leave"))
    assert found == [message(1)]
    for _ in range(3):
        found, cursor = drain(make(after_done="leave"), cursor)
        assert found == []
    assert partner.names("out") == ["a.hl7"]


def test_unfinished_files_wait(partner: SftpPartner, make: Make) -> None:
    """Names of unfinished transfers do not come, nor does a file that is empty; renamed into place it comes."""
    path = partner.deliver("out", "a.hl7.part", message(1))
    partner.deliver("out", "b.hl7", b"")
    found, cursor = drain(make(settle_seconds=0.01))
    assert found == []
    path.rename(path.with_name("a.hl7"))
    assert drain(make(settle_seconds=0.01), cursor)[0][:1] == [message(1)]


def test_a_pull_is_bounded(partner: SftpPartner, make: Make) -> None:
    """A large file comes in several pulls, each message once, with a restart in between."""
    sent = [message(n) for n in range(12)]
    partner.deliver("out", "a.hl7", b"".join(sent[:9]))
    partner.deliver("out", "b.hl7", b"".join(sent[9:]))
    found, cursor, pulls, more = [], "", 0, True
    while more:
        changes = make(batch_bytes=300).changes(cursor)
        found += [one.body for one in changes.messages]
        cursor, more, pulls = changes.cursor, changes.more, pulls + 1
    assert sorted(found) == sorted(sent)
    assert pulls > 3


def test_names_go_no_further(partner: SftpPartner, make: Make) -> None:
    """A file name may be a patient's: neither ids nor the cursor hold it."""
    partner.deliver("out", "QUILLFEATHER.hl7", message(1))
    changes = make().changes("")
    assert "QUILL" not in changes.cursor + changes.messages[0].external_id


def test_a_folder_beside_the_account(partner: SftpPartner, make: Make, tmp_path: Path) -> None:
    """Files of both come; a cursor from before there was an account is the folder's; an account that is away does not
    hold the folder up."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "x.hl7").write_bytes(message(1))
    partner.deliver("out", "a.hl7", message(2))
    alone = Hl7Source(Hl7Settings(folder=folder, settle_seconds=0, after="leave"), FakeContext("adt"))
    _, cursor = drain(alone)
    told = {"folder": str(folder), "after": "leave"}
    found, cursor = drain(make(told), cursor)
    assert found == [message(2)]
    (folder / "y.hl7").write_bytes(message(3))
    gone = make(told, port=1, connect_attempts=1)
    found, _ = drain(gone, cursor)
    assert found == [message(3)]
    with pytest.raises((RetryLater, Misconfigured)):
        make(port=1, connect_attempts=1).changes("")


def test_the_account_is_checked(make: Make) -> None:
    """`hub check` looks at the account step by step."""
    assert all(step.ok for step in make().check())
    assert not all(step.ok for step in make(get_folders=["nowhere"]).check())
