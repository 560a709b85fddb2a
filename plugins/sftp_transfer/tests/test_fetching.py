"""Files on their way in over real SSH: listed when whole, streamed, done with."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_sftp_transfer import Mailbox

from hub.plugin.api import Refused, RetryLater
from hub.sandbox.sftp_server import Options
from hub.testing.fakes import FakeContext
from hub.testing.faults import FaultProxy, Faults
from hub.testing.kits.partner import outgoing
from hub.testing.sftp import SftpPartner

Make = Callable[..., Mailbox]
INTERCHANGE = (
    b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260302*1400*^*00501*000000001*0*T*:~"
    b"GS*HP*S*R*20260302*1400*1*X*005010X221A1~ST*835*0001~SE*2*0001~GE*1*1~IEA*1*000000001~"
)


class Waited(threading.Event):
    """A stop event on which nobody waits long: something happens meanwhile."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def wait(self, timeout: float | None = None) -> bool:
        """As if `timeout` had passed."""
        self._meanwhile()
        return self.is_set()


def test_download_cut_in_the_middle(partner: SftpPartner, make: Make) -> None:
    """A cut download raises, never ends as if it were whole; the next one is whole."""
    body = os.urandom(600_000)
    partner.deliver("out", "report.txt", body)
    with FaultProxy(partner.server.host, partner.server.port) as proxy:
        box = make(port=proxy.port)
        (ref,) = box.list("").refs
        proxy.faults = Faults(cut_to_client_after=200_000)
        with pytest.raises(RetryLater):
            list(box.open(ref))
        proxy.faults = Faults()
        assert b"".join(box.open(ref)) == body
        box.close()


def test_listing_names_whole_files_in_order_and_leaves_out_unfinished_names(
    partner: SftpPartner, make: Make
) -> None:
    """Temporary and hidden names, and folders, are nobody's answers; the rest comes oldest first."""
    for name, when in (("b.835", 100), ("a.999", 200), ("c.835.part", 50), (".d.835", 50), ("e.tmp", 50)):
        os.utime(partner.deliver("out", name, b"x"), (when, when))
    (partner.root / "out" / "folder").mkdir()
    listing = make().list("")
    assert [ref.name for ref in listing.refs] == ["b.835", "a.999"]
    assert [ref.size for ref in listing.refs] == [1, 1]
    assert listing.refs[0].modified_at.timestamp() == 100


def test_patterns_choose_what_is_taken(partner: SftpPartner, make: Make) -> None:
    """`take` and `ignore` are patterns of names, without regard to case."""
    for name in ("a.835", "b.TXT", "c.999"):
        partner.deliver("out", name, b"x")
    refs = make(take=["*.835", "*.txt"], ignore=["b.*"]).list("").refs
    assert [ref.name for ref in refs] == ["a.835"]


def test_a_file_still_being_written_is_not_taken(partner: SftpPartner, make: Make) -> None:
    """What grows between two looks waits; it is taken once it stays as it is, and remembered by the cursor."""
    path = partner.deliver("out", "a.835", INTERCHANGE[:50])
    made = FakeContext("test", secrets=partner.secrets)
    made.stop = Waited(lambda: path.write_bytes(INTERCHANGE[:100]))
    box = make(made, settle_seconds=1)
    first = box.list("")
    assert first.refs == ()
    made.stop = Waited(lambda: None)
    path.write_bytes(INTERCHANGE)
    second = make(made, settle_seconds=1).list(first.cursor)
    assert [ref.size for ref in second.refs] == [len(INTERCHANGE)]
    assert second.cursor == ""


def test_an_empty_file_waits_for_a_second_listing(partner: SftpPartner, make: Make) -> None:
    """A name with nothing in it is mostly a file about to be written."""
    partner.deliver("out", "a.835", b"")
    box = make()
    first = box.list("")
    assert first.refs == ()
    assert [ref.size for ref in box.list(first.cursor).refs] == [0]


def test_a_file_that_grew_or_shrank_since_it_was_listed(partner: SftpPartner, make: Make) -> None:
    """More or fewer bytes than were listed are never handed over as a whole file."""
    path = partner.deliver("out", "a.txt", b"x" * 100_000)
    box = make()
    (ref,) = box.list("").refs
    path.write_bytes(b"x" * 40_000)
    with pytest.raises(RetryLater, match="fewer"):
        list(box.open(ref))
    (smaller,) = box.list("").refs
    path.write_bytes(b"x" * 100_001)
    with pytest.raises(RetryLater, match="written"):
        list(box.open(smaller))
    for outdated in (ref, smaller):
        with pytest.raises(Refused, match="listed again"):
            list(box.open(outdated))
    (whole,) = box.list("").refs
    assert len(b"".join(box.open(whole))) == 100_001


