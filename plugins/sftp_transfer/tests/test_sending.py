"""Files on their way out over real SSH: staged, published, confirmed, and what breaks them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_sftp_transfer import Mailbox

from hub.plugin.api import HubError, InDoubt, Misconfigured, Refused, RetryLater
from hub.sandbox.sftp_server import Options
from hub.testing.fakes import FakeContext
from hub.testing.faults import FaultProxy, Faults
from hub.testing.kits.partner import outgoing, pieces
from hub.testing.sftp import SftpPartner, sftp_partner

Make = Callable[..., Mailbox]


def test_a_file_is_seen_only_after_publish_and_whole(partner: SftpPartner, make: Make) -> None:
    """Staging shows nothing under the final name; publishing shows all of it; confirming sees it."""
    box, body = make(), os.urandom(300_000)
    file = outgoing(body)
    assert box.stage(file, pieces(body)).kind == "staged"
    assert partner.names("in") == ["HUB0001.837.part"]
    assert box.confirm(file) is None
    assert box.publish(file).kind == "published"
    assert partner.names("in") == ["HUB0001.837"]
    assert partner.read("in", file.name) == body
    evidence = box.confirm(file)
    assert evidence is not None
    assert evidence.kind == "read-back-size"


def test_publish_and_close_are_harmless_twice(partner: SftpPartner, make: Make) -> None:
    """A phase repeated after a crash, by another process, changes nothing."""
    body = b"x" * 1000
    file = outgoing(body)
    first = make()
    first.stage(file, [body])
    first.publish(file)
    first.close()
    first.close()
    second = make()
    assert second.publish(file).kind == "published"
    second.stage(file, [body])
    second.publish(file)
    assert partner.names("in") == [file.name]


def test_a_different_file_under_the_name_is_never_replaced(partner: SftpPartner, make: Make) -> None:
    """Publish is refused where another file stands, and that file stays as it was."""
    partner.deliver("in", "HUB0001.837", b"other")
    box, body = make(), b"y" * 1000
    box.stage(outgoing(body), [body])
    with pytest.raises(Refused):
        box.publish(outgoing(body))
    assert partner.read("in", "HUB0001.837") == b"other"


def test_confirm_by_hash_tells_a_file_of_the_same_size_apart(partner: SftpPartner, make: Make) -> None:
    """Read-back by hash is evidence of these bytes and no others."""
    body = b"z" * 70_000
    box = make(confirm="hash")
    partner.deliver("in", "HUB0001.837", b"a" * 70_000)
    assert box.confirm(outgoing(body)) is None
    partner.deliver("in", "HUB0001.837", body)
    evidence = box.confirm(outgoing(body))
    assert evidence is not None
    assert evidence.kind == "read-back-hash"


def test_bytes_that_are_not_the_frozen_ones_do_not_leave(partner: SftpPartner, make: Make) -> None:
    """A body whose size or SHA-256 differs from the journal's is refused, and no trace stays."""
    box = make()
    with pytest.raises(Refused):
        box.stage(outgoing(b"frozen"), [b"thawed"])
    assert partner.names("in") == []


def test_an_error_of_the_body_comes_through_as_it_is(partner: SftpPartner, make: Make) -> None:
    """What goes wrong while reading our own bytes is no fault of the partner."""

    def failing() -> Iterator[bytes]:
        yield b"x"
        raise OSError("the blob is gone")

    with pytest.raises(OSError, match="the blob is gone"):
        make().stage(outgoing(b"xx"), failing())


@pytest.mark.parametrize("refused", ["posix", "both"])
def test_rename_refused(partner: SftpPartner, refused: str, make: Make) -> None:
    """One way to rename is enough; without any the person is told, and nothing becomes visible."""
    both = refused == "both"
    partner.server.options = Options(refuse_posix_rename=True, refuse_rename=both)
    box, body = make(), b"x" * 10
    box.stage(outgoing(body), [body])
    if not both:
        assert box.publish(outgoing(body)).kind == "published"
        return
    with pytest.raises(Misconfigured, match="rename"):
        box.publish(outgoing(body))
    assert partner.names("in") == ["HUB0001.837.part"]


