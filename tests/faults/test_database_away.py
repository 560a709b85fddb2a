"""The database is gone in the midst of the path and comes back: the hub goes on by itself, its books are equal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from faultlab.postgres import OwnServer
from faultlab.survive import survive
from faultlab.world import World

from hub.app import App
from hub.store import engine

pytestmark = pytest.mark.campaign

AWAY = ("ingest.assemble:before:2", "dispatch.publish:before:2", "posting.post:before:2")
"""Where the server goes: an input half taken in, a file that the partner has and the journal has not, a posting."""
EVERYWHERE = (
    "ingest.receive:after:1",
    "claims.make:before:1",
    "batch.freeze:before:1",
    "dispatch.stage:after:1",
    "dispatch.publish:after:1",
    "dispatch.settle:before:1",
    "fetch.store:before:1",
    "fetch.done:before:1",
    "acks.apply:before:1",
    "remit.read:before:1",
    "secondary.make:before:1",
    "printing.freeze:before:1",
    "audit.seal:before:1",
)
HOLDER = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    """A PostgreSQL server for the tests of this file."""
    with OwnServer() as started:
        yield started


class Stopped:
    """The server stops: `fast`, `immediate` (a crash), or by kill -9."""

    def __init__(self, server: OwnServer, how: str) -> None:
        self.server, self.how = server, how

    def prepare(self, world: World) -> None:
        """Nothing."""

    def strike(self, app: App) -> None:
        """Gone, with every connection."""
        if self.how == "kill":
            self.server.kill()
        else:
            self.server.stop(self.how)

    def mend(self) -> None:
        """Started again; harmless while it runs."""
        if not self.server.runs:
            self.server.start()


class Locked:
    """Another process writes for a long time, and the hub's writers wait in vain."""

    def __init__(self) -> None:
        self.holder: subprocess.Popen[bytes] | None = None

    def prepare(self, world: World) -> None:
        """Nothing."""

    def strike(self, app: App) -> None:
        """Held until the other process ends."""
        path = str(app.store.engines.writer.url.database)
        self.holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == b"held\n"

    def mend(self) -> None:
        """The other process ends; harmless twice."""
        if self.holder is not None:
            with suppress(ValueError):
                self.holder.communicate(timeout=20)
            self.holder = None


@pytest.mark.parametrize(
    "at", [pytest.param(AWAY[0]), *(pytest.param(at, marks=pytest.mark.slow) for at in AWAY[1:])]
)
@pytest.mark.parametrize(
    "how",
    ["immediate", pytest.param("fast", marks=pytest.mark.slow), pytest.param("kill", marks=pytest.mark.slow)],
)
def test_postgresql_stops_and_comes_back(
    tmp_path: Path, server: OwnServer, five: dict[str, Any], at: str, how: str
) -> None:
    """Stopped by its operator, by a crash or by kill -9, and started again: no step is lost or done twice."""
    troubles = survive(tmp_path, Stopped(server, how), at, five, store=server.database())
    assert {one.error for one in troubles} == {"StoreAway"}


@pytest.mark.slow
@pytest.mark.parametrize("at", EVERYWHERE)
def test_postgresql_crashes_anywhere(tmp_path: Path, server: OwnServer, five: dict[str, Any], at: str) -> None:
    """A crash of the database at any commit of the path is survived."""
    survive(tmp_path, Stopped(server, "immediate"), at, five, store=server.database())


@pytest.mark.parametrize(
    "at",
    ["dispatch.stage:after:2", *(pytest.param(at, marks=pytest.mark.slow) for at in EVERYWHERE if "after" in at)],
)
def test_sqlite_is_locked_by_another_process(
    tmp_path: Path, five: dict[str, Any], monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """A file that another process keeps locked makes steps wait, never a half-done one, and they go on after."""
    quick = tuple("PRAGMA busy_timeout=20" if "busy_timeout" in one else one for one in engine._SQLITE_PRAGMAS)
    monkeypatch.setattr(engine, "_SQLITE_PRAGMAS", quick)
    troubles = survive(tmp_path, Locked(), at, five)
    assert {one.error for one in troubles} == {"StoreAway"}
