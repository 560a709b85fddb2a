"""Host keys, logins, dead lines, and the step-by-step check, over real SSH."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import paramiko
import pytest
from hub_sftp_transfer import Mailbox, MailboxSettings

from hub.plugin.api import HubError, Misconfigured, RetryLater
from hub.sandbox.sftp_server import User
from hub.testing.fakes import FakeContext
from hub.testing.faults import FaultProxy, Faults
from hub.testing.kits.partner import outgoing
from hub.testing.sftp import KEY_REFERENCE, PASSWORD_REFERENCE, USER, SftpPartner, new_login_key

Make = Callable[..., Mailbox]
INTERCHANGE = (
    b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260302*1400*^*00501*000000001*0*T*:~"
    b"GS*HP*S*R*20260302*1400*1*X*005010X221A1~ST*835*0001~SE*2*0001~GE*1*1~IEA*1*000000001~"
)


def test_a_folder_that_is_not_there(make: Make) -> None:
    """A wrong folder name is a matter for a person."""
    with pytest.raises(Misconfigured, match="nowhere"):
        make(get_folders=["nowhere"]).list("")
    with pytest.raises(Misconfigured, match="not found"):
        make(put_folder="nowhere").stage(outgoing(b"x"), [b"x"])


def test_host_key_changed(partner: SftpPartner, make: Make) -> None:
    """Another host key stops everything, names both fingerprints, and no password is offered to it."""
    box = make()
    box.list("")
    pinned = partner.server.fingerprint
    partner.server.restart(new_host_key=True)
    partner.server.logins.clear()
    with pytest.raises(Misconfigured) as raised:
        box.list("")
    assert pinned in str(raised.value)
    assert partner.server.fingerprint in str(raised.value)
    assert not partner.server.logins


def test_nothing_is_accepted_without_a_pin(partner: SftpPartner, make: Make) -> None:
    """An empty list of host keys connects to nobody, and says what to compare."""
    box = make(host_keys=[])
    with pytest.raises(Misconfigured, match=r"no host key is pinned") as raised:
        box.list("")
    assert partner.server.fingerprint in str(raised.value)
    assert not partner.server.logins


def test_wrong_password_is_tried_once(partner: SftpPartner, make: Make) -> None:
    """One refusal ends all attempts of this secret, by this instance and by new ones; a new secret is tried."""
    wrong = {PASSWORD_REFERENCE: "wrong"}
    for _ in range(3):
        box = make(FakeContext("test", secrets=wrong))
        with pytest.raises(Misconfigured, match="refused the login"):
            box.list("")
    assert partner.server.logins[USER, "refused"] == 1
    assert [step.ok for step in box.check()][-1] is False
    assert partner.server.logins[USER, "refused"] == 1
    assert make().list("").refs == ()


def test_a_line_that_breaks_during_the_login_is_tried_once_more(
    partner: SftpPartner, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may hang up on a wrong password without a word: two such endings are taken for a refusal."""
    tried: list[str] = []

    def broken(_transport: object, user: str, *_: object, **__: object) -> list[str]:
        tried.append(user)
        raise paramiko.AuthenticationException("Authentication failed: transport shut down or saw EOF")

    monkeypatch.setattr(paramiko.Transport, "auth_password", broken)
    box = make()
    with pytest.raises(RetryLater):
        box.list("")
    for _ in range(2):
        with pytest.raises(Misconfigured, match="refused the login"):
            box.list("")
    assert tried == [USER, USER]
    assert not partner.server.logins


def test_login_by_key_with_a_locked_server_password(partner: SftpPartner, make: Make) -> None:
    """A key logs in alone, in OpenSSH form; an unknown one is refused once."""
    private, public = new_login_key()
    other, _ = new_login_key()
    partner.server.users[USER] = User(name=USER, public_keys=(public,))
    settings = {"password": "", "key": KEY_REFERENCE}
    good = make(FakeContext("t", secrets={KEY_REFERENCE: private}), **settings)
    assert good.list("").refs == ()
    bad = make(FakeContext("t", secrets={KEY_REFERENCE: other}), **settings)
    with pytest.raises(Misconfigured, match="refused"):
        bad.list("")
    broken = make(FakeContext("t", secrets={KEY_REFERENCE: "no key"}), **settings)
    with pytest.raises(Misconfigured, match=KEY_REFERENCE):
        broken.list("")


