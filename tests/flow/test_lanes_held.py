"""A step that fails by a bug stops its own lane only, is one piece of work, and goes on after a person's word."""

from __future__ import annotations

import pytest
from flowlab.house import PRACTICE, House

from hub.clock import TurnedClock
from hub.flow.trouble import Watch
from hub.node import sweep
from hub.runner import Nudge, Outcome, Retry, Trouble, make
from hub.store import Store


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


def test_a_hold_whose_item_is_not_written_yet_is_left(house: House) -> None:
    """A sweep between a hold and its item lets nothing go on: what is first seen held waits for the next.
    What was held before goes on as soon as its item is resolved, and a hold whose item never came is not for ever.
    """
    watch, at = Watch(house.settings, house.store), ("posting.post", PRACTICE)
    assert watch.mended([at]) == []
    watch.open(*at, "held", "Misconfigured", said="refused", place="p", fix="f")
    assert watch.mended([at]) == []
    with house.store.begin("work.resolve") as tx:
        (item,) = tx.work.list(aggregate="connector")
        tx.work.resolve(item.id, "mended", "anna")
    assert watch.mended([at]) == [at]
    assert watch.mended([at]) == []
    assert watch.mended([at]) == [at]
    watch.mended([])
    assert watch.mended([at]) == []


def test_a_retry_that_goes_well_on_another_node_leaves_nothing_open(house: House) -> None:
    """One node opens an item about a passing failure; the run that is tried again on another node, which has not
    heard of the item, resolves it.
    """
    one, two = (Watch(house.settings, house.store) for _ in range(2))
    two.flows("fetch.fetch", "clearinghouse")
    one.open("fetch.fetch", "clearinghouse", "retry", "RetryLater", said="busy", place="p", fix="f")
    with house.store.begin("runner.take") as tx:
        token = tx.lanes.take("clearinghouse")
    with house.store.holding("clearinghouse", token, again=True):
        two.flows("fetch.fetch", "clearinghouse")
    with house.store.view() as view:
        assert view.work.list(aggregate="connector") == []


def test_a_poisoned_lane_is_one_work_item(house: House) -> None:
    """A bug in `posting.post` for one practice holds that lane after its tries and opens one item; other lanes run.
    Resolving the item releases the lane at the next sweep, and the run that goes well leaves nothing open.
    """
    watch = Watch(house.settings, house.store)
    broken = [True]
    ran: list[str] = []

    def post(lane: str) -> Outcome:
        if broken and lane == PRACTICE:
            raise KeyError("a value that nobody may see")
        ran.append(lane)
        watch.flows("posting.post", lane)
        return Outcome(done=1)

    def on_trouble(one: Trouble) -> None:
        watch.open(one.step, one.lane, one.kind, one.error, said=one.said, place=one.place, fix=one.fix)

    kind = "distributed" if house.store.dialect == "postgresql" else "local"
    retry = Retry(first_seconds=0.01, most_seconds=0.02, bug_limit=3)
    runner = make(kind, {"posting.post": post}, store=house.store, threads=2, retry=retry, on_trouble=on_trouble)
    runner.told([Nudge("posting.post", PRACTICE), Nudge("posting.post", "elsewhere")])
    while not runner.status().held:
        runner.run_until_idle(0.1)
    assert runner.run_until_idle(60)
    assert ran == ["elsewhere"]
    with house.store.view() as view:
        (item,) = view.work.list(aggregate="connector")
    assert (item.reason, item.where, item.aggregate_id, item.owner) == (
        "step.bug",
        "posting.post",
        PRACTICE,
        "it",
    )
    assert "nobody may see" not in item.why
    broken.clear()
    sweep(_App(watch), runner)  # type: ignore[arg-type]
    assert runner.run_until_idle(60)
    assert ran == ["elsewhere"]
    with house.store.begin("work.resolve") as tx:
        assert tx.work.resolve(item.id, "mended", "anna")
    sweep(_App(watch), runner)  # type: ignore[arg-type]
    assert runner.run_until_idle(60)
    assert ran == ["elsewhere", PRACTICE]
    assert runner.status().held == ()
    assert runner.stop() == ()
