"""Many arrivals at once: each is told what it is, the store holds each once, and hours of feeds add up."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.clock import TurnedClock
from hub.store import Store
from hub.store.arrivals import Arrival, Taken, Taking, prepare
from hub.store.feeds import Hour, hour_of
from hub.store.inbox import INBOX_ACKS

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SOURCES = count()


def arrival(external: str, body: bytes, *, once: bool = False) -> Arrival:
    """One message."""
    return Arrival(content_type="hl7v2", external=external, body=body, once=once)


def take(store: Store, *arrivals: Arrival, source: str = "adt") -> list[Taken]:
    """Put them in the inbox, in one transaction."""
    ready = prepare(store.keys, store.clock, arrivals)
    with store.begin("ingest.receive") as tx:
        found = tx.inbox.take(ready, practice="lakeside", source=source, kind="message")
        tx.inbox.ack(*(one.seq for one in found if one.seq))
    return found


def stored(store: Store, source: str = "adt") -> list[bytes]:
    """What the inbox holds of a source, in its order."""
    with store.view() as view:
        return [view.blobs.content(row.blob_id) for row in view.inbox.find(source=source)]


def test_each_is_stored_once_in_its_order(store: Store) -> None:
    """New ones stand in the order of arrival, a repeat in the same batch or later is known by the same number, and
    what is told is journalled.
    """
    first = take(store, arrival("2", b"b"), arrival("1", b"a"), arrival("2", b"b"))
    assert [one.verdict for one in first] == ["new", "new", "known"]
    assert first[0].seq == first[2].seq < first[1].seq
    again = take(store, arrival("3", b"c"), arrival("1", b"a"))
    assert [one.verdict for one in again] == ["new", "known"]
    assert again[1].seq == first[1].seq
    assert stored(store) == [b"b", b"a", b"c"]
    with store.view() as view:
        told = list(view.session.conn.scalars(select(INBOX_ACKS.c.seq).order_by(INBOX_ACKS.c.no)))
        assert told == [one.seq for one in (*first, *again)]
        assert view.inbox.acks_without_item() == []


def test_the_same_id_with_other_bytes(store: Store) -> None:
    """Other bytes under a known id are another message, unless ids are used once: then they are refused, whether the
    first ones are in the store or in the same batch, and the neighbours are taken.
    """
    found = take(
        store,
        arrival("1", b"a", once=True),
        arrival("1", b"b", once=True),
        arrival("1", b"c"),
        arrival("2", b"d", once=True),
        arrival("1", b"a", once=True),
    )
    assert [one.verdict for one in found] == ["new", "refused", "new", "new", "known"]
    assert found[1].seq == 0
    later = take(store, arrival("1", b"e", once=True), arrival("1", b"c", once=True), arrival("9", b"f"))
    assert [one.verdict for one in later] == ["refused", "known", "new"]
    assert stored(store) == [b"a", b"c", b"d", b"f"]


def test_ids_belong_to_their_source(store: Store) -> None:
    """Two sources may use the same id, and what has no id is known by its bytes."""
    bare = arrival("", b"x", once=True)
    assert [one.verdict for one in take(store, bare, arrival("", b"y", once=True), bare)] == [
        "new",
        "new",
        "known",
    ]
    assert [one.verdict for one in take(store, arrival("1", b"x", once=True), bare)] == ["new", "known"]
    assert [one.verdict for one in take(store, bare, arrival("1", b"z", once=True), source="b")] == ["new", "new"]


def test_what_is_larger_than_a_chunk(store: Store) -> None:
    """A message of several chunks is stored whole between small ones, and is known again."""
    large = bytes(range(256)) * 5_000
    found = take(store, arrival("1", b"a"), arrival("2", large), arrival("3", b""))
    assert [one.verdict for one in found] == ["new"] * 3
    assert stored(store) == [b"a", large, b""]
    assert take(store, arrival("2", large))[0] == Taken(seq=found[1].seq, verdict="known")
    with store.view() as view:
        assert [view.blobs.verify(row.blob_id) for row in view.inbox.find()] == [None] * 3


def test_several_pages(store: Store) -> None:
    """More than a statement holds is taken in pages: a repeat on a later page is known."""
    many = [arrival(str(n % 700), b"%d" % (n % 700)) for n in range(1_201)]
    found = take(store, *many)
    assert [one.verdict for one in found] == ["new"] * 700 + ["known"] * 501
    assert len(stored(store)) == 700
    assert [one.seq for one in found[:501]] == [one.seq for one in found[700:]]


def test_a_sender_whose_ids_are_all_the_same(store: Store) -> None:
    """What stands under an id is never read whole: some senders give every message the same one."""
    read: list[int] = []
    kept = Taking._rows

    def counted(self: Taking, sql: str, wanted: list[tuple[str, ...]]) -> dict[tuple[str, str], int]:
        found = kept(self, sql, wanted)
        read.append(len(found))
        return found

    take(store, *[arrival("1", b"%d" % n) for n in range(50)])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Taking, "_rows", counted)
        found = take(store, arrival("1", b"7"), arrival("1", b"new"), arrival("1", b"other", once=True))
    assert [one.verdict for one in found] == ["known", "new", "refused"]
    assert sum(read) == 1


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(["", "1", "2"]), st.sampled_from([b"a", b"b", b"c"]), st.booleans())),
        max_size=4,
    )
)
def test_a_batch_is_as_one_by_one(store: Store, batches: list[list[tuple[str, bytes, bool]]]) -> None:
    """However messages are gathered, each is told what it would be told alone."""
    known: dict[str, set[bytes]] = {}
    source = f"source{next(SOURCES)}"
    for batch in batches:
        expected = []
        for external, body, once in batch:
            there = known.setdefault(external, set())
            refused = once and bool(external) and bool(there) and body not in there
            expected.append("known" if body in there else "refused" if refused else "new")
            if not refused:
                there.add(body)
        arrivals = [arrival(external, body, once=once) for external, body, once in batch]
        assert [one.verdict for one in take(store, *arrivals, source=source)] == expected


@pytest.fixture
def began(clock: TurnedClock) -> Hour:
    """An hour of a feed of which something was counted."""
    now = clock.now() + 5 * MINUTE
    return Hour(
        practice="lakeside",
        source="adt",
        peer="10.0.0.7",
        hour=hour_of(now),
        messages=3,
        repeats=1,
        bytes=900,
        accepted=3,
        slowest_ms=12,
        began_at=now,
        ended_at=now + MINUTE,
    )


def test_hours_add_up(store: Store, clock: TurnedClock, began: Hour) -> None:
    """What is counted twice for one peer and hour stands in one row: sums, the slowest, the first and the last."""
    other = Hour(
        practice="lakeside",
        source="adt",
        peer="10.0.0.7",
        hour=began.hour,
        messages=2,
        failed=1,
        rejected=1,
        bytes=100,
        slowest_ms=7,
        began_at=began.began_at - MINUTE,
        ended_at=began.began_at,
    )
    with store.begin("ingest.receive") as tx:
        tx.feeds.add([began])
    with store.begin("ingest.receive") as tx:
        tx.feeds.add([other])
        tx.feeds.add([])
    with store.view() as view:
        assert view.feeds.hours(began.hour) == [began.plus(other)]
        assert view.feeds.hours(began.hour, "oru") == []
        assert view.feeds.hours(began.hour + HOUR) == []
    both = began.plus(other)
    assert (both.messages, both.bytes, both.slowest_ms) == (5, 1_000, 12)
    assert (both.began_at, both.ended_at) == (other.began_at, began.ended_at)


def test_what_is_pulled_is_counted_now(store: Store, clock: TurnedClock) -> None:
    """A source that is asked counts by the hour too; nothing that came is no hour."""
    for messages in (2, 0, 1):
        with store.begin("ingest.receive") as tx:
            tx.feeds.count(practice="lakeside", source="files", messages=messages, size=10 * messages)
        clock.turn(HOUR)
    with store.view() as view:
        found = view.feeds.hours(clock.now() - 5 * HOUR, "files")
    assert [(one.messages, one.bytes, one.peer) for one in found] == [(2, 20, ""), (1, 10, "")]
    assert [one.hour for one in found] == [clock.now() - 3 * HOUR, clock.now() - HOUR]
