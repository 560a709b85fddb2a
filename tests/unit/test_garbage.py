"""A process that stays looks for garbage less often, and still finds it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from hub import garbage


class Ring:
    """Something that refers to itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def settled() -> Iterator[None]:
    """The interpreter as `settle` leaves it, and afterwards as it was."""
    before = gc.get_threshold()
    garbage.settle()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("settled")
def test_what_lived_at_the_start_is_not_looked_at() -> None:
    """What is loaded when the process settles is frozen: no look goes over it again."""
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold() == garbage.LOOK_AFTER


@pytest.mark.usefixtures("settled")
def test_what_refers_to_itself_is_still_freed() -> None:
    """A circle that nobody holds is freed as objects come to stay, without a call for it."""
    ring = weakref.ref(Ring())
    assert ring() is not None
    kept = [[] for _ in range(2 * garbage.LOOK_AFTER[0])]  # type: list[list[int]]
    assert ring() is None
    assert len(kept) == 2 * garbage.LOOK_AFTER[0]
