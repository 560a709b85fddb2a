"""Any interleaving, repetition and reordering of a feed's messages ends in the same state; the HL7 plugin reads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from flowlab.house import SOURCE, House
from hub_hl7_adt.reading import read as read_hl7
from hub_hl7_adt.settings import Hl7Settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.clock import TurnedClock
from hub.flow import ingest, payments
from hub.flow.ingest.folding import overlaid
from hub.flow.visits import assemble
from hub.model.facts import AnyFact
from hub.store import Keyring, open_store
from hub.testing.feed_state import state
from hub.testing.hl7_feed import Feed

PROFILE = Hl7Settings(folder="feed")
seeds = st.integers(0, 10_000)


class Hl7House(House):
    """The practice of one test, whose source is the HL7 plugin."""

    def __init__(self, store: Any, clock: TurnedClock) -> None:
        super().__init__(store, clock)
        reads = SimpleNamespace(read_many=lambda some: [read_hl7(body, PROFILE) for body, _ in some])
        self.host.source = lambda name: reads  # type: ignore[method-assign]

    def hear(self, body: bytes) -> None:
        """A message arrives."""
        self.messages += 1
        self._put(SOURCE, "message", body, f"m{self.messages}")

    def settle(self) -> None:
        """Read what waits and put together what it touched; nothing is billed."""
        self.run(ingest.read, SOURCE)
        self.run(assemble.assemble, SOURCE)
        self.run(payments.post)


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[Hl7House]:
    """The practice, on SQLite: the database makes no difference here."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield Hl7House(store, clock)
    store.close()


def ended(house: Hl7House, seed: int, count: int, prefix: str, random: Random | None) -> dict[str, Any]:
    """The end of a feed: in order and once, or shuffled, repeated, and put together in between."""
    bodies = [sent.body for sent in Feed(seed, prefix=prefix, patients=3, merges=12).messages(count)]
    if random is not None:
        bodies += random.choices(bodies, k=count // 3)
        random.shuffle(bodies)
    for body in bodies:
        house.hear(body)
        if random is not None and random.random() < 0.2:
            house.settle()
    house.settle()
    return state(house.store, SOURCE, prefix)


def assert_same(house: Hl7House, seed: int, count: int, random: Random) -> None:
    """Both ends are one."""
    number = house.messages
    first = ended(house, seed, count, f"x{number}x", None)
    other = ended(house, seed, count, f"y{number}y", random)
    for kind, stands in first.items():
        assert other[kind] == stands, kind
    assert first["facts"]


@given(seeds, st.randoms(use_true_random=False))
@settings(max_examples=2, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_order_ends_in_the_same_state(house: Hl7House, seed: int, random: Random) -> None:
    """A dozen and a half messages of a feed with merges, moves and partings: shuffled, some twice, put together now
    and then, they leave the same facts, visits, charges, policies, appointments and survivors as in their order."""
    assert_same(house, seed, 18, random)


@pytest.mark.campaign
@given(seeds, st.integers(5, 60), st.randoms(use_true_random=False))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_order_of_longer_feeds(house: Hl7House, seed: int, count: int, random: Random) -> None:
    """As above, at length."""
    assert_same(house, seed, count, random)


@given(seeds, st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_any_order_folds_to_the_same_facts(seed: int, random: Random) -> None:
    """Purely, without a hub: the facts of a feed's messages come to the same, however they are shuffled, repeated and
    grouped."""
    found = [fact for sent in Feed(seed, patients=3).messages(40) for fact in read_hl7(sent.body, PROFILE).facts]
    shuffled = [*found, *random.choices(found, k=len(found) // 2)]
    random.shuffle(shuffled)
    cut = random.randrange(len(shuffled))
    halves = [list(folded(part).values()) for part in (shuffled[:cut], shuffled[cut:])]
    assert folded(found) == folded(shuffled) == folded([*halves[1], *halves[0]])


def folded(facts: list[AnyFact]) -> dict[tuple[str, str], AnyFact]:
    """The facts that stand in the end, by kind and key."""

    def one(known: dict[tuple[str, str], AnyFact], fact: AnyFact) -> dict[tuple[str, str], AnyFact]:
        at = (type(fact).__name__, fact.key)
        known[at] = overlaid(known.get(at), fact)
        return known

    return reduce(one, facts, {})
