"""The intake: many messages in few commits, each told what became of it; what is slow waits, counts stay."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flowlab.databases import BOTH
from flowlab.databases import made_url as made_url  # noqa: PLC0414 - a fixture

from hub.clock import TurnedClock
from hub.errors import RetryLater, Stale, StoreAway
from hub.node import feed_counts, intake
from hub.node.feed_counts import FeedCounts
from hub.node.intake import Intake
from hub.plugin.api import RawMessage
from hub.plugin.host.answers import WrongAnswer
from hub.store import Nudge, Store
from hub.store.arrivals import prepare as prepare_all
from hub.store.feeds import Hour

PATIENCE_SECONDS = 60.0


class Place:
    """As much of an app as the intake needs."""

    def __init__(self, store: Store, clock: TurnedClock) -> None:
        self.app = SimpleNamespace(
            store=store,
            clock=clock,
            settings=SimpleNamespace(
                practice_of=lambda _source: "lakeside", watch=SimpleNamespace(free_megabytes=1)
            ),
        )
        self.app.hub = self.app

    @contextmanager
    def use(self) -> Iterator[Any]:
        """The app."""
        yield self.app


@pytest.fixture
def taking(store: Store, clock: TurnedClock) -> Iterator[Intake]:
    """An intake on either database."""
    made = Intake(Place(store, clock))  # type: ignore[arg-type]
    yield made
    made.close(PATIENCE_SECONDS)


def message(name: str, body: str = "", *, once: bool = False) -> RawMessage:
    """A message of its own."""
    return RawMessage(external_id=name, content_type="hl7v2", body=(body or name).encode(), once=once)


def bodies(store: Store, source: str) -> list[bytes]:
    """What the inbox holds of a source, in order."""
    with store.view() as view:
        return [view.blobs.content(row.blob_id) for row in view.inbox.find(source=source)]


def hours(store: Store, clock: TurnedClock) -> list[Hour]:
    """What is counted of the present hour."""
    with store.view() as view:
        return view.feeds.hours(clock.now().replace(minute=0))


@BOTH
def test_each_is_told_what_it_was(store: Store, taking: Intake) -> None:
    """In the order of what was put: new, known or refused; neighbours do not matter, nor does the one who puts."""

    async def put() -> tuple[tuple[str, ...], str, tuple[str, ...]]:
        box = taking.inbox("adt")
        many = await box.put_many([message("1"), message("1"), message("1", "x", once=True), message("2")])
        return many, await box.put(message("2")), await box.put_many([])

    assert asyncio.run(put()) == (("new", "known", "refused", "new"), "known", ())
    assert bodies(store, "adt") == [b"1", b"2"]


def test_order_is_kept_for_each_source(store: Store, taking: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though parts of many senders share transactions, what one of them put stands in its order."""
    monkeypatch.setattr(intake, "TOGETHER", 7)
    names = [str(number) for number in range(40)]

    async def put() -> None:
        boxes = [taking.inbox(source) for source in ("a", "b", "c")]
        await asyncio.gather(*(box.put_many([message(name) for name in names]) for box in boxes))

    asyncio.run(put())
    for source in ("a", "b", "c"):
        assert bodies(store, source) == [name.encode() for name in names]
    assert store.commit_points["ingest.receive"] <= 3 * 6


@BOTH
def test_two_nodes_that_take_the_same(store: Store, clock: TurnedClock, taking: Intake) -> None:
    """Where a sender turns from one node to another in the midst of a batch, each message is new to exactly one of
    them, and of two bodies under an id that is used once exactly one is taken.
    """
    other = Intake(Place(store, clock))  # type: ignore[arg-type]
    names = [f"{number:02}" for number in range(30)]
    mine = [message(name, once=True) for name in (*names, *names[:5])] + [message("odd", "a", once=True)]
    theirs = [message(name, once=True) for name in reversed(names)] + [message("odd", "b", once=True)]

    async def put() -> list[tuple[str, ...]]:
        boxes = (taking.inbox("adt"), other.inbox("adt"))
        return list(await asyncio.gather(boxes[0].put_many(mine), boxes[1].put_many(theirs)))

    first, second = asyncio.run(put())
    other.close(PATIENCE_SECONDS)
    told = [*zip(mine, first, strict=True), *zip(theirs, second, strict=True)]
    for name in names:
        verdicts = sorted(verdict for one, verdict in told if one.external_id == name)
        assert verdicts[-1:] == ["new"]
        assert set(verdicts[:-1]) == {"known"}
    assert sorted([first[-1], second[-1]]) == ["new", "refused"]
    assert len(bodies(store, "adt")) == len(names) + 1