def test_upload_cut_in_the_middle_and_staged_again(partner: SftpPartner, make: Make) -> None:
    """A cut upload leaves nothing visible; staging again replaces the partial file."""
    body = os.urandom(600_000)
    file = outgoing(body)
    with FaultProxy(partner.server.host, partner.server.port) as proxy:
        box = make(port=proxy.port)
        proxy.faults = Faults(cut_to_server_after=200_000)
        with pytest.raises(RetryLater):
            box.stage(file, pieces(body))
        assert "HUB0001.837" not in partner.names("in")
        proxy.faults = Faults()
        box.stage(file, pieces(body))
        box.publish(file)
        box.close()
    assert partner.read("in", file.name) == body


@pytest.mark.parametrize(("drop", "doubt"), [("before", RetryLater), ("after", None)])
def test_line_lost_during_the_rename(
    partner: SftpPartner, make: Make, drop: Any, doubt: type[HubError] | None
) -> None:
    """The hub looks what the server did: published if it stands there, try again if it still waits."""
    body = b"x" * 500
    box, file = make(), outgoing(body)
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


def test_line_lost_during_the_rename_and_the_partner_took_the_file(tmp_path: Path, make: Make) -> None:
    """A file that can no longer be seen anywhere is in doubt, and is confirmed by nothing."""
    with sftp_partner(tmp_path / "p", on_file=lambda path: path.unlink()) as partner:
        body = b"x" * 500
        box, file = make(to=partner), outgoing(body)
        box.stage(file, [body])
        box.publish(file)
        partner.server.settle()
        assert box.confirm(file) is None
        with pytest.raises(InDoubt):
            box.publish(file)


def test_partner_gone_during_the_rename(partner: SftpPartner, make: Make) -> None:
    """When the server cannot be asked what it did, the file is in doubt."""
    body = b"x" * 500
    file = outgoing(body)
    with FaultProxy(partner.server.host, partner.server.port) as proxy:
        box = make(port=proxy.port)
        box.stage(file, [body])
        partner.server.options = Options(drop_at_rename="after")
        proxy.faults = Faults(refuse=True)
        with pytest.raises(InDoubt):
            box.publish(file)


def test_disk_full(partner: SftpPartner, make: Make) -> None:
    """A server without room keeps nothing of the file, and the hub comes back later."""
    partner.server.options = Options(full_after_bytes=100_000)
    body = os.urandom(400_000)
    with pytest.raises(RetryLater, match="failure"):
        make().stage(outgoing(body), pieces(body))
    assert partner.names("in") == []


@pytest.mark.parametrize("size", [20_000, 3_000_000])
def test_disk_full_on_a_small_filesystem(tmp_path: Path, size: int, make: Make) -> None:
    """The same on a real full filesystem, where the machine lets us make one."""
    root = tmp_path / "small"
    root.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", root], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("this machine lets no test mount a small filesystem")
    try:
        with sftp_partner(root) as partner:
            body, box = os.urandom(size), make(to=partner)
            if size < 1_000_000:
                box.stage(outgoing(body), [body])
                assert partner.names("in") == ["HUB0001.837.part"]
            else:
                with pytest.raises(RetryLater):
                    box.stage(outgoing(body), pieces(body))
                assert partner.names("in") == []
            box.close()
    finally:
        subprocess.run(["umount", root], check=True)


def test_no_right_to_write(partner: SftpPartner, make: Make) -> None:
    """A folder that may not be written is a matter for a person, not for patience."""
    partner.server.options = Options(refuse_writes=True)
    with pytest.raises(Misconfigured, match="permission denied"):
        make().stage(outgoing(b"x"), [b"x"])


def test_names_that_cannot_leave(partner: SftpPartner, make: Make) -> None:
    """A name never leads out of its folder, and rules of size and length hold before anything is sent."""
    box = make(largest_bytes=10, longest_name=20)
    for name in ("../x", "a/b", "", ".hidden", "a\nb", "n" * 21):
        with pytest.raises(Refused):
            box.stage(outgoing(b"x", name=name), [b"x"])
    with pytest.raises(Refused, match="takes 10"):
        box.stage(outgoing(b"x" * 11), [b"x" * 11])
    assert partner.names("in") == []


def test_stopping_ends_a_long_transfer(partner: SftpPartner, make: Make) -> None:
    """When the hub shuts down a transfer ends at the next piece, and nothing is visible."""
    made = FakeContext("test", secrets=partner.secrets)
    box = make(made)

    def body() -> Iterator[bytes]:
        yield b"x"
        made.stop.set()
        yield b"x"

    with pytest.raises(RetryLater, match="shutting down"):
        box.stage(outgoing(b"xx"), body())
