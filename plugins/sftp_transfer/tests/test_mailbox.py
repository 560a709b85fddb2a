"""The shared mailbox over real SSH on loopback: phases, listing, fetching, and what breaks them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_sftp_transfer import Mailbox, MailboxSettings, forget_failures

from hub.plugin.api import HubError, InDoubt, Misconfigured, Outgoing, Refused, RetryLater
from hub.sandbox.sftp_server import Options, User
from hub.testing.fakes import FakeContext
from hub.testing.faults import FaultProxy, Faults
from hub.testing.sftp import KEY_REFERENCE, PASSWORD_REFERENCE, USER, SftpPartner, new_login_key, sftp_partner

pytest.importorskip("asyncssh")

INTERCHANGE = (
    b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260302*1400*^*00501*000000001*0*T*:~"
    b"GS*HP*S*R*20260302*1400*1*X*005010X221A1~ST*835*0001~SE*2*0001~GE*1*1~IEA*1*000000001~"
)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    forget_failures()
    yield
    forget_failures()


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[SftpPartner]:
    """A partner of one test."""
    with sftp_partner(tmp_path / "partner") as running:
        yield running


def outgoing(body: bytes, name: str = "837P_1.x12") -> Outgoing:
    """A frozen file of these bytes."""
    digest = hashlib.sha256(body).hexdigest()
    return Outgoing(file_id="fil_1", name=name, kind="837P", size=len(body), digest=digest)


def pieces(body: bytes, size: int = 50_000) -> Iterator[bytes]:
    """The body as the store hands it out."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


def context(partner: SftpPartner, **more: Any) -> FakeContext:
    """A context that knows the partner's secrets."""
    return FakeContext("test", secrets=partner.secrets, **more)


def mailbox(partner: SftpPartner, made: FakeContext | None = None, **settings: Any) -> Mailbox:
    """A new instance, as after a restart."""
    chosen = {"put_folder": "in", "get_folders": ["out"], **settings}
    return Mailbox(MailboxSettings(**partner.settings(**chosen)), made or context(partner))


class Waited(threading.Event):
    """A stop event on which nobody waits long: something happens meanwhile."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def wait(self, timeout: float | None = None) -> bool:
        """As if `timeout` had passed."""
        self._meanwhile()
        return self.is_set()


def test_a_file_is_seen_only_after_publish_and_whole(partner: SftpPartner) -> None:
    """Staging shows nothing under the final name; publishing shows all of it; confirming sees it."""
    box, body = mailbox(partner), os.urandom(300_000)
    file = outgoing(body)
    assert box.stage(file, pieces(body)).kind == "staged"
    assert partner.names("in") == ["837P_1.x12.part"]
    assert box.confirm(file) is None
    assert box.publish(file).kind == "published"
    assert partner.names("in") == ["837P_1.x12"]
    assert partner.read("in", file.name) == body
    evidence = box.confirm(file)
    assert evidence is not None
    assert evidence.kind == "read-back-size"


def test_publish_and_close_are_harmless_twice(partner: SftpPartner) -> None:
    """A phase repeated after a crash, by another process, changes nothing."""
    body = b"x" * 1000
    file = outgoing(body)
    first = mailbox(partner)
    first.stage(file, [body])
    first.publish(file)
    first.close()
    first.close()
    second = mailbox(partner)
    assert second.publish(file).kind == "published"
    second.stage(file, [body])
    second.publish(file)
    assert partner.names("in") == [file.name]


def test_a_different_file_under_the_name_is_never_replaced(partner: SftpPartner) -> None:
    """Publish is refused where another file stands, and that file stays as it was."""
    partner.deliver("in", "837P_1.x12", b"other")
    box, body = mailbox(partner), b"y" * 1000
    box.stage(outgoing(body), [body])
    with pytest.raises(Refused):
        box.publish(outgoing(body))
    assert partner.read("in", "837P_1.x12") == b"other"


def test_confirm_by_hash_tells_a_file_of_the_same_size_apart(partner: SftpPartner) -> None:
    """Read-back by hash is evidence of these bytes and no others."""
    body = b"z" * 70_000
    box = mailbox(partner, confirm="hash")
    partner.deliver("in", "837P_1.x12", b"a" * 70_000)
    assert box.confirm(outgoing(body)) is None
    partner.deliver("in", "837P_1.x12", body)
    evidence = box.confirm(outgoing(body))
    assert evidence is not None
    assert evidence.kind == "read-back-hash"


def test_bytes_that_are_not_the_frozen_ones_do_not_leave(partner: SftpPartner) -> None:
    """A body whose size or SHA-256 differs from the journal's is refused, and no trace stays."""
    box = mailbox(partner)
    with pytest.raises(Refused):
        box.stage(outgoing(b"frozen"), [b"thawed"])
    assert partner.names("in") == []


