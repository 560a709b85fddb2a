"""A node within the test's own process: the drain, what a reload changes and leaves alone, trouble with the store."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub import app as putting_together
from hub.cli.setup import all_faults
from hub.config.template import write_template
from hub.errors import Misconfigured, StoreAway
from hub.flow.base import Hub, Outcome
from hub.node import Node, manager
from hub.node.parts import Parts
from hub.node.pulse import Registered
from hub.node.rereading import Reread
from hub.store import Store

PATIENCE_SECONDS = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example practice, whose partners are all away, with a short drain."""
    folder = tmp_path / "config"
    write_template(folder)
    change(folder, '"env:HUB_MASTER_KEY"', '"file:master.key"')
    toml = folder / "hub.toml"
    toml.write_text(toml.read_text() + '\n[run]\ndrain_seconds = 3\nlisten = ""\n')
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


class Lived:
    """A node in a thread, what it says, and what it left."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.left: tuple[str, ...] | None = None
        self._changed = threading.Condition()
        self._running = threading.Event()
        self.node = Node(folder, say=self._say, on_running=lambda _node: self._running.set())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._running.wait(PATIENCE_SECONDS)

    def reload(self) -> list[str]:
        """Read the settings again; gives what was said of it."""
        before = len(self.said)
        self.node.signals.send(signal.SIGHUP)
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.said) > before, PATIENCE_SECONDS)
            return self.said[before].splitlines()

    def end(self) -> tuple[str, ...]:
        """Stop it; gives what did not end in time."""
        self.node.stop()
        self._thread.join(PATIENCE_SECONDS)
        assert self.left is not None
        return self.left

    def _say(self, line: str) -> None:
        with self._changed:
            self.said.append(line)
            self._changed.notify_all()

    def _run(self) -> None:
        self.left = self.node.run()


@contextmanager
def lived(folder: Path) -> Iterator[Lived]:
    """A node that is stopped at the end."""
    found = Lived(folder)
    try:
        yield found
    finally:
        found.end()


def stands_for(monkeypatch: pytest.MonkeyPatch, name: str, step: Callable[[Hub, str], Outcome]) -> None:
    """Let `step` run under the name of one of the hub's."""
    monkeypatch.setitem(putting_together.STEPS, name, (step, putting_together.STEPS[name][1]))


def test_what_runs_gets_its_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that runs when the node is told to stop may end; the node is not ready from that moment on."""
    begun, phases, ended = threading.Event(), list[str](), threading.Event()

    def slow(hub: Hub, lane: str) -> Outcome:
        begun.set()
        assert hub.store is not None
        found.node.app.stop.wait(PATIENCE_SECONDS)  # type: ignore[union-attr]
        phases.append(found.node.phase)
        ended.set()
        return Outcome()

    with lived(folder) as found:
        stands_for(monkeypatch, "coding.code", slow)
        found.node.runner.nudge("coding.code", "lakeside")  # type: ignore[union-attr]
        assert begun.wait(PATIENCE_SECONDS)
        assert found.end() == ()
    assert ended.is_set()
    assert phases == ["draining"]


def test_what_does_not_end_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that does not hear `stop` is given up after the drain, by name; the store stays open under it."""
    begun, let = threading.Event(), threading.Event()

    def deaf(hub: Hub, lane: str) -> Outcome:
        begun.set()
        let.wait(PATIENCE_SECONDS)
        with hub.store.view() as view:
            return Outcome(done=len(view.nodes.all()))

    with lived(folder) as found:
        stands_for(monkeypatch, "coding.code", deaf)
        runner, app = found.node.runner, found.node.app
        assert runner is not None
        assert app is not None
        runner.nudge("coding.code", "lakeside")
        assert begun.wait(PATIENCE_SECONDS)
        assert found.end() == ("lakeside",)
        let.set()
        assert runner.stop(PATIENCE_SECONDS) == ()
        app.close()


