"""The health of feeds: silence becomes one alarm and one work item, and what `hub feeds` and the metrics say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flowlab.command_line import Ran
from flowlab.databases import BOTH
from flowlab.databases import made_url as made_url  # noqa: PLC0414 - a fixture
from msgspec.structs import replace

from hub.app import App, open_app
from hub.cli.feeds import chart
from hub.clock import SystemClock, TurnedClock
from hub.config import Settings, load
from hub.config.template import write_template
from hub.flow import ingest
from hub.flow.base import Hub
from hub.plugin.api import Changes, RawMessage
from hub.plugin.host.context import Errands
from hub.store import Store
from hub.store.feeds import Hour, hour_of
from hub.store.held_lanes import STOP, Held
from hub.store.lanes import LaneTrouble
from hub.store.vitals import look
from hub.watch import checks_feeds, conditions
from hub.watch.looking import Place
from hub.watch.metrics import Kept

EXAMPLE = Path(__file__).resolve().parents[2] / "config"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def an_hour(at: datetime, source: str = "adt", peer: str = "10.0.0.7", **counts: int) -> Hour:
    """What came in the hour of an instant."""
    return Hour(
        practice="lakeside",
        source=source,
        peer=peer,
        hour=hour_of(at),
        began_at=at,
        ended_at=at,
        **{"messages": 6, **counts},
    )


class Feeds:
    """A hub that looks at its feeds."""

    def __init__(self, store: Store, clock: TurnedClock) -> None:
        self.store, self.clock = store, clock
        self.settings: Settings = load(EXAMPLE).settings
        self.host: Any = SimpleNamespace(instances=tuple, names=lambda _kind: ())

    @property
    def hub(self) -> Hub:
        """What steps are given."""
        return Hub(settings=self.settings, store=self.store, host=self.host, clock=self.clock)

    def limit(self, hours: int | None) -> None:
        """Set `silent_after_hours` of the source."""
        own = self.settings.sources["adt"].model_copy(update={"silent_after_hours": hours})
        self.settings = self.settings.model_copy(update={"sources": {**self.settings.sources, "adt": own}})

    def come(self, *hours: Hour) -> None:
        """Messages came."""
        with self.store.begin("ingest.receive") as tx:
            tx.feeds.add(hours)

    def usual(self, weeks: int = 4) -> None:
        """Messages came on weekdays from 8 to 17 until now."""
        now, made = self.clock.now(), list[Hour]()
        for number in range(weeks * 7 * 24, -1, -1):
            local = (now - number * HOUR).astimezone(conditions_zone(self.settings))
            if local.weekday() < 5 and 8 <= local.hour < 17:
                made.append(an_hour(now - number * HOUR))
        self.come(*made)

    def wrong(self) -> list[str]:
        """Keys of the findings about feeds that are not well."""
        place = Place.of(self.hub)
        with look(self.store.engines) as vitals:
            return [one.key for one in checks_feeds.silence(place, vitals) if not one.ok]

    def look(self, times: int = 1) -> None:
        """Look as the running hub does, minute by minute."""
        for _ in range(times):
            self.clock.turn(MINUTE)
            conditions.look(self.hub, "hub")

    def work(self, *, open_only: bool = True) -> list[str]:
        """Reasons of what IT has to do about the source."""
        with self.store.view() as view:
            return [one.reason for one in view.work.list(aggregate_id="adt", open_only=open_only)]

    def open(self) -> list[str]:
        """What stands open about feeds."""
        with self.store.view() as view:
            return [one.key for one in view.conditions.open() if "feed.silent" in one.key]


def conditions_zone(settings: Settings) -> Any:
    """The zone by whose wall clock habits are learned."""
    return checks_feeds.zone_of(settings, "adt")


@pytest.fixture
def feeds(store: Store, clock: TurnedClock) -> Feeds:
    """It is Monday morning, 2026-03-02."""
    return Feeds(store, clock)


@BOTH
def test_silence_is_one_alarm_and_one_item_until_messages_come(feeds: Feeds) -> None:
    """After three usual hours without a message there is one condition and one work item; both end by themselves when
    messages come, and the item is not opened again when a person closed it meanwhile.
    """
    feeds.clock.turn(3 * HOUR)
    feeds.usual()
    feeds.look(2)
    assert (feeds.open(), feeds.work()) == ([], [])
    feeds.clock.turn(4 * HOUR)
    feeds.look(3)
    assert (feeds.open(), feeds.work()) == (["feed.silent:adt"], ["feed.silent"])
    with feeds.store.view() as view:
        (item,) = view.work.list(aggregate_id="adt")
    assert "hub feeds show adt" in item.fix
    with feeds.store.begin("work.resolve") as tx:
        tx.work.resolve(item.id, "they move house today", "ada")
    feeds.look(3)
    assert (feeds.open(), feeds.work()) == (["feed.silent:adt"], [])
    feeds.come(an_hour(feeds.clock.now()))
    feeds.look(3)
    assert (feeds.open(), feeds.work()) == ([], [])


def test_the_item_ends_with_the_silence(feeds: Feeds) -> None:
    """Nobody needs to close what is over."""
    feeds.limit(2)
    feeds.come(an_hour(feeds.clock.now()))
    feeds.clock.turn(3 * HOUR)
    feeds.look()
    assert feeds.work() == ["feed.silent"]
    feeds.come(an_hour(feeds.clock.now()))
    feeds.look(3)
    assert (feeds.work(), feeds.work(open_only=False)) == ([], ["feed.silent"])


def test_quiet_times_are_no_silence(feeds: Feeds) -> None:
    """Nothing is said at night, at the weekend, of a new feed, or of one that is not configured."""
    feeds.come(an_hour(feeds.clock.now() - DAY), an_hour(feeds.clock.now() - 2 * DAY, "gone"))
    assert feeds.wrong() == []
    feeds.clock.turn(4 * DAY + 8 * HOUR)
    feeds.usual()
    for _ in range(31):
        feeds.clock.turn(2 * HOUR)
        assert feeds.wrong() == []
    feeds.clock.turn(8 * HOUR)
    assert feeds.wrong() == ["feed.silent:adt"]


def test_a_limit_takes_the_place_of_the_habit(feeds: Feeds) -> None:
    """`silent_after_hours` counts by the clock, needs no history, and 0 says nothing ever."""
    feeds.come(an_hour(feeds.clock.now()))
    feeds.limit(12)
    feeds.clock.turn(12 * HOUR)
    assert feeds.wrong() == []
    feeds.clock.turn(MINUTE)
    assert feeds.wrong() == ["feed.silent:adt"]
    feeds.limit(0)
    feeds.clock.turn(90 * DAY)
    assert feeds.wrong() == []


def test_what_nobody_listened_to_is_no_silence(feeds: Feeds) -> None:
    """While the hub itself was down nothing could come: time counts from its start."""
    feeds.clock.turn(2 * HOUR)
    feeds.usual()
    feeds.clock.turn(5 * HOUR)
    assert feeds.wrong() == ["feed.silent:adt"]
    with feeds.store.begin("admin") as tx:
        tx.nodes.arrive("north", ("listener",), "1")
    assert feeds.wrong() == []


@BOTH
def test_old_hours_are_forgotten(feeds: Feeds) -> None:
    """Hours older than the history go, some days at a time; the others stay."""
    now = feeds.clock.now()
    feeds.come(*(an_hour(now - number * DAY) for number in range(10)))
    seen = []
    for _ in range(3):
        with feeds.store.begin("keep.prune") as tx:
            seen.append(tx.feeds.prune(now - 5 * DAY))
    assert (sum(seen), seen[-1]) == (4, 0)
    with feeds.store.view() as view:
        assert len(view.feeds.hours(now - 30 * DAY)) == 6


def test_a_source_that_is_asked_counts_too(feeds: Feeds) -> None:
    """What is pulled is counted by the hour, with what had come before; an empty pull is no message."""
    sent = [RawMessage(external_id=str(n), content_type="hl7v2", body=b"MSH") for n in (1, 2)]
    pulls = [(sent[0],), (sent[0], sent[1]), ()]
    state = SimpleNamespace(commit=lambda _tx: None)
    feeds.host.source = lambda _name: SimpleNamespace(changes=lambda _cursor: Changes(messages=pulls.pop(0)))
    feeds.host.state = lambda _name: state
    laid = Errands()
    feeds.host.errands = lambda _name: laid
    assert [ingest.pull(feeds.hub, "adt").done for _ in range(3)] == [1, 1, 0]
    with feeds.store.view() as view:
        (hour,) = view.feeds.hours(feeds.clock.now() - HOUR)
    assert (hour.peer, hour.messages, hour.repeats, hour.bytes) == ("", 3, 1, 9)


@BOTH
def test_metrics_of_feeds(feeds: Feeds) -> None:
    """Rates, answers, silence and lanes stand in the metrics by source."""
    now = feeds.clock.now()
    feeds.come(
        an_hour(now, accepted=5, failed=1, slowest_ms=40, repeats=2),
        an_hour(now - 2 * HOUR, peer="b", messages=3, rejected=3),
        an_hour(now - 30 * HOUR),
    )
    with feeds.store.begin("admin") as tx:
        tx.held_lanes.put("adt", "lakeside", [Held(lane="account/1", seq=7, role=STOP)])
    feeds.host.counts = tuple
    found = {
        (one.metric, *one.labels.values()): one.value
        for one in Kept().samples(feeds.hub)
        if one.labels.get("source") == "adt"
    }
    assert found["hub_feed_messages", "adt", "hour"] == 6
    assert found["hub_feed_messages", "adt", "day"] == 9
    assert found["hub_feed_answers", "adt", "accepted"] == 5
    assert found["hub_feed_answers", "adt", "rejected"] == 3
    assert found["hub_feed_repeats", "adt"] == 2
    assert found["hub_feed_slowest_seconds", "adt"] == 0.04
    assert found["hub_feed_last_seconds", "adt"] == 0
    assert found["hub_feed_silent", "adt"] == 0
    assert found["hub_feed_lanes_stopped", "adt"] == 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example practice."""
    made = tmp_path / "config"
    write_template(made)
    path = made / "hub.toml"
    path.write_text(path.read_text().replace("env:HUB_MASTER_KEY", "file:master.key"))
    key = made / "master.key"
    key.touch(mode=0o600)
    key.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    return made


