"""Senders over MLLP while the hub dies under them: what was acknowledged is in the store, once."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from hub_hl7_adt.mllp.sender import MllpSender
from hub_hl7_adt.settings_mllp import MllpTarget

from hub.app import App, open_app
from hub.config.template import write_template
from hub.plugin.api import InDoubt, RetryLater
from hub.testing.fakes import FakeSecrets

pytestmark = pytest.mark.campaign

CHILD = Path(__file__).parent / "faultlab" / "mllp_child.py"
PATIENCE_SECONDS = 60.0
SENDERS = 4
EACH = 500
KILLS = 6


def message(sender: int, number: int) -> bytes:
    """One message of one sender; some are large."""
    more = "NTE|1||" + "x" * (50_000 if number % 97 == 0 else 300)
    msh = f"MSH|^~\\&|APP{sender}|FAC|HUB|SITE|20260106120000||ADT^A08|S{sender}N{number}|P|2.5"
    return f"{msh}\rPID|1||{number}^^^EAST^MR||QUILLFEATHER^ADALINE\r{more}\r".encode()


class Mortal:
    """A listening hub that is killed and started again on what it left."""

    def __init__(self, folder: Path, child: Path = CHILD) -> None:
        self._folder, self._child = folder, child
        self._changed = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self.acknowledged = 0
        self.over = False

    def start(self) -> None:
        """Begin to live."""
        self._process = subprocess.Popen(
            [sys.executable, str(self._child), str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        with self._changed:
            self._port = int(line)
            self._changed.notify_all()

    def port(self) -> int:
        """Where it listens; waits while it is dead."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._port, PATIENCE_SECONDS)
            return self._port

    def count(self) -> None:
        """One more acknowledgement has reached its sender."""
        with self._changed:
            self.acknowledged += 1
            self._changed.notify_all()

    def reached(self, number: int) -> None:
        """Wait until so many have."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.acknowledged >= number, PATIENCE_SECONDS)

    def kill(self) -> None:
        """It is ended by SIGKILL."""
        assert self._process is not None
        with self._changed:
            self._port = 0
        os.kill(self._process.pid, signal.SIGKILL)
        assert self._process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
        self._close()

    def end(self) -> None:
        """End in order."""
        assert self._process is not None
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(PATIENCE_SECONDS) == 0
        self._close()

    def _close(self) -> None:
        assert self._process is not None
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe and not pipe.closed:
                pipe.close()


def send_all(hub: Mortal, sender: int) -> None:
    """Send all messages of a sender, beginning again behind the last answer whenever the hub dies."""
    at = 0
    while at < EACH:
        target = MllpTarget(to=f"127.0.0.1:{hub.port()}", window=25, attempts=1, ack_seconds=PATIENCE_SECONDS)
        try:
            with MllpSender(target, FakeSecrets({})) as out:
                for told in out.feed(message(sender, n) for n in range(at, EACH)):
                    assert told.code == "AA"
                    at += 1
                    hub.count()
        except (InDoubt, RetryLater):
            continue


@contextmanager
def opened(folder: Path) -> Iterator[App]:
    """The store as the last life left it."""
    app = open_app(folder / "config")
    try:
        yield app
    finally:
        app.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub that listens for HL7."""
    monkeypatch.setenv("HUB_MASTER_KEY", secrets.token_hex(32))
    monkeypatch.setenv("HUB_SFTP_KEY", "none")
    write_template(tmp_path / "config")
    settings = tmp_path / "config" / "hub.toml"
    about = '[connectors.adt.settings]\nmllp = { listen = "127.0.0.1:0" }\n'
    settings.write_text(settings.read_text().replace("[connectors.adt.settings]\n", about))
    return tmp_path


def test_killed_under_load(folder: Path) -> None:
    """Four senders with 25 messages each on their way; the hub is killed at any moment, again and again. At the end
    every message is there once, whole, with what its sender was told, and the database is sound."""
    hub, random = Mortal(folder), Random(5)  # noqa: S311 - when it dies
    hub.start()
    senders = [threading.Thread(target=send_all, args=(hub, n), daemon=True) for n in range(SENDERS)]
    for one in senders:
        one.start()
    total = SENDERS * EACH
    for at in sorted(random.sample(range(20, total * 9 // 10), KILLS)):
        hub.reached(at)
        hub.kill()
        hub.start()
    for one in senders:
        one.join(PATIENCE_SECONDS)
        assert not one.is_alive()
    assert hub.acknowledged == total
    hub.end()
    with opened(folder) as app, app.store.view() as view:
        items = view.inbox.find(limit=2 * total)
        bodies = sorted(view.blobs.content(item.blob_id) for item in items)
        assert bodies == sorted(message(s, n) for s in range(SENDERS) for n in range(EACH))
        assert view.inbox.acks_without_item() == []
