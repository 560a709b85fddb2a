"""Instants as FHIR writes them, compared and moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


def instant(text: str) -> datetime | None:
    """An instant (R4 `instant` or `dateTime` with a zone) in UTC; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def later(one: str, other: str) -> bool:
    """Whether `one` is a later instant than `other`; False where either cannot be told."""
    first, second = instant(one), instant(other)
    return first is not None and second is not None and first > second


def written(at: datetime) -> str:
    """As a search parameter and a cursor have it: UTC, whole seconds, rounded down."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def before(text: str, by: timedelta) -> str:
    """`by` earlier, not before 1900; text that is no instant stays as it is."""
    at = instant(text)
    return text if at is None else written(max(at, _EARLIEST + by) - by)
