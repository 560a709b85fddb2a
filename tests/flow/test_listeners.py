"""Plugins that listen hear what happened: after it is durable, in order, at least once, each by itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
from flowlab.house import House
from flowlab.made import charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient_fact

from hub.clock import TurnedClock
from hub.flow import listeners, sweep
from hub.flow.steps import STEPS
from hub.model.event import Event
from hub.plugin.api import hookimpl
from hub.plugin.host import Options, PluginHost
from hub.store import Nudge, Store


@pytest.fixture
def house(store: Store, clock: TurnedClock) -> House:
    """The practice, on each database."""
    return House(store, clock)


def listening(*told: Callable[[Event], None]) -> PluginHost:
    """A host with third-party plugins that only listen."""
    modules = {}
    for number, tell in enumerate(told):
        module = ModuleType(f"listener{number}")
        module.HUB_API = 0  # type: ignore[attr-defined]

        def hub_event(event: Event, tell: Callable[[Event], None] = tell) -> None:
            tell(event)

        module.hub_event = hookimpl(hub_event)  # type: ignore[attr-defined]
        modules[module.__name__] = module
    options = Options(modules=modules, also=tuple(modules))
    host, faults = PluginHost.load({}, context_for=lambda name: None, options=options)  # type: ignore[arg-type,return-value]
    assert faults == ()
    return host


def test_a_listener_hears_the_whole_log_once(house: House) -> None:
    """Everything that is sealed is told in the order of the log, however the pages fall, and nothing again when
    nothing happened; sealing nudges the telling."""
    heard: list[Event] = []
    nudges: list[Nudge] = []
    house.host = listening(heard.append)  # type: ignore[assignment]
    house.store.on_commit(nudges.extend)
    _happen(house, 7)
    assert house.run(listeners.tell, "hub") == 0
    house.run(sweep.seal, "hub")
    assert nudges == [Nudge("events.tell", listeners.LANE)]
    assert STEPS["events.tell"][0] is listeners.tell
    house.run(listeners.tell, "hub")
    house.run(listeners.tell, "hub")
    with house.store.view() as view:
        assert [one.id for one in heard] == [one.id for one in view.events.after(0)]
    assert [one.kind for one in heard] == ["made.up"] * 7
    _happen(house, 1)
    house.run(sweep.seal, "hub")
    house.run(listeners.tell, "hub")
    assert len({one.id for one in heard}) == len(heard) == 8


def test_pages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long log is told page by page, with nothing lost between them."""
    monkeypatch.setattr(listeners, "PAGE", 3)
    heard: list[Event] = []
    house.host = listening(heard.append)  # type: ignore[assignment]
    _happen(house, 7)
    house.run(sweep.seal, "hub")
    assert house.run(listeners.tell, "hub") == 7
    assert len({one.id for one in heard}) == len(heard) == 7


def test_what_was_told_before_a_crash_is_told_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub dies after a page was told and before it is remembered: that page is told again, none is lost."""
    heard: list[Event] = []
    house.host = listening(heard.append)  # type: ignore[assignment]
    _happen(house, 2)
    house.run(sweep.seal, "hub")

    @contextmanager
    def dies(name: str) -> Any:
        raise KeyboardInterrupt
        yield

    with monkeypatch.context() as patched:
        patched.setattr(house.store, "begin", dies)
        with pytest.raises(KeyboardInterrupt):
            house.run(listeners.tell, "hub")
    house.run(listeners.tell, "hub")
    assert [one.id for one in heard] == [one.id for one in heard[:2]] * 2


def test_a_listener_that_fails_is_work_and_holds_up_nobody(house: House) -> None:
    """The other listener hears everything, IT is told once, and the log goes on."""
    heard: list[Event] = []

    def fails(event: Event) -> None:
        raise ValueError(event.id)

    house.host = listening(fails, heard.append)  # type: ignore[assignment]
    for _ in range(2):
        _happen(house, 2)
        house.run(sweep.seal, "hub")
        house.run(listeners.tell, "hub")
    assert len(heard) == 4
    assert house.work() == {"events.listener": 1}


def test_a_listener_hears_what_the_flow_does_and_no_patient(house: House) -> None:
    """A claim that is billed is heard by its id; no event carries a name, a birth date or a member id."""
    heard: list[Event] = []
    house.tell(patient_fact(), encounter_fact(), charge_fact(), coverage_fact(), diagnosis_fact())
    house.take_in()
    house.send()
    house.host = listening(heard.append)  # type: ignore[assignment]
    house.run(sweep.seal, "hub")
    house.run(listeners.tell, "hub")
    assert {"messages.read", "file.frozen", "claim.frozen"} <= {one.kind for one in heard}
    (claim,) = house.rows("claims")
    assert claim.id in {one.aggregate_id for one in heard}
    person = claim.record.patient
    for value in (person.name.last, claim.record.coverage.member_id, person.birth_date.isoformat()):
        assert value not in repr(heard)


def test_without_a_listener_nothing_is_read(house: House) -> None:
    """A hub whose plugins do not listen spends nothing on it, and keeps no cursor."""
    house.host = listening()  # type: ignore[assignment]
    _happen(house, 1)
    house.run(sweep.seal, "hub")
    assert house.run(listeners.tell, "hub") == 0
    with house.store.view() as view:
        assert view.plugin_state("hub").keys() == []


def _happen(house: House, times: int) -> None:
    with house.store.begin("admin") as tx:
        for number in range(times):
            tx.event("made.up", "message", f"m{number}", practice="lakeside")
