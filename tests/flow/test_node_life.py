"""The life of a node in real processes: signals, changed settings, one runner at a time, a late database."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest

from hub.cli.opened import opened
from hub.config.template import write_template

pytestmark = pytest.mark.campaign

PATIENCE_SECONDS = 60.0
HUB = (sys.executable, "-m", "hub.cli.main")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example practice, whose partners are all away, with a short drain."""
    folder = tmp_path / "config"
    write_template(folder)
    change(folder, '"env:HUB_MASTER_KEY"', '"file:master.key"')
    toml = folder / "hub.toml"
    toml.write_text(toml.read_text() + "\n[run]\ndrain_seconds = 3\nbug_limit = 5\n")
    key = folder / "master.key"
    key.touch(mode=0o600)
    key.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    return folder


def change(folder: Path, old: str, new: str) -> None:
    """Edit hub.toml as a person does."""
    toml = folder / "hub.toml"
    text = toml.read_text()
    assert old in text
    toml.write_text(text.replace(old, new))


class Process:
    """A `hub run` whose lines a test reads as they come."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._running = subprocess.Popen(
            [*HUB, "run", "-c", str(folder), *(options or ("--listen", ""))],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._running.pid

    def until(self, holds: Callable[[str], bool], count: int = 1) -> str:
        """The `count`-th line of which that is true, as soon as it is said."""

        def found() -> list[str]:
            return [line for line in self.lines if holds(line)]

        with self._changed:
            ended = self._changed.wait_for(
                lambda: len(found()) >= count or not self._reader.is_alive(), PATIENCE_SECONDS
            )
            assert ended, self.lines
            assert len(found()) >= count, self.lines
            return found()[count - 1]

    def says(self, words: str, count: int = 1) -> str:
        """Wait for a line that holds these words."""
        return self.until(lambda line: words in line, count)

    def send(self, number: int) -> None:
        """Send a signal."""
        self._running.send_signal(number)

    def ended(self) -> int:
        """Its exit code."""
        code = self._running.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        return code

    def kill(self) -> None:
        """The end, whatever it does."""
        self._running.kill()
        self._running.wait()
        self._reader.join(PATIENCE_SECONDS)
        assert self._running.stdout is not None
        self._running.stdout.close()

    def _read(self) -> None:
        assert self._running.stdout is not None
        for line in self._running.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()


class Manager:
    """Stands for systemd: a socket that a service tells how it is."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.name)
        self._socket.setblocking(False)

    def told(self) -> list[str]:
        """Every line so far."""
        lines: list[str] = []
        with suppress(BlockingIOError):
            while True:
                lines += self._socket.recv(1000).decode().splitlines()
        return lines

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


def notified(path: Path) -> closing[Manager]:
    """A service manager for the length of a test."""
    return closing(Manager(path))


@contextmanager
def running(folder: Path, *options: str, **environment: str) -> Iterator[Process]:
    """A node that runs; killed at the end where it has not ended."""
    process = Process(folder, *options, **environment)
    try:
        yield process
    finally:
        process.kill()


