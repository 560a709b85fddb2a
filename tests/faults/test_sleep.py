"""A hub sleeps (SIGSTOP) around a transfer while another takes over, and wakes: it does nothing a second time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faultlab.board import Kill
from faultlab.books import check
from faultlab.nursery import Nursery
from faultlab.orders import ASLEEP, Order, Wake
from faultlab.survive import FIVE
from faultlab.visits import drops
from faultlab.world import World

pytestmark = pytest.mark.campaign

ASLEEP_AT = {
    "before the file is uploaded": ("dispatch.stage", 2),
    "before it is published": ("dispatch.stage", 3),
    "before it is renamed": ("dispatch.publish", 1),
    "before it is looked at": ("dispatch.publish", 2),
    "before an answer is read": ("fetch.list", 1),
    "before an answer is put away": ("fetch.store", 1),
    "before the next posting": ("posting.post", 1),
}
QUICK = ("before it is renamed",)


@pytest.mark.parametrize(
    "where", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in ASLEEP_AT]
)
def test_a_hub_that_slept_acts_no_more(
    tmp_path: Path, nursery: Nursery, five: dict[str, Any], where: str
) -> None:
    """While it sleeps another hub does all that is left. Awake again it finds the lane taken (its token is worth
    nothing) and goes on with what is true now: every file came once, every payment is posted once.
    """
    point, nth = ASLEEP_AT[where]
    with World(tmp_path, drops(FIVE)) as world:
        kill = Kill(targets=frozenset({f"{point}:after"}), nth=nth, sleeps=True)
        sleeper = nursery.order(Order(place=world.place, kill=kill))
        assert sleeper.code == ASLEEP
        try:
            nursery.live(world)
        finally:
            woken = nursery.order(Wake(process=sleeper.process))
        assert woken.code == 0, (tmp_path / "life.log").read_text()[-4000:]
        check(world, five)


@pytest.mark.slow
@pytest.mark.parametrize("where", [name for name in ASLEEP_AT if "answer" not in name])
def test_a_node_that_slept_acts_no_more(
    tmp_path: Path, pg_url: str, nursery: Nursery, five: dict[str, Any], where: str
) -> None:
    """The same with nodes on one queue: the other takes the sleeper's lane over, and the sleeper, awake again, may
    write nothing for the run that it has lost.
    """
    point, nth = ASLEEP_AT[where]
    with World(tmp_path, drops(FIVE), store=pg_url) as world:
        kill = Kill(targets=frozenset({f"{point}:after"}), nth=nth, sleeps=True)
        sleeper = nursery.order(Order(place=world.place, kill=kill, node="first", threads=2))
        assert sleeper.code == ASLEEP
        try:
            other = nursery.order(Order(place=world.place, node="second", threads=2))
            assert other.code == 0, (tmp_path / "life.log").read_text()[-4000:]
        finally:
            woken = nursery.order(Wake(process=sleeper.process))
        assert woken.code == 0, (tmp_path / "life.log").read_text()[-4000:]
        check(world, five)
