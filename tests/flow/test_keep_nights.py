"""Nights that go wrong and mend by themselves: a full disk, a clock that was ahead, left-over databases."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flowlab.house import House
from flowlab.keeper import KEYRING, place_of
from sqlalchemy import make_url, text

from hub.clock import TurnedClock
from hub.errors import RetryLater
from hub.flow.base import Hub
from hub.keep import tidy as tidying
from hub.keep.backup import back_up
from hub.keep.drill import drill
from hub.keep.place import Place
from hub.keep.steps import STEPS
from hub.store import open_store, pg_tools
from hub.store.notices import Condition
from hub.store.queries import SLICE


@pytest.fixture
def place(made_sqlite_url: str, clock: TurnedClock, tmp_path: Path) -> Iterator[Place]:
    """The keeper's view of an empty practice."""
    store = open_store(made_sqlite_url, KEYRING, clock)
    yield place_of(House(store, clock), tmp_path)
    store.close()


def hub_of(place: Place) -> Hub:
    """What the steps of a night are given."""
    house = House(place.store, place.clock)  # type: ignore[arg-type]
    route = place.settings.route.model_copy(update={"default": "", "payers": {}})
    vendor = place.settings.print.model_copy(update={"vendor": ""})
    known = place.settings.model_copy(update={"print": vendor, "mailboxes": {}, "route": route})
    return dataclasses.replace(house.hub, folder=place.folder, settings=known)


def test_a_backup_that_found_no_room_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What passes by itself is work at once and goes back to the runner, which backs off; the next try that goes
    well ends the work."""
    with monkeypatch.context() as patched:
        patched.setattr("hub.keep.backup.size_of", lambda _url: 1 << 60)
        with pytest.raises(RetryLater, match="not enough disk"):
            STEPS["keep.backup"](hub_of(place), "hub")
    with place.store.view() as view:
        assert view.work.count(reason="backup.failed") == 1
    assert STEPS["keep.backup"](hub_of(place), "hub").done == 1
    with place.store.view() as view:
        assert view.work.count(reason="backup.failed") == 0


def test_a_backup_that_a_person_must_mend_waits_for_its_next_slot(place: Place) -> None:
    """A folder that cannot be written to does not mend by itself: work, and no try again and again."""
    place.backups.write_text("a file where the folder should be")
    assert STEPS["keep.backup"](hub_of(place), "hub").done == 0
    with place.store.view() as view:
        assert view.work.count(reason="backup.failed") == 1


def test_a_backup_of_a_clock_that_was_ahead_does_not_hide_later_ones(place: Place, clock: TurnedClock) -> None:
    """The drill tries the newest backup that is not dated ahead; one that is only where there is no other."""
    clock.turn(timedelta(days=400))
    ahead = back_up(place)
    clock.turn(-timedelta(days=400))
    assert drill(place).backup.id == ahead.id
    true = back_up(place)
    assert drill(place).backup.id == true.id


def test_the_planner_is_looked_after_also_when_old_rows_went(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every night prunes something; after the last slice the database still looks after itself, and not before."""
    ran: list[str] = []
    monkeypatch.setattr(tidying.copies, "tidy", ran.append)
    monkeypatch.setattr(tidying, "prune_schedules", lambda *_: 50_000)
    assert not STEPS["keep.tidy"](hub_of(place), "hub").more
    assert ran == [place.url]
    monkeypatch.setattr(tidying, "prune", lambda *_: {"notices": SLICE})
    assert STEPS["keep.tidy"](hub_of(place), "hub").more
    assert ran == [place.url]


def test_a_backup_sweeps_what_a_drill_left_on_the_server(
    made_pg_url: str, clock: TurnedClock, tmp_path: Path
) -> None:
    """A drill that lost its server leaves a whole second database there: the next backup drops it, and no other."""
    store = open_store(made_pg_url, KEYRING, clock)
    place = place_of(House(store, clock), tmp_path)
    ours = make_url(made_pg_url).database
    left, other = f"{ours}_drill_0123abcd", f"{ours}_drill_kept"
    with pg_tools.connected(made_pg_url) as connection:
        for name in (left, other):
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        back_up(place)
        names = set(connection.scalars(text("SELECT datname FROM pg_database")))
        connection.execute(text(f'DROP DATABASE "{other}"'))
    store.close()
    assert other in names
    assert left not in names


def test_old_history_goes_by_the_rules_of_its_owners(place: Place, clock: TurnedClock) -> None:
    """A night forgets old runs, and conditions that are over, but never one whose end nobody was told; nodes that
    have gone fade after a day."""
    with place.store.begin("runner.take") as tx:
        run = tx.lanes.open_run("x", "a", "one", tx.lanes.take("x"))
        tx.lanes.close_run(run, "ok", 1)
        tx.nodes.arrive("one", ("worker",), "1")
        for key, heard in (("disk.low:told", "clear"), ("disk.low:untold", "open")):
            told: dict[str, Any] = {"owner": "it", "level": "alarm", "what": "disk", "why": "full", "fix": "room"}
            told |= {"since": tx.now, "seen_at": tx.now, "cleared_at": tx.now}
            tx.conditions.put(Condition(key=key, heard=heard, **told))
    clock.turn(timedelta(days=500))
    assert STEPS["keep.tidy"](hub_of(place), "hub").done == 3
    with place.store.view() as view:
        assert view.lanes.runs() == []
        assert view.nodes.all(timedelta(days=1000)) == []
        assert set(view.conditions.known(view.now - timedelta(days=1000))) == {"disk.low:untold"}