def test_a_reload_leaves_alone_what_did_not_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps see the new settings at their next run, one that runs keeps the old ones until its end; connectors that
    did not change are the same objects, those that did are new, and schedules are replaced.
    """
    begun, let, seen = threading.Event(), threading.Event(), list[str]()

    def look(hub: Hub, lane: str) -> Outcome:
        begun.set()
        let.wait(PATIENCE_SECONDS)
        seen.append(str(hub.settings.connectors["clearinghouse"].settings["user"]))
        seen.append("closed" if hub.host.port("clearinghouse").held else "open")
        return Outcome()

    with lived(folder) as found:
        stands_for(monkeypatch, "coding.code", look)
        app, runner = found.node.app, found.node.runner
        assert app is not None
        assert runner is not None
        runner.nudge("coding.code", "lakeside")
        assert begun.wait(PATIENCE_SECONDS)
        change(folder, 'user = "lakeside"', 'user = "lakeside2"')
        change(folder, 'every = "30m"', 'every = "45m"')
        said = found.reload()
        new = found.node.app
        assert new is not None
        assert said[0] == "the settings were read again and are in use"
        assert new.host.port("printer") is app.host.port("printer")
        assert new.host.port("clearinghouse") is not app.host.port("clearinghouse")
        assert {one.name: one.every for one in new.schedules()}["fetch"] != (
            {one.name: one.every for one in app.schedules()}["fetch"]
        )
        let.set()
        assert runner.run_until_idle(PATIENCE_SECONDS)
        runner.nudge("coding.code", "lakeside")
        assert runner.run_until_idle(PATIENCE_SECONDS)
        assert found.end() == ()
    assert (seen[0], seen[-2]) == ("lakeside", "lakeside2")


def test_what_the_next_start_needs_is_checked(folder: Path) -> None:
    """A reload refuses, whole and with a work item, a log file that nobody can write and a master key that is not
    there: the one would fail half-way, the other only at the next start. `hub check` says the same.
    """
    good = (folder / "hub.toml").read_text()
    with lived(folder) as found:
        for old, new, key in (
            ("drain_seconds = 3", 'drain_seconds = 3\nlog_file = "no/such/folder/hub.log"', "run.log_file"),
            ('"file:master.key"', '"file:lost.key"', "hub.master_key"),
        ):
            change(folder, old, new)
            said = found.reload()
            assert "refused" in said[0]
            assert key in said[1]
            assert key in {fault.key for fault in all_faults(folder) if fault.severity == "error"}
            (folder / "hub.toml").write_text(good)
        app = found.node.app
        assert app is not None
        with app.store.view() as view:
            assert [item.reason for item in view.work.list(aggregate="settings")] == ["settings.refused"]
        assert found.end() == ()


def test_what_waits_for_a_start_is_said_until_then(folder: Path) -> None:
    """What waits for a restart is told by comparing with what the node started with, at each reload anew."""
    change(folder, "drain_seconds = 3", "drain_seconds = 3\nthreads = 3")
    with lived(folder) as found:
        change(folder, "threads = 3", "threads = 5")
        assert "run.threads" in found.reload()[-1]
        assert "run.threads" in found.reload()[-1]
        change(folder, "threads = 5", "threads = 3")
        assert found.reload() == ["the settings were read again and are in use"]
        assert found.end() == ()


def test_a_reload_whose_log_fails_is_in_use_and_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that are in use are never said to be refused, and a service manager is told that the reload is over,
    also where it raised.
    """
    told: list[str] = []
    monkeypatch.setattr(manager, "tell", lambda *lines: told.append(lines[0]))

    def unwritable(_loaded: object) -> None:
        raise Misconfigured("the log file cannot be written")

    def bug(_parts: object) -> Reread:
        raise RuntimeError

    with lived(folder) as found:
        found.node._on_settings = unwritable
        assert found.reload() == [
            "the settings were read again and are in use",
            "but the log file cannot be written: the log goes on as it was",
        ]
        monkeypatch.setattr(Parts, "reread", bug)
        assert found.reload() == ["the settings could not be read again: a bug"]
        found.end()
    told = [line for line in told if line != "WATCHDOG=1"]
    assert told == ["READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]


def test_a_secret_that_changed_makes_its_connector_anew(folder: Path) -> None:
    """A key that was renewed in its file is used after SIGHUP, although no setting changed."""
    change(folder, 'key = "env:HUB_SFTP_KEY"', 'key = "file:sftp.key"')
    secret = folder / "sftp.key"
    secret.touch(mode=0o600)
    secret.write_text("old\n")
    with lived(folder) as found:
        assert found.reload() == ["the settings were read again and are in use"]
        secret.write_text("new\n")
        assert "made anew: clearinghouse, printer" in found.reload()
        assert found.end() == ()


def test_trouble_is_told_when_the_store_is_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane that is held while the store is away keeps its work item in memory until it can be written; a lane
    that only met the absent store has none.
    """
    app = putting_together.open_app(folder)
    real = Store.begin

    def away(*_: object) -> None:
        raise StoreAway("away")

    told = {"said": "wrong password", "place": "x:1", "fix": "mend it"}
    monkeypatch.setattr(Store, "begin", away)
    app.watch.open("fetch.fetch", "clearinghouse", "held", "Misconfigured", **told)
    app.watch.open("posting.post", "lakeside", "retry", "StoreAway", **told)
    assert app.watch.still_open("fetch.fetch", "clearinghouse")
    app.watch.flows("fetch.fetch", "printer")
    monkeypatch.setattr(Store, "begin", real)
    app.watch.refresh()
    with app.store.view() as view:
        assert [(one.reason, one.where) for one in view.work.list()] == [("connector.stopped", "fetch.fetch")]
    app.watch.flows("fetch.fetch", "clearinghouse")
    with app.store.view() as view:
        assert view.work.list() == []
    app.close()


@pytest.mark.campaign
def test_a_database_that_hangs_keeps_no_stop_waiting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop does not wait for a database that never answers: it says that it left it alone, and lets the rest go."""
    entered, goes = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        entered.set()
        goes.wait(PATIENCE_SECONDS)

    monkeypatch.setattr(Registered, "beat", hang)
    try:
        with lived(folder) as found:
            assert entered.wait(PATIENCE_SECONDS)
            assert found.end() == ("the database",)
            assert not goes.is_set()
    finally:
        goes.set()
