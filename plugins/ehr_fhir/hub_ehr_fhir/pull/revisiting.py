"""Visits that are looked at again: on many servers nothing tells that a charge was added after its visit had changed
for the last time.

A visit is asked for again an hour after it was fetched, then two, four, eight hours after, and so on until
`look_again_days` are over. Where nothing was added it gives the same message, which the inbox knows.
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
_ROW = struct.Struct(">IIH")
_AT_ONCE = 200
_MOST = 50_000


def needed(kind: str, searches: Mapping[str, Search]) -> bool:
    """Whether this strategy does not see what is added to a visit. Going round, every patient comes again."""
    if kind == "incremental":
        return any(one in searches and not searches[one].changed for one in _ADDED)
    return kind == "follow"


class Revisits:
    """When each visit is asked for again: by id, when that began and when it is due, in seconds; 0: it was taken off
    to be fetched now. Bounded: those that were fetched longest ago fall out.
    """

    def __init__(self, state: State, days: int) -> None:
        self._state, self._days = state, days
        self._rows: dict[str, tuple[int, int]] | None = None
        self._changed = False

    def since(self, now: datetime) -> str:
        """Visits that were over before this day, and did not change since, are not asked for again."""
        return (now - timedelta(days=self._days)).date().isoformat()

    def fetched(self, name: str, now: datetime) -> None:
        """A visit was fetched whole: when it was not due, because something of it changed, and all begins anew."""
        if not self._days:
            return
        at = int(now.timestamp())
        began, due = self.rows.pop(name, (at, at + 1))
        if due:
            began = at
        due = at + max(_HOUR, at - began)
        if due <= began + self._days * _DAY:
            self.rows[name] = (began, due)
        self._changed = True

    def due(self, now: datetime) -> list[str]:
        """Some that are to be asked for now; they are known to be under way."""
        if not self._days:
            return []
        at = int(now.timestamp())
        names = [name for name, (_, due) in self.rows.items() if 0 < due <= at][:_AT_ONCE]
        for name in names:
            self.rows[name] = (self.rows[name][0], 0)
        self._changed |= bool(names)
        return names

    def save(self, now: datetime) -> None:
        """Put what changed into the state, without those whose time is over."""
        if not self._changed:
            return
        first = int(now.timestamp()) - (self._days + 1) * _DAY
        kept = [(name, began, due) for name, (began, due) in self.rows.items() if began >= first][-_MOST:]
        rows = (_ROW.pack(began, due, len(name.encode())) + name.encode() for name, began, due in kept)
        self._state.put(KEY, b"".join(rows))
        self._changed = False

    @property
    def rows(self) -> dict[str, tuple[int, int]]:
        """Encounter id -> (began, due)."""
        if self._rows is None:
            self._rows = dict(_told(self._state.get(KEY) or b""))
        return self._rows


def _told(kept: bytes) -> list[tuple[str, tuple[int, int]]]:
    rows, at = [], 0
    while at + _ROW.size <= len(kept):
        began, due, size = _ROW.unpack_from(kept, at)
        at += _ROW.size + size
        rows.append((kept[at - size : at].decode(), (began, due)))
    return rows