def test_an_error_of_the_body_comes_through_as_it_is(partner: SftpPartner) -> None:
    """What goes wrong while reading our own bytes is no fault of the partner."""

    def failing() -> Iterator[bytes]:
        yield b"x"
        raise OSError("the blob is gone")

    with pytest.raises(OSError, match="the blob is gone"):
        mailbox(partner).stage(outgoing(b"xx"), failing())


@pytest.mark.parametrize("refused", ["posix", "both"])
def test_rename_refused(partner: SftpPartner, refused: str) -> None:
    """One way to rename is enough; without any the person is told, and nothing becomes visible."""
    both = refused == "both"
    partner.server.options = Options(refuse_posix_rename=True, refuse_rename=both)
    box, body = mailbox(partner), b"x" * 10
    box.stage(outgoing(body), [body])
    if not both:
        assert box.publish(outgoing(body)).kind == "published"
        return
    with pytest.raises(Misconfigured, match="rename"):
        box.publish(outgoing(body))
    assert partner.names("in") == ["837P_1.x12.part"]


def test_upload_cut_in_the_middle_and_staged_again(partner: SftpPartner) -> None:
    """A cut upload leaves nothing visible; staging again replaces the partial file."""
    body = os.urandom(600_000)
    file = outgoing(body)
    with FaultProxy(partner.server.host, partner.server.port) as proxy:
        box = mailbox(partner, port=proxy.port)
        proxy.faults = Faults(cut_to_server_after=200_000)
        with pytest.raises(RetryLater):
            box.stage(file, pieces(body))
        assert "837P_1.x12" not in partner.names("in")
        proxy.faults = Faults()
        box.stage(file, pieces(body))
        box.publish(file)
        box.close()
    assert partner.read("in", file.name) == body


def test_download_cut_in_the_middle(partner: SftpPartner) -> None:
    """A cut download raises, never ends as if it were whole; the next one is whole."""
    body = os.urandom(600_000)
    partner.deliver("out", "report.txt", body)
    with FaultProxy(partner.server.host, partner.server.port) as proxy:
        box = mailbox(partner, port=proxy.port)
        (ref,) = box.list("").refs
        proxy.faults = Faults(cut_to_client_after=200_000)
        with pytest.raises(RetryLater):
            list(box.open(ref))
        proxy.faults = Faults()
        assert b"".join(box.open(ref)) == body
        box.close()


@pytest.mark.parametrize(("drop", "doubt"), [("before", RetryLater), ("after", None)])
def test_line_lost_during_the_rename(partner: SftpPartner, drop: Any, doubt: type[HubError] | None) -> None:
    """The hub looks what the server did: published if it stands there, try again if it still waits."""
    body = b"x" * 500
    box, file = mailbox(partner), outgoing(body)
    box.stage(file, [body])
    partner.server.options = Options(drop_at_rename=drop)
    if doubt is None:
        assert box.publish(file).kind == "published"
    else:
        with pytest.raises(doubt):
            box.publish(file)
        partner.server.options = Options()
        box.publish(file)
    assert partner.read("in", file.name) == body


def test_line_lost_during_the_rename_and_the_partner_took_the_file(tmp_path: Path) -> None:
    """A file that can no longer be seen anywhere is in doubt, and is confirmed by nothing."""
    with sftp_partner(tmp_path / "p", on_file=lambda path: path.unlink()) as partner:
        body = b"x" * 500
        box, file = mailbox(partner), outgoing(body)
        box.stage(file, [body])
        box.publish(file)
        partner.server.settle()
        assert box.confirm(file) is None
        with pytest.raises(InDoubt):
            box.publish(file)


def test_partner_gone_during_the_rename(partner: SftpPartner) -> None:
    """When the server cannot be asked what it did, the file is in doubt."""
    body = b"x" * 500
    file = outgoing(body)
    with FaultProxy(partner.server.host, partner.server.port) as proxy:
        box = mailbox(partner, port=proxy.port)
        box.stage(file, [body])
        partner.server.options = Options(drop_at_rename="after")
        proxy.faults = Faults(refuse=True)
        with pytest.raises(InDoubt):
            box.publish(file)


