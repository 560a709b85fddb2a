"""A listening plugin from outside this repository: it keeps the contract, and a running hub hears it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.cli.opened import Opened, opened
from hub.config.template import write_template
from hub.model.facts import MergeFact
from hub.plugin.api import WebRequest
from hub.testing.fakes import FakeContext, encode_facts
from hub.testing.installed import install, on_path
from hub.testing.kits import EhrSourceKit, ListeningSourceKit, Sample, WebSourceKit
from hub.testing.notices import free_port

pytestmark = pytest.mark.campaign

KIND = "lines+json"
MERGE = MergeFact(key="m1", version="1", kind="patient", from_key="ZZCANARYNAME", into_key="p2")
SAMPLES = (Sample(name="merge", content_type=KIND, raw=encode_facts(MERGE), values=("ZZCANARYNAME",)),)
PATIENCE_SECONDS = 60.0


def configured(tmp_path: Path) -> Path:
    """The example practice, with a key."""
    folder = tmp_path / "config"
    write_template(folder)
    toml, key = folder / "hub.toml", folder / "master.key"
    toml.write_text(toml.read_text().replace("env:HUB_MASTER_KEY", "file:master.key"))
    key.touch(mode=0o600)
    key.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    return folder


def send(port: int, body: bytes) -> bool:
    """Send one line as the EHR does: whether the answer was yes. Waits for a while until somebody listens."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as line:
                line.sendall(body + b"\n")
                return line.makefile("rb").readline() == b"yes\n"
        except ConnectionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


@pytest.fixture(scope="session")
def lines_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `ehr-lines` is installed."""
    return install(Path(__file__).with_name("ehr_lines"), tmp_path_factory.mktemp("ehr_lines"))


@pytest.fixture
def lines_plugin(lines_site: Path) -> Iterator[Path]:
    """`ehr-lines` on the import path, as if installed, here and in processes that the test starts."""
    with on_path(lines_site):
        yield lines_site


class _Lines:
    @pytest.fixture
    def port_number(self) -> int:
        return free_port()

    @pytest.fixture
    def make_port(self, lines_plugin: Path, port_number: int) -> Callable[[], Any]:
        from ehr_lines.port import Lines, LinesSettings

        return lambda: Lines(LinesSettings(port=port_number), FakeContext("kit"))

    @pytest.fixture
    def samples(self) -> tuple[Sample, ...]:
        return SAMPLES


class TestLinesAsSource(_Lines, EhrSourceKit):
    """A listener is a source too."""


class TestLinesAsListener(_Lines, ListeningSourceKit):
    """It listens as the contract says."""

    @pytest.fixture
    def sender(self, port_number: int) -> Callable[[bytes], bool]:
        return lambda raw: send(port_number, raw)


class TestLinesByWeb(_Lines, WebSourceKit):
    """It answers requests as the contract says."""

    @pytest.fixture
    def make_port(self, lines_plugin: Path, port_number: int) -> Callable[[], Any]:
        from ehr_lines.port import Lines, LinesSettings

        context = FakeContext("kit", secrets={"env:TOKEN": "letmein"})
        return lambda: Lines(LinesSettings(port=port_number, token="env:TOKEN"), context)

    @pytest.fixture
    def sent(self) -> Callable[[bytes], WebRequest]:
        mine = {"authorization": "Bearer letmein"}
        return lambda raw: WebRequest(method="POST", path="line", headers=mine, body=raw)


def listening(tmp_path: Path, port: int, *more: str) -> Path:
    """The example practice with that listener, and further lines of hub.toml."""
    folder = configured(tmp_path)
    toml = folder / "hub.toml"
    lines = '[connectors.lines]\nplugin = "ehr_lines"\npractice = "lakeside"\n[connectors.lines.settings]'
    toml.write_text("\n".join((toml.read_text(), lines, f"port = {port}", *more, "")))
    return folder


def post(port: int, token: str) -> int:
    """Post the sample: the status of the answer. Waits for a while until somebody listens."""
    headers, until = {"authorization": f"Bearer {token}"}, time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            url = f"http://127.0.0.1:{port}/connectors/lines/line"
            return httpx.post(url, content=SAMPLES[0].raw, headers=headers, timeout=PATIENCE_SECONDS).status_code
        except httpx.ConnectError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def test_a_running_hub_answers_for_it(
    lines_plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`hub run` serves what an installed plugin answers: a stranger is refused, what was taken is in the inbox."""
    monkeypatch.setenv("LINES_TOKEN", "letmein")
    pages = free_port()
    folder = listening(tmp_path, free_port(), 'token = "env:LINES_TOKEN"')
    with running(folder, "--listen", f"127.0.0.1:{pages}"):
        assert [post(pages, token) for token in ("wrong", "letmein", "letmein")] == [401, 200, 200]
    with opened(folder) as hub, hub.store.view() as view:
        assert [item.kind for item in view.inbox.find(source="lines")] == ["message"]


@contextmanager
def running(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A node that runs; at the end it is stopped in order."""
    command = [sys.executable, "-m", "hub.cli.main", "run", "-c", str(folder), "--listen", "", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        try:
            while not node.stdout.readline().startswith("running"):
                assert node.poll() is None, "it ended before it ran"
            yield node
            node.send_signal(signal.SIGTERM)
            assert node.stdout.read().endswith("stopped; nothing was interrupted\n")
            assert node.wait(PATIENCE_SECONDS) == 0
        finally:
            node.kill()


def test_a_running_hub_hears_it(lines_plugin: Path, tmp_path: Path) -> None:
    """`hub run` serves an installed listener: what was answered with yes is in the inbox after SIGTERM, once."""
    port = free_port()
    folder = listening(tmp_path, port)
    with running(folder):
        assert send(port, SAMPLES[0].raw)
        assert send(port, SAMPLES[0].raw)
    with opened(folder) as hub, hub.store.view() as view:
        assert [item.kind for item in view.inbox.find(source="lines")] == ["message"]
        assert view.inbox.acks_without_item() == []


def test_roles_on_three_nodes(
    lines_plugin: Path, tmp_path: Path, pg_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one node hears another one reads, without a third one's schedule: roles on three nodes are one hub."""
    monkeypatch.setenv("HUB_STORE", pg_url)
    port = free_port()
    folder = listening(tmp_path, port, "[run]", 'runner = "distributed"')
    toml = folder / "hub.toml"
    toml.write_text(toml.read_text().replace("[hub]\n", '[hub]\nstore = "env:HUB_STORE"\n', 1))
    with running(folder, "--roles", "listener"), running(folder, "--roles", "worker"):
        assert send(port, SAMPLES[0].raw)
        with opened(folder) as hub:
            assert _comes_to(hub, "read")
        with running(folder, "--roles", "scheduler"), opened(folder) as hub, hub.store.view() as view:
            alive = [one.roles for one in view.nodes.all() if one.stopped_at is None]
            assert sorted(alive) in ([("listener",), ("scheduler",), ("worker",)], [("listener",), ("worker",)])
    with opened(folder) as hub, hub.store.view() as view:
        assert {one.state(view.now) for one in view.nodes.all()} == {"stopped"}


def _comes_to(hub: Opened, state: str) -> bool:
    """Whether the one message comes to that state before long."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with hub.store.view() as view:
            if [item.state for item in view.inbox.find(source="lines")] == [state]:
                return True
        time.sleep(0.05)
    return False
