"""The line to the partner fails in each phase of a transfer: files go once, answers come once, nobody is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faultlab.survive import survive
from faultlab.world import World
from hub_sftp_transfer.connection import forget_failures

from hub.app import App
from hub.testing.faults import FaultProxy, Faults

pytestmark = pytest.mark.campaign

PHASES = {
    "stage": "dispatch.stage:after:2",
    "publish": "dispatch.publish:after:1",
    "confirm": "dispatch.publish:after:2",
    "list": "dispatch.settle:after:1",
    "open": "fetch.list:after:1",
    "done": "fetch.store:after:1",
}
"""After which commit the phase is the next thing that the hub does with the partner."""
LINES = {
    "cut": Faults(cut_to_server_after=0),
    "cut by half": Faults(cut_to_server_after=3_000),
    "answer cut by half": Faults(cut_to_client_after=2_000),
    "blackhole": Faults(blackhole=True),
    "refused": Faults(refuse=True, cut_to_server_after=0),
    "slow": Faults(bytes_per_second=60_000, latency_seconds=0.005),
}
QUICK = {("publish", "cut")}
TIMES = "connect_timeout_seconds = 1\noperation_timeout_seconds = 1\n"


class Line:
    """The clearinghouse is reached over a line that fails."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.proxy: FaultProxy | None = None

    def prepare(self, world: World) -> None:
        """The hub is told the line's address, and waits a second at most."""
        server = world.sandbox.clearinghouse_mailbox.server
        self.proxy = FaultProxy(server.host, server.port).__enter__()
        world.configure(f"port = {server.port}\n", f"port = {self.proxy.port}\n{TIMES}")

    def strike(self, app: App) -> None:
        """It fails from now on, connections that are open too."""
        assert self.proxy is not None
        self.proxy.faults = self.faults

    def mend(self) -> None:
        """It is as good as new."""
        if self.proxy is not None:
            self.proxy.faults = Faults()

    def close(self) -> None:
        """When the hub is closed."""
        if self.proxy is not None:
            self.proxy.__exit__()


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    """The plugin remembers refused logins in its process; a test begins and ends without."""
    forget_failures()
    yield
    forget_failures()


def _cases() -> Iterator[Any]:
    for phase in PHASES:
        for line in LINES:
            marks = () if (phase, line) in QUICK else (pytest.mark.slow,)
            yield pytest.param(phase, line, id=f"{phase}, {line}", marks=marks)


@pytest.mark.parametrize(("phase", "line"), list(_cases()))
def test_the_line_fails(tmp_path: Path, five: dict[str, Any], phase: str, line: str) -> None:
    """Cut, cut half-way, silent, closed or slow in a phase of a transfer, and mended when the hub has found nothing
    more to do: the books are those of a life on a good line, and no file came twice.
    """
    fault = Line(LINES[line])
    try:
        troubles = survive(tmp_path, fault, PHASES[phase], five)
        assert {one.error for one in troubles} <= {"RetryLater"}
    finally:
        fault.close()
