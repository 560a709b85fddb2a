"""A listening plugin from outside this repository: it keeps the contract, and a running hub hears it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hub.cli.opened import opened
from hub.config.template import write_template
from hub.model.facts import MergeFact
from hub.testing.fakes import FakeContext, encode_facts
from hub.testing.installed import install, on_path
from hub.testing.kits import EhrSourceKit, ListeningSourceKit, Sample

KIND = "lines+json"
MERGE = MergeFact(key="m1", version="1", kind="patient", from_key="ZZCANARYNAME", into_key="p2")
SAMPLES = (Sample(name="merge", content_type=KIND, raw=encode_facts(MERGE), values=("ZZCANARYNAME",)),)
PATIENCE_SECONDS = 20.0


def free_port() -> int:
    """A port that nobody has at this moment."""
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])


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


def test_a_running_hub_hears_it(lines_plugin: Path, tmp_path: Path) -> None:
    """`hub run` serves an installed listener: what was answered with yes is in the inbox after SIGTERM, once."""
    folder, port = configured(tmp_path), free_port()
    toml = folder / "hub.toml"
    toml.write_text(
        f'{toml.read_text()}\n[connectors.lines]\nplugin = "ehr_lines"\npractice = "lakeside"\n'
        f"[connectors.lines.settings]\nport = {port}\n"
    )
    command = [sys.executable, "-m", "hub.cli.main", "run", "-c", str(folder), "--listen", ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        while not running.stdout.readline().startswith("running"):
            assert running.poll() is None, "it ended before it ran"
        assert send(port, SAMPLES[0].raw)
        assert send(port, SAMPLES[0].raw)
        running.send_signal(signal.SIGTERM)
        assert running.stdout.read().endswith("stopped; nothing was interrupted\n")
        assert running.wait(PATIENCE_SECONDS) == 0
    with opened(folder) as hub, hub.store.view() as view:
        assert [item.kind for item in view.inbox.find(source="lines")] == ["message"]
        assert view.inbox.acks_without_item() == []
