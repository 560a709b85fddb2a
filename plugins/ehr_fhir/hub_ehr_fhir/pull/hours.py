"""Versions that were taken in the last two days, hour by hour of their own time, for the look that goes back so far.

A resource whose server commits it long after its own lastUpdated is found by looking at the same hours once more; all
else in them is known by this. Only the hours that something is added to are written again.
"""

from __future__ import annotations

import struct

from hub.plugin.api.ports import State

_SLOTS = 64
"""Hours that have room side by side: more than the longest look reaches back."""
KEYS = tuple(f"hours.{nth:02}" for nth in range(_SLOTS))
_HEAD, _ROW = struct.Struct(">q"), struct.Struct(">8s8s")
MOST = 20_000
"""Versions of one hour that are told apart; where there are more (a server that touches everything), all of that hour
count as known: what would be fetched once more for nothing is too much."""
_HOUR = 3_600
Hour = dict[bytes, bytes]


class Hours:
    """Digests of keys and of the versions taken last, by the hour (since 1970) of the version's time."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._slots: dict[int, tuple[int, Hour]] = {}
        self._changed: set[int] = set()

    def add(self, key: bytes, mark: bytes, at: int) -> None:
        """A version of that instant (seconds) was taken; of hours older than those here nothing is kept."""
        hour, slot = at // _HOUR, at // _HOUR % _SLOTS
        there, rows = self._slot(slot)
        if there > hour:
            return
        if there < hour:
            rows = {}
            self._slots[slot] = (hour, rows)
        if len(rows) < MOST and rows.get(key) != mark:
            rows[key] = mark
            self._changed.add(slot)

    def known(self, key: bytes, mark: bytes, at: int) -> bool:
        """Whether it was taken, or cannot be told from what was."""
        hour = at // _HOUR
        there, rows = self._slot(hour % _SLOTS)
        return there == hour and (rows.get(key) == mark or len(rows) >= MOST)

    def save(self) -> None:
        """Put what changed into the state."""
        for slot in sorted(self._changed):
            hour, rows = self._slots[slot]
            told = b"".join(_ROW.pack(key, mark) for key, mark in rows.items())
            self._state.put(KEYS[slot], _HEAD.pack(hour) + told)
        self._changed.clear()

    def _slot(self, slot: int) -> tuple[int, Hour]:
        if slot not in self._slots:
            kept = self._state.get(KEYS[slot]) or b""
            whole = len(kept) >= _HEAD.size and (len(kept) - _HEAD.size) % _ROW.size == 0
            hour = _HEAD.unpack_from(kept)[0] if whole else -1
            rows = dict(_ROW.iter_unpack(kept[_HEAD.size :])) if whole else {}
            self._slots[slot] = (hour, rows)
        return self._slots[slot]
