"""Nothing is lost and nothing comes twice, wherever a pull is killed and whatever a call runs into."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from fhirlab.fake import START, FakeFhir
from fhirlab.proxy import Reply
from fhirlab.pulls import Killed, Pull, keys, office, standing, visit, whole
from hub_ehr_fhir.connect.http import Call
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_pull_incremental import NO_INCLUDES, NO_LISTS

from hub.clock import TurnedClock
from hub.errors import RetryLater

STEPS = [NO_INCLUDES, (*NO_INCLUDES, *NO_LISTS)]


def story(pull: Pull, run: Any) -> None:
    """Visits, changes, a deletion, a late commit, in three looks."""
    fake = pull.fake
    fake.put(*office(), *(one for n in range(5) for one in visit(n)))
    run()
    pull.later(minutes=30)
    fake.put(visit(2)[1], *visit(7), office()[1])
    fake.delete("ChargeItem/i3")
    run()
    fake.put(*visit(8), at=pull.clock.now() - timedelta(minutes=4))
    pull.later(minutes=3)
    run()


def told(pull: Pull) -> Counter[tuple[str, ...]]:
    """What was told, how often."""
    return Counter(tuple(one) for one in keys(pull.said))


def bare(pull: Pull) -> dict[str, Any]:
    """What a reader knows in the end, without versions and times; it must be what the server holds."""
    known = standing(pull.said)
    assert known == {key: pull.fake.held[key] for key in known}
    return {key: {**one, "meta": None} for key, one in known.items()}


def quiet(but: tuple[str, ...], paging: str) -> Pull:
    """The story without any disturbance."""
    pull = new(but, paging)
    story(pull, pull.run)
    return pull


def new(but: tuple[str, ...], paging: str) -> Pull:
    """A pull with small pages."""
    return Pull(FakeFhir(TurnedClock(START), paging=paging), but=but, page_size=2)


def test_killed_at_some_call() -> None:
    """Killed at one call to the server, the pull ends with the same messages as if nothing had happened."""
    killed_at_every((), "links", 17)


@pytest.mark.campaign
@pytest.mark.parametrize("paging", ["links", "total"])
@pytest.mark.parametrize("but", STEPS)
def test_killed_at_every_call(but: tuple[str, ...], paging: str) -> None:
    """The same, at every single call."""
    killed_at_every(but, paging, 1)


def killed_at_every(but: tuple[str, ...], paging: str, stride: int) -> None:
    """Kill at each `stride`-th call in turn."""
    plain = quiet(but, paging)
    for at in range(1, plain.calls + 1, stride):
        pull = new(but, paging)

        def kill(_call: Call, pull: Pull = pull, at: int = at) -> None:
            if pull.calls == at:
                raise Killed

        pull.hook = kill
        story(pull, pull.run_on)
        assert set(told(pull)) == set(told(plain)), f"killed at call {at}"
        assert bare(pull) == bare(plain)


def test_killed_after_every_call() -> None:
    """Killed again and again, each time one call further, the pull still ends."""
    plain = quiet((), "links")
    pull = new((), "links")
    ticks = iter(range(10**6))
    pull.tick = lambda: next(ticks) * 1.0
    limit = [0]

    def kill(_call: Call) -> None:
        limit[0] -= 1
        if limit[0] == 0:
            limit[0] = 40
            raise Killed

    limit[0] = 40
    pull.hook = kill
    story(pull, pull.run_on)
    assert bare(pull) == bare(plain)


@pytest.mark.parametrize(
    ("but", "call_seconds", "seconds"),
    [((), 1.0, 20), ((*NO_INCLUDES, *NO_LISTS), 0.2, 6), ((*NO_INCLUDES, *NO_LISTS), 0.2, 12)],
)
def test_lives_of_some_seconds(but: tuple[str, ...], call_seconds: float, seconds: int) -> None:
    """A hub that is killed every few seconds: each life takes little at first, so that something is kept of it."""
    pull = new(but, "links")
    pull.fake.put(*office(), *(one for n in range(20) for one in visit(n)))
    now, dies_at, deaths = [0.0], [0.0], 0

    def slow(_call: Call) -> None:
        now[0] += call_seconds
        if now[0] >= dies_at[0]:
            raise Killed

    pull.hook, pull.tick = slow, lambda: now[0]
    more = True
    while more and deaths < 60:
        dies_at[0], lives = now[0] + seconds, pull.born()
        try:
            while more:
                more = pull.call(lives)
        except Killed:
            deaths += 1
    assert deaths > 0
    assert sorted(keys(pull.said)) == sorted(whole(n) for n in range(20))


def test_who_lives_takes_more_and_more() -> None:
    """Nothing is lost by it where nobody dies: the calls of one process grow to the usual length."""
    pull = Pull(but=(*NO_INCLUDES, *NO_LISTS))
    pull.fake.put(*office(), *(one for n in range(60) for one in visit(n)))
    now, lengths = [0.0], list[float]()

    def slow(_call: Call) -> None:
        now[0] += 0.2

    pull.hook, pull.tick = slow, lambda: now[0]
    lives, more = pull.born(), True
    while more:
        before = now[0]
        more = pull.call(lives)
        lengths.append(now[0] - before)
    assert lengths[0] < 8
    assert max(lengths) >= 16


FAULTS = [
    Reply(500, {}, b""), Reply(429, {"retry-after": "1"}, b""), Reply(429, {}, b""), Reply(200, {}, b"{"),
    Reply(200, {}, b'{"resourceType":"OperationOutcome"}'),
]  # fmt: skip


NAMES = ["500", "429 with a wait", "429", "half a body", "no Bundle"]


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_a_call_spoilt(fault: Reply) -> None:
    """Whatever one call is answered with, everything comes in the end, the same as without."""
    spoilt_at_every(fault, 37)


@pytest.mark.campaign
@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_every_call_spoilt_once(fault: Reply) -> None:
    """The same, at every single call."""
    spoilt_at_every(fault, 1)


def spoilt_at_every(fault: Reply, stride: int) -> None:
    """Spoil each `stride`-th call in turn."""
    plain = quiet(NO_INCLUDES, "links")
    for at in range(1, plain.calls + 1, stride):
        pull = new(NO_INCLUDES, "links")
        pull.fake.before = lambda _path, pull=pull, at=at: fault if pull.calls == at else None  # type: ignore[misc]

        def run(pull: Pull = pull) -> None:
            pull.run_on()
            pull.later(minutes=2)
            pull.run_on()

        story(pull, run)
        assert bare(pull) == bare(plain), f"spoilt at call {at}"


class Trouble:
    """Kills and faults at calls that hypothesis chose."""

    def __init__(self, pull: Pull, at: dict[int, int]) -> None:
        self._pull, self._at = pull, at

    def __call__(self, _call: Call) -> None:
        kind = self._at.get(self._pull.calls)
        if kind == 0:
            raise Killed
        if kind == 1:
            raise RetryLater("busy", after_seconds=1)
        if kind == 2:
            raise RetryLater("broken")


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["put", "charge", "coverage", "delete", "late", "wait", "run", "skew"]), st.integers(0, 5)
    ),
    min_size=1,
    max_size=14,
)


STORY = given(
    changes=CHANGES,
    trouble=st.dictionaries(st.integers(1, 150), st.integers(0, 2), max_size=12),
    paging=st.sampled_from(["links", "live", "total", "none"]),
    sorts=st.booleans(),
    size=st.integers(1, 5),
)
SLOW = [HealthCheck.too_slow]


@STORY
@settings(max_examples=8, deadline=None, suppress_health_check=SLOW)
def test_a_story(
    changes: list[tuple[str, int]], trouble: dict[int, int], paging: str, sorts: bool, size: int
) -> None:
    """Any changes, kills and faults, with clocks that are set (each setting seen by a look before the next): in the
    end a reader knows what the server holds.
    """
    any_story(changes, trouble, Pull(FakeFhir(TurnedClock(START), paging=paging, sorts=sorts), page_size=size))


@pytest.mark.campaign
@STORY
@settings(max_examples=400, deadline=None, suppress_health_check=SLOW)
def test_many_stories(
    changes: list[tuple[str, int]], trouble: dict[int, int], paging: str, sorts: bool, size: int
) -> None:
    """The same, many times."""
    any_story(changes, trouble, Pull(FakeFhir(TurnedClock(START), paging=paging, sorts=sorts), page_size=size))


def any_story(changes: list[tuple[str, int]], trouble: dict[int, int], pull: Pull) -> None:
    """Let it happen, then hours of quiet."""
    pull.fake.put(*office())
    pull.hook = Trouble(pull, trouble)
    for what, n in changes:
        change(pull, what, n)
        pull.later(seconds=20)
    for _ in range(12):
        pull.later(minutes=30)
        pull.run_on()
    known = standing(pull.said)
    assert {key: one for key, one in known.items() if pull.fake.held.get(key) != one} == {}
    billed = {key for key in pull.fake.held if key.startswith(("Encounter/", "ChargeItem/", "Condition/"))}
    assert {key for key in billed if key not in known and encounter_of(pull, key) in pull.fake.held} == set()


def encounter_of(pull: Pull, key: str) -> str:
    """The encounter of a resource; of a charge whose encounter was deleted nobody asks."""
    one = pull.fake.held[key]
    return key if key.startswith("Encounter/") else (one.get("encounter") or one["context"])["reference"]


def change(pull: Pull, what: str, n: int) -> None:
    """One thing that happens at the server, to its clock or to the hub."""
    fake = pull.fake
    if what == "put":
        fake.put(*visit(n))
    elif what == "charge":
        fake.put({**visit(n)[2], "id": f"x{n}"}) if f"Encounter/e{n}" in fake.held else None
    elif what == "coverage":
        fake.put(office()[1])
    elif what == "delete":
        fake.delete(f"ChargeItem/i{n}") if f"ChargeItem/i{n}" in fake.held else None
    elif what == "late":
        fake.put(*visit(n), at=fake.now - timedelta(minutes=n))
    elif what == "skew":
        pull.later(minutes=2)
        pull.run_on()
        fake.skew = timedelta(minutes=(n - 2) * 40)
    elif what == "wait":
        pull.later(minutes=n * 7)
    else:
        pull.run_on()
