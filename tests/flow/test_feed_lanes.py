"""Lanes of a feed on both databases: a message that cannot be applied stops its own lane, in order, and no other."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from flowlab.feed import BAD, Feed, encoded
from flowlab.house import SOURCE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.clock import TurnedClock
from hub.errors import HubError, Refused
from hub.flow import ingest, replaying
from hub.flow.ingest import feed_lanes, mending, messages
from hub.store import Keyring, Store, Tx, open_store
from hub.store.raw_due import STOPS, Due


@pytest.fixture
def feed(store: Store, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """The feed, on each database."""
    return Feed(store, clock, monkeypatch)


@pytest.fixture
def cheap(
    made_sqlite_url: str, keyring: Keyring, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Feed]:
    """The feed on SQLite alone, where the database makes no difference."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield Feed(store, clock, monkeypatch)
    store.close()


def test_it_stops_its_own_lane_alone(feed: Feed) -> None:
    """What follows a bad message in its lane waits, in the same page and later; every other lane flows. Nothing of
    the bad one is stored; it is work with its reason and place, and so is none of those that wait."""
    for number, lane in ((1, "A"), (2, "B"), (3, "A"), (4, "B")):
        feed.say(number, lane, bad=number == 1)
    feed.read()
    feed.say(5, "A")
    feed.say(6, "C")
    feed.say(7)
    feed.read()
    assert feed.applied == [2, 4, 6, 7]
    assert feed.stands() == {
        1: "set_aside",
        2: "read",
        3: "blocked",
        4: "read",
        5: "blocked",
        6: "read",
        7: "read",
    }
    with feed.store.view() as view:
        (item,) = view.work.list()
        assert (item.reason, item.where, item.aggregate_id) == ("hl7.poison", "FT1[1]-7", feed.item(1).id)
        assert [(one.lanes, one.waiting) for one in view.held_lanes.standing()] == [(1, 2)]
        (stop,) = view.held_lanes.stops(SOURCE)
        assert (stop.message, stop.state, stop.reason, stop.waiting) == (
            item.aggregate_id,
            "set_aside",
            BAD.code,
            2,
        )


def test_once_it_reads_well_the_rest_follows(feed: Feed) -> None:
    """A replay that reads well opens the lane: what waited is read in order, before what came after; the work is
    closed, and nothing is left in any lane."""
    for number in (1, 2, 3):
        feed.say(number, "A", bad=number == 1)
    feed.read()
    feed.replay(1)
    feed.read()
    assert feed.stands()[1] == "set_aside", "it is as bad as before"
    assert feed.work() == {"hl7.poison": 1}
    feed.healed = {1}
    feed.replay(1)
    feed.say(4, "A")
    feed.read()
    assert feed.applied == [1, 2, 3, 4]
    assert set(feed.stands().values()) == {"read"}
    assert (feed.held(), feed.work()) == (0, {})


def test_an_edit_takes_the_place_of_its_original(feed: Feed) -> None:
    """The mended message is applied before those that waited, though it came later; the original is kept, linked and
    replaced, and who mended it and why is recorded."""
    for number in (1, 2):
        feed.say(number, "A", bad=number == 1)
    feed.read()
    original = feed.item(1)
    feed.say(3, "A")
    edited = feed.edit(1, "A")
    feed.read()
    assert feed.applied == [1, 2, 3]
    with feed.store.view() as view:
        kept = view.inbox.by_id(original.id)
        assert kept is not None
        assert (kept.state, view.blobs.content(kept.blob_id)) == ("replaced", encoded(1, "A", bad=True))
        assert view.held_lanes.links(original.id) == ("", edited)
        assert view.held_lanes.links(edited) == (original.id, "")
        (event,) = view.events.find(kind="message.edited")
        assert (event.actor, event.aggregate_id) == ("kim", original.id)
    assert (feed.held(), feed.work()) == (0, {})


def test_an_edit_that_is_bad_too_is_edited_again(feed: Feed) -> None:
    """An edit that cannot be applied stands where its original stood; an edit of it is one of the original."""
    feed.say(1, "A", bad=True)
    feed.say(2, "A")
    feed.read()
    original = feed.item(1).id
    feed.edit(1, "A", "B", bad=True)
    feed.read()
    assert (feed.applied, feed.held()) == ([], 2)
    feed.say(3, "B")
    last = feed.edit(1, "A", "C")
    feed.read()
    assert feed.applied[0] == 1
    assert sorted(feed.applied) == [1, 2, 3]
    with feed.store.view() as view:
        assert view.held_lanes.links(original) == ("", last)
        states = Counter(one.state for one in view.inbox.find(source=SOURCE))
    assert states == {"replaced": 2, "read": 3}


