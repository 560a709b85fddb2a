"""Listeners: what a sender was told yes for is durable, and a listener that fails comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.app import App, Current
from hub.clock import Clock, TurnedClock
from hub.config import SecretStore, load
from hub.config.template import write_template
from hub.errors import Misconfigured, StoreAway
from hub.flow.trouble import Watch
from hub.model.facts import MergeFact
from hub.node import intake, listening
from hub.node.listening import STEP, Listeners
from hub.plugin.host import ConnectorSpec, HostContext, Keep, Options, PluginHost, contexts
from hub.runner import LocalRunner
from hub.store import Store
from hub.store.arrivals import Arrival, Prepared, Taken
from hub.store.arrivals import prepare as prepare_all
from hub.store.crypto import DataKeys
from hub.testing import listener as fake
from hub.testing.fakes import encode_facts
from hub.testing.listener import MemoryLine

PATIENCE_SECONDS = 60.0


def message(number: int) -> bytes:
    """A message of its own."""
    return encode_facts(MergeFact(key=f"m{number}", version="1", kind="patient", from_key="p1", into_key="p2"))


def until(holds: Callable[[], bool]) -> None:
    """Wait for it, for a bounded time."""
    waiting, tries = threading.Event(), 0
    while not holds():
        tries += 1
        assert tries < PATIENCE_SECONDS * 100, "it never came about"
        waiting.wait(0.01)


@pytest.fixture
def line() -> MemoryLine:
    """Between the fake EHR and the fake listener."""
    return MemoryLine()


def loaded_host(
    lines: dict[str, MemoryLine], make: Callable[[str], HostContext], keep: Keep | None = None
) -> PluginHost:
    """A host with a listening source for each line."""
    specs = {name: ConnectorSpec(plugin="fake", settings={"line": line}) for name, line in lines.items()}
    options = Options(modules={"fake": fake})
    host, problems = PluginHost.load(specs, context_for=make, options=options, keep=keep)
    assert problems == ()
    return host


@pytest.fixture
def app(store: Store, clock: TurnedClock, tmp_path: Path, line: MemoryLine) -> Iterator[App]:
    """The example practice with one listening source, on either database."""
    write_template(tmp_path / "config")
    loaded = load(tmp_path / "config")
    stop = threading.Event()
    make = contexts(clock=clock, secrets=SecretStore(loaded.folder), load=lambda _i, _k: None, stop=stop)
    host = loaded_host({"line": line}, make)
    yield App(loaded=loaded, store=store, host=host, clock=clock, stop=stop, watch=Watch(loaded.settings, store))
    stop.set()
    host.close()


@pytest.fixture
def listeners(app: App) -> Iterator[Listeners]:
    """That source listens."""
    found = Listeners(Current(app))
    found.follow()
    yield found
    found.ask_to_end()
    assert found.end(PATIENCE_SECONDS) == ()


def test_what_was_told_yes_is_durable(app: App, line: MemoryLine, listeners: Listeners) -> None:
    """Each message that was answered with yes is in the inbox once, journalled as told, and read by a step."""
    runner = LocalRunner(app.steps())
    app.store.on_commit(runner.told)
    with ThreadPoolExecutor(20) as many:
        answers = list(many.map(line.send, [message(n % 40) for n in range(80)]))
    assert answers == [True] * 80
    assert runner.run_until_idle(PATIENCE_SECONDS)
    runner.stop()
    with app.store.view() as view:
        assert view.inbox.tally() == {("line", "read"): 40}
        assert view.inbox.acks_without_item() == []
    assert app.store.commit_points["ingest.receive"] <= 80


def test_those_who_wait_are_stored_together(
    app: App, line: MemoryLine, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one transaction is being made durable those who send gather: 40 senders then need a few, not 40."""
    real, gate, waiting = intake.store, threading.Event(), listeners._intake._waiting

    def slow(app: App, parts: Any, hours: Any) -> list[list[Taken]]:
        assert gate.wait(PATIENCE_SECONDS)
        return real(app, parts, hours)

    monkeypatch.setattr(intake, "store", slow)
    monkeypatch.setattr(intake, "TOGETHER", 10)
    monkeypatch.setattr(intake, "FLUSH_SECONDS", 10 * PATIENCE_SECONDS)
    with ThreadPoolExecutor(40) as many:
        sending = [many.submit(line.send, message(n)) for n in range(40)]
        until(lambda: len(waiting) >= 30)
        gate.set()
        assert all(one.result(PATIENCE_SECONDS) for one in sending)
    assert app.store.commit_points["ingest.receive"] <= 5