def test_disk_full(partner: SftpPartner) -> None:
    """A server without room keeps nothing of the file, and the hub comes back later."""
    partner.server.options = Options(full_after_bytes=100_000)
    body = os.urandom(400_000)
    with pytest.raises(RetryLater, match="failure"):
        mailbox(partner).stage(outgoing(body), pieces(body))
    assert partner.names("in") == []


@pytest.mark.parametrize("size", [20_000, 3_000_000])
def test_disk_full_on_a_small_filesystem(tmp_path: Path, size: int) -> None:
    """The same on a real full filesystem, where the machine lets us make one."""
    root = tmp_path / "small"
    root.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", root], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip("this machine lets no test mount a small filesystem")
    try:
        with sftp_partner(root) as partner:
            body, box = os.urandom(size), mailbox(partner)
            if size < 1_000_000:
                box.stage(outgoing(body), [body])
                assert partner.names("in") == ["837P_1.x12.part"]
            else:
                with pytest.raises(RetryLater):
                    box.stage(outgoing(body), pieces(body))
                assert partner.names("in") == []
            box.close()
    finally:
        subprocess.run(["umount", root], check=True)


def test_no_right_to_write(partner: SftpPartner) -> None:
    """A folder that may not be written is a matter for a person, not for patience."""
    partner.server.options = Options(refuse_writes=True)
    with pytest.raises(Misconfigured, match="permission denied"):
        mailbox(partner).stage(outgoing(b"x"), [b"x"])


def test_a_folder_that_is_not_there(partner: SftpPartner) -> None:
    """A wrong folder name is a matter for a person."""
    with pytest.raises(Misconfigured, match="nowhere"):
        mailbox(partner, get_folders=["nowhere"]).list("")
    with pytest.raises(Misconfigured, match="not found"):
        mailbox(partner, put_folder="nowhere").stage(outgoing(b"x"), [b"x"])


def test_host_key_changed(partner: SftpPartner) -> None:
    """Another host key stops everything, names both fingerprints, and no password is offered to it."""
    box = mailbox(partner)
    box.list("")
    pinned = partner.server.fingerprint
    partner.server.restart(new_host_key=True)
    partner.server.logins.clear()
    with pytest.raises(Misconfigured) as raised:
        box.list("")
    assert pinned in str(raised.value)
    assert partner.server.fingerprint in str(raised.value)
    assert not partner.server.logins


def test_nothing_is_accepted_without_a_pin(partner: SftpPartner) -> None:
    """An empty list of host keys connects to nobody, and says what to compare."""
    box = mailbox(partner, host_keys=[])
    with pytest.raises(Misconfigured, match=r"no host key is pinned") as raised:
        box.list("")
    assert partner.server.fingerprint in str(raised.value)
    assert not partner.server.logins


def test_wrong_password_is_tried_once(partner: SftpPartner) -> None:
    """One refusal ends all attempts of this secret, by this instance and by new ones; a new secret is tried."""
    wrong = {PASSWORD_REFERENCE: "wrong"}
    for _ in range(3):
        box = mailbox(partner, FakeContext("test", secrets=wrong))
        with pytest.raises(Misconfigured, match="refused the login"):
            box.list("")
    assert partner.server.logins[USER, "refused"] == 1
    assert [step.ok for step in box.check()][-1] is False
    assert partner.server.logins[USER, "refused"] == 1
    assert mailbox(partner).list("").refs == ()


def test_login_by_key_with_a_locked_server_password(partner: SftpPartner) -> None:
    """A key logs in alone, in OpenSSH form; an unknown one is refused once."""
    private, public = new_login_key()
    other, _ = new_login_key()
    partner.server.users[USER] = User(name=USER, public_keys=(public,))
    settings = {"password": "", "key": KEY_REFERENCE}
    good = mailbox(partner, FakeContext("t", secrets={KEY_REFERENCE: private}), **settings)
    assert good.list("").refs == ()
    bad = mailbox(partner, FakeContext("t", secrets={KEY_REFERENCE: other}), **settings)
    with pytest.raises(Misconfigured, match="refused"):
        bad.list("")
    broken = mailbox(partner, FakeContext("t", secrets={KEY_REFERENCE: "no key"}), **settings)
    with pytest.raises(Misconfigured, match=KEY_REFERENCE):
        broken.list("")