@BOTH
def test_an_errand_is_no_message(store: Store, taking: Intake) -> None:
    """What is left for the next pull is durable, asks for that pull, and is never read; the same body is left twice,
    for it may have to be done twice.
    """
    nudged: list[Nudge] = []
    store.on_commit(nudged.extend)

    async def put() -> None:
        box = taking.inbox("ehr")
        await asyncio.gather(box.errand(b"one"), box.errand(b"one"), box.put(message("1")))

    asyncio.run(put())
    with store.view() as view:
        kinds = sorted(item.kind for item in view.inbox.find(source="ehr"))
        assert view.inbox.acks_without_item() == []
    assert kinds == ["errand", "errand", "message"]
    assert {(one.step, one.lane) for one in nudged} == {("ingest.pull", "ehr"), ("ingest.read", "ehr")}


def test_bytes_bound_a_transaction(store: Store, taking: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message larger than a transaction should hold is stored by itself."""
    monkeypatch.setattr(intake, "TOGETHER_BYTES", 10)
    sent = [message("1", "x" * 6), message("2", "x" * 6), message("3", "x" * 60), message("4")]
    assert asyncio.run(taking.inbox("adt").put_many(sent)) == ("new",) * 4
    assert store.commit_points["ingest.receive"] == 4


@BOTH
def test_slow_is_waited_for_and_then_put_off(
    store: Store, taking: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store is slow a put waits; after its bounded time the sender is told to come again, and what nobody
    waits for any more is not stored.
    """
    gate, entered, real = threading.Event(), threading.Event(), intake.store

    def slow(*asked: Any) -> Any:
        entered.set()
        assert gate.wait(PATIENCE_SECONDS)
        return real(*asked)

    monkeypatch.setattr(intake, "store", slow)

    async def put() -> str:
        box = taking.inbox("adt")
        first = asyncio.create_task(box.put(message("1")))
        await asyncio.to_thread(entered.wait, PATIENCE_SECONDS)
        monkeypatch.setattr(intake, "WAIT_SECONDS", 0.01)
        with pytest.raises(RetryLater, match="too slow"):
            await box.put(message("2"))
        assert not first.done()
        gate.set()
        return await first

    assert asyncio.run(put()) == "new"
    assert bodies(store, "adt") == [b"1"]


@pytest.mark.parametrize(("error", "said"), [(Stale("x"), "first"), (ValueError("x"), "could not")])
def test_one_that_cannot_be_stored(
    store: Store, taking: Intake, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    """Whoever it is that cannot be stored is told to come again; whoever was stored with it is told yes."""
    gate, real = threading.Event(), intake.store

    def fails(app: Any, parts: Sequence[tuple[str, str, Sequence[RawMessage]]], counted: Any) -> Any:
        assert gate.wait(PATIENCE_SECONDS)
        if any(one.external_id == "bad" for *_, messages in parts for one in messages):
            raise error
        return real(app, parts, counted)

    monkeypatch.setattr(intake, "store", fails)

    async def put() -> list[Any]:
        box = taking.inbox("adt")
        tasks = [asyncio.create_task(box.put(message(name))) for name in ("1", "bad", "2")]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, bad, last = asyncio.run(put())
    assert (first, last) == ("new", "new")
    assert isinstance(bad, RetryLater)
    assert said in str(bad)
    assert bodies(store, "adt") == [b"1", b"2"]


def test_neighbours_of_one_that_cannot_be_stored(
    store: Store, taking: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of messages that were put together the others are stored, though nobody is told yes for any of them yet; sent
    again they are known.
    """
    real = prepare_all

    def prepare(keys: Any, clock: Any, arrivals: Any) -> Any:
        if any(one.external == "bad" for one in arrivals):
            raise ValueError("a bug")
        return real(keys, clock, arrivals)

    monkeypatch.setattr(intake, "prepare", prepare)
    sent = [message("1"), message("bad"), message("2")]
    with pytest.raises(RetryLater, match="could not"):
        asyncio.run(taking.inbox("adt").put_many(sent))
    assert bodies(store, "adt") == [b"1", b"2"]
    monkeypatch.undo()
    assert asyncio.run(taking.inbox("adt").put_many(sent)) == ("known", "new", "known")


def test_ids_need_not_be_text(store: Store, taking: Intake) -> None:
    """An id of which a plugin could not decode each byte is an id like any other."""
    odd = RawMessage(external_id="A\udc80|\x00", content_type="hl7v2", body=b"x")
    assert asyncio.run(taking.inbox("adt").put_many([odd, odd])) == ("new", "known")


def test_a_message_that_is_none(store: Store, taking: Intake) -> None:
    """What is no message is the plugin's fault, and nothing of its batch is stored."""
    wrong = RawMessage(external_id=1, content_type="", body=b"")  # type: ignore[arg-type]
    with pytest.raises(WrongAnswer, match="RawMessage"):
        asyncio.run(taking.inbox("adt").put_many([message("1"), wrong]))
    assert bodies(store, "adt") == []


def test_what_waits_is_stored_at_the_end(store: Store, clock: TurnedClock) -> None:
    """Closing stores what waits, writes what was counted, and takes nothing more; threads then have their own turns
    again.
    """
    before = sys.getswitchinterval()
    made = Intake(Place(store, clock))  # type: ignore[arg-type]
    assert sys.getswitchinterval() < before

    async def put() -> tuple[str, ...]:
        box = made.inbox("adt")
        waiting = asyncio.create_task(box.put_many([message("1"), message("2")], peer="10.0.0.7"))
        await asyncio.sleep(0)
        await asyncio.to_thread(made.close, PATIENCE_SECONDS)
        with pytest.raises(RetryLater, match="stopping"):
            await box.put(message("3"))
        return await waiting

    assert asyncio.run(put()) == ("new", "new")
    assert [(one.peer, one.messages, one.bytes) for one in hours(store, clock)] == [("10.0.0.7", 2, 2)]
    assert sys.getswitchinterval() == before


@BOTH
def test_counts_are_by_peer_and_survive(
    store: Store, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages, repeats and answers are counted by peer and hour; a later process adds to them."""
    for _ in range(2):
        made = Intake(Place(store, clock))  # type: ignore[arg-type]
        box = made.inbox("adt")
        asyncio.run(box.put_many([message("1"), message("2", "two")], peer="a"))
        box.answered("a", {"AA": 2, "AE": 1, "CR": 3}, 12.4)
        box.answered("b", {"200": 4, "503": 1, "404": 1, "odd": 2})
        box.answered(None, {"AA": "x"})  # type: ignore[arg-type, dict-item]
        made.close(PATIENCE_SECONDS)
    one, other = hours(store, clock)
    assert (one.peer, one.messages, one.repeats, one.bytes) == ("a", 4, 2, 8)
    assert (one.accepted, one.failed, one.rejected, one.slowest_ms) == (4, 2, 6, 12)
    assert (other.peer, other.accepted, other.failed, other.rejected) == ("b", 8, 6, 2)


def test_counts_are_written_while_nothing_comes(
    store: Store, clock: TurnedClock, taking: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that nothing follows are in the store soon; while it is away they wait, and none is lost."""
    monkeypatch.setattr(intake, "FLUSH_SECONDS", 0.01)
    fails, away, real = threading.Event(), threading.Event(), store.begin

    def begin(name: str) -> Any:
        if away.is_set():
            fails.set()
            raise StoreAway("away")
        return real(name)

    monkeypatch.setattr(store, "begin", begin)
    away.set()
    taking.inbox("adt").answered("a", {"AA": 1})
    assert fails.wait(PATIENCE_SECONDS)
    away.clear()
    taking.inbox("adt").answered("a", {"AA": 1})
    waiting, tries = threading.Event(), 0
    while sum(one.accepted for one in hours(store, clock)) < 2:
        tries += 1
        assert tries < 1_000, "the counts never came"
        waiting.wait(0.01)
    assert hours(store, clock)[0].accepted == 2


def test_peers_are_bounded(clock: TurnedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends from ever new addresses does not fill the memory or the table; each hour begins anew."""
    monkeypatch.setattr(feed_counts, "PEERS", 2)
    counts = FeedCounts()
    for peer in ("a", "b", "c", "d", "a", "x" * 500):
        counts.came("lakeside", "adt", peer, clock.now(), messages=1)
    assert {one.peer: one.messages for one in counts.take()} == {"a": 2, "b": 1, "others": 3}
    assert not counts
    clock.turn(timedelta(hours=1))
    counts.came("lakeside", "adt", "d", clock.now(), messages=1)
    assert [one.peer for one in counts.take()] == ["d"]
