"""Which message of a sender was said later: the version of its facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from hub_hl7_adt.names import MSH
from hub_hl7_adt.wire import Segment

_DIGITS = 32
_TIMELESS = "/"
"""Where no time is told: it sorts below all times."""
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_NAIVE = len("2026-01-31T12:00:00.000000")


def version_of(header: Segment, sent: datetime | None, written: str, zone: ZoneInfo) -> str:
    """When a message was sent (`sent`, in UTC, as the field `written` says), then its sequence number where it has
    one. The version is open (it ends with `/`): of messages that tie, the one that arrived later holds.

    `|` sorts above the `/` that versions of release 0.3 had there (an instant, `/`, MSH-10): a message that was read
    then, and is read again, wins over itself.
    """
    if sent is not None and "-" not in written and "+" not in written:
        sent = _begun(written[:12], zone) or sent
    moment = f"{sent.isoformat(timespec='microseconds')[:_NAIVE]}Z" if sent else _TIMELESS
    return f"{moment}|{_sequence(header)}/"


def _sequence(header: Segment) -> str:
    """MSH-13, else an MSH-10 that is a number; many senders give several messages of one second, or one minute."""
    for position in (MSH.sequence_number, MSH.message_control_id):
        number = header.text(position)
        if number.isascii() and number.isdigit() and len(number) <= _DIGITS and number.strip("0"):
            return number.zfill(_DIGITS)
    return ""


def _begun(minute: str, zone: ZoneInfo) -> datetime | None:
    """When the time began that clocks of `zone` show twice, for a minute (YYYYMMDDhhmm) that is in it: a local time
    without an offset does not say which of the two it means, so all messages of it tie.
    """
    if not _turns(minute[:8], zone):
        return None
    try:
        at = datetime.strptime(minute, "%Y%m%d%H%M").replace(tzinfo=zone)
    except ValueError:
        return None
    if not _twice(at):
        return None
    while _twice(at - _MINUTE):
        at -= _MINUTE
    return at.astimezone(UTC)


@lru_cache(maxsize=2048)
def _turns(day: str, zone: ZoneInfo) -> bool:
    """Whether clocks of `zone` are set on a day (YYYYMMDD) or at its ends: asked first, because few days are such."""
    try:
        noon = datetime.strptime(day, "%Y%m%d").replace(hour=12, tzinfo=zone)
        return (noon - _DAY).utcoffset() != (noon + _DAY).utcoffset()
    except (ValueError, OverflowError):
        return False


def _twice(at: datetime) -> bool:
    first, second = at.utcoffset(), at.replace(fold=1).utcoffset()
    return first is not None and second is not None and first > second


__all__ = ["version_of"]
