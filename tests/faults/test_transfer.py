"""Faults of the line and of the partner's server, through the real plugin: a file goes once, or a person is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from faultlab.scene import Scene, scene
from faultlab.world import World
from hub_sftp_transfer.connection import forget_failures

from hub.sandbox.sftp_server import Options, User
from hub.testing.faults import FaultProxy, Faults

pytestmark = pytest.mark.campaign

MANY = 40
"""Claims enough that their 837 and their 835 are longer than a greeting and a login."""
Proxied = tuple[Scene, FaultProxy]


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    """The plugin remembers refused logins in its process; a test begins and ends without."""
    forget_failures()
    yield
    forget_failures()


@contextmanager
def proxied(folder: Path, claims: int = MANY) -> Iterator[Proxied]:
    """A scene whose clearinghouse is reached over a line that may fail."""
    proxies: list[FaultProxy] = []

    def put_between(world: World) -> None:
        server = world.sandbox.clearinghouse_mailbox.server
        proxies.append(FaultProxy(server.host, server.port).__enter__())
        world.configure(f"port = {server.port}\n", f"port = {proxies[0].port}\n")

    try:
        with scene(folder, claims=claims, prepare=put_between) as on:
            yield on, proxies[0]
    finally:
        for proxy in proxies:
            proxy.__exit__()


def test_upload_cut_in_the_middle(tmp_path: Path) -> None:
    """What was cut is never visible to the partner; the same file goes when the line is back, once."""
    with proxied(tmp_path) as (on, proxy):
        proxy.faults = Faults(cut_to_server_after=20_000)
        on.life.now = on.world.turn(on.world.clock.now())
        on.run(1)
        assert proxy.cuts >= 1
        assert on.world.arrived() == []
        assert on.states("claims") == {"frozen": MANY}
        assert {item.reason for item in on.work("connector.")} == {"connector.unreachable"}
        proxy.faults = Faults()
        on.run()
        _all_well(on)


def test_download_cut_in_the_middle(tmp_path: Path) -> None:
    """Nothing of an 835 that came by half is stored; the whole one posts when the line is back."""
    with proxied(tmp_path) as (on, proxy):
        on.run(2)
        proxy.faults = Faults(cut_to_client_after=15_000)
        on.pass_days(10)
        assert proxy.cuts >= 1
        assert on.states("remits") == {}
        proxy.faults = Faults()
        on.pass_days(1)
        _all_well(on)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Options(refuse_rename=True, refuse_posix_rename=True), id="rename refused"),
        pytest.param(Options(full_after_bytes=1_000), id="disk full"),
        pytest.param(Options(refuse_writes=True), id="writes refused"),
    ],
)
def test_the_server_refuses(tmp_path: Path, fault: Options) -> None:
    """The file waits where it is, one item tells a person, and it goes once when the server takes it."""
    with scene(tmp_path, claims=2) as on:
        on.server.options = fault
        on.run(2)
        assert on.world.arrived() == []
        assert on.states("claims") == {"frozen": 2}
        assert len(on.work("connector.")) == 1
        assert on.broken() == []
        on.server.options = Options()
        on.mended()
        on.run()
        _all_well(on)


def test_the_host_key_changed(tmp_path: Path) -> None:
    """Nobody logs in to a server that is not the pinned one; when the key is right again the file goes."""
    with scene(tmp_path, claims=1) as on:
        old = on.server._key_text
        on.server.restart(new_host_key=True)
        on.run(2)
        assert on.server.logins == {}
        assert on.world.arrived() == []
        (item,) = on.work("connector.")
        assert item.reason == "connector.stopped"
        assert "host key" in item.why
        on.server._key_text = old
        on.server.restart()
        on.mended()
        on.run()
        _all_well(on)


def test_wrong_password(tmp_path: Path) -> None:
    """One attempt, then stop and alarm: no step and no later day tries again, so that no account is locked."""
    user: list[User] = []

    def take_password(world: World) -> None:
        server = world.sandbox.clearinghouse_mailbox.server
        user.append(server.users["clearinghouse"])
        (world.config / "password").write_text("another")
        (world.config / "password").chmod(0o600)
        _password(world)
        server.users = {"clearinghouse": User(name="clearinghouse", password=user[0].password)}

    with scene(tmp_path, claims=1, prepare=take_password) as on:
        on.run(3)
        for _ in range(3):
            on.pass_days(1)
        assert sum(on.server.logins.values()) == 1
        (item,) = on.work("connector.")
        assert item.reason == "connector.stopped"
        assert on.broken() == []
        (on.world.config / "password").write_text(user[0].password)
        on.mended()
        on.run()
        _all_well(on)


def _password(world: World) -> None:
    """The clearinghouse is logged in to by password; the printer goes on with its key."""
    world.configure('key = "file:clearinghouse.key"', 'password = "file:password"')


def _all_well(on: Scene) -> None:
    """Everything was received once, paid and posted, and no trouble is open."""
    received = on.world.sandbox.report().received
    assert set(on.states("claims")) == {"paid"}
    assert len(received) == on.states("claims")["paid"]
    assert set(received.values()) == {1}
    assert on.deposited() == on.paid() > 0
    assert on.work("connector.") == []
    assert on.broken() == []
