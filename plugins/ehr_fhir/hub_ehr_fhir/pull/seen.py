"""Which versions were taken lately, so that the overlap of two looks brings nothing twice."""

from __future__ import annotations

import hashlib
import struct

from hub.plugin.api.ports import State
from hub_ehr_fhir.pull.resources import Found
from hub_ehr_fhir.pull.times import instant

KEY = "seen"
_ROW = struct.Struct(">8s8sq")
_MOST = 50_000


class Seen:
    """Digests of keys and versions with the time of the version, bounded; what fell out is only fetched once more."""

    def __init__(self, state: State) -> None:
        self._state = state
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

    def forget(self, key: str) -> None:
        """Forget one key."""
        self._changed |= self.rows.pop(_name(key), None) is not None

    def forget_before(self, text: str) -> None:
        """Forget versions older than an instant: no further look reaches back to them."""
        at = instant(text)
        if at is None:
            return
        kept = {key: row for key, row in self.rows.items() if row[1] >= at.timestamp()}
        self._changed |= len(kept) < len(self.rows)
        self._rows = kept

    def save(self) -> None:
        """Put what changed into the state."""
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
