"""What holds one lane holds no other that must go on, and what hung is made anew when its lane goes on."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from flowlab.house import House

from hub import app as putting_together
from hub.app import App, lanes_for
from hub.clock import TurnedClock
from hub.config import load
from hub.flow.base import Hub
from hub.flow.steps import CLEARINGHOUSES
from hub.flow.trouble import Watch
from hub.node import sweep
from hub.plugin.host import ConnectorSpec, Options, PluginHost, contexts
from hub.runner import Nudge, Outcome, Retry, make
from hub.store import Store
from hub.testing import fakes
from hub.testing.fakes import FakeSecrets, MemoryPartner


@pytest.fixture
def house(store: Store, clock: TurnedClock) -> House:
    """A practice on each database."""
    return House(store, clock)


class _App:
    """What a sweep asks of an app."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def everything(self, *, outside: bool = True) -> list[Nudge]:
        """Nothing else is due."""
        return []


def test_what_holds_the_seal_holds_no_look(house: House) -> None:
    """An audit trail that cannot be sealed holds its own lane: the hub goes on looking at itself, and tells of it."""
    looked: list[str] = []

    def seal(_lane: str) -> Outcome:
        raise KeyError("a bug")

    def look(lane: str) -> Outcome:
        looked.append(lane)
        return Outcome()

    lanes = {step: lanes_for(step, house.settings, ()) for step in ("audit.seal", "watch.look")}
    retry = Retry(first_seconds=0.01, most_seconds=0.02, bug_limit=3)
    runner = make("local", {"audit.seal": seal, "watch.look": look}, store=house.store, threads=2, retry=retry)
    runner.told([Nudge("audit.seal", lane) for lane in lanes["audit.seal"]])
    while not runner.status().held:
        runner.run_until_idle(0.1)
    runner.told([Nudge("watch.look", lane) for lane in lanes["watch.look"]])
    assert runner.run_until_idle(30)
    assert looked == ["hub.watch"]
    assert runner.stop() == ()


def test_a_connector_that_hung_goes_on_after_a_persons_word(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that hangs holds the lane and its connector; resolving the item makes the connector anew where it hung,
    and the lane really goes on, without a restart.
    """
    let_go, ran = threading.Event(), list[str]()

    def fetch(hub: Hub, lane: str) -> Outcome:
        hub.host.clearinghouse(lane).list("")
        ran.append(lane)
        return Outcome(done=1)

    monkeypatch.setitem(putting_together.STEPS, "fetch.fetch", (fetch, CLEARINGHOUSES))
    app = _app(house)
    port: Any = app.host.clearinghouse("clearinghouse")
    monkeypatch.setattr(port._inner, "list", lambda _cursor: let_go.wait(60))
    runner = make("local", app.steps(), store=house.store, threads=1, on_trouble=app.on_trouble)
    runner.told([Nudge("fetch.fetch", "clearinghouse")])
    assert runner.run_until_idle(30)
    assert [one.kind for one in runner.status().held] == ["held"]
    assert app.host.clearinghouse("clearinghouse").held
    sweep(_App(app.watch), runner)  # type: ignore[arg-type]
    assert runner.run_until_idle(30)
    assert ran == []
    with house.store.begin("work.resolve") as tx:
        (item,) = tx.work.list(aggregate="connector")
        assert tx.work.resolve(item.id, "the partner is well again", "anna")
    sweep(_App(app.watch), runner)  # type: ignore[arg-type]
    assert runner.run_until_idle(30)
    assert ran == ["clearinghouse"]
    assert not app.host.clearinghouse("clearinghouse").held
    assert runner.status().held == ()
    assert runner.stop() == ()
    let_go.set()


def _app(house: House) -> App:
    """An app with one clearinghouse in memory, whose calls are soon given up."""
    loaded = load(Path(__file__).resolve().parents[2] / "config")
    spec = ConnectorSpec(plugin="fake", kind="memory", settings={"partner": MemoryPartner()})
    make_context = contexts(clock=house.clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None)
    options = Options(modules={"fake": fakes}, deadline_seconds=0.2)
    host, faults = PluginHost.load({"clearinghouse": spec}, context_for=make_context, options=options)
    assert faults == ()
    watch = Watch(loaded.settings, house.store)
    return App(
        loaded=loaded, store=house.store, host=host, clock=house.clock, stop=threading.Event(), watch=watch
    )