def hub(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """One command beside it."""
    return subprocess.run([*HUB, *command, "-c", str(folder)], capture_output=True, text=True, check=False)


def ready(address: str) -> int:
    """The status of /readyz."""
    try:
        with urlopen(f"http://{address}/readyz", timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code


def test_one_runs_and_says_who(folder: Path) -> None:
    """`hub run` beside a running hub is refused in words; people's commands work, and the node is listed."""
    with running(folder, "--listen", "127.0.0.1:0") as first:
        address = first.says("health and metrics").split("//")[1].split("/")[0]
        first.says("running;")
        refused = hub(folder, "run", "--once")
        assert refused.returncode == 2
        assert f"a hub runs here already: process {first.pid} on " in refused.stderr
        assert "does what is due and waiting by itself" in refused.stderr
        (node,) = json.loads(hub(folder, "nodes", "--json").stdout)
        assert (node["state"], node["roles"][0], node["load"]["pid"]) == ("running", "scheduler", first.pid)
        assert node["load"]["rss_bytes"] > 0
        assert ready(address) in (200, 503)
        first.send(signal.SIGTERM)
        assert first.ended() == 0
        assert first.lines[-1] == "stopped; nothing was interrupted"
    with opened(folder) as found, found.store.view() as view:
        assert [one.state(view.now) for one in view.nodes.all()] == ["stopped"]


def test_a_killed_runner_holds_nobody_up(folder: Path) -> None:
    """The right to run dies with the process, also by kill -9."""
    with running(folder) as first:
        first.says("running;")
        first.send(signal.SIGKILL)
        first.ended()
        assert hub(folder, "run", "--once").returncode == 0


def test_changed_settings_are_taken_whole_or_not_at_all(folder: Path) -> None:
    """SIGHUP: with a fault the old settings go on and a work item says where; mended, they are in use and it is
    resolved; what cannot change is said.
    """
    with notified(folder.parent / "notify") as manager, running(folder, NOTIFY_SOCKET=manager.name) as node:
        node.says("running;")
        change(folder, 'plugin = "clearinghouse_sftp"\n', 'plugin = "clearinghouse_sftp"\nenabeld = false\n')
        change(folder, 'every = "30m"', 'every = "45m"')
        node.send(signal.SIGHUP)
        node.says("the changed settings are refused")
        assert "hub.toml:" in node.says("enabeld")

        change(folder, "enabeld = false\n", "")
        change(folder, 'user = "lakeside"', 'user = "lakeside2"')
        change(folder, "bug_limit = 5", "bug_limit = 6")
        node.send(signal.SIGHUP)
        node.says("are in use")
        assert node.says("made anew") == "made anew: clearinghouse"
        assert node.says("next start") == "changed, and used from the next start on: run.bug_limit"
        with opened(folder) as found, found.store.view() as view:
            (item,) = view.work.list(open_only=False, reason_prefix="settings.")
        assert "hub.toml:" in item.why
        assert item.resolved_by == "hub"
        node.send(signal.SIGINT)
        assert node.ended() == 0
        told = manager.told()
    assert "EXTEND_TIMEOUT_USEC=23000000" in told, (
        "a drain of 3 s and the rest, however short the unit's own time is"
    )
    told = [line for line in told if line.partition("=")[0] in {"READY", "RELOADING", "STOPPING"}]
    assert told == ["READY=1", *["RELOADING=1", "READY=1"] * 2, "STOPPING=1"]


def test_a_node_waits_for_its_database(folder: Path, pg_server: str) -> None:
    """With the database away at start the node says so once and waits; when it is there the node runs."""
    name = f"late_{os.getpid()}"
    url = pg_server.replace("/DATABASE?", f"/{name}?")
    change(folder, "[hub]\n", '[hub]\nstore = "env:HUB_STORE"\n')
    admin = psycopg.connect(
        pg_server.replace("/DATABASE?", "/postgres?").replace("+psycopg", ""), autocommit=True
    )
    with admin:
        admin.execute(f"CREATE DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            with running(folder, HUB_STORE=url) as node:
                node.says("waiting for the database: the database is away")
                admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
                node.says("running;")
                before = sum('"event": "store.away"' in line for line in node.lines)
                admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
                admin.execute(
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", (name,)
                )
                node.says('"event": "store.away"', 1 + before)
                admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
                node.says('"event": "store.back"')
                node.send(signal.SIGTERM)
                assert node.ended() == 0
                assert sum("waiting for the database" in line for line in node.lines) == 1
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_database_that_refuses_ends_the_start_in_words(folder: Path, pg_server: str) -> None:
    """A wrong name or password is nothing to wait for."""
    url = pg_server.replace("/DATABASE?", "/no_such_database?")
    change(folder, "[hub]\n", '[hub]\nstore = "env:HUB_STORE"\n')
    with running(folder, HUB_STORE=url) as node:
        assert node.ended() == 2
        assert any("does not let the hub in" in line for line in node.lines)


def test_nonsense_is_refused_before_anything_opens(folder: Path) -> None:
    """A scheduler without a worker, with the local runner, would do nothing for months."""
    refused = hub(folder, "run", "--roles", "scheduler")
    assert refused.returncode == 2
    assert "has no worker" in refused.stderr
    assert not (folder / "data").exists()
