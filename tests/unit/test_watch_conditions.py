"""How one condition opens, stays, clears and is told: pure rules, whatever the looks see."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from hub.config import Settings, load
from hub.errors import Misconfigured, Refused, RetryLater
from hub.store.notices import Condition
from hub.watch import wording
from hub.watch.conditions import HOUR, MISSES, advance, due, recipients
from hub.watch.finding import Finding
from hub.watch.notices import FIRST, MOST, wait

START = datetime(2026, 3, 2, 14, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BAD = Finding(key="disk.low:data", ok=False, level="alarm", what="data folder: 90 MB free", fix="free space")
GOOD = Finding(key="disk.low:data", ok=True, level="ok", what="data folder: 9,000 MB free")
ALL = frozenset({"alert", "recovered", "digest"})


@pytest.fixture
def settings() -> Settings:
    """The example practice."""
    return load(Path(__file__).resolve().parents[2] / "config").settings


def told(one: Condition, now: datetime) -> tuple[Condition, str]:
    """The condition after what is due was said, and what that was."""
    kind = due(one, now)
    if kind == "alert":
        return replace(one, heard="open", told_at=now), kind
    return (replace(one, heard="clear", recovered_at=now) if kind else one), kind


def story(looks: list[bool], every: timedelta = MINUTE) -> list[tuple[int, str]]:
    """(number of the look, what was told) of a row of looks that see the trouble or not."""
    one: Condition | None = None
    said = []
    for number, seen in enumerate(looks):
        now = START + number * every
        one = advance(one, BAD if seen else GOOD, now)
        if one is not None:
            one, kind = told(one, now)
            said += [(number, kind)] if kind else []
    return said


def test_told_once_and_once_more_when_over() -> None:
    """Trouble is told when it is first seen, then not again, and its end after it was away for two looks."""
    assert story([False, True, True, True, False, False, False]) == [(1, "alert"), (5, "recovered")]


def test_one_look_that_misses_is_no_end() -> None:
    """What is away for one look only was never over."""
    assert story([True, False, True, False, True]) == [(0, "alert")]


def test_flapping_is_told_once_an_hour() -> None:
    """What comes and goes every few minutes for two hours is told at most once an hour each way."""
    looks = ([True] * 3 + [False] * 3) * 25
    said = story(looks)
    for kind in ("alert", "recovered"):
        times = [number for number, one in said if one == kind]
        assert len(times) <= 3
        assert all(later - earlier >= 60 for earlier, later in itertools.pairwise(times))


def test_flapping_is_said_in_words(settings: Settings) -> None:
    """How often it came back, and since when, stands in the notice."""
    one: Condition | None = None
    for number, seen in enumerate([True, False, False, True, False, False, True]):
        one = advance(one, BAD if seen else GOOD, START + number * MINUTE)
    assert one is not None
    assert (one.flaps, one.flapping_at, one.since) == (2, START, START + 6 * MINUTE)
    assert "comes and goes: 3 times since 2026-03-02 09:00 EST" in wording.flapping(one, settings)
    later = advance(replace(one, cleared_at=START + HOUR), BAD, START + 2 * HOUR)
    assert later is not None
    assert (later.flaps, later.flapping_at) == (0, None)


@given(some.lists(some.booleans(), max_size=200))
def test_nobody_is_left_with_a_wrong_belief(looks: list[bool]) -> None:
    """Whatever was seen: alarms and ends alternate, each an hour apart, and an hour of quiet makes belief true."""
    said = story([*looks, *[False] * 130])
    kinds = [kind for _, kind in said]
    assert kinds == (["alert", "recovered"] * len(kinds))[: len(kinds)]
    assert len(kinds) % 2 == 0
    for kind in ("alert", "recovered"):
        times = [number for number, one in said if one == kind]
        assert all(later - earlier >= 60 for earlier, later in itertools.pairwise(times))


def test_a_clock_set_back_silences_nobody() -> None:
    """An alarm that was told in what is now the future does not keep the next one back."""
    one = advance(None, BAD, START)
    assert one is not None
    assert due(replace(one, told_at=START + HOUR), START) == "alert"


def test_warnings_wait_for_the_digest() -> None:
    """A warning is not told at once; when it grows into an alarm it is."""
    one = advance(None, replace(BAD, level="warning"), START)
    assert one is not None
    assert due(one, START) == ""
    one = advance(one, BAD, START + MINUTE)
    assert one is not None
    assert (due(one, START + MINUTE), one.since) == ("alert", START)


def test_what_is_unknown_is_not_kept() -> None:
    """A thing that is well and never was otherwise leaves no row."""
    assert advance(None, GOOD, START) is None
    assert MISSES == 2


TO = {"it": ("mail", "hook"), "all": ("all-mail",)}
TAKES = {"mail": ALL, "hook": frozenset({"alert"}), "all-mail": ALL}


@pytest.mark.parametrize(
    ("key", "owner", "kind", "names"),
    [
        ("disk.low:data", "it", "alert", ("mail", "hook")),
        ("disk.low:data", "it", "recovered", ("mail",)),
        ("claim.unanswered", "biller", "alert", ("all-mail",)),
        ("notice.stuck:mail", "it", "alert", ("hook",)),
        ("notice.lost:hook", "it", "alert", ("mail",)),
        ("notice.stuck:mail", "it", "recovered", ("mail",)),
        ("plugin.hung:mail", "it", "alert", ("hook",)),
        ("plugin.hung:clearinghouse", "it", "alert", ("mail", "hook")),
    ],
)
def test_who_is_told(key: str, owner: str, kind: str, names: tuple[str, ...]) -> None:
    """Those of the role, else those of `all`, if they take it; never a broken notifier about itself."""
    assert recipients(key, owner, kind, TO, TAKES) == names


def test_a_broken_notifier_is_told_through_any_other() -> None:
    """Where its own role has no other, those of other roles hear of it; where there is none, nobody."""
    assert recipients("notice.stuck:mail", "it", "alert", {"it": ("mail",), "biller": ("desk",)}, {
        "mail": ALL, "desk": ALL}) == ("desk",)  # fmt: skip
    assert recipients("notice.stuck:mail", "it", "alert", {"it": ("mail",)}, {"mail": ALL}) == ()


def test_waits_grow_and_heed_what_is_asked() -> None:
    """Half a minute doubles up to a quarter of an hour; what is asked for is waited, up to a day."""
    waits = [wait(attempts, Refused("x")) for attempts in (1, 2, 3, 20, 4000)]
    assert waits == [FIRST, 2 * FIRST, 4 * FIRST, MOST, MOST]
    assert wait(1, RetryLater("x", after_seconds=600)) == timedelta(minutes=10)
    assert wait(1, RetryLater("x", after_seconds=10**9)) == timedelta(days=1)
    assert wait(1, Misconfigured("a wrong password must not lock the account")) == HOUR


def conditions(number: int, code: str = "connector.down") -> list[Condition]:
    """So many open alarms of one code."""
    usual: dict[str, Any] = {"owner": "it", "level": "alarm", "why": "", "fix": "look", "since": START}
    return [
        Condition(key=f"{code}:box{n}", what=f"box{n}: no answer", seen_at=START, **usual) for n in range(number)
    ]


def test_fifty_mailboxes_are_one_paragraph(settings: Settings) -> None:
    """A storm is one notice with a line for some, a number for the rest, and one remedy."""
    said = wording.alert([*conditions(50), *conditions(1, "disk.low")], settings, START, "node-1")
    assert said.subject.endswith("51 alarms: connector.down (50), disk.low")
    assert "- and 40 more" in said.lines
    assert said.lines.count("do: look") == 2
    assert len(said.lines) < 25


def test_one_alarm_says_all(settings: Settings) -> None:
    """What, since when, for how long, why, what to do, and which node tells it."""
    one = advance(None, replace(BAD, why="a full disk stops the hub"), START)
    assert one is not None
    said = wording.alert([one], settings, START + 90 * MINUTE, "node-1")
    assert said.subject == "[lakeside (test)] ALARM data folder: 90 MB free"
    assert said.lines[:4] == (
        "data folder: 90 MB free",
        "since 2026-03-02 09:00 EST, for 90 min",
        "why: a full disk stops the hub",
        "do: free space",
    )
    assert "hub lakeside (test), told by node node-1" in said.lines


def test_the_end_says_how_long(settings: Settings) -> None:
    """A recovery says what is well again and how long it was not."""
    one = advance(advance(advance(None, BAD, START), GOOD, START + 9 * MINUTE), GOOD, START + 10 * MINUTE)
    assert one is not None
    said = wording.recovered([one], settings, "")
    assert said.lines[0] == "data folder: 9,000 MB free (disk.low:data)"
    assert said.lines[1] == "it lasted 10 min, from 2026-03-02 09:00 EST to 2026-03-02 09:10 EST"
