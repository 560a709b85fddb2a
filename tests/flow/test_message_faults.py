"""Warnings of messages are one item of work for each habit of a sender; errors and notices are about one message."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flowlab.feed import Feed
from flowlab.house import SOURCE

from hub.clock import TurnedClock
from hub.errors import Problem
from hub.flow.ingest.message_faults import habits, place_of, reason_of
from hub.reports.promises import prove
from hub.store import Keyring, open_store
from hub.store.work import OpenItem


@pytest.fixture
def feed(
    made_sqlite_url: str, keyring: Keyring, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Feed]:
    """The feed; the database makes no difference."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield Feed(store, clock, monkeypatch)
    store.close()


def items(feed: Feed) -> list[OpenItem]:
    """The open work."""
    with feed.store.view() as view:
        return view.work.list()


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("IN1[2]-18", "IN1-18"),
        ("message[3] IN1[2]-18.4", "IN1-18.4"),
        ("PV1-19", "PV1-19"),
        ("Bundle.entry[3] Coverage.relationship", "Bundle.entry Coverage.relationship"),
    ],
)
def test_the_place_of_a_habit_has_no_numbers(where: str, place: str) -> None:
    """Which message of a file, which segment, which entry: none of it tells one habit from another."""
    assert place_of(where) == place


def test_what_a_page_of_warnings_comes_to() -> None:
    """One item for each code and place, whatever else is wrong; the reason of a message holds the first fault of its
    own and the code of each warning, once."""
    told = [
        Problem(code=code, where=where, why="w", severity=severity)
        for code, where, severity in (
            ("a.b", "IN1[1]-18", "warning"),
            ("a.b", "IN1[2]-18", "warning"),
            ("a.b", "IN1[1]-19", "warning"),
            ("c.d", "FT1", "notice"),
            ("e.f", "FT1[1]-7", "error"),
        )
    ]
    found = [(one.reason, one.where, one.aggregate, one.aggregate_id, one.owner) for one in habits(told, "adt")]
    assert found == [("a.b", f"IN1-{n}", "source", "adt", "it") for n in (18, 19)]
    assert reason_of(told) == "c.d a.b"
    assert reason_of(told[:2]) == "a.b"
    assert reason_of([]) == ""


def test_one_habit_is_one_item(feed: Feed) -> None:
    """Thirty messages with the same warning open one item, over pages too; all of them are read whole, with the code
    as their reason, so that nobody need be in charge of each. The item tells how to list them."""
    for number in range(1, 31):
        feed.say(number, "A", habit=True)
        if number == 10:
            feed.read()
    feed.read()
    (item,) = items(feed)
    assert (item.reason, item.aggregate, item.aggregate_id, item.where) == (
        "hl7.habit",
        "source",
        SOURCE,
        "IN1-18",
    )
    assert item.fix == f"ask; which messages: hub messages list --source {SOURCE} --reason hl7.habit"
    assert set(feed.stands().values()) == {"read"}
    assert {feed.item(number).reason for number in (1, 30)} == {"hl7.habit"}
    assert feed.applied == [*range(1, 31)]


def test_a_person_has_the_last_word_until_the_next_message(feed: Feed) -> None:
    """A resolved habit stays resolved while nothing new says it; the next message opens it again."""
    feed.say(1, habit=True)
    feed.read()
    with feed.store.begin("admin") as tx:
        assert tx.work.resolve(items(feed)[0].id, "known", "kim")
    feed.say(2)
    feed.read()
    assert items(feed) == []
    feed.say(3, habit=True)
    feed.read()
    assert [one.reason for one in items(feed)] == ["hl7.habit"]


def test_a_notice_is_about_its_message(feed: Feed) -> None:
    """Where money may be missing each message is an item of its own, with its habit beside it; the message is read in
    part until a person has looked."""
    for number in (1, 2):
        feed.say(number, habit=True, notice=True)
    feed.read()
    found = sorted((one.reason, one.aggregate_id) for one in items(feed))
    assert found == sorted(
        [("hl7.habit", SOURCE), ("hl7.notice", feed.item(1).id), ("hl7.notice", feed.item(2).id)]
    )
    assert feed.stands() == {1: "read_in_part", 2: "read_in_part"}
    assert feed.item(1).reason == "hl7.notice hl7.habit"


def test_what_is_not_applied_warns_of_nothing_yet(feed: Feed) -> None:
    """A message that stops its lane is work for its error alone; its habit is told when it is applied. So it is of
    one that waits, and never of a test."""
    feed.say(1, "A", bad=True, habit=True)
    feed.say(2, "A", habit=True)
    feed.say(3, "B", test=True, habit=True)
    feed.read()
    assert feed.work() == {"hl7.poison": 1}
    assert feed.item(1).reason == "hl7.poison"
    feed.healed = {1}
    feed.replay(1)
    feed.read()
    assert feed.work() == {"hl7.habit": 1}


def test_one_that_only_warned_can_be_read_again(feed: Feed) -> None:
    """It is `read`, and a replay reads it anew in its place."""
    feed.say(1, habit=True)
    feed.read()
    feed.replay(1)
    feed.read()
    assert (feed.stands(), feed.again) == ({1: "read"}, [1])


def test_messages_are_listed_by_one_of_their_codes(feed: Feed) -> None:
    """A code finds the messages that have it among others, and no code that only begins like it does."""
    feed.say(1, habit=True)
    feed.say(2, habit=True, notice=True)
    feed.say(3)
    feed.read()
    with feed.store.view() as view:
        some = view.inbox.reasons("hl7.habit", source=SOURCE)
        assert some == ["hl7.habit", "hl7.notice hl7.habit"]
        assert [one.seq for one in view.inbox.newest(9, reason=some)] == [feed.item(2).seq, feed.item(1).seq]
        assert view.inbox.reasons("hl7.hab") == []


def test_a_habit_puts_nobody_in_charge_of_a_message(feed: Feed) -> None:
    """Promise 11 holds while each message that is not applied whole has work of its own, and an open habit of its
    source is no such work.
    """
    for number in (1, 2):
        feed.say(number, habit=True, notice=number == 2)
    feed.read()
    settings = feed.hub.settings
    assert prove(feed.store, settings, only=(11,))[0].exceptions == ()
    with feed.store.begin("admin") as tx:
        assert tx.work.resolve_for(feed.item(2).id, "", "by mistake") == 1
    (found,) = prove(feed.store, settings, only=(11,))[0].exceptions
    assert found.where == f"message {feed.item(2).id}"
