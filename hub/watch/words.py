"""The few words that findings share: how long, how many, how much."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.store.vitals import PAGE, Waiting

_MEGABYTE = 1_000_000


def span(time: timedelta) -> str:
    """How long, in its largest unit: `40 s`, `12 min`, `7 h`, `4 days`."""
    seconds = max(int(time.total_seconds()), 0)
    for size, unit in ((2 * 86_400, "days"), (2 * 3_600, "h"), (2 * 60, "min")):
        if seconds >= size:
            return f"{seconds * 2 // size} {unit}"
    return f"{seconds} s"


def at(instant: datetime) -> str:
    """An instant to the minute, in UTC."""
    return f"{instant:%Y-%m-%d %H:%M}Z"


def megabytes(size: int) -> str:
    """Bytes as whole megabytes: `41,000 MB`."""
    return f"{size // _MEGABYTE:,} MB"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 file`, `3 files`, `2,000 or more files`."""
    said = f"{number:,}" if number < PAGE else f"{PAGE:,} or more"
    return f"{said} {one if number == 1 else many or one + 's'}"


def waiting(one: Waiting, now: datetime, what: str) -> str:
    """`3 files, the oldest for 7 h`."""
    return f"{counted(one.count, what)}, the oldest for {span(now - one.since)}"
