"""Visits that are looked at again: on many servers nothing tells that a charge was added after its visit had changed
for the last time.

A visit is asked for again an hour after it was fetched, then two, four, eight hours after, and so on until
`look_again_days` are over; one that is not finished yet every six hours at least, and when it is finished that begins
anew. Where nothing was added it gives the same message, which the inbox knows.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import datetime, timedelta

from hub.plugin.api.ports import State
from hub_ehr_fhir.discover.strategy import Search

KEY = "again"
_ADDED = ("Condition", "Procedure", "ChargeItem", "Immunization")
_HOUR, _DAY = 3_600, 86_400
_OPEN_PAUSE = 6 * _HOUR
_ROW = struct.Struct(">IIHB")
_ENDED = ("finished", "cancelled", "entered-in-error")
_AT_ONCE = 200
_MOST = 50_000


def needed(kind: str, searches: Mapping[str, Search]) -> bool:
    """Whether this strategy does not see what is added to a visit. Going round, every patient comes again."""
    if kind == "incremental":
        return any(one in searches and not searches[one].changed for one in _ADDED)
    return kind == "follow"


class Revisits:
    """When each visit is asked for again: by id, when that began and when it is due, in seconds (0: it was taken off
    to be fetched now), and whether it was not finished. Bounded: those that were fetched longest ago fall out.
    """

    def __init__(self, state: State, days: int) -> None:
        self._state, self._days = state, days
        self._rows: dict[str, tuple[int, int, bool]] | None = None
        self._changed = False

    def since(self, now: datetime) -> str:
        """Visits that were over before this day, and did not change since, are not asked for again."""
        return (now - timedelta(days=self._days)).date().isoformat()

    def fetched(self, name: str, now: datetime, status: object = "finished") -> None:
        """A visit was fetched whole: when it was not due, because something of it changed, and all begins anew."""
        if not self._days:
            return
        at = int(now.timestamp())
        is_open = status not in _ENDED
        began, due, was_open = self.rows.pop(name, (at, at + 1, is_open))
        if due or (was_open and not is_open):
            began = at
        pause = max(_HOUR, at - began)
        due = at + (min(pause, _OPEN_PAUSE) if is_open else pause)
        if due <= began + self._days * _DAY:
            self.rows[name] = (began, due, is_open)
        self._changed = True

    def due(self, now: datetime) -> list[str]:
        """Some that are to be asked for now; they are known to be under way."""
        if not self._days:
            return []
        at = int(now.timestamp())
        names = [name for name, (_, due, _) in self.rows.items() if 0 < due <= at][:_AT_ONCE]
        for name in names:
            self.rows[name] = (self.rows[name][0], 0, self.rows[name][2])
        self._changed |= bool(names)
        return names

    def save(self, now: datetime) -> None:
        """Put what changed into the state, without those whose time is over."""
        if not self._changed:
            return
        first = int(now.timestamp()) - (self._days + 1) * _DAY
        kept = [(name, row) for name, row in self.rows.items() if row[0] >= first][-_MOST:]
        rows = (_ROW.pack(row[0], row[1], len(name.encode()), row[2]) + name.encode() for name, row in kept)
        self._state.put(KEY, b"".join(rows))
        self._changed = False

    @property
    def rows(self) -> dict[str, tuple[int, int, bool]]:
        """Encounter id -> (began, due, not finished)."""
        if self._rows is None:
            self._rows = dict(_told(self._state.get(KEY) or b""))
        return self._rows


def _told(kept: bytes) -> list[tuple[str, tuple[int, int, bool]]]:
    rows, at = list[tuple[str, tuple[int, int, bool]]](), 0
    while at + _ROW.size <= len(kept):
        began, due, size, is_open = _ROW.unpack_from(kept, at)
        at += _ROW.size + size
        rows.append((kept[at - size : at].decode(), (began, due, bool(is_open))))
    return rows
