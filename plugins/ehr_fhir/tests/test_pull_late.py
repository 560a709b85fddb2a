"""What becomes visible long after its own time is found by the look that reaches back a day and more."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from fhirlab.pulls import Pull, keys, office, visit, whole
from hub_ehr_fhir.pull import hours


def a_day(pull: Pull, hours_: int = 24, minutes: int = 60) -> int:
    """Looks through so many hours; how many calls went to the server."""
    before = pull.calls
    for _ in range(hours_ * 60 // minutes):
        pull.later(minutes=minutes)
        pull.run()
    return pull.calls - before


@pytest.mark.parametrize(("late", "told_at"), [(3, 0), (23, 4), (23, 20)])
def test_late_by_hours_is_found_within_two_days(late: int, told_at: int) -> None:
    """Whenever it becomes visible, up to `late_hours` after its lastUpdated: it is told, and once."""
    pull = Pull()
    pull.fake.put(*office(), *visit(1))
    a_day(pull, 26, 120)
    a_day(pull, told_at, 120)
    pull.fake.put(*visit(2), at=pull.clock.now() - timedelta(hours=late))
    a_day(pull, 26, 120)
    assert keys(pull.said).count(whole(2)) == 1
    assert keys(pull.said).count(whole(1)) == 1


def test_without_it_late_ones_are_lost() -> None:
    """`late_hours = 0`: what this is for."""
    pull = Pull(late_hours=0)
    pull.fake.put(*office(), *visit(1))
    a_day(pull, 2)
    pull.fake.put(*visit(2), at=pull.clock.now() - timedelta(hours=3))
    a_day(pull, 30)
    assert keys(pull.said) == [whole(1)]


def test_what_is_known_is_not_fetched_again() -> None:
    """The far look costs its pages: visits of the last two days are known by their versions, also those that were
    taken by the very first look.
    """
    pull, plain = Pull(), Pull(late_hours=0)
    for one in (pull, plain):
        one.fake.put(*office(), *(each for n in range(12) for each in visit(n)))
        a_day(one, 10, 150)
        one.fake.put(*(each for n in range(12, 16) for each in visit(n)))
        a_day(one, 40, 200)
    assert pull.calls <= plain.calls + 4
    assert len(pull.said) == len(plain.said) == 16


def test_an_hour_with_too_many_is_not_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a server touched everything within an hour, more than is remembered, none of it comes once more."""
    monkeypatch.setattr(hours, "MOST", 10)
    pull = Pull()
    pull.fake.put(*office(), *(each for n in range(12) for each in visit(n)))
    pull.run()
    first = len(pull.fake.asked)
    a_day(pull, 50, 300)
    assert len(pull.said) == 12
    assert not [path for path in pull.fake.asked[first:] if "_revinclude" in path]


def test_far_looks_are_rare() -> None:
    """One in `late_hours`, whatever `every_seconds` is."""
    pull = Pull()
    pull.fake.put(*office(), *visit(1))
    a_day(pull, 72, 120)
    lowers = [path for path in pull.fake.asked if path.startswith("/fhir/Encounter?") and "_lastUpdated" in path]
    assert len(lowers) > 35
    told = [path.partition("_lastUpdated=ge")[2][:10] for path in lowers]
    backwards = sum(two < one for one, two in pairwise(told))
    assert backwards <= 4