@pytest.fixture
def app(folder: Path) -> Iterator[App]:
    """It, open."""
    made = open_app(folder)
    yield made
    made.close()


def test_the_commands(hub: Callable[..., Ran], app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table has a line for each connection; `show` adds the habit and the days; `--json` says the same."""
    now = datetime(2026, 3, 2, 15, 20, tzinfo=UTC)  # of a real clock the day may end between two looks
    monkeypatch.setattr(SystemClock, "now", lambda _: now)
    with app.store.begin("ingest.receive") as tx:
        tx.feeds.add([an_hour(now, accepted=6, slowest_ms=12), an_hour(now, peer="10.0.0.9", messages=1_234)])
        tx.inbox.put(practice="lakeside", source="adt", kind="message", body=b"MSH")
    code, out, _ = hub("feeds")
    assert code == 0
    first, second = (line.split() for line in out.splitlines() if "10.0.0." in line)
    assert first[:3] == ["adt", "10.0.0.7", "sends"]
    assert second[:2] == ["adt", "10.0.0.9"], "at a narrow terminal each row stands alone"
    assert "12" in first
    assert "1,234" in second
    assert "nothing yet" in out
    found = {one["source"]: one for one in json.loads(hub("feeds", "--json")[1])}
    assert [peer["day"] for peer in found["adt"]["peers"]] == [
        6,
        1234,
    ]
    assert found["adt"]["unread"] == 1
    assert json.loads(hub("feeds", "list", "--json")[1]) == list(found.values())
    code, out, _ = hub("feeds", "show", "adt", "--days", "2")
    assert "no habit yet" in out
    assert "█ is 1,240" in out
    assert json.loads(hub("feeds", "show", "adt", "--json")[1])["feed"] == found["adt"]
    code, _, err = hub("feeds", "show", "adr")
    assert (code, 'did you mean "adt"' in err) == (2, True)


def test_a_feed_that_cannot_be_asked(hub: Callable[..., Ran], app: App) -> None:
    """It does not stand as sending: it is away while it is tried again, stopped where a person must act, and in part
    where it still sends by itself; below stand the last error, what to do, and the next try.
    """
    trouble = LaneTrouble(
        lane="adt", step="ingest.pull", kind="retry", said="HTTP 503", fix="ask them", attempts=3
    )
    with app.store.begin("admin") as tx:
        tx.feeds.add([an_hour(SystemClock().now(), peer="")])
        tx.lanes.put(trouble, 3_000.0)
    out = hub("feeds")[1]
    assert ["adt", "pulled", "away"] in [line.split()[:3] for line in out.splitlines()]
    for told in ("cannot be asked since", "tried 3 times): HTTP 503", "do: ask them", "next try: in 4"):
        assert told in out
    (found,) = (one for one in json.loads(hub("feeds", "--json")[1]) if one["source"] == "adt")
    (failing,) = found["failing"]
    assert (found["stand"], failing["kind"], failing["tries"]) == ("away", "retry", 3)
    assert failing["next_try"] > failing["since"]
    with app.store.begin("admin") as tx:
        tx.lanes.put(replace(trouble, kind="held"))
    out = hub("feeds", "show", "adt")[1]
    assert "stopped" in out
    assert "hub work list --owner it" in out
    with app.store.begin("admin") as tx:
        tx.feeds.add([an_hour(SystemClock().now(), peer="10.0.0.7")])
    assert "in part" in (out := hub("feeds")[1])
    assert "sends by itself still comes" in out
    with app.store.begin("admin") as tx:
        tx.lanes.release("adt")
    assert "brings" not in (out := hub("feeds")[1])
    assert "cannot be asked" not in out


def test_the_chart(clock: TurnedClock) -> None:
    """A letter for each hour by the wall clock, the highest hour whole, and a single message is seen."""
    zone = conditions_zone(load(EXAMPLE).settings)
    midnight = clock.now().astimezone(zone).replace(hour=0)
    hours = [an_hour(midnight + 9 * HOUR, messages=800), an_hour(midnight + 10 * HOUR, messages=1)]
    lines = list(chart(hours, zone, midnight + 12 * HOUR, 2))
    assert len(lines) == 4
    assert lines[-1].split("│")[1] == " " * 9 + "█▁" + " " * 13
    assert lines[-1].endswith("801")
    assert next(iter(chart([], zone, midnight, 1))).endswith("█ is 0")
