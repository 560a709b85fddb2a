"""Who is told that a lane of a feed stands still: once when it stops, once when all flow again, however many stop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flowlab.feed import Feed

from hub.clock import TurnedClock
from hub.plugin.host import ConnectorSpec, Options, PluginHost, contexts
from hub.store import Store
from hub.testing import fakes
from hub.testing.fakes import FakeSecrets, MemoryBoard
from hub.watch import checks, conditions, notices

MINUTE = timedelta(minutes=1)
PASSING = frozenset({"feed.stopped"})


class Told(Feed):
    """A feed with a notice board."""

    def __init__(self, store: Store, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(store, clock, monkeypatch)
        self.board = MemoryBoard()
        spec = ConnectorSpec(plugin="fake", kind="memory-board", settings={"board": self.board})
        make = contexts(clock=clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None)
        self.telling, faults = PluginHost.load(
            {"mail": spec}, context_for=make, options=Options(modules={"fake": fakes})
        )
        assert faults == ()
        for name in ("names", "notifier", "mend", "state"):
            setattr(self.host, name, getattr(self.telling, name))
        known = self.settings.notifications.model_copy(update={"to": {"it": ("mail",)}})
        self.settings = self.settings.model_copy(update={"notifications": known})
        real = checks.standing
        monkeypatch.setattr(checks, "standing", lambda hub: [one for one in real(hub) if one.code in PASSING])

    def look(self, times: int = 1, every: timedelta = MINUTE) -> list[str]:
        """The hub looks at itself now and then, and says what it has to; the subjects so far."""
        for _ in range(times):
            self.clock.turn(every)
            conditions.look(self.hub, "hub")
            notices.send(self.hub, "mail")
        return [one.subject.partition("] ")[2] for one in self.board.notices]


@pytest.fixture
def told(store: Store, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """The feed, on each database."""
    made = Told(store, clock, monkeypatch)
    yield made
    made.telling.close()


def test_one_alert_when_it_stops_and_one_when_it_flows(told: Told) -> None:
    """Many lanes of one source that stop are one alert, whose text says how many; what stops them is not told beside
    it, and more that stop are no further alert. When the last one is open, that is told once."""
    for number, lane in enumerate("ABCD", 1):
        told.say(number, lane, bad=True)
        told.say(number + 10, lane)
    told.read()
    (subject,) = told.look()
    assert "4 lanes stand still" in subject
    assert "4 messages wait" in subject
    told.say(30, "E", bad=True)
    told.read()
    assert len(told.look(4, 5 * MINUTE)) == 1
    told.healed = {1, 2, 3, 4, 30}
    for number in (1, 2, 3, 4):
        told.replay(number)
    told.read()
    assert len(told.look(4, 5 * MINUTE)) == 1, "one stands still"
    told.replay(30)
    told.read()
    subjects = told.look(8, 20 * MINUTE)
    assert len(subjects) == 2
    assert (told.held(), told.work()) == (0, {})


def test_what_stops_no_lane_is_told_as_before(told: Told) -> None:
    """A message that is set aside without a lane is told as work for IT."""
    told.say(1, bad=True)
    told.read()
    (subject,) = told.look()
    assert "hl7.poison" in subject
