"""Which versions were taken lately, so that the overlap of two looks brings nothing twice."""

from __future__ import annotations

import hashlib
import struct
from datetime import timedelta

from hub.plugin.api.ports import State
from hub_ehr_fhir.pull.hours import Hours
from hub_ehr_fhir.pull.resources import Found
from hub_ehr_fhir.pull.times import before, instant

KEY = "seen"
_ROW = struct.Struct(">8s8sq")
_MOST = 50_000


class Seen:
    """Digests of keys and versions with the time of the version, bounded; what fell out is only fetched once more."""

    def __init__(self, state: State, late_hours: int = 0) -> None:
        self._state, self._far_back = state, timedelta(hours=2 * late_hours)
        self._hours = Hours(state)
        self._rows: dict[bytes, tuple[bytes, int]] | None = None
        self._changed = False

    def add(self, one: Found) -> bool:
        """Whether this version is new; it is known from now on."""
        key, mark = _name(one.key), one.mark()
        known = self.rows.get(key)
        if known is not None and known[0] == mark:
            return False
        at = instant(one.updated)
        self.rows.pop(key, None)
        self.rows[key] = (mark, int(at.timestamp()) if at else 1 << 60)
        self._changed = True
        return True

    def took(self, one: Found, reach: str) -> None:
        """Know a version that was taken beside others; of one that no look will reach back to nothing is kept."""
        oldest, at = instant(before(reach, self._far_back)), instant(one.updated)
        if oldest is None or at is None or at >= oldest:
            self.add(one)

    def forget(self, key: str) -> None:
        """Forget one key."""
        self._changed |= self.rows.pop(_name(key), None) is not None

    def known(self, one: Found) -> bool:
        """Whether this version was taken before the usual looks, by its own time."""
        at = instant(one.updated)
        return at is not None and self._hours.known(_name(one.key), one.mark(), int(at.timestamp()))

    def pass_before(self, reach: str) -> None:
        """Versions older than `reach`: no usual look goes back to them, and the one that does knows them by hours."""
        at, oldest = instant(reach), instant(before(reach, self._far_back))
        if at is None or oldest is None:
            return
        kept = {key: row for key, row in self.rows.items() if row[1] >= at.timestamp()}
        for key, (mark, time) in self.rows.items():
            if self._far_back and oldest.timestamp() <= time < at.timestamp():
                self._hours.add(key, mark, time)
        self._changed |= len(kept) < len(self.rows)
        self._rows = kept

    def save(self) -> None:
        """Put what changed into the state."""
        self._hours.save()
        if self._changed:
            newest = list(self.rows.items())[-_MOST:]
            self._state.put(KEY, b"".join(_ROW.pack(key, mark, at) for key, (mark, at) in newest))
            self._changed = False

    @property
    def rows(self) -> dict[bytes, tuple[bytes, int]]:
        """Key digest -> (version digest, time in seconds)."""
        if self._rows is None:
            kept = self._state.get(KEY) or b""
            whole = kept[: len(kept) - len(kept) % _ROW.size]
            self._rows = {key: (mark, at) for key, mark, at in _ROW.iter_unpack(whole)}
        return self._rows


def _name(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=8).digest()
