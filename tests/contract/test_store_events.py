"""The event log on both databases: committed with its cause, sealed in order, every edit of it seen."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.clock import TurnedClock
from hub.store import Store


def log(store: Store, *ids: str, **detail: Any) -> None:
    """One transaction that logs one event for each id."""
    with store.begin("admin") as tx:
        for one in ids:
            tx.event("claim.made", "claim", one, practice="east", actor="claims.make", **detail)


def _log_and_fail(store: Store) -> None:
    with store.begin("admin") as tx:
        tx.event("claim.made", "claim", "clm_0", practice="east")
        raise ZeroDivisionError


def positions(store: Store, after: int = 0) -> list[tuple[int, str]]:
    """What a reader sees behind `after`."""
    with store.view() as view:
        return [(event.position, event.aggregate_id) for event in view.events.after(after)]


def test_an_event_lives_and_dies_with_its_transaction(store: Store) -> None:
    """What was rolled back never happened; what was committed is there with all that was said."""
    with pytest.raises(ZeroDivisionError):
        _log_and_fail(store)
    with store.begin("admin") as tx:
        event_id = tx.event(
            "held", "claim", "clm_1", practice="east", version=2, actor="scrub", cause="evt_1", rule="a.b", n=3
        )
    with store.view() as view:
        (found,) = view.events.find()
    assert (found.id, found.at, found.version, found.cause) == (event_id, store.clock.now(), 2, "evt_1")
    assert (found.detail, found.actor, found.position) == ({"rule": "a.b", "n": 3}, "scrub", 0)


def test_own_events_are_seen_before_the_commit(store: Store) -> None:
    """A transaction that asks for the history finds what it logged itself, and logs it once."""
    with store.begin("admin") as tx:
        tx.event("claim.made", "claim", "clm_1", practice="east")
        assert tx.events.tally() == {"claim.made": 1}
        assert tx.events.tally("aggregate_id", kind=["claim.made", "x"]) == {"clm_1": 1}
    with store.view() as view:
        assert len(view.events.find(kind="claim.made")) == 1


def test_detail_is_short_and_plain(store: Store) -> None:
    """Floats, structures and long texts are refused: detail holds codes, counts and our own ids."""
    for value in (1.5, ["a"], None, "x" * 201):
        with pytest.raises(TypeError), store.begin("admin") as tx:
            tx.event("x", "claim", "clm_1", practice="east", it=value)  # type: ignore[arg-type]


def test_a_view_cannot_log(store: Store) -> None:
    """An event that no commit would write is refused instead of forgotten."""
    with store.view() as view, pytest.raises(TypeError):
        view.events.add("x", "claim", "clm_1", practice="east")


def test_sealed_in_gapless_order(store: Store) -> None:
    """The sealer gives positions 1, 2, 3 ... in batches, readers see sealed events only, the tail is reported."""
    log(store, *[f"clm_{n}" for n in range(5)])
    assert positions(store) == []
    assert store.open_tail().count == 5
    assert [store.seal(3), store.seal(3), store.seal(3)] == [3, 2, 0]
    assert positions(store) == [(n + 1, f"clm_{n}") for n in range(5)]
    assert positions(store, after=3) == [(4, "clm_3"), (5, "clm_4")]
    assert store.open_tail().since is None
    assert store.verify_chain().checked == 5
    assert store.verify_chain().faults == ()


def test_the_tail_says_how_old_it_is(store: Store, clock: TurnedClock) -> None:
    """The oldest unsealed event's time is told, so that a sealer that stopped is noticed."""
    began = clock.now()
    log(store, "clm_1")
    clock.turn(timedelta(seconds=30))
    log(store, "clm_2")
    assert store.open_tail().since == began


def test_many_events_at_once(store: Store) -> None:
    """Thousands of events of one transaction arrive whole and verify across pages."""
    log(store, *[f"clm_{n}" for n in range(4_500)])
    while store.seal(2_000):
        pass
    chain = store.verify_chain()
    assert (chain.checked, chain.position, chain.faults) == (4_500, 4_500, ())


def test_a_late_commit_is_never_skipped(store: Store) -> None:
    """An event with a lower number that commits after others were sealed and read comes behind them."""
    began, go, done = threading.Event(), threading.Event(), threading.Event()

    def late() -> None:
        with store.begin("admin") as tx:
            tx.event("claim.made", "claim", "late", practice="east")
            tx.flush()
            began.set()
            assert go.wait(60)
        done.set()

    writer = threading.Thread(target=late)
    writer.start()
    assert began.wait(60)
    if store.dialect == "postgresql":  # SQLite lets no second writer in: there the rule holds by itself
        log(store, "early")
        assert store.seal() == 1
        assert positions(store) == [(1, "early")]
    go.set()
    assert done.wait(60)
    writer.join(60)
    store.seal()
    expected = ["early", "late"] if store.dialect == "postgresql" else ["late"]
    assert [name for _, name in positions(store)] == expected
    assert store.verify_chain().faults == ()


def test_two_sealers_make_one_chain(store: Store) -> None:
    """Sealers that run at the same time take turns; the chain has no gap and no fork."""
    log(store, "clm_0")
    store.seal()
    log(store, *[f"clm_{n}" for n in range(1, 200)])
    sealers = [threading.Thread(target=lambda: [store.seal(20) for _ in range(6)]) for _ in range(2)]
    for one in sealers:
        one.start()
    for one in sealers:
        one.join(60)
    chain = store.verify_chain()
    assert (chain.checked, chain.position, chain.faults) == (200, 200, ())


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE events SET actor = 'other'",
        "UPDATE events SET position = 9 WHERE position = 1",
        "UPDATE events SET hash = '' WHERE position = 1",
        "DELETE FROM events",
    ],
)
def test_the_database_refuses_to_edit(store: Store, damage: str) -> None:
    """An event's wording can never be changed, its place only be given once, and no event deleted."""
    log(store, "clm_1")
    store.seal()
    with pytest.raises(DBAPIError, match="append only"), store.begin("admin") as tx:
        tx.session.conn.execute(text(damage))


@pytest.mark.parametrize(
    ("damage", "position"),
    [
        (["UPDATE events SET detail = '{}' WHERE position = 2"], 2),
        (["UPDATE events SET at = at - 1 WHERE position = 2"], 2),
        (["DELETE FROM events WHERE position = 2"], 3),
        (["DELETE FROM events WHERE position = 1"], 2),
        (["DELETE FROM events WHERE position = 4"], 3),
        (
            [
                "UPDATE events SET position = 99 WHERE position = 2",
                "UPDATE events SET position = 2 WHERE position = 3",
                "UPDATE events SET position = 3 WHERE position = 99",
            ],
            2,
        ),
    ],
    ids=["edit", "time", "delete", "delete-first", "delete-last", "reorder"],
)
def test_damage_behind_the_triggers_is_named(store: Store, damage: list[str], position: int) -> None:
    """Whoever drops the triggers and edits, deletes or reorders sealed events is seen at the first place."""
    log(store, *[f"clm_{n}" for n in range(4)], n=3)
    store.seal()
    with store.begin("admin") as tx:
        for what in ("edit", "reseal", "delete"):
            on = " ON events" if store.dialect == "postgresql" else ""
            tx.session.conn.execute(text(f"DROP TRIGGER events_refuses_{what}{on}"))
        for statement in damage:
            tx.session.conn.execute(text(statement))
    assert store.verify_chain().faults[0].position == position
