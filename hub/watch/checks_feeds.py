"""Checks of feeds: whether each source still sends as it is used to, and the work that its silence is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from hub.config.settings import Settings
from hub.flow.base import Hub
from hub.model.work import WorkItem
from hub.store import Tx
from hub.store.notices import Condition
from hub.store.schema import EPOCH
from hub.store.vitals import Vitals
from hub.watch.catalogue import bad, good
from hub.watch.feed_habit import HOUR, MISSED, WEEKS, Habit, learn, missed
from hub.watch.looking import Findings, Place, living
from hub.watch.words import at, span

CODE = "feed.silent"
Stand = Literal["sends", "quiet", "silent", "learning", "not judged"]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """How a source stands: `last` is its last message, `missed` how many usual hours passed without one, `allowed`
    how many may; both are 0 where a fixed limit, or none, holds.
    """

    source: str
    stand: Stand
    last: datetime
    missed: int = 0
    allowed: int = 0


def silence(place: Place, vitals: Vitals) -> Findings:
    """Sources that send nothing although it is their habit at this hour."""
    feeds = stands(place, vitals)
    silent = [one for one in feeds if one.stand == "silent"]
    for one in silent:
        habit = f"; {one.missed} usual hours without one, {one.allowed} are no alarm" if one.allowed else ""
        what = f"{one.source}: no message since {at(one.last)}, for {span(place.now - one.last)}{habit}"
        yield bad(CODE, one.source, what, name=one.source)
    if not silent:
        yield good(CODE, "", f"feeds: {len(feeds)}, none is silent against its habit")


def stands(place: Place, vitals: Vitals) -> list[Feed]:
    """How each source stands that has ever sent something, and is still configured."""
    wanted = [name for name, one in place.settings.connectors.items() if one.enabled]
    found = vitals.feeds_last(wanted, place.now - MISSED * HOUR)
    up = _since_up(place, vitals) if found else place.now
    return [_stand(place, vitals, source, last, up) for source, last in sorted(found.items())]


def _stand(place: Place, vitals: Vitals, source: str, last: datetime, up: datetime) -> Feed:
    limit, now = silent_after(place.settings, source), place.now
    if limit is not None:
        late = now - max(last, up) > limit
        return Feed(source=source, stand=("silent" if late else "sends") if limit else "not judged", last=last)
    if now - last < MISSED * HOUR:
        return Feed(source=source, stand="sends", last=last)
    zone = zone_of(place.settings, source)
    habit = learn(vitals.feed_hours(source, last - WEEKS - HOUR), zone)
    return _judged(source, last, habit, missed(habit, max(last, up), now, zone))


def _judged(source: str, last: datetime, habit: Habit, number: int) -> Feed:
    if not habit.known:
        return Feed(source=source, stand="learning", last=last)
    stand: Stand = "silent" if number >= habit.allowed else "quiet"
    return Feed(source=source, stand=stand, last=last, missed=number, allowed=habit.allowed)


def _since_up(place: Place, vitals: Vitals) -> datetime:
    """Since when somebody could have heard a message: what nobody listened to is not silence of the sender."""
    return min((one.started_at for one in living(place, vitals)), default=EPOCH)


def silent_after(settings: Settings, source: str) -> timedelta | None:
    """The fixed limit of a source; none at all where it goes by its habit, zero where nothing is to be said."""
    own = settings.sources.get(source)
    return None if own is None or own.silent_after_hours is None else timedelta(hours=own.silent_after_hours)


def zone_of(settings: Settings, source: str) -> ZoneInfo:
    """The zone of a source: its own, else the hub's."""
    own = settings.sources.get(source)
    return ZoneInfo((own.zone if own else None) or settings.hub.zone)


def keep_work(tx: Tx, hub: Hub, changed: Iterable[Condition], before: Iterable[str]) -> None:
    """A silence that begins is work for IT; one that ends closes its item. `before` are the keys that were open: of
    an item that a person closed meanwhile no second one is opened.
    """
    known = set(before)
    for one in changed:
        source = one.key.partition(":")[2]
        if one.code != CODE or not source:
            continue
        if one.open and one.key not in known:
            tx.work.open(_item(source), practice=hub.settings.practice_of(source))
        elif not one.open and one.key in known:
            tx.work.resolve_for(source, CODE, "messages come again", "hub")


def _item(source: str) -> WorkItem:
    return WorkItem(
        reason="feed.silent",
        aggregate="connector",
        aggregate_id=source,
        why="the source sends nothing, against its habit at this hour of the week or beyond its limit",
        fix=f"run: hub feeds show {source}; hub connector test {source}; ask who runs the sender whether its queue "
        "stands",
        where="feed.silent",
        owner="it",
    )