def test_no_server_and_a_server_that_says_nothing(partner: SftpPartner) -> None:
    """Refused, swallowed and broken connects are waited out; after the allowed number it stops."""
    with FaultProxy(partner.server.host, partner.server.port) as proxy:
        proxy.faults = Faults(blackhole=True)
        box = mailbox(partner, port=proxy.port, connect_timeout_seconds=0.3, connect_attempts=1)
        with pytest.raises(RetryLater):
            box.list("")
        proxy.faults = Faults(refuse=True)
        strict = mailbox(partner, port=proxy.port, connect_attempts=1, stop_after_failed_connects=2)
        with pytest.raises(RetryLater):
            strict.list("")
        before = proxy.connections
        with pytest.raises(Misconfigured, match="in a row"):
            strict.list("")
        assert proxy.connections == before


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_line_that_swallows_everything_ends(partner: SftpPartner, direction: str) -> None:
    """Neither an upload nor a download hangs on a line that stays open and says nothing."""
    body = os.urandom(3_000_000)
    partner.deliver("out", "big.txt", body)
    with FaultProxy(partner.server.host, partner.server.port) as proxy:
        box = mailbox(partner, port=proxy.port, operation_timeout_seconds=0.5)
        (ref,) = box.list("").refs

        def swallow() -> Iterator[bytes]:
            yield body[:1_000_000]
            proxy.faults = Faults(blackhole=True)
            yield body[1_000_000:]

        def fetch() -> None:
            for _ in box.open(ref):
                proxy.faults = Faults(blackhole=True)

        with pytest.raises(RetryLater):
            box.stage(outgoing(body), swallow()) if direction == "up" else fetch()


def test_slow_and_throttled_lines_still_carry_whole_files(partner: SftpPartner) -> None:
    """Latency and a narrow line change nothing but the time."""
    body = os.urandom(120_000)
    with FaultProxy(partner.server.host, partner.server.port) as proxy:
        box = mailbox(partner, port=proxy.port)
        proxy.faults = Faults(latency_seconds=0.005, bytes_per_second=2_000_000)
        box.stage(outgoing(body), [body])
        box.publish(outgoing(body))
        box.close()
    assert partner.read("in", "837P_1.x12") == body


def test_listing_names_whole_files_in_order_and_leaves_out_unfinished_names(partner: SftpPartner) -> None:
    """Temporary and hidden names, and folders, are nobody's answers; the rest comes oldest first."""
    for name, when in (("b.835", 100), ("a.999", 200), ("c.835.part", 50), (".d.835", 50), ("e.tmp", 50)):
        os.utime(partner.deliver("out", name, b"x"), (when, when))
    (partner.root / "out" / "folder").mkdir()
    listing = mailbox(partner).list("")
    assert [ref.name for ref in listing.refs] == ["b.835", "a.999"]
    assert [ref.size for ref in listing.refs] == [1, 1]
    assert listing.refs[0].modified_at.timestamp() == 100


def test_patterns_choose_what_is_taken(partner: SftpPartner) -> None:
    """`take` and `ignore` are patterns of names, without regard to case."""
    for name in ("a.835", "b.TXT", "c.999"):
        partner.deliver("out", name, b"x")
    refs = mailbox(partner, take=["*.835", "*.txt"], ignore=["b.*"]).list("").refs
    assert [ref.name for ref in refs] == ["a.835"]


def test_a_file_still_being_written_is_not_taken(partner: SftpPartner) -> None:
    """What grows between two looks waits; it is taken once it stays as it is, and remembered by the cursor."""
    path = partner.deliver("out", "a.835", INTERCHANGE[:50])
    made = context(partner)
    made.stop = Waited(lambda: path.write_bytes(INTERCHANGE[:100]))
    box = mailbox(partner, made, settle_seconds=1)
    first = box.list("")
    assert first.refs == ()
    made.stop = Waited(lambda: None)
    path.write_bytes(INTERCHANGE)
    second = mailbox(partner, made, settle_seconds=1).list(first.cursor)
    assert [ref.size for ref in second.refs] == [len(INTERCHANGE)]
    assert second.cursor == ""


def test_an_empty_file_waits_for_a_second_listing(partner: SftpPartner) -> None:
    """A name with nothing in it is mostly a file about to be written."""
    partner.deliver("out", "a.835", b"")
    box = mailbox(partner)
    first = box.list("")
    assert first.refs == ()
    assert [ref.size for ref in box.list(first.cursor).refs] == [0]


