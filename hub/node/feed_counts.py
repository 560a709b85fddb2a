"""What comes and what senders are told, counted in memory by source, peer and hour until it is written."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime

from hub.store.feeds import Hour, hour_of

PEERS = 500
"""So many peers of a source are told apart in an hour; what others send is counted as of `OTHERS`."""
OTHERS = "others"
PEER_LETTERS = 100
YES, ERROR, REJECT = "accepted", "failed", "rejected"
_CODES = {"AA": YES, "CA": YES, "AE": ERROR, "CE": ERROR, "AR": REJECT, "CR": REJECT}
_STATUSES = {"2": YES, "4": REJECT, "5": ERROR}


class FeedCounts:
    """Safe to use from many threads. What is taken to be written and could not be is put back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hours: dict[tuple[str, str, datetime], Hour] = {}
        self._peers: dict[str, tuple[datetime, set[str]]] = {}

    def __bool__(self) -> bool:
        return bool(self._hours)

    def came(
        self,
        practice: str,
        source: str,
        peer: str,
        now: datetime,
        *,
        messages: int,
        repeats: int = 0,
        size: int = 0,
    ) -> None:
        """Messages were stored, or known."""
        counts = {"messages": messages, "repeats": repeats, "bytes": size}
        self._add([self._hour(practice, source, peer, now, counts)])

    def told(
        self,
        practice: str,
        source: str,
        peer: str,
        now: datetime,
        answers: Mapping[str, int],
        slowest_ms: float,
    ) -> None:
        """Senders were answered; a code that is not known counts as one that failed."""
        counts: dict[str, int] = {}
        for code, number in answers.items():
            kind = _CODES.get(code) or _STATUSES.get(code[:1], ERROR)
            counts[kind] = counts.get(kind, 0) + number
        self._add([self._hour(practice, source, peer, now, {**counts, "slowest_ms": round(slowest_ms)})])

    def take(self) -> list[Hour]:
        """Everything so far; it is then counted here no more."""
        with self._lock:
            hours, self._hours = list(self._hours.values()), {}
            return hours

    def put_back(self, hours: Iterable[Hour]) -> None:
        """They could not be written."""
        self._add(hours)

    def _hour(self, practice: str, source: str, peer: str, now: datetime, counts: Mapping[str, int]) -> Hour:
        hour = hour_of(now)
        named = self._named(source, peer, hour)
        return Hour(practice=practice, source=source, peer=named, hour=hour, began_at=now, ended_at=now, **counts)

    def _named(self, source: str, peer: str, hour: datetime) -> str:
        """What a peer is counted as. Each hour begins anew, so that peers of long ago take nobody's place."""
        named = peer[:PEER_LETTERS]
        with self._lock:
            began, known = self._peers.get(source, (hour, set()))
            if began != hour:
                known = set()
            self._peers[source] = (hour, known)
            if named not in known and len(known) >= PEERS:
                return OTHERS
            known.add(named)
        return named

    def _add(self, hours: Iterable[Hour]) -> None:
        with self._lock:
            for one in hours:
                key = (one.source, one.peer, one.hour)
                before = self._hours.get(key)
                self._hours[key] = before.plus(one) if before else one
