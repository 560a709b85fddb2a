"""`hub notices`, and what `hub check` says of who is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flowlab.command_line import Ran

from hub.app import Faulty, open_app
from hub.clock import TurnedClock
from hub.config.template import write_template
from hub.store.notices import Condition, Letter
from hub.testing.notices import HOST, MailServer

NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server without TLS."""
    running = MailServer()
    yield running
    running.stop()


@pytest.fixture
def folder(tmp_path: Path, server: MailServer) -> Path:
    """The example practice with a notifier `mail` for IT."""
    folder = tmp_path / "config"
    write_template(folder)
    path = folder / "hub.toml"
    text = path.read_text().replace("env:HUB_MASTER_KEY", "file:master.key").replace("all = []", 'it = ["mail"]')
    text += f"""
[connectors.mail]
plugin = "notices"
kind = "email"
[connectors.mail.settings]
host = "{HOST}"
port = {server.port}
security = "none"
from = "hub@practice.example"
to = ["it@practice.example"]
"""
    path.write_text(text)
    key = folder / "master.key"
    key.touch(mode=0o600)
    key.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    return folder


def test_a_test_notice(hub: Callable[..., Ran], server: MailServer) -> None:
    """`notices test` sends one mail that says it is a test; `--dry-run` and `connector test` send none."""
    code, out, _ = hub("notices", "test", "mail", "--dry-run")
    assert (code, server.raw) == (0, [])
    assert "would be sent by mail" in out
    assert hub("connector", "test", "mail")[0] == 0
    assert server.raw == []
    code, out, _ = hub("notices", "test", "mail", "--json")
    assert (code, json.loads(out)["said"]) == (0, "taken for 1 of 1 addresses")
    (mail,) = server.messages()
    assert mail["Subject"] == "[lakeside (test)] test: nothing is wrong"


def test_adding_one(hub: Callable[..., Ran]) -> None:
    """`connector add` writes every setting of a notifier, and says how it comes to be used."""
    code, out, _ = hub("connector", "add", "beat", "--plugin", "notices", "--kind", "ping")
    assert code == 0
    assert 'it = ["beat"]' in out
    assert hub("check")[0] == 0


def test_a_test_of_what_is_no_notifier(hub: Callable[..., Ran]) -> None:
    """Another connector is refused, with the notifiers that there are."""
    code, _, err = hub("notices", "test", "clearinghouse")
    assert code == 2
    assert "the notifiers are: mail" in err


def test_the_list(hub: Callable[..., Ran], folder: Path) -> None:
    """What is open and what was told stand in one list, with what the last try met."""
    app = open_app(folder, clock=TurnedClock(NOW))
    times = {"since": NOW, "made_at": NOW, "next_at": NOW}
    with app.store.begin("admin") as tx:
        words = {"owner": "it", "level": "alarm", "what": "data folder: 90 MB free", "why": "", "fix": ""}
        tx.conditions.put(
            Condition(key="disk.low:data", since=NOW, seen_at=NOW, heard="open", told_at=NOW, **words)
        )
        told = {"kind": "alert", "notifier": "mail", "about": "disk.low:data", "level": "alarm", "body": ""}
        tx.notices.queue(Letter(id="ntc_1", subject="ALARM disk", said="RetryLater: away", **told, **times))
    app.close()
    code, out, _ = hub("notices", "list")
    assert code == 0
    assert [
        word for word in ("disk.low:data", "ALARM disk", "RetryLater: away", "waiting") if word not in out
    ] == []
    _, out, _ = hub("notices", "list", "--state", "sent", "--json")
    assert json.loads(out)["notices"] == []
    assert json.loads(out)["open"][0]["key"] == "disk.low:data"


def test_who_is_told_must_be_a_notifier(hub: Callable[..., Ran], folder: Path) -> None:
    """A role that names a connector of another kind is a fault with file and line, and the hub does not start."""
    path = folder / "hub.toml"
    text = path.read_text().replace('it = ["mail"]', 'it = ["mail", "shop"]')
    shop = '\n[connectors.shop]\nplugin = "ehr_fhir"\npractice = "lakeside"\n[connectors.shop.settings]\n'
    path.write_text(text + shop + 'time_zone = "America/New_York"\n')
    line = text.split("\nit = [")[0].count("\n") + 2
    code, out, _ = hub("check", "--json")
    assert code == 1
    (fault,) = [one for one in json.loads(out) if one["key"] == "notifications.to.it[2]"]
    assert (fault["file"], fault["line"], fault["wrong"]) == ("hub.toml", line, "shop is no notifier")
    assert fault["fix"] == "the notifiers are: mail"
    with pytest.raises(Faulty):
        open_app(folder, clock=TurnedClock(NOW))


def test_a_notifier_that_is_not_enabled_is_named_as_such(hub: Callable[..., Ran], folder: Path) -> None:
    """Who has written a connector and forgot to enable it is told that, and not to write one."""
    path = folder / "hub.toml"
    path.write_text(path.read_text().replace('kind = "email"\n', 'kind = "email"\nenabled = false\n'))
    code, _, err = hub("notices", "test", "mail")
    assert code == 2
    assert "set enabled = true" in err


def test_the_steps_run_for_each_notifier(folder: Path) -> None:
    """The schedule sends for each notifier that is named, and looks once for the hub."""
    app = open_app(folder, clock=TurnedClock(NOW))
    try:
        lanes = {
            name: app.lanes(name) for name in ("watch.look", "notices.digest", "notices.send", "notices.alive")
        }
    finally:
        app.close()
    assert lanes == {
        "watch.look": ("hub.watch",),
        "notices.digest": ("hub.digest",),
        "notices.send": ("mail",),
        "notices.alive": ("mail",),
    }
