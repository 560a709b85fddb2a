"""Many kills in one world: at every named commit point, or at moments drawn by lot; the books must come out equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from statistics import median
from typing import Any

import msgspec

from faultlab import extras
from faultlab.board import Kill
from faultlab.books import books, check, opened
from faultlab.nursery import KILLED, Nursery
from faultlab.orders import Ended, Order
from faultlab.world import World

MOST_COMMITS = 30
FIRST_GUESS_SECONDS = 0.3
Books = dict[str, Any]
Tell = Callable[[Ended], object]


class Failed(AssertionError):
    """A world that was not put right: what is wrong, and how to see it again."""


class Undisturbed(msgspec.Struct, frozen=True, kw_only=True):
    """What the mini practice comes to when nobody dies, and how often each commit point was passed."""

    books: Books
    points: dict[str, int]


def undisturbed(world: World, nursery: Nursery) -> Undisturbed:
    """A life in a furnished world that nothing disturbs."""
    told = nursery.live(world)
    assert told.troubles == []
    with opened(world) as app:
        found = books(app)
    finish(world, found)
    return Undisturbed(books=found, points=told.points)


def at_points(
    world: World,
    nursery: Nursery,
    targets: Iterable[str],
    *,
    nth: int = 1,
    most: int = 1_000,
    threads: int = 1,
    tell: Tell = bool,
) -> list[Ended]:
    """Each hub dies at the first commit that is still a target (`name:before`, `name:after`) when it comes for the
    `nth` time in its life; ends after `most` deaths, or when a hub lives to the end. Returns the deaths.
    """
    left = set(targets)
    deaths: list[Ended] = []
    while len(deaths) < most:
        kill = Kill(targets=frozenset(left), nth=nth)
        ended = _live(world, nursery, Order(place=world.place, kill=kill, threads=threads))
        if ended.code == 0:
            break
        left.remove(struck(ended))
        deaths.append(ended)
        tell(ended)
    return deaths


def struck(ended: Ended) -> str:
    """The commit and its side (`name:before`) where a hub died."""
    side, _, name = ended.where.partition(" ")
    return f"{name}:{side}"


def at_random(
    world: World, nursery: Nursery, rng: Random, *, kills: int, threads: int = 1, tell: Tell = bool
) -> list[Ended]:
    """At most so many hubs die, at a commit or by the clock; fewer when one comes to the end first."""
    deaths: list[Ended] = []
    openings = [FIRST_GUESS_SECONDS]
    while len(deaths) < kills:
        ended = _live(world, nursery, _by_lot(rng, world, median(openings), threads))
        if ended.code == 0:
            break
        if ended.opening_seconds:
            openings.append(ended.opening_seconds)
        deaths.append(ended)
        tell(ended)
    return deaths


def finish(world: World, expected: Books, *, threads: int = 1, nursery: Nursery | None = None) -> None:
    """One more hub lives to the end; then nothing is lost, nothing was done twice, and the listener heard all."""
    if nursery is not None:
        _live(world, nursery, Order(place=world.place, threads=threads))
    check(world, expected)
    if world.place.furnished:
        with opened(world) as app, app.store.view() as view:
            told = {event.id for event in view.events.after(0, 100_000)}
        assert told <= set(extras.heard(world.work)), "the listener missed an event"


def _by_lot(rng: Random, world: World, opening_seconds: float, threads: int) -> Order:
    """Half at one of the next commits, on either side of it; half by the clock, a few of these while it opens."""
    place, lot = world.place, rng.random()
    if lot < 0.5:
        kill = Kill(commit=rng.randint(1, MOST_COMMITS), side=rng.choice(("before", "after")))
        return Order(place=place, kill=kill, threads=threads)
    if lot < 0.9:
        seconds = rng.uniform(0.0, 2 * opening_seconds)
        return Order(place=place, kill_after_seconds=seconds, threads=threads)
    seconds = rng.uniform(0.0, opening_seconds)
    return Order(place=place, kill_after_seconds=seconds, kill_opening=True, threads=threads)


def _live(world: World, nursery: Nursery, order: Order) -> Ended:
    ended = nursery.order(order)
    if ended.code not in {0, KILLED}:
        log = world.work / "life.log"
        said = log.read_text()[-4000:] if log.exists() else ""
        raise Failed(f"a hub ended by itself with {ended.code}, at {ended.where!r}\n{said}")
    return ended