def test_an_edit_into_another_lane_opens_its_old_one(feed: Feed) -> None:
    """An edit that belongs to another account frees the one that it stood in, and waits where its new one waits."""
    feed.say(1, "B", bad=True)
    feed.say(2, "A", bad=True)
    feed.say(3, "A")
    feed.read()
    feed.edit(2, "B")
    feed.read()
    assert feed.applied == [3]
    assert feed.item(2).state == "blocked"
    feed.skip(1)
    feed.read()
    assert feed.applied == [3, 2]
    assert feed.held() == 0


def test_a_merge_waits_for_both_of_its_lanes(feed: Feed) -> None:
    """A message of two lanes waits until neither is stopped, and both wait for it."""
    feed.say(1, "A", bad=True)
    feed.say(2, "B", bad=True)
    feed.say(3, "A", "B")
    feed.say(4, "A")
    feed.say(5, "B")
    feed.read()
    feed.skip(1)
    feed.read()
    assert feed.applied == []
    feed.healed = {2}
    feed.replay(2)
    feed.read()
    assert feed.applied[:2] == [2, 3]
    assert sorted(feed.applied) == [2, 3, 4, 5]
    assert feed.held() == 0


def test_what_is_read_anew_is_told_so(feed: Feed) -> None:
    """A message that is read again, or mended, says so to the facts, also when it had to wait meanwhile: what it says
    now stands against what was read of it before."""
    feed.say(1, "A")
    feed.say(2, "A")
    feed.say(3, "B", bad=True)
    feed.read()
    assert feed.again == []
    feed.edit(3, "B")
    feed.replay(2)
    feed.read()
    assert (feed.applied, feed.again) == ([1, 2, 2, 3], [2, 3])
    feed.say(4, "C", bad=True)
    feed.say(5, "C")
    feed.read()
    feed.edit(5, "C", breaks=True)
    feed.healed = {4, 5}
    feed.read()
    assert feed.item(5).state == "blocked"
    feed.replay(4)
    feed.read()
    assert feed.again == [2, 3, 4, 5]


def test_let_go_is_recorded(feed: Feed) -> None:
    """A message is let go for a reason that is kept with who did it; it is not used, and its lane flows."""
    feed.say(1, "A", bad=True)
    feed.say(2, "A")
    feed.read()
    with pytest.raises(HubError, match="say why"):
        feed.act(mending.skip, 1, "kim", " ")
    feed.skip(1)
    feed.read()
    assert feed.applied == [2]
    assert feed.item(1).state == "skipped"
    with feed.store.view() as view:
        (event,) = view.events.find(kind="message.skipped")
        assert (event.actor, event.aggregate_id) == ("kim", feed.item(1).id)
        (item,) = view.work.list(open_only=False)
        assert (item.resolved_by, item.how) == ("kim", "let go: sent twice")


def test_one_that_waits_may_be_let_go_or_mended(feed: Feed) -> None:
    """Who waits may go too; an edit of it waits in its place."""
    for number in range(1, 5):
        feed.say(number, "A", bad=number == 1)
    feed.read()
    with pytest.raises(Refused, match="waits behind"):
        feed.replay(3)
    feed.skip(2)
    feed.edit(3, "A", "B")
    feed.say(5, "B")
    feed.read()
    assert feed.applied == [], "what is in the edit's new lane waits for it"
    feed.skip(1)
    feed.read()
    assert feed.applied == [3, 4, 5]


def test_what_a_plugin_breaks_on_stops_nobody(feed: Feed) -> None:
    """A message on which its reader fails has told no lane: it is set aside alone, and is applied when it is read,
    whatever stopped meanwhile."""
    feed.say(1, "A", breaks=True)
    feed.say(2, "A")
    feed.say(3, "B", bad=True)
    feed.say(4, "B", breaks=True)
    feed.read()
    assert (feed.applied, feed.work()) == ([2], {"step.file": 2, "hl7.poison": 1})
    feed.healed = {1, 4}
    feed.replay(1)
    feed.read()
    assert feed.applied == [2, 1]


def test_a_test_message_stops_nothing(feed: Feed) -> None:
    """A message that is only a test neither stops its lane nor waits in it."""
    feed.say(1, "A", bad=True, test=True)
    feed.say(2, "A", bad=True)
    feed.say(3, "A", test=True)
    feed.read()
    assert feed.stands() == {1: "test", 2: "set_aside", 3: "test"}
    assert feed.held() == 1