def test_a_file_that_grew_or_shrank_since_it_was_listed(partner: SftpPartner) -> None:
    """More or fewer bytes than were listed are never handed over as a whole file."""
    path = partner.deliver("out", "a.txt", b"x" * 100_000)
    box = mailbox(partner)
    (ref,) = box.list("").refs
    path.write_bytes(b"x" * 40_000)
    with pytest.raises(RetryLater, match="fewer"):
        list(box.open(ref))
    path.write_bytes(b"x" * 100_001)
    with pytest.raises(RetryLater, match="written"):
        list(box.open(ref))


def test_an_interchange_without_its_end_is_believed_at_the_third_time(partner: SftpPartner) -> None:
    """A cut interchange is waited for, but at last handed over: it must not stay outside for ever."""
    partner.deliver("out", "a.835", INTERCHANGE[:-10])
    box = mailbox(partner)
    (ref,) = box.list("").refs
    for _ in range(2):
        with pytest.raises(RetryLater, match="IEA"):
            list(box.open(ref))
    assert b"".join(box.open(ref)) == INTERCHANGE[:-10]


@pytest.mark.parametrize("after", ["leave", "delete", "archive"])
def test_done_is_harmless_twice_and_after_a_restart(partner: SftpPartner, after: str) -> None:
    """A file that is done is not listed again, whatever becomes of it at the partner."""
    partner.deliver("out", "a.835", INTERCHANGE)
    partner.deliver("out", "b.835", INTERCHANGE)
    saved: dict[str, bytes] = {}
    more: dict[str, Any] = {"after_done": after, "archive_folder": "archive"}
    first = mailbox(partner, context(partner, saved=saved), **more)
    ref = first.list("").refs[0]
    first.done(ref)
    first.done(ref)
    first.close()
    second = mailbox(partner, context(partner, saved=saved), **more)
    second.done(ref)
    assert [left.name for left in second.list("").refs] == ["b.835"]
    assert partner.names("archive") == (["a.835"] if after == "archive" else [])
    assert ("a.835" in partner.names("out")) is (after == "leave")


def test_done_spares_a_newer_file_of_the_same_name(partner: SftpPartner) -> None:
    """A partner that uses a name again does not lose its second file to the first one's end."""
    os.utime(partner.deliver("out", "daily.835", INTERCHANGE), (100, 100))
    box = mailbox(partner, after_done="delete")
    (ref,) = box.list("").refs
    partner.deliver("out", "daily.835", INTERCHANGE)
    box.done(ref)
    (newer,) = box.list("").refs
    assert newer.token != ref.token


def test_archive_keeps_both_files_of_one_name(partner: SftpPartner) -> None:
    """An archive never loses a file to another one of its name."""
    box = mailbox(partner, after_done="archive", archive_folder="archive")
    for when in (100, 200):
        os.utime(partner.deliver("out", "daily.835", INTERCHANGE), (when, when))
        (ref,) = box.list("").refs
        box.done(ref)
    assert len(partner.names("archive")) == 2
    assert partner.names("out") == []


def test_a_file_that_somebody_else_took(partner: SftpPartner) -> None:
    """A listed file that is gone is refused, and done with it is harmless."""
    path = partner.deliver("out", "a.835", INTERCHANGE)
    box = mailbox(partner, after_done="delete")
    (ref,) = box.list("").refs
    path.unlink()
    with pytest.raises(Refused, match="gone"):
        list(box.open(ref))
    box.done(ref)


def test_a_partner_that_deletes_what_was_read(partner: SftpPartner) -> None:
    """What can be read only once is handed over as it came, also when its interchange is cut."""
    partner.deliver("out", "a.835", INTERCHANGE[:-10])
    partner.server.options = Options(delete_on_read=True)
    box = mailbox(partner, first_reader_removes=True)
    (ref,) = box.list("").refs
    assert b"".join(box.open(ref)) == INTERCHANGE[:-10]
    box.done(ref)
    assert partner.names("out") == []


def test_a_server_that_hides_sizes(partner: SftpPartner) -> None:
    """Without sizes files still go out, are confirmed by hash, and come in to their end."""
    partner.server.options = Options(hide_sizes=True)
    box, body = mailbox(partner), os.urandom(100_000)
    box.stage(outgoing(body), [body])
    box.publish(outgoing(body))
    box.publish(outgoing(body))
    assert box.confirm(outgoing(body)) is not None
    partner.deliver("out", "a.txt", body)
    (ref,) = box.list("").refs
    assert ref.size == -1
    assert b"".join(box.open(ref)) == body


