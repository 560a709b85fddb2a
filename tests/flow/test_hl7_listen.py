"""A whole hub that listens for HL7: from a sender's socket to facts, with what it was told counted."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hub_hl7_adt.mllp.sender import MllpSender
from hub_hl7_adt.settings_mllp import MllpTarget

from hub.app import App, Current, open_app
from hub.config.template import write_template
from hub.node.listening import Listeners
from hub.runner import LocalRunner
from hub.testing.fakes import FakeSecrets

PATIENCE_SECONDS = 60.0
COUNT = 120


def message(number: int) -> bytes:
    """One message about one of ten patients."""
    msh = f"MSH|^~\\&|APP|FAC|HUB|SITE|202601061200{number % 60:02}||ADT^A08^ADT_A01|M{number}|P|2.5"
    return f"{msh}\rEVN|A08|20260106\rPID|1||{number % 10}^^^EAST^MR||QUILLFEATHER^ADALINE||19800203|F\r".encode()


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The example practice, whose HL7 source listens."""
    monkeypatch.setenv("HUB_MASTER_KEY", secrets.token_hex(32))
    monkeypatch.setenv("HUB_SFTP_KEY", "none")
    write_template(tmp_path / "config")
    settings = tmp_path / "config" / "hub.toml"
    about = '[connectors.adt.settings]\nmllp = { listen = "127.0.0.1:0", peers = { "127.0.0.1" = "epic" } }\n'
    settings.write_text(settings.read_text().replace("[connectors.adt.settings]\n", about))
    made = open_app(tmp_path / "config")
    yield made
    made.close()


def test_from_the_socket_to_facts(app: App) -> None:
    """Each message is stored once and read, a repeat is told AA again and not processed, and the feed is counted
    under the sender's name. Only the source that is to listen does."""
    began = app.clock.now() - timedelta(hours=1)
    listeners = Listeners(Current(app))
    listeners.follow()
    assert listeners.names() == ("adt",)
    listener = app.host.source("adt")._inner.listener  # type: ignore[attr-defined]
    assert listener.ready.wait(PATIENCE_SECONDS)
    runner = LocalRunner(app.steps())
    app.store.on_commit(runner.told)
    target = MllpTarget(to=f"127.0.0.1:{listener.port}", window=30, ack_seconds=PATIENCE_SECONDS)
    with MllpSender(target, FakeSecrets({})) as out:
        told = list(out.feed(message(n % COUNT) for n in range(2 * COUNT)))
    assert [one.code for one in told] == ["AA"] * (2 * COUNT)
    assert runner.run_until_idle(PATIENCE_SECONDS)
    runner.stop()
    listeners.ask_to_end()
    assert listeners.end(PATIENCE_SECONDS) == ()
    with app.store.view() as view:
        assert view.inbox.tally() == {("adt", "read"): COUNT}
        assert view.inbox.acks_without_item() == []
        hours = view.feeds.hours(began, "adt")
        assert {hour.peer for hour in hours} == {"epic"}
        assert sum(hour.messages for hour in hours) == sum(hour.accepted for hour in hours) == 2 * COUNT
        assert sum(hour.repeats for hour in hours) == COUNT
