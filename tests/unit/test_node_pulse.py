"""The pulse of a node: a database that does not even say no is noticed all the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hub.errors import StoreAway
from hub.node import pulse
from hub.node.pulse import Pulse

PATIENCE_SECONDS = 60.0


class Heard:
    """What the pulse says of the store."""

    def __init__(self) -> None:
        self.said: list[bool] = []
        self._changed = threading.Condition()

    def __call__(self, there: bool) -> None:
        with self._changed:
            self.said.append(there)
            self._changed.notify_all()

    def until(self, there: bool) -> bool:
        """Whether that is said in time, as the last word."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self.said) and self.said[-1] is there, PATIENCE_SECONDS)


class Database:
    """A database that can be made to hang."""

    def __init__(self) -> None:
        self.goes = threading.Event()
        self.entered = threading.Event()

    def beat(self) -> None:
        """A beat that lasts as long as the database wants."""
        self.entered.set()
        self.goes.wait()


@contextmanager
def beating(database: Database, heard: Heard, swept: threading.Event | None = None) -> Iterator[Pulse]:
    """A pulse on this database."""
    one = Pulse(
        beat=database.beat,
        seal=lambda: None,
        sweep=(swept or threading.Event()).set,
        also=lambda: None,
        alone=None,
        on_lost=lambda _taken: None,
        on_store=heard,
    )
    one.start()
    try:
        yield one
    finally:
        database.goes.set()
        assert one.end(PATIENCE_SECONDS)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks and beats follow each other at once."""
    monkeypatch.setattr(pulse, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(pulse, "HUNG_SECONDS", 0.05)
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0.01)


def test_a_database_that_hangs_is_away() -> None:
    """While a beat waits in the database it is said to be away, though nothing was refused; when the beat comes back
    it is there, and what waited is swept.
    """
    database, heard, swept = Database(), Heard(), threading.Event()
    with beating(database, heard, swept):
        assert heard.until(False)
        database.goes.set()
        assert heard.until(True)
        assert swept.wait(PATIENCE_SECONDS)


def test_a_pulse_that_hangs_for_good_is_not_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watchdog is fed while something ends now and then; a process in which nothing does is not up."""
    database, heard = Database(), Heard()
    with beating(database, heard) as one:
        assert database.entered.wait(PATIENCE_SECONDS)
        assert one.up
        monkeypatch.setattr(pulse, "GIVE_UP_SECONDS", 0.0)
        assert not one.up


def test_a_database_that_hangs_keeps_no_stop_waiting() -> None:
    """Who ends the pulse is told that it did not end, in the time that it gave."""
    database = Database()
    with beating(database, Heard()) as one:
        assert database.entered.wait(PATIENCE_SECONDS)
        assert not one.end(0.0)


def test_a_database_that_refuses_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused beat is said at once."""
    database, heard = Database(), Heard()

    def refused() -> None:
        raise StoreAway("away")

    monkeypatch.setattr(database, "beat", refused)
    with beating(database, heard):
        assert heard.until(False)