def test_an_interchange_without_its_end_is_believed_at_the_third_time(partner: SftpPartner, make: Make) -> None:
    """A cut interchange is waited for, but at last handed over: it must not stay outside for ever."""
    partner.deliver("out", "a.835", INTERCHANGE[:-10])
    box = make()
    (ref,) = box.list("").refs
    for _ in range(2):
        with pytest.raises(RetryLater, match="IEA"):
            list(box.open(ref))
    assert b"".join(box.open(ref)) == INTERCHANGE[:-10]


@pytest.mark.parametrize("after", ["leave", "delete", "archive"])
def test_done_is_harmless_twice_and_after_a_restart(partner: SftpPartner, after: str, make: Make) -> None:
    """A file that is done is not listed again, whatever becomes of it at the partner."""
    partner.deliver("out", "a.835", INTERCHANGE)
    partner.deliver("out", "b.835", INTERCHANGE)
    saved: dict[str, bytes] = {}
    more: dict[str, Any] = {"after_done": after, "archive_folder": "archive"}
    first = make(FakeContext("test", secrets=partner.secrets, saved=saved), **more)
    ref = first.list("").refs[0]
    first.done(ref)
    first.done(ref)
    first.close()
    second = make(FakeContext("test", secrets=partner.secrets, saved=saved), **more)
    second.done(ref)
    assert [left.name for left in second.list("").refs] == ["b.835"]
    assert partner.names("archive") == (["a.835"] if after == "archive" else [])
    assert ("a.835" in partner.names("out")) is (after == "leave")


def test_done_spares_a_newer_file_of_the_same_name(partner: SftpPartner, make: Make) -> None:
    """A partner that uses a name again does not lose its second file to the first one's end."""
    os.utime(partner.deliver("out", "daily.835", INTERCHANGE), (100, 100))
    box = make(after_done="delete")
    (ref,) = box.list("").refs
    partner.deliver("out", "daily.835", INTERCHANGE)
    box.done(ref)
    (newer,) = box.list("").refs
    assert newer.token != ref.token


def test_archive_keeps_both_files_of_one_name(partner: SftpPartner, make: Make) -> None:
    """An archive never loses a file to another one of its name."""
    box = make(after_done="archive", archive_folder="archive")
    for when in (100, 200):
        os.utime(partner.deliver("out", "daily.835", INTERCHANGE), (when, when))
        (ref,) = box.list("").refs
        box.done(ref)
    assert len(partner.names("archive")) == 2
    assert partner.names("out") == []


def test_a_file_that_somebody_else_took(partner: SftpPartner, make: Make) -> None:
    """A listed file that is gone is refused, and done with it is harmless."""
    path = partner.deliver("out", "a.835", INTERCHANGE)
    box = make(after_done="delete")
    (ref,) = box.list("").refs
    path.unlink()
    with pytest.raises(Refused, match="gone"):
        list(box.open(ref))
    box.done(ref)


def test_a_partner_that_deletes_what_was_read(partner: SftpPartner, make: Make) -> None:
    """What can be read only once is handed over as it came, also when its interchange is cut."""
    partner.deliver("out", "a.835", INTERCHANGE[:-10])
    partner.server.options = Options(delete_on_read=True)
    box = make(first_reader_removes=True)
    (ref,) = box.list("").refs
    assert b"".join(box.open(ref)) == INTERCHANGE[:-10]
    box.done(ref)
    assert partner.names("out") == []


def test_a_server_that_hides_sizes(partner: SftpPartner, make: Make) -> None:
    """Without sizes files still go out, are confirmed by hash, and come in to their end."""
    partner.server.options = Options(hide_sizes=True)
    box, body = make(), os.urandom(100_000)
    box.stage(outgoing(body), [body])
    box.publish(outgoing(body))
    box.publish(outgoing(body))
    assert box.confirm(outgoing(body)) is not None
    partner.deliver("out", "a.txt", body)
    (ref,) = box.list("").refs
    assert ref.size == -1
    assert b"".join(box.open(ref)) == body


def test_a_thousand_files_are_listed(partner: SftpPartner, make: Make) -> None:
    """A full folder is listed whole, and the cursor does not grow with it."""
    for number in range(1000):
        (partner.root / "out" / f"{number}.835").write_bytes(b"x")
    listing = make().list("")
    assert len(listing.refs) == 1000
    assert len({ref.token for ref in listing.refs}) == 1000
    assert listing.cursor == ""


def test_names_that_are_not_utf8_stop_nothing(partner: SftpPartner, make: Make) -> None:
    """One name in another code is listed, fetched and archived like the others, and its ref is plain text."""
    for name in (b"caf\xe9.835", "café 100%.835".encode(), b"plain.835"):
        Path(os.fsdecode(os.fsencode(partner.root / "out") + b"/" + name)).write_bytes(INTERCHANGE)
    box = make(after_done="archive", archive_folder="archive")
    refs = box.list("").refs
    assert len(refs) == 3
    assert "café 100%.835" in {ref.name for ref in refs}
    for ref in refs:
        assert ref.name.encode()
        assert ref.token.encode()
        assert b"".join(box.open(ref)) == INTERCHANGE
        box.done(ref)
    assert partner.names("out") == []
    assert len(partner.names("archive")) == 3