def test_what_is_past_is_refused(feed: Feed) -> None:
    """What is applied is neither edited nor let go; the same bytes are no edit, nor are bytes that were tried."""
    feed.say(1, "A")
    feed.say(2, "B", bad=True)
    feed.read()
    with pytest.raises(Refused, match="it is read"):
        feed.skip(1)
    with pytest.raises(Refused, match="it is read"):
        feed.edit(1, "B")
    with pytest.raises(Refused, match="the same, byte for byte"):
        feed.edit(2, "B", bad=True)
    feed.edit(2, "C", bad=True)
    feed.read()
    feed.edit(2, "D", bad=True)
    feed.read()
    with pytest.raises(Refused, match="in its place before"):
        feed.edit(2, "C", bad=True)


def test_replaying_all_that_is_set_aside(feed: Feed) -> None:
    """`hub replay set_aside` and `hub replay ID` take the same way: lanes open in order."""
    for number in (1, 2, 3, 4):
        feed.say(number, "A" if number < 3 else "B", bad=number % 2 == 1)
    feed.read()
    feed.healed = {1, 3}
    with feed.store.begin("admin") as tx:
        assert replaying.one(tx, feed.settings, feed.item(1).id, "kim") == "messages"
    with feed.store.begin("admin") as tx:
        assert replaying.set_aside(tx, feed.settings, "", "kim")[0] == 1
    feed.read()
    assert sorted(feed.applied) == [1, 2, 3, 4]
    assert feed.held() == 0


LANES = st.lists(st.sampled_from("ABCD"), min_size=0, max_size=2, unique=True)
DEEDS = st.sampled_from(
    [
        "arrive",
        "arrive",
        "arrive",
        "arrive bad",
        "read",
        "killed before",
        "killed after",
        "replay",
        "edit",
        "skip",
    ]
)


@pytest.mark.campaign
@given(st.lists(st.tuples(DEEDS, LANES, st.integers(0, 30)), max_size=30), st.integers(1, 5))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_no_lane_waits_for_ever_and_none_is_overtaken(
    cheap: Feed, deeds: list[tuple[str, list[str], int]], page: int
) -> None:
    """However messages of one or two lanes come, go bad, and are read again, mended and let go between pages of any
    size, and whoever reads is killed at its commit: each lane is applied in the order of arrival, each message once,
    what waits has something before it at any time, and where no bad one is left none waits."""
    feed = cheap
    feed.applied.clear()
    feed.healed.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages, "CHUNK", page)
        came = _acted(feed, deeds)
        _settled(feed, came)
    shared = [(a, b) for a in came for b in came if a < b and came[a] & came[b]]
    order = {number: index for index, number in enumerate(feed.applied)}
    assert len(order) == len(feed.applied), "applied twice"
    assert [pair for pair in shared if set(pair) <= order.keys() and order[pair[0]] > order[pair[1]]] == []
    assert {state for number, state in feed.stands().items() if number in came} <= {"read", "skipped"}
    assert feed.held() == 0


def _acted(feed: Feed, deeds: list[tuple[str, list[str], int]]) -> dict[int, set[str]]:
    """Do it all; the numbers that came, with their lanes."""
    came: dict[int, set[str]] = {}
    for deed, lanes, which in deeds:
        if deed.startswith("arrive"):
            feed.messages += 1
            came[feed.messages] = set(lanes)
            feed.say(feed.messages, *lanes, bad=deed.endswith("bad"))
        elif deed == "read":
            ingest.read(feed.hub, SOURCE)
        elif deed.startswith("killed"):
            _killed(feed, deed.removeprefix("killed "))
        elif stopped := [number for number in came if feed.item(number).state in {"set_aside", "blocked"}]:
            _mended(feed, deed, stopped[which % len(stopped)], came)
        _each_waits_for_something(feed)
    return came


class _Kill(Exception):
    """The process ends."""


def _killed(feed: Feed, side: str) -> None:
    """Read, and die before the commit or right after it: what was not committed is as if it had not been."""
    known = list(feed.applied)

    def die(*_: object) -> None:
        raise _Kill

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed.store._crash, side, die)
        with suppress(_Kill):
            ingest.read(feed.hub, SOURCE)
    if side == "before":
        feed.applied[:] = known


def _each_waits_for_something(feed: Feed) -> None:
    with feed.store.view() as view:
        waiting = view.inbox.find(source=SOURCE, state="blocked")
        places = set(view.held_lanes.places(waiting).values())
        assert view.held_lanes.ahead(places) == places
        assert {one.state for one in view.held_lanes.stops()} <= {"set_aside", "received"}


