"""How each feed does: what came from whom, what was answered, what waits, which lanes stand still, who is silent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from hub.store.feeds import Hour, hour_of
from hub.store.vitals import Vitals
from hub.watch.checks_feeds import stands
from hub.watch.looking import Place

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """One sending system of a source (its address or name; empty where it is a folder): `hour` messages came in this
    hour by the clock, `day` in this one and the 23 before, of which `repeats` were known; `accepted`, `failed` and
    `rejected` answers in the same time, and the slowest of them.
    """

    peer: str
    last: datetime
    hour: int
    day: int
    repeats: int
    bytes: int
    accepted: int
    failed: int
    rejected: int
    slowest_ms: int


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """One source: `stand` is sends, quiet, silent, learning, not judged or `nothing yet`; `unread` messages (2000: or
    more) wait to be read, the oldest since `oldest`; `lanes` stand still with `waiting` messages behind them.
    """

    source: str
    stand: str
    last: datetime | None
    missed: int
    allowed: int
    unread: int
    oldest: datetime | None
    lanes: int
    waiting: int
    lanes_since: datetime | None
    peers: tuple[Peer, ...]

    def total(self, name: str) -> int:
        """A count of all peers together."""
        return sum(getattr(one, name) for one in self.peers)


def health(place: Place, vitals: Vitals) -> list[Health]:
    """Every source that is configured as one, or ever sent something; by name."""
    stood = {one.source: one for one in stands(place, vitals)}
    hours: dict[str, list[Hour]] = {}
    for one in vitals.feed_counts(hour_of(place.now) - DAY + HOUR):
        hours.setdefault(one.source, []).append(one)
    unread = {one.place: one for one in vitals.unread()}
    stopped = {one.source: one for one in vitals.stopped_feeds()}
    found: list[Health] = []
    for name in sorted({*place.settings.sources, *stood}):
        waits, still, feed = unread.get(name), stopped.get(name), stood.get(name)
        found.append(
            Health(
                source=name,
                stand=feed.stand if feed else "nothing yet",
                last=feed.last if feed else None,
                missed=feed.missed if feed else 0,
                allowed=feed.allowed if feed else 0,
                unread=waits.count if waits else 0,
                oldest=waits.since if waits else None,
                lanes=still.lanes if still else 0,
                waiting=still.waiting if still else 0,
                lanes_since=still.since if still else None,
                peers=tuple(_peers(hours.get(name, []), hour_of(place.now))),
            )
        )
    return found


def _peers(hours: Sequence[Hour], present: datetime) -> list[Peer]:
    by_peer: dict[str, list[Hour]] = {}
    for one in hours:
        by_peer.setdefault(one.peer, []).append(one)
    return [_peer(peer, by_peer[peer], present) for peer in sorted(by_peer)]


def _peer(peer: str, hours: Sequence[Hour], present: datetime) -> Peer:
    sums = {name: sum(getattr(one, name) for one in hours) for name in _SUMS}
    return Peer(
        peer=peer,
        last=max(one.ended_at for one in hours),
        hour=sum(one.messages for one in hours if one.hour == present),
        day=sum(one.messages for one in hours),
        slowest_ms=max(one.slowest_ms for one in hours),
        **sums,
    )


_SUMS = ("repeats", "bytes", "accepted", "failed", "rejected")
