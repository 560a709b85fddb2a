"""The only place that knows what time it is; everything else is given a clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time as an aware UTC instant."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)


class TurnedClock:
    """A clock that stands still until it is turned; for tests, the simulated runner and the demo."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware instant")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The instant it was last turned to."""
        return self._now

    def turn(self, by: timedelta) -> datetime:
        """Move forward (or, in tests, back) by `by` and return the new instant."""
        self._now += by
        return self._now

    def turn_to(self, instant: datetime) -> datetime:
        """Move to `instant` (aware) and return it."""
        self._now = instant.astimezone(UTC)
        return self._now


def today(clock: Clock) -> date:
    """The UTC calendar date of `clock`."""
    return clock.now().date()