def _mended(feed: Feed, deed: str, number: int, came: dict[int, set[str]]) -> None:
    try:
        if deed == "replay":
            feed.replay(number)
        elif deed == "edit":
            feed.edit(number, *sorted(came[number]), test=False)
        else:
            feed.skip(number)
    except Refused:
        pass


def _settled(feed: Feed, came: dict[int, set[str]]) -> None:
    """Heal all that is bad, the last first, and read until nothing moves."""
    feed.healed |= set(came)
    feed.read()
    for number in sorted(came, reverse=True):
        if feed.item(number).state == "set_aside":
            feed.replay(number)
            feed.read()


def test_a_long_lane_flows_in_pages(cheap: Feed) -> None:
    """Hundreds that waited are read page by page in their order, with newer ones behind them."""
    cheap.say(1, "A", bad=True)
    for number in range(2, 260):
        cheap.say(number, "A")
    cheap.read()
    assert cheap.applied == []
    cheap.healed = {1}
    cheap.replay(1)
    cheap.say(260, "A")
    cheap.read()
    assert cheap.applied == list(range(1, 261))
    assert cheap.held() == 0


def test_no_message_waits_for_one_that_is_let_go_at_the_same_moment(
    pg_url: str, keyring: Keyring, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where two processes write at once, a page that is judged while its lane opens waits for that and flows."""
    store = open_store(pg_url, keyring, clock)
    store.create_all()
    feed = Feed(store, clock, monkeypatch)
    feed.say(1, "A", bad=True)
    feed.read()
    feed.say(2, "A")
    asked = threading.Event()
    real = feed_lanes.guarded

    def guarded(tx: Tx, source: str) -> None:
        asked.set()
        real(tx, source)

    reader = threading.Thread(target=feed.read)
    with store.begin("admin") as tx:
        mending.skip(tx, feed.item(1), "kim", "sent twice")
        monkeypatch.setattr(feed_lanes, "guarded", guarded)
        reader.start()
        assert asked.wait(60)
    reader.join(60)
    assert (feed.applied, feed.stands()[2], feed.held()) == ([2], "read", 0)
    store.close()


def test_retention_keeps_what_stops_a_lane(cheap: Feed) -> None:
    """The bytes of a message that stops a lane stay, however old, also when its work was closed by hand; once it is
    let go or replaced they may go like all others."""
    cheap.say(1, "A", bad=True)
    cheap.say(2, "B", bad=True)
    cheap.read()
    with cheap.store.begin("work.resolve") as tx:
        for number in (1, 2):
            tx.work.resolve_for(cheap.item(number).id, "", "seen", "kim")
    blobs = [cheap.item(number).blob_id for number in (1, 2)]
    cheap.clock.turn(timedelta(days=4_000))
    assert kept(cheap, blobs) == {blobs[0]: STOPS, blobs[1]: STOPS}
    cheap.skip(1)
    cheap.edit(2, "B")
    assert kept(cheap, blobs) == {blobs[0]: "", blobs[1]: ""}


def kept(feed: Feed, blobs: list[str]) -> dict[str, str]:
    """Why the bytes of each message are kept; empty: they may go."""
    with feed.store.view() as view:
        due = Due(view.session, view.now, frozenset(), {})
        return {one.blob: one.kept for one in due.again(blobs)}


def test_what_was_purged_is_not_read_again(cheap: Feed) -> None:
    """A message whose bytes are gone is refused plainly: it would stop every page that it stands in."""
    cheap.say(1)
    cheap.read()
    with cheap.store.begin("keep.purge") as tx:
        tx.blobs.bury([cheap.item(1).blob_id], "prg_1")
    with cheap.store.view() as view:
        (item,) = view.inbox.find(source=SOURCE)
    with pytest.raises(Refused, match="purged"), cheap.store.begin("admin") as tx:
        mending.replay(tx, item, "kim")


def test_what_was_purged_holds_up_no_page(cheap: Feed) -> None:
    """Where all that is set aside is read again, what cannot be stays as it is, and the rest is read."""
    cheap.say(1, bad=True)
    cheap.say(2, bad=True)
    cheap.read()
    with cheap.store.begin("keep.purge") as tx:
        tx.blobs.bury([cheap.item(1).blob_id], "prg_1")
    with cheap.store.begin("admin") as tx:
        assert replaying.set_aside(tx, cheap.settings, "", "kim")[0] == 1
    with cheap.store.view() as view:
        assert [item.state for item in view.inbox.find(source=SOURCE)] == ["set_aside", "received"]