def test_a_thousand_files_are_listed(partner: SftpPartner) -> None:
    """A full folder is listed whole, and the cursor does not grow with it."""
    for number in range(1000):
        (partner.root / "out" / f"{number}.835").write_bytes(b"x")
    listing = mailbox(partner).list("")
    assert len(listing.refs) == 1000
    assert len({ref.token for ref in listing.refs}) == 1000
    assert listing.cursor == ""


def test_names_that_cannot_leave(partner: SftpPartner) -> None:
    """A name never leads out of its folder, and rules of size and length hold before anything is sent."""
    box = mailbox(partner, largest_bytes=10, longest_name=20)
    for name in ("../x", "a/b", "", ".hidden", "a\nb", "n" * 21):
        with pytest.raises(Refused):
            box.stage(outgoing(b"x", name), [b"x"])
    with pytest.raises(Refused, match="takes 10"):
        box.stage(outgoing(b"x" * 11), [b"x" * 11])
    assert partner.names("in") == []


def test_stopping_ends_a_long_transfer(partner: SftpPartner) -> None:
    """When the hub shuts down a transfer ends at the next piece, and nothing is visible."""
    made = context(partner)
    box = mailbox(partner, made)

    def body() -> Iterator[bytes]:
        yield b"x"
        made.stop.set()
        yield b"x"

    with pytest.raises(RetryLater, match="shutting down"):
        box.stage(outgoing(b"xx"), body())


def test_each_thread_has_a_client_of_its_own(partner: SftpPartner) -> None:
    """Two threads on one connection do not wait for each other's answers (a shared client deadlocks)."""
    box = mailbox(partner)
    body = os.urandom(200_000)
    partner.deliver("out", "a.txt", body)
    (ref,) = box.list("").refs
    got: list[bytes] = []
    threads = [threading.Thread(target=lambda: got.append(b"".join(box.open(ref)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert got == [body] * 3


def test_check_goes_step_by_step_on_one_connection(partner: SftpPartner) -> None:
    """The check names each step, changes nothing, and stops where going on makes no sense."""
    partner.deliver("out", "a.835", INTERCHANGE)
    steps = list(mailbox(partner, after_done="archive", archive_folder="archive").check())
    assert [step.name for step in steps] == [
        "name", "line", "host key", "login", "put folder", "archive folder", "get folder",
    ]  # fmt: skip
    assert all(step.ok for step in steps)
    assert "1 files" in steps[-1].said
    assert partner.names("in") == []
    assert partner.server.logins == {(USER, "ok"): 1}
    bad = list(mailbox(partner, put_folder="nowhere", host_keys=["SHA256:" + "A" * 43]).check())
    assert [(step.name, step.ok) for step in bad][-1] == ("host key", False)
    assert bad[-1].fix
    missing = list(mailbox(partner, put_folder="nowhere").check())
    assert [step.ok for step in missing] == [True, True, True, True, False, True]


def test_no_message_holds_a_partners_file_name_or_a_secret(partner: SftpPartner) -> None:
    """Names of inbound files may name patients: no error repeats one, whatever went wrong."""
    path = partner.deliver("out", "DOE_JANE_19700101.835", INTERCHANGE[:-10])
    box = mailbox(partner, after_done="archive", archive_folder="nowhere")
    (ref,) = box.list("").refs
    said = []
    for attempt in (lambda: list(box.open(ref)), lambda: box.done(ref)):
        with pytest.raises(HubError) as raised:
            attempt()
        said.append(f"{raised.value} {raised.value.fix} {raised.value.__cause__}")
    path.unlink()
    with pytest.raises(HubError) as raised:
        list(box.open(ref))
    said.append(f"{raised.value} {raised.value.fix} {raised.value.__cause__}")
    assert "DOE" not in " ".join(said)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("password", "hunter2"),
        ("host_keys", ["SHA256:short"]),
        ("temporary_name", "fixed"),
        ("after_done", "archive"),
        ("host", ""),
        ("port", 0),
    ],
)
def test_settings_say_what_is_wrong_without_repeating_it(partner: SftpPartner, key: str, value: object) -> None:
    """Each bad setting is refused before anything connects, and a secret in the wrong place is not echoed."""
    with pytest.raises(ValueError, match="validation error") as raised:
        MailboxSettings(**partner.settings(**{key: value}))
    assert "hunter2" not in str(raised.value)
