"""How each feed does: what came from whom, what was answered, what waits, which lanes stand still, who is silent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from hub.flow.source_lanes import subject
from hub.store.feeds import Hour, hour_of
from hub.store.lanes import HELD
from hub.store.vitals import Row, Vitals
from hub.watch.checks_feeds import stands
from hub.watch.looking import Place

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
_ASKING = "ingest.pull"


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


class Failing(msgspec.Struct, frozen=True, kw_only=True):
    """What does not work at a source: `step` failed `tries` times in a row since an instant, at last for the reason
    `why`, against which `fix` helps. `kind`: `retry` and `bug` are tried again (`next_try`; None: just now), `held`
    waits for a person.
    """

    step: str
    kind: str
    since: datetime
    tries: int
    why: str
    fix: str
    next_try: datetime | None

    @property
    def asking(self) -> bool:
        """Whether the source cannot be asked for what is new; else what came from it cannot be worked on."""
        return self.step == _ASKING


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """One source: `stand` is sends, quiet, silent, learning, not judged or `nothing yet`; where it cannot be asked
    `away` (tried again by itself), `stopped` (a person must mend it) or `in part` (it still sends by itself).
    `failing` says why; `follows` names whom it hears of what to fetch. `unread` messages (2000: or more) wait to be
    read, the oldest since `oldest`; `lanes` stand still with `waiting` messages behind them.
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
    failing: tuple[Failing, ...] = ()
    follows: tuple[str, ...] = ()

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
    troubles: dict[str, list[Row]] = {}
    for row in vitals.lane_troubles():
        troubles.setdefault(subject(row.lane), []).append(row)
    items = vitals.broken_connections(tuple(place.settings.practices))
    begun = {(subject(row.aggregate_id), row.place): row.opened_at for row in items}
    found: list[Health] = []
    for name in sorted({*place.settings.sources, *stood, *_asked(place, troubles)}):
        waits, still, feed = unread.get(name), stopped.get(name), stood.get(name)
        failing = tuple(_failing(row, begun) for row in troubles.get(name, ()))
        peers = tuple(_peers(hours.get(name, []), hour_of(place.now)))
        own = place.settings.connectors.get(name)
        found.append(
            Health(
                source=name,
                stand=_stand(failing, peers) or (feed.stand if feed else "nothing yet"),
                last=feed.last if feed else None,
                missed=feed.missed if feed else 0,
                allowed=feed.allowed if feed else 0,
                unread=waits.count if waits else 0,
                oldest=waits.since if waits else None,
                lanes=still.lanes if still else 0,
                waiting=still.waiting if still else 0,
                lanes_since=still.since if still else None,
                peers=peers,
                failing=failing,
                follows=own.follows if own else (),
            )
        )
    return found


def _asked(place: Place, troubles: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """Connectors that cannot be asked and never told anything: nobody may have named them as sources yet."""
    for name, rows in troubles.items():
        if name in place.settings.connectors and any(row.step == _ASKING for row in rows):
            yield name


def _failing(row: Row, begun: Mapping[tuple[str, str], datetime]) -> Failing:
    """Its work item may be older: a hub that was started anew counts its tries from there."""
    name = subject(row.lane)
    return Failing(
        step=row.step,
        kind=row.kind,
        since=min(row.since, begun.get((name, row.step), row.since)),
        tries=row.attempts,
        why=row.said or f"{row.error} at {row.place}",
        fix=row.fix or f"run: hub connector test {name}",
        next_try=row.retry_at,
    )


def _stand(failing: Sequence[Failing], peers: Sequence[Peer]) -> str:
    """How a source stands that cannot be asked; empty for every other."""
    asking = [one for one in failing if one.asking]
    if not asking:
        return ""
    if any(one.peer and one.last > asking[0].since for one in peers):
        return "in part"
    return "stopped" if any(one.kind == HELD for one in asking) else "away"


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
