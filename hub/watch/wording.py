"""What notices say: in plain words, with codes, counts, times and our own names only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from hub.config.settings import Settings
from hub.store.notices import Condition

SHOWN = 10
"""Conditions of one code that are listed; the rest is counted."""
CODES = 12
"""Codes that are listed in one notice."""
SUBJECT = 150


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A subject and the lines below it."""

    subject: str
    lines: tuple[str, ...]


def called(settings: Settings) -> str:
    """What this hub is called in notices: its practices, and that it is a test where it is."""
    names = list(settings.practices)
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return (shown or "billing hub") + (" (test)" if settings.hub.usage == "T" else "")


def span(time: timedelta) -> str:
    """How long, in its largest unit: `40 s`, `12 min`, `7 h`, `4 days`."""
    seconds = max(int(time.total_seconds()), 0)
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def at(instant: datetime, settings: Settings) -> str:
    """An instant in the hub's own zone: `2026-03-02 09:00 EST`."""
    return f"{instant.astimezone(ZoneInfo(settings.hub.zone)):%Y-%m-%d %H:%M %Z}"


def dollars(cents: int) -> str:
    """`12,300.00`."""
    sign, whole = ("-" if cents < 0 else ""), abs(cents)
    return f"{sign}{whole // 100:,}.{whole % 100:02}"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 alarm`, `3 alarms`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def alert(found: Sequence[Condition], settings: Settings, now: datetime, node: str) -> Said:
    """One alarm, or many in one notice."""
    subject = found[0].what if len(found) == 1 else f"{len(found)} alarms: {_codes(found)}"
    body = _one(found[0], settings, now) if len(found) == 1 else _many(found, settings)
    foot = _foot(settings, node, found, "All that stands open: hub doctor")
    return _said(f"ALARM {subject}", settings, (*body, "", *foot))


def recovered(found: Sequence[Condition], settings: Settings, node: str) -> Said:
    """What is over, and how long it lasted."""
    subject = found[0].what if len(found) == 1 else f"{len(found)} alarms: {_codes(found)}"
    shown = [line for one in found[: SHOWN * 2] for line in _over(one, settings)]
    more = [f"and {len(found) - SHOWN * 2} more"] if len(found) > SHOWN * 2 else []
    return _said(f"OVER {subject}", settings, (*shown, *more, "", *_foot(settings, node, found, "")))


def flapping(one: Condition, settings: Settings) -> str:
    """That it comes and goes, where it does."""
    if not one.flaps or one.flapping_at is None:
        return ""
    return f"it comes and goes: {one.flaps + 1} times since {at(one.flapping_at, settings)}"


def _said(subject: str, settings: Settings, lines: Sequence[str]) -> Said:
    plain = " ".join(f"[{called(settings)}] {subject}".split())
    return Said(subject=plain[:SUBJECT], lines=tuple(lines))


def _one(one: Condition, settings: Settings, now: datetime) -> Iterator[str]:
    yield one.what
    yield f"since {at(one.since, settings)}, for {span(now - one.since)}"
    if one.why:
        yield f"why: {one.why}"
    if one.fix:
        yield f"do: {one.fix}"
    if told := flapping(one, settings):
        yield told


def _many(found: Sequence[Condition], settings: Settings) -> Iterator[str]:
    """By code, so that fifty mailboxes of one clearinghouse are one paragraph."""
    groups: dict[str, list[Condition]] = {}
    for one in found:
        groups.setdefault(one.code, []).append(one)
    for code, same in [*groups.items()][:CODES]:
        yield f"{code}: {counted(len(same), 'alarm')}, the first since {at(min(o.since for o in same), settings)}"
        for one in same[:SHOWN]:
            told = flapping(one, settings)
            yield f"- {one.what}" + (f" ({told})" if told else "")
        if len(same) > SHOWN:
            yield f"- and {len(same) - SHOWN} more"
        if same[0].fix:
            yield f"do: {same[0].fix}"
        yield ""
    if len(groups) > CODES:
        yield f"and {len(groups) - CODES} more kinds"


def _over(one: Condition, settings: Settings) -> Iterator[str]:
    end = one.cleared_at or one.seen_at
    yield f"{one.what} ({one.key})"
    yield f"it lasted {span(end - one.since)}, from {at(one.since, settings)} to {at(end, settings)}"
    if told := flapping(one, settings):
        yield told


def _codes(found: Sequence[Condition]) -> str:
    counts: dict[str, int] = {}
    for one in found:
        counts[one.code] = counts.get(one.code, 0) + 1
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{code} ({count})" if count > 1 else code for code, count in most[:4])


def _foot(settings: Settings, node: str, found: Sequence[Condition], more: str) -> Iterator[str]:
    yield f"hub {called(settings)}" + (f", told by node {node}" if node else "")
    if len(found) == 1:
        yield f"key {found[0].key}"
    if more:
        yield more
