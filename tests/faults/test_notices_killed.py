"""A hub that is killed between sending a notice and noting it sends the same mail again, and no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.clock import TurnedClock
from hub.store import Keyring, open_store
from hub.store.notices import Letter
from hub.testing.notices import HOST, MailServer

pytestmark = pytest.mark.campaign

NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)
KEY = bytes(32)
CHILD = """
import sys
from datetime import UTC, datetime
from hub.clock import TurnedClock
from hub.config.settings import Settings
from hub.flow.base import Hub
from hub.plugin.host import ConnectorSpec, PluginHost, contexts
from hub.store import Keyring, open_store
from hub.testing.fakes import FakeSecrets
from hub.watch.notices import send

clock = TurnedClock(datetime(2026, 3, 2, 14, tzinfo=UTC))
store = open_store(sys.argv[1], Keyring(bytes(32)), clock)
told = {"host": sys.argv[2], "port": int(sys.argv[3]), "security": "none"}
told |= {"from": "hub@a.example", "to": "it@a.example"}
make = contexts(clock=clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None)
spec = ConnectorSpec(plugin="notices", kind="email", settings=told)
host, faults = PluginHost.load({"mail": spec}, context_for=make)
assert not faults, faults
send(Hub(settings=Settings(), store=store, host=host, clock=clock), "mail")
"""


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server without TLS."""
    running = MailServer()
    yield running
    running.stop()


@pytest.mark.parametrize(("side", "mails"), [("before", 2), ("after", 1)])
def test_killed_at_the_note(server: MailServer, made_sqlite_url: str, side: str, mails: int) -> None:
    """A kill (-9) before the note repeats the mail under its Message-ID; after the note it does not."""
    store = open_store(made_sqlite_url, Keyring(KEY), TurnedClock(NOW))
    words = {"kind": "alert", "notifier": "mail", "about": "disk.low", "level": "alarm", "body": "x"}
    with store.begin("admin") as tx:
        tx.notices.queue(Letter(id="ntc_1", subject="ALARM", since=NOW, made_at=NOW, next_at=NOW, **words))
    assert child(made_sqlite_url, server, {"HUB_CRASH_AT": f"notices.sent:{side}:1"}) == -signal.SIGKILL
    assert child(made_sqlite_url, server) == 0
    assert [mark for mark, _ in server.received()] == ["ntc_1"] * mails
    with store.view() as view:
        assert [one.state for one in view.notices.list()] == ["sent"]
    store.close()


def child(url: str, server: MailServer, environment: dict[str, str] | None = None) -> int:
    """Run the step in a process of its own; how it ended."""
    command = [sys.executable, "-c", CHILD, url, HOST, str(server.port)]
    folder = Path(__file__).resolve().parents[2]
    ended = subprocess.run(
        command, env={**os.environ, **(environment or {})}, cwd=folder, timeout=120, check=False
    )
    return ended.returncode