def test_no_server_and_a_server_that_says_nothing(partner: SftpPartner, make: Make) -> None:
    """Refused, swallowed and broken connects are waited out; after the allowed number it stops."""
    with FaultProxy(partner.server.host, partner.server.port) as proxy:
        proxy.faults = Faults(blackhole=True)
        box = make(port=proxy.port, connect_timeout_seconds=0.3, connect_attempts=1)
        with pytest.raises(RetryLater):
            box.list("")
        proxy.faults = Faults(refuse=True)
        strict = make(port=proxy.port, connect_attempts=1, stop_after_failed_connects=2)
        with pytest.raises(RetryLater):
            strict.list("")
        before = proxy.connections
        with pytest.raises(Misconfigured, match="in a row"):
            strict.list("")
        assert proxy.connections == before
        proxy.faults = Faults()
        assert all(step.ok for step in strict.check())
        assert strict.list("").refs == ()


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_line_that_swallows_everything_ends(partner: SftpPartner, direction: str, make: Make) -> None:
    """Neither an upload nor a download hangs on a line that stays open and says nothing."""
    body = os.urandom(3_000_000)
    partner.deliver("out", "big.txt", body)
    with FaultProxy(partner.server.host, partner.server.port) as proxy:
        (ref,) = make(port=proxy.port).list("").refs
        box = make(port=proxy.port, operation_timeout_seconds=0.5)

        def swallow() -> Iterator[bytes]:
            yield body[:1_000_000]
            proxy.faults = Faults(blackhole=True)
            yield body[1_000_000:]

        def fetch() -> None:
            for _ in box.open(ref):
                proxy.faults = Faults(blackhole=True)

        with pytest.raises(RetryLater):
            box.stage(outgoing(body), swallow()) if direction == "up" else fetch()


def test_slow_and_throttled_lines_still_carry_whole_files(partner: SftpPartner, make: Make) -> None:
    """Latency and a narrow line change nothing but the time."""
    body = os.urandom(120_000)
    with FaultProxy(partner.server.host, partner.server.port) as proxy:
        box = make(port=proxy.port)
        proxy.faults = Faults(latency_seconds=0.005, bytes_per_second=2_000_000)
        box.stage(outgoing(body), [body])
        box.publish(outgoing(body))
        box.close()
    assert partner.read("in", "HUB0001.837") == body


def test_each_thread_has_a_client_of_its_own(partner: SftpPartner, make: Make) -> None:
    """Two threads on one connection do not wait for each other's answers (a shared client deadlocks)."""
    box = make()
    body = os.urandom(200_000)
    partner.deliver("out", "a.txt", body)
    (ref,) = box.list("").refs
    got: list[bytes] = []
    threads = [threading.Thread(target=lambda: got.append(b"".join(box.open(ref)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert got == [body] * 3


def test_check_goes_step_by_step_on_one_connection(partner: SftpPartner, make: Make) -> None:
    """The check names each step, changes nothing, and stops where going on makes no sense."""
    partner.deliver("out", "a.835", INTERCHANGE)
    steps = list(make(after_done="archive", archive_folder="archive").check())
    assert [step.name for step in steps] == [
        "name", "line", "host key", "login", "put folder", "archive folder", "get folder",
    ]  # fmt: skip
    assert all(step.ok for step in steps)
    assert "1 files" in steps[-1].said
    assert partner.names("in") == []
    assert partner.server.logins == {(USER, "ok"): 1}
    bad = list(make(put_folder="nowhere", host_keys=["SHA256:" + "A" * 43]).check())
    assert [(step.name, step.ok) for step in bad][-1] == ("host key", False)
    assert bad[-1].fix
    missing = list(make(put_folder="nowhere").check())
    assert [step.ok for step in missing] == [True, True, True, True, False, True]


def test_no_message_holds_a_partners_file_name_or_a_secret(partner: SftpPartner, make: Make) -> None:
    """Names of inbound files may name patients: no error repeats one, whatever went wrong."""
    path = partner.deliver("out", "DOE_JANE_19700101.835", INTERCHANGE[:-10])
    box = make(after_done="archive", archive_folder="nowhere")
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
