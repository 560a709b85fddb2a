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
from hub.flow.source_lanes import read_soon
from hub.flow.steps import CLEARINGHOUSES, READERS
from hub.flow.trouble import Watch
from hub.model.facts import EncounterFact, Reading
from hub.node import sweep
from hub.plugin.api import Changes
from hub.plugin.host import ConnectorSpec, Options, PluginFault, PluginHost, contexts
from hub.runner import Nudge, Outcome, Retry, make
from hub.store import Store
from hub.testing import fakes
from hub.testing.fakes import FAKE, FakeSecrets, MemoryFeed, MemoryPartner, encode_facts


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
    assert runner.run_until_idle(60)
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
    assert runner.run_until_idle(60)
    assert [one.kind for one in runner.status().held] == ["held"]
    assert app.host.clearinghouse("clearinghouse").held
    sweep(_App(app.watch), runner)  # type: ignore[arg-type]
    assert runner.run_until_idle(60)
    assert ran == []
    with house.store.begin("work.resolve") as tx:
        (item,) = tx.work.list(aggregate="connector")
        assert tx.work.resolve(item.id, "the partner is well again", "anna")
    sweep(_App(app.watch), runner)  # type: ignore[arg-type]
    assert runner.run_until_idle(60)
    assert ran == ["clearinghouse"]
    assert not app.host.clearinghouse("clearinghouse").held
    assert runner.status().held == ()
    assert runner.stop() == ()
    let_go.set()


def test_what_is_pushed_is_read_while_a_pull_lasts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that is put while its source is being asked is read, and its visits put together, before that call
    has ended; what the call then brings, and what its plugin remembered, is stored as ever.
    """
    asked, told, put_together = threading.Event(), threading.Event(), threading.Event()

    def changes(_cursor: str) -> Changes:
        asked.set()
        told.wait(60)
        port._inner.context.state.put("seen", b"one")
        return Changes(messages=(), cursor="1", more=False)

    def assemble(_hub: Hub, lane: str) -> Outcome:
        assert lane == "ehr"
        put_together.set()
        return Outcome()

    monkeypatch.setitem(putting_together.STEPS, "ingest.assemble", (assemble, READERS))
    app = _app(house, deadline_seconds=60, ehr=_feed())
    port: Any = app.host.source("ehr")
    monkeypatch.setattr(port._inner, "changes", changes)
    kind = "distributed" if house.store.dialect == "postgresql" else "local"
    runner = make(kind, app.steps(), store=house.store, threads=2, on_trouble=app.on_trouble)
    runner.told([Nudge("ingest.pull", lane) for lane in app.lanes("ingest.pull")])
    runner.start()
    assert asked.wait(60)
    with house.store.begin("ingest.receive") as tx:
        visit = EncounterFact(key="v1", version="1", patient_key="p1", status="finished")
        pushed = {"content_type": FAKE, "external": "m1", "body": encode_facts(visit)}
        tx.inbox.put(practice=app.settings.practice_of("ehr"), source="ehr", kind="message", **pushed)
        tx.then(read_soon("ehr"))
    assert put_together.wait(60)
    with house.store.view() as view:
        assert view.inbox.waiting("received", 1, source="ehr") == []
        assert view.plugin_state("ehr").get("cursor") is None
    told.set()
    assert runner.run_until_idle(60)
    with house.store.view() as view:
        saved = view.plugin_state("ehr")
        assert (saved.get("cursor"), saved.get("seen")) == (b"1", b"one")
    assert runner.stop() == ()


def test_reading_that_hangs_holds_no_pull(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that hangs over a message is held for reading only: its connector is asked on, nothing that a pull
    remembered is forgotten, and the object that reads is made anew when its own lane goes on.
    """
    let_go = threading.Event()
    app = _app(house, ehr=_feed())
    port: Any = app.host.source("ehr")
    app.host.state("ehr").put("seen", b"one")
    hanging, _ = port.reader.one()
    monkeypatch.setattr(hanging, "read", lambda *_: let_go.wait(60))
    with pytest.raises(PluginFault) as fault:
        port.read_many([(b"[]", FAKE)])
    assert fault.value.hung
    assert (port.held, [one.held for one in app.host.instances() if one.name == "ehr"]) == (False, [True])
    assert not port.changes("").more
    assert app.host.state("ehr").pending() == {"seen": b"one"}
    assert not app.host.mend("ehr")
    assert app.host.mend("ehr", reading=True)
    assert port.read_many([(b"[]", FAKE)]) == [Reading()]
    counted = {one.method: (one.calls, one.faults) for one in app.host.counts() if one.instance == "ehr"}
    assert counted["changes"] == (1, 0)
    let_go.set()


def test_what_waits_in_the_lane_of_before_goes_to_its_own(house: House) -> None:
    """Reading that was queued, or held, in the one lane that a source had runs in its own, never beside itself."""
    app = _app(house)
    app.watch.open("ingest.read", "ehr.read", "held", "Misconfigured", said="refused", place="p", fix="f")
    for step in ("ingest.read", "ingest.assemble", "ingest.ripen"):
        assert app.run(step, "ehr") == Outcome(nudges=(Nudge(step, "ehr.read"),))
    assert app.watch.still_open("ingest.read", "ehr")
    with house.store.view() as view:
        assert [one.aggregate_id for one in view.work.list(aggregate="connector")] == ["ehr"]
    app.watch.flows("ingest.read", "ehr.read")
    assert not app.watch.still_open("ingest.read", "ehr")


def _feed() -> ConnectorSpec:
    return ConnectorSpec(plugin="fake", kind="memory-feed", settings={"feed": MemoryFeed()})


def _app(house: House, deadline_seconds: float = 0.2, **more: ConnectorSpec) -> App:
    """An app with one clearinghouse in memory, whose calls are soon given up, and `more` connectors."""
    loaded = load(Path(__file__).resolve().parents[2] / "config")
    spec = ConnectorSpec(plugin="fake", kind="memory", settings={"partner": MemoryPartner()})
    make_context = contexts(clock=house.clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None)
    options = Options(modules={"fake": fakes}, deadline_seconds=deadline_seconds)
    host, faults = PluginHost.load({"clearinghouse": spec, **more}, context_for=make_context, options=options)
    assert faults == ()
    watch = Watch(loaded.settings, house.store)
    return App(
        loaded=loaded, store=house.store, host=host, clock=house.clock, stop=threading.Event(), watch=watch
    )
