"""When exports are asked for: turns that are counted from a fixed moment, by the clock on the wall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hub_ehr_fhir.settings_bulk import BulkSettings

_FIRST = datetime(2000, 1, 1)  # noqa: DTZ001 - a time of the wall's clock


def turn(settings: BulkSettings, zone: ZoneInfo, now: datetime) -> int:
    """The number of the turn that `now` (aware) lies in; it grows by one every `every_hours`, at `start_at` local
    time, also over the nights when clocks change.
    """
    hours, minutes = (int(part) for part in settings.start_at.split(":"))
    since = now.astimezone(zone).replace(tzinfo=None) - _FIRST - timedelta(hours=hours, minutes=minutes)
    return since // timedelta(hours=settings.every_hours)


def begins(settings: BulkSettings, zone: ZoneInfo, turn_: int) -> datetime:
    """When a turn begins, aware."""
    hours, minutes = (int(part) for part in settings.start_at.split(":"))
    wall = _FIRST + timedelta(hours=hours + turn_ * settings.every_hours, minutes=minutes)
    return wall.replace(tzinfo=zone).astimezone(UTC)


def written(at: datetime) -> str:
    """An aware time as cursors keep it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def read(text: str) -> datetime | None:
    """The time that a cursor keeps; None where it keeps none."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
