"""Ids sort by the time and the order in which they were asked for, and never repeat."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

from hub.clock import TurnedClock
from hub.store.ids import IdMaker, new_id


def test_an_id_is_its_prefix_and_26_crockford_characters(clock: TurnedClock) -> None:
    """No letter that people confuse: I, L, O and U are not used."""
    assert re.fullmatch(r"clm_[0-9A-HJKMNP-TV-Z]{26}", new_id("clm", clock))


def test_ids_sort_by_time(clock: TurnedClock) -> None:
    """An id of a later millisecond sorts after every earlier one."""
    ids = []
    for _ in range(50):
        ids.append(new_id("clm", clock))
        clock.turn(timedelta(milliseconds=1))
    assert ids == sorted(ids)


def test_a_clock_that_stands_still_still_counts_up(clock: TurnedClock) -> None:
    """Within one millisecond ids keep the order in which they were asked for, from any random start."""
    maker = IdMaker(lambda count: b"\xff" * count)
    ids = [maker.make("clm", clock) for _ in range(1000)]
    assert ids == sorted(set(ids))


def test_two_makers_start_apart(clock: TurnedClock) -> None:
    """Two processes at the same millisecond differ by 79 random bits."""
    assert IdMaker().make("clm", clock) != IdMaker().make("clm", clock)


def test_threads_get_different_ids(clock: TurnedClock) -> None:
    """One maker serves every thread of a process."""
    ids: list[str] = []
    threads = [
        threading.Thread(target=lambda: ids.extend(new_id("x", clock) for _ in range(200))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 800
