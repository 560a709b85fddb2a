"""Units that wait to be asked for again, each by itself, with growing pauses."""

from __future__ import annotations

from datetime import timedelta

from hub_ehr_fhir.pull.cursors import Late, PullCursor
from hub_ehr_fhir.pull.links import DIRECTORY
from hub_ehr_fhir.pull.times import instant, written
from hub_ehr_fhir.pull.turn import Turn

_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
_MOST = 1_000


def tries_of(cursor: PullCursor, unit: str) -> int:
    """How often a unit was asked for in vain."""
    return next((one.tries for one in cursor.late if one.unit == unit), 0)


def wait(cursor: PullCursor, turn: Turn, unit: str, tries: int) -> None:
    """It was asked for in vain once more: it waits twice as long as before."""
    pause = min(_FIRST_WAIT * 2 ** min(tries, 20), _LONGEST_WAIT)
    cursor.late = [one for one in cursor.late if one.unit != unit]
    cursor.late.append(Late(unit=unit, tries=tries + 1, at=written(turn.now + pause)))


def expect(cursor: PullCursor, turn: Turn, key: str) -> None:
    """Someone or some place that a visit names and that the server does not know yet: asked for by itself, since
    nothing of the visit changes when it comes.
    """
    waits = len(cursor.late) < _MOST and all(one.unit != key for one in cursor.late)
    if waits and key.partition("/")[0] in DIRECTORY:
        cursor.late.append(Late(unit=key, at=written(turn.now + _FIRST_WAIT)))


def passed(text: str, turn: Turn) -> bool:
    """Whether the time is over (or was written by a clock that went wrong)."""
    at = instant(text)
    return at is None or at <= turn.now or at > turn.now + 2 * _LONGEST_WAIT