def test_a_store_that_is_away_is_a_no(
    app: App, line: MemoryLine, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told yes while the store is away or nearly full; afterwards the same message is taken, once."""

    def away(*_: object) -> None:
        raise StoreAway("away")

    with monkeypatch.context() as patch:
        patch.setattr(intake, "store", away)
        assert not line.send(message(1))
    with monkeypatch.context() as patch:
        patch.setattr("hub.node.intake.room.make_sure", away)
        assert not line.send(message(1))
    assert line.send(message(1))
    with app.store.view() as view:
        assert view.inbox.tally() == {("line", "received"): 1}
        assert view.work.list() == []


def test_one_bad_message_harms_no_other(
    app: App, line: MemoryLine, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages that were to be stored together are stored apart where one of them cannot be stored at all."""
    real = prepare_all

    def prepare(keys: DataKeys, clock: Clock, arrivals: Sequence[Arrival]) -> list[Prepared]:
        if any(one.body == message(3) for one in arrivals):
            raise ValueError("a bug")
        return real(keys, clock, arrivals)

    monkeypatch.setattr(intake, "prepare", prepare)
    with ThreadPoolExecutor(6) as many:
        told = dict(zip(range(6), many.map(line.send, [message(n) for n in range(6)]), strict=True))
    assert told == {n: n != 3 for n in range(6)}


def test_too_much_at_once_is_put_off(
    app: App, line: MemoryLine, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond a bound nothing waits in memory: who puts is told to come again."""
    monkeypatch.setattr(intake, "MOST_WAITING", 0)
    assert not line.send(message(1))
    monkeypatch.undo()
    monkeypatch.setattr(intake, "MOST_BYTES", 3)
    assert not line.send(message(1))
    monkeypatch.undo()
    assert line.send(message(1))


def test_a_listener_that_fails_comes_back(app: App, line: MemoryLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener that raises is work for IT and is started again; once it has lasted the item is resolved."""
    monkeypatch.setattr(listening, "WELL_SECONDS", 0.05)
    line.fail_next = ValueError("a bug of the plugin")
    found = Listeners(Current(app))
    found.follow()
    assert line.send(message(1))
    assert line.served == 2

    def items(open_only: bool) -> list[tuple[str, str]]:
        with app.store.view() as view:
            return [(one.reason, one.where) for one in view.work.list(open_only=open_only)]

    assert items(open_only=False) == [("step.bug", STEP)]
    until(lambda: items(open_only=True) == [])
    found.ask_to_end()
    assert found.end(PATIENCE_SECONDS) == ()


def test_a_listener_that_needs_a_person_waits_for_one(
    app: App, line: MemoryLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Misconfigured` is not tried again until the work item is resolved."""
    monkeypatch.setattr(listening, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr("hub.node.listening.Retry.wait_seconds", lambda *_: 0.0)
    line.fail_next = Misconfigured("the certificate is missing")
    found = Listeners(Current(app))
    found.follow()

    def items() -> list[str]:
        with app.store.view() as view:
            return [one.id for one in view.work.list(aggregate_id="line")]

    until(lambda: bool(items()))
    assert line.served == 1
    with app.store.begin("work.resolve") as tx:
        tx.work.resolve(items()[0], "put it there", "ada")
    assert line.send(message(1))
    assert line.served == 2
    found.ask_to_end()
    assert found.end(PATIENCE_SECONDS) == ()


def test_a_reload_disturbs_only_who_changed(app: App, line: MemoryLine) -> None:
    """After a reload a listener that changed serves with its new settings, the others never notice, and nothing of it
    is work for anybody.
    """
    other, changed = MemoryLine(), MemoryLine()
    make = contexts(
        clock=app.clock, secrets=SecretStore(app.loaded.folder), load=lambda _i, _k: None, stop=app.stop
    )
    before = replace(app, host=loaded_host({"line": line, "other": other}, make))
    current = Current(before)
    found = Listeners(current)
    found.follow()
    assert line.send(message(1))
    assert other.send(message(2))
    after = replace(app, host=loaded_host({"line": changed, "other": other}, make, (before.host, ["other"])))
    with current.use():
        current.put(after, lambda: before.host.close(but=["other"]))
        found.follow()
    assert changed.send(message(3))
    assert other.send(message(4))
    assert (line.served, other.served, changed.served) == (1, 1, 1)
    with app.store.view() as view:
        assert view.work.list(open_only=False) == []
    found.ask_to_end()
    assert found.end(PATIENCE_SECONDS) == ()
    after.host.close()
